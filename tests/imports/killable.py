"""An import that is killed: `python -m tests.imports.killable URL FOLDER BATCH USER STEP AFTER`, by SIGKILL.

STEP is check, import or undo; it dies after so many rows. In a process of its own, so nothing gets to say goodbye.
"""

from __future__ import annotations

import os
import signal
import sys

from sqlalchemy import create_engine
from sqlalchemy.orm import Session, configure_mappers

from app import clock, scope, vault
from app.imports import batches, checking, undoing, waiting, writing
from app.workflows.core.actors import actor_by_id
from app.workflows.files import attachments


def main(url: str, folder: str, batch: int, user: int, step: str, after: int) -> None:
    checking.PART = waiting.STEP_OF_SETS = undoing.STEP = 40
    configure_mappers()

    def dies(done: int, total: int, message: str) -> None:
        if done >= after:
            os.kill(os.getpid(), signal.SIGKILL)

    attachments.use_folder(folder)
    vault.use_keys(*(os.environ[name].split(",") for name in ("DATA_KEYS", "INDEX_KEYS")))
    with Session(create_engine(url)) as session:
        actor = actor_by_id(session, user, "job")
        with scope.acting(actor):
            if step == "check":
                path = batches.file_of(session, actor, batch)
                batches.check(session, actor, batch, path, clock.now(), dies)
            else:
                work = writing.run if step == "import" else undoing.run
                work(session, actor, batch, clock.now(), dies)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], int(sys.argv[6]))

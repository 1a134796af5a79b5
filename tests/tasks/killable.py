"""A job for tests that kill its worker: ten steps, each committed once, and a pause in the middle of the first try.

Imported by a worker with `--include`; takes the place of the real handler of its kind in that process only.
"""

import time
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app import clock
from app.models import AuditEntry
from app.tasks import MODULES
from app.tasks.jobs import HANDLERS, JobContext
from app.transaction import transaction
from app.workflows.core import audit
from tests.tasks.job_steps import STEPS

for module in MODULES:
    import_module(module)


def steps(context: JobContext) -> dict[str, Any]:
    folder = Path(context.params["folder"])
    for step in range(STEPS):
        with transaction(context.session):
            done = select(AuditEntry.id).where(AuditEntry.action == "test.step", AuditEntry.entity_id == step)
            if context.session.scalar(done) is None:
                audit.record(context.session, context.actor, clock.now(), "test.step", "job", step)
        context.progress(step + 1, STEPS)
        if step == STEPS // 2:
            (folder / "halfway").touch()
            while not (folder / "go").exists():
                time.sleep(0.05)
    return {"steps": STEPS}


HANDLERS["report"] = steps

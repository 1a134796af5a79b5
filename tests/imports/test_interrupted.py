"""kill -9 at any step, and two imports of one file at once: each row is there once or not at all, and says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock, scope
from app.imports import batches, undoing, waiting, writing
from app.models import Elevator, ImportBatch, ImportRow, Version
from app.transaction import transaction
from tests.databases import ROOT
from tests.imports.ground import AT, again, checked, csv, ran

LINES = ["识别码,品种,地址,所在地区", *(f"71{n:04d},自动扶梯,澜江路 {n} 号,临河区明水街道" for n in range(200))]


def killed(database: Any, app: Any, batch: int, user: int, step: str, after: int) -> None:
    arguments = [database.url, app.config["UPLOAD_DIR"], str(batch), str(user), step, str(after)]
    keys = {name: ",".join(app.config[name]) for name in ("DATA_KEYS", "INDEX_KEYS")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.imports.killable", *arguments], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | keys,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def made(session: Any) -> tuple[int, int]:
    """How many elevators of the file there are, and how many drafts of them."""
    session.rollback()
    ids = select(Elevator.id).where(Elevator.code.like("71%"))
    drafts = select(func.count(Version.id)).where(Version.entity == "elevator", Version.entity_id.in_(ids))
    return session.scalar(select(func.count()).select_from(ids.subquery())), session.scalar(drafts)


@pytest.mark.feature("IMP-01")
def test_kill_9_at_every_step_loses_and_doubles_nothing(session: Any, world: Any, database: Any, app: Any) -> None:
    account = world.accounts["clerk"]
    who, user = world.actor("clerk"), account.id
    with scope.acting(who), transaction(session):
        number = batches.open_batch(session, who, AT, "elevators", csv(*LINES), "表.csv", queued=False).id
    killed(database, app, number, user, "check", 80)
    session.rollback()
    assert session.get(ImportBatch, number, populate_existing=True).state == "checking"
    batch = again(session, who, number)
    assert (batch.rows, batch.new_rows) == (200, 200)
    with scope.acting(who), transaction(session):
        batches.start(session, who, number, AT, queued=False)
    for after, there in ((40, 40), (120, 120)):
        killed(database, app, number, user, "import", after)
        assert made(session) == (there, there)
        marked = select(func.count()).where(ImportRow.batch_id == number, ImportRow.applied.is_(True))
        assert session.scalar(marked) == there, "rows and their marks, or neither"
    with scope.acting(who):
        assert writing.run(session, who, number, clock.now(), lambda *_: None) == {"imported": 200, "bad": 0}
    assert made(session) == (200, 200)
    with scope.acting(who), transaction(session):
        undoing.begin(session, who, number, AT, queued=False)
    killed(database, app, number, user, "undo", 80)
    assert made(session) == (120, 120)
    with scope.acting(who):
        assert undoing.run(session, who, number, AT, lambda *_: None) == {"undone": 200, "kept": 0}
    assert made(session) == (0, 0)


@pytest.mark.feature("IMP-01")
def test_two_imports_of_one_file_at_once_make_one_set_of_rows(
    session: Any, world: Any, database: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(waiting, "STEP_OF_SETS", 25)
    who = world.actor("clerk")
    numbers = [checked(session, who, "elevators", csv(*LINES), f"表{n}.csv").id for n in range(2)]
    with scope.acting(who):
        for number in numbers:
            with transaction(session):
                batches.start(session, who, number, AT, queued=False)
    session.rollback()
    together, failed = threading.Barrier(2), []

    def run(number: int) -> None:
        try:
            with Session(database.engine) as own, scope.acting(who):
                together.wait()
                writing.run(own, who, number, AT, lambda *_: None)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=run, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and made(session) == (200, 200)
    found = [session.get(ImportBatch, number, populate_existing=True) for number in numbers]
    assert all(b.state == "done" and b.new_rows + b.changed_rows + b.same_rows + b.bad_rows == 200 for b in found)
    assert sum(b.new_rows for b in found) == 200 and sum(b.same_rows for b in found) == 200


@pytest.mark.feature("IMP-01")
def test_two_processes_import_one_file_at_once(session: Any, world: Any, database: Any, app: Any) -> None:
    """As two workers do it: each a process with its own connection; what one makes the other finds."""
    who, user = world.actor("clerk"), world.accounts["clerk"].id
    numbers = [checked(session, who, "elevators", csv(*LINES), f"表{n}.csv").id for n in range(2)]
    with scope.acting(who):
        for number in numbers:
            with transaction(session):
                batches.start(session, who, number, AT, queued=False)
    session.rollback()
    keys = {name: ",".join(app.config[name]) for name in ("DATA_KEYS", "INDEX_KEYS")}
    # Nobody dies: the number of rows after which it would is never reached.
    command = [sys.executable, "-m", "tests.imports.killable", database.url, app.config["UPLOAD_DIR"]]
    running = [
        subprocess.Popen(
            [*command, str(number), str(user), "import", "1000"], cwd=ROOT, env=os.environ | keys,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for number in numbers
    ]  # fmt: skip
    for process in running:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said.decode()
    assert made(session) == (200, 200)
    found = [session.get(ImportBatch, number, populate_existing=True) for number in numbers]
    assert all(b.state == "done" and b.new_rows + b.same_rows == 200 and b.bad_rows == 0 for b in found)
    assert sum(b.new_rows for b in found) == 200


@pytest.mark.feature("IMP-01")
def test_a_job_that_ended_does_nothing_again(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    batch = ran(session, who, checked(session, who, "elevators", csv(*LINES[:3]), "表.csv"))
    with scope.acting(who):
        assert writing.run(session, who, batch.id, AT, lambda *_: None) == {"imported": 2, "bad": 0}
        assert batches.checked(session, who, batch.id) == {"rows": 2, "new": 2, "changed": 0, "same": 0, "bad": 0}

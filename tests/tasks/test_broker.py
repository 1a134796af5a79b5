"""Real worker and beat processes: on SQLite with the broker of files, on PostgreSQL with a real Redis."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from celery import current_app
from flask import Flask

from app.celery_app import BEAT_SCHEDULE, make_celery
from app.sending import SENDING
from app.tasks import MODULES
from app.workflows.files import places
from tests.databases import KEYS, ROOT, Database, open_vault
from tests.services import end_process

PATIENCE_SECONDS = 90


def within(holds: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def environment(database: Database, db_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """SQLite goes with files, PostgreSQL with Redis: the two ways in which the product is run."""
    chosen = {**os.environ, "DATABASE_URL": database.url, "DATA_DIR": str(tmp_path), **KEYS}
    open_vault()
    if db_kind == "postgresql":
        chosen["CELERY_BROKER_URL"] = request.getfixturevalue("redis_url")
    return chosen


@contextmanager
def celery(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    log = Path(environment["DATA_DIR"]) / f"{arguments[0]}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "run:celery", *arguments], cwd=ROOT, env=environment,
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        end_process(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def alive(database: Database, name: str) -> Any:
    query = sa.text("SELECT at FROM service_heartbeat WHERE name = :name")
    with database.engine.connect() as connection:
        return connection.execute(query, {"name": name}).scalar()


def send(environment: dict[str, str], name: str, *arguments: Any) -> None:
    """From another process than the worker's, as the web does it: with the product's settings for this broker."""
    product, before = Flask("sender"), current_app._get_current_object()
    product.config.update(DATA_DIR=environment["DATA_DIR"], CELERY_BROKER_URL=environment.get("CELERY_BROKER_URL"))
    own = make_celery(product)
    try:
        own.send_task(name, list(arguments), **SENDING)
    finally:
        own.close()
        # Tasks are those of the current one: in this process it must be the product's again.
        before.set_current()
        before.set_default()


def test_a_message_waits_for_a_worker_which_lives_works_and_finishes_before_it_stops(
    environment: dict[str, str], database: Database, tmp_path: Path
) -> None:
    """A message to a worker that is there already: in the test of urgent ones, below."""
    send(environment, "tests.tasks.waiting.wait", str(tmp_path))
    with celery(environment, "worker", "--concurrency", "1", "--include", "tests.tasks.waiting") as worker:
        assert within(lambda: alive(database, "worker")), (tmp_path / "worker.log").read_text()
        assert within((tmp_path / "started").exists), (tmp_path / "worker.log").read_text()
        first = alive(database, "worker")
        # Its only process is busy, and still it shows that it lives.
        assert within(lambda: alive(database, "worker") != first)
        worker.send_signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        assert worker.wait(timeout=PATIENCE_SECONDS) == 0
    assert (tmp_path / "ended").exists()
    assert (tmp_path / "started").read_text() == "app"


def test_beat_shows_that_it_schedules(environment: dict[str, str], database: Database, tmp_path: Path) -> None:
    with celery(environment, "beat", "--pidfile="):
        assert within(lambda: alive(database, "beat")), (tmp_path / "beat.log").read_text()


@pytest.mark.feature("PER-10")
def test_the_sweep_comes_after_retention_when_what_that_let_go_has_lain_long_enough() -> None:
    retention, sweep = (
        {dt.timedelta(hours=h, minutes=m) for h in at.hour for m in at.minute}
        for at in (BEAT_SCHEDULE[f"nightly-{name}"]["schedule"] for name in ("retention", "sweep"))
    )
    assert max(retention) + places.DRAFT_LASTS < min(sweep) < dt.timedelta(hours=8), "before people are at work"


@pytest.mark.parametrize("name", sorted(BEAT_SCHEDULE))
def test_beat_names_tasks_that_exist(_application: Any, name: str) -> None:
    celery_app = _application.extensions["celery"]
    celery_app.loader.import_default_modules()
    task = BEAT_SCHEDULE[name]["task"]
    assert task in celery_app.tasks
    assert task.rpartition(".")[0] in MODULES


def test_only_json_travels(_application: Any) -> None:
    conf = _application.extensions["celery"].conf
    assert conf.accept_content == ["json"]
    assert (conf.task_acks_late, conf.task_reject_on_worker_lost, conf.worker_prefetch_multiplier) == (True, True, 1)
    assert conf.timezone == "Asia/Shanghai" and conf.worker_enable_remote_control is False


def test_rescues_and_messages_do_not_wait_behind_long_work(
    environment: dict[str, str], database: Database, tmp_path: Path
) -> None:
    """The only child of the worker is busy: what is urgent is done all the same, by the worker of its own."""
    with ExitStack() as stack:
        flags = ("--include", "tests.tasks.waiting")
        stack.enter_context(celery(environment, "worker", "--concurrency", "1", *flags))
        assert within(lambda: alive(database, "worker")), (tmp_path / "worker.log").read_text()
        send(environment, "tests.tasks.waiting.wait", str(tmp_path))
        assert within((tmp_path / "started").exists), (tmp_path / "worker.log").read_text()
        (tmp_path / "worker.log").rename(tmp_path / "first.log")
        own = ("--queues", "urgent", "--pool", "threads", "--concurrency", "2", "--hostname", "urgent@%h")
        stack.enter_context(celery(environment, "worker", *own))
        assert within(lambda: alive(database, "urgent")), (tmp_path / "worker.log").read_text()
        names = ["app.tasks.rescues.act", "app.tasks.outbox.deliver"]
        for name in names:
            send(environment, name)
        log = tmp_path / "worker.log"
        done = [re.compile(rf"Task {re.escape(name)}\[[^\]]+\] succeeded") for name in names]
        assert within(lambda: all(end.search(log.read_text()) for end in done)), log.read_text()
        assert not (tmp_path / "ended").exists()
        (tmp_path / "go").touch()
        assert within((tmp_path / "ended").exists)


@pytest.mark.parametrize("name", sorted(BEAT_SCHEDULE))
def test_only_what_is_urgent_goes_to_the_urgent_queue(_application: Any, name: str) -> None:
    celery_app = _application.extensions["celery"]
    task = BEAT_SCHEDULE[name]["task"]
    queue = celery_app.amqp.router.route({}, task)["queue"].name
    assert queue == ("urgent" if task in {"app.tasks.rescues.act", "app.tasks.outbox.deliver"} else "celery")

"""Running jobs: the message carries an id, the row decides. A handler a kind, registered by its area.

    @handles("export")
    def export(context: JobContext) -> dict[str, Any]:
        with transaction(context.session):
            ...
        context.progress(done, total, "写出第 3 页")
        return {"rows": total}

A handler may run twice (its worker was killed after its last commit): it must find what it did before. Where that
is hard, it calls `context.finish(result)` inside its own last transaction: work and end are then one commit.
What the database broke off for another's sake (a deadlock) before the handler had committed any is begun again at once;
later than that the job is queued again, as after any fault of the database.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from celery import shared_task
from flask import current_app
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from app import clock, done_again, scope
from app.errors import Refusal
from app.extensions import db
from app.models import Attachment, Job
from app.permissions import SYSTEM, Actor, require
from app.tasks import MODULES
from app.transaction import transaction
from app.wording import say, together
from app.workflows.approval import submissions
from app.workflows.core import jobs
from app.workflows.core.actors import in_its_name
from app.workflows.files import attachments

log = logging.getLogger(__name__)
HEARTBEAT_SECONDS = 5.0
PROGRESS_SECONDS = 1.0
# A little more than SQLite lets pass between two looks of who waits.
TURN_SECONDS = 0.12

Handler = Callable[["JobContext"], dict[str, Any] | None]
HANDLERS: dict[str, Handler] = {}


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Register the handler of a kind of job; every kind has one."""

    def add(handler: Handler) -> Handler:
        if HANDLERS.setdefault(kind, handler) is not handler:
            raise RuntimeError(f"two handlers for job kind {kind}")
        return handler

    return add


class JobContext:
    """What a handler works with: the job's parameters, a session, its owner's rights as they are now."""

    def __init__(self, job: Job, token: str, actor: Actor) -> None:
        self.session: Any = db.session
        self.job_id: int = job.id
        self.params: dict[str, Any] = {k: v for k, v in (job.params or {}).items() if k != jobs.EPOCH}
        # The same however often the job is taken up: what a run knows, it knows as of then.
        self.entered_at = job.created_at
        # What a run that was killed had kept.
        self.made: dict[str, Any] = dict(job.result or {})
        self.actor = actor
        self.finished = False
        self._job = job.kind, job.created_by_id, (job.params or {}).get(jobs.EPOCH)
        self._token = token
        self._shown = 0.0
        self._attachment_id: int | None = None
        self._engine = db.engine
        # Well below the reaper's patience, however that is set: a live job is never taken for dead.
        self._pause = min(HEARTBEAT_SECONDS, current_app.config["JOB_STALE_SECONDS"] / 6)

    def owner_now(self) -> Actor:
        """The owner with the rights that his account has at this moment; Refusal where the job may go on no more."""
        return _owner(*self._job)

    def stop_asked(self) -> bool:
        """Whether the owner pressed 停止; asked before each step of the kinds in `jobs.STOPPABLE`."""
        return jobs.stop_asked(self.session, self.job_id)

    def progress(self, done: int, total: int, message: str | None = None, now: bool = False) -> None:
        """Show how far the work is, at most once a second, or `now`. ClaimLost ends a worker that was thought dead.

        Between two steps whoever waits to write on SQLite gets a turn: it looks ten times a second, and a job that
        begins its next step at once would keep it waiting for good.
        """
        instant = time.monotonic()
        if instant - self._shown < PROGRESS_SECONDS and done < total and not now:
            return
        self._shown = instant
        self._aside(lambda session: jobs.progress(session, self.job_id, self._token, clock.now(), done, total, message))
        if done < total and self._engine.dialect.name == "sqlite" and not self.session().info.get("in_unit_of_work"):
            time.sleep(TURN_SECONDS)

    def attach(self, path: str | Path, name: str, kind: str = "export") -> Attachment:
        """Keep a file as the job's result; only the owner can fetch it. Call outside a transaction, or in one."""
        with transaction(self.session), Path(path).open("rb") as stream:
            row = attachments.store(
                self.session, self.actor, clock.now(), stream, name, kind, "job", self.job_id, self.actor.unit_id,
                self.actor.region_code,
            )  # fmt: skip
            self._attachment_id = row.id
        return row

    def keep(self, made: dict[str, Any]) -> None:
        """Note in the handler's own transaction what it has made so far; the next run has it as `made`."""
        jobs.keep(self.session, self.job_id, self._token, made)

    def finish(self, result: dict[str, Any] | None) -> None:
        """End the job in the handler's own transaction, or in a new one."""
        with transaction(self.session):
            jobs.finish(self.session, self.job_id, self._token, clock.now(), result, self._attachment_id)
            self.finished = True

    def _aside(self, write: Callable[[Session], None]) -> None:
        """Write to the job's row beside the handler's work, so that it shows at once.

        On SQLite there is one writer: while the handler writes, the row goes into its transaction.
        """
        if self.session().info.get("in_unit_of_work") and self._engine.dialect.name == "sqlite":
            write(self.session())
            return
        with done_again.beside(), Session(self._engine) as own, transaction(own):
            write(own)

    def begin_anew(self) -> None:
        """Nothing that the handler did was committed: it starts as for the first time."""
        self.finished, self._attachment_id = False, None

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """Beat while the handler works, and fence its commits: what lost its claim commits nothing any more."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(self._pause):
                try:
                    with Session(self._engine) as own, transaction(own):
                        jobs.show_life(own, self.job_id, self._token, clock.now())
                except jobs.ClaimLost:
                    return
                except DBAPIError:
                    # The handler holds SQLite's one write lock; its commit shows life instead.
                    log.info("job %s: heartbeat postponed", self.job_id)

        def fence(session: Session) -> None:
            if session.info.get("in_unit_of_work") and not self.finished:
                jobs.show_life(session, self.job_id, self._token, clock.now())

        real = self.session()
        event.listen(real, "before_commit", fence)
        thread = threading.Thread(target=beat, name=f"job-{self.job_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            event.remove(real, "before_commit", fence)
            ended.set()
            thread.join()


def run(job_id: int) -> str:
    """Claim and run one job; says what became of it. A second message for the same job does nothing."""
    for module in MODULES:
        import_module(module)
    with transaction(db.session):
        token = jobs.claim(db.session, job_id, clock.now())
    if token is None:
        return "skipped"
    job = db.session.get(Job, job_id, populate_existing=True)
    assert job is not None
    log.info("job %s (%s) starts, try %s", job_id, job.kind, job.tries)
    try:
        context, result = _work(job, token)
    except jobs.ClaimLost:
        db.session.rollback()
        log.warning("job %s: claim lost, its work is another worker's", job_id)
        return "lost"
    except Refusal as refusal:
        return _end(job_id, token, together([str(f) for f in refusal.findings if not f.ok], "；"))
    except OperationalError as error:
        db.session.rollback()
        log.warning("job %s: database fault", job_id, exc_info=error)
        with transaction(db.session):
            queued = jobs.give_back(db.session, job_id, token, clock.now(), "数据库暂时不可用")
            if not queued:
                _failed(job_id)
        return "again" if queued else "failed"
    except Exception:
        number = secrets.token_hex(4)
        log.exception("job %s failed, incident %s", job_id, number)
        return _end(
            job_id, token, say("内部错误，事件编号 %(number)s。请重试；若仍失败，请把编号告诉管理员", number=number)
        )
    if not context.finished:
        try:
            context.finish(result)
        except jobs.ClaimLost:
            return "lost"
    return "done"


def _work(job: Job, token: str) -> tuple[JobContext, dict[str, Any] | None]:
    actor = _owner(job.kind, job.created_by_id, (job.params or {}).get(jobs.EPOCH))
    context = JobContext(job, token, actor)
    with scope.acting(actor), context._alive():
        return context, done_again.done(partial(HANDLERS[job.kind], context), context.begin_anew)


def _owner(kind: str, account_id: int | None, epoch: int | None) -> Actor:
    """Whose rights every job works with. Asked as a run begins; what must not go on for long asks again meanwhile.

    An honest job that was refused here for a changed password goes on when its owner presses 重试.
    """
    actor = SYSTEM if account_id is None else in_its_name(db.session, account_id, "job", clock.now(), epoch)
    require(actor, jobs.KIND_VERB[kind])
    return actor


def _end(job_id: int, token: str, error: str) -> str:
    db.session.rollback()
    try:
        with transaction(db.session):
            jobs.fail(db.session, job_id, token, clock.now(), error)
            _failed(job_id)
    except jobs.ClaimLost:
        return "lost"
    return "failed"


def _failed(job_id: int) -> None:
    """What waited for the end of a job that handed in a batch: where all of that is decided, nobody settles it else."""
    submissions.settle_batch(db.session, job_id, clock.now())


@shared_task
def run_job(job_id: int) -> str:
    return run(job_id)


@shared_task
def reap() -> dict[str, Any]:
    """Send again what a killed worker or a lost message left behind."""
    with transaction(db.session):
        reaped = jobs.reap(db.session, clock.now(), current_app.config["JOB_STALE_SECONDS"])
        for job_id in reaped.given_up:
            _failed(job_id)
    if reaped.again or reaped.given_up:
        log.warning("jobs sent again: %s, given up: %s", reaped.again, reaped.given_up)
    return {"again": reaped.again, "given_up": reaped.given_up}

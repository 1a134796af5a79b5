"""Jobs: long work as rows. Enqueued in the caller's transaction, claimed by one worker, kept alive by heartbeats.

A broker may lose or double a message; the row decides. `job_queued` tells the id after the commit; whoever sends it
to the broker listens there (app/sending.py), so that nothing here knows Celery.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blinker import Signal
from sqlalchemy import ColumnElement, func, select, update

from app.errors import Finding, NotFound, refuse
from app.models import Account, AuditEntry, ImportBatch, Job, ServiceHeartbeat
from app.permissions import Actor, Verb, require
from app.rules.identifiers import mask_numbers
from app.transaction import AnySession, after_commit, insert_of
from app.wording import changed, kept, ours, say
from app.workflows.core import audit, outbox

MOST_TRIES = 3
# One account's unfinished jobs; more would let one person fill the queue of all.
MOST_UNFINISHED = 20
# A queued job whose message may be lost is sent again after this long.
RESEND_AFTER = dt.timedelta(seconds=30)
# So many a round, those that were sent the longest ago first: a long queue keeps none of them from its turn.
MOST_RESENT = 200
UNFINISHED = ("queued", "running")
# Who waits longer than this for his job to begin is told why.
WONDERS_AFTER = dt.timedelta(seconds=15)
# A part of the product that shows no life for this long does not run.
SILENT_AFTER = dt.timedelta(seconds=90)
# Among a job's parameters: its owner's `session_epoch` as it was entered (`actors.in_its_name`).
EPOCH = "epoch"
# Asked when a job is entered and again when it runs, for rights may be taken away in between.
KIND_VERB = {
    "import_check": Verb.IMPORT, "import": Verb.IMPORT, "import_undo": Verb.IMPORT, "export": Verb.EXPORT,
    "report": Verb.REPORT_READ, "score": Verb.SCORE_RUN, "schedule": Verb.SCHEDULE_RUN, "age": Verb.SCHEDULE_RUN,
    "nightly_scores": Verb.SCORE_RUN, "policy_test": Verb.POLICY_EDIT, "bulletin": Verb.BULLETIN_EDIT,
    "bulletin_files": Verb.BULLETIN_ISSUE, "open_data": Verb.SCHEDULE_RUN, "provincial": Verb.REGISTER_SYNC,
    "audit_export": Verb.OPS, "retention": Verb.OPS, "expiry": Verb.SCHEDULE_RUN,
    "fraud": Verb.FRAUD_DECIDE, "submit": Verb.FILING_SUBMIT, "labels": Verb.ELEVATOR_READ, "sheets": Verb.EXPORT,
    "usual_parts": Verb.COMPONENT_EDIT, "decide": Verb.APPLICATION_DECIDE,
    "apply_check": Verb.APPLICATION_SUBMIT, "apply": Verb.APPLICATION_SUBMIT, "mend": Verb.APPLICATION_SUBMIT,
}  # fmt: skip

# These do one thing after another, each by itself: between two of them their owner may end them, and what was done
# stays. Of a file or a night's work a part is nothing; what an import wrote is taken back by 撤销.
STOPPABLE = {"decide", "submit", "usual_parts", "apply", "mend"}

# What a batch is while its job waits or runs; it ends with the job, well or badly.
BATCH_WHILE = {"import_check": "checking", "import": "importing", "import_undo": "undoing"}

# What the notice of a kind's end says of its result, by the result's own counts.
OUTCOME = {
    "apply_check": "可以申请 %(can)s 台，不能申请 %(refused)s 台",
    "apply": "已申请 %(applied)s 台，没有申请 %(refused)s 台",
    "mend": "已重新提交 %(mended)s 件，没有重新提交 %(refused)s 件",
    "decide": "已办理 %(decided)s 件，未办理 %(refused)s 件",
    "submit": "已上报 %(submitted)s 件，没有上报 %(refused)s 件",
    "usual_parts": "登记了 %(filled)s 台，没有登记 %(refused)s 台",
}

job_queued = Signal("A job waits; sent with its id after the commit.")


class ClaimLost(Exception):
    """The job is no longer this worker's: it was thought dead and given to another, or was ended. Stop at once."""


def enqueue(
    session: AnySession, actor: Actor, at: dt.datetime, kind: str, title: str, params: Mapping[str, Any] | None = None
) -> Job:
    """Insert a job owned by the actor; its id goes to the broker after the commit. `params` must be JSON."""
    require(actor, KIND_VERB[kind])
    kept_with: dict[str, Any] = {}
    if actor.user_id is not None:
        unfinished = select(func.count()).where(Job.created_by_id == actor.user_id, Job.state.in_(UNFINISHED))
        waiting, epoch = session.execute(
            select(unfinished.scalar_subquery(), _epoch(actor.user_id).scalar_subquery()),
            execution_options={"skip_scope": True},
        ).one()
        kept_with[EPOCH] = epoch
        if waiting >= MOST_UNFINISHED:
            raise refuse(
                "任务数量",
                say(
                    "您有 %(waiting)s 个未完成的任务，最多 %(most_unfinished)s 个",
                    waiting=waiting,
                    most_unfinished=MOST_UNFINISHED,
                ),
                "请等前面的任务完成后再提交",
                link="/jobs/",
            )
    job = Job(
        kind=kind,
        title=ours(title),
        params={**(params or {}), **kept_with},
        state="queued",
        created_by_id=actor.user_id,
        created_at=at,
        heartbeat_at=at,
    )
    session.add(job)
    session.flush()
    _announce(session, job.id)
    return job


def unfinished(session: AnySession, actor: Actor, kind: str, params: Mapping[str, Any]) -> int | None:
    """The actor's job that does just this and goes on; a finished or stopped one is none, for the world moves on."""
    mine = select(Job.id, Job.params).where(
        Job.created_by_id == actor.user_id, Job.kind == kind, Job.state.in_(UNFINISHED), Job.stop_asked_at.is_(None)
    )
    for job_id, held in session.execute(mine.order_by(Job.id)):
        if {name: value for name, value in held.items() if name != EPOCH} == params:
            return int(job_id)
    return None


def times_retried(session: AnySession, job_id: int) -> int:
    """How many times somebody had the job taken up again after it failed, by the log."""
    here = (AuditEntry.entity == "job") & (AuditEntry.entity_id == job_id) & (AuditEntry.action == "job.retry")
    return session.scalar(select(func.count()).where(here).execution_options(skip_scope=True)) or 0


def _epoch(account_id: int) -> Any:
    return select(Account.session_epoch).where(Account.id == account_id)


def _announce(session: AnySession, job_id: int) -> None:
    after_commit(session, lambda: job_queued.send(job_id))


# --- a worker's side; each is its own short transaction of the caller


def claim(session: AnySession, job_id: int, at: dt.datetime) -> str | None:
    """Take a queued job: the claim's token, or None when another took it, so a message sent twice does nothing."""
    token = secrets.token_hex(16)
    taken = update(Job).where(Job.id == job_id, Job.state == "queued")
    result: Any = session.execute(
        taken.values(
            state="running", claim=token, tries=Job.tries + 1, started_at=at, heartbeat_at=at, error=None
        ).execution_options(synchronize_session=False)
    )
    return token if result.rowcount == 1 else None


def _own(job_id: int, token: str) -> Any:
    return update(Job).where(Job.id == job_id, Job.claim == token, Job.state == "running")


def _write(session: AnySession, job_id: int, token: str, **values: Any) -> None:
    statement = _own(job_id, token).values(**values).execution_options(synchronize_session=False)
    result: Any = session.execute(statement)
    if result.rowcount != 1:
        raise ClaimLost(f"job {job_id}")


def show_life(session: AnySession, job_id: int, token: str, at: dt.datetime) -> None:
    """Say that the work goes on; ClaimLost when it is no longer ours."""
    _write(session, job_id, token, heartbeat_at=at)


def progress(
    session: AnySession, job_id: int, token: str, at: dt.datetime, done: int, total: int, message: str | None = None
) -> None:
    """Write how far the work is; counts as a heartbeat."""
    _write(session, job_id, token, heartbeat_at=at, done=done, total=total, message=ours(message) if message else None)


def stop_asked(session: AnySession, job_id: int) -> bool:
    """Whether its owner wants it to end before its next step."""
    asked = select(Job.stop_asked_at).where(Job.id == job_id).execution_options(skip_scope=True)
    return session.scalar(asked) is not None


def keep(session: AnySession, job_id: int, token: str, made: Mapping[str, Any]) -> None:
    """Note what was made so far, in the transaction that made it: who takes the job up after a kill goes on from it."""
    _write(session, job_id, token, result=_kept(made))


def finish(
    session: AnySession,
    job_id: int,
    token: str,
    at: dt.datetime,
    result: Mapping[str, Any] | None,
    attachment_id: int | None = None,
) -> None:
    """End a job well and tell its owner. In the transaction of the job's last write, both happen or neither.

    A result that says why it `stopped` is of a job that ended before all was done.
    """
    more: dict[str, Any] = {} if attachment_id is None else {"attachment_id": attachment_id}
    early = bool((result or {}).get("stopped"))
    if not early:
        more["done"] = func.coalesce(func.nullif(Job.total, 0), Job.done)
    _write(
        session, job_id, token, state="done", result=_kept(result or {}), finished_at=at, heartbeat_at=at, error=None,
        claim=None, **more,
    )  # fmt: skip
    _tell(session, job_id, at, "任务提前停止：%(title)s" if early else "任务完成：%(title)s", result=result or {})


def _kept(result: Mapping[str, Any]) -> dict[str, Any]:
    """What was said stays so, also why each of `left` was left; numbers and names are as they are."""
    made = {name: kept(value) if isinstance(value, str) else value for name, value in result.items()}
    if "left" in made:
        made["left"] = [[name, link, [kept(line) for line in why]] for name, link, why in made["left"]]
    return made


def fail(session: AnySession, job_id: int, token: str, at: dt.datetime, error: str) -> None:
    """End a job with what went wrong, in words for its owner, and tell him. Its batch's page does not wait for ever.

    The words stay as long as the job does, so no whole number of a person is among them.
    """
    error = ours(changed(error, mask_numbers))
    _write(session, job_id, token, state="failed", error=error, finished_at=at, heartbeat_at=at, claim=None)
    batch_failed(session, error, ImportBatch.job_id == job_id)
    _tell(session, job_id, at, "任务失败：%(title)s", error)


def batch_failed(session: AnySession, error: str, which: ColumnElement[bool]) -> None:
    """Let a batch say that its work broke off; what was written stays, a second try goes on from there."""
    session.execute(
        update(ImportBatch)
        .where(which, ImportBatch.state.in_(BATCH_WHILE.values()))
        .values(state="failed", note=say("中途出错，已写入的行保留：%(error)s", error=error))
        .execution_options(synchronize_session=False, skip_scope=True)
    )


def give_back(session: AnySession, job_id: int, token: str, at: dt.datetime, error: str) -> bool:
    """Queue a job again after a passing fault (a database away for a moment); False when its tries are used up."""
    tries = session.scalar(select(Job.tries).where(Job.id == job_id)) or 0
    if tries >= MOST_TRIES:
        fail(session, job_id, token, at, error)
        return False
    # No announcement: the reaper sends it again after a pause, which is what a passing fault needs.
    _write(session, job_id, token, state="queued", claim=None, heartbeat_at=at, error=ours(error))
    return True


def _outcome(kind: str, result: Mapping[str, Any]) -> str:
    """The counts of a result in words; "" for a kind that has none."""
    counts = {name: f"{value:,}" for name, value in result.items() if type(value) is int}
    return say(OUTCOME[kind], **counts) if kind in OUTCOME else ""


def _tell(
    session: AnySession, job_id: int, at: dt.datetime, sentence: str, body: str = "",
    result: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    owner, title, tries, kind = session.execute(
        select(Job.created_by_id, Job.title, Job.tries, Job.kind).where(Job.id == job_id)
    ).one()  # fmt: skip
    if owner is not None:
        body = body or _outcome(kind, result or {})
        key = f"job:{job_id}:{sentence[:4]}:{tries}:{at.timestamp():.0f}"
        words = say(sentence, title=title)
        outbox.notify(session, at, [owner], "job", words, body, f"/jobs/{job_id}", key)


# --- beat's side


@dataclass
class Reaped:
    """What a round found: ids to send again (died, or their message was lost), and those given up."""

    again: list[int] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)


def reap(session: AnySession, at: dt.datetime, stale_seconds: int) -> Reaped:
    """Queue jobs whose worker fell silent; after three tries they fail. Names lost messages too. Safe in parallel."""
    reaped, stale_at = Reaped(), at - dt.timedelta(seconds=stale_seconds)
    silent = session.execute(
        select(Job.id, Job.claim, Job.tries)
        .where(Job.state == "running", Job.heartbeat_at < stale_at)
        .order_by(Job.id)
        .with_for_update(skip_locked=True)
    ).all()
    for job_id, token, tries in silent:
        assert token is not None  # a running job has a claim
        if tries >= MOST_TRIES:
            fail(
                session,
                job_id,
                token,
                at,
                say("执行进程 %(tries)s 次意外中断，已放弃。数据没有损坏，可以重试；若仍失败请联系管理员", tries=tries),
            )
            reaped.given_up.append(job_id)
        else:
            message = say("执行进程中断，重新排队")
            _write(session, job_id, token, state="queued", claim=None, heartbeat_at=at, message=message)
            reaped.again.append(job_id)
    lost = session.scalars(
        select(Job.id)
        .where(Job.state == "queued", Job.heartbeat_at < at - RESEND_AFTER, Job.id.not_in(reaped.again))
        .order_by(Job.heartbeat_at, Job.id)
        .limit(MOST_RESENT)
        .with_for_update(skip_locked=True)
    ).all()
    if lost:
        session.execute(
            update(Job).where(Job.id.in_(lost)).values(heartbeat_at=at).execution_options(synchronize_session=False)
        )
    reaped.again += lost
    for job_id in reaped.again:
        _announce(session, job_id)
    return reaped


def show_service(session: AnySession, name: str, at: dt.datetime) -> None:
    """Write that a part of the product lives; `/health` reads it."""
    statement = insert_of(session, ServiceHeartbeat).values(name=name, at=at)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"at": at}))


# --- the owner's side


def why_waiting(session: AnySession, job: Job, at: dt.datetime) -> str | None:
    """Why a job that was entered a while ago has not begun; None where nobody wonders yet, or it has."""
    if job.state != "queued" or at - job.created_at < WONDERS_AFTER:
        return None
    alive = session.get(ServiceHeartbeat, "worker")
    if alive is None or at - alive.at > SILENT_AFTER:
        return "后台任务暂时没有运行，恢复后自动开始，不用重做；一直这样请联系平台管理员"
    before = select(func.count()).where(Job.state.in_(UNFINISHED), Job.id < job.id)
    # Whose they are is not told; that they are there is.
    ahead = session.scalar(before.execution_options(skip_scope=True))
    return say("前面还有 %(count)s 个任务，轮到后自动开始", count=ahead) if ahead else None


def retry(session: AnySession, actor: Actor, job_id: int, at: dt.datetime) -> Job:
    """Queue a failed job again; its owner may, and a platform administrator.

    The owner takes it up under the sign-in that he has now; nobody else can say for him that the job is his, nor that
    one which he stopped is to go on.
    """
    require(actor, Verb.JOB_READ)
    job = of(session, actor, job_id)
    params, own = dict(job.params or {}), job.created_by_id == actor.user_id is not None
    if EPOCH in params and own and actor.user_id is not None:
        params[EPOCH] = session.scalar(_epoch(actor.user_id), execution_options={"skip_scope": True})
    taken: Any = session.execute(
        update(Job)
        .where(Job.id == job.id, Job.state == "failed")
        .values(
            state="queued", params=params, tries=0, error=None, result=None, done=0, total=0, message=None,
            claim=None, finished_at=None, heartbeat_at=at, stop_asked_at=None if own else job.stop_asked_at,
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    if taken.rowcount != 1:
        raise refuse("任务重试", "只有失败的任务可以重试", "请刷新页面查看任务现在的状态")
    if job.kind in BATCH_WHILE:
        session.execute(
            update(ImportBatch)
            .where(ImportBatch.job_id == job.id, ImportBatch.state == "failed")
            .values(state=BATCH_WHILE[job.kind], note=None)
            .execution_options(synchronize_session=False, skip_scope=True)
        )
    audit.record(session, actor, at, "job.retry", "job", job.id, before={"state": "failed"}, after={"state": "queued"})
    _announce(session, job.id)
    session.refresh(job)
    return job


def may_stop(job: Job, actor: Actor) -> bool:
    """Whether this one can end it before its time: what he began himself, where the steps stand each by itself."""
    own = job.created_by_id == actor.user_id is not None
    return own and job.kind in STOPPABLE and job.state in UNFINISHED


def stop(session: AnySession, actor: Actor, job_id: int, at: dt.datetime) -> Job:
    """Ask a job to end before its next step; its owner may, and nobody else. Asked twice it is asked."""
    require(actor, Verb.JOB_READ)
    job = of(session, actor, job_id)
    rule = "停止任务"
    if job.created_by_id != actor.user_id:
        raise refuse(rule, "只有发起人能停止这个任务", "请联系发起人")
    if job.kind not in STOPPABLE:
        raise refuse(rule, "这种任务不能中途停止", "请等它完成")
    asked: Any = session.execute(
        update(Job)
        .where(Job.id == job.id, Job.state.in_(UNFINISHED), Job.stop_asked_at.is_(None))
        .values(stop_asked_at=at)
        .execution_options(synchronize_session=False)
    )
    session.refresh(job)
    if asked.rowcount == 1:
        audit.record(session, actor, at, "job.stop", "job", job.id, after={"state": job.state})
    elif job.state not in UNFINISHED:
        raise refuse(rule, "任务已经结束", "已经办理的不会撤回")
    return job


def of(session: AnySession, actor: Actor, job_id: int) -> Job:
    """The actor's own job (any, for a platform administrator), or NotFound."""
    job = session.get(Job, job_id, populate_existing=True)
    if job is None or not (actor.sees_everything or (job.created_by_id == actor.user_id is not None)):
        raise NotFound(
            Finding(
                "任务",
                False,
                say("没有找到编号为 %(job_id)s 的任务，或不是您发起的", job_id=job_id),
                "请从任务列表打开",
            )
        )
    return job

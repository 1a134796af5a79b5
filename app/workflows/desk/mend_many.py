"""整批补正 (LIF-02, LIF-06): what an officer returned of a batch is put right once and sent again, each by `resubmit`.

The batch's common parts (day, reason, papers) are said anew for all of them; each is judged by its own rules when its
turn comes. What is sent again is what its unit was shown: the applications with their versions, kept with the job.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import func, select

from app import scope
from app.errors import refuse
from app.models import Application, Attachment, Elevator, Job
from app.permissions import Actor
from app.rules.approval import ApplicationState
from app.rules.lifecycle import KIND_LABELS, ApplicationKind
from app.transaction import AnySession, hold
from app.wording import say
from app.workflows.approval import submissions
from app.workflows.core import jobs
from app.workflows.core.jobs import UNFINISHED
from app.workflows.core.one_of_many import by_itself
from app.workflows.desk import applications, apply_many, many
from app.workflows.files import attachments

KIND = "mend"
# So many files have a line of their own; each application may have been put right singly with one that none else has.
MOST_PAPERS, REST = 30, "rest"
_QUIET = {"skip_scope": True}


@dataclass(frozen=True, slots=True)
class Paper:
    """A file that applications of the batch have alike, by its bytes: one row of them, and how many have it."""

    sha256: str
    name: str
    size: int
    count: int


@dataclass(frozen=True, slots=True)
class Returned:
    """What stands returned of a batch: the applications as they were seen, one of them to begin the form with, what
    officers said of how many, and the files."""

    seen: list[many.Seen]
    one: Application
    opinions: list[tuple[str, int]] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Stands for `seen` in the form: thousands of numbers are not sent back and forth."""
        return hashlib.sha256(many.as_params(self.seen).encode()).hexdigest()


def _returned(actor: Actor, batch: int) -> Any:
    """Of kinds that many are applied for by one form, the own unit's; who has no unit, what he submitted himself."""
    own = (
        Application.unit_id == actor.unit_id if actor.unit_id is not None
        else Application.submitted_by_id == actor.user_id
    )  # fmt: skip
    statement = select(Application).where(
        Application.batch == batch, Application.state == ApplicationState.RETURNED.value, own,
        Application.kind.in_([kind.value for kind in apply_many.KINDS]),
    )  # fmt: skip
    return scope.apply(statement, actor, Application)


def count(session: AnySession, actor: Actor, batch: int | None) -> int:
    """How many of the batch stand returned."""
    if batch is None:
        return 0
    found = select(func.count()).select_from(_returned(actor, batch).subquery())
    return session.scalar(found.execution_options(**_QUIET)) or 0


def returned(session: AnySession, actor: Actor, batch: int) -> Returned | None:
    """What the form is about; None where nothing of the batch stands returned. A batch is of one kind."""
    found = _returned(actor, batch).subquery()
    columns = select(found.c.id, found.c.row_version, found.c.data).order_by(found.c.id)
    rows = session.execute(columns.execution_options(**_QUIET)).all()
    seen = [(key, version) for key, version, _data in rows]
    one = session.get(Application, seen[0][0]) if seen else None
    if one is None:
        return None
    number = func.count()
    said = select(found.c.opinion, number).where(found.c.opinion.is_not(None)).group_by(found.c.opinion)
    opinions = session.execute(said.order_by(number.desc(), found.c.opinion).execution_options(**_QUIET))
    papers = _papers(session, found, {key for row in rows for key in row.data.get("attachments", [])})
    return Returned(seen, one, [(text, n) for text, n in opinions], papers)


def _papers(session: AnySession, found: Any, current: set[int]) -> list[Paper]:
    """The files that go with them now: one that was taken off when it was sent again before stays a row of its
    application, and is none of them. First those that most have."""
    statement = select(Attachment.id, Attachment.sha256, Attachment.name, Attachment.size, Attachment.entity_id).where(
        Attachment.entity == "application", Attachment.entity_id.in_(select(found.c.id)),
        Attachment.removed_at.is_(None),
    )  # fmt: skip
    first, having = dict[str, tuple[str, int]](), defaultdict[str, set[int | None]](set)
    for key, digest, name, size, holder in session.execute(
        statement.order_by(Attachment.id).execution_options(**_QUIET)
    ):
        if key in current:
            first.setdefault(digest, (name, size))
            having[digest].add(holder)
    papers = [Paper(digest, *named, len(having[digest])) for digest, named in first.items()]
    return sorted(papers, key=lambda paper: -paper.count)


def mend_one(
    session: AnySession, actor: Actor, seen: many.Seen, form: apply_many.Form, keep: Collection[str], job: int,
    at: dt.datetime,
) -> Application:  # fmt: skip
    """Send one of them again, in a transaction of its own: its files of those that are to be kept (by their bytes),
    and its own rows of what was added, which the job holds."""
    key, version = seen

    def deed(own: AnySession) -> Application:
        row: Application = scope.visible(own, actor, Application, key, "这件申请")
        ids = set(row.data.get("attachments", []))
        kept = [one.id for one in attachments.of(own, "application", key) if one.id in ids and one.sha256 in keep]
        place = ("application", row.unit_id, row.region_code)
        added = [
            attachments.copied(own, actor, at, file, *place).id
            for file in apply_many.papers(own, actor, form, job)
        ]  # fmt: skip
        mended = form.mended
        if row.kind == ApplicationKind.REGISTRATION_CHANGE:
            mended = form.data_of(own, scope.visible(own, actor, Elevator, row.elevator_id or 0, "这台电梯"))
        return applications.resubmit(
            own, actor, key, effective_on=form.day, reason=form.reason, attachments=[*kept, *added], at=at,
            mended=mended, seen_version=version, job=job,
        )  # fmt: skip

    return by_itself(session, deed, f"application {key}")


def as_asked(found: Returned | None, digest: str) -> Returned:
    """What stands returned now; raise unless it is what the form showed."""
    if found is None or found.digest != digest:
        raise refuse("退回的申请", "您打开页面后，这批申请有变化", "请刷新页面，看过现在的内容后再提交")
    return found


def kept(found: Returned, ticked: Collection[str]) -> list[str]:
    """The files that stay, by their bytes; those that have no line of their own stay together, or none of them."""
    own, rest = found.papers[:MOST_PAPERS], found.papers[MOST_PAPERS:]
    return [one.sha256 for one in own if one.sha256 in ticked] + [one.sha256 for one in rest if REST in ticked]


def enter(
    session: AnySession, actor: Actor, batch: int, found: Returned, form: apply_many.Form, keep: list[str],
    language: str | None, at: dt.datetime, papers: Callable[[], list[int]],
) -> int:  # fmt: skip
    """Have a job send each of them again, the number of the job; asked again, that of the first time. `papers` keeps
    what is added, and gives its rows."""
    hold(session, f"apply:{actor.user_id}")
    entered = going_on(session, actor, found.digest)
    if entered is not None:
        return entered
    form = replace(form, files=papers())
    title = say("整批补正%(kind)s：%(n)s 件", kind=KIND_LABELS[ApplicationKind(form.kind)], n=len(found.seen))
    params = {
        "batch": batch, "chosen": many.as_params(found.seen), "seen": found.digest, "form": form.as_dict(),
        "keep": keep, "language": language, "back": submissions.list_of_batch(batch),
    }  # fmt: skip
    job = jobs.enqueue(session, actor, at, KIND, title, params)
    attachments.adopt(session, actor, form.files, apply_many.HOLDER, job.id)
    # What the job could give to none of them is told now, not once for each.
    apply_many.papers(session, actor, form, job.id)
    return job.id


def going_on(session: AnySession, actor: Actor, digest: str) -> int | None:
    """The own unfinished job that sends just these again: a second press leads to the job of the first."""
    statement = select(Job).where(Job.created_by_id == actor.user_id, Job.kind == KIND, Job.state.in_(UNFINISHED))
    rows = session.scalars(statement.order_by(Job.id))
    return next((row.id for row in rows if row.params.get("seen") == digest), None)

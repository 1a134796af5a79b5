"""What one press decided of many applications is told together: one message for each recipient (LIF-08, NTF-01).

Such a decision is told by nobody in its own transaction; its step names the press there (`ApplicationStep.press`). When
the press is over, `tell` writes the messages and takes the mark away, in one transaction, so that each decision is told
once whatever is killed meanwhile; `left` are the presses that did not come to their end.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import func, select, update

from app import clock
from app.models import Application, ApplicationParty, ApplicationStep, Elevator, Job
from app.models.among import among
from app.permissions import Verb
from app.rules.appeals import verb_label
from app.rules.approval import VERB_LABELS, ApplicationVerb
from app.rules.lifecycle import KIND_LABELS, ApplicationKind
from app.transaction import AnySession, in_one
from app.wording import say, together
from app.workflows.approval import submissions
from app.workflows.core import outbox
from app.workflows.core.jobs import UNFINISHED

log = logging.getLogger(__name__)
# A press that has said nothing for so long is over; a job's, when the job is.
PATIENCE = dt.timedelta(minutes=10)
LONGEST_LINK = 200
_QUIET = {"skip_scope": True}
_TAB = {ApplicationVerb.APPROVE: "approved", ApplicationVerb.REJECT: "rejected", ApplicationVerb.RETURN_: "returned"}
_READ = Verb.APPLICATION_READ


class _Decided(NamedTuple):
    """One decision of the press, with what its messages say."""

    step_id: int
    verb: str
    opinion: str | None
    id: int
    number: str
    kind: str
    said: str | None
    title: str
    unit_id: int | None
    submitted_by_id: int | None
    elevator_id: int | None
    region_code: str
    batch: int | None
    decided_at: dt.datetime | None

    @property
    def deed(self) -> str:
        verb = ApplicationVerb(self.verb)
        return verb_label(verb) if self.kind == ApplicationKind.APPEAL else VERB_LABELS[verb]


# Who is told of what: an account and the decisions that concern it.
_Told = Iterable[tuple[int, _Decided]]


def new_press() -> str:
    """The name of a press that no job has."""
    return f"at-{secrets.token_hex(8)}"


def press_of_job(job_id: int) -> str:
    return f"job-{job_id}"


def tell(session: AnySession, at: dt.datetime, press: str) -> int:
    """Write what is to be told of a press; how many decisions that were. Called again it tells what came since."""
    found = _decided(session, press)
    if not found:
        return 0
    ended = [one for one in found if one.verb != ApplicationVerb.ENDORSE]
    over = [one for one in ended if one.verb != ApplicationVerb.RETURN_]
    if over:
        outbox.settle(session, at, "approval", *(f"/applications/{one.id}" for one in over))
    for batch in sorted({one.batch for one in over if one.batch is not None}):
        submissions.settle_batch(session, batch, at)
    for rows, accounts in _alike(_applicants(session, ended)):
        _write(session, at, "decision", rows, accounts, press)
    for rows, accounts in _alike(_parties(session, ended)):
        _write(session, at, "party", rows, accounts, press)
    endorsed = [one for one in found if one.verb == ApplicationVerb.ENDORSE]
    for rows, accounts in _alike(_officers(session, endorsed)):
        _write_to_officers(session, at, rows, accounts, press)
    # Not all that the press has by now: what it committed meanwhile was not read, and keeps its mark until it is told.
    steps = update(ApplicationStep).where(among(session, ApplicationStep.id, [one.step_id for one in found]))
    steps = steps.values(press=None)
    session.execute(steps.execution_options(synchronize_session=False, **_QUIET))
    return len(found)


def tell_by_itself(session: AnySession, at: dt.datetime, press: str) -> int:
    """The same in a transaction of its own. What was decided stands and other presses have theirs to tell, so a fault
    stops nobody: it is logged, the marks stay, and the next look at what is `left` tells it. None of it counts then."""
    try:
        return in_one(session, partial(tell, at=at, press=press))
    except Exception:
        log.exception("what was decided by press %s could not be told", press)
        return 0


def left(session: AnySession, at: dt.datetime) -> list[str]:
    """Presses that did not come to their end: none of their decisions is newer than `PATIENCE`, no job goes on."""
    marked = select(ApplicationStep.press).where(ApplicationStep.press.is_not(None)).group_by(ApplicationStep.press)
    old = marked.having(func.max(ApplicationStep.at) < at - PATIENCE).order_by(ApplicationStep.press)
    names = [press for press in session.scalars(old.execution_options(**_QUIET)) if press is not None]
    numbers = {press: int(press.removeprefix("job-")) for press in names if press.startswith("job-")}
    going_on = select(Job.id).where(Job.id.in_(numbers.values()), Job.state.in_(UNFINISHED))
    open_ = set(session.scalars(going_on.execution_options(**_QUIET))) if numbers else set()
    return [press for press in names if numbers.get(press) not in open_]


# --- whom


def _decided(session: AnySession, press: str) -> list[_Decided]:
    step, row = ApplicationStep, Application
    statement = (
        select(
            step.id, step.verb, step.opinion, row.id, row.number, row.kind, row.said, row.title, row.unit_id,
            row.submitted_by_id, row.elevator_id, row.region_code, row.batch,
            row.decided_at,
        )
        .join(row, row.id == step.application_id)
        .where(step.press == press)
        .order_by(step.id)
        .with_for_update(of=step)
    )  # fmt: skip
    return [_Decided._make(columns) for columns in session.execute(statement.execution_options(**_QUIET))]


def _applicants(session: AnySession, rows: Sequence[_Decided]) -> Iterator[tuple[int, _Decided]]:
    """The unit's accounts that may open it, and whoever submitted it."""
    yield from _readers(session, ((one.unit_id, one) for one in rows))
    yield from ((one.submitted_by_id, one) for one in rows if one.submitted_by_id is not None)


def _parties(session: AnySession, rows: Sequence[_Decided]) -> Iterator[tuple[int, _Decided]]:
    by_id = {one.id: one for one in rows}
    columns = select(ApplicationParty.application_id, ApplicationParty.unit_id)
    found = columns.where(among(session, ApplicationParty.application_id, list(by_id)))
    parties = session.execute(found.execution_options(**_QUIET)).all()
    yield from _readers(session, ((unit_id, by_id[key]) for key, unit_id in parties))


def _readers(session: AnySession, asked: Iterable[tuple[int | None, _Decided]]) -> Iterator[tuple[int, _Decided]]:
    by_unit: dict[int, list[_Decided]] = defaultdict(list)
    for unit_id, one in asked:
        if unit_id is not None:
            by_unit[unit_id].append(one)
    for unit_id, rows in by_unit.items():
        elevators = {one.elevator_id for one in rows}
        readers = outbox.readers_of_many(session, unit_id, _READ, elevators)
        yield from ((account, one) for one in rows for account in readers.get(one.elevator_id, ()))


def _officers(session: AnySession, rows: Sequence[_Decided]) -> Iterator[tuple[int, _Decided]]:
    """Who may be the second: the office of each region, of 涉密 elevators only those who may know of them."""
    if not rows:
        return
    keys = [one.elevator_id for one in rows if one.elevator_id is not None]
    asked = select(Elevator.id).where(among(session, Elevator.id, keys), Elevator.is_secret.is_(True))
    secret = set(session.scalars(asked.execution_options(**_QUIET)))
    offices: dict[tuple[str, bool], list[int]] = {}
    for one in rows:
        place = (one.region_code, one.elevator_id in secret)
        if place not in offices:
            offices[place] = outbox.officers_of(session, one.region_code, secret=place[1])
        yield from ((account, one) for account in offices[place])


def _alike(told: _Told) -> Iterator[tuple[list[_Decided], list[int]]]:
    """Decisions that the same accounts are told of in the same words, with these accounts."""
    of_account: dict[tuple[int, str], dict[int, _Decided]] = defaultdict(dict)
    for account, one in told:
        of_account[account, one.deed][one.step_id] = one
    alike: dict[tuple[int, ...], tuple[list[_Decided], list[int]]] = {}
    for (account, _deed), rows in of_account.items():
        alike.setdefault(tuple(sorted(rows)), ([rows[key] for key in sorted(rows)], []))[1].append(account)
    yield from alike.values()


# --- what


def _write(
    session: AnySession, at: dt.datetime, topic: str, rows: Sequence[_Decided], accounts: list[int], press: str
) -> None:
    one, many = rows[0], len(rows) > 1
    heading = _counted(rows) if many else one.said or one.title
    numbers = say("申请编号 %(number)s", number=one.number)
    if many:
        first = min(r.number for r in rows)
        of_one_kind = len({r.kind for r in rows}) == 1
        several = say("申请编号 %(first)s 等 %(n)s 件", first=first, n=len(rows))
        numbers = several if of_one_kind else together(_kinds(rows))
    if topic == "party":
        note = say("与本单位有关；如有异议请在申请页面留言或联系登记机关")
        body = together([numbers, note], "　")
    else:
        body = numbers + say("　意见：%(opinion)s", opinion=one.opinion) if one.opinion else numbers
    outbox.notify(
        session, at, accounts, topic, say("%(verb)s：%(title)s", verb=one.deed, title=heading), body,
        _link(rows), f"{topic}:{press}:{one.verb}:{rows[-1].step_id}",
    )  # fmt: skip


def _write_to_officers(
    session: AnySession, at: dt.datetime, rows: Sequence[_Decided], accounts: list[int], press: str
) -> None:
    one = rows[0]
    heading = _counted(rows) if len(rows) > 1 else one.said or one.title
    link = _queue(rows) if len(rows) > 1 else f"/applications/{one.id}"
    title, body = say("待审批：%(title)s", title=heading), say("初审已同意，等待复审")
    outbox.notify(session, at, accounts, "approval", title, body, link, f"second:{press}:{rows[-1].step_id}")


def _counted(rows: Sequence[_Decided]) -> str:
    kinds = _kinds(rows)
    return kinds[0] if len(kinds) == 1 else say("%(n)s 件申请", n=len(rows))


def _kinds(rows: Sequence[_Decided]) -> list[str]:
    counted = Counter(one.kind for one in rows)
    return [
        say("%(kind)s %(n)s 件", kind=KIND_LABELS[ApplicationKind(kind)], n=n) for kind, n in counted.most_common()
    ]


def _link(rows: Sequence[_Decided]) -> str:
    """The list that holds just these, as far as an address can say it; else those decided so on their days."""
    if len(rows) == 1:
        return f"/applications/{rows[0].id}"
    tab, batch = _TAB[ApplicationVerb(rows[0].verb)], _one_batch(rows)
    if batch is not None:
        return f"/applications/?tab={tab}&f_batch={batch}"
    these = f"/applications/?ids={','.join(str(one.id) for one in rows)}"
    if len(these) <= LONGEST_LINK:
        return these
    # A press may go over midnight, and is told after it.
    days = [clock.local_day(one.decided_at) for one in rows if one.decided_at is not None]
    decided = f"&f_decided_from={min(days)}&f_decided_to={max(days)}" if days and tab != "returned" else ""
    return f"/applications/?tab={tab}{decided}"


def _queue(rows: Sequence[_Decided]) -> str:
    batch, kinds = _one_batch(rows), {one.kind for one in rows}
    if batch is not None:
        return submissions.link_of_batch(batch)
    return f"/applications/queue?kind={kinds.pop()}" if len(kinds) == 1 else "/applications/queue"


def _one_batch(rows: Sequence[_Decided]) -> int | None:
    batches = {one.batch for one in rows}
    return batches.pop() if len(batches) == 1 else None

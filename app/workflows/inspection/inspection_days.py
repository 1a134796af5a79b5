"""The one place where an inspection moves the register: 检验日期, 下次检验日期, 限速器校验日期, each as a version.

The days are filed fields. A record that counts puts them into force as a version of its own, with the record as its
reason; so warnings, lists, gates and the register as of a day follow. While a filing of the elevator is under review
the register waits: it moves when that is decided (`after_filing`), so that nobody's filing is overtaken. A record
that is older than what the register says moves nothing; one that failed never does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app import clock
from app.models import Elevator, Inspection
from app.permissions import SYSTEM, Actor
from app.rules.approval import FilingState
from app.rules.inspection import KIND_LABELS, YEARLY, InspectionKind, InspectionResult
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval import filing_versions
from app.workflows.core import audit
from app.workflows.inspection import inspection_clocks

_YEARLY, _GOVERNOR = ("inspected_on", "next_inspection_on"), ("governor_on",)
Days = dict[str, dt.date | None]


@dataclass(frozen=True, slots=True)
class Cause:
    """What a version says of where it comes from, as an application would."""

    heading: str
    submitted_by_id: int | None
    submitted_at: dt.datetime
    decided_by_id: int | None
    opinion: str | None = None


def took_force(
    session: AnySession, actor: Actor, elevator: Elevator, record: Inspection, at: dt.datetime,
    instead_of: Inspection | None = None,
) -> None:  # fmt: skip
    """A record counts from now on, perhaps `instead_of` one that ended. The elevator is held by the caller."""
    if instead_of is not None and instead_of.replaced is not None and same_days(instead_of, record):
        # Only its words were put right: it stands where the old one stood, and nothing moves.
        record.replaced = instead_of.replaced
        inspection_clocks.refresh(session, [elevator.id], at)
        return
    if instead_of is not None and _fields(instead_of) != _fields(record):
        _settle(session, actor, elevator, None, instead_of, at)
        instead_of = None
    _settle(session, actor, elevator, record, instead_of, at)
    inspection_clocks.refresh(session, [elevator.id], at)


def ended(session: AnySession, actor: Actor, elevator: Elevator, record: Inspection, at: dt.datetime) -> None:
    """A record counts no more: what it moved goes back to the newest that is left, or to what stood before it."""
    _settle(session, actor, elevator, None, record, at)
    inspection_clocks.refresh(session, [elevator.id], at)


def after_filing(session: AnySession, elevator: Elevator, at: dt.datetime) -> list[Inspection]:
    """A filing was decided, or a whole past came in: of what waited the newest moves the days, older ones none.

    Gives what waited and waits no more; whoever calls tells what comes after it anew (`next_days.after_filing`).
    """
    if not elevator.approved_version:
        return []
    statement = select(Inspection).where(
        Inspection.elevator_id == elevator.id, Inspection.state == "approved", Inspection.ended_at.is_(None),
        Inspection.replaced.is_(None),
    )  # fmt: skip
    order = statement.order_by(Inspection.done_on, Inspection.id).execution_options(skip_scope=True)
    waiting = session.scalars(order).all()
    newest = {_fields(record): record for record in waiting if record.result != InspectionResult.FAILED}
    for record in waiting:
        if elevator.filing_state != FilingState.PENDING and record not in newest.values():
            record.replaced = {}
    for record in newest.values():
        _settle(session, SYSTEM, elevator, record, None, at)
    for record in waiting:
        # What was entered here stands where its day belongs; a past that came in moves once, by its newest.
        if record.replaced == {} and record.result != InspectionResult.FAILED and not record.taken_over:
            _put_between(session, elevator.id, record)
    inspection_clocks.refresh(session, [elevator.id], at)
    return [] if elevator.filing_state == FilingState.PENDING else list(waiting)


def told_anew(
    session: AnySession, actor: Actor, elevator: Elevator, record: Inspection, before: Days, past: Iterable[Any],
    at: dt.datetime,
) -> None:  # fmt: skip
    """A record that said `before` says another day now: the register follows, and whatever of `past` stood on it."""
    for row in past:
        if row.replaced and row.replaced == _iso(before):
            row.replaced = _iso(given(record))
    if _now(elevator, _YEARLY) == before:
        _amend(session, actor, elevator, record, given(record), at, say("之前的定期检验作废或更正"))


def same_days(one: Inspection, other: Inspection) -> bool:
    """Whether two records say the same of what was done when, and of what is due next."""
    return all(getattr(one, name) == getattr(other, name) for name in ("kind", "done_on", "result", "next_on"))


def due_before(elevator: Elevator, corrected: Any) -> dt.date | None:
    """下次检验日期 as the register has it; were a record `corrected`, as it was before that one moved it."""
    if corrected is None or corrected.kind not in YEARLY or not corrected.replaced:
        return elevator.next_inspection_on
    return _day(corrected.replaced.get(_YEARLY[1]))


def _fields(record: Inspection) -> tuple[str, ...]:
    if record.kind in YEARLY:
        return _YEARLY
    return _GOVERNOR if record.kind == InspectionKind.GOVERNOR else ()


def given(record: Inspection) -> Days:
    """The register's days that a record says."""
    names = _fields(record)
    return dict(zip(names, (record.done_on, record.next_on), strict=False))


def _now(elevator: Elevator, names: tuple[str, ...]) -> Days:
    return {n: getattr(elevator, n) for n in names}


def _settle(
    session: AnySession, actor: Actor, elevator: Elevator, new: Inspection | None, was: Inspection | None,
    at: dt.datetime,
) -> None:  # fmt: skip
    """Move the register's days to what now counts. What they were before a record moved them stays with the record."""
    about = new or was
    assert about is not None
    names = _fields(about)
    if not names or elevator.filing_state == FilingState.PENDING:
        return
    before = base = _now(elevator, names)
    if was is not None and was.replaced and before == given(was):
        base = {n: _day(was.replaced.get(n)) for n in names}
    found = new if was is None else _newest(session, elevator.id, about, was)
    wanted = base
    if found is not None and found.result != InspectionResult.FAILED:
        first = base[names[0]]
        wanted = given(found) if first is None or found.done_on >= first else base
    if new is not None:
        new.replaced = _iso(base) if new is found and wanted == given(new) else {}
    if was is not None:
        _hand_on(session, elevator.id, was)
    if new is not None and not new.replaced and new.result != InspectionResult.FAILED:
        _put_between(session, elevator.id, new)
    if wanted != before:
        _amend(session, actor, elevator, about, wanted, at, "" if new is not None else say("记录作废"))


def _hand_on(session: AnySession, elevator_id: int, was: Inspection) -> None:
    """A later record that stood on this one stands on what was before it."""
    statement = select(Inspection).where(Inspection.elevator_id == elevator_id, Inspection.ended_at.is_(None))
    for row in session.scalars(statement.execution_options(skip_scope=True)):
        if row.id != was.id and was.replaced and row.replaced == _iso(given(was)):
            row.replaced = was.replaced


def _put_between(session: AnySession, elevator_id: int, new: Inspection) -> None:
    """One that is older than the newest stands where its day belongs, and the next later one on it from now on."""
    names = _fields(new)
    statement = select(Inspection).where(
        Inspection.elevator_id == elevator_id, Inspection.state == "approved", Inspection.ended_at.is_(None),
        Inspection.id != new.id, Inspection.done_on > new.done_on,
    ).order_by(Inspection.done_on, Inspection.id)  # fmt: skip
    for row in session.scalars(statement.execution_options(skip_scope=True)):
        if not row.replaced or _fields(row) != names:
            continue
        first = _day(row.replaced.get(names[0]))
        if first is None or new.done_on >= first:
            new.replaced, row.replaced = row.replaced, _iso(given(new))
        return


def _amend(
    session: AnySession, actor: Actor, elevator: Elevator, record: Inspection, wanted: Days, at: dt.datetime,
    why: str = "",
) -> None:  # fmt: skip
    before = _now(elevator, tuple(wanted))
    changes = _iso(wanted)
    heading = say(
        "%(kind)s　报告 %(number)s%(why)s", kind=KIND_LABELS[InspectionKind(record.kind)], number=record.number,
        why=say("　%(why)s", why=why) if why else "",
    )  # fmt: skip
    cause = Cause(heading, record.created_by_id, record.created_at, actor.user_id)
    filing_versions.amend(session, elevator, changes, cause, clock.local_day(at), at)
    audit.record(
        session, actor, at, "elevator.inspection", Elevator.__tablename__, elevator.id,
        before=before, after=changes | {"inspection": record.id, "report": record.number},
    )  # fmt: skip


def _newest(session: AnySession, elevator_id: int, about: Inspection, was: Inspection) -> Inspection | None:
    """The newest that moves the same days and counts, the new one among them."""
    kinds = sorted(k.value for k in YEARLY) if about.kind in YEARLY else [about.kind]
    statement = select(Inspection).where(
        Inspection.elevator_id == elevator_id, Inspection.kind.in_(kinds), Inspection.id != was.id,
        Inspection.state == "approved", Inspection.ended_at.is_(None),
        Inspection.result != InspectionResult.FAILED.value,
    )  # fmt: skip
    newest = statement.order_by(Inspection.done_on.desc(), Inspection.id.desc()).limit(1)
    found: Inspection | None = session.scalar(newest.execution_options(skip_scope=True))
    return found


def _iso(days: Days) -> dict[str, str | None]:
    return {n: None if day is None else day.isoformat() for n, day in days.items()}


def _day(value: Any) -> dt.date | None:
    return dt.date.fromisoformat(value) if value else None

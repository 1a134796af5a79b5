"""Missed periods as they are kept: judged once, completed late, withdrawn by a correction; nothing is deleted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Update, and_, bindparam, literal_column, or_, select, update

from app.models import Appeal, MaintenanceClock, OverdueCorrection, OverduePeriod
from app.permissions import Actor
from app.rules.clock_history import MissedPeriod
from app.transaction import AnySession
from app.workflows.contracts import cover

# As the index of standing periods has it, so that both databases know that it answers.
_STANDING: Any = literal_column("NOT overdue_period.withdrawn")


def standing(
    session: AnySession, elevator_id: int, first: dt.date | None = None, last: dt.date | None = None
) -> list[OverduePeriod]:
    """The periods of an elevator that were not withdrawn, by limit, with limits from `first` to `last`."""
    statement = select(OverduePeriod).where(OverduePeriod.elevator_id == elevator_id, _STANDING)
    if first is not None:
        statement = statement.where(OverduePeriod.limit_on >= first)
    if last is not None:
        statement = statement.where(OverduePeriod.limit_on <= last)
    return list(session.scalars(statement.order_by(OverduePeriod.limit_on).execution_options(skip_scope=True)))


def begun(
    session: AnySession, elevator_id: int, first: dt.date | None = None, last: dt.date | None = None,
    but: dt.date | None = None,
) -> dt.date | None:  # fmt: skip
    """From which day the earliest of an elevator's missed periods that no visit ended (`but` one of that day) was
    counted, with limits from `first` to `last`: of those that stand and, for the clock tells them too, those that an
    upheld appeal excused."""
    stand = (one for one in standing(session, elevator_id, first, last) if one.done_late_on in (None, but))
    statement = (
        select(OverduePeriod.anchor_on)
        .join(Appeal, and_(Appeal.entity == OverduePeriod.__tablename__, Appeal.entity_id == OverduePeriod.id))
        .where(
            Appeal.elevator_id == elevator_id, Appeal.in_force_from.is_not(None), OverduePeriod.withdrawn,
            OverduePeriod.done_late_on.is_(None), OverduePeriod.limit_on >= (first or dt.date.min),
            OverduePeriod.limit_on <= (last or dt.date.max),
        )
    )  # fmt: skip
    excused = session.scalars(statement.execution_options(skip_scope=True))
    return min((*(period.anchor_on for period in stand), *excused), default=None)


def judge(
    session: AnySession,
    clock_row: MaintenanceClock,
    periods: Iterable[MissedPeriod],
    at: dt.datetime,
    done_late_on: dt.date | None = None,
) -> int:
    """Keep missed periods, each with the unit of its limit day as then known (T12); one kept already stays."""
    periods = list(periods)
    if not periods:
        return 0
    kept = {
        row.limit_on
        for row in standing(session, clock_row.elevator_id, periods[0].limit_on, periods[-1].limit_on)
    }
    new = [p for p in periods if p.limit_on not in kept]
    excused = spared(session, clock_row.elevator_id, new)
    for period in new:
        if period.limit_on in excused:
            continue
        held = cover.responsible(session, clock_row.elevator_id, period.limit_on)
        session.add(
            OverduePeriod(
                elevator_id=clock_row.elevator_id, unit_id=held.unit_id if held else None,
                contract_id=held.contract_id if held else None, region_code=clock_row.region_code,
                anchor_on=period.anchor_on, limit_on=period.limit_on, interval_days=clock_row.limit_days,
                previous_missed=period.again, judged_at=at, done_late_on=done_late_on,
            )
        )  # fmt: skip
    session.flush()
    return len(new) - len(excused)


def spared(session: AnySession, elevator_id: int, periods: Sequence[MissedPeriod]) -> set[dt.date]:
    """Limits of these that are not counted: an upheld appeal of their unit holds when the day is judged anew."""
    if not periods:
        return set()
    days = periods[0].limit_on, periods[-1].limit_on
    upheld = select(Appeal.happened_on, Appeal.unit_id).where(
        Appeal.elevator_id == elevator_id, Appeal.entity == OverduePeriod.__tablename__,
        Appeal.happened_on.between(*days), Appeal.in_force_from.is_not(None),
    )
    found, limits = set(), {period.limit_on for period in periods}
    for on, unit_id in session.execute(upheld.execution_options(skip_scope=True)).all():
        held = cover.responsible(session, elevator_id, on) if on in limits else None
        if held is not None and held.unit_id == unit_id:
            found.add(on)
    return found


def hold(session: AnySession, elevator_id: int) -> MaintenanceClock | None:
    """The clock of what is to be put right, held: before the periods themselves, as a visit takes them."""
    statement = select(MaintenanceClock).where(MaintenanceClock.elevator_id == elevator_id).with_for_update()
    return session.scalar(statement.execution_options(skip_scope=True, populate_existing=True))


def uphold(session: AnySession, row: OverduePeriod, actor: Actor, reason: str, at: dt.datetime) -> None:
    """An appeal against a missed period is upheld: it is taken back, and where it still stood the clock tells it as
    excused. The visit that was missed stays to be made: by the limit that runs, or by the first one that stands."""
    held = hold(session, row.elevator_id)
    withdraw(session, [row], actor, reason, at)
    since = held.missed_since_on if held is not None else None
    if held is None or since is None or row.limit_on < since or row.done_late_on is not None:
        return
    held.missed, held.excused = held.missed - 1, held.excused + 1
    left = [one.limit_on for one in standing(session, row.elevator_id, first=since) if one.done_late_on is None]
    held.missed_since_on = left[0] if left else None
    session.flush()


def withdraw(
    session: AnySession, rows: Sequence[OverduePeriod], actor: Actor, reason: str, at: dt.datetime,
    visit_id: int | None = None,
) -> None:  # fmt: skip
    """Take judged periods back with a correction each."""
    if not rows:
        return
    for row in rows:
        row.withdrawn = True
        session.add(
            OverdueCorrection(
                overdue_id=row.id, visit_id=visit_id, reason=reason, known_at=at, actor_id=actor.user_id
            )
        )  # fmt: skip
    session.flush()


def retell(
    session: AnySession,
    clock_row: MaintenanceClock,
    periods: Sequence[MissedPeriod],
    first: dt.date,
    last: dt.date,
    actor: Actor,
    reason: str,
    at: dt.datetime,
    *,
    visit_id: int | None = None,
    done_late_on: dt.date | None = None,
) -> None:
    """Make the kept periods with limits from `first` to `last` those of `periods`: withdraw others, add the missing."""
    wanted = [p for p in periods if first <= p.limit_on <= last]
    limits = {p.limit_on for p in wanted}
    kept = standing(session, clock_row.elevator_id, first, last)
    withdraw(session, [r for r in kept if r.limit_on not in limits], actor, reason, at, visit_id)
    judge(session, clock_row, wanted, at)
    completed(session, clock_row.elevator_id, first, last, done_late_on)


def completed(session: AnySession, elevator_id: int, first: dt.date | None, last: dt.date, on: dt.date | None) -> None:
    """Note the visit that ended the missed periods with limits from `first` to `last`; with None, that none did."""
    statement = _standing(elevator_id).where(OverduePeriod.limit_on <= last)
    if first is not None:
        statement = statement.where(OverduePeriod.limit_on >= first)
    session.execute(statement.values(done_late_on=on))


def concerned(session: AnySession, elevator_id: int, visit_on: dt.date) -> list[OverduePeriod]:
    """What a newest visit of a day has to do with: the standing periods from that day on, and those not ended yet."""
    asked = {"elevator": elevator_id, "on": visit_on}
    return list(session.scalars(_CONCERNED, asked, execution_options={"skip_scope": True}))


_period: Any = OverduePeriod.__table__.c
_OF_VISIT = (
    _period.elevator_id == bindparam("elevator"), _STANDING,
    or_(_period.limit_on >= bindparam("on"), _period.done_late_on.is_(None)),
)  # fmt: skip
_CONCERNED = select(OverduePeriod).where(*_OF_VISIT).order_by(OverduePeriod.limit_on)
# The days of the same, for a statement that asks for more.
CONCERNED = select(_period.limit_on).where(*_OF_VISIT).subquery("concerned")


def _standing(elevator_id: int) -> Update:
    return (
        update(OverduePeriod)
        .where(OverduePeriod.elevator_id == elevator_id, _STANDING)
        .execution_options(skip_scope=True, synchronize_session="fetch")
    )

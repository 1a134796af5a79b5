"""Who covers an elevator on a day, as known at an instant. A binding row never changes but for `removed_at`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    and_,
    bindparam,
    column,
    func,
    or_,
    select,
    true,
    update,
    values,
)

from app import clock
from app.models import Application, Contract, ContractElevator, Elevator, MaintenanceClock
from app.models.among import among, beside
from app.models.base import Instant
from app.permissions import Actor
from app.rules.calendar import day_end
from app.rules.lifecycle import ApplicationKind
from app.transaction import AnySession, insert_of

DAY = dt.timedelta(days=1)
ROWS_AT_ONCE = 1000
_ENDS_COVER = frozenset({ApplicationKind.UNIT_CHANGE, ApplicationKind.SCRAPPING})

_clock: Any = MaintenanceClock.__table__.c
_elevator: Any = Elevator.__table__.c
_bound: Any = ContractElevator.__table__.c


def cover_on(elevator_id: Any, on: Any, known_at: Any = None, what: str = "id") -> Select[Any]:
    """A column of the binding that covers an elevator on a day, as known now or at an instant; a subquery's select.

    Written over the table's columns: the nightly job joins it, and it must see every unit's.
    """
    row: Any = ContractElevator.__table__.alias("cover").c
    statement = select(row[what]).where(_covers(row, elevator_id, on, known_at))
    # Of several the last one entered, as in `answering`.
    return statement.order_by(row.id.desc()).limit(1)


def _covers(row: Any, elevator_id: Any, on: Any, known_at: Any) -> ColumnElement[bool]:
    """A binding covers an elevator on a day, as known now or at an instant."""
    of_day = and_(row.elevator_id == elevator_id, row.starts_on <= on, row.ends_on >= on)
    if known_at is None:
        return and_(of_day, row.removed_at.is_(None))
    return and_(of_day, row.added_at < known_at, or_(row.removed_at.is_(None), row.removed_at >= known_at))


def in_force(
    session: AnySession, elevator_id: int, on: dt.date, known_at: dt.datetime | None = None
) -> ContractElevator | None:
    """The binding in force for an elevator on a day; as known now, or as known just before `known_at`."""
    statement = select(ContractElevator).where(
        ContractElevator.id == cover_on(elevator_id, on, known_at).scalar_subquery()
    )
    found: ContractElevator | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


def responsible(session: AnySession, elevator_id: int, limit_on: dt.date) -> ContractElevator | None:
    """Who answers for a limit: the contract of that day, as known when the day was over; None = 脱保 (T12)."""
    return in_force(session, elevator_id, limit_on, day_end(limit_on))


def answering(session: AnySession, limits: Collection[tuple[int, dt.date]]) -> dict[int, int]:
    """For how many of these limits, each an elevator's day, each unit answers."""
    if not limits:
        return {}
    days = sorted({limit_on for _, limit_on in limits})
    places = {on: place for place, on in enumerate(days)}
    kinds: tuple[Any, ...] = (column("place", Integer), column("on", Date), column("known_at", Instant))
    each = values(*kinds).data([(place, on, day_end(on)) for place, on in enumerate(days)]).cte("days").c
    asked = beside(session, [elevator for elevator, _ in limits], [places[on] for _, on in limits]).c
    covers = _covers(_bound, asked.key, each.on, each.known_at)
    chosen = (
        select(func.max(_bound.id).label("id"))
        .join_from(asked.key.table, each.on.table, each.place == asked.number)
        .join(ContractElevator.__table__, covers)
        .group_by(asked.key, asked.number)
        .subquery()
    )
    found = (
        select(_bound.unit_id, func.count().label("number"))
        .join(chosen, _bound.id == chosen.c.id)
        .group_by(_bound.unit_id)
    )
    return {row.unit_id: row.number for row in session.execute(found)}


def live_bindings(session: AnySession, contract_id: int) -> list[ContractElevator]:
    """The bindings of a contract as known now, those that have ended included."""
    statement = select(ContractElevator).where(
        ContractElevator.contract_id == contract_id, ContractElevator.removed_at.is_(None)
    )
    return list(session.scalars(statement.order_by(ContractElevator.id).execution_options(skip_scope=True)))


def release(
    session: AnySession, actor: Actor, elevator_id: int, on: dt.date, at: dt.datetime, keep_unit_id: int | None = None
) -> int:
    """End every cover of an elevator that is scrapped or goes to another unit; `on` is the first day without.

    Contracts of `keep_unit_id` hold on.
    """
    statement = select(ContractElevator).where(
        ContractElevator.elevator_id == elevator_id,
        ContractElevator.removed_at.is_(None),
        ContractElevator.ends_on >= on,
    )
    if keep_unit_id is not None:
        statement = statement.where(ContractElevator.unit_id != keep_unit_id)
    rows = list(session.scalars(statement.execution_options(skip_scope=True)))
    for row in rows:
        cut(session, row, on - DAY, actor, at)
    session.flush()
    if rows:
        refresh(session, [elevator_id], clock.local_day(at))
    return len(rows)


def hold_contracts(session: AnySession, applications: Collection[Application]) -> None:
    """Before elevators whose cover is about to end: whoever edits a contract holds that, and then its elevators.

    Of several all at once, in the order of their ids, with those that the elevators go under.
    """
    ending = [one for one in applications if one.kind in _ENDS_COVER]
    elevators = [one.elevator_id for one in ending if one.elevator_id is not None]
    hold_contracts_of(session, elevators, [one.data["contract_id"] for one in ending if one.data.get("contract_id")])


def hold_contracts_of(session: AnySession, elevators: Sequence[int], also: Sequence[int] = ()) -> None:
    """The contracts under which these elevators stand, with others, held in the order of their ids."""
    if not elevators:
        return
    standing = select(_bound.contract_id).where(
        among(session, _bound.elevator_id, elevators), _bound.removed_at.is_(None)
    )
    statement = select(Contract.id).where(or_(Contract.id.in_(standing), Contract.id.in_(also)))
    statement = statement.order_by(Contract.id).with_for_update(of=Contract)
    session.execute(statement.execution_options(skip_scope=True)).all()


def cut(session: AnySession, row: ContractElevator, last_day: dt.date, actor: Actor, at: dt.datetime) -> None:
    """Let a binding end with `last_day`: the row as known ends, a shorter one stands beside it.

    One that begins today and was entered earlier has begun: its day stays covered (see `rules.contracts.touches_past`).
    """
    row.removed_at, row.removed_by_id = at, actor.user_id
    today = clock.local_day(at)
    begun = row.starts_on < today or (row.starts_on == today and clock.local_day(row.added_at) < today)
    if row.starts_on <= last_day and begun:
        session.add(
            ContractElevator(
                contract_id=row.contract_id, elevator_id=row.elevator_id, unit_id=row.unit_id,
                starts_on=row.starts_on, ends_on=last_day, added_at=at, added_by_id=actor.user_id,
            )
        )  # fmt: skip


# --- what lists show


def refresh(session: AnySession, elevator_ids: Collection[int], today: dt.date) -> None:
    """Keep `covered_until` and `cover_begins_on` of these elevators: columns on an index, no search for gaps."""
    changes = []
    keys = sorted(set(elevator_ids))
    for first in range(0, len(keys), ROWS_AT_ONCE):
        some = keys[first : first + ROWS_AT_ONCE]
        make_clocks(session, _elevator.id.in_(some))
        rows = session.execute(
            select(_bound.elevator_id, _bound.starts_on, _bound.ends_on)
            .where(_bound.elevator_id.in_(some), _bound.removed_at.is_(None))
            .order_by(_bound.elevator_id, _bound.starts_on)
        )
        groups = groupby(rows, lambda r: r.elevator_id)
        spans = {key: [(r.starts_on, r.ends_on) for r in found] for key, found in groups}
        for key in some:
            until = covered_until(spans.get(key, ()), today)
            begins = cover_begins_on(spans.get(key, ()), today, until)
            changes.append({"b_id": key, "covered_until": until, "cover_begins_on": begins})
    if changes:
        table: Any = MaintenanceClock.__table__
        session.connection().execute(update(table).where(_clock.elevator_id == bindparam("b_id")), changes)


def covered_until(spans: Iterable[tuple[dt.date, dt.date]], today: dt.date) -> dt.date | None:
    """The last day of unbroken cover that holds today; else the last day that was covered; None = never.

    Spans come by their first day. Cover that is yet to begin counts only where it joins on.
    """
    until: dt.date | None = None
    for starts_on, ends_on in spans:
        if starts_on <= today or (until is not None and until >= today and starts_on <= until + DAY):
            until = ends_on if until is None else max(until, ends_on)
    return until


def cover_begins_on(
    spans: Iterable[tuple[dt.date, dt.date]], today: dt.date, until: dt.date | None
) -> dt.date | None:  # fmt: skip
    """The first day after today on which cover begins that does not join on to `until`; None: none is known."""
    return min((first for first, _last in spans if first > today and (until is None or first > until)), default=None)


def refresh_begun(session: AnySession, on: dt.date, within: ColumnElement[bool] | None = None) -> int:
    """Note cover that began since: the nightly job's part, over the few whose day has come."""
    statement = select(_clock.elevator_id).where(_clock.cover_begins_on <= on, true() if within is None else within)
    keys = list(session.scalars(statement))
    if keys:
        refresh(session, keys, on)
    return len(keys)


def mend_clocks(session: AnySession, today: dt.date) -> int:
    """A clock for every elevator in use that has none, how many; an approval makes one, so none should lack it.

    It reads the whole register: for the night's sweep, not for the job that everybody waits for.
    """
    made = make_clocks(session, (_elevator.status == "in_use") & (_elevator.approved_version > 0))
    if made:
        refresh(session, made, today)
    return len(made)


def make_clocks(session: AnySession, which: ColumnElement[bool]) -> list[int]:
    """Give the elevators that have none a clock's row; which they are."""
    in_use = _elevator.status == "in_use"
    missing = select(_elevator.id, _elevator.maintenance_unit_id, _elevator.region_code, in_use).where(
        which, ~select(_clock.elevator_id).where(_clock.elevator_id == _elevator.id).exists()
    )
    insert = insert_of(session, MaintenanceClock)
    names = ["elevator_id", "unit_id", "region_code", "in_use"]
    adding = insert.from_select(names, missing, include_defaults=True).on_conflict_do_nothing()
    made = list(session.scalars(adding.returning(_clock.elevator_id)))
    if made:
        # A step of the status that was on its way when the rows were put together has ended by now: asked once more.
        these = _clock.elevator_id.in_(made) if len(made) < ROWS_AT_ONCE else true()
        session.execute(
            update(MaintenanceClock.__table__)
            .where(these, _elevator.id == _clock.elevator_id, _clock.in_use != in_use)
            .values(in_use=in_use)
        )
    return made

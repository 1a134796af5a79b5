"""What is due for elevators by their inspections (`InspectionClock`), worked out from records, register and policy.

Told anew whenever one of these changes for an elevator, and for all of them every night: a change of policy, and
elevators that came in before there were clocks.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import insert, select, update

from app import clock
from app.models import Elevator, Inspection, InspectionClock
from app.models.among import among
from app.models.policy import policy_book
from app.policy import Key
from app.policy.values import years_of
from app.rules.inspection import (
    YEARLY,
    Cycle,
    InspectionKind,
    InspectionResult,
    Interval,
    kind_due_on,
    like,
    next_check,
)
from app.transaction import AnySession, transaction

PART = 2000
# By the first digits of 品种: what has a governor, what has a brake that is tested under load.
TRACTION, HYDRAULIC, ESCALATOR, GOODS = "31", "32", "33", "3430"
_elevator: Any = Elevator.__table__.c
_record: Any = Inspection.__table__.c
_clock: Any = InspectionClock.__table__.c
STANDS = (_record.state == "approved", _record.ended_at.is_(None))
_FACTS = ("last_id", "next_kind", "failed_id", "failed_on", "governor_due_on", "brake_on", "brake_due_on")


def cycle_of(session: AnySession, region_code: str, on: dt.date) -> Cycle:
    """The yearly calendar of a region on a day."""
    book = policy_book(session, region_code, on)
    return Cycle(
        years_of(str(book[Key.INSPECTION_YEARS].value)), int(book[Key.INSPECTION_EARLY_MONTHS].value or 0),
        book[Key.INSPECTION_DUE_AT].value == "month",
    )  # fmt: skip


def interval_of(session: AnySession, region_code: str, category: str, kind: str, on: dt.date) -> Interval:
    """How often a governor or a brake of this kind of elevator is checked there."""
    book = policy_book(session, region_code, on)

    def number(key: Key) -> int | None:
        value = book[key].value
        return None if value is None else int(value)

    if kind == InspectionKind.BRAKE:
        # 消防员电梯 is driven by traction, too.
        return Interval(number(Key.BRAKE_MONTHS) if category.startswith(TRACTION) or category == "3420" else None)
    if category.startswith(ESCALATOR):
        return Interval(None)
    if category == GOODS:
        return Interval(number(Key.GOVERNOR_GOODS_MONTHS))
    if category.startswith(HYDRAULIC):
        return Interval(number(Key.GOVERNOR_MONTHS))
    return Interval(number(Key.GOVERNOR_MONTHS), number(Key.GOVERNOR_OLD_YEARS), number(Key.GOVERNOR_OLD_MONTHS))


def first_day(elevator: Any) -> dt.date | None:
    """Where the yearly calendar begins: 安装监检合格日期; of an old elevator that has none, the day of first use."""
    found: dt.date | None = elevator.supervised_on or elevator.commissioned_on
    return found


def refresh(session: AnySession, ids: Collection[int], at: dt.datetime) -> int:
    """Tell the clocks of these elevators anew; how many are others than before."""
    keys = sorted(set(ids))
    if not keys:
        return 0
    session.flush()
    today = clock.local_day(at)
    columns = ("id", "region_code", "category", "made_on", "commissioned_on", "supervised_on", "next_inspection_on",
               "governor_on", "approved_version")  # fmt: skip
    rows = session.execute(select(*(_elevator[c] for c in columns)).where(among(session, _elevator.id, keys))).all()
    records = _records(session, keys)
    held = {
        row.elevator_id: tuple(row)[1:]
        for row in session.execute(
            select(_clock.elevator_id, *(_clock[n] for n in _FACTS)).where(among(session, _clock.elevator_id, keys))
        )
    }
    new: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    for row in rows:
        if not row.approved_version:
            continue
        facts = _facts(session, row, records.get(row.id, ()), today)
        if held.get(row.id) == tuple(facts.values()):
            continue
        (moved if row.id in held else new).append({"elevator_id": row.id} | facts)
    if new:
        session.execute(insert(InspectionClock), new)
    if moved:
        session.execute(update(InspectionClock), moved)
    return len(new) + len(moved)


def refresh_all(session: Any, at: dt.datetime) -> int:
    """All elevators in force, some a transaction."""
    last, changed = 0, 0
    while True:
        statement = select(_elevator.id).where(_elevator.id > last, _elevator.approved_version > 0)
        ids = list(session.scalars(statement.order_by(_elevator.id).limit(PART)))
        session.rollback()
        if not ids:
            return changed
        with transaction(session):
            changed += refresh(session, ids, at)
        last = ids[-1]


def _records(session: AnySession, keys: Sequence[int]) -> dict[int, list[Any]]:
    columns = ("id", "elevator_id", "kind", "done_on", "result", "next_on", "next_kind")
    statement = select(*(_record[c] for c in columns)).where(among(session, _record.elevator_id, keys), *STANDS)
    found: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(statement.order_by(_record.done_on, _record.id)):
        found[row.elevator_id].append(row)
    return found


def waiting(records: Iterable[Any]) -> Any:
    """The failed record that waits for its second inspection, the latest of several; `records` in order of days."""
    open_ones: dict[str, Any] = {}
    for row in records:
        if row.result == InspectionResult.FAILED:
            open_ones[like(row.kind)] = row
        else:
            open_ones.pop(like(row.kind), None)
    return max(open_ones.values(), key=lambda row: (row.done_on, row.id), default=None)


def _facts(session: AnySession, row: Any, records: Sequence[Any], today: dt.date) -> dict[str, Any]:
    failed = waiting(records)
    passed = [r for r in records if r.result != InspectionResult.FAILED]
    last = next((r for r in reversed(records) if r.kind in YEARLY), None)
    next_kind = kind_due(session, row, passed, row.next_inspection_on, today)
    brake = next((r for r in reversed(passed) if r.kind == InspectionKind.BRAKE), None)
    return {
        "last_id": None if last is None else last.id, "next_kind": None if next_kind is None else str(next_kind),
        "failed_id": None if failed is None else failed.id, "failed_on": None if failed is None else failed.done_on,
        "governor_due_on": _governor(session, row, passed, today),
        "brake_on": None if brake is None else brake.done_on, "brake_due_on": None if brake is None else brake.next_on,
    }  # fmt: skip


def kind_due(
    session: AnySession, elevator: Any, passed: Sequence[Any], due_on: dt.date | None, on: dt.date
) -> InspectionKind | None:
    """Which kind a day of the register is for: as the last of the records says that set it, else by the calendar."""
    last = next((r for r in reversed(passed) if r.kind in YEARLY), None)
    if last is not None and last.next_kind and last.next_on == due_on:
        return InspectionKind(last.next_kind)
    return kind_due_on(first_day(elevator), due_on, cycle_of(session, elevator.region_code, on))


def _governor(session: AnySession, row: Any, passed: Sequence[Any], today: dt.date) -> dt.date | None:
    """As the last record says; of a check that only the register knows, by rule."""
    record = next((r for r in reversed(passed) if r.kind == InspectionKind.GOVERNOR), None)
    if record is not None and (row.governor_on is None or record.done_on >= row.governor_on):
        found: dt.date | None = record.next_on
        return found
    if row.governor_on is None:
        return None
    interval = interval_of(session, row.region_code, row.category, InspectionKind.GOVERNOR, today)
    return next_check(row.governor_on, row.commissioned_on or row.made_on, interval)

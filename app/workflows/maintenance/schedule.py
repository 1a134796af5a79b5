"""The nightly job: effects due, days judged, orders made. Set-based, in Core over stored dates, the same on SQLite and
PostgreSQL; no rule is written again here. Run again for the same day it changes nothing (PLN-03).

It reads and writes every unit's rows: statements are built over tables, which the scope hook leaves alone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, literal, select, update

from app import clock
from app.errors import refuse
from app.models import (
    ContractElevator,
    Elevator,
    MaintenanceClock,
    MaintenanceOrder,
    OverduePeriod,
    StatusChange,
    Visit,
)
from app.models.among import among
from app.models.base import Instant
from app.models.policy import policy_groups, policy_value
from app.models.region import in_region
from app.permissions import SYSTEM, Actor, Verb, require
from app.policy import Key
from app.rules.calendar import day_end
from app.rules.schedule import first_anchor, limit_on
from app.transaction import AnySession, insert_of
from app.wording import say
from app.workflows.approval import effects
from app.workflows.contracts import cover
from app.workflows.core import audit
from app.workflows.maintenance import clocks, maintenance_stops, orders

Progress = Callable[[int, int, str], None]
DAY = dt.timedelta(days=1)
# A visit still open is waited for at most so long where a preset voids none (rules.md, The maintenance clock).
OPEN_HOURS = 8
ROWS_AT_ONCE = 1000
# More clocks than this are run city by city; a city is the first digits of its code.
SHARD_ABOVE, CITY_WIDTH = 200_000, 4

_clock: Any = MaintenanceClock.__table__.c
_elevator: Any = Elevator.__table__.c
_overdue: Any = OverduePeriod.__table__.c
_order: Any = MaintenanceOrder.__table__.c


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did; `digest` is over what it wrote, the same wherever the same rows were written."""

    on: dt.date
    region: str | None
    effects: int
    clocks_started: int
    overdue_judged: int
    orders_made: int
    days_judged: int
    digest: str
    seconds: float

    @property
    def changed(self) -> bool:
        return bool(self.effects or self.clocks_started or self.overdue_judged or self.orders_made)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: ISO day, counts, seconds."""
        return asdict(self) | {"on": self.on.isoformat()}


def run(
    session: AnySession,
    on: dt.date,
    at: dt.datetime,
    region: str | None = None,
    progress: Progress | None = None,
    actor: Actor = SYSTEM,
) -> Summary:
    """Do everything that is due on a day: all days before it are over and get judged, nights that were missed included.

    A day that has not begun yet is refused: its eve can't be judged. `region` limits the run to a subtree.
    """
    require(actor, Verb.SCHEDULE_RUN)
    if on > clock.local_day(at):
        raise refuse("排班日期", say("%(on)s 还没有到", on=on), "请填写今天或以前的日期", field="on", value=on)
    started, tell = time.perf_counter(), progress or (lambda done, total, message: None)
    tell(0, 4, "办理到期事项")
    marks = session.scalar(select(func.max(_overdue.id))) or 0, session.scalar(select(func.max(_order.id))) or 0
    taken = effects.take_effect_due(session, on, at, region)
    taken += maintenance_stops.end_due(session, on, at) + clocks.back_to_usual(session, on, at)
    tell(1, 4, "启动维保时钟")
    clocks_started = start_clocks(session, on, at, region)
    tell(2, 4, "判定超期")
    judged, days = judge_until(session, on, at, region, tell)
    tell(3, 4, "生成维保任务")
    made = orders.make_due(session, on, at, region=region)
    digest = _digest(session, on, at, *marks)
    seconds = round(time.perf_counter() - started, 3)
    summary = Summary(on, region, taken, clocks_started, judged, made, days, digest, seconds)
    if summary.changed:
        audit.record(session, actor, at, "schedule.run", "schedule", None, after=summary.as_dict())
    tell(4, 4, "完成")
    return summary


def shards(session: AnySession) -> list[str | None]:
    """The regions to run one by one, so that every worker takes part: the cities that have elevators, or all at once.

    Each is a transaction of its own and safe to repeat. SQLite has one writer; there they would only wait.
    """
    many = session.scalar(select(func.count()).select_from(MaintenanceClock)) or 0
    if many <= SHARD_ABOVE or session.get_bind().dialect.name == "sqlite":
        return [None]
    codes = session.scalars(select(_elevator.region_code).where(_elevator.approved_version > 0).distinct())
    return sorted({code[:CITY_WIDTH].ljust(12, "0") for code in codes})


# --- clocks


def start_clocks(session: AnySession, on: dt.date, at: dt.datetime, region: str | None = None) -> int:
    """Note cover that begins today, and start the clocks that policy starts before a first visit."""
    cover.refresh_begun(session, on, in_region(_clock.region_code, region))
    started = 0
    for counts, where in policy_groups(session, Key.NEVER_VISITED, on, _clock.region_code):
        if counts == "contract":
            started += _start_never_visited(session, on, region, where)
    return started


def _start_never_visited(session: AnySession, on: dt.date, region: str | None, where: ColumnElement[bool]) -> int:
    """Start clocks at the later of 在用 and the contract's first day; row by row, for each starts once in its life."""
    status, bound = StatusChange.__table__.c, ContractElevator.__table__.c
    in_use = select(func.max(status.effective_on)).where(
        status.entity == "elevator", status.field == "status", status.new == "in_use", status.entity_id == _elevator.id
    )
    covered = select(func.min(bound.starts_on)).where(
        bound.elevator_id == _elevator.id, bound.unit_id == _elevator.maintenance_unit_id, bound.removed_at.is_(None),
        bound.starts_on <= on, bound.ends_on >= on,
    )  # fmt: skip
    waiting = (
        select(
            _clock.elevator_id, _clock.region_code, func.coalesce(in_use.scalar_subquery(), _elevator.approved_on),
            covered.scalar_subquery(), _clock.unit_since_on,
        )
        .join(Elevator.__table__, _elevator.id == _clock.elevator_id)
        .where(
            _clock.limit_on.is_(None), _clock.paused_on.is_(None), _elevator.status == "in_use",
            in_region(_clock.region_code, region), where,
        )
    )  # fmt: skip
    changes = []
    for elevator_id, code, used_on, contract_on, unit_since_on in session.execute(waiting):
        anchor = first_anchor(used_on, contract_on, never_visited_counts=True)
        if anchor is None or anchor > on:
            continue
        anchor = max(anchor, unit_since_on or anchor)
        days = int(policy_value(session, Key.LIMIT_DAYS, code, anchor))
        changes.append(
            {"b_id": elevator_id, "anchor_on": anchor, "limit_on": limit_on(anchor, days), "limit_days": days}
        )
    for first in range(0, len(changes), ROWS_AT_ONCE):
        some = changes[first : first + ROWS_AT_ONCE]
        _hold_elevators(session, among(session, _clock.elevator_id, [one["b_id"] for one in some]))
        session.connection().execute(
            update(MaintenanceClock.__table__).where(_clock.elevator_id == bindparam("b_id")), some
        )
    return len(changes)


# --- overdue


def judge_until(
    session: AnySession,
    on: dt.date,
    at: dt.datetime,
    region: str | None = None,
    tell: Progress = lambda done, total, message: None,
) -> tuple[int, int]:
    """Judge every limit before `on`, day by day: how many periods were missed, on how many days.

    A judged clock's next limit may itself lie before `on`: that day then comes up in its turn. Each day is one
    INSERT … SELECT and one UPDATE a length of limit, whatever the number of elevators.
    """
    judged, days = 0, 0
    open_since = at - dt.timedelta(hours=_open_hours(session, region, on))
    day = _next_day(session, None, on, region)
    while day is not None:
        judged += _judge_day(session, day, at, region, open_since)
        days += 1
        tell(2, 4, say("判定超期 %(day)s", day=day.isoformat()))
        day = _next_day(session, day, on, region)
    return judged, days


def _next_day(session: AnySession, after: dt.date | None, on: dt.date, region: str | None) -> dt.date | None:
    statement = select(func.min(_clock.limit_on)).where(
        _clock.limit_on < on, in_region(_clock.region_code, region)
    )
    if after is not None:
        statement = statement.where(_clock.limit_on > after)
    found: dt.date | None = session.scalar(statement)
    return found


def _open_hours(session: AnySession, region: str | None, on: dt.date) -> int:
    hours = policy_value(session, Key.VISIT_MAX_HOURS, region, on)
    return OPEN_HOURS if hours is None else int(hours)


def _judge_day(session: AnySession, day: dt.date, at: dt.datetime, region: str | None, open_since: dt.datetime) -> int:
    visit: Any = Visit.__table__.c
    still_open = select(visit.elevator_id).where(
        visit.state == "open", visit.visit_on <= day, visit.checked_in_at >= open_since
    )
    due = [
        _clock.limit_on == day,
        _clock.paused_on.is_(None),
        in_region(_clock.region_code, region),
        _clock.elevator_id.not_in(still_open),
    ]
    _hold_elevators(session, *due)
    # Held until the end: a check-out meanwhile waits, and then finds its period judged and withdraws it.
    held = select(_clock.limit_days).where(*due).with_for_update().subquery()
    lengths = session.scalars(select(held.c.limit_days).distinct()).all()
    if not lengths:
        return 0
    answers = [
        cover.cover_on(_clock.elevator_id, day, day_end(day), what).correlate(MaintenanceClock.__table__)
        for what in ("unit_id", "contract_id")
    ]
    missed = select(
        _clock.elevator_id, *(column.scalar_subquery() for column in answers), _clock.region_code, _clock.anchor_on,
        _clock.limit_on, _clock.limit_days, _clock.missed + _clock.excused > 0, literal(at, Instant()), literal(False),
    ).where(*due)  # fmt: skip
    names = ["elevator_id", "unit_id", "contract_id", "region_code", "anchor_on", "limit_on", "interval_days",
             "previous_missed", "judged_at", "withdrawn"]  # fmt: skip
    insert = insert_of(session, OverduePeriod)
    judged = orders.written(session, insert.from_select(names, missed).on_conflict_do_nothing())
    for days in lengths:
        session.execute(
            update(MaintenanceClock.__table__)
            .where(*due, _clock.limit_days == days)
            .values(
                anchor_on=day,
                limit_on=limit_on(day, days),
                missed=_clock.missed + 1,
                judged_through=day,
                missed_since_on=func.coalesce(_clock.missed_since_on, day),
            )
        )
    return judged


def _hold_elevators(session: AnySession, *due: ColumnElement[bool]) -> None:
    """For their keys, which the rows to be written will hold: before their clocks, as everybody takes the two."""
    elevators = select(_elevator.id).join(MaintenanceClock.__table__, _clock.elevator_id == _elevator.id).where(*due)
    elevators = elevators.order_by(_elevator.id).with_for_update(read=True, key_share=True, of=Elevator.__table__)
    session.execute(select(func.count()).select_from(elevators.subquery()))


# --- what was written


def _digest(session: AnySession, on: dt.date, at: dt.datetime, overdue_id: int, order_id: int) -> str:
    """A short name of what this run wrote after the two ids, by group and sum: the rows themselves may be many."""
    periods = select(_overdue.limit_on, _overdue.unit_id, func.count(), func.sum(_overdue.elevator_id)).where(
        _overdue.id > overdue_id, _overdue.judged_at == at
    ).group_by(_overdue.limit_on, _overdue.unit_id)  # fmt: skip
    made = select(_order.planned_on, _order.level, func.count(), func.sum(_order.elevator_id)).where(
        _order.id > order_id, _order.created_at == at, _order.origin == "auto"
    ).group_by(_order.planned_on, _order.level)  # fmt: skip
    content = [on.isoformat(), _sorted(session.execute(periods)), _sorted(session.execute(made))]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _sorted(rows: Iterable[Any]) -> list[list[str]]:
    return sorted([str(value) for value in row] for row in rows)

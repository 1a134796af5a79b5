"""人力测算 (CAP-01): whether a unit's people can do what is due in the coming weeks, and who is missing where.

The trial is `rules/capacity.py`; this reads what stands (clocks, ledgers, people, quotas, policy) and tells its result.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, or_, select

from app import clock, scope
from app.collector import no_cycles
from app.errors import Finding, NotFound
from app.models import Account, Elevator, MaintenanceClock, MaintenanceLedger, Person, Region, Unit
from app.models.policy import policy_book, visit_policy
from app.permissions import Actor, Role, Verb
from app.policy import Key
from app.rules.calendar import add_months
from app.rules.capacity import Area, Lift, Load, Missed, Numbers, Trial, Worker, trial
from app.rules.checkin import Place
from app.rules.levels import Level, LongDates
from app.rules.places import named_place
from app.workflows.people import people

DAYS = (14, 30, 60)
MOST_SHOWN = 200
# A site is an estate, or what stands within about a hundred metres.
_GRID = 1000


@dataclass(frozen=True, slots=True)
class AreaLine:
    """An area by its name, and what came of it."""

    code: str
    name: str
    area: Area

    @property
    def percent(self) -> float | None:
        """How much of the workers' time the trial used; without workers no data."""
        return None if not self.area.able_minutes else round(100 * self.area.busy_minutes / self.area.able_minutes, 1)


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A worker by name, and what came of him."""

    name: str
    area: str
    load: Load
    until: dt.date | None

    @property
    def percent(self) -> float | None:
        return None if not self.load.able_minutes else round(100 * self.load.busy_minutes / self.load.able_minutes, 1)


@dataclass(frozen=True, slots=True)
class MissedLine:
    """A service that nobody could do: which elevator, and by when."""

    elevator_id: int
    code: str
    place: str
    missed: Missed


@dataclass(frozen=True, slots=True)
class Capacity:
    """The trial of a unit, told. `idle`: elevators of which nothing is planned, for want of a clock."""

    unit: Unit
    first: dt.date
    days: int
    numbers: Numbers
    trial: Trial
    areas: list[AreaLine]
    workers: list[WorkerLine]
    missed: list[MissedLine]
    missed_in_all: int

    @property
    def lifts(self) -> int:
        return sum(line.area.lifts for line in self.areas)

    @property
    def due(self) -> int:
        return sum(line.area.due for line in self.areas)


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit as a regulator compares it: elevators to serve, people who may, services a person and month."""

    unit_id: int
    name: str
    elevators: int
    workers: int
    quota: int

    @property
    def services(self) -> int:
        """Services of a month, one each half-month."""
        return 2 * self.elevators

    @property
    def each(self) -> float | None:
        """Services a worker and month; without workers no data."""
        return round(self.services / self.workers, 1) if self.workers else None

    @property
    def percent(self) -> float | None:
        """Of the 台次 that a 普工 has."""
        return None if self.each is None or not self.quota else round(100 * self.each / self.quota, 1)


def of_unit(
    session: Any, actor: Actor, unit_id: int, days: int, now: dt.datetime, *, most: int | None = MOST_SHOWN
) -> Capacity:
    """Try the coming days of a unit, from today on, over the elevators that the actor sees. `most`: of what is missed
    how many are told, None = all."""
    unit = unit_of(session, actor, unit_id)
    today = clock.local_day(now)
    rows = session.execute(_lifts(actor, unit.id)).all()
    wide = len({row.region_code[:6] for row in rows}) > 1
    lifts = [_lift(row, _area(row.region_code, wide)) for row in rows]
    numbers = _numbers(session, unit.region_code, today)
    workers, persons = _workers(session, unit, rows, wide, today, days, now)
    with no_cycles():
        found = trial(lifts, workers, today, days, numbers)
    names = _names(session, [area.name for area in found.areas])
    by_key = {row.id: row for row in rows}
    missed = sorted((one for area in found.areas for one in area.missed), key=lambda one: (one.limit_on, one.key))
    shown = actor.unit_id is not None or actor.may(Verb.PERSON_READ)
    return Capacity(
        unit, today, days, numbers, found,
        [AreaLine(area.name, names.get(area.name, area.name), area) for area in found.areas],
        [
            WorkerLine(
                persons[load.key].name, names.get(load.area, load.area), load, persons[load.key].certificate_until
            )
            for load in sorted(found.loads, key=lambda load: (load.area, -load.busy_minutes))
        ] if shown else [],
        [
            MissedLine(by_key[one.key].id, by_key[one.key].code, _place(by_key[one.key]), one)
            for one in missed[:most]
        ],
        len(missed),
    )  # fmt: skip


def unit_of(session: Any, actor: Actor, unit_id: int) -> Unit:
    """A maintenance unit whose trial the actor may read: his own, or any of his region's."""
    unit: Unit = scope.visible(session, actor, Unit, unit_id, "维保单位")
    if not unit.is_maintenance or (actor.unit_id is not None and actor.unit_id != unit.id):
        raise NotFound(Finding("维保单位", False, "没有找到这家维保单位", "请从列表重新打开"))
    return unit


def units(session: Any, actor: Actor, now: dt.datetime) -> list[UnitLine]:
    """The maintenance units with elevators in the actor's scope, the most loaded first."""
    today = clock.local_day(now)
    mine = scope.apply(
        select(MaintenanceClock.unit_id, func.count().label("number"))
        .where(MaintenanceClock.in_use, MaintenanceClock.paused_on.is_(None), MaintenanceClock.unit_id.is_not(None))
        .group_by(MaintenanceClock.unit_id),
        actor, MaintenanceClock,
    ).subquery()  # fmt: skip
    able = (
        select(func.count())
        .where(Person.unit_id == Unit.id, _serves(today), _has_certificate(today))
        .correlate(Unit)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Unit.id, Unit.name, Unit.region_code, mine.c.number, able)
        .join(mine, mine.c.unit_id == Unit.id)
        .execution_options(skip_scope=True)
    ).all()
    lines = [
        UnitLine(key, name, number, workers, int(policy_book(session, region, today).plain[Key.QUOTA_GENERAL] or 0))
        for key, name, region, number, workers in rows
    ]
    return sorted(lines, key=lambda line: (line.each is not None, -(line.each or 0), -line.elevators, line.unit_id))


# --- what stands


def _lifts(actor: Actor, unit_id: int) -> Any:
    ledger, running = MaintenanceLedger, MaintenanceClock
    statement = (
        select(
            Elevator.id, Elevator.code, Elevator.estate, Elevator.address, Elevator.region_code, Elevator.latitude,
            Elevator.longitude, running.limit_on, running.limit_days, running.missed_since_on, ledger.worker_id,
            ledger.interval_days, ledger.next_half_month_on, ledger.next_quarter_on, ledger.next_half_year_on,
            ledger.next_annual_on,
        )
        .join(running, running.elevator_id == Elevator.id)
        .outerjoin(ledger, ledger.elevator_id == Elevator.id)
        .where(
            running.unit_id == unit_id, running.in_use, running.paused_on.is_(None),
            or_(running.limit_on.is_not(None), ledger.next_half_month_on.is_not(None)),
        )
        .order_by(Elevator.id)
    )  # fmt: skip
    return scope.apply(statement, actor, Elevator).execution_options(skip_scope=True)


def _lift(row: Any, area: str) -> Lift:
    interval, period = row.interval_days or row.limit_days, row.limit_days
    # A longer interval that was allowed (按需维保) is both: the plan follows the limit.
    interval = max(interval, period - 1) if period > 15 else interval
    limit_on = row.limit_on or row.next_half_month_on
    placed = row.latitude is not None and row.longitude is not None
    return Lift(
        row.id, _site(row), area, min(row.next_half_month_on or limit_on, limit_on), limit_on, interval, period,
        LongDates(row.next_quarter_on, row.next_half_year_on, row.next_annual_on),
        Place(row.latitude, row.longitude) if placed else None, row.missed_since_on,
    )  # fmt: skip


def _site(row: Any) -> tuple[Any, ...]:
    if row.estate:
        return row.region_code[:9], " ".join(row.estate.split())
    if row.latitude is not None and row.longitude is not None:
        return round(row.latitude * _GRID), round(row.longitude * _GRID)
    return (row.region_code, row.address or row.id)


def _place(row: Any) -> str:
    return named_place(row.estate, row.address)


def _area(region_code: str, wide: bool) -> str:
    """Districts where a unit serves several of them, else streets."""
    return region_code[:6] + "000000" if wide else region_code[:9] + "000"


def _serves(today: dt.date) -> Any:
    """Who maintains: an account that may, or a place in a ledger; and not gone."""
    account = select(Account.id).where(Account.person_id == Person.id, Account.roles.any(name=Role.WORKER.value))
    named = select(MaintenanceLedger.id).where(MaintenanceLedger.worker_id == Person.id)
    return and_(or_(Person.left_on.is_(None), Person.left_on > today), or_(account.exists(), named.exists()))


def _has_certificate(today: dt.date) -> Any:
    return or_(Person.certificate_until.is_(None), Person.certificate_until >= today)


def _workers(
    session: Any, unit: Unit, rows: Sequence[Any], wide: bool, today: dt.date, days: int, now: dt.datetime
) -> tuple[list[Worker], dict[int, Person]]:
    """Each worker where most of his elevators are; those without any where the unit has most."""
    statement = select(Person).where(Person.unit_id == unit.id, _serves(today)).order_by(Person.id)
    persons = {one.id: one for one in session.scalars(statement.execution_options(skip_scope=True))}
    homes: dict[int, Counter[str]] = defaultdict(Counter)
    everywhere: Counter[str] = Counter()
    for row in rows:
        area = _area(row.region_code, wide)
        everywhere[area] += 1
        if row.worker_id is not None:
            homes[row.worker_id][area] += 1
    main = everywhere.most_common(1)[0][0] if everywhere else _area(unit.region_code, wide)
    quotas = people.quotas(session, persons.values(), now)
    last = today + dt.timedelta(days=days)
    months = [first for n in range(4) if (first := add_months(today.replace(day=1), n)) <= last]
    gated = bool(policy_book(session, unit.region_code, today).plain[Key.CERTIFICATE_GATE])
    made = []
    for key, person in persons.items():
        quota = quotas[key]
        left = {}
        if quota.limit is not None:
            left = dict.fromkeys(months, quota.limit) | {months[0]: max(quota.limit - quota.used, 0)}
        area = homes[key].most_common(1)[0][0] if homes[key] else main
        made.append(Worker(key, area, left, person.certificate_until if gated else None))
    return made, persons


def _numbers(session: Any, region_code: str, today: dt.date) -> Numbers:
    value: Mapping[Key, Any] = policy_book(session, region_code, today).plain
    policy = visit_policy(session, region_code, today)
    minutes = {
        Level.HALF_MONTH: value[Key.CAPACITY_HALF_MONTH_MINUTES], Level.QUARTER: value[Key.CAPACITY_QUARTER_MINUTES],
        Level.HALF_YEAR: value[Key.CAPACITY_HALF_YEAR_MINUTES], Level.ANNUAL: value[Key.CAPACITY_ANNUAL_MINUTES],
    }  # fmt: skip
    least = policy.min_minutes or 0
    return Numbers(
        day_minutes=value[Key.CAPACITY_DAY_MINUTES], week_days=value[Key.CAPACITY_WEEK_DAYS],
        # Nobody may check out sooner, however quick the work was.
        level_minutes={level: max(number, least) for level, number in minutes.items()},
        speed_kmh=value[Key.CAPACITY_SPEED_KMH], travel_minutes=value[Key.CAPACITY_TRAVEL_MINUTES],
        early_days=value[Key.HORIZON_DAYS], day_lifts=policy.daily_elevators,
        persons={level: policy.persons_at(level) for level in Level}, quota=value[Key.QUOTA_GENERAL],
    )  # fmt: skip


def _names(session: Any, codes: Sequence[str]) -> dict[str, str]:
    statement = select(Region.code, Region.name).where(Region.code.in_(codes))
    return dict(session.execute(statement).all())

"""Register, maintenance, scores and warnings of a bulletin, counted as known at its instant.

Each gives plain numbers and names that JSON keeps; `units` beside names are keys, so that an issued bulletin finds
whom it names. Counted again at the same instant, what lies in the period is the same again unless records came in
late; what is of the moment (`OF_THE_MOMENT`) is not.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import and_, case, func, not_, or_, select

from app import clock
from app.listings import standing
from app.listings.as_of import elevators_then
from app.models import (
    Elevator,
    InspectionClock,
    MaintenanceClock,
    OverdueCorrection,
    OverduePeriod,
    Score,
    ScoreRun,
    Unit,
    Visit,
)
from app.models.among import among
from app.models.region import in_region
from app.reports import published
from app.reports.bulletin import as_known
from app.reports.bulletin.asked import Asked
from app.rules.periods import Period

Figures = dict[str, Any]
MOST_PLACES = 60
MOST_NAMED = 20


# --- the register


def situation(asked: Asked) -> Figures:
    """Elevators at the end of the period by status, kind and place; how many there were before."""
    found: Figures = {name: _total(asked, period.last) for name, period in asked.compared}
    then = elevators_then(asked.period.last, asked.as_of)
    c = then.c
    register = select(c.status, c.category, func.count()).where(*_there(asked, c)).group_by(c.status, c.category)
    by = asked.session.execute(register.execution_options(skip_scope=True)).all()
    found["status"], found["kinds"] = {}, {}
    for status, kind, count in by:
        found["status"][status] = found["status"].get(status, 0) + count
        if status != "scrapped":
            found["kinds"][kind] = found["kinds"].get(kind, 0) + count
    place = asked.place(c.region_code)
    places = select(place, func.count()).where(*_there(asked, c), c.status != "scrapped").group_by(place)
    counts = dict(asked.session.execute(places.execution_options(skip_scope=True)).all())
    named = published.places_of(asked.session, counts)
    found["places"] = sorted(
        ([*named[key], count] for key, count in counts.items()), key=lambda one: (-one[2], one[0])
    )[:MOST_PLACES]
    return found


def _there(asked: Asked, c: Any) -> tuple[Any, ...]:
    open_ = select(Elevator.id).where(Elevator.is_secret.is_(False))
    return in_region(c.region_code, asked.region.code), c.id.in_(open_)


def _total(asked: Asked, on: dt.date) -> int:
    c = elevators_then(on, asked.as_of).c
    counted = select(func.count()).where(*_there(asked, c), c.status != "scrapped")
    return asked.session.scalar(counted.execution_options(skip_scope=True)) or 0


# --- maintenance


def maintenance(asked: Asked) -> Figures:
    """Services that were done and limits that were missed, by time, place and unit."""
    found: Figures = {}
    then = {name: _done(asked, period) for name, period in asked.compared}
    for name, period in asked.compared:
        missed = _missed(asked, period)
        found[name] = {
            "done": sum(asked.rows(select(func.count()).where(*then[name]), Visit)[0]),
            "overdue": asked.rows(select(func.count()).where(*missed), OverduePeriod)[0][0],
        }
    found["places"], found["units"] = _by_place(asked, then["now"]), _by_unit(asked, then["now"])
    by_then = OverduePeriod.done_late_on <= clock.local_day(asked.as_of)
    made_up = select(func.count()).where(*_missed(asked, asked.period), by_then)
    found["made_up"] = asked.rows(made_up, OverduePeriod)[0][0]
    nobody = select(func.count()).where(*_missed(asked, asked.period), OverduePeriod.unit_id.is_(None))
    found["nobody"] = asked.rows(nobody, OverduePeriod)[0][0]
    found["least"] = asked.least()
    return found


def _done(asked: Asked, period: Period) -> tuple[Any, ...]:
    """Visits that counted at the instant: as they stand, but for those that have been judged since."""
    retold = as_known.visits(asked, period)
    inside = as_known.visits_there(asked, period)
    if not retold:
        return Visit.counted, *inside
    other = among(asked.session, Visit.id, [one.key for one in retold])
    counted = among(asked.session, Visit.id, [one.key for one in retold if one.counted])
    return or_(and_(Visit.counted, not_(other)), counted), *inside


def _missed(asked: Asked, period: Period) -> tuple[Any, ...]:
    corrected_later = select(OverdueCorrection.overdue_id).where(OverdueCorrection.known_at > asked.as_of)
    return (
        or_(OverduePeriod.withdrawn.is_(False), OverduePeriod.id.in_(corrected_later)),
        OverduePeriod.limit_on.between(period.first, period.last), OverduePeriod.judged_at <= asked.as_of,
    )  # fmt: skip


def _by(asked: Asked, then: tuple[Any, ...], visit_key: Any, missed_key: Any) -> dict[Any, list[int]]:
    counts: dict[Any, list[int]] = {}
    done = select(visit_key, func.count()).where(*then).group_by(visit_key)
    missed = select(missed_key, func.count()).where(*_missed(asked, asked.period)).group_by(missed_key)
    for number, (statement, model) in enumerate(((done, Visit), (missed, OverduePeriod))):
        for key, count in asked.rows(statement, model):
            counts.setdefault(key, [0, 0])[number] = count
    return counts


def _by_place(asked: Asked, then: tuple[Any, ...]) -> list[list[Any]]:
    counts = _by(asked, then, asked.place(Visit.region_code), asked.place(OverduePeriod.region_code))
    named = published.places_of(asked.session, counts)
    lines: list[list[Any]] = [[*named[key], done, overdue] for key, (done, overdue) in counts.items()]
    return sorted(lines, key=lambda one: (_share(one[2], one[3]), one[0]))[:MOST_PLACES]


def _by_unit(asked: Asked, then: tuple[Any, ...]) -> list[list[Any]]:
    """Key, name, done, overdue, elevators in use, of them uncovered; the most missed first."""
    counts = _by(asked, then, Visit.unit_id, OverduePeriod.unit_id)
    counts.pop(None, None)
    held = {unit: (lifts, bare) for unit, lifts, bare in asked.rows(published.covered(asked.moment), MaintenanceClock)}
    names = asked.names({*counts, *held})
    lines = [
        [unit, names.get(unit, str(unit)), *counts.get(unit, [0, 0]), *held.get(unit, (0, 0))]
        for unit in {*counts, *held}
    ]
    return sorted(lines, key=lambda one: (-one[3], -one[2], one[1]))


def _share(done: int, overdue: int) -> float:
    """For sorting only: the worst first, what has no data last."""
    return done / (done + overdue) if done + overdue else 2.0


# --- scores


def scores(asked: Asked) -> Figures:
    """The official ranking of the period's run, as it was computed; nothing is computed here."""
    run = asked.session.get(ScoreRun, asked.run_id) if asked.run_id else None
    if run is None:
        return {"run": None, "lines": []}
    statement = (
        select(Score, Unit.name).join(Unit, Unit.id == Score.unit_id).where(Score.run_id == run.id)
        .order_by(Score.rank.is_(None), Score.rank, Unit.name)
    )  # fmt: skip
    lines = [
        [
            row.rank, row.unit_id, name, None if row.points is None else f"{row.points:.2f}", row.due, row.bad,
            row.elevators, row.uncovered,
        ]
        for row, name in asked.session.execute(statement.execution_options(skip_scope=True))
    ]  # fmt: skip
    return {
        "run": run.id, "state": run.state, "digest": run.digest, "as_of": run.as_of.isoformat(), "lines": lines,
        "least": asked.least(),
    }  # fmt: skip


# --- what is near and over at the moment


def warnings(asked: Asked) -> Figures:
    """Elevators in use that are near or over something now, and the units with most that are over."""
    m = asked.moment

    def many(condition: Any) -> Any:
        return func.count(case((condition, 1)))

    clocks = select(*(many(one(m)) for one in (
        standing.maintenance_over, standing.maintenance_near, standing.cover_over, standing.cover_near,
    ))).where(MaintenanceClock.in_use)  # fmt: skip
    over, near, bare, ending = asked.rows(clocks, MaintenanceClock)[0]
    calendar = select(many(standing.inspection_over(m)), many(standing.inspection_near(m))).where(
        Elevator.status == "in_use", Elevator.next_inspection_on.is_not(None)
    )
    inspection_over, inspection_near = asked.rows(calendar, Elevator)[0]
    governors = (
        select(many(standing.governor_over(m)), many(standing.governor_near(m)))
        .select_from(Elevator).join(InspectionClock, InspectionClock.elevator_id == Elevator.id)
        .where(Elevator.status == "in_use")
    )  # fmt: skip
    governor_over, governor_near = asked.rows(governors, Elevator)[0]
    either = or_(standing.maintenance_over(m), standing.cover_over(m))
    worst = (
        select(MaintenanceClock.unit_id, many(standing.maintenance_over(m)), many(standing.cover_over(m)))
        .where(MaintenanceClock.in_use, MaintenanceClock.unit_id.is_not(None), either)
        .group_by(MaintenanceClock.unit_id)
    )
    found = asked.rows(worst, MaintenanceClock)
    names = asked.names([row[0] for row in found])
    units = sorted(
        ([unit, names.get(unit, str(unit)), late, bare_] for unit, late, bare_ in found),
        key=lambda one: (-one[2], -one[3], one[1]),
    )
    late_users = (
        select(Elevator.use_unit_id, func.count())
        .where(and_(Elevator.status == "in_use", standing.inspection_over(m)), Elevator.use_unit_id.is_not(None))
        .group_by(Elevator.use_unit_id)
    )
    users = asked.rows(late_users, Elevator)
    called = asked.names([row[0] for row in users])
    late = sorted(([unit, called.get(unit, str(unit)), n] for unit, n in users), key=lambda one: (-one[2], one[1]))
    return {
        "maintenance": [over, near], "cover": [bare, ending], "inspection": [inspection_over, inspection_near],
        "governor": [governor_over, governor_near], "units": units[:MOST_NAMED], "users": late[:MOST_NAMED],
    }  # fmt: skip

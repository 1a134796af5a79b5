"""Rescues, repairs, enforcement and the six rates of a bulletin, counted as known at its instant."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import and_, func, select

from app.models import Appeal, Application, Enforcement, RepairOrder, Score, ScoreRun, Unit
from app.models.enforcement import stood_at
from app.models.taken_over import row_known
from app.reports import rescues as rescue_report
from app.reports.bulletin import as_known
from app.reports.bulletin.as_known import RescueThen
from app.reports.bulletin.asked import Asked
from app.reports.bulletin.figures import MOST_NAMED, Figures
from app.rules.calendar import day_end, day_start
from app.rules.other_scores import Outcome
from app.rules.periods import Period
from app.rules.repairs import Hours, late_steps
from app.rules.rescues import Course, Minutes, badge
from app.rules.score_items import Item

HELD = ("rescue", "feedback", "inspection", "fault", "change")


def _by(at: dt.datetime | None, known: dt.datetime) -> dt.datetime | None:
    """What had not happened yet at the instant is not known."""
    return at if at is not None and at <= known else None


def _span(period: Period) -> tuple[dt.datetime, dt.datetime]:
    return day_start(period.first), day_end(period.last)


def _worst(asked: Asked, late: Counter[int], judged: Counter[int]) -> list[list[Any]]:
    """Key, name, late ones, all that were judged; the most late first."""
    names = asked.names(late)
    lines: list[list[Any]] = [[unit, names.get(unit, str(unit)), n, judged[unit]] for unit, n in late.items()]
    return sorted(lines, key=lambda one: (-one[2], one[1]))[:MOST_NAMED]


# --- rescues


def rescues(asked: Asked) -> Figures:
    """Cases of the period: how many, people shut in, in time or late, why, and whose were late."""
    found: Figures = {}
    late, judged, causes = Counter[int](), Counter[int](), Counter[str]()
    for name, period in asked.compared:
        counts: Counter[str] = Counter()
        waits: list[float] = []
        for unit_id, held, result in _rescues(asked, period):
            counts.update(["total", result])
            trapped = held.outcome == "entrapment"
            counts["entrapments"] += trapped
            counts["people"] += held.trapped or 0 if trapped else 0
            accepted, arrived = held.course.accepted_at, held.course.arrived_at
            if arrived is not None and accepted is not None and arrived >= accepted:
                waits.append((arrived - accepted).total_seconds() / 60)
            if name != "now":
                continue
            if trapped and held.cause:
                causes[held.cause] += 1
            if unit_id is not None and result in ("on_time", "late"):
                judged[unit_id] += 1
                late[unit_id] += result == "late"
        keys = ("total", "entrapments", "people", "on_time", "late", "open")
        found[name] = {key: counts[key] for key in keys}
        found[name]["arrive"] = f"{sum(waits) / len(waits):.1f}" if waits else None
    late = Counter({unit: n for unit, n in late.items() if n})
    return found | {
        "causes": [[cause, n] for cause, n in sorted(causes.items(), key=lambda one: (-one[1], one[0]))],
        "units": _worst(asked, late, judged), "least": asked.least(),
    }  # fmt: skip


def _rescues(asked: Asked, period: Period) -> Iterator[tuple[int | None, RescueThen, str]]:
    """Whose each case is, what it was by the instant, and its badge by the rule; what the desk ended is not judged."""
    about = rescue_report.Asked("unit", period.first, period.last, None, asked.region.code)
    read = rescue_report.read(asked.session, asked.moment.actor, about, known=asked.as_of)
    rows = [row for row in read if row.reported_at <= asked.as_of]
    taken_back = as_known.rescues(asked, [row.id for row in rows])
    for row in rows:
        held = taken_back.get(row.id) or _as_it_stands(row, asked.as_of)
        course = held.course
        result = badge(course, Minutes(row.accept_minutes, row.arrive_minutes, row.done_minutes), asked.as_of)
        if _by(row.appeal_upheld_at, asked.as_of) is not None:
            result = Outcome.ON_TIME
        over = course.done_at is not None or course.ended_at is not None
        told = {Outcome.ON_TIME: "on_time", Outcome.LATE: "late", None: "other" if over else "open"}
        yield row.unit_id, held, told[result]


def _as_it_stands(row: Any, known: dt.datetime) -> RescueThen:
    instants = row.dispatched_at, row.accepted_at, row.arrived_at, row.done_at
    dispatched, accepted, arrived, done = (_by(at, known) for at in instants)
    ended = _by(row.ended_at, known)
    course = Course(dispatched, accepted, arrived, done, None if done is not None else ended)
    return RescueThen(course) if ended is None else RescueThen(course, row.outcome, row.cause, row.trapped)


# --- repairs


def repairs(asked: Asked) -> Figures:
    """Orders of the period but for those taken back: how many, done, late, by level and cause, and whose were late."""
    found: Figures = {}
    for name, period in asked.compared:
        found[name] = asked.rows(select(func.count()).where(*_repairs(asked, period)), RepairOrder)[0][0]
    counts, levels, causes = Counter[str](), Counter[str](), Counter[str]()
    late, judged = Counter[int](), Counter[int]()
    r = RepairOrder
    statement = select(
        r.id, r.unit_id, r.level, r.cause, r.reported_at, r.accepted_at, r.heard_at, r.told_later, r.accept_hours,
        r.finish_hours,
    ).where(*_repairs(asked, asked.period))  # fmt: skip
    taken_back = as_known.repairs(asked, _repairs(asked, asked.period))
    for key, unit, level, cause, reported, accepted, heard, told_later, accept, finish in asked.rows(statement, r):
        then = taken_back.get(key)
        if then is not None:
            unit, cause, accepted, heard = then.unit_id, then.cause, then.heard.accepted_at, then.heard.ended_at
        else:
            heard = _by(heard, asked.as_of)
            # A time that was told with the end was heard with it.
            accepted = heard if "accepted_at" in (told_later or "").split(",") else _by(accepted, asked.as_of)
        is_late = bool(late_steps(reported, accepted, heard, Hours(accept, finish), asked.as_of))
        levels[level] += 1
        counts["done" if heard is not None else "open"] += 1
        counts["late"] += is_late
        if heard is not None and cause:
            causes[cause] += 1
        if unit is not None:
            judged[unit] += 1
            late[unit] += is_late
    late = Counter({unit: n for unit, n in late.items() if n})
    return found | {
        **{key: counts[key] for key in ("done", "open", "late")},
        "levels": [[level, n] for level, n in sorted(levels.items(), key=lambda one: (-one[1], one[0]))],
        "causes": [[cause, n] for cause, n in sorted(causes.items(), key=lambda one: (-one[1], one[0]))],
        "units": _worst(asked, late, judged), "least": asked.least(),
    }  # fmt: skip


def _repairs(asked: Asked, period: Period) -> tuple[Any, ...]:
    begins, ends = _span(period)
    taken_back = and_(RepairOrder.state == "cancelled", RepairOrder.closed_at <= asked.as_of)
    return (
        RepairOrder.reported_at >= begins, RepairOrder.reported_at < ends, RepairOrder.reported_at <= asked.as_of,
        ~taken_back, row_known(RepairOrder, asked.as_of),
    )  # fmt: skip


# --- enforcement and appeals


def enforcement(asked: Asked) -> Figures:
    """约谈, 警告, 立案处罚 of the period that stood, and whom they were about; appeals made and how they ended."""
    found: Figures = {}
    for name, period in asked.compared:
        rows = asked.rows(
            select(Enforcement.kind, func.count()).where(*_deeds(asked, period)).group_by(Enforcement.kind),
            Enforcement,
        )
        found[name] = {kind: count for kind, count in rows}  # noqa: C416 - rows are no pairs to mypy
    by_unit = select(Enforcement.unit_id, func.count()).where(*_deeds(asked, asked.period))
    units = asked.rows(by_unit.group_by(Enforcement.unit_id), Enforcement)
    names = asked.names([row[0] for row in units])
    lines = [[unit, names.get(unit, str(unit)), count] for unit, count in units]
    begins, ends = _span(asked.period)
    made = (
        select(Appeal.entity, Appeal.state, Application.decided_at)
        .outerjoin(Application, Application.id == Appeal.application_id)
        .where(Appeal.created_at >= begins, Appeal.created_at < ends, Appeal.created_at <= asked.as_of)
    )
    appeals: Counter[str] = Counter()
    for _entity, state, decided_at in asked.rows(made, Appeal):
        ended = _by(decided_at, asked.as_of) is not None
        appeals[state if ended and state in ("approved", "rejected", "withdrawn") else "open"] += 1
    return found | {
        "units": sorted(lines, key=lambda one: (-one[2], one[1]))[:MOST_NAMED],
        "appeals": {key: appeals[key] for key in ("approved", "rejected", "withdrawn", "open")},
    }  # fmt: skip


def _deeds(asked: Asked, period: Period) -> tuple[Any, ...]:
    return Enforcement.decided_on.between(period.first, period.last), stood_at(asked.as_of)


# --- the six rates


def rates(asked: Asked) -> Figures:
    """The ranking by the six rates of the period's run, as it was computed; nothing is computed here."""
    run = asked.session.get(ScoreRun, asked.run_id) if asked.run_id else None
    if run is None or run.items_digest is None:
        return {"run": None, "lines": []}
    statement = (
        select(Score, Unit.name).join(Unit, Unit.id == Score.unit_id).where(Score.run_id == run.id)
        .order_by(Score.total_rank.is_(None), Score.total_rank, Unit.name)
    )  # fmt: skip
    lines = [
        [
            row.total_rank, row.unit_id, name, _shown(row.total), _shown(row.points),
            *(_shown(getattr(row, f"{item}_points")) for item in HELD), row.due,
        ]
        for row, name in asked.session.execute(statement.execution_options(skip_scope=True))
    ]  # fmt: skip
    return {
        "run": run.id, "state": run.state, "digest": run.items_digest, "most": 16 * len(Item), "lines": lines,
        "least": asked.least(),
    }  # fmt: skip


def _shown(points: Any) -> str | None:
    return None if points is None else f"{points:.2f}"

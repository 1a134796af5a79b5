"""Anomalies (ANO-01), inspections and complaints of a bulletin, counted as known at its instant."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, literal_column, not_, or_, select

from app.models import Complaint, Inspection, Visit
from app.models.among import among
from app.models.taken_over import row_known
from app.reports.bulletin import as_known
from app.reports.bulletin.asked import Asked
from app.reports.bulletin.figures import MOST_NAMED, Figures
from app.rules.calendar import day_end, day_start
from app.rules.complaints import Course, Hours, outcome
from app.rules.other_scores import Outcome
from app.rules.periods import Period

# What makes a visit count for nothing.
COUNTED_OUT = ("abnormal", "void", "rejected")
CALENDAR = ("supervision", "periodic", "test", "self_test")
STEPS = (
    "complained_at", "accepted_at", "handled_at", "reviewed_at", "handled_again_at", "reviewed_again_at", "ended_at",
    "appeal_upheld_at",
)  # fmt: skip


def anomalies(asked: Asked) -> Figures:
    """Visits that do not count: how many, why, and whose."""
    found: Figures = {}
    judged: list[Any] = []
    for name, period in asked.compared:
        # As they stand, but for those that have been judged since the instant.
        retold = as_known.visits(asked, period)
        counts = (
            select(Visit.unit_id, Visit.state, Visit.state_reason, func.count())
            .where(*_out(asked, period, [one.key for one in retold]))
            .group_by(Visit.unit_id, Visit.state, Visit.state_reason)
        )
        these = [*asked.rows(counts, Visit), *((one.unit_id, "", one.out, 1) for one in retold if one.out is not None)]
        found[name] = sum(count for *_of, count in these)
        if name == "now":
            judged = these
    kinds, units = Counter[str](), dict[int, Counter[str]]()
    for unit, state, reason, count in judged:
        # As it was said when it was judged; a sentence that is kept carries its parts behind a mark.
        words = str(reason or "").partition("\x1e")[0] or {"void": "无效", "rejected": "审批驳回"}.get(state, "异常")
        kinds[words] += count
        units.setdefault(unit, Counter())[words] += count
    names = asked.names(units)
    lines: list[list[Any]] = [
        [unit, names.get(unit, str(unit)), by.total(), _sorted(by)]
        for unit, by in units.items()
    ]
    every = select(func.count()).where(*as_known.visits_there(asked, asked.period))
    return found | {
        "visits": asked.rows(every, Visit)[0][0],
        "kinds": _sorted(kinds), "units": sorted(lines, key=lambda one: (-one[2], one[1]))[:MOST_NAMED],
        "unit_count": len(lines),
    }  # fmt: skip


def _sorted(counts: Counter[str]) -> list[list[Any]]:
    """Most first, and always in the same order: the digest is made of it."""
    return [[why, n] for why, n in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]


def _out(asked: Asked, period: Period, but: list[int]) -> tuple[Any, ...]:
    # The first in the very words of the partial index.
    others = (not_(among(asked.session, Visit.id, but)),) if but else ()
    out = Visit.state != literal_column("'valid'"), Visit.state.in_(COUNTED_OUT)
    return *out, *as_known.visits_there(asked, period), *others


# --- inspections


def inspections(asked: Asked) -> Figures:
    """Inspections by kind and result, and the units for whose reasons elevators failed."""
    found: Figures = {}
    for name, period in asked.compared:
        rows = asked.rows(
            select(Inspection.result, func.count()).where(*inspected(asked, period)).group_by(Inspection.result),
            Inspection,
        )
        found[name] = {result: count for result, count in rows}  # noqa: C416 - rows are no pairs to mypy
    kinds = select(Inspection.kind, Inspection.result, func.count()).where(*inspected(asked, asked.period))
    by: dict[str, dict[str, int]] = {}
    for kind, result, count in asked.rows(kinds.group_by(Inspection.kind, Inspection.result), Inspection):
        by.setdefault(kind, {})[result] = count
    found["kinds"] = [[kind, by[kind]] for kind in CALENDAR if kind in by]
    fault = (
        select(Inspection.unit_id, func.count(func.distinct(Inspection.elevator_id)))
        .where(*inspected(asked, asked.period), Inspection.result == "failed", Inspection.is_fault,
               or_(Inspection.appeal_upheld_at.is_(None), Inspection.appeal_upheld_at > asked.as_of),
               Inspection.unit_id.is_not(None))
        .group_by(Inspection.unit_id)
    )  # fmt: skip
    units = asked.rows(fault, Inspection)
    names = asked.names([row[0] for row in units])
    lines = [[unit, names.get(unit, str(unit)), count] for unit, count in units]
    found["units"] = sorted(lines, key=lambda one: (-one[2], one[1]))[:MOST_NAMED]
    found["least"] = asked.least()
    return found


def inspected(asked: Asked, period: Period) -> tuple[Any, ...]:
    stood = or_(Inspection.ended_at.is_(None), Inspection.ended_at > asked.as_of)
    return (
        Inspection.kind.in_(CALENDAR), Inspection.done_on.between(period.first, period.last),
        Inspection.state == "approved", stood,
        or_(Inspection.in_force_from.is_(None), Inspection.in_force_from <= asked.as_of),
    )  # fmt: skip


# --- complaints


def complaints(asked: Asked) -> Figures:
    """Complaints of the period, what became of them by the instant, and whose were late."""
    found: Figures = {
        name: asked.rows(select(func.count()).where(*_complained(asked, period)), Complaint)[0][0]
        for name, period in asked.compared
    }
    kinds, results, late = Counter[str](), Counter[str](), Counter[int]()
    for named in asked.rows(select(Complaint.kinds).where(*_complained(asked, asked.period)), Complaint):
        kinds.update(named[0])
    for unit, result in complaints_of(asked, Complaint.unit_id):
        results[result] += 1
        if result == "late" and unit is not None:
            late[unit] += 1
    names = asked.names(late)
    lines: list[list[Any]] = [[unit, names.get(unit, str(unit)), count] for unit, count in late.items()]
    return found | {
        "kinds": [[kind, count] for kind, count in sorted(kinds.items(), key=lambda one: (-one[1], one[0]))],
        "results": {name: results[name] for name in ("on_time", "late", "open", "untrue")},
        "units": sorted(lines, key=lambda one: (-one[2], one[1]))[:MOST_NAMED], "least": asked.least(),
    }  # fmt: skip


def complaints_of(asked: Asked, key: Any, *where: Any) -> Iterator[tuple[Any, str]]:
    """Each complaint of the period by a key, with what became of it by the instant, by the rule itself."""
    columns = [getattr(Complaint, name) for name in STEPS]
    facts = select(
        key, Complaint.is_untrue, Complaint.sent_back, Complaint.accept_hours, Complaint.handle_hours,
        Complaint.review_hours, *columns,
    ).where(*_complained(asked, asked.period), *where)  # fmt: skip
    for of, untrue, sent_back, accept, handle, review, begun, *steps in asked.rows(facts, Complaint):
        accepted, handled, reviewed, again, again_reviewed, ended, upheld = (_by(at, asked.as_of) for at in steps)
        if untrue and ended is not None:
            yield of, "untrue"
            continue
        back = sent_back and reviewed is not None
        course = Course(begun, accepted, handled, reviewed, back, again, again_reviewed, ended)
        what = outcome(course, Hours(accept, handle, review), asked.as_of)
        if upheld is not None:
            what = Outcome.ON_TIME
        yield of, "open" if what is None else "late" if what is Outcome.LATE else "on_time"


def _by(at: dt.datetime | None, known: dt.datetime) -> dt.datetime | None:
    """What had not happened yet at the instant is not known."""
    return at if at is not None and at <= known else None


def _complained(asked: Asked, period: Period) -> tuple[Any, ...]:
    begins, ends = day_start(period.first), day_end(period.last)
    return (
        Complaint.complained_at >= begins, Complaint.complained_at < ends, Complaint.complained_at <= asked.as_of,
        row_known(Complaint, asked.as_of),
    )  # fmt: skip

"""Every record behind a figure of SCO-02 to SCO-06, as a stored run knew it: what a page opens down to."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from app import clock
from app.models import ScoreRun
from app.rules.other_scores import Outcome
from app.rules.score_items import Item
from app.transaction import AnySession
from app.workflows.scores import score_item_facts as read
from app.workflows.scores.score_calls import call_of, done_by
from app.workflows.scores.score_facts import Facts
from app.workflows.scores.score_frame import frame_of_run


class Course(NamedTuple):
    """A unit's part in a rescue as known then: when it was called out, and what it did first."""

    level: int
    dispatched_at: dt.datetime
    accepted_at: dt.datetime | None
    arrived_at: dt.datetime | None
    done_at: dt.datetime | None


class Counted(NamedTuple):
    """A record: its elevator, its day, the kind of evidence and its key, and what it was counted as.

    `counted`: on_time, late, second; passed, failed; fault, held (an elevator under contract, without a record).
    `course` of a rescue; `times`: how often people were shut in that elevator in the year.
    `use_unit` of a change, 0 where there was none: changes count by use unit.
    """

    elevator: int
    on: str
    evidence: str
    key: int
    counted: str
    course: Course | None = None
    times: int | None = None
    use_unit: int | None = None


def of_unit(session: AnySession, run: ScoreRun, unit_id: int, item: Item) -> list[Counted]:
    """What was counted for a unit, in order of elevator and day."""
    facts = Facts(session, frame_of_run(run))
    return _READERS[item](facts, unit_id)


def _rescues(facts: Facts, unit: int) -> list[Counted]:
    found = []
    for (_, level, key), calls in read.rescues(facts, unit, unit).items():
        outcome = call_of(calls, facts.frame.as_of)
        if outcome is not None and (level == 1 or outcome is Outcome.ON_TIME):
            counted = "second" if level == 2 else outcome.value
            course = Course(level, calls[0].dispatched_at, *done_by(calls))
            found.append(Counted(calls[0].elevator_id, calls[0].day, "rescue", key, counted, course))
    return found


def _complaints(facts: Facts, unit: int) -> list[Counted]:
    found = []
    for row in facts.session.execute(read.complaints_of(facts, unit, unit)):
        outcome = read.complaint_outcome(row, facts.frame.as_of)
        if outcome is not None:
            on = clock.local_day(row.complained_at).isoformat()
            found.append(Counted(row.elevator_id, on, "complaint", row.id, outcome.value))
    return found


def _inspections(facts: Facts, unit: int) -> list[Counted]:
    rows: Any = facts.session.execute(read.inspections_of(facts, unit, unit)).all()
    failed = {record.key for record in read.inspection(facts, unit, unit)[unit].failed}
    return [
        Counted(elevator, on.isoformat(), "inspection", key, "failed" if key in failed else "passed")
        for elevator, on, key in rows
    ]


def _faults(facts: Facts, unit: int) -> list[Counted]:
    of_unit = read.fault(facts, unit, unit)[unit]
    found = [
        Counted(one.elevator, one.on, "rescue", one.key, "fault", times=of_unit.in_year.get(one.elevator, 0))
        for one in of_unit.entrapments
    ]
    held = facts.session.scalars(read.elevators_of(facts, unit))
    return found + [Counted(elevator, "", "", elevator, "held") for elevator in held]


def _changes(facts: Facts, unit: int) -> list[Counted]:
    rows = facts.session.execute(read.changes_of(facts, unit, unit))
    return [
        Counted(row.elevator_id, row.applied_on.isoformat(), "application", row.application_id,
                "late" if row.late else "on_time", use_unit=row.use_unit)
        for row in rows
    ]  # fmt: skip


_READERS = {
    Item.RESCUE: _rescues, Item.FEEDBACK: _complaints, Item.INSPECTION: _inspections, Item.FAULT: _faults,
    Item.CHANGE: _changes,
}  # fmt: skip


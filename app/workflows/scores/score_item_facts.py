"""What SCO-02 to SCO-06 count of some units, as it was known at an instant (`rules.score_items`).

What is surely in time is counted by the database; every other record is read and told by its rule. Records belong to
the unit that was in charge on their day, which stands on the record itself.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from sqlalchemy import Select, and_, false, func, literal_column, not_, or_, select

from app import clock
from app.models import (
    Appeal,
    Application,
    ApplicationStep,
    Complaint,
    ContractElevator,
    Elevator,
    Inspection,
    Rescue,
    RescueDispatch,
    Unit,
    UnitChange,
)
from app.models.rescues_then import cases_then
from app.rules import complaints, score_items
from app.rules.calendar import day_end, day_start, year_start
from app.rules.complaints import Course, Hours
from app.rules.inspection import YEARLY, InspectionKind, InspectionResult
from app.rules.other_scores import Outcome, RescueMinutes
from app.rules.score_items import Item, Record
from app.workflows.scores.score_calls import TAKEN_BACK, Call, call_of, stepped_back, then
from app.workflows.scores.score_facts import Facts
from app.workflows.scores.score_frame import Frame
from app.workflows.scores.score_scale import scale_of

_unit: Any = Unit.__table__.c
_bound: Any = ContractElevator.__table__.c
_elevator: Any = Elevator.__table__.c
_rescue: Any = Rescue.__table__.c
_call: Any = RescueDispatch.__table__.c
_complaint: Any = Complaint.__table__.c
_inspection: Any = Inspection.__table__.c
_paper: Any = Application.__table__.c
_change: Any = UnitChange.__table__.c
_step: Any = ApplicationStep.__table__.c
_appeal: Any = Appeal.__table__.c
# A change of unit that came to nothing is none.
COME_TO_NOTHING = ("rejected", "withdrawn")
ENTRAPMENT, POWER_CUT = "entrapment", "power_cut"
Found = defaultdict[int, Any]


def units_of(facts: Facts) -> set[int]:
    """Maintenance units with a record of the period that one of the items is made of; a statement for each kind."""
    held: set[int] = set()
    for units in (_called_out(facts), _complained(facts), _inspected(facts), _changed(facts)):
        asked = select(_unit.id).where(_unit.is_maintenance, _unit.id.in_(units))
        held |= {*facts.session.scalars(asked)}
    return held


def _scale(facts: Facts) -> score_items.Scale:
    frame = facts.frame
    return scale_of(facts.session, frame.region_code, frame.to_on, frame.as_of)


def _instants(frame: Frame, at: Any) -> Any:
    """An instant within the period's days."""
    return and_(at >= day_start(frame.from_on), at < day_end(frame.to_on), at <= frame.as_of)


def _day(instant: dt.datetime) -> str:
    return clock.local_day(instant).isoformat()


# --- SCO-02


def _calls(facts: Facts) -> Any:
    """First-level calls of the elevator's own unit, second-level ones of another; joined cases count nowhere."""
    frame = facts.frame
    own = and_(_call.level == 1, _call.unit_id == _rescue.unit_id)
    helped = and_(_call.level == 2, or_(_rescue.unit_id.is_(None), _call.unit_id != _rescue.unit_id))
    ended = and_(_rescue.ended_at.is_not(None), _rescue.ended_at <= frame.as_of)
    real = or_(_rescue.outcome.is_(None), _rescue.outcome == ENTRAPMENT)
    return and_(
        _instants(frame, _call.dispatched_at), frame.within(_rescue.region_code), or_(own, helped),
        or_(not_(ended), and_(real, _rescue.joined_to_id.is_(None))), frame.rows_here(_rescue),
    )  # fmt: skip


def _called_out(facts: Facts) -> Select[Any]:
    return select(_call.unit_id).join(Rescue.__table__, _rescue.id == _call.rescue_id).where(_calls(facts))


def _surely_on_time(facts: Facts) -> Any:
    """The only call of a case of which no step was late, arrival included: in time whatever else."""
    other = RescueDispatch.__table__.alias("other").c
    alone = ~select(other.id).where(other.rescue_id == _call.rescue_id, other.id != _call.id).exists()
    return and_(
        _call.level == 1, _call.done_at.is_not(None), _rescue.late_steps.is_(None),
        _rescue.ended_at <= facts.frame.as_of, alone,
    )  # fmt: skip


def rescue(facts: Facts, first: int, last: int) -> Found:
    """A case counts once for a unit and level, from the first call that the desk did not take back."""
    found: Found = defaultdict(partial(score_items.Rescue, scale=_scale(facts)))
    surely = _surely_on_time(facts)
    counted = select(_call.unit_id, func.count()).join(Rescue.__table__, _rescue.id == _call.rescue_id)
    counted = counted.where(_call.unit_id.between(first, last), _calls(facts), surely).group_by(_call.unit_id)
    for unit_id, times in facts.session.execute(counted):
        found[unit_id].on_time += times
    for (unit_id, level, key), calls in rescues(facts, first, last, but=surely).items():
        outcome, record = call_of(calls, facts.frame.as_of), Record(calls[0].elevator_id, calls[0].day, key)
        if level == 2 and outcome is Outcome.ON_TIME:
            found[unit_id].second.append(record)
        elif level == 1 and outcome is Outcome.ON_TIME:
            found[unit_id].on_time += 1
        elif level == 1 and outcome is Outcome.LATE:
            found[unit_id].late.append(record)
    return found


def rescues(facts: Facts, first: int, last: int, but: Any = None) -> dict[tuple[int, int, int], list[Call]]:
    """The calls of each (unit, level, case) in order of elevator and time; `but`: those to leave out."""
    as_of = facts.frame.as_of
    statement = (
        select(
            _call.unit_id, _call.level, _rescue.id, _rescue.elevator_id, _rescue.accept_minutes, _rescue.arrive_minutes,
            _rescue.done_minutes, _call.dispatched_at, _call.accepted_at, _call.arrived_at, _call.done_at,
            _call.ended_at, _call.end_reason, _rescue.appeal_upheld_at, _call.id.label("call_id"),
            stepped_back(facts.frame).label("back"),
        )
        .join(Rescue.__table__, _rescue.id == _call.rescue_id)
        .where(_call.unit_id.between(first, last), _calls(facts))
        .order_by(_rescue.elevator_id, _call.dispatched_at, _call.id)
    )  # fmt: skip
    if but is not None:
        statement = statement.where(not_(func.coalesce(but, false())))
    rows = list(_in_blocks(facts, statement))
    retold = cases_then(facts.session, {row.id for row in rows if row.back}, as_of)
    found: dict[tuple[int, int, int], list[Call]] = defaultdict(list)
    for row in rows:
        case = retold.get(row.id)
        if case is not None and case.is_over and case.outcome != ENTRAPMENT:
            continue
        held = None if case is None else case.calls.get(row.call_id)
        returned = row.end_reason == TAKEN_BACK and then(row.ended_at, as_of) if held is None else held.returned
        if returned:
            continue
        told = row if held is None else held
        minutes = RescueMinutes(row.accept_minutes, row.arrive_minutes, row.done_minutes)
        upheld = row.level == 1 and then(row.appeal_upheld_at, as_of) is not None
        found[row.unit_id, row.level, row.id].append(
            Call(
                row.elevator_id, _day(row.dispatched_at), row.dispatched_at, then(told.accepted_at, as_of),
                then(told.arrived_at, as_of), then(told.done_at, as_of), then(told.ended_at, as_of), minutes, upheld,
            )
        )  # fmt: skip
    return found


# --- SCO-05


def _faults(facts: Facts) -> Any:
    """困人 that ended, not caused by a power cut, of the year through the period's end or of the period.

    And those that may have been one before a step back: `cases_then` tells.
    """
    frame = facts.frame
    begin = min(frame.from_on, year_start(frame.to_on))
    stands = and_(
        _rescue.ended_at <= frame.as_of, _rescue.outcome == ENTRAPMENT,
        or_(_rescue.cause.is_(None), _rescue.cause != POWER_CUT), _rescue.joined_to_id.is_(None),
    )  # fmt: skip
    return and_(
        frame.within(_rescue.region_code), _rescue.reported_at >= day_start(begin),
        _rescue.reported_at < day_end(frame.to_on), or_(stands, stepped_back(frame)), frame.rows_here(_rescue),
    )


def fault(facts: Facts, first: int, last: int) -> Found:
    """Elevators under contract with the unit on any day of the period; a 困人 is of who was in charge on its day."""
    found: Found = defaultdict(partial(score_items.Fault, scale=_scale(facts)))
    bound = select(_bound.unit_id, func.count(_bound.elevator_id.distinct())).where(_held(facts, first, last))
    for unit_id, elevators in facts.session.execute(bound.group_by(_bound.unit_id)):
        found[unit_id].elevators = elevators
    in_year: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    rows = list(_in_blocks(facts, faults(facts, first, last)))
    retold = cases_then(facts.session, {row.id for row in rows if row.back}, facts.frame.as_of)
    for unit_id, elevator_id, reported_at, key, back in rows:
        case = retold.get(key)
        if back and (case is None or case.outcome != ENTRAPMENT or case.cause == POWER_CUT):
            continue
        on = clock.local_day(reported_at)
        if on >= facts.frame.from_on:
            found[unit_id].entrapments.append(Record(elevator_id, on.isoformat(), key))
        if on >= year_start(facts.frame.to_on):
            in_year[unit_id][elevator_id] += 1
    for unit_id, held in found.items():
        held.in_year = in_year[unit_id]
    return found


def faults(facts: Facts, first: int, last: int) -> Any:
    """The entrapments of elevators that are under contract with the unit in the period; a statement."""
    covered = select(_bound.id).where(
        _bound.unit_id == _rescue.unit_id, _bound.elevator_id == _rescue.elevator_id, facts.live()
    )
    return (
        select(
            _rescue.unit_id, _rescue.elevator_id, _rescue.reported_at, _rescue.id,
            stepped_back(facts.frame).label("back"),
        )
        .where(_rescue.unit_id.between(first, last), _faults(facts), covered.exists())
        .order_by(_rescue.elevator_id, _rescue.reported_at, _rescue.id)
    )


def elevators_of(facts: Facts, unit_id: int) -> Any:
    """The elevators under contract with a unit on any day of the period; a statement."""
    held = select(_bound.elevator_id).where(_held(facts, unit_id, unit_id)).distinct()
    return held.order_by(_bound.elevator_id)


def _held(facts: Facts, first: int, last: int) -> Any:
    return and_(_bound.unit_id.between(first, last), facts.live(), facts.filed_here(_bound.elevator_id))


# --- SCO-03


def _complaints(facts: Facts) -> Any:
    frame = facts.frame
    return and_(
        frame.within(_complaint.region_code), _instants(frame, _complaint.complained_at), frame.rows_here(_complaint)
    )


def _complained(facts: Facts) -> Select[Any]:
    return select(_complaint.unit_id).where(_complaints(facts))


COMPLAINT_COLUMNS = (
    "id", "number", "unit_id", "elevator_id", "complained_at", "accepted_at", "handled_at", "reviewed_at", "sent_back",
    "handled_again_at", "reviewed_again_at", "ended_at", "is_untrue", "accept_hours", "handle_hours", "review_hours",
    "appeal_upheld_at",
)  # fmt: skip


def complaint_outcome(row: Any, as_of: dt.datetime) -> Outcome | None:
    """及时 or 不及时 as known then; None while open in time, and of what a regulator had found untrue by then.

    From the hour in which an appeal was upheld it is 及时.
    """
    ended_at = then(row.ended_at, as_of)
    if ended_at is not None and row.is_untrue:
        return None
    if then(row.appeal_upheld_at, as_of) is not None:
        return Outcome.ON_TIME
    return complaints.outcome(*complaint_course(row, as_of), as_of)


def complaint_course(row: Any, as_of: dt.datetime) -> tuple[Course, Hours]:
    """Its steps as known then, and its limits."""
    names = ("accepted_at", "handled_at", "reviewed_at", "handled_again_at", "reviewed_again_at", "ended_at")
    known = {name: then(getattr(row, name), as_of) for name in names}
    course = Course(row.complained_at, sent_back=row.sent_back, **known)
    return course, Hours(row.accept_hours, row.handle_hours, row.review_hours)


def feedback(facts: Facts, first: int, last: int) -> Found:
    found: Found = defaultdict(score_items.Feedback)
    of_units = and_(_complaint.unit_id.between(first, last), _complaints(facts))
    # Said as a literal, as the partial index says it.
    surely = and_(
        _complaint.state == literal_column("'closed'"), _complaint.closed_at <= facts.frame.as_of,
        _complaint.ended_at.is_(None), _complaint.late_steps.is_(None),
    )  # fmt: skip
    counted = select(_complaint.unit_id, func.count()).where(of_units, surely).group_by(_complaint.unit_id)
    for unit_id, times in facts.session.execute(counted):
        found[unit_id].on_time += times
    for row in _in_blocks(facts, complaints_of(facts, first, last).where(not_(func.coalesce(surely, false())))):
        outcome = complaint_outcome(row, facts.frame.as_of)
        if outcome is Outcome.ON_TIME:
            found[row.unit_id].on_time += 1
        elif outcome is Outcome.LATE:
            found[row.unit_id].late.append(Record(row.elevator_id, _day(row.complained_at), row.id))
    return found


def complaints_of(facts: Facts, first: int, last: int) -> Any:
    """Complaints of the period with what tells their outcome; a statement."""
    columns = (_complaint[name] for name in COMPLAINT_COLUMNS)
    inside = and_(_complaint.unit_id.between(first, last), _complaints(facts))
    return select(*columns).where(inside).order_by(_complaint.elevator_id, _complaint.complained_at, _complaint.id)


# --- SCO-04


def counted_inspections(facts: Facts) -> Any:
    """Records that stood then, of the kinds that inspect an elevator as a whole.

    A 自行检测 that a unit handed in is its own word and counts neither way, an officer's correction of it included.
    """
    frame = facts.frame
    return and_(
        frame.within(_inspection.region_code), _inspection.kind.in_(sorted(kind.value for kind in YEARLY)),
        _inspection.done_on.between(frame.from_on, frame.to_on), _inspection.in_force_from <= frame.as_of,
        or_(_inspection.ended_at.is_(None), _inspection.ended_at > frame.as_of),
        or_(_inspection.kind != InspectionKind.SELF_TEST.value, ~_handed_in()),
    )  # fmt: skip


def _handed_in() -> Any:
    """What came with an application; a record that corrects is what the one before it was, and the one before that."""
    before = Inspection.__table__.alias("before").c
    earlier = select(before.corrects_id).where(before.id == _inspection.corrects_id)
    handed = select(_paper.id).where(
        _paper.entity == Inspection.__tablename__,
        _paper.entity_id.in_([
            _inspection.id, _inspection.corrects_id, earlier.correlate(Inspection.__table__).scalar_subquery(),
        ]),
    )  # fmt: skip
    return handed.correlate(Inspection.__table__).exists()


def _inspected(facts: Facts) -> Select[Any]:
    return select(_inspection.unit_id).where(counted_inspections(facts))


def inspection(facts: Facts, first: int, last: int) -> Found:
    """Elevators inspected, and what failed of them for the unit's reasons: one counts once, however often.

    A 复检合格 says that the first had failed; it heals nothing. What a unit says of itself counts for nothing.
    From the hour in which an appeal was upheld a record tells nothing against the unit.
    """
    found: Found = defaultdict(score_items.Inspection)
    of_units = and_(_inspection.unit_id.between(first, last), counted_inspections(facts))
    seen = select(_inspection.unit_id, func.count(_inspection.elevator_id.distinct())).where(of_units)
    for unit_id, elevators in facts.session.execute(seen.group_by(_inspection.unit_id)):
        found[unit_id].inspected = elevators
    failed = select(_inspection.unit_id, _inspection.elevator_id, _inspection.done_on, _inspection.id).where(
        of_units, _inspection.is_fault, _inspection.result != InspectionResult.PASSED.value,
        or_(_inspection.appeal_upheld_at.is_(None), _inspection.appeal_upheld_at > facts.frame.as_of),
    )
    ordered = failed.order_by(_inspection.elevator_id, _inspection.done_on, _inspection.id)
    for unit_id, elevator_id, on, key in _in_blocks(facts, ordered):
        found[unit_id].failed.append(Record(elevator_id, on.isoformat(), key))
    return found


def inspections_of(facts: Facts, first: int, last: int) -> Any:
    """Elevator, day and key of each record that stood; a statement."""
    columns = _inspection.elevator_id, _inspection.done_on, _inspection.id
    inside = and_(_inspection.unit_id.between(first, last), counted_inspections(facts))
    return select(*columns).where(inside).order_by(*columns)


# --- SCO-06


def counted_changes(facts: Facts) -> Any:
    """Changes due in the period that had been applied for and had not come to nothing."""
    frame = facts.frame
    so_far = and_(_step.application_id == _change.application_id, _step.at <= frame.as_of)
    state = select(_step.state).where(so_far).order_by(_step.id.desc()).limit(1).scalar_subquery()
    return and_(
        frame.within(_change.region_code), _change.due_on.between(frame.from_on, frame.to_on),
        state.not_in(COME_TO_NOTHING),
    )  # fmt: skip


def _late(facts: Facts) -> Any:
    """Applied for too late, and no appeal against that was upheld by then."""
    upheld = select(_appeal.id).where(
        _appeal.entity == "unit_change", _appeal.entity_id == _change.id,
        _appeal.state != literal_column("'withdrawn'"), _appeal.state == "approved",
        _appeal.in_force_from <= facts.frame.as_of,
    )  # fmt: skip
    return and_(_change.late, ~upheld.exists())


def _changed(facts: Facts) -> Select[Any]:
    return select(_change.new_unit_id).where(counted_changes(facts))


def change(facts: Facts, first: int, last: int) -> Found:
    """Changes to the unit by use unit; the line names the application. Of what was never applied for nothing tells."""
    found: Found = defaultdict(score_items.Change)
    use_unit = func.coalesce(_change.use_unit_id, 0)
    of_units = and_(_change.new_unit_id.between(first, last), counted_changes(facts))
    seen = select(_change.new_unit_id, func.count(use_unit.distinct())).where(of_units)
    for unit_id, use_units in facts.session.execute(seen.group_by(_change.new_unit_id)):
        found[unit_id].use_units = use_units
    late = select(
        _change.new_unit_id, use_unit, _change.elevator_id, _change.applied_on, _change.application_id
    ).where(of_units, _late(facts))
    for unit_id, use_unit_id, elevator_id, on, key in _in_blocks(facts, late.order_by(_change.applied_on, _change.id)):
        found[unit_id].late.setdefault(use_unit_id, []).append(Record(elevator_id, on.isoformat(), key))
    return found


def changes_of(facts: Facts, first: int, last: int) -> Any:
    """The changes that were counted; a statement."""
    use_unit = func.coalesce(_change.use_unit_id, 0).label("use_unit")
    columns = _change.elevator_id, _change.applied_on, _change.application_id, _late(facts).label("late"), use_unit
    inside = and_(_change.new_unit_id.between(first, last), counted_changes(facts))
    return select(*columns).where(inside).order_by(_change.elevator_id, _change.applied_on, _change.id)


def _in_blocks(facts: Facts, statement: Any) -> Iterable[Any]:
    return facts.session.execute(statement.execution_options(yield_per=2000))


READERS: dict[Item, Callable[[Facts, int, int], Found]] = {
    Item.RESCUE: rescue, Item.FEEDBACK: feedback, Item.INSPECTION: inspection, Item.FAULT: fault, Item.CHANGE: change,
}  # fmt: skip
EVIDENCE = {
    Item.RESCUE: "rescue", Item.FEEDBACK: "complaint", Item.INSPECTION: "inspection", Item.FAULT: "rescue",
    Item.CHANGE: "application",
}  # fmt: skip

"""What is open of SCO-02 to SCO-06 for a unit in the running period, for `rules.what_if_items`. Reads only.

The facts that are decided are those of a score as known now; how an open record ends is asked of the rule that judges
it in a score, once as if all that is left were done this moment, once as of the day when the score becomes final.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import literal_column, select

from app import clock, scope
from app.models import (
    Application,
    Complaint,
    Contract,
    ContractElevator,
    Elevator,
    Inspection,
    MaintenanceClock,
    Rescue,
    UnitChange,
)
from app.models.among import among
from app.models.policy import policy_value
from app.permissions import Actor
from app.policy import Key
from app.rules import complaints
from app.rules.calendar import day_end, day_start, year_start
from app.rules.complaints import Step
from app.rules.deadlines import due_after_minutes
from app.rules.lifecycle import change_due_on
from app.rules.other_scores import NO_LIMIT
from app.rules.score_items import Item, Record
from app.rules.what_if import Fix, FixKind
from app.rules.what_if_items import (
    Ahead,
    ChangeAhead,
    FaultAhead,
    FeedbackAhead,
    InspectionAhead,
    Open,
    RescueAhead,
    judged_at,
)
from app.transaction import AnySession
from app.workflows.scores import score_item_facts as read
from app.workflows.scores.score_calls import call_of
from app.workflows.scores.score_facts import Facts

_rescue: Any = Rescue.__table__.c
_complaint: Any = Complaint.__table__.c
_contract: Any = Contract.__table__.c
_bound: Any = ContractElevator.__table__.c
_elevator: Any = Elevator.__table__.c
_clock: Any = MaintenanceClock.__table__.c
_inspection: Any = Inspection.__table__.c
_change: Any = UnitChange.__table__.c
DAY = dt.timedelta(days=1)
# No policy can give more days to apply for a change.
SIGNED_DAYS = 365
# What is appealed against in each item; how often people were shut in is no judgement.
_DISPUTED: dict[Item, tuple[str, Any]] = {
    Item.RESCUE: ("rescue", Rescue), Item.FEEDBACK: ("complaint", Complaint),
    Item.INSPECTION: ("inspection", Inspection), Item.CHANGE: ("unit_change", UnitChange),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class About:
    """What a fix is about: the record's key and number, what is to be done next, the limit that runs.

    `number` is empty where the actor may not see the record. `step`: of a complaint; `accepted`: of a call-out;
    `entity`: what kind of record an appeal is about.
    """

    key: int
    number: str = ""
    step: Step | None = None
    accepted: bool = False
    due_at: dt.datetime | None = None
    entity: str = ""


@dataclass(slots=True)
class Found:
    """The five others of a unit, and what their fixes are about: only what the actor may see is named."""

    ahead: dict[Item, Ahead] = field(default_factory=dict)
    about: dict[Fix, About] = field(default_factory=dict)


# Of a unit's records of a kind those that it may still appeal against, each with the first instant that is too late.
# Who knows stands above (`oversight.appeals.still_open`), so whoever asks brings it along.
Appealable = Callable[[AnySession, int, str, Collection[int], dt.datetime], Mapping[int, dt.datetime | None]]


def read_ahead(
    facts: Facts, actor: Actor, unit_id: int, today: dt.date, appealable: Appealable | None = None
) -> Found:
    """All of it; `facts` are those through the period's last day, as known now."""
    reader = _Reader(facts, unit_id, today, appealable)
    reader.found.ahead = {
        Item.RESCUE: reader.rescue(), Item.FEEDBACK: reader.feedback(), Item.INSPECTION: reader.inspection(),
        Item.FAULT: reader.fault(), Item.CHANGE: reader.change(),
    }  # fmt: skip
    about = reader.found.about
    done = {FixKind.FREE: Rescue, FixKind.SETTLE: Complaint, FixKind.APPLY: Contract}
    appealed: dict[str, Any] = dict(_DISPUTED.values())
    of_model: dict[Any, list[Fix]] = {}
    for fix, one in about.items():
        of_model.setdefault(appealed[one.entity] if one.entity else done[fix.kind], []).append(fix)
    for model, some in of_model.items():
        numbers = _numbers(facts.session, actor, model, {about[fix].key for fix in some})
        about |= {fix: replace(about[fix], number=numbers.get(about[fix].key, "")) for fix in some}
    return reader.found


def _numbers(session: AnySession, actor: Actor, model: Any, keys: Collection[int]) -> dict[int, str]:
    """By key, of those records that the actor may see."""
    if not keys:
        return {}
    if model is UnitChange:
        # It has no number of its own: the application's.
        statement = select(UnitChange.id, Application.number).join(UnitChange.application)
    else:
        statement = select(model.id, model.number)
    named = scope.apply(statement.where(among(session, model.id, keys)), actor, model)
    return dict(session.execute(named.execution_options(skip_scope=True)).all())


class _Reader:
    """Reads what stands about one unit; `found.about` grows with each item."""

    def __init__(self, facts: Facts, unit_id: int, today: dt.date, appealable: Appealable | None) -> None:
        self._facts, self._unit, self._today, self._appealable = facts, unit_id, today, appealable
        self._now, self._end = facts.frame.as_of, judged_at(facts.frame.to_on)
        self.found = Found()

    def _decided(self, item: Item) -> Any:
        # A unit without any is made by the reader too: it weighs as the region says.
        return read.READERS[item](self._facts, self._unit, self._unit)[self._unit]

    def _disputed(self, item: Item, records: Iterable[Record]) -> dict[Fix, Record]:
        """Of the records that are held against the unit those that may still be appealed against."""
        entity, session = _DISPUTED[item][0], self._facts.session
        by_key = {record.key: record for record in records}
        if self._appealable is None or not by_key:
            return {}
        if item is Item.CHANGE:
            # A score names the application; the appeal is about the change that it asks for.
            changes = select(_change.application_id, _change.id).where(
                among(session, _change.application_id, by_key)
            )
            by_key = {key: by_key[application] for application, key in session.execute(changes)}
        found: dict[Fix, Record] = {}
        for key, until in self._appealable(session, self._unit, entity, by_key, self._now).items():
            fix = Fix(FixKind.APPEAL, f"{entity}-{key}")
            found[fix] = by_key[key]
            self.found.about[fix] = About(key, due_at=until, entity=entity)
        return found

    def rescue(self) -> RescueAhead:
        """Calls of cases that are not over, and to which this unit can still go."""
        own: list[Open] = []
        helping: list[Open] = []
        over = _rescue.ended_at.is_not(None)
        for (_, level, key), calls in read.rescues(self._facts, self._unit, self._unit, but=over).items():
            last = calls[-1]
            if call_of(calls, self._now) is not None or last.ended_at is not None:
                continue
            fix = Fix(FixKind.FREE, f"{level}-{key}")
            begun = last._replace(accepted_at=last.accepted_at or self._now, done_at=self._now)
            done = call_of([*calls[:-1], begun], self._now)
            record = Record(last.elevator_id, calls[0].day, key)
            (own if level == 1 else helping).append(Open(fix, record, done, call_of(calls, self._end)))
            minutes = calls[0].minutes
            accepted = min((call.accepted_at for call in calls if call.accepted_at), default=None)
            start, limit = (accepted, minutes.done) if accepted else (calls[0].dispatched_at, minutes.accept)
            due_at = None if limit == NO_LIMIT else due_after_minutes(start, limit)
            self.found.about[fix] = About(key, accepted=accepted is not None, due_at=due_at)
        decided = self._decided(Item.RESCUE)
        return RescueAhead(decided, own, helping, self._disputed(Item.RESCUE, decided.late))

    def feedback(self) -> FeedbackAhead:
        """Complaints whose limits run; one that waits for the regulator is told already."""
        some: list[Open] = []
        going = read.complaints_of(self._facts, self._unit, self._unit).where(
            _complaint.state != literal_column("'closed'")
        )
        for row in self._facts.session.execute(going):
            if row.ended_at is not None or read.complaint_outcome(row, self._now) is not None:
                continue
            course, hours = read.complaint_course(row, self._now)
            fix = Fix(FixKind.SETTLE, str(row.id))
            record = Record(row.elevator_id, clock.local_day(row.complained_at).isoformat(), row.id)
            done = complaints.outcome(complaints.finished(course, self._now), hours, self._now)
            some.append(Open(fix, record, done, read.complaint_outcome(row, self._end)))
            waits, limit = complaints.open_step(course, hours), complaints.running(course, hours)
            if waits is not None:
                due_at = None if limit is None else limit[1].due_at
                self.found.about[fix] = About(row.id, step=waits[0], due_at=due_at)
        decided = self._decided(Item.FEEDBACK)
        return FeedbackAhead(decided, some, self._disputed(Item.FEEDBACK, decided.late))

    def inspection(self) -> InspectionAhead:
        """Elevators that the unit serves today, due within the period and not inspected in it."""
        frame = self._facts.frame
        seen = select(_inspection.id).where(
            _inspection.unit_id == self._unit, _inspection.elevator_id == _elevator.id,
            read.counted_inspections(self._facts),
        )
        due = (
            select(_elevator.next_inspection_on)
            .join(MaintenanceClock.__table__, _clock.elevator_id == _elevator.id)
            .where(
                _clock.unit_id == self._unit, _clock.in_use, _clock.covered_until >= self._today,
                frame.within(_elevator.region_code), _elevator.next_inspection_on <= frame.to_on, ~seen.exists(),
            )
        )  # fmt: skip
        days = self._facts.session.scalars(due).all()
        decided = self._decided(Item.INSPECTION)
        return InspectionAhead(decided, days, self._today, self._disputed(Item.INSPECTION, decided.failed))

    def fault(self) -> FaultAhead:
        """Entrapments that are still being worked on, of elevators under contract with the unit."""
        frame = self._facts.frame
        covered = select(_bound.id).where(
            _bound.unit_id == self._unit, _bound.elevator_id == _rescue.elevator_id, self._facts.live()
        )
        going = select(_rescue.elevator_id, _rescue.reported_at, _rescue.id).where(
            _rescue.unit_id == self._unit, _rescue.ended_at.is_(None), _rescue.joined_to_id.is_(None),
            _rescue.reported_at >= day_start(frame.from_on), _rescue.reported_at < day_end(frame.to_on),
            frame.within(_rescue.region_code), covered.exists(),
        )  # fmt: skip
        coming = [
            Record(elevator, clock.local_day(reported_at).isoformat(), key)
            for elevator, reported_at, key in self._facts.session.execute(going)
        ]
        return FaultAhead(self._decided(Item.FAULT), coming, year_start(frame.to_on).isoformat())

    def change(self) -> ChangeAhead:
        """Contracts lately signed with a use unit whose elevators another unit is filed for, and no change of which
        was applied for: a change binds the elevators to its contract, so such a contract has none yet."""
        held, frame = self._facts, self._facts.frame
        theirs = select(_elevator.id).where(
            _elevator.use_unit_id == _contract.use_unit_id, _elevator.approved_version > 0,
            _elevator.status != "scrapped", _elevator.maintenance_unit_id != self._unit,
            frame.within(_elevator.region_code),
        )  # fmt: skip
        own = _change.new_unit_id == self._unit
        applied = select(_change.id).where(own, _change.contract_id == _contract.id)
        counted = select(_change.id).where(
            own, _change.use_unit_id == _contract.use_unit_id, read.counted_changes(held)
        )
        bound = select(_bound.id).where(_bound.contract_id == _contract.id)
        signed = select(_contract.id, _contract.use_unit_id, _contract.signed_on, _contract.region_code).where(
            _contract.unit_id == self._unit,
            _contract.signed_on.between(self._today - SIGNED_DAYS * DAY, self._today),
            theirs.exists(), ~applied.exists(), ~counted.exists(), ~bound.exists(),
        )  # fmt: skip
        some: dict[Fix, int] = {}
        for key, use_unit_id, signed_on, code in self._in_order(signed):
            due_on = change_due_on(signed_on, int(policy_value(held.session, Key.UNIT_CHANGE_DAYS, code, signed_on)))
            if self._today <= due_on and frame.from_on <= due_on <= frame.to_on:
                fix = Fix(FixKind.APPLY, str(key))
                some[fix] = use_unit_id
                self.found.about[fix] = About(key, due_at=day_end(due_on))
        decided = self._decided(Item.CHANGE)
        late = [record for records in decided.late.values() for record in records]
        return ChangeAhead(decided, some, self._disputed(Item.CHANGE, late))

    def _in_order(self, statement: Any) -> Iterable[Any]:
        return self._facts.session.execute(statement.order_by(_contract.signed_on, _contract.id))

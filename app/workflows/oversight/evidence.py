"""Records as evidence, for an enforcement or an appeal: found by key within scope, put into words once (ANO-03).

A key is written `visit-17`. The words are kept with the enforcement, so it can be read when the record is long gone.
A line of a score's ledger stands for the record behind it: lines go with their run, records stay.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app import clock
from app.errors import Refusal
from app.models import (
    Complaint,
    Elevator,
    Enforcement,
    EnforcementEvidence,
    FraudCase,
    Inspection,
    MaintenanceClock,
    OverduePeriod,
    Rescue,
    ScoreEntry,
    UnitChange,
    Visit,
)
from app.models.choices import INSPECTION_KIND, INSPECTION_RESULT, VISIT_STATE
from app.models.complaint import COMPLAINT_KIND
from app.models.fraud import CASE_OUTCOME
from app.permissions import Actor, Verb
from app.rules.enforcement import (
    KIND_LABELS,
    STATE_LABELS,
    EnforcementKind,
    EnforcementState,
    unknown_evidence,
)
from app.rules.other_scores import Outcome
from app.scope import visible
from app.transaction import AnySession
from app.wording import say, together
from app.workflows.public import complaints
from app.workflows.rescue import rescue_course


@dataclass(frozen=True, slots=True)
class Item:
    """One record as evidence: whose it is (either side of the elevator may answer for it), where, when, in words."""

    entity: str
    entity_id: int
    units: tuple[int | None, ...]
    elevator_id: int | None
    happened_on: dt.date | None
    said: str

    @property
    def key(self) -> str:
        return f"{self.entity}-{self.entity_id}"


@dataclass(frozen=True, slots=True)
class Kind:
    """What records of a table mean as evidence, and what reading one needs."""

    model: Any
    verb: Verb
    item: Callable[[AnySession, Any, dt.datetime], Item]


def items(session: AnySession, actor: Actor, keys: Sequence[str], at: dt.datetime) -> list[Item]:
    """The records of these keys, each once, in the order given; Refusal for one that there is not or that is hidden."""
    found = (_item(session, actor, key, at) for key in dict.fromkeys(keys))
    return list({item.key: item for item in found}.values())


def keep(session: AnySession, row: Enforcement, found: Sequence[Item]) -> None:
    """Make the enforcement's evidence what was found; what stands already keeps the words that it had."""
    statement = select(EnforcementEvidence).where(EnforcementEvidence.enforcement_id == row.id)
    held = {f"{one.entity}-{one.entity_id}": one for one in session.scalars(statement)}
    wanted = {item.key for item in found}
    for key, one in held.items():
        if key not in wanted:
            session.delete(one)
    session.add_all(
        EnforcementEvidence(
            enforcement_id=row.id, entity=item.entity, entity_id=item.entity_id, elevator_id=item.elevator_id,
            happened_on=item.happened_on, said=item.said,
        )
        for item in found if item.key not in held
    )  # fmt: skip
    session.flush()


def of(session: AnySession, key: int) -> list[EnforcementEvidence]:
    """The evidence of an enforcement that the caller may read, oldest first."""
    statement = select(EnforcementEvidence).where(EnforcementEvidence.enforcement_id == key)
    return list(session.scalars(statement.order_by(EnforcementEvidence.happened_on, EnforcementEvidence.id)))


def against(session: AnySession, entity: str, entity_id: int) -> list[int]:
    """The enforcements that stand on a record, whoever may read them."""
    statement = select(EnforcementEvidence.enforcement_id).where(
        EnforcementEvidence.entity == entity, EnforcementEvidence.entity_id == entity_id
    )
    return list(session.scalars(statement))


def _item(session: AnySession, actor: Actor, key: str, at: dt.datetime) -> Item:
    entity, _dash, number = key.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise unknown_evidence(key)
    if entity == "score_entry":
        return _of_line(session, actor, int(number), key, at)
    kind = KINDS.get(entity)
    if kind is None or not actor.may(kind.verb):
        raise unknown_evidence(key)
    try:
        row = visible(session, actor, kind.model, int(number), "这条证据")
    except Refusal:
        raise unknown_evidence(key) from None
    return kind.item(session, row, at)


def _of_line(session: AnySession, actor: Actor, number: int, key: str, at: dt.datetime) -> Item:
    """A ledger line: the record behind it, under the name of its own table."""
    try:
        line: ScoreEntry = visible(session, actor, ScoreEntry, number, "这条账目")
    except Refusal:
        raise unknown_evidence(key) from None
    entity = LINES.get(line.evidence or "")
    if entity is None or line.evidence_id is None:
        raise unknown_evidence(key)
    found: int | None = line.evidence_id
    if entity == "unit_change":
        # The line names the application, as its reader knows it.
        asked = select(UnitChange.id).where(UnitChange.application_id == line.evidence_id)
        found = session.scalar(asked.execution_options(skip_scope=True))
    return _item(session, actor, f"{entity}-{found}", at)


def _visit(session: AnySession, row: Visit, at: dt.datetime) -> Item:
    said = say(
        "维保记录 %(on)s　%(code)s　%(state)s%(why)s", on=row.visit_on, code=_code(row), state=VISIT_STATE[row.state],
        why=say("（%(why)s）", why=row.state_reason) if row.state_reason else "",
    )  # fmt: skip
    return Item("visit", row.id, (row.unit_id,), row.elevator_id, row.visit_on, said)


def _overdue(session: AnySession, row: OverduePeriod, at: dt.datetime) -> Item:
    code = row.elevator.code
    said = (
        say("超期记录　%(code)s　期限 %(on)s，%(done)s 才维保", code=code, on=row.limit_on, done=row.done_late_on)
        if row.done_late_on else say("超期记录　%(code)s　期限 %(on)s，没有维保", code=code, on=row.limit_on)
    )  # fmt: skip
    return Item("overdue_period", row.id, (row.unit_id,), row.elevator_id, row.limit_on, said)


def _complaint(session: AnySession, row: Complaint, at: dt.datetime) -> Item:
    on = clock.local_day(row.complained_at)
    late = complaints.is_late(row, at)
    kinds = together((say("%(kind)s", kind=COMPLAINT_KIND[kind]) for kind in row.kinds), "、")
    said = say(
        "投诉 %(on)s　%(code)s　%(kinds)s%(late)s", on=on, code=row.code, kinds=kinds,
        late=say("，处置不及时") if late else "",
    )  # fmt: skip
    return Item("complaint", row.id, (row.unit_id, row.use_unit_id), row.elevator_id, on, said)


def _inspection(session: AnySession, row: Inspection, at: dt.datetime) -> Item:
    said = say(
        "%(kind)s %(on)s　%(code)s　报告 %(number)s　%(result)s", kind=INSPECTION_KIND[row.kind], on=row.done_on,
        code=row.elevator.code, number=row.number, result=INSPECTION_RESULT[row.result],
    )  # fmt: skip
    return Item("inspection", row.id, (row.unit_id, row.use_unit_id), row.elevator_id, row.done_on, said)


def _rescue(session: AnySession, row: Rescue, at: dt.datetime) -> Item:
    on = clock.local_day(row.reported_at)
    late = rescue_course.outcome_of(row, at) is Outcome.LATE
    said = say(
        "困人救援 %(on)s　%(code)s　%(number)s%(late)s", on=on, code=row.code, number=row.number,
        late=say("，处置不合规") if late else "",
    )  # fmt: skip
    return Item("rescue", row.id, (row.unit_id, row.use_unit_id), row.elevator_id, on, said)


def _unit_change(session: AnySession, row: UnitChange, at: dt.datetime) -> Item:
    said = say(
        "维保变更　%(code)s　%(signed)s 签订合同，%(applied)s 申请%(late)s", code=row.elevator.code,
        signed=row.signed_on, applied=row.applied_on, late=say("，不及时") if row.late else "",
    )  # fmt: skip
    return Item("unit_change", row.id, (row.new_unit_id,), row.elevator_id, row.applied_on, said)


def _fraud_case(session: AnySession, row: FraudCase, at: dt.datetime) -> Item:
    """With what it was decided to be; one that is not decided says so."""
    on = clock.local_day(row.decided_at or row.opened_at)
    outcome = CASE_OUTCOME[row.outcome] if row.outcome else say("没有认定")
    said = say("签到核查案件 %(number)s　%(outcome)s", number=row.number, outcome=outcome)
    return Item("fraud_case", row.id, (row.unit_id,), None, on, said)


def _elevator(session: AnySession, row: Elevator, at: dt.datetime) -> Item:
    """What the elevator is warned of on that day; an elevator that nothing is wrong with is evidence of nothing."""
    today = clock.local_day(at)
    held = session.get(MaintenanceClock, row.id)
    warned = []
    if held is not None and held.in_use and held.missed:
        warned.append(say("维保超期 %(n)s 期", n=held.missed))
    if held is not None and held.in_use and (held.covered_until is None or held.covered_until < today):
        warned.append(say("没有生效的维保合同"))
    if row.next_inspection_on is not None and row.next_inspection_on < today:
        warned.append(say("应于 %(on)s 前检验", on=row.next_inspection_on))
    what = together(warned, "，") if warned else say("现在没有预警")
    said = say("电梯 %(code)s %(on)s：%(what)s", code=row.code, on=today, what=what)
    return Item("elevator", row.id, (row.maintenance_unit_id, row.use_unit_id), row.id, today, said)


def _enforcement(session: AnySession, row: Enforcement, at: dt.datetime) -> Item:
    """An earlier one that was not heeded."""
    said = say(
        "%(kind)s %(on)s　%(number)s　%(state)s", kind=KIND_LABELS[EnforcementKind(row.kind)], on=row.decided_on,
        number=row.number, state=STATE_LABELS[EnforcementState(row.state)],
    )  # fmt: skip
    return Item("enforcement", row.id, (row.unit_id,), None, row.decided_on, said)


def _code(row: Visit) -> str:
    return str((row.snapshot or {}).get("code") or row.elevator.code)


KINDS: dict[str, Kind] = {
    "visit": Kind(Visit, Verb.VISIT_READ, _visit),
    "overdue_period": Kind(OverduePeriod, Verb.ORDER_READ, _overdue),
    "complaint": Kind(Complaint, Verb.COMPLAINT_READ, _complaint),
    "inspection": Kind(Inspection, Verb.INSPECTION_READ, _inspection),
    "unit_change": Kind(UnitChange, Verb.APPLICATION_READ, _unit_change),
    "rescue": Kind(Rescue, Verb.RESCUE_READ, _rescue),
    "fraud_case": Kind(FraudCase, Verb.FRAUD_CASE, _fraud_case),
    "elevator": Kind(Elevator, Verb.ELEVATOR_READ, _elevator),
    "enforcement": Kind(Enforcement, Verb.ENFORCEMENT_READ, _enforcement),
}
# What a ledger's line names its evidence, and the table that it is in. A new rate adds its own here.
LINES = {
    "visit": "visit", "overdue": "overdue_period", "complaint": "complaint", "inspection": "inspection",
    "rescue": "rescue", "application": "unit_change",
}  # fmt: skip

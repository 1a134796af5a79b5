"""Appeals against late rescues (SCO-02), failed inspections (SCO-04) and late changes (SCO-06): what is held, what
upholding one does.

The record stays as it was: `appeal_upheld_at` is known from the decision on, and a score as of an earlier instant does
not know it.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import object_session

from app.errors import Finding
from app.models import Application, ApplicationStep, Inspection, Rescue, RescueStep, UnitChange
from app.permissions import Actor
from app.rules.inspection import YEARLY, InspectionResult
from app.rules.other_scores import Outcome, RescueMinutes
from app.rules.rescues import RescueVerb
from app.rules.score_items import ItemRule
from app.transaction import AnySession
from app.workflows.core import audit
from app.workflows.rescue import rescue_course
from app.workflows.scores.score_calls import TAKEN_BACK, Call, call_of
from app.workflows.scores.score_item_facts import COME_TO_NOTHING

# How often people were shut in is no judgement; what it was caused by is put right on the rescue itself.
NEVER = frozenset({ItemRule.FAULT, ItemRule.FAULT_AGAIN, ItemRule.FAULT_OFTEN, ItemRule.FAULT_LIMIT})
_STEPS = (RescueVerb.BACK, RescueVerb.CLOSE)


def rescue_held(row: Rescue, at: dt.datetime) -> Finding:
    """Late for the elevator's own unit: the case as its badge says, or the unit's call as the score counts it."""
    if rescue_course.is_open(row):
        return Finding("困人救援", False, "还没有结束", "请在救援结束后申诉")
    excused = row.appeal_upheld_at is not None and row.appeal_upheld_at <= at
    late = not excused and (
        rescue_course.outcome_of(row, at) is Outcome.LATE or _own_call(row, at) is Outcome.LATE
    )
    return Finding("困人救援", late, "处置不合规" if late else "没有计为不及时", "" if late else "不需要申诉")


def _own_call(row: Rescue, at: dt.datetime) -> Outcome | None:
    """As SCO-02 judges the first-level calls of the elevator's own unit."""
    session = object_session(row)
    assert session is not None
    minutes = RescueMinutes(row.accept_minutes, row.arrive_minutes, row.done_minutes)
    calls = [
        Call(
            row.elevator_id, "", one.dispatched_at, one.accepted_at, one.arrived_at, one.done_at, one.ended_at, minutes
        )
        for one in rescue_course.calls_of(session, row)
        if one.level == 1 and one.unit_id == row.unit_id and one.end_reason != TAKEN_BACK
    ]
    return call_of(calls, at) if calls else None


def rescue_makers(session: AnySession, row: Rescue) -> set[int | None]:
    """Whoever at the desk ended it, or took a step of it back."""
    steps = select(RescueStep.account_id).where(
        RescueStep.rescue_id == row.id, RescueStep.verb.in_([verb.value for verb in _STEPS])
    )
    return set(session.scalars(steps.execution_options(skip_scope=True)))


def inspection_held(row: Inspection, at: dt.datetime) -> Finding:
    if not row.stands:
        return Finding("检验记录", False, "已更正、作废或没有生效", "不需要申诉")
    excused = row.appeal_upheld_at is not None and row.appeal_upheld_at <= at
    failed = row.is_fault and row.result != InspectionResult.PASSED and row.kind in YEARLY
    ok = failed and not excused
    return Finding("检验记录", ok, "计为不合格" if ok else "没有计为维保单位不合格", "" if ok else "不需要申诉")


def inspection_makers(session: AnySession, row: Inspection) -> set[int | None]:
    """Who entered it, and who approved what a unit had handed in."""
    asked = select(Application.id).where(
        Application.entity == Inspection.__tablename__, Application.entity_id == row.id
    )
    steps = select(ApplicationStep.actor_id).where(
        ApplicationStep.application_id.in_(asked), ApplicationStep.verb.in_(("endorse", "approve"))
    )
    return {row.created_by_id, *session.scalars(steps.execution_options(skip_scope=True))}


def change_held(row: UnitChange, at: dt.datetime) -> Finding:
    if row.application.state in COME_TO_NOTHING:
        return Finding("维保变更", False, "申请已驳回或撤回", "不计入得分，不需要申诉")
    return Finding("维保变更", row.late, "申请不及时" if row.late else "申请及时", "" if row.late else "不需要申诉")


def uphold_change(session: AnySession, actor: Actor, row: UnitChange, reason: str, at: dt.datetime) -> None:
    """The appeal, in force from now on, is what the score asks (`score_item_facts`)."""
    audit.record(session, actor, at, "unit_change.appeal", "unit_change", row.id, after={"reason": reason})


def uphold_rescue(session: AnySession, actor: Actor, row: Rescue, reason: str, at: dt.datetime) -> None:
    row.appeal_upheld_at = at
    session.flush()
    audit.record(session, actor, at, "rescue.appeal", "rescue", row.id, after={"reason": reason})


def uphold_inspection(session: AnySession, actor: Actor, row: Inspection, reason: str, at: dt.datetime) -> None:
    row.appeal_upheld_at = at
    session.flush()
    audit.record(session, actor, at, "inspection.appeal", "inspection", row.id, after={"reason": reason})

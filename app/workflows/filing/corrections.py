"""信息纠错 (ELV-08): who stands before an elevator says what its record has wrong; an officer decides.

Nothing of the record moves before that. What is approved becomes a version of its own with the application as its
reason, like every change of the record. Status, units and days have applications of their own and are none of this.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app import clock, scope
from app.errors import Finding, NotAllowed, raise_failing
from app.models import Application, Elevator
from app.permissions import Actor, Verb, require
from app.rules.lifecycle import ApplicationKind
from app.transaction import AnySession, lock
from app.wording import say, together
from app.workflows.approval import conditions, filing_versions, submissions
from app.workflows.approval.filing_fields import clean, label, snapshot
from app.workflows.approval.following import scans_of
from app.workflows.approval.submissions import Handlers
from app.workflows.core import audit
from app.workflows.filing import filing_checks

KIND = ApplicationKind.CORRECTION
# What can be seen on site: the place, the plates and numbers on machine and car.
FIELDS = (
    "address", "estate", "equipment_code", "registration_code", "certificate_no",
    "factory_no", "internal_no", "site_no", "job_no", "service_no", "model", "manufacturer", "floors", "stops", "doors",
    "plate_state", "network", "latitude", "longitude",
)  # fmt: skip
LONGEST_REASON = 300


def correct(
    session: AnySession, actor: Actor, elevator_id: int, changes: Mapping[str, Any], reason: str,
    photos: Sequence[int], at: dt.datetime,
) -> Application:  # fmt: skip
    """Say what is wrong and what is right instead; empty inputs are no wish. Both units and the officers are told."""
    require(actor, Verb.ELEVATOR_SURVEY)
    elevator = held_by_a_side(session, actor, elevator_id)
    values, found = clean(Elevator, {n: v for n, v in changes.items() if n in FIELDS and str(v or "").strip()})
    reason = reason.strip()
    raise_failing([
        *found, conditions.filed(elevator), conditions.not_in_filing(session, elevator),
        Finding("说明", 0 < len(reason) <= LONGEST_REASON, say("%(n)s 个字", n=len(reason)),
                say("请写明哪里不对、依据是什么，最多 %(n)s 个字", n=LONGEST_REASON), field="reason"),
        *_whole(elevator, values),
    ])  # fmt: skip
    return opened(session, actor, elevator, _others(elevator, values), reason, photos, at)


def opened(
    session: AnySession, actor: Actor, elevator: Elevator, values: Mapping[str, Any], reason: str,
    photos: Sequence[int], at: dt.datetime, evidence: Mapping[str, Any] | None = None,
) -> Application:  # fmt: skip
    """The application itself; `evidence` is what a capture measured."""
    before = {name: value for name, value in snapshot(elevator).items() if name in values}
    names = together(label(Elevator, name) for name in FIELDS if name in values)
    title = say("信息纠错　%(code)s　%(names)s", code=elevator.code, names=names)
    data: dict[str, Any] = {"before": before, "changes": dict(values)} | ({"evidence": dict(evidence or {})})
    return submissions.open_application(
        session, actor, KIND.value, entity=Elevator.__tablename__, entity_id=elevator.id, elevator=elevator,
        title=title, region_code=elevator.region_code, at=at, reason=reason, attachments=photos, data=data,
        parties=[elevator.maintenance_unit_id, elevator.use_unit_id],
    )  # fmt: skip


def _others(elevator: Elevator, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that say something else than the record."""
    stands = snapshot(elevator)
    return {name: value for name, value in values.items() if stands[name] != value}


def _whole(elevator: Elevator, values: Mapping[str, Any]) -> list[Finding]:
    """Something differs, and a position comes with both of its numbers."""
    both = ("latitude" in values) == ("longitude" in values)
    differs = bool(_others(elevator, values))
    return [
        Finding("更正内容", differs, "没有与档案不同的内容" if not differs else "与档案不同", "请填写正确的内容",
                field="changes"),
        Finding("经纬度", both, "只填了一个", "纬度和经度请一起填写", field="latitude"),
    ]  # fmt: skip


def held_by_a_side(session: AnySession, actor: Actor, elevator_id: int) -> Elevator:
    """The elevator, held, of whoever maintains or uses it; an account with its own elevators has to have this one."""
    found: Elevator = scope.visible(session, actor, Elevator, elevator_id, "这台电梯")
    if actor.unit_id is None or actor.unit_id not in (found.maintenance_unit_id, found.use_unit_id):
        raise NotAllowed(Finding("单位", False, "不是本单位使用或维保的电梯", "请由使用单位或维保单位的人员办理"))
    row = lock(session, Elevator, elevator_id)
    assert row is not None
    return row


# --- as an application


def findings(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    """In force, in no filing, still what the correction was about, and whole with it."""
    elevator = session.get(Elevator, application.entity_id)
    if elevator is None:
        return [Finding("电梯", False, "没有找到电梯，或不在您的管辖范围内", "请驳回")]
    before, changes = application.data.get("before") or {}, application.data.get("changes") or {}
    stands = snapshot(elevator)
    moved = [name for name in before if stands.get(name) != before[name]]
    _kinds, readable = scans_of(session, application)
    same = Finding(
        "档案没有变", not moved,
        "纠错提交后档案没有改过" if not moved else say("提交后改过%(names)s", names=_names(moved)),
        "" if not moved else "请核对现在的档案，必要时驳回", level="warn",
    )  # fmt: skip
    merged = stands | changes
    held_ok = filing_checks.validate_elevator(session, merged, on=clock.local_day(at), row_id=elevator.id)
    broken = [f for f in held_ok if f.stops and f.field in changes]
    return [
        conditions.filed(elevator), conditions.not_in_filing(session, elevator), same, readable,
        *_measured(application), *broken,
    ]  # fmt: skip


def _names(names: Collection[str]) -> str:
    return together(label(Elevator, name) for name in FIELDS if name in names)


def _measured(application: Application) -> list[Finding]:
    """What the capture measured, where there was one; a move of kilometres is the officer's to see."""
    told = application.data.get("evidence") or {}
    if not told:
        return []
    found = say(
        "现场采集 %(n)s 次，精度约 %(a)s 米，距原位置 %(m)s 米", n=told.get("samples", 0), a=told.get("accuracy", "—"),
        m="—" if told.get("moved") is None else told["moved"],
    )  # fmt: skip
    near = told.get("moved") is None or int(told["moved"]) <= int(told.get("presence_m", 200))
    remedy = "" if near else "移动较大，请核对照片，必要时到现场核实"
    return [Finding("现场采集", near, found, remedy, level="warn")]


def _approved(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
    elevator = lock(session, Elevator, application.entity_id)
    assert elevator is not None  # `findings` would have told
    changes = dict(application.data.get("changes") or {})
    before = {name: value for name, value in snapshot(elevator).items() if name in changes}
    filing_versions.amend(session, elevator, changes, application, clock.local_day(at), at)
    audit.record(
        session, actor, at, "elevator.correct", Elevator.__tablename__, elevator.id, before=before,
        after=changes | {"application": application.number},
    )  # fmt: skip


APPLICATION = Handlers(findings=findings, approved=_approved)

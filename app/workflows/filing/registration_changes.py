"""变更登记 (LIF-06): 改造, 移装, 使用单位变更, 更名, 达到设计使用年限. Each cause may change its own filed fields.

An approval is a version of the elevator of its own. A 移装 into another region is decided by an office over both ends:
its application lies with the nearest node that holds them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.errors import Finding
from app.models import Application, Elevator, Region, Unit
from app.models.sealed import as_held
from app.permissions import Actor
from app.rules.lifecycle import (
    CAUSE_ABOUT,
    CAUSE_ALIKE,
    CAUSE_FIELDS,
    CAUSE_LABELS,
    CAUSE_PAPERS,
    KIND_LABELS,
    ApplicationKind,
    ChangeCause,
    common_region,
)
from app.transaction import AnySession
from app.wording import say, together
from app.workflows.approval import conditions, effects, filing_versions, submissions
from app.workflows.approval.filing_fields import clean, label, snapshot
from app.workflows.approval.submissions import Asked
from app.workflows.core import audit
from app.workflows.filing import filing_checks, filing_effects
from app.workflows.inspection import inspection_clocks

KIND = ApplicationKind.REGISTRATION_CHANGE


def content(session: AnySession, elevator: Elevator, cause: str, typed: Mapping[str, Any]) -> dict[str, Any]:
    """What the application keeps: the cause, and each field that would change with what it is now.

    A field that the cause does not touch, or a value that none can have, becomes a finding among the others.
    """
    known = cause in set(ChangeCause)
    allowed = CAUSE_FIELDS[ChangeCause(cause)] if known else ()
    now = snapshot(elevator)
    values, wrong = clean(Elevator, as_held({n: v for n, v in typed.items() if n in allowed}, now))
    changes = {n: v for n, v in values.items() if (now[n] or None) != (v or None)}
    data: dict[str, Any] = {
        "cause": cause if known else "", "changes": changes, "before": {n: now[n] for n in changes},
        "wrong": [(f.rule, f.field, f.found, f.remedy) for f in wrong],
    }  # fmt: skip
    if changes.get("region_id"):
        place = session.get(Region, changes["region_id"])
        data["to_region"] = place.code if place is not None else None
    return data


def region_of(elevator: Elevator, data: Mapping[str, Any]) -> str:
    """Where the application lies: the elevator's region, or the nearest one over both ends of a move."""
    to_region = data.get("to_region")
    return common_region(elevator.region_code, to_region) if to_region else elevator.region_code


def parties(elevator: Elevator, data: Mapping[str, Any]) -> list[int | None]:
    """Who is told: the units of the elevator, and the use unit that takes over."""
    changes = data.get("changes") or {}
    return [elevator.maintenance_unit_id, elevator.use_unit_id, changes.get("use_unit_id")]


def findings(session: AnySession, kind: str, elevator: Elevator, asked: Asked) -> list[Finding]:
    """A cause with its paper, changes that are its own and would pass a filing, nothing else under way."""
    data = asked.data
    cause = ChangeCause(data["cause"]) if data.get("cause") else None
    found = [
        conditions.filed(elevator), conditions.not_in_filing(session, elevator), conditions.not_scrapped(elevator),
        conditions.alone(session, elevator, KIND, asked.application_id, "变更登记"),
        *conditions.day(KIND_LABELS[KIND], asked), conditions.reason(asked),
    ]  # fmt: skip
    if cause is None:
        return [*found, Finding("变更原因", False, "没有选择变更原因", "请选择改造、移装等原因之一", field="cause")]
    found.append(Finding("变更原因", True, CAUSE_LABELS[cause]))
    found.append(conditions.documents(asked, CAUSE_PAPERS[cause]))
    return found + _changes(session, elevator, cause, asked)


def of_all(session: AnySession, cause: ChangeCause, values: Mapping[str, Any], asked: Asked) -> list[Finding]:
    """What is asked of a form that says the same of many elevators (`CAUSE_ALIKE`), whichever they are.

    `values` are what it would change; what was left blank stays as it is of each.
    """
    found = [*conditions.day(KIND_LABELS[KIND], asked), conditions.reason(asked)]
    found.append(conditions.documents(asked, CAUSE_PAPERS[cause]))
    cleaned, wrong = clean(Elevator, values)
    found += wrong
    about = CAUSE_ABOUT.get(cause) or ""
    if not (cleaned.get(about) if about else cleaned) and not wrong:
        name = about or CAUSE_ALIKE[cause][0]
        remedy = say("请填写变更后的%(name)s", name=label(Elevator, about)) if about else "请填写变更后的内容"
        found.append(Finding("变更内容", False, "没有任何改动", remedy, field=name))
    if cleaned.get("use_unit_id"):
        found.append(_use_unit(session, cleaned["use_unit_id"]))
    return found


def effect(
    session: AnySession, actor: Actor, application: Application, elevator: Elevator, on: dt.date, at: dt.datetime
) -> None:
    """A new version in force; what runs moves with an elevator that moves."""
    changes, before = dict(application.data["changes"]), snapshot(elevator)
    if changes.get("region_id"):
        place = session.get(Region, changes["region_id"])
        assert place is not None
        elevator.region_code = place.code
    filing_versions.amend(session, elevator, changes, application, on, at)
    filing_effects.elevator_in_force(session, elevator, before, application, at, first=False)
    inspection_clocks.refresh(session, [elevator.id], at)
    audit.record(
        session, actor, at, "elevator.registration_change", Elevator.__tablename__, elevator.id,
        before=application.data["before"], after=changes | {"application": application.number},
    )  # fmt: skip
    submissions.tell_effect(session, application, at)


def _changes(session: AnySession, elevator: Elevator, cause: ChangeCause, asked: Asked) -> list[Finding]:
    data = asked.data
    changes, before = data.get("changes") or {}, data.get("before") or {}
    found = [Finding(rule, False, said, remedy, field=name) for rule, name, said, remedy in data.get("wrong") or []]
    about = CAUSE_ABOUT.get(cause)
    if not changes and not found:
        text = "没有任何改动"
        found.append(Finding("变更内容", False, text, "请填写变更后的内容", field=about or CAUSE_FIELDS[cause][0]))
    elif about and about not in changes and not any(f.field == about for f in found):
        name = label(Elevator, about)
        found.append(
            Finding(
                "变更内容",
                False,
                say("%(cause)s没有改%(name)s", cause=CAUSE_LABELS[cause], name=name),
                say("请填写变更后的%(name)s", name=name),
                field=about,
            )
        )
    now = snapshot(elevator)
    moved = [label(Elevator, name) for name, value in before.items() if now[name] != value]
    if asked.application_id is not None:
        text = say("提交后%(names)s又有变动", names=together(moved)) if moved else "与提交时一致"
        found.append(Finding("档案未再变动", not moved, text, "请退回，由申请单位核对后重新提交" if moved else ""))
    names = set(changes)
    whole = filing_checks.validate_elevator(session, now | changes, on=asked.submitted_on, row_id=elevator.id)
    found += [f for f in whole if not f.ok and f.field in names]
    if "use_unit_id" in names:
        found.append(_use_unit(session, changes["use_unit_id"]))
    if not any(f.stops for f in found):
        found.append(
            Finding("变更内容", True, say("改动：%(names)s", names=together(label(Elevator, n) for n in changes)))
        )
    return found


def _use_unit(session: AnySession, key: int | None) -> Finding:
    statement = select(Unit).where(Unit.id == (key or 0)).execution_options(skip_scope=True)
    unit = session.scalar(statement)
    ok = unit is not None and unit.is_use and unit.approved_version > 0
    found = unit.name if unit is not None else "没有这家单位"
    remedy = "" if ok else "请选择名录中审核通过的使用单位，或先办理单位备案"
    return Finding("新使用单位", ok, found + ("" if ok else " 不是审核通过的使用单位"), remedy, field="use_unit_id")


APPLICATION = submissions.Handlers(
    findings=effects.findings, approved=effects.approved, conditions=findings, effect=effect
)

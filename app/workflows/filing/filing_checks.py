"""What a filing must hold before it is submitted, and what the officer is shown before deciding."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import func, or_, select

from app.errors import Finding, Refusal
from app.models import Application, ApplicationParty, Elevator, Region, Unit, UnitChange
from app.models.choices import FILING_STATE
from app.models.policy import policy_value
from app.models.unit import UNIT_KIND_NAMES
from app.rules import identifiers
from app.rules.lifecycle import ApplicationKind
from app.transaction import AnySession
from app.wording import say, together
from app.workflows.access import main_accounts
from app.workflows.approval import effects
from app.workflows.approval.filing_fields import FiledModel, label, required_of

REQUIRED = "必填"
_UNIT_NEEDS = ("uscc", "name", "region_id", "address", "head_name", "head_phone")
_MAINTENANCE_NEEDS = ("licence_no", "licence_grade", "licence_until")
_USE_NEEDS = ("safety_officer", "safety_phone")
_ELEVATOR_NEEDS = ("code", "category", "address", "region_id", "use_unit_id")
_ELEVATOR_WANTS = (
    ("latitude", "没有位置时维保员不能签到，请在现场标注，或按地图标注"),
    ("maintenance_unit_id", "没有维保单位时不会生成维保任务"),
    ("emergency_phone", "制作一梯一码标牌前须填写"),
    ("next_inspection_on", "没有下次检验日期时不能预警，也不能办理停用后启用"),
)
Data = Mapping[str, Any]


def needed_when(model: FiledModel) -> dict[str, str]:
    """Fields that submitting needs though a draft may lack them, and the box that makes them needed ("" = always)."""
    if model is Unit:
        found = dict.fromkeys(_UNIT_NEEDS, "")
        found |= dict.fromkeys(_MAINTENANCE_NEEDS, "is_maintenance") | dict.fromkeys(_USE_NEEDS, "is_use")
    else:
        found = dict.fromkeys(_ELEVATOR_NEEDS, "")
    return {name: box for name, box in found.items() if name not in required_of(model)}


def validate_unit(session: AnySession, data: Data, *, on: dt.date, row_id: int | None = None) -> list[Finding]:
    """Everything that a unit's filing must hold, passing and failing alike (UNT-02, UNT-07)."""
    kinds = [k for k in UNIT_KIND_NAMES if data.get(f"is_{k}")]
    needs = [*_UNIT_NEEDS]
    needs += _MAINTENANCE_NEEDS if data.get("is_maintenance") else ()
    needs += _USE_NEEDS if data.get("is_use") else ()
    findings = [_present(Unit, data, name) for name in needs]
    findings.append(
        Finding(
            "单位类型", bool(kinds), say("已选 %(count)s 种", count=len(kinds)) if kinds else "没有选择单位类型",
            "" if kinds else "请至少选择一种，可以同时是几种", field="is_maintenance",
        )
    )  # fmt: skip
    findings += _region(session, data, on)
    held = _unit(session, row_id)
    if held is not None and held.approved_version:
        findings += _what_stands_on(session, held, data)
    if held is not None:
        findings += _login_name(session, held, data)
    if data.get("uscc"):
        findings += _passes(lambda: identifiers.check_uscc(str(data["uscc"])), "统一社会信用代码")
        findings.append(_alone(session, Unit, "uscc", data["uscc"], row_id))
    findings += _in_order(Unit, data, [("licence_issued_on", "licence_until"), ("established_on", "business_until")])
    findings += _not_later(Unit, data, ["established_on", "licence_issued_on"], on)
    if data.get("business_forever"):
        until = data.get("business_until")
        findings.append(
            Finding(
                "营业期限", not until, say("长期，同时填写了 %(until)s", until=until) if until else "长期",
                "请清空日期，或取消“营业期限为长期”" if until else "", field="business_until",
            )
        )  # fmt: skip
    if data.get("licence_until"):
        valid = dt.date.fromisoformat(data["licence_until"]) >= on
        findings.append(
            Finding(
                "许可有效期", valid, say("许可有效期至 %(licence_until)s%(more)s",
                    licence_until=data["licence_until"], more="" if valid else "，已过期"),
                "" if valid else "请上传新的许可证并更新有效期", field="licence_until", level="warn",
            )
        )  # fmt: skip
    return findings


def _what_stands_on(session: AnySession, row: Unit, data: Data) -> list[Finding]:
    """What a changed filing of a unit in force leaves behind: elevators without a unit of their kind."""
    findings = []
    for kind, column, coming, sentence, later, remedy in (
        ("maintenance", Elevator.maintenance_unit_id, _to_maintain, "去掉了维保类型，但还有 %(n)s 台电梯由本单位维保",
         "去掉了维保类型，但已批准 %(n)s 台电梯到生效日改由本单位维保", "请先办理这些电梯的维保单位变更"),
        ("use", Elevator.use_unit_id, _to_use, "去掉了使用类型，但还有 %(n)s 台电梯由本单位使用",
         "去掉了使用类型，但已批准 %(n)s 台电梯到生效日改由本单位使用", "请先为这些电梯办理变更登记（使用单位变更）"),
    ):
        if not getattr(row, f"is_{kind}") or data.get(f"is_{kind}"):
            continue
        own = select(func.count()).where(column == row.id, Elevator.approved_version > 0, Elevator.status != "scrapped")
        count = session.scalar(own.execution_options(skip_scope=True)) or 0
        if count:
            findings.append(Finding("单位类型", False, say(sentence, n=count), remedy, field=f"is_{kind}"))
        waiting = coming(session, row)
        if waiting:
            wait = "请由申请单位在生效前取消，或在生效后办理变更"
            findings.append(Finding("单位类型", False, say(later, n=waiting), wait, field=f"is_{kind}"))
    return findings


def _to_maintain(session: AnySession, row: Unit) -> int:
    """Elevators whose approved change to this maintenance unit waits for its day."""
    asked = select(func.count()).select_from(UnitChange).join(Application, Application.id == UnitChange.application_id)
    asked = asked.where(UnitChange.new_unit_id == row.id, effects.waits_for_its_day())
    return session.scalar(asked.execution_options(skip_scope=True)) or 0


def _to_use(session: AnySession, row: Unit) -> int:
    """The same of use units. What is asked for is sealed: looked for among what this unit asked or was told of."""
    told = select(ApplicationParty.application_id).where(ApplicationParty.unit_id == row.id)
    asked = select(Application).where(
        Application.kind == ApplicationKind.REGISTRATION_CHANGE.value, effects.waits_for_its_day(),
        or_(Application.unit_id == row.id, Application.id.in_(told)),
    )  # fmt: skip
    found = session.scalars(asked.execution_options(skip_scope=True))
    return sum(one.data["changes"].get("use_unit_id") == row.id for one in found)


def _login_name(session: AnySession, row: Unit, data: Data) -> list[Finding]:
    account = main_accounts.will_follow(session, row, data.get("uscc"))
    if account is None:
        return []
    found = say("主账号的登录名将由 %(old)s 改为 %(new)s", old=account.username, new=data["uscc"])
    return [Finding("登录名", False, found, "审核通过后请用新的代码登录", field="uscc", level="warn")]


def validate_elevator(session: AnySession, data: Data, *, on: dt.date, row_id: int | None = None) -> list[Finding]:
    """Everything that an elevator's filing must hold (ELV-01). Old codes of odd form warn and never refuse."""
    findings = [_present(Elevator, data, name) for name in _ELEVATOR_NEEDS]
    findings += _region(session, data, on)
    if data.get("code"):
        place = session.get(Region, data["region_id"]) if data.get("region_id") else None
        pattern = policy_value(session, "elevator_code_pattern", place.code if place else None, on)
        if pattern:
            findings.append(identifiers.elevator_code_finding(data["code"], pattern))
        findings.append(_alone(session, Elevator, "code", data["code"], row_id))
    for name, warning in (
        ("registration_code", identifiers.registration_code_warning),
        ("certificate_no", identifiers.certificate_no_warning),
        ("equipment_code", identifiers.equipment_code_warning),
    ):
        if data.get(name):
            findings.append(warning(data[name]))
    findings += _in_order(Elevator, data, [("made_on", "commissioned_on"), ("inspected_on", "next_inspection_on")])
    findings += _not_later(Elevator, data, ["made_on", "commissioned_on", "supervised_on", "inspected_on"], on)
    findings += _party(session, data, "use_unit_id", "is_use", "使用单位")
    findings += _party(session, data, "maintenance_unit_id", "is_maintenance", "维保单位")
    for name, remedy in _ELEVATOR_WANTS:
        if data.get(name) is None:
            found = say("没有填写%(elevator)s", elevator=label(Elevator, name))
            findings.append(Finding("建议填写", False, found, remedy, field=name, level="warn"))
    return findings


def unit_by_application(row: Unit | Elevator, data: Data, unit_id: int | None) -> list[Finding]:
    """A unit does not hand an elevator on by way of a filing: there nothing is late and nobody else is told (LIF-05).

    A regulator (no unit) mends a register that was wrong from the start.
    """
    if not isinstance(row, Elevator) or not row.approved_version or row.maintenance_unit_id is None or unit_id is None:
        return []
    same = data.get("maintenance_unit_id") == row.maintenance_unit_id
    return [
        Finding(
            "维保单位变更", same, "维保单位没有改动" if same else "修改备案时改了维保单位",
            "" if same else "请改回现在的维保单位，另行办理维保单位变更；批准后档案随之改变",
            field="maintenance_unit_id", link=None if same else f"/unit-changes/new?code={row.code}",
        )
    ]  # fmt: skip


def rivals(session: AnySession, model: FiledModel, data: Data, row_id: int) -> list[Finding]:
    """For the officer alone: others handed in with the same code and not approved. They block nobody, but are seen.

    A mere draft is its unit's own affair: it is compared when it is handed in.
    """
    name = "uscc" if model is Unit else "code"
    column = getattr(model, name)
    statement = select(model).where(column == data.get(name), model.id != row_id, model.approved_version == 0)
    statement = statement.where(model.filing_state == "pending")
    found: list[Any] = list(session.scalars(statement.order_by(model.id).limit(5).execution_options(skip_scope=True)))
    if not found:
        return []
    named = together(say("%(r)s（填报编号 %(id)s）", r=f"{r!r}", id=r.id) for r in found)
    path = "units" if model is Unit else "elevators"
    return [
        Finding(
            say("%(model)s另有填报", model=label(model, name)), False,
                say("另有未审核通过的填报使用同一%(model)s：%(named)s", model=label(model, name), named=named),
            "请核对哪一份属实；通过其中一份后，另一份不能再通过", field=name, level="warn",
            link=f"/{path}/{found[0].id}",
        )
    ]  # fmt: skip


def parties_in_force(session: AnySession, data: Data) -> list[Finding]:
    """For the approval of an elevator: its units must be approved first."""
    findings = []
    for name, word in (("use_unit_id", "使用单位"), ("maintenance_unit_id", "维保单位")):
        unit = _unit(session, data.get(name))
        if unit is not None:
            ok = unit.approved_version > 0
            sentence = "%(name)s已审核通过" if ok else "%(name)s尚未审核通过"
            findings.append(
                Finding(
                    say("%(word)s已备案", word=word), ok, say(sentence, name=unit.name),
                    "" if ok else say("请先审批该%(word)s的备案", word=word), field=name,
                        link=None if ok else f"/units/{unit.id}",
                )
            )  # fmt: skip
    return findings


def _present(model: FiledModel, data: Data, name: str) -> Finding:
    ok, word = data.get(name) is not None, label(model, name)
    found = say("%(word)s已填写", word=word) if ok else say("%(word)s没有填写", word=word)
    return Finding(REQUIRED, ok, found, "" if ok else say("请填写%(word)s", word=word), field=name)


def _passes(check: Callable[[], Any], rule: str) -> list[Finding]:
    try:
        return [Finding(rule, True, str(check()))]
    except Refusal as refusal:
        return refusal.findings


def _region(session: AnySession, data: Data, on: dt.date) -> list[Finding]:
    if data.get("region_id") is None:
        return []
    place = session.get(Region, data["region_id"])
    ok = place is not None and (place.valid_from or on) <= on and (place.valid_until or on) >= on
    return [
        Finding(
            "所在地区", ok, place.name if place is not None else say("没有编号为 %(region_id)s 的地区",
                region_id=data["region_id"]),
            "" if ok else "请选择现行的地区", field="region_id", value=str(data["region_id"]),
        )
    ]  # fmt: skip


def _alone(session: AnySession, model: FiledModel, name: str, value: str, row_id: int | None) -> Finding:
    """No approved row holds the same code. Compared as stored, which is normalised."""
    statement = select(model).where(getattr(model, name) == value, model.approved_version > 0)
    if row_id is not None:
        statement = statement.where(model.id != row_id)
    other: Any = session.scalar(statement.limit(1).execution_options(skip_scope=True))
    word = label(model, name)
    found = say("%(word)s %(value)s 没有重复", word=word, value=value)
    if other is not None:
        # An elevator's place may be none of the reader's business; a unit's name beside its code is public.
        found = say(
            "%(word)s %(value)s 已由%(name)s备案并审核通过",
            word=word,
            value=value,
            name=other.name if isinstance(other, Unit) else "另一台电梯",
        )
    return Finding(
        say("%(word)s唯一", word=word), other is None, found,
        "" if other is None else "请核对是否填错；如确属本方，请联系登记机关更正原备案", field=name, value=value,
    )  # fmt: skip


def _in_order(model: FiledModel, data: Data, pairs: Iterable[tuple[str, str]]) -> list[Finding]:
    findings = []
    for first, second in pairs:
        if data.get(first) and data.get(second):
            ok = data[first] <= data[second]  # ISO days compare as text
            findings.append(
                Finding(
                    "日期先后", ok,
                    say("%(model)s %(first)s，%(model2)s %(second)s%(more)s", model=label(model, first),
                        first=data[first], model2=label(model, second), second=data[second],
                            more="" if ok else "，先后颠倒"),
                    "" if ok else "请核对这两个日期", field=second, value=data[second],
                )
            )  # fmt: skip
    return findings


def _not_later(model: FiledModel, data: Data, names: Iterable[str], on: dt.date) -> list[Finding]:
    return [
        Finding(
            "日期不晚于今天", False, say("%(model)s %(name)s 在今天（%(on)s）之后", model=label(model, name),
                name=data[name], on=on.isoformat()), "请核对日期",
            field=name, value=data[name],
        )
        for name in names
        if data.get(name) and data[name] > on.isoformat()
    ]  # fmt: skip


def _unit(session: AnySession, key: int | None) -> Unit | None:
    # Outside the reader's scope on purpose: naming an approved unit is what filing is about.
    if key is None:
        return None
    return session.get(Unit, key, execution_options={"skip_scope": True})


def _party(session: AnySession, data: Data, name: str, kind: str, word: str) -> list[Finding]:
    unit = _unit(session, data.get(name))
    if data.get(name) is None:
        return []
    ok = unit is not None and bool(getattr(unit, kind))
    found = f"{unit.name}" if unit is not None else say("没有编号为 %(name)s 的单位", name=data[name])
    if ok and unit is not None and not unit.approved_version:
        state = FILING_STATE[unit.filing_state]
        return [
            Finding(
                word, False, say("%(name)s 已登记，备案%(state)s，还没有通过", name=unit.name, state=state),
                say("电梯可以先上报；该%(word)s的备案通过后才能审批", word=word), field=name, value=str(data[name]),
                link=f"/units/{unit.id}", level="warn",
            )
        ]  # fmt: skip
    return [
        Finding(
            word, ok, found + ("" if ok or unit is None else say("没有备案为%(word)s", word=word)),
            "" if ok else say("请选择备案为%(word)s的单位", word=word), field=name, value=str(data[name]),
        )
    ]  # fmt: skip

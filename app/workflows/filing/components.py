"""Parts that have a life (ELV-05): put in, replaced, taken out; near and over they warn (WRN-01)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock, scope
from app.errors import Finding, Stale, raise_failing, refuse
from app.models import Component, Elevator
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules import parts
from app.rules.calendar import day_finding
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.approval import conditions
from app.workflows.core import audit
from app.workflows.filing.corrections import held_by_a_side

LONGEST = {"name": 40, "model": 60, "note": 200, "installed_by": 60}
RULES = {"name": "组件", "model": "型号规格", "note": "备注", "installed_by": "安装人"}
LONGEST_REASON = 200
FIELDS = ("name", "model", "installed_on", "life_months", "installed_by", "note")


@dataclass(frozen=True, slots=True)
class Part:
    """What is said of a part; without a life the region's policy says how long it lasts."""

    name: str = ""
    installed_on: dt.date | None = None
    life_months: int | None = None
    model: str = ""
    installed_by: str = ""
    note: str = ""


def add(
    session: AnySession, actor: Actor, elevator_id: int, part: Part, at: dt.datetime, batch_id: int | None = None
) -> Component:  # fmt: skip
    """A part that is in the elevator."""
    require(actor, Verb.COMPONENT_EDIT)
    elevator = held_by_a_side(session, actor, elevator_id)
    part = _whole(session, elevator, part, at)
    raise_failing([*ready(elevator), *findings(part, at), _alone(session, elevator.id, part.name, None)])
    return _put_in(session, actor, elevator, part, at, batch_id)


def edit(
    session: AnySession, actor: Actor, key: int, part: Part, at: dt.datetime, expected_version: int | None = None
) -> Component:  # fmt: skip
    """What was written wrongly put right; a part that was exchanged is replaced instead."""
    require(actor, Verb.COMPONENT_EDIT)
    row, elevator = _standing(session, actor, key, expected_version)
    part = _whole(session, elevator, part, at)
    raise_failing([*ready(elevator), *findings(part, at), _alone(session, elevator.id, part.name, row.id)])
    before = as_data(row)
    for name, value in _values(part).items():
        setattr(row, name, value)
    session.flush()
    if as_data(row) != before:
        audit.record(session, actor, at, "component.edit", "component", row.id, before=before, after=as_data(row))
    return row


def replace(
    session: AnySession, actor: Actor, key: int, part: Part, reason: str, at: dt.datetime,
    expected_version: int | None = None,
) -> Component:  # fmt: skip
    """A new one in its place, from its day on; the old one stays to be read. What is not said is as it was."""
    require(actor, Verb.COMPONENT_EDIT)
    row, elevator = _standing(session, actor, key, expected_version)
    part = Part(
        row.name, part.installed_on or clock.local_day(at), part.life_months or row.life_months,
        part.model or row.model or "", part.installed_by.strip() or actor.name[: LONGEST["installed_by"]], part.note,
    )  # fmt: skip
    later = part.installed_on is not None and part.installed_on >= row.installed_on
    raise_failing([
        *ready(elevator), *findings(part, at), _reason(reason, False),
        Finding("更换日期", later, say("原组件 %(d)s 安装", d=row.installed_on),
                "" if later else "更换日期不能早于安装日期", field="installed_on"),
    ])  # fmt: skip
    assert part.installed_on is not None
    _end(session, actor, row, "replaced", part.installed_on, part.installed_by, reason, at)
    made = _put_in(session, actor, elevator, part, at, None, row.id)
    return made


def remove(
    session: AnySession, actor: Actor, key: int, reason: str, at: dt.datetime, expected_version: int | None = None
) -> Component:  # fmt: skip
    """The part is no longer in the elevator; it warns no more and stays to be read."""
    require(actor, Verb.COMPONENT_EDIT)
    row, elevator = _standing(session, actor, key, expected_version)
    raise_failing([*ready(elevator), _reason(reason, True)])
    _end(session, actor, row, "removed", clock.local_day(at), actor.name, reason, at)
    return row


def undo(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> None:
    """What an import put in is taken out again, unless it was replaced or ended since."""
    require(actor, Verb.COMPONENT_EDIT)
    row, _elevator = _standing(session, actor, key, None)
    if row.row_version != 1:
        raise refuse("撤销", "导入之后又有变动")
    _end(session, actor, row, "undone", clock.local_day(at), actor.name, say("撤销导入"), at)


def of_elevator(session: AnySession, actor: Actor, elevator_id: int) -> tuple[list[Component], list[Component]]:
    """Those that are in it, the next due first, and those that were, the newest first."""
    statement = scope.apply(select(Component).where(Component.elevator_id == elevator_id), actor)
    rows = list(session.scalars(statement.order_by(Component.due_on, Component.id).limit(500)))
    ended = [row for row in rows if row.ended_on is not None]
    ended.sort(key=lambda row: (row.ended_on or dt.date.min, row.id), reverse=True)
    return [row for row in rows if row.ended_on is None], ended


def findings(part: Part, at: dt.datetime) -> list[Finding]:
    """Everything that is wrong with what is said of a part."""
    found = [Finding("组件", bool(part.name), "没有填写", "请填写组件名称", field="name")] if not part.name else []
    for name, most in LONGEST.items():
        count = len(getattr(part, name))
        if count > most:
            remedy = say("最多 %(n)s 个字", n=most)
            found.append(Finding(RULES[name], False, say("%(n)s 个字", n=count), remedy, field=name))
    found.append(parts.life_finding(part.life_months))
    if part.installed_on is None:
        return [*found, Finding("安装日期", False, "没有填写", "请选择安装日期", field="installed_on")]
    past = part.installed_on <= clock.local_day(at)
    return [
        *found, day_finding(part.installed_on, "installed_on", "安装日期"),
        Finding("安装日期", past, str(part.installed_on), "" if past else "不能晚于今天", field="installed_on"),
    ]  # fmt: skip


def ready(elevator: Elevator) -> list[Finding]:
    """In force, and not scrapped."""
    alive = elevator.status != "scrapped"
    return [
        conditions.filed(elevator),
        Finding("电梯状态", alive, "电梯已报废" if not alive else "未报废", "" if alive else "报废的电梯不再维护组件"),
    ]


def life_of(session: AnySession, region_code: str, on: dt.date) -> int:
    """How long a part lasts where nothing else is said."""
    return int(policy_value(session, Key.COMPONENT_LIFE_MONTHS, region_code, on))


def as_data(row: Component) -> dict[str, Any]:
    """What the log keeps of a part."""
    return {n: str(v) if isinstance(v, dt.date) else v for n, v in ((n, getattr(row, n)) for n in (*FIELDS, "due_on"))}


def of_data(data: Mapping[str, Any], row: Component | None = None) -> Part:
    """The part that an import's row asks for; of one that stands what the row does not name stays."""
    values = {n: getattr(row, n) for n in FIELDS} if row is not None else {}
    values |= {n: v for n, v in data.items() if n in FIELDS and v is not None}
    day = values.get("installed_on")
    return Part(
        values.get("name") or "", dt.date.fromisoformat(day) if isinstance(day, str) else day,
        values.get("life_months"), values.get("model") or "", values.get("installed_by") or "",
        values.get("note") or "",
    )  # fmt: skip


def _whole(session: AnySession, elevator: Elevator, part: Part, at: dt.datetime) -> Part:
    months = part.life_months
    if months is None:
        months = life_of(session, elevator.region_code, clock.local_day(at))
    texts = {name: " ".join(getattr(part, name).split()) for name in LONGEST}
    return Part(installed_on=part.installed_on, life_months=months, **texts)


def _values(part: Part) -> dict[str, Any]:
    assert part.installed_on is not None and part.life_months is not None
    return {
        "name": part.name, "model": part.model or None, "installed_on": part.installed_on,
        "life_months": part.life_months, "due_on": parts.due_on(part.installed_on, part.life_months),
        "installed_by": part.installed_by or None, "note": part.note or None,
    }  # fmt: skip


def _put_in(
    session: AnySession, actor: Actor, elevator: Elevator, part: Part, at: dt.datetime, batch_id: int | None,
    replaces_id: int | None = None,
) -> Component:  # fmt: skip
    row = Component(
        elevator_id=elevator.id, region_code=elevator.region_code, created_by_id=actor.user_id, batch_id=batch_id,
        replaces_id=replaces_id, **_values(part),
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        raise refuse(*_same_name(part.name), field="name") from None
    after = as_data(row) | {"elevator": elevator.code} | ({"replaces": replaces_id} if replaces_id else {})
    audit.record(session, actor, at, "component.add", "component", row.id, after=after)
    return row


def _end(
    session: AnySession, actor: Actor, row: Component, kind: str, on: dt.date, by: str, reason: str, at: dt.datetime
) -> None:
    row.ended_on, row.end_kind = on, kind
    row.ended_by, row.end_reason = by[: LONGEST["installed_by"]], reason.strip() or None
    session.flush()
    audit.record(session, actor, at, f"component.{kind}", "component", row.id, before=as_data(row),
                 after={"ended_on": str(on), "reason": row.end_reason})  # fmt: skip


def _standing(
    session: AnySession, actor: Actor, key: int, expected_version: int | None
) -> tuple[Component, Elevator]:  # fmt: skip
    seen: Component = scope.visible(session, actor, Component, key, "这个组件")
    elevator = held_by_a_side(session, actor, seen.elevator_id)
    row = lock(session, Component, key)
    assert row is not None
    if row.ended_on is not None:
        raise refuse("组件", say("%(name)s 已于 %(d)s 更换或拆除", name=row.name, d=row.ended_on), "请刷新页面")
    if expected_version is not None and row.row_version != expected_version:
        raise Stale(
            Finding("组件", False, "打开页面后有人改过", "请刷新页面，看过现在的内容再改"), current=row.row_version
        )
    return row, elevator


def _alone(session: AnySession, elevator_id: int, name: str, but: int | None) -> Finding:
    statement = select(Component.id).where(
        Component.elevator_id == elevator_id, Component.name == name, Component.ended_on.is_(None),
        Component.id != (but or 0),
    )  # fmt: skip
    other = session.scalar(statement.limit(1).execution_options(skip_scope=True))
    rule, found, remedy = _same_name(name)
    if other is None:
        return Finding(rule, True, "没有同名的组件", field="name")
    return Finding(rule, False, found, remedy, field="name")


def _same_name(name: str) -> tuple[str, str, str]:
    return "组件", say("这台电梯已有%(name)s", name=name), "请在名称里写明位置，或办理更换"


def _reason(reason: str, needed: bool) -> Finding:
    count = len(reason.strip())
    ok = count <= LONGEST_REASON and (count > 0 or not needed)
    return Finding("原因", ok, say("%(n)s 个字", n=count), say("请写明原因，最多 %(n)s 个字", n=LONGEST_REASON),
                   field="reason")  # fmt: skip

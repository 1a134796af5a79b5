"""The ways out of a difference (INT-01): take theirs as a draft, keep ours with a reason, link a unit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Elevator, ProvincialDifference, ProvincialUnit, Unit
from app.permissions import Actor, Verb, require
from app.rules.provincial import LONGEST_REASON, NOT_TAKEN, UNITS, Outcome, Theirs, Way, reason_finding, theirs_of
from app.scope import visible
from app.transaction import AnySession, hold, lock
from app.wording import say, together
from app.workflows.core import audit
from app.workflows.filing import filing
from app.workflows.partners import provincial
from app.workflows.partners.provincial_matching import Units, standing

ENTITY = ProvincialDifference.__tablename__
# What a filing must not change of an elevator in force: these have applications of their own.
BY_APPLICATION = NOT_TAKEN | {"maintenance_unit"}


def take(
    session: AnySession, actor: Actor, key: int, names: Sequence[str], at: dt.datetime
) -> Elevator:  # fmt: skip
    """采用省平台: the chosen fields go into a draft, which is submitted and decided like any other.

    What is in force does not change. Fields that were not chosen stay open.
    """
    row, theirs = _held(session, actor, key)
    units = Units.read(session)
    values = provincial.values_of(theirs, units, provincial.regions_of(session, {str(theirs.values.get("region", ""))}))
    if row.elevator_id is None:
        return _take_whole(session, actor, row, theirs, values, at)
    offered = takeable(row)
    chosen = [name for name in row.unlike if name in names]
    wrong = [name for name in chosen if name not in offered]
    remedy = "使用状态、维保单位请办理相应的申请；单位对不上的，请先关联单位"
    raise_failing([
        Finding("采用", bool(chosen), "没有勾选", "请勾选要采用的内容", field="fields"),
        Finding("采用", not wrong, say("“%(n)s”不能这样采用", n=together(wrong) or "—"), remedy, field="fields"),
    ])  # fmt: skip
    elevator: Elevator = visible(session, actor, Elevator, row.elevator_id, "这台电梯")
    filed = {_filed(name): values[_filed(name)] for name in chosen if _filed(name) in values}
    filing.save_draft(session, actor, Elevator, elevator, filed, at)
    before = {name: _ours(elevator, name) for name in chosen}
    left = [name for name in row.unlike if name not in chosen]
    row.unlike = left
    if not left:
        provincial.settle_difference(session, row, Way.TAKEN, actor.user_id, "", at)
    session.flush()
    audit.record(
        session, actor, at, "provincial_difference.take_theirs", ENTITY, row.id, before=before,
        after={name: theirs.values.get(name) or values.get(_filed(name)) for name in chosen},
    )  # fmt: skip
    return elevator


def _take_whole(
    session: AnySession, actor: Actor, row: ProvincialDifference, theirs: Theirs, values: dict[str, Any],
    at: dt.datetime,
) -> Elevator:  # fmt: skip
    if row.kind == "unit":
        raise refuse("单位", "省平台的单位在本平台对不上", "请先关联单位，或由该单位备案后再核对")
    elevator = filing.save_draft(session, actor, Elevator, None, values | {"code": theirs.code}, at)
    assert isinstance(elevator, Elevator)
    provincial.settle_difference(session, row, Way.TAKEN, actor.user_id, "", at)
    after = {"code": theirs.code, "elevator_id": elevator.id}
    audit.record(session, actor, at, "provincial_difference.take_theirs", ENTITY, row.id, after=after)
    return elevator


def keep(session: AnySession, actor: Actor, key: int, reason: str, at: dt.datetime) -> ProvincialDifference:
    """保留本平台 with the reason; asked again only when the register says something else."""
    row, _theirs = _held(session, actor, key)
    reason = " ".join(reason.split())
    raise_failing([reason_finding(reason)])
    provincial.settle_difference(session, row, Way.KEPT, actor.user_id, reason, at)
    audit.record(
        session, actor, at, "provincial_difference.keep", ENTITY, row.id,
        after={"code": row.code, "fields": row.unlike, "reason": reason},
    )  # fmt: skip
    return row


def link(
    session: AnySession, actor: Actor, key: int, side: str, unit_id: int | None, reason: str, at: dt.datetime
) -> ProvincialDifference:  # fmt: skip
    """关联单位: the register's name is this unit of ours; a regulator's word, for it says whose equipment it is.

    It counts for all equipment under that name; the difference is judged again at once.
    """
    require(actor, Verb.REGISTER_SYNC)
    if actor.unit_id is not None:
        raise NotAllowed(Finding("关联单位", False, "单位不能自己认领省平台上的名称", "请所在地监管部门核实后关联"))
    row, theirs = _held(session, actor, key)
    reason = " ".join(reason.split())
    named = getattr(theirs, side) if side in UNITS else None
    unit = None
    if unit_id is not None:
        unit = session.scalar(
            select(Unit).where(Unit.id == unit_id, Unit.approved_version > 0).execution_options(skip_scope=True)
        )
    suits = unit is not None and (unit.is_maintenance if side == "maintenance_unit" else unit.is_use)
    raise_failing([
        Finding("关联单位", side in row.near, "这一侧的单位没有问题", "请刷新后核对", field="side"),
        Finding("关联单位", suits, "没有选择，或不是这一类的单位", "请从列表选择已备案的单位", field="unit_id"),
        reason_finding(reason),
    ])  # fmt: skip
    assert unit is not None and named is not None
    hold(session, "provincial register")
    known = session.scalar(
        select(ProvincialUnit).where(ProvincialUnit.name == named.name, ProvincialUnit.uscc == named.uscc)
    )
    if known is None:
        known = ProvincialUnit(name=named.name, uscc=named.uscc, unit_id=unit.id, reason=reason, linked_at=at)
        session.add(known)
    known.unit_id, known.reason, known.linked_by_id, known.linked_at = unit.id, reason, actor.user_id, at
    session.flush()
    audit.record(
        session, actor, at, "provincial_difference.link_unit", ENTITY, row.id,
        after={"theirs": named.name or named.uscc, "unit": unit.name, "reason": reason},
    )  # fmt: skip
    units = Units.read(session)
    ours = standing(session, [row.code]).get(row.code)
    regions = provincial.regions_of(session, {str(theirs.values.get("region", ""))})
    told = provincial.judge(session, actor, None, units, theirs, ours, row, regions, at)
    if told.outcome is Outcome.KEPT:
        provincial.settle_difference(session, row, Way.KEPT, actor.user_id, reason[:LONGEST_REASON], at)
    session.refresh(row)
    return row


def takeable(row: ProvincialDifference) -> list[str]:
    """Of what differs, what can go into a filing now."""
    if row.elevator_id is None:
        return []
    return [name for name in row.unlike if name not in BY_APPLICATION and name not in row.near]


def _filed(name: str) -> str:
    return {"region": "region_id", "use_unit": "use_unit_id", "maintenance_unit": "maintenance_unit_id"}.get(name, name)


def _ours(elevator: Elevator, name: str) -> Any:
    value: Any = getattr(elevator, _filed(name), None)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _held(session: AnySession, actor: Actor, key: int) -> tuple[ProvincialDifference, Theirs]:
    require(actor, Verb.REGISTER_SYNC)
    visible(session, actor, ProvincialDifference, key, "这条核对")
    row = lock(session, ProvincialDifference, key)
    assert row is not None
    if row.settled_at is not None:
        raise refuse("核对", say("%(code)s 已经处理", code=row.code), "请刷新后查看处理结果")
    return row, theirs_of(row.theirs)

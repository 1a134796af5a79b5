"""Who may file what: a unit itself, its use units and elevators; a regional administrator within the region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import or_, select

from app.errors import Finding, NotAllowed, Refusal
from app.models import Account, Elevator, Person, Region, Unit
from app.permissions import Actor
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval.filing_fields import Data, Filed, FiledModel

# What a unit may register of others: the customers' side. A maintenance unit gets its account from the regulator.
_REGISTERED_BY_OTHERS = {"is_use", "is_property", "is_owner"}
_REGISTERED_BY_REGULATOR = {"is_maintenance", "is_production", "is_installation", "is_inspection", "is_rescue"}


class Standing(NamedTuple):
    """What of a filed row decides who may file it, for whoever has too many rows to load each. Told as the row is."""

    id: int
    called: str
    region_code: str
    filed_by_unit_id: int | None
    maintenance_unit_id: int | None = None
    use_unit_id: int | None = None

    def __repr__(self) -> str:
        return self.called

    @property
    def judged_by(self) -> tuple[Any, ...]:
        """Elevators that agree in this are judged alike."""
        return self[2:]


def defaults(session: AnySession, actor: Actor, model: FiledModel, values: Mapping[str, Any]) -> Data:
    """What goes without saying for a new row: the unit's own elevators, and a customer is a use unit."""
    if actor.unit_id is None:
        return {}
    if model is Unit:
        return {"is_use": True}
    unit = _own_unit(session, actor)
    if actor.unit_id in (values.get("maintenance_unit_id"), values.get("use_unit_id")):
        return {}
    return {"maintenance_unit_id": unit.id} if unit.is_maintenance else {"use_unit_id": unit.id}


def may_file(
    session: AnySession, actor: Actor, model: FiledModel, row: Filed | Standing | None, data: Mapping[str, Any]
) -> None:
    """Raise unless the actor may ask for this content of this row; whether it is right is the checks' affair."""
    if actor.system or actor.sees_everything:
        return
    if actor.unit_id is None:
        _within_region(session, actor, row, data)
    elif model is Unit:
        _unit_by_unit(session, actor, row, data)
    else:
        _elevator_by_unit(session, actor, row, data)


def elevators_of(unit: Unit) -> Any:
    """Elevators that name the unit."""
    return select(Elevator.id).where(or_(Elevator.use_unit_id == unit.id, Elevator.maintenance_unit_id == unit.id))


def accounts_of(unit: Unit) -> Any:
    """Accounts of the unit, or people in it."""
    people = select(Person.id).where(Person.unit_id == unit.id)
    return select(Account.id).where(Account.unit_id == unit.id).union(people)


def _own_unit(session: AnySession, actor: Actor) -> Unit:
    unit = session.get(Unit, actor.unit_id)
    if unit is None:
        raise Refusal(Finding("所属单位", False, "账号没有所属单位", "请联系管理员"))
    return unit


def _within_region(session: AnySession, actor: Actor, row: Filed | Standing | None, data: Mapping[str, Any]) -> None:
    place = session.get(Region, data["region_id"]) if data.get("region_id") else None
    span = actor.region_span
    codes = [code for code in (place.code if place else None, row.region_code if row else None) if code]
    if span is None or any(not span[0] <= code < span[1] for code in codes):
        raise NotAllowed(
            Finding(
                "管辖范围", False, say("%(name)s不在您的管辖范围内", name=place.name if place else "所选地区"),
                    "请选择管辖范围内的地区",
                field="region_id",
            )
        )  # fmt: skip


def _unit_by_unit(session: AnySession, actor: Actor, row: Filed | Standing | None, data: Mapping[str, Any]) -> None:
    if row is not None and row.id == actor.unit_id:
        return
    if row is not None and row.filed_by_unit_id != actor.unit_id:
        raise NotAllowed(
            Finding("填报单位", False, say("%(row)s 不是本单位填报的", row=f"{row!r}"), "请由该单位自己或填报单位修改")
        )
    if row is not None and _has_own_account(session, row.id):
        raise NotAllowed(
            Finding("填报单位", False, say("%(row)s 已有自己的账号", row=f"{row!r}"), "请由该单位自己修改")
        )
    own = _own_unit(session, actor)
    asked = {n for n in _REGISTERED_BY_OTHERS | _REGISTERED_BY_REGULATOR if data.get(n)}
    if not own.is_maintenance or asked & _REGISTERED_BY_REGULATOR:
        found = "本单位不是维保单位" if not own.is_maintenance else "只能登记使用、物业、产权单位"
        raise NotAllowed(Finding("登记其他单位", False, found, "其他单位请由区域管理员建立"))


def _has_own_account(session: AnySession, unit_id: int) -> bool:
    statement = select(Account.id).where(Account.unit_id == unit_id, Account.is_main.is_(True)).limit(1)
    return session.scalar(statement.execution_options(skip_scope=True)) is not None


def _elevator_by_unit(session: AnySession, actor: Actor, row: Filed | Standing | None, data: Mapping[str, Any]) -> None:
    if actor.unit_id not in (data.get("maintenance_unit_id"), data.get("use_unit_id")):
        raise NotAllowed(
            Finding(
                "填报单位", False, "维保单位和使用单位都不是本单位",
                "只能填报本单位维保或使用的电梯；转出请由对方单位填报", field="maintenance_unit_id",
            )
        )  # fmt: skip
    old = {} if row is None else {n: getattr(row, n) for n in ("maintenance_unit_id", "use_unit_id")}
    for name, word in (("maintenance_unit_id", "维保单位"), ("use_unit_id", "使用单位")):
        key = data.get(name)
        if key is None or key == actor.unit_id or key == old.get(name):
            continue
        # Approved units may be named by all; a draft only by those who see it: else drafts could be probed for.
        statement = select(Unit).where(Unit.id == key).execution_options(skip_scope=True)
        unit = session.scalar(statement)
        if unit is None or not (unit.approved_version or unit.filed_by_unit_id == actor.unit_id):
            raise Refusal(
                Finding(
                    word,
                    False,
                    say("没有找到编号为 %(key)s 的%(word)s", key=key, word=word),
                    say("请从列表选择，或先登记该%(word)s", word=word),
                    field=name,
                )
            )

"""常用组件 (ELV-05): the lists of regions and maintenance units, and a new elevator's parts out of them.

Whose list holds: the maintenance unit's own, else that of the nearest region above, else the product's. It is a start:
what is in the elevator, or ever was, is never put in a second time, however often and from however many sides it is
asked for (the elevator is held, and the table lets one part of a name stand).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, literal_column, or_, select
from sqlalchemy.exc import IntegrityError

from app import clock, scope
from app.errors import Finding, NotAllowed, Stale, raise_failing, refuse
from app.models import Component, Elevator, LandingDoor, Unit, UsualParts
from app.models.among import among
from app.models.item_set import ITEM_KIND
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key, chain
from app.reference import kind_of
from app.rules import parts
from app.rules.calendar import day_finding
from app.rules.parts import Usual
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit
from app.workflows.filing import components, landing_doors
from app.workflows.filing.corrections import held_by_a_side

COUNTRY = "0" * 12


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that holds: its parts, and the row that says so; None: the product's own."""

    parts: tuple[Usual, ...]
    row: UsualParts | None


@dataclass(frozen=True, slots=True)
class Filled:
    """How many parts and landing doors were made."""

    parts: int = 0
    doors: int = 0


# --- the lists


def holding(session: AnySession, unit_id: int | None, region_code: str | None, kind: str) -> Listed:
    """The list that holds for a maintenance unit's elevators of a kind in a region."""
    codes = chain(region_code)
    of_region = UsualParts.unit_id.is_(None) & UsualParts.region_code.in_(codes)
    statement = select(UsualParts).where(
        UsualParts.kind == kind, or_(of_region, UsualParts.unit_id == unit_id) if unit_id else of_region
    )
    rows = list(session.scalars(statement.execution_options(skip_scope=True)))
    near = sorted(rows, key=lambda row: -1 if row.unit_id is not None else codes.index(row.region_code))
    return Listed(tuple(parts_of(near[0])), near[0]) if near else Listed(parts.usual_of(kind), None)


def own(session: AnySession, actor: Actor, kind: str) -> UsualParts | None:
    """The list that the actor's unit, or his region, keeps for a kind."""
    unit_id, region_code = owner(session, actor)
    statement = select(UsualParts).where(UsualParts.kind == kind)
    statement = (
        statement.where(UsualParts.unit_id == unit_id) if unit_id is not None
        else statement.where(UsualParts.unit_id.is_(None), UsualParts.region_code == region_code)
    )  # fmt: skip
    return session.scalar(statement.execution_options(skip_scope=True))


def owner(session: AnySession, actor: Actor) -> tuple[int | None, str]:
    """Whose list an actor keeps: his maintenance unit's, else his region's."""
    unit = session.get(Unit, actor.unit_id, execution_options={"skip_scope": True}) if actor.unit_id else None
    if unit is not None and unit.is_maintenance:
        return unit.id, unit.region_code
    return None, actor.region_code or COUNTRY


def save(
    session: AnySession, actor: Actor, kind: str, given: Sequence[Usual], at: dt.datetime,
    seen_version: int | None = None,
) -> UsualParts | None:  # fmt: skip
    """Write the own list of a kind; an empty one is given up, and what is kept above holds again."""
    require(actor, Verb.ITEM_EDIT)
    if kind not in ITEM_KIND:
        raise refuse("适用电梯", say("没有“%(kind)s”这一类", kind=kind[:10]), "请从列表中选择", field="kind")
    unit_id, region_code = owner(session, actor)
    # Held: of two accounts that begin a list at once the second finds the first one's.
    if actor.unit_id is not None and (unit_id is None or lock(session, Unit, unit_id) is None):
        raise NotAllowed(Finding("维保单位", False, "您的账号不属于维保单位", "请由维保单位的账号办理"))
    given = [Usual(" ".join(one.name.split()), one.life_months) for one in given]
    raise_failing(parts.usual_findings(given))
    row = own(session, actor, kind)
    if seen_version is not None and seen_version != (row.row_version if row is not None else 0):
        found = "这份清单刚刚被他人修改"
        raise Stale(Finding("同时修改", False, found, "请核对现在的内容后重新提交"), row.row_version if row else 0)
    before = {"kind": kind, "rows": row.rows} if row is not None else None
    rows = [{"name": one.name, "life_months": one.life_months} for one in given]
    if row is not None and row.rows == rows:
        return row
    if row is None and not rows:
        return None
    if row is None:
        row = UsualParts(kind=kind, unit_id=unit_id, region_code=region_code, rows=rows, created_by_id=actor.user_id)
        try:
            with session.begin_nested():
                session.add(row)
                session.flush()
        except IntegrityError:
            raise refuse("常用组件", "他人刚刚建立了这份清单", "请刷新后核对") from None
    elif rows:
        row.rows = rows
    else:
        session.delete(row)
    session.flush()
    audit.record(
        session, actor, at, "usual_parts.save" if rows else "usual_parts.remove", "usual_parts", row.id,
        before=before, after={"kind": kind, "rows": rows} if rows else None,
    )  # fmt: skip
    return row if rows else None


def parts_of(row: UsualParts) -> list[Usual]:
    """What a stored list says."""
    return [Usual(str(one["name"]), one.get("life_months")) for one in row.rows]


# --- into an elevator


def fill(
    session: AnySession, actor: Actor, elevator_id: int, at: dt.datetime, installed_on: dt.date | None = None,
    lowest: int | None = None,
) -> Filled:  # fmt: skip
    """The usual parts that the elevator never had; with a lowest landing its doors, too, if it has none yet.

    Which landing is the lowest nobody can tell from the register: there are basements. Unasked no door is named.

    Without a day each part is counted from the elevator's first use, or from today where it must be another one by now.
    """
    require(actor, Verb.COMPONENT_EDIT)
    elevator = held_by_a_side(session, actor, elevator_id)
    found = components.ready(elevator)
    if installed_on is not None:
        past = installed_on <= clock.local_day(at)
        found += [
            day_finding(installed_on, "installed_on", "安装日期"),
            Finding("安装日期", past, str(installed_on), "" if past else "不能晚于今天", field="installed_on"),
        ]
    if lowest is not None and elevator.stops is not None and landing_doors.has_doors(elevator).ok:
        found += parts.stops_findings(elevator.stops, lowest)
    raise_failing(found)
    return put_in(session, actor, elevator, at, installed_on, lowest)


def of_one_estate(session: AnySession, actor: Actor, keys: Collection[int]) -> Finding:
    """Whether one lowest landing can be said for all of these elevators: those of one estate, else of one address.

    Estates of a name are one only in one region and of one use unit. Where neither is known, no two are at one place.
    """
    estate, address = (func.nullif(func.trim(c), literal_column("''")) for c in (Elevator.estate, Elevator.address))
    place = (Elevator.region_code, Elevator.use_unit_id, estate, case((estate.is_(None), address)))
    statement = select(*place, func.count()).where(among(session, Elevator.id, keys)).group_by(*place).limit(2)
    rows = session.execute(scope.apply(statement, actor, Elevator).execution_options(skip_scope=True)).all()
    ok = len(rows) < 2 and all(row[4] == 1 or row[2] or row[3] for row in rows)
    found = "所选电梯同在一个楼盘" if ok else "所选电梯不在同一个楼盘（区域、使用单位和楼盘都要相同）"
    remedy = "" if ok else "请用楼盘名称查找，逐个楼盘填写最低层；不填最低层的只登记组件"
    return Finding("最低层", ok, found, remedy, field="lowest")


def put_in(
    session: AnySession, actor: Actor, elevator: Elevator, at: dt.datetime, installed_on: dt.date | None = None,
    lowest: int | None = None, only_known: bool = False,
) -> Filled:  # fmt: skip
    """The same of an elevator that is held and may have parts. `only_known`: only parts as old as the elevator."""
    today = clock.local_day(at)
    held = holding(session, elevator.maintenance_unit_id, elevator.region_code, kind_of(elevator.category or ""))
    names = _ever(session, elevator.id)
    usual = int(policy_value(session, Key.COMPONENT_LIFE_MONTHS, elevator.region_code, today))
    since = elevator.commissioned_on or elevator.supervised_on or elevator.made_on
    made: list[Component] = []
    for one in held.parts:
        if one.name in names:
            continue
        life = one.life_months or usual
        on, known = (installed_on, True) if installed_on else parts.counted_from(since, life, today)
        if only_known and not known and since is not None:
            continue
        made.append(Component(
            elevator_id=elevator.id, region_code=elevator.region_code, name=one.name, installed_on=on,
            life_months=life, due_on=parts.due_on(on, life), note=None if known else UNKNOWN,
            created_by_id=actor.user_id,
        ))  # fmt: skip
    session.add_all(made)
    session.flush()
    if made:
        audit.record(
            session, actor, at, "component.usual", Elevator.__tablename__, elevator.id,
            after={"components": [one.name for one in made], "installed_on": str(installed_on or since or today)},
        )  # fmt: skip
    return Filled(len(made), 0 if lowest is None else _doors(session, actor, elevator, lowest, at))


# What stands beside a part of which nobody said when it was put in.
UNKNOWN = say("安装日期不明，自登记日起计")


def _doors(session: AnySession, actor: Actor, elevator: Elevator, lowest: int, at: dt.datetime) -> int:
    """Only where there is none: what somebody took away, or named otherwise, does not come back."""
    there = select(LandingDoor.id).where(LandingDoor.elevator_id == elevator.id).limit(1)
    if session.scalar(there.execution_options(skip_scope=True)) is not None:
        return 0
    findings = [landing_doors.has_doors(elevator), *parts.stops_findings(elevator.stops, lowest)]
    if not all(f.ok for f in findings):
        return 0
    return landing_doors.make(session, actor, elevator, lowest, at)


def _ever(session: AnySession, elevator_id: int) -> set[str]:
    """Names of what is in the elevator or was; an import that was undone put nothing in."""
    undone = Component.end_kind == "undone"
    statement = select(Component.name).where(Component.elevator_id == elevator_id, ~undone | undone.is_(None))
    return set(session.scalars(statement.execution_options(skip_scope=True)))

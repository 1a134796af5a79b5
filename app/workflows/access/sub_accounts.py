"""我的子用户 (ACC-08, -10, -14): what a unit's main account does with the accounts under it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, func, insert, select

from app import clock
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Account, Elevator, ElevatorAssignment, Person, Unit
from app.models.choices import PERSON_KIND, RESCUE_ROLE, SEX
from app.models.policy import policy_value
from app.models.sealed import holding
from app.permissions import ASSIGNABLE, PERSON_ROLES, Actor, Role, Verb, require
from app.policy.keys import Key
from app.scope import apply, visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.access import on_duty
from app.workflows.access.issuing import (
    Issued,
    assignable_role,
    free_phone,
    gather,
    issue,
    new_login_name,
    register_phone,
    renew_password,
    required_text,
    set_active,
)
from app.workflows.access.main_accounts import main_account
from app.workflows.core import audit

# One page of a search, one snapshot: more is "all", which is a rule.
MOST_AT_ONCE = 20_000


def roles_to_give(actor: Actor) -> list[Role]:
    """The roles that this main account may hand out, in the order of the table."""
    given = {role for held in actor.roles for role in ASSIGNABLE.get(held, ())}
    return [role for role in Role if role in given]


def kinds_to_give(actor: Actor) -> dict[str, list[Role]]:
    """人员类型 that this main account may make an account for, and the roles that go with each."""
    given = roles_to_give(actor)
    return {kind: [r for r in given if r in PERSON_ROLES[kind]] for kind in PERSON_KIND
            if kind in PERSON_ROLES and PERSON_ROLES[kind] <= set(given)}  # fmt: skip


def add(
    session: AnySession,
    actor: Actor,
    *,
    login_name: str,
    name: str,
    roles: Iterable[str],
    sex: str = "",
    phone: str = "",
    person_id: int | None = None,
    all_elevators: bool = False,
    rescue_role: str = "",
    kind: str = "",
    at: dt.datetime,
) -> Issued:
    """A new sub-account with a random password, shown once. A worker is bound to a person of the unit, or one is made.

    Without roles it gets those of its 人员类型; a person who is made gets that type.

    It sees no elevator until some are assigned, unless `all_elevators` (huzhou 1.4.5). The unit's row is held while the
    accounts are counted: parallel adds cannot pass the limit together.
    """
    unit = own_unit(session, actor)
    kinds = kinds_to_give(actor)
    chosen = sorted(set(roles) or {role.value for role in kinds.get(kind, ())})
    checked = gather(
        kind=lambda: _kind(kind, kinds),
        room=lambda: refuse_when_full(session, unit, at),
        login_name=lambda: new_login_name(session, login_name, "login_name"),
        name=lambda: required_text(name, "姓名", "name", 40),
        roles=lambda: {assignable_role(actor, role, roles_to_give(actor)) for role in chosen or [""]},
        sex=lambda: _sex(sex),
        rescue_role=lambda: _rescue_role(rescue_role),
        phone=lambda: free_phone(session, actor, phone, "phone", at) if phone.strip() else None,
    )
    account = Account(
        username=checked["login_name"], first_name=checked["name"], sex=checked["sex"], phone=checked["phone"],
        unit_id=unit.id, region_code=unit.region_code, is_main=False,
        sees_all_elevators=all_elevators, rescue_role=checked["rescue_role"],
    )  # fmt: skip
    if Role.WORKER in checked["roles"]:
        account.person_id = person_for(session, actor, unit, checked, person_id).id
    return issue(session, actor, account, checked["roles"], at)


def edit(
    session: AnySession, actor: Actor, account_id: int, *, name: str, sex: str, active: bool,
    rescue_role: str | None = None, at: dt.datetime,
) -> Account:  # fmt: skip
    """Change 姓名, 性别, 状态 and 应急角色 of a sub-account, nothing else (ACC-08, ACC-12)."""
    unit = own_unit(session, actor)
    account = own_sub_account(session, actor, account_id)
    checked = gather(
        name=lambda: required_text(name, "姓名", "name", 40),
        sex=lambda: _sex(sex),
        rescue_role=lambda: account.rescue_role if rescue_role is None else _rescue_role(rescue_role),
        room=lambda: refuse_when_full(session, unit, at) if active and not account.active else None,
        duty=lambda: None if active else _refuse_on_duty(session, account, at),
    )
    before = {"name": account.first_name, "sex": account.sex, "rescue_role": account.rescue_role}
    account.first_name, account.sex, account.rescue_role = checked["name"], checked["sex"], checked["rescue_role"]
    session.flush()
    after = {"name": account.first_name, "sex": account.sex, "rescue_role": account.rescue_role}
    if before != after:
        audit.record(session, actor, at, "account.edit", "account", account.id, before, after)
    return set_active(session, actor, account, active, "", at)


def set_phone(session: AnySession, actor: Actor, account_id: int, typed: str, at: dt.datetime) -> Account:
    """Register the phone of a sub-account, or take it away. The caller has had the own password confirmed (`signin`).

    The person in the register of people keeps the number that is filed there.
    """
    own_unit(session, actor)
    return register_phone(session, actor, own_sub_account(session, actor, account_id), typed, at)


def set_own_rescue_role(session: AnySession, actor: Actor, rescue_role: str, at: dt.datetime) -> Account:
    """应急角色 of the main account itself; of a small unit its head goes out as well."""
    own_unit(session, actor)
    account: Account | None = lock(session, Account, actor.user_id or 0)
    assert account is not None
    before, account.rescue_role = account.rescue_role, _rescue_role(rescue_role)
    if before != account.rescue_role:
        session.flush()
        audit.record(
            session, actor, at, "account.edit", "account", account.id, {"rescue_role": before},
            {"rescue_role": account.rescue_role},
        )  # fmt: skip
    return account


def remove(session: AnySession, actor: Actor, account_id: int, at: dt.datetime) -> bool:
    """Delete a sub-account that never signed in; end (注销) one that did, for what it did names it. True if deleted."""
    own_unit(session, actor)
    account = own_sub_account(session, actor, account_id)
    if account.login_count:
        _refuse_on_duty(session, account, at)
        set_active(session, actor, account, False, "由主账号删除", at)
        return False
    before = {"login_name": account.username, "name": account.first_name}
    number = account.id
    session.execute(delete(ElevatorAssignment).where(ElevatorAssignment.user_id == number))
    account.roles = []
    session.flush()
    session.delete(account)
    session.flush()
    audit.record(session, actor, at, "account.delete", "account", number, before)
    return True


def reset_password(session: AnySession, actor: Actor, account_id: int, at: dt.datetime, typed: str = "") -> Issued:
    """A random or typed new password (ACC-11). The caller has had the operator's own password confirmed (`signin`)."""
    own_unit(session, actor)
    return renew_password(session, actor, own_sub_account(session, actor, account_id), at, typed)


def assign_all(session: AnySession, actor: Actor, account_id: int, at: dt.datetime) -> Account:
    """全部: a rule, later elevators too."""
    own_unit(session, actor)
    account = own_sub_account(session, actor, account_id)
    session.execute(delete(ElevatorAssignment).where(ElevatorAssignment.user_id == account.id))
    account.sees_all_elevators = True
    session.flush()
    audit.record(session, actor, at, "account.assign_all", "account", account.id)
    return account


def assign(session: AnySession, actor: Actor, account_id: int, elevator_ids: Iterable[int], at: dt.datetime) -> int:
    """A search result or single elevators: a snapshot. Gives how many are new; ids outside the scope are refused."""
    own_unit(session, actor)
    account = own_sub_account(session, actor, account_id)
    wanted = sorted({number for number in elevator_ids if isinstance(number, int)})
    if len(wanted) > MOST_AT_ONCE:
        remedy = "请缩小范围，或改为“全部电梯”"
        raise refuse(
            "电梯分配",
            say("一次最多 %(most_at_once)s 台，现为 %(count)s 台", most_at_once=MOST_AT_ONCE, count=len(wanted)),
            remedy,
            field="elevators",
        )
    seen = _within(session, actor, wanted)
    if len(seen) != len(wanted):
        missing = len(wanted) - len(seen)
        raise refuse(
            "电梯分配",
            say("%(missing)s 台不在本单位的电梯内", missing=missing),
            "请刷新列表后重新选择",
            field="elevators",
        )
    held = assigned_ids(session, account.id)
    new = [number for number in wanted if number not in held]
    if new:
        session.execute(insert(ElevatorAssignment), [{"user_id": account.id, "elevator_id": n} for n in new])
    account.sees_all_elevators = False
    session.flush()
    audit.record(
        session, actor, at, "account.assign", "account", account.id, {"count": len(held)},
        {"count": len(held) + len(new), "added": new[:200]},
    )  # fmt: skip
    return len(new)


def unassign(session: AnySession, actor: Actor, account_id: int, elevator_ids: Iterable[int], at: dt.datetime) -> int:
    """Take elevators away from a sub-account; gives how many."""
    own_unit(session, actor)
    account = own_sub_account(session, actor, account_id)
    gone = assigned_ids(session, account.id) & {number for number in elevator_ids if isinstance(number, int)}
    for part in _parts(sorted(gone)):
        session.execute(
            delete(ElevatorAssignment).where(
                ElevatorAssignment.user_id == account.id, ElevatorAssignment.elevator_id.in_(part)
            )
        )
    # None left is no elevator, never all of them.
    account.sees_all_elevators = False
    session.flush()
    audit.record(
        session, actor, at, "account.unassign", "account", account.id, after={"removed": sorted(gone)[:200]}
    )
    return len(gone)


def assigned_ids(session: AnySession, account_id: int) -> set[int]:
    return set(
        session.scalars(select(ElevatorAssignment.elevator_id).where(ElevatorAssignment.user_id == account_id))
    )


def room(session: AnySession, unit: Unit, at: dt.datetime) -> tuple[int, int | None]:
    """How many sub-accounts the unit has in use, and how many it may have (None = no limit; policy 0)."""
    used = session.scalar(
        select(func.count())
        .select_from(Account)
        .where(Account.unit_id == unit.id, Account.is_main.is_(False), Account.active)
        .execution_options(skip_scope=True)
    )
    base = policy_value(session, Key.SUB_ACCOUNTS, unit.region_code, clock.local_day(at))
    main = main_account(session, unit.id)
    return used or 0, (base + (main.extra_accounts if main else 0)) if base else None


def refuse_when_full(session: AnySession, unit: Unit, at: dt.datetime) -> None:
    used, most = room(session, unit, at)
    if most is not None and used >= most:
        remedy = "请先注销不用的子用户，或请区域管理员增加数量"
        raise refuse(
            "子用户数量",
            say("最多 %(most)s 个，已有 %(used)s 个在用", most=most, used=used),
            remedy,
            field="login_name",
        )


def own_sub_account(session: AnySession, actor: Actor, account_id: int) -> Account:
    """The sub-account of the actor's unit, held; never the main account itself, never another unit's."""
    account: Account = visible(session, actor, Account, account_id, "子用户")
    on_duty.hold_person(session, account.person_id)
    lock(session, Account, account.id)
    if account.unit_id is None or account.unit_id != actor.unit_id or account.is_main:
        raise NotAllowed(Finding("子用户", False, "不是本单位的子用户", "请从“我的子用户”列表打开"))
    return account


def own_unit(session: AnySession, actor: Actor) -> Unit:
    """The actor's unit, held, if he is its main account."""
    require(actor, Verb.SUBACCOUNT_EDIT)
    if actor.unit_id is None or not actor.is_main:
        raise NotAllowed(Finding("子用户", False, "只有单位主账号能管理子用户", "请用主账号登录"))
    unit = lock(session, Unit, actor.unit_id)
    if unit is None:
        raise NotAllowed(Finding("子用户", False, "账号没有所属单位", "请联系区域管理员"))
    return unit


def person_for(
    session: AnySession, actor: Actor, unit: Unit, checked: dict[str, Any], person_id: int | None
) -> Person:
    """The person behind a worker's account: chosen, or known by the phone, or new. Quotas count persons (PER-08)."""
    if person_id is not None:
        person: Person = visible(session, actor, Person, person_id, "人员")
        if person.unit_id != unit.id or person.left_on is not None:
            raise refuse(
                "人员", say("%(name)s 不是本单位在职人员", name=person.name), "请选择本单位的人员", field="person_id"
            )
        return person
    if checked["phone"]:
        statement = select(Person).where(
            Person.unit_id == unit.id, holding(Person.phone, checked["phone"]), Person.left_on.is_(None)
        )
        known: Person | None = session.scalar(apply(statement, actor).limit(1))
        if known is not None:
            same = known.name == checked["name"]
            found = say("该手机号是人员 %(name)s 的", name=known.name)
            raise_failing([Finding("人员", same, found, "请在“人员”中选择此人，或更正手机号", field="phone")])
            return known
    made = Person(
        name=checked["name"], phone=checked["phone"], kind=checked.get("kind"), unit_id=unit.id,
        region_code=unit.region_code, created_by_id=actor.user_id,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _refuse_on_duty(session: AnySession, account: Account, at: dt.datetime) -> None:
    """What its person has begun could be ended by nobody else: a visit on site, the way to people shut in.

    A visit stands in the way while it will end by itself: else whoever never checks out could not be parted with.
    """
    if not account.active:
        return
    name = account.get_full_name()
    raise_failing([
        on_duty.visit_finding(name, on_duty.visits_of(session, account.person_id, at), "active"),
        on_duty.rescue_finding(name, on_duty.rescues_of(session, [account.id]), "active"),
    ])  # fmt: skip


def _sex(value: str) -> str | None:
    if value and value not in SEX:
        raise refuse("性别", say("没有 %(value)s 这一项", value=value), "请选择男、女或不填", field="sex", value=value)
    return value or None


def _kind(value: str, kinds: Iterable[str]) -> str | None:
    if value and value not in kinds:
        found = say("不能为%(kind)s建立子用户", kind=PERSON_KIND[value]) if value in PERSON_KIND else "没有这一类人员"
        raise refuse("人员类型", found, "请从列表选择，或不选而直接勾选角色", field="kind", value=value[:40])
    return value or None


def _rescue_role(value: str) -> str | None:
    if value and value not in RESCUE_ROLE:
        raise refuse(
            "应急角色", say("没有 %(value)s 这一项", value=value[:40]), "请从列表选择", field="rescue_role", value=value
        )
    return value or None


def _within(session: AnySession, actor: Actor, ids: list[int]) -> set[int]:
    seen: set[int] = set()
    for part in _parts(ids):
        seen |= set(session.scalars(apply(select(Elevator.id).where(Elevator.id.in_(part)), actor, Elevator)))
    return seen


def _parts(ids: list[int], size: int = 500) -> Iterable[list[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))

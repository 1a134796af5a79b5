"""From an account to the actor that workflows know; the same for a request, a command and a job."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, or_, select

from app.errors import Finding, NotAllowed, refuse
from app.models import Account, Unit
from app.models.account import AccountRole, FabUser
from app.permissions import BASIC, MAIN_ONLY, NOBODY, Actor, Role, Verb, givable, granted
from app.scope import visible
from app.transaction import AnySession, asked_alone

KNOWN_ROLES = {r.value for r in Role}
KNOWN_VERBS = {v.value for v in Verb}


def actor_of(account: Any, via: str = "web", address: str | None = None) -> Actor:
    """The acting account as workflows know it: nobody when inactive. An unknown FAB role grants nothing."""
    if account is None or not account.is_authenticated or not account.is_active:
        return NOBODY
    return Actor(
        user_id=account.id,
        name=account.get_full_name(),
        roles=_roles(account),
        region_code=account.region_code,
        unit_id=account.unit_id,
        person_id=account.person_id,
        is_main=account.is_main,
        sees_all_elevators=account.is_main or account.sees_all_elevators,
        both_sides=_of_both_sides(account),
        withheld=_withheld(account),
        via=via,
        address=address,
    )


def _roles(account: Any) -> frozenset[Role]:
    """A self-registered unit files and does nothing else until its first version is approved (ACC-03)."""
    if account.self_registered and (account.unit is None or account.unit.approved_version == 0):
        return frozenset({Role.APPLICANT})
    return frozenset(Role(r.name) for r in account.roles if r.name in KNOWN_ROLES)


def _of_both_sides(account: Any) -> bool:
    """A main account's roles tell; a sub-account's unit came with its giver."""
    if account.is_main or account.unit_id is None:
        return False
    return account.unit is not None and account.unit.is_maintenance and account.unit.is_use


def _withheld(account: Any) -> frozenset[Verb]:
    """What a sub-account's roles allow and it has not: role ∩ ticked ∩ what its giver may give at this moment.

    A giver that was ended (注销) has nothing left to give; one that is only locked keeps his rights. A giver that is a
    sub-account itself (a manager who took a worker on) gives nothing that was not ticked for him.
    """
    if account.unit_id is None or account.is_main:
        return frozenset()
    whole = granted(_roles(account))
    left = (whole if account.ticked is None else whole & ticked_verbs(account)) - MAIN_ONLY
    giver = account.giver
    if giver is not None and giver.unit_id == account.unit_id:
        left &= _to_give(giver)
    return whole - left - BASIC


def _to_give(giver: Any) -> frozenset[Verb]:
    """What an account has to give now. Of a sub-account that left what it gave goes on under its own giver: else all
    whom a manager took on would stand idle from the day on which he leaves."""
    left, above = givable(_roles(giver)) - _withheld(giver), giver.giver
    if giver.is_main or above is None or above.unit_id != giver.unit_id:
        return left if giver.active else BASIC
    return left & _to_give(above)


def ticked_verbs(account: Any) -> frozenset[Verb]:
    """The verbs that were ticked for the account; a word that is none of ours grants nothing."""
    return frozenset(Verb(word) for word in (account.ticked or "").split() if word in KNOWN_VERBS)


def ticks(verb: Verb, ticked: Any = Account.ticked) -> ColumnElement[bool]:
    """The same asked of the database: accounts for which this verb is ticked, or for which none are picked out."""
    return or_(ticked.is_(None), ticked.contains(f" {verb.value} ", autoescape=True))


def held_by(account_id: Any, roles: Collection[str]) -> ColumnElement[bool]:
    """Whether an account holds one of these roles."""
    held = select(_holds.c.user_id).join(_role, _role.c.id == _holds.c.role_id)
    return held.where(_holds.c.user_id == account_id, _role.c.name.in_(roles)).exists()


def own_account(session: AnySession, actor: Actor) -> Account:
    """The account that acts, as the database has it now; nobody has none."""
    if actor.user_id is None:
        raise NotAllowed(Finding("权限", False, "没有登录", "请先登录"))
    account: Account = visible(session, actor, Account, actor.user_id, "账号")
    return account


def actor_by_id(session: AnySession, user_id: int, via: str) -> Actor:
    """The account as it is now, for work done later in its name: rights taken away meanwhile are gone."""
    account = session.scalar(
        select(Account).where(Account.id == user_id).execution_options(skip_scope=True, populate_existing=True)
    )
    return actor_of(account, via)


def in_its_name(session: AnySession, account_id: int, via: str, at: dt.datetime, epoch: int | None) -> Actor:
    """The account as it is now, for work that goes on while nobody sits before it; Refusal where that has to end.

    It ends with what ends sessions and tokens: an administrator's lock, and a password, role, region or 全部退出 that
    moved on from the `epoch` under which the work was begun, for who began it may not be whose account it is. The lock
    after wrong tries (`LoginGuard`) ends neither those nor this: any stranger causes it by guessing.
    """
    found = caller(session, account_id)
    actor = actor_of(found, via)
    if actor.user_id is None:
        raise refuse("任务发起人", "发起人的账号已停用或不存在", "请由有权限的账号重新提交")
    if found.locked_until is not None and found.locked_until > at:
        raise refuse("任务发起人", "发起人的账号已被管理员锁定", "请在解锁后重试或重新提交")
    if epoch is not None and epoch != found.session_epoch:
        raise refuse(
            "任务发起人", "提交以后，发起人的密码、角色、地区或登录方式有变更，或已被全部退出",
            "请发起人重新登录，核对后重试或重新提交",
        )  # fmt: skip
    return actor


# --- who calls, by one statement


@dataclass(frozen=True, slots=True)
class Named:
    """A role by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A unit as far as rights hang on it."""

    approved_version: int
    is_maintenance: bool
    is_use: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """An account as far as its rights go, for `actor_of` and whoever asks who calls: no row of the session.

    Its rights are read anew for each call; only the work of putting them together is remembered, by what was read.
    """

    id: int
    first_name: str | None
    username: str
    active: bool
    roles: tuple[Named, ...]
    region_code: str | None
    unit_id: int | None
    unit: Standing | None
    person_id: int | None
    is_main: bool
    sees_all_elevators: bool
    self_registered: bool
    ticked: str | None
    giver: Caller | None
    session_epoch: int
    must_change_password: bool
    locked_until: dt.datetime | None
    totp_secret: str | None
    sms_factor: bool
    phone_verified_at: dt.datetime | None

    is_authenticated = True
    is_anonymous = False

    @property
    def is_active(self) -> bool:
        return self.active

    def get_id(self) -> str:
        return str(self.id)

    def get_full_name(self) -> str:
        return self.first_name or self.username


_account: Any = Account.__table__.c
_giver: Any = Account.__table__.alias("giver")
_role: Any = AccountRole.__table__
_holds: Any = FabUser.__mapper__.relationships["roles"].secondary
_own_unit: Any = Unit.__table__.alias("own_unit")
_its_unit: Any = Unit.__table__.alias("its_unit")


def _columns(of: Any, unit: Any) -> list[Any]:
    names = (
        select(func.aggregate_strings(_role.c.name, " "))
        .join(_holds, _holds.c.role_id == _role.c.id)
        .where(_holds.c.user_id == of.id)
        .scalar_subquery()
    )
    return [
        of.id, of.first_name, of.username, of.active, names, of.region_code, of.unit_id, unit.c.approved_version,
        unit.c.is_maintenance, unit.c.is_use, of.person_id, of.is_main, of.sees_all_elevators, of.self_registered,
        of.ticked, of.session_epoch, of.must_change_password, of.locked_until, of.totp_secret, of.sms_factor,
        of.phone_verified_at,
    ]  # fmt: skip


_OF_GIVER = _columns(_giver.c, _its_unit)
_CALLER = (
    select(_giver.c.parent_user_id, *_columns(_account, _own_unit), *_OF_GIVER)
    .select_from(Account.__table__)
    .outerjoin(_own_unit, _own_unit.c.id == _account.unit_id)
    .outerjoin(_giver, _giver.c.id == _account.parent_user_id)
    .outerjoin(_its_unit, _its_unit.c.id == _giver.c.unit_id)
    .where(_account.id == bindparam("account"))
)


def caller(session: AnySession, account_id: int) -> Any:
    """The account as it is at this moment, its giver's rights included, by one statement; None when there is none.

    Where the giver is a sub-account that was given its rights in turn, that is the row itself: any number of givers
    may stand above it.
    """
    row = asked_alone(session, _CALLER, {"account": account_id})
    if row is None:
        return None
    found = _put_together(tuple(row[1:]))
    above = row[0]
    if above is not None and found.giver is not None and not found.giver.is_main:
        return session.get(Account, account_id, execution_options={"skip_scope": True}, populate_existing=True)
    return found


@lru_cache(maxsize=4096)
def _put_together(row: tuple[Any, ...]) -> Caller:
    width = len(_OF_GIVER)
    giver = _caller(row[width:], None) if row[width] is not None else None
    return _caller(row[:width], giver)


def _caller(row: tuple[Any, ...], giver: Caller | None) -> Caller:
    key, first, username, active, roles, region, unit_id, *of_unit, person, main, all_, own, ticked = row[:15]
    unit = None if of_unit[0] is None else Standing(*of_unit)
    # FAB's own flag may be null in old rows.
    names = tuple(Named(name) for name in sorted((roles or "").split()))
    return Caller(
        key, first, username, bool(active), names, region, unit_id, unit, person, main, all_, own, ticked, giver,
        *row[15:],
    )


@lru_cache(maxsize=4096)
def actor_of_caller(found: Caller, via: str, address: str | None) -> Actor:
    """`actor_of`, put together once for what was read."""
    return actor_of(found, via, address)

"""Accounts as a regulator lists them (ACC-12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import and_, func, not_, or_, select
from sqlalchemy.orm import joinedload, object_session, selectinload

from app import clock
from app.listing import Column, Filter, Listing, Tab, column, register
from app.models import Account, AccountRole, Elevator, ElevatorAssignment, ExternalIdentity, Person, Unit
from app.models.choices import GRADE, RESCUE_ROLE, SEX, UNIT_KINDS
from app.models.elevator import answers_for
from app.models.sealed import whole_or_end
from app.permissions import ROLE_LABEL, Role
from app.wording import say, together
from app.workflows.access.passwords import first_password_of, first_password_words
from app.workflows.people import people

KIND = {"regulator": _l("监管账号"), "agent": _l("应急坐席"), "main": _l("单位主账号"), "sub": _l("子用户")}
_DESK_ALONE = and_(
    Account.roles.any(AccountRole.name == Role.RESCUE_AGENT.value),
    not_(Account.roles.any(AccountRole.name != Role.RESCUE_AGENT.value)),
)
_KIND = {
    "regulator": and_(Account.unit_id.is_(None), not_(_DESK_ALONE)),
    "agent": and_(Account.unit_id.is_(None), _DESK_ALONE),
    "main": and_(Account.unit_id.is_not(None), Account.is_main),
    "sub": and_(Account.unit_id.is_not(None), Account.is_main.is_(False)),
}
_WORDS = {role.value: ROLE_LABEL[role] for role in Role}


def kind_of(account: Account) -> str:
    """用户分类; who is a regulator besides sitting at the desk is one."""
    if account.unit_id is not None:
        return "main" if account.is_main else "sub"
    return "agent" if {row.name for row in account.roles} == {Role.RESCUE_AGENT.value} else "regulator"


def _roles(account: Account) -> str:
    return together(str(_WORDS[row.name]) for row in account.roles if row.name in _WORDS)


def _last_login(account: Account) -> str | None:
    # FAB's own column: a wall-clock time without zone, written as Shanghai's.
    return f"{account.last_login:%Y-%m-%d %H:%M}" if account.last_login else None


def first_password(account: Account) -> str | None:
    """初始密码 that its owner has not made his own yet, with what is left of its days."""
    found = first_password_of(object_session(account), account, clock.now())  # type: ignore[arg-type]
    return first_password_words(found, named=False) if found else None


def _unit_kinds(account: Account) -> str | None:
    return together(str(UNIT_KINDS[kind]) for kind in account.unit.kinds) if account.unit else None


def _of_unit_kind(kinds: list[str]) -> object:
    return or_(*(getattr(Unit, f"is_{kind}") for kind in kinds if kind in UNIT_KINDS))


def _has_role(names: list[str]) -> object:
    return Account.roles.any(AccountRole.name.in_(names))


def given(session: Any, accounts: Sequence[Account]) -> dict[int, int]:
    """How many of its unit's elevators were given to each account one by one; none: not named.

    What went to another unit since is none of them: its past records stay open to whoever had it.
    """
    counts = (
        select(ElevatorAssignment.user_id, func.count())
        .join(Account, Account.id == ElevatorAssignment.user_id)
        .join(Elevator, (Elevator.id == ElevatorAssignment.elevator_id) & answers_for(Account.unit_id))
        .where(ElevatorAssignment.user_id.in_([row.id for row in accounts]))
        .group_by(ElevatorAssignment.user_id)
    )
    return dict(session.execute(counts.execution_options(skip_scope=True)).all())


def assigned(session: Any, accounts: Sequence[Account]) -> dict[int, Any]:
    """Which elevators each sub-account sees: all of its unit's, or how many were given to it."""
    counted = given(session, accounts)
    return {
        row.id: say("全部") if row.sees_all_elevators else f"{counted.get(row.id, 0)}"
        for row in accounts if kind_of(row) == "sub"
    }  # fmt: skip


def grades(session: Any, accounts: Sequence[Account]) -> dict[int, Any]:
    """等级 of the persons who work with these accounts, as their quota goes by it (ACC-12)."""
    persons = select(Person).where(Person.id.in_({row.person_id for row in accounts if row.person_id is not None}))
    known = session.scalars(persons.execution_options(skip_scope=True)).all()
    held = people.quotas(session, known, clock.now())
    return {row.id: held[row.person_id].grade.value for row in accounts if row.person_id in held}


def bound(session: Any, accounts: Sequence[Account]) -> dict[int, Any]:
    """Whether an outside identity signs in as it (浙里办绑定)."""
    found = select(ExternalIdentity.user_id).where(ExternalIdentity.user_id.in_([row.id for row in accounts]))
    there = set(session.scalars(found.execution_options(skip_scope=True)))
    return {row.id: row.id in there for row in accounts}


# What stands in other tables: read for a page's rows together, where it is shown.
_ELSEWHERE = {"elevators": assigned, "grade": grades, "identity": bound}


class AccountListing(Listing):
    """Adds to each row what its columns show of other tables, a statement or two for all rows of a page."""

    def fill(self, session: Any, rows: Sequence[Any], names: Sequence[str]) -> None:
        super().fill(session, rows, names)
        for name, read in _ELSEWHERE.items():
            if rows and name in names:
                told = read(session, rows)
                for row in rows:
                    setattr(row, f"{name}_told", told.get(row.id))


ACCOUNTS = register(AccountListing(
    name="accounts",
    title=_lp("many", "账号"),
    model=Account,
    columns=(
        Column("username", _l("登录名"), lambda a: a.username, "code", Account.username),
        Column("name", _l("姓名"), lambda a: a.first_name, "text", Account.first_name),
        column(Account, "phone", sort=False),
        Column("kind", _l("用户分类"), kind_of, "choice", None, KIND),
        Column("roles", _l("用户角色"), _roles),
        Column("unit", _l("所属单位"), lambda a: a.unit.name if a.unit else None),
        Column("unit_kind", _l("单位类别"), _unit_kinds),
        column(Account, "rescue_role"),
        Column("uscc", _l("统一社会信用代码"), lambda a: a.unit.uscc if a.unit else None, "code"),
        Column("region", _l("管辖地区"), lambda a: a.region.name if a.region else None),
        Column("active", _l("状态"), lambda a: bool(a.active), "bool", Account.active),
        Column("must_change", _l("初始密码"), first_password),
        Column("last_login", _l("上次登录"), _last_login, "instant", Account.last_login),
        Column("sex", _l("性别"), lambda a: a.sex, "choice", None, SEX),
        Column("grade", _l("等级"), lambda a: a.grade_told, "choice", None, GRADE),
        Column("elevators", _l("分配的电梯"), lambda a: a.elevators_told, said=True),
        Column("sms_factor", _l("登录短信认证"), lambda a: bool(a.sms_factor), "bool"),
        Column("identity", _l("绑定外部身份"), lambda a: a.identity_told, "bool"),
    ),
    default=("username", "name", "phone", "kind", "roles", "unit", "region", "active", "must_change", "last_login"),
    search=(Account.username, Account.first_name, Unit.name),
    search_hint=_l("登录名、姓名、单位名称"),
    filters=(
        Filter("role", _l("用户角色"), "choice", choices=dict(_WORDS), criterion=_has_role),
        Filter("unit", _l("所属单位"), "lookup", Account.unit_id, lookup="units"),
        Filter("unit_kind", _l("单位类别"), "choice", choices=dict(UNIT_KINDS), criterion=_of_unit_kind),
        Filter("rescue_role", _l("应急角色"), "choice", Account.rescue_role, choices=dict(RESCUE_ROLE)),
        Filter(
            "phone", _l("手机（完整号码或末四位）"), "text", criterion=whole_or_end(Account.phone),
            sensitive="mobile",
        ),
        Filter("active", _l("在用"), "bool", Account.active),
        Filter("must_change", _l("初始密码未改"), "bool", Account.must_change_password),
        Filter("region", _l("地区"), "region", Account.region_code),
    ),
    tabs=(
        Tab("all", _l("全部")),
        *(Tab(key, word, lambda _moment, key=key: _KIND[key]) for key, word in KIND.items()),  # type: ignore[misc]
        Tab("ended", _l("已注销"), lambda _moment: Account.active.is_(False)),
    ),
    order=("id", True),
    load=(joinedload(Account.unit), joinedload(Account.region), selectinload(Account.roles)),
    join=lambda statement: statement.outerjoin(Unit, Unit.id == Account.unit_id),
))  # fmt: skip

"""The demo region's accounts, one for each role, and some work waiting for them, made by the product's own verbs."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app import clock
from app.demo import names
from app.demo.builder import CITY
from app.models import Account, Application, Elevator, Person, Region, Unit
from app.permissions import ROLE_LABEL, SYSTEM, Actor, Role
from app.rules.calendar import add_months
from app.workflows.access import issuing, main_accounts, sub_accounts
from app.workflows.core.actors import actor_of
from app.workflows.desk import applications
from app.workflows.files import attachments
from app.workflows.filing import filing

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
DISTRICT = "980402000000"
# The smallest thing that every viewer opens as one blank page.
BLANK_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A login to print once."""

    role: str
    place: str
    login_name: str
    password: str


def make_accounts(session: Any, at: dt.datetime) -> list[DemoAccount]:
    """One account a role, with random passwords; none when the demo's accounts are already there.

    Not forced to change the password: these are for a first look, and the invented region is all that they reach.
    """
    if session.scalar(select(Account.id).where(Account.username == "shiju")) is not None:
        return []
    city = session.scalar(select(Region).where(Region.code == CITY))
    district = session.scalar(select(Region).where(Region.code == DISTRICT))
    firm, use_unit, worker = first_firm(session)
    made: list[DemoAccount] = []

    def add(login_name: str, name: str | None, *roles: Role, place: str, **fields: Any) -> Account:
        account = Account(username=login_name, first_name=name or login_name, **fields)
        password = issuing.random_password(12)
        account.own_password(password)
        issuing.save_new(session, account, roles)
        made.append(DemoAccount("、".join(str(ROLE_LABEL[r]) for r in roles), place, login_name, password))
        return account

    add("admin", "平台管理员", Role.PLATFORM_ADMIN, place="全平台")
    add("shiju", "温知远", Role.REGION_ADMIN, place=city.name, region_id=city.id, region_code=city.code)
    add("linhe", "顾以宁", Role.INSPECTOR, place=district.name, region_id=district.id, region_code=district.code)
    unit: dict[str, Any] = {"unit_id": firm.id, "region_code": firm.region_code}
    add(firm.uscc, firm.head_name, Role.MAINTENANCE_HEAD, place=firm.name, is_main=True, **unit)
    add("weibao_jingli", "江映川", Role.MAINTENANCE_MANAGER, place=firm.name, **unit)
    add("weibao_wenyuan", "叶听雨", Role.CLERK, place=firm.name, **unit)
    add(
        "weibao_yuan", worker.name, Role.WORKER, place=firm.name, person_id=worker.id, rescue_role="rescuer",
        phone=names.phone(910_001), **unit,
    )  # fmt: skip
    using: dict[str, Any] = {"unit_id": use_unit.id, "region_code": use_unit.region_code}
    add(use_unit.uscc, use_unit.head_name, Role.USE_HEAD, place=use_unit.name, is_main=True, **using)
    add("anquan_yuan", use_unit.safety_officer, Role.SAFETY_OFFICER, place=use_unit.name, **using)
    return made


def first_look(issued: issuing.Issued, place: str) -> DemoAccount:
    """An account that the product's own door made, with its password as these accounts have it: not to be changed."""
    account, password = issued.account, issuing.random_password(12)
    account.own_password(password)
    roles = sorted(row.name for row in account.roles)
    return DemoAccount("、".join(str(ROLE_LABEL[Role(role)]) for role in roles), place, account.username, password)


def accounts_of(session: Any, unit: Unit, head: str, login_name: str, name: str, role: Role, at: dt.datetime) -> list[
    DemoAccount
]:  # fmt: skip
    """The main account of an approved unit, by its administrator, and one of its people, by that account (ACC-12)."""
    main = main_accounts.create_main_account(
        session, administrator(session), unit_name=unit.name, region_id=unit.region_id, head_name=head,
        phone=names.phone(900_000 + unit.id % 1000), uscc=unit.uscc, kinds=unit.kinds, at=at,
    )  # fmt: skip
    one = sub_accounts.add(
        session, actor_of(main.account, "cli"), login_name=login_name, name=name, roles=[role], all_elevators=True,
        at=at,
    )  # fmt: skip
    return [first_look(issued, unit.name) for issued in (main, one)]


def administrator(session: Any) -> Actor:
    """The city's administrator, or the command itself where the demo has no accounts."""
    account = session.scalar(select(Account).where(Account.username == "shiju"))
    return actor_of(account, "cli") if account is not None else SYSTEM.by("cli")


def first_firm(session: Any) -> tuple[Unit, Unit, Person]:
    """The firm with the first elevators, the use unit of one of them, and a worker of the firm."""
    elevator = session.scalar(
        select(Elevator)
        .where(Elevator.status == "in_use")
        .where(Elevator.maintenance_unit_id.is_not(None), Elevator.use_unit_id.is_not(None))
        .order_by(Elevator.id)
        .limit(1)
    )
    firm = session.get(Unit, elevator.maintenance_unit_id)
    worker = session.scalar(select(Person).where(Person.unit_id == firm.id).order_by(Person.id).limit(1))
    return firm, session.get(Unit, elevator.use_unit_id), worker


def make_waiting(session: Any, at: dt.datetime) -> int:
    """Filings and applications in the queue, some drafts, one turned down; gives how many wait.

    Made through the workflows by the firm's main account, at staggered instants before `at`.
    """
    firm, use_unit, _worker = first_firm(session)
    account = session.scalar(select(Account).where(Account.unit_id == firm.id, Account.is_main))
    officer_account = session.scalar(select(Account).where(Account.username == "shiju"))
    if account is None or officer_account is None:
        return 0
    actor = Actor(
        account.id, account.first_name, frozenset({Role.MAINTENANCE_HEAD}), account.region_code, firm.id, is_main=True,
        via="cli",
    )  # fmt: skip
    officer = Actor(officer_account.id, officer_account.first_name, frozenset({Role.REGION_ADMIN}), CITY, via="cli")
    serial = session.scalar(select(Elevator.id).order_by(Elevator.id.desc()).limit(1)) + 300_000
    for number in range(9):
        at_then = at - HOUR * (5 * number + 2)
        filed = _new_elevator(firm, use_unit, serial + number, at)
        row = filing.save_draft(session, actor, Elevator, None, filed, at_then)
        if number < 6:
            application = filing.submit(session, actor, row, at_then + HOUR)
            if number == 5:
                applications.decide(
                    session, officer, application.id, "reject", "使用登记材料与制造日期不一致，请核对后重新上报",
                    application.row_version, at_then + HOUR * 2,
                )  # fmt: skip
    own = session.scalars(
        select(Elevator)
        .where(Elevator.maintenance_unit_id == firm.id, Elevator.filing_state == "approved")
        .order_by(Elevator.id.desc())
        .limit(400)
    ).all()
    in_use = [e for e in own if e.status == "in_use"]
    for number, row in enumerate(in_use[:3]):
        change = {"emergency_phone": "0398-5550096", "safety_officer": names.person_name(900 + number)}
        filing.save_draft(session, actor, Elevator, row, change, at - HOUR * (30 + number))
        filing.submit(session, actor, row, at - HOUR * (29 + number))
    for number, row in enumerate(in_use[3:5]):
        _apply(session, actor, "suspension", row, at - HOUR * (8 + 20 * number), "小区集中改造，住户已公告")
    for row in [e for e in own if e.status == "suspended"][:1]:
        _apply(session, actor, "reactivation", row, at - HOUR * 4, "改造完成，自检合格")
    _apply(session, actor, "scrapping", in_use[5], at - HOUR * 50, "达到设计使用年限，拆除更新")
    return session.query(Application).filter(Application.is_open).count()


def paper(session: Any, actor: Actor, name: str, kind: str, region_code: str, at: dt.datetime) -> int:
    """A blank page of the actor's unit, to be handed in with an application; its key."""
    row = attachments.store(
        session, actor, at, io.BytesIO(BLANK_PDF), f"{name}.pdf", kind, "application", None, actor.unit_id, region_code
    )
    return int(row.id)


def _apply(session: Any, actor: Actor, kind: str, elevator: Elevator, at: dt.datetime, reason: str) -> None:
    document = paper(session, actor, f"{elevator.code} 申请材料", "document", elevator.region_code, at)
    applications.apply(
        session, actor, kind, elevator, effective_on=clock.local_day(at) + DAY * 3, reason=reason,
        attachments=[document], at=at,
    )  # fmt: skip


def _new_elevator(firm: Unit, use_unit: Unit, serial: int, at: dt.datetime) -> dict[str, Any]:
    made_on, supervised_on = clock.local_day(at) - DAY * 250, clock.local_day(at) - DAY * 60
    # Six digits that nobody has: beyond those of the region or, in a province, below them.
    code = 200_000 + serial if serial < 800_000 else 100_000 + serial % 100_000
    return {
        "code": str(code), "category": "3110", "estate": "澜庭苑二期",
        "address": f"澜庭苑二期 {serial % 20 + 1} 幢 1 单元", "region_id": use_unit.region_id,
        "maintenance_unit_id": firm.id, "use_unit_id": use_unit.id,
        "model": "XC-M3", "manufacturer": names.MAKERS[0], "installer": names.MAKERS[0],
        "factory_no": f"XC{made_on:%y%m}{serial % 10000:04d}",
        "equipment_code": f"311098012{made_on.year}{serial % 100000:05d}",
        "registration_code": f"3110980402{supervised_on:%Y%m}{serial % 10000:04d}", "made_on": made_on.isoformat(),
        "supervised_on": supervised_on.isoformat(), "next_inspection_on": add_months(supervised_on, 12).isoformat(),
        "rated_load": 1050, "rated_speed": 1.75,
        "floors": 26, "stops": 26, "doors": 26, "emergency_phone": "96333", "safety_officer": use_unit.safety_officer,
        "safety_phone": use_unit.safety_phone, "latitude": 30.6312, "longitude": 119.9734, "place_type": "residential",
    }  # fmt: skip




Printer = Callable[[str], None]


def print_accounts(made: list[DemoAccount], say: Printer) -> None:
    """The table that `make run` shows once."""
    if not made:
        return
    say("演示账号（密码随机生成，只显示这一次）：")
    wide = max(_width(a.login_name) for a in made)
    for account in made:
        say(f"  {_pad(account.login_name, wide)}  {account.password}  {_pad(account.role, 16)}  {account.place}")


def _width(text: str) -> int:
    return sum(2 if ord(c) > 0x2E80 else 1 for c in text)


def _pad(text: str, width: int) -> str:
    return text + " " * max(0, width - _width(text))

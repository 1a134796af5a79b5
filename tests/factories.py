"""Rows for tests, valid by default and said in one line: `make_elevator(session, maintenance_unit=unit)`.

Every maker adds, flushes and returns the row; the test commits. Nothing here goes round a rule that is under test:
states that a workflow sets are given only where the test needs a world in which that workflow has already run.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
from typing import Any

from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import make_transient_to_detached
from werkzeug.security import generate_password_hash

from app import clock
from app.models import (
    Account,
    Complaint,
    Contract,
    ContractElevator,
    Elevator,
    MaintenanceClock,
    MaintenanceLedger,
    Person,
    PolicyValue,
    Region,
    Unit,
)
from app.permissions import Actor, Role
from app.rules.identifiers import uscc_check_char
from app.views.frame.requests import actor_of

PASSWORD = "Ti.an-2026-test"
# Hashed once with the least work: tests make many accounts and measure no hash.
_HASH = generate_password_hash(PASSWORD, "pbkdf2:sha256:1")
_count = itertools.count(1)
# Contracts of tests are in force on whatever day the tests run, and never longer than policy lets one be.
ENDS_ON = dt.date(clock.today().year + 3, 12, 31)
STARTS_ON = dt.date(ENDS_ON.year - 9, 1, 1)
# What a world is made of: its kind ("part" or "account") and name, then the row that it is.
Rows = dict[tuple[str, str], tuple[type, int]]

REGIONS = (
    ("980000000000", "岚省", "province", None),
    ("980400000000", "澜州市", "city", "980000000000"),
    ("980402000000", "临河区", "district", "980400000000"),
    ("980403000000", "青坪区", "district", "980400000000"),
    ("980402001000", "明水街道", "street", "980402000000"),
)


def has_tests_password(account: Account) -> bool:
    """Whether the account's password is PASSWORD, as the makers below give it."""
    return account.password == _HASH


def picture(form: str = "PNG", size: tuple[int, int] = (40, 30), colour: Any = "#3a6ea5", **more: Any) -> bytes:
    """A real picture of one colour; other colours are other files."""
    kept = io.BytesIO()
    Image.new("RGB", size, colour).save(kept, form, **more)
    return kept.getvalue()


def make_regions(session: Any) -> dict[str, Region]:
    """The invented tree: 岚省 > 澜州市 > 临河区, 青坪区 > 明水街道; by 12-digit code."""
    made: dict[str, Region] = {}
    for code, name, level, parent in REGIONS:
        row = session.scalar(select(Region).where(Region.code == code))
        if row is None:
            row = Region(code=code, name=name, level=level, parent_id=made[parent].id if parent else None)
            session.add(row)
            session.flush()
        made[code] = row
    return made


def region(session: Any, code: str = "980402000000") -> Region:
    """One of them: where it stands already, only it is asked for, and not the whole tree with each row made in it."""
    standing: Region | None = session.scalar(select(Region).where(Region.code == code))
    return standing or make_regions(session)[code]


def uscc(serial: int | None = None) -> str:
    """A valid invented 统一社会信用代码."""
    first = f"91980402{next(_count) if serial is None else serial:09d}"
    return first + uscc_check_char(first)


def make_unit(session: Any, name: str | None = None, *, region_code: str = "980402000000", **fields: Any) -> Unit:
    """An approved unit in force; kind by `is_maintenance=True`, `is_use=True` …"""
    place = region(session, region_code)
    number = next(_count)
    row = Unit(
        **{
            "name": name or f"澜州测试单位{number}",
            "uscc": uscc(),
            "region_id": place.id,
            "region_code": place.code,
            "address": f"临河区测试路 {number} 号",
            "head_name": "顾以宁",
            "head_phone": f"139{number:08d}",
            "filing_state": "approved",
            "info_state": "normal",
            "approved_version": 1,
            "approved_on": dt.date(2020, 1, 1),
        }
        | fields
    )
    session.add(row)
    session.flush()
    return row


def make_maintenance_unit(session: Any, name: str | None = None, **fields: Any) -> Unit:
    return make_unit(
        session, name, **{"is_maintenance": True, "licence_no": "TS3398001-2029", "licence_grade": "A1"} | fields
    )


def make_use_unit(session: Any, name: str | None = None, **fields: Any) -> Unit:
    officer = {"safety_officer": "苏见山", "safety_phone": "13800000001"}
    return make_unit(session, name, **{"is_use": True} | officer | fields)


def make_person(session: Any, unit: Unit, name: str | None = None, **fields: Any) -> Person:
    number = next(_count)
    row = Person(
        **{
            "name": name or f"王砚{number}",
            "unit_id": unit.id,
            "region_code": unit.region_code,
            "phone": f"137{number:08d}",
            "certificate_no": f"T98{number:06d}",
            "certificate_until": dt.date(2035, 12, 31),
        }
        | fields
    )
    session.add(row)
    session.flush()
    return row


def make_account(
    session: Any,
    *roles: Role,
    unit: Unit | None = None,
    region_code: str | None = None,
    person: Person | None = None,
    **fields: Any,
) -> Account:
    """A login that has already changed its first password (PASSWORD)."""
    role_model = Account.roles.property.mapper.class_
    held = session.scalars(select(role_model).where(role_model.name.in_([r.value for r in roles]))).all()
    assert len(held) == len(set(roles)), "roles are missing: the database was not synced"
    number = next(_count)
    code = region_code or (unit.region_code if unit else None)
    row = Account(
        **{
            "username": f"test_{number}",
            "first_name": f"测试员{number}",
            "last_name": "",
            "email": f"test_{number}@example.invalid",
            "active": True,
            "password": _HASH,
            "unit_id": unit.id if unit else None,
            "region_code": code,
            "region_id": region(session, code).id if code and unit is None else None,
            "person_id": person.id if person else None,
            "must_change_password": False,
        }
        | fields
    )
    row.roles = list(held)
    session.add(row)
    session.flush()
    return row


def make_elevator(
    session: Any,
    *,
    maintenance_unit: Unit | None = None,
    use_unit: Unit | None = None,
    region_code: str = "980402000000",
    **fields: Any,
) -> Elevator:
    """An approved elevator in use, placed and ready for a visit."""
    place = region(session, region_code)
    number = next(_count)
    row = Elevator(
        **{
            "code": f"2{number:05d}",
            "category": "3110",
            "address": f"云樾里小区 {number} 幢 1 单元",
            "estate": "云樾里小区",
            "region_id": place.id,
            "region_code": place.code,
            "maintenance_unit_id": maintenance_unit.id if maintenance_unit else None,
            "use_unit_id": use_unit.id if use_unit else None,
            "latitude": 30.5,
            "longitude": 120.5,
            "commissioned_on": dt.date(2020, 1, 1),
            "next_inspection_on": dt.date(2099, 1, 1),
            "emergency_phone": "96333",
            "status": "in_use",
            "filing_state": "approved",
            "info_state": "normal",
            "approved_version": 1,
            "approved_on": dt.date(2020, 1, 1),
            "public_token": f"tok{number:012d}",
        }
        | fields
    )
    session.add(row)
    session.flush()
    return row


def make_contract(
    session: Any,
    unit: Unit,
    elevators: list[Elevator],
    starts_on: dt.date = STARTS_ON,
    ends_on: dt.date = ENDS_ON,
    **fields: Any,
) -> Contract:
    """A contract in force, known and with its elevators bound since its first day."""
    known = clock.instant_of(dt.datetime.combine(starts_on, dt.time()))
    row = Contract(
        **{
            "number": f"HT-TEST-{next(_count):04d}",
            "kind": "normal",
            "unit_id": unit.id,
            "region_code": unit.region_code,
            "signed_on": starts_on,
            "starts_on": starts_on,
            "ends_on": ends_on,
            "approved_version": 1,
            "created_at": known,
        }
        | fields
    )
    session.add(row)
    session.flush()
    for elevator in elevators:
        session.add(
            ContractElevator(
                contract_id=row.id, elevator_id=elevator.id, unit_id=unit.id, starts_on=starts_on, ends_on=ends_on,
                added_at=known,
            )
        )  # fmt: skip
    session.flush()
    return row


def make_ledger(session: Any, elevator: Elevator, worker: Person | None = None, **fields: Any) -> MaintenanceLedger:
    assert elevator.maintenance_unit_id is not None
    row = MaintenanceLedger(
        **{
            "elevator_id": elevator.id,
            "unit_id": elevator.maintenance_unit_id,
            "region_code": elevator.region_code,
            "worker_id": worker.id if worker else None,
            "mode": "auto",
            "interval_days": 15,
            "next_level": "half_month",
        }
        | fields
    )
    session.add(row)
    session.flush()
    return row


def make_clock(session: Any, elevator: Elevator, last_visit_on: dt.date | None, **fields: Any) -> MaintenanceClock:
    """The clock as the last counted visit left it: limit 15 days later unless given."""
    row = MaintenanceClock(
        **{
            "elevator_id": elevator.id,
            "unit_id": elevator.maintenance_unit_id,
            "region_code": elevator.region_code,
            "first_visit_on": last_visit_on,
            "last_visit_on": last_visit_on,
            "anchor_on": last_visit_on,
            "limit_on": last_visit_on + dt.timedelta(days=15) if last_visit_on else None,
            "limit_days": 15,
            "in_use": elevator.status == "in_use",
        }
        | fields
    )
    session.add(row)
    session.flush()
    return row


def make_complaint(session: Any, elevator: Elevator, complained_at: dt.datetime, **fields: Any) -> Complaint:
    """A complaint about an elevator, as it stands after the given steps."""
    row = Complaint(
        **{
            "number": f"T{next(_count):011d}", "elevator_id": elevator.id, "region_code": elevator.region_code,
            "unit_id": elevator.maintenance_unit_id, "use_unit_id": elevator.use_unit_id, "code": elevator.code,
            "place": elevator.address, "name": "顾以宁", "phone": "13900000001", "kinds": ["noise"],
            "complained_at": complained_at, "accept_hours": 24, "handle_hours": 72, "review_hours": 48,
        }
        | fields
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def make_policy(
    session: Any, key: str, value: Any, region_code: str = "980000000000", on: dt.date | None = None
) -> None:
    session.add(
        PolicyValue(
            key=key, region_code=region_code, value=value, effective_on=on or dt.date(2000, 1, 1), source="测试",
            known_at=clock.now(),
        )
    )  # fmt: skip
    session.flush()


def actor(account: Account) -> Actor:
    """The account as workflows see it."""
    return actor_of(account, via="test")


class World:
    """The small region that most tests live in: two districts, two firms, two use units, one persona a role.

    `own` is what the personas of 恒枢 and 新禾 may reach; `foreign` is another firm's, in the other district.
    """

    def __init__(self, session: Any) -> None:
        self.session = session
        make_regions(session)
        self.firm = make_maintenance_unit(session, "澜州恒枢电梯工程有限公司")
        self.other_firm = make_maintenance_unit(session, "澜州河川电梯有限公司", region_code="980403000000")
        self.use_unit = make_use_unit(session, "澜州新禾物业服务有限公司")
        self.other_use_unit = make_use_unit(session, "青坪科创园管理有限公司", region_code="980403000000")
        self.worker = make_person(session, self.firm, "王砚秋")
        self.other_worker = make_person(session, self.other_firm, "何一舟")
        self.own = make_elevator(session, maintenance_unit=self.firm, use_unit=self.use_unit)
        self.foreign = make_elevator(
            session, maintenance_unit=self.other_firm, use_unit=self.other_use_unit, region_code="980403000000"
        )
        self.contract = make_contract(session, self.firm, [self.own])
        self.other_contract = make_contract(session, self.other_firm, [self.foreign])
        self.accounts = {
            "platform_admin": make_account(session, Role.PLATFORM_ADMIN),
            "region_admin": make_account(session, Role.REGION_ADMIN, region_code="980402000000"),
            "inspector": make_account(session, Role.INSPECTOR, region_code="980402000000"),
            "other_inspector": make_account(session, Role.INSPECTOR, region_code="980403000000"),
            "maintenance_head": make_account(session, Role.MAINTENANCE_HEAD, unit=self.firm, is_main=True),
            "other_head": make_account(session, Role.MAINTENANCE_HEAD, unit=self.other_firm, is_main=True),
            "clerk": make_account(session, Role.CLERK, unit=self.firm),
            "worker": make_account(session, Role.WORKER, unit=self.firm, person=self.worker),
            "other_worker": make_account(session, Role.WORKER, unit=self.other_firm, person=self.other_worker),
            "use_head": make_account(session, Role.USE_HEAD, unit=self.use_unit, is_main=True),
            "safety_officer": make_account(session, Role.SAFETY_OFFICER, unit=self.use_unit),
        }
        session.commit()

    def rows(self) -> Rows:
        """Which row each part and each account of it is, for `standing`."""
        parts = {name: row for name, row in vars(self).items() if name not in ("session", "accounts")}
        return {(kind, name): (type(row), row.id) for kind, held in (("part", parts), ("account", self.accounts))
                for name, row in held.items()}  # fmt: skip

    @classmethod
    def standing(cls, session: Any, rows: Rows) -> World:
        """The world in a database in which it stands already, as `World(session)` leaves it: read when asked for."""
        world = cls.__new__(cls)
        world.session, world.accounts = session, {}
        for (kind, name), (model, key) in rows.items():
            row = model(id=key)
            make_transient_to_detached(row)
            session.add(row)
            if kind == "account":
                world.accounts[name] = row
            else:
                setattr(world, name, row)
        return world

    def actor(self, persona: str) -> Actor:
        return actor(self.accounts[persona])



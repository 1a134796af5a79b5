"""The demo region's inspections: a body that inspects, a record of each elevator, some failed, checks near and over."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from sqlalchemy import func, select

from app import clock
from app.demo import names
from app.demo.builder import CITY
from app.demo.people import DAY, DemoAccount, accounts_of, first_firm, paper
from app.demo.rows import write
from app.models import Account, Elevator, Inspection, Region, Unit
from app.permissions import Role
from app.rules.identifiers import normal_code, uscc_check_char
from app.rules.inspection import kind_due_on, next_check
from app.transaction import AnySession
from app.workflows.core.actors import actor_of
from app.workflows.inspection import inspection_clocks, inspection_reports
from app.workflows.inspection.inspections import Entry

# More would only make the demo of a province slow to build; the night tells every elevator's clock all the same.
MOST = 3000
NAME = "澜州市特种设备检验研究院"
DEFECTS = (
    "主机渗油，缺油", "轿厢上行超速保护装置试验不符要求", "井道照明不符要求", "层门锁紧元件啮合长度不足",
    "限速器校验报告过期", "紧急照明失效",
)  # fmt: skip


def make_inspections(session: AnySession, at: dt.datetime, seed: int) -> list[DemoAccount]:
    """The records, and the accounts of the body that inspects; none where they are there already."""
    if session.scalar(select(Account.id).where(Account.username == "jianyan_yuan")) is not None:
        return []
    unit = _body(session, at)
    head = unit.head_name or NAME
    made = accounts_of(session, unit, head, "jianyan_yuan", names.person_name(77), Role.TESTER, at)
    _records(session, unit, at, random.Random(f"inspections-{seed}"))
    inspection_clocks.refresh(session, session.scalars(select(Inspection.elevator_id).distinct()).all(), at)
    _waiting(session, at)
    return made


def _body(session: AnySession, at: dt.datetime) -> Unit:
    first = f"91980402{900_000_001:09d}"
    city = session.scalar(select(Region).where(Region.code == CITY))
    assert city is not None
    unit = Unit(
        uscc=first + uscc_check_char(first), name=NAME, region_id=city.id, region_code=CITY, is_inspection=True,
        address="澜州市质检路 1 号", legal_person=names.person_name(78), head_name=names.person_name(79),
        head_phone=names.phone(900_001), filing_state="approved", info_state="normal", approved_version=1,
        approved_on=clock.local_day(at) - DAY * 900,
    )  # fmt: skip
    session.add(unit)
    session.flush()
    return unit


def _records(session: AnySession, unit: Unit, at: dt.datetime, rng: random.Random) -> None:
    """Each elevator's last inspection as the register says it, and what came before or after for some."""
    today = clock.local_day(at)
    key = (session.scalar(select(func.max(Inspection.id))) or 0) + 1
    cycle = inspection_clocks.cycle_of(session, CITY, today)
    rows: list[dict[str, Any]] = []
    statement = select(Elevator).where(Elevator.status == "in_use", Elevator.approved_version > 0)
    for serial, elevator in enumerate(session.scalars(statement.order_by(Elevator.id).limit(MOST))):
        done_on, next_on = elevator.inspected_on, elevator.next_inspection_on
        if done_on is None or next_on is None:
            continue
        next_kind = kind_due_on(inspection_clocks.first_day(elevator), next_on, cycle)
        kind = "periodic" if serial % 3 else "self_test" if serial % 2 else "test"
        told = {"next_on": next_on, "rule_on": next_on, "next_kind": next_kind}
        if serial % 17 == 3:
            fault = serial % 2 == 1
            failed = {"result": "failed", "failed_items": _defects(rng), "is_fault": fault}
            rows.append(_row(elevator, unit, "periodic", done_on - DAY * 12, serial, at, failed))
            rows.append(_row(elevator, unit, "periodic", done_on, serial, at, told | {
                "result": "passed_again", "is_fault": fault, "failed_items": failed["failed_items"],
            }))  # fmt: skip
        else:
            rows.append(_row(elevator, unit, kind, done_on, serial, at, told))
        if serial % 29 == 5 and done_on < today - DAY * 60:
            items = {"result": "failed", "failed_items": _defects(rng), "is_fault": True}
            rows.append(_row(elevator, unit, "periodic", today - DAY * rng.randint(3, 40), serial, at, items))
        checked_on = elevator.governor_on
        if checked_on is not None and serial % 5:
            place, category = elevator.region_code, elevator.category
            interval = inspection_clocks.interval_of(session, place, category, "governor", today)
            due = next_check(checked_on, elevator.commissioned_on, interval)
            rows.append(_row(elevator, unit, "governor", checked_on, serial, at, {
                "next_on": due, "rule_on": due, "next_kind": "governor",
            }))  # fmt: skip
    rows.sort(key=lambda row: row["done_on"])  # registered as they came, so that the newest stands first
    for number, row in enumerate(rows):
        row["id"] = key + number
    write(session, Inspection, rows)
    session.flush()
    if session.get_bind().dialect.name == "postgresql" and rows:
        session.scalar(select(func.setval("inspection_id_seq", key + len(rows))))


def _defects(rng: random.Random) -> str:
    return "；\n".join(f"{n}、{text}" for n, text in enumerate(rng.sample(DEFECTS, rng.randint(1, 3)), 1))


def _row(
    elevator: Elevator, unit: Unit, kind: str, on: dt.date, serial: int, at: dt.datetime, more: dict[str, Any]
) -> dict[str, Any]:
    prefix = {"governor": "XSQ", "self_test": "ZJ", "test": "JC"}.get(kind, "DJ")
    number = f"{prefix}-{on:%Y%m}-{serial + 1:05d}"
    # It stood in the register before it was entered here: nothing of it waits to move.
    return {
        "elevator_id": elevator.id, "region_code": elevator.region_code, "unit_id": elevator.maintenance_unit_id,
        "use_unit_id": elevator.use_unit_id, "kind": kind, "number": number, "number_key": normal_code(number),
        "done_on": on, "tested_by_id": unit.id, "tested_by": unit.name, "result": "passed", "failed_items": None,
        "is_fault": False, "next_on": None, "rule_on": None, "next_kind": None, "state": "approved",
        "in_force_from": at, "entered_by": names.person_name(77), "taken_over": True, "created_at": at,
        "updated_at": at, "replaced": {},
    } | more  # fmt: skip


def _waiting(session: AnySession, at: dt.datetime) -> None:
    """A governor report of the first firm that waits for an officer."""
    firm, _use_unit, _worker = first_firm(session)
    account = session.scalar(select(Account).where(Account.unit_id == firm.id, Account.is_main))
    elevator = session.scalar(
        select(Elevator).where(
            Elevator.maintenance_unit_id == firm.id, Elevator.status == "in_use", Elevator.category == "3110",
            Elevator.filing_state == "approved",
        ).order_by(Elevator.id.desc()).limit(1)
    )  # fmt: skip
    if account is None or elevator is None:
        return
    head, on = actor_of(account, "cli"), clock.local_day(at) - DAY * 2
    then = at - dt.timedelta(hours=3)
    report = paper(session, head, f"{elevator.code} 限速器校验报告", "inspection", firm.region_code, then)
    entry = Entry("governor", f"XSQ-{on:%Y%m}-90001", on, "passed", tested_by=firm.name)
    inspection_reports.hand_in(session, head, elevator.id, entry, [report], then)

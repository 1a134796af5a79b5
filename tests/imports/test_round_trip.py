"""Export, and import what was exported: not a single false change, for every kind, list, filter and persona (IMP-02).

The rows are made at random with values that spreadsheets and importers stumble over, past every form that would have
tidied them; then one cell is edited, and that one change is found.
"""

from __future__ import annotations

import datetime as dt
import io
import random
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask_babel import force_locale
from sqlalchemy import select

from app import scope
from app.imports.columns import kinds
from app.listing import LISTINGS, moment
from app.listings import kinds as of_kind
from app.models import (
    Component,
    ContractElevator,
    Elevator,
    ImportRow,
    Inspection,
    InsuranceRecord,
    InsuredPerson,
    Invitation,
    LandingDoor,
    MaintenanceLedger,
    MaintenanceOrder,
    MaintenanceTeam,
    Version,
    Visit,
)
from app.permissions import Role
from app.reports import exports
from app.rules.identifiers import normal_code
from app.transaction import transaction
from app.workflows.filing import filing
from tests.factories import (
    make_account,
    make_contract,
    make_elevator,
    make_ledger,
    make_maintenance_unit,
    make_person,
    make_unit,
    make_use_unit,
)
from tests.imports.ground import AT, checked, ran, states, told, workbook
from tests.imports.test_undoing import undone
from tests.workflows.test_insurance import id_number

WORDS = (
    "=1+1", "'=1+1", "'引号", "+86 1", "-", "—", "007", "0", " 前后空格 ", "两个  空格", "两行\n文字", "1e5", "1.0",
    "0.10", "TRUE", "是", "2020-01-01", "1/5/2020", "#N/A", "甲，乙、丙", '"引"，号', "a,b;c\td", "@x", "＝１",
    "46027", "长" * 40, None, None,
)  # fmt: skip
DAYS = (
    None, dt.date(1900, 1, 1), dt.date(1900, 3, 1), dt.date(1999, 12, 31), dt.date(2024, 2, 29), dt.date(2098, 1, 1),
)  # fmt: skip
LEVELS = ("half_month", "quarter", "half_year", "annual")
NUMBERS = (None, id_number(3), id_number(4))
PHONES = (None, "13800000001", "17700000009")


def fill(session: Any, world: Any, dice: random.Random) -> None:
    """Rows of every kind round the own firm and the other one."""
    text = lambda: dice.choice(WORDS)  # noqa: E731
    firms = [world.firm, world.other_firm, make_maintenance_unit(session, world.firm.name)]
    users = [world.use_unit, make_use_unit(session, world.use_unit.name), world.other_use_unit]
    for number in range(6):
        make_unit(
            session, f"客户{number} {text() or ''}"[:100], is_use=True, filed_by_unit_id=world.firm.id,
            legal_person=text(), note=text(), established_on=dice.choice(DAYS), head_phone=dice.choice(PHONES),
            head_resident_id=NUMBERS[number % 3],
            latitude=dice.choice((None, 0.1 + 0.2, -1e-7, 30.123456789012345)), registered_capital=text(),
            region_code=dice.choice(("980402000000", "980402001000", "980403000000")),
            safety_phone=dice.choice(PHONES), duty_phone=dice.choice((None, "96333", "0398-5550162")),
        )  # fmt: skip
    people = [make_person(
        session, world.firm, dice.choice(("重名", "独名", text() or "无")), work_kind=text(), phone=dice.choice(PHONES),
        certificate_no=dice.choice((None, f"T{n}", f"00{n}")), certificate_until=dice.choice(DAYS),
        left_on=dice.choice((None, None, dt.date(2026, 1, 1))),
    ) for n in range(8)]  # fmt: skip
    teams: dict[int | None, list[int]] = {}
    for firm in firms:
        named = [MaintenanceTeam(unit_id=firm.id, region_code=firm.region_code, name=n) for n in ("一组", "=2", "007")]
        session.add_all(named)
        session.flush()
        teams[firm.id] = [one.id for one in named]
    lifts = []
    for number in range(14):
        lift = make_elevator(
            session, maintenance_unit=dice.choice(firms), use_unit=dice.choice([*users, None]),
            code=dice.choice((f"00{number}", f"=1+{number}", f"-{number}", f"K{number}", f"2026010{number:02d}")),
            region_code=dice.choice(("980402000000", "980402001000", "980403000000")), estate=text(), note=text(),
            internal_no=text(), factory_no=dice.choice((None, "007", "=1+1", "1E5")), made_on=dice.choice(DAYS),
            rated_speed=dice.choice((None, 1.75, 0.5)), rated_load=dice.choice((None, 1000, 1)), name=text(),
            latitude=dice.choice((None, 30.1 + 0.2, 29.999999999999996)), address=text() or "址",
            safety_phone=dice.choice(PHONES), is_secret=False, place_type=dice.choice((None, "school", "other")),
            status=dice.choice(("in_use", "suspended", "notified")),
        )  # fmt: skip
        lifts.append(lift)
        for state in ("open", "done", "void"):
            session.add(MaintenanceOrder(
                elevator_id=lift.id, unit_id=lift.maintenance_unit_id, region_code=lift.region_code, state=state,
                worker_id=[*(p.id for p in people), None][number % 9], origin=("manual", "import")[number % 2],
                planned_on=dt.date(2026, 11, 25 + number % 4), level=LEVELS[number % 4],
            ))  # fmt: skip
        make_ledger(
            session, lift, dice.choice([*people, None]), mode=dice.choice(("auto", "manual")),
            interval_days=dice.choice((14, 15)), team_id=[*teams[lift.maintenance_unit_id], None][number % 4],
            next_half_month_on=dice.choice(DAYS), next_annual_on=dice.choice(DAYS),
        )  # fmt: skip
    for number in range(4):
        starts, ends = dt.date(2020, 1, number + 1), dt.date(2098, 1, 1)
        own = [e for e in lifts if e.maintenance_unit_id == world.firm.id]
        deal = make_contract(
            session, world.firm, dice.sample(own, min(2, len(own))), starts, ends, note=text(), use_unit_id=users[0].id,
            number=f"HT-{number:03d}" if number else "=HT+1",
        )  # fmt: skip
        make_contract(session, world.other_firm, [], starts, ends, number=deal.number)
    for bound in session.scalars(select(ContractElevator).limit(2)):
        bound.removed_at = AT
    for lift in lifts[:6]:
        began = AT - dt.timedelta(days=dice.randrange(1, 90), microseconds=dice.randrange(0, 999_999))
        session.add(Visit(
            elevator_id=lift.id, unit_id=lift.maintenance_unit_id, worker_id=people[0].id, visit_on=began.date(),
            checked_in_at=began, checked_out_at=dice.choice((None, began + dt.timedelta(minutes=30))), state="valid",
            received_at=began, region_code=lift.region_code, mode=dice.choice((None, "items", "sheet")),
        ))  # fmt: skip
    asked_and_insured(session, world, dice)
    inspected(session, world, lifts)
    session.commit()
    who = world.actor("clerk")
    with scope.acting(who), transaction(session):
        for lift in [world.own, *[e for e in lifts if e.maintenance_unit_id == world.firm.id][:2]]:
            # A newer draft beside what is in force must survive the round trip.
            filing.save_draft(session, who, Elevator, lift, {"estate": "待上报的新名", "address": "新址"}, AT)


def inspected(session: Any, world: Any, lifts: Any) -> None:
    """Records of every kind and result, by a body of the register and by a name; one that is corrected since."""
    dice = random.Random(len(lifts))
    body = make_unit(session, "临河特种设备检测院", is_inspection=True)
    for number, lift in enumerate([world.own, *lifts[:8]]):
        result = ("passed", "failed", "passed_again")[number % 3]
        code, day = dice.choice((f"00{number}", f"=1+{number}", f"LH 2026 {number}")), dt.date(2026, 1, number + 1)
        own, text = random.Random(f"parts-{number}"), lambda: own.choice(WORDS)  # noqa: B023
        place: dict[str, Any] = {"elevator_id": lift.id, "region_code": lift.region_code, "note": text()}
        session.add(LandingDoor(
            position=1, landing=own.choice(("1", "-1", "B1")), side=own.choice(("front", "rear")),
            condition=own.choice(("normal", "damaged", "closed")), checked_on=own.choice(DAYS), **place,
        ))  # fmt: skip
        session.add(Component(
            name=own.choice(("007", "门滑块", "=1+1")), model=own.choice((None, "1E5", "A1")),
            installed_on=dt.date(2025, 1, number + 1), life_months=number + 1, due_on=dt.date(2027, 1, 1),
            installed_by=text(), **place,
        ))  # fmt: skip
        session.add(Inspection(
            elevator_id=lift.id, region_code=lift.region_code, unit_id=world.firm.id, number=code,
            kind=("periodic", "self_test", "governor", "brake", "supervision")[number % 5],
            number_key=normal_code(code),
            done_on=day, tested_by_id=body.id if number % 2 else None, tested_by=body.name if number % 2 else "外省院",
            result=result, failed_items=None if result == "passed" else dice.choice(("主机渗油\n照明", "=1", "007")),
            is_fault=result == "failed", next_on=None if result == "failed" else dt.date(2027, 1, 31),
            rule_on=dice.choice((None, dt.date(2027, 1, 31))), next_reason=dice.choice((None, "省内规定")),
            state="approved", entered_by="检验员", ended_at=AT if number == 5 else None,
        ))  # fmt: skip


# Two people whose numbers and phones look the same once they are masked.
ALIKE = ("980402198801013310", "980402198801283310")


def asked_and_insured(session: Any, world: Any, dice: random.Random) -> None:
    """Invitations in every state, some of them of one phone; people of drafts, filed and withdrawn records."""
    for number in range(16):
        session.add(Invitation(
            unit_id=(world.firm.id, world.use_unit.id)[number % 2], by_unit_id=world.firm.id,
            region_code="980402000000", name=dice.choice(("何一帆", "何一舟", "=何", "007")),
            phone=dice.choice(("13800000001", "13811110001", "17700000009")), kind=("worker", "use_head")[number % 2],
            with_account=dice.random() < 0.5,
            state=("invited", "draft", "review", "rejected", "ended", "cancelled")[number % 6],
        ))  # fmt: skip
    for number in range(6):
        first = dt.date(2026, 1 + number // 2, 1)
        record = InsuranceRecord(
            unit_id=world.firm.id, region_code=world.firm.region_code, payer=dice.choice(("澜州人力", "007", "=甲")),
            from_on=first, to_on=dt.date(2026, 3, 31), filed_at=AT if number % 3 else None,
            withdrawn_at=AT if number % 3 == 2 else None,
        )  # fmt: skip
        session.add(record)
        session.flush()
        for name, code in (("王砚秋", ALIKE[0]), ("顾以宁", ALIKE[1]), ("苏见山", id_number(number + 1))):
            session.add(InsuredPerson(
                record_id=record.id, unit_id=record.unit_id, region_code=record.region_code, name=name, id_number=code,
                phone=dice.choice(PHONES),
            ))  # fmt: skip


def exported(session: Any, who: Any, name: str, query: dict[str, str], path: Path, fmt: str) -> io.BytesIO:
    plain = name.removeprefix("kind:")
    with scope.acting(who):
        listing = of_kind.kind(session, plain, None) if name != plain else exports.listing_of(plain)
        exports.export(moment(session, who), listing, listing.read(query), path, fmt, forget=False)
    return io.BytesIO(path.read_bytes())


# Which list is imported as what, by whom, under which filter.
TRIPS = [
    ("units", "kind:units", "clerk", {}), ("units", "units", "clerk", {}), ("units", "kind:units", "region_admin", {}),
    ("elevators", "kind:elevators", "clerk", {}), ("elevators", "elevators", "clerk", {"q": "K"}),
    ("elevators", "kind:elevators", "platform_admin", {"f_region": "980403000000"}),
    ("elevators", "elevators", "region_admin", {"tab": "in_use"}), ("persons", "people", "clerk", {"tab": "all"}),
    ("ledgers", "kind:ledgers", "clerk", {}), ("contracts", "kind:contracts", "clerk", {}),
    ("contracts", "kind:contracts", "platform_admin", {}), ("contracts", "contracts", "clerk", {}),
    ("orders", "kind:orders", "clerk", {}), ("orders", "orders", "maintenance_head", {"tab": "open"}),
    ("ledgers", "ledgers", "clerk", {}), ("visits", "kind:visits", "region_admin", {}),
    ("accounts", "accounts", "maintenance_head", {}), ("invitations", "invitations", "clerk", {"tab": "all"}),
    ("invitations", "invitations", "region_admin", {"tab": "open"}),
    ("inspections", "inspections", "region_admin", {}), ("past_checks", "inspections", "region_admin", {}),
    ("inspections", "inspections", "platform_admin", {"tab": "counts", "f_region": "980402000000"}),
    ("insurance", "insured_people", "clerk", {"tab": "all"}),
    ("insurance", "insured_people", "maintenance_head", {"f_payer": "007", "tab": "all"}),
    ("components", "components", "clerk", {"tab": "all"}), ("landing_doors", "landing_doors", "clerk", {"tab": "all"}),
]  # fmt: skip


@pytest.mark.feature("IMP-02")
@pytest.mark.parametrize("seed", [1, 2])
def test_export_and_import_again_changes_nothing(session: Any, world: Any, tmp_path: Path, seed: int) -> None:
    fill(session, world, random.Random(seed))
    for number, (kind, name, persona, query) in enumerate(TRIPS):
        who = world.actor(persona)
        fmt = "xlsx" if (number + seed) % 2 else "csv"
        file = exported(session, who, name, query, tmp_path / f"{number}.{fmt}", fmt)
        mode = "update" if number % 3 else "both"
        batch = checked(session, who, kind, file, f"导出.{fmt}", mode=mode)
        wrong = {n: s for n, s in states(session, batch).items() if s != "same"}
        assert batch.rows, (kind, name, persona)
        assert not wrong, (kind, name, persona, fmt, wrong, told(session, batch), _changes(session, batch))


def _changes(session: Any, batch: Any) -> list[Any]:
    rows = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id, ImportRow.state == "changed"))
    return [(row.number, row.before, row.data) for row in rows]


@pytest.mark.feature("IMP-02")
def test_what_was_exported_in_english_comes_back_too(app: Any, session: Any, world: Any, tmp_path: Path) -> None:
    """Whoever works in English gets English headings and words; the job that checks them speaks Chinese."""
    fill(session, world, random.Random(4))
    known = {"certificate_no", "use_unit_id", "maintenance_unit_id", "worker_id", "next_half_month_on", "level", "name"}
    seen: set[str] = set()
    for number, (kind, name, persona, query) in enumerate(TRIPS):
        who = world.actor(persona)
        with app.test_request_context(), force_locale("en"):
            file = exported(session, who, name, query, tmp_path / f"{number}.csv", "csv")
        assert file.getvalue()[3:].split(b",")[0].isascii(), "English headings"
        batch = checked(session, who, kind, file, "export.csv", mode="update")
        assert batch.rows == batch.same_rows, (kind, name, told(session, batch), _changes(session, batch))
        seen |= set(batch.mapping["columns"])
        assert kind == "visits" or not {"near", "content"} & set(batch.mapping["how"]), "known, not guessed"
    assert known <= seen

    with app.test_request_context(), force_locale("en"):
        exported(session, world.actor("clerk"), "kind:elevators", {}, tmp_path / "e.xlsx", "xlsx")
    book = openpyxl.load_workbook(tmp_path / "e.xlsx")
    sheet: Any = book.worksheets[0]
    heads = [c.value for c in sheet[1]]
    at = next(r for r in range(2, sheet.max_row + 1) if sheet.cell(r, 1).value == world.own.code)
    sheet.cell(at, heads.index("Place of use") + 1).value = "Hospital"
    book.save(tmp_path / "e.xlsx")
    batch = checked(session, world.actor("clerk"), "elevators", io.BytesIO((tmp_path / "e.xlsx").read_bytes()))
    assert _changes(session, batch) == [(at, {"place_type": world.own.place_type}, {"place_type": "hospital"})]


# Where a row may lack its key, it is found by what else names it.
NAMED = {"accounts": ["username"], "persons": ["name"]}


def columns_of(name: str, kind: str, dice: random.Random, all_of_them: bool) -> str:
    """All columns of a list, or some in any order, the one by which rows are found again among them."""
    plain = name.removeprefix("kind:")
    listing = of_kind.KINDS[plain] if name != plain else exports.listing_of(plain)
    names = [c.name for c in listing.columns]
    if all_of_them:
        return ",".join(names)
    held = kinds()[kind]
    labels = {str(s.label) for s in held.columns if s.name in (held.key, *held.also)}
    keys = [c.name for c in listing.columns if c.name in (held.key, *held.also) or str(c.label) in labels]
    some = [*keys, *dice.sample(names, dice.randrange(1, len(names))), *NAMED.get(kind, [])]
    return ",".join(dice.sample(unique := list(dict.fromkeys(some)), len(unique)))


@pytest.mark.feature("IMP-02")
@pytest.mark.parametrize("language", ["zh_Hans_CN", "en"])
def test_any_columns_of_any_tab_change_nothing(
    app: Any, session: Any, world: Any, tmp_path: Path, language: str
) -> None:
    """Every kind, with all columns and with some, under its filters and in each of its tabs, as .xlsx and as .csv."""
    dice = random.Random(11)
    fill(session, world, dice)
    seen = 0
    for number, (kind, name, persona, query) in enumerate(TRIPS):
        who = world.actor(persona)
        tabs = [tab.key for tab in exports.listing_of(name).tabs] if not name.startswith("kind:") else []
        for turn in range(2):
            asked = dict(query) | {"cols": columns_of(name, kind, dice, turn == 0)}
            asked |= {"tab": dice.choice(tabs)} if tabs and turn else {}
            fmt = ("xlsx", "csv")[(number + turn) % 2]
            with app.test_request_context(), force_locale(language):
                file = exported(session, who, name, asked, tmp_path / f"{number}-{turn}.{fmt}", fmt)
            if _rows_in(file, fmt) == 0:
                continue
            batch = checked(session, who, kind, file, f"导出.{fmt}", mode=("both", "update")[turn])
            wrong = {n: s for n, s in states(session, batch).items() if s != "same"}
            assert not wrong, (kind, name, asked, fmt, wrong, told(session, batch), _changes(session, batch))
            assert batch.rows == batch.same_rows
            seen += 1
    assert seen > len(TRIPS)


def _rows_in(file: io.BytesIO, fmt: str) -> int:
    if fmt == "csv":
        return file.getvalue().count(b"\n") - 1
    return openpyxl.load_workbook(io.BytesIO(file.getvalue())).worksheets[0].max_row - 1


@pytest.mark.feature("IMP-02")
def test_the_one_edited_cell_is_the_one_change(session: Any, world: Any, tmp_path: Path) -> None:
    fill(session, world, random.Random(3))
    who = world.actor("clerk")
    exported(session, who, "kind:elevators", {}, tmp_path / "e.xlsx", "xlsx")
    book = openpyxl.load_workbook(tmp_path / "e.xlsx")
    sheet: Any = book.worksheets[0]
    heads = [c.value for c in sheet[1]]
    at = next(r for r in range(2, sheet.max_row + 1) if sheet.cell(r, 1).value == world.own.code)
    sheet.cell(at, heads.index("层数") + 1).value = 18
    book.save(tmp_path / "e.xlsx")
    batch = checked(session, who, "elevators", io.BytesIO((tmp_path / "e.xlsx").read_bytes()), mode="update")
    assert (batch.changed_rows, batch.bad_rows) == (1, 0)
    assert _changes(session, batch) == [(at, {"floors": None}, {"floors": 18})]
    drafts = session.scalars(select(Version.data).where(Version.entity_id == world.own.id, Version.state == "draft"))
    assert [d["estate"] for d in drafts] == ["待上报的新名"] and "elevators" in LISTINGS


@pytest.mark.feature("IMP-02")
def test_rows_that_only_stand_in_a_list_change_nothing_and_say_so(session: Any, world: Any, tmp_path: Path) -> None:
    """The unit's main account, an account of several roles, an elevator without a ledger."""
    head = world.actor("maintenance_head")
    several = make_account(session, Role.CLERK, Role.MAINTENANCE_MANAGER, unit=world.firm, phone="13800000001")
    lift = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    session.commit()
    file = exported(session, head, "accounts", {}, tmp_path / "a.csv", "csv")
    names = [line.split(",")[0].strip("'\ufeff") for line in file.getvalue().decode().splitlines()]
    batch = checked(session, head, "accounts", file, "a.csv")
    assert batch.rows == batch.same_rows > 2
    assert told(session, batch) == {names.index(world.accounts["maintenance_head"].username) + 1: "是本单位的主账号"}
    for role in ("维保文员", "维保经理"):
        less = workbook(["账号", "姓名", "角色"], [several.username, several.first_name, role])
        assert states(session, checked(session, head, "accounts", less)) == {2: "bad"}, "rights don't change so"

    for mode, state in (("both", "same"), ("update", "same"), ("new", "new")):
        batch = checked(session, head, "ledgers", workbook(["识别码"], [lift.code]), mode=mode)
        assert states(session, batch) == {2: state}
        assert state == "new" or told(session, batch) == {2: "没有填写履历的内容"}


@pytest.mark.feature("PLN-07")
def test_a_ledgers_team_is_exported_edited_and_imported(session: Any, world: Any, tmp_path: Path) -> None:
    """Only what was edited changes; a team of another unit, or one that is no more, is none."""
    unit, other = world.firm, world.other_firm
    one, two, gone, foreign = (
        MaintenanceTeam(unit_id=u.id, region_code=u.region_code, name=n, disbanded_at=d)
        for u, n, d in ((unit, "一组", None), (unit, "二组", None), (unit, "旧组", AT), (other, "外组", None))
    )
    session.add_all([one, two, gone, foreign])
    session.flush()
    lift = make_elevator(session, maintenance_unit=unit)
    make_contract(session, unit, [lift])
    for each, team in ((world.own, one), (lift, None)):
        make_ledger(session, each, world.worker, next_annual_on=dt.date(2027, 3, 1), team_id=team and team.id)
    session.commit()
    who = world.actor("clerk")
    lines = exported(session, who, "kind:ledgers", {}, tmp_path / "a.csv", "csv").getvalue().decode("utf-8-sig")
    head, *rows = [line.split(",") for line in lines.splitlines()]
    code, at = head.index("识别码"), head.index("维保小组")
    assert {row[code]: row[at] for row in rows} == {world.own.code: "一组", lift.code: ""}

    def edited(**names: str) -> Any:
        changed = [[*row[:at], names.get("own" if row[code] == world.own.code else "lift", row[at]), *row[at + 1 :]]
                   for row in rows]  # fmt: skip
        return checked(
            session, who, "ledgers", io.BytesIO("\n".join(map(",".join, [head, *changed])).encode()), "表.csv",
            mode="update",
        )  # fmt: skip

    assert edited().same_rows == 2
    for wrong in ("旧组", "外组", "三组"):
        batch = edited(lift=wrong)
        assert (batch.bad_rows, batch.same_rows) == (1, 1)
        assert list(told(session, batch).values()) == [f"没有叫“{wrong}”的小组"]
    batch = ran(session, who, edited(own="二组", lift="二组"))
    assert (batch.changed_rows, batch.done_rows) == (2, 2)
    held = select(MaintenanceLedger.elevator_id, MaintenanceLedger.team_id, MaintenanceLedger.worker_id)
    assert {tuple(row) for row in session.execute(held.where(MaintenanceLedger.unit_id == unit.id))} == {
        (world.own.id, two.id, world.worker.id), (lift.id, two.id, world.worker.id)
    }  # fmt: skip
    undone(session, who, batch)
    assert {tuple(row)[:2] for row in session.execute(held.where(MaintenanceLedger.unit_id == unit.id))} == {
        (world.own.id, one.id), (lift.id, None)
    }  # fmt: skip

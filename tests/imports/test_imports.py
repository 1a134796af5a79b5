"""Imports from file to rows: every error by cell, nothing half-done, twice changes nothing; on both databases."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select
from sqlalchemy import inspect as sa_inspect

from app import clock, scope
from app.errors import NotAllowed, Refusal
from app.imports import batches, checking, parsing, waiting, workbooks, writing
from app.imports.columns import kinds
from app.imports.matching import guess
from app.imports.reading import read
from app.models import (
    Contract,
    ContractElevator,
    Elevator,
    ImportRow,
    MaintenanceClock,
    MaintenanceLedger,
    OverduePeriod,
    Unit,
    Version,
    Visit,
)
from app.transaction import transaction
from app.workflows.filing import filing
from tests.databases import run_flask
from tests.factories import make_elevator, make_person, make_policy, uscc
from tests.imports.ground import AT, checked, errors_of, imported, workbook
from tests.statements import statements

LIFT = ["识别码", "品种", "地址", "所在地区", "使用单位", "楼盘", "制造日期", "涉密"]


def world_id(row: Any) -> int:
    """The key of a row that the import's steps may have let go of."""
    return int(sa_inspect(row).identity[0])


def lift(world: Any, code: str, **more: Any) -> list[Any]:
    values = {
        "识别码": code, "品种": "曳引驱动乘客电梯", "地址": "澜江路 1 号", "所在地区": "临河区明水街道",
        "使用单位": world.use_unit.name, "楼盘": "导入小区", "制造日期": "2020年1月5日", "涉密": "否",
    } | more  # fmt: skip
    return [values[name] for name in LIFT]


# --- elevators


@pytest.mark.feature("IMP-01")
def test_rows_become_drafts_and_a_second_import_changes_nothing(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    batch = imported(session, who, "elevators", workbook(LIFT, lift(world, "700001"), lift(world, "700002")))
    assert (batch.state, batch.rows, batch.new_rows, batch.done_rows, batch.bad_rows) == ("done", 2, 2, 2, 0)
    rows = session.scalars(select(Elevator).where(Elevator.code.in_(["700001", "700002"]))).all()
    assert {(e.filing_state, e.status, e.maintenance_unit_id, e.made_on) for e in rows} == {
        ("draft", "notified", world.firm.id, dt.date(2020, 1, 5))
    }
    assert {e.region_code for e in rows} == {"980402001000"}
    again = checked(session, who, "elevators", workbook(LIFT, lift(world, "700001"), lift(world, "700002")))
    assert (again.new_rows, again.changed_rows, again.same_rows) == (0, 0, 2)


@pytest.mark.feature("IMP-01")
def test_every_error_is_told_by_row_and_column(session: Any, world: Any) -> None:
    file = workbook(
        LIFT,
        lift(world, "700001", 品种="飞行电梯", 制造日期="2020-02-30"),
        lift(world, "700002", 所在地区="火星区", 使用单位="没有的单位"),
        lift(world, "", 地址=""),
        lift(world, "７０００ ０５"),
        lift(world, "700005"),
        lift(world, "700006", 涉密="也许"),
        lift(world, "700007", 制造日期="昨天"),
        lift(world, "700008"),
    )
    batch = checked(session, world.actor("clerk"), "elevators", file)
    assert errors_of(session, batch) == {
        (2, "品种"), (2, "制造日期"), (3, "所在地区"), (3, "使用单位"), (4, "识别码"), (4, "地址"),
        (5, "识别码"), (6, "识别码"), (7, "涉密"), (8, "制造日期"),
    }  # fmt: skip
    assert (batch.rows, batch.new_rows, batch.bad_rows) == (8, 1, 7)
    assert all(
        e["remedy"] for row in session.scalars(select(ImportRow).where(ImportRow.state == "bad")) for e in row.errors
    )


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize("kept", [1, 5_000])
def test_a_file_of_many_parts_is_told_of_as_one_of_one_part(
    session: Any, world: Any, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Cells are read by columns, each distinct one once: what is remembered of them changes no judgement."""
    odd = [{"品种": "飞行电梯"}, {"制造日期": "昨天"}, {"涉密": "也许"}, {"所在地区": "火星区"}, {"地址": ""}, {}]
    rows = [lift(world, f"7001{n:02d}", **odd[n % 6], 楼盘=[1, 1.5, True, "1"][n % 4]) for n in range(24)]
    whole = checked(session, world.actor("clerk"), "elevators", workbook(LIFT, *rows))
    kept_rows = session.scalars(select(ImportRow).order_by(ImportRow.number))
    told = [(r.number, r.state, r.data, r.errors) for r in kept_rows]
    assert (whole.bad_rows, whole.new_rows) == (20, 4)
    words: Any = whole.mapping
    monkeypatch.setattr(checking, "PART", 5)
    monkeypatch.setattr(checking, "MOST_KEPT", kept)
    parts = checked(session, world.actor("clerk"), "elevators", workbook(LIFT, *rows))
    found = session.scalars(select(ImportRow).where(ImportRow.batch_id == parts.id).order_by(ImportRow.number))
    assert [(r.number, r.state, r.data, r.errors) for r in found] == told
    assert parts.mapping == words
    # Each word with how often it stands there, over all parts.
    asked = {line["word"]: line["count"] for line in words["asked"]["category"]}
    assert asked["飞行电梯"] == 4


@pytest.mark.feature("IMP-01")
def test_good_rows_go_in_and_bad_ones_come_back_as_a_workbook(session: Any, world: Any, tmp_path: Path) -> None:
    who = world.actor("clerk")
    file = workbook(LIFT, lift(world, "700001"), lift(world, "700002", 品种="飞行电梯"))
    batch = imported(session, who, "elevators", file)
    assert (batch.done_rows, batch.bad_rows) == (1, 1)
    with scope.acting(who):
        assert workbooks.write_bad_rows(session, batch, tmp_path / "bad.xlsx") == 1
    sheet = openpyxl.load_workbook(tmp_path / "bad.xlsx").active
    rows = [[c.value for c in row] for row in sheet.iter_rows()]
    assert rows[0] == [*LIFT, "错误说明"]
    assert rows[1][0] == "700002" and "飞行电梯" in rows[1][-1]
    # Mended and sent again, with the column of explanations still there.
    rows[1][1] = "自动扶梯"
    assert imported(session, who, "elevators", workbook(*rows)).done_rows == 1


@pytest.mark.feature("IMP-02")
def test_a_change_waits_as_a_draft_and_never_touches_the_status(session: Any, world: Any) -> None:
    batch = imported(session, world.actor("clerk"), "elevators", workbook(
        ["识别码", "品种", "地址", "所在地区", "楼盘", "申报状态"],
        [world.own.code, "曳引驱动乘客电梯", world.own.address, "临河区", "新名字", "报废"],
    ))  # fmt: skip
    assert (batch.changed_rows, batch.done_rows) == (1, 1)
    own = session.get(Elevator, world_id(world.own))
    assert (own.estate, own.status, own.filing_state) == ("云樾里小区", "in_use", "draft")
    draft = session.scalars(select(Version).where(Version.entity_id == own.id, Version.state == "draft")).one()
    assert draft.data["estate"] == "新名字"


@pytest.mark.feature("IMP-01")
def test_a_foreign_elevator_is_not_changed_by_its_code(session: Any, world: Any) -> None:
    number, code, firm = world.foreign.id, world.foreign.code, world.firm.id
    imported(session, world.actor("clerk"), "elevators", workbook(LIFT, lift(world, code)))
    foreign = session.get(Elevator, number)
    assert (foreign.estate, foreign.filing_state) == ("云樾里小区", "approved")
    rivals = session.scalars(select(Elevator).where(Elevator.code == code)).all()
    assert {e.filed_by_unit_id for e in rivals} == {None, firm}


@pytest.mark.feature("IMP-01")
def test_a_row_under_review_says_so(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    with scope.acting(who), transaction(session):
        filing.save_draft(session, who, Elevator, world.own, {"estate": "改"}, AT)
        filing.submit(session, who, world.own, AT)
    batch = checked(session, who, "elevators", workbook(LIFT, lift(world, world.own.code)))
    assert errors_of(session, batch) == {(2, "审核状态")}


@pytest.mark.feature("IMP-01")
def test_a_killed_import_goes_on_where_it_was(session: Any, world: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(waiting, "STEP_OF_SETS", 3)
    who = world.actor("clerk")
    number = checked(session, who, "elevators", workbook(LIFT, *(lift(world, f"70{n:04d}") for n in range(8)))).id
    steps = []

    def dies(done: int, total: int, message: str) -> None:
        steps.append(done)
        if done == 6:
            raise KeyboardInterrupt

    with scope.acting(who):
        with transaction(session):
            batches.start(session, who, number, AT, queued=False)
        with pytest.raises(KeyboardInterrupt):
            writing.run(session, who, number, AT, dies)
        session.rollback()
        assert session.scalar(select(func.count(Elevator.id)).where(Elevator.code.like("70%"))) == 6
        assert writing.run(session, who, number, AT, lambda *_: None) == {"imported": 8, "bad": 0}
    codes = session.scalars(select(Elevator.code).where(Elevator.code.like("70%"))).all()
    assert len(codes) == len(set(codes)) == 8


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize("kind", ["elevators", "ledgers"])
def test_good_rows_far_apart_are_all_found(session: Any, world: Any, monkeypatch: Any, kind: str) -> None:
    """They are looked for among few numbers at a time, and between them may be many that change nothing."""
    monkeypatch.setattr(waiting, "NUMBERS", 3)
    who, lines = world.actor("clerk"), [f"70{n:04d}" for n in range(20)]
    if kind == "elevators":
        imported(session, who, kind, workbook(LIFT, *(lift(world, code) for code in lines)))
        good = {0, 1, 9, 19}
        rows = [LIFT, *(lift(world, code, 楼盘="改" if n in good else "导入小区") for n, code in enumerate(lines))]
    else:
        # The others name no elevator.
        good, own, worker = {17}, world.own.code, world.worker.name
        rows = [["识别码", "维保人员"], *([own if n in good else code, worker] for n, code in enumerate(lines))]
    batch = imported(session, who, kind, workbook(*rows))
    assert batch.done_rows == len(good), errors_of(session, batch)
    applied = select(ImportRow.number).where(ImportRow.batch_id == batch.id, ImportRow.applied)
    assert {number - 2 for number in session.scalars(applied)} == good


@pytest.mark.feature("IMP-01")
def test_two_imports_of_one_file_make_one_set_of_rows(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    first = checked(session, who, "elevators", workbook(LIFT, lift(world, "700001")))
    second = checked(session, who, "elevators", workbook(LIFT, lift(world, "700001")))
    assert (first.new_rows, second.new_rows) == (1, 1)
    for number in [first.id, second.id]:
        with scope.acting(who):
            with transaction(session):
                batches.start(session, who, number, AT, queued=False)
            writing.run(session, who, number, AT, lambda *_: None)
    assert session.scalar(select(func.count(Elevator.id)).where(Elevator.code == "700001")) == 1


@pytest.mark.feature("IMP-01")
def test_rights_of_an_import(session: Any, world: Any) -> None:
    with pytest.raises(NotAllowed):
        checked(session, world.actor("worker"), "elevators", workbook(LIFT, lift(world, "700001")))
    with pytest.raises(NotAllowed):
        checked(session, world.actor("clerk"), "visits", workbook(["识别码"], ["1"]))
    batch = checked(session, world.actor("clerk"), "elevators", workbook(LIFT, lift(world, "700001")))
    with pytest.raises(Refusal), transaction(session):
        batches.start(session, world.actor("maintenance_head"), batch.id, AT, queued=False)


@pytest.mark.feature("IMP-01")
def test_ten_thousand_rows_are_checked_without_a_query_a_row(session: Any, world: Any) -> None:
    file = workbook(LIFT, *(lift(world, f"8{n:05d}") for n in range(10_000)))
    who = world.actor("clerk")
    with statements() as seen:
        batch = checked(session, who, "elevators", file)
    assert (batch.rows, batch.new_rows, batch.bad_rows) == (10_000, 10_000, 0)
    assert len(seen) < 200


# --- the other kinds


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("UNT-07")
def test_use_units_come_in_as_drafts_of_their_filer(session: Any, world: Any) -> None:
    code = uscc()
    head = ["统一社会信用代码", "单位名称", "所在地区", "使用单位", "安全管理员", "安全管理员电话"]
    file = workbook(head, [code, "澜州导入物业有限公司", "青坪区", "是", "苏见山", "13900000000"],
                    ["91980402000000000X", "坏代码", "青坪区", "是", None, None])  # fmt: skip
    batch = imported(session, world.actor("clerk"), "units", file)
    assert (batch.done_rows, batch.bad_rows) == (1, 1)
    unit = session.scalars(select(Unit).where(Unit.uscc == code)).one()
    assert (unit.filing_state, unit.is_use, unit.filed_by_unit_id) == ("draft", True, world.firm.id)
    masked = checked(session, world.actor("clerk"), "units", workbook(
        head, [code, "澜州导入物业有限公司", "青坪区", "是", "苏见山", "139****0000"]
    ))  # fmt: skip
    assert masked.same_rows == 1


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("ELV-06")
def test_ledgers_by_code_with_people_by_name(session: Any, world: Any) -> None:
    head = ["识别码", "维保人员", "任务生成模式", "维保间隔", "下次年度维保"]
    make_person(session, world.firm, "重名"), make_person(session, world.firm, "重名")
    other = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    session.commit()
    who = world.actor("clerk")
    file = workbook(
        head, [world.own.code, world.worker.name, "自动", "15天", "2027-06-01"], [other.code, "重名", "自动", 15, None],
        ["000000", None, None, None, None], [world.foreign.code, None, None, None, None],
    )  # fmt: skip
    batch = imported(session, who, "ledgers", file)
    assert errors_of(session, batch) == {(3, "维保人员"), (4, "识别码"), (5, "识别码")}
    ledger = session.scalars(select(MaintenanceLedger)).one()
    assert (ledger.worker_id, ledger.interval_days, ledger.next_annual_on) == (
        world.worker.id, 15, dt.date(2027, 6, 1),
    )  # fmt: skip
    assert ledger.next_half_month_on is not None
    again = checked(
        session, who, "ledgers", workbook(head, [world.own.code, world.worker.name, "自动", 15, "2027-06-01"])
    )
    assert again.same_rows == 1


@pytest.mark.feature("IMP-01", "ELV-06")
@pytest.mark.parametrize("mode", ["update", "new", "both"])
def test_a_ledger_that_was_never_filled_in_is_welcome_in_each_mode(session: Any, world: Any, mode: str) -> None:
    """更新导入 supplements elevators that stand; only one that has a ledger already is no new one."""
    file = lambda: workbook(  # noqa: E731
        ["识别码", "维保人员", "下次年度维保"], [world.own.code, world.worker.name, "2027-06-01"],
        ["000000", None, "2027-06-01"],
    )  # fmt: skip
    batch = imported(session, world.actor("clerk"), "ledgers", file(), mode=mode)
    assert (batch.new_rows, batch.bad_rows, batch.done_rows) == (1, 1, 1)
    again = checked(session, world.actor("clerk"), "ledgers", file(), mode=mode)
    assert (again.new_rows, again.same_rows) == (0, 0 if mode == "new" else 1)


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("CON-01")
def test_contracts_with_their_elevators(session: Any, world: Any) -> None:
    lifts = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(2)]
    session.commit()
    head = ["合同编号", "合同属性", "签订日期", "起始日期", "截止日期", "电梯"]
    start, end = clock.today(), clock.today() + dt.timedelta(days=300)
    who = world.actor("clerk")
    codes = "、".join(e.code for e in lifts)
    file = workbook(
        head, ["HT-IMP-1", "半包", start, start, end, codes], ["HT-IMP-2", "普通", end, end, start, ""],
        ["HT-IMP-3", "普通", start, start, end, f"{lifts[0].code} 999999"],
    )  # fmt: skip
    batch = imported(session, who, "contracts", file, at=clock.now())
    contract = session.scalars(select(Contract).where(Contract.number == "HT-IMP-1")).one()
    assert (contract.kind, contract.unit_id, contract.starts_on) == ("half", world.firm.id, start)
    bound = session.scalars(select(ContractElevator.elevator_id).where(ContractElevator.contract_id == contract.id))
    assert set(bound) == {e.id for e in lifts}
    assert {n for n, _ in errors_of(session, batch)} == {3, 4}
    assert batch.done_rows == 1


@pytest.mark.feature("IMP-03")
def test_past_visits_keep_their_true_times_and_move_the_clock(session: Any, world: Any) -> None:
    make_policy(session, "preset", "huzhou")
    session.commit()
    head = ["识别码", "单位", "维保员", "签到", "签退", "模式", "现场签名", "上传时间", "复核时间"]
    row = lambda on, out="10:00", signed="": [  # noqa: E731 - a row in one line
        world.own.code, world.firm.name, world.worker.name, f"{on} 09:00", f"{on} {out}" if out else None,
        "按系统维保项", f"{on} {signed}" if signed else None, None, None,
    ]  # fmt: skip
    file = workbook(
        head, row("2026-09-01", signed="10:00"), row("2026-10-10", signed="10:00"), row("2026-11-05"),
        row("2026-11-19", out="08:00"), row("2027-01-01"),
    )  # fmt: skip
    who = world.actor("region_admin")
    batch = imported(session, who, "visits", file)
    assert {n for n, _ in errors_of(session, batch)} == {5, 6}
    stored = session.scalars(select(Visit).order_by(Visit.visit_on)).all()
    assert [(v.visit_on, v.state, v.taken_over) for v in stored] == [
        (dt.date(2026, 9, 1), "valid", True), (dt.date(2026, 10, 10), "valid", True),
        (dt.date(2026, 11, 5), "awaiting", True),
    ]  # fmt: skip
    assert stored[0].checked_in_at == dt.datetime(2026, 9, 1, 1, 0, tzinfo=dt.UTC)
    row_clock = session.get(MaintenanceClock, world.own.id)
    assert (row_clock.first_visit_on, row_clock.last_visit_on) == (dt.date(2026, 9, 1), dt.date(2026, 11, 5))
    missed = session.scalars(select(OverduePeriod.limit_on).order_by(OverduePeriod.limit_on)).all()
    assert missed == [dt.date(2026, 9, 16), dt.date(2026, 10, 1), dt.date(2026, 10, 25)]
    again = checked(session, who, "visits", workbook(head, row("2026-09-01", signed="10:00")))
    assert again.same_rows == 1


# --- files that are not what they should be


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize(
    ("name", "body", "word"),
    [
        ("表.csv", "1,2\n3,4\n", "没有找到表头"),
        ("表.csv", "识别码,品种,地址,所在地区\n", "没有数据行"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(session: Any, world: Any, name: str, body: str, word: str) -> None:
    batch = checked(session, world.actor("clerk"), "elevators", io.BytesIO(body.encode()), name)
    assert batch.state == "failed" and word in (batch.note or "")


@pytest.mark.feature("IMP-01")
def test_gb18030_csv_and_a_title_above_the_heading_are_read(session: Any, world: Any) -> None:
    text = "某某公司清单,,,\n识别码*,品种,地址,所在地区\n'700001,自动扶梯,澜江路,临河区\n'=1+1,自动扶梯,x,临河区\n"
    batch = checked(session, world.actor("clerk"), "elevators", io.BytesIO(text.encode("gb18030")), "清单.csv")
    assert batch.rows == 2 and batch.state == "checked"


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("表.xlsx", b"not a workbook"),
        ("表.xlsx", b""),
        ("图.xlsx", b"\x89PNG\r\n\x1a\n" + b"0" * 100),
        ("表.exe", b"MZ"),
    ],
)
def test_what_is_no_workbook_is_refused_at_the_door(session: Any, world: Any, name: str, body: bytes) -> None:
    with pytest.raises(Refusal):
        checked(session, world.actor("clerk"), "elevators", io.BytesIO(body), name)


@pytest.mark.feature("IMP-01")
def test_a_bomb_is_refused(session: Any, world: Any) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", "<Types/>")
        packed.writestr("xl/workbook.xml", b"0" * (500 * 1024 * 1024))
    out.seek(0)
    with pytest.raises(Refusal):
        checked(session, world.actor("clerk"), "elevators", out)


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize(
    "name",
    [
        "units", "elevators", "persons", "ledgers", "orders", "contracts", "visits", "invitations", "insurance",
        "accounts", "inspections", "past_checks", "past_rescues", "past_repairs", "components", "landing_doors",
    ],
)
def test_the_template_is_read_back_as_it_is(name: str, tmp_path: Path, session: Any) -> None:
    kind = kinds()[name]
    workbooks.write_template(kind, tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert [c.value for c in book.worksheets[0][1]] == [s.label for s in kind.columns]
    book.worksheets[0].append(["1"] * len(kind.columns))
    book.save(tmp_path / "t.xlsx")
    sheet = read(tmp_path / "t.xlsx", "t.xlsx", kind)
    assert guess(kind, sheet.headings, sheet.samples).columns == [s.name for s in kind.columns]


# --- cells


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize(
    "cell",
    [
        "2026-1-5",
        "2026/01/05",
        "2026.1.5",
        "2026年1月5日",
        "20260105",
        "２０２６-１-５",
        46027,
        "46027",
        "2026-01-05 00:00:00",
    ],
)
def test_a_date_in_any_usual_form(cell: Any) -> None:
    assert parsing.day(cell) == dt.date(2026, 1, 5)


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize("cell", ["2026-02-30", "昨天", "9999-12-31", "1-1", "#VALUE!", "12345678901"])
def test_what_is_no_date_is_told(cell: str) -> None:
    with pytest.raises(parsing.Bad):
        parsing.day(cell)


def test_an_instant_is_shanghai_time() -> None:
    assert parsing.instant("2026-01-05 09:30") == dt.datetime(2026, 1, 5, 1, 30, tzinfo=dt.UTC)
    assert parsing.instant("2026年1月5日 9时30分") == dt.datetime(2026, 1, 5, 1, 30, tzinfo=dt.UTC)
    with pytest.raises(parsing.Bad):
        parsing.instant("2026-01-05")


# --- by command


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("IMP-02")
def test_by_command_what_was_exported_is_found_unchanged(world: Any, database: Any, tmp_path: Path) -> None:
    """Both commands once; test_round_trip.py goes through all kinds."""
    file = tmp_path / "elevators.csv"
    run_flask(database.url, tmp_path, "export", "elevators", str(file))
    options = ["--dry-run", "--json", "--mode", "update"]
    told = run_flask(database.url, tmp_path, "import", "elevators", str(file), *options)
    assert '"new": 0, "changed": 0' in told and '"bad": 0' in told, told


@pytest.mark.feature("IMP-03")
def test_the_command_takes_columns_and_words_in_hand(app: Any, session: Any, world: Any, tmp_path: Path) -> None:
    file = tmp_path / "lifts.csv"
    file.write_text("甲,Type,Street Address,乙\n700001,直梯,路 1 号,临河区\n", encoding="utf-8")
    login = world.accounts["clerk"].username
    call = app.test_cli_runner().invoke
    options = ["--as", login, "--column", "甲=识别码", "--column", "乙=所在地区"]
    options += ["--word", "品种:直梯=曳引驱动乘客电梯"]
    done = call(args=["import", "elevators", str(file), *options])
    assert done.exit_code == 0 and "新增 1" in done.output, done.output
    session.rollback()
    assert session.scalar(select(Elevator.category).where(Elevator.code == "700001")) == "3110"
    wrong = call(args=["import", "elevators", str(file), "--as", login, "--column", "丙=识别码"])
    assert wrong.exit_code == 2 and "没有“丙”这一列" in wrong.output


@pytest.mark.feature("IMP-01")
def test_the_document_lists_every_column_as_it_is(app: Any) -> None:
    from app.commands.imports import columns_document

    document = (Path(__file__).parents[2] / "docs" / "workbooks.md").read_text(encoding="utf-8")
    begin, end = document.index("<!-- import columns -->\n"), document.index("\n<!-- end of import columns -->")
    assert document[begin:end].removeprefix("<!-- import columns -->\n") == columns_document()

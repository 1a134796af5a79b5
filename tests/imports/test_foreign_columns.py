"""Columns as other registers have them: other units of measure, one field in several columns, none at all, unreadable
cells by the thousand, headings that are blank or stand twice. The person says once what is meant, and it is kept."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from app import scope
from app.imports import batches, figures, judging, matching, measures, parsing, surveying, words, workbooks
from app.imports.columns import OWN_NOTE, Spec, kinds
from app.imports.synonyms import meaning
from app.models import Elevator, ImportRow, Region
from app.transaction import transaction
from app.views.data import import_pages
from tests.imports.ground import AT, again, checked, csv, errors_of, ran, rematched, states, told, workbook

pytestmark = pytest.mark.feature("IMP-01")
LIFTS = "elevators"
HEAD = ["识别码", "品种", "地址", "所在地区"]
LOAD = Spec("rated_load", "额定载重量", "figure", unit="kg")
SPEED = Spec("rated_speed", "额定速度", "figure", unit="m/s")


def lifts(session: Any, *names: str) -> list[tuple[Any, ...]]:
    columns = [getattr(Elevator, name) for name in names]
    found = select(*columns).where(Elevator.code.like("70000%")).order_by(Elevator.code)
    session.expire_all()
    return [tuple(row) for row in session.execute(found)]


@pytest.mark.parametrize(
    ("heading", "field"),
    [("电梯工号", "job_no"), ("工号", "job_no"), ("生产工号", "job_no"), ("Job No.", "job_no"),
     ("电梯服务编码", "service_no"), ("服务编码", "service_no"), ("出厂编号", "factory_no"),
     ("内部编号", "internal_no")],
)  # fmt: skip
def test_the_numbers_of_an_elevator_are_told_apart(heading: str, field: str) -> None:
    """Huzhou's register has 电梯工号 and 电梯服务编码 beside 出厂编号."""
    found = matching.guess(kinds()[LIFTS], ["识别码", heading], [["7000001", "G2300071"]])
    assert found.columns == ["code", field]


# --- units of measure


@pytest.mark.parametrize(
    ("cell", "spec", "unit", "value"),
    [
        ("2500", LOAD, "lb", "1134"), ("2,500 lbs", LOAD, None, "1134"), ("2500 LB.", LOAD, "lb", "1134"),
        ("1000 kg", LOAD, "lb", "1000"), ("1000公斤", LOAD, "lb", "1000"), ("1.6 t", LOAD, None, "1600"),
        ("1.6 吨", LOAD, None, "1600"), ("２５００", LOAD, "lb", "1134"), (2500.0, LOAD, "lb", "1134"),
        ("350", SPEED, "fpm", "1.78"), ("350 fpm", SPEED, None, "1.78"), ("100 ft/min", SPEED, None, "0.51"),
        ("1.75 m/s", SPEED, "fpm", "1.75"), ("105 m/min", SPEED, None, "1.75"), ("1750 mm/s", SPEED, None, "1.75"),
        ("1.75", SPEED, None, "1.75"), ("", SPEED, "fpm", None), ("0", LOAD, "lb", "0"), ("1e3", LOAD, "lb", "454"),
    ],
)  # fmt: skip
def test_a_figure_in_another_unit_is_ours_afterwards(cell: Any, spec: Spec, unit: str | None, value: Any) -> None:
    assert parsing.parse(cell, spec, unit=unit) == value


@pytest.mark.parametrize("cell", ["2500 stone", "350 kg", "1 m/s per day"])
def test_what_is_no_unit_of_the_field_is_told(cell: str) -> None:
    with pytest.raises(parsing.Bad, match="写法不对"):
        parsing.parse(cell, SPEED)


def test_what_is_no_figure_is_left_to_the_rule_of_figures() -> None:
    assert [parsing.parse(cell, LOAD, unit="lb") for cell in ("**", "1.2.3", "-")] == ["**", "1.2.3", "-"]


@pytest.mark.parametrize(
    ("heading", "spec", "unit"),
    [
        ("DV_CAPACITY_LBS", LOAD, "lb"), ("Load (lb)", LOAD, "lb"), ("载重（磅）", LOAD, "lb"), ("载重(t)", LOAD, "t"),
        ("Load (kg)", LOAD, None), ("Load", LOAD, None), ("DV_SPEED_FPM", SPEED, "fpm"), ("Speed ft/min", SPEED, "fpm"),
        ("Album", LOAD, None),
    ],
)  # fmt: skip
def test_a_heading_tells_the_unit(heading: str, spec: Spec, unit: str | None) -> None:
    assert measures.of_heading(spec, heading) == unit


def test_a_column_in_pounds_is_guessed_shown_and_changeable(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    file = workbook([*HEAD, "CAPACITY_LBS", "SPEED_FPM"], ["700001", "自动扶梯", "路", "临河区", 2500, 350])
    batch = checked(session, who, LIFTS, file)
    assert batch.mapping["columns"][4:] == ["rated_load", "rated_speed"]
    assert batch.mapping["measures"] == {"rated_load": "lb", "rated_speed": "fpm"}
    row = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id)).one()
    assert (row.data["rated_load"], row.data["rated_speed"]) == (1134, 1.78)
    batch = rematched(session, who, batch, {}, measures={"rated_load": "", "rated_speed": "fpm", "floors": "lb"})
    assert batch.mapping["measures"] == {"rated_speed": "fpm"}, "what a field can't be in is not taken"
    ran(session, who, batch)
    assert lifts(session, "rated_load", "rated_speed") == [(2500, 1.78)]
    # The same file again, as kept: nothing changes, however the figures were rounded.
    assert checked(session, who, LIFTS, io.BytesIO(file.getvalue())).same_rows == 1


@pytest.mark.parametrize(
    ("cell", "unit", "found"),
    [
        (-5, "t", "填写为“-5”，换算为 -5000 kg"), ("200", "t", "填写为“200”，换算为 200000 kg"),
        ("-5 吨", "", "填写为“-5 吨”，换算为 -5000 kg"), ("-5", "", "填写为“-5”"),
        ("-1,000 kg", "", "填写为“-1,000 kg”"),
    ],
)  # fmt: skip
def test_a_figure_that_is_refused_is_quoted_as_it_was_written(
    session: Any, world: Any, cell: Any, unit: str, found: str
) -> None:
    who = world.actor("clerk")
    batch = checked(session, who, LIFTS, workbook([*HEAD, "额定载重量"], ["700001", "自动扶梯", "路", "临河区", cell]))
    batch = rematched(session, who, batch, {}, measures={"rated_load": unit})
    row = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id)).one()
    (error,) = row.errors
    assert (error["found"], error["value"]) == (found, str(cell)) and "注意单位" in error["remedy"]


def test_a_street_that_several_districts_have_is_told_as_such(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    parent = session.scalars(select(Region).where(Region.name == "青坪区")).one().id
    session.add(Region(code="980403001000", name="明水街道", level="street", parent_id=parent))
    session.commit()
    file = workbook(HEAD, ["700001", "自动扶梯", "路", "明水街道"], ["700002", "自动扶梯", "路", "临河区明水街道"],
                    ["700003", "自动扶梯", "路", "暗水街道"])  # fmt: skip
    batch = checked(session, who, LIFTS, file)
    statement = select(ImportRow).where(ImportRow.batch_id == batch.id).order_by(ImportRow.number)
    found = {row.number: [one["found"] for one in row.errors or ()] for row in session.scalars(statement)}
    assert found == {2: ["不止一个地区叫“明水街道”"], 3: [], 4: ["没有找到“暗水街道”"]}


# --- several fields in one column


@pytest.mark.parametrize(
    ("cell", "count", "parts"),
    [
        ("18/18", 2, ["18", "18"]), ("18层18站", 2, ["18", "18"]), ("１８层／１７站", 2, ["18", "17"]),
        (" 6 层 / 5 站 ", 2, ["6", "5"]), ("18层18站18门", 3, ["18", "18", "18"]), ("6/5/5", 3, ["6", "5", "5"]),
        ("6-5", 2, ["6", "5"]), ("18/18/18", 2, []), ("18/18", 3, []), ("18", 2, []), (18, 2, []), ("", 2, []),
        (None, 2, []), ("B1/18", 2, []), ("2026-06-05", 3, []),
        ("2026-06-05", 2, []), ("2026-06-06", 2, ["6", "6"]), ("2026-06-06 00:00:01", 2, ["6", "6"]),
        ("2026-06-06", 3, []), ("18/18（含地下）", 2, []), ("1818", 2, []),
    ],
)  # fmt: skip
def test_a_cell_of_several_figures_is_taken_apart_only_where_it_is_plain(cell: Any, count: int, parts: Any) -> None:
    assert figures.apart(cell, count) == parts


@pytest.mark.parametrize("heading", ["层/站", "层站数", "层、站"])
def test_floors_and_stops_in_one_column_are_two_fields(session: Any, world: Any, heading: str) -> None:
    who = world.actor("clerk")
    file = workbook(
        ["识别码", heading, "品种", "地址", "所在地区"],
        ["700001", "18/17", "自动扶梯", "路1", "临河区"], ["700002", "6层5站", "自动扶梯", "路2", "临河区"],
        ["700003", None, "自动扶梯", "路3", "临河区"], ["700004", "十八层", "自动扶梯", "路4", "临河区"],
    )  # fmt: skip
    batch = checked(session, who, LIFTS, file)
    assert batch.mapping["columns"] == ["code", "floors", "stops", "category", "address", "region_id"]
    assert batch.mapping["headings"][1:3] == [f"{heading}（层数）", f"{heading}（站数）"]
    assert errors_of(session, batch) == {(5, "层数")}, "what can't be taken apart is told where it stands"
    ran(session, who, batch)
    assert lifts(session, "floors", "stops") == [(18, 17), (6, 5), (None, None)]
    # Kept for the next file of this shape, and nothing changes by the same one.
    assert checked(session, who, LIFTS, io.BytesIO(file.getvalue())).same_rows == 3


def test_floors_stops_and_doors_in_one_column_are_three(session: Any, world: Any) -> None:
    file = workbook(
        ["层/站/门", *HEAD], ["6/5/7", "700001", "曳引驱动乘客电梯", "路", "临河区"],
        [None, None, None, None, None], ["6层", "700002", "曳引驱动乘客电梯", "路", "临河区"],
    )  # fmt: skip
    batch = checked(session, world.actor("clerk"), LIFTS, file)
    assert batch.mapping["columns"] == ["floors", "stops", "doors", "code", "category", "address", "region_id"]
    rows = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id).order_by(ImportRow.number)).all()
    assert [rows[0].data[name] for name in ("floors", "stops", "doors")] == [6, 5, 7]


def test_what_excel_made_a_date_is_told_so_and_read_back_where_it_can_only_be_one(session: Any, world: Any) -> None:
    """Typed 6/6 and 6/5; which of 6 and 5 came first depends on the language of the person's Excel."""
    file = workbook(
        ["识别码", "层/站", "品种", "地址", "所在地区", "额定载重"],
        ["700001", dt.date(2026, 6, 6), "自动扶梯", "路1", "临河区", 1000],
        ["700002", dt.date(2026, 6, 5), "自动扶梯", "路2", "临河区", 1000],
        ["700003", "18/17", "自动扶梯", "路3", "临河区", dt.date(2026, 10, 5)],
    )  # fmt: skip
    batch = checked(session, world.actor("clerk"), LIFTS, file)
    rows = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id).order_by(ImportRow.number)).all()
    assert (rows[0].state, rows[0].data["floors"], rows[0].data["stops"]) == ("new", 6, 6)
    (error,) = rows[1].errors
    assert (error["column"], error["value"], error["rule"]) == ("层数", "2026-06-05", "变成了日期")
    assert "把 6/5 这样的写法自动变成了日期" in error["found"] and "设为文本格式" in error["remedy"]
    assert [(e["column"], e["rule"]) for e in rows[2].errors] == [("额定载重量", "变成了日期")]
    with_letters = import_pages.columns(kinds()["elevators"], batch.mapping)
    assert [c["letter"] for c in with_letters] == ["A", "B", "B", "C", "D", "E", "F"], "as in the person's own file"
    # As a batch of an earlier release is: it had kept none.
    before = {name: value for name, value in batch.mapping.items() if name != "places"}
    assert [c["letter"] for c in import_pages.columns(kinds()["elevators"], before)][:3] == ["A", "B", "C"]


def test_hidden_columns_are_named_where_they_are_after_one_is_taken_apart(session: Any, world: Any) -> None:
    book = openpyxl.load_workbook(workbook(["识别码", "层/站", "品种", "备注"], ["700001", "6/5", "自动扶梯", "x"]))
    book.active.column_dimensions["B"].hidden = book.active.column_dimensions["D"].hidden = True
    kept = io.BytesIO()
    book.save(kept)
    kept.seek(0)
    batch = checked(session, world.actor("clerk"), LIFTS, kept)
    assert [batch.mapping["headings"][at] for at in batch.mapping["hidden"][1]] == [
        "层/站（层数）", "层/站（站数）", "备注",
    ]  # fmt: skip


# --- rows that add up


def test_rows_of_sums_are_told_and_left_out(session: Any, world: Any, sign_in: Any) -> None:
    who = world.actor("clerk")
    file = workbook(
        ["序号", *HEAD, "额定载重量"], [1, "700001", "自动扶梯", "路1", "临河区", 1000],
        ["小计", None, None, None, None, 1000], [2, "700002", "自动扶梯", "合计路2", "临河区", 800],
        [None, "总 计：", "2 台", "共 2 处", None, 1800],
    )  # fmt: skip
    batch = checked(session, who, LIFTS, file)
    assert (batch.rows, batch.new_rows, batch.same_rows, batch.bad_rows) == (4, 2, 2, 0), "each row is accounted for"
    assert batch.mapping["sums"] == [2, [3, 5]]
    heard = {name: [line["count"] for line in lines] for name, lines in batch.mapping["asked"].items()}
    assert heard == {"declared_status": [2]}, "nobody is asked what its words mean, nor how a sum stands"
    rows = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id).order_by(ImportRow.number)).all()
    assert [(row.number, row.state) for row in rows] == [(2, "new"), (3, "same"), (4, "new"), (5, "same")]
    assert "“总 计：”开头，是汇总行" in rows[3].errors[0]["found"]
    page = sign_in(world.accounts["clerk"]).get(f"/imports/{batch.id}?rows=same").text
    assert "第 3、5 行" in page and "“小计”开头，是汇总行，不是一条记录" in page and "不导入这一行" in page
    ran(session, who, batch)
    assert lifts(session, "address") == [("路1",), ("合计路2",)]


def test_a_file_of_sums_alone_has_nothing_to_import(session: Any, world: Any) -> None:
    batch = checked(session, world.actor("clerk"), LIFTS, workbook(HEAD, ["合计", "12 台", None, None]))
    assert (batch.rows, batch.same_rows, batch.bad_rows) == (1, 1, 0)


@pytest.mark.parametrize("cells", [["合计路"], [None, "", "x", "合计"], [12, "合计"], ["合计（台）"], [], [None]])
def test_other_rows_are_no_sums(cells: list[Any]) -> None:
    assert surveying.is_sum(cells) is None


# --- one field in several columns


def test_house_number_and_street_are_one_address(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    head = ["识别码", "品种", "HOUSE_NUMBER", "STREET_NAME", "所在地区"]
    file = workbook(
        head, ["700001", "自动扶梯", 521, "EAST 68 STREET", "临河区"], ["700002", "自动扶梯", None, "澜江路", "临河区"],
        ["700003", "自动扶梯", 5, None, "临河区"], ["700004", "自动扶梯", None, " ", "临河区"],
    )  # fmt: skip
    batch = checked(session, who, LIFTS, file)
    assert batch.mapping["columns"][2:4] == ["address", "address"]
    assert errors_of(session, batch) == {(5, "地址")}
    ran(session, who, batch)
    assert lifts(session, "address") == [("521 EAST 68 STREET",), ("澜江路",), ("5",)]
    assert checked(session, who, LIFTS, io.BytesIO(file.getvalue())).same_rows == 3


def test_chinese_parts_stand_together_and_a_whole_address_stays_alone(app: Any) -> None:
    kind = kinds()[LIFTS]
    found = matching.guess(kind, ["道路", "门牌号", "地址"], [])
    assert found.columns == [None, None, "address"], "who has the whole address needs no parts"
    found = matching.guess(kind, ["道路", "门牌号"], [])
    assert found.columns == ["address", "address"]
    assert found.as_one(["澜江路", "5号"], found.joined()) == ["澜江路5号", "5号"]
    assert found.as_one([None, ""], found.joined())[0] is None


@pytest.mark.feature("IMP-01")
def test_a_firms_own_ledger_is_understood(session: Any, world: Any) -> None:
    """District and street in columns of their own, the street without its 街道; where the lift is, whom to call."""
    who = world.actor("clerk")
    head = ["识别码", "梯种", "小区名称", "安装位置", "所属区", "街道", "24小时电话"]
    phone = "0598-1234567"
    file = workbook(
        head, ["700001", "客梯", "锦绣园", "1号楼1单元", "临河区", "明水", phone],
        ["700002", "扶梯", "锦绣园", "1号楼2单元", "临河区", "临河区明水街道", phone],
        ["700003", "客梯", "锦绣园", "2号楼1单元", "临河区", None, phone],
        ["700004", "客梯", "锦绣园", "2号楼2单元", "城关区", "明水街道", phone],
    )  # fmt: skip
    batch = checked(session, who, LIFTS, file)
    columns = ["code", "category", "estate", "address", "region_id", "region_id", "emergency_phone"]
    assert batch.mapping["columns"] == columns
    assert errors_of(session, batch) == {(5, "所在地区")}
    ran(session, who, batch)
    street, district = (
        session.scalar(select(Region.id).where(Region.code == code)) for code in ("980402001000", "980402000000")
    )
    assert lifts(session, "address", "region_id") == [
        ("1号楼1单元", street), ("1号楼2单元", street), ("2号楼1单元", district),
    ]  # fmt: skip


def test_what_has_no_field_goes_into_the_note_under_its_own_name(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    file = workbook([*HEAD, "Machine", "Governor"], ["700001", "自动扶梯", "路", "临河区", "OG", "C"],
                    ["700002", "自动扶梯", "路", "临河区", None, "F"])  # fmt: skip
    batch = checked(session, who, LIFTS, file)
    batch = ran(session, who, rematched(session, who, batch, {"Machine": "note", "Governor": "note"}))
    assert lifts(session, "note") == [("Machine：OG；Governor：C",), ("Governor：F",)]
    assert checked(session, who, LIFTS, io.BytesIO(file.getvalue())).same_rows == 2


# --- what a blank cell means


def test_a_blank_cell_of_a_new_row_is_explained_once(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    file = workbook(HEAD, ["700001", "自动扶梯", "路 1", None], ["700002", None, "路 2", "临河区"],
                    [world.own.code, None, None, None])  # fmt: skip
    batch = checked(session, who, LIFTS, file)
    assert errors_of(session, batch) == {(2, "所在地区"), (3, "品种")} and states(session, batch)[4] == "same"
    asked = {name: [(w["word"], w["count"]) for w in found] for name, found in batch.mapping["asked"].items()}
    assert asked["region_id"] == [("", 1)] and asked["category"] == [("", 1)], "rows that exist are not asked about"
    typed = {("region_id", 0): str(world.own.region_id), ("category", 0): "3310"}
    chosen = words.decided(session, who, kinds()[LIFTS], batch.mapping, typed)
    batch = rematched(session, who, batch, {}, words=chosen)
    assert (batch.new_rows, batch.same_rows, batch.bad_rows) == (2, 1, 0)
    ran(session, who, batch)
    assert lifts(session, "category", "region_id") == [("3310", world.own.region_id)] * 2


def test_a_register_without_the_column_says_it_for_all_rows(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    file = workbook(["识别码", "地址"], *[[f"70000{n}", f"路 {n}"] for n in range(3)])
    batch = checked(session, who, LIFTS, file)
    assert (batch.bad_rows, batch.mapping["asked"]["region_id"][0]["count"]) == (3, 3)
    chosen = {"region_id": {"": world.own.region_id}, "category": {"": "3310"}}
    batch = ran(session, who, rematched(session, who, batch, {}, words=chosen))
    assert (batch.done_rows, batch.bad_rows) == (3, 0)
    again = checked(session, who, LIFTS, workbook(["识别码", "地址"], ["700009", "路 9"], ["700001", "路 1"]))
    assert states(session, again) == {2: "new", 3: "same"}, "remembered, and what stands is not touched"


# --- cells that nobody can read


def test_unreadable_cells_of_a_field_that_may_be_blank_stay_blank(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    head = [*HEAD, "层数", "额定速度", "制造日期", "使用单位"]
    bad = ["PH", "**", "unknown", "无此单位"]
    file = workbook(head, ["700001", "自动扶梯", "路", "临河区", *bad], ["700002", "怪梯", "路", "临河区", *bad],
                    ["700003", "自动扶梯", "路", "临河区", 7, 1.75, "2020-01-05", world.use_unit.name])  # fmt: skip
    batch = checked(session, who, LIFTS, file)
    fields = {"floors": 2, "rated_speed": 2, "made_on": 2, "use_unit_id": 2, "category": 1}
    assert batch.mapping["wrong"] == fields and batch.new_rows == 1
    batch = rematched(session, who, batch, {}, lenient=[*fields, "nonsense"])
    assert states(session, batch) == {2: "new", 3: "bad", 4: "new"}, "what must be there is never left out"
    assert errors_of(session, batch) == {(3, "品种")}
    assert batch.mapping["left"] == {name: 2 for name in fields if name != "category"}
    ran(session, who, batch)
    assert lifts(session, "floors", "rated_speed", "made_on", "use_unit_id")[0] == (None, None, None, None)
    assert lifts(session, "floors", "rated_speed", "use_unit_id")[1] == (7, 1.75, world.use_unit.id)


def test_an_unreadable_cell_left_out_changes_nothing_that_stands(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    first = checked(session, who, LIFTS, workbook(["识别码", "层数"], [world.own.code, "12"]))
    assert ran(session, who, rematched(session, who, first, {}, lenient=["floors"])).done_rows == 1
    batch = checked(session, who, LIFTS, workbook(["识别码", "层数"], [world.own.code, "PH"]))
    assert states(session, batch) == {2: "same"}


@pytest.mark.parametrize(("others", "state"), [(["20140325", 20150803], "bad"), (["2014-03-25", 44927], "new")])
def test_five_digits_are_no_day_number_where_days_have_eight(
    session: Any, world: Any, others: list[Any], state: str
) -> None:
    """In a column of 20140325 a 50109 lost its head; Excel's day number would make a plausible wrong day of it."""
    who = world.actor("clerk")
    rows = [[f"70000{n}", "自动扶梯", "路", "临河区", day] for n, day in enumerate([50109, *others])]
    batch = checked(session, who, LIFTS, workbook([*HEAD, "制造日期"], *rows))
    assert states(session, batch) == {2: state, 3: "new", 4: "new"}
    assert state == "new" or "50109" in told(session, batch)[2]


# --- words, headings, what is kept


@pytest.mark.parametrize(
    ("word", "value"),
    [("Freight (F)", "3120"), ("乘客电梯（客）", "3110"), ("Passenger (very old)", None), ("(P)", None)],
)
def test_an_abbreviation_in_brackets_tells_nothing_new(word: str, value: str | None) -> None:
    assert meaning("category", word, {"3110": "", "3120": ""}) == value


def test_what_is_decided_makes_room_for_what_is_not(session: Any, world: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(judging, "MOST_WORDS", 3)
    monkeypatch.setattr("app.imports.batches.MOST_WORDS", 3)
    who = world.actor("clerk")
    file = workbook(HEAD, *[[f"70000{n}", f"怪梯{n}", "路", "临河区"] for n in range(5)])
    batch = checked(session, who, LIFTS, file)
    assert [w["word"] for w in batch.mapping["asked"]["category"]] == ["怪梯0", "怪梯1", "怪梯2"]
    assert batch.mapping["unheard"] == {"category": 2}
    chosen = {"category": {f"怪梯{n}": "3110" for n in range(3)}}
    batch = rematched(session, who, batch, {}, words=chosen)
    asked = {w["word"]: w["value"] for w in batch.mapping["asked"]["category"]}
    assert asked == {"怪梯3": None, "怪梯4": None} | chosen["category"] and not batch.mapping["unheard"]


def test_words_that_every_heading_has_make_no_likeness(app: Any) -> None:
    headings = [
        "location_name", "location_type", "location_address", "equipment_type", "equipment_capacity",
        "equipment_speed", "equipment_travel", "manufacturer_name",
    ]  # fmt: skip
    assert matching.guess(kinds()[LIFTS], headings, []).columns == [
        "estate", "place_type", "address", "category", "rated_load", "rated_speed", None, "manufacturer",
    ]  # fmt: skip


def test_headings_that_are_blank_or_stand_twice_are_kept_by_place(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    head = ["识别码", "类", "类", "地址", "所在地区", None]
    row = ["700001", "旧", "自动扶梯", "路", "临河区", "备"]
    batch = checked(session, who, LIFTS, workbook(head, row))
    assert len(batch.mapping["headings"]) == 6, "a column without a name is a column"
    columns = ["code", None, "category", "address", "region_id", "note"]
    with scope.acting(who), transaction(session):
        batches.rematch(session, who, batch.id, AT, columns=columns, queued=False)
    assert again(session, who, batch.id).new_rows == 1
    kept = checked(session, who, LIFTS, workbook(head, ["700002", *row[1:]]))
    assert kept.mapping["columns"] == columns and kept.new_rows == 1


def test_a_column_that_fills_only_far_below_is_known_by_its_cells(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    rows = [[f"70{n:04d}", "自动扶梯", "路", "临河区", None if n < 300 else "C"] for n in range(320)]
    batch = checked(session, who, LIFTS, csv(",".join([*HEAD, "GOVERNOR_TYPE"]), *[
        ",".join(c or "" for c in row) for row in rows
    ]), "表.csv")  # fmt: skip
    assert batch.mapping["columns"][4] is None and batch.new_rows == 320, "type of governor, not the day of its test"


def test_bad_rows_are_mended_in_their_own_file_and_come_back_as_matched(
    session: Any, world: Any, tmp_path: Path
) -> None:
    who = world.actor("clerk")
    head = ["编码", "类", "地址", "所在地区", "LOAD_LBS"]
    file = workbook(head, ["700001", "直梯", "路", "临河区", 2500], ["700002", "直梯", None, "临河区", 2500])
    batch = checked(session, who, LIFTS, file)
    mapped = {"编码": "code", "类": "category"}
    batch = rematched(session, who, batch, mapped, words={"category": {"直梯": "3110"}}, measures={"rated_load": "lb"})
    batch = ran(session, who, batch)
    assert (batch.done_rows, batch.bad_rows) == (1, 1)
    path = tmp_path / "bad.xlsx"
    assert workbooks.write_bad_rows(session, batch, path) == 1
    for mended in (None, "路 2"):
        book = openpyxl.load_workbook(path)
        sheet: Any = book.active
        assert (sheet.cell(1, 6).value, sheet.cell(1, 7).value) == (OWN_NOTE, None)
        assert "地址" in sheet.cell(2, 6).value
        sheet.cell(2, 3).value = mended
        book.save(path)
        back = checked(session, who, LIFTS, io.BytesIO(path.read_bytes()), "待改正.xlsx")
        assert set(back.mapping["how"]) == {"kept"} and back.mapping["headings"] == head
        if mended is None:
            assert told(session, back) == {2: "没有填写"} and workbooks.write_bad_rows(session, back, path) == 1
    assert ran(session, who, back).done_rows == 1
    assert lifts(session, "rated_load") == [(1134,), (1134,)]

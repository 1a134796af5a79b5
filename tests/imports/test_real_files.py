"""Workbooks as offices send them: titles above merged headings, hidden rows, formulas, numbers as text, old .xls to its
last row, formats to the end of the sheet, a second sheet, a file that is one byte too large."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
import xlwt
from sqlalchemy import select

from app import scope
from app.errors import Refusal
from app.imports import parsing, sheet_reader
from app.imports.columns import kinds
from app.imports.reading import read
from app.models import Attachment, Elevator, ImportBatch
from app.workflows.files import attachments
from tests.factories import make_policy
from tests.imports.ground import checked, ran, states, told, workbook
from tests.imports.test_hostile_files import packed
from tests.pages import flat

pytestmark = pytest.mark.feature("IMP-01")
HEAD = ["识别码", "品种", "地址", "所在地区"]
LIFT = ["自动扶梯", "澜江路 1 号", "临河区"]
MEGABYTE = 1024 * 1024


def saved(book: Any) -> io.BytesIO:
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    return out


def test_a_title_and_merged_headings_stand_above(session: Any, world: Any) -> None:
    """Group headings merged over several columns are no headings: the row with the known names is."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in (["电梯登记表 2026"], [], ["基本信息", None, "位置", None], HEAD, ["700001", *LIFT]):
        sheet.append(row)
    for span in ("A1:D1", "A3:B3", "C3:D3"):
        sheet.merge_cells(span)
    batch = checked(session, world.actor("clerk"), "elevators", saved(book))
    assert batch.mapping["headings"] == HEAD and states(session, batch) == {5: "new"}


@pytest.mark.parametrize("old", [False, True])
def test_a_cell_merged_over_several_rows_holds_for_each_of_them(session: Any, world: Any, old: bool) -> None:
    """Excel keeps the text in the first cell only: the others came in without it, in silence where it is optional."""
    rows = [
        [*HEAD, "楼盘", "型号"], ["700001", *LIFT, "云樾", "A"], ["700002", *LIFT[:2], None, None, None],
        ["700003", *LIFT[:2], None, None, "B"], ["700004", *LIFT, None, "C"], [], ["700005", *LIFT, None, None],
        ["填表人：甲"], [], ["", "", "", "", "", "末"],
    ]  # fmt: skip
    spans = [(1, 3, 3), (1, 3, 4), (4, 6, 5), (7, 8, 0)]
    book: Any = xlwt.Workbook() if old else openpyxl.Workbook()
    sheet: Any = book.add_sheet("a") if old else book.active
    starts = {(first, column): last for first, last, column in spans}
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            last = starts.get((at, column), at)
            if old and cell:
                sheet.write_merge(at, last, column, column, cell)
            elif cell:
                sheet.cell(at + 1, column + 1, cell)
                sheet.merge_cells(None, at + 1, column + 1, last + 1, column + 1)
    who = world.actor("clerk")
    batch = checked(session, who, "elevators", saved(book), "表.xls" if old else "表.xlsx")
    good = dict.fromkeys((2, 3, 4, 5, 7), "new")
    assert states(session, batch) == good | {8: "bad", 10: "bad"}, "a row of nothing but a merged cell is no row"
    ran(session, who, batch)
    shown = select(Elevator.code, Elevator.estate, Elevator.model).where(Elevator.code.like("70000%"))
    assert {tuple(row) for row in session.execute(shown)} == {
        ("700001", "云樾", "A"), ("700002", "云樾", None), ("700003", "云樾", "B"), ("700004", None, "C"),
        ("700005", None, "C"),
    }  # fmt: skip


def test_headings_merged_over_two_rows_are_one_line_of_headings(session: Any, world: Any) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in ([*HEAD, "额定参数", None], [None] * 4 + ["额定载重量", "额定速度"], ["700001", *LIFT, 1000, 1.75]):
        sheet.append(row)
    for span in ("A1:A2", "B1:B2", "C1:C2", "D1:D2", "E1:F1"):
        sheet.merge_cells(span)
    batch = checked(session, world.actor("clerk"), "elevators", saved(book))
    assert batch.mapping["headings"] == [*HEAD, "额定载重量", "额定速度"] and states(session, batch) == {3: "new"}


def test_hidden_rows_columns_and_filters_hide_nothing_from_the_register(session: Any, world: Any) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in (HEAD, ["700001", *LIFT], ["700002", *LIFT]):
        sheet.append(row)
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["C"].hidden = True
    sheet.auto_filter.ref = "A1:D3"
    batch = checked(session, world.actor("clerk"), "elevators", saved(book))
    assert states(session, batch) == {2: "new", 3: "new"}


def test_formulas_count_by_their_result_and_errors_are_told(session: Any, world: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, [*HEAD, "层数", "楼盘"])
    for at, code in enumerate(("700001", "700002"), 1):
        sheet.write_row(at, 0, [code, *LIFT])
    sheet.write_formula(1, 4, "=3+4", value=7)
    sheet.write_formula(1, 5, '=A1&"苑"', value="新苑")
    sheet.write_formula(2, 4, "=1/0", value="#DIV/0!")
    book.close()
    who = world.actor("clerk")
    batch = ran(session, who, checked(session, who, "elevators", io.BytesIO(path.read_bytes())))
    assert told(session, batch) == {3: "是 Excel 的错误值 #DIV/0!"}
    row = session.execute(select(Elevator.floors, Elevator.estate).where(Elevator.code == "700001")).one()
    assert tuple(row) == (7, "新苑")


def test_a_formula_that_nothing_has_worked_out_yet_is_told(session: Any, world: Any) -> None:
    """Programs that only write workbooks leave no result: such a cell came in as a blank, in silence."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in ([*HEAD, "层数", "楼盘"], ["700001", *LIFT, "=3+4", None], ["700002", *LIFT, 7, '=A1&"苑"']):
        sheet.append(row)
    batch = checked(session, world.actor("clerk"), "elevators", saved(book))
    assert told(session, batch) == dict.fromkeys((2, 3), "公式还没有算出结果")


def test_a_formula_whose_result_is_an_empty_text_is_a_blank_cell(tmp_path: Path) -> None:
    """As Excel and LibreOffice write it: typed as a text. Shared formulas and cells without any value are not worked
    out either."""
    cells = '<c r="A1" t="str"><f>IF(1=2,"a","")</f><v></v></c><c r="B1"><f t="shared" si="0"/></c>'
    cells += '<c r="C1" s="2"><f>1+1</f><v/></c><c r="D1"><f>1+1</f><v>2</v></c><c r="E1"/>'
    (tmp_path / "a.xlsx").write_bytes(packed(f'<row r="1">{cells}</row>'))
    assert sheet_reader.errors(str(tmp_path / "a.xlsx")) == {1: {1: "#CALC!", 2: "#CALC!"}}


def test_numbers_as_text_full_width_digits_and_dates_of_every_hand(session: Any, world: Any) -> None:
    days = [
        "2024年3月5日", 45356, "45356", "24/3/5", "２０２４－０３－０５", dt.date(2024, 3, 5), "2024.3.5", "24年3月5日",
        "2024/3/5 8:30", "2024-03-05 00:00:00",
    ]  # fmt: skip
    rows = [[f"７００００{n}", *LIFT, "１２", "１，０００", day] for n, day in enumerate(days)]
    who = world.actor("clerk")
    batch = checked(session, who, "elevators", workbook([*HEAD, "层数", "额定载重量", "制造日期"], *rows))
    assert told(session, batch) == {}
    ran(session, who, batch)
    columns = (Elevator.floors, Elevator.rated_load, Elevator.made_on)
    found = session.execute(select(*columns).where(Elevator.code.like("70000%"))).all()
    assert {tuple(row) for row in found} == {(12, 1000, dt.date(2024, 3, 5))} and len(found) == len(days)


@pytest.mark.parametrize(
    ("cell", "order", "day"),
    [
        ("24/3/5", None, (2024, 3, 5)), ("24.3.5", "dmy", (2024, 3, 5)), ("98/12/31", None, (1998, 12, 31)),
        ("24/03/98", None, (1998, 3, 24)), ("24/03/05", "ymd", (2024, 3, 5)), ("24/03/05", "dmy", (2005, 3, 24)),
        ("03/24/98", None, (1998, 3, 24)), ("03/03/03", None, (2003, 3, 3)),
    ],
)  # fmt: skip
def test_a_year_of_two_digits(cell: str, order: str | None, day: tuple[int, int, int]) -> None:
    assert parsing.day(cell, order) == dt.date(*day)


@pytest.mark.parametrize("cell", ["24/03/05", "05/04/03", "13-01-26"])
def test_a_year_of_two_digits_that_may_stand_at_either_end_is_asked_about(cell: str) -> None:
    with pytest.raises(parsing.Bad, match="分不清"):
        parsing.day(cell)
    assert parsing.order_of(cell) == "?"


def test_the_column_tells_where_the_short_year_stands(session: Any, world: Any) -> None:
    rows = [[f"70000{n}", *LIFT, day] for n, day in enumerate(["24/03/05", "99/03/05", "24/3/5"])]
    batch = checked(session, world.actor("clerk"), "elevators", workbook([*HEAD, "制造日期"], *rows))
    assert batch.mapping["orders"] == {"made_on": "ymd"} and batch.new_rows == 3


def test_a_million_formatted_rows_below_are_no_rows(tmp_path: Path) -> None:
    first = "".join(
        f'<c r="{letter}1" t="inlineStr"><is><t>{word}</t></is></c>' for letter, word in zip("ABCD", HEAD, strict=True)
    )
    rows = f'<row r="1">{first}</row><row r="2"><c r="A2"><v>700001</v></c></row>'
    rows += "".join(f'<row r="{n}" s="1" customFormat="1"><c r="A{n}" s="1"/></row>' for n in range(3, 200_000))
    rows += '<row r="1048576"><c r="A1048576" s="1"/></row>'
    (tmp_path / "a.xlsx").write_bytes(packed(rows))
    found = list(read(tmp_path / "a.xlsx", "a.xlsx", kinds()["elevators"]).rows())
    assert [(number, cells[0], any(cells[1:])) for number, cells in found] == [(2, 700001, False)]


def test_headings_twice_and_a_second_sheet(session: Any, world: Any) -> None:
    """Of two columns of one name the first counts and the other is shown; other sheets are not read."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in ([*HEAD, "地址"], ["700001", *LIFT, "另一处"]):
        sheet.append(row)
    book.create_sheet("第二张").append(["识别码"])
    batch = checked(session, world.actor("clerk"), "elevators", saved(book))
    assert batch.mapping["how"][4] == "twice" and batch.rows == batch.new_rows == 1


def test_an_empty_first_sheet_says_that_only_it_is_read(session: Any, world: Any) -> None:
    book = openpyxl.Workbook()
    other = book.create_sheet("登记")
    for row in (HEAD, ["700001", *LIFT]):
        other.append(row)
    batch = checked(session, world.actor("clerk"), "elevators", saved(book))
    assert batch.state == "failed" and "第一张工作表" in batch.note


def test_an_old_workbook_of_all_its_rows(tmp_path: Path) -> None:
    """BIFF ends at 65,536 rows: all of them are read, the last one too."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for column, word in enumerate(HEAD):
        sheet.write(0, column, word)
    for row in range(1, 65_536):
        sheet.write(row, 0, row)
    path = tmp_path / "a.xls"
    book.save(str(path))
    numbers = [number for number, _cells in read(path, "a.xls", kinds()["elevators"]).rows()]
    assert numbers == list(range(2, 65_537))


@pytest.mark.parametrize("more", [0, 1])
def test_ten_megabytes_and_one_byte(session: Any, world: Any, app: Any, more: int) -> None:
    """Of exactly ten megabytes it is taken in (and told what it is); one byte more is refused, and nothing stays."""
    who = world.actor("clerk")
    line = "识别码,品种,地址,所在地区\n700001,自动扶梯,澜江路 1 号,临河区\n".encode()
    blank = b" " * 1023 + b"\n"
    file = io.BytesIO(line + (blank * 10 * 1024)[len(line) :] + b"\n" * more)
    folder = Path(app.config["UPLOAD_DIR"])
    before = {p for p in folder.rglob("*") if p.is_file()}
    if more:
        with pytest.raises(Refusal, match="超过 10 MB"), scope.acting(who):
            checked(session, who, "elevators", file, "大.csv")
        session.rollback()
        assert {p for p in folder.rglob("*") if p.is_file()} == before
        assert session.scalars(select(ImportBatch)).all() == session.scalars(select(Attachment)).all() == []
    else:
        assert checked(session, who, "elevators", file, "大.csv").new_rows == 1
    assert attachments.LIMITS["import"].megabytes == 10


def test_what_a_failed_formula_shows_is_found_wherever_the_sheet_stands(tmp_path: Path) -> None:
    """In the first sheet only, across blocks of reading, with formulas as long as Excel takes them."""
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet, other = book.add_worksheet(), book.add_worksheet()
    other.write_formula(0, 0, "=NA()", value="#N/A")
    wanted = {}
    for row in range(0, 60_000, 7):
        sheet.write(row, 0, f"文字{row}")
        sheet.write_formula(row, 3, f"=NA(){'+0' * 30}", value="#N/A" if row % 2 else 5)
        if row % 2:
            wanted[row + 1] = {3: "#N/A"}
    sheet.write_formula(60_000, 701, f"=1/0{'+1' * 2000}", value="#DIV/0!")
    book.close()
    assert sheet_reader.errors(str(path)) == wanted | {60_001: {701: "#DIV/0!"}}


@pytest.mark.feature("IMP-01", "ELV-01")
def test_codes_that_cannot_be_filed_as_they_are_are_told_before_the_import(
    session: Any, world: Any, sign_in: Any
) -> None:
    make_policy(session, "elevator_code_pattern", "N[0-9]{6}", region_code="980000000000")
    session.commit()
    who = world.actor("clerk")
    batch = checked(session, who, "elevators", workbook(HEAD, ["N700001", *LIFT], ["1D1", *LIFT], ["2d7", *LIFT]))
    assert states(session, batch) == {2: "new", 3: "new", 4: "new"}
    assert batch.mapping["odd_codes"] == [2, ["1D1", "2D7"]]
    key = batch.id
    session.rollback()
    page = flat(sign_in(world.accounts["clerk"]).get(f"/imports/{key}").text)
    assert "2 行的识别码不符合所在地区规定的格式（例如 1D1、2D7）" in page and "上报前须改正识别码" in page

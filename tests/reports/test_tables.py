"""The writer of tables, read back by another program: values, masks, formulas, limits, digest, note."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import tracemalloc
import zipfile
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from app.errors import Refusal
from app.listing import Column
from app.models.choices import ELEVATOR_STATUS
from app.reports import tables

AS_OF = dt.datetime(2026, 11, 20, 7, 30, tzinfo=dt.UTC)


def of(name: str, kind: str = "text", **more: Any) -> Column:
    return Column(name, name, lambda row: row.get(name), kind, **more)


def wall(text: str) -> dt.datetime:
    """A cell's date or time: without a zone, as Excel keeps it."""
    return dt.datetime.fromisoformat(text)


def blocks(rows: Iterable[Any], columns: list[Column], size: int = 100) -> Iterator[list[tuple[Any, ...]]]:
    source = iter(rows)
    while block := [tuple(c.value(row) for c in columns) for row in islice(source, size)]:
        yield block


def written(tmp_path: Path, rows: list[dict[str, Any]], columns: list[Column], fmt: str = "xlsx", **more: Any) -> Any:
    path = tmp_path / f"table.{fmt}"
    told = tables.write(blocks(rows, columns), columns, path, fmt, title="电梯", as_of=AS_OF, **more)
    return path, told


def lines(path: Path) -> list[list[str]]:
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.feature("STA-01")
def test_values_keep_their_kind(tmp_path: Path) -> None:
    columns = [
        of("识别码", "code"), of("日期", "date"), of("时间", "instant"), of("层数", "number"), of("得分", "number"),
        of("涉密", "bool"), of("状态", "choice", choices=ELEVATOR_STATUS), of("空"), of("长号", "number"),
    ]  # fmt: skip
    row = {
        "识别码": "007", "日期": dt.date(2026, 2, 28), "时间": dt.datetime(2026, 2, 27, 16, 5, 9, 7, dt.UTC),
        "层数": 18, "得分": Decimal("15.27"), "涉密": False, "状态": "in_use", "空": None, "长号": 1234567890123456789,
    }  # fmt: skip
    path, _told = written(tmp_path, [row], columns)
    cells = list(openpyxl.load_workbook(path)["电梯"].iter_rows(values_only=True))
    assert cells[0] == tuple(row)
    assert cells[1] == (
        "007", wall("2026-02-28"), wall("2026-02-28 00:05:09"), 18, 15.27, "否", "在用", None,
        "1234567890123456789",
    )  # fmt: skip
    path, _told = written(tmp_path, [row], columns, "csv")
    assert lines(path)[1] == [
        "007", "2026-02-28", "2026-02-28 00:05:09", "18", "15.27", "否", "在用", "", "1234567890123456789"
    ]  # fmt: skip


@pytest.mark.feature("STA-01")
@pytest.mark.parametrize("text", ["=1+1", "+86 139", "-2", "@SUM(A1)", " =cmd|' /C calc'!A0", "＝1+1", "\n=1"])
def test_what_persons_typed_is_no_formula(tmp_path: Path, text: str) -> None:
    path, _told = written(tmp_path, [{"备注": text}], [of("备注")])
    with zipfile.ZipFile(path) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")
    assert CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()[1][0].strip() == text.strip()
    path, _told = written(tmp_path, [{"备注": text}], [of("备注")], "csv")
    assert lines(path)[1] == [f"'{text}"]


def test_a_negative_number_is_no_formula(tmp_path: Path) -> None:
    path, _told = written(tmp_path, [{"剩余": -3}], [of("剩余", "number")], "csv")
    assert lines(path)[1] == ["-3"]


def test_links_and_numbers_in_text_stay_text(tmp_path: Path) -> None:
    rows = [{"备注": "https://example.invalid/a"}, {"备注": "00123"}, {"备注": "1e5"}]
    path, _told = written(tmp_path, rows, [of("备注")])
    sheet = openpyxl.load_workbook(path)["电梯"]
    assert [sheet.cell(n, 1).value for n in (2, 3, 4)] == ["https://example.invalid/a", "00123", "1e5"]
    assert not sheet._hyperlinks


@pytest.mark.parametrize("fmt", ["xlsx", "csv"])
def test_sensitive_columns_are_masked(tmp_path: Path, fmt: str) -> None:
    columns = [of("手机", sensitive="mobile"), of("证件", sensitive="id")]
    path, _told = written(tmp_path, [{"手机": "13812348000", "证件": "980402199001011234"}], columns, fmt)
    found = lines(path)[1] if fmt == "csv" else [c.value for c in openpyxl.load_workbook(path)["电梯"][2]]
    assert found == ["138****8000", "980***********1234"]


def test_what_excel_cannot_hold_is_written_as_text_or_said(tmp_path: Path) -> None:
    columns = [of("日期", "date"), of("备注"), of("数", "number")]
    rows = [{"日期": dt.date(1899, 5, 1), "备注": "长" * 40_000, "数": float("inf")}, {"备注": "a\x00b\x0bc"}]
    path, _told = written(tmp_path, rows, columns)
    sheet = openpyxl.load_workbook(path)["电梯"]
    assert sheet["A2"].value == "1899-05-01" and sheet["C2"].value == "inf"
    assert len(sheet["B2"].value) <= tables.LONGEST_TEXT and sheet["B2"].value.endswith("（略")
    assert sheet["B3"].value == "abc"


def test_more_rows_than_a_sheet_holds_go_on_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_A_SHEET", 3)
    path, told = written(tmp_path, [{"n": n} for n in range(7)], [of("n", "number")])
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["电梯", "电梯 (2)", "电梯 (3)", "说明"]
    assert [[c.value for c in row] for row in book["电梯 (3)"].iter_rows()] == [["n"], [6]]
    assert told.rows == 7


@pytest.mark.feature("RPR-01")
def test_the_digest_is_that_of_the_csv_and_the_same_for_both_formats(tmp_path: Path) -> None:
    rows = [{"识别码": "=1", "日期": dt.date(2026, 1, 1)}, {"识别码": "2\n3", "日期": None}] * 700
    columns = [of("识别码", "code"), of("日期", "date")]
    path, text = written(tmp_path, rows, columns, "csv")
    assert text.rows == 1400 and text.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    path, book = written(tmp_path, rows, columns, note=[("筛选", "无")])
    assert book == text
    note = dict(openpyxl.load_workbook(path)["说明"].iter_rows(values_only=True))
    assert note["筛选"] == "无" and note["行数"] == "1400" and text.sha256 in note.values()


@pytest.mark.feature("RPR-01")
def test_the_same_table_gives_the_same_workbook(tmp_path: Path) -> None:
    one, _told = written(tmp_path, [{"a": "1"}], [of("a")])
    first = one.read_bytes()
    again, _told = written(tmp_path, [{"a": "1"}], [of("a")])
    assert again.read_bytes() == first


def test_an_empty_table_has_its_header(tmp_path: Path) -> None:
    path, told = written(tmp_path, [], [of("识别码", "code")])
    assert [c.value for c in openpyxl.load_workbook(path)["电梯"][1]] == ["识别码"] and told.rows == 0


@pytest.mark.feature("STA-01")
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    columns = [of(f"c{n}") for n in range(5)]

    def peak(count: int) -> int:
        tracemalloc.start()
        rows = ({f"c{n}": f"文字{i}-{n}" for n in range(5)} for i in range(count))
        tables.write(blocks(rows, columns), columns, tmp_path / "big.xlsx", "xlsx", title="大", as_of=AS_OF)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)
    assert peak(4000) < 2 * peak(1000)


@pytest.mark.parametrize("name", ["a.xls", "a", "a.xlsx.exe"])
def test_another_ending_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="扩展名"):
        tables.format_of(Path(name))
    assert tables.format_of(Path("A.XLSX")) == "xlsx"


@pytest.mark.parametrize("title", ["a[b]:c*?/\\d", "很" * 60, "", "'x'"])
def test_every_title_makes_a_sheet_name(title: str) -> None:
    for number in (1, 12):
        name = tables.sheet_name(title, number)
        assert 0 < len(name) <= 31 and not set(name) & set("[]:*?/\\'")

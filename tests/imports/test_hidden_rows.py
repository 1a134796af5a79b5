"""Hidden rows and columns of a workbook come in like all others, and are told of in the check (IMP-01)."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt

from app.imports import old_workbook, sheet_reader
from app.models import ImportBatch
from tests.factories import World
from tests.imports.ground import checked, csv, rematched
from tests.imports.test_old_workbooks import compound, stream
from tests.imports.test_real_files import HEAD, LIFT

pytestmark = pytest.mark.feature("IMP-01")


def lines(world: World) -> list[list[Any]]:
    return [HEAD, *([f"99{n:02d}", *LIFT[1:]] for n in range(6))]


def new_book(rows: list[list[Any]], hidden_rows: Any = (), hidden_columns: Any = ()) -> io.BytesIO:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for number in hidden_rows:
        book.active.row_dimensions[number].hidden = True
    for letter in hidden_columns:
        book.active.column_dimensions[letter].hidden = True
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    return out


def old_book(rows: list[list[Any]], hidden_rows: Any = (), hidden_columns: Any = ()) -> io.BytesIO:
    book = xlwt.Workbook()
    sheet = book.add_sheet("台账")
    for number, row in enumerate(rows):
        for at, cell in enumerate(row):
            sheet.write(number, at, cell)
    for number in hidden_rows:
        sheet.row(number - 1).hidden = True
    for letter in hidden_columns:
        sheet.col(ord(letter) - ord("A")).hidden = True
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    return out


@pytest.mark.parametrize(("make", "name"), [(new_book, "a.xlsx"), (old_book, "a.xls")])
def test_what_is_hidden_is_counted_and_comes_in(session: Any, world: World, make: Any, name: str) -> None:
    """Of the hidden rows those that hold something: neither the heading nor an empty row between."""
    rows = lines(world)
    rows.insert(4, [])
    batch = checked(session, world.actor("clerk"), "elevators", make(rows, (1, 3, 4, 5, 8, 60), "B"), name)
    assert batch.mapping["hidden"] == [3, [1]]
    assert batch.rows == 6, "and all are read"
    again = rematched(session, world.actor("clerk"), batch, {})
    assert again.mapping["hidden"] == [3, [1]]


@pytest.mark.parametrize(("make", "name"), [(new_book, "a.xlsx"), (old_book, "a.xls")])
def test_nothing_hidden_is_nothing_told(session: Any, world: World, make: Any, name: str) -> None:
    batch = checked(session, world.actor("clerk"), "elevators", make(lines(world)), name)
    assert batch.mapping["hidden"] == [0, []]
    text = csv("\t".join(HEAD), *("\t".join(map(str, row)) for row in lines(world)[1:]))
    assert checked(session, world.actor("clerk"), "elevators", text, "a.csv").mapping["hidden"] == [0, []]


@pytest.mark.parametrize(
    ("laid", "wanted"),
    [
        (b'<cols><col min="2" max="3" width="9" hidden="1"/></cols>', ([], [(1, 2)])),
        (b'<cols><col min="2" max="3" width="9" hidden="0"/></cols>', ([], [])),
        (b"<sheetData><row r='2' hidden='true'></row></sheetData>", ([(2, 2)], [])),
        (b'<x:row hidden="1"></x:row><x:row/><x:row hidden="1"/><x:row r="4" hidden="1"/>', ([(1, 1), (3, 4)], [])),
        (b'<row r="7" customHeight="1" hidden="1" outlineLevel="1">', ([(7, 7)], [])),
        (b'<row r="9" spans="1:2"><c r="A9" t="inlineStr"><is><t>hidden="1"</t></is></c></row>', ([], [])),
        (b'<row r="x" hidden="1"/><col hidden="1"/>', ([(1, 1)], [])),
    ],
)
def test_as_different_programs_write_it(tmp_path: Path, laid: bytes, wanted: Any) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(new_book([["a"]])) as made, zipfile.ZipFile(path, "w") as spoiled:
        for item in made.infolist():
            text = made.read(item.filename)
            spoiled.writestr(item.filename, b"<worksheet>" + laid if "sheet1" in item.filename else text)
    assert sheet_reader.hidden(str(path)) == wanted


def test_a_tag_cut_between_two_blocks_is_read_whole(tmp_path: Path, monkeypatch: Any) -> None:
    file = new_book([[n, "x" * 30] for n in range(200)], range(50, 120), "B")
    (tmp_path / "a.xlsx").write_bytes(file.getvalue())
    for size in (200, 333, 1000):
        monkeypatch.setattr(sheet_reader, "BLOCK", size)
        assert sheet_reader.hidden(str(tmp_path / "a.xlsx")) == ([(50, 119)], [(1, 1)])


def test_records_of_an_old_book() -> None:
    def row(number: int, flags: int) -> tuple[int, bytes]:
        return 0x208, struct.pack("<HHHHHHI", number, 0, 3, 255, 0, 0, flags)

    columns = 0x7D, struct.pack("<HHHHHH", 2, 4, 2560, 15, 1, 0)
    shown = 0x7D, struct.pack("<HHHHHH", 0, 1, 2560, 15, 2, 0)
    book = compound(stream(columns, shown, row(0, 0x100), row(4, 0x120), row(5, 0x20)))
    assert old_workbook.read_cells(io.BytesIO(book)) == ({}, [5, 6], [(2, 4)])


@pytest.mark.feature("IMP-02")
def test_the_check_says_so(session: Any, world: World, sign_in: Any) -> None:
    file = new_book(lines(world), (3, 4), "B")
    batch: ImportBatch = checked(session, world.actor("clerk"), "elevators", file)
    session.commit()
    page = sign_in(world.accounts["clerk"]).get(f"/imports/{batch.id}").text
    assert "表里有 2 行是隐藏的" in page and f"有 1 列是隐藏的：{HEAD[1]}" in page and "隐藏列" in page

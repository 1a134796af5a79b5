"""Old workbooks (.xls): what a formula that failed shows is told by cell, and was a blank before."""

from __future__ import annotations

import io
import random
import struct
import time
from pathlib import Path
from typing import Any

import pytest
import xlwt
from sqlalchemy import select

from app.errors import Refusal
from app.imports import old_workbook, sheet_reader
from app.imports.reading import cells_of
from app.models import Elevator
from tests.imports.ground import checked, ran, states, told
from tests.imports.test_real_files import HEAD, LIFT

pytestmark = pytest.mark.feature("IMP-01")
FREE, END = 0xFFFFFFFF, 0xFFFFFFFE
BEGIN, STOP = (0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)), (0x0A, b"")
CODES = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
    0x2B: "#GETTING_DATA", 0x63: "#N/A",
}  # fmt: skip


def constant(row: int, column: int, code: int, is_error: int = 1) -> tuple[int, bytes]:
    return 0x205, struct.pack("<HHHBB", row, column, 15, code, is_error)


def formula(row: int, column: int, result: bytes, kind: int = 0x06) -> tuple[int, bytes]:
    return kind, struct.pack("<HHH", row, column, 15) + result + bytes(8)


def failed(code: int) -> bytes:
    return bytes((2, 0, code, 0, 0, 0, 0xFF, 0xFF))


def stream(*records: tuple[int, bytes], before: tuple[tuple[int, bytes], ...] = ()) -> bytes:
    """A book whose first sheet holds these records; the second one holds another error."""
    sheet = [BEGIN, *records, STOP]
    other = [BEGIN, constant(0, 0, 0x17), STOP]
    globals_ = [BEGIN, *before, (0x85, bytes(8) + b"\x01\x00a"), (0x85, bytes(8) + b"\x01\x00b"), STOP]
    first = sum(4 + len(data) for _, data in globals_)
    second = first + sum(4 + len(data) for _, data in sheet)
    for at, place in ((-3, first), (-2, second)):
        globals_[at] = 0x85, struct.pack("<I", place) + globals_[at][1][4:]
    return b"".join(struct.pack("<HH", k, len(d)) + d for k, d in [*globals_, *sheet, *other])


def compound(book: bytes, name: str = "Workbook") -> bytes:
    """The file around it, sectors of 512 bytes: short streams lie in small sectors within the root's own stream."""
    short = len(book) < 4096
    held = [book[n : n + 512].ljust(512, b"\0") for n in range(0, len(book), 512)]
    tables = -(-(len(held) + 3) // 127)
    at_small, at_directory, at_book = tables, tables + 1, tables + 2
    links = [0xFFFFFFFD] * tables + [END, END, *range(at_book + 1, at_book + len(held)), END]
    table = struct.pack(f"<{tables * 128}I", *links, *[FREE] * (tables * 128 - len(links)))
    count = -(-len(book) // 64)
    small = struct.pack("<128I", *(list(range(1, count)) + [END] + [FREE] * 128)[:128]) if short else b"\xff" * 512

    def entry(word: str, kind: int, begins: int, size: int) -> bytes:
        text = word.encode("utf-16-le")
        child = 1 if kind == 5 else FREE
        head = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text) + 2, kind, 1, FREE, FREE, child)
        return head + bytes(36) + struct.pack("<IQ", begins, size)

    root = entry("Root Entry", 5, at_book if short else END, count * 64 if short else 0)
    directory = (root + entry(name, 2, 0 if short else at_book, len(book))).ljust(512, b"\0")
    head = old_workbook.SIGNATURE + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    head += struct.pack("<IIIIIIII", tables, at_directory, 0, 4096, at_small if short else END, int(short), END, 0)
    head += struct.pack("<109I", *(list(range(tables)) + [FREE] * 109)[:109])
    return head + table + small + directory + b"".join(held)


def found(book: bytes, name: str = "Workbook") -> dict[int, dict[int, str]]:
    return old_workbook.errors(io.BytesIO(compound(book, name)))


@pytest.mark.parametrize(("code", "word"), CODES.items())
def test_every_error_of_a_formula_and_of_a_constant(code: int, word: str) -> None:
    book = stream(formula(4, 2, failed(code)), constant(65_535, 255, code))
    assert found(book) == {5: {2: word}, 65_536: {255: word}}


@pytest.mark.parametrize("kind", [0x06, 0x206, 0x406])
def test_formulas_of_older_makes_and_a_book_of_the_older_name(kind: int) -> None:
    assert found(stream(formula(0, 0, failed(0x07), kind)), "Book") == {1: {0: "#DIV/0!"}}


@pytest.mark.parametrize(
    "record",
    [
        constant(1, 1, 0x2A, 0),  # 是 and 否 are kept in the same record
        constant(1, 1, 1, 0),
        formula(1, 1, struct.pack("<d", 42.0)),
        formula(1, 1, struct.pack("<d", float.fromhex("-0x1.0000000002p+10"))),
        formula(1, 1, bytes((0, 0, 0x2A, 0, 0, 0, 0xFF, 0xFF))),  # a text
        formula(1, 1, bytes((1, 0, 1, 0, 0, 0, 0xFF, 0xFF))),  # 是
        formula(1, 1, bytes((3, 0, 0x2A, 0, 0, 0, 0xFF, 0xFF))),  # a text without characters
        (0x205, b"\0\0\0\0"),
        (0x06, b"\0\0"),
        (0xFC, struct.pack("<HH", 0x205, 8) + b"\1\0\1\0\x0f\0\x2a\1"),  # a text that looks like one
    ],
)
def test_what_is_no_error_is_none(record: tuple[int, bytes]) -> None:
    assert found(stream(record, constant(8, 0, 0x2A))) == {9: {0: "#N/A"}}
    assert found(stream(record)) == {}


def test_a_chart_within_the_sheet_and_a_second_sheet_have_cells_of_their_own() -> None:
    book = stream(constant(0, 1, 0x07), BEGIN, constant(0, 2, 0x07), STOP, constant(0, 3, 0x07))
    assert found(book) == {1: {1: "#DIV/0!", 3: "#DIV/0!"}}


def test_long_and_short_books_and_many_tables() -> None:
    """Beside a table of 127 sectors, and within the root's own stream."""
    for texts in (0, 1, 40, 200):
        book = stream(*[(0xFC, bytes(8000))] * texts, constant(3, 3, 0x2A))
        assert found(book) == {4: {3: "#N/A"}}


def test_files_that_turn_in_circles_or_end_early_are_odd_and_end() -> None:
    whole = compound(stream(*[(0xFC, bytes(8000))] * 3, constant(3, 3, 0x2A)))
    chance = random.Random(7)
    began = time.process_time()
    for turn in range(400):
        spoiled = bytearray(whole[: chance.randrange(512, len(whole))] if turn % 4 == 0 else whole)
        for _ in range(chance.randrange(1, 30)):
            spoiled[chance.randrange(8, min(len(spoiled), 2600))] = chance.randrange(256)
        try:
            old_workbook.errors(io.BytesIO(bytes(spoiled)))
        except (ValueError, struct.error):
            continue
    circle = bytearray(whole)
    struct.pack_into("<I", circle, 512 + 4 * 5, 4)
    for body in (bytes(circle), whole[:600], old_workbook.SIGNATURE, b"", b"PK\x03\x04" + bytes(600)):
        try:
            old_workbook.errors(io.BytesIO(body))
        except (ValueError, struct.error):
            continue
    assert time.process_time() - began < 20


def saved(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def filled() -> bytes:
    """A register as an office has it, one formula and one constant of it failed."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for at, word in enumerate([*HEAD, "层数", "楼盘", "额定载重量"]):
        sheet.write(3, 2 + at, word)
    for at, code in enumerate(("700001", "700002", "700003"), 4):
        for column, word in enumerate([code, *LIFT]):
            sheet.write(at, 2 + column, word)
    sheet.write(4, 6, xlwt.Formula("3+4"))
    sheet.row(5).set_cell_error(6, "#DIV/0!")
    sheet.row(5).set_cell_boolean(8, True)
    sheet.write(6, 7, xlwt.Formula("NA()"))
    raw = saved(book)
    # Nobody worked the formulas out: 7 and #N/A, as Excel keeps them.
    for row, column, result in ((4, 6, struct.pack("<d", 7.0)), (6, 7, failed(0x2A))):
        at = raw.index(b"\x06\x00", raw.index(struct.pack("<HH", row, column), 2) - 6)
        assert raw[at + 4 : at + 8] == struct.pack("<HH", row, column)
        raw = raw[: at + 10] + result + raw[at + 18 :]
    return raw


def test_a_failed_formula_of_an_old_workbook_is_told_by_cell(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    batch = ran(session, who, checked(session, who, "elevators", io.BytesIO(filled()), "台账.xls"))
    assert states(session, batch) == {5: "new", 6: "bad", 7: "bad"}
    assert told(session, batch)[6].startswith("是 Excel 的错误值 #DIV/0!")
    assert told(session, batch)[7] == "是 Excel 的错误值 #N/A"
    assert session.scalars(select(Elevator.floors).where(Elevator.code == "700001")).one() == 7


def test_the_reading_process_gives_them_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(filled())
    lines = cells_of(tmp_path / "a.xls", "a.xls")
    assert [line[6] for line in lines[3:]] == ["层数", 7, "#DIV/0!", ""] and lines[6][7] == "#N/A"
    assert sheet_reader.old_workbook(str(tmp_path / "a.xls"))[0] == {6: {6: "#DIV/0!"}, 7: {7: "#N/A"}}


def test_a_file_whose_errors_cannot_be_read_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """The library may take what this cannot: blanks in silence would be worse than another format."""
    raw = filled()
    (tmp_path / "a.xls").write_bytes(raw[:30] + b"\x0a" + raw[31:])
    with pytest.raises(Refusal, match="另存为"):
        cells_of(tmp_path / "a.xls", "a.xls")


def test_a_file_at_which_the_library_gives_up_is_broken_not_large(tmp_path: Path) -> None:
    raw = filled()
    at = raw.index(struct.pack("<H", 0x85), 1000)
    (tmp_path / "a.xls").write_bytes(raw[: at + 4] + struct.pack("<I", len(raw) * 2) + raw[at + 8 :])
    with pytest.raises(Refusal, match="已损坏"):
        cells_of(tmp_path / "a.xls", "a.xls")

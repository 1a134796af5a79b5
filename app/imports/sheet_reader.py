"""The first sheet of a workbook as lines of JSON, each some rows; run as a process of its own, with bounded memory
and time.

`python sheet_reader.py <file>`: the library that reads workbooks makes a dense rectangle of a sheet's corners and
aborts its process when there is no room for it, so nothing else may live in that process. This file imports the
standard library and that library only.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import math
import posixpath
import re
import resource
import runpy
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

MEMORY = 1536 * 1024 * 1024
SECONDS = 240
MOST_ROWS = 121_000
MOST_COLUMNS = 300
MOST_CELLS = 12_000_000
MOST_CELL = 2000
BLOCK = 1 << 20
# Rows a line: one by one they cost several times as much, writing and reading.
ROWS_A_LINE = 200
# Cells as every program writes them: the column, with the row where that is 100,000 or more.
_CELL = re.compile(rb'<c r="([A-Z]{1,3}(?:[0-9]{6,7})?)[0-9]{0,5}"')
# Other elements that begin like one, and cells under a name of one's own.
_OTHER, _NAMED = re.compile(rb"<c[A-Za-z]"), re.compile(rb":c[\s/>]")
# Cells in which a formula failed: the library gives them as blank, and a blank cell would import in silence.
_FAILED = re.compile(
    rb'<c r="([A-Z]{1,3})([0-9]{1,7})"[^>]{0,80}\bt="e"[^>]{0,80}>(?:(?!</c>).){0,9000}?<v>(#[^<]{1,12})</v>', re.DOTALL
)
# Formulas that no spreadsheet has worked out yet, as other programs write them: they hold neither figure nor text.
_UNSOLVED = re.compile(
    rb'<c r="([A-Z]{1,3})([0-9]{1,7})"([^>]{0,80})>\s*<f(?:[^>]{0,400}/>|[^>]{0,400}>(?:(?!</c>).){0,9000}?</f>)'
    rb"\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>",
    re.DOTALL,
)
_ERROR, MOST_FAILED = b't="e"', 200_000
# Rows and columns that the sheet hides: filtered, grouped or put away by hand.
_LAID = re.compile(rb"<(?:[\w.-]+:)?(row|col)\b([^<>]*)>")
_HIDES, _GIVEN = re.compile(rb"""\bhidden\s*=\s*["'](?:1|true)["']"""), rb"""\b%s\s*=\s*["'](\d{1,7})["']"""
_ROW, _FROM, _TO = (re.compile(_GIVEN % name) for name in (b"r", b"min", b"max"))
_MAY_HIDE = b"hidden"
_FORMULAS, _TEXT = (b"<f>", b"<f "), b't="str"'
# What Excel itself shows where it could not calculate.
UNSOLVED = "#CALC!"
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
TOO_LARGE, BROKEN, LOCKED, EMPTY, HIDDEN = 3, 4, 5, 6, 7
# Row and column, the first is 0.
Corner = tuple[int, int]
# First and last of some that follow each other; those of hidden rows (from 1) and of hidden columns (from 0).
Span = tuple[int, int]
Hidden = tuple[list[Span], list[Span]]
NOTHING_HIDDEN: Hidden = ([], [])


def main(path: str) -> int:
    """Write the rows; the exit code says what was wrong."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Parts in which a formula may have failed; seen on the way, so that all others are read no second time.
    failed: set[str] = set()
    hiding: set[str] = set()
    if zipfile.is_zipfile(path):
        try:
            if any(_too_large(*corner) for corner in corners(path, failed, hiding)):
                return TOO_LARGE
        except (zipfile.BadZipFile, expat.ExpatError, OSError, NotImplementedError, RuntimeError):
            return BROKEN
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_path(path)
        if not book.sheet_names:
            return EMPTY
        if book.sheets_metadata[0].visible is not SheetVisibleEnum.Visible:
            return HIDDEN
        sheet = book.get_sheet_by_index(0)
        if _too_large(sheet.total_height, sheet.total_width):
            return TOO_LARGE
        before = [None] * (sheet.start[1] if sheet.start else 0)
        write = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
        lines: Iterator[list[Any]] = ([*before, *plain_row(row)] for row in sheet.iter_rows())
        wrong, hides = (errors(path) if failed else {}), (hidden(path) if hiding else NOTHING_HIDDEN)
        if not zipfile.is_zipfile(path):
            wrong, hides = old_workbook(path)
        if wrong:
            lines = (with_errors(row, wrong.get(number, {})) for number, row in enumerate(lines, 1))
        if merged := sheet.merged_cell_ranges:
            lines = with_merged(lines, merged)
        # The first line tells what the sheet hides: who reads the rows says how many of them those are.
        sys.stdout.write(write(hides) + "\n")
        while block := list(itertools.islice(lines, ROWS_A_LINE)):
            sys.stdout.write(write(block) + "\n")
    except (CalamineError, OSError, ValueError, struct.error) as error:
        return LOCKED if "assword" in str(error) else BROKEN
    except BaseException as error:
        # Where the library gives up in the middle of a file; it has no name of its own to catch it by.
        if type(error).__name__ != "PanicException":
            raise
        return BROKEN
    return 0


def errors(path: str) -> dict[int, dict[int, str]]:
    """By row and column of the first sheet what its formulas that failed show (#N/A), or have no result yet (#CALC!);
    of the newer kind of workbook."""
    found: dict[int, dict[int, str]] = {}
    if not zipfile.is_zipfile(path):
        return found
    with zipfile.ZipFile(path) as packed:
        name, rest, held = _first_sheet(packed), b"", 0
        if name is None:
            return found
        with packed.open(name) as part:
            while held < MOST_FAILED and (more := part.read(BLOCK)):
                # What is cut at the end of a block waits for the next.
                text = rest + more
                cut = text.rfind(b"<c ") if len(rest) < BLOCK else len(text)
                block, rest = text[: max(cut, 0)], text[max(cut, 0) :]
                held += _note_errors(block, found)
            _note_errors(rest, found)
    return found


def hidden(path: str) -> Hidden:
    """The rows (from 1) and columns (from 0) that the first sheet hides, as ranges; of the newer kind of workbook."""
    rows: list[int] = []
    columns: list[Span] = []
    row = 0
    for kind, told in _laid(path):
        hides = _HIDES.search(told) is not None
        if kind == b"col":
            if hides and (first := _FROM.search(told)) and (last := _TO.search(told)):
                columns.append((int(first[1]) - 1, int(last[1]) - 1))
            continue
        # A row that does not say which it is follows the one before.
        row = int(given[1]) if (given := _ROW.search(told)) else row + 1
        if hides and len(rows) < MOST_ROWS:
            rows.append(row)
    return spans(rows), columns[:MOST_COLUMNS]


def _laid(path: str) -> Iterator[tuple[bytes, bytes]]:
    """How the first sheet lays out its rows and columns, as it says."""
    with zipfile.ZipFile(path) as packed:
        name, rest = _first_sheet(packed), b""
        if name is None:
            return
        with packed.open(name) as part:
            while more := part.read(BLOCK):
                text = rest + more
                cut = text.rfind(b"<") if len(rest) < BLOCK else len(text)
                block, rest = text[: max(cut, 0)], text[max(cut, 0) :]
                yield from _LAID.findall(block)
        yield from _LAID.findall(rest)


def spans(numbers: list[int]) -> list[Span]:
    """Numbers in their order as ranges."""
    found: list[Span] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def old_workbook(path: str) -> tuple[dict[int, dict[int, str]], Hidden]:
    """What failed formulas show and what is hidden in an old workbook (.xls); of any other nothing.

    The module is run from its file: this process stands alone and knows no package.
    """
    with open(path, "rb") as source:
        if source.read(len(COMPOUND)) != COMPOUND:
            return {}, NOTHING_HIDDEN
        source.seek(0)
        reader = runpy.run_path(str(Path(__file__).with_name("old_workbook.py")))
        wrong, rows, columns = reader["read_cells"](source)
    return wrong, (spans(rows), columns)


def _note_errors(block: bytes, found: dict[int, dict[int, str]]) -> int:
    if not _may_fail(block):
        return 0
    told = [(letters, row, text.decode("utf-8", "replace")) for letters, row, text in _FAILED.findall(block)]
    told += [(letters, row, UNSOLVED) for letters, row, more in _UNSOLVED.findall(block) if _TEXT not in more]
    for letters, row, text in told:
        found.setdefault(int(row), {})[_number(letters.decode()) - 1] = text
    return len(told)


def _may_fail(block: bytes) -> bool:
    return _ERROR in block or any(mark in block for mark in _FORMULAS)


def with_errors(row: list[Any], wrong: dict[int, str]) -> list[Any]:
    """A row with what its failed formulas show."""
    for column, text in wrong.items():
        if column < len(row) and row[column] in ("", None):
            row[column] = text
    return row


def with_merged(lines: Iterator[list[Any]], spans: list[tuple[Corner, Corner]]) -> Iterator[list[Any]]:
    """Rows with what a cell merged over several of them shows in each; a row that holds nothing of its own stays so.

    The file keeps it in the first of them only, and the others would come in without it.
    """
    begun: dict[int, list[tuple[int, int]]] = {}
    for (first, column), (last, _right) in spans:
        if last > first:
            begun.setdefault(first, []).append((column, last))
    held: dict[int, tuple[int, Any]] = {}
    for number, row in enumerate(lines):
        if held and any(cell not in ("", None) for cell in row):
            for column, (_last, shown) in held.items():
                if row[column] in ("", None):
                    row[column] = shown
        for column, last in begun.get(number, ()):
            if column < len(row):
                held[column] = last, row[column]
        if held:
            held = {column: found for column, found in held.items() if found[0] > number}
        yield row


def _first_sheet(packed: zipfile.ZipFile) -> str | None:
    """The part that holds the first sheet, as the workbook names it."""
    book = _parts(packed).get("xl/workbook.xml")
    first: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "sheet" and not first:
            first.append(next((value for key, value in attributes.items() if key.rpartition(":")[2] == "id"), ""))

    if book is not None:
        _parsed(packed.read(book), start)
    meant = dict(_linked(packed)).get(first[0], []) if first else []
    return meant[0] if meant else None


def _linked(packed: zipfile.ZipFile) -> list[tuple[str, list[str]]]:
    """By its id each link of the workbook: the parts it may mean. Which are sheets, a hostile file may say wrongly."""
    parts = _parts(packed)
    links = parts.get("xl/_rels/workbook.xml.rels")
    found: list[tuple[str, list[str]]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "Relationship":
            given = attributes.get("Target", "").lstrip("/")
            meant = dict.fromkeys([given.lower(), posixpath.normpath(f"xl/{given}").lower()])
            found.append((attributes.get("Id", ""), [parts[path] for path in meant if path in parts]))

    if links is not None:
        _parsed(packed.read(links), start)
    return found


def _parts(packed: zipfile.ZipFile) -> dict[str, str]:
    """The parts as the archive spells them, by their paths in small letters."""
    return {name.lower(): name for name in packed.namelist()}


def _parsed(text: bytes, start: Callable[[str, dict[str, str]], None]) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.Parse(text, True)


def _too_large(rows: int, columns: int) -> bool:
    return rows > MOST_ROWS or columns > MOST_COLUMNS or rows * columns > MOST_CELLS


def corners(path: str, failed: set[str], hiding: set[str]) -> list[tuple[int, int]]:
    """Rows and columns from A1 to the last cell that holds something, of every part that may be the first sheet.

    `failed` is given the parts in which a formula may have failed, `hiding` those that may hide rows or columns.
    """
    with zipfile.ZipFile(path) as packed:
        names = [name for _key, parts in _linked(packed) for name in parts]
        return [_plain_corner(packed, name, failed, hiding) or _corner(packed, name, failed, hiding) for name in names]


def _plain_corner(
    packed: zipfile.ZipFile, name: str, failed: set[str], hiding: set[str]
) -> tuple[int, int] | None:  # fmt: skip
    """A bound of the corner of a part that is written as all programs write theirs; None for what is large or odd.

    Read as bytes, for a parser that calls back at every cell takes as long as all the rest of the reading.
    """
    places: set[bytes] = set()
    rest = b""
    with packed.open(name) as part:
        while more := part.read(BLOCK):
            # What is cut at the end of a block waits for the next.
            text = rest + more
            cut = text.rfind(b"<")
            block, rest = text[:cut], text[cut:]
            if len(rest) > BLOCK or not _is_plain(block, found := _CELL.findall(block)):
                return None
            places.update(found)
            if _may_fail(block):
                failed.add(name)
            if _MAY_HIDE in block:
                hiding.add(name)
    if _may_fail(rest):
        failed.add(name)
    letters = {place.rstrip(b"0123456789") for place in places}
    rows = [int(place.lstrip(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ") or 99_999) for place in places]
    corner = max(rows, default=0), max((_number(one.decode()) for one in letters), default=0)
    return None if _too_large(*corner) or not _is_plain(rest, []) else corner


def _is_plain(block: bytes, found: list[bytes]) -> bool:
    """Whether no cell can be in here but those found."""
    if b"\0" in block or b"<!" in block or (b":c" in block and _NAMED.search(block)):
        return False
    begun = block.count(b"<c")
    return begun == len(found) or begun == len(found) + len(_OTHER.findall(block))


def _corner(packed: zipfile.ZipFile, name: str, failed: set[str], hiding: set[str]) -> tuple[int, int]:
    failed.add(name)
    hiding.add(name)
    row = column = last_row = last_column = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, last_row, last_column
        tag = tag.rpartition(":")[2]
        if tag == "row":
            given = attributes.get("r", "")
            row, column = int(given) if given.isascii() and given.isdigit() else row + 1, 0
        elif tag == "c":
            letters = attributes.get("r", "").rstrip("0123456789")
            digits = attributes.get("r", "")[len(letters) :]
            column = _number(letters) if letters else column + 1
            row = int(digits) if digits else max(row, 1)
        elif tag in ("v", "is"):
            last_row, last_column = max(last_row, row), max(last_column, column)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    with packed.open(name) as part:
        while block := part.read(BLOCK):
            parser.Parse(block, False)
            if _too_large(last_row, last_column):
                break
    return last_row, last_column


def _number(letters: str) -> int:
    """A column's letters as its number, A = 1."""
    number = 0
    for letter in letters[:8].upper():
        number = number * 26 + max(ord(letter) - 64, 0)
    return number


def plain_row(row: list[Any]) -> list[Any]:
    """`plain` of each cell; most are texts, and nothing is to be done about them."""
    return [
        cell if cell.__class__ is str and len(cell) <= MOST_CELL and "\x00" not in cell else plain(cell) for cell in row
    ]


def plain(cell: Any) -> Any:
    """JSON knows no dates: they become ISO text, which the parser reads again."""
    if isinstance(cell, str):
        if len(cell) <= MOST_CELL and "\x00" not in cell:
            return cell
        return cell[:MOST_CELL].replace("\x00", "")
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ", timespec="seconds") if cell.time() != dt.time() else cell.date().isoformat()
    if isinstance(cell, (dt.date, dt.time)):
        return cell.isoformat()
    if isinstance(cell, dt.timedelta):
        return str(cell)
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return str(cell)
        return int(cell) if cell == int(cell) and abs(cell) < 1e15 else cell
    return cell


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.exit(main(str(Path(sys.argv[1]))))

"""The one writer of tables: rows through a listing's columns to .xlsx or .csv, block by block, in constant memory.

Codes stay text, days and instants are Excel's own, what persons typed is never a formula, sensitive columns are
masked. The digest is that of the table as .csv, so `sha256sum` of the .csv proves it, and the same table has the same
digest in both formats.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from app import clock
from app.collector import no_cycles
from app.errors import refuse
from app.listing import Column
from app.models.choices import word
from app.reports import sheets
from app.rules.identifiers import MASKS
from app.telling import told
from app.wording import Said, say

FORMATS = {".xlsx": "xlsx", ".csv": "csv"}
NOTE_SHEET = "说明"
DIGEST_LABEL = "表格摘要 SHA-256（同一内容导出为 .csv 的文件摘要）"
# Below Excel's 1,048,576 lines; what is more goes on the next sheet.
ROWS_A_SHEET = 1_000_000
# Excel's longest text in a cell, and the first day that its calendar knows.
LONGEST_TEXT = 32_767
FIRST_EXCEL_DAY = dt.date(1900, 3, 1)
EXACT_DIGITS = 15

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
# A spreadsheet reads such text from a .csv as a formula; the wide forms, too, where Chinese is typed.
_FORMULA = tuple("=+-@\t＝＋－＠")
_WIDTH = {"date": 12, "instant": 20, "number": 10, "bool": 8, "choice": 14, "code": 22, "text": 26}

Progress = Callable[[int, int, str], None]
Block = Sequence[Sequence[Any]]
Value = str | int | float | Decimal | dt.date | dt.datetime | None


@dataclass(frozen=True, slots=True)
class Written:
    """What became a file: how many rows, and the SHA-256 of the table as .csv."""

    rows: int
    sha256: str


def format_of(path: Path) -> str:
    """xlsx or csv, by the file's ending; any other ending is refused."""
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise refuse(
            "文件格式", say("“%(name)s”的扩展名不是 .xlsx 或 .csv", name=path.name),
                "请把文件名改为以 .xlsx 或 .csv 结尾",
            field="file", value=path.name,
        )  # fmt: skip
    return found


def write(
    blocks: Iterable[Block],
    columns: Sequence[Column],
    path: Path,
    fmt: str,
    *,
    title: str,
    as_of: dt.datetime,
    note: Sequence[tuple[str, str]] = (),
    total: int = 0,
    progress: Progress | None = None,
) -> Written:
    """Write rows to `path`, given as blocks of the columns' values; in as much memory as a block takes.

    `note` is the second sheet 说明; it ends with the number of rows and the digest. A .csv holds the table alone, so
    that every program can read it back; its note is where the export was asked for (the command's summary, the job's
    result, the audit log), found again by the digest.
    """
    labels = [str(column.label) for column in columns]
    drawn = [_Drawn(column) for column in columns]
    count = 0
    with ExitStack() as stack:
        stack.enter_context(no_cycles())
        text = _Text(stack.enter_context(path.open("wb")) if fmt == "csv" else None, labels)
        book = stack.enter_context(_Workbook(path, columns, labels, title, as_of)) if fmt == "xlsx" else None
        for block in blocks:
            made = [one.of(values) for one, values in zip(drawn, zip(*block, strict=True), strict=True)]
            text.add([texts for texts, _cells in made])
            if book is not None:
                book.add([cells for _texts, cells in made])
            count += len(block)
            if progress is not None:
                progress(count, max(total, count), "写出")
        digest = text.end()
        if book is not None:
            book.end([*note, ("行数", f"{count}"), (DIGEST_LABEL, digest)])
    return Written(count, digest)


# --- values


def _reader(column: Column) -> Callable[[Any], Value]:
    """From what the column holds to what the table shows."""
    if column.choices is not None:
        choices = {key: str(words) for key, words in column.choices.items()}
        return lambda v: None if v is None or v == "" else choices.get(v) or word(choices, v)
    if column.sensitive is not None:
        mask = MASKS[column.sensitive]
        return lambda v: None if v is None or v == "" else mask(str(v))
    if column.said:
        return lambda v: plain(told(v))
    if column.kind == "code":
        return lambda v: None if v is None else _clean(str(v)) or None
    return plain


def plain(value: Any) -> Value:
    """A value as a table holds it: 是 and 否, instants as Shanghai's wall clock, numbers that Excel can keep."""
    if value is None or value == "":
        return None
    if isinstance(value, Said):
        return _clean(told(value))
    if isinstance(value, bool):
        return str(told("是" if value else "否"))
    if isinstance(value, dt.datetime):
        return clock.local(value).replace(tzinfo=None, microsecond=0)
    if isinstance(value, dt.date):
        return value
    if isinstance(value, int | float | Decimal):
        return value if math.isfinite(value) else str(value)
    return _clean(str(value)) or None


def _clean(text: str) -> str:
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def safe_text(value: Value) -> str:
    """A value in a .csv: what a spreadsheet would run as a formula gets a ' before it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.lstrip(" \n").startswith(_FORMULA) else value
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, dt.date) else str(value)


class _Made(dict[Any, str]):
    """What was made of a value, kept for the next row that has it: days, names and choices repeat.

    A column whose values hardly repeat is found out when its first MOST are all kept, and keeps nothing from then on.
    """

    MOST = 8_000  # the days of twenty years are fewer

    def __init__(self, make: Callable[[Any], str]) -> None:
        super().__init__()
        self._make, self._repeats, self._asked = make, True, 0

    def __missing__(self, value: Any) -> str:
        made = self[value] = self._make(value)
        return made

    def of(self, values: Sequence[Any]) -> list[str]:
        if self._repeats and len(self) > self.MOST:
            self._repeats = self._asked > 2 * len(self)
            self._asked = 0
            self.clear()
        if not self._repeats:
            return list(map(self._make, values))
        self._asked += len(values)
        try:
            return [self[value] for value in values]
        except TypeError:
            # A list or a dictionary can't be looked up.
            self._repeats = False
            return list(map(self._make, values))


# Characters that a cell or a .csv line must take care of, between texts that are joined by NUL.
_CARE = re.compile("[\x01-\x1f\x7f\ufffe\uffff&<>]|_x|\x00[ =+\\-@＝＋－＠]| \x00")


_AS_THEY_ARE = {str, type(None)}


class _Drawn:
    """A column's values as texts of a .csv and cells of a sheet, a block at a time."""

    def __init__(self, column: Column) -> None:
        read = _reader(column)
        self._typed = column.choices is None and column.sensitive is None and not column.said
        # What is worked out here may be said, and is told then; a database's texts are as they are.
        self._worked_out = column.sql is None
        self._texts = _Made(lambda value: safe_text(read(value)))
        self._cells = _Made(lambda value: sheets.cell(_held(read(value))))

    def of(self, values: Sequence[Any]) -> tuple[list[str], list[str]]:
        harmless = self._harmless(values)
        if harmless is not None:
            return harmless, sheets.text_cells(harmless)
        return self._texts.of(values), self._cells.of(values)

    def _harmless(self, values: Sequence[Any]) -> list[str] | None:
        """The values themselves, where all are short texts without a character that matters: the usual block."""
        if not self._typed or (self._worked_out and not set(map(type, values)) <= _AS_THEY_ARE):
            return None
        try:
            texts = ["" if value is None else value for value in values]
            joined = "\0".join(texts)
        except TypeError:
            return None
        if len(joined) >= LONGEST_TEXT * 8 or joined.count("\0") >= len(texts) or _CARE.search(f"\0{joined}\0"):
            return None
        return texts if len(joined) < LONGEST_TEXT or max(map(len, texts)) <= LONGEST_TEXT else None


# --- .csv


class _Text:
    """The table as .csv: always digested, written only where a file is given. UTF-8 with a mark, lines by CRLF."""

    def __init__(self, out: IO[bytes] | None, labels: Sequence[str]) -> None:
        self._out, self._hash = out, hashlib.sha256()
        self._put("\ufeff")
        self.add([[safe_text(label)] for label in labels])

    def add(self, by_column: Sequence[Sequence[str]]) -> None:
        lines = io.StringIO()
        csv.writer(lines).writerows(zip(*by_column, strict=True))
        self._put(lines.getvalue())

    def _put(self, text: str) -> None:
        block = text.encode()
        self._hash.update(block)
        if self._out is not None:
            self._out.write(block)

    def end(self) -> str:
        return self._hash.hexdigest()


# --- .xlsx


def open_workbook(path: Path, title: str, as_of: dt.datetime, **options: Any) -> Any:
    """A workbook of ours: nothing that persons typed becomes a formula, a link or a number."""
    import xlsxwriter  # loaded with the first workbook

    book = xlsxwriter.Workbook(
        str(path),
        {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, **options},
    )  # fmt: skip
    # The instant of the data, so that the same data gives the same file.
    book.set_properties({"title": title, "author": "梯安", "created": clock.local(as_of).replace(tzinfo=None)})
    return book


def sheet_name(title: str, number: int = 1) -> str:
    """A title as Excel allows it for a sheet: without its marks, 31 characters with the number of a further one."""
    tail = f" ({number})" if number > 1 else ""
    return (re.sub(r"[\[\]:*?/\\']", " ", title).strip() or "数据")[: 31 - len(tail)] + tail


def write_note(book: Any, lines: Iterable[tuple[str, str]]) -> None:
    """The sheet 说明: what was exported, under which filter, as of when, judged by which policy."""
    head, wrap = book.add_format({"bold": True, "valign": "top"}), book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet(told(NOTE_SHEET))
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 90)
    for number, (label, text) in enumerate(lines):
        sheet.write_string(number, 0, told(label), head)
        sheet.write_string(number, 1, told(text)[:LONGEST_TEXT], wrap)


class _Workbook:
    """The table on sheets; Excel's limits are kept, never met in silence."""

    def __init__(
        self, path: Path, columns: Sequence[Column], labels: Sequence[str], title: str, as_of: dt.datetime
    ) -> None:
        self._book = sheets.Workbook(path, title, as_of)
        self._labels, self._title = labels, title
        # A Chinese character is two wide; three more for the filter's button.
        self._widths = [
            max(_WIDTH.get(column.kind, 20), 2 * len(label) + 3) for column, label in zip(columns, labels, strict=True)
        ]
        self._sheets, self._line = 0, 0
        self._begin()

    def __enter__(self) -> _Workbook:
        return self

    def __exit__(self, *error: Any) -> None:
        self._book.__exit__(*error)

    def _begin(self) -> None:
        self._sheets, self._line = self._sheets + 1, 0
        self._book.begin(sheet_name(self._title, self._sheets), self._labels, self._widths)

    def add(self, cells: Sequence[Sequence[str]]) -> None:
        start, count = 0, len(cells[0])
        while start < count:
            if self._line >= ROWS_A_SHEET:
                self._book.end(self._line, len(self._labels))
                self._begin()
            stop = min(count, start + ROWS_A_SHEET - self._line)
            self._book.rows([column[start:stop] for column in cells])
            self._line += stop - start
            start = stop

    def end(self, note: Iterable[tuple[str, str]]) -> None:
        self._book.end(self._line, len(self._labels))
        self._book.note(told(NOTE_SHEET), ((told(label), told(text)[:LONGEST_TEXT]) for label, text in note))


def _held(value: Value) -> Value:
    """A value as a cell can hold it: days before Excel's calendar, long numbers and texts as text that says so."""
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, dt.date):
        day = value.date() if isinstance(value, dt.datetime) else value
        return safe_text(value) if day < FIRST_EXCEL_DAY else value
    if isinstance(value, int) and len(str(abs(value))) > EXACT_DIGITS:
        return str(value)
    return value


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else say("%(text)s（略", text=text[: LONGEST_TEXT - 3])

"""The one writer of tables: rows through a listing's columns to .xlsx or .csv, a row at a time, in constant memory.

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

import xlsxwriter

from app import clock
from app.errors import refuse
from app.listing import Column
from app.models.choices import word
from app.rules.identifiers import mask_mobile, mask_resident_id

FORMATS = {".xlsx": "xlsx", ".csv": "csv"}
NOTE_SHEET = "说明"
# Below Excel's 1,048,576 lines; what is more goes on the next sheet.
ROWS_A_SHEET = 1_000_000
# Excel's longest text in a cell, and the first day that its calendar knows.
LONGEST_TEXT = 32_767
FIRST_EXCEL_DAY = dt.date(1900, 3, 1)
EXACT_DIGITS = 15
TOLD_EVERY = 500

MASKS: dict[str, Callable[[str], str]] = {"mobile": mask_mobile, "id": mask_resident_id}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
# A spreadsheet reads such text from a .csv as a formula; the wide forms, too, where Chinese is typed.
_FORMULA = tuple("=+-@\t＝＋－＠")
_WIDTH = {"date": 12, "instant": 20, "number": 10, "bool": 8, "choice": 14, "code": 22, "text": 26}

Progress = Callable[[int, int, str], None]
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
            "文件格式", f"“{path.name}”的扩展名不是 .xlsx 或 .csv", "请把文件名改为以 .xlsx 或 .csv 结尾",
            field="file", value=path.name,
        )  # fmt: skip
    return found


def write(
    rows: Iterable[Any],
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
    """Write the rows to `path`. `note` is the second sheet 说明; it ends with the number of rows and the digest.

    A .csv holds the table alone, so that every program can read it back; its note is where the export was asked for
    (the command's summary, the job's result, the audit log), found again by the digest.
    """
    read = [_reader(column) for column in columns]
    labels = [str(column.label) for column in columns]
    count = 0
    with ExitStack() as stack:
        text = _Text(stack.enter_context(path.open("wb")) if fmt == "csv" else None)
        book = _Workbook(path, columns, labels, title, as_of) if fmt == "xlsx" else None
        text.add(labels)
        for row in rows:
            values = [one(row) for one in read]
            text.add(values)
            if book is not None:
                book.add(values)
            count += 1
            if progress is not None and count % TOLD_EVERY == 0:
                progress(count, max(total, count), "写出")
        digest = text.end()
        if book is not None:
            book.end([*note, ("行数", f"{count}"), ("表格摘要 SHA-256（同一内容导出为 .csv 的文件摘要）", digest)])
    return Written(count, digest)


# --- values


def _reader(column: Column) -> Callable[[Any], Value]:
    value, kind = column.value, column.kind
    if column.choices is not None:
        choices = {key: str(words) for key, words in column.choices.items()}
        return lambda row: None if (v := value(row)) is None or v == "" else choices.get(v) or word(choices, v)
    if column.sensitive is not None:
        mask = MASKS[column.sensitive]
        return lambda row: None if (v := value(row)) is None or v == "" else mask(str(v))
    if kind == "code":
        return lambda row: None if (v := value(row)) is None else _clean(str(v)) or None
    return lambda row: plain(value(row))


def plain(value: Any) -> Value:
    """A value as a table holds it: 是 and 否, instants as Shanghai's wall clock, numbers that Excel can keep."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "是" if value else "否"
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


# --- .csv


class _Text:
    """The table as .csv: always digested, written only where a file is given. UTF-8 with a mark, lines by CRLF."""

    def __init__(self, out: IO[bytes] | None) -> None:
        self._out, self._hash, self._lines = out, hashlib.sha256(), io.StringIO()
        self._writer, self._waiting = csv.writer(self._lines), 0
        self._lines.write("\ufeff")

    def add(self, values: Sequence[Value]) -> None:
        self._writer.writerow([safe_text(v) for v in values])
        self._waiting += 1
        if self._waiting >= TOLD_EVERY:
            self._flush()

    def _flush(self) -> None:
        block = self._lines.getvalue().encode()
        self._hash.update(block)
        if self._out is not None:
            self._out.write(block)
        self._lines.seek(0)
        self._lines.truncate()
        self._waiting = 0

    def end(self) -> str:
        self._flush()
        return self._hash.hexdigest()


# --- .xlsx


def open_workbook(path: Path, title: str, as_of: dt.datetime, **options: Any) -> Any:
    """A workbook of ours: nothing that persons typed becomes a formula, a link or a number."""
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
    sheet = book.add_worksheet(NOTE_SHEET)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 90)
    for number, (label, text) in enumerate(lines):
        sheet.write_string(number, 0, label, head)
        sheet.write_string(number, 1, text[:LONGEST_TEXT], wrap)


class _Workbook:
    """Sheets written line by line; Excel's limits are kept, never met in silence."""

    def __init__(
        self, path: Path, columns: Sequence[Column], labels: Sequence[str], title: str, as_of: dt.datetime
    ) -> None:
        self._book = open_workbook(path, title, as_of, constant_memory=True)
        self._columns, self._labels, self._title = columns, labels, title
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._instant = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._head = self._book.add_format(
            {"bold": True, "bg_color": "#E7EFF7", "bottom": 1, "bottom_color": "#9FB6CC", "valign": "vcenter"}
        )
        self._sheets, self._line = 0, 0
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        self._line = 0
        self._sheet = self._book.add_worksheet(sheet_name(self._title, self._sheets))
        for number, (column, label) in enumerate(zip(self._columns, self._labels, strict=True)):
            # A Chinese character is two wide; three more for the filter's button.
            self._sheet.set_column(number, number, max(_WIDTH.get(column.kind, 20), 2 * len(label) + 3))
        for number, label in enumerate(self._labels):
            self._sheet.write_string(0, number, label, self._head)
        self._sheet.freeze_panes(1, 0)

    def _finish_sheet(self) -> None:
        self._sheet.autofilter(0, 0, self._line, len(self._columns) - 1)

    def add(self, values: Sequence[Value]) -> None:
        if self._line >= ROWS_A_SHEET:
            self._finish_sheet()
            self._begin()
        self._line += 1
        sheet, line = self._sheet, self._line
        for number, value in enumerate(values):
            if value is None:
                continue
            if isinstance(value, str):
                sheet.write_string(line, number, _cut(value))
            elif isinstance(value, dt.date):
                self._write_day(line, number, value)
            elif isinstance(value, int) and len(str(abs(value))) > EXACT_DIGITS:
                sheet.write_string(line, number, str(value))
            else:
                sheet.write_number(line, number, value)

    def _write_day(self, line: int, number: int, value: dt.date) -> None:
        timed = isinstance(value, dt.datetime)
        day = value.date() if isinstance(value, dt.datetime) else value
        if day < FIRST_EXCEL_DAY:
            self._sheet.write_string(line, number, safe_text(value))
        else:
            self._sheet.write_datetime(line, number, value, self._instant if timed else self._day)

    def end(self, note: Iterable[tuple[str, str]]) -> None:
        self._finish_sheet()
        write_note(self._book, note)
        self._book.close()


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 3] + "（略"

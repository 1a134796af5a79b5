"""A workbook as rows of cells, read as often as needed and never held whole in Python.

Whatever is wrong with the file itself is told in words, before any row is looked at.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

from app.errors import refuse
from app.imports import figures, sheet_reader
from app.imports.columns import OWN_NOTE, Kind, plain_heading
from app.imports.languages import headings_of
from app.imports.synonyms import names_of, plain_word, words_in
from app.wording import say
from app.workflows.files import sealed_files

MOST_ROWS = 120_000
MOST_COLUMNS = 200
MOST_UNPACKED = 400 * 1024 * 1024
HEADER_WITHIN = 10
# Rows by which columns are known: the first ones, and of the next those that show a column still unknown.
SAMPLES = 200
MOST_LOOKED_AT = 5000
ENOUGH = 20
Cells = list[Any]
_RESAVE = "请去掉密码、另存为 .xlsx 后再上传"
_WRONG = {
    sheet_reader.TOO_LARGE: (
        say(
            "第一张工作表的范围太大（最多 %(most_rows)s 行、%(most_columns)s 列）",
            most_rows=f"{sheet_reader.MOST_ROWS:,}",
            most_columns=sheet_reader.MOST_COLUMNS,
        ),
        "请按 Ctrl+End 查看最后一格，删去多余的行和列，另存后再上传；确有这么多行时请分成几个文件",
    ),
    sheet_reader.BROKEN: ("不是能打开的 Excel 工作簿，或已损坏", _RESAVE),
    sheet_reader.LOCKED: ("文件有密码", _RESAVE),
    sheet_reader.EMPTY: ("没有工作表", "请用模板重新填写"),
    sheet_reader.HIDDEN: ("第一张工作表是隐藏的", "请取消隐藏并核对内容，或把要导入的工作表移到最前面"),
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """The first sheet: its headings, some first rows, and `rows()` with their numbers as in Excel, anew each time."""

    headings: tuple[str, ...]
    samples: tuple[Cells, ...]
    table: _Table
    header_at: int

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """Every row that holds anything."""
        width, count = len(self.headings), 0
        for number, cells in enumerate(self.table.lines(), 1):
            if number <= self.header_at or (not any(cells) and all(c is None or c == "" for c in cells)):
                continue
            count += 1
            if count > MOST_ROWS:
                raise refuse("行数", say("多于 %(most_rows)s 行", most_rows=MOST_ROWS), "请分成几个文件")
            held = len(cells)
            yield number, cells if held == width else cells[:width] if held > width else cells + [None] * (width - held)


    def places(self) -> list[int]:
        """Which column of the person's own file each one is, A is 0: what was taken apart is one there."""
        return [self.table.own_place(n) for n in range(len(self.headings))]

    def hidden(self) -> tuple[int, list[int]]:
        """How many of its rows the sheet hides, and which of its columns: they come in like all others."""
        spans = self.table.hidden_rows
        count, at = 0, 0
        for number, _cells in self.rows() if spans else ():
            while at < len(spans) and spans[at][1] < number:
                at += 1
            count += at < len(spans) and spans[at][0] <= number
        columns = [n for n in range(len(self.headings)) if any(a <= n <= b for a, b in self.table.hidden_columns)]
        return count, columns


def cells_of(path: Path, name: str) -> list[Cells]:
    """All cells of the first sheet of a small .xlsx, .xls or .csv, held at once."""
    return list(_open(path, name).lines())


def _open(path: Path, name: str) -> _Book | _Csv:
    with sealed_files.opened(path, "import") as source:
        return _Csv(source.read()) if name.lower().endswith(".csv") else _Book(source)


def read(path: Path, name: str, kind: Kind) -> Sheet:
    """Open the first sheet of an .xlsx, .xls or .csv; the heading is the first of its rows that names known columns.

    Where none does, it is the first row with at least two words in it: a person then says what they mean.
    """
    file = _open(path, name)
    table: _Table = file
    first = [cells for cells, _ in zip(table.lines(), range(HEADER_WITHIN), strict=False)]
    at = _header(first, kind)
    apart = {n: words for n, heading in enumerate(first[at]) if (words := words_in(kind.name, heading))}
    if apart:
        table = _Parted(file, apart, at)
        first = [cells for cells, _ in zip(table.lines(), range(HEADER_WITHIN), strict=False)]
    width = min(max(map(len, first)), MOST_COLUMNS)
    named = [" ".join(str("" if c is None else c).split())[:60] for c in first[at][:width]]
    sheet = Sheet((*named, *[""] * (width - len(named))), (), table, at + 1)
    samples = _samples(sheet)
    if not samples:
        raise refuse("数据", "只有表头，没有数据行", "请从第二行起填写数据")
    # A column that holds something is one, named or not; our own remarks on bad rows are none.
    while width and not _is_column(sheet.headings[width - 1], [row[width - 1] for row in samples]):
        width -= 1
    return Sheet(sheet.headings[:width], tuple(row[:width] for row in samples), table, at + 1)


def _is_column(heading: str, cells: list[Any]) -> bool:
    return heading != OWN_NOTE and (bool(heading) or any(cell not in (None, "") for cell in cells))


def _samples(sheet: Sheet) -> list[Cells]:
    """A register sorted by kind shows some columns only far below."""
    found: list[Cells] = []
    shown = [0] * len(sheet.headings)
    for (_, cells), at in zip(sheet.rows(), range(MOST_LOOKED_AT), strict=False):
        filled = [n for n, cell in enumerate(cells) if cell not in (None, "")]
        if at < SAMPLES or any(shown[n] < ENOUGH for n in filled):
            found.append(cells)
            for n in filled:
                shown[n] += 1
    return found


class _Book:
    """The first sheet of a workbook, read by a process of its own into lines on disk; one line at a time comes back.

    Neither the workbook, which may lie sealed, nor its lines have a name on the disk meanwhile: who is killed here
    leaves nothing behind.
    """

    def __init__(self, source: IO[bytes]) -> None:
        _not_a_bomb(source)
        self._rows = tempfile.TemporaryFile()  # noqa: SIM115 - goes with this object
        with tempfile.TemporaryFile() as plain:
            source.seek(0)
            shutil.copyfileobj(source, plain)
            plain.seek(0)
            asked = [sys.executable, "-I", sheet_reader.__file__, "/dev/stdin"]
            done = subprocess.run(asked, stdin=plain, stdout=self._rows, check=False)
        if done.returncode:
            raise refuse("工作簿", *_WRONG.get(done.returncode, _WRONG[sheet_reader.TOO_LARGE]))

        with self._opened() as rows:
            self.hidden_rows, self.hidden_columns = json.loads(next(rows))

    def own_place(self, column: int) -> int:
        return column

    def lines(self) -> Iterator[Cells]:
        """All lines from the first; columns as Excel names them, A first."""
        with self._opened() as rows:
            next(rows)
            for line in rows:
                yield from json.loads(line)

    def _opened(self) -> IO[str]:
        # Opened anew, with a place of its own: two may be reading at once.
        return open(f"/dev/fd/{self._rows.fileno()}", encoding="utf-8")


class _Csv:
    """The lines of a text file, UTF-8 or GB18030; tabs and semicolons part cells where the first line has more."""

    hidden_rows: ClassVar[list[tuple[int, int]]] = []
    hidden_columns: ClassVar[list[tuple[int, int]]] = []

    def __init__(self, raw: bytes) -> None:
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                self._text = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
        else:
            raise refuse("文本文件", "既不是 UTF-8 也不是 GB18030 编码", "请用 Excel 另存为 .xlsx 后上传")
        first = self._text.partition("\n")[0]
        self._mark = max(",;\t", key=first.count)

    def own_place(self, column: int) -> int:
        return column

    def lines(self) -> Iterator[Cells]:
        try:
            for line in csv.reader(io.StringIO(self._text), delimiter=self._mark):
                yield [sheet_reader.plain(cell) for cell in line]
        except csv.Error as error:
            raise refuse("文本文件", "有一格太长，或引号没有成对", "请用 Excel 打开后另存为 .xlsx") from error


class _Parted:
    """A table whose columns that hold several figures (`apart`: their words) are as many columns, as if it had them."""

    def __init__(self, table: _Book | _Csv, apart: dict[int, list[str]], header_at: int) -> None:
        self._table, self._header_at = table, header_at
        # From the right: what stands before keeps its place.
        self._apart = sorted(apart.items(), reverse=True)
        self.hidden_rows = table.hidden_rows
        self.hidden_columns = [(self._moved(a), self._moved(b + 1) - 1) for a, b in table.hidden_columns]

    def own_place(self, column: int) -> int:
        own = 0
        while self._moved(own + 1) <= column:
            own += 1
        return own

    def _moved(self, column: int) -> int:
        return column + sum(len(words) - 1 for at, words in self._apart if at < column)

    def lines(self) -> Iterator[Cells]:
        for number, cells in enumerate(self._table.lines()):
            for at, words in self._apart:
                if at >= len(cells):
                    continue
                if number == self._header_at:
                    parts: list[Any] = [say("%(name)s（%(word)s）", name=cells[at], word=word) for word in words]
                else:
                    parts = figures.apart(cells[at], len(words)) if number > self._header_at else []
                    parts = parts or [cells[at], *[None] * (len(words) - 1)]
                cells = [*cells[:at], *parts, *cells[at + 1 :]]
            yield cells


_Table = _Book | _Csv | _Parted


def _not_a_bomb(source: IO[bytes]) -> None:
    if not zipfile.is_zipfile(source):
        return
    with zipfile.ZipFile(source) as packed:
        if sum(i.file_size for i in packed.infolist()) > MOST_UNPACKED:
            raise refuse("工作簿", "解压后超过 400 MB", "请删去多余的工作表和格式，另存后再上传")


def _header(first: list[Cells], kind: Kind) -> int:
    """The row with the most known headings among the first ones."""
    known = {plain_heading(c.label) for c in kind.columns}
    others = set(names_of(kind.name)) | set(headings_of(kind.name))
    others |= {plain_word(label) for label in known} | {c.name for c in kind.columns}

    def score(cells: Cells) -> int:
        named = (plain_heading(c) in known or plain_word(c) in others for c in cells[:MOST_COLUMNS] if c)
        return sum(named) + sum(bool(words_in(kind.name, c)) for c in cells[:MOST_COLUMNS] if c)

    scores = [score(cells) for cells in first]
    if scores and max(scores) > 0:
        return scores.index(max(scores))
    for number, cells in enumerate(first):
        if sum(isinstance(c, str) and any(map(str.isalpha, c)) for c in cells) >= 2:
            return number
    raise refuse(
        "表头",
        "第一张工作表的前 10 行里没有找到表头",
        "请下载模板，按模板的列名填写；内容在别的工作表时，请把它移到最前面",
    )

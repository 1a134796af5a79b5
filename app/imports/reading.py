"""A workbook as rows of cells. Whatever is wrong with the file itself is told in words, before any row is looked at."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from app.errors import refuse
from app.imports.columns import Kind, Spec, plain_heading

MOST_ROWS = 120_000
MOST_COLUMNS = 200
MOST_UNPACKED = 400 * 1024 * 1024
MOST_CELL = 2000
HEADER_WITHIN = 10


@dataclass(frozen=True, slots=True)
class Sheet:
    """The columns found, what was not understood, and the rows with their numbers as in Excel."""

    columns: tuple[Spec | None, ...]
    headings: tuple[str, ...]
    unknown: tuple[str, ...]
    rows: list[tuple[int, list[Any]]]


def read(path: Path, name: str, kind: Kind) -> Sheet:
    """Read the first sheet of an .xlsx, .xls or .csv; the heading is the first of its rows that names known columns."""
    table = cells_of(path, name)
    at, found = _header(table, kind)
    headings = [plain_heading(c) for c in table[at]]
    _check_header(found, headings, kind)
    rows = []
    for number, cells in enumerate(table[at + 1 :], at + 2):
        if any(c not in (None, "") for c in cells):
            rows.append((number, [_cell(c) for c in cells[: len(found)]]))
    if len(rows) > MOST_ROWS:
        raise refuse("行数", f"共 {len(rows)} 行", f"一次最多 {MOST_ROWS} 行，请分成几个文件")
    if not rows:
        raise refuse("数据", "只有表头，没有数据行", "请从第二行起填写数据")
    unknown = tuple(h for h, c in zip(headings, found, strict=True) if c is None and h)
    return Sheet(tuple(found), tuple(headings), unknown, rows)


def cells_of(path: Path, name: str) -> list[list[Any]]:
    """All cells of the first sheet of an .xlsx, .xls or .csv."""
    return _csv(path) if name.lower().endswith(".csv") else _workbook(path)


def _workbook(path: Path) -> list[list[Any]]:
    _not_a_bomb(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
        if not names:
            raise refuse("工作簿", "没有工作表", "请用模板重新填写")
        return book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError) as error:
        found = "文件有密码" if "assword" in str(error) else "不是能打开的 Excel 工作簿，或已损坏"
        raise refuse("工作簿", found, "请去掉密码、另存为 .xlsx 后再上传") from error


def _not_a_bomb(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as packed:
        if sum(i.file_size for i in packed.infolist()) > MOST_UNPACKED:
            raise refuse("工作簿", "解压后超过 400 MB", "请删去多余的工作表和格式，另存后再上传")


def _csv(path: Path) -> list[list[Any]]:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        try:
            return [list(row) for row in csv.reader(io.StringIO(text))]
        except csv.Error as error:
            raise refuse("文本文件", "有一格太长，或引号没有成对", "请用 Excel 打开后另存为 .xlsx") from error
    raise refuse("文本文件", "既不是 UTF-8 也不是 GB18030 编码", "请用 Excel 另存为 .xlsx 后上传")


def _header(table: list[list[Any]], kind: Kind) -> tuple[int, list[Spec | None]]:
    """The row with the most known headings among the first ones."""
    best: list[Spec | None] = []
    at = -1
    for number, cells in enumerate(table[:HEADER_WITHIN]):
        found = [kind.by_label(plain_heading(c)) for c in cells[:MOST_COLUMNS]]
        if sum(c is not None for c in found) > sum(c is not None for c in best):
            best, at = found, number
    if at < 0:
        raise refuse("表头", "前 10 行里没有找到认识的列名", "请下载模板，按模板的列名填写")
    return at, best


def _check_header(found: list[Spec | None], headings: list[str], kind: Kind) -> None:
    labels = [c.label for c in found if c is not None]
    twice = sorted({n for n in labels if labels.count(n) > 1})
    if twice:
        raise refuse("表头", f"列名重复：{'、'.join(twice)}", "同一列只能出现一次，请删去多余的")
    missing = [c.label for c in kind.columns if c.required and c.label not in labels]
    if missing:
        raise refuse("表头", f"缺少必填的列：{'、'.join(missing)}", "请补上这些列，或下载模板重新填写")


def _cell(cell: Any) -> Any:
    """JSON knows no dates: they become ISO text, which the parser reads again."""
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ", timespec="seconds") if cell.time() != dt.time() else cell.date().isoformat()
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    if isinstance(cell, dt.timedelta):
        return str(cell)
    if isinstance(cell, float) and cell == int(cell) and abs(cell) < 1e15:
        return int(cell)
    return cell[:MOST_CELL] if isinstance(cell, str) else cell

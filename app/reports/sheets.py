"""A plain workbook as a stream: sheet XML straight into the zip, a block of rows at a time, whatever their number.

For large lists, where a cell object each costs more than reading the row; styled reports are XlsxWriter's. A text is an
inline string, so it is never a formula, a link or a number; nothing is kept of what was written.
"""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import IO
from xml.sax.saxutils import escape

from app.rules.workbook_cells import column_letters

Cell = str | int | float | Decimal | dt.date | dt.datetime | None

# Excel's day 0; days before FIRST_DAY differ by its leap day of 1900.
_DAY_0 = dt.date(1899, 12, 30).toordinal()
_FIRST_MONTH = (1980, 1, 1, 0, 0, 0)
_DAY_SECONDS = 86_400
_HEAD, _DAY, _INSTANT, _LABEL, _WRAPPED = 1, 2, 3, 4, 5
EMPTY = "<c/>"
# Excel reads _x0041_ in a text as the letter A; the underscore itself written so keeps it.
_READ_AS_LETTER = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FFE7EFF7"/></patternFill></fill></fills>'
    '<borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border><border><left/><right/><top/>'
    '<bottom style="thin"><color rgb="FF9FB6CC"/></bottom><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="6"><xf/>'
    '<xf fontId="1" fillId="2" borderId="1" applyFont="1" applyFill="1" applyBorder="1" applyAlignment="1">'
    '<alignment vertical="center"/></xf>'
    '<xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="165" applyNumberFormat="1"/>'
    '<xf fontId="1" applyFont="1" applyAlignment="1"><alignment vertical="top"/></xf>'
    '<xf applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def cell(value: Cell, style: int = 0) -> str:
    """The XML of a cell. Dates and times are numbers with a format; a time is taken as the wall clock shows it."""
    if value is None:
        return EMPTY
    if isinstance(value, str):
        kept = escape(_READ_AS_LETTER.sub("_x005F_", value))
        space = ' xml:space="preserve"' if kept != kept.strip() or "\n" in kept else ""
        drawn = f' s="{style}"' if style else ""
        return f'<c{drawn} t="inlineStr"><is><t{space}>{kept}</t></is></c>'
    if isinstance(value, dt.datetime):
        seconds = value.hour * 3600 + value.minute * 60 + value.second
        return f'<c s="{_INSTANT}"><v>{value.toordinal() - _DAY_0 + seconds / _DAY_SECONDS!r}</v></c>'
    if isinstance(value, dt.date):
        return f'<c s="{_DAY}"><v>{value.toordinal() - _DAY_0}</v></c>'
    return f"<c><v>{value}</v></c>"


def text_cells(texts: Iterable[str]) -> list[str]:
    """Texts without &, <, >, control characters and space at their ends, which need no care."""
    return [f'<c t="inlineStr"><is><t>{text}</t></is></c>' if text else EMPTY for text in texts]


class Workbook:
    """Sheets one after another; `rows` takes cells already written as XML, column by column."""

    def __init__(self, path: Path, title: str, created: dt.datetime) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._title, self._created = title, created
        self._names: list[str] = []
        self._ranges: list[str] = []
        self._sheet: IO[bytes] | None = None

    def __enter__(self) -> Workbook:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close what is open; the parts that make it a workbook are written only when all went well."""
        if self._sheet is not None:
            self._sheet.close()
        if kind is None:
            self._finish()
        self._zip.close()

    def begin(self, name: str, labels: Sequence[str], widths: Sequence[int]) -> None:
        """Start a sheet with a header that stays in sight."""
        self._open(name, widths, '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>')
        self._write(f"<row>{''.join(cell(label, _HEAD) for label in labels)}</row>")

    def rows(self, columns: Sequence[Sequence[str]]) -> None:
        """Append rows, given as columns of cells."""
        self._write("".join(["<row>" + "".join(cells) + "</row>" for cells in zip(*columns, strict=True)]))

    def end(self, lines: int, width: int) -> None:
        """End a sheet of `lines` rows below its header; the header gets the filter's buttons."""
        last = f"{column_letters(width - 1)}{lines + 1}"
        self._ranges.append(f"$A$1:${column_letters(width - 1)}${lines + 1}")
        self._close(f'<autoFilter ref="A1:{last}"/>')

    def note(self, name: str, lines: Iterable[tuple[str, str]]) -> None:
        """A sheet of two columns: labels and texts."""
        self._open(name, (26, 90))
        self._ranges.append("")
        for label, text in lines:
            self._write(f"<row>{cell(label, _LABEL)}{cell(text, _WRAPPED)}</row>")
        self._close()

    # --- parts

    def _open(self, name: str, widths: Sequence[int], pane: str = "") -> None:
        self._names.append(name)
        self._sheet = self._zip.open(self._part(f"xl/worksheets/sheet{len(self._names)}.xml"), "w", force_zip64=True)
        first = ' tabSelected="1"' if len(self._names) == 1 else ""
        drawn = "".join(
            f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>' for n, width in enumerate(widths, 1)
        )
        self._write(
            f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView{first} workbookViewId="0">{pane}</sheetView>'
            f"</sheetViews><cols>{drawn}</cols><sheetData>"
        )

    def _close(self, after: str = "") -> None:
        self._write(f"</sheetData>{after}</worksheet>")
        if self._sheet is not None:
            self._sheet.close()
        self._sheet = None

    def _write(self, text: str) -> None:
        if self._sheet is None:
            raise RuntimeError("no sheet is open")
        self._sheet.write(text.encode())

    def _part(self, name: str) -> zipfile.ZipInfo:
        # Without the hour of writing, so that the same rows give the same file.
        part = zipfile.ZipInfo(name, _FIRST_MONTH)
        part.compress_type = zipfile.ZIP_DEFLATED
        part._compresslevel = 1  # type: ignore[attr-defined]  # open() of a ZipInfo ignores the archive's
        return part

    def _put(self, name: str, text: str) -> None:
        self._zip.writestr(self._part(name), text.encode())

    def _finish(self) -> None:
        numbers = range(1, len(self._names) + 1)
        kinds = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>' for n in numbers
        )
        self._put(
            "[Content_Types].xml",
            f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>{kinds}'
            f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
            '<Override PartName="/docProps/core.xml" '
            'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>',
        )
        self._put(
            "_rels/.rels",
            f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
            f'<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" '
            'Target="docProps/core.xml"/></Relationships>',
        )
        self._put("xl/styles.xml", _STYLES)
        self._put("xl/workbook.xml", self._workbook())
        sheets = "".join(
            f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
        )
        self._put(
            "xl/_rels/workbook.xml.rels",
            f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{sheets}'
            f'<Relationship Id="rId{len(self._names) + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
            "</Relationships>",
        )
        self._put(
            "docProps/core.xml",
            f'{_XML}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f"<dc:title>{escape(self._title)}</dc:title><dc:creator>梯安</dc:creator>"
            f'<dcterms:created xsi:type="dcterms:W3CDTF">{self._created:%Y-%m-%dT%H:%M:%SZ}</dcterms:created>'
            "</cp:coreProperties>",
        )

    def _workbook(self) -> str:
        sheets, filters = [], []
        for number, (name, area) in enumerate(zip(self._names, self._ranges, strict=True), 1):
            said = escape(name, {'"': "&quot;"})
            sheets.append(f'<sheet name="{said}" sheetId="{number}" r:id="rId{number}"/>')
            if area:
                filters.append(
                    f'<definedName name="_xlnm._FilterDatabase" localSheetId="{number - 1}" hidden="1">'
                    f"'{said}'!{area}</definedName>"
                )
        named = f"<definedNames>{''.join(filters)}</definedNames>" if filters else ""
        return (
            f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView/></bookViews>'
            f"<sheets>{''.join(sheets)}</sheets>{named}</workbook>"
        )

"""The paper as .docx, laid out as official papers are (GB/T 9704): A4, its margins, 小标宋-like title, 仿宋 text.

Written without a template file of ours, so that nothing hidden goes along; the same paper gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import Any

from app.reports.bulletin.blocks import Table
from app.reports.bulletin.charts import png
from app.reports.bulletin.document import Block, Paper, heading, items, title_lines

SONG, FANG, HEI, KAI, LATIN = "宋体", "仿宋", "黑体", "楷体", "Times New Roman"
TITLE, BODY, SMALL, TINY = 22, 16, 10.5, 9
LINE = 28
RED = "C00000"
ROOM = 156  # Millimetres between the margins.
# A table of so few rows stands on one page; a longer one goes on, with its head.
KEPT_WHOLE = 12
STAMP = (1980, 1, 1, 0, 0, 0)


def write(paper: Paper, at: dt.datetime) -> bytes:
    """The file; `at` is the instant that its properties name."""
    from docx import Document
    from docx.shared import Mm

    made = Document()
    section = made.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(30)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    section.footer_distance = Mm(18)
    _styles(made)
    made.settings.odd_and_even_pages_header_footer = True
    _page_number(section.footer.paragraphs[0], "right")
    _page_number(section.even_page_footer.paragraphs[0], "left")
    _head(made, paper)
    for block, mark in items(paper.opening):
        _block(made, block, mark)
    if paper.note:
        _text(made, paper.note)
    for number, part in enumerate(paper.parts):
        _text(made, heading(number, part), font=HEI, level=1)
        for block, mark in items(part.blocks):
            _block(made, block, mark)
    _tail(made, paper)
    properties = made.core_properties
    properties.title, properties.author = paper.title, paper.office
    properties.comments, properties.last_modified_by, properties.language = "", "", "zh-CN"
    properties.created = properties.modified = at.astimezone(dt.UTC).replace(tzinfo=None)
    properties.revision = 1
    out = io.BytesIO()
    made.save(out)
    return _stamped(out.getvalue())


def _head(made: Any, paper: Paper) -> None:
    if paper.draft:
        _text(made, "草稿　未经签发，不得外传", font=HEI, size=SMALL, indent=0, align="right", line=0)
    _text(made, paper.office, font=SONG, size=30, bold=True, colour=RED, indent=0, align="center", line=0, after=6)
    _text(made, paper.number or "（印发时编号）", indent=0, align="center", line=0, after=4, rule=True)
    _text(
        made, "\n".join(title_lines(paper.title)), font=SONG, size=TITLE, bold=True, indent=0, align="center", line=36,
        before=14, after=14, keep=True,
    )  # fmt: skip
    _text(made, paper.addressees, indent=0)


def _tail(made: Any, paper: Paper) -> None:
    if paper.annexes:
        # Each on a line of its own, its number below that of the first.
        for number, table in enumerate(paper.annexes, 1):
            first = number == 1
            words = f"{number}.{table.caption}"
            _text(made, f"附件：{words}" if first else words, indent=2 if first else 5, before=10 if first else 0)
    _text(made, paper.signed, indent=0, align="right", before=24, keep=True)
    _text(made, paper.day, indent=0, align="right", after=12)
    for note in paper.notes:
        # Not to both edges: the digest is one long word, before which a line would be torn apart.
        _text(made, note, font=FANG, size=TINY, indent=0, line=0, align="left")
    for number, table in enumerate(paper.annexes, 1):
        made.add_page_break()
        _text(made, f"附件{number}", font=HEI, indent=0)
        _table(made, table)


def _block(made: Any, block: Block, mark: str) -> None:
    if block.kind == "table" and block.table is not None:
        _table(made, block.table)
    elif block.chart is not None:
        _picture(made, block)
    else:
        _text(made, mark + block.text)


def _text(
    made: Any, words: str, *, font: str = FANG, size: float = BODY, bold: bool = False, colour: str = "",
    indent: int = 2, align: str = "both", line: float = LINE, before: float = 0, after: float = 0, level: int = 0,
    keep: bool = False, rule: bool = False,
) -> Any:  # fmt: skip
    from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
    from docx.shared import Pt, RGBColor

    one = made.add_paragraph(style=f"Heading {level}" if level else None)
    form = one.paragraph_format
    form.alignment = {
        "both": WD_ALIGN_PARAGRAPH.JUSTIFY, "center": WD_ALIGN_PARAGRAPH.CENTER, "right": WD_ALIGN_PARAGRAPH.RIGHT,
        "left": WD_ALIGN_PARAGRAPH.LEFT,
    }[align]  # fmt: skip
    form.first_line_indent = Pt(size * indent)
    form.space_before, form.space_after = Pt(before), Pt(after)
    if line:
        form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(line)
    form.keep_with_next = keep or bool(level)
    run = one.add_run(words)
    run.font.size, run.font.bold = Pt(size), bold
    _fonts(run.font, font)
    if colour:
        run.font.color.rgb = RGBColor.from_string(colour)
    if rule:
        _line_below(one, RED)
    return one


def _fonts(font: Any, name: str) -> None:
    """A font for Chinese and one for figures; Word keeps the two apart."""
    from docx.oxml.ns import qn

    font.name = LATIN
    kept = font.element.get_or_add_rPr().get_or_add_rFonts()
    kept.set(qn("w:eastAsia"), name)
    kept.set(qn("w:hAnsi"), LATIN)


def _styles(made: Any) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    for name, font in (("Normal", FANG), ("Heading 1", HEI)):
        style = made.styles[name]
        style.font.size, style.font.bold, style.font.italic = Pt(BODY), False, False
        style.font.color.rgb = RGBColor(0, 0, 0)
        _fonts(style.font, font)
    made.styles["Heading 1"].paragraph_format.space_before = Pt(0)
    # What holds for Word anyway; LibreOffice, where it is not said, hangs the last mark of a line out and loses it.
    marks = _made("w:overflowPunct")
    marks.set(qn("w:val"), "1")
    made.styles["Normal"].element.get_or_add_pPr().insert_element_before(
        marks, "w:topLinePunct", "w:autoSpaceDE", "w:autoSpaceDN", "w:bidi", "w:adjustRightInd", "w:snapToGrid",
        "w:spacing", "w:ind", "w:contextualSpacing", "w:jc", "w:outlineLvl", "w:rPr",
    )  # fmt: skip
    # What tells a machine without our fonts which country's signs and marks it is to draw.
    for language in made.styles.element.iter(qn("w:lang")):
        language.set(qn("w:eastAsia"), "zh-CN")


def _line_below(paragraph: Any, colour: str) -> None:
    from docx.oxml.ns import qn

    borders = _made("w:pBdr")
    line = _made("w:bottom")
    for name, value in (("val", "single"), ("sz", "16"), ("space", "6"), ("color", colour)):
        line.set(qn(f"w:{name}"), value)
    borders.append(line)
    paragraph._p.get_or_add_pPr().append(borders)


def _made(name: str) -> Any:
    from docx.oxml import OxmlElement

    return OxmlElement(name)


def _page_number(paragraph: Any, side: str) -> None:
    """— 1 —, counted by whoever opens it: one character from the outer edge, as both sides of a sheet are printed."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn
    from docx.shared import Pt

    form = paragraph.paragraph_format
    form.alignment = WD_ALIGN_PARAGRAPH.RIGHT if side == "right" else WD_ALIGN_PARAGRAPH.LEFT
    form.left_indent, form.right_indent = (Pt(0), Pt(14)) if side == "right" else (Pt(14), Pt(0))
    for kind in ("— ", "begin", "PAGE", "end", " —"):
        run = paragraph.add_run()
        run.font.size = Pt(14)
        _fonts(run.font, SONG)
        if kind in ("begin", "end"):
            mark = _made("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)
        elif kind == "PAGE":
            code = _made("w:instrText")
            code.set(qn("xml:space"), "preserve")
            code.text = kind
            run._r.append(code)
        else:
            run.text = kind


def _picture(made: Any, block: Block) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Mm

    assert block.chart is not None
    one = _text(made, "", indent=0, align="center", line=0, before=6, keep=True)
    shape = one.add_run().add_picture(io.BytesIO(png(block.chart)), width=Mm(ROOM))
    # What it shows, for whoever can't see it.
    told = shape._inline.find(qn("wp:docPr"))
    told.set("descr", block.chart.words)
    told.set("name", block.chart.caption)
    _text(made, f"图：{block.chart.caption}", font=KAI, size=SMALL, indent=0, align="center", line=0, after=8)


def _table(made: Any, table: Table) -> None:
    from docx.enum.table import WD_TABLE_ALIGNMENT
    from docx.oxml.ns import qn
    from docx.shared import Mm

    _text(made, f"表：{table.caption}", font=KAI, size=SMALL, indent=0, align="center", line=0, before=8, after=2,
        keep=True)  # fmt: skip
    grid = made.add_table(rows=0, cols=len(table.heads), style="Table Grid")
    grid.alignment, grid.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    widths = [Mm(ROOM * share / sum(table.widths)) for share in table.widths]
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = width
    for number, cells in enumerate([table.heads, *table.rows]):
        row = grid.add_row()
        kept = row._tr.get_or_add_trPr()
        kept.append(_made("w:cantSplit"))
        if not number:
            # The head stands on each page that the table goes on to.
            kept.append(_made("w:tblHeader"))
        for column, (cell, words) in enumerate(zip(row.cells, cells, strict=True)):
            cell.width = widths[column]
            side = "center" if not number else "right" if column in table.numbers else "both"
            _fill(cell, words, head=not number, align=side, keep=number < len(table.rows) <= KEPT_WHOLE)
            if not number:
                shade = _made("w:shd")
                shade.set(qn("w:val"), "clear")
                shade.set(qn("w:fill"), "EDEDED")
                cell._tc.get_or_add_tcPr().append(shade)
    _text(made, "", size=6, indent=0, line=0)


def _fill(cell: Any, words: str, *, head: bool, align: str, keep: bool) -> None:
    from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
    one = cell.paragraphs[0]
    one.alignment = {
        "center": WD_ALIGN_PARAGRAPH.CENTER, "right": WD_ALIGN_PARAGRAPH.RIGHT, "both": WD_ALIGN_PARAGRAPH.LEFT,
    }[align]  # fmt: skip
    one.paragraph_format.space_before = one.paragraph_format.space_after = Pt(2)
    one.paragraph_format.keep_with_next = keep
    run = one.add_run(words)
    run.font.size = Pt(SMALL)
    _fonts(run.font, HEI if head else FANG)


def _stamped(content: bytes) -> bytes:
    """The archive with one time on all of its parts: else every writing is another file."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in source.namelist():
            packed.writestr(zipfile.ZipInfo(name, STAMP), source.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()

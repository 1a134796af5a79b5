"""Workbooks that go out: the template to fill in, and the rows that did not go in, to mend and send again."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from app.imports.columns import OWN_NOTE, Kind
from app.models import ImportBatch, ImportRow
from app.transaction import AnySession
from app.wording import say, together


def write_template(kind: Kind, path: Path) -> None:
    """The empty workbook: required headings coloured, choices as drop-downs, the second sheet says how to fill in."""
    import xlsxwriter  # loaded with the first workbook

    book = xlsxwriter.Workbook(str(path))
    head = book.add_format({"bold": True, "bg_color": "#E2EDF7", "border": 1, "text_wrap": True})
    must = book.add_format({"bold": True, "bg_color": "#FDE6E2", "font_color": "#A52113", "border": 1})
    text, plain = book.add_format({"num_format": "@"}), book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet(str(kind.label)[:31])
    sheet.freeze_panes(1, 0)
    for at, spec in enumerate(kind.columns):
        sheet.set_column(at, at, max(12, len(spec.label) * 2.2), None if spec.kind == "number" else text)
        sheet.write_string(0, at, spec.label, must if spec.required else head)
        if spec.help:
            sheet.write_comment(0, at, spec.help)
        if (spec.choices and spec.kind != "choices") or spec.kind == "bool":
            words = [str(w) for w in spec.choices.values()] if spec.choices else ["是", "否"]
            if sum(len(w) + 1 for w in words) < 250:
                sheet.data_validation(1, at, 20_000, at, {"validate": "list", "source": words})
    notes = book.add_worksheet("填写说明")
    notes.set_column(0, 1, 20)
    notes.set_column(2, 2, 70)
    for at, word in enumerate(("列", "必填", "说明")):
        notes.write_string(0, at, word, head)
    for at, spec in enumerate(kind.columns, 1):
        options = together(str(w) for w in spec.choices.values()) if spec.choices else ""
        notes.write_string(at, 0, spec.label)
        notes.write_string(at, 1, "必填" if spec.required else "")
        said = (spec.help, spec.unit and say("单位 %(unit)s", unit=spec.unit), options)
        notes.write_string(at, 2, "；".join(part for part in said if part), plain)
    foot = "列的顺序可以改，不用的列可以删；红色的列必填。已有的行按编号更新，空着的格不改原值。"
    notes.write_string(len(kind.columns) + 2, 0, foot)
    book.close()


def write_bad_rows(session: AnySession, batch: ImportBatch, path: Path) -> int:
    """The rows that did not go in, as they were, with what is wrong; mend them and send the file again."""
    headings = (batch.mapping or {}).get("headings", [])
    import xlsxwriter  # loaded with the first workbook

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    head, wrong = book.add_format({"bold": True, "bg_color": "#E2EDF7"}), book.add_format({"font_color": "#A52113"})
    sheet = book.add_worksheet("待改正")
    for at, word in enumerate([*headings, OWN_NOTE]):
        sheet.write_string(0, at, str(word), head)
    count = 0
    statement = select(ImportRow).where(ImportRow.batch_id == batch.id, ImportRow.state == "bad")
    for row in session.scalars(statement.order_by(ImportRow.number)):
        count += 1
        for at, cell in enumerate(row.raw):
            if cell is not None:
                sheet.write_string(count, at, str(cell))
        sheet.write_string(count, len(headings), errors_of(row), wrong)
    book.close()
    return count


def errors_of(row: ImportRow) -> str:
    """A row's errors in one cell: column, value, what is wrong, the way out."""
    return together(
        (
            say("%(column)s：%(found)s，%(remedy)s", column=e["column"], found=e["found"], remedy=e["remedy"])
            for e in row.errors or []
        ),
        "；",
    )

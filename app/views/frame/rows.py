"""The body of a list's table, written by hand: a template's call for each cell costs more than the rest of the page.

What is not Markup already is escaped here, by `escape`, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from flask_babel import gettext as _
from markupsafe import Markup, escape

from app.listing import Column
from app.views.frame.told import shown

NO_WRAP = {"date", "code"}
# A word of so few signs stays in one line, and its column is as wide as it needs: what is left goes to the addresses.
BRIEF = 5
NUMBER, DIGITS = 24, re.compile(r"[0-9*-]+")
ONE_LINE = '<span class="ta-nw'  # as `cells.one_line` and `words` begin
STATES = {"status", "state"}
# The same where a list shows none of these.
FILED = {"filing_state"}
# What says that there is nothing: a card on the phone goes without it.
NONE = "—"
NOTHING = {NONE, f'<span class="ta-mut">{NONE}</span>'}


def body(
    columns: Sequence[Column],
    rows: Sequence[Any],
    cell: Callable[[Column, Any], Any],
    *,
    tone: Callable[[Any], str],
    link: Callable[[Any], str],
    key: Callable[[Any], Any] | None = None,
) -> Markup:
    """A `<tr>` for each row, its first cell linked; a box to choose it where `key` says what the box sends."""
    lead = _lead(columns)
    states = STATES if any(column.name in STATES for column in columns) else FILED
    opened = [_opening(column, not n, lead, states) for n, column in enumerate(columns)]
    brief = [_opening(column, not n, lead, states, brief=True) for n, column in enumerate(columns)]
    empty = [_opening(column, not n, lead, states, brief=True, none=True) for n, column in enumerate(columns)]
    choose = escape(_("选择"))
    parts: list[str] = []
    for row in rows:
        cells = [escape(shown(cell(column, row))) for column in columns]
        parts.append(f'<tr class="{escape(tone(row))}">')
        if key is not None:
            said = escape(cells[0].striptags()) if cells else ""
            parts.append(
                f'<td><input type="checkbox" class="ta-cb" name="ids" value="{escape(key(row))}"'
                f' aria-label="{choose} {said}"></td>'
            )
        href = link(row)
        if href and cells:
            cells[0] = Markup(f'<a href="{escape(href)}">{cells[0]}</a>')
        parts += [
            f"\n{none if text in NOTHING else short if _stays(text) else begin}{text}</td>"
            for begin, short, none, text in zip(opened, brief, empty, cells, strict=True)
        ]
        parts.append("</tr>\n")
    return Markup("".join(parts))


def _stays(text: str) -> bool:
    """Whether it stays in one line: a few signs, or a number, as of a telephone, which no line may cut in two."""
    return len(text) <= BRIEF or text.startswith(ONE_LINE) or (len(text) <= NUMBER and bool(DIGITS.fullmatch(text)))


def _lead(columns: Sequence[Column]) -> str:
    """What titles a card whose first column is a bare number, a rank or a row's own: the place, else the unit."""
    if not columns or not (columns[0].kind == "number" or getattr(columns[0].sort, "key", "") == "id"):
        return ""
    names = {column.name for column in columns}
    return next((name for name in ("place", "unit") if name in names), "")


def _opening(
    column: Column, first: bool, lead: str, states: set[str], brief: bool = False, none: bool = False
) -> str:  # fmt: skip
    kinds = (
        ("num", column.kind == "number"), (" key", first),
        (" ta-nw", column.kind in NO_WRAP or (brief and column.kind != "number")),
        (" ta-when", column.kind == "instant"), (" st", column.name in states),
        (" lead", column.name == lead), (" ta-none", none),
    )  # fmt: skip
    names = "".join(name for name, holds in kinds if holds)
    return f'<td data-label="{escape(column.label)}" class="{names}">'

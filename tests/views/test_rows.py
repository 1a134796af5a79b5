"""The cells of a list by what their column is and what stands in them: how wide, to which side, how on the phone."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from markupsafe import Markup

from app.listing import Column
from app.models import Elevator
from app.views.frame import rows
from app.views.frame.cells import one_line, pill, words

pytestmark = pytest.mark.feature("ELV-02")
LONG = "云樾里小区澜江路"


def column(name: str = "place", kind: str = "text", **more: Any) -> Column:
    return Column(name, f"列{name}", lambda row: row[name], kind, **more)


def table(app: Any, columns: list[Column], *found: dict[str, Any], **more: Any) -> str:
    asked = {"tone": lambda row: "", "link": lambda row: ""} | more
    with app.test_request_context("/"):
        return str(rows.body(columns, found, lambda c, row: c.value(row), **asked))


def classes(page: str) -> list[list[str]]:
    """Of each cell but the box that chooses the row."""
    return [said.split() for said in re.findall(r'<td data-label="[^"]*" class="([^"]*)">', page)]


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        ("text", LONG, []), ("number", 12, ["num"]), ("number", "—", ["num", "ta-none"]),
        ("date", dt.date(2026, 11, 29), ["ta-nw"]), ("code", "A" * 40, ["ta-nw"]),
        ("instant", "2026-11-29 16:46", ["ta-when"]), ("instant", "—", ["ta-nw", "ta-when", "ta-none"]),
        ("text", "维保", ["ta-nw"]), ("text", "自动扶梯梯", ["ta-nw"]), ("text", "自动扶梯梯级", []),
        # A number is cut by no line, of a telephone or of a day; what is longer than any, or has words in it, may be.
        ("text", "0398-5550000", ["ta-nw"]), ("text", "199****0032", ["ta-nw"]), ("text", "2026-11-29", ["ta-nw"]),
        ("text", "1" * rows.NUMBER, ["ta-nw"]), ("text", "1" * (rows.NUMBER + 1), []), ("text", "2026-11-29 起", []),
        ("text", "—", ["ta-nw", "ta-none"]), ("text", Markup('<span class="ta-mut">—</span>'), ["ta-nw", "ta-none"]),
    ],
)  # fmt: skip
def test_a_cell_by_its_kind_and_what_it_holds(app: Any, kind: str, value: Any, found: list[str]) -> None:
    page = table(app, [column("first"), column("x", kind)], {"first": LONG, "x": value})
    assert classes(page) == [["key"], found]


def test_what_was_made_to_stay_in_one_line_stays(app: Any) -> None:
    made = [one_line(LONG), words(LONG), pill(LONG, "ok")]
    found = [classes(table(app, [column("a"), column("b")], {"a": LONG, "b": cell}))[1] for cell in made]
    assert found == [["ta-nw"], ["ta-nw"], []]


def test_states_stand_beside_the_title_on_the_phone(app: Any) -> None:
    names = ["first", "status", "state", "other"]
    page = table(app, [column(name) for name in names], dict.fromkeys(names, LONG))
    assert classes(page) == [["key"], ["st"], ["st"], []]


@pytest.mark.parametrize(
    ("first", "others", "leads"),
    [
        (column("n", "number"), ["unit", "place"], "place"),
        (column("n", "number"), ["unit", "worker"], "unit"),
        (column("n", "number"), ["worker"], ""),
        (Column("id", "编号", lambda row: row["id"], "text", Elevator.id), ["unit", "place"], "place"),
        (column("code", "code"), ["place"], ""),
    ],
)  # fmt: skip
def test_a_card_known_by_a_number_is_titled_by_its_place_or_unit(
    app: Any, first: Column, others: list[str], leads: str
) -> None:
    columns = [first, *(column(name) for name in others)]
    page = table(app, columns, {c.name: LONG for c in columns})
    found = [c.name for c, said in zip(columns, classes(page), strict=True) if "lead" in said]
    assert found == ([leads] if leads else [])


@pytest.mark.parametrize(
    ("names", "found"),
    [(["place", "filing_state"], ["filing_state"]), (["place", "status", "filing_state"], ["status"])],
)
def test_how_a_row_stands_is_its_status_or_how_far_it_was_filed(app: Any, names: list[str], found: list[str]) -> None:
    page = table(app, [column(name) for name in names], dict.fromkeys(names, LONG))
    assert [name for name, said in zip(names, classes(page), strict=True) if "st" in said] == found


def test_no_columns_are_no_cells(app: Any) -> None:
    assert table(app, [], {}, link=lambda row: "/x") == '<tr class=""></tr>\n'


def test_the_first_cell_leads_to_the_record_and_the_box_says_of_what_it_is(app: Any) -> None:
    row = {"code": '2"0<1', "place": LONG}
    page = table(
        app, [column("code"), column()], row, tone=lambda r: "is-stop", link=lambda r: "/x?a=1&b=2", key=lambda r: "7"
    )
    assert page.startswith('<tr class="is-stop"><td><input type="checkbox" class="ta-cb" name="ids" value="7"')
    assert 'aria-label="选择 2&#34;0&lt;1"' in page, "the words of the cell, not its signs"
    assert '<a href="/x?a=1&amp;b=2">2&#34;0&lt;1</a></td>' in page
    assert page.count("<a ") == 1 and "<input" not in table(app, [column()], {"place": LONG})


def test_all_that_is_no_markup_is_escaped(app: Any) -> None:
    evil = '"><script>'
    page = table(
        app, [Column("x", evil, lambda row: evil)], {}, tone=lambda r: evil, link=lambda r: evil, key=lambda r: evil
    )
    assert "<script>" not in page and page.count("&lt;script&gt;") == 6

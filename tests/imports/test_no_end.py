"""长期 in 营业期限 of a workbook (UNT-02, IMP-02): taken as the box of its own, and back without a false change."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.models import ImportRow, Unit
from app.workflows.filing import filing
from tests.factories import World, uscc
from tests.imports.ground import checked, ran, workbook
from tests.imports.test_undoing import undone

pytestmark = pytest.mark.feature("UNT-02", "IMP-02")
LAST, BOX = "营业期限", "营业期限为长期"


def rows_of(session: Any, batch: Any) -> list[ImportRow]:
    return list(session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id).order_by(ImportRow.number)))


def stands(session: Any, unit: Unit, until: str | None, forever: bool) -> Unit:
    unit.business_until = dt.date.fromisoformat(until) if until else None
    unit.business_forever = forever
    session.commit()
    return unit


@pytest.mark.parametrize("name", ["firm", "use_unit"])
@pytest.mark.parametrize(
    ("until", "forever", "cells", "data"),
    [
        # What an export shows, and the same said in words.
        ("2030-01-01", False, ("2030-01-01", "否"), {}),
        (None, True, (None, "是"), {}),
        (None, True, ("长期", "是"), {}),
        (None, True, ("永久", None), {}),
        # Of the two cells the one that was edited counts.
        ("2030-01-01", False, ("长期", "否"), {"business_forever": True, "business_until": None}),
        ("2030-01-01", False, ("2015-03-12至长期", None), {"business_forever": True, "business_until": None}),
        ("2030-01-01", False, ("2030-01-01", "是"), {"business_forever": True, "business_until": None}),
        ("2030-01-01", False, (None, "是"), {"business_forever": True, "business_until": None}),
        (None, False, ("无固定期限", "否"), {"business_forever": True}),
        (None, True, ("2031-01-01", "是"), {"business_forever": False, "business_until": "2031-01-01"}),
        (None, True, ("2031-01-01", "否"), {"business_forever": False, "business_until": "2031-01-01"}),
        # Both were edited, and they say opposite things.
        (None, True, ("长期", "否"), None),
    ],
)  # fmt: skip
def test_the_cell_that_was_edited_counts(
    session: Any, world: World, name: str, until: str | None, forever: bool, cells: tuple[Any, Any], data: Any
) -> None:
    unit = stands(session, getattr(world, name), until, forever)
    file = workbook(["统一社会信用代码", "单位名称", LAST, BOX], [unit.uscc, unit.name, *cells])
    [row] = rows_of(session, checked(session, world.actor("region_admin"), "units", file))
    if data is None:
        assert row.state == "bad" and row.errors is not None
        assert [e["column"] for e in row.errors] == [LAST] and BOX in row.errors[0]["found"]
        return
    assert (row.state, row.data or {}) == ("changed" if data else "same", data), row.errors
    if data:
        wanted = {"business_until": until, "business_forever": forever}
        assert row.before == {field: wanted[field] for field in row.data}


def test_a_file_without_the_box_changes_it_and_undoes_it_all_the_same(session: Any, world: World) -> None:
    unit, who = stands(session, world.firm, "2030-01-01", False), world.actor("region_admin")
    file = workbook(["统一社会信用代码", "单位名称", LAST], [unit.uscc, unit.name, "长期有效"])
    batch = ran(session, who, checked(session, who, "units", file))
    held = filing.content(session, unit)
    assert held["business_forever"] is True and held["business_until"] is None
    again = workbook(["统一社会信用代码", "单位名称", LAST], [unit.uscc, unit.name, "长期"])
    [row] = rows_of(session, checked(session, who, "units", again, "再.xlsx"))
    assert row.state == "same"
    undone(session, who, batch)
    held = filing.content(session, unit)
    assert held["business_forever"] is False and held["business_until"] == "2030-01-01"


@pytest.mark.parametrize(("cell", "box", "forever", "verdict"), [
    ("长期", None, True, "new"), ("长期", "是", True, "new"), ("长期", "否", None, "bad"),
    ("2030-01-01", "否", False, "new"), ("长期以后", None, None, "bad"),
])  # fmt: skip
def test_a_new_unit(
    session: Any, world: World, cell: str, box: str | None, forever: bool | None, verdict: str
) -> None:
    head = ["统一社会信用代码", "单位名称", "所在地区", "使用单位", LAST, BOX]
    file = workbook(head, [uscc(), "新来的物业", world.firm.region.name, "是", cell, box])
    [row] = rows_of(session, checked(session, world.actor("region_admin"), "units", file))
    assert row.state == verdict, row.errors
    if verdict == "new":
        assert (row.data or {}).get("business_forever") is forever
        assert (row.data or {}).get("business_until") == (None if forever else "2030-01-01")

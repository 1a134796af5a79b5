"""What an import keeps as a new filing's version: what was filled in; a field that is not in it was blank."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app import scope
from app.imports.columns import kinds
from app.imports.parsing import AS_TEXT, Bad, parse, plain_texts
from app.models import Elevator, Unit, Version
from app.rules.identifiers import normal_code, normal_codes
from app.workflows.approval.filing_fields import (
    clean_field,
    differences,
    empty,
    fields_of,
    stand_as_they_are,
    what_changes,
)
from app.workflows.filing import filing
from tests.imports.ground import AT, checked, imported, ran, states, workbook
from tests.workflows.filing_world import decide, save, submit

HEAD = ["识别码", "品种", "地址", "所在地区", "使用单位", "楼盘", "应急救援电话", "下次检验日期"]
LATER = AT + dt.timedelta(hours=1)
CELLS = st.one_of(
    st.none(), st.integers(), st.floats(allow_nan=False), st.booleans(),
    st.text(alphabet="'#=+N/A甲 \n\u3000x", max_size=6), st.sampled_from(["#N/A", "'=1+1", "#CALC!", "'x", " 甲 "]),
)  # fmt: skip
CODES = st.text(alphabet="aB1Ａß-\u200b", max_size=4)
VALUES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([None, "", "x", 0, 0.0, False, 1, True]))


def versions(session: Any, row: Elevator) -> list[Version]:
    kept = select(Version).where(Version.entity == "elevator", Version.entity_id == row.id).order_by(Version.number)
    return list(session.scalars(kept))


@pytest.mark.feature("IMP-01")
def test_a_new_filing_s_version_holds_what_was_filled_in_and_goes_its_way(session: Any, world: Any) -> None:
    who = world.actor("maintenance_head")
    lift = ["700001", "曳引驱动乘客电梯", "明水路 8 号", "临河区明水街道", world.use_unit.name]
    batch = imported(session, who, "elevators", workbook(HEAD, [*lift, "云樾里", "96333", "2027-05-01"]))
    assert (batch.new_rows, batch.done_rows) == (1, 1)
    row = session.scalars(select(Elevator).where(Elevator.code == "700001")).one()
    (version,) = versions(session, row)
    blank = {name for name, value in empty(Elevator).items() if value is None}
    assert version.data["estate"] == "云樾里" and version.data["is_central"] is True
    assert "retrofitter" in blank and not {n for n, value in version.data.items() if value is None}
    with scope.acting(who):
        whole = filing.content(session, row)
    assert set(whole) == set(empty(Elevator)) and whole["retrofitter"] is None
    # It is handed in, approved and edited as any other.
    with_place = whole | {"latitude": 30.5, "longitude": 120.5, "estate": None}
    save(session, who, Elevator, row, with_place)
    decide(session, world.actor("inspector"), submit(session, who, row), "approve", "属实")
    session.expire_all()
    assert (row.approved_version, row.estate, row.latitude) == (1, None, 30.5)
    # A blank that an edit makes is kept: it overrules what is in force.
    save(session, who, Elevator, row, with_place | {"emergency_phone": None, "estate": "新里"}, LATER)
    with scope.acting(who):
        again = filing.content(session, row)
    assert (row.emergency_phone, again["emergency_phone"], again["estate"]) == ("96333", None, "新里")


@pytest.mark.feature("IMP-01")
def test_an_update_s_version_is_whole(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    imported(session, who, "elevators", workbook(["识别码", "楼盘"], [world.own.code, "改"]))
    last = versions(session, world.own)[-1]
    assert set(last.data) == set(empty(Elevator)) and last.data["estate"] == "改"


@pytest.mark.feature("IMP-01")
@given(st.lists(CELLS, max_size=8))
def test_a_column_of_texts_is_read_as_its_cells_are(cells: list[Any]) -> None:
    spec = kinds()["elevators"].spec("estate")
    assert spec is not None and spec.kind in AS_TEXT

    def alone(cell: Any) -> Any:
        try:
            return parse(cell, spec)
        except Bad as problem:
            return problem.found

    read = plain_texts(cells)
    # Left to the cells' own reading where one of them may mean something else.
    if read is None:
        assert any(str(cell).strip()[:1] in ("'", "#") for cell in cells)
    else:
        assert read == [alone(cell) for cell in cells]


@pytest.mark.feature("IMP-01")
@given(st.lists(st.one_of(CODES, st.text(max_size=4)), max_size=5))
def test_codes_made_normal_at_once_are_as_each_alone(codes: list[str]) -> None:
    assert normal_codes(codes) == [normal_code(code) for code in codes]


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize("model", [Elevator, Unit])
@given(st.lists(st.one_of(CODES, st.text(alphabet="A甲| \n\u3000\u200bx1", max_size=5), CELLS), min_size=1, max_size=4))
def test_what_is_said_to_stand_as_it_came_is_stored_so(model: Any, values: list[Any]) -> None:
    for name in fields_of(model):
        if stand_as_they_are(model, name, values):
            assert [clean_field(model, name, value) for value in values] == [(value, []) for value in values]


@pytest.mark.feature("IMP-01")
def test_plain_texts_need_no_cleaning_of_their_own() -> None:
    assert stand_as_they_are(Elevator, "address", {"明水路 8 号", "A|B", "东风路 10 号"})
    assert stand_as_they_are(Elevator, "code", ["700001", "AB12"])
    for name, values in (
        ("code", ["ab12"]), ("code", ["7" * 21]), ("address", ["甲", ""]), ("rated_load", ["1000"]), ("none", ["甲"]),
    ):  # fmt: skip
        assert not stand_as_they_are(Elevator, name, values)


@pytest.mark.feature("IMP-01")
@given(VALUES, VALUES)
def test_what_an_edit_changes_are_the_differences_of_what_it_asks(old: dict[str, Any], asked: dict[str, Any]) -> None:
    found = differences({name: old.get(name) for name in asked}, asked)
    assert what_changes(old, asked) == ({d.field: d.old for d in found}, {d.field: d.new for d in found})


@pytest.mark.feature("IMP-02")
def test_a_row_that_went_for_review_since_its_check_leaves_new_ones_made_once(session: Any, world: Any) -> None:
    """The set is taken back with what was written of it already, then each row goes by itself."""
    who = world.actor("maintenance_head")
    lift = ["700001", "曳引驱动乘客电梯", "明水路 8 号", "临河区明水街道", world.use_unit.name]
    new = [*lift, "云樾里", "96333", "2027-05-01"]
    known = [world.own.code, *[None] * 4, "改", None, None]
    batch = checked(session, who, "elevators", workbook(HEAD, new, known))
    assert (batch.new_rows, batch.changed_rows) == (1, 1)
    with scope.acting(who):
        save(session, who, Elevator, world.own, dict(filing.content(session, world.own)) | {"estate": "别"})
        submit(session, who, world.own)
    ran(session, who, batch, LATER)
    assert states(session, batch) == {2: "new", 3: "bad"}
    row = session.scalars(select(Elevator).where(Elevator.code == "700001")).one()
    assert [version.number for version in versions(session, row)] == [1]
    last = versions(session, world.own)[-1]
    assert (last.state, last.data["estate"]) == ("pending", "别")

"""MNT-04, MNT-01: which places are photographed at which visits, and the photo of whoever checks in."""

from __future__ import annotations

import pytest

from app.policy.keys import SPECS, Key
from app.rules.levels import Level
from app.rules.visit_photos import (
    ROOM_ITEMS,
    Place,
    Wanted,
    photo_findings,
    places_of,
    places_wanted,
    selfie_finding,
)
from tests.formulas import all_items

ALL = dict.fromkeys(Place, "every")


@pytest.mark.feature("MNT-04")
@pytest.mark.parametrize(
    ("asked", "least"),
    [("every", Level.HALF_MONTH), ("quarter", Level.QUARTER), ("half_year", Level.HALF_YEAR), ("annual", Level.ANNUAL)],
)
def test_from_a_level_on(asked: str, least: Level) -> None:
    for level in Level:
        wanted = places_wanted("3110", level, {Place.PIT: asked})
        assert wanted == ((Place.PIT,) if level >= least else ())


@pytest.mark.feature("MNT-04")
def test_nothing_is_asked_where_the_region_says_nothing() -> None:
    assert places_wanted("3110", Level.ANNUAL, {}) == ()
    assert places_wanted("3110", Level.ANNUAL, dict.fromkeys(Place, "none")) == ()


@pytest.mark.feature("MNT-04")
@pytest.mark.parametrize("category", ["3310", "3320"])
def test_an_escalator_has_no_pit_and_no_car(category: str) -> None:
    assert places_of(category) == (Place.MACHINE_ROOM,)
    assert places_wanted(category, Level.HALF_MONTH, ALL) == (Place.MACHINE_ROOM,)


@pytest.mark.feature("MNT-04")
@pytest.mark.parametrize("category", ["3110", "3210", "3420", "3430", None])
def test_every_other_category_has_all_three(category: str | None) -> None:
    assert places_wanted(category, Level.HALF_MONTH, ALL) == tuple(Place)


@pytest.mark.feature("MNT-04")
def test_what_is_missing_is_named_with_the_way_out() -> None:
    pit, top, room = photo_findings(tuple(Place), {Place.CAR_TOP: 1})
    assert [(f.rule, f.ok, f.stops, f.field) for f in (pit, top, room)] == [
        ("底坑照片", False, True, "photo_pit"), ("轿顶照片", True, False, "photo_top"),
        ("机房照片", False, True, "photo_room"),
    ]  # fmt: skip
    assert "底坑" in pit.remedy and top.found == "1 张" and "控制柜" in room.remedy


@pytest.mark.feature("MNT-04")
@pytest.mark.parametrize("code", sorted(ROOM_ITEMS))
def test_without_a_machine_room_its_item_says_so(code: str) -> None:
    [room] = photo_findings([Place.MACHINE_ROOM], {}, [code])
    assert room.ok and "不适用" in room.found
    [room] = photo_findings([Place.MACHINE_ROOM], {}, ["A-1-02"])
    assert not room.ok
    # Of no other place does the item say anything.
    [pit] = photo_findings([Place.PIT], {}, [code])
    assert not pit.ok


@pytest.mark.feature("MNT-04")
def test_the_items_are_those_of_the_machine_room() -> None:
    items = {i.code: i.item for i in all_items()}
    assert all("机房" in items[code] for code in ROOM_ITEMS)
    assert {code[0] for code in ROOM_ITEMS} == {"A", "B", "C", "D"}


@pytest.mark.feature("MNT-02")
def test_the_photo_of_the_person() -> None:
    assert selfie_finding(1).ok and not selfie_finding(1).stops
    assert selfie_finding(0).stops and not selfie_finding(None).stops
    assert selfie_finding(0).rule == selfie_finding(None).rule == "请对本人进行拍摄"


def test_the_values_of_the_policy_are_those_of_the_rule() -> None:
    for key in (Key.PHOTO_PIT, Key.PHOTO_TOP, Key.PHOTO_ROOM):
        assert {value for value, _words in SPECS[key].choices} == set(Wanted)
        assert SPECS[key].default == "none"

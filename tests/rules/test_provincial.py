"""Codes as typed, items read, units that are the same, fields that differ, waits: at their edges (INT-01)."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.provincial import (
    LONGEST_WAIT,
    MOST_CODES,
    Named,
    Unreadable,
    codes_findings,
    codes_of,
    compare,
    near_names,
    reason_finding,
    theirs_of,
    wait_before,
)

pytestmark = pytest.mark.feature("INT-01")


@pytest.mark.parametrize(("text", "found"), [
    ("TC123456", ["TC123456"]), (" tc123456 ,TC123456", ["TC123456"]), ("A1，B2；C3;D4\nE5\tF6、G7", list("ABCDEFG")),
    ("", []), (",，;\n", []), ("ＴＣ１", ["TC1"]), ("a b", ["A", "B"]),
])  # fmt: skip
def test_codes_as_they_are_typed(text: str, found: list[str]) -> None:
    got = codes_of(text)
    assert got == found or [code[0] for code in got] == found


def test_what_is_wrong_with_the_list() -> None:
    assert all(f.ok for f in codes_findings(["A"] * MOST_CODES))
    for codes in ([], ["A"] * (MOST_CODES + 1), ["A" * 31]):
        assert [f for f in codes_findings(codes) if not f.ok]


def item(**more: Any) -> dict[str, Any]:
    return {
        "code": " tc123456", "registration_code": "3110 35", "address": " 明水路　8 号 ", "made_on": "2020-01-02",
        "rated_load": 1000.0, "rated_speed": 1.75, "floors": 12, "status": "in_use", "region": "980402000000",
        "maintenance_unit": {"name": "澜州恒枢电梯（集团）有限公司", "uscc": " 91980402000000000j"},
        "use_unit": {"name": "澜州新禾物业服务有限公司"}, "extra": object(),
    } | more  # fmt: skip


def test_an_item_is_read_in_its_normal_form() -> None:
    found = theirs_of(item())
    assert found.code == "TC123456"
    assert found.values["registration_code"] == "311035" and found.values["address"] == "明水路 8 号"
    assert found.values["rated_load"] == 1000 and found.values["floors"] == 12
    assert found.maintenance_unit == Named("澜州恒枢电梯(集团)有限公司", "91980402000000000J")
    assert found.use_unit.uscc == "" and "extra" not in found.values
    assert theirs_of(item(address=None, floors="")).values.keys() == found.values.keys() - {"address", "floors"}


@pytest.mark.parametrize("wrong", [
    None, [], "x", {}, {"code": ""}, {"code": 5}, item(code="x" * 21), item(made_on="2020-02-30"), item(made_on=1),
    item(rated_load="x"), item(rated_load=True), item(floors=1.5), item(floors=-1), item(status="broken"),
    item(address=["x"]), item(address="x" * 201), item(address="\0"), item(region="9804"), item(maintenance_unit="x"),
    item(use_unit={"name": 5}), item(rated_load=float("nan")),
])  # fmt: skip
def test_what_is_no_item_is_told(wrong: Any) -> None:
    with pytest.raises(Unreadable):
        theirs_of(wrong)


def test_the_digest_is_of_all_that_is_compared() -> None:
    one = theirs_of(item())
    assert one.digest == theirs_of(item(extra=1)).digest
    for more in ({"floors": 13}, {"use_unit": {"name": "别家"}}, {"status": "suspended"}):
        assert theirs_of(item(**more)).digest != one.digest


def test_near_names_are_suggested_the_likest_first() -> None:
    names = [(1, "澜州恒枢电梯工程有限公司"), (2, "澜州恒枢电梯有限公司"), (3, "青坪河川电梯有限公司"), (4, "")]
    assert near_names("澜州恒枢电梯有限责任公司", names) == [2, 1]
    assert near_names("", names) == [] and near_names("有限公司", names) == []
    assert near_names("完全无关物业", names) == []


@pytest.mark.parametrize(("theirs", "ours", "differs"), [
    ({"address": "明水路 8 号"}, {"address": "明水路　8 号"}, False), ({"address": "甲"}, {"address": "乙"}, True),
    ({"address": "甲"}, {}, True), ({}, {"address": "乙"}, False), ({"address": None}, {"address": "乙"}, False),
    ({"registration_code": "311035"}, {"registration_code": "3110 35"}, False),
    ({"rated_speed": 1.75}, {"rated_speed": 1.7501}, False), ({"rated_speed": 1.75}, {"rated_speed": 1.8}, True),
    ({"rated_load": 1000}, {"rated_load": 1000.0}, False),
    ({"made_on": "2020-01-01"}, {"made_on": "2020-01-01"}, False),
    ({"maintenance_unit": 5}, {"maintenance_unit": 5}, False),
    ({"maintenance_unit": -1}, {"maintenance_unit": 5}, True),
])  # fmt: skip
def test_what_differs(theirs: dict[str, Any], ours: dict[str, Any], differs: bool) -> None:
    assert bool(compare(theirs, ours)) is differs


def test_differences_are_in_the_order_of_the_fields() -> None:
    found = compare({"status": "in_use", "address": "甲", "equipment_code": "1"}, {"status": "suspended"})
    assert [one.field for one in found] == ["equipment_code", "address", "status"]


def test_a_reason_is_given_and_short() -> None:
    assert reason_finding("以铭牌为准").ok
    assert not reason_finding("").ok and not reason_finding("x" * 201).ok


def test_waits_grow_are_spread_and_bounded() -> None:
    assert wait_before(1, None, 0) == 0.25 and wait_before(1, None, 1) == 0.5
    assert wait_before(3, None, 1) == 2.0
    assert wait_before(99, None, 1) == LONGEST_WAIT
    assert wait_before(1, 5, 0) == 5 and wait_before(1, 10**6, 0) == LONGEST_WAIT

"""Own lists of maintenance items: what they may be, which hold, how they are put together (PLN-08)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from app.reference import CURRENT, of_annex
from app.rules.item_lists import (
    MOST_ITEMS,
    Head,
    Item,
    carried,
    compare,
    compose,
    counts,
    findings,
    holding,
    own_rows,
    parts_of,
    version_of,
)
from app.rules.levels import Level
from tests.formulas import all_items

pytestmark = pytest.mark.feature("PLN-08")
BASE = of_annex("A")
DAY = dt.date(2026, 3, 2)
CODES = ["980402000000", "980400000000", "980000000000", "000000000000"]
NEW = Item("", "A", Level.QUARTER, "轿厢内显示屏", "画面清晰，无破损", True, "lx")


def failing(inherited: tuple[Item, ...], given: list[Item]) -> set[str]:
    return {f.rule for f in findings(inherited, given) if not f.ok}


@pytest.mark.parametrize(
    ("kind", "own", "each"),
    [("A", (31, 13, 15, 17), (31, 44, 59, 76)), ("B", (30, 13, 9, 14), (30, 43, 52, 66)),
     ("C", (20, 8, 10, 14), (20, 28, 38, 52)), ("D", (33, 5, 12, 13), (33, 38, 50, 63)),
     ("3410", (0, 0, 0, 0), (0, 0, 0, 0))],
)  # fmt: skip
def test_each_annex_counts_as_the_law_has_it(kind: str, own: tuple[int, ...], each: tuple[int, ...]) -> None:
    assert tuple(counts(of_annex(kind)).values()) == tuple(zip(own, each, strict=True))
    assert len(all_items()) == 257


def test_one_number_is_one_item() -> None:
    assert failing(BASE, [*BASE, BASE[3]]) == {"项目编号不能重复"}
    own = replace(NEW, code="X1")
    assert failing(BASE, [*BASE, own, replace(own, item="轿厢内风扇")]) == {"项目编号不能重复"}
    assert failing(BASE, [*BASE, NEW, replace(NEW, item="轿厢内风扇")]) == set(), "what is new has none yet"


def test_what_is_added_or_said_more_precisely_is_fine() -> None:
    finer = replace(BASE[0], requirement=f"{BASE[0].requirement}；温度不高于 40 ℃", needs_test=True, measure="℃")
    assert failing(BASE, [finer, *BASE[1:], NEW]) == set()
    assert failing(BASE, list(BASE)) == set()


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        (None, "法定和上级项目不能删减"),
        ({"item": "机房"}, "法定和上级项目不能改写"),
        ({"requirement": "清洁"}, "法定和上级项目不能改写"),
        ({"requirement": BASE[0].requirement + "即可"}, "法定和上级项目不能改写"),
        ({"level": Level.ANNUAL}, "法定和上级项目的周期不变"),
    ],
)
def test_what_is_inherited_cannot_be_made_less(changed: dict[str, object] | None, rule: str) -> None:
    given = [*([] if changed is None else [replace(BASE[0], **changed)]), *BASE[1:]]  # type: ignore[arg-type]
    assert failing(BASE, given) == {rule}


def test_a_measured_value_stays_asked_for() -> None:
    tested = next(item for item in BASE if item.needs_test)
    given = [replace(item, needs_test=False) if item is tested else item for item in BASE]
    assert failing(BASE, given) == {"须填实测值的项目"}


def test_everything_that_is_missing_is_named_up_to_five() -> None:
    [found] = [f for f in findings(BASE, list(BASE[6:])) if not f.ok]
    assert "等 6 项" in found.found and BASE[0].item in found.found and BASE[5].item not in found.found


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"item": " "}, "项目名称"), ({"item": "长" * 61}, "项目名称"), ({"requirement": ""}, "维保要求"),
        ({"requirement": "长" * 301}, "维保要求"), ({"measure": "长" * 13}, "实测值单位"),
        ({"item": BASE[0].item, "level": Level.HALF_MONTH}, "项目重复"),
    ],
)  # fmt: skip
def test_an_addition_is_well_said(changed: dict[str, object], rule: str) -> None:
    assert failing(BASE, [*BASE, replace(NEW, **changed)]) == {rule}  # type: ignore[arg-type]


def test_lengths_at_their_edge_pass() -> None:
    edge = replace(NEW, item="长" * 60, requirement="长" * 300, measure="长" * 12)
    assert failing(BASE, [*BASE, edge]) == set()


def test_a_list_is_bounded() -> None:
    more = [replace(NEW, item=f"项目{n}") for n in range(MOST_ITEMS - len(BASE))]
    assert failing(BASE, [*BASE, *more]) == set()
    assert failing(BASE, [*BASE, *more, NEW]) == {"项目数量"}


def test_where_the_law_has_no_list_the_own_one_has_a_half_months() -> None:
    assert failing((), [NEW]) == {"半月项目"}
    assert failing((), [NEW, replace(NEW, level=Level.HALF_MONTH)]) == set()


def test_kept_rows_are_what_goes_beyond_and_give_the_whole_list_again() -> None:
    finer = replace(BASE[3], requirement=f"{BASE[3].requirement}；每半月测一次")
    rows = own_rows(BASE, [*BASE[:3], finer, *BASE[4:], NEW], "U7", [])
    assert rows == [
        {"of": BASE[3].code, "more": "每半月测一次", "needs_test": False, "measure": ""},
        {"code": "U7-2-01", "level": "quarter", "item": "轿厢内显示屏", "requirement": "画面清晰，无破损",
         "needs_test": True, "measure": "lx"},
    ]  # fmt: skip
    whole = compose(BASE, rows, "A")
    assert whole[3].requirement == finer.requirement and len(whole) == len(BASE) + 1
    # Behind the items of its own level, before those of the next.
    assert whole[44].code == "U7-2-01" and whole[45].level is Level.HALF_YEAR
    assert own_rows(BASE, whole, "U7", ["U7-2-01"]) == rows


def test_a_number_is_never_given_twice_nor_taken_from_another_owner() -> None:
    rows = own_rows(BASE, [*BASE, NEW, replace(NEW, item="乙", code="U8-2-01")], "U7", ["U7-2-01", "U7-2-03"])
    assert [row["code"] for row in rows] == ["U7-2-02", "U7-2-04"]


def test_what_is_said_of_an_item_that_is_gone_says_nothing() -> None:
    rows = [{"of": "X-1", "more": "再看一次", "needs_test": True, "measure": ""}]
    assert compose(BASE, rows, "A") == BASE


def test_whose_lists_hold_and_in_which_order() -> None:
    def head(key: int, unit: int | None, region: str, day: dt.date = DAY, kind: str = "A") -> Head:
        return Head(key, kind, unit, region, day)

    later = DAY + dt.timedelta(days=1)
    heads = [
        head(1, 7, "980402000000"), head(2, None, "980000000000"), head(3, None, "980402000000"),
        head(4, None, "980403000000"), head(5, 8, "980402000000"), head(6, 7, "980402000000", later),
        head(7, None, "980000000000", kind="B"),
    ]  # fmt: skip
    assert [h.id for h in holding(heads, "A", 7, CODES, DAY)] == [2, 3, 1]
    assert [h.id for h in holding(heads, "A", 7, CODES, later)] == [2, 3, 6]
    assert [h.id for h in holding(heads, "A", None, CODES, later)] == [2, 3]
    assert holding(heads, "A", 7, CODES, DAY - dt.timedelta(days=1)) == ()
    # Of two that begin on one day the one that came later; a unit that moved takes its list along.
    assert [h.id for h in holding([*heads, head(9, 7, "980403000000")], "A", 7, CODES, DAY)] == [2, 3, 9]


def test_a_name_says_its_parts() -> None:
    heads = [Head(12, "A", None, CODES[0], DAY), Head(345, "A", 7, CODES[0], DAY)]
    assert version_of(CURRENT, heads) == "T5002-2017+12+345"
    assert parts_of("T5002-2017+12+345") == (CURRENT, (12, 345))
    assert parts_of(CURRENT) == (CURRENT, ())
    assert parts_of("T5002-2017+x") == (CURRENT, ())


def test_a_phone_may_bring_a_list_of_the_last_month() -> None:
    heads = [Head(1, "A", 7, CODES[0], DAY - dt.timedelta(days=40)), Head(2, "A", 7, CODES[0], DAY)]
    known = carried(heads, "A", 7, CODES, DAY, CURRENT)
    assert known == {f"{CURRENT}+1", f"{CURRENT}+2"}
    assert carried(heads, "A", 7, CODES, DAY + dt.timedelta(days=32), CURRENT) == {f"{CURRENT}+2"}
    assert carried(heads[1:], "A", 7, CODES, DAY, CURRENT) == {CURRENT, f"{CURRENT}+2"}


def test_versions_compared() -> None:
    finer = replace(BASE[1], requirement=f"{BASE[1].requirement}；上油")
    changes = compare(BASE[:3], [BASE[0], finer, NEW])
    assert [(c.old and c.old.code, c.new and c.new.item) for c in changes] == [
        (BASE[1].code, finer.item), (None, NEW.item), (BASE[2].code, None),
    ]  # fmt: skip
    assert compare(BASE, BASE) == []

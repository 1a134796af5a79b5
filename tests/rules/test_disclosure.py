"""PUB-01: what is hidden in a published table can't be had back, whoever knows the rules and all that is shown."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.disclosure import SUM, Shown, possible, protected, with_sums

pytestmark = pytest.mark.feature("PUB-01")
LEAST = 5
R, C = ("甲", "乙", "丙"), ("客", "货", "扶")


def table(*rows: tuple[int, ...]) -> dict[tuple[str, str], int]:
    return {(R[r], C[c]): count for r, row in enumerate(rows) for c, count in enumerate(row)}


def shown(*rows: tuple[int, ...], least: int = LEAST) -> Shown:
    return protected(table(*rows), R[: len(rows)], C[: len(rows[0])], least)


def test_large_counts_and_zeros_stay() -> None:
    found = shown((10, 0), (7, 5))
    assert found.cells[("甲", "客")] == 10 and found.cells[("甲", "货")] == 0 and found.cells[(SUM, SUM)] == 22
    assert not found.withheld and found.count("乙", "货") == 5


@pytest.mark.parametrize(("count", "mark"), [(0, 0), (1, "<5"), (4, "<5"), (5, 5)])
def test_the_edge_of_small(count: int, mark: int | str) -> None:
    assert shown((count, 20), (30, 40)).cells[("甲", "客")] == mark


def test_a_rectangle_goes_with_a_small_one_and_not_the_sums() -> None:
    found = shown((2, 20, 30), (40, 50, 60), (70, 80, 90))
    hidden = {spot for spot, value in found.cells.items() if value == "*"}
    assert hidden == {("甲", "货"), ("乙", "客"), ("乙", "货")}, "the cheapest three"
    assert found.cells[(SUM, SUM)] == 442 and found.cells[("甲", SUM)] == 52


def test_a_row_alone_keeps_its_sum_and_loses_the_other_cell() -> None:
    """43 in all, one of the two small: from 1 to 4 all is possible."""
    found = protected({("甲", "客"): 3, ("甲", "货"): 40}, R[:1], C[:2], LEAST)
    assert found.cells[("甲", "客")] == "<5" and found.cells[("甲", "货")] == "*" and found.cells[("甲", SUM)] == 43
    assert solutions(found, R[:1], C[:2])[("甲", "客")] == {1, 2, 3, 4}


def test_four_ones_whose_sum_is_small_are_not_told_by_it() -> None:
    """Each at least 1 and together at most 4: the marks alone would say that each is 1."""
    columns = ("a", "b", "c", "d")
    counts = {("甲", c): 1 for c in columns} | {(row, c): 30 for row in ("乙", "丙") for c in columns}
    found = protected(counts, R, columns, LEAST)
    assert found.withheld or len(solutions(found, R, columns)) > 1


def test_nothing_is_hidden_without_a_least() -> None:
    assert shown((1, 2), (3, 4), least=1).cells[("甲", "客")] == 1


def test_a_table_that_cannot_be_shown_is_withheld() -> None:
    assert shown((1, 0), (0, 0)).withheld or shown((1, 0), (0, 0)).cells[("甲", "客")] == "<5"
    assert protected({("甲", "客"): 1}, R[:1], C[:1], 2).withheld, "below 2 there is only the 1"


def solutions(found: Shown, rows: tuple[str, ...], columns: tuple[str, ...], most: int = 60) -> dict[object, set[int]]:
    """Every value that each hidden cell can have, by trying all tables that show the same; slow and obvious."""
    least, cells = found.least, found.cells

    def fits(value: int, spot: tuple[str, str]) -> bool:
        mark = cells[spot]
        if mark == f"<{least}":
            return 1 <= value < least
        return value >= least if mark == "*" else value == mark

    options = [
        range(1, least) if cells[spot] == f"<{least}" else range(least, most) if cells[spot] == "*" else [cells[spot]]
        for spot in product(rows, columns)
    ]
    seen: dict[object, set[int]] = {}
    for values in product(*options):
        whole = with_sums(dict(zip(product(rows, columns), values, strict=True)), rows, columns)
        if all(fits(value, spot) for spot, value in whole.items()):
            for spot, value in whole.items():
                seen.setdefault(spot, set()).add(value)
    return seen


SMALL = st.integers(0, 9)


@given(st.lists(SMALL, min_size=4, max_size=4))
def test_no_small_count_of_a_two_by_two_comes_back(counts: list[int]) -> None:
    """By brute force over all tables that show the same."""
    rows, columns = R[:2], C[:2]
    given_ = dict(zip(product(rows, columns), counts, strict=True))
    found = protected(given_, rows, columns, 3)
    if found.withheld:
        return
    seen = solutions(found, rows, columns, 24)
    whole = with_sums(given_, rows, columns)
    for spot, mark in found.cells.items():
        if isinstance(mark, int):
            assert mark == whole[spot] and not 0 < mark < 3
        elif mark.startswith("<"):
            assert len(seen[spot]) > 1, (spot, found.cells)


@given(
    st.integers(1, 4), st.integers(1, 4), st.sampled_from([3, 5, 10]),
    st.lists(st.one_of(SMALL, st.integers(0, 200)), min_size=16, max_size=16),
)
def test_what_is_shown_is_true_and_what_is_hidden_stays_open(
    height: int, width: int, least: int, counts: list[int]
) -> None:
    rows, columns = tuple(f"r{n}" for n in range(height)), tuple(f"c{n}" for n in range(width))
    given_ = dict(zip(product(rows, columns), counts, strict=False))
    found = protected(given_, rows, columns, least)
    whole = with_sums(given_, rows, columns)
    if found.withheld:
        assert not found.cells
        return
    small = {spot for spot, mark in found.cells.items() if mark == f"<{least}"}
    extra = {spot for spot, mark in found.cells.items() if mark == "*"}
    assert small == {spot for spot, count in whole.items() if 0 < count < least}
    assert all(whole[spot] >= least for spot in extra)
    for spot in small:
        low, high = possible(whole, small, extra, spot, least)
        assert 1 <= low <= whole[spot] <= high < least and low < high


@given(st.lists(st.integers(0, 12), min_size=6, max_size=6))
def test_the_bounds_are_those_of_all_tables(counts: list[int]) -> None:
    """The flow says what brute force says; both of a table with hidden sums."""
    rows, columns = R[:2], C[:2]
    given_ = dict(zip(product(rows, columns), counts, strict=False))
    found = protected(given_, rows, columns, 4)
    if found.withheld:
        return
    whole = with_sums(given_, rows, columns)
    small = {spot for spot, mark in found.cells.items() if mark == "<4"}
    extra = {spot for spot, mark in found.cells.items() if mark == "*"}
    seen = solutions(found, rows, columns, 30) if small else {}
    for spot in small:
        assert possible(whole, small, extra, spot, 4) == (min(seen[spot]), max(seen[spot]))

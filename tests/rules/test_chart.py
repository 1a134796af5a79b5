"""The drawn map and line of 数据驾驶舱: north above, shapes kept, labels apart, gaps where there is no data."""

from __future__ import annotations

from itertools import combinations
from math import cos, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.chart import MOST_CELLS, apart, cells, floor_of, frame_around, line

pytestmark = pytest.mark.feature("DSH-02")
CORNERS = [(30.0, 120.0), (31.0, 121.0)]


def test_north_is_above_and_east_to_the_right() -> None:
    frame = frame_around(CORNERS, 600, 400)
    assert frame is not None
    (west, south), (east, north) = frame.point(30.0, 120.0), frame.point(31.0, 121.0)
    assert west < east and north < south
    assert frame.point(30.5, 120.5) == (300, 200)


def test_a_degree_is_as_wide_as_it_is_there() -> None:
    frame = frame_around(CORNERS, 600, 400)
    assert frame is not None
    (west, south), (east, north) = frame.point(30.0, 120.0), frame.point(31.0, 121.0)
    assert (east - west) / (south - north) == pytest.approx(cos(radians(30.5)), abs=0.01)


@given(st.lists(st.tuples(st.floats(18, 53), st.floats(73, 135)), min_size=1, max_size=20))
def test_every_place_is_within_the_drawing(places: list[tuple[float, float]]) -> None:
    frame = frame_around(places, 600, 400)
    assert frame is not None
    for x, y in (frame.point(*place) for place in places):
        assert -0.1 <= x <= 600.1 and -0.1 <= y <= 400.1


def test_one_place_stands_in_the_middle_and_none_gives_no_map() -> None:
    frame = frame_around([(30.0, 120.0)], 600, 400)
    assert frame is not None and frame.point(30.0, 120.0) == (300, 200)
    assert frame_around([], 600, 400) is None


@given(st.lists(st.tuples(st.floats(0, 600), st.floats(0, 400)), max_size=15))
def test_no_label_covers_another(spots: list[tuple[float, float]]) -> None:
    moved = apart([(round(x, 1), round(y, 1)) for x, y in spots], 78, 40)
    assert [x for x, _y in moved] == [round(x, 1) for x, _y in spots]
    for (x1, y1), (x2, y2) in combinations(moved, 2):
        assert abs(x1 - x2) >= 78 or abs(y1 - y2) >= 39.8


def test_labels_that_are_apart_stay() -> None:
    assert apart([(10, 10), (200, 10), (10, 60)], 78, 40) == [(10, 10), (200, 10), (10, 60)]


def test_a_line_has_a_gap_where_there_is_no_data() -> None:
    assert line([100, 50, None, 0], 0, 100, 90, 100) == ["0.0,0.0 30.0,50.0", "90.0,100.0"]
    assert line([None, None], 0, 100, 90, 100) == []
    assert line([100], 100, 100, 90, 100) == ["0.0,0.0"]


@pytest.mark.parametrize(("lowest", "floor"), [(100, 99), (99, 98), (98.5, 98), (86.7, 80), (0, 0), (50, 0)])
def test_the_axis_begins_below_the_lowest_value(lowest: float, floor: float) -> None:
    assert floor_of([100, lowest]) == floor


def test_without_values_the_axis_is_short() -> None:
    assert floor_of([]) == 99


SPOTS = st.lists(st.tuples(st.integers(1, 599), st.integers(1, 399)), min_size=1, max_size=12)


def area(polygon: list[tuple[float, float]]) -> float:
    around = zip(polygon, [*polygon[1:], *polygon[:1]], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in around)) / 2


@given(SPOTS)
def test_the_ground_is_shared_out_among_the_places(spots: list[tuple[int, int]]) -> None:
    places = [(float(x), float(y)) for x, y in spots]
    found = cells(places, 600, 400)
    assert sum(area(cell) for cell in found) == pytest.approx(600 * 400, rel=0.01)
    for number, (spot, cell) in enumerate(zip(places, found, strict=True)):
        assert (cell == []) == (spot in places[:number])
        for x, y in cell:
            # Each corner is as near to its own place as to any other.
            own = (x - spot[0]) ** 2 + (y - spot[1]) ** 2
            assert all(own <= (x - a) ** 2 + (y - b) ** 2 + 300 for a, b in places)


def test_one_place_has_all_of_it_and_the_second_of_a_pair_nothing() -> None:
    whole = [(0, 0), (600, 0), (600, 400), (0, 400)]
    assert cells([(10.0, 10.0)], 600, 400) == [whole]
    assert cells([(10.0, 10.0), (10.0, 10.0)], 600, 400) == [whole, []]
    assert cells([(10.0, 10.0)], 600, 400, beyond=50) == [[(-50, -50), (650, -50), (650, 450), (-50, 450)]]
    left, right = cells([(150.0, 200.0), (450.0, 200.0)], 600, 400)
    assert max(x for x, _ in left) == min(x for x, _ in right) == 300


def test_too_many_places_are_told_by_their_names() -> None:
    assert cells([(float(n), 1.0) for n in range(MOST_CELLS + 1)], 600, 400) == [[]] * (MOST_CELLS + 1)

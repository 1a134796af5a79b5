"""DSH-03: coordinates of three kinds, and how elevators are put together on a map."""

from __future__ import annotations

import math
import random

import pytest

from app.errors import Refusal
from app.rules.datum import Datum, of_datum, to_datum
from app.rules.map_grid import (
    APART_PIXELS,
    MOST_SQUARES,
    Box,
    Cluster,
    apart,
    grid,
    metres_apart,
    read_box,
    read_zoom,
    steady,
    zoom_for,
)

pytestmark = pytest.mark.feature("DSH-03")
# Published for 39.915, 116.404 (Beijing): the same numbers as WGS-84 and as GCJ-02.
BEIJING = (39.915, 116.404)
METRE = 1 / 111_320


def near(found: tuple[float, float], wanted: tuple[float, float], metres: float = 0.1) -> bool:
    return all(abs(a - b) < metres * METRE for a, b in zip(found, wanted, strict=True))


def test_known_points() -> None:
    assert near(to_datum(BEIJING, Datum.GCJ02), (39.91640428150164, 116.41024449916938))
    gcj = of_datum(BEIJING, Datum.GCJ02)
    assert near(to_datum(gcj, Datum.BD09), (39.92133699351021, 116.41036949371029))
    # The other way round: what Baidu draws at these numbers lies there in GCJ-02.
    assert near(to_datum(of_datum(BEIJING, Datum.BD09), Datum.GCJ02), (39.90865673957631, 116.39762729119315), 0.3)


def test_the_register_itself_is_not_shifted() -> None:
    assert to_datum(BEIJING, Datum.WGS84) == of_datum(BEIJING, Datum.WGS84) == BEIJING


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_there_and_back_to_centimetres(datum: Datum) -> None:
    rng = random.Random(5)
    for _ in range(300):
        point = rng.uniform(18.2, 53.4), rng.uniform(73.7, 135.0)
        drawn = to_datum(point, datum)
        assert near(of_datum(drawn, datum), point, 0.02)
        assert 50 < math.dist(point, drawn) / METRE < 2500


@pytest.mark.parametrize("point", [(0.0, 0.0), (51.5, -0.1), (-33.9, 151.2), (90.0, 180.0)])
def test_abroad_nothing_is_shifted(point: tuple[float, float]) -> None:
    assert all(to_datum(point, d) == of_datum(point, d) == point for d in Datum)


def test_boxes_and_zooms_are_read_strictly() -> None:
    assert read_box("30,119.5,30.5,120") == Box(30, 119.5, 30.5, 120)
    for wrong in ("", "1,2,3", "30,119,30,120", "31,119,30,120", "nan,1,2,3", "1,2,3,inf", "a,b,c,d", "-91,0,0,1"):
        with pytest.raises(Refusal):
            read_box(wrong)
    assert (read_zoom("12"), read_zoom("0"), read_zoom("99")) == (12, 3, 19)
    for wrong in ("", "x", "-1", "1.5", "１"):
        with pytest.raises(Refusal):
            read_zoom(wrong)


def test_squares_are_as_large_on_the_screen_everywhere_and_never_too_many() -> None:
    near_sea, north = (grid(12, Box(s, 119, s + 0.2, 119.3)) for s in (20, 50))
    assert near_sea.wide == north.wide and north.high < near_sea.high
    assert grid(13, Box(30, 119, 30.1, 119.1)).wide == near_sea.wide / 2
    whole = Box(-89, -180, 89, 180)
    held = grid(19, whole)
    assert 178 / held.high * 360 / held.wide <= MOST_SQUARES * 1.01


def one(latitude: float, longitude: float, count: int, key: int, **by_status: int) -> Cluster:
    box = Box(latitude, longitude, latitude, longitude)
    return Cluster(count, latitude, longitude, box, key, dict(by_status), {"980402": count})


def test_circles_do_not_cover_each_other_and_lose_nobody() -> None:
    rng = random.Random(9)
    some = [one(rng.uniform(30, 30.3), rng.uniform(119, 119.4), rng.randint(1, 90), n, in_use=1) for n in range(300)]
    count, statuses = sum(c.count for c in some), len(some)
    kept = apart(some, 11)
    assert len(kept) < 300 and sum(c.count for c in kept) == count
    assert sum(c.by_status["in_use"] for c in kept) == statuses and sum(c.places["980402"] for c in kept) == count
    pixel = 360 * 111_320 * math.cos(math.radians(30.3)) / (256 * 2**11)
    assert min(metres_apart(a, b) for a in kept for b in kept if a is not b) >= (APART_PIXELS - 1) * pixel
    assert max(c.count for c in kept) >= max(c.count for c in some)


def test_one_wrong_position_does_not_move_the_map_away() -> None:
    values = [30 + n / 10_000 for n in range(1000)] + [0.0]
    average, squares = sum(values) / len(values), sum(v * v for v in values) / len(values)
    low, high = steady(average, squares, min(values), max(values))
    assert low > 25 and high == max(values)
    assert steady(30.0, 900.0, 30.0, 30.0) == (30.0, 30.0)


def test_the_first_zoom_shows_all() -> None:
    assert zoom_for(Box(30.4, 119.8, 30.7, 120.1)) in (10, 11)
    assert zoom_for(Box(30.0, 119.0, 30.0, 119.0)) == 16
    assert zoom_for(Box(-60, -179, 60, 179)) == 3

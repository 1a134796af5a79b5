"""Coordinates of three kinds, into each other: WGS-84, GCJ-02 and BD-09; pure, to a few centimetres there and back.

The register keeps WGS-84: what phones' receivers say, what browsers give, what an inspection can measure again. Maps
published in China are drawn shifted (GCJ-02, and Baidu's BD-09 on top of it); a point is shifted on its way to such a
map and shifted back on its way from it, and nowhere else. Outside the box around China nothing is shifted.
"""

from __future__ import annotations

from enum import StrEnum
from math import atan2, cos, pi, sin, sqrt

Point = tuple[float, float]  # latitude, longitude

# The ellipsoid that GCJ-02 is made on (Krasovsky 1940).
_AXIS, _ECCENTRICITY = 6378245.0, 0.00669342162296594323
_BD = pi * 3000 / 180
SOUTH, NORTH, WEST, EAST = 0.8293, 55.8271, 72.004, 137.8347


class Datum(StrEnum):
    """Whose coordinates."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


def to_datum(point: Point, datum: Datum) -> Point:
    """A point of the register as a map of that kind draws it."""
    if datum is Datum.WGS84 or not _shifted(point):
        return point
    there = _gcj_of_wgs(point)
    return _bd_of_gcj(there) if datum is Datum.BD09 else there


def of_datum(point: Point, datum: Datum) -> Point:
    """A point of such a map as the register keeps it; the inverse of `to_datum`, found by closing in on it."""
    if datum is Datum.WGS84 or not _shifted(point):
        return point
    found = point
    for _ in range(4):
        # The shift changes so slowly that each turn leaves a thousandth of the error before.
        there = to_datum(found, datum)
        found = (found[0] + point[0] - there[0], found[1] + point[1] - there[1])
    return found


def _shifted(point: Point) -> bool:
    return SOUTH <= point[0] <= NORTH and WEST <= point[1] <= EAST


def _gcj_of_wgs(point: Point) -> Point:
    latitude, longitude = point
    x, y = longitude - 105.0, latitude - 35.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + _waves(x)
    north += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + _waves(x)
    east += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    angle = latitude / 180.0 * pi
    bend = 1 - _ECCENTRICITY * sin(angle) ** 2
    north = north * 180.0 / (_AXIS * (1 - _ECCENTRICITY) / (bend * sqrt(bend)) * pi)
    east = east * 180.0 / (_AXIS / sqrt(bend) * cos(angle) * pi)
    return latitude + north, longitude + east


def _waves(x: float) -> float:
    return (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0


def _bd_of_gcj(point: Point) -> Point:
    y, x = point
    radius = sqrt(x * x + y * y) + 0.00002 * sin(y * _BD)
    angle = atan2(y, x) + 0.000003 * cos(x * _BD)
    return radius * sin(angle) + 0.006, radius * cos(angle) + 0.0065

"""How elevators are put together on a map: the shown box and zoom, squares of it, and circles that do not touch.

Squares lie on one grid over the whole earth, so that moving the map does not deal the elevators anew. Pure geometry
over degrees; whoever asks the database counts by square (`reports/map.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import cos, log2, radians, sqrt

from app.errors import refuse
from app.wording import say

# Of a tile of 256; a circle with its number is up to 52 wide.
SQUARE_PIXELS, APART_PIXELS, TILE_PIXELS = 72, 54, 256
LEAST_ZOOM, MOST_ZOOM = 3, 19
MOST_SQUARES = 4000
METRES_A_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class Box:
    """What a map shows, in degrees; south < north, west < east."""

    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True, slots=True)
class Grid:
    """The size of squares in degrees at a zoom."""

    high: float
    wide: float


@dataclass(slots=True)
class Cluster:
    """Elevators drawn as one: how many of each status, how many near and over, and where they lie.

    `key` is the only elevator's where there is one; `places` how many are in each region.
    """

    count: int
    latitude: float
    longitude: float
    box: Box
    key: int
    by_status: dict[str, int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    near: int = 0
    over: int = 0

    @property
    def place(self) -> str:
        """The region that most of them lie in."""
        return max(self.places, key=lambda code: (self.places[code], code)) if self.places else ""


def read_box(text: str) -> Box:
    """A box as a map's address says it: south,west,north,east. Refusal for anything else."""
    parts = text[:120].split(",")
    try:
        south, west, north, east = (float(part) for part in parts)
    except ValueError:
        south, west, north, east = 1.0, 0.0, 0.0, 0.0
    # A NaN is in no range.
    if not (-90 <= south < north <= 90 and -180 <= west < east <= 180):
        shown = say("“%(given)s”不是“南,西,北,东”四个度数", given=text[:40])
        raise refuse("地图范围", shown, "请刷新地图页面")
    return Box(south, west, north, east)


def read_zoom(text: str) -> int:
    """The zoom of a map, held within what maps have."""
    given = text.strip()[:3]
    if not (given.isascii() and given.isdigit()):
        raise refuse("地图级别", say("“%(given)s”不是整数", given=text[:20]), "请刷新地图页面")
    return min(max(int(given), LEAST_ZOOM), MOST_ZOOM)


def grid(zoom: int, box: Box) -> Grid:
    """Squares as large on the screen wherever the box lies; in steps, so that they stay while it moves a little."""
    wide = 360.0 / 2**zoom * SQUARE_PIXELS / TILE_PIXELS
    middle = round((box.south + box.north) / 2 / 5) * 5
    high = wide * max(cos(radians(middle)), 0.1)
    # However large a box is asked for, no more squares than a screen has.
    too_many = (box.north - box.south) / high * (box.east - box.west) / wide / MOST_SQUARES
    larger = sqrt(max(too_many, 1.0))
    return Grid(high * larger, wide * larger)


def metres_apart(a: Cluster, b: Cluster) -> float:
    """Near enough on a map: the earth is flat within a screen."""
    east = (a.longitude - b.longitude) * cos(radians((a.latitude + b.latitude) / 2))
    return sqrt((a.latitude - b.latitude) ** 2 + east**2) * METRES_A_DEGREE


def apart(clusters: Sequence[Cluster], zoom: int) -> list[Cluster]:
    """The same elevators in circles that do not cover each other: the larger takes in what lies under it."""
    kept: list[Cluster] = []
    for one in sorted(clusters, key=lambda c: (-c.count, c.key)):
        least = APART_PIXELS * _metres_a_pixel(zoom, one.latitude)
        under = next((other for other in kept if metres_apart(one, other) < least), None)
        if under is None:
            kept.append(one)
        else:
            _take_in(under, one)
    return kept


def _metres_a_pixel(zoom: int, latitude: float) -> float:
    tiles = float(2**zoom)
    return 360.0 * METRES_A_DEGREE * cos(radians(latitude)) / (TILE_PIXELS * tiles)


def _take_in(whole: Cluster, part: Cluster) -> None:
    """The circle stays where it is: moved to the new middle it might cover the next one."""
    whole.count += part.count
    whole.near += part.near
    whole.over += part.over
    for name, number in part.by_status.items():
        whole.by_status[name] = whole.by_status.get(name, 0) + number
    for code, number in part.places.items():
        whole.places[code] = whole.places.get(code, 0) + number
    a, b = whole.box, part.box
    whole.box = Box(min(a.south, b.south), min(a.west, b.west), max(a.north, b.north), max(a.east, b.east))


def digits_of_place(zoom: int) -> int:
    """Of a region's code, those that tell apart what a map of that zoom names: cities, districts, streets."""
    return 4 if zoom < 9 else 6 if zoom < 13 else 9


def steady(average: float, average_of_squares: float, low: float, high: float) -> tuple[float, float]:
    """Where most of many values lie: their ends, but no further out than four deviations. One that was typed wrongly
    (0°, or both degrees the wrong way round) must not make the map show the whole earth.
    """
    spread = 4 * sqrt(max(average_of_squares - average**2, 0.0))
    return max(low, average - spread), min(high, average + spread)


def zoom_for(box: Box, width: int = 900, height: int = 560) -> int:
    """The closest zoom that shows the whole box in so many pixels."""
    wide = max(box.east - box.west, 1e-4) / width
    high = max(box.north - box.south, 1e-4) / max(cos(radians((box.south + box.north) / 2)), 0.1) / height
    return min(max(int(log2(360.0 / TILE_PIXELS / max(wide, high))), LEAST_ZOOM), 16)

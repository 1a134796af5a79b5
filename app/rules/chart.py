"""Where things stand on a drawn map and line: pure geometry, so that a page needs no map service and no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, radians


@dataclass(frozen=True, slots=True)
class Frame:
    """A box of latitudes and longitudes as it is drawn in a width and height, north above, its shape kept."""

    south: float
    north: float
    west: float
    east: float
    width: float
    height: float
    margin: float = 24

    @property
    def _east_scale(self) -> float:
        """A degree of longitude in degrees of latitude, in the middle of the box."""
        return max(cos(radians((self.south + self.north) / 2)), 0.01)

    @property
    def _scale(self) -> float:
        """Drawn units for a degree of latitude: the narrower side decides."""
        high = (self.height - 2 * self.margin) / max(self.north - self.south, 1e-6)
        wide = (self.width - 2 * self.margin) / max((self.east - self.west) * self._east_scale, 1e-6)
        return min(high, wide)

    def point(self, latitude: float, longitude: float) -> tuple[float, float]:
        """x to the right and y downwards, both to a tenth."""
        middle_x, middle_y = (self.west + self.east) / 2, (self.south + self.north) / 2
        x = self.width / 2 + (longitude - middle_x) * self._east_scale * self._scale
        y = self.height / 2 - (latitude - middle_y) * self._scale
        return round(x, 1), round(y, 1)


def frame_around(places: Iterable[tuple[float, float]], width: float, height: float) -> Frame | None:
    """The box around latitudes and longitudes; nothing to draw gives none."""
    found = list(places)
    if not found:
        return None
    latitudes, longitudes = zip(*found, strict=True)
    return Frame(min(latitudes), max(latitudes), min(longitudes), max(longitudes), width, height)


def apart(spots: Sequence[tuple[float, float]], wide: float, high: float) -> list[tuple[float, float]]:
    """Labels of that size moved up and down until none covers another; their order from north to south stays."""
    order = sorted(range(len(spots)), key=lambda n: (spots[n][1], spots[n][0]))
    placed: dict[int, tuple[float, float]] = {}
    for number in order:
        x, y = spots[number]
        moved = True
        while moved:
            moved = False
            for other_x, other_y in placed.values():
                # A tenth less, as what was moved by that much stands there only nearly.
                if abs(other_x - x) < wide and abs(other_y - y) < high - 0.1:
                    y, moved = round(other_y + high, 1), True
        placed[number] = x, y
    return [placed[number] for number in range(len(spots))]


Point = tuple[float, float]
# More places than that are told by their names alone: cells too small to be seen.
MOST_CELLS = 60


def cells(spots: Sequence[Point], width: float, height: float, beyond: float = 0) -> list[list[Point]]:
    """For each spot the part of the drawing that is nearest to it, as a polygon; empty where another spot is the same.

    No boundary of anything: only where a colour stands. `beyond` is how far around the drawing the colours go on, for a
    frame of another shape.
    """
    left, top, right, bottom = -beyond, -beyond, width + beyond, height + beyond
    box: list[Point] = [(left, top), (right, top), (right, bottom), (left, bottom)]
    if len(spots) > MOST_CELLS:
        return [[] for _ in spots]
    found = []
    for number, spot in enumerate(spots):
        held = box
        for other_number, other in enumerate(spots):
            if other == spot and other_number < number:
                held = []
            if other != spot and held:
                held = _nearer(held, spot, other)
        found.append([(round(x, 1), round(y, 1)) for x, y in held])
    return found


def _nearer(polygon: Sequence[Point], spot: Point, other: Point) -> list[Point]:
    """What of a convex polygon is nearer to the spot than to the other one."""
    along, down = other[0] - spot[0], other[1] - spot[1]
    half = (other[0] ** 2 + other[1] ** 2 - spot[0] ** 2 - spot[1] ** 2) / 2
    kept: list[Point] = []
    for number, (x, y) in enumerate(polygon):
        before_x, before_y = polygon[number - 1]
        beyond, was = along * x + down * y - half, along * before_x + down * before_y - half
        if (beyond > 0) != (was > 0):
            share = was / (was - beyond)
            kept.append((before_x + (x - before_x) * share, before_y + (y - before_y) * share))
        if beyond <= 0:
            kept.append((x, y))
    return kept


def line(values: Sequence[float | None], low: float, high: float, width: float, height: float) -> list[str]:
    """Points of a line from left to right, one piece for each run of days that have a value."""
    pieces: list[list[str]] = [[]]
    step = width / max(len(values) - 1, 1)
    for number, value in enumerate(values):
        if value is None:
            pieces.append([])
            continue
        share = (value - low) / (high - low) if high > low else 1
        pieces[-1].append(f"{number * step:.1f},{height - share * height:.1f}")
    return [" ".join(piece) for piece in pieces if piece]


def floor_of(values: Iterable[float], steps: Sequence[float] = (99, 98, 95, 90, 80, 50, 0)) -> float:
    """Where a percentage axis begins, so that the lowest value still stands above it."""
    lowest = min(values, default=100)
    return next((step for step in steps if step < lowest), 0)

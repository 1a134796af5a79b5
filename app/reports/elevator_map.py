"""The map of elevators (DSH-03): counted by squares in the database, for the box and zoom that are shown.

What is on the map is what the list shows under the same search, tab and filters, within the same scope. Everything
here is in the register's own coordinates (WGS-84); whoever draws shifts them (`rules/datum.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Select, and_, case, cast, func, select

from app.listing import Listing, Moment, Query
from app.listings import standing
from app.models import Elevator, MaintenanceClock, Region
from app.models.region import LEVEL_DIGITS, digits_below
from app.rules.map_grid import Box, Cluster, apart, digits_of_place, grid, steady

MOST_ROWS = 60
# Elevators by themselves are read one by one, to say of each what it is; more circles than these no screen has.
MOST_CLUSTERS = 400


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a region where its elevators are."""

    name: str
    latitude: float
    longitude: float
    count: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What a box shows: circles, the names beneath them, how many elevators in all."""

    clusters: list[Cluster]
    labels: list[Label]
    count: int
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """A region one level below the reader's: what it has, and how much of that is on no map."""

    code: str
    name: str
    count: int
    in_use: int
    suspended: int
    over: int
    missing: int


@dataclass(frozen=True, slots=True)
class Whole:
    """All elevators under the query: by region, and the box that holds those with a position."""

    places: list[Place]
    box: Box | None
    located: int

    @property
    def missing(self) -> int:
        return sum(place.missing for place in self.places)


def located() -> Any:
    """Its position is known."""
    return and_(Elevator.latitude.is_not(None), Elevator.longitude.is_not(None))


def seen(listing: Listing, moment: Moment, query: Query, box: Box, zoom: int) -> Seen:
    """Circles and names of a box."""
    listing.seek(moment, query)
    squares = grid(zoom, box)
    inside = listing.statement(moment, query).where(*_within(box))
    row, column = square(Elevator.latitude, squares.high, 90), square(Elevator.longitude, squares.wide, 180)
    code = func.substr(Elevator.region_code, 1, digits_of_place(zoom))
    found = moment.session.execute(
        _counting(inside, [row, column, code, Elevator.status], [
            func.count(), func.sum(Elevator.latitude), func.sum(Elevator.longitude), func.min(Elevator.latitude),
            func.max(Elevator.latitude), func.min(Elevator.longitude), func.max(Elevator.longitude),
            func.min(Elevator.id),
        ])
    ).all()  # fmt: skip
    by_square = _clusters(found)
    for name, condition in (("over", standing.maintenance_over), ("near", standing.maintenance_near)):
        late = inside.where(Elevator.status == "in_use", condition(moment), _of_the_region(moment))
        for up, along, number in moment.session.execute(_counting(late, [row, column], [func.count()])):
            if (up, along) in by_square:
                setattr(by_square[up, along], name, number)
    places = _labels(found)
    names = _names(moment, places)
    labels = [
        Label(names[key], latitude / count, longitude / count, count)
        for key, (count, latitude, longitude) in places.items() if key in names
    ]  # fmt: skip
    kept = apart(list(by_square.values()), zoom)[:MOST_CLUSTERS]
    return Seen(kept, labels, sum(row[4] for row in found), names)


def whole(listing: Listing, moment: Moment, query: Query) -> Whole:
    """All of it by the regions below the reader's own, whether on the map or not."""
    listing.seek(moment, query)
    every = listing.statement(moment, query)
    code = func.substr(Elevator.region_code, 1, _digits_below(moment.actor.region_code, query.filters.get("region")))
    on_map = case((located(), 1))
    latitude, longitude = Elevator.latitude, Elevator.longitude
    found = moment.session.execute(
        _counting(every, [code], [
            func.count(), func.count(case((Elevator.status == "in_use", 1))),
            func.count(case((Elevator.status == "suspended", 1))), func.count(on_map),
            func.sum(latitude), func.sum(latitude * latitude), func.min(latitude), func.max(latitude),
            func.sum(longitude), func.sum(longitude * longitude), func.min(longitude), func.max(longitude),
        ])
    ).all()  # fmt: skip
    late = every.where(Elevator.status == "in_use", standing.maintenance_over(moment), _of_the_region(moment))
    over = dict(moment.session.execute(_counting(late, [code], [func.count()])).all())
    names = _names(moment, [row[0] for row in found])
    places = [
        Place(key.ljust(12, "0"), names.get(key, key), count, in_use, suspended, over.get(key, 0), count - on)
        for key, count, in_use, suspended, on, *_ in found
    ]
    return Whole(
        sorted(places, key=lambda p: (-p.count, p.code)), _box(found), sum(row[4] for row in found)
    )


def rows(listing: Listing, moment: Moment, query: Query, box: Box) -> tuple[list[Elevator], int]:
    """The elevators of a box one by one, the first of them, and how many there are: what a circle holds."""
    listing.seek(moment, query)
    inside = listing.statement(moment, query).where(*_within(box))
    count = moment.session.scalar(select(func.count()).select_from(inside.subquery()))
    keys = moment.session.scalars(inside.order_by(Elevator.code, Elevator.id).limit(MOST_ROWS)).all()
    return listing.by_keys(moment.session, keys), int(count or 0)


def singles(listing: Listing, moment: Moment, clusters: Iterable[Cluster]) -> dict[int, Elevator]:
    """The elevators that stand by themselves, by key. They were found within the reader's scope."""
    keys = [one.key for one in clusters if one.count == 1]
    return {row.id: row for row in listing.by_keys(moment.session, keys)}


def _counting(statement: Select[Any], by: list[Any], numbers: list[Any]) -> Any:
    counted = statement.with_only_columns(*by, *numbers, maintain_column_froms=True).group_by(*by)
    return counted.execution_options(skip_scope=True)


def _within(box: Box) -> tuple[Any, ...]:
    return (
        Elevator.latitude >= box.south, Elevator.latitude <= box.north, Elevator.longitude >= box.west,
        Elevator.longitude <= box.east,
    )  # fmt: skip


def _of_the_region(moment: Moment) -> Any:
    """Said of the clock as well, so that the few that are late are found by its index."""
    span = moment.actor.region_span
    if span is None or moment.actor.sees_everything:
        return MaintenanceClock.in_use
    return and_(
        MaintenanceClock.in_use, MaintenanceClock.region_code >= span[0], MaintenanceClock.region_code < span[1]
    )


def square(column: Any, size: float, shift: int) -> Any:
    """The number of the square from the map's edge. Both databases round; only one of them knows what a floor is."""
    return cast(func.round((column + shift) / size - 0.5), Integer)


def _clusters(found: Iterable[Any]) -> dict[tuple[int, int], Cluster]:
    made: dict[tuple[int, int], Cluster] = {}
    sums: dict[tuple[int, int], tuple[float, float]] = {}
    for up, along, code, status, count, latitude, longitude, south, north, west, east, key in found:
        square = up, along
        held = made.get(square)
        if held is None:
            held = made[square] = Cluster(0, 0.0, 0.0, Box(south, west, north, east), key)
            sums[square] = 0.0, 0.0
        held.count += count
        held.key = min(held.key, key)
        held.by_status[status] = held.by_status.get(status, 0) + count
        held.places[code] = held.places.get(code, 0) + count
        box = held.box
        held.box = Box(min(box.south, south), min(box.west, west), max(box.north, north), max(box.east, east))
        sums[square] = sums[square][0] + latitude, sums[square][1] + longitude
    for square, held in made.items():
        held.latitude, held.longitude = (total / held.count for total in sums[square])
    return made


def _labels(found: Iterable[Any]) -> dict[str, tuple[int, float, float]]:
    """Each region of the box with the sums of where its elevators are."""
    made: dict[str, tuple[int, float, float]] = {}
    for _up, _along, code, _status, count, latitude, longitude, *_ in found:
        held = made.get(code, (0, 0.0, 0.0))
        made[code] = held[0] + count, held[1] + latitude, held[2] + longitude
    return made


def _names(moment: Moment, codes: Iterable[str]) -> dict[str, str]:
    whole_codes = {code.ljust(12, "0"): code for code in codes}
    known = select(Region.code, Region.name).where(Region.code.in_(list(whole_codes)))
    return {whole_codes[code]: name for code, name in moment.session.execute(known)}


def _digits_below(own: str | None, asked: str | None) -> int:
    """Digits that tell apart the regions one level below the one that is looked at."""
    code = asked or own
    return LEVEL_DIGITS["city"] if code is None else digits_below(code)


def _box(found: Iterable[Any]) -> Box | None:
    """Where most of them are."""
    held = [row for row in found if row[4]]
    if not held:
        return None
    count = sum(row[4] for row in held)
    ends = []
    for at in (5, 9):
        average, squares = (sum(row[at + n] for row in held) / count for n in (0, 1))
        ends.append(steady(average, squares, min(row[at + 2] for row in held), max(row[at + 3] for row in held)))
    (south, north), (west, east) = ends
    return Box(south, west, north, east)



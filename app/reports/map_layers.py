"""What lies on the map besides elevators, each a small function over a box: rescues and work that go on now, firms'
places.

A function with `@layer` is all that another one needs: the page offers it to who holds the verb, fetches a live one
anew every half minute, and lists it beside the map. Scope is the function's own to apply, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.listing import Moment
from app.listings.rescues import OPEN as OPEN_RESCUES
from app.models import Elevator, Rescue, Unit, Visit
from app.models.choices import word
from app.models.rescue import RESCUE_LEVEL, RESCUE_STATUS
from app.permissions import Verb
from app.rules.map_grid import Box
from app.wording import say

MOST = 300


@dataclass(frozen=True, slots=True)
class Spot:
    """One place of a layer: what it is, a second line, where it leads."""

    latitude: float
    longitude: float
    title: str
    text: str
    link: str


@dataclass(frozen=True, slots=True)
class Layer:
    """A kind of spots; a live one changes while one looks."""

    name: str
    label: Any
    verb: Verb
    tone: str
    live: bool
    spots: Callable[[Moment, Box], Iterable[Spot]]


LAYERS: dict[str, Layer] = {}


def layer(name: str, label: Any, verb: Verb, tone: str, live: bool = False) -> Callable[[Any], Any]:
    """Declare a layer by its function."""

    def declare(spots: Callable[[Moment, Box], Iterable[Spot]]) -> Any:
        LAYERS[name] = Layer(name, label, verb, tone, live, spots)
        return spots

    return declare


@layer("rescues", _l("正在救援"), Verb.RESCUE_READ, tone="over", live=True)
def _rescues(moment: Moment, box: Box) -> Iterable[Spot]:
    """Open cases; the oldest waits longest."""
    statement = (
        select(Rescue, Elevator.latitude, Elevator.longitude)
        .join(Elevator, Elevator.id == Rescue.elevator_id)
        .where(OPEN_RESCUES, *_inside(Elevator, box))
        .order_by(Rescue.reported_at, Rescue.id)
        .limit(MOST)
    )
    # A helper sees the case of an elevator that is not his; where it lies is told with it. 涉密 ones see who may.
    seen = scope.apply(statement, moment.actor, Rescue).execution_options(skip_scope=True)
    for row, latitude, longitude in moment.session.execute(seen):
        said = say(
            "%(level)s救援　%(status)s　%(n)s 分钟前报警", level=word(RESCUE_LEVEL, row.level),
            status=word(RESCUE_STATUS, row.status), n=max(0, int((moment.now - row.reported_at).total_seconds() // 60)),
        )  # fmt: skip
        yield Spot(latitude, longitude, row.place, said, f"/rescues/{row.id}")


@layer("visits", _l("正在维保"), Verb.VISIT_READ, tone="info", live=True)
def _going(moment: Moment, box: Box) -> Iterable[Spot]:
    """Visits that began and have not ended."""
    statement = (
        select(Visit)
        .join(Elevator, Elevator.id == Visit.elevator_id)
        .where(Visit.state == "open", *_inside(Elevator, box))
        .options(joinedload(Visit.elevator), joinedload(Visit.worker), joinedload(Visit.unit))
        .order_by(Visit.checked_in_at, Visit.id)
        .limit(MOST)
    )
    # Both must be seen: the visit, and the elevator whose place it shows.
    seen = scope.apply(statement, moment.actor, Visit, Elevator).execution_options(skip_scope=True)
    for row in moment.session.scalars(seen):
        at = f"{clock.local(row.checked_in_at):%H:%M}"
        said = say("%(unit)s　%(time)s 签到", unit=row.unit.name, time=at)
        yield Spot(row.elevator.latitude, row.elevator.longitude, row.elevator.code, said, f"/visits/{row.id}")


@layer("units", _l("维保单位驻地"), Verb.UNIT_READ, tone="unit")
def _stations(moment: Moment, box: Box) -> Iterable[Spot]:
    """Maintenance units whose office has a point."""
    statement = (
        select(Unit)
        .where(Unit.approved_version > 0, Unit.is_maintenance, *_inside(Unit, box))
        .order_by(Unit.id).limit(MOST)
    )  # fmt: skip
    for row in moment.session.scalars(scope.apply(statement, moment.actor, Unit).execution_options(skip_scope=True)):
        where = row.office_address or row.address or ""
        yield Spot(row.latitude, row.longitude, row.name, where, f"/units/{row.id}")


def _inside(model: Any, box: Box) -> tuple[Any, ...]:
    return (
        model.latitude >= box.south, model.latitude <= box.north, model.longitude >= box.west,
        model.longitude <= box.east,
    )  # fmt: skip

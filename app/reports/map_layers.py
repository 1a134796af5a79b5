"""What lies on the map besides elevators, each a small function over a box: rescues and work that go on now, firms'
places, devices.

A function with `@layer` is all that another one needs: the page offers it to who holds the verb, fetches a live one
anew every half minute, and lists it beside the map. Scope is the function's own to apply, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, case, func, not_, select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.listing import Moment
from app.listings import iot
from app.listings.rescues import OPEN as OPEN_RESCUES
from app.models import Elevator, IotDevice, IotLive, Rescue, Unit, Visit
from app.models.choices import word
from app.models.rescue import RESCUE_LEVEL, RESCUE_STATUS
from app.permissions import Verb
from app.reports.elevator_map import square
from app.rules.map_grid import Box, Cluster, apart, grid, zoom_for
from app.wording import say, together

MOST = 300


@dataclass(frozen=True, slots=True)
class Spot:
    """One place of a layer: what it is, a second line, where it leads; `tone` where it is not the layer's."""

    latitude: float
    longitude: float
    title: str
    text: str
    link: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Heap:
    """Many of them drawn as one circle, with how many are of each tone."""

    cluster: Cluster
    title: str
    text: str
    ring: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A kind of spots; a live one changes while one looks. `shown`: without being asked for."""

    name: str
    label: Any
    verb: Verb
    tone: str
    live: bool
    spots: Callable[[Moment, Box], Iterable[Spot | Heap]]
    shown: bool = True


LAYERS: dict[str, Layer] = {}


def layer(
    name: str, label: Any, verb: Verb, tone: str, live: bool = False, shown: bool | None = None
) -> Callable[[Any], Any]:
    """Declare a layer by its function; a live one is shown at once, unless it says otherwise."""

    def declare(spots: Callable[[Moment, Box], Iterable[Spot | Heap]]) -> Any:
        LAYERS[name] = Layer(name, label, verb, tone, live, spots, live if shown is None else shown)
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


# How a device is drawn by its state, the worst first.
DEVICE_TONE = {"trouble": "over", "offline": "near", "online": "ok"}


@layer("devices", _l("物联网设备"), Verb.IOT_READ, tone="device-ok", live=True, shown=False)
def _devices(moment: Moment, box: Box) -> Iterable[Spot | Heap]:
    """Bound devices with their state, one by one; where a screen would hold too many, counted by squares."""
    # Keys alone and in no order: the reading ends as soon as there are too many.
    statement = (
        select(IotDevice.id).join(Elevator, Elevator.id == IotDevice.elevator_id)
        .where(iot.HELD, *_inside(Elevator, box)).limit(MOST + 1)
    )  # fmt: skip
    seen = scope.apply(statement, moment.actor, IotDevice, Elevator).execution_options(skip_scope=True)
    keys = sorted(moment.session.scalars(seen))
    if len(keys) > MOST:
        yield from _heaps(moment, box)
        return
    for row in iot.DEVICES.by_keys(moment.session, keys):
        state, lift = iot.state_of(row), row.elevator
        heard = f"{clock.local(row.live.seen_at):%m-%d %H:%M}" if row.live is not None else None
        parts = [word(iot.DEVICE_STATE, state), iot.trouble_of(row)]
        parts.append(say("最近通信 %(at)s", at=heard) if heard else say("从未上报"))
        said = together([str(part) for part in parts if part], "　")
        title = together([lift.code, lift.place], "　")
        yield Spot(lift.latitude, lift.longitude, title, said, f"/iot/devices/{row.id}", f"device-{DEVICE_TONE[state]}")


def _heaps(moment: Moment, box: Box) -> Iterable[Heap]:
    """Circles of devices, on the same grid as those of elevators."""
    zoom = zoom_for(box)
    squares = grid(zoom, box)
    row, column = square(Elevator.latitude, squares.high, 90), square(Elevator.longitude, squares.wide, 180)
    trouble = iot.in_trouble()
    many = [func.count(case((trouble, 1))), func.count(case((and_(iot.online(moment), not_(trouble)), 1)))]
    statement = (
        select(
            row, column, func.count(), *many, func.sum(Elevator.latitude), func.sum(Elevator.longitude),
            func.min(Elevator.latitude), func.min(Elevator.longitude), func.max(Elevator.latitude),
            func.max(Elevator.longitude), func.min(IotDevice.id),
        )
        .select_from(IotDevice).join(Elevator, Elevator.id == IotDevice.elevator_id)
        .outerjoin(IotLive, IotLive.device_id == IotDevice.id)
        .where(iot.HELD, *_inside(Elevator, box)).group_by(row, column)
    )  # fmt: skip
    seen = scope.apply(statement, moment.actor, IotDevice, Elevator).execution_options(skip_scope=True)
    found = [
        Cluster(count, latitude / count, longitude / count, Box(*ends), key,
                {"trouble": bad, "online": good, "offline": count - bad - good})
        for _up, _along, count, bad, good, latitude, longitude, *ends, key in moment.session.execute(seen)
    ]  # fmt: skip
    for one in apart(found, zoom):
        ring = [(name, one.by_status.get(name, 0)) for name in DEVICE_TONE]
        said = [
            say("%(word)s %(n)s", word=word(iot.DEVICE_STATE, name), n=f"{n:,}") for name, n in ring if n
        ]
        yield Heap(
            one, say("%(n)s 台物联网设备", n=f"{one.count:,}"), together(said, "　"),
            tuple((DEVICE_TONE[name], n) for name, n in ring if n),
        )  # fmt: skip


def _inside(model: Any, box: Box) -> tuple[Any, ...]:
    return (
        model.latitude >= box.south, model.latitude <= box.north, model.longitude >= box.west,
        model.longitude <= box.east,
    )  # fmt: skip

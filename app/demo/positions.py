"""The demo region's captures on site, a correction that waits for an officer, parts with a life and landing doors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app import clock
from app.demo.office import actor_named, main_of
from app.models import Application, Elevator
from app.permissions import Actor
from app.rules import labels as label_rules
from app.rules.positions import Sample
from app.workflows.filing import captures, components, corrections, landing_doors
from app.workflows.filing.captures import Survey
from app.workflows.filing.components import Part
from app.workflows.filing.landing_doors import Found
from app.workflows.on_site import labels
from app.workflows.on_site.labels import Wanted

# Name, how many days ago it was put in, how many months it lasts.
PARTS = (("门滑块", 200, 6), ("制动器闸瓦", 165, 6), ("导靴靴衬", 60, None), ("曳引钢丝绳", 400, 60))
METRE = 1 / 111_320
# What was found of the label at the elevators, and how many hours ago.
FOUND = (
    ("damaged", "mobile", 70, "标牌被划花，扫不出来"), ("none", "none", 46, "新装轿厢，还没有贴"),
    ("intact", "all", 20, ""),
)  # fmt: skip


def make(session: Any, at: dt.datetime) -> None:
    """Labels that a worker saw, and one elevator that stands elsewhere than its record says; once."""
    worker = actor_named(session, "weibao_yuan")
    kind = corrections.KIND.value
    if worker is None or session.scalar(select(Application.id).where(Application.kind == kind).limit(1)) is not None:
        return
    lifts = session.scalars(
        select(Elevator)
        .where(
            Elevator.maintenance_unit_id == worker.unit_id, Elevator.status == "in_use",
            Elevator.filing_state == "approved", Elevator.is_secret.is_(False), Elevator.latitude.is_not(None),
        )
        .order_by(Elevator.id)
        .limit(len(FOUND) + 1)
    ).all()  # fmt: skip
    for lift, (plate, network, hours, note) in zip(lifts, FOUND, strict=False):
        if (lift.plate_state, lift.network) != (plate, network):
            survey = Survey(plate_state=plate, network=network, note=note)
            captures.capture(session, worker, lift.id, survey, at - dt.timedelta(hours=hours))
    if len(lifts) > len(FOUND):
        lift = lifts[-1]
        readings = [
            Sample((lift.latitude or 0) + (150 + n) * METRE, (lift.longitude or 0) + n * METRE, 7 + n) for n in range(5)
        ]
        survey = Survey(readings, note="档案里的位置是小区门口，电梯在最里面一幢")
        captures.capture(session, worker, lift.id, survey, at - dt.timedelta(hours=5))
    clerk = actor_named(session, "weibao_wenyuan")
    if clerk is not None and lifts:
        _parts(session, clerk, lifts[0], at)
    if worker.unit_id is not None:
        _labels(session, main_of(session, worker.unit_id), lifts, at)


def _labels(session: Any, head: Actor, lifts: Sequence[Elevator], at: dt.datetime) -> None:
    """What came of it: a new label that waits for its first scan, a temporary one, one that was replaced."""
    today = clock.local_day(at)
    for lift, what in zip(lifts, ("waits", "temporary", "replaced"), strict=False):
        if what == "temporary":
            until = today + dt.timedelta(days=10)
            labels.temporary(session, head, lift.id, until, "新标牌制作中，先贴临时标牌", at - dt.timedelta(hours=40))
            continue
        then = at - dt.timedelta(hours=60 if what == "waits" else 200)
        latest = clock.local_day(then) + dt.timedelta(days=30)
        reason = "damaged" if what == "waits" else "changed"
        row = labels.replace(session, head, lift.id, Wanted(reason, "", label_rules.ON_SCAN, latest), then)
        if what == "replaced":
            labels.put_up(session, head, lift.id, row.id, then + dt.timedelta(hours=30))


def _parts(session: Any, clerk: Actor, lift: Elevator, at: dt.datetime) -> None:
    """Of one elevator: a part whose life is over, one that is near, others, and its landing doors."""
    today = clock.local_day(at)
    for name, days, months in PARTS:
        part = Part(name, today - dt.timedelta(days=days), months, installed_by=clerk.name)
        components.add(session, clerk, lift.id, part, at)
    if lift.stops and landing_doors.has_doors(lift).ok:
        landing_doors.generate(session, clerk, lift.id, 1, at)
        doors = landing_doors.of_elevator(session, clerk, lift.id)
        found = {doors[0].id: Found("adjust", "关门有异响"), doors[-1].id: Found("damaged", "门扇下沿变形")}
        landing_doors.check(session, clerk, lift.id, found, today, at)

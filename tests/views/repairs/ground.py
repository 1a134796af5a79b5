"""What tests of repairs on the pages need: a photo, a report, an order that a worker has."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from app import clock
from app.models import RepairOrder
from app.transaction import transaction
from app.workflows.repair import repair_work, repairs
from tests.factories import World, picture

H, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)


def photo() -> tuple[io.BytesIO, str]:
    return io.BytesIO(picture()), "现场.png"


def report(world: World, who: str = "safety_officer", ago: dt.timedelta = H, **more: Any) -> RepairOrder:
    given: dict[str, Any] = {
        "elevator_id": world.own.id, "level": "stopped", "fault": "停在 6 楼", "note": "", "at": clock.now() - ago,
    } | more  # fmt: skip
    with transaction(world.session):
        return repairs.report(world.session, world.actor(who), **given)


def assigned(world: World, **more: Any) -> RepairOrder:
    row = report(world, **more)
    with transaction(world.session):
        return repair_work.assign(
            world.session, world.actor("clerk"), row.id, world.worker.id, [], row.reported_at + MINUTE
        )

"""What the tests of inspections share: an inspection unit with its people, entries that pass, one-line verbs."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from app import scope
from app.models import Inspection
from app.permissions import Actor, Role
from app.transaction import transaction
from app.workflows.files import attachments
from app.workflows.inspection import inspections
from app.workflows.inspection.inspections import Entry
from tests.factories import World, actor, make_account, make_unit

AT = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)  # 10:00 in Shanghai
TODAY = dt.date(2026, 11, 20)


def inspecting(world: World, region_code: str = "980402000000", name: str = "临河特种设备检测院") -> Actor:
    """Somebody of an inspection unit of the district."""
    unit = make_unit(world.session, name, region_code=region_code, is_inspection=True)
    account = make_account(world.session, Role.TESTER, unit=unit, is_main=True)
    world.session.commit()
    return actor(account)


def entry(**values: Any) -> Entry:
    return Entry(**(
        {"kind": "periodic", "number": "LH-2026-0001", "done_on": dt.date(2026, 11, 10), "result": "passed"} | values
    ))  # fmt: skip


def enter(world: World, who: Actor, elevator_id: int | None = None, at: dt.datetime = AT, **values: Any) -> Inspection:
    more = {n: values.pop(n) for n in ("batch_id", "taken_over", "scans") if n in values}
    if who.unit_id is None:
        values = {"tested_by": "临河特种设备检测院"} | values
    with scope.acting(who), transaction(world.session):
        return inspections.enter(world.session, who, elevator_id or world.own.id, entry(**values), at, **more)


def report(world: World, who: Actor, at: dt.datetime = AT, entity: str = "application") -> int:
    """A scan that somebody uploaded."""
    with transaction(world.session):
        return attachments.store(
            world.session, who, at, io.BytesIO(b"%PDF-1.7"), "报告.pdf", "inspection", entity, None, who.unit_id,
            "980402000000",
        ).id  # fmt: skip

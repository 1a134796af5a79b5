"""A region compared with the provincial register."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import Elevator, Notification, ProvincialDifference, ProvincialRun
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.partners import provincial
from tests.factories import World, make_elevator
from tests.workflows.provincial.ground import DISTRICT, item, outcomes, simulator, worked_off

pytestmark = pytest.mark.feature("INT-01")


def begin_region(world: World, region: str = DISTRICT, persona: str | None = None) -> int:
    with transaction(world.session) as session:
        actor = SYSTEM if persona is None else world.actor(persona)
        run = provincial.begin_region(session, actor, region, clock.now())
        key, job = run.id, run.job_id
    assert job is not None
    return worked_off(world, key, job)


def fleet(world: World, many: int) -> list[Elevator]:
    rows = [
        make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(many)
    ]
    world.session.commit()
    return rows


def test_a_night_compares_a_whole_region_through_faults(
    app: Any, world: World, use: Any, tmp_path: Path, monkeypatch: Any
) -> None:  # fmt: skip
    monkeypatch.setattr("app.channels.provincial.PAGE", 5)
    rows = fleet(world, 23)
    items = [item(world, row) for row in rows] + [item(world, world.foreign), item(world, code="TC900001")]
    items[4]["floors"] = 33
    switches = ("--errors", "0.3", "--malformed", "0.15", "--seed", "4")
    with simulator(tmp_path, items, *switches) as register:
        use(register)
        run = begin_region(world)
        assert register.slept  # type: ignore[attr-defined]
    found = outcomes(world, run)
    assert len(found) == 24 and world.foreign.code not in found
    assert found[rows[4].code] == "different" and found["TC900001"] == "different"
    assert sum(outcome == "matched" for outcome in found.values()) == 22
    # By night nobody asked for it: no draft, but a row to decide on.
    assert world.session.scalar(select(func.count()).where(Elevator.code == "TC900001")) == 0
    kinds = world.session.scalars(select(ProvincialDifference.kind).order_by(ProvincialDifference.kind)).all()
    assert kinds == ["fields", "new"]
    told = select(Notification.title).where(Notification.topic == "provincial").execution_options(skip_scope=True)
    assert any("2 台电梯与省平台不一致" in title for title in world.session.scalars(told))


def test_a_list_that_changes_under_ones_feet_is_read_from_its_head(
    app: Any, world: World, use: Any, tmp_path: Path, monkeypatch: Any
) -> None:  # fmt: skip
    monkeypatch.setattr("app.channels.provincial.PAGE", 5)
    rows = fleet(world, 22)
    with simulator(tmp_path, [item(world, row) for row in rows], "--shift") as register:
        use(register)
        run = begin_region(world, persona="region_admin")
    found = outcomes(world, run)
    assert set(found.values()) == {"matched"} and 15 <= len(found) <= 22
    held = world.session.get(ProvincialRun, run)
    assert held is not None and held.asked == len(found) == held.matched

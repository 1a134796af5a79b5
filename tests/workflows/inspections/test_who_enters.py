"""Who enters inspections, and of which elevators."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from app import scope
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Inspection
from app.permissions import Actor, Role
from tests.factories import World
from tests.workflows.inspection_world import enter, inspecting
from tests.workflows.inspections.ground import set_up

pytestmark = [pytest.mark.feature("INS-01"), pytest.mark.usefixtures("folder")]


def test_inspection_people_enter_for_the_elevators_where_their_unit_is(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    row = enter(world, who, tested_by="别的院", tested_by_id=world.firm.id)
    assert (row.tested_by_id, row.tested_by) == (who.unit_id, "临河特种设备检测院")
    with pytest.raises(NotFound):
        enter(world, who, world.foreign.id)
    world.own.is_secret = True
    world.session.commit()
    with pytest.raises(NotFound):
        enter(world, who, number="2")


def test_a_unit_that_is_no_inspection_unit_enters_nothing(world: World) -> None:
    set_up(world)
    who = replace(inspecting(world), unit_id=world.firm.id)
    with pytest.raises(Refusal, match="不是备案通过的检验单位"):
        enter(world, who)


@pytest.mark.parametrize("who", ["maintenance_head", "use_head", "worker", "safety_officer"])
def test_units_enter_no_inspection(world: World, who: str) -> None:
    with pytest.raises(NotAllowed):
        enter(world, world.actor(who))


def test_the_regulator_enters_by_name_or_by_unit_of_his_region_only(world: World) -> None:
    set_up(world)
    who = world.actor("inspector")
    assert enter(world, who).tested_by == "临河特种设备检测院"
    with pytest.raises(NotFound):
        enter(world, world.actor("other_inspector"), number="2")
    with pytest.raises(Refusal, match="不是备案通过的检验单位"):
        enter(world, who, number="3", tested_by_id=world.firm.id)


def test_not_before_the_filing_is_approved_nor_of_what_is_scrapped(world: World) -> None:
    set_up(world, status="scrapped")
    with pytest.raises(Refusal, match="报废"):
        enter(world, world.actor("inspector"))
    set_up(world, status="in_use", approved_version=0, filing_state="draft")
    with pytest.raises(Refusal, match="尚未审核通过"):
        enter(world, world.actor("inspector"))


def test_a_worker_of_a_firm_that_also_inspects_reads_no_more_than_his_own(world: World) -> None:
    """What the firm signed is its testers' and its office's; of a worker what is assigned to him."""
    set_up(world)
    world.firm.is_inspection = True
    world.session.commit()
    who = replace(world.actor("inspector"), region_code="980400000000")
    own = enter(world, who, tested_by_id=world.firm.id)
    foreign = enter(world, who, world.foreign.id, number="2", tested_by_id=world.firm.id)
    worker = replace(world.actor("worker"), sees_all_elevators=False)
    tester = replace(worker, roles=frozenset({Role.TESTER}))

    def seen(actor: Actor) -> set[int]:
        return set(world.session.scalars(scope.apply(select(Inspection.id), actor, Inspection)))

    assert seen(worker) <= {own.id}
    assert seen(tester) >= {own.id, foreign.id}
    assert seen(world.actor("maintenance_head")) >= {own.id, foreign.id}

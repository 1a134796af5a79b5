"""Clocks of inspections at night, two reports at once, and nobody who inspects what he maintains."""

from __future__ import annotations

import pytest

from app import scope
from app.errors import Refusal
from app.transaction import transaction
from app.workflows.inspection import inspection_clocks, inspections
from tests.factories import World, make_policy
from tests.workflows.inspection_world import AT, enter, entry, inspecting
from tests.workflows.inspections.ground import D, held, set_up

pytestmark = [pytest.mark.feature("INS-01"), pytest.mark.usefixtures("folder")]


@pytest.mark.feature("INS-02")
def test_the_night_tells_clocks_of_elevators_without_records_and_after_a_change_of_policy(world: World) -> None:
    set_up(world, governor_on=D(2025, 3, 1), next_inspection_on=D(2028, 11, 15))
    assert inspection_clocks.refresh_all(world.session, AT) == 2
    assert (held(world).governor_due_on, held(world).next_kind) == (D(2027, 3, 1), "self_test")
    assert inspection_clocks.refresh_all(world.session, AT) == 0
    make_policy(world.session, "governor_months", 12)
    make_policy(world.session, "inspection_years", "1")
    world.session.commit()
    assert inspection_clocks.refresh_all(world.session, AT) == 1
    assert (held(world).governor_due_on, held(world).next_kind) == (D(2026, 3, 1), "periodic")


def test_two_at_once_of_one_report_make_one(world: World) -> None:
    """What the check did not see the table's key does."""
    set_up(world)
    who = world.actor("inspector")
    with scope.acting(who), transaction(world.session):
        elevator = inspections.held(world.session, who, world.own.id)
        given = entry(tested_by="甲院")
        found = inspections.judged(world.session, who, elevator, given, AT)
        inspections.make(world.session, who, elevator, given, found, AT, counts=True)
        with pytest.raises(Refusal, match="刚刚已经登记"):
            inspections.make(world.session, who, elevator, given, found, AT, counts=True)


@pytest.mark.feature("INS-01")
@pytest.mark.parametrize(
    ("kind", "may"), [("periodic", False), ("supervision", False), ("test", False), ("self_test", True)]
)
def test_nobody_inspects_what_he_maintains(world: World, kind: str, may: bool) -> None:
    who = inspecting(world)
    world.own.maintenance_unit_id = who.unit_id
    world.session.commit()
    if may:
        assert enter(world, who, kind=kind).id
    else:
        with pytest.raises(Refusal, match="由本单位维保或使用"):
            enter(world, who, kind=kind)

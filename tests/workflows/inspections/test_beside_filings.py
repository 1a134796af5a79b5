"""An inspection beside a filing under review and beside a draft: neither undoes the other."""

from __future__ import annotations

import pytest

from app import scope
from app.errors import Refusal
from app.models import Elevator
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.filing import filing
from tests.factories import World
from tests.workflows.inspection_world import AT, enter, inspecting
from tests.workflows.inspections.ground import D, annul, days, lift, set_up

pytestmark = [pytest.mark.feature("INS-01"), pytest.mark.usefixtures("folder")]


def test_while_a_filing_is_under_review_the_register_waits_for_it(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    head = world.actor("maintenance_head")
    with scope.acting(head), transaction(world.session):
        filing.save_draft(world.session, head, Elevator, world.own, {"note": "改了备注"}, AT)
        application = filing.submit(world.session, head, world.own, AT)
    row = enter(world, who)
    assert row.replaced is None and days(world)[:2] == (None, D(2026, 11, 15))
    with pytest.raises(Refusal, match="正在审核"):
        annul(world, who, row)
    with transaction(world.session):
        applications.decide(
            world.session, world.actor("inspector"), application.id, "approve", "同意", application.row_version, AT
        )
    assert lift(world).note == "改了备注"
    assert days(world)[:2] == (D(2026, 11, 10), D(2027, 11, 30))


def test_a_draft_that_is_submitted_later_does_not_undo_it(world: World) -> None:
    set_up(world)
    head = world.actor("maintenance_head")
    with scope.acting(head), transaction(world.session):
        filing.save_draft(world.session, head, Elevator, world.own, {"note": "改了备注"}, AT)
    enter(world, inspecting(world))
    with scope.acting(head), transaction(world.session):
        application = filing.submit(world.session, head, lift(world), AT)
    with transaction(world.session):
        applications.decide(
            world.session, world.actor("inspector"), application.id, "approve", "同意", application.row_version, AT
        )
    assert (lift(world).note, days(world)[0]) == ("改了备注", D(2026, 11, 10))

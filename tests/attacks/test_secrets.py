"""Attacks on what is kept quiet: elevators of 涉密, places, tokens in logs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Notification
from app.rules.complaints import MOST_UNKNOWN
from app.transaction import transaction
from app.workflows.access import signin
from app.workflows.approval import delegations
from app.workflows.core.actors import actor_of
from app.workflows.visits import visits
from tests.factories import World
from tests.reminded import reminded
from tests.workflows.clock_world import add_visit
from tests.workflows.invitations.ground import AT

pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.mark.feature("LIF-07", "ELV-01")
def test_no_reminder_names_a_secret_elevator_to_who_may_not_know_of_it(app: Any, session: Any, world: World) -> None:
    """The round that reminds told the whole office, and whoever stood in for its officer."""
    admin, inspector = world.accounts["region_admin"], world.accounts["inspector"]
    row = SimpleNamespace(
        officer_id=None, state="submitted", submitted_by_id=None, endorsed_by_id=None, region_code="980402000000",
        elevator_id=world.own.id,
    )  # fmt: skip
    today = signin.clock.today()
    assert set(reminded(session, row, today)) == {admin.id, inspector.id}
    with transaction(session):
        delegations.name(session, actor_of(admin), inspector.id, today, today, "", signin.clock.now())
        world.own.is_secret = True
        session.flush()
    assert reminded(session, row, today) == [admin.id]
    row.officer_id = admin.id
    assert reminded(session, row, today) == [admin.id]
    with transaction(session):
        world.own.is_secret = False
    assert set(reminded(session, row, today)) == {admin.id, inspector.id}


@pytest.mark.feature("MNT-09", "ELV-01")
@pytest.mark.parametrize("secret", [True, False])
def test_no_objection_names_a_secret_elevator_to_who_may_not_know_of_it(
    app: Any, session: Any, world: World, secret: bool
) -> None:
    visit = add_visit(session, world.own, world.worker, AT.date())
    world.own.is_secret = secret
    session.commit()
    with transaction(session):
        visits.object_to(session, world.actor("use_head"), visit.id, "当日没有人来", AT)
    told = set(session.scalars(select(Notification.recipient_id).where(Notification.topic == "visit.objection")))
    assert world.accounts["region_admin"].id in told
    assert (world.accounts["inspector"].id in told) is not secret


@pytest.mark.feature("PER-01")
def test_no_log_has_the_token_of_a_link(app: Any, world: World, caplog: pytest.LogCaptureFixture) -> None:
    token = "Ab9_-" * 8 + "xyz"
    caplog.set_level("INFO", "app.requests")
    app.test_client().get(f"/m/join/{token}")
    said = [str(record.msg) for record in caplog.records if record.name == "app.requests"]
    assert any("/m/join/Ab9_-A…" in line for line in said) and not any(token[:12] in line for line in said)


FROM = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.mark.feature("RES-01", "CMP-01")
def test_who_walks_tokens_is_told_no_place_by_the_form_for_rescue_either(client: Any, world: World) -> None:
    page = f"/m/p/{world.own.public_token}/trapped"
    assert world.own.address in client.get(page, environ_overrides=FROM).text
    for number in range(MOST_UNKNOWN):
        client.get(f"/m/p/none{number}", environ_overrides=FROM)
    told = client.get(page, environ_overrides=FROM)
    assert told.status_code == 200 and world.own.address not in told.text and world.own.code in told.text

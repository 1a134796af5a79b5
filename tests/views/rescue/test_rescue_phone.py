"""RES-02: on the phone of whoever goes there."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import RescueStep
from app.transaction import transaction
from app.workflows.rescue import rescue_desk, rescue_help
from tests.factories import World
from tests.views.rescue.ground import FORM, M, post, report, row_of

pytestmark = pytest.mark.feature("RES-05")


@pytest.mark.feature("RES-06")
def test_on_the_phone_from_the_notice_to_the_end(world: World, sign_in: Any) -> None:
    key = report(world)
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now())
    world.session.commit()
    worker = sign_in(world.accounts["worker"])
    assert "待接单 1" in worker.get("/m/").text
    page = worker.get("/m/rescues").text
    assert f"/m/rescues/{key}" in page and "剩" in page
    page = worker.get(f"/m/rescues/{key}").text
    assert "接单" in page and "geo:30.5,120.5" in page
    now = clock.now().isoformat()
    for clock_said in (now, "2031-01-01T00:00:00Z", "昨天"):
        answer = post(
            worker, f"/m/rescues/{key}", verb="accept", phone_at=clock_said, latitude="30.5", longitude="120.5"
        )
        assert answer.status_code == 200 and "已接单" in answer.text
    world.session.rollback()
    steps = world.session.scalars(select(RescueStep).where(RescueStep.verb == "accept")).all()
    assert len(steps) == 1 and steps[0].phone_at is not None and steps[0].latitude == 30.5
    colleague = sign_in(world.accounts["clerk"])
    assert "已到达" in post(colleague, f"/m/rescues/{key}", verb="arrive", latitude="x", longitude="").text
    assert post(worker, f"/m/rescues/{key}", verb="free", outcome="entrapment").status_code == 422
    assert "辛苦了" in post(worker, f"/m/rescues/{key}", verb="free", **FORM).text
    assert row_of(world, key).status == "freed"
    assert sign_in(world.accounts["other_worker"]).get(f"/m/rescues/{key}").status_code == 404


@pytest.mark.feature("RES-06")
def test_after_escalation_the_phone_says_who_goes(world: World, sign_in: Any) -> None:
    key = report(world, 20)
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now() - 18 * M)
        rescue_help.act(session, key, clock.now() - 10 * M)
    world.session.commit()
    answer = post(sign_in(world.accounts["worker"]), f"/m/rescues/{key}", verb="accept")
    assert answer.status_code == 422 and world.other_firm.name in answer.text
    helper = sign_in(world.accounts["other_worker"])
    assert f"/m/rescues/{key}" in helper.get("/m/rescues").text
    assert "已接单" in post(helper, f"/m/rescues/{key}", verb="accept").text
    # Who helps sees the case, and the elevator's own record stays its owner's.
    assert f"/elevators/{world.own.id}" not in helper.get(f"/rescues/{key}", follow_redirects=True).text


@pytest.mark.feature("RES-01")
def test_a_guard_reports_people_shut_in_without_standing_at_the_label(world: World, sign_in: Any) -> None:
    """Who hears the bell in the guards' room has the register before him, not the code on the car."""
    guard = sign_in(world.accounts["safety_officer"])
    own = world.own
    for door in ("/rescues/", "/m/rescues", "/m/reviews", "/"):
        assert 'href="/m/rescues/new"' in guard.get(door).text, door
    assert f'href="/m/rescues/new?elevator_id={own.id}"' in guard.get(f"/elevators/{own.id}").text
    page = guard.get("/m/rescues/new").text
    assert f'href="/m/rescues/new?elevator_id={own.id}"' in page and world.foreign.code not in page
    form = guard.get(f"/m/rescues/new?elevator_id={own.id}")
    assert form.location == f"/m/p/{own.public_token}/trapped?outside=1"
    # Who hears the bell is not shut in himself; what he sends is heard like anybody's.
    asked = guard.get(form.location, headers={"Referer": "http://localhost/m/rescues/new"}).text
    assert "有人被困，请来救人" in asked and "我被困" not in asked and 'href="/m/rescues/new"' in asked
    # From a page of the desk, or of nowhere, back leads to the elevator's own.
    assert f'href="/m/p/{own.public_token}"' in guard.get(form.location).text
    assert "我被困了，请来救人" in guard.get(f"/m/p/{own.public_token}/trapped").text
    assert guard.get(f"/m/rescues/new?code={own.code}").location == form.location
    assert "没有找到识别码" in guard.get(f"/m/rescues/new?code={world.foreign.code}").text
    # What runs already is opened; a 涉密 elevator's page behind the code says nothing, so it is told whom to phone.
    key = report(world)
    assert guard.get(f"/m/rescues/new?elevator_id={own.id}").location == f"/m/rescues/{key}"
    agent = sign_in(world.accounts["agent"])
    assert "/m/rescues/new" not in agent.get("/rescues/").text
    assert agent.get("/m/rescues/new").status_code == 403


@pytest.mark.feature("RES-01")
def test_a_secret_elevator_has_no_page_behind_its_code_and_says_whom_to_phone(world: World, sign_in: Any) -> None:
    world.own.is_secret, world.own.emergency_phone = True, "96333"
    world.session.commit()
    shown = sign_in(world.accounts["safety_officer"]).get(f"/m/rescues/new?elevator_id={world.own.id}")
    assert shown.status_code == 200 and 'href="tel:96333"' in shown.text and "trapped" not in shown.text

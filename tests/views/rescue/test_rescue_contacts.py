"""RES-05, PER-03: whom one calls about a rescue, masked on the page, whole for those who work on it, with a trace."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import AuditEntry
from app.transaction import transaction
from app.workflows.rescue import rescue_desk
from tests.factories import World
from tests.views.rescue.ground import post, report

pytestmark = pytest.mark.feature("RES-05", "PER-03")
HEAD, USE, SAFETY, RESCUER, OWN = "13900000711", "13900000712", "13900000713", "13900000714", "13900000715"


@pytest.fixture
def case(world: World) -> int:
    world.firm.head_phone, world.firm.duty_phone = HEAD, "0398-5550022"
    world.use_unit.head_phone, world.use_unit.safety_officer, world.use_unit.safety_phone = USE, "苏见山", SAFETY
    colleague = world.accounts["clerk"]
    colleague.rescue_role, colleague.phone = "duty", RESCUER
    world.own.safety_phone = None
    world.session.commit()
    return report(world)


def dispatch(world: World, key: int) -> None:
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now())
    world.session.commit()


def logged(world: World) -> set[tuple[str, int, str, str]]:
    world.session.rollback()
    rows = world.session.scalars(select(AuditEntry).where(AuditEntry.action.like("%.reveal")))
    return {(r.entity, r.entity_id, r.after["fields"][0], r.after["reason"]) for r in rows}


def test_the_desk_sees_all_of_them_masked_and_asks_for_one(world: World, case: int, sign_in: Any) -> None:
    agent = sign_in(world.accounts["agent"])
    page = agent.get(f"/rescues/{case}").text
    for masked in ("139****0711", "139****0712", "139****0713", "139****0714"):
        assert masked in page, masked
    assert not any(number in page for number in (HEAD, USE, SAFETY, RESCUER))
    assert 'href="tel:0398-5550022"' in page and "救援值班" in page and "苏见山" in page
    asked = ((f"head-{world.firm.id}", HEAD), (f"head-{world.use_unit.id}", USE), ("safety", SAFETY),
             (f"account-{world.accounts['clerk'].id}", RESCUER))  # fmt: skip
    for key, number in asked:
        assert f'href="tel:{number}"' in post(agent, f"/reveal/rescue/{case}/contact", what=key).text
    kept = logged(world)
    firm, use, clerk = world.firm.id, world.use_unit.id, world.accounts["clerk"].id
    assert {(entity, key, field) for entity, key, field, _why in kept} == {
        ("unit", firm, "head_phone"), ("unit", use, "head_phone"), ("unit", use, "safety_phone"),
        ("account", clerk, "phone"),
    }  # fmt: skip
    assert all(why.startswith("救援 JY-") for *_rest, why in kept)


def test_who_else_is_called_out_is_reached_by_its_duty_phone(world: World, case: int, sign_in: Any) -> None:
    """It leaves the list of whom to call when it is called: its number stays on the page."""
    station = world.other_firm
    station.is_rescue, station.duty_phone, station.head_phone = True, "0980-2296333", None
    world.session.commit()
    agent = sign_in(world.accounts["agent"])
    dispatch(world, case)
    assert "救援单位值班电话" not in agent.get(f"/rescues/{case}").text
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), case, 2, clock.now(), unit_id=station.id)
    world.session.commit()
    page = agent.get(f"/rescues/{case}").text.partition('id="contacts"')[2]
    assert "救援单位值班电话" in page and 'href="tel:0980-2296333"' in page and 'href="tel:0398-5550022"' in page


def test_the_elevators_own_safety_officer_comes_before_the_units(world: World, case: int, sign_in: Any) -> None:
    world.own.safety_officer, world.own.safety_phone = "顾清和", OWN
    world.session.commit()
    agent = sign_in(world.accounts["agent"])
    assert OWN in post(agent, f"/reveal/rescue/{case}/contact", what="safety").text
    assert {one[:3] for one in logged(world)} == {("elevator", world.own.id, "safety_phone")}


def test_who_was_called_out_calls_from_the_phone_as_long_as_he_is_on_it(
    world: World, case: int, sign_in: Any
) -> None:
    worker = sign_in(world.accounts["worker"])
    door = f"/reveal/rescue/{case}/contact"
    assert 'id="contacts"' not in worker.get(f"/m/rescues/{case}").text
    assert post(worker, door, what="safety").status_code == 403
    dispatch(world, case)
    page = worker.get(f"/m/rescues/{case}").text
    assert 'id="contacts"' in page and 'href="tel:0398-5550022"' in page and SAFETY not in page
    assert f'href="tel:{SAFETY}"' in post(worker, door, what="safety").text
    with transaction(world.session) as session:
        rescue_desk.close(session, world.actor("agent"), case, "false_alarm", "对讲确认无人", clock.now())
    world.session.commit()
    assert post(worker, door, what="safety").status_code == 403
    assert len(logged(world)) == 1


def test_others_say_what_for_or_see_nothing(world: World, case: int, sign_in: Any) -> None:
    door = f"/reveal/rescue/{case}/contact"
    inspector, use = sign_in(world.accounts["inspector"]), sign_in(world.accounts["use_head"])
    page = inspector.get(f"/rescues/{case}").text
    assert "139****0713" in page and 'name="reason"' in page
    assert post(inspector, door, what="safety").status_code == 422
    assert SAFETY in post(inspector, door, what="safety", reason="核对通知").text
    shown = use.get(f"/rescues/{case}").text
    assert "139****0711" in shown and "139****0714" not in shown and door not in shown
    assert post(use, door, what=f"head-{world.firm.id}", reason="x").status_code == 403
    for what in ("phone", "", f"account-{world.accounts['worker'].id}", "head-999999", "safety'"):
        assert post(inspector, door, what=what, reason="核对").status_code == 404, what
    assert post(sign_in(world.accounts["other_head"]), door, what="safety", reason="x").status_code == 404
    assert {why for *_rest, why in logged(world)} == {"核对通知"}

"""RES-01: behind the code on the label, by whoever is shut in."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Notification, Rescue
from app.rules.rescues import MOST_OF_ADDRESS
from app.transaction import transaction
from app.workflows.rescue import rescue_answers, rescue_course, rescue_desk, rescues
from tests.factories import World
from tests.views.rescue.ground import FORM, FROM, PHONE, report, row_of

pytestmark = pytest.mark.feature("RES-05")


def door(world: World, tail: str = "/trapped") -> str:
    return f"/m/p/{world.own.public_token}{tail}"


def press(client: Any, world: World, **form: Any) -> Any:
    """As a phone without cookies does: no token of a form is asked for."""
    answer = client.post(door(world), data=form, environ_overrides=FROM)
    world.session.rollback()
    return answer


@pytest.mark.feature("RES-01", "CMP-01")
def test_whoever_is_shut_in_presses_and_sees_what_happens(client: Any, world: World) -> None:
    assert "打不通？在线报警" in client.get(door(world, "")).text
    form = client.get(door(world)).text
    assert "我被困了，请来救人" in form and "<script" not in form and "tel:96333" in form
    assert press(client, world, trapped="2", phone=PHONE, scene="5 楼").status_code == 302
    page = client.get(door(world)).text
    assert "报警已收到" in page and 'http-equiv="refresh"' in page and PHONE not in page
    assert "正在救援中" in client.get(door(world, "")).text
    assert press(client, world).status_code == 302
    key = world.session.scalars(select(Rescue.id).where(Rescue.joined_to_id.is_(None))).one()
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now())
    world.session.commit()
    assert "正在安排人员出发" in client.get(door(world)).text
    with transaction(world.session) as session:
        rescue_answers.accept(session, world.actor("worker"), key, clock.now())
    world.session.commit()
    page = client.get(door(world)).text
    assert "大约还要" in page and world.actor("worker").name not in page and world.firm.name not in page
    with transaction(world.session) as session:
        rescue_answers.arrive(session, world.actor("worker"), key, clock.now())
    world.session.commit()
    assert "正在开门" in client.get(door(world)).text
    with transaction(world.session) as session:
        rescue_answers.free(session, world.actor("worker"), key, FORM, clock.now())
    world.session.commit()
    page = client.get(door(world)).text
    assert "救援已完成" in page and "refresh" not in page and "又有人被困" in page
    page = client.get(door(world) + "?again=1").text
    assert "我被困了" in page and "您在外面、有人困在里面，也按这个按钮" in page
    assert client.get("/m/p/nosuchtoken/trapped").status_code == 404


@pytest.mark.feature("RES-01")
@pytest.mark.parametrize(
    ("typed", "count", "words"),
    [
        ({"trapped": "两个人", "scene": "3 楼"}, None, "困人人数：两个人　3 楼"),
        ({"trapped": "201"}, None, "困人人数：201"), ({"trapped": "200"}, 200, None),
        ({"trapped": "２"}, None, "困人人数：２"),
        ({"phone": "不是号码", "trapped": "1"}, 1, "报警电话：不是号码"),
        ({"scene": "灯" * 501}, None, "灯" * 500),
        ({"scene": "灯" * 500, "trapped": "很多"}, None, ("困人人数：很多　" + "灯" * 500)[:500]),
    ],
)  # fmt: skip
def test_nothing_that_may_be_left_out_keeps_an_alarm_back(
    client: Any, world: World, typed: dict[str, str], count: int | None, words: str | None
) -> None:
    assert press(client, world, **typed).status_code == 302
    case = world.session.scalars(select(Rescue)).one()
    assert (case.trapped, case.phone, case.scene) == (count, None, words)


@pytest.mark.feature("RES-01")
def test_who_meets_a_limit_is_told_whom_to_phone(client: Any, world: World) -> None:
    for _ in range(MOST_OF_ADDRESS):
        with transaction(world.session) as session:
            rescues.flooded(session, world.own, clock.now(), FROM["REMOTE_ADDR"])
    world.session.commit()
    answer = press(client, world)
    assert answer.status_code == 429 and "请直接拨打" in answer.text and "tel:96333" in answer.text
    # What is open is joined all the same.
    report(world)
    assert press(client, world).status_code == 302


@pytest.mark.feature("RES-01")
def test_of_a_secret_elevator_the_place_is_not_told_and_the_desk_hears(client: Any, world: World) -> None:
    world.own.is_secret = True
    world.session.commit()
    assert world.own.address not in client.get(door(world)).text
    assert press(client, world).status_code == 302
    key = world.session.scalars(select(Rescue.id)).one()
    told = rescue_course.desk_of(world.session, row_of(world, key))
    assert told == [world.accounts["agent"].id]
    notices = world.session.scalars(select(Notification).where(Notification.topic == "rescue.desk")).all()
    assert [n.recipient_id for n in notices] == told
    assert all(world.own.address not in n.title and f"涉密电梯 {world.own.code}" in n.title for n in notices)
    # Where nobody sits at a desk, the officers who may see it hear.
    world.accounts["agent"].active = False
    world.session.commit()
    assert rescue_course.desk_of(world.session, row_of(world, key)) == [world.accounts["region_admin"].id]

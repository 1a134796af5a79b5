"""ELV-07 behind the code: what a dead label, a temporary one and one of no approved elevator tell, and to whom."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Complaint, Elevator, Rescue
from app.transaction import transaction
from app.workflows.on_site import labels
from app.workflows.on_site.labels import Wanted
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.filing_world import elevator_data, save

pytestmark = pytest.mark.feature("ELV-07")


@pytest.fixture
def dead(session: Any, world: World) -> str:
    """The token of a label that was forged and replaced at once."""
    old = str(world.own.public_token)
    with transaction(session):
        labels.replace(session, world.actor("use_head"), world.own.id, Wanted("forged", "", "now"), clock.now())
    session.expire_all()
    return old


def test_it_says_that_it_was_replaced_and_what_to_do(client: Any, world: World, dead: str) -> None:
    page = client.get(f"/m/p/{dead}")
    assert page.status_code == 410
    assert "二维码已更换" in page.text and "请扫描电梯上的新标牌" in page.text and world.own.code in page.text
    assert "维保记录" not in page.text and world.use_unit.name not in page.text


@pytest.mark.feature("RES-01")
def test_whoever_is_trapped_is_heard_by_it(client: Any, session: Any, world: World, dead: str) -> None:
    page = client.get(f"/m/p/{dead}").text
    assert "tel:96333" in page and f'href="/m/p/{dead}/trapped"' in page
    form = client.get(f"/m/p/{dead}/trapped")
    assert form.status_code == 200 and "请核对上面的识别码" in form.text
    sent = client.post(f"/m/p/{dead}/trapped", data={"scene": "5 楼"})
    assert sent.status_code == 302 and sent.location.endswith(f"/m/p/{dead}/trapped")
    session.rollback()
    case = session.scalars(select(Rescue)).one()
    assert case.elevator_id == world.own.id and case.scene.startswith("经已停用的标牌报警") and "5 楼" in case.scene
    assert "报警已收到" in client.get(f"/m/p/{dead}/trapped").text
    assert "正在救援中" in client.get(f"/m/p/{dead}").text


def test_it_never_gives_the_new_token_away(client: Any, session: Any, world: World, dead: str) -> None:
    new = session.scalar(select(Elevator.public_token).where(Elevator.id == world.own.id))
    session.rollback()
    assert client.post(f"/m/p/{dead}/trapped", data={}).status_code == 302
    for tail in ("", "/trapped", "/trapped?again=1", "/complain", "/message"):
        assert new not in client.get(f"/m/p/{dead}{tail}").text, tail


def test_it_takes_no_complaint_and_no_message(client: Any, session: Any, world: World, dead: str) -> None:
    for tail in ("complain", "message"):
        assert client.get(f"/m/p/{dead}/{tail}").status_code == 410
        sent = client.post(f"/m/p/{dead}/{tail}", data={"csrf_token": csrf(client), "body": "门口异响"})
        assert sent.status_code == 410 and "二维码已更换" in sent.text
    session.rollback()
    assert session.scalar(select(Complaint.id)) is None


def test_to_scan_it_is_no_guess(client: Any, world: World, dead: str) -> None:
    for _again in range(40):
        assert client.get(f"/m/p/{dead}").status_code == 410
    assert world.use_unit.name in client.get(f"/m/p/{world.own.public_token}").text


def test_a_worker_is_told_among_the_conditions(world: World, sign_in: Any, dead: str) -> None:
    client = sign_in(world.accounts["worker"])
    page = client.get(f"/m/p/{dead}", follow_redirects=True)
    assert page.status_code == 200 and "二维码已更换" in page.text and "电梯不存在" not in page.text


def test_a_secret_one_tells_its_place_to_nobody(client: Any, session: Any, world: World, dead: str) -> None:
    with transaction(session):
        session.get(Elevator, world.own.id).is_secret = True
    page = client.get(f"/m/p/{dead}").text
    assert world.own.address not in page and "tel:96333" in page


def test_a_temporary_one_opens_the_page_until_it_ends(client: Any, session: Any, world: World) -> None:
    today = clock.today()
    with transaction(session):
        token = labels.temporary(session, world.actor("use_head"), world.own.id, today, "", clock.now()).token
    page = client.get(f"/m/p/{token}")
    assert page.status_code == 200 and world.use_unit.name in page.text
    assert client.get(f"/m/p/{token}/complain").status_code == 200
    with clock.frozen(clock.now() + dt.timedelta(days=1)):
        gone = client.get(f"/m/p/{token}")
        assert gone.status_code == 410 and f"临时标牌已于 {today} 停用" in gone.text


def test_of_what_is_not_approved_it_tells_whom_to_call(client: Any, session: Any, world: World) -> None:
    data = elevator_data(world) | {"emergency_phone": "0571-88001234"}
    row = save(session, world.actor("use_head"), Elevator, None, data)
    token, address = row.public_token, row.address
    session.rollback()
    page = client.get(f"/m/p/{token}")
    assert page.status_code == 404 and "还没有通过审核" in page.text and "tel:0571-88001234" in page.text
    assert address not in page.text and client.get(f"/m/p/{token}/trapped").status_code == 404

"""RES-01, RES-05: a case at the desk, from the call to the last call back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import AuditEntry, Notification, Rescue, RescueCallback, RescueDispatch
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.privacy import retention
from app.workflows.rescue import rescue_desk
from tests.factories import World, make_unit
from tests.pages import flat
from tests.views.rescue.ground import FORM, PHONE, M, freed, post, report, row_of

pytestmark = pytest.mark.feature("RES-05")


@pytest.mark.feature("RES-01", "RES-02", "RES-04")
def test_the_desk_takes_a_call_dispatches_and_calls_back(world: World, sign_in: Any) -> None:
    make_unit(world.session, "临河救援站", is_rescue=True, latitude=30.51, longitude=120.51)
    world.session.commit()
    agent = sign_in(world.accounts["agent"])
    found = agent.get(f"/rescues/new?q={world.own.code}").text
    assert world.own.address in found and "接警，去派单" in found
    by_place = agent.get(f"/rescues/new?q={world.own.address[:8]}").text
    assert world.own.code in by_place
    assert "没有找到这台电梯" in agent.get("/rescues/new?q=没有这里").text
    form = {"elevator_id": world.own.id, "phone": "０５７２-2345678", "caller": "顾女士", "trapped": "2"}
    assert post(agent, "/rescues/new", **form | {"trapped": "两个"}).status_code == 422
    page = post(agent, "/rescues/new", **form, scene="5 楼，灯亮着").text
    world.session.rollback()
    key = world.session.scalar(select(Rescue.id))
    assert key is not None and "已接警，请派单" in page and "临河救援站" in page and "公里" in page
    assert "05722345678" not in page
    version = row_of(world, key).row_version
    assert agent.get(f"/rescues/{key}/stand").json == {"version": version}
    assert "已派单" in post(agent, f"/rescues/{key}/dispatch", level="1", version=str(version)).text
    stale = post(agent, f"/rescues/{key}/dispatch", level="3", version=str(version))
    assert stale.status_code == 422 and "已有变化" in stale.text
    again = post(agent, "/rescues/new", **form).text
    assert "正在救援中，已并入" in again and "共报警 2 次" in again
    world.session.rollback()
    call = world.session.scalar(select(RescueDispatch.id))
    assert "已接单" in post(agent, f"/rescues/{key}/accept", call_id=str(call)).text
    missing = post(agent, f"/rescues/{key}/free", call_id=str(call), outcome="entrapment", trapped="", injured="0")
    assert missing.status_code == 422 and "没有填写" in missing.text
    assert "已救出" in post(agent, f"/rescues/{key}/free", call_id=str(call), **FORM).text
    assert post(agent, f"/rescues/{key}/call-back", kind="rescue", satisfaction="poor").status_code == 422
    post(agent, f"/rescues/{key}/call-back", kind="rescue", satisfaction="unreached")
    assert row_of(world, key).rescue_called_at is None
    page = post(agent, f"/rescues/{key}/call-back", kind="rescue", satisfaction="good", answered_by="顾女士").text
    assert "回访已记录" in page and "满意" in page and row_of(world, key).rescue_called_at is not None
    assert world.session.scalar(select(func.count()).select_from(RescueCallback)) == 2
    assert "退回上一步" in post(agent, f"/rescues/{key}/back", reason="填错人数").text
    assert row_of(world, key).status == "accepted"


def test_the_callers_number_is_shown_to_who_has_to_call_and_leaves_a_trace(world: World, sign_in: Any) -> None:
    key = report(world, phone=PHONE)
    agent, inspector, worker = (sign_in(world.accounts[n]) for n in ("agent", "clerk", "worker"))
    assert PHONE in post(agent, f"/reveal/rescue/{key}", what="phone").text
    assert PHONE not in post(inspector, f"/reveal/rescue/{key}", what="phone").text
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now())
    world.session.commit()
    assert PHONE in post(worker, f"/reveal/rescue/{key}", what="phone").text
    world.session.rollback()
    seen = world.session.scalars(select(AuditEntry).where(AuditEntry.action == "rescue.reveal")).all()
    assert len(seen) == 2 and all(one.after and one.after["reason"] == "联系报警人" for one in seen)


@pytest.mark.feature("RES-04", "RES-06")
def test_a_unit_that_was_too_late_is_told_how_to_come_after_all(world: World, sign_in: Any) -> None:
    key = report(world, 10)
    with transaction(world.session) as session:
        call = rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now() - 9 * M)
        call.end_reason, call.ended_at = "escalated", clock.now() - 5 * M
    world.session.commit()
    head, worker = sign_in(world.accounts["maintenance_head"]), sign_in(world.accounts["worker"])
    for page in (head.get(f"/rescues/{key}").text, worker.get(f"/m/rescues/{key}").text):
        assert "本单位没有按时接单" in page and "由坐席再次派单" in page
    assert "本单位没有按时接单" not in sign_in(world.accounts["agent"]).get(f"/rescues/{key}").text


@pytest.mark.feature("RES-01", "RES-02")
@pytest.mark.parametrize("category", ["3310", "3110"])
def test_an_escalators_report_is_no_entrapment_in_words(world: World, sign_in: Any, category: str) -> None:
    world.own.category = category
    world.session.commit()
    escalator = category == "3310"
    key = report(world)
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now())
    world.session.commit()
    titles = set(world.session.scalars(select(Notification.title)))
    place = row_of(world, key).place
    told = {f"扶梯险情报警，请立即处置：{place}", f"扶梯险情，请立即接单：{place}"}
    shut_in = {f"困人报警，请立即处置：{place}", f"困人救援，请立即接单：{place}"}
    assert (told if escalator else shut_in) <= titles and not (shut_in if escalator else told) & titles
    page = sign_in(world.accounts["agent"]).get(f"/rescues/{key}").text
    assert ("没有险情，结束救援" in page) is escalator and ("不是困人，结束救援" in page) is not escalator
    assert "自动扶梯" in page if escalator else "自动扶梯" not in page


@pytest.mark.feature("RES-01")
def test_who_called_is_forgotten_in_time(world: World) -> None:
    key = freed(world, 60 * 24 * 400)
    row = row_of(world, key)
    row.phone, row.caller, row.scene = PHONE, "顾女士", "请打 13812345678"
    world.session.commit()
    assert retention.run(world.session, SYSTEM, clock.now())["rescues"] == 1
    world.session.expire_all()
    assert (row.phone, row.caller, row.phone_index) == (None, None, None)
    assert "13812345678" not in (row.scene or "") and row.cause == "door_vane"


def test_tabs_menu_and_banner_of_the_centre_are_of_the_rows_moment(
    app: Any, world: World, sign_in: Any, monkeypatch: Any
) -> None:
    """On every other list a count may be some seconds old; here what moved on meanwhile stands in its new tab only."""
    monkeypatch.setitem(app.config, "MENU_NUMBERS_SECONDS", 3600)
    key, agent = report(world), sign_in(world.accounts["agent"])

    def seen(path: str) -> tuple[list[str], bool]:
        page = flat(agent.get(path).text)
        counts = re.findall(r"(?:待处置|已接警)\s*<b[^>]*>(\d+)</b>", page)
        return counts, f'href="/rescues/{key}"' in page.partition("<tbody")[2]

    assert seen("/rescues/?tab=waiting") == (["1", "0"], True)
    with transaction(world.session) as session:
        rescue_desk.take(session, world.actor("agent"), key, clock.now())
    world.session.commit()
    assert seen("/rescues/?tab=waiting") == (["0", "1"], False)
    assert seen("/rescues/?tab=taken") == (["0", "1"], True)
    with transaction(world.session) as session:
        rescue_desk.close(session, world.actor("agent"), key, "cleaning", "保洁", clock.now())
    world.session.commit()
    page = agent.get("/rescues/").text
    assert 'class="ta-alarm"' not in page and "件困人救援处置中" not in page

"""ELV-05 on screen and by the interface: an elevator's parts and doors, lists, warnings, workbooks."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Component, LandingDoor, LandingDoorCheck
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World
from tests.imports.ground import checked, imported, states, told, workbook
from tests.imports.test_undoing import undone

pytestmark = pytest.mark.feature("ELV-05")
DAY = dt.timedelta(days=1)


def post(browser: Any, path: str, **form: Any) -> Any:
    form["csrf_token"] = csrf(browser)
    return browser.post(path, data=form, follow_redirects=True)


def component(world: World, left: int = 10, **more: Any) -> Component:
    today = clock.today()
    values: dict[str, Any] = {
        "name": "门滑块", "installed_on": today - 170 * DAY, "life_months": 6, "due_on": today + left * DAY,
    } | more  # fmt: skip
    row = Component(elevator_id=world.own.id, region_code=world.own.region_code, **values)
    world.session.add(row)
    world.session.commit()
    return row


def test_from_the_record_to_a_replaced_part(world: World, sign_in: Any) -> None:
    clerk, page = sign_in(world.accounts["clerk"]), f"/elevators/{world.own.id}/parts"
    assert page in clerk.get(f"/elevators/{world.own.id}").text
    assert "还没有登记组件" in clerk.get(page).text
    refused = post(clerk, f"{page}/add", name="制动器闸瓦", installed_on="2099-01-01", life_months="x")
    assert refused.status_code == 422 and "不能晚于今天" in refused.text and "制动器闸瓦" in refused.text
    text = post(clerk, f"{page}/add", name="制动器闸瓦", installed_on=str(clock.today() - 100 * DAY)).text
    assert "已登记" in text and "6 个月" in text and "剩" in text
    world.session.rollback()
    key = world.session.scalar(select(Component.id))
    text = post(clerk, f"{page}/{key}/replace", row_version="1", installed_by="何一舟", reason="磨损").text
    assert "已更换" in text and "更换和拆除记录 1 条" in text and "磨损" in text
    world.session.rollback()
    new = world.session.scalar(select(Component).where(Component.replaces_id == key))
    said = {"name": "闸瓦", "row_version": "1", "installed_on": str(clock.today())}
    assert "已保存" in post(clerk, f"{page}/{new.id}/edit", **said).text
    stale = post(clerk, f"{page}/{new.id}/remove", reason="拆", row_version="1")
    assert stale.status_code == 409 and "打开页面后有人改过" in stale.text
    assert "已拆除" in post(clerk, f"{page}/{new.id}/remove", reason="拆", row_version="2").text


def test_doors_are_made_and_looked_at(world: World, sign_in: Any) -> None:
    world.own.stops = 3
    world.session.commit()
    clerk, page = sign_in(world.accounts["clerk"]), f"/elevators/{world.own.id}"
    assert "已生成层门" in post(clerk, f"{page}/doors/generate", lowest="-1").text
    assert post(clerk, f"{page}/doors/generate", lowest="0").status_code == 422
    world.session.rollback()
    door = world.session.scalar(select(LandingDoor.id).where(LandingDoor.landing == "-1"))
    text = post(clerk, f"{page}/doors", **{f"state-{door}": "damaged", f"note-{door}": "门扇变形"}).text
    assert "已保存" in text and "层门记录 1 条" in text and "门扇变形" in text
    assert "1 个需处理" in clerk.get(page).text
    listed = sign_in(world.accounts["inspector"]).get("/landing-doors/").text
    assert "门扇变形" in listed and world.own.code in listed
    assert post(clerk, f"{page}/doors", checked_on="不是", **{f"state-{door}": "normal"}).status_code == 422
    assert "已删除" in post(clerk, f"{page}/doors/{door}/remove").text
    world.session.rollback()
    assert world.session.scalar(select(LandingDoorCheck.id)) is None


def test_readers_read_and_do_nothing(world: World, sign_in: Any) -> None:
    row = component(world)
    inspector = sign_in(world.accounts["inspector"])
    text = inspector.get(f"/elevators/{world.own.id}/parts").text
    assert "门滑块" in text and "登记组件" not in text and "按站数生成" not in text
    assert inspector.get(f"/components/{row.id}").location.endswith(f"/elevators/{world.own.id}/parts")
    assert post(inspector, f"/elevators/{world.own.id}/parts/{row.id}/remove", reason="x").status_code == 403
    other = sign_in(world.accounts["other_head"])
    assert other.get(f"/elevators/{world.own.id}/parts").status_code == 404
    assert other.get(f"/components/{row.id}").status_code == 404


@pytest.mark.feature("WRN-01")
def test_the_warnings_page_has_its_tab(world: World, sign_in: Any) -> None:
    component(world, left=-3)
    text = sign_in(world.accounts["inspector"]).get("/warnings/component/").text
    assert "组件寿命" in text and "门滑块" in text and "超" in text
    text = sign_in(world.accounts["clerk"]).get("/components/?tab=over").text
    assert "门滑块" in text


def test_the_public_page_says_nothing_of_it(world: World, client: Any) -> None:
    component(world, name="公开页不该有的组件")
    assert "公开页不该有的组件" not in client.get(f"/e/{world.own.public_token}").text


# --- the interface


def test_every_deed_by_the_interface(world: World, app: Any) -> None:
    world.own.stops = 2
    world.session.commit()
    clerk, base = Caller(app, world, "clerk"), f"/elevators/{world.own.id}"
    made = clerk.post(f"{base}/components", {"name": "缓冲器", "installed_on": "2026-01-31", "life_months": 1})
    assert made.status_code == 201 and made.json["due_on"] == "2026-02-28"
    key = made.json["id"]
    changed = clerk.call("PATCH", f"/components/{key}", {"row_version": 1, "life_months": 2})
    assert changed.json["due_on"] == "2026-03-31" and changed.json["name"] == "缓冲器"
    new = clerk.post(f"/components/{key}/replace", {"row_version": 2, "installed_on": "2026-02-01", "reason": "漏油"})
    assert new.status_code == 201 and new.json["replaces_id"] == key
    gone = clerk.post(f"/components/{new.json['id']}/remove", {"row_version": 1, "reason": "拆除"})
    assert gone.json["end_kind"] == "removed"
    whole = clerk.get(f"{base}/components").json
    assert whole["rows"] == [] and len(whole["ended"]) == 2
    assert len(clerk.get("/components?tab=ended").json["rows"]) == 2
    rows = clerk.post(f"{base}/landing-doors", {"lowest": -1}).json["rows"]
    assert [row["landing"] for row in rows] == ["-1", "1"]
    found = {"doors": [{"id": rows[0]["id"], "condition": "adjust", "note": "门缝大"}]}
    assert clerk.call("PUT", f"{base}/landing-doors", found).json["rows"][0]["condition"] == "adjust"
    assert [row["landing"] for row in clerk.get("/components/doors").json["rows"]] == ["-1"]
    assert clerk.call("DELETE", f"/components/doors/{rows[0]['id']}").json == {"done": True}
    for wrong in ({}, {"doors": "x"}, {"doors": [1]}, {"doors": [{"id": rows[1]["id"], "condition": "gone"}]}):
        assert clerk.call("PUT", f"{base}/landing-doors", wrong).status_code == 422
    assert clerk.post(f"{base}/landing-doors", {"lowest": "x"}).status_code == 422
    assert Caller(app, world, "inspector").post(f"{base}/components", {"name": "x"}).status_code == 403


# --- workbooks


HEAD = ["识别码", "组件", "安装日期", "寿命"]
DOORS = ["识别码", "层站", "侧", "层门状态", "备注"]


@pytest.mark.feature("IMP-01")
def test_parts_by_workbook_and_back(session: Any, world: World) -> None:
    who, code = world.actor("clerk"), world.own.code
    lines = [code, "曳引钢丝绳", "2026-01-15", 36], [code, "门滑块", "2026-01-15", None]
    batch = imported(session, who, "components", workbook(HEAD, *lines))
    assert (batch.new_rows, told(session, batch)) == (2, {})
    rows = {c.name: c for c in session.scalars(select(Component))}
    assert rows["曳引钢丝绳"].due_on == dt.date(2029, 1, 15) and rows["门滑块"].life_months == 6
    again = checked(session, who, "components", workbook(HEAD, *lines))
    assert set(states(session, again).values()) == {"same"}
    changed = workbook(HEAD, [code, "门滑块", "2026-02-15", 3], [code, "门滑块2", "2199-01-01", 0])
    batch = checked(session, who, "components", changed)
    assert states(session, batch) == {2: "changed", 3: "bad"}
    batch = imported(session, who, "components", workbook(HEAD, [code, "门滑块", "2026-02-15", 3]))
    assert session.scalar(select(Component.due_on).where(Component.name == "门滑块")) == dt.date(2026, 5, 15)
    undone(session, who, batch)
    session.expire_all()
    assert session.scalar(select(Component.due_on).where(Component.name == "门滑块")) == dt.date(2026, 7, 15)


def shown(session: Any) -> list[tuple[str, str, str]]:
    session.expire_all()
    rows = session.scalars(select(LandingDoor).order_by(LandingDoor.position))
    return [(d.landing, d.side, d.condition) for d in rows]


@pytest.mark.feature("IMP-01")
def test_doors_by_workbook_and_back(session: Any, world: World) -> None:
    who, code, foreign = world.actor("clerk"), world.own.code, world.foreign.code
    lines = [code, "2", None, "正常", None], [code, "-1", None, "损坏", "变形"], [code, "1", "后门", None, None]
    batch = imported(session, who, "landing_doors", workbook(DOORS, *lines))
    assert (batch.new_rows, told(session, batch)) == (3, {})
    assert shown(session) == [
        ("-1", "front", "damaged"), ("1", "rear", "normal"), ("2", "front", "normal"),
    ]  # fmt: skip
    again = checked(session, who, "landing_doors", workbook(DOORS, *lines))
    assert set(states(session, again).values()) == {"same"}
    change = imported(session, who, "landing_doors", workbook(DOORS, [code, "2", "前门", "需调整", "响"]))
    assert shown(session)[2][2] == "adjust"
    undone(session, who, change)
    assert shown(session)[2][2] == "normal"
    wrong = checked(session, who, "landing_doors", workbook(DOORS, [foreign, "1", None, None, None]))
    assert states(session, wrong) == {2: "bad"}


@pytest.mark.feature("WRN-01")
@pytest.mark.parametrize("page", ["/warnings/component/", "/components/"])
def test_ticked_parts_are_replaced_today(world: World, sign_in: Any, page: str) -> None:
    """Shenzhen 20.5: several parts changed on one round are told at once, like the old ones; others' never."""
    near, over = component(world, 3, model="TK-5"), component(world, -4, name="导靴靴衬", life_months=12)
    ended = component(world, -9, name="缓冲器", ended_on=clock.today() - DAY, end_kind="removed")
    clerk = sign_in(world.accounts["clerk"])
    assert "今天更换" in clerk.get(page).text
    keys = [near.id, over.id, ended.id]
    text = post(clerk, f"{page}deed/replace", ids=keys).text
    assert f"{world.own.code} 门滑块" in text and f"{world.own.code} 导靴靴衬" in text
    world.session.rollback()
    made = {row.replaces_id: row for row in world.session.scalars(select(Component).where(Component.replaces_id > 0))}
    assert set(made) == {near.id, over.id}, "what is out already is not replaced"
    assert made[near.id].model == "TK-5" and made[near.id].installed_on == clock.today()
    assert made[over.id].life_months == 12 and made[over.id].installed_by == world.accounts["clerk"].first_name
    keys = [row.id for row in made.values()]
    assert "已完成" not in post(sign_in(world.accounts["other_head"]), f"{page}deed/replace", ids=keys).text
    assert "今天更换" not in sign_in(world.accounts["inspector"]).get(page).text

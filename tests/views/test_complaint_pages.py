"""CMP-03, CMP-04: complaints at the desk and on the phone, their numbers at home and in the menu, the statistics."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.listing import Moment
from app.listings import complaints as listed
from app.models import Attachment, AuditEntry, Complaint, ElevatorMessage
from app.permissions import SYSTEM
from app.reports import complaints as counted
from app.rules.complaints import ComplaintState
from app.rules.other_scores import Outcome
from app.transaction import transaction
from app.workflows.public import complaints, messages
from tests.conftest import csrf
from tests.factories import World, make_elevator, picture

pytestmark = pytest.mark.feature("CMP-03")
PHONE = "13900001111"
H = dt.timedelta(hours=1)


def complain(world: World, ago: float = 1, **more: Any) -> int:
    elevator = more.pop("elevator", world.own)
    form = {"name": "顾以宁", "phone": PHONE, "body": "三楼抖动"} | more
    with transaction(world.session):
        row = complaints.complain(world.session, elevator, form, ["shaking"], (), clock.now() - ago * H, None)
    key = row.id
    world.session.commit()
    return key


def post(browser: Any, path: str, **form: Any) -> Any:
    form["csrf_token"] = csrf(browser)
    return browser.post(path, data=form, content_type="multipart/form-data", follow_redirects=True)


def state(world: World, key: int) -> str:
    world.session.rollback()
    world.session.expire_all()
    return str(world.session.get(Complaint, key).state)


def test_from_list_to_end_at_the_desk(world: World, sign_in: Any) -> None:
    key = complain(world)
    clerk = sign_in(world.accounts["clerk"])
    page = clerk.get("/complaints/?tab=waiting").text
    assert f"/complaints/{key}" in page and "运行抖动" in page and PHONE not in page
    page = clerk.get(f"/complaints/{key}").text
    assert "139****1111" in page and PHONE not in page and "24 小时" in page and "剩" in page
    assert "已接单" in post(clerk, f"/complaints/{key}/accept").text
    refused = post(clerk, f"/complaints/{key}/handle", note=" ")
    assert refused.status_code == 422 and "请写明做了什么" in refused.text
    photo = (io.BytesIO(picture("JPEG")), "导轨.jpg")
    assert "等待使用单位复核" in post(clerk, f"/complaints/{key}/handle", note="已更换导靴", photo=photo).text
    world.session.rollback()
    assert world.session.scalar(select(func.count()).where(Attachment.entity == "complaint")) == 1
    officer = sign_in(world.accounts["safety_officer"])
    page = officer.get(f"/complaints/{key}").text
    assert "已更换导靴" in page and "不认可，退回重办" in page and f"/complaints/{key}/accept" not in page
    assert post(officer, f"/complaints/{key}/review", verb="disagree", note="").status_code == 422
    post(officer, f"/complaints/{key}/review", verb="disagree", note="仍在抖动")
    assert "仍在抖动" in clerk.get(f"/complaints/{key}").text
    post(clerk, f"/complaints/{key}/handle", note="校正导轨")
    assert "不认可，报监管部门" in officer.get(f"/complaints/{key}").text
    post(officer, f"/complaints/{key}/review", verb="agree")
    assert state(world, key) == "closed"
    assert f"/complaints/{key}" in clerk.get("/complaints/?tab=closed").text


def test_the_regulator_prods_and_closes(world: World, sign_in: Any) -> None:
    key = complain(world, 30)
    inspector = sign_in(world.accounts["inspector"])
    page = inspector.get("/complaints/?tab=late").text
    assert f"/complaints/{key}" in page and "接单" in page
    assert "已督办" in post(inspector, f"/complaints/{key}/prod", note="请今天接单").text
    assert "请今天接单" in sign_in(world.accounts["clerk"]).get(f"/complaints/{key}").text
    assert post(inspector, f"/complaints/{key}/close", note="").status_code == 422
    post(inspector, f"/complaints/{key}/close", note="查无此事", untrue="1")
    assert state(world, key) == "closed"
    assert f"/complaints/{key}" not in inspector.get("/complaints/?tab=late").text
    assert "不属实，不计" in inspector.get(f"/complaints/{key}").text


@pytest.mark.parametrize(
    ("who", "deed"), [("inspector", "accept"), ("clerk", "review"), ("use_head", "close"), ("worker", "close")]
)
def test_what_is_not_ones_own_is_refused(world: World, sign_in: Any, who: str, deed: str) -> None:
    key = complain(world)
    answer = post(sign_in(world.accounts[who]), f"/complaints/{key}/{deed}", note="理由", verb="agree")
    assert "没有权限" in answer.text or answer.status_code in (403, 422)
    assert state(world, key) == "waiting"


def test_the_worker_and_the_use_unit_on_the_phone(world: World, sign_in: Any) -> None:
    key = complain(world)
    worker = sign_in(world.accounts["worker"])
    assert "待接单 1" in worker.get("/m/").text and f"/m/complaints/{key}" in worker.get("/m/complaints").text
    post(worker, f"/m/complaints/{key}", verb="accept")
    assert post(worker, f"/m/complaints/{key}", verb="handle", note="").status_code == 422
    photo = (io.BytesIO(picture("JPEG")), "导轨.jpg")
    post(worker, f"/m/complaints/{key}", verb="handle", note="已更换导靴", photo=photo)
    assert f"/m/complaints/{key}" in worker.get("/m/complaints?tab=handled").text
    officer = sign_in(world.accounts["safety_officer"])
    assert "投诉待复核" in officer.get("/m/reviews").text
    assert "已更换导靴" in officer.get(f"/m/complaints/{key}").text
    assert post(officer, f"/m/complaints/{key}", verb="nosuch").status_code == 422
    post(officer, f"/m/complaints/{key}", verb="agree")
    assert state(world, key) == "closed"
    assert worker.get("/m/complaints?tab=nosuch").status_code == 200


def test_whoever_sees_to_it_calls_the_complainant_and_leaves_a_trace(world: World, sign_in: Any) -> None:
    key = complain(world)
    worker = sign_in(world.accounts["worker"])
    assert PHONE in post(worker, f"/reveal/complaint/{key}", what="phone").text
    world.session.rollback()
    entry = world.session.scalars(select(AuditEntry).where(AuditEntry.action == "complaint.reveal")).one()
    assert entry.entity_id == key and "联系投诉人" in str(entry.after) and PHONE not in str(entry.after)
    assert PHONE not in post(sign_in(world.accounts["safety_officer"]), f"/reveal/complaint/{key}", what="phone").text
    inspector = sign_in(world.accounts["inspector"])
    assert PHONE not in post(inspector, f"/reveal/complaint/{key}", what="phone", reason="").text
    assert PHONE in post(inspector, f"/reveal/complaint/{key}", what="phone", reason="核实投诉").text


def parts_of(home: str) -> list[tuple[str, str]]:
    """What the figure of complaints is made of: each a link of its own."""
    return re.findall(r'<a class="ta-nw" href="/complaints/\?tab=(\w+)">(.+?)</a>', home)


@pytest.mark.feature("CMP-03", "DSH-01")
def test_home_and_menu_count_what_waits_for_whom(world: World, sign_in: Any) -> None:
    complain(world)
    key = complain(world, 2, body="另一件")
    with transaction(world.session):
        complaints.accept(world.session, world.actor("worker"), key, clock.now())
    page = sign_in(world.accounts["clerk"]).get("/").text
    assert "投诉处置中" in page and "/complaints/?f_state=waiting,accepted,handled,disputed" in page
    shown = re.search(r'f_state=[^>]+><span class="t">投诉处置中</span><span class="n">(\d+)</span>', page)
    assert shown is not None and shown[1] == "2"
    still_open = "/complaints/?f_state=waiting,accepted,handled,disputed"
    assert f"共 {shown[1]} 条" in sign_in(world.accounts["clerk"]).get(still_open).text
    assert parts_of(page) == [("waiting", "待接单 1"), ("accepted", "待处置 1"), ("handled", "待复核 0")]
    menu = page.split("公众投诉", 1)[1][:200]
    assert ">2<" in menu
    assert ">2<" not in sign_in(world.accounts["use_head"]).get("/").text.split("公众投诉", 1)[1][:200]
    other = parts_of(sign_in(world.accounts["other_head"]).get("/").text)
    assert other == [("waiting", "待接单 0"), ("accepted", "待处置 0"), ("handled", "待复核 0")]


def test_the_page_and_the_lists_say_whose_turn_it_is(world: World, sign_in: Any) -> None:
    key = complain(world)
    clerk, officer = sign_in(world.accounts["clerk"]), sign_in(world.accounts["safety_officer"])
    inspector, phone = sign_in(world.accounts["inspector"]), sign_in(world.accounts["worker"])
    firm, user = world.firm.name, world.use_unit.name

    def told(browser: Any) -> tuple[str, str, str]:
        return tuple(
            browser.get(path).text for path in (f"/complaints/{key}", "/complaints/", "/m/complaints?tab=all")
        )  # type: ignore[return-value]

    for page in told(clerk):
        assert "轮到本单位" in page
    for page in told(inspector):
        assert firm in page and "轮到" not in page
    assert f"由{firm}接单" in told(inspector)[0] and "剩" in told(inspector)[0]
    post(clerk, f"/complaints/{key}/accept")
    assert "轮到本单位处置" in told(phone)[2]
    post(clerk, f"/complaints/{key}/handle", note="已更换导靴")
    for page, other in zip(told(officer), told(clerk), strict=True):
        assert "轮到本单位" in page and "轮到" not in other and user in other
    assert f"由{user}复核" in told(clerk)[0]
    post(officer, f"/complaints/{key}/review", verb="disagree", note="仍在抖动")
    assert f"由{firm}再次处置" in told(inspector)[0]
    post(clerk, f"/complaints/{key}/handle", note="校正导轨")
    post(officer, f"/complaints/{key}/review", verb="disagree", note="仍不行")
    for page in told(inspector):
        assert "轮到本部门" in page
    assert "由监管部门处理" in told(clerk)[0] and "不限时" in told(clerk)[0]
    post(inspector, f"/complaints/{key}/close", note="已约谈")
    for page in told(inspector):
        assert "轮到" not in page and "由监管部门处理" not in page


def test_a_complaint_without_a_unit_is_the_regulators_turn(world: World, sign_in: Any) -> None:
    key = complain(world)
    with transaction(world.session):
        world.session.get(Complaint, key).unit_id = None
    assert "轮到本部门" in sign_in(world.accounts["inspector"]).get(f"/complaints/{key}").text


@pytest.mark.feature("CMP-04")
def test_the_list_is_searched_and_filtered(world: World, sign_in: Any) -> None:
    key = complain(world)
    browser = sign_in(world.accounts["inspector"])
    for query in (
        "q=顾以宁", f"q={world.own.code}", "f_kind=shaking,noise", f"f_unit={world.firm.id}", "f_phone=1111",
        f"f_phone={PHONE}", f"f_elevator={world.own.id}", f"f_complained_from={clock.today() - dt.timedelta(days=1)}",
        "f_region=980402000000",
    ):  # fmt: skip
        assert f"/complaints/{key}" in browser.get(f"/complaints/?{query}").text, query
    for query in ("q=别人", "f_kind=noise", f"f_unit={world.other_firm.id}", "f_phone=2222", "f_sent_back=1"):
        assert f"/complaints/{key}" not in browser.get(f"/complaints/?{query}").text, query
    assert f"/complaints/{key}" not in sign_in(world.accounts["other_inspector"]).get("/complaints/").text


@pytest.fixture
def many(world: World) -> list[Complaint]:
    """Complaints of two elevators in whatever state."""
    rng = random.Random(11)
    second = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
    world.session.commit()
    now = clock.now()
    worker, officer, city = (world.actor(name) for name in ("worker", "safety_officer", "region_admin"))
    for n in range(24):
        lift, begun = rng.choice((world.own, second)), now - rng.randint(10, 400) * H
        form = {"name": "甲", "phone": f"1390000{n:04d}", "body": f"第 {n} 件"}
        with transaction(world.session):
            row = complaints.complain(world.session, lift, form, ["noise"], (), begun, None)
            at = begun
            for step in range(rng.randint(0, 6)):
                at += rng.randint(1, 80) * H
                if at >= now or row.state in ("closed", "disputed"):
                    break
                if rng.random() < 0.08:
                    complaints.close(world.session, city, row.id, "办结", rng.random() < 0.5, at)
                elif row.state == "waiting":
                    complaints.accept(world.session, worker, row.id, at)
                elif row.state == "accepted":
                    complaints.handle(world.session, worker, row.id, f"处置 {step}", at)
                else:
                    complaints.review(world.session, officer, row.id, rng.random() < 0.5, "意见", at)
    return list(world.session.scalars(select(Complaint)))


@pytest.mark.feature("CMP-04", "SCO-03")
def test_the_lists_conditions_are_the_rules(world: World, many: list[Complaint]) -> None:
    now = clock.now()
    moment = Moment(world.session, SYSTEM, clock.local_day(now), now)
    late = set(world.session.scalars(select(Complaint.id).where(listed.late(moment))))
    in_time = set(world.session.scalars(select(Complaint.id).where(listed.on_time())))
    judged = {row.id: complaints.outcome_of(row, now) for row in many}
    assert late == {key for key, outcome in judged.items() if outcome is Outcome.LATE}
    assert in_time == {key for key, outcome in judged.items() if outcome is Outcome.ON_TIME}
    assert late and in_time and len(late | in_time) < len(many)
    states = {ComplaintState(row.state) for row in many}
    assert len(states) >= 4


@pytest.mark.feature("CMP-04")
@pytest.mark.parametrize("by", ["unit", "use_unit", "elevator"])
def test_statistics_count_what_the_lists_show(world: World, many: list[Complaint], sign_in: Any, by: str) -> None:
    today = clock.today()
    asked = counted.Asked(by, today - dt.timedelta(days=30), today)
    lines = counted.lines(world.session, world.actor("inspector"), asked, clock.now())
    assert sum(line.total for line in lines) == len(many)
    browser = sign_in(world.accounts["inspector"])
    page = browser.get(f"/complaints/statistics?by={by}&from_on={asked.from_on}&to_on={today}").text
    for line in lines:
        assert line.link.replace("&", "&amp;") in page
        for link, count in ((line.link, line.total), (counted.link_of(asked, line.key, tab="late"), line.late)):
            shown = browser.get(link + "&size=200").text
            assert shown.count('class="key"') == count or f"共 {count} 条" in shown, (link, count)
    assert not counted.lines(world.session, world.actor("other_inspector"), asked, clock.now())


@pytest.mark.feature("CMP-04")
def test_statistics_go_out_as_a_table_and_refuse_wrong_days(world: World, many: list[Complaint], sign_in: Any) -> None:
    browser = sign_in(world.accounts["inspector"])
    today = clock.today().isoformat()
    form = {"by": "unit", "from_on": "2020-01-01", "to_on": today, "format": "csv"}
    form["csrf_token"] = csrf(browser)
    answer = browser.post("/complaints/statistics/table", data=form)
    assert answer.status_code == 200
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    head = next(n for n, row in enumerate(rows) if "投诉总次数" in row)
    assert dict(zip(rows[head], rows[head + 1], strict=False))["投诉总次数"] == str(len(many))
    # A single elevator is told apart by what the register says of it.
    answer = browser.post("/complaints/statistics/table", data=form | {"by": "elevator"})
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    head = next(n for n, row in enumerate(rows) if "投诉总次数" in row)
    told = {row[0]: dict(zip(rows[head], row, strict=False)) for row in rows[head + 1:] if len(row) == len(rows[head])}
    own = told[world.own.code]
    assert own["使用单位"] == world.use_unit.name and own["注册代码"] == (world.own.registration_code or "")
    assert own["楼盘"] == (world.own.estate or "") and own["所属辖区"]
    shown = browser.get(f"/complaints/statistics?by=elevator&from_on=2020-01-01&to_on={today}").text
    assert f'data-label="使用单位">{world.use_unit.name}' in shown
    wrong = browser.get(f"/complaints/statistics?from_on={today}&to_on=2020-01-01")
    assert wrong.status_code == 422 and "起始日期在截止日期之后" in wrong.text
    assert browser.get("/complaints/statistics?by=nosuch&unit=x&from_on=%00").status_code in (200, 400)
    assert browser.get("/complaints/statistics?region=980403000000").status_code == 404


@pytest.mark.feature("CMP-03")
def test_the_phone_s_list_tells_what_was_complained_of(world: World, sign_in: Any) -> None:
    """Huzhou 2.6.1: 投诉人描述 stands in the list."""
    complain(world, body="上行到 9 楼附近抖动明显" + "啊" * 60)
    page = sign_in(world.accounts["worker"]).get("/m/complaints?tab=waiting").text
    assert "上行到 9 楼附近抖动明显" in page and "啊" * 60 not in page and world.own.code in page


@pytest.mark.feature("CMP-01")
def test_messages_are_replied_to_and_published(world: World, sign_in: Any) -> None:
    with transaction(world.session):
        key = messages.leave(world.session, world.own, "风扇太小", clock.now(), None).id
    clerk, inspector = sign_in(world.accounts["clerk"]), sign_in(world.accounts["inspector"])
    assert f"/messages/{key}" in clerk.get("/messages/?tab=open").text
    assert post(clerk, f"/messages/{key}/reply", reply=" ").status_code == 422
    assert "已回复" in post(clerk, f"/messages/{key}/reply", reply="已调大").text
    assert f"/messages/{key}" in inspector.get("/messages/?tab=replied").text
    assert "已公开" in post(inspector, f"/messages/{key}/publish", shown="1").text
    assert "已调大" in clerk.application.test_client().get(f"/m/p/{world.own.public_token}").text
    post(inspector, f"/messages/{key}/publish", shown="0")
    world.session.rollback()
    assert world.session.get(ElevatorMessage, key).published_at is None

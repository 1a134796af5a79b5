"""RES-01, RES-02, RES-05, RES-06: rescues at the desk, on the phone and behind the code; banner, home, statistics."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select

from app import clock
from app.listing import Moment
from app.listings import rescues as listed
from app.models import AuditEntry, Notification, Rescue, RescueCallback, RescueDispatch, RescueStep
from app.permissions import SYSTEM, Role
from app.reports import cockpit
from app.reports import rescues as counted
from app.rules.other_scores import Outcome
from app.rules.rescues import MOST_OF_ADDRESS
from app.transaction import transaction
from app.workflows.privacy import retention
from app.workflows.rescue import rescue_answers, rescue_course, rescue_desk, rescue_help, rescues
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World, make_account, make_elevator, make_policy, make_unit
from tests.pages import flat

pytestmark = pytest.mark.feature("RES-05")
M = dt.timedelta(minutes=1)
PHONE = "13900001111"
FORM = {"outcome": "entrapment", "cause": "door_vane", "trapped": "2", "injured": "0"}
FROM = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture
def world(world: World) -> World:
    world.accounts["agent"] = make_account(world.session, Role.RESCUE_AGENT, region_code="980400000000")
    make_policy(world.session, "rescue_desk_minutes", 2)
    world.session.commit()
    return world


def report(world: World, ago: float = 1, **more: Any) -> int:
    elevator, source = more.pop("elevator", world.own), more.pop("source", "page")
    with transaction(world.session):
        row = rescues.report(world.session, None, elevator, source=source, at=clock.now() - ago * M, **more)
    key = row.id
    world.session.commit()
    return key


def freed(world: World, ago: float = 60, accept: float = 1, done: float = 15, **more: Any) -> int:
    """A case from the report to the end."""
    at = clock.now() - ago * M
    key = report(world, ago, **{n: v for n, v in more.items() if n in ("elevator", "source")})
    form = FORM | {n: v for n, v in more.items() if n in FORM}
    with transaction(world.session) as session:
        agent = world.actor("agent")
        call = rescue_desk.dispatch(session, agent, key, 1, at)
        rescue_answers.accept(session, agent, key, at + accept * M, call_id=call.id)
        rescue_answers.free(session, agent, key, form, at + (accept + done) * M, call_id=call.id)
    world.session.commit()
    return key


def post(browser: Any, path: str, **form: Any) -> Any:
    form["csrf_token"] = csrf(browser)
    return browser.post(path, data=form, follow_redirects=True)


def row_of(world: World, key: int) -> Rescue:
    world.session.rollback()
    world.session.expire_all()
    found = world.session.get(Rescue, key)
    assert found is not None
    return found


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


def test_the_banner_home_and_menu_say_what_is_open(world: World, sign_in: Any) -> None:
    inspector, head = sign_in(world.accounts["inspector"]), sign_in(world.accounts["maintenance_head"])
    assert 'class="ta-alarm"' not in inspector.get("/inbox/").text
    key = report(world, 10)
    page = inspector.get("/inbox/").text
    assert 'class="ta-alarm"' in page and "1 件困人救援处置中" in page and 'data-alarm="/rescues/open"' in page
    told = inspector.get("/rescues/open").json
    assert (told["count"], told["late"], told["rows"][0]["id"]) == (1, 0, key) and world.own.address in told["html"]
    assert "data-alarm" not in head.get("/inbox/").text and "困人处置中" in head.get("/").text
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now() - 5 * M)
    world.session.commit()
    assert "其中 1 件超时" in inspector.get("/inbox/").text
    assert sign_in(world.accounts["other_inspector"]).get("/rescues/open").json["count"] == 0
    figures = cockpit.build(Moment(world.session, SYSTEM, clock.today(), clock.now()), None).figures
    assert (figures.rescues, figures.late_rescues) == (1, 1)


def test_the_tabs_count_what_the_rule_says(world: World, sign_in: Any) -> None:
    lifts = [make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(5)]
    world.session.commit()
    good, slow = freed(world, elevator=lifts[0]), freed(world, accept=5, elevator=lifts[1])
    old = freed(world, 60 * 24 * 5, elevator=lifts[2])
    waiting = report(world, elevator=lifts[3])
    none = report(world, elevator=lifts[4])
    with transaction(world.session) as session:
        rescue_desk.close(session, world.actor("agent"), none, "cleaning", "保洁", clock.now())
    report(world, elevator=lifts[3], source="iot")
    world.session.commit()
    now = Moment(world.session, world.actor("agent"), clock.today(), clock.now())
    for row in world.session.scalars(select(Rescue)):
        late = rescue_course.outcome_of(row, now.now) is Outcome.LATE
        assert late is (row.id == slow)
    agent = sign_in(world.accounts["agent"])
    shown = {
        tab: {key for key in (good, slow, old, waiting, none) if f'href="/rescues/{key}"' in agent.get(path).text}
        for tab, path in {
            "centre": "/rescues/", "waiting": "/rescues/?tab=waiting", "late": "/rescues/?tab=late",
            "all": "/rescues/history/", "cleaning": "/rescues/history/?tab=cleaning",
            "uncalled": "/rescues/history/?tab=uncalled", "cause": "/rescues/history/?f_cause=door_vane",
            "level": "/rescues/history/?f_level=2",
        }.items()
    }
    assert shown == {
        "centre": {good, slow, waiting, none}, "waiting": {waiting}, "late": {slow},
        "all": {good, slow, old, waiting, none}, "cleaning": {none}, "uncalled": {good, slow, old},
        "cause": {good, slow, old}, "level": set(),
    }  # fmt: skip
    assert "已并入" in agent.get("/rescues/history/?tab=joined").text
    on_time = world.session.scalars(select(Rescue.id).where(listed.on_time())).all()
    assert set(on_time) == {good, old}


@pytest.mark.feature("STA-02")
def test_statistics_by_level_cause_hour_and_unit(world: World, sign_in: Any) -> None:
    lifts = [make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(3)]
    world.session.commit()
    freed(world, elevator=lifts[0], accept=2, done=10)
    freed(world, elevator=lifts[1], accept=4, done=20, cause="power_cut", injured="1")
    report(world, elevator=lifts[2])
    today = clock.today()
    asked = counted.Asked("unit", today - dt.timedelta(days=1), today)
    whole, cuts = counted.cuts(world.session, SYSTEM, asked, counted.BY, clock.now())
    assert (whole.total, whole.entrapments, whole.on_time, whole.late, whole.open) == (3, 2, 1, 1, 1)
    assert (whole.percent, whole.mean("accept"), whole.mean("done"), whole.mean("arrive")) == (50.0, 3.0, 15.0, None)
    assert (whole.trapped, whole.injured) == (4, 1)
    assert {name: sum(line.total for line in lines) for name, lines in cuts.items()} == dict.fromkeys(counted.BY, 3)
    assert [(line.name, line.total) for line in cuts["unit"]] == [(world.firm.name, 3)]
    agent = sign_in(world.accounts["agent"])
    for by in counted.BY:
        assert agent.get(f"/rescues/statistics?by={by}").status_code == 200
    page = agent.get("/rescues/statistics?by=cause").text
    assert "停电" in page and "50.0%" in page and "tab=late" in page
    assert agent.get("/rescues/statistics?from_on=2026-03-02&to_on=2026-03-01").status_code == 422
    assert agent.get("/rescues/statistics?region=990000000000").status_code == 404
    sent = post(agent, "/rescues/statistics/table", by="level", format="csv")
    assert "一级" in sent.get_data(as_text=True)
    report_page = sign_in(world.accounts["inspector"]).get("/reports/").text
    assert "平均救出" in report_page and "停电" in report_page
    book = post(sign_in(world.accounts["region_admin"]), "/reports/workbook")
    sheet = openpyxl.load_workbook(io.BytesIO(book.data))["救援"]
    said = {row[0]: row[1] for row in sheet.iter_rows(values_only=True) if row[0]}
    assert (said["合计"], said["停电"], said["一级"], len(sheet._charts)) == (3, 1, 3, 1)


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


# --- behind the code


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


@pytest.mark.feature("RES-01", "RES-05")
def test_the_desk_opens_a_secret_case_and_nothing_else_of_the_elevator(world: World, sign_in: Any) -> None:
    """Its place and the car's data on the case's own page; who opened it stands in the log, once."""
    world.own.is_secret, world.own.emergency_phone = True, "0398-5550096"
    world.session.commit()
    key = report(world, 0.5)
    agent = sign_in(world.accounts["agent"])
    address, code = world.own.address, world.own.code
    for path in ("/rescues/", "/rescues/history/", "/rescues/open", "/", "/map/"):
        shown = agent.get(path).text
        assert address not in shown, path
    assert f"涉密电梯 {code}" in agent.get("/rescues/open").json["html"]
    centre = agent.get("/rescues/").text
    assert f'href="/rescues/{key}"' in centre and "涉密电梯救援处置中" in centre
    assert code not in agent.get("/rescues/history/").text

    def logged() -> list[int | None]:
        world.session.rollback()
        said = select(AuditEntry.actor_id).where(AuditEntry.action == "rescue.open_secret", AuditEntry.entity_id == key)
        return list(world.session.scalars(said))

    assert logged() == []
    for _ in range(2):
        page = agent.get(f"/rescues/{key}").text
        assert address in page and "0398-5550096" in page and f'href="/elevators/{world.own.id}"' not in page
    assert logged() == [world.accounts["agent"].id]
    assert agent.get(f"/elevators/{world.own.id}").status_code == 404
    assert agent.get(f"/rescues/{key}/stand").status_code == 200
    post(agent, f"/rescues/{key}/take")
    post(agent, f"/rescues/{key}/dispatch", level="1")
    assert row_of(world, key).status == "dispatched"
    page = post(agent, f"/rescues/{key}/close", outcome="false_alarm", note="对讲确认无人").text
    assert address in page and row_of(world, key).status == "closed", "a day to call back"
    row_of(world, key).ended_at = clock.now() - dt.timedelta(days=1, seconds=1)
    world.session.commit()
    assert agent.get(f"/rescues/{key}").status_code == 404
    assert logged() == [world.accounts["agent"].id]


@pytest.mark.feature("RES-01")
def test_of_which_secret_cases_a_desk_opens_none(world: World, sign_in: Any) -> None:
    """Another region's, and none at all for whoever is no desk; who may see 涉密 needs no door of his own."""
    world.accounts["afar"] = make_account(world.session, Role.RESCUE_AGENT, region_code="980403000000")
    world.own.is_secret = True
    world.session.commit()
    key = report(world, 0.5)
    for who in ("afar", "inspector", "other_inspector", "other_head"):
        assert sign_in(world.accounts[who]).get(f"/rescues/{key}").status_code == 404, who
    assert world.own.address in sign_in(world.accounts["region_admin"]).get(f"/rescues/{key}").text
    assert world.session.scalar(select(AuditEntry.id).where(AuditEntry.action == "rescue.open_secret")) is None


@pytest.mark.feature("RES-01")
def test_a_caller_reads_out_the_code_of_a_secret_elevator(world: World, sign_in: Any) -> None:
    world.own.is_secret = True
    world.session.commit()
    agent, code, address = sign_in(world.accounts["agent"]), world.own.code, world.own.address
    assert "没有找到这台电梯" in agent.get(f"/rescues/new?q=X{code}").text
    by_number = agent.get(f"/rescues/new?elevator_id={world.own.id}").text
    assert code not in by_number and address not in by_number
    found = agent.get(f"/rescues/new?q={code}").text
    assert f"涉密电梯 {code}" in found and address not in found and world.use_unit.name not in found
    assert agent.get(f"/rescues/new?q={world.foreign.code}").text.count("涉密电梯 ") == 0
    page = post(agent, "/rescues/new", code=code, phone="13900001111", caller="顾女士").text
    world.session.rollback()
    row = world.session.scalars(select(Rescue)).one()
    assert (row.elevator_id, row.source, row.status) == (world.own.id, "call", "taken") and address in page


@pytest.mark.feature("INT-04")
def test_a_secret_case_by_the_interface(app: Any, world: World) -> None:
    world.own.is_secret = True
    world.session.commit()
    key = report(world, 0.5)
    desk = Caller(app, world, "agent")
    assert desk.get("/rescues").json["count"] == 0
    assert desk.get(f"/rescues/{key}").json["place"].endswith(world.own.address)
    assert desk.post(f"/rescues/{key}/take", {}).status_code == 200
    world.session.rollback()
    said = select(AuditEntry.actor_id).where(AuditEntry.action == "rescue.open_secret")
    assert world.session.scalars(said).all() == [world.accounts["agent"].id]


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


def test_the_home_page_shows_what_is_open_to_whom_it_concerns(world: World, sign_in: Any) -> None:
    agent, head = sign_in(world.accounts["agent"]), sign_in(world.accounts["maintenance_head"])
    page = agent.get("/").text
    assert "没有处置中的救援" in page and 'href="/rescues/new"' in page and "待回访" not in page
    assert "处置中的救援" not in head.get("/").text
    freed(world, ago=120)
    key = report(world)
    for client in (agent, head):
        page = client.get("/").text
        assert "处置中的救援" in page and f'href="/rescues/{key}"' in page and world.own.address in page
    assert "待回访 1 件" in agent.get("/").text and "待回访" not in head.get("/").text
    assert "处置中的救援" not in sign_in(world.accounts["other_head"]).get("/").text


def test_the_case_whose_limit_ends_first_stands_first(world: World, sign_in: Any) -> None:
    """One on the way has half an hour; a later one was not answered yet, and has three minutes."""
    other = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
    world.session.commit()
    first, at = report(world, ago=10), clock.now()
    with transaction(world.session) as session:
        call = rescue_desk.dispatch(session, world.actor("agent"), first, 1, at - 10 * M)
        rescue_answers.accept(session, world.actor("worker"), first, at - 9 * M, call_id=call.id)
    later, agent = report(world, elevator=other), sign_in(world.accounts["agent"])
    with transaction(world.session) as session:
        rescue_desk.dispatch(session, world.actor("agent"), later, 1, at)

    def places() -> list[str]:
        return re.findall(r'class="ta-a ta-b"\s+href="/rescues/(\d+)"', agent.get("/").text)

    assert places() == [str(later), str(first)]
    with transaction(world.session) as session:
        call = session.scalars(select(RescueDispatch).where(RescueDispatch.rescue_id == later)).one()
        rescue_answers.accept(session, world.actor("worker"), later, at + 1 * M, call_id=call.id)
    # Both are on their way, and who set out first is to be there first.
    assert places() == [str(first), str(later)]


@pytest.mark.feature("RES-06", "MNT-12")
def test_whoever_has_no_home_on_the_phone_finds_what_is_open_on_his_own_page(world: World, sign_in: Any) -> None:
    report(world)
    head, safety = sign_in(world.accounts["maintenance_head"]), sign_in(world.accounts["safety_officer"])
    page = head.get("/m/me").text
    assert 'href="/m/rescues"' in page and "处置中 1" in page and "报修与维修" in page and "公众投诉" in page
    assert "处置中 1" in safety.get("/m/reviews").text
    assert "困人救援" not in sign_in(world.accounts["worker"]).get("/m/me").text


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

"""REP-01 to REP-03, ANO-02 on the pages: reports, orders, steps at desk and phone, statistics, what each may see."""

from __future__ import annotations

import datetime as dt
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app import clock
from app.listing import Moment
from app.models import Anomaly, Attachment, RepairOrder, Rescue
from app.reports import statistics, statistics_workbook
from app.transaction import transaction
from app.workflows.on_site.presence import Position
from app.workflows.oversight import anomalies
from app.workflows.repair import past_repairs, repair_work, repairs
from app.workflows.repair.repair_work import Ending
from app.workflows.rescue import rescues
from tests.conftest import csrf
from tests.factories import World, make_elevator, make_policy, picture
from tests.pages import flat
from tests.workflows.visit_world import arrive, leave

pytestmark = pytest.mark.feature("REP-03")
H, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)


def photo() -> tuple[io.BytesIO, str]:
    return io.BytesIO(picture()), "现场.png"


def report(world: World, who: str = "safety_officer", ago: dt.timedelta = H, **more: Any) -> RepairOrder:
    given: dict[str, Any] = {
        "elevator_id": world.own.id, "level": "stopped", "fault": "停在 6 楼", "note": "", "at": clock.now() - ago,
    } | more  # fmt: skip
    with transaction(world.session):
        return repairs.report(world.session, world.actor(who), **given)


def assigned(world: World, **more: Any) -> RepairOrder:
    row = report(world, **more)
    with transaction(world.session):
        return repair_work.assign(
            world.session, world.actor("clerk"), row.id, world.worker.id, [], row.reported_at + MINUTE
        )


@pytest.fixture
def at(world: World, sign_in: Any) -> Any:
    """Go to a page as somebody, or send it a form: the status and the page."""
    browsers: dict[str, Any] = {}

    def go(who: str, path: str, form: dict[str, Any] | None = None) -> tuple[int, str]:
        world.session.commit()
        if who not in browsers:
            browsers[who] = sign_in(world.accounts[who])
        browser = browsers[who]
        if form is None:
            answer = browser.get(path)
        else:
            sent = form | {"csrf_token": csrf(browser)}
            answer = browser.post(path, data=sent, content_type="multipart/form-data")
        world.session.rollback()
        world.session.expire_all()
        return answer.status_code, answer.text

    return go


@pytest.mark.feature("REP-01")
def test_the_code_fills_the_elevator_in(at: Any, world: World) -> None:
    world.own.emergency_phone = "0398-5550096"
    world.session.commit()
    status, page = at("clerk", f"/repairs/new?elevator_id={world.own.id}")
    assert status == 200
    for shown in (world.own.code, world.use_unit.name, world.firm.name, world.own.address, "0398-5550096"):
        assert shown in page
    status, page = at("clerk", f"/repairs/about?elevator_id={world.own.id}")
    assert status == 200 and world.use_unit.name in page
    # Somebody else's elevator fills in nothing.
    assert world.other_use_unit.name not in at("clerk", f"/repairs/about?elevator_id={world.foreign.id}")[1]


@pytest.mark.feature("REP-01")
def test_a_report_with_a_photo_from_the_desk(at: Any, world: World) -> None:
    form = {"elevator_id": str(world.own.id), "level": "trapped", "fault": "有人被困", "photo": photo()}
    status, _page = at("clerk", "/repairs/new", form)
    row = world.session.scalars(select(RepairOrder)).one()
    assert status == 302 and (row.level, row.state) == ("trapped", "waiting")
    assert world.session.scalar(select(Attachment.entity_id).where(Attachment.entity == "repair_order")) == row.id
    status, page = at("clerk", f"/repairs/{row.id}")
    assert status == 200 and "有人被困，先救人" in page and "现场.png" in page


@pytest.mark.feature("REP-01")
def test_a_refused_report_keeps_what_was_written(at: Any, world: World) -> None:
    status, page = at("clerk", "/repairs/new", {"elevator_id": str(world.own.id), "level": "", "fault": "门关不上"})
    assert status == 422 and "请选择故障级别" in page and "门关不上" in page
    status, page = at("clerk", "/repairs/new", {"level": "stopped"})
    assert status == 422 and "请选择电梯" in page


@pytest.mark.feature("REP-02")
def test_assigned_and_taken_back_at_the_desk(at: Any, world: World) -> None:
    row = report(world)
    status, page = at("clerk", f"/repairs/{row.id}")
    assert status == 200 and "维修指派" in page and "王砚秋" in page
    assert at("clerk", f"/repairs/{row.id}/assign", {"worker_id": ""})[0] == 422
    assert at("clerk", f"/repairs/{row.id}/assign", {"worker_id": str(world.worker.id)})[0] == 302
    assert at("clerk", f"/repairs/{row.id}/take_back", {"reason": "改日"})[0] == 302
    world.session.refresh(row)
    assert row.state == "waiting"
    assert "维修指派" not in at("use_head", f"/repairs/{row.id}")[1]
    for tab, count in (("waiting", 1), ("sent", 0)):
        page = at("clerk", f"/repairs/?tab={tab}")[1]
        assert (world.own.code in page.split("<tbody", 1)[-1]) == bool(count)


def test_every_step_on_the_phone(at: Any, world: World) -> None:
    row = assigned(world)
    home = at("worker", "/m/")[1]
    assert "待接单 1" in home
    assert world.own.code in at("worker", "/m/repairs")[1]
    door = f"/m/repairs/{row.id}"
    for verb, state in (("accept", "accepted"), ("depart", "departed"), ("start", "started")):
        assert at("worker", door, {"verb": verb, "latitude": "30.5", "longitude": "120.5"})[0] == 302
        world.session.refresh(row)
        assert row.state == state
    assert (row.start_distance, row.signed_in_id) == (0, world.worker.id)
    status, page = at("worker", door, {"verb": "end", "action": "调整门锁", "cause": ""})
    assert status == 422 and "请选择故障原因" in page and "调整门锁" in page
    end = {"verb": "end", "action": "调整门锁", "cause": "door", "restored": "yes", "parts": "触点", "photo": photo()}
    assert at("worker", door, end)[0] == 302
    world.session.refresh(row)
    assert (row.state, row.restored, row.told_later) == ("done", True, None)
    page = at("safety_officer", door)[1]
    assert "调整门锁" in page and "门系统" in page and "维修照片" in page


@pytest.mark.feature("REP-01", "ANO-02")
@pytest.mark.parametrize("door", ["/m/repairs/new", "/m/anomalies/new"])
def test_a_report_from_the_phone_begins_with_a_scan(at: Any, world: World, door: str) -> None:
    """The label's address names the elevator as its number does; other labels say no more than that they are none."""
    own, foreign = world.own, world.foreign
    for text in (f"https://tian.example.invalid/m/p/{own.public_token}", own.public_token, f"/m/e/{own.code}"):
        status, page = at("worker", f"{door}?code={quote(text)}")
        assert status == 200 and f'name="elevator_id" value="{own.id}"' in flat(page), text
        first = flat(page).partition('class="fd-first"')[2].partition("</div>")[0]
        assert "有人被困" in first and 'class="ta-a"' not in first, "a button, not a word in a line"
    asked = [at("worker", f"{door}?code={quote(f'https://tian.example.invalid/m/p/{token}')}") for token in
             (foreign.public_token, "nobodys", "x" * 300)]  # fmt: skip
    asked.append(at("worker", f"{door}?code={quote('https://pay.example.invalid/q?to=8F3A')}"))
    for status, page in asked:
        assert status == 200 and "扫到的不是您范围内电梯的标签" in page
        assert 'id="code" name="code" value=""' in flat(page)
        assert foreign.address not in page and foreign.code not in page and "没有找到识别码" not in page
    assert "data-camera-start" in page and "这个浏览器不能直接扫码" in page


def test_times_are_told_with_the_end_on_the_phone(at: Any, world: World) -> None:
    row = assigned(world, ago=5 * H)
    wall = [f"{clock.local(row.reported_at + n * H):%Y-%m-%dT%H:%M}" for n in (1, 2, 3)]
    form = {"verb": "end", "action": "调整", "cause": "door", "restored": "no", "accepted_at": "昨天"}
    status, page = at("worker", f"/m/repairs/{row.id}", form)
    assert status == 422 and "“昨天”不是时间" in page
    times = dict(zip(("accepted_at", "started_at", "ended_at"), wall, strict=True))
    assert at("worker", f"/m/repairs/{row.id}", form | times)[0] == 302
    page = at("clerk", f"/repairs/{row.id}")[1]
    assert page.count("事后补填") >= 3 and "电梯未恢复运行" in page


@pytest.mark.feature("REP-01")
def test_a_report_from_the_phone_of_the_use_unit(at: Any, world: World) -> None:
    status, page = at("safety_officer", "/m/repairs/new")
    assert status == 200 and world.own.code in page
    status, page = at("safety_officer", "/m/repairs/new?code=99999999")
    assert status == 200 and "没有找到识别码 99999999" in page
    place = f"{world.own.estate or ''} {world.own.address[:4]}".strip()
    status, page = at("safety_officer", f"/m/repairs/new?code={place}")
    assert status == 200 and f"elevator_id={world.own.id}" in page and "没有找到" not in page
    assert f"elevator_id={world.foreign.id}" not in at("safety_officer", "/m/repairs/new?code=路")[1]
    assert 'href="/m/repairs/new"' in at("safety_officer", "/m/reviews")[1], "one press from the first page"
    assert "data-camera-start" in page
    form = {"elevator_id": str(world.own.id), "level": "running", "fault": "抖动"}
    assert at("safety_officer", "/m/repairs/new", form)[0] == 302
    row = world.session.scalars(select(RepairOrder)).one()
    assert at("safety_officer", f"/m/repairs/{row.id}", {"verb": "cancel", "reason": "好了"})[0] == 302
    world.session.refresh(row)
    assert row.state == "cancelled"


def test_the_managers_word_at_the_desk(at: Any, world: World) -> None:
    make_policy(world.session, "repair_approval", True)
    world.session.commit()
    row = assigned(world, ago=5 * H)
    times = {name: row.reported_at + n * H for n, name in enumerate(("accepted_at", "started_at", "ended_at"), 1)}
    ending = Ending(cause="door", action="调整", restored=True, times=times)
    with transaction(world.session):
        repair_work.end(world.session, world.actor("worker"), row.id, ending, clock.now())
    assert "驳回，重新填写" not in at("clerk", f"/repairs/{row.id}")[1]
    assert at("maintenance_head", f"/repairs/{row.id}/decide", {"decision": "rejected", "reason": ""})[0] == 422
    form = {"decision": "rejected", "reason": "请补照片"}
    assert at("maintenance_head", f"/repairs/{row.id}/decide", form)[0] == 302
    assert "请补照片" in at("worker", f"/m/repairs/{row.id}")[1]
    with transaction(world.session):
        repair_work.end(world.session, world.actor("worker"), row.id, Ending("door", "调整", "", True), clock.now())
    assert at("maintenance_head", f"/repairs/{row.id}/decide", {"decision": "approved"})[0] == 302
    world.session.refresh(row)
    assert (row.state, row.decision) == ("done", "approved")


def test_confirming_a_visit_asks_whether_to_repair(at: Any, session: Any, huzhou: World) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, visit.checked_in_at + H, problem="门锁磨损")
    page = at("safety_officer", f"/m/reviews/{visit.id}")[1]
    assert "是否需要报修" in page
    form = {"verb": "confirm", "repair": "yes", "repair_note": "请换新的"}
    assert at("safety_officer", f"/m/reviews/{visit.id}", form)[0] == 302
    row = session.scalars(select(RepairOrder)).one()
    assert (row.source, row.use_note, row.visit_id) == ("review", "请换新的", visit.id)
    page = at("clerk", f"/repairs/{row.id}")[1]
    assert "请换新的" in page and f"/visits/{visit.id}" in page
    assert f"/repairs/{row.id}" in at("clerk", f"/visits/{visit.id}")[1]


def test_the_elevators_page_lists_repairs_and_anomalies(at: Any, world: World) -> None:
    row = report(world)
    with transaction(world.session):
        odd = anomalies.found(
            world.session, None, world.own, source="iot", kind="door", text="反复开关门", at=clock.now()
        )
    page = at("inspector", f"/elevators/{world.own.id}")[1]
    assert f"/repairs/{row.id}" in page and f"/anomalies/{odd.id}" in page


@pytest.mark.parametrize("by", ["unit", "elevator", "level", "cause"])
def test_statistics_count_as_their_lists_do(at: Any, world: World, by: str) -> None:
    done = assigned(world, ago=5 * H)
    for deed, n in ((repair_work.accept, 1), (repair_work.depart, 2)):
        with transaction(world.session):
            deed(world.session, world.actor("worker"), done.id, done.reported_at + n * H)
    with transaction(world.session):
        repair_work.start(world.session, world.actor("worker"), done.id, Position(), done.reported_at + 2 * H)
    with transaction(world.session):
        repair_work.end(
            world.session, world.actor("worker"), done.id, Ending("door", "调整", "", True), done.reported_at + 3 * H
        )
    report(world, level="running", ago=MINUTE)
    status, page = at("inspector", f"/repairs/statistics?by={by}")
    assert status == 200
    foot = re.search(r"<tfoot>(.*?)</tfoot>", page, re.S)
    assert foot is not None
    numbers = re.findall(r'class="num"[^>]*>\s*(?:<a[^>]*>)?\s*([^<\s][^<]*?)\s*<', foot[1])
    total = "1" if by == "cause" else "2"
    assert numbers[0] == total and numbers[1] == "1" and numbers[-1] == "3.0 小时"
    status, book = at("inspector", "/repairs/statistics/table", {"by": by, "format": "csv"})
    assert status == 200 and "平均完成用时" in book


def test_the_line_of_nobody_opens_its_list_and_no_other(at: Any, world: World) -> None:
    other = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.own.use_unit)
    world.session.commit()
    lone, theirs = report(world), report(world, elevator_id=other.id)
    lone.unit_id = None
    lone.due_at = theirs.due_at = clock.now() - MINUTE
    world.session.commit()
    page = at("inspector", "/repairs/statistics?by=unit")[1]
    row = page[page.index("没有维保单位") :].split("</tr>")[0]
    href = re.search(r'href="(/repairs/[^"]*tab=late[^"]*)"', row)
    assert href is not None and "f_no_unit=1" in href[1] and "f_unit" not in href[1]
    opened = at("inspector", href[1].replace("&amp;", "&"))[1]
    assert f'/repairs/{lone.id}"' in opened and f'/repairs/{theirs.id}"' not in opened
    unit = f"/repairs/statistics?by=unit&unit={world.firm.id}"
    foot = at("inspector", unit)[1].split("<tfoot>")[1]
    assert f"f_unit={world.firm.id}" in foot, "the sum is of the unit that was asked for"
    empty = at("inspector", "/repairs/statistics?by=unit&from_on=2001-01-01&to_on=2001-01-02")[1]
    assert "或换个地区、单位再试" in empty


@pytest.mark.feature("STA-02")
def test_the_report_of_the_region_has_repairs(at: Any, world: World) -> None:
    assert "报修次数" not in at("inspector", "/reports/")[1]
    report(world)
    page = at("inspector", "/reports/")[1]
    assert "报修次数" in page and "电梯故障停梯" in page


@pytest.mark.feature("STA-02")
def test_the_workbook_has_a_sheet_of_repairs_where_there_are_any(world: World, tmp_path: Path) -> None:
    now = clock.now()
    actor = world.actor("inspector")
    frame = statistics.Frame(actor.region_code, clock.local_day(now) - dt.timedelta(days=30), clock.local_day(now))

    def sheets() -> tuple[str, list[str], list[Any]]:
        found = statistics.build(Moment(world.session, actor, clock.local_day(now), now), frame)
        statistics_workbook.write(found, tmp_path / "x.xlsx")
        book = load_workbook(tmp_path / "x.xlsx")
        rows = list(book["报修与维修"].iter_rows(values_only=True)) if "报修与维修" in book.sheetnames else []
        return found.digest, book.sheetnames, rows

    bare, names, _rows = sheets()
    assert "报修与维修" not in names
    report(world)
    world.session.commit()
    told, names, rows = sheets()
    assert "报修与维修" in names and told != bare
    assert rows[0][:3] == ("故障级别", "报修次数", "已处理") and rows[1][:2] == ("电梯故障停梯", 1)


@pytest.mark.feature("ANO-02")
def test_an_anomaly_from_the_phone_is_handled_at_the_desk(at: Any, world: World) -> None:
    form = {"elevator_id": str(world.own.id), "kind": "noise", "body": "上行异响", "photo": photo()}
    assert at("worker", "/m/anomalies/new", form)[0] == 302
    row = world.session.scalars(select(Anomaly)).one()
    assert (row.source, row.reported_unit_id) == ("phone", world.firm.id)
    assert world.own.code in at("worker", "/m/anomalies")[1]
    status, page = at("inspector", f"/anomalies/{row.id}")
    assert status == 200 and "上行异响" in page and "转维修，生成工单" in page
    assert at("inspector", f"/anomalies/{row.id}/handle", {"verb": "dismiss"})[0] == 422
    assert at("inspector", f"/anomalies/{row.id}/handle", {"verb": "nonsense"})[0] == 422
    assert at("inspector", f"/anomalies/{row.id}/handle", {"verb": "repair", "level": "stopped"})[0] == 302
    order = world.session.scalars(select(RepairOrder)).one()
    assert (order.level, order.anomaly_id) == ("stopped", row.id)
    assert f"/repairs/{order.id}" in at("inspector", f"/anomalies/{row.id}")[1]
    assert "转维修" in at("worker", f"/m/anomalies/{row.id}")[1]


@pytest.mark.feature("ANO-02")
def test_confirmed_from_the_list_and_settled_on_the_phone(at: Any, world: World, client: Any) -> None:
    with transaction(world.session):
        row = anomalies.found(world.session, None, world.own, source="iot", kind="door", text="", at=clock.now())
    status, page = at("use_head", "/anomalies/deed/confirm", {"ids": str(row.id)})
    assert status == 200 and "已完成" in page
    form = {"verb": "solve", "note": "清理地坎异物"}
    assert at("use_head", f"/m/anomalies/{row.id}", form)[0] == 302
    world.session.refresh(row)
    assert (row.state, row.outcome) == ("closed", "settled")


@pytest.mark.feature("ANO-02")
def test_a_desk_report_names_its_time(at: Any, world: World) -> None:
    form = {"elevator_id": str(world.own.id), "kind": "water", "body": "底坑进水", "found_at": "不知道"}
    status, page = at("inspector", "/anomalies/new", form)
    assert status == 422 and "不是时间" in page
    wall = f"{clock.local(clock.now() - H):%Y-%m-%dT%H:%M}"
    assert at("inspector", "/anomalies/new", form | {"found_at": wall})[0] == 302
    assert world.session.scalars(select(Anomaly)).one().source == "desk"


def test_home_and_menu_count_what_waits(at: Any, world: World) -> None:
    report(world)
    page = at("clerk", "/")[1]
    assert "未完成的维修" in page and "报修与维修" in page
    parts = re.findall(r'<a class="ta-nw" href="/repairs/\?tab=(\w+)">(.+?)</a>', page)
    assert parts == [("waiting", "待派工 1"), ("sent", "已派工 0"), ("ended", "待审批 0")]
    link = re.search(r'href="(/repairs/\?f_state=[^"]+)"><span class="t">未完成的维修</span><span class="n">1<', page)
    assert link is not None and "共 1 条" in at("clerk", link[1])[1]
    assert "未完成的维修" in at("use_head", "/")[1]


@pytest.mark.feature("RES-01")
def test_the_form_leads_to_the_open_rescue_or_to_reporting_one(sign_in: Any, world: World) -> None:
    assert world.own.public_token
    about = f"/repairs/about?elevator_id={world.own.id}"
    client = sign_in(world.accounts["safety_officer"])
    text = client.get(about).text
    assert "还没有报警" in text and f"/m/p/{world.own.public_token}/trapped" in text
    with transaction(world.session):
        case = rescues.report(world.session, None, world.own, source="page", at=clock.now())
    text = client.get(about).text
    assert "正在救援中" in text and f"/rescues/{case.id}" in text and "还没有报警" not in text
    row = report(world, level="trapped", fault="有人被困")
    assert f'href="/rescues/{case.id}"' in client.get(f"/repairs/{row.id}").text
    phone = client.get(f"/m/repairs/new?elevator_id={world.own.id}", follow_redirects=True).text
    assert f"/m/rescues/{case.id}" in phone
    # An anomaly that is passed on names the case at the desk and on the phone.
    with transaction(world.session):
        finder = world.actor("safety_officer")
        odd = anomalies.report(world.session, finder, world.own.id, "trapped", "有人", clock.now())
        anomalies.handle(world.session, world.actor("clerk"), odd.id, "rescue", "", clock.now())
    assert f"/rescues/{case.id}" in client.get(f"/anomalies/{odd.id}").text
    assert f"/m/rescues/{case.id}" in client.get(f"/m/anomalies/{odd.id}").text


@pytest.mark.feature("IMP-03")
def test_a_repair_taken_over_says_so(at: Any, world: World) -> None:
    began = clock.now() - 60 * H
    told = {"reported_at": began.isoformat(), "ended_at": (began + 2 * H).isoformat()}
    with transaction(world.session):
        row = past_repairs.take_over(
            world.session, world.actor("region_admin"), {"elevator_id": world.own.id, "level": "stopped", **told},
            clock.now(),
        )  # fmt: skip
    status, page = at("clerk", f"/repairs/{row.id}")
    assert status == 200 and "接管" in page and "已处理" in page and "维修情况" in page
    assert 'action="/repairs/' not in page
    status, page = at("region_admin", "/repairs/?f_taken_over=1")
    assert status == 200 and row.code in page and "kind=past_repairs" in page
    assert "kind=past_repairs" not in at("clerk", "/repairs/")[1]


@pytest.mark.feature("ANO-02", "RES-02")
@pytest.mark.parametrize("kind", ["trapped", "noise"])
def test_an_anomaly_with_people_inside_is_passed_on_to_rescue_first(world: World, sign_in: Any, kind: str) -> None:
    with transaction(world.session):
        row = anomalies.report(world.session, world.actor("safety_officer"), world.own.id, kind, "6 楼", clock.now())
        key = row.id
    world.session.commit()
    desk, phone = sign_in(world.accounts["region_admin"]), sign_in(world.accounts["safety_officer"])
    main = r'ta-(?:btn|glove)--main[^>]*value="(\w+)"'
    for page in (desk.get(f"/anomalies/{key}").text, phone.get(f"/m/anomalies/{key}").text):
        assert re.findall(main, page) == ["rescue" if kind == "trapped" else "repair"]
    form = {"verb": "rescue", "csrf_token": csrf(desk)}
    done = desk.post(f"/anomalies/{key}/handle", data=form, follow_redirects=True)
    world.session.rollback()
    case = world.session.scalar(select(Rescue.id))
    assert done.request.path == f"/rescues/{case}" and "已转救援，请派单" in done.text


@pytest.mark.feature("REP-01", "REP-02")
def test_the_office_finds_the_way_from_the_phone_to_where_one_assigns(at: Any, world: World) -> None:
    row = report(world)
    way = f'href="/repairs/{row.id}">去派工'
    assert way in at("maintenance_head", f"/m/repairs/{row.id}")[1]
    assert way not in at("safety_officer", f"/m/repairs/{row.id}")[1]


def handled(world: World, **more: Any) -> int:
    row = assigned(world, **more)
    at = row.reported_at + 2 * MINUTE
    with transaction(world.session) as session:
        worker = world.actor("worker")
        repair_work.accept(session, worker, row.id, at)
        repair_work.start(session, worker, row.id, Position(), at)
        repair_work.end(session, worker, row.id, Ending("door", "更换触点", restored=True), at + MINUTE)
    world.session.commit()
    return row.id


def test_the_use_unit_confirms_at_the_desk_or_sends_back_on_the_phone(at: Any, world: World) -> None:
    first, second = handled(world), handled(world, fault="另一处")
    page = at("safety_officer", f"/repairs/{first}")[1]
    assert "确认修好" in page and "仍有问题，退回维保单位" in page
    assert f"/repairs/{second}" in at("safety_officer", "/repairs/?tab=unconfirmed")[1]
    for who in ("clerk", "inspector"):
        page = at(who, f"/repairs/{first}")[1]
        assert f"/repairs/{first}/answer" not in page and "unconfirmed" not in at(who, "/repairs/")[1]
    assert at("safety_officer", f"/repairs/{first}/answer", {"answer": "yes"})[0] == 302
    assert f"/repairs/{first}/answer" not in at("safety_officer", f"/repairs/{first}")[1]
    # On the phone, with a photo; what was refused keeps its words.
    phone = at("safety_officer", f"/m/repairs/{second}?again=1")[1]
    assert 'id="again" open' in flat(phone) and 'data-upload="photo"' in phone
    sent = {"verb": "answer", "answer": "no", "answer_note": " ", "photo": photo()}
    status, refused = at("safety_officer", f"/m/repairs/{second}", sent)
    assert status == 422 and "请写明还有什么问题" in refused
    sent |= {"answer_note": "门还是关不上", "photo": photo()}
    assert at("safety_officer", f"/m/repairs/{second}", sent)[0] == 302
    row = world.session.scalars(select(RepairOrder).where(RepairOrder.again_of_id == second)).one()
    assert world.session.scalar(select(Attachment.entity_id).where(Attachment.entity == "repair_order")) == row.id
    page = at("inspector", f"/repairs/{second}")[1]
    assert "仍有问题" in page and "门还是关不上" in page and f"/repairs/{row.id}" in page
    assert f"/repairs/{second}" in at("inspector", "/repairs/?tab=disputed")[1]
    assert f'href="/repairs/{first}"' not in at("inspector", "/repairs/?tab=disputed")[1]
    assert "前一张工单" in at("clerk", f"/m/repairs/{row.id}")[1]


def test_photos_of_a_report_are_sent_by_the_usual_field(at: Any, world: World) -> None:
    for path in ("/m/repairs/new", "/m/anomalies/new"):
        page = at("safety_officer", f"{path}?code={world.own.code}")[1]
        assert 'data-upload="photo"' in page and 'class="fd-file"' not in page

"""A worker in a pit: the network is really off, the phone keeps the visit, and it arrives once, with its true times."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app import clock
from app.models import Attachment, Elevator, Visit
from tests.journeys.conftest import PHONE
from tests.journeys.in_the_pit import (
    ALL,
    PHOTO,
    PHOTOS,
    at_the_gate,
    carried_along,
    check_in,
    count_of,
    fill_sheet,
    in_the_draft,
    let_pass,
    own_tasks,
    stand_at,
    state_of,
    without_line,
)
from tests.journeys.steps import arrive, fact, go, path_of, rows, sheet_stands, sign_in
from tests.journeys.test_07_site import begin_afresh

STATIC = Path(__file__).parents[2] / "app" / "static"


@pytest.mark.feature("MNT-05", "MNT-04", "MNT-08")
def test_a_visit_without_signal_arrives_once_with_its_true_times(product: Any, enter: Any, shot: Any) -> None:
    number, code, *place, _region = own_tasks(product)[0]
    before = count_of(product, number)
    phone = enter("维保员", PHONE)
    begin_afresh(product, phone)
    stand_at(phone, *place)
    phone.goto("/m/")
    carried_along(phone)
    phone.reload()
    phone.wait_for_load_state("networkidle")

    without_line(phone, "/m/orders")
    expect(phone.locator("#offline")).to_contain_text("没有网络")
    expect(phone.locator("#offline")).to_contain_text(code)
    shot(phone, "no network the tasks are there")
    phone.goto("/m/scan")
    phone.get_by_label("识别码").fill(code)
    phone.get_by_role("button", name="查看这台电梯").click()
    phone.locator("#in-photo").set_input_files(PHOTO)
    expect(phone.locator('[data-photos="in"]')).to_contain_text("底坑.png")
    shot(phone, "check-in without network")
    began = clock.now()
    phone.get_by_role("button", name="签到，存在手机").click()
    phone.wait_for_url("**/m/outbox?k=*")

    # Half-filled, the tab closed and the phone started anew: all is there.
    sheet = phone.url
    let_pass(phone, product, 40)
    fill_sheet(phone, code)
    phone.get_by_label("备注", exact=True).fill("底坑有少量积水")
    phone.locator("#out-photo").set_input_files(PHOTO)
    expect(phone.locator('[data-photos="out"]')).to_contain_text("底坑.png")
    expect(phone.locator("[data-draft-state]")).to_have_text("已存在手机")
    in_the_draft(phone, "k" + sheet.partition("k=")[2], "底坑有少量积水")
    again = phone.context.new_page()
    phone.close()
    phone = again
    phone.goto(sheet)
    expect(phone.get_by_label("备注", exact=True)).to_have_value("底坑有少量积水")
    expect(phone.locator('[data-photos="out"]')).to_contain_text("底坑.png")
    phone.locator("canvas[data-sign]").scroll_into_view_if_needed()
    box = phone.locator("canvas[data-sign]").bounding_box()
    phone.mouse.move(box["x"] + 30, box["y"] + 40)
    phone.mouse.down()
    phone.mouse.move(box["x"] + 160, box["y"] + 90)
    phone.mouse.up()
    shot(phone, "the sheet after a restart")
    phone.get_by_role("button", name="签退，存在手机").click()
    phone.wait_for_url("**/m/outbox")
    ended = clock.now()
    expect(phone.get_by_role("heading", name="待发送 1 条")).to_be_visible()
    expect(phone.locator("main")).to_contain_text("签到和签退都在手机上，有网络后自动发送")
    shot(phone, "one to send")
    phone.reload()
    assert state_of(phone) == [["waiting", code, []]] and count_of(product, number) == before

    # The line is back in one direction: the visit arrives, however often, its answer does not.
    lost: list[str] = []
    deaf = True

    def lose(route: Any) -> None:
        route.fetch()
        lost.append(route.request.post_data)
        route.abort()

    phone.route("**/api/v1/visits/offline", lambda route: lose(route) if route.request.method == "POST" and deaf
                else route.continue_())  # fmt: skip
    phone.context.set_offline(False)
    expect(phone.locator("main")).to_contain_text("没有丢失")
    if not lost:  # it broke off before that: the page knew of the line before what it asked for could pass
        phone.get_by_role("button", name="再发一次").click()
        for _ in range(200):
            if lost:
                break
            phone.wait_for_timeout(100)
    expect(phone.locator("main")).to_contain_text("系统没有回答这条记录，它仍在手机上")
    assert lost and count_of(product, number) == before + 1
    assert state_of(phone) == [["waiting", code, []]]
    deaf = False
    # At the entry, and at the foot of the page for all.
    phone.get_by_role("button", name="再发一次").last.click()
    expect(phone.get_by_role("heading", name="没有待发送的记录")).to_be_visible()
    shot(phone, "it has arrived")
    assert state_of(phone) == [["sent", code, []]] and count_of(product, number) == before + 1
    assert phone.evaluate(PHOTOS) == 0

    with product.session() as session:
        row = session.scalar(
            select(Visit).where(Visit.elevator_id == number, Visit.offline == "both").order_by(Visit.id.desc())
        )  # fmt: skip
        assert abs(began - dt.timedelta(minutes=40) - row.checked_in_at) < dt.timedelta(seconds=30)
        assert row.checked_out_at - dt.timedelta(seconds=5) <= ended < row.sent_at + dt.timedelta(seconds=5)
        assert (row.note, row.phone_told["in_accuracy"], row.state) == ("底坑有少量积水", 14, "valid")
        files = session.scalars(
            select(Attachment.kind).where(Attachment.entity == "visit", Attachment.entity_id == row.id)
        ).all()
        assert sorted(files) == ["photo", "photo", "signature"]
        visit = row.id
    head = enter("维保单位负责人")
    head.goto(f"/visits/?q={code}&tab=valid")
    assert "离线" in rows(head)[0]["上传时间"]
    head.goto(f"/visits/{visit}")
    assert fact(head, "签到定位精度") == "14 米" and "一致" in fact(head, "手机时间")
    shot(head, "the record says how it came")


@pytest.mark.feature("MNT-05", "MNT-02")
def test_what_is_refused_stays_and_another_account_sees_nothing(product: Any, enter: Any, shot: Any) -> None:
    task = own_tasks(product)[1]
    number, code, *place, _region = task
    phone = enter("维保员", PHONE)
    at_the_gate(product, phone, place, f"/m/e/{code}")
    visit = check_in(product, phone)
    page = path_of(phone)
    # Begun on line, ended without: the sheet goes on where it stood.
    sheet_stands(phone)
    phone.get_by_label("备注", exact=True).fill("下行时有异响")
    expect(phone.locator("[data-draft-state]")).to_have_text("已存在手机")
    in_the_draft(phone, f"v{visit}", "下行时有异响")
    phone.context.set_offline(True)
    let_pass(phone, product, 40)
    phone.locator("#photo").set_input_files(PHOTO)
    expect(phone.locator("[data-upload]")).to_contain_text("已存在手机，有网络后上传")
    phone.reload()
    expect(phone.get_by_label("备注", exact=True)).to_have_value("下行时有异响")
    expect(phone.locator('[data-photos="out"]')).to_contain_text("底坑.png")
    fill_sheet(phone, code)
    phone.get_by_role("button", name="签退，存在手机").click()
    expect(phone.locator("main")).to_contain_text("签退在手机上，有网络后自动发送")

    # Somebody else signs in meanwhile: he neither sees nor sends it.
    cookies = phone.context.cookies()
    phone.context.clear_cookies()
    phone.context.set_offline(False)
    phone.goto("/m/outbox")
    expect(phone.locator("#offline")).to_contain_text("登录已失效")
    shot(phone, "signed out meanwhile")
    other = product.login("使用单位安全员")
    sign_in(phone, other.name, other.password)
    phone.goto("/m/outbox")
    expect(phone.get_by_role("heading", name="没有待发送的记录")).to_be_visible()
    assert state_of(phone) == [] and len(phone.evaluate(ALL)) > 0, "there, and not for him"
    with product.session() as session:
        assert session.get(Visit, visit).checked_out_at is None
        elevator = session.get(Elevator, number)
        latitude, elevator.latitude = elevator.latitude, elevator.latitude + 0.1
    phone.context.clear_cookies()
    phone.context.add_cookies(cookies)

    # The elevator's place was put right meanwhile, elsewhere: refused, with the reason; nothing is lost.
    phone.goto("/m/outbox")
    expect(phone.locator(".fd-entry")).to_contain_text("电梯位置较远")
    expect(phone.locator(".fd-entry")).to_contain_text("没有收下，仍在手机上")
    shot(phone, "refused with its reason")
    phone.goto("/m/")
    expect(phone.locator(".fd-queue")).to_contain_text("1 条没有收下")
    with product.session() as session:
        session.get(Elevator, number).latitude = latitude
    phone.locator(".fd-queue").click()
    phone.get_by_role("button", name="再发一次").click()
    expect(phone.get_by_role("heading", name="没有待发送的记录")).to_be_visible()
    phone.goto(page)
    expect(phone.locator("main")).to_contain_text("离线签退")
    expect(phone.locator(".fd-pics img")).to_have_count(1)
    assert count_of(product, number) >= 1

    # A visit that nobody wants is given up, after asking.
    without_line(phone, "/m/e/NOSUCH1")
    phone.get_by_role("button", name="签到，存在手机").click()
    phone.wait_for_url("**/m/outbox?k=*")
    phone.goto("/m/outbox")
    phone.get_by_role("button", name="放弃").click()
    dialog = phone.get_by_role("dialog")
    expect(dialog).to_contain_text("不能恢复")
    dialog.get_by_role("button", name="放弃").click()
    expect(phone.locator(".fd-entry", has_text="NOSUCH1")).to_have_count(0)
    phone.context.set_offline(False)

    # Signing out takes along what the phone carried.
    phone.goto("/m/me")
    phone.get_by_role("button", name="退出登录").click()
    phone.wait_for_url("**/login/**")
    phone.goto("/m/outbox")
    assert phone.evaluate("async () => [await taKept.me(), await taKept.get('copies', 7)]") == [None, None]


@pytest.mark.feature("MNT-05", "MNT-04")
def test_begun_without_signal_and_ended_with_it(product: Any, enter: Any, shot: Any) -> None:
    """The check-in goes as soon as there is a line; the half-filled sheet and its photo go on at the visit's page."""
    number, code, *place, _region = own_tasks(product)[2]
    phone = enter("维保员", PHONE)
    begin_afresh(product, phone)
    stand_at(phone, *place)
    phone.goto("/m/")
    carried_along(phone)
    without_line(phone, f"/m/e/{code}")
    phone.get_by_role("button", name="签到，存在手机").click()
    phone.wait_for_url("**/m/outbox?k=*")
    let_pass(phone, product, 40)
    phone.reload()
    sheet_stands(phone)
    phone.get_by_label("备注", exact=True).fill("轿顶已清洁")
    phone.locator("#out-photo").set_input_files(PHOTO)
    expect(phone.locator('[data-photos="out"]')).to_contain_text("底坑.png")
    expect(phone.locator("[data-draft-state]")).to_have_text("已存在手机")
    in_the_draft(phone, "k" + phone.url.partition("k=")[2], "轿顶已清洁")
    phone.goto("/m/")
    expect(phone.locator("main")).to_contain_text("签到存在手机，有网络后自动发送")
    # What is asked first of a line that comes back is often lost.
    phone.route("**/m/outbox.json", lambda route: route.abort(), times=1)
    lost = 1

    def lose(route: Any) -> None:
        nonlocal lost
        lost -= 1
        route.abort() if lost >= 0 else route.continue_()

    # So may be the page that the phone asks for then.
    phone.context.route("**/m/", lose)
    phone.context.set_offline(False)
    # The phone's own page says so first, and then makes room for the system's.
    expect(phone.locator("#offline")).to_have_count(0, timeout=60_000)
    assert lost < 1
    arrive(phone)
    expect(phone.locator("a.fd-go")).to_contain_text("正在维保")
    shot(phone, "the check-in has arrived by itself")
    phone.goto("/m/")
    go(phone.locator("a.fd-go"))
    phone.wait_for_url("**/m/visits/*")
    visit = int(path_of(phone).rsplit("/", 1)[-1])
    expect(phone.get_by_label("备注", exact=True)).to_have_value("轿顶已清洁")
    expect(phone.locator("[data-upload]")).to_contain_text("已上传")
    fill_sheet(phone, code)
    phone.get_by_role("button", name="签退").click()
    expect(phone.locator("main")).to_contain_text("离线签到")
    with product.session() as session:
        row = session.get(Visit, visit)
        assert (row.elevator_id, row.offline, row.note) == (number, "in", "轿顶已清洁")
        assert row.checked_out_at - row.checked_in_at > dt.timedelta(minutes=39) and row.sent_at == row.checked_out_at
    expect(phone.locator(".fd-pics img")).to_have_count(1)


@pytest.mark.feature("MNT-05", "REP-03")
def test_one_that_is_not_taken_holds_up_no_other(product: Any, enter: Any, shot: Any) -> None:
    """The first of three meets a fault of the system, then a right that was taken away; the others are judged each
    time, and what stays on the phone says why, until it goes."""
    _number, code, *_place, _region = own_tasks(product)[0]
    phone = enter("维保员", PHONE)
    phone.goto("/m/")
    carried_along(phone)
    phone.goto("/m/outbox")
    told, tried = 200, []
    fault = {"rule": "内部错误", "found": "事件编号 0a1b2c3d，没有办理", "remedy": "内容仍在手机上，稍后再发一次"}

    def answer(route: Any) -> None:
        key = route.request.post_data_json["entries"][0]["key"]
        tried.append(key)
        if told == 200 and key.endswith("broken"):
            route.fulfill(status=200, json={"entries": [{"key": key, "ok": False, "status": 500, "errors": [fault]}]})
        elif told and key.endswith("broken"):
            route.fulfill(status=told, content_type="text/html", body="")
        else:
            route.continue_()

    def waiting() -> list[Any]:
        found: list[Any] = phone.evaluate("""async () => (await taKept.entries(await taKept.me())).filter(
            e => e.made < 9).map(e => [e.key, e.state, e.later > Date.now()])""")
        return found

    phone.context.route("**/api/v1/*/offline", answer)
    # This page keeps the turn to send until it is gone: what it had begun would be sent once more by the next.
    phone.evaluate(
        """async code => { const me = await taKept.me(), at = new Date().toISOString();
        await new Promise(held => navigator.locks.request(
            "ta-kept-send", () => { held(); return new Promise(() => {}); }));
        for (const [n, key] of ["queue-1-broken", "queue-2-other", "queue-3-other"].entries())
            await taKept.put("entries", { key: key, account: me, made: n, lift: { code: code }, state: "waiting",
                errors: null, contact: "none", began: { code: code, at: at }, began_at: at,
                ended: { code: code, at: at }, ended_at: at });
        await taKept.put("entries", { key: "queue-4-broken", account: me, made: 4, kind: "repair", order: 1,
            verb: "depart", lift: { code: code }, state: "waiting", errors: null, contact: "none", step: { at: at },
            began_at: at }); }""",
        code,
    )
    phone.goto("/m/outbox")
    cards = phone.locator(".fd-entry")
    expect(cards.filter(has_text="事件编号 0a1b2c3d")).to_have_count(2)
    expect(cards.filter(has_text="联网凭据")).to_have_count(2)
    expect(phone.locator("[data-line]")).to_contain_text("稍后自动再发")
    shot(phone, "what the system failed at waits, the others were judged")
    keys = ["queue-1-broken", "queue-2-other", "queue-3-other", "queue-4-broken"]
    assert tried == keys
    assert waiting() == [
        [keys[0], "waiting", True], [keys[1], "refused", False], [keys[2], "refused", False], [keys[3], "waiting", True]
    ]  # fmt: skip
    # It waits for its hour, unless somebody presses.
    phone.goto("/m/outbox")
    expect(cards.first).to_contain_text("仍在手机上")
    assert tried == keys
    told = 403
    phone.locator("[data-dock]").get_by_role("button", name="再发一次").click()
    expect(cards.filter(has_text="请联系单位负责人或管理员恢复权限")).to_have_count(2)
    assert tried[4:] == [keys[0], keys[3]] and [one[1] for one in waiting()] == ["refused"] * 4
    shot(phone, "without the right it stays and says so")
    # The right is back: pressed again it is judged as the others were.
    told = 0
    cards.first.get_by_role("button", name="再发一次").click()
    expect(cards.filter(has_text="联网凭据")).to_have_count(3)
    # Signed out meanwhile: that is about all of them.
    told = 401
    cards.last.get_by_role("button", name="再发一次").click()
    expect(phone.locator("[data-line]")).to_contain_text("登录已失效")
    assert waiting()[3][1] == "waiting"
    phone.evaluate("async keys => { for (const key of keys) await taKept.drop('entries', key); }", keys)

"""A worker in a pit: the network is really off, the phone keeps the visit, and it arrives once, with its true times."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import pytest
from itsdangerous import URLSafeSerializer
from playwright.sync_api import expect
from sqlalchemy import func, select

from app import clock
from app.models import Account, Attachment, Elevator, MaintenanceOrder, Visit
from tests.factories import picture
from tests.journeys.conftest import PHONE
from tests.journeys.steps import arrive, fact, go, path_of, rows, sheet_stands, sign_in
from tests.journeys.test_07_site import begin_afresh

PHOTO = {"name": "底坑.png", "mimeType": "image/png", "buffer": picture()}
KEPT = """async () => (await taKept.entries(await taKept.me())).map(
    e => [e.state, e.lift.code, (e.errors || []).map(x => x.rule)])"""
ALL = """() => new Promise(done => { const ask = indexedDB.open("ta-kept"); ask.onsuccess = () => {
    const got = ask.result.transaction("entries").objectStore("entries").getAll();
    got.onsuccess = () => done(got.result); }; })"""
PHOTOS = "async () => (await taKept.photosOf((await taKept.entries(await taKept.me()))[0].key)).length"


def state_of(page: Any) -> list[Any]:
    return list(page.evaluate(KEPT))


def own_tasks(product: Any) -> list[tuple[int, str, float, float, str]]:
    """The worker's open orders as the phone carries them, at elevators with a place."""
    with product.session() as session:
        account = session.scalar(select(Account).where(Account.username == product.login("维保员").name))
        found = session.execute(
            select(Elevator.id, Elevator.code, Elevator.latitude, Elevator.longitude, Elevator.region_code)
            .join(MaintenanceOrder, MaintenanceOrder.elevator_id == Elevator.id)
            .where(
                MaintenanceOrder.worker_id == account.person_id, MaintenanceOrder.state == "open",
                MaintenanceOrder.planned_on <= clock.today() + dt.timedelta(days=5), Elevator.latitude.is_not(None),
                MaintenanceOrder.level == "half_month", Elevator.status == "in_use",
            )
            .order_by(MaintenanceOrder.planned_on.desc(), Elevator.id.desc())
        )  # fmt: skip
        return [tuple(row) for row in found]  # type: ignore[misc]


def count_of(product: Any, elevator: int) -> int:
    # A visit is of the day on which it began: shortly after midnight that was yesterday.
    since = clock.today() - dt.timedelta(days=1)
    with product.session() as session:
        on = select(func.count(Visit.id)).where(Visit.elevator_id == elevator, Visit.visit_on >= since)
        return int(session.scalar(on))


def stand_at(page: Any, latitude: float, longitude: float) -> None:
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": latitude, "longitude": longitude, "accuracy": 14})


def carried_along(page: Any) -> None:
    """The worker is installed, and the phone has what it takes along."""
    page.wait_for_function(
        "async () => (await caches.keys()).some(n => n.startsWith('ta-field-'))"
        " && !!navigator.serviceWorker.controller && !!(await taKept.get('copies', await taKept.me()))"
    )


def let_pass(page: Any, product: Any, minutes: int) -> None:
    """Nobody waits for the minutes of a visit here: the phone was last on line, and checked in, so much earlier."""
    with product.session() as session:
        account = session.scalar(select(Account.id).where(Account.username == product.login("维保员").name))
    at = round((clock.now() - dt.timedelta(minutes=minutes + 1)).timestamp() * 1000)
    key = (product.data / "secret_key").read_text().strip()
    signer = URLSafeSerializer(key, salt="phone-contact", signer_kwargs={"digest_method": hashlib.sha256})
    page.evaluate(
        """async ([contact, minutes]) => {
            const rows = await taKept.entries(await taKept.me()), copy = await taKept.get("copies", await taKept.me());
            const back = t => new Date(Date.parse(t) - minutes * 60000).toISOString();
            copy.contact = contact;
            if (copy.running) copy.running.began_at = back(copy.running.began_at);
            await taKept.put("copies", copy);
            for (const e of rows.filter(e => e.state === "running")) {
                e.contact = contact; e.began.at = back(e.began.at); e.began_at = e.began.at;
                await taKept.put("entries", e);
            }
        }""",
        [signer.dumps([account, at, 0]), minutes],
    )


def brought_along(page: Any, visit: int) -> None:
    """The phone has asked anew for what it takes along, this visit with it: of its own accord it writes no more."""
    page.wait_for_function(
        "async n => { const copy = await taKept.get('copies', await taKept.me());"
        " return !!copy && copy.kept > performance.timeOrigin && (copy.running || {}).visit_id === n; }", arg=visit
    )  # fmt: skip


def in_the_draft(page: Any, of: str, note: str) -> None:
    """The remark lies on the phone's disk."""
    page.wait_for_function(
        "async ([of, note]) => { const draft = await taKept.get('drafts', taKept.draftName(await taKept.me(), of));"
        " return !!draft && draft.form.note === note; }", arg=[of, note]
    )  # fmt: skip


def fill_sheet(page: Any, code: str) -> None:
    sheet_stands(page)
    page.get_by_role("button", name="其余都正常").click()
    for box in page.get_by_label("实测值").all():
        box.fill("12")
    page.get_by_label("无故障").check()
    page.get_by_label("再次扫码或输入识别码").fill(code)


def leave_and_send(page: Any) -> None:
    """The check-out is kept without a line, and goes as soon as there is one."""
    page.get_by_role("button", name="签退，存在手机").click()
    expect(page.locator("main")).to_contain_text("签退在手机上，有网络后自动发送")
    page.context.set_offline(False)
    page.goto("/m/outbox")
    expect(page.get_by_role("heading", name="没有待发送的记录")).to_be_visible()


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

    phone.context.set_offline(True)
    phone.goto("/m/orders")
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
    expect(phone.locator("main")).to_contain_text("发送中断，没有丢失")
    if not lost:  # it broke off before that: the page knew of the line before what it asked for could pass
        phone.get_by_role("button", name="再发一次").click()
        for _ in range(200):
            if lost:
                break
            phone.wait_for_timeout(100)
        expect(phone.locator("main")).to_contain_text("发送中断，没有丢失")
    assert lost and count_of(product, number) == before + 1
    assert state_of(phone) == [["waiting", code, []]]
    deaf = False
    phone.get_by_role("button", name="再发一次").click()
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
    begin_afresh(product, phone)
    stand_at(phone, *place)
    phone.goto("/m/")
    carried_along(phone)
    phone.goto(f"/m/e/{code}")
    expect(phone.locator("[data-gate]")).to_contain_text("项已通过")
    phone.get_by_role("button", name="签到", exact=True).click()
    phone.wait_for_url("**/m/visits/*")
    page = path_of(phone)
    visit = int(page.rsplit("/", 1)[-1])
    brought_along(phone, visit)
    with product.session() as session:
        session.get(Visit, visit).checked_in_at -= dt.timedelta(minutes=40)
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
    phone.context.set_offline(True)
    phone.goto("/m/e/NOSUCH1")
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
    phone.context.set_offline(True)
    phone.goto(f"/m/e/{code}")
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


@pytest.mark.feature("MNT-06", "MNT-05")
def test_left_by_number_without_signal_the_label_is_photographed(product: Any, enter: Any, shot: Any) -> None:
    """Begun by a scan; in the pit the label can't be read, so its number is typed and its photo goes along."""
    number, code, *place, region = own_tasks(product)[3]
    with product.session() as session:
        token = session.get(Elevator, number).public_token
    with product.policy(region, "试行：扫不了码的须拍标签", label_photo="unit"):
        phone = enter("维保员", PHONE)
        begin_afresh(product, phone)
        stand_at(phone, *place)
        phone.goto("/m/")
        carried_along(phone)
        phone.goto(f"/m/e/{token}")
        expect(phone.locator("[data-gate]")).to_contain_text("项已通过")
        phone.get_by_role("button", name="签到", exact=True).click()
        phone.wait_for_url("**/m/visits/*")
        visit = int(path_of(phone).rsplit("/", 1)[-1])
        brought_along(phone, visit)
        with product.session() as session:
            session.get(Visit, visit).checked_in_at -= dt.timedelta(minutes=40)
        asked = phone.locator("#label-out")
        expect(asked).to_be_hidden()
        phone.context.set_offline(True)
        let_pass(phone, product, 40)
        phone.goto(f"/m/visits/{visit}?code={token}")
        expect(phone.get_by_label("再次扫码或输入识别码")).to_have_value(token)
        expect(asked).to_be_hidden()
        fill_sheet(phone, code)
        expect(asked).to_be_visible()
        phone.get_by_role("button", name="签退，存在手机").click()
        expect(phone.locator(".fd-refused")).to_contain_text("这次是按识别码签退")
        shot(phone, "a photo of the label is wanted to leave by number")
        phone.locator("#label-out-photo").set_input_files(PHOTO)
        expect(phone.locator('[data-photos="labelout"]')).to_contain_text("底坑.png")
        leave_and_send(phone)
        with product.session() as session:
            row = session.get(Visit, visit)
            assert (row.offline, row.by_code, row.label_state, row.label_by) == ("out", False, "waiting", "unit")
            kinds = select(Attachment.kind).where(Attachment.entity == "visit", Attachment.entity_id == visit)
            assert session.scalars(kinds).all() == ["label_out"]


@pytest.mark.feature("MNT-04", "MNT-05", "MNT-01")
def test_the_places_and_the_person_are_photographed_without_signal(product: Any, enter: Any, shot: Any) -> None:
    """Begun on line with a photo of himself; photos taken in the shaft lie on the phone until there is a line."""
    _number, code, *place, region = own_tasks(product)[4]
    with product.policy(region, "试行：现场照片", photo_pit="every", photo_room="every", person_proof="photo"):
        phone = enter("维保员", PHONE)
        begin_afresh(product, phone)
        stand_at(phone, *place)
        phone.goto("/m/")
        carried_along(phone)
        phone.goto(f"/m/e/{code}")
        expect(phone.locator("[data-gate]")).to_contain_text("项已通过")
        phone.locator("#selfie").set_input_files(PHOTO)
        expect(phone.locator('[data-upload="selfie"] img')).to_be_visible()
        shot(phone, "whoever checks in is photographed first")
        phone.get_by_role("button", name="签到", exact=True).click()
        phone.wait_for_url("**/m/visits/*")
        visit = int(path_of(phone).rsplit("/", 1)[-1])
        brought_along(phone, visit)
        with product.session() as session:
            session.get(Visit, visit).checked_in_at -= dt.timedelta(minutes=40)
        # One that was sent while there was a line comes back with the draft.
        phone.locator("#photo_room").set_input_files(PHOTO | {"name": "机房.png"})
        expect(phone.locator('[data-upload="photo_room"] img')).to_be_visible()
        shot(phone, "a camera for each place")
        phone.context.set_offline(True)
        # One that did not get through is kept.
        phone.locator("#photo_pit").set_input_files(PHOTO)
        expect(phone.locator('[data-upload="photo_pit"]')).to_contain_text("已存在手机")
        let_pass(phone, product, 40)
        phone.goto(f"/m/visits/{visit}")
        expect(phone.locator("#out-photo_pit")).to_be_visible()
        expect(phone.locator("[data-places]")).to_contain_text("底坑.png")
        expect(phone.locator("[data-places]")).to_contain_text("照片 1 张")
        fill_sheet(phone, code)
        phone.get_by_role("button", name="移除 底坑.png").click()
        expect(phone.locator("[data-places]")).not_to_contain_text("底坑.png")
        phone.get_by_role("button", name="签退，存在手机").click()
        refused = phone.locator(".fd-refused")
        expect(refused).to_contain_text("底坑照片")
        expect(refused).not_to_contain_text("机房照片")
        shot(phone, "without signal a missing place is named")
        phone.locator("#out-photo_pit").set_input_files(PHOTO)
        expect(phone.locator("[data-places]")).to_contain_text("底坑.png")
        leave_and_send(phone)
        with product.session() as session:
            assert session.get(Visit, visit).offline == "out"
            kinds = select(Attachment.kind).where(Attachment.entity == "visit", Attachment.entity_id == visit)
            assert sorted(session.scalars(kinds)) == ["photo_pit", "photo_room", "selfie"]
        phone.goto(f"/m/visits/{visit}")
        expect(phone.locator(".fd-pics")).to_contain_text("底坑照片")
        expect(phone.locator(".fd-pics img")).to_have_count(2)
        shot(phone, "the record shows them by place")

"""Step 7: the main account makes a worker's account; the worker serves an elevator by phone; the use unit reviews."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
import segno
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import func, select

from app import clock
from app.models import Account, Elevator, MaintenanceClock, Person, Visit
from app.transaction import transaction
from tests.browser import ARGUMENTS, executable
from tests.journeys.conftest import PHONE
from tests.journeys.steps import (
    change_first_password,
    fact,
    follow,
    go,
    look_for,
    menu,
    number_in,
    path_of,
    pdf,
    press,
    profile,
    rows,
    search,
    sheet_stands,
    sign_in,
)
from tests.labels import photo

WORKER = "yuan.weibao7"


def add_sub_account(page: Any, login: str, name: str, role: str) -> str:
    """新增子用户, from 我的子用户; gives the first password."""
    menu(page, "我的子用户")
    follow(page, "新增子用户")
    page.get_by_label("账号").fill(login)
    page.get_by_label("姓名", exact=False).first.fill(name)
    page.get_by_label(role, exact=True).check()
    press(page, "建立子用户")
    expect(page.get_by_role("main")).to_contain_text("只在本页显示这一次")
    return fact(page, "初始密码")


@pytest.mark.feature("ACC-08", "ACC-10", "ACC-11", "ACC-14")
def test_a_main_account_makes_sub_accounts_and_gives_them_elevators(
    product: Any, enter: Any, open_page: Any, shot: Any
) -> None:
    mine, other = product.spare[7], product.spare[8]
    head = enter("维保单位负责人")
    first = add_sub_account(head, WORKER, "白屿白", "维保员")
    follow(head, "分配电梯")
    look_for(head, mine.code)
    head.get_by_label(mine.code, exact=True).check()
    press(head, "分配所选")
    expect(head.get_by_role("main")).to_contain_text("新分配 1 台")
    shot(head, "one elevator given")
    menu(head, "我的子用户")
    row = next(r for r in rows(head) if r["账号"] == WORKER)
    assert (row["姓名"], row["角色"], row["电梯"]) == ("白屿白", "维保员", "1")
    assert row["状态"] == "在用 初始密码未使用，还有 14 天"
    shot(head, "sub-accounts")

    worker = sign_in(open_page(), WORKER, first)
    change_first_password(worker, first)
    worker.goto("/elevators/")
    assert [r["识别码"] for r in rows(worker)] == [mine.code], "a sub-account sees what it was given and nothing else"
    assert worker.goto(f"/elevators/{other.id}").status == 404
    shot(worker, "what the sub-account sees")


GRADES = {
    "普工": "quota_general", "中级工": "quota_intermediate", "高级工": "quota_senior", "技师": "quota_technician",
}  # fmt: skip


def begin_afresh(product: Any, phone: Any) -> None:
    """Whatever the stories before did to this worker: there is room in his month, it was hours ago, nothing is open."""
    grade = phone.locator("header").inner_text()
    # It writes after reading: held from the beginning, or the product may come between.
    with product.session() as session, transaction(session):
        account = session.scalar(select(Account).where(Account.username == product.login("维保员").name))
        region = session.get(Person, account.person_id).region_code  # whose limit counts, whatever one above it says
        for row in session.scalars(
            select(Visit).where(
                Visit.worker_id == account.person_id, Visit.checked_out_at > clock.now() - dt.timedelta(hours=3)
            )
        ):  # fmt: skip
            row.checked_in_at -= dt.timedelta(hours=6)
            row.checked_out_at -= dt.timedelta(hours=6)
        # One that a story left behind by failing would fail those after it too.
        for row in session.scalars(select(Visit).where(Visit.worker_id == account.person_id, Visit.state == "open")):
            row.state, row.next_change_at = "void", None
    key = next(key for word, key in GRADES.items() if word in grade)
    product.set_policy(region, "澜州市市场监管局 2026 年第 9 号通知", **{key: 500})


ITEMS = {"半月": 31, "季度": 44, "半年": 59, "年度": 76}
AWAY = 0.05  # degrees, some five kilometres


def at_place(page: Any, latitude: float, longitude: float) -> None:
    """Carry the phone somewhere."""
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": latitude, "longitude": longitude})


def look_up(page: Any, code: str) -> None:
    """Type the code from the label, and wait until the page has judged the place as well."""
    page.goto("/m/scan")
    page.get_by_label("识别码").fill(code)
    go(page.get_by_role("button", name="查看这台电梯"))
    expect(page.locator("[data-gate]")).to_contain_text(re.compile("离这台电梯约"))


def let_pass(product: Any, visit: str, minutes: int) -> None:
    """Nobody waits for the minutes of a visit here: it began so much earlier."""
    with product.session() as session:
        row = session.get(Visit, int(visit.rsplit("/", 1)[-1]))
        row.checked_in_at -= dt.timedelta(minutes=minutes)


@pytest.mark.feature("MNT-01", "MNT-02", "MNT-03", "MNT-04", "MNT-07", "MNT-08", "MNT-12", "PLN-08", "PER-08", "ACC-14")
def test_a_worker_serves_an_elevator_and_the_use_unit_confirms(product: Any, enter: Any, shot: Any) -> None:
    subject = product.spare[9]
    with product.session() as session:
        lift = session.get(Elevator, subject.id)
        place, category = (lift.latitude, lift.longitude), lift.category
        stopped = session.scalar(
            select(Elevator).where(
                Elevator.maintenance_unit_id == lift.maintenance_unit_id, Elevator.status == "suspended"
            )
        )  # fmt: skip
        stopped_code = stopped.code
        worker = session.scalar(select(Account.person_id).where(Account.username == product.login("维保员").name))
        month = clock.today().replace(day=1)
        before_here = session.scalar(
            select(func.count()).select_from(Visit).where(
                Visit.worker_id == worker, Visit.elevator_id == subject.id, Visit.visit_on >= month
            )
        )  # fmt: skip

    head = enter("维保单位负责人")
    head.goto(f"/m/e/{subject.code}")
    expect(head.locator("body")).to_contain_text("主账号不允许进行维保作业")

    phone = enter("维保员", PHONE)
    assert path_of(phone) == "/m/", "a worker's first page is the phone's"
    begin_afresh(product, phone)
    phone.reload()
    used = quota(phone)
    shot(phone, "the worker's home")
    at_place(phone, place[0] + AWAY, place[1])
    look_up(phone, stopped_code)
    refusals = phone.get_by_role("alert")
    expect(refusals).to_contain_text("停用")
    expect(refusals).to_contain_text("电梯位置较远")
    shot(phone, "all refusals at once")

    at_place(phone, *place)
    look_up(phone, subject.code)
    expect(phone.locator("[data-gate]")).to_contain_text("项已通过")
    shot(phone, "ready to check in")
    phone.get_by_role("button", name="签到", exact=True).click()
    phone.wait_for_url("**/m/visits/*")
    visit = path_of(phone)
    level = next(word for word in ITEMS if word in phone.locator("[data-running]").inner_text())
    count = number_in(phone.locator("h2", has_text="维保项目").locator("xpath=..").inner_text().partition("/")[2])
    if category in ("3110", "3120"):
        assert count == ITEMS[level], "the items of T5002 annex A, those of the shorter services included"

    sheet_stands(phone)
    phone.get_by_label("无故障").check()
    phone.get_by_label("再次扫码或输入识别码").fill(subject.code)
    go(phone.get_by_role("button", name="签退"))
    refusals = phone.get_by_role("alert")
    expect(refusals).to_contain_text("维保时间不足")
    expect(refusals).to_contain_text(f"还有 {count} 项没有结果")
    shot(phone, "too early and nothing ticked")

    let_pass(product, visit, 40)
    phone.goto(visit)
    sheet_stands(phone)
    phone.get_by_role("button", name="其余都正常").click()
    for box in phone.get_by_label("实测值").all():
        if box.is_visible():
            box.fill("12")
    phone.locator("[data-item]").first.get_by_label("修理").check()
    phone.get_by_label("有故障").check()
    phone.get_by_label("故障和处理情况").fill("机房照明一盏不亮，已更换")
    phone.get_by_label("再次扫码或输入识别码").fill(subject.code)
    press(phone, "签退")
    expect(phone.locator("body")).to_contain_text("已签退")
    expect(phone.locator("body")).to_contain_text("等使用单位复核")
    expect(phone.locator("body")).to_contain_text("机房照明一盏不亮")
    shot(phone, "checked out, waits for the use unit")
    phone.goto("/m/")
    assert quota(phone) == used + (1 if before_here < 2 else 0), "台次 of the month"

    officer = enter("使用单位安全员")
    menu(officer, "维保记录")
    go(officer.get_by_role("navigation", name="维保记录", exact=True).get_by_role("link", name="待复核"))
    search(officer, "维保记录", subject.code)
    go(officer.get_by_role("main").locator("tbody a").first)
    officer.get_by_label("意见").fill("已到现场核对")
    shot(officer, "the use unit looks at the record")
    press(officer, "确认维保属实")
    expect(officer.get_by_role("main")).to_contain_text("已到现场核对")
    phone.goto(visit)
    expect(phone.locator("body")).to_contain_text("有效")

    with product.session() as session:
        counted = session.get(MaintenanceClock, subject.id)
        assert counted.last_visit_on == clock.today()
        assert counted.limit_on == clock.today() + dt.timedelta(days=15)
    head.goto(f"/elevators/{subject.id}")
    first = rows(head, head.locator("section", has=head.get_by_role("heading", name="最近维保")).locator("table"))[0]
    assert (first["签到日期"], first["结果"]) == (clock.today().isoformat(), "有效")
    shot(head, "the visit stands on the elevator's record")


@pytest.mark.feature("MNT-04", "MNT-08", "PER-07", "PER-08")
def test_a_sheet_is_sent_later_and_the_month_has_a_limit(product: Any, enter: Any, shot: Any) -> None:
    served, wanted = product.spare[10], product.spare[8]
    with product.session() as session:
        lifts = {one.id: session.get(Elevator, one.id) for one in (served, wanted)}
        place = {key: (lift.latitude, lift.longitude) for key, lift in lifts.items()}
        worker = session.scalar(select(Account.person_id).where(Account.username == product.login("维保员").name))
        region = session.get(Person, worker).region_code  # whose limit counts, whatever a region above it says

    phone = enter("维保员", PHONE)
    begin_afresh(product, phone)
    at_place(phone, *place[served.id])
    look_up(phone, served.code)
    phone.get_by_role("button", name="签到", exact=True).click()
    phone.wait_for_url("**/m/visits/*")
    visit = path_of(phone)
    let_pass(product, visit, 40)
    phone.goto(visit)
    sheet_stands(phone)
    phone.get_by_label("按上传维保单").check()
    phone.get_by_label("无故障").check()
    phone.get_by_label("再次扫码或输入识别码").fill(served.code)
    press(phone, "签退")
    expect(phone.locator("body")).to_contain_text("已签退")
    phone.get_by_label("维保单", exact=True).set_input_files(pdf("维保单.pdf"))
    press(phone, "上传维保单")
    expect(phone.locator("body")).to_contain_text("维保单已上传")
    shot(phone, "the sheet is in")

    # As many as the month has already seen are allowed from today on: the next check-in is one too many.
    phone.goto("/m/")
    used = quota(phone)
    grade = phone.locator("header").inner_text()
    limit = {next(k for word, k in GRADES.items() if word in grade): used}
    at_place(phone, *place[wanted.id])
    with product.policy(region, "临河区市场监管局 2026 年第 7 号通知", **limit):
        look_up(phone, wanted.code)
        expect(phone.get_by_role("alert")).to_contain_text("您本月有效扫码维保次数已达上限")
        shot(phone, "the month's limit is reached")


# Chromium has no reader of codes on Linux, so one stands in that knows a single label: it finds it in what the camera
# shows, module by module, and nothing where a hand covers the lens.
READER = """({text, rows, side, left, top}) => {
  window.BarcodeDetector = class {
    static async getSupportedFormats() { return window.reads === false ? [] : ["qr_code"]; }
    async detect(video) {
      if (video.readyState < 2) throw new DOMException("no picture yet", "InvalidStateError");
      const sheet = new OffscreenCanvas(video.videoWidth, video.videoHeight).getContext("2d");
      sheet.drawImage(video, 0, 0);
      const dark = (x, y) => sheet.getImageData(left + (x + .5) * side, top + (y + .5) * side, 1, 1).data[0] < 128;
      const seen = rows.every((row, y) => [...row].every((one, x) => dark(x, y) === (one === "1")));
      return seen && !window.covered ? [{rawValue: text}] : [];
    }
  };
}"""
FRAME, SIDE = (640, 480), 8


def film(path: Path, address: str) -> dict[str, Any]:
    """What a camera sees that is held before the label, as a film; and where in it the code's modules are."""
    code = segno.make(address, error="q", micro=False)
    rows = ["".join(map(str, row)) for row in code.matrix]
    left, top = ((whole - len(rows) * SIDE) // 2 for whole in FRAME)
    frame = Image.new("L", FRAME, 255)
    for y, row in enumerate(rows):
        for x, one in enumerate(row):
            if one == "1":
                frame.paste(0, (left + x * SIDE, top + y * SIDE, left + (x + 1) * SIDE, top + (y + 1) * SIDE))
    grey = b"\x80" * (FRAME[0] * FRAME[1] // 2)
    head = f"YUV4MPEG2 W{FRAME[0]} H{FRAME[1]} F10:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(head + (b"FRAME\n" + frame.tobytes() + grey) * 5)
    return {"text": address, "rows": rows, "side": SIDE, "left": left, "top": top}


def is_off(page: Any) -> bool:
    """No camera is left running."""
    off = "() => { const s = document.querySelector('video').srcObject;"
    found: bool = page.evaluate(off + " return !!s && s.getTracks().every(t => t.readyState === 'ended'); }")
    return found


@pytest.mark.feature("MNT-01", "MNT-03", "REP-01")
def test_the_camera_reads_the_label(product: Any, browser: Any, tmp_path: Path, shot: Any) -> None:
    """At check-in, at check-out and for a repair; it goes off when it has read, and when it is closed."""
    subject, login = product.spare[8], product.login("维保员")
    with product.session() as session:
        lift = session.get(Elevator, subject.id)
        place, token = (lift.latitude, lift.longitude), lift.public_token
    label = film(tmp_path / "label.y4m", product.url(f"/m/p/{token}"))
    fake = [
        "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={tmp_path / 'label.y4m'}",
    ]  # fmt: skip
    wrong: list[str] = []
    own = browser.browser_type.launch(executable_path=executable(), args=[*ARGUMENTS, *fake])
    try:
        context = profile(
            own, base_url=product.address, viewport=PHONE, locale="zh-CN", timezone_id="Asia/Shanghai", has_touch=True,
            is_mobile=True, permissions=["camera"],
        )  # fmt: skip
        context.add_init_script(f"({READER})({json.dumps(label)})")
        phone = sign_in(context.new_page(), login.name, login.password)
        phone.on("pageerror", lambda error: wrong.append(str(error)))
        begin_afresh(product, phone)
        context.grant_permissions(["camera", "geolocation"])
        context.set_geolocation({"latitude": place[0], "longitude": place[1]})
        start, stop = phone.get_by_role("button", name="打开相机扫码"), phone.get_by_role("button", name="关闭相机")

        phone.goto("/m/scan")
        start.click()
        phone.wait_for_url(f"**/m/e/{token}")
        expect(phone.locator("[data-gate]")).to_contain_text("项已通过")
        phone.get_by_role("button", name="签到", exact=True).click()
        phone.wait_for_url("**/m/visits/*")
        visit = path_of(phone)
        let_pass(product, visit, 40)

        phone.goto(visit)
        sheet_stands(phone)
        phone.get_by_label("按上传维保单").check()
        phone.get_by_label("无故障").check()
        typed = phone.get_by_label("再次扫码或输入识别码")
        phone.evaluate("covered = true")
        start.click()
        expect(phone.get_by_text("对准电梯内的二维码")).to_be_visible()
        stop.click()
        expect(start).to_be_visible()
        assert is_off(phone) and typed.input_value() == ""
        phone.evaluate("covered = false")
        start.click()
        expect(phone.get_by_text("已扫到标签")).to_be_visible()
        expect(typed).to_have_value(label["text"])
        expect(stop).to_be_hidden()
        assert is_off(phone)
        press(phone, "签退")
        expect(phone.locator("body")).to_contain_text("已签退")

        phone.goto("/m/repairs/new")
        shot(phone, "a repair begins with a scan")
        start.click()
        expect(phone.locator(".fd-code")).to_have_text(subject.code)
        expect(phone.get_by_label("故障描述")).to_be_visible()
        shot(phone, "the scanned elevator")

        # A browser that has the word for it and no reader behind it.
        context.add_init_script("window.reads = false")
        phone.goto("/m/repairs/new")
        expect(phone.locator("[data-camera-photo]")).to_be_visible()
        expect(start).to_be_hidden()
        shoot, blank = phone.get_by_label("拍下二维码识别"), tmp_path / "blank.jpg"
        Image.new("RGB", (800, 600), "white").save(blank)
        shoot.set_input_files(blank)
        expect(phone.get_by_role("alert")).to_contain_text("照片里没有认出二维码")
        shot(phone, "no code in the picture")
        (tmp_path / "photo.jpg").write_bytes(photo(label["text"], 12, 1))
        shoot.set_input_files(tmp_path / "photo.jpg")
        expect(phone.locator(".fd-code")).to_have_text(subject.code)
    finally:
        own.close()
    assert not wrong


def quota(page: Any) -> int:
    """How much of the month's 台次 is used, as the worker's home says."""
    card = page.locator("section", has_text="本月台次").last
    return number_in(card.inner_text().partition("本月台次")[2])

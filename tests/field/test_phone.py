"""The phone pages: home, gate, check-in, check-out, sheet, review; refused forms keep what was entered."""

from __future__ import annotations

import base64
import datetime as dt
import io
import re
import struct
import zlib
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import Attachment, Visit
from app.permissions import Role
from app.reference import items_for
from app.transaction import transaction
from app.workflows.visits import visits
from app.workflows.visits.visits import CheckOut, Position
from tests.conftest import csrf
from tests.factories import World, make_account, make_clock, make_contract, make_elevator, make_ledger
from tests.pages import flat, page
from tests.workflows.clock_world import add_visit, run

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)  # 09:00 in Shanghai
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
HERE = {"latitude": "30.5", "longitude": "120.5"}


def picture(width: int = 2, height: int = 2) -> bytes:
    """A real PNG, white."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    lines = (b"\0" + b"\xff" * 3 * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


SIGNATURE = "data:image/png;base64," + base64.b64encode(picture()).decode()


def post(client: Any, url: str, data: dict[str, Any], status: int = 302) -> Any:
    sent = data | {"csrf_token": csrf(client)}
    answer = client.post(url, data=sent, content_type="multipart/form-data")
    assert answer.status_code == status, f"{url}: {answer.status_code} {answer.get_data(as_text=True)[-3000:]}"
    return answer


def answered(mode: str = "items", **more: Any) -> dict[str, Any]:
    """A whole check-out form: every item well, measured where asked for, no fault."""
    form: dict[str, Any] = {"mode": mode, "fault": "none", **HERE}
    for item in items_for("3110", "half_month"):
        form[f"result-{item.code}"] = "ok"
        if item.needs_test:
            form[f"value-{item.code}"] = "合格"
    return form | more


@pytest.fixture
def phone(huzhou: World, sign_in: Any) -> Any:
    """The worker's phone, signed in when the day begins."""
    with clock.frozen(START):
        client = sign_in(huzhou.accounts["worker"])
    huzhou.session.rollback()
    return client


def begun(session: Any, world: World) -> int:
    """A visit that began at START."""
    with transaction(session):
        row = visits.check_in(session, world.actor("worker"), world.own.code, Position(30.5, 120.5), START)
    number = row.id
    session.rollback()
    return int(number)


def ended(session: Any, world: World, **more: Any) -> int:
    """One that ended after forty minutes and waits for the use unit, or for its sheet as well."""
    number = begun(session, world)
    results = {
        i.code: {"result": "ok", "value": "合格" if i.needs_test else ""} for i in items_for("3110", "half_month")
    }
    done = CheckOut(**({"results": results, "problem": ""} | more))
    with transaction(session):
        visits.check_out(
            session, world.actor("worker"), number, world.own.code, Position(30.5, 120.5), done, START + 40 * MINUTE
        )
    session.rollback()
    return number


def the_visit(session: Any, number: int) -> Visit:
    session.rollback()
    row: Visit = session.get(Visit, number)
    return row


# --- home


@pytest.mark.feature("MNT-12")
def test_home_counts_and_leads_to_each_list(session: Any, huzhou: World, phone: Any) -> None:
    make_ledger(session, huzhou.own, huzhou.worker, next_half_month_on=dt.date(2026, 3, 2))
    make_clock(session, huzhou.own, dt.date(2026, 2, 15))  # the limit is today
    session.commit()
    run(session, dt.date(2026, 3, 2))
    code = huzhou.own.code
    add_visit(session, huzhou.own, huzhou.worker, dt.date(2026, 2, 1), state="awaiting", awaiting_review=True)
    session.commit()
    with clock.frozen(START):
        text = flat(page(phone, "/m/"))
        counts = dict(re.findall(r'href="/m/(?:orders|visits)\?kind=(\w+)"><b class="[^"]*">(\d+)</b>', text))
        assert counts == {"today": "1", "over": "0", "near": "1", "sheet": "0", "review": "1"}
        assert "王砚秋" in text and f"/m/e/{code}" in text
        for kind, found in (("today", True), ("near", True), ("over", False), ("", True)):
            assert (f"/m/e/{code}" in page(phone, f"/m/orders?kind={kind}")) is found
        for kind, found in (("review", True), ("sheet", False), ("void", False), ("", True), ("none", True)):
            assert ("/m/visits/" in page(phone, f"/m/visits?kind={kind}")) is found


@pytest.mark.feature("MNT-12", "PLN-06")
def test_own_orders_are_counted_and_searched(session: Any, huzhou: World, phone: Any) -> None:
    lifts = [
        make_elevator(session, maintenance_unit=huzhou.firm, use_unit=huzhou.use_unit, address=f"澜江路 6 号 {n} 幢")
        for n in range(1, 8)
    ]  # fmt: skip
    for lift in lifts:
        make_ledger(session, lift, huzhou.worker, next_half_month_on=dt.date(2026, 3, 2))
        make_clock(session, lift, dt.date(2026, 2, 15))
    session.commit()
    run(session, dt.date(2026, 3, 2))
    with clock.frozen(START):
        text = flat(page(phone, "/m/orders"))
        assert "全部 7" in text and "今日 7" in text and "超期 0" in text
        assert text.count(huzhou.use_unit.name) == 7, "each says whose it is"
        one = page(phone, "/m/orders?q=澜江路6号3幢")
        assert re.findall(r'href="/m/e/(\w+)"', one) == [lifts[2].code] and "全部 7" in flat(one)
        assert "换一个分类，或清除查找的字" in page(phone, "/m/orders?q=没有的小区")


@pytest.mark.feature("MNT-12")
def test_a_worker_without_person_is_told_and_nothing_fails(session: Any, huzhou: World, sign_in: Any) -> None:
    account = make_account(session, Role.WORKER, unit=huzhou.firm)
    number = ended(session, huzhou)
    code = huzhou.own.code
    client = sign_in(account)
    assert "账号还没有关联人员" in page(client, "/m/")
    for url in ("/m/orders", "/m/visits", "/m/scan", f"/m/e/{code}"):
        page(client, url)
    page(client, f"/m/visits/{number}", 404)
    post(client, f"/m/e/{code}", HERE, 422)
    session.rollback()
    assert session.scalar(select(func.count(Visit.id))) == 1


@pytest.mark.feature("MNT-12")
def test_who_may_not_maintain_is_led_or_refused(world: World, client: Any, sign_in: Any) -> None:
    assert client.get("/m/visits").status_code == 302 and "/login/" in client.get("/m/e/x").location
    reader = sign_in(world.accounts["use_head"])
    assert reader.get("/m/").location.endswith("/m/reviews")
    assert "主账号不允许进行维保作业" in page(sign_in(world.accounts["maintenance_head"]), f"/m/e/{world.own.code}")
    officer = sign_in(world.accounts["safety_officer"])
    for url in ("/m/orders", "/m/visits", "/m/scan", "/m/e/1"):
        page(officer, url, 403)
    page(sign_in(world.accounts["worker"]), "/m/reviews", 403)


# --- gate and check-in


@pytest.mark.feature("MNT-02", "ACC-14")
def test_the_gate_refuses_with_all_reasons_at_once(session: Any, huzhou: World, sign_in: Any) -> None:
    lift = make_elevator(session, maintenance_unit=huzhou.firm, status="suspended")
    account = make_account(session, Role.WORKER, unit=huzhou.firm, person=huzhou.worker, is_main=True)
    huzhou.worker.certificate_until = dt.date(2026, 1, 1)
    session.commit()
    code = lift.code
    with clock.frozen(START):
        client = sign_in(account)
        form = {"latitude": "30.6", "longitude": "120.5"}
        text = post(client, f"/m/e/{code}", form, 422).get_data(as_text=True)
        seen = page(client, f"/m/e/{code}?latitude=30.6&longitude=120.5")
    for reason in ("主账号", "停用", "电梯位置较远", "证书", "脱保"):
        assert reason in text and reason in seen, reason
    session.rollback()
    assert session.scalar(select(func.count(Visit.id))) == 0


@pytest.mark.feature("MNT-02")
@pytest.mark.parametrize(
    "form",
    [{}, {"latitude": "x", "longitude": "120.5"}, {"latitude": "91", "longitude": "120.5"},
     {"latitude": "nan", "longitude": "nan"}, {"latitude": "inf", "longitude": "0"}, {"latitude": "30.5"}],
)  # fmt: skip
def test_a_position_that_is_none_is_no_position(session: Any, huzhou: World, phone: Any, form: dict[str, str]) -> None:
    code = huzhou.own.code
    session.rollback()
    with clock.frozen(START):
        text = post(phone, f"/m/e/{code}", form, 422).get_data(as_text=True)
        page(phone, f"/m/e/{code}?latitude={form.get('latitude', '')}&longitude={form.get('longitude', '')}")
    assert "定位" in text
    assert session.scalar(select(func.count(Visit.id))) == 0


@pytest.mark.feature("MNT-02")
def test_a_foreign_elevator_shows_nothing_of_itself(session: Any, huzhou: World, phone: Any) -> None:
    code, address = huzhou.foreign.code, huzhou.foreign.address
    session.rollback()
    with clock.frozen(START):
        for text in (page(phone, f"/m/e/{code}"), post(phone, f"/m/e/{code}", HERE, 422).get_data(as_text=True)):
            assert "无电梯权限" in text and address not in text
        none = page(phone, "/m/e/999999")
        assert "没有编号为" in none and "重新输入识别码" in none and "项已通过" not in none
        page(phone, "/m/e/" + "x" * 3000)
        page(phone, "/m/e/%20")
        assert phone.get(f"/m/scan?code=https://example.invalid/e/{code}").location.endswith(f"/m/e/{code}")
        stranger = phone.get("/m/scan?code=https://pay.example.invalid/q/8F3A", follow_redirects=True).text
        assert "二维码非法无效" in stranger and "电梯不存在" not in stranger


@pytest.mark.feature("MNT-02")
def test_an_own_elevator_that_waits_for_approval_is_no_missing_one(session: Any, huzhou: World, phone: Any) -> None:
    waits = {"filing_state": "pending", "approved_version": 0, "approved_on": None}
    own = make_elevator(session, maintenance_unit=huzhou.firm, filed_by_unit_id=huzhou.firm.id, **waits)
    other = make_elevator(session, maintenance_unit=huzhou.other_firm, **waits)
    session.commit()
    with clock.frozen(START):
        text = page(phone, phone.get(f"/m/scan?code={own.code}").location)
        assert "这台电梯还没有通过审核" in text and f"电梯 {own.code} 的备案审核中" in text and "电梯不存在" not in text
        assert own.address not in text
        strange = page(phone, f"/m/e/{other.code}")
        assert "电梯不存在" in strange and "审核" not in strange.partition("<main")[2]
        post(phone, f"/m/e/{own.code}", HERE, 422)


@pytest.mark.feature("MNT-01", "MNT-03", "MNT-04")
def test_check_in_refused_check_out_keeps_the_answers_then_out(session: Any, huzhou: World, phone: Any) -> None:
    code, token = huzhou.own.code, huzhou.own.public_token
    session.rollback()
    with clock.frozen(START):
        into = post(phone, f"/m/e/{token}", HERE | {"client_key": "k1"})
        again = post(phone, f"/m/e/{code}", HERE | {"client_key": "k1"})
        assert into.location == again.location  # a second press begins nothing twice
        url = into.location
        assert "正在维保" in page(phone, "/m/") and "还差 35:00" in flat(page(phone, url))
    first, second = items_for("3110", "half_month")[:2]
    form = answered(
        code=code, fault="some", problem="层门异响，已调整", advice="更换滑块", note="物业在场", signer="苏见山"
    )
    form |= {f"result-{first.code}": "repair", f"result-{second.code}": "na", "signature": SIGNATURE}
    with clock.frozen(START + 34 * MINUTE):
        text = post(phone, f"{url}/out", form, 422).get_data(as_text=True)
        # The phone that comes back to the address of the refused form finds the visit, not an error.
        assert phone.get(f"{url}/out").location.endswith(url)
    assert "维保时间不足" in text and "没有写理由" in text  # all reasons at once
    for kept in ("层门异响，已调整", "更换滑块", "物业在场", "苏见山", SIGNATURE):
        assert kept in text, kept
    assert re.search(rf'name="result-{first.code}" value="repair" checked', text)
    assert re.search(rf'name="result-{second.code}" value="na" checked', text)
    number = int(url.rsplit("/", 1)[1])
    assert the_visit(session, number).checked_out_at is None
    assert session.scalar(select(func.count(Attachment.id))) == 0  # a refused form leaves no file behind
    session.rollback()
    form[f"reason-{second.code}"] = "无此装置"
    with clock.frozen(START + 35 * MINUTE):
        post(phone, f"{url}/out", form | {"photo": (io.BytesIO(picture()), "底坑.png")})
        assert "层门异响，已调整" in page(phone, url)
    row = the_visit(session, number)
    assert (row.state, row.signer, row.problem) == ("valid", "苏见山", "层门异响，已调整")
    assert {r["code"]: r["result"] for r in row.results or []}[first.code] == "repair"
    kinds = session.scalars(select(Attachment.kind).where(Attachment.entity_id == number).order_by(Attachment.kind))
    assert kinds.all() == ["photo", "signature"]


@pytest.mark.feature("MNT-03")
def test_after_eight_hours_it_is_too_late(session: Any, huzhou: World, sign_in: Any) -> None:
    number, code = begun(session, huzhou), huzhou.own.code
    session.rollback()
    with clock.frozen(START + 8 * HOUR + dt.timedelta(seconds=1)):
        phone = sign_in(huzhou.accounts["worker"])
        text = post(phone, f"/m/visits/{number}/out", answered(code=code), 422).get_data(as_text=True)
    assert "过期未签退" in text
    assert the_visit(session, number).checked_out_at is None


@pytest.mark.feature("MNT-04")
@pytest.mark.parametrize(
    ("change", "said"),
    [({"signature": "garbage"}, "签名图片不完整"), ({"signature": "data:image/png;base64,@@@"}, "签名图片不完整"),
     ({"signature": "data:image/png;base64," + base64.b64encode(b"<svg/>").decode()}, "签名.png"),
     ({"signature": "data:image/png;base64," + "A" * 400_001}, "签名图片不完整"),
     ({"signature": "data:image/svg+xml;base64,AAAA"}, "签名图片不完整"),
     ({"mode": "other"}, "没有“other”这种方式"), ({"code": ""}, "没有扫码，也没有填写识别码"),
     ({"code": "999999"}, "扫的不是签到的那台电梯"),
     ({"latitude": "30.9"}, "电梯位置较远"), ({"latitude": "x"}, "定位"), ({"fault": ""}, "故障反馈"),
     ({"result-unknown": "ok"}, "没有项目"), ({"fault": "some", "problem": "长" * 501}, "有 501 个字")],
)  # fmt: skip
def test_a_bad_check_out_is_told_and_the_visit_runs_on(
    session: Any, huzhou: World, phone: Any, change: dict[str, str], said: str
) -> None:
    number, code = begun(session, huzhou), huzhou.own.code
    session.rollback()
    with clock.frozen(START + 40 * MINUTE):
        form = answered(code=code, advice="建议留存") | change
        text = post(phone, f"/m/visits/{number}/out", form, 422).get_data(as_text=True)
    assert said in text and "建议留存" in text
    assert the_visit(session, number).state == "open"


@pytest.mark.feature("MNT-04")
def test_the_conditions_after_a_refusal_know_where_the_phone_is(session: Any, huzhou: World, phone: Any) -> None:
    number, code = begun(session, huzhou), huzhou.own.code
    session.rollback()
    with clock.frozen(START + 40 * MINUTE):
        form = answered(code=code)
        post(phone, f"/m/visits/{number}/out", form | {"code": "000000"}, 422)
        # The page asks again under the address that it was sent to.
        place = f"latitude={form['latitude']}&longitude={form['longitude']}"
        page = phone.get(f"/m/visits/{number}/out?{place}", follow_redirects=True).get_data(as_text=True)
        assert "定位未打开" not in page and "现场条件都已满足" in page
        nowhere = phone.get(f"/m/visits/{number}/out", follow_redirects=True).get_data(as_text=True)
    assert "定位未打开" in nowhere


@pytest.mark.feature("MNT-04")
def test_a_photo_that_is_none_is_refused(session: Any, huzhou: World, phone: Any) -> None:
    number, code = begun(session, huzhou), huzhou.own.code
    session.rollback()
    with clock.frozen(START + 40 * MINUTE):
        form = answered(code=code) | {"photo": (io.BytesIO(b"<html>"), "现场.png")}
        assert "现场.png" in post(phone, f"/m/visits/{number}/out", form, 422).get_data(as_text=True)
        many = answered(code=code) | {"photo": [(io.BytesIO(picture()), f"{n}.png") for n in range(10)]}
        assert "选了 10 张" in post(phone, f"/m/visits/{number}/out", many, 422).get_data(as_text=True)
    assert the_visit(session, number).state == "open"


@pytest.mark.feature("MNT-04")
def test_the_sheet_is_uploaded_within_its_day(session: Any, huzhou: World, phone: Any) -> None:
    number = ended(session, huzhou, mode="sheet", results={})
    assert the_visit(session, number).awaiting_sheet
    session.rollback()
    url = f"/m/visits/{number}"
    with clock.frozen(START + 2 * HOUR):
        assert "上传维保单" in page(phone, url) and "待上传" in page(phone, "/m/visits?kind=sheet")
        assert "没有选择文件" in post(phone, f"{url}/sheet", {}, 422).get_data(as_text=True)
        fake = {"sheet": (io.BytesIO(b"MZ" + b"\0" * 90), "维保单.pdf")}
        assert "维保单.pdf" in post(phone, f"{url}/sheet", fake, 422).get_data(as_text=True)
        post(phone, f"{url}/sheet", {"sheet": (io.BytesIO(picture()), "维保单.png")})
        twice = {"sheet": (io.BytesIO(picture()), "维保单.png")}
        assert "维保单已经上传" in post(phone, f"{url}/sheet", twice, 422).get_data(as_text=True)
    row = the_visit(session, number)
    assert not row.awaiting_sheet and row.sheet_at == START + 2 * HOUR
    kept = session.scalars(select(Attachment).where(Attachment.entity_id == number)).one()
    assert (kept.kind, kept.mime) == ("sheet", "image/png")


@pytest.mark.feature("MNT-04", "MNT-12")
def test_another_persons_visit_is_a_missing_one(session: Any, huzhou: World, phone: Any, sign_in: Any) -> None:
    theirs = add_visit(
        session, huzhou.foreign, huzhou.other_worker, dt.date(2026, 3, 2), state="open", checked_out_at=None
    ).id
    session.commit()
    with clock.frozen(START):
        for number in (theirs, 999_999):
            page(phone, f"/m/visits/{number}", 404)
            post(phone, f"/m/visits/{number}/out", answered(), 404)
            post(phone, f"/m/visits/{number}/sheet", {"sheet": (io.BytesIO(picture()), "a.png")}, 404)
    session.rollback()
    assert session.scalar(select(func.count(Attachment.id))) == 0


# --- the use unit


@pytest.mark.feature("MNT-07")
def test_the_use_unit_reviews_on_the_phone(session: Any, huzhou: World, sign_in: Any) -> None:
    number, code = ended(session, huzhou), huzhou.own.code
    session.rollback()
    with clock.frozen(START + HOUR):
        client = sign_in(huzhou.accounts["safety_officer"])
        assert code in page(client, "/m/reviews")
        url = f"/m/reviews/{number}"
        assert "确认维保属实" in page(client, url)
        text = post(client, url, {"opinion": "好" * 141}, 422).get_data(as_text=True)
        assert "意见有 141 个字" in text and "好" * 141 in text
        post(client, url, {"opinion": "到场属实"})
        assert code not in page(client, "/m/reviews") and "确认维保属实" not in page(client, url)
        assert "已经复核" in post(client, url, {"opinion": ""}, 422).get_data(as_text=True)
    row = the_visit(session, number)
    assert (row.state, row.review_opinion) == ("valid", "到场属实")


@pytest.mark.feature("MNT-04", "MNT-07")
def test_both_sides_read_on_the_phone_what_the_worker_proposes(session: Any, huzhou: World, sign_in: Any) -> None:
    number = ended(session, huzhou)
    row = the_visit(session, number)
    row.problem, row.advice, row.note = "底坑渗水", "更换密封条", "已告知物业"
    session.commit()
    with clock.frozen(START + HOUR):
        review = page(sign_in(huzhou.accounts["safety_officer"]), f"/m/reviews/{number}")
        record = page(sign_in(huzhou.accounts["worker"]), f"/m/visits/{number}")
    for text in (review, record):
        assert "建议事项" in text and "更换密封条" in text and "底坑渗水" in text and "已告知物业" in text
    assert huzhou.firm.name in review and "时长" in review


@pytest.mark.feature("MNT-07")
def test_who_else_may_not_review(session: Any, huzhou: World, sign_in: Any) -> None:
    number = ended(session, huzhou)
    stranger = make_account(session, Role.USE_HEAD, unit=huzhou.other_use_unit, is_main=True)
    session.commit()
    client = sign_in(stranger)
    page(client, f"/m/reviews/{number}", 404)
    post(client, f"/m/reviews/{number}", {"opinion": ""}, 404)
    session.rollback()
    worker = sign_in(huzhou.accounts["worker"])
    page(worker, f"/m/reviews/{number}", 403)
    post(worker, f"/m/reviews/{number}", {"opinion": ""}, 403)
    assert the_visit(session, number).reviewed_at is None


@pytest.mark.feature("MNT-01", "MNT-08")
def test_two_elevators_of_a_day(session: Any, huzhou: World, phone: Any) -> None:
    """A running visit bars the next; once it ended the next begins, and both are in the list."""
    lift = make_elevator(session, maintenance_unit=huzhou.firm, use_unit=huzhou.use_unit)
    make_contract(session, huzhou.firm, [lift])
    session.commit()
    other, code = lift.code, huzhou.own.code
    number = begun(session, huzhou)
    with clock.frozen(START + 36 * MINUTE):
        text = post(phone, f"/m/e/{other}", HERE, 422).get_data(as_text=True)
        assert code in text and f"/m/visits/{number}" in text
        post(phone, f"/m/visits/{number}/out", answered(code=code))
        following = post(phone, f"/m/e/{other}", HERE).location
        listed = page(phone, "/m/visits")
    assert following in listed and f"/m/visits/{number}" in listed


@pytest.mark.feature("MNT-08", "MNT-10")
def test_a_record_outlives_the_change_of_firm(session: Any, huzhou: World, phone: Any, sign_in: Any) -> None:
    number, address = ended(session, huzhou), huzhou.own.address
    huzhou.own.maintenance_unit_id, huzhou.own.use_unit_id = huzhou.other_firm.id, huzhou.other_use_unit.id
    session.commit()
    with clock.frozen(START + HOUR):
        assert address in page(phone, "/m/visits") and address in page(phone, f"/m/visits/{number}")
        reviewer = sign_in(huzhou.accounts["use_head"])
        assert address in page(reviewer, "/m/reviews") and address in page(reviewer, f"/m/reviews/{number}")
        for client in (phone, reviewer):
            assert f"/visits/{number}" in page(client, "/visits/")
            assert address in page(client, f"/visits/{number}")


@pytest.mark.feature("MNT-04")
def test_a_remark_stands_by_every_item_whatever_its_result(session: Any, huzhou: World, phone: Any) -> None:
    number, items = begun(session, huzhou), items_for("3110", "half_month")
    url = f"/m/visits/{number}"
    form = answered(code=huzhou.own.code, fault="none") | {f"reason-{items[0].code}": "灯管已换"}
    with clock.frozen(START + 10 * MINUTE):
        text = flat(page(phone, url))
        assert text.count('<details class="fd-why">') == len(items)
        # Refused, it is still open with what was written.
        text = flat(post(phone, f"{url}/out", form, 422).get_data(as_text=True))
        assert text.count('<details class="fd-why" open>') == 1 and 'value="灯管已换"' in text
    with clock.frozen(START + 40 * MINUTE):
        post(phone, f"{url}/out", form)
        assert "灯管已换" in page(phone, url)
    kept = the_visit(session, number).results or []
    assert (kept[0]["result"], kept[0]["reason"]) == ("ok", "灯管已换")

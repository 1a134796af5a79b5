"""CMP-01, CMP-02: what a stranger sees and sends behind the code, without sign-in and without a script."""

from __future__ import annotations

import datetime as dt
import html
import io
import os
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.field import held_photos
from app.models import Attachment, Complaint, ElevatorMessage, RepairOrder, Visit
from app.rules.complaints import MOST_UNKNOWN, shown_tracking
from app.transaction import transaction
from app.workflows.files import attachments, places
from app.workflows.public import complaints
from tests.conftest import csrf
from tests.factories import World, make_clock, make_ledger, make_policy, picture

pytestmark = [pytest.mark.feature("CMP-01"), pytest.mark.usefixtures("uncounted")]
PHONE = "13900001111"
FROM = {"REMOTE_ADDR": "203.0.113.9"}


def door(world: World, tail: str = "") -> str:
    return f"/m/p/{world.own.public_token}{tail}"


def send(client: Any, world: World, **more: Any) -> Any:
    page = door(world, "/complain")
    form = {"kinds": ["noise"], "body": "异响", "name": "顾以宁", "phone": PHONE, "agreed": "1"} | more
    sent = form | {"csrf_token": csrf(client, page)}
    answer = client.post(page, data=sent, content_type="multipart/form-data", environ_overrides=FROM)
    world.session.rollback()
    return answer


def test_what_is_told(client: Any, world: World, session: Any) -> None:
    today = clock.today()
    world.firm.duty_phone = "0998-7654321"
    world.own.insured_until = today + dt.timedelta(days=30)
    make_clock(session, world.own, today - dt.timedelta(days=4))
    session.add(Visit(
        elevator_id=world.own.id, unit_id=world.firm.id, use_unit_id=world.use_unit.id, worker_id=world.worker.id,
        region_code=world.own.region_code, visit_on=today - dt.timedelta(days=4), level="half_month", state="valid",
        checked_in_at=clock.now(), received_at=clock.now(),
    ))  # fmt: skip
    session.commit()
    page = client.get(door(world))
    assert page.status_code == 200 and page.headers["Cache-Control"].startswith("no-store")
    for said in (
        world.own.code, world.own.address, world.firm.name, world.use_unit.name, "tel:96333", "tel:0998-7654321",
        f"{today - dt.timedelta(days=4)}", f"{today + dt.timedelta(days=11)} 前", f"{world.own.insured_until}", "半月",
        "有效", "在用", "2099-01-01",
    ):  # fmt: skip
        assert said in page.text, said
    persons = (world.worker.name, world.worker.phone, world.use_unit.safety_officer, world.firm.head_phone)
    assert not [kept for kept in (*persons, "<script") if kept in page.text]
    assert len(page.data) < 12_000


@pytest.mark.parametrize(
    ("allowed", "shown", "hidden"),
    [
        ("none", (), ("7654321", "王", "137")), ("unit", ("tel:0998-7654321",), ("王砚秋", "137")),
        ("masked", ("王师傅", "tel:0998-7654321", "****"), ("王砚秋", "tel:137")),
        ("worker", ("王砚秋", "tel:137"), ("7654321",)),
    ],
)
def test_whom_to_call_is_the_regions_to_say(
    client: Any, world: World, session: Any, allowed: str, shown: tuple[str, ...], hidden: tuple[str, ...]
) -> None:
    make_policy(session, "public_contact", allowed)
    world.firm.duty_phone, world.worker.phone = "0998-7654321", "13700004321"
    make_ledger(session, world.own, world.worker)
    session.commit()
    text = client.get(door(world)).text
    assert all(said in text for said in shown) and not [kept for kept in hidden if kept in text]
    assert world.worker.phone not in text or allowed == "worker"


@pytest.mark.feature("CMP-01")
def test_photos_are_chosen_by_our_own_button_without_a_script(client: Any, world: World) -> None:
    """It lies on the browser's, which says beside it what was chosen, and it is none to a reader of the screen."""
    page = client.get(door(world, "/complain")).text
    assert "<script" not in page and '<label for="photo">' in page
    button = page.split('class="pb-up"')[1].split("</div>")[0]
    assert 'aria-hidden="true"' in button and "选择照片" in button and 'type="file" id="photo"' in button


def test_a_passer_by_who_wants_a_repair_finds_the_complaint_with_its_kind_chosen(client: Any, world: World) -> None:
    link = door(world, "/complain") + "?kinds=faults"
    assert f'href="{link}">报修</a>' in client.get(door(world)).text
    text = client.get(link).text
    assert 'value="faults" checked' in text and text.count(" checked") == 1 and "提交报修" in text
    plain = client.get(door(world, "/complain")).text
    assert " checked" not in plain and "提交投诉" in plain
    for page in (text, plain):
        assert "同意为办理此事" in page and page.count("<small>必填</small>") == 2, "of name and phone"


def test_a_use_units_own_account_reads_the_page_and_a_firms_checks_in(world: World, sign_in: Any) -> None:
    for persona in ("worker", "maintenance_head"):
        assert sign_in(world.accounts[persona]).get(door(world)).status_code == 302, persona
    head = world.accounts["use_head"]
    assert head.is_main
    read = sign_in(head).get(door(world))
    assert read.status_code == 200 and "维保人员签到" not in read.text, "it would lead him to a refusal"
    for persona, back in (("worker", "/m/scan"), ("maintenance_head", "/m/")):
        assert f'<a href="{back}"' in sign_in(world.accounts[persona]).get(f"/m/e/{world.own.code}").text, persona


def test_a_secret_elevator_tells_whom_to_call_and_nothing_else(client: Any, world: World, session: Any) -> None:
    world.own.is_secret = True
    session.commit()
    text = client.get(door(world)).text
    assert "tel:96333" in text and world.own.code in text
    for kept in (world.own.address, world.firm.name, world.use_unit.name, "complain", "投诉"):
        assert kept not in text, kept
    for tail in ("/complain", "/message"):
        assert client.get(door(world, tail)).status_code == 404
        token = csrf(client, "/login/")
        assert client.post(door(world, tail), data={"csrf_token": token, "body": "甲"}).status_code == 404
    assert session.scalar(select(func.count()).select_from(Complaint)) == 0


def test_walking_codes_ends_and_the_trapped_are_still_told_whom_to_call(client: Any, world: World) -> None:
    for n in range(MOST_UNKNOWN):
        answer = client.get(f"/m/p/guess{n:04d}", environ_overrides=FROM)
        assert answer.status_code == 404 and "救援电话" in answer.text
    text = client.get(door(world), environ_overrides=FROM).text
    assert "tel:96333" in text and world.own.address not in text and world.firm.name not in text
    assert client.get(door(world, "/complain"), environ_overrides=FROM).status_code == 404
    assert client.get("/m/track/" + "A" * 12, environ_overrides=FROM).status_code == 429
    elsewhere = {"REMOTE_ADDR": "203.0.113.77"}
    assert world.own.address in client.get(door(world), environ_overrides=elsewhere).text


def test_english_is_spoken_without_a_menu(client: Any, world: World) -> None:
    answer = client.get(door(world) + "?lang=en")
    assert answer.status_code == 302 and answer.location == door(world)
    assert 'lang="en"' in client.get(door(world)).text
    client.get(door(world) + "?lang=zh_Hans_CN")
    assert "我被困在电梯里" in client.get(door(world)).text
    assert client.get(door(world) + "?lang=xx").status_code == 200


@pytest.mark.feature("CMP-02")
def test_a_complaint_and_its_number(client: Any, world: World, session: Any) -> None:
    photo = (io.BytesIO(picture("JPEG")), "门.jpg")
    answer = send(client, world, kinds=["noise", "doors"], photo=photo)
    row = session.scalars(select(Complaint)).one()
    assert answer.status_code == 302 and answer.location == f"/m/track/{row.number}?new=1"
    assert (row.kinds, row.phone, row.name, row.unit_id) == (["noise", "doors"], PHONE, "顾以宁", world.firm.id)
    assert session.scalars(select(Attachment.entity_id).where(Attachment.entity == "complaint")).all() == [row.id]
    page = client.get(answer.location).text
    assert shown_tracking(row.number) in page and "待接单" in page and "异响" in page
    assert "顾以宁" not in page and PHONE not in page and "请截图" in page
    other = client.application.test_client()
    assert shown_tracking(row.number) in other.get(f"/m/track/{shown_tracking(row.number).lower()}").text
    assert other.get("/m/track?number=" + shown_tracking(row.number)).location == f"/m/track/{row.number}"


def test_what_became_secret_meanwhile_is_followed_without_its_place(client: Any, world: World, session: Any) -> None:
    answer = send(client, world)
    assert world.own.address in client.get(answer.location).text
    session.rollback()
    world.own.is_secret = True
    session.commit()
    text = client.get(answer.location).text
    assert "待接单" in text and world.own.address not in text and "/m/p/" not in text


@pytest.mark.feature("CMP-02")
def test_a_double_tap_is_one(client: Any, world: World, session: Any) -> None:
    first, second = send(client, world), send(client, world)
    assert first.location == second.location
    assert session.scalar(select(func.count()).select_from(Complaint)) == 1


@pytest.mark.feature("CMP-02")
def test_a_refused_form_keeps_what_was_entered(client: Any, world: World, session: Any) -> None:
    answer = send(client, world, phone="12", agreed="", body="楼层显示失灵", photo=(io.BytesIO(b"<svg/>"), "x.png"))
    assert answer.status_code == 422
    assert "楼层显示失灵" in answer.text and "顾以宁" in answer.text
    assert {"phone-err", "agreed-err", "photo-err"} <= set(re.findall(r'id="(\w+-err)"', answer.text))
    many = [(io.BytesIO(picture(colour=f"#00000{n}")), f"{n}.png") for n in range(4)]
    assert "最多 3 张" in send(client, world, photo=many).text
    assert session.scalar(select(func.count()).select_from(Complaint)) == 0


def held(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r'name="held" value="([^"]+)" checked', page)]


@pytest.mark.feature("CMP-02")
def test_a_refused_form_keeps_its_good_photos(client: Any, world: World, session: Any) -> None:
    photos = [(io.BytesIO(picture(colour="#000011")), "门.png"), (io.BytesIO(b"<svg/>"), "x.png")]
    answer = send(client, world, phone="12", photo=photos)
    assert answer.status_code == 422 and "已收到\n 门.png" in answer.text
    kept = held(answer.text)
    assert len(kept) == 1 and session.scalar(select(func.count()).select_from(Attachment)) == 0
    session.rollback()
    # Refused once more they stay, and what comes with it is beside them.
    answer = send(client, world, phone="12", held=kept, photo=(io.BytesIO(picture(colour="#000012")), "层门.png"))
    kept = held(answer.text)
    assert len(kept) == 2
    others = [(io.BytesIO(picture(colour=f"#00003{n}")), f"{n}.png") for n in range(2)]
    answer = send(client, world, held=kept, photo=others)
    assert answer.status_code == 422 and "最多 3 张" in answer.text
    # Signed anew, and so by another second: what is signed is the same.
    assert [one.rsplit(".", 2)[0] for one in held(answer.text)] == [one.rsplit(".", 2)[0] for one in kept]
    # Of another label, made up, or too old: said, once, and not taken.
    answer = send(client, world, held=[kept[0], kept[1][:-4] + "AAAA", "x"])
    assert answer.status_code == 422 and "有 2 张已过期" in answer.text and len(held(answer.text)) == 1
    answer = send(client, world, held=held(answer.text))
    assert answer.status_code == 302
    row = session.scalars(select(Complaint)).one()
    files = session.scalars(select(Attachment).execution_options(skip_scope=True)).all()
    assert [(f.name, f.entity, f.entity_id, f.uploaded_by_id) for f in files] == [("门.png", "complaint", row.id, None)]


@pytest.mark.feature("CMP-02")
def test_photos_that_a_form_kept_are_good_for_its_label_and_a_while(app: Any, client: Any, world: World) -> None:
    kept = held(send(client, world, phone="12", photo=(io.BytesIO(picture("JPEG")), "门.jpg")).text)
    with app.app_context():
        token = str(world.own.public_token)
        (photo,), gone = held_photos.read(token, [*kept, *kept])
        assert (photo.name, gone) == ("门.jpg", 0)
        assert held_photos.read("another", kept) == ([], 1)
        with pytest.MonkeyPatch.context() as late:
            late.setattr(held_photos, "LASTS", dt.timedelta(seconds=-1))
            assert held_photos.read(token, kept) == ([], 1)


@pytest.mark.feature("CMP-02")
def test_the_sweep_leaves_a_form_its_photos_or_it_says_so(
    app: Any, client: Any, world: World, session: Any
) -> None:
    """What no row names is swept at night: it took photos that a form still held, and the complaint went without."""
    kept = held(send(client, world, phone="12", photo=(io.BytesIO(picture("JPEG")), "门.jpg")).text)

    def age(hours: float) -> None:
        with app.app_context():
            (photo,), _gone = held_photos.read(str(world.own.public_token), kept)
            then = dt.datetime.now(dt.UTC).timestamp() - hours * 3600
            for digest in filter(None, (photo.sha256, photo.thumb)):
                os.utime(attachments.file_of(digest), (then, then))

    def sweep() -> int:
        with app.app_context(), transaction(session):
            return places.forget_strays(session, dt.datetime.now(dt.UTC))

    age(3)
    kept = held(send(client, world, phone="12", held=kept).text)
    assert len(kept) == 1 and sweep() == 0, "what a form brought once more is as good as new"
    age(3)
    assert sweep() >= 1
    answer = send(client, world, held=kept)
    assert answer.status_code == 422 and "有 1 张已过期" in answer.text and held(answer.text) == []
    assert session.scalar(select(func.count()).select_from(Complaint)) == 0
    assert send(client, world).status_code == 302


@pytest.mark.feature("CMP-02")
def test_an_address_sends_so_many_a_day(client: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complaints, "MOST_OF_ADDRESS", 3)
    for n in range(3):
        send(client, world, body=f"第 {n} 次", phone=f"1380000{n:04d}")
    answer = send(client, world, body="再来", phone="13700000009")
    assert answer.status_code == 429 and "同一网络地址" in answer.text and "tel:96333" in answer.text


@pytest.mark.feature("CMP-02")
@pytest.mark.parametrize("number", ["AAAAAAAAAAAA", "1", "x" * 300, "%00", "查询"])
def test_a_number_that_nobody_has(client: Any, world: World, number: str) -> None:
    answer = client.get(f"/m/track/{number}")
    assert answer.status_code in (400, 404) and ("没有这个编号" in answer.text or "%" in number)
    assert "查询进度" in answer.text or "%" in number


def test_a_message_waits_until_it_is_published(client: Any, world: World, session: Any) -> None:
    page = door(world, "/message")
    form = {"body": "风扇太小，我的电话 13812345678", "csrf_token": csrf(client, page)}
    answer = client.post(page, data=form, follow_redirects=True)
    assert "留言已送达" in answer.text and "风扇太小" not in answer.text
    session.rollback()
    row = session.scalars(select(ElevatorMessage)).one()
    row.reply, row.replied_at, row.reply_unit_id, row.published_at = "已调大", clock.now(), world.firm.id, clock.now()
    session.commit()
    text = client.get(door(world)).text
    assert "风扇太小" in text and "已调大" in text and "13812345678" not in text
    assert client.post(page, data=form | {"body": " "}).status_code == 422


def test_forms_need_the_pages_token(client: Any, world: World) -> None:
    assert client.post(door(world, "/complain"), data={"name": "甲"}).status_code == 400


def test_a_scrapped_one_takes_no_complaint(client: Any, world: World, session: Any) -> None:
    world.own.status = "scrapped"
    session.commit()
    assert "/complain" not in client.get(door(world)).text
    assert client.get(door(world, "/complain")).status_code == 404


@pytest.mark.feature("RES-01")
def test_nobody_is_shut_in_an_escalator(client: Any, world: World) -> None:
    world.own.category = "3310"
    world.session.commit()
    for tail in ("", "/trapped"):
        text = client.get(door(world, tail)).text
        assert "被夹或摔伤" in text and "急停按钮" in text, tail
        assert "困在电梯里" not in text and "轿厢" not in text and "不要扒门" not in text, tail
    page = client.get(door(world, "/complain")).text
    assert "有人受伤请直接打" in page and "开关门不正常" not in page and "运行抖动" in page


@pytest.mark.feature("CMP-01")
def test_whoever_follows_a_complaint_finds_back_to_the_elevator(client: Any, world: World) -> None:
    page = client.get("/m/track", headers={"Referer": f"http://localhost{door(world)}"}).text
    assert f'<a href="{door(world)}" aria-label="返回">' in page
    assert 'aria-label="返回"' not in client.get("/m/track", headers={"Referer": "http://elsewhere.test/m/x"}).text


def test_repairs_are_told_without_anybodys_words(client: Any, world: World, session: Any) -> None:
    now = clock.now()

    def order(days: float, **more: Any) -> None:
        session.add(RepairOrder(**{
            "elevator_id": world.own.id, "region_code": world.own.region_code, "unit_id": world.firm.id,
            "use_unit_id": world.use_unit.id, "code": world.own.code, "place": "x", "source": "report",
            "level": "stopped", "fault": "业主赵某反映异响", "note": "请先打电话", "worker_id": world.worker.id,
            "reported_at": now - dt.timedelta(days=days), "state": "done", "action": "换了张师傅的门机",
            "parts": "门机皮带", "answer_note": "还是响", "decision_reason": "同意付款",
        } | more))  # fmt: skip

    order(1, state="started", cause="door")
    order(2, restored=True, cause="door")
    order(3, restored=False, cause="control", level="trapped")
    order(4, level="running", cause="none")
    order(5, state="cancelled", level="escort")
    session.commit()
    page = client.get(door(world)).text
    part = page[page.index("近期维修记录"):]
    part = part[: part.index("</section>")]
    told = [re.sub(r"<[^>]+>|\s+", " ", one).split() for one in part.split("<li>")[1:]]
    day = [str(clock.local_day(now - dt.timedelta(days=n))) for n in range(1, 5)]
    assert told == [
        [day[0], "电梯故障停梯", "处理中"], [day[1], "电梯故障停梯", "门系统", "已修好"],
        [day[2], "困人", "控制系统", "未恢复运行"], [day[3], "故障不停梯", "已处理"],
    ]  # fmt: skip
    kept = ("赵某", "打电话", "门机皮带", "张师傅", "还是响", "付款", world.worker.name, "配合客户走修")
    assert not [words for words in kept if words in page]
    for n in range(6, 12):
        order(n)
    session.commit()
    assert client.get(door(world)).text.count("电梯故障停梯") == 3, "the last five"
    world.own.is_secret = True
    session.commit()
    assert "近期维修记录" not in client.get(door(world)).text

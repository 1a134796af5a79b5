"""CMP-02, CMP-03: a complaint from the code to its end, who may do what, and what a flood comes up against."""

from __future__ import annotations

import datetime as dt
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Attachment, AuditEntry, Complaint, ElevatorMessage, LoginGuard, Notification, StatusChange
from app.models.sealed import ending
from app.permissions import SYSTEM, Role
from app.rules.complaints import MOST_OF_ADDRESS, MOST_OF_ELEVATOR, MOST_OF_PHONE
from app.rules.other_scores import Outcome
from app.transaction import transaction
from app.workflows.approval import escalation
from app.workflows.core import outbox
from app.workflows.files import attachments
from app.workflows.privacy import retention
from app.workflows.public import complaints, messages
from tests.factories import World, make_account, make_policy, picture
from tests.outcomes import refused, told

pytestmark = pytest.mark.feature("CMP-03")
PHONE = "13900001111"
H, SECOND = dt.timedelta(hours=1), dt.timedelta(seconds=1)
START = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
FORM = {"name": "顾以宁", "phone": PHONE, "body": "三楼停靠时抖动明显"}


def complain(world: World, at: dt.datetime = START, kinds: Any = ("shaking",), **more: Any) -> Complaint:
    elevator, photos = more.pop("elevator", world.own), more.pop("photos", ())
    address = more.pop("address", "203.0.113.9")
    with transaction(world.session):
        return complaints.complain(world.session, elevator, FORM | more, kinds, photos, at, address)


def step(world: World, who: str, deed: Callable[..., Complaint], row: Complaint, *given: Any) -> Complaint:
    with transaction(world.session):
        return deed(world.session, world.actor(who), row.id, *given)


def handled(world: World) -> Complaint:
    row = complain(world)
    step(world, "worker", complaints.accept, row, START + H)
    return step(world, "worker", complaints.handle, row, "已更换导靴", START + 2 * H)


@pytest.mark.feature("CMP-03", "POL-01")
def test_where_no_hours_are_set_nobody_is_hurried_and_nothing_is_late(world: World, session: Any) -> None:
    """nantong, quanzhou, shenzhen, xinxiang: no deadline, no reminder, 及时 at the end."""
    make_policy(session, "preset", "nantong")
    session.commit()
    row = complain(world)
    assert (row.accept_hours, row.due_at) == (0, None)
    body = session.scalar(select(Notification.body).where(Notification.topic == "complaint.accept"))
    assert "请尽快接单" in body and "小时" not in body
    for days in (2, 30):
        with transaction(session):
            escalation.tell(session, START + days * 24 * H)
    reminded = select(func.count()).where(Notification.topic.like("%complaint%"))
    assert session.scalar(reminded) == session.scalar(reminded.where(Notification.topic == "complaint.accept"))
    step(world, "worker", complaints.accept, row, START + 900 * H)
    step(world, "worker", complaints.handle, row, "已更换导靴", START + 1800 * H)
    step(world, "use_head", complaints.review, row, True, "", START + 2700 * H)
    assert (row.state, row.late_steps, row.due_at) == ("closed", None, None)
    assert complaints.outcome_of(row, START + 2800 * H) is Outcome.ON_TIME


@pytest.mark.feature("CMP-02")
def test_a_complaint_is_kept_sealed_and_told_to_the_unit(world: World) -> None:
    row = complain(world)
    assert (row.state, row.unit_id, row.use_unit_id) == ("waiting", world.firm.id, world.use_unit.id)
    assert len(row.number) == 12 and row.due_at == START + 24 * H + SECOND
    raw = world.session.execute(select(Complaint.__table__.c.phone)).scalar_one()
    assert PHONE not in str(world.session.connection().exec_driver_sql("SELECT phone FROM complaint").scalar_one())
    assert raw == PHONE and world.session.scalar(select(Complaint.id).where(ending(Complaint.phone, "1111"))) == row.id
    accounts = world.accounts
    assert told(world, "complaint.accept") == {accounts[n].id for n in ("maintenance_head", "clerk", "worker")}
    entry = world.session.scalars(select(AuditEntry).where(AuditEntry.action == "complaint.complain")).one()
    assert entry.actor_id is None and entry.address == "203.0.113.9"
    assert not [value for value in FORM.values() if value in str(entry.after)]


def test_from_the_code_to_the_end(world: World) -> None:
    row = complain(world)
    step(world, "worker", complaints.accept, row, START + 24 * H)
    assert (row.state, row.due_at, row.late_steps) == ("accepted", START + 96 * H + SECOND, None)
    assert "没有填写" in refused(lambda: step(world, "worker", complaints.handle, row, "  ", START + 25 * H))
    step(world, "clerk", complaints.handle, row, "已更换导靴", START + 96 * H)
    assert (row.state, row.handle_note, row.due_at) == ("handled", "已更换导靴", START + 144 * H + SECOND)
    assert told(world, "complaint.review") == {world.accounts[n].id for n in ("use_head", "safety_officer")}
    step(world, "safety_officer", complaints.review, row, True, "", START + 144 * H)
    assert (row.state, row.closed_at, row.due_at, row.late_steps) == ("closed", START + 144 * H, None, None)
    steps = world.session.execute(
        select(StatusChange.old, StatusChange.new, StatusChange.verb).where(StatusChange.entity == "complaint")
    ).all()
    assert [tuple(s) for s in steps] == [
        ("waiting", "accepted", "accept"), ("accepted", "handled", "handle"), ("handled", "closed", "agree"),
    ]  # fmt: skip
    assert world.session.scalar(
        select(func.count()).where(Notification.topic.like("complaint.%"), Notification.read_at.is_(None))
    ) == 0


def test_each_late_step_is_named(world: World) -> None:
    row = complain(world)
    step(world, "worker", complaints.accept, row, START + 24 * H + SECOND)
    assert row.late_steps == "accept"
    step(world, "worker", complaints.handle, row, "已处理", START + 97 * H)
    step(world, "use_head", complaints.review, row, True, "好", START + 146 * H)
    assert row.late_steps == "accept,handle,review"


def test_the_use_unit_sends_back_once_and_then_the_regulator_settles_it(world: World) -> None:
    row = handled(world)
    assert "没有填写" in refused(lambda: step(world, "use_head", complaints.review, row, False, "", START + 3 * H))
    step(world, "use_head", complaints.review, row, False, "仍在抖动", START + 3 * H)
    assert (row.state, row.sent_back, row.due_at) == ("accepted", True, START + 75 * H + SECOND)
    assert (row.reviewed_at, row.closed_at) == (START + 3 * H, None)
    assert told(world, "complaint.handle") == {world.accounts[n].id for n in ("maintenance_head", "clerk", "worker")}
    step(world, "worker", complaints.handle, row, "重新校正导轨", START + 5 * H)
    assert (row.handled_at, row.handled_again_at) == (START + 2 * H, START + 5 * H)
    step(world, "use_head", complaints.review, row, False, "还是抖", START + 6 * H)
    assert (row.state, row.due_at, row.reviewed_again_at) == ("disputed", None, START + 6 * H)
    assert told(world, "complaint.close") == {world.accounts[n].id for n in ("region_admin", "inspector")}
    step(world, "inspector", complaints.close, row, "已约定大修", False, START + 7 * H)
    assert (row.state, row.closed_at, row.is_untrue) == ("closed", START + 7 * H, False)


def test_a_second_word_that_agrees_ends_it(world: World) -> None:
    row = handled(world)
    step(world, "use_head", complaints.review, row, False, "仍在抖动", START + 3 * H)
    step(world, "worker", complaints.handle, row, "重新校正导轨", START + 5 * H)
    step(world, "use_head", complaints.review, row, True, "", START + 6 * H)
    assert (row.state, row.sent_back, row.reviewed_again_at) == ("closed", True, START + 6 * H)


@pytest.mark.parametrize("who", ["use_head", "inspector", "platform_admin"])
def test_nobody_but_the_units_own_people_accept(world: World, who: str) -> None:
    row = complain(world)
    with pytest.raises(NotAllowed):
        step(world, who, complaints.accept, row, START + H)


@pytest.mark.parametrize("who", ["worker", "clerk", "inspector", "platform_admin"])
def test_nobody_but_the_use_unit_reviews(world: World, who: str) -> None:
    row = handled(world)
    with pytest.raises(NotAllowed):
        step(world, who, complaints.review, row, True, "", START + 3 * H)


@pytest.mark.parametrize("who", ["other_head", "other_inspector", "other_worker"])
def test_others_find_nothing(world: World, who: str) -> None:
    row = complain(world)
    deed = complaints.close if who == "other_inspector" else complaints.accept
    given = ("原因", False, START) if deed is complaints.close else (START,)
    with pytest.raises(NotFound):
        step(world, who, deed, row, *given)


def test_a_puppet_of_the_firm_may_not_review(world: World) -> None:
    row = handled(world)
    world.accounts["use_head"].phone = world.firm.head_phone
    world.session.commit()
    assert "复核人手机" in refused(lambda: step(world, "use_head", complaints.review, row, True, "", START + 3 * H))


def test_steps_out_of_order_say_what_it_is_now(world: World) -> None:
    row = complain(world)
    assert "待接单" in refused(lambda: step(world, "worker", complaints.handle, row, "好了", START))
    assert "待接单" in refused(lambda: step(world, "use_head", complaints.review, row, True, "", START))
    step(world, "worker", complaints.accept, row, START)
    assert "待处置" in refused(lambda: step(world, "worker", complaints.accept, row, START))


def test_without_a_maintenance_unit_the_use_unit_sees_to_it_and_another_of_its_people_reviews(world: World) -> None:
    world.own.maintenance_unit_id = None
    world.session.commit()
    row = complain(world)
    assert row.unit_id == world.use_unit.id
    step(world, "use_head", complaints.accept, row, START + H)
    step(world, "use_head", complaints.handle, row, "已联系厂家", START + 2 * H)
    assert "同一账号" in refused(lambda: step(world, "use_head", complaints.review, row, True, "", START + 3 * H))
    step(world, "safety_officer", complaints.review, row, True, "", START + 3 * H)
    assert row.state == "closed"


def test_nobodys_elevator_is_told_to_the_regulator(world: World) -> None:
    world.own.maintenance_unit_id = world.own.use_unit_id = None
    world.session.commit()
    row = complain(world)
    assert row.unit_id is None
    assert told(world, "complaint.accept") == {world.accounts[n].id for n in ("region_admin", "inspector")}
    assert "没有单位" in refused(lambda: step(world, "inspector", complaints.prod, row, "请办理", START))
    step(world, "inspector", complaints.close, row, "已转物业", False, START + H)


def test_a_prod_is_told_and_moves_no_limit(world: World) -> None:
    row = complain(world)
    due = row.due_at
    step(world, "inspector", complaints.prod, row, "请今天接单", START + H)
    assert row.due_at == due and row.prod_note == "请今天接单" and row.state == "waiting"
    assert world.accounts["worker"].id in told(world, "complaint.prod")


def test_an_untrue_one_is_ended_with_a_reason(world: World) -> None:
    row = complain(world)
    assert "没有填写" in refused(lambda: step(world, "inspector", complaints.close, row, "", True, START + H))
    step(world, "inspector", complaints.close, row, "查无此事", True, START + H)
    assert row.is_untrue and row.ended_at == START + H
    assert "已办结" in refused(lambda: step(world, "inspector", complaints.close, row, "再来", True, START + H))


@pytest.mark.feature("CMP-02")
def test_all_that_is_wrong_is_told_at_once(world: World) -> None:
    with transaction(world.session), pytest.raises(Refusal) as caught:
        complaints.complain(
            world.session, world.own, {"name": " ", "phone": "123"}, ["other"], (), START, None, agreed=False
        )
    assert {f.field for f in caught.value.findings} == {"name", "phone", "body", "agreed"}
    with transaction(world.session), pytest.raises(Refusal) as caught:
        complaints.complain(world.session, world.own, FORM, ["nosuch"], (), START, None)
    assert {f.field for f in caught.value.findings} == {"kinds"}


@pytest.mark.feature("CMP-02")
def test_a_double_tap_is_one_complaint(world: World) -> None:
    first, second = complain(world), complain(world, START + 9 * dt.timedelta(minutes=1))
    assert first.id == second.id
    assert complain(world, START + 11 * dt.timedelta(minutes=1)).id != first.id
    assert complain(world, START + 11 * dt.timedelta(minutes=1), body="别的事").id != first.id


@pytest.mark.feature("CMP-02")
def test_two_taps_at_the_same_instant_are_one(world: World, app: Any) -> None:
    key = world.own.id
    world.session.commit()
    engine = world.session.get_bind()
    found: list[int] = []

    def tap() -> None:
        from app.models import Elevator

        with Session(engine) as own, transaction(own):
            row = complaints.complain(own, own.get(Elevator, key), FORM, ["noise"], (), START, "203.0.113.9")
            found.append(row.id)

    taps = [threading.Thread(target=tap) for _ in range(4)]
    for tap_ in taps:
        tap_.start()
    for tap_ in taps:
        tap_.join()
    assert len(found) == 4 and len(set(found)) == 1


@pytest.mark.feature("CMP-02")
def test_a_flood_ends_at_the_phone_the_elevator_and_the_address(world: World) -> None:
    for n in range(MOST_OF_PHONE):
        complain(world, body=f"第 {n} 件")
    assert "这个手机号今天" in refused(lambda: complain(world, body="再来"))
    for n in range(MOST_OF_ELEVATOR - MOST_OF_PHONE):
        complain(world, body="异响", phone=f"1380000{n:04d}")
    assert "这台电梯今天" in refused(lambda: complain(world, phone="13700000001"))
    complain(world, START + 24 * H, body="第二天")
    for n in range(MOST_OF_ADDRESS + 1):
        with transaction(world.session):
            over = complaints.flooded(world.session, START, "203.0.113.9")
        assert (over is not None) is (n == MOST_OF_ADDRESS)
    with transaction(world.session):
        assert complaints.flooded(world.session, START, "203.0.113.10") is None


@pytest.mark.feature("CMP-02")
def test_a_stranger_does_not_use_up_what_a_phones_owner_may(world: World) -> None:
    """Nobody proves whose number he types: it is counted at each network by itself; a household's IPv6 is one."""
    for n in range(MOST_OF_PHONE):
        complain(world, body=f"冒用 {n}", address="198.51.100.7")
    for again in ("198.51.100.7", "::ffff:198.51.100.7"):
        assert "在您的网络已投诉 5 次" in refused(lambda again=again: complain(world, body="再冒用", address=again))
    owner = [f"2001:db8:1:2::{n}" for n in range(1, MOST_OF_PHONE + 2)]
    for n in range(MOST_OF_PHONE):
        complain(world, body=f"机主 {n}", address=owner[n])
    assert "在您的网络已投诉 5 次" in refused(lambda: complain(world, body="第六件", address=owner[5]))
    # What was refused was not counted, a tap made twice is one, and the next day begins anew.
    assert "在您的网络已投诉 5 次" in refused(lambda: complain(world, body="又一件", address=owner[5]))
    assert complain(world, body="机主 4", address=owner[4]).body == "机主 4"
    for n in range(MOST_OF_PHONE):
        complain(world, START + 24 * H, body=f"次日 {n}", address="198.51.100.7")
    kept = world.session.scalars(select(LoginGuard.key).where(LoginGuard.key.like("complain:%"))).all()
    assert len(kept) == 2 and not any(PHONE in key for key in kept), "the number stands as a digest"


def test_the_limits_are_the_regions_on_that_day_and_stay(world: World) -> None:
    make_policy(world.session, "complaint_accept_hours", 12)
    world.session.commit()
    row = complain(world)
    make_policy(world.session, "complaint_accept_hours", 48, on=dt.date(2026, 3, 2))
    world.session.commit()
    assert row.accept_hours == 12
    step(world, "worker", complaints.accept, row, START + 13 * H)
    assert row.late_steps == "accept"


@pytest.mark.feature("CLK-01")
def test_the_clock_tells_the_unit_before_and_after(world: World) -> None:
    complain(world)
    with transaction(world.session):
        escalation.tell(world.session, START)
        escalation.tell(world.session, START + H)
    yellow = select(Notification).where(Notification.topic == "clock_complaint_accept")
    (first, *_) = world.session.scalars(yellow).all()
    assert "即将到期" in first.title and first.link == "/complaints/?tab=waiting"
    with transaction(world.session):
        escalation.tell(world.session, START + 25 * H)
    assert {n.title[:9] for n in world.session.scalars(yellow)} == {"投诉接单即将到期：", "投诉接单已超过期限"}


def test_the_complainant_is_told_by_sms_where_there_is_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = handled(world)
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda session, notice: None)
    step(world, "use_head", complaints.review, row, True, "", START + 3 * H)
    notice = world.session.scalars(select(Notification).where(Notification.channel == "sms")).one()
    assert (notice.address, notice.recipient_id, notice.topic) == (PHONE, None, "complaint.told")
    assert "已办结" in (notice.body or "") and FORM["name"] not in (notice.body or "")


def test_without_a_channel_nothing_is_sent(world: World) -> None:
    row = handled(world)
    step(world, "use_head", complaints.review, row, True, "", START + 3 * H)
    assert world.session.scalar(select(func.count()).where(Notification.channel == "sms")) == 0


@pytest.mark.feature("CMP-02")
def test_photos_follow_the_complaint_and_are_made_anew(world: World) -> None:
    photo = attachments.receive(io.BytesIO(picture("JPEG")), "门.jpg", "photo")
    row = complain(world, photos=[photo])
    (file,) = attachments.of(world.session, "complaint", row.id)
    assert file.uploaded_by_id is None and file.sha256 != file.thumb_sha256
    for who in ("worker", "use_head", "inspector"):
        assert attachments.for_download(world.session, world.actor(who), file.id).id == file.id
    for who in ("other_head", "other_inspector"):
        with pytest.raises(NotFound):
            attachments.for_download(world.session, world.actor(who), file.id)


@pytest.mark.feature("CMP-02")
def test_a_year_after_the_end_nobody_knows_who_complained(world: World) -> None:
    photo = attachments.receive(io.BytesIO(picture("JPEG")), "门.jpg", "photo")
    row = complain(world, photos=[photo], body="请打 13812345678")
    step(world, "inspector", complaints.close, row, "已办结", False, START + H)
    kept = complain(world, phone="13700000002")
    end = START + dt.timedelta(days=366)
    world.session.commit()
    retention.run(world.session, SYSTEM, end - dt.timedelta(days=2))
    world.session.expire_all()
    assert row.phone == PHONE
    assert retention.run(world.session, SYSTEM, end)["complaints"] == 1
    world.session.expire_all()
    assert (row.name, row.phone, row.phone_index) == (None, None, None)
    assert "13812345678" not in (row.body or "") and row.end_note == "已办结"
    assert world.session.scalar(select(func.count()).select_from(Attachment)) == 0
    assert kept.phone == "13700000002", "what stands open is still asked about"


@pytest.mark.feature("CMP-01")
def test_a_message_its_reply_and_its_publication(world: World) -> None:
    with transaction(world.session):
        row = messages.leave(world.session, world.own, "风扇能开大一点吗", START, "203.0.113.9")
        assert messages.leave(world.session, world.own, "风扇能开大一点吗", START, "203.0.113.9").id == row.id
    key = row.id
    assert "还没有回复" in refused(lambda: _message(world, "inspector", messages.publish, key, True, START))
    _message(world, "clerk", messages.reply, key, "已调大", START + H)
    _message(world, "inspector", messages.publish, key, True, START + 2 * H)
    assert row.published_at == START + 2 * H and row.reply_unit_id == world.firm.id
    _message(world, "use_head", messages.reply, key, "物业也看过了", START + 3 * H)
    assert row.published_at is None, "another reply is looked at anew"
    with pytest.raises(NotAllowed):
        _message(world, "clerk", messages.publish, key, True, START)
    with pytest.raises(NotAllowed):
        _message(world, "inspector", messages.reply, key, "监管部门代答", START)
    with pytest.raises(NotFound):
        _message(world, "other_head", messages.reply, key, "别家", START)


def _message(world: World, who: str, deed: Callable[..., ElevatorMessage], key: int, *given: Any) -> ElevatorMessage:
    with transaction(world.session):
        return deed(world.session, world.actor(who), key, *given)


def test_a_narrowed_worker_sees_complaints_of_his_own_elevators_only(world: World) -> None:
    row = complain(world)
    narrow = make_account(world.session, Role.WORKER, unit=world.firm, sees_all_elevators=False)
    world.accounts["narrow"] = narrow
    world.session.commit()
    assert narrow.id not in told(world, "complaint.accept")
    with pytest.raises(NotFound):
        step(world, "narrow", complaints.accept, row, START)
    assert clock.local_day(row.complained_at) == dt.date(2026, 3, 2)

"""Visits that a phone kept without network, on the database: judged as they were, once, and told as what they are."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import NotAllowed
from app.models import AuditEntry, ContractElevator, MaintenanceClock, Notification, StatusChange
from app.permissions import Role
from app.rules.offline import PhoneClock
from app.workflows.visits.offline import Kept
from app.workflows.visits.visits import CheckOut
from tests.factories import World, make_account, make_contract, make_elevator, make_policy
from tests.workflows.offline.ground import DAY, FAR, HOUR, MINUTE, SECOND, START, count, kept, nantong, refused, send

pytestmark = pytest.mark.feature("MNT-05")


def test_a_whole_visit_keeps_its_true_times_and_moves_the_clock(session: Any, place: World) -> None:
    row = send(session, place, kept(place))
    assert (row.checked_in_at, row.checked_out_at) == (START, START + 40 * MINUTE)
    assert (row.sent_at, row.received_at, row.offline) == (START + 2 * HOUR, START + 2 * HOUR, "both")
    assert (row.state, row.counted, row.awaiting_review) == ("awaiting", True, True)
    assert session.get(MaintenanceClock, place.own.id).last_visit_on == dt.date(2026, 3, 2)
    assert (row.phone_told["in_accuracy"], row.phone_told["out_accuracy"], row.phone_told["ahead"]) == (8, 12, 0)
    entry = session.scalar(select(AuditEntry).where(AuditEntry.action == "visit.sent_later"))
    assert entry.entity_id == row.id and entry.after["phone"]["contact_at"]
    assert session.scalar(select(func.count(Notification.id)).where(Notification.topic == "visit.review")) == 2


def test_a_wrong_clock_is_put_right_and_kept_as_evidence(session: Any, place: World) -> None:
    row = send(session, place, kept(place, ahead=3 * HOUR))
    assert (row.checked_in_at, row.checked_out_at) == (START, START + 40 * MINUTE)
    assert row.phone_told["ahead"] == 3 * 3600 and row.phone_told["in_shown"].startswith("2026-03-02T04:00")


def test_the_same_again_is_the_same_visit(session: Any, place: World) -> None:
    first = send(session, place, kept(place)).id
    again = send(session, place, kept(place, sent=START + 3 * HOUR))
    assert (again.id, again.sent_at, count(session)) == (first, START + 2 * HOUR, 1)
    assert session.scalar(select(func.count(Notification.id)).where(Notification.topic == "visit.review")) == 2


def test_its_day_is_the_day_on_site(session: Any, place: World) -> None:
    began = dt.datetime(2026, 3, 2, 15, 30, tzinfo=dt.UTC)  # 23:30 in Shanghai
    row = send(session, place, kept(place, began=began, sent=began + 10 * HOUR, contact=began - HOUR))
    assert row.visit_on == dt.date(2026, 3, 2)


@pytest.mark.parametrize(("minutes", "state"), [(34.99, "void"), (35, "awaiting"), (480, "awaiting"), (480.1, "void")])
def test_too_short_or_too_long_is_stored_as_what_it_is(
    session: Any, place: World, minutes: float, state: str
) -> None:
    row = send(session, place, kept(place, minutes=minutes, sent=START + 10 * HOUR))
    assert (row.state, row.counted) == (state, state == "awaiting")


@nantong
@pytest.mark.feature("ANO-01")
@pytest.mark.parametrize(("after", "state"), [(8 * HOUR, "valid"), (8 * HOUR + SECOND, "abnormal")])
def test_sent_more_than_eight_hours_after_the_end(
    session: Any, place: World, after: dt.timedelta, state: str
) -> None:
    row = send(session, place, kept(place, sent=START + 40 * MINUTE + after, code=place.own.public_token))
    assert (row.state, row.counted) == (state, state == "valid")
    assert row.state_reason == ("超时上传" if state == "abnormal" else None)


@nantong
@pytest.mark.feature("PER-09", "ANO-01")
def test_the_ninth_elevator_is_that_received_last(session: Any, place: World) -> None:
    lifts = [make_elevator(session, maintenance_unit=place.firm, use_unit=place.use_unit) for _ in range(9)]
    make_contract(session, place.firm, lifts)
    session.commit()
    states = {}
    # Sent in an order of its own: the visit of the morning comes last.
    for n in [*range(1, 9), 0]:
        began = START + n * 45 * MINUTE
        one = kept(place, f"phone-key-{n}", began=began, code=lifts[n].public_token, sent=START + 8 * HOUR + n * SECOND)
        sent = START + 8 * HOUR + (n or 9) * MINUTE
        one = Kept(one.key, PhoneClock(sent, sent, one.phone.contact), one.account_id, one.began, None, one.ended,
                   one.done)  # fmt: skip
        states[n] = send(session, place, one).state
    assert states.pop(0) == "abnormal" and set(states.values()) == {"valid"}


def test_cover_certificate_and_status_are_those_of_the_visit(session: Any, place: World) -> None:
    day = dt.date(2026, 3, 2)
    place.worker.certificate_until = day
    session.query(ContractElevator).update({"ends_on": day})
    session.add(StatusChange(
        entity="elevator", entity_id=place.own.id, field="status", old="in_use", new="suspended", verb="suspension",
        effective_on=day, known_at=START + HOUR,
    ))  # fmt: skip
    place.own.status = "suspended"
    session.commit()
    # Two days later all three are otherwise.
    assert send(session, place, kept(place, sent=START + 2 * DAY)).counted
    again = kept(place, "phone-key-2", began=START + DAY, sent=START + 2 * DAY)
    assert {"证书已过有效期", "电梯已超有效期(脱保)", "电梯已停用"} <= refused(session, place, again)


def test_every_reason_of_both_ends_is_told_at_once(session: Any, place: World) -> None:
    one = kept(place, at=FAR, done=CheckOut(), sent=START + 2 * HOUR, was_ahead=HOUR)
    found = refused(session, place, one)
    assert {"电梯位置较远", "手机时间在离线期间被改动", "维保项目", "故障反馈"} <= found
    assert count(session) == 0


def test_of_a_strangers_elevator_nothing_more_is_told(session: Any, place: World) -> None:
    found = refused(session, place, kept(place, code=place.foreign.code, done=CheckOut()))
    assert "无电梯权限" in found and not {"电梯位置较远", "维保项目"} & found


def test_times_before_the_last_contact_or_ahead_of_now_are_refused(session: Any, place: World) -> None:
    assert "早于最近一次联网" in refused(session, place, kept(place, contact=START + 10 * MINUTE))
    late = kept(place, began=START + 3 * HOUR, sent=START + 2 * HOUR)
    assert {"签到时间在将来", "签退时间在将来"} <= refused(session, place, late)
    assert "离线时间过长" in refused(session, place, kept(place, contact=START - 8 * DAY))


def test_another_account_sends_nothing_of_it(session: Any, place: World) -> None:
    mate = make_account(session, Role.WORKER, unit=place.firm)
    session.commit()
    with pytest.raises(NotAllowed, match="另一个账号"):
        send(session, place, kept(place, account_id=mate.id))


def test_the_months_quota_goes_by_receipt(session: Any, place: World) -> None:
    make_policy(session, "quota_general", 1)
    session.commit()
    later = kept(place, "phone-key-2", began=START + HOUR)
    send(session, place, later)
    assert "您本月有效扫码维保次数已达上限" in refused(session, place, kept(place))

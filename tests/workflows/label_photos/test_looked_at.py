"""MNT-06 on the database: what the clock, the order and the score hear of the word about a label's photo."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import Refusal
from app.models import AuditEntry, MaintenanceClock, MaintenanceOrder, Notification, OverduePeriod, StatusChange, Visit
from app.transaction import transaction
from app.workflows.maintenance import schedule
from app.workflows.visits import label_photos
from tests.factories import World
from tests.workflows.label_photos.ground import came, done, leave, newest, refused, say
from tests.workflows.visit_world import DAY, HOUR, START, file_of, rules_of

pytestmark = pytest.mark.feature("MNT-06")


def test_it_counts_provisionally_and_the_reviewers_are_told_once_a_day(session: Any, town: World) -> None:
    visit = done(session, town)
    assert (visit.state, visit.counted, visit.state_reason) == ("pending", True, "等待核对标签照片")
    assert session.get(MaintenanceClock, town.own.id).last_visit_on == dt.date(2026, 3, 2)
    told = select(Notification.recipient_id).where(Notification.topic == "visit.label")
    assert town.accounts["inspector"].id in session.scalars(told).all()
    before = len(session.scalars(told).all())
    leave(session, town, came(session, town, START + 2 * HOUR), START + 3 * HOUR)
    assert len(session.scalars(told).all()) == before


def test_passed_it_is_valid_and_the_worker_hears_of_it(session: Any, town: World) -> None:
    visit = say(session, town, done(session, town), "approved")
    assert (visit.state, visit.counted, visit.label_state) == ("valid", True, "approved")
    assert (visit.label_at, visit.label_decided_by_id) == (START + HOUR, town.accounts["inspector"].id)
    notice = session.scalars(
        select(Notification).where(Notification.recipient_id == town.accounts["worker"].id,
                                   Notification.topic == "visit.label")
    ).one()  # fmt: skip
    assert "通过" in notice.title and notice.link == f"/m/visits/{visit.id}"
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "visit.approve_label")).one()
    assert (entry.before["label_state"], entry.after["label_state"]) == ("waiting", "approved")
    steps = select(StatusChange.old, StatusChange.new, StatusChange.verb).where(StatusChange.field == "label_state")
    assert session.execute(steps).all() == [("waiting", "approved", "approve_label")]


def test_turned_down_the_clock_stands_as_if_nobody_had_come(session: Any, town: World) -> None:
    visit = done(session, town, START + 3 * DAY)  # 03-05, the limit is 03-07
    visit = say(session, town, visit, "rejected", "不是这台电梯的标签", at=START + 10 * DAY)
    assert (visit.state, visit.counted, visit.state_reason) == ("rejected", False, "标签照片核对不通过")
    assert session.get(MaintenanceClock, town.own.id).last_visit_on == dt.date(2026, 2, 20)
    assert session.scalars(select(OverduePeriod.limit_on)).all() == [dt.date(2026, 3, 7)]
    told = select(Notification.recipient_id).where(Notification.title.contains("不通过"))
    assert {town.accounts["worker"].id, town.accounts["manager"].id} <= set(session.scalars(told).all())


def test_provisionally_it_is_in_time_as_any_visit(session: Any, town: World) -> None:
    done(session, town, START + 3 * DAY)
    with transaction(session):
        schedule.run(session, dt.date(2026, 3, 12), START + 10 * DAY)
    assert session.scalar(select(OverduePeriod.id)) is None


def test_a_visit_that_was_turned_down_leaves_its_order_to_the_next(session: Any, town: World) -> None:
    visit = done(session, town)
    with transaction(session):
        schedule.run(session, dt.date(2026, 3, 6), START + 4 * DAY)
    assert session.scalar(select(MaintenanceOrder.id)) is None, "the visit moved the next one to 03-17"
    say(session, town, visit, "rejected", "不是这台电梯的标签", at=START + 4 * DAY)
    with transaction(session):
        schedule.run(session, dt.date(2026, 3, 6), START + 4 * DAY + HOUR)
    order = session.scalars(select(MaintenanceOrder)).one()
    assert (order.state, order.planned_on) == ("open", dt.date(2026, 3, 7))


def test_another_photo_is_asked_for_sent_and_looked_at(session: Any, town: World) -> None:
    visit = done(session, town)
    first = newest(session, visit)
    visit = say(session, town, visit, "more", "看不清编号")
    assert (visit.state, visit.counted, visit.label_state) == ("pending", True, "more")
    assert visit.state_reason == "等待补拍标签照片"
    assert refused(session, town, visit, "approved") == {"补拍"}
    with pytest.raises(Refusal) as refusal, transaction(session):
        label_photos.supply(session, town.actor("worker"), visit.id, [], START + 2 * HOUR)
    assert rules_of(refusal) == {"标签照片"}
    session.rollback()
    photo = file_of(session, town, "label")
    with transaction(session):
        label_photos.supply(session, town.actor("worker"), visit.id, [photo], START + 2 * HOUR)
    assert session.get(Visit, visit.id).label_state == "waiting"
    assert refused(session, town, visit, "approved", seen=first) == {"照片已更新"}
    assert say(session, town, visit, "approved", at=START + 3 * HOUR).state == "valid"
    verbs = select(AuditEntry.action).where(AuditEntry.action.like("visit.%label")).order_by(AuditEntry.id)
    assert session.scalars(verbs).all() == ["visit.ask_label", "visit.supply_label", "visit.approve_label"]


def test_a_photo_that_never_comes_is_turned_down(session: Any, town: World) -> None:
    visit = say(session, town, done(session, town), "more", "看不清编号")
    assert say(session, town, visit, "rejected", "没有补拍", at=START + 5 * DAY).state == "rejected"


def test_nobody_sends_photos_that_were_not_asked_for(session: Any, town: World) -> None:
    visit = done(session, town)
    photo = file_of(session, town, "label")
    with pytest.raises(Refusal) as refusal, transaction(session):
        label_photos.supply(session, town.actor("worker"), visit.id, [photo], START + HOUR)
    assert rules_of(refusal) == {"补拍"}


def test_what_was_decided_is_not_decided_again(session: Any, town: World) -> None:
    visit = say(session, town, done(session, town), "approved")
    assert refused(session, town, visit, "rejected", "又看了看") >= {"待核对"}


def test_an_open_visit_is_not_decided_yet(session: Any, town: World) -> None:
    assert refused(session, town, came(session, town), "approved") == {"已签退"}


def test_a_reason_is_asked_for(session: Any, town: World) -> None:
    assert refused(session, town, done(session, town), "rejected") == {"理由"}

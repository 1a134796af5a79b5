"""MNT-06 on the database: the photo at check-in, who looks at it, what the clock and the score hear of his word."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, NotFound, Refusal
from app.models import (
    Attachment,
    AuditEntry,
    MaintenanceClock,
    MaintenanceOrder,
    Notification,
    OverduePeriod,
    Person,
    StatusChange,
    Visit,
    VisitCompanion,
)
from app.models.policy import visit_policy
from app.permissions import Role
from app.rules.visits import VisitState
from app.transaction import transaction
from app.workflows.maintenance import schedule
from app.workflows.oversight import appeals
from app.workflows.visits import ageing, label_photos, visit_standing, visits
from tests.factories import World, make_account, make_clock, make_ledger, make_person, make_policy
from tests.workflows.clock_world import add_visit
from tests.workflows.visit_world import DAY, HERE, HOUR, MINUTE, START, arrive, file_of, rules_of
from tests.workflows.visit_world import leave as leave_by

pytestmark = pytest.mark.feature("MNT-06")
SECOND = dt.timedelta(seconds=1)


@pytest.fixture(params=["regulator"])
def town(session: Any, world: World, request: Any) -> World:
    """The small region, where labels whose number was typed are photographed."""
    make_policy(session, "preset", "nantong")
    make_policy(session, "label_photo", request.param)
    make_clock(session, world.own, dt.date(2026, 2, 20))
    add_visit(session, world.own, world.worker, dt.date(2026, 2, 20))
    make_ledger(session, world.own, world.worker, next_half_month_on=dt.date(2026, 3, 7))
    world.accounts["manager"] = make_account(session, Role.MAINTENANCE_MANAGER, unit=world.firm)
    session.commit()
    return world


by_unit = pytest.mark.parametrize("town", ["unit"], indirect=True)


def leave(session: Any, town: World, visit: Visit, at: dt.datetime, **more: Any) -> Visit:
    """A check-out by the label itself."""
    return leave_by(session, town, visit, at, **{"code": town.own.public_token} | more)


def typed_out(session: Any, town: World, visit: Visit, at: dt.datetime = START + 40 * MINUTE) -> Visit:
    """A check-out by number with its photo."""
    return leave_by(session, town, visit, at, label_ids=[file_of(session, town, "label_out")])


def scanned_in(session: Any, town: World, at: dt.datetime = START) -> Visit:
    return arrive(session, town, at, code=f"https://tian.example/m/p/{town.own.public_token}")


def came(session: Any, town: World, at: dt.datetime = START, **more: Any) -> Visit:
    """A check-in by number with its photo."""
    return arrive(session, town, at, label_ids=[file_of(session, town, "label")], **more)


def done(session: Any, town: World, at: dt.datetime = START) -> Visit:
    return leave(session, town, came(session, town, at), at + 40 * MINUTE)


def newest(session: Any, visit: Visit) -> int:
    return label_photos.photos(session, visit.id)[-1].id


def say(
    session: Any, town: World, visit: Visit, decision: str, reason: str = "", who: str = "inspector",
    at: dt.datetime = START + HOUR, **more: Any,
) -> Visit:  # fmt: skip
    seen = more.pop("seen", None) or newest(session, visit)
    actor = more.pop("actor", None) or town.actor(who)
    with transaction(session):
        return label_photos.decide(session, actor, visit.id, decision, reason, seen, at)


def refused(session: Any, town: World, visit: Visit, decision: str, *args: Any, **more: Any) -> set[str]:
    with pytest.raises(Refusal) as refusal:
        say(session, town, visit, decision, *args, **more)
    session.rollback()
    return rules_of(refusal)


# --- at check-in


def test_a_typed_number_without_a_photo_is_refused_beside_all_else(session: Any, town: World) -> None:
    town.own.status = "suspended"
    session.commit()
    with pytest.raises(Refusal) as refusal:
        arrive(session, town)
    assert {"标签照片", "电梯已停用"} <= rules_of(refusal)
    found = next(f for f in refusal.value.findings if f.rule == "标签照片")
    assert found.field == "label" and "扫码签到" in found.remedy
    assert session.scalar(select(Visit.id).where(Visit.state == "open")) is None


def test_a_scanned_label_needs_no_photo_and_is_no_matter_of_anybodys(session: Any, town: World) -> None:
    visit = arrive(session, town, code=f"https://tian.example/m/p/{town.own.public_token}")
    assert (visit.label_state, visit.label_by, visit.by_code) == (None, None, False)
    assert leave(session, town, visit, START + 40 * MINUTE).state == "valid"


def test_where_nothing_is_asked_for_a_typed_number_is_as_ever(session: Any, world: World) -> None:
    make_policy(session, "preset", "huzhou")
    session.commit()
    visit = arrive(session, world)
    assert (visit.by_code, visit.label_state) == (True, None)


def test_the_photo_stays_with_the_visit_and_beforehand_it_is_only_told(session: Any, town: World) -> None:
    from app.workflows.on_site import presence

    _lift, findings = presence.gate(session, town.actor("worker"), town.own.code, HERE, START)
    early = next(f for f in findings if f.rule == "标签照片")
    assert not early.ok and not early.stops and not any(f.stops for f in findings)
    visit = came(session, town)
    assert (visit.state, visit.label_state, visit.label_by) == ("open", "waiting", "regulator")
    assert [row.kind for row in label_photos.photos(session, visit.id)] == ["label"]


def test_anothers_photo_is_none_of_ones_own(session: Any, town: World) -> None:
    photo = session.get(Attachment, file_of(session, town, "label"))
    photo.uploaded_by_id = town.accounts["clerk"].id
    session.commit()
    with pytest.raises(Refusal) as refusal:
        arrive(session, town, label_ids=[photo.id])
    assert rules_of(refusal) == {"附件"}


def test_a_photo_of_another_kind_is_none_of_a_label(session: Any, town: World) -> None:
    with pytest.raises(Refusal) as refusal:
        arrive(session, town, label_ids=[file_of(session, town, "photo")])
    assert rules_of(refusal) == {"附件"}


# --- at check-out


@pytest.mark.parametrize("begin", [came, scanned_in])
def test_a_number_typed_to_leave_wants_a_photo_of_its_own(session: Any, town: World, begin: Any) -> None:
    visit = begin(session, town)
    with pytest.raises(Refusal) as refusal:
        leave_by(session, town, visit, START + MINUTE, problem=None)
    assert {"签退标签照片", "维保时间不足", "故障反馈"} <= rules_of(refusal)
    found = next(f for f in refusal.value.findings if f.rule == "签退标签照片")
    assert found.field == "label_out" and "扫码签退" in found.remedy
    session.rollback()
    assert session.get(Visit, visit.id).checked_out_at is None


def test_another_elevators_number_is_no_matter_of_photos(session: Any, town: World) -> None:
    with pytest.raises(Refusal) as refusal:
        leave_by(session, town, came(session, town), START + 40 * MINUTE, code=town.foreign.code)
    assert rules_of(refusal) == {"同一台电梯"}


def test_begun_by_a_scan_and_ended_by_number_it_waits_to_be_looked_at(session: Any, town: World) -> None:
    visit = scanned_in(session, town)
    assert visit.label_state is None
    visit = typed_out(session, town, visit)
    assert (visit.state, visit.counted, visit.by_code) == ("pending", True, False)
    assert (visit.label_state, visit.label_by) == ("waiting", "regulator")
    assert [row.kind for row in label_photos.photos(session, visit.id)] == ["label_out"]
    steps = select(StatusChange.old, StatusChange.new, StatusChange.verb).where(StatusChange.field == "label_state")
    assert session.execute(steps).all() == [(None, "waiting", "bring_label")]
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "visit.check_out")).one()
    assert (entry.after["label_state"], entry.after["state"]) == ("waiting", "pending")
    told = select(Notification.recipient_id).where(Notification.topic == "visit.label")
    assert town.accounts["inspector"].id in session.scalars(told).all()
    policy = visit_policy(session, visit.region_code, visit.visit_on)
    assert visit_standing.state_as_known(visit, policy, START + 39 * MINUTE) is VisitState.OPEN
    assert visit_standing.state_as_known(visit, policy, START + 40 * MINUTE) is VisitState.PENDING
    assert say(session, town, visit, "approved").state == "valid"


def test_both_ends_typed_there_are_two_photos_and_one_decision(session: Any, town: World) -> None:
    visit = typed_out(session, town, came(session, town))
    shown = label_photos.photos(session, visit.id)
    assert [row.kind for row in shown] == ["label", "label_out"]
    assert refused(session, town, visit, "approved", seen=shown[0].id) == {"照片已更新"}
    turned = say(session, town, visit, "rejected", "签退的不是这台电梯的标签")
    assert (turned.state, turned.counted) == ("rejected", False)


def test_the_photo_of_the_check_in_is_none_of_the_check_out(session: Any, town: World) -> None:
    visit = came(session, town)
    for photo in (newest(session, visit), file_of(session, town, "label")):
        with pytest.raises(Refusal) as refusal:
            leave_by(session, town, visit, START + 40 * MINUTE, label_ids=[photo])
        session.rollback()
        assert rules_of(refusal) == {"附件"}


def test_where_nothing_is_asked_for_leaving_by_number_is_as_ever(session: Any, world: World) -> None:
    make_policy(session, "preset", "huzhou")
    session.commit()
    visit = leave_by(session, world, arrive(session, world), START + 40 * MINUTE)
    assert (visit.by_code, visit.label_state) == (True, None) and visit.checked_out_at is not None


@by_unit
def test_who_looks_at_the_check_outs_photo_is_the_policy_of_the_visits_day(session: Any, town: World) -> None:
    visit = scanned_in(session, town)
    make_policy(session, "label_photo", "none", on=dt.date(2026, 3, 3))
    session.commit()
    visit = typed_out(session, town, visit, START + 30 * HOUR)
    assert visit.label_by == "unit"
    assert say(session, town, visit, "approved", who="manager", at=START + 31 * HOUR).state == "valid"


# --- meanwhile, and what is said


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


# --- who


def test_the_firm_does_not_look_at_what_the_regulator_looks_at(session: Any, town: World) -> None:
    visit = done(session, town)
    for who in ("maintenance_head", "manager"):
        assert refused(session, town, visit, "approved", who=who) == {"核对单位"}
    for who in ("clerk", "worker"):
        assert refused(session, town, visit, "approved", who=who) == {"权限"}
    with pytest.raises(NotFound):
        say(session, town, visit, "approved", who="other_head")


def test_a_regulator_elsewhere_sees_none_of_it(session: Any, town: World) -> None:
    with pytest.raises(NotFound):
        say(session, town, done(session, town), "approved", who="other_inspector")


@by_unit
def test_by_policy_the_units_manager_looks_but_never_at_his_own(session: Any, town: World) -> None:
    visit = done(session, town)
    told = select(Notification.recipient_id).where(Notification.topic == "visit.label")
    heard = set(session.scalars(told).all())
    assert town.accounts["manager"].id in heard and town.accounts["inspector"].id not in heard
    own = replace(town.actor("manager"), person_id=town.worker.id)
    assert "核对人" in refused(session, town, visit, "approved", actor=own)
    assert say(session, town, visit, "approved", who="manager").state == "valid"


@by_unit
def test_who_was_on_site_too_does_not_look_at_it(session: Any, town: World) -> None:
    visit = done(session, town)
    mate = make_person(session, town.firm, "测试同行")
    session.add(VisitCompanion(
        visit_id=visit.id, elevator_id=town.own.id, unit_id=town.firm.id, region_code=visit.region_code,
        person_id=mate.id, name=mate.name, joined_at=START + MINUTE,
    ))  # fmt: skip
    session.commit()
    actor = replace(town.actor("manager"), person_id=mate.id)
    assert refused(session, town, visit, "approved", actor=actor) == {"核对人"}


@by_unit
def test_the_same_human_under_another_row_does_not_look_at_his_own(session: Any, town: World) -> None:
    visit = done(session, town)
    again = make_person(session, town.firm, town.worker.name)
    session.get(Person, again.id).certificate_no = town.worker.certificate_no
    session.commit()
    actor = replace(town.actor("manager"), person_id=again.id)
    assert refused(session, town, visit, "approved", actor=actor) == {"核对人"}


@by_unit
def test_whose_account_the_worker_made_does_not_look_at_his_work(session: Any, town: World) -> None:
    visit = done(session, town)
    manager = town.actor("manager")
    town.accounts["manager"].parent_user_id = town.accounts["worker"].id
    session.commit()
    assert refused(session, town, visit, "approved", actor=manager) == {"两人须互不隶属"}


@by_unit
def test_the_head_who_made_the_workers_account_may(session: Any, town: World) -> None:
    visit = done(session, town)
    town.accounts["worker"].parent_user_id = town.accounts["maintenance_head"].id
    session.commit()
    assert say(session, town, visit, "approved", who="maintenance_head").state == "valid"


@by_unit
def test_a_regulator_may_do_what_the_manager_does_not(session: Any, town: World) -> None:
    assert say(session, town, done(session, town), "approved").state == "valid"


@by_unit
def test_policy_of_another_day_moves_nothing(session: Any, town: World) -> None:
    visit = done(session, town)
    make_policy(session, "label_photo", "regulator", on=dt.date(2026, 3, 3))
    session.commit()
    assert say(session, town, visit, "approved", who="manager", at=START + 2 * DAY).label_by == "unit"


def test_the_managers_approval_is_another_thing(session: Any, town: World) -> None:
    visit = done(session, town)
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.approve(session, town.actor("manager"), visit.id, "approved", "", START + HOUR)
    assert rules_of(refusal) == {"待审批"}


def test_both_words_are_needed_where_both_are_asked_for(session: Any, town: World) -> None:
    make_policy(session, "manager_approval", True)
    session.commit()
    visit = done(session, town)
    assert say(session, town, visit, "approved").state == "pending"
    with transaction(session):
        visits.approve(session, town.actor("manager"), visit.id, "approved", "", START + 2 * HOUR)
    assert session.get(Visit, visit.id).state == "valid"


# --- as it was known, and appealed against


def test_before_the_word_it_was_provisional_and_after_it_is_what_was_said(session: Any, town: World) -> None:
    visit = say(session, town, done(session, town), "rejected", "不是这台电梯的标签", at=START + 5 * HOUR)
    policy = visit_policy(session, visit.region_code, visit.visit_on)

    def at(when: dt.datetime) -> VisitState | None:
        return visit_standing.state_as_known(visit, policy, when)

    assert at(START + 5 * HOUR - SECOND) is VisitState.PENDING
    assert at(START + 5 * HOUR) is VisitState.REJECTED


def test_ageing_leaves_a_photo_that_waits_where_it_is(session: Any, town: World) -> None:
    visit = done(session, town)
    with transaction(session):
        ageing.run(session, START + 60 * DAY)
    assert session.get(Visit, visit.id).state == "pending"


def test_what_a_regulator_turned_down_can_be_appealed_against(session: Any, town: World) -> None:
    visit = say(session, town, done(session, town), "rejected", "不是这台电梯的标签")
    assert appeals._visit_held(visit, START + DAY).ok
    visit.label_by = "unit"
    assert not appeals._visit_held(visit, START + DAY).ok
    session.rollback()
    visit = session.get(Visit, visit.id)
    assert appeals._visit_known(session, visit) == START + HOUR
    with transaction(session):
        appeals._uphold_visit(session, town.actor("region_admin"), visit, "照片就是这台电梯的", START + 2 * DAY)
    assert (visit.state, visit.counted) == ("valid", True)
    assert session.get(MaintenanceClock, town.own.id).last_visit_on == dt.date(2026, 3, 2)


def test_not_allowed_is_told_as_such(session: Any, town: World) -> None:
    with pytest.raises(NotAllowed):
        say(session, town, done(session, town), "approved", who="manager")

"""MNT-06 on the database: who looks at a label's photo, never at his own, and what was known before his word."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, NotFound, Refusal
from app.models import MaintenanceClock, Notification, Person, Visit, VisitCompanion
from app.models.policy import visit_policy
from app.rules.visits import VisitState
from app.transaction import transaction
from app.workflows.oversight import appeals
from app.workflows.visits import ageing, visit_standing, visits
from tests.factories import World, make_person, make_policy
from tests.workflows.label_photos.ground import SECOND, by_unit, done, refused, say
from tests.workflows.visit_world import DAY, HOUR, MINUTE, START, rules_of

pytestmark = pytest.mark.feature("MNT-06")


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

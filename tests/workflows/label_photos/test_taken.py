"""MNT-06 on the database: the photo of a label at check-in and check-out, where one is wanted and whose it is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import Refusal
from app.models import Attachment, AuditEntry, Notification, StatusChange, Visit
from app.models.policy import visit_policy
from app.rules.visits import VisitState
from app.workflows.visits import label_photos, visit_standing
from tests.factories import World, make_policy
from tests.workflows.label_photos.ground import by_unit, came, leave, newest, refused, say, scanned_in, typed_out
from tests.workflows.visit_world import HERE, HOUR, MINUTE, START, arrive, file_of, rules_of
from tests.workflows.visit_world import leave as leave_by

pytestmark = pytest.mark.feature("MNT-06")


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

"""Sheets, signatures, the review of the use unit, the approval of the manager, a limit of elevators a day."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotFound, Refusal
from app.models import Attachment, ElevatorAssignment, MaintenanceClock, Notification
from app.permissions import Role
from app.rules.visit_photos import Place
from app.transaction import transaction
from app.workflows.core import audit
from app.workflows.visits import visit_reviewers, visits
from app.workflows.visits.visit_state import settle
from app.workflows.visits.visits import CheckOut
from tests.factories import actor, make_account, make_contract, make_elevator, make_policy
from tests.workflows.visit_world import (
    DAY,
    HERE,
    HOUR,
    MINUTE,
    START,
    answers,
    arrive,
    file_of,
    leave,
    rules_of,
    wall,
)


@pytest.mark.feature("MNT-08")
def test_T05_the_sheet_has_24_hours_and_a_late_one_does_not_heal(session: Any, huzhou: Any) -> None:
    signature = file_of(session, huzhou, "signature")
    visit = arrive(session, huzhou)
    out_at = START + 40 * MINUTE
    leave(session, huzhou, visit, out_at, mode="sheet", results={}, signature_id=signature, signer="苏见山")
    assert (visit.state, visit.awaiting_sheet, visit.awaiting_review) == ("awaiting", True, False)
    assert visit.counted
    with transaction(session):
        assert settle(session, visit, out_at + 24 * HOUR).state == "awaiting"
        assert settle(session, visit, out_at + 24 * HOUR + dt.timedelta(seconds=1)).state == "nonconforming"
    sheet = file_of(session, huzhou, "sheet")
    with transaction(session):
        visits.upload_sheet(session, huzhou.actor("worker"), visit.id, [sheet], out_at + 26 * HOUR)
    assert (visit.state, visit.counted) == ("nonconforming", True)
    assert visit.sheet_at == out_at + 26 * HOUR


@pytest.mark.feature("MNT-07")
def test_T05_review_is_open_through_the_fifteenth_day(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    assert visit.review_due_at == wall(2026, 3, 18, 0, 0)
    reviewer = huzhou.actor("safety_officer")
    with transaction(session):
        visits.review(session, reviewer, visit.id, "已到场", wall(2026, 3, 17, 23, 59, 59))
    assert (visit.state, visit.review_opinion) == ("valid", "已到场")
    with pytest.raises(Refusal), transaction(session):
        visits.review(session, reviewer, visit.id, "", START + 20 * DAY)


@pytest.mark.feature("MNT-07")
def test_a_phone_of_the_firm_reviews_nothing(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    account = make_account(session, Role.SAFETY_OFFICER, unit=huzhou.use_unit)
    for phone in (huzhou.worker.phone, huzhou.firm.head_phone):
        account.phone = phone
        session.commit()
        with pytest.raises(Refusal) as refusal, transaction(session):
            visits.review(session, actor(account), visit.id, "", START + DAY)
        assert rules_of(refusal) == {"复核人手机"}
    account.phone = "13812340000"
    child = make_account(session, Role.SAFETY_OFFICER, unit=huzhou.use_unit, parent_user_id=account.id)
    account.parent_user_id = huzhou.accounts["maintenance_head"].id
    session.commit()
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.review(session, actor(child), visit.id, "", START + DAY)
    assert rules_of(refusal) == {"复核人"}


@pytest.mark.feature("MNT-07")
def test_one_address_of_worker_and_reviewer_is_marked(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    phone = dataclasses.replace(huzhou.actor("worker"), address="203.0.113.7")
    audit.record(session, phone, START, "visit.check_out", "visit", visit.id)
    session.commit()
    reviewer = dataclasses.replace(huzhou.actor("safety_officer"), address="203.0.113.7")
    with transaction(session):
        visits.review(session, reviewer, visit.id, "", START + DAY)
    assert visit.reviewed_from == "203.0.113.7" and visit_reviewers.same_address(session, visit)
    visit.reviewed_from = "203.0.113.8"
    assert not visit_reviewers.same_address(session, visit)


@pytest.mark.feature("MNT-07")
def test_who_may_review(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    puppet = make_account(
        session, Role.SAFETY_OFFICER, unit=huzhou.use_unit, parent_user_id=huzhou.accounts["maintenance_head"].id
    )
    stranger = make_account(session, Role.SAFETY_OFFICER, unit=huzhou.other_use_unit)
    session.commit()
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.review(session, actor(puppet), visit.id, "", START + DAY)
    assert rules_of(refusal) == {"复核人"}
    with pytest.raises(NotFound), transaction(session):
        visits.review(session, actor(stranger), visit.id, "", START + DAY)
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.review(session, huzhou.actor("use_head"), visit.id, "长" * 141, START + DAY)
    assert rules_of(refusal) == {"意见"}


@pytest.mark.feature("MNT-07")
def test_the_review_is_asked_of_whoever_has_this_elevator(session: Any, huzhou: Any) -> None:
    """Of two safety officers with some elevators each, though both of these have been visited."""
    use, other = huzhou.use_unit, make_elevator(session, maintenance_unit=huzhou.firm, use_unit=huzhou.use_unit)
    make_contract(session, huzhou.firm, [other])
    its, others = (make_account(session, Role.SAFETY_OFFICER, unit=use, sees_all_elevators=False) for _ in range(2))
    session.flush()
    for account, elevator in ((its, huzhou.own), (others, other)):
        session.add(ElevatorAssignment(user_id=account.id, elevator_id=elevator.id))
    session.commit()
    leave(session, huzhou, arrive(session, huzhou, code=other.code), START + 40 * MINUTE, code=other.code)
    visit = leave(session, huzhou, arrive(session, huzhou, START + HOUR), START + 100 * MINUTE)
    told = select(Notification.recipient_id).where(
        Notification.topic == "visit.review", Notification.link == f"/visits/{visit.id}"
    )
    assert set(session.scalars(told)) & {its.id, others.id} == {its.id}


@pytest.mark.feature("MNT-07")
def test_signed_on_the_spot_is_valid_at_once(session: Any, huzhou: Any) -> None:
    signature = file_of(session, huzhou, "signature")
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE, signature_id=signature, signer="苏见山")
    assert (visit.state, visit.signer, visit.next_change_at) == ("valid", "苏见山", None)


@pytest.mark.feature("MNT-04")
def test_a_file_of_somebody_else_cannot_be_claimed(session: Any, huzhou: Any) -> None:
    number = file_of(session, huzhou, "signature")
    row = session.get(Attachment, number)
    row.uploaded_by_id = huzhou.accounts["other_worker"].id
    session.commit()
    visit = arrive(session, huzhou)
    with pytest.raises(Refusal):
        leave(session, huzhou, visit, START + 40 * MINUTE, signature_id=number)


@pytest.mark.feature("MNT-09")
@pytest.mark.parametrize(
    ("decision", "state", "counted"), [("approved", "valid", True), ("rejected", "rejected", False)]
)
def test_quanzhou_asks_the_manager(session: Any, world: Any, decision: str, state: str, counted: bool) -> None:
    make_policy(session, "preset", "quanzhou")
    session.commit()
    visit = arrive(session, world)
    places = {kind: [file_of(session, world, kind)] for kind in Place}
    leave(session, world, visit, START + 5 * MINUTE, place_ids=places)
    assert (visit.state, visit.counted) == ("pending", True)
    with transaction(session):
        visits.approve(session, world.actor("maintenance_head"), visit.id, decision, "照片不清", START + HOUR)
    assert (visit.state, visit.counted) == (state, counted)
    told = dict(session.execute(select(Notification.recipient_id, Notification.title).where(
        Notification.topic == "visit.decision"
    )).all())  # fmt: skip
    assert told[world.accounts["maintenance_head"].id] == "有维保记录等待审批"
    assert ("驳回" in told.get(world.accounts["worker"].id, "")) is (decision == "rejected")
    assert session.get(MaintenanceClock, world.own.id).last_visit_on == (visit.visit_on if counted else None)


@pytest.mark.feature("PER-09")
@pytest.mark.feature("ANO-01")
def test_nantong_lets_eight_elevators_stand(session: Any, world: Any) -> None:
    make_policy(session, "preset", "nantong")
    make_policy(session, "label_photo", "none")
    lifts = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(9)]
    make_contract(session, world.firm, lifts)
    session.commit()
    states = []
    for number, lift in enumerate(lifts):
        at = START + number * 35 * MINUTE
        visit = arrive(session, world, at, code=lift.code)
        with transaction(session):
            visits.check_out(
                session, world.actor("worker"), visit.id, lift.code, HERE,
                CheckOut(results=answers(visit), problem=""), at + 31 * MINUTE,
            )  # fmt: skip
        states.append((visit.state, visit.counted))
    assert states == [("valid", True)] * 8 + [("abnormal", False)]

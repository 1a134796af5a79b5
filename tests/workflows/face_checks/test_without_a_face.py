"""Checking in without a comparison: no consent, none asked for, consent taken back."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import Refusal
from app.models import Consent, Notification
from app.transaction import transaction
from app.workflows.people import consents
from app.workflows.visits import face_checks
from tests.faces import OTHER, Service
from tests.factories import World, make_policy, picture
from tests.workflows.face_checks.ground import arrive, run, selfie, stands
from tests.workflows.visit_world import START, rules_of

pytestmark = pytest.mark.feature("PER-10", "MNT-01", "MNT-02")


def test_who_consented_to_no_comparing_is_not_compared(session: Any, town: World, service: Service) -> None:
    with transaction(session):
        consents.withdraw_compare(session, town.actor("worker"), START)
    row = stands(session, arrive(session, town, [selfie(session, town)]))
    assert row.state == "skipped" and service.asked == []
    assert session.scalar(select(Notification.id).where(Notification.topic == "visit.face")) is None
    # The photo for people's eyes stays.
    assert consents.face_of(session, town.worker.id) is not None


def test_the_older_consent_covers_no_comparing(session: Any, world: World, folder: Path, service: Service) -> None:
    make_policy(session, "person_proof", "face")
    session.commit()
    with transaction(session):
        consents.give_face(session, world.actor("worker"), io.BytesIO(picture("JPEG")), "本人.jpg", True, START)
    assert consents.comparable(session, world.worker.id) is None


def test_once_without_is_no_suspicion(session: Any, town: World, service: Service) -> None:
    row = stands(session, arrive(session, town, [selfie(session, town)], without=True))
    assert (row.state, row.failures) == ("skipped", 0) and service.asked == []


def test_where_the_region_asks_for_the_photo_alone_nothing_is_compared(
    session: Any, town: World, service: Service
) -> None:
    make_policy(session, "person_proof", "photo")
    session.commit()
    visit = arrive(session, town, [selfie(session, town)])
    assert face_checks.of_visit(session, visit.id) is None and service.asked == []


def test_without_a_service_nothing_is_kept(session: Any, town: World) -> None:
    visit = arrive(session, town, [selfie(session, town)])
    assert face_checks.of_visit(session, visit.id) is None


def test_who_failed_and_takes_the_consent_back_is_looked_at(
    session: Any, town: World, service: Service, app: Any
) -> None:
    service.says = [OTHER]
    with pytest.raises(Refusal):
        arrive(session, town, [selfie(session, town, colour="#000001")])
    with transaction(session):
        consents.withdraw_compare(session, town.actor("worker"), START)
    row = stands(session, arrive(session, town, [selfie(session, town)]))
    assert (row.state, row.failures, row.next_try_at) == ("unmatched", 1, None)
    assert session.scalar(select(Notification.id).where(Notification.topic == "visit.face")) is not None


def test_who_failed_and_takes_it_back_while_the_task_waits_is_looked_at(
    session: Any, town: World, service: Service, app: Any
) -> None:
    service.says = [OTHER, 500]
    with pytest.raises(Refusal):
        arrive(session, town, [selfie(session, town, colour="#000001")])
    visit = arrive(session, town, [selfie(session, town)])
    assert stands(session, visit).state == "waiting"
    with transaction(session):
        consents.withdraw_compare(session, town.actor("worker"), START)
    assert run(app, session, START + dt.timedelta(minutes=5)) == 1
    assert (stands(session, visit).state, len(service.asked)) == ("unmatched", 2)


def test_withdrawing_the_photo_ends_comparing_too(session: Any, town: World, service: Service, app: Any) -> None:
    service.says = [500]
    visit = arrive(session, town, [selfie(session, town)])
    with transaction(session):
        consents.withdraw_face(session, town.actor("worker"), START)
    rows = session.scalars(select(Consent)).all()
    assert {c.purpose for c in rows} == {"face", "face_compare"} and all(c.withdrawn_at == START for c in rows)
    asked = len(service.asked)
    assert run(app, session, START + dt.timedelta(minutes=5)) == 1
    assert stands(session, visit).state == "skipped" and len(service.asked) == asked


def test_consenting_needs_a_photo_and_the_tick(session: Any, world: World, folder: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        consents.agree_to_compare(session, world.actor("worker"), False, START)
    assert rules_of(refusal) == {"人脸照片", "单独同意"}
    session.rollback()
    with pytest.raises(Refusal, match="没有同意过"):
        consents.withdraw_compare(session, world.actor("worker"), START)

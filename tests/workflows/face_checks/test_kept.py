"""How long a comparison is kept, who finds it, and whose photo is not sent."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text

from app.models import Attachment, FaceCheck, Person, Visit
from app.models.face import TO_LOOK_AT
from app.permissions import SYSTEM, Verb
from app.transaction import transaction
from app.workflows.privacy import personal_requests, retention
from app.workflows.visits import face_checks
from tests.faces import Service
from tests.factories import World
from tests.workflows.face_checks.ground import arrive, decide, failed, run, selfie, stands
from tests.workflows.visit_world import DAY, HERE, START

pytestmark = pytest.mark.feature("PER-10", "MNT-01", "MNT-02")


def test_it_goes_with_the_photo_and_an_attempt_without_a_visit_soon(
    session: Any, town: World, service: Service
) -> None:
    visit = arrive(session, town, [selfie(session, town)])
    session.add(FaceCheck(
        person_id=town.worker.id, elevator_id=town.own.id, unit_id=town.firm.id, region_code=town.firm.region_code,
        began_at=START, failures=1, state="unmatched",
    ))  # fmt: skip
    session.commit()
    assert retention.run(session, SYSTEM, START + DAY)["face_checks"] == 0
    assert retention.run(session, SYSTEM, START + 3 * DAY)["face_checks"] == 1
    key = visit.id
    assert face_checks.of_visit(session, key) is not None
    assert retention.run(session, SYSTEM, START + 181 * DAY)["face_checks"] == 1
    assert face_checks.of_visit(session, key) is None and session.get(Visit, key) is not None


def test_who_asks_to_be_erased_is_out_of_it(session: Any, town: World, service: Service) -> None:
    visit = arrive(session, town, [selfie(session, town)])
    with transaction(session):
        person = session.get(Person, town.worker.id)
        retention.erase_person(session, person)
    assert face_checks.of_visit(session, visit.id) is None


def test_the_list_of_the_desk_is_found_by_the_partial_index(session: Any, town: World, service: Service) -> None:
    visit = failed(session, town, service)
    found = select(FaceCheck.visit_id).where(text(TO_LOOK_AT)).execution_options(skip_scope=True)
    assert session.scalars(found).all() == [visit.id]
    decide(session, town, visit, "same")
    assert session.scalars(found).all() == []


def test_what_the_scanner_has_not_seen_waits(session: Any, town: World, service: Service, app: Any) -> None:
    service.says = [500]
    visit = arrive(session, town, [selfie(session, town)])
    asked, photo = len(service.asked), session.get(Attachment, stands(session, visit).photo_id)
    photo.scan = "waiting"
    session.commit()
    assert run(app, session, START + dt.timedelta(minutes=5)) == 1
    row = stands(session, visit)
    assert (row.state, row.tries, len(service.asked)) == ("waiting", 0, asked)
    session.get(Attachment, row.photo_id).scan = "infected"
    session.commit()
    assert run(app, session, START + dt.timedelta(minutes=10)) == 1
    assert stands(session, visit).state == "skipped" and len(service.asked) == asked


def test_who_may_make_no_visit_sends_nobody_a_photo(session: Any, town: World, service: Service) -> None:
    ids = [selfie(session, town)]
    actor = replace(town.actor("worker"), withheld=frozenset({Verb.VISIT_MAKE}))
    assert not actor.may(Verb.VISIT_MAKE)
    face_checks.ahead(session, actor, town.own.code, HERE, ids, 0, START)
    assert service.asked == []


def test_ones_own_copy_tells_what_came_of_it(session: Any, town: World, service: Service) -> None:
    arrive(session, town, [selfie(session, town)])
    with transaction(session):
        told = personal_requests.copy_of(session, town.actor("worker"), START + DAY)
    assert [(one["结果"], one["没有通过的次数"]) for one in told["人脸比对"]] == [("一致", 0)]
    purposes = {one["用途"] for one in told["同意记录"]}
    assert purposes == {"人脸照片用于与现场本人照片对照", "现场本人照片与人脸照片作比对"}

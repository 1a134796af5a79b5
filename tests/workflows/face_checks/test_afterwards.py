"""Comparing afterwards by the task, and nothing of a photo in logs and errors."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import pytest
from sqlalchemy import select

from app.channels import face
from app.models import AuditEntry
from app.rules.face_checks import MOST_TRIES, FaceState
from app.workflows.visits import face_checks
from app.workflows.visits.face_checks import NotAsked
from tests.faces import Service
from tests.factories import World
from tests.workflows.face_checks.ground import arrive, run, selfie, stands
from tests.workflows.visit_world import START

pytestmark = pytest.mark.feature("PER-10", "MNT-01", "MNT-02")


def test_the_task_gives_up_in_time_and_a_pause_of_the_service_counts_nothing(
    session: Any, town: World, service: Service, app: Any
) -> None:
    service.says = [500]
    visit = arrive(session, town, [selfie(session, town)])
    now, told = START, []
    for _ in range(20):
        now += dt.timedelta(hours=7)
        # A fresh client each time: its breaker is another test's.
        face_checks.use(face.asker(service.settings()))
        if not run(app, session, now):
            break
        told.append(stands(session, visit).tries)
    row = stands(session, visit)
    assert told == list(range(1, MOST_TRIES + 1)) and (row.state, row.next_try_at) == ("unanswered", None)
    assert row.error == "NoAnswer: HTTP 500"


def test_what_was_not_asked_for_want_of_room_is_no_try(session: Any, town: World, service: Service, app: Any) -> None:
    service.says = [500]
    visit = arrive(session, town, [selfie(session, town)])

    def full(*_: Any) -> FaceState:
        raise NotAsked("同时比对的人太多")

    face_checks.use(full)
    assert run(app, session, START + dt.timedelta(minutes=1)) == 1
    row = stands(session, visit)
    assert (row.state, row.tries, row.next_try_at) == ("waiting", 0, START + dt.timedelta(minutes=2))


def test_logs_and_errors_hold_nothing_of_a_photo(
    session: Any, town: World, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.says = [b'{"photo": "/9j/4AAQ"}']
    with caplog.at_level(logging.DEBUG):
        arrive(session, town, [selfie(session, town)])
    sent = service.asked[0][1]
    assert "人脸比对没有答复" in caplog.text
    assert sent["photo"][:40] not in caplog.text and sent["reference"][:40] not in caplog.text
    assert "/9j/" not in caplog.text
    log = str([entry.after for entry in session.scalars(select(AuditEntry))])
    assert "/9j/" not in log

"""Failed comparisons at the desk of the officer."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, NotFound, Refusal
from app.models import AuditEntry, Notification
from tests.faces import Service
from tests.factories import World
from tests.workflows.face_checks.ground import arrive, decide, failed, selfie
from tests.workflows.visit_world import rules_of

pytestmark = pytest.mark.feature("PER-10", "MNT-01", "MNT-02")


def test_an_officer_says_who_is_to_be_seen_once(session: Any, town: World, service: Service) -> None:
    visit = failed(session, town, service)
    for verdict, note, rule in (
        ("", "", "核对结论"), ("nobody", "x", "核对结论"), ("other", " ", "核对说明"), ("unclear", "", "核对说明"),
        ("other", "长" * 501, "核对说明"),
    ):  # fmt: skip
        with pytest.raises(Refusal) as refusal:
            decide(session, town, visit, verdict, note)
        assert rule in rules_of(refusal)
        session.rollback()
    before = visit.state
    row = decide(session, town, visit, "other", "脸型和年龄都不同")
    assert (row.verdict, row.looked_by_id) == ("other", town.accounts["inspector"].id) and visit.state == before
    heard = session.scalars(select(Notification.recipient_id).where(Notification.link == f"/visits/{visit.id}")).all()
    assert town.accounts["maintenance_head"].id in heard and town.accounts["worker"].id not in heard
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "visit.face")).one()
    assert entry.after["verdict"] == "other" and entry.entity_id == visit.id
    with pytest.raises(Refusal, match="已核对过"):
        decide(session, town, visit, "same")


def test_no_unit_judges_its_own_worker(session: Any, town: World, service: Service) -> None:
    visit = failed(session, town, service)
    for who in ("maintenance_head", "manager"):
        if who in town.accounts:
            with pytest.raises(NotAllowed):
                decide(session, town, visit, "same", who=who)
            session.rollback()
    for who in ("use_head", "other_head", "worker"):
        with pytest.raises((NotAllowed, NotFound)):
            decide(session, town, visit, "same", who=who)
        session.rollback()


def test_what_passed_or_was_not_compared_is_not_decided_on(session: Any, town: World, service: Service) -> None:
    visit = arrive(session, town, [selfie(session, town)])
    with pytest.raises(Refusal, match="没有等待核对"):
        decide(session, town, visit, "same")

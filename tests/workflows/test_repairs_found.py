"""REP-03: what a visit finds and is to be repaired opens one order, once, however often it is sent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import Refusal
from app.models import RepairOrder, Visit
from app.transaction import transaction
from app.workflows.visits import offline, visits
from tests.factories import World
from tests.workflows.offline.conftest import place
from tests.workflows.offline.ground import kept, well_done
from tests.workflows.test_repairs import MINUTE, H, count
from tests.workflows.visit_world import HERE, START, answers, arrive, leave

__all__ = ["place"]
pytestmark = pytest.mark.feature("REP-03")


def found_out(session: Any, world: World, visit: Visit, at: dt.datetime) -> Visit:
    results = answers(visit)
    worn = {next(iter(results)): {"result": "repair"}}
    return leave(session, world, visit, at, results=results | worn, problem="门锁触点磨损")


def test_an_item_to_repair_opens_one_order(session: Any, huzhou: World) -> None:
    visit = arrive(session, huzhou)
    found_out(session, huzhou, visit, START + H)
    row = session.scalars(select(RepairOrder)).one()
    assert (row.source, row.visit_id, row.level, row.fault) == ("visit", visit.id, "running", "门锁触点磨损")
    assert (row.reported_by_id, row.unit_id) == (huzhou.accounts["worker"].id, huzhou.firm.id)
    # The use unit asks for the same: its remark goes there.
    with transaction(session):
        visits.review(
            session, huzhou.actor("safety_officer"), visit.id, "属实", START + 2 * H, repair=True, repair_note="请尽快"
        )
    session.refresh(row)
    assert (count(huzhou), row.use_note) == (1, "请尽快")


def test_nothing_to_repair_opens_none(session: Any, huzhou: World) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + H, problem="门关得慢，已调整")
    assert count(huzhou) == 0
    with transaction(session):
        visits.review(session, huzhou.actor("safety_officer"), visit.id, "", START + 2 * H, repair=True)
    row = session.scalars(select(RepairOrder)).one()
    assert (row.source, row.visit_id, row.fault) == ("review", visit.id, "门关得慢，已调整")
    assert row.reported_unit_id == huzhou.use_unit.id


def test_a_remark_that_is_too_long_stops_the_review(session: Any, huzhou: World) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + H)
    with pytest.raises(Refusal, match="最多 140 个字"), transaction(session):
        visits.review(
            session, huzhou.actor("safety_officer"), visit.id, "", START + 2 * H, repair=True, repair_note="长" * 141
        )
    session.refresh(visit)
    assert visit.reviewed_at is None and count(huzhou) == 0


def test_the_same_check_out_twice_opens_one(session: Any, huzhou: World) -> None:
    visit = arrive(session, huzhou)
    results = answers(visit)
    done = visits.CheckOut(results=results | {next(iter(results)): {"result": "repair"}}, problem="磨损")
    for later in range(2):
        with transaction(session):
            visits.check_out(
                session, huzhou.actor("worker"), visit.id, huzhou.own.code, HERE, done, START + H + later * MINUTE,
                out_key="out-1",
            )  # fmt: skip
    assert count(huzhou) == 1


def test_a_visit_sent_later_opens_one_however_often_it_is_sent(session: Any, place: World) -> None:
    results = dict(well_done().results)
    done = visits.CheckOut(results=results | {next(iter(results)): {"result": "repair"}}, problem="磨损")
    for _again in range(3):
        one = kept(place, done=done)
        with transaction(session):
            offline.receive(session, place.actor("worker"), one, one.phone.received_at)
    row = session.scalars(select(RepairOrder)).one()
    assert row.source == "visit" and count(place) == 1

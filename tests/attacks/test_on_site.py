"""Attacks on visits and rescues: a second person at two places, a phone whose clock is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import Refusal
from app.permissions import Role
from app.transaction import transaction
from app.workflows.on_site import companions
from app.workflows.visits import visits
from tests.api.callers import Caller
from tests.factories import World, actor, make_account, make_contract, make_elevator, make_person
from tests.views.rescue.ground import report
from tests.workflows.test_companions import join, mate, two_persons
from tests.workflows.visit_world import HERE, HOUR, MINUTE, START, arrive, leave, rules_of

__all__ = ["mate"]
pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.mark.feature("MNT-11")
def test_one_second_person_is_not_at_two_visits_at_once(session: Any, huzhou: Any, mate: Any) -> None:
    """One colleague joined every running visit of his firm, and counted at the end of each."""
    two_persons(session)
    other = make_elevator(session, maintenance_unit=huzhou.firm, use_unit=huzhou.use_unit)
    make_contract(session, huzhou.firm, [other])
    third = make_account(
        session, Role.WORKER, unit=huzhou.firm, person=make_person(session, huzhou.firm, "林疏影"),
        sees_all_elevators=True,
    )  # fmt: skip
    session.commit()
    first = arrive(session, huzhou)
    with transaction(session):
        second = visits.check_in(session, actor(third), other.code, HERE, START + MINUTE)
    row = join(session, mate, first, huzhou.own.code, START + 2 * MINUTE)
    join(session, mate, second, other.code, START + 10 * MINUTE)
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, first, START + HOUR)
    assert rules_of(refusal) == {"在现场的人数"}
    assert not companions.running(session, actor(mate), huzhou.own.id, START + HOUR)[0].joined
    # Back again he proves it anew, and is at the other no more.
    assert join(session, mate, first, huzhou.own.code, START + HOUR).id == row.id
    assert companions.persons_at(session, second, START + HOUR) == 1
    assert leave(session, huzhou, first, START + HOUR + MINUTE).checked_out_at is not None


@pytest.mark.feature("RES-06")
@pytest.mark.parametrize("told_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z"])
def test_a_phone_with_a_wrong_clock_accepts_a_rescue(app: Any, session: Any, world: World, told_at: str) -> None:
    """What its clock says is kept beside ours and counts for nothing; it was a 500, and nobody went."""
    key = report(world)
    answer = Caller(app, world, "worker").post(f"/rescues/{key}/accept", {"phone_at": told_at})
    assert answer.status_code == 200 and answer.json["status"] == "accepted", answer.text
    assert [step["phone_at"] for step in answer.json["steps"] if step["verb"] == "accept"] == [None]

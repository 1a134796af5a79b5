"""Standing in across offices (LIF-07): one application desk, no more rights, never upwards, never a puppet."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, scope
from app.errors import NotFound, Refusal
from app.models import Account, ApplicationStep, Delegation, Elevator, Notification
from app.permissions import Role, Verb
from app.transaction import transaction
from app.workflows.approval import delegations, reminders
from app.workflows.desk import applications
from tests import factories as make
from tests.factories import World
from tests.reminded import reminded
from tests.workflows.filing_world import AT, TODAY, decide
from tests.workflows.test_applications import suspend

pytestmark = pytest.mark.feature("LIF-07")
DAY = dt.timedelta(days=1)
CITY, OTHER = "980400000000", "980403000000"


@pytest.fixture
def world(session: Any, world: World) -> World:
    make.make_account(session, Role.REGION_ADMIN, region_code=CITY)
    session.commit()
    return world


def give(session: Any, giver: Any, taker: Any) -> Delegation:
    with scope.acting(giver), transaction(session):
        return delegations.name(session, giver, taker.user_id, TODAY, TODAY + 2 * DAY, "出差", AT)


def test_the_other_office_decides_what_the_giver_sees_and_nothing_beside(session: Any, world: World) -> None:
    giver, taker = world.actor("inspector"), world.actor("other_inspector")
    application = suspend(world)
    with pytest.raises(NotFound):
        decide(session, taker, application, "approve")
    row = give(session, giver, taker)
    assert row.region_code == giver.region_code
    decide(session, taker, application, "approve", "属实")
    assert (application.state, world.own.status) == ("approved", "suspended")
    step = session.scalars(select(ApplicationStep).order_by(ApplicationStep.id.desc())).first()
    assert (step.actor_id, step.on_behalf_of_id) == (taker.user_id, giver.user_id)
    assert application.officer_id == giver.user_id, "the desk keeps it when the days are over"
    for model in (Elevator, Account):
        seen = session.scalars(scope.apply(select(model.id), taker, model)).all()
        assert world.own.id not in seen or model is not Elevator


def test_it_ends_with_the_days_or_with_either_officer(session: Any, world: World) -> None:
    giver, taker = world.actor("inspector"), world.actor("other_inspector")
    application = suspend(world)
    row = give(session, giver, taker)
    assert delegations.at_desk(session, taker, application.id, AT).stands_for == giver.user_id
    assert delegations.desks(session, taker, TODAY + 3 * DAY) == []
    account = world.accounts["inspector"]
    account.region_code = CITY
    session.commit()
    assert delegations.desks(session, taker, TODAY) == [], "moved to another office"
    account.region_code = row.region_code
    account.active = False
    session.commit()
    assert delegations.desks(session, taker, TODAY) == []
    account.active = True
    session.commit()
    with transaction(session):
        delegations.end(session, taker, row.id, AT)
    with pytest.raises(NotFound):
        decide(session, taker, application, "approve")


@pytest.mark.parametrize(("giver_role", "taker_role", "seen"), [
    (Role.INSPECTOR, Role.REGION_ADMIN, False), (Role.REGION_ADMIN, Role.INSPECTOR, False),
    (Role.REGION_ADMIN, Role.REGION_ADMIN, True),
])  # fmt: skip
def test_secret_ones_only_where_both_may_see_them(
    session: Any, world: World, giver_role: Role, taker_role: Role, seen: bool
) -> None:
    application = suspend(world)
    world.own.is_secret = True
    giver = make.actor(make.make_account(session, giver_role, region_code="980402000000"))
    taker = make.actor(make.make_account(session, taker_role, region_code=OTHER))
    session.commit()
    give(session, giver, taker)
    desk = delegations.at_desk(session, taker, application.id, AT)
    assert (desk.stands_for is not None) is seen


def test_never_downwards_nor_beyond_the_next_office(session: Any, world: World) -> None:
    """A district decides nothing for its city; a district of another city is beyond the common office."""
    city = make.actor(make.make_account(session, Role.INSPECTOR, region_code=CITY))
    session.commit()
    with pytest.raises(Refusal, match="不是本部门、同级或上级部门"):
        give(session, city, world.actor("inspector"))
    give(session, world.actor("inspector"), city)
    session.query(Account).filter(Account.region_code == CITY).update({"active": False})
    session.commit()
    with pytest.raises(Refusal, match="不是本部门、同级或上级部门"):
        give(session, world.actor("region_admin"), world.actor("other_inspector"))


def test_not_to_an_account_that_he_made_where_two_persons_are_needed(session: Any, world: World) -> None:
    giver = world.actor("region_admin")
    puppet = make.actor(
        make.make_account(session, Role.INSPECTOR, region_code=OTHER, parent_user_id=giver.user_id)
    )
    make.make_policy(session, "second_approval", "all")
    session.commit()
    with pytest.raises(Refusal, match="一个由另一个建立"):
        give(session, giver, puppet)
    give(session, giver, world.actor("other_inspector"))


def test_the_desk_gives_no_other_right(session: Any, world: World) -> None:
    giver = world.actor("region_admin")
    taker = make.actor(make.make_account(session, Role.INSPECTOR, region_code=OTHER))
    session.commit()
    give(session, giver, taker)
    (desk,) = delegations.desks(session, taker, TODAY)
    assert not any(desk.may(v) for v in (Verb.ACCOUNT_CREATE, Verb.POLICY_EDIT, Verb.SECRET_READ, Verb.IMPORT))


def test_whoever_stands_in_is_reminded(session: Any, world: World) -> None:
    application = suspend(world)
    giver, taker = world.actor("inspector"), world.actor("other_inspector")
    decide(session, giver, application, "accept")
    give(session, giver, taker)
    with transaction(session):
        assert reminded(session, application, TODAY) == [giver.user_id, taker.user_id]


def test_little_is_what_the_region_says(session: Any, world: World) -> None:
    """The yellow reminder follows `yellow_hours` of the application's region, as the page does (CLK-01)."""
    make.make_policy(session, "yellow_hours", 48, region_code="980402000000")
    application = suspend(world)
    session.commit()
    due = application.due_at
    assert due is not None

    def look(at: dt.datetime) -> int:
        with transaction(session):
            return reminders.remind(session, at)

    assert look(due - dt.timedelta(hours=49)) == 0
    assert look(due - dt.timedelta(hours=47)) == 2
    told = session.scalars(select(Notification.topic).where(Notification.topic.like("due_%"))).all()
    assert set(told) == {"due_near"}
    assert applications.steps(session, application) and clock.local_day(AT) == TODAY

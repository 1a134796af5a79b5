"""LIF-07, CLK-01: who is told of a limit as officers come, stand in, move and leave, and as applications move."""

from __future__ import annotations

from typing import Any

import pytest

from app import clock
from app.models import Application, ClockMark, Delegation
from app.permissions import Role
from app.tasks import housekeeping
from app.transaction import transaction
from app.workflows.approval import limit_rounds
from app.workflows.filing import filing_effects
from tests.factories import World, make_account
from tests.statements import statements
from tests.workflows.limit_world import DAY, HOUR, marked, notices, officers, remind, rise, waiting

pytestmark = pytest.mark.feature("LIF-07", "CLK-01")


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("secret", [False, True])
def test_who_begins_to_stand_in_hears_once_of_what_was_told_before(world: World, secret: bool) -> None:
    rows = waiting(world, 9)
    giver, due = world.actor("inspector"), rows[0].due_at
    taker = make_account(world.session, Role.INSPECTOR, region_code=giver.region_code)
    assert due is not None and giver.user_id is not None
    for number, row in enumerate(rows[:8]):
        row.officer_id, row.state, row.elevator_id = giver.user_id, "accepted", world.own.id if number < 2 else None
    rows[7].due_at = due + 2 * DAY
    world.own.is_secret = secret
    today = clock.local_day(due) + DAY
    world.session.add_all(
        Delegation(from_id=giver.user_id, to_id=taker.id, region_code=giver.region_code, from_on=on, to_on=on,
                   created_at=due, ended_at=ended)
        for on, ended in ((today, None), (today + 2 * DAY, None), (today, due))
    )  # fmt: skip
    world.session.commit()
    remind(world, due - DAY)
    remind(world, due)
    assert notices(world, "delegation") == [] and marked(world, "stand_in") == set(), "not his day yet"
    remind(world, due + DAY)
    (told,) = notices(world, "delegation")
    count = 5 if secret else 7
    assert (told.recipient_id, told.link) == (taker.id, "/applications/queue?tab=mine")
    assert told.title == f"代办：{world.accounts['inspector'].get_full_name()}受理的 {count} 件申请即将到期或已超过期限"
    turned = [one for one in notices(world, "due_near") if one.recipient_id == taker.id][-1]
    assert turned.link == f"/applications/{rows[7].id}", "what turns from now on he hears of like its officer"
    remind(world, due + DAY + HOUR)
    assert len(notices(world, "delegation")) == 1 and len(marked(world, "stand_in")) == 1


@pytest.mark.usefixtures("small_pages")
def test_an_officer_who_comes_later_hears_once_of_what_was_told_before(world: World) -> None:
    rows = waiting(world, 8)
    due, mine = rows[0].due_at, world.accounts["inspector"].id
    assert due is not None
    rows[1].officer_id, rows[1].state = mine, "accepted"
    rows[6].due_at = due + 10 * DAY
    rows[7].region_code, rows[7].elevator_id = "980403000000", None
    world.session.commit()
    remind(world, due)
    before = {one.id for one in notices(world, "due_over")}
    officer = make_account(world.session, Role.INSPECTOR, region_code="980402000000")
    world.session.commit()
    assert remind(world, due + HOUR) == 1
    (new,) = (one for one in notices(world, "due_over") if one.id not in before)
    assert (new.recipient_id, new.title) == (officer.id, "已超过期限：5 件申请"), "of his own office"
    assert remind(world, due + 2 * HOUR) == 0
    # What turns from then on he hears of like the others; of another office he is new again.
    assert remind(world, due + 10 * DAY) == 3
    officer.region_code = "980403000000"
    world.session.commit()
    assert remind(world, due + 10 * DAY + HOUR) == 1
    assert notices(world, "due_over")[-1].title == f"已超过期限：{rows[7].heading}"
    with statements() as seen:
        assert remind(world, due + 10 * DAY + 2 * HOUR) == 0
    assert len(seen) < 12, seen


def test_the_first_round_takes_those_who_are_there_for_told(world: World) -> None:
    rows = waiting(world, 2)
    assert rows[0].due_at is not None
    with transaction(world.session):
        limit_rounds.mark(world.session, "due_over", list(limit_rounds.untold(world.session, "due_over")))
    assert remind(world, rows[0].due_at) == 0


def test_what_somebody_had_taken_on_who_left_is_told_to_his_office(world: World) -> None:
    rows = waiting(world, 2)
    due, officer = rows[0].due_at, make_account(world.session, Role.INSPECTOR, region_code="980402000000")
    rows[0].officer_id, rows[0].state = officer.id, "accepted"
    world.session.commit()
    assert due is not None and remind(world, due) == 1 + 3
    officer.active = False
    world.session.commit()
    assert remind(world, due + HOUR) == 2
    heard = {one.recipient_id for one in notices(world, "due_over") if one.link == f"/applications/{rows[0].id}"}
    assert heard == {officer.id, *officers(world)}
    assert remind(world, due + 2 * HOUR) == 0


def test_what_an_officer_holds_who_may_not_hear_of_it_is_told_to_his_office(world: World) -> None:
    rows = waiting(world, 2)
    due, officer = rows[0].due_at, world.accounts["inspector"]
    for row in rows:
        row.officer_id, row.state = officer.id, "accepted"
    rows[1].elevator_id = None
    world.own.is_secret = True
    world.session.commit()
    assert due is not None and remind(world, due) == 2
    heard = {one.link: one.recipient_id for one in notices(world, "due_over")}
    assert heard == {
        f"/applications/{rows[0].id}": world.accounts["region_admin"].id, f"/applications/{rows[1].id}": officer.id,
    }  # fmt: skip


def test_marks_of_stand_ins_go_with_their_days(app: Any, world: World) -> None:
    giver, today = world.actor("inspector"), clock.today()
    taker = make_account(world.session, Role.INSPECTOR, region_code=giver.region_code)
    rows = [
        Delegation(from_id=giver.user_id, to_id=taker.id, region_code=giver.region_code, from_on=today - 3 * DAY,
                   to_on=to, created_at=clock.now(), ended_at=ended)
        for to, ended in ((today, None), (today - DAY, None), (today, clock.now()))
    ]  # fmt: skip
    world.session.add_all(rows)
    world.session.flush()
    world.session.add_all([ClockMark(name=f"stand_in:{key}", at=clock.now()) for key in (*(r.id for r in rows), 9999)])
    world.session.commit()
    with app.app_context():
        assert housekeeping.sweep()["marks"] == 3
    world.session.rollback()
    assert marked(world, "stand_in") == {rows[0].id}


def test_what_moved_to_another_office_is_told_there(world: World) -> None:
    rows = waiting(world, 2)
    rows[1].elevator_id = None
    world.session.commit()
    due, other = rows[1].due_at, world.accounts["other_inspector"]
    assert due is not None and other.region_code == "980403000000"
    remind(world, due)
    with transaction(world.session):
        asked = Application.id == rows[1].id
        filing_effects.applications_follow(world.session, asked, other.region_code, due + HOUR)
    assert rows[1].due_at == due, "the same day by either calendar"
    assert remind(world, due + 2 * HOUR) == 1
    told = notices(world, "due_over")[-1]
    assert (told.recipient_id, told.link) == (other.id, f"/applications/{rows[1].id}")
    assert remind(world, due + 3 * HOUR) == 0


@pytest.mark.parametrize("how", ["moved", "role"])
def test_what_somebody_had_taken_on_who_decides_there_no_more_is_told_to_his_office(world: World, how: str) -> None:
    rows = waiting(world, 2)
    due, officer = rows[0].due_at, make_account(world.session, Role.INSPECTOR, region_code="980402000000")
    rows[0].officer_id, rows[0].state = officer.id, "accepted"
    world.session.commit()
    assert due is not None and remind(world, due - HOUR) == 1 + 3
    if how == "moved":
        officer.region_code = "980403000000"
    else:
        officer.roles = [make_account(world.session, Role.RESCUE_AGENT, region_code="980402000000").roles[0]]
    world.session.commit()
    assert remind(world, due - HOUR / 2) == 2, "his office hears of the one that was his"
    assert remind(world, due) == 2 * 2
    assert {one.recipient_id for one in notices(world, "due_over")} == officers(world)
    # Who comes now hears of it as his colleagues did.
    late = make_account(world.session, Role.INSPECTOR, region_code="980402000000")
    world.session.commit()
    assert remind(world, due + HOUR) == 2
    assert {one.recipient_id for one in notices(world, "due_over")} == {*officers(world), late.id}


def test_an_officer_who_rises_to_the_office_above_keeps_what_he_took_on(world: World) -> None:
    rows = waiting(world, 5)
    due, officer = rows[0].due_at, make_account(world.session, Role.INSPECTOR, region_code="980402000000")
    for row in rows:
        row.officer_id, row.state = officer.id, "accepted"
    world.session.commit()
    assert due is not None and remind(world, due - HOUR) == 1
    officer.region_code = "980400000000"
    world.session.commit()
    assert remind(world, due - HOUR / 2) == 0 and remind(world, due) == 1
    assert {one.recipient_id for one in notices(world, "due_over")} == {officer.id}
    # Of what he took on as one of the city, he keeps what lies in the district that he goes to.
    rows[0].region_code, rows[0].elevator_id = "980403000000", None
    officer.region_code = "980402000000"
    world.session.commit()
    assert remind(world, due + HOUR) == 1
    told = notices(world, "due_over")[-1]
    assert (told.recipient_id, told.link) == (world.accounts["other_inspector"].id, f"/applications/{rows[0].id}")


def test_who_stands_in_for_somebody_who_moved_hears_nothing_of_his_former_desk(world: World) -> None:
    rows = waiting(world, 3)
    due, taker = rows[0].due_at, world.accounts["other_inspector"]
    officer = make_account(world.session, Role.INSPECTOR, region_code="980402000000")
    for row in rows:
        row.officer_id, row.state = officer.id, "accepted"
    world.session.commit()
    assert due is not None and taker.region_code == "980403000000"
    remind(world, due)
    officer.region_code, today = taker.region_code, clock.local_day(due)
    world.session.add(
        Delegation(from_id=officer.id, to_id=taker.id, region_code=taker.region_code, from_on=today, to_on=today + DAY,
                   created_at=due)
    )  # fmt: skip
    world.session.commit()
    assert remind(world, due + HOUR / 6) == 2 * 3 and notices(world, "delegation") == []
    assert taker.id not in {one.recipient_id for one in notices(world, "due_over")}


@pytest.mark.usefixtures("small_pages")
def test_what_an_office_without_anybody_leaves_is_told_to_the_next_one_up(world: World) -> None:
    rows = waiting(world, 9)
    due, city = rows[0].due_at, make_account(world.session, Role.REGION_ADMIN, region_code="980400000000")
    for row in rows[1:]:
        row.elevator_id = None
    # One lies with an office below, one with the city already.
    rows[7].region_code, rows[8].region_code = "980402001000", "980400000000"
    below = make_account(world.session, Role.INSPECTOR, region_code="980402001000")
    rows[6].officer_id, rows[6].state = world.accounts["inspector"].id, "accepted"
    world.own.is_secret = True
    world.session.commit()
    assert due is not None
    remind(world, due)
    before = {one.id for one in notices(world, "due_over")}
    assert {one.link for one in notices(world, "due_over") if one.recipient_id == city.id} == {
        f"/applications/{rows[8].id}"
    }
    # The first to go leaves none who may hear of 涉密, the last one nobody.
    world.accounts["region_admin"].active = False
    world.session.commit()
    assert remind(world, due + HOUR) == 1
    (new,) = (one for one in notices(world, "due_over") if one.id not in before)
    assert (new.recipient_id, new.link) == (city.id, f"/applications/{rows[0].id}")
    world.accounts["inspector"].active = False
    world.session.commit()
    before.add(new.id)
    assert remind(world, due + 2 * HOUR) == 2
    told = [one for one in notices(world, "due_over") if one.id not in before]
    assert {one.recipient_id for one in told} == {city.id} and below.id != city.id
    assert {one.title for one in told} == {"已超过期限：6 件申请", f"已超过期限：{rows[6].heading}"}
    assert remind(world, due + 3 * HOUR) == 0


def test_a_newcomer_who_stands_in_hears_once_of_that_desk(world: World) -> None:
    rows = waiting(world, 3)
    giver, due = world.accounts["inspector"], rows[0].due_at
    for row in rows[:2]:
        row.officer_id, row.state = giver.id, "accepted"
    world.session.commit()
    assert due is not None
    remind(world, due)
    taker, today = make_account(world.session, Role.INSPECTOR, region_code="980402000000"), clock.local_day(due)
    world.session.add(
        Delegation(from_id=giver.id, to_id=taker.id, region_code=giver.region_code, from_on=today, to_on=today + DAY,
                   created_at=due)
    )  # fmt: skip
    world.session.commit()
    assert remind(world, due + HOUR / 6) == 2
    heard = {one.link for topic in ("delegation", "due_over") for one in notices(world, topic)
             if one.recipient_id == taker.id}  # fmt: skip
    assert heard == {"/applications/queue?tab=mine", f"/applications/{rows[2].id}"}


def test_what_waits_for_a_second_officer_is_not_told_again_when_the_first_one_leaves(world: World) -> None:
    rows = waiting(world, 5)
    due, officer = rows[0].due_at, make_account(world.session, Role.INSPECTOR, region_code="980402000000")
    for row in rows:
        row.officer_id = row.endorsed_by_id = officer.id
        row.state = "endorsed"
    world.session.commit()
    assert due is not None and remind(world, due) == 2
    officer.active = False
    world.session.commit()
    assert remind(world, due + HOUR) == 0


def test_what_moved_rises_to_the_office_above_its_new_one(world: World) -> None:
    make_account(world.session, Role.REGION_ADMIN, region_code="980400000000")
    make_account(world.session, Role.INSPECTOR, region_code="980402001000")
    rows = waiting(world, 7)
    for row in rows:
        row.elevator_id = None
    world.session.commit()
    due = rows[0].due_at
    assert due is not None
    remind(world, due)
    assert rise(world, due + 24 * HOUR) == 1
    asked = Application.id != rows[0].id
    with transaction(world.session), statements() as seen:
        filing_effects.applications_follow(world.session, asked, "980402001000", due + 25 * HOUR)
    assert sum("DELETE FROM clock_mark" in s for s in seen) <= len(limit_rounds.STEPS), "for all of them together"
    assert marked(world, "escalate1") == marked(world, "due_over") == {rows[0].id}
    assert rise(world, due + 26 * HOUR) == 2
    told = {(one.recipient_id, one.title) for one in notices(world, "escalation")[-2:]}
    assert told == {(key, "下级超期未办：6 件申请") for key in officers(world)}
    assert rise(world, due + 27 * HOUR) == 0

"""LIF-07, CLK-01: a round of limits with more rows than a page: all are told, once, in messages that can be read."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from app import clock
from app.models import Application, ClockMark, Delegation, Notification
from app.permissions import Role
from app.tasks import clocks, housekeeping
from app.transaction import transaction
from app.workflows.approval import escalation, limit_rounds, reminders
from app.workflows.filing import filing_effects
from tests.factories import World, make_account, make_policy
from tests.statements import statements
from tests.workflows.filing_world import decide
from tests.workflows.test_applications import suspend

pytestmark = pytest.mark.feature("LIF-07", "CLK-01")
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_rounds, "PAGE", 2)


def waiting(world: World, count: int, **fields: Any) -> list[Application]:
    """So many that wait with one limit, as a batch hands them in."""
    first = suspend(world)
    table = Application.__table__
    row = {c.name: getattr(first, c.name) for c in table.columns if c.name != "id" and c.computed is None}
    more = [
        row | {"number": f"TY-{n}", "entity_id": 10**6 + n, "title": f"第 {n} 件", "said": None} | fields
        for n in range(1, count)
    ]
    world.session.execute(insert(Application), more)
    world.session.commit()
    return list(world.session.scalars(select(Application).order_by(Application.id).execution_options(skip_scope=True)))


def remind(world: World, at: dt.datetime) -> int:
    with transaction(world.session):
        return reminders.remind(world.session, at)


def rise(world: World, at: dt.datetime) -> int:
    with transaction(world.session):
        return escalation.rise(world.session, at)[0]


def notices(world: World, topic: str) -> list[Notification]:
    world.session.expire_all()
    statement = select(Notification).where(Notification.topic == topic).order_by(Notification.id)
    return list(world.session.scalars(statement.execution_options(skip_scope=True)))


def marked(world: World, step: str) -> set[int]:
    names = world.session.scalars(select(ClockMark.name).where(ClockMark.name.startswith(f"{step}:", autoescape=True)))
    return {int(name.partition(":")[2]) for name in names}


def officers(world: World) -> set[int]:
    return {world.accounts[who].id for who in ("inspector", "region_admin")}


@pytest.mark.usefixtures("small_pages")
def test_every_limit_is_told_to_its_office_once_in_one_message(world: World) -> None:
    rows = waiting(world, 7)
    due, keys = rows[0].due_at, {row.id for row in rows}
    assert due is not None
    assert remind(world, due - HOUR) == 2
    told = notices(world, "due_near")
    assert {one.recipient_id for one in told} == officers(world) and marked(world, "due_near") == keys
    assert {(one.title, one.link) for one in told} == {("即将到期：7 件申请", "/applications/queue")}
    assert f"申请编号 {rows[0].number} 等 7 件" in str(told[0].body) and "最早一件的期限" in str(told[0].body)
    assert remind(world, due - HOUR) == 0 == remind(world, due - HOUR / 2)
    assert remind(world, due) == 2 and marked(world, "due_over") == keys
    assert {one.link for one in notices(world, "due_over")} == {"/applications/queue?tab=late"}
    with statements() as seen:
        assert remind(world, due + DAY) == 0
    assert len(seen) < 10, seen


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(("count", "messages"), [(3, 3), (4, 1)])
def test_few_are_told_by_their_names(world: World, count: int, messages: int) -> None:
    rows = waiting(world, count)
    assert rows[0].due_at is not None
    assert remind(world, rows[0].due_at) == 2 * messages
    titles = {one.title for one in notices(world, "due_over")}
    assert (len(titles) == count and "已超过期限：第 1 件" in titles) if messages > 1 else len(titles) == 1


@pytest.mark.usefixtures("small_pages")
def test_each_hears_of_his_own_only(world: World) -> None:
    """What an officer took on is his; of one that he endorsed, another hears."""
    rows = waiting(world, 8, batch=12)
    mine = world.accounts["inspector"].id
    for row in rows[1:6]:
        row.officer_id, row.state = mine, "accepted"
    rows[6].state, rows[6].officer_id, rows[6].endorsed_by_id = "endorsed", mine, mine
    world.session.commit()
    assert rows[0].due_at is not None
    remind(world, rows[0].due_at)
    told = Counter((one.recipient_id, one.title) for one in notices(world, "due_over"))
    assert told == Counter({
        (mine, "已超过期限：7 件申请"): 1,
        **{(world.accounts["region_admin"].id, f"已超过期限：{title}"): 1
           for title in (rows[0].heading, rows[6].heading, rows[7].heading)},
    })  # fmt: skip


def test_one_batch_leads_to_its_own_list(world: World) -> None:
    rows = waiting(world, 6, batch=12)
    rows[0].batch = 12
    world.session.commit()
    assert rows[0].due_at is not None
    remind(world, rows[0].due_at)
    assert {one.link for one in notices(world, "due_over")} == {"/applications/queue?batch=12"}


@pytest.mark.usefixtures("small_pages")
def test_whom_nobody_may_be_told_of_hinders_nobody_and_is_asked_for_again(world: World) -> None:
    rows = waiting(world, 7)
    officer = make_account(world.session, Role.INSPECTOR, region_code="980402000000")
    for row in rows[:4]:
        row.officer_id, row.state, row.elevator_id = officer.id, "accepted", world.own.id
    for row in rows[4:]:
        row.elevator_id = None
    world.own.is_secret = True
    world.session.commit()
    assert rows[0].due_at is not None
    assert remind(world, rows[0].due_at) == 6 + 3
    assert marked(world, "due_over") == {row.id for row in rows[4:]}
    world.own.is_secret = False
    world.session.commit()
    assert remind(world, rows[0].due_at + HOUR) == 1 and marked(world, "due_over") == {row.id for row in rows}
    assert [one.title for one in notices(world, "due_over") if one.recipient_id == officer.id][-1].endswith("4 件申请")


@pytest.mark.usefixtures("small_pages")
def test_a_limit_that_moved_is_told_again_and_the_others_are_not(world: World) -> None:
    rows = waiting(world, 5)
    due = rows[0].due_at
    assert due is not None
    remind(world, due)
    rows[3].due_at = due + DAY
    world.session.commit()
    assert remind(world, due + HOUR) == 2, "one that is near"
    assert remind(world, due + DAY) == 2 and remind(world, due + 2 * DAY) == 0
    assert notices(world, "due_over")[-1].title == f"已超过期限：{rows[3].heading}"


@pytest.mark.usefixtures("small_pages")
def test_all_that_is_over_rises_to_the_office_above_once(world: World) -> None:
    city = make_account(world.session, Role.REGION_ADMIN, region_code="980400000000")
    rows = waiting(world, 7)
    due, keys = rows[0].due_at, {row.id for row in rows}
    assert due is not None
    assert rise(world, due + 23 * HOUR) == 0
    assert rise(world, due + 24 * HOUR) == 1 and marked(world, "escalate1") == keys
    (one,) = notices(world, "escalation")
    assert (one.recipient_id, one.title) == (city.id, "下级超期未办：7 件申请")
    assert one.link == "/applications/queue?tab=late"
    assert "已报您督办" in str(one.body)
    for hours in (25, 30):
        with statements() as seen:
            assert rise(world, due + hours * HOUR) == 0
        assert not any("INSERT" in s for s in seen) and sum("application.due_at" in s for s in seen) == 4, seen
    # The second step goes to the administrators; there is no third office, and nobody is asked for it again and again.
    assert rise(world, due + 48 * HOUR) == 1 and rise(world, due + 96 * HOUR) == 0
    assert marked(world, "escalate4") == keys
    told = {name.partition(":")[0] for name in world.session.scalars(select(ClockMark.name)) if ":" in name}
    assert told <= set(limit_rounds.STEPS)
    assert notices(world, "escalation")[-1].recipient_id == world.accounts["platform_admin"].id


@pytest.mark.usefixtures("small_pages")
def test_offices_are_looked_for_once_a_region(world: World) -> None:
    make_account(world.session, Role.REGION_ADMIN, region_code="980400000000")
    rows = waiting(world, 9)
    assert rows[0].due_at is not None
    rise(world, rows[0].due_at + 23 * HOUR)
    with statements() as seen:
        assert rise(world, rows[0].due_at + 24 * HOUR) == 1
    assert sum("ab_user" in s and "region_code" in s for s in seen) < 9, "the chain of one region"


@pytest.mark.usefixtures("small_pages")
def test_regions_with_hours_of_their_own_are_told_by_them(world: World) -> None:
    make_account(world.session, Role.REGION_ADMIN, region_code="980400000000")
    rows = waiting(world, 6)
    for row in rows[:3]:
        row.region_code = "980403000000"
    make_policy(world.session, "yellow_hours", 48, region_code="980403000000")
    make_policy(world.session, "escalate_hours", 4, region_code="980403000000")
    world.session.commit()
    due = rows[0].due_at
    assert due is not None
    remind(world, due - 30 * HOUR)
    assert marked(world, "due_near") == {row.id for row in rows[:3]}
    remind(world, due - 20 * HOUR)
    assert marked(world, "due_near") == {row.id for row in rows}
    rise(world, due + 5 * HOUR)
    assert marked(world, "escalate1") == {row.id for row in rows[:3]}
    decide(world.session, world.actor("inspector"), rows[5], "return", "请补材料")
    rise(world, due + 25 * HOUR)
    assert marked(world, "escalate1") == {row.id for row in rows[:5]}, "what is with its unit is not late"


def test_what_waited_longest_rises_too(app: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours set for the first time, or a round that had left it out: however old, it rises, in parts and once."""
    city = make_account(world.session, Role.REGION_ADMIN, region_code="980400000000")
    rows = waiting(world, 9)
    due, keys = rows[0].due_at, {row.id for row in rows}
    assert due is not None
    world.session.add(ClockMark(name=escalation.ROUND, at=due + 40 * DAY - HOUR / 6))
    world.session.commit()
    monkeypatch.setattr(escalation, "AT_ONCE", 5)
    parts: list[tuple[int, int]] = []
    part = escalation.rise
    monkeypatch.setattr(escalation, "rise", lambda *more: parts.append(part(*more)) or parts[-1])
    with app.app_context(), clock.frozen(due + 40 * DAY):
        assert clocks.tell()["escalated"] == sum(new for new, _taken in parts) > 0
    assert [taken for _new, taken in parts] == [5] * 7 + [1], "four steps of nine limits"
    assert all(marked(world, f"escalate{level}") == keys for level in range(1, 5))
    heard = [one.title for one in notices(world, "escalation") if one.recipient_id == city.id]
    assert heard == ["下级超期未办：5 件申请", "下级超期未办：4 件申请"]
    with app.app_context(), clock.frozen(due + 40 * DAY + HOUR), statements() as seen:
        assert clocks.tell()["escalated"] == 0
    assert sum("application.due_at" in s for s in seen if "clock_mark" in s) == 4, seen


@pytest.mark.parametrize("page", [2, 500])
def test_marks_go_with_their_application(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(limit_rounds, "PAGE", page)
    rows = waiting(world, 12)
    assert rows[0].due_at is not None
    remind(world, rows[0].due_at - HOUR)
    remind(world, rows[0].due_at)
    rise(world, rows[0].due_at + 30 * DAY)
    others = {"clocks", "fraud:all", "iot:1", f"due_overs:{rows[0].id}"}
    world.session.add_all([ClockMark(name=name, at=rows[0].due_at) for name in others])
    decide(world.session, world.actor("inspector"), rows[0], "return", "请补材料")
    world.session.execute(update(Application).where(Application.id.in_([r.id for r in rows[5:]])).values(is_open=False))
    world.session.commit()
    with app.app_context():
        assert housekeeping.sweep()["marks"] == 7 * 6
        assert housekeeping.sweep()["marks"] == 0
    world.session.rollback()
    assert all(marked(world, step) == {row.id for row in rows[:5]} for step in limit_rounds.STEPS)
    assert others <= set(world.session.scalars(select(ClockMark.name)))


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

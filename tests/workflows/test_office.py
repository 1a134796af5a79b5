"""Two persons, standing in, talking and watching, reminders (LIF-07)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import scope
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import (
    Application,
    ApplicationStep,
    Comment,
    Delegation,
    Elevator,
    MaintenanceOrder,
    Notification,
    Region,
)
from app.permissions import Role
from app.rules.approval import needs_second
from app.transaction import transaction
from app.workflows.approval import delegations, reminders, seconds, watching
from app.workflows.desk import applications
from app.workflows.filing import filing
from tests import factories
from tests.factories import World
from tests.workflows.clock_world import add_visit
from tests.workflows.filing_world import AT, TODAY, decide, elevator_data, save, submit
from tests.workflows.test_applications import suspend, together

pytestmark = pytest.mark.feature("LIF-07")
DAY = dt.timedelta(days=1)


def two_persons(session: Any, which: str = "all") -> None:
    factories.make_policy(session, "second_approval", which)
    session.commit()


def notices(session: Any, topic: str) -> set[int]:
    return set(session.scalars(select(Notification.recipient_id).where(Notification.topic == topic)))


# --- two persons


@pytest.mark.parametrize(
    ("policy", "kinds"),
    [
        ("none", set()), ("scrapping", {"scrapping"}),
        ("lasting", {"scrapping", "unit_change", "registration_change"}),
        ("all", {"scrapping", "unit_change", "registration_change", "suspension", "unit_filing"}),
    ],
)
def test_which_kinds_need_two(policy: str, kinds: set[str]) -> None:
    every = ("scrapping", "unit_change", "registration_change", "suspension", "unit_filing")
    assert {kind for kind in every if needs_second(policy, kind)} == kinds


def test_the_second_person_decides_and_never_the_first_again(session: Any, world: World) -> None:
    two_persons(session)
    application = suspend(world)
    first, second = world.actor("inspector"), world.actor("region_admin")
    decide(session, first, application, "approve", "属实")
    assert (application.state, world.own.status, application.decided_at) == ("endorsed", "in_use", None)
    assert application.endorsed_by_id == first.user_id
    assert applications.next_waiting(session, first) is None
    assert applications.next_waiting(session, second) is application
    with pytest.raises(NotAllowed, match="两级审批须由两人"):
        decide(session, first, application, "approve")
    decide(session, second, application, "approve")
    assert (application.state, world.own.status) == ("approved", "suspended")
    steps = [s.verb for s in applications.steps(session, application)]
    assert steps == ["submit", "accept", "endorse", "approve"]


def test_no_second_from_an_account_that_the_first_made(session: Any, world: World) -> None:
    """Hostile: a puppet approver, also one made by a puppet."""
    two_persons(session)
    first = world.accounts["region_admin"]
    puppet = factories.make_account(session, Role.INSPECTOR, region_code="980402000000", parent_user_id=first.id)
    deeper = factories.make_account(session, Role.INSPECTOR, region_code="980402000000", parent_user_id=puppet.id)
    session.commit()
    application = suspend(world)
    decide(session, factories.actor(first), application, "approve")
    for account in (puppet, deeper):
        with pytest.raises(NotAllowed, match="一个由另一个建立"):
            decide(session, factories.actor(account), application, "approve")
        assert application.state == "endorsed"
    # Turning it down needs no second person.
    decide(session, factories.actor(puppet), application, "reject", "材料不实")
    assert application.state == "rejected"


def test_what_comes_back_is_endorsed_anew(session: Any, world: World) -> None:
    two_persons(session, "all")
    application = suspend(world)
    decide(session, world.actor("inspector"), application, "approve")
    decide(session, world.actor("region_admin"), application, "return", "请补充说明")
    assert application.endorsed_by_id is None
    actor = world.actor("use_head")
    with scope.acting(actor), transaction(session):
        applications.resubmit(
            session, actor, application.id, effective_on=TODAY, reason="已补充", attachments=[], at=AT
        )
    decide(session, world.actor("region_admin"), application, "approve")
    assert application.state == "endorsed"
    decide(session, world.actor("inspector"), application, "approve")
    assert application.state == "approved"


def test_a_filing_needs_two_as_well(session: Any, world: World) -> None:
    two_persons(session, "all")
    row = save(session, world.actor("maintenance_head"), Elevator, None, elevator_data(world))
    application = submit(session, world.actor("maintenance_head"), row)
    decide(session, world.actor("inspector"), application, "approve")
    assert (row.approved_version, row.filing_state) == (0, "pending")
    with scope.acting(world.actor("maintenance_head")), transaction(session):
        filing.withdraw(session, world.actor("maintenance_head"), row, AT)
    assert (row.filing_state, application.state) == ("draft", "withdrawn")
    again = submit(session, world.actor("maintenance_head"), row)
    for persona in ("inspector", "region_admin"):
        decide(session, world.actor(persona), again, "approve")
    assert row.approved_version == 2


def test_two_endorse_at_once_and_one_is_told(session: Any, database: Any, world: World) -> None:
    two_persons(session)
    application = suspend(world)
    key, seen = application.id, application.row_version
    officers = [world.actor("inspector"), world.actor("region_admin")]
    session.rollback()
    results = together(
        database, 2,
        lambda own, i: applications.decide(own, officers[i], key, "approve", "", seen, AT).state,
    )  # fmt: skip
    assert results.count("endorsed") == 1 and sum(isinstance(r, Stale) for r in results) == 1
    session.expire_all()
    assert (application.state, world.own.status) == ("endorsed", "in_use")


# --- standing in


def stand_in(session: Session, world: World, **fields: Any) -> Delegation:
    actor = world.actor("inspector")
    asked = {"to_id": world.accounts["region_admin"].id, "from_on": TODAY, "to_on": TODAY + 2 * DAY} | fields
    with scope.acting(actor), transaction(session):
        return delegations.name(session, actor, asked["to_id"], asked["from_on"], asked["to_on"], "开会", AT)


def test_who_stands_in_and_for_how_long(session: Any, world: World) -> None:
    for fields, words in (
        ({"to_id": world.accounts["other_inspector"].id}, "不是本部门"),
        ({"to_id": world.accounts["inspector"].id}, "其他人员"),
        ({"to_id": world.accounts["clerk"].id}, "不是本部门"), ({"to_on": None}, "没有填写起止日期"),
        ({"from_on": TODAY - DAY}, "须从今天或以后开始"), ({"to_on": TODAY + 92 * DAY}, "最长 92 天"),
    ):  # fmt: skip
        with pytest.raises(Refusal, match=words):
            stand_in(session, world, **fields)
    row = stand_in(session, world)
    with pytest.raises(Refusal, match="已委托他人"):
        stand_in(session, world, from_on=TODAY + 2 * DAY, to_on=TODAY + 5 * DAY)
    taker, giver = world.actor("region_admin"), world.actor("inspector")
    days = [delegations.stood_in_for(session, taker, TODAY + n * DAY) for n in (-1, 0, 2, 3)]
    assert days == [set(), {giver.user_id}, {giver.user_id}, set()]
    assert notices(session, "delegation") == {taker.user_id}
    with scope.acting(taker), transaction(session):
        delegations.end(session, taker, row.id, AT)
    assert delegations.stood_in_for(session, taker, TODAY) == set()


def test_the_step_says_for_whom(session: Any, world: World) -> None:
    application = suspend(world)
    giver, taker = world.actor("inspector"), world.actor("region_admin")
    decide(session, giver, application, "accept")
    stand_in(session, world)
    decide(session, taker, application, "approve")
    step = session.scalars(select(ApplicationStep).order_by(ApplicationStep.id.desc())).first()
    assert (step.verb, step.actor_id, step.on_behalf_of_id) == ("approve", taker.user_id, giver.user_id)


def test_standing_in_makes_no_second_person_of_the_first(session: Any, world: World) -> None:
    """Endorsed for the one who is away, it is not his to approve."""
    two_persons(session)
    application = suspend(world)
    decide(session, world.actor("inspector"), application, "accept")
    stand_in(session, world)
    decide(session, world.actor("region_admin"), application, "approve")
    assert application.state == "endorsed"
    for persona in ("inspector", "region_admin"):
        with pytest.raises(NotAllowed, match="两级审批须由两人"):
            decide(session, world.actor(persona), application, "approve")


# --- talking and watching


def say(session: Session, actor: Any, entity: str, key: int, body: str, **more: Any) -> Comment:
    with scope.acting(actor), transaction(session):
        return watching.comment(session, actor, entity, key, body, AT, **more)


def follow(session: Session, actor: Any, entity: str, key: int) -> None:
    with scope.acting(actor), transaction(session):
        watching.watch(session, actor, entity, key, AT)


def test_remarks_are_read_by_whoever_reads_the_record(session: Any, world: World) -> None:
    application = suspend(world)
    officer, unit, other = world.actor("inspector"), world.actor("use_head"), world.actor("other_head")
    say(session, officer, "application", application.id, "请补楼宇公告")
    say(session, officer, "application", application.id, "先去现场看看", internal=True)
    assert [c.body for c in watching.comments(session, unit, "application", application.id)] == ["请补楼宇公告"]
    assert len(watching.comments(session, officer, "application", application.id)) == 2
    assert watching.comments(session, other, "application", application.id) == []
    with pytest.raises(NotFound):
        say(session, other, "application", application.id, "不该看到")
    with pytest.raises(NotAllowed, match="单位不能留内部留言"):
        say(session, unit, "application", application.id, "内部", internal=True)
    for body in ("  ", "长" * 1001):
        with pytest.raises(Refusal, match="1 至 1000 个字"):
            say(session, unit, "application", application.id, body)
    with pytest.raises(NotFound, match="没有“score”这种记录"):
        say(session, unit, "score", 1, "在吗")


@pytest.mark.parametrize(("entity", "words"), [
    ("elevator", ""), ("unit", ""), ("contract", ""), ("person", ""), ("visit", "维保记录"),
    ("maintenance_order", "维保任务"),
])  # fmt: skip
def test_any_record_is_talked_about_and_watched_by_whoever_sees_it(
    session: Any, world: World, sign_in: Any, entity: str, words: str
) -> None:
    visit = add_visit(session, world.own, world.worker, TODAY)
    order = MaintenanceOrder(
        elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, worker_id=world.worker.id,
        planned_on=TODAY, level="half_month",
    )  # fmt: skip
    session.add(order)
    session.commit()
    rows = {
        "elevator": world.own, "unit": world.firm, "contract": world.contract, "person": world.worker, "visit": visit,
        "maintenance_order": order,
    }  # fmt: skip
    key, clerk, officer = rows[entity].id, world.actor("clerk"), world.actor("inspector")
    follow(session, officer, entity, key)
    say(session, clerk, entity, key, "请核对")
    told = session.scalars(select(Notification).where(Notification.recipient_id == officer.user_id)).all()
    assert [(n.link, words in n.title) for n in told] == [(f"{watching.RECORDS[entity][3]}{key}", True)]
    with pytest.raises(NotFound):
        say(session, world.actor("other_head"), entity, key, "不该看到")
    page = sign_in(world.accounts["clerk"]).get(f"{watching.RECORDS[entity][3]}{key}").text
    assert "请核对" in page and f"/talk/{entity}/{key}/watch" in page


def test_watchers_are_told_of_steps_and_remarks_while_they_may_see_it(session: Any, world: World) -> None:
    clerk, officer = world.actor("clerk"), world.actor("inspector")
    follow(session, clerk, "elevator", world.own.id)
    follow(session, clerk, "elevator", world.own.id)
    follow(session, officer, "elevator", world.own.id)
    application = suspend(world)
    assert notices(session, "watch") == {clerk.user_id, officer.user_id}
    before = len(session.scalars(select(Notification).where(Notification.topic == "watch")).all())
    world.own.maintenance_unit_id = world.other_firm.id
    session.commit()
    decide(session, officer, application, "approve")
    after = session.scalars(select(Notification).where(Notification.topic == "watch")).all()
    assert len(after) == before, "not to whoever did it, nor to a unit that sees it no longer"
    with scope.acting(clerk), transaction(session):
        watching.unwatch(session, clerk, "elevator", world.own.id)
    assert not watching.watches(session, clerk, "elevator", world.own.id)


# --- reminders


def test_yellow_and_red_come_once_each_and_to_the_right_desk(session: Any, world: World) -> None:
    application = suspend(world)
    due = application.due_at
    assert due is not None

    def look(at: dt.datetime) -> int:
        with transaction(session):
            return reminders.remind(session, at)

    officers = {world.accounts[p].id for p in ("inspector", "region_admin")}
    assert look(due - dt.timedelta(hours=25)) == 0
    assert look(due - dt.timedelta(hours=24)) == 2 and look(due - dt.timedelta(hours=1)) == 0
    assert notices(session, "due_near") == officers
    decide(session, world.actor("inspector"), application, "accept")
    assert look(due) == 1 and look(due + DAY) == 0
    assert notices(session, "due_over") == {world.accounts["inspector"].id}
    decide(session, world.actor("inspector"), application, "approve")
    assert look(due + 2 * DAY) == 0


def test_a_limit_that_moved_is_a_new_limit(session: Any, world: World) -> None:
    application = suspend(world)
    with transaction(session):
        assert reminders.remind(session, application.due_at) == 2
    application.due_at += 3 * DAY
    session.commit()
    with transaction(session):
        assert reminders.remind(session, application.due_at) == 2


def test_fifty_parallel_changes_of_unit_make_one(session: Any, database: Any, world: World) -> None:
    from app.workflows.handover import unit_changes
    from tests.workflows.filing_world import attachment

    head = world.actor("maintenance_head")
    papers = [attachment(session, head).id for _ in range(50)]
    code, taker = world.own.code, world.other_firm.id
    session.rollback()

    def deed(own: Session, index: int) -> str:
        wanted = unit_changes.Wanted(code, taker, None, TODAY, TODAY, "合同到期", [papers[index]])
        return unit_changes.apply(own, head, wanted, AT).number

    results = together(database, 50, deed)
    assert sum(isinstance(r, str) for r in results) == 1 and sum(isinstance(r, Refusal) for r in results) == 49
    assert len(session.scalars(select(Application)).all()) == 1


# --- a filing that moves an elevator


def moving(session: Any, world: World) -> tuple[Any, Any]:
    head, row = world.actor("maintenance_head"), session.get(Elevator, world.own.id)
    there = session.scalar(select(Region).where(Region.code == "980403000000"))
    row = save(session, head, Elevator, row, {"region_id": there.id})
    return row, submit(session, head, row)


@pytest.mark.parametrize("place", ["980402000000", "980403000000", "980400000000", "980402001000"])
def test_a_move_takes_two_where_either_end_or_the_office_asks_for_two(
    session: Any, world: World, place: str
) -> None:
    _row, application = moving(session, world)
    assert application.region_code == "980400000000"
    assert not seconds.asked_for(session, application, AT)
    factories.make_policy(session, "second_approval", "all", region_code=place)
    if place == "980400000000":
        # What an end says of itself does not make the office's own rule weaker.
        for end in ("980402000000", "980403000000"):
            factories.make_policy(session, "second_approval", "none", region_code=end)
    session.commit()
    assert seconds.asked_for(session, application, AT) is (place != "980402001000")


def test_both_ends_are_told_of_a_move_but_led_to_no_page_that_they_may_not_open(
    session: Any, world: World, sign_in: Any
) -> None:
    row, application = moving(session, world)
    city = factories.make_account(session, Role.INSPECTOR, region_code="980400000000")
    session.commit()
    address = f"/applications/{application.id}"

    def opens(account: Any, page: str) -> bool:
        client = sign_in(account)
        text = client.get(f"/elevators/{row.id}{page}").text
        assert page or f"{application.number}" in text, "he is told of it"
        assert (client.get(address).status_code == 200) is (account is not world.accounts["inspector"])
        return f'href="{address}"' in text

    assert "正在审核" in sign_in(world.accounts["inspector"]).get(f"/elevators/{row.id}").text
    seen = [opens(account, "") for account in (world.accounts["inspector"], city, world.accounts["maintenance_head"])]
    assert seen == [False, True, True]
    # Also in what is told of it afterwards.
    decide(session, factories.actor(city), application, "reject", "请核对地址")
    assert [opens(account, "/history") for account in (world.accounts["inspector"], city)] == [False, True]

"""LIF-07, CLK-01: a round of limits with more rows than a page: all are told, once, in messages that can be read."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select, update

from app import clock
from app.models import Application, ClockMark
from app.permissions import Role
from app.tasks import clocks, housekeeping
from app.workflows.approval import escalation, limit_rounds
from tests.factories import World, make_account, make_policy
from tests.statements import statements
from tests.workflows.filing_world import decide
from tests.workflows.limit_world import DAY, HOUR, marked, notices, officers, remind, rise, waiting

pytestmark = pytest.mark.feature("LIF-07", "CLK-01")


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
    world.accounts["region_admin"].active = False
    world.session.commit()
    assert rows[0].due_at is not None
    assert remind(world, rows[0].due_at) == 2 * 3
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

"""按需维保: a longer interval with an end, in clock, orders and score; then back by itself (PLN-11)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import scope
from app.errors import Refusal
from app.models import Application, MaintenanceLedger, OnDemandInterval
from app.rules.schedule import OnDemand, period_days
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.scores.score_facts import Facts
from app.workflows.scores.score_frame import Frame
from tests import factories
from tests.factories import World
from tests.workflows.clock_world import clock_of, limits, open_orders, visit
from tests.workflows.clock_world import run as nightly
from tests.workflows.filing_world import AT, TODAY, attachment, decide

pytestmark = pytest.mark.feature("PLN-11")
DAY = dt.timedelta(days=1)
START = dt.date(2026, 3, 1)


def ask(world: World, until: dt.date | None, days: int | None = 30, at: dt.datetime = AT, **more: Any) -> Application:
    actor = world.actor(more.pop("persona", "maintenance_head"))
    paper = attachment(world.session, actor)
    asked = {
        "effective_on": TODAY, "reason": "低使用率，远程监测正常", "attachments": [paper.id],
        "data": {"interval_days": days, "until_on": until.isoformat() if until else None},
    } | more  # fmt: skip
    with scope.acting(actor), transaction(world.session):
        return applications.apply(world.session, actor, "on_demand", world.own, at=at, **asked)


def approved(world: World, until: dt.date, days: int = 30, at: dt.datetime = AT, **more: Any) -> Application:
    application = ask(world, until, days, at, **more)
    decide(world.session, world.actor("inspector"), application, "approve", at=at)
    return application


@pytest.mark.parametrize(
    ("anchor", "days"),
    [
        (START - 16 * DAY, 15),  # over before the span begins
        (START - 15 * DAY, 30),  # the span begins on the limit's own day
        (START, 30), (START + 10 * DAY, 30),
        (START + 40 * DAY, 35 - 15 + 10),  # 20 days before the end: 20 + 15 = 35, the interval is shorter
        (START + 50 * DAY, 25),  # 10 days before the end and the usual 15 after it
        (START + 60 * DAY, 15), (START + 61 * DAY, 15),
    ],
)  # fmt: skip
def test_how_long_a_period_lasts(anchor: dt.date, days: int) -> None:
    assert period_days(anchor, 15, [OnDemand(START, START + 60 * DAY, 30)]) == days


def test_the_conditions(session: Any, world: World) -> None:
    until = TODAY + 90 * DAY
    for fields, words in (
        ({"days": 15}, "请填写 16 至 30 天"), ({"days": 31}, "请填写 16 至 30 天"),
        ({"days": None}, "没有填写维保间隔"),
        ({"until": None}, "没有填写截止日期"), ({"until": TODAY}, "须晚于生效日期"),
        ({"until": TODAY + 400 * DAY}, "不超过一年"), ({"reason": ""}, "没有填写原因"),
        ({"persona": "use_head"}, "须由这台电梯的维保单位申请"), ({"attachments": []}, "请上传按需维保方案"),
    ):  # fmt: skip
        with pytest.raises(Refusal, match=words):
            ask(world, **({"until": until} | fields))
    approved(world, until)
    with pytest.raises(Refusal, match="已批准按需维保"):
        ask(world, until)
    factories.make_policy(session, "on_demand_max_days", None)
    session.commit()
    with pytest.raises(Refusal, match="本地区不允许按需维保"):
        ask(world, until)


def test_clock_and_orders_follow_and_return_by_themselves(session: Any, world: World) -> None:
    factories.make_ledger(session, world.own, world.worker)
    session.commit()
    visit(session, world.own, world.worker, TODAY - 5 * DAY)
    assert clock_of(session, world.own).limit_on == TODAY + 10 * DAY
    approved(world, TODAY + 40 * DAY)
    row = clock_of(session, world.own)
    assert (row.limit_on, row.limit_days) == (TODAY + 25 * DAY, 30)
    ledger = session.scalars(select(MaintenanceLedger)).one()
    assert ledger.next_half_month_on == TODAY + 25 * DAY
    nightly(session, TODAY + 20 * DAY)
    assert [o.planned_on for o in open_orders(session, world.own)] == [TODAY + 25 * DAY]
    assert limits(session, world.own) == []
    visit(session, world.own, world.worker, TODAY + 25 * DAY)
    # Fifteen days before the end, and the usual fifteen after it.
    assert clock_of(session, world.own).limit_on == TODAY + 55 * DAY
    visit(session, world.own, world.worker, TODAY + 38 * DAY)
    assert clock_of(session, world.own).limit_on == TODAY + 55 * DAY
    nightly(session, TODAY + 41 * DAY)
    assert clock_of(session, world.own).limit_days == 15
    visit(session, world.own, world.worker, TODAY + 50 * DAY)
    assert clock_of(session, world.own).limit_on == TODAY + 65 * DAY
    assert session.scalars(select(OnDemandInterval)).one().returned_at is not None


def test_a_missed_longer_period_is_missed_once(session: Any, world: World) -> None:
    session.commit()
    visit(session, world.own, world.worker, TODAY)
    approved(world, TODAY + 90 * DAY)
    nightly(session, TODAY + 31 * DAY)
    assert limits(session, world.own) == [TODAY + 30 * DAY]
    # A late record is told again with the same length.
    visit(session, world.own, world.worker, TODAY + 20 * DAY, TODAY + 32 * DAY)
    assert limits(session, world.own) == [] and clock_of(session, world.own).limit_on == TODAY + 50 * DAY


def test_a_stopped_clock_keeps_the_longer_rest(session: Any, world: World) -> None:
    factories.make_clock(
        session, world.own, TODAY - 5 * DAY, limit_on=None, paused_on=TODAY - DAY, limit_left_days=11, plan_left_days=11
    )
    session.commit()
    approved(world, TODAY + 90 * DAY)
    assert clock_of(session, world.own).limit_left_days == 26


@pytest.mark.feature("SCO-01")
def test_the_score_counts_the_span_with_its_own_interval(session: Any, world: World) -> None:
    first, last = TODAY, TODAY + 59 * DAY
    visit(session, world.own, world.worker, first)
    approved(world, TODAY + 29 * DAY)
    as_of = AT + 80 * DAY
    frame = Frame("980402000000", first, last, as_of, False)
    pair = Facts(session, frame).pairs(world.firm.id, world.firm.id)[world.firm.id][0]
    # 59 days: 30 at 30 days are one, 29 at 15 are 1.93.
    assert [(s.days, s.interval_days) for s in pair.on_demand] == [(30, 30)] and pair.due == 2
    before = Frame("980402000000", first, last, AT - DAY, False)
    assert Facts(session, before).pairs(world.firm.id, world.firm.id)[world.firm.id][0].on_demand == ()


def test_a_change_of_unit_ends_it(session: Any, world: World) -> None:
    from app.workflows.maintenance import clocks

    visit(session, world.own, world.worker, TODAY - DAY)
    approved(world, TODAY + 90 * DAY)
    assert clock_of(session, world.own).limit_on == TODAY + 29 * DAY
    on = TODAY + 5 * DAY
    with transaction(session):
        clocks.unit_changed(session, world.own.id, world.other_firm.id, on, AT + 5 * DAY)
    span = session.scalars(select(OnDemandInterval)).one()
    assert span.closed_on == on - DAY and span.returned_at is not None
    row = clock_of(session, world.own)
    assert (row.limit_on, row.limit_days) == (on - DAY + 15 * DAY, 15)

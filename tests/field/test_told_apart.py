"""MNT-12, RES-06: several lifts at one address are told apart on the phone, before one works on the wrong one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app import clock
from app.transaction import transaction
from app.workflows.on_site.presence import Position
from app.workflows.rescue import rescues
from app.workflows.visits import visits
from tests.factories import World, make_clock, make_ledger, make_policy
from tests.pages import flat
from tests.workflows.clock_world import run

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
pytestmark = pytest.mark.feature("MNT-12", "RES-06")


@pytest.fixture
def phone(session: Any, world: World, sign_in: Any) -> Any:
    make_policy(session, "preset", "huzhou")
    make_ledger(session, world.own, world.worker, next_half_month_on=dt.date(2026, 3, 2))
    make_clock(session, world.own, dt.date(2026, 2, 15))
    world.own.internal_no, world.own.factory_no = "3号梯", "CC-90210"
    world.own.registration_code = "31103304002010050087"
    session.commit()
    run(session, dt.date(2026, 3, 2))
    session.commit()
    with clock.frozen(START):
        client = sign_in(world.accounts["worker"])
    session.rollback()
    return client


def test_task_gate_visit_and_home_say_which_lift_it_is(session: Any, world: World, phone: Any) -> None:
    code = world.own.code
    with clock.frozen(START):
        assert "内部编号 3号梯" in phone.get("/m/").text
        gate = flat(phone.get(f"/m/e/{code}").text)
        assert all(one in gate for one in ("3号梯", "CC-90210", "31103304002010050087", world.firm.name))
        session.rollback()
        with transaction(session):
            number = visits.check_in(session, world.actor("worker"), code, Position(30.5, 120.5), START).id
        session.rollback()
        assert "内部编号 3号梯" in phone.get(f"/m/visits/{number}").text
        assert "内部编号 3号梯" in phone.get("/m/").text.partition("正在维保")[2].partition("</a>")[0]


def test_without_a_number_of_its_own_the_factorys_is_told(session: Any, world: World, phone: Any) -> None:
    world.own.internal_no = None
    session.commit()
    with clock.frozen(START):
        assert "出厂编号 CC-90210" in phone.get("/m/").text
        world.own.factory_no = world.own.registration_code = None
        session.commit()
        page = phone.get("/m/").text
        assert world.own.code in page and "出厂编号" not in page and "None" not in page


def test_a_rescue_says_which_shaft_somebody_sits_in(session: Any, world: World, phone: Any) -> None:
    with clock.frozen(START):
        with transaction(session):
            key = rescues.report(session, None, world.own, source="page", at=START).id
        session.rollback()
        assert "内部编号 3号梯" in phone.get("/m/rescues").text
        page = flat(phone.get(f"/m/rescues/{key}").text)
        assert all(one in page for one in ("3号梯", "CC-90210", "31103304002010050087", world.firm.name))

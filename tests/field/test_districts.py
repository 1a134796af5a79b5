"""A firm whose elevators stand in districts of other policies: night, phone, desk and API go by the elevator's own."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, scope
from app.field import lists
from app.listing import moment
from app.listings import standing
from app.listings.commitments import COMMITMENTS
from app.models import Commitment, MaintenanceClock, MaintenanceOrder
from app.workflows.maintenance.orders import horizons, within_horizon
from tests.api.callers import Caller
from tests.factories import World, make_clock, make_contract, make_elevator, make_ledger, make_policy
from tests.pages import flat, page
from tests.workflows.clock_world import run

OWN, OTHER = "980402000000", "980403000000"
START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)  # 09:00 in Shanghai
TODAY, LATER = dt.date(2026, 3, 2), dt.date(2026, 3, 10)


class Districts:
    """At the firm's place little is near; in the other district eight days are within the horizon and near."""

    def __init__(self, session: Any, world: World) -> None:
        for region, horizon, near in ((OWN, 3, 3), (OTHER, 12, 10)):
            make_policy(session, "horizon_days", horizon, region)
            make_policy(session, "near_maintenance_days", near, region)
            make_policy(session, "near_contract_days", near, region)
        self.here = world.own
        self.there = make_elevator(
            session, maintenance_unit=world.firm, use_unit=world.use_unit, region_code=OTHER
        )
        make_contract(session, world.firm, [self.there])
        for lift in (self.here, self.there):
            make_clock(session, lift, LATER - dt.timedelta(days=15))
            make_ledger(session, lift, world.worker, next_half_month_on=LATER)
        session.add(
            MaintenanceOrder(
                elevator_id=self.here.id, unit_id=world.firm.id, region_code=OWN, worker_id=world.worker.id,
                planned_on=LATER, level="half_month", origin="manual",
            )
        )  # fmt: skip
        session.commit()


@pytest.fixture
def districts(session: Any, world: World) -> Districts:
    made = Districts(session, world)
    run(session, TODAY)
    session.rollback()
    return made


@pytest.mark.feature("PLN-06", "MNT-12", "MNT-05")
def test_what_is_to_do_goes_by_the_elevators_district_everywhere(
    app: Any, session: Any, world: World, districts: Districts, sign_in: Any
) -> None:
    here, there = districts.here.code, districts.there.code
    made = session.scalars(select(MaintenanceOrder.elevator_id).where(MaintenanceOrder.origin == "auto")).all()
    assert made == [districts.there.id], "as the night makes them"
    session.rollback()
    with clock.frozen(START):
        worker = sign_in(world.accounts["worker"])
        text = page(worker, "/m/orders")
        assert f"/m/e/{there}" in text and f"/m/e/{here}" not in text
        home = flat(page(worker, "/m/"))
        assert f"/m/e/{there}" in home and f"/m/e/{here}" not in home
        copy = worker.get("/api/v1/visits/offline", query_string={"phone_at": START.isoformat()}).json
        assert [t["code"] for t in copy["tasks"]] == [there]
        # Of several districts at once: none has tasks within the least, all tasks are within the most.
        assert copy["horizon_days"] == 12 and horizons(session, OWN, TODAY) == (3, 12)
        assert horizons(session, "110101000000", TODAY) == horizons(session, None, TODAY) == (5, 5)
        session.rollback()
        desk = page(worker, "/orders/")
        assert there in desk and here not in desk
        assert re.search(r"我的维保任务\D*1\D", re.sub("<[^>]*>", " ", page(worker, "/?desk=1")))
        assert [one["code"] for one in Caller(app, world, "worker").get("/orders").json["rows"]] == [there]
        clerk = sign_in(world.accounts["clerk"])
        for kind, found in (("soon", [there]), ("all", [here, there])):
            text = page(clerk, f"/m/plan?kind={kind}")
            assert [one for one in (here, there) if one in text] == found, kind


@pytest.mark.feature("MNT-12", "WRN-01")
def test_near_is_the_same_on_phone_and_desk(session: Any, world: World, districts: Districts, app: Any) -> None:
    # A task of today in either district: both are on the phone.
    for row in session.scalars(select(MaintenanceOrder)):
        row.planned_on = TODAY
    session.commit()
    for limit, near in ((LATER, [districts.there]), (TODAY + dt.timedelta(days=3), [districts.here, districts.there])):
        for row in session.scalars(select(MaintenanceClock)):
            row.limit_on = limit
        session.commit()
        ids = {lift.id for lift in near}
        with clock.frozen(START), app.app_context(), scope.acting(world.actor("worker")):
            actor = world.actor("worker")
            desk = select(MaintenanceClock.elevator_id).where(standing.maintenance_near(moment(session, actor)))
            assert set(session.scalars(desk)) == ids
            tasks = lists.orders(session, actor, START)
            assert {t.order.elevator_id for t in tasks if t.near} == ids and len(tasks) == 2
            assert {t.order.elevator_id for t in lists.orders(session, actor, START, "near")} == ids
            counts = lists.counts(session, actor, START)
            assert {k: counts[k] for k in ("today", "over", "near", "all")} == {
                "today": 2, "over": 0, "near": len(ids), "all": 2
            }  # fmt: skip
        session.rollback()


@pytest.mark.feature("MNT-12")
def test_numbers_count_what_a_page_does_not_show(
    session: Any, world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST", 2)
    for n in range(5):
        lift = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
        make_contract(session, world.firm, [lift])
        # The most pressing ones are over: all that is near comes behind them.
        make_clock(session, lift, TODAY - dt.timedelta(days=20 if n < 3 else 14))
        session.add(
            MaintenanceOrder(
                elevator_id=lift.id, unit_id=world.firm.id, region_code=lift.region_code, worker_id=world.worker.id,
                planned_on=TODAY + dt.timedelta(days=n - 3), level="half_month",
            )
        )  # fmt: skip
    session.commit()
    with clock.frozen(START):
        worker = sign_in(world.accounts["worker"])
        home = flat(page(worker, "/m/"))
        counts = dict(re.findall(r'href="/m/orders\?kind=(\w+)"><b class="[^"]*">(\d+)</b>', home))
        assert counts == {"today": "4", "over": "3", "near": "2"} and "全部 5 台" in home
        for kind, shown, more in (("", 2, True), ("over", 2, True), ("near", 2, False), ("today", 2, True)):
            text = flat(page(worker, f"/m/orders?kind={kind}"))
            assert (text.count('href="/m/e/'), "只列出前 2 条" in text) == (shown, more), kind


@pytest.mark.feature("UNT-08")
def test_a_commitment_is_near_by_the_district_that_it_is_made_to(
    session: Any, world: World, districts: Districts
) -> None:
    for region in (OWN, OTHER):
        session.add(
            Commitment(
                unit_id=world.firm.id, region_code=region, valid_from=TODAY, valid_until=LATER, state="approved"
            )
        )  # fmt: skip
    session.commit()
    with clock.frozen(START):
        m = moment(session, world.actor("maintenance_head"))
        near = next(tab.criterion for tab in COMMITMENTS.tabs if tab.key == "near")
        assert near is not None
        assert session.scalars(select(Commitment.region_code).where(near(m))).all() == [OTHER]


@pytest.mark.feature("PLN-06")
def test_where_all_regions_agree_there_is_one_day_to_ask_for(session: Any, world: World) -> None:
    """A range of an index, without a choice between districts; with one, the furthest day ends it."""
    one = str(within_horizon(session, TODAY))
    assert one == "maintenance_order.planned_on <= :planned_on_1"
    make_policy(session, "horizon_days", 12, OTHER)
    several = str(within_horizon(session, TODAY))
    assert several.startswith("maintenance_order.planned_on <= ") and " AND (" in several and " OR " in several

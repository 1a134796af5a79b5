"""数据驾驶舱: each figure is the number of its list, within the reader's scope; what is not known is left out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app import clock
from app.listing import moment
from app.models import MaintenanceOrder, OverduePeriod, Visit
from app.permissions import SYSTEM, Actor
from app.reports import cockpit
from tests.factories import World, make_clock, make_elevator

pytestmark = pytest.mark.feature("DSH-02")
NOW = dt.datetime(2026, 6, 1, 4, tzinfo=dt.UTC)
TODAY, DAY = dt.date(2026, 6, 1), dt.timedelta(days=1)
LINHE, QINGPING = "980402000000", "980403000000"


def visited(world: World, elevator: Any, on: dt.date, **more: Any) -> None:
    start = dt.datetime(on.year, on.month, on.day, 2, tzinfo=dt.UTC)
    values = {"state": "valid", "counted": True, "checked_out_at": start + dt.timedelta(minutes=40)} | more
    world.session.add(
        Visit(elevator_id=elevator.id, unit_id=world.firm.id, worker_id=world.worker.id, visit_on=on,
              region_code=elevator.region_code, checked_in_at=start, received_at=start, **values)
    )  # fmt: skip


def missed(world: World, elevator: Any, limit_on: dt.date, **more: Any) -> None:
    world.session.add(
        OverduePeriod(
            elevator_id=elevator.id, unit_id=world.firm.id, region_code=elevator.region_code,
            anchor_on=limit_on - 15 * DAY, limit_on=limit_on, interval_days=15, judged_at=NOW, **more,
        )
    )  # fmt: skip


@pytest.fixture
def city(world: World) -> World:
    """临河: one in time, one overdue and old, one stopped, one secret and overdue; 青坪: one never covered."""
    session = world.session
    make_clock(session, world.own, TODAY - 5 * DAY, covered_until=dt.date(2099, 1, 1))
    old = make_elevator(
        session, maintenance_unit=world.firm, commissioned_on=dt.date(2001, 1, 1), latitude=30.60, longitude=119.90,
        next_inspection_on=TODAY - DAY,
    )  # fmt: skip
    make_clock(session, old, TODAY - 16 * DAY, covered_until=dt.date(2099, 1, 1))
    stopped = make_elevator(session, maintenance_unit=world.firm, status="suspended")
    make_clock(session, stopped, None, in_use=False, paused_on=TODAY - DAY)
    secret = make_elevator(session, maintenance_unit=world.firm, is_secret=True)
    make_clock(session, secret, TODAY - 16 * DAY, covered_until=dt.date(2099, 1, 1))
    make_clock(session, world.foreign, TODAY - 5 * DAY, covered_until=None)
    for on, more in (
        (TODAY, {}), (TODAY, {"state": "open", "counted": False, "checked_out_at": None}), (TODAY, {"state": "void"}),
        (TODAY - DAY, {}), (TODAY - DAY, {"counted": False}), (TODAY - 31 * DAY, {}),
    ):  # fmt: skip
        visited(world, world.own, on, **more)
    missed(world, old, TODAY - DAY)
    missed(world, old, TODAY - 2 * DAY, withdrawn=True)
    for state, on in (("open", TODAY), ("void", TODAY), ("open", TODAY + DAY)):
        session.add(MaintenanceOrder(
            elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, planned_on=on,
            level="half_month", origin="manual", state=state, created_at=NOW, updated_at=NOW,
        ))  # fmt: skip
    session.commit()
    return world


def build(world: World, actor: Actor, region: str | None) -> cockpit.Cockpit:
    with clock.frozen(NOW):
        return cockpit.build(moment(world.session, actor), region)


def test_the_figures_of_a_district(city: World) -> None:
    found = build(city, city.actor("inspector"), LINHE)
    n = found.figures
    assert (n.in_use, n.suspended, n.notified, n.kept) == (2, 1, 0, 3)
    assert (n.planned_today, n.going, n.done_today) == (1, 1, 1)
    assert (n.over, n.uncovered, n.inspection_over) == (1, 0, 1)
    assert found.name == "临河区" and found.parent is None


def test_a_secret_elevator_is_counted_for_those_who_may_know_it(city: World) -> None:
    admin = build(city, city.actor("region_admin"), LINHE)
    assert (admin.figures.in_use, admin.figures.over) == (3, 2)
    assert sum(dot.elevators for dot in admin.over_dots) == sum(
        dot.elevators for dot in build(city, city.actor("inspector"), LINHE).over_dots
    ) + 1


def test_the_whole_country_by_cities_and_a_city_by_districts(city: World) -> None:
    whole = build(city, SYSTEM, None)
    assert [(one.code, one.elevators, one.over, one.uncovered) for one in whole.places] == [("980400000000", 4, 2, 1)]
    districts = build(city, SYSTEM, "980400000000")
    assert {one.code: (one.elevators, one.over, one.uncovered) for one in districts.places} == {
        LINHE: (3, 2, 0), QINGPING: (1, 0, 1),
    }  # fmt: skip
    assert districts.places[0].code == LINHE and districts.places[0].rate == pytest.approx(200 / 3)
    assert districts.parent == "980000000000"


def test_only_the_region_asked_for_is_counted(city: World) -> None:
    other = build(city, SYSTEM, QINGPING)
    assert other.figures.kept == 1 and other.figures.uncovered == 1 and other.figures.going == 0
    assert all(day.rate is None for day in other.days)


def test_the_trend_counts_what_ended_and_ends_yesterday(city: World) -> None:
    days = build(city, city.actor("inspector"), LINHE).days
    assert len(days) == cockpit.TREND_DAYS and days[-1].on == TODAY - DAY and days[0].on == TODAY - 30 * DAY
    assert (days[-1].done, days[-1].missed, days[-1].rate) == (1, 1, 50)
    assert (days[-2].done, days[-2].missed, days[-2].rate) == (0, 0, None)
    assert sum(day.done for day in days) == 1


def test_ages_and_kinds_add_up_to_the_register(city: World) -> None:
    found = build(city, city.actor("inspector"), LINHE)
    assert sum(found.ages) + found.no_age == found.figures.kept == sum(count for *_, count in found.kinds)
    assert found.ages[-1] == 1


@pytest.mark.parametrize(
    ("used", "band"),
    [
        (dt.date(2021, 6, 2), 0), (dt.date(2021, 6, 1), 1), (dt.date(2016, 6, 1), 2), (dt.date(2011, 6, 1), 3),
        (None, -1),
    ],
)
def test_an_age_is_of_full_years(world: World, used: dt.date | None, band: int) -> None:
    make_elevator(world.session, maintenance_unit=world.other_firm, region_code=QINGPING, commissioned_on=used)
    before = build(world, SYSTEM, QINGPING)
    make_elevator(world.session, maintenance_unit=world.other_firm, region_code=QINGPING, commissioned_on=used)
    after = build(world, SYSTEM, QINGPING)
    more = [b - a for a, b in zip([*before.ages, before.no_age], [*after.ages, after.no_age], strict=True)]
    assert more[band] == 1 and sum(more) == 1


def test_without_positions_there_is_no_map(city: World) -> None:
    for row in (city.own, city.foreign):
        row.latitude = row.longitude = None
    city.session.commit()
    assert build(city, SYSTEM, QINGPING).dots == []
    assert build(city, SYSTEM, QINGPING).places[0].spot is None

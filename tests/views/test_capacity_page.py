"""人力测算 on the desk and by the interface (CAP-01): what stands becomes a trial, in the reader's scope."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app import clock
from app.errors import NotFound
from app.models import Elevator, ExportRecord, MaintenanceClock, Region
from app.rules.levels import Level
from app.workflows.oversight import capacity
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import (
    World,
    make_clock,
    make_contract,
    make_elevator,
    make_ledger,
    make_person,
    make_policy,
)
from tests.pages import flat

pytestmark = pytest.mark.feature("CAP-01")
DAY = dt.timedelta(days=1)


def page(client: Any, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, f"{url}: {answer.status_code}"
    return flat(answer.get_data(as_text=True))


@pytest.fixture
def served(session: Any, world: World) -> list[Elevator]:
    """Twelve elevators of the firm at one estate, last visited today, each with its worker."""
    make_policy(session, "preset", "huzhou")
    more = {"maintenance_unit": world.firm, "use_unit": world.use_unit, "estate": "听澜苑"}
    found = [world.own, *(make_elevator(session, **more) for _n in range(11))]
    make_contract(session, world.firm, found[1:])
    for lift in found:
        make_clock(session, lift, clock.today())
        make_ledger(session, lift, world.worker, next_half_month_on=clock.today() + 15 * DAY)
    session.commit()
    return found


def test_what_stands_is_tried(session: Any, world: World, served: list[Elevator]) -> None:
    found = capacity.of_unit(session, world.actor("maintenance_head"), world.firm.id, 30, clock.now())
    [line] = found.areas
    street = session.query(Region.name).filter_by(code=world.own.region_code[:9] + "000").scalar()
    assert line.name == (street or line.code)
    assert (line.area.lifts, line.area.workers, found.trial.more) == (12, 1, 0)
    # Served some days ahead of its limit, each falls due once more within the month.
    assert sum(done for _day, done, _due in found.trial.days) >= 12 and found.missed_in_all == 0
    assert found.numbers.minutes(Level.HALF_MONTH) == 45 and found.numbers.early_days == 5
    assert found.workers[0].name == world.worker.name


def test_a_worker_who_leaves_is_missing(session: Any, world: World, served: list[Elevator]) -> None:
    world.worker.left_on = clock.today()
    session.commit()
    found = capacity.of_unit(session, world.actor("maintenance_head"), world.firm.id, 30, clock.now())
    assert (found.areas[0].area.workers, found.trial.more) == (0, 1)
    assert found.missed[0].elevator_id in {lift.id for lift in served}


def test_what_is_paused_or_suspended_is_not_asked_for(session: Any, world: World, served: list[Elevator]) -> None:
    session.get(MaintenanceClock, served[0].id).paused_on = clock.today()
    session.get(MaintenanceClock, served[1].id).in_use = False
    session.commit()
    found = capacity.of_unit(session, world.actor("maintenance_head"), world.firm.id, 30, clock.now())
    assert found.lifts == 10


def test_minutes_are_never_fewer_than_a_visit_must_last(session: Any, world: World, served: list[Elevator]) -> None:
    make_policy(session, "capacity_half_month_minutes", 5)
    make_policy(session, "visit_persons_long", 2)
    session.commit()
    found = capacity.of_unit(session, world.actor("maintenance_head"), world.firm.id, 14, clock.now())
    assert found.numbers.minutes(Level.HALF_MONTH) == 35
    assert found.numbers.minutes(Level.ANNUAL) == 240


def test_a_unit_sees_its_own_and_a_regulator_his_region(session: Any, world: World, served: list[Elevator]) -> None:
    with pytest.raises(NotFound):
        capacity.of_unit(session, world.actor("maintenance_head"), world.other_firm.id, 30, clock.now())
    with pytest.raises(NotFound):
        capacity.of_unit(session, world.actor("other_inspector"), world.firm.id, 30, clock.now())
    lines = capacity.units(session, world.actor("inspector"), clock.now())
    assert [(line.name, line.elevators, line.workers, line.each) for line in lines] == [(world.firm.name, 12, 1, 24.0)]


def test_the_pages(session: Any, world: World, sign_in: Any, served: list[Elevator]) -> None:
    make_person(session, world.firm, "沈听澜")
    session.commit()
    shown = page(sign_in(world.accounts["maintenance_head"]), "/capacity/?days=14")
    assert "人手够" in shown and world.worker.name in shown and "12 台电梯" in shown
    inspector = sign_in(world.accounts["inspector"])
    assert world.firm.name in page(inspector, "/capacity/")
    assert "人手够" in page(inspector, f"/capacity/?unit={world.firm.id}&days=60")
    page(inspector, f"/capacity/?unit={world.other_firm.id}", 404)
    # Nonsense in the address is the usual page, never an error.
    page(inspector, "/capacity/?unit=x&days=9999")
    page(sign_in(world.accounts["worker"]), "/capacity/", 403)


def test_a_unit_without_elevators_is_told_so(world: World, session: Any, sign_in: Any) -> None:
    session.commit()
    assert "没有可以测算的电梯" in page(sign_in(world.accounts["maintenance_head"]), "/capacity/")


@pytest.mark.feature("INT-04")
def test_by_the_interface(app: Any, world: World, served: list[Elevator]) -> None:
    head = Caller(app, world, "maintenance_head")
    told = head.get(f"/capacity/{world.firm.id}?days=14").json
    assert (told["elevators"], told["more"], len(told["by_day"])) == (12, 0, 14)
    assert head.get(f"/capacity/{world.firm.id}?days=15").status_code == 422
    assert head.get(f"/capacity/{world.other_firm.id}").status_code == 404


def sheet(client: Any, **form: Any) -> list[list[Any]]:
    answer = client.post("/capacity/table", data=form | {"csrf_token": csrf(client), "format": "xlsx"})
    assert answer.status_code == 200, answer.text
    found = load_workbook(io.BytesIO(answer.data))
    assert found.sheetnames[-1] == "说明"
    return [list(row) for row in found.worksheets[0].iter_rows(values_only=True)]


@pytest.mark.feature("RPR-01")
def test_as_a_workbook(session: Any, world: World, sign_in: Any, served: list[Elevator]) -> None:
    """What the page shows, and all that is missed where the page shows the first of it; each can be proved."""
    head = sign_in(world.accounts["maintenance_head"])
    areas = sheet(head, days=30, by="areas")
    assert len(areas) == 2 and areas[0][:3] == ["片区", "电梯台数", "已超期"] and areas[1][1] == 12
    assert [row[0] for row in sheet(head, days=30, by="workers")] == ["姓名", world.worker.name]
    assert len(sheet(head, days=30, by="missed")) == 1
    session.rollback()
    world.worker.left_on = clock.today()
    session.commit()
    missed = sheet(head, days=30, by="missed")
    assert len(missed) > 12 and {row[0] for row in missed[1:]} == {lift.code for lift in served}
    assert missed[1][3] == "人手不够"
    inspector = sign_in(world.accounts["inspector"])
    assert sheet(inspector)[1][:3] == [world.firm.name, 12, 0]
    assert sheet(inspector, unit=world.firm.id, days=14, by="areas")[1][1] == 12
    # A unit exports its own, whatever unit the form names.
    assert sheet(head, unit=world.other_firm.id, by="areas")[1][1] == 12
    foreign = {"unit": world.other_firm.id, "csrf_token": csrf(inspector)}
    assert inspector.post("/capacity/table", data=foreign).status_code == 404
    session.rollback()
    record = session.scalars(select(ExportRecord).order_by(ExportRecord.id)).first()
    assert (record.listing, record.query, record.rows) == ("unit_capacity", f"unit={world.firm.id}&days=30&by=areas", 1)


def test_all_that_is_missed_is_told_where_the_page_tells_the_first(
    session: Any, world: World, served: list[Elevator], monkeypatch: Any
) -> None:  # fmt: skip
    world.worker.left_on = clock.today()
    session.commit()
    given = session, world.actor("maintenance_head"), world.firm.id, 30, clock.now()
    whole = capacity.of_unit(*given, most=None)
    first = capacity.of_unit(*given, most=5)
    assert len(first.missed) == 5 and first.missed == whole.missed[:5]
    assert len(whole.missed) == whole.missed_in_all == first.missed_in_all

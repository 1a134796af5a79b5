"""Elevators asked of the provincial register by their codes: one outcome each."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import Elevator, ProvincialItem, ProvincialRun
from app.transaction import transaction
from app.workflows.core import jobs
from app.workflows.partners import provincial
from app.workflows.privacy import retention
from tests.factories import World, make_elevator
from tests.workflows.provincial.ground import begin, difference, item, outcomes, run_job, simulator, worked_off

pytestmark = pytest.mark.feature("INT-01")


def notes(world: World, run: int) -> str:
    rows = world.session.scalars(select(ProvincialItem).where(ProvincialItem.run_id == run))
    return " ".join(str(row.note) for row in rows)


def test_each_code_has_one_outcome(app: Any, world: World, use: Any, tmp_path: Path) -> None:
    other = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit, floors=9)
    world.session.commit()
    items = [
        item(world), item(world, other, floors=11), item(world, world.foreign),
        item(world, code="TC900001", factory_no="XC1", registration_code=None, address="明水路 9 号"),
        item(world, code="TC900002", maintenance_unit={"name": "澜州恒枢电梯工程（集团）有限公司"}, use_unit=None),
        item(world, code="TC900003", floors="many"),
    ]  # fmt: skip
    codes = [world.own.code, other.code, world.foreign.code, "TC900001", "TC900002", "TC900003", "TC404"]
    with simulator(tmp_path, items) as register:
        use(register)
        run = begin(world, "，".join(codes) + " ;" + codes[0])
    assert outcomes(world, run) == dict(zip(codes, [
        "matched", "different", "refused", "new", "refused", "refused", "not_found"
    ], strict=True))  # fmt: skip
    held = world.session.get(ProvincialRun, run)
    assert held is not None and held.finished_at is not None
    assert (held.asked, held.matched, held.new, held.different, held.not_found, held.refused) == (7, 1, 1, 1, 1, 3)
    row = difference(world)
    assert (row.code, row.kind, row.unlike, row.theirs["floors"]) == (other.code, "fields", ["floors"], 11)
    # What is in force did not move; what nobody had is a draft of the unit that asked.
    world.session.refresh(other)
    assert other.floors == 9 and other.filing_state == "approved"
    made = world.session.scalars(select(Elevator).where(Elevator.code == "TC900001")).one()
    assert (made.filing_state, made.approved_version, made.filed_by_unit_id) == ("draft", 0, world.firm.id)
    assert "青坪" not in notes(world, run) and "（集团）" not in notes(world, run)


def test_codes_of_the_device_and_the_registration_find_it(app: Any, world: World, use: Any, tmp_path: Path) -> None:
    world.own.registration_code, world.own.equipment_code = "31109804022022050001", "311098041200000001"
    world.session.commit()
    with simulator(tmp_path, [item(world)]) as register:
        use(register)
        run = begin(world, "31109804022022050001,311098041200000001")
    assert set(outcomes(world, run).values()) == {"matched"}


def test_a_unit_is_matched_by_name_or_code_and_never_nearly(app: Any, world: World, use: Any, tmp_path: Path) -> None:
    firm, user = world.firm, world.use_unit
    sides = [
        ({"name": f" {firm.name} ", "uscc": ""}, "matched"),
        ({"name": "别的名字", "uscc": firm.uscc.lower()}, "matched"),
        ({"name": firm.name[:-4], "uscc": ""}, "different"),
    ]  # fmt: skip
    for unit, outcome in sides:
        with simulator(tmp_path, [item(world, maintenance_unit=unit)]) as register:
            use(register)
            assert list(outcomes(world, begin(world, world.own.code)).values()) == [outcome]
    row = difference(world)
    assert row.kind == "unit" and row.near == {"maintenance_unit": [firm.id]} and user.id == row.use_unit_id


def test_results_of_codes_are_erased_in_time_and_the_counts_stay(
    app: Any, world: World, use: Any, tmp_path: Path
) -> None:  # fmt: skip
    with simulator(tmp_path, [item(world)]) as register:
        use(register)
        run = begin(world, world.own.code)
    days = clock.today() + dt.timedelta(days=29), clock.today() + dt.timedelta(days=30)
    assert [retention.ERASE["sync"](world.session, day) for day in days] == [0, 1]
    world.session.commit()
    held = world.session.get(ProvincialRun, run)
    assert outcomes(world, run) == {} and held is not None and held.matched == 1


def test_asked_again_nothing_is_made_twice(app: Any, world: World, use: Any, tmp_path: Path) -> None:
    items = [item(world, floors=11), item(world, code="TC900001", factory_no="XC1")]
    with simulator(tmp_path, items) as register:
        use(register)
        first = begin(world, f"{world.own.code},TC900001")
        second = begin(world, f"{world.own.code},TC900001")
    assert sorted(outcomes(world, first).values()) == ["different", "new"]
    assert sorted(outcomes(world, second).values()) == ["different", "matched"]
    count = select(func.count()).select_from(Elevator).where(Elevator.code == "TC900001")
    assert world.session.scalar(count) == 1
    assert difference(world).run_id == second


def test_a_killed_run_goes_on_where_it_was(app: Any, world: World, use: Any, tmp_path: Path, monkeypatch: Any) -> None:
    codes = [f"TC9{n:05d}" for n in range(150)]
    items = [item(world, code=code, factory_no=f"X{code}") for code in codes]
    settle, calls = provincial.settle, []

    def dies(*args: Any, **kwargs: Any) -> int:
        calls.append(kwargs["asked"])
        if len(calls) == 2:
            raise KeyboardInterrupt  # as hard as a kill: nothing is caught
        return settle(*args, **kwargs)

    with simulator(tmp_path, items) as register:
        use(register)
        with transaction(world.session) as session:
            run = provincial.begin(session, world.actor("clerk"), ",".join(codes), clock.now())
            key, job = run.id, run.job_id
        assert job is not None
        monkeypatch.setattr(provincial, "settle", dies)
        with pytest.raises(KeyboardInterrupt):
            run_job(job)
        monkeypatch.setattr(provincial, "settle", settle)
        world.session.rollback()
        assert len(outcomes(world, key)) == 100
        with transaction(world.session) as session:
            jobs.reap(session, clock.now() + dt.timedelta(days=366), 60)
        worked_off(world, key, job)
    assert len(outcomes(world, key)) == 150
    count = select(func.count()).select_from(Elevator).where(Elevator.code.like("TC9%"))
    assert world.session.scalar(count) == 150

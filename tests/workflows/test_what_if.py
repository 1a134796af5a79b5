"""SIM-01 on stored facts: what was foretold comes about; who may ask about whom."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.errors import NotAllowed, NotFound
from app.models import Contract, ContractElevator, MaintenanceClock, Score, Visit
from app.permissions import SYSTEM
from app.rules.what_if import Fix, FixKind, Period
from app.workflows.contracts import cover
from app.workflows.scores import what_if
from app.workflows.scores.what_if import Told
from tests.factories import make_elevator
from tests.workflows.clock_world import add_visit, at, clock_of, day, run, visit
from tests.workflows.score_world import put_cover, score

pytestmark = pytest.mark.feature("SIM-01")
TODAY, DAY = day("2024-05-10"), dt.timedelta(days=1)
NOW = at(TODAY, 12)
ALL = Fix(FixKind.KEEP, "0")


@pytest.fixture
def firm(session: Any, world: Any) -> Any:
    """Two elevators under contract, one of them overdue today, with a record that fails and one that waits."""
    for model in (ContractElevator, Contract):
        session.execute(delete(model))
    world.second = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    for elevator in (world.own, world.second):
        put_cover(session, world.firm, elevator, day("2024-01-01"), day("2024-12-31"))
    session.commit()
    cover.refresh(session, [world.own.id, world.second.id], day("2024-04-02"))
    for elevator, on in ((world.own, "2024-04-02"), (world.second, "2024-04-02"), (world.second, "2024-04-16")):
        visit(session, elevator, world.worker, day(on), settled_at=at(day(on), 11), signed_at=at(day(on), 10))
    late = visit(session, world.second, world.worker, day("2024-04-29"), state="nonconforming")
    world.late = late.id
    session.commit()
    run(session, TODAY)
    session.commit()
    return world


def asked(session: Any, world: Any, *chosen: Fix, period: Period = Period.QUARTER, actor: Any = SYSTEM) -> Told:
    return what_if.of_unit(session, actor, world.firm.id, period, chosen, NOW)


def made(session: Any, world: Any) -> tuple[str, int, int]:
    """The score of the quarter once it is over."""
    run(session, day("2024-07-01"))
    session.commit()
    held = score(session, "2024-04-01", "2024-06-30", now=at(day("2024-07-20")))
    row = session.scalars(select(Score).where(Score.run_id == held.id, Score.unit_id == world.firm.id)).one()
    return str(row.points), row.due, row.bad


def figures(foretold: Any) -> tuple[str, int, int]:
    return str(foretold.points), foretold.due, foretold.bad


def test_doing_nothing_comes_about(session: Any, firm: Any) -> None:
    told = asked(session, firm)
    assert told.simulation.nothing.bad > 6
    assert figures(told.simulation.nothing) == made(session, firm)


def test_serving_the_overdue_one_today_comes_about(session: Any, firm: Any) -> None:
    assert clock_of(session, firm.own).missed == 2
    told = asked(session, firm, Fix(FixKind.SERVE, str(firm.own.id)))
    visit(session, firm.own, firm.worker, TODAY, settled_at=NOW, signed_at=NOW)
    session.commit()
    assert figures(told.simulation.chosen) == made(session, firm)


def test_everything_comes_about(session: Any, firm: Any) -> None:
    told = asked(session, firm)
    kinds = {offer.fix.kind for offer in told.simulation.offers}
    assert kinds == {FixKind.SERVE, FixKind.KEEP, FixKind.CORRECT}
    late = session.get(Visit, firm.late)
    late.state, late.settled_at = "valid", NOW
    session.commit()
    visit(session, firm.own, firm.worker, TODAY, settled_at=NOW, signed_at=NOW)
    session.commit()
    while True:
        coming = [(clock_of(session, elevator).limit_on, elevator) for elevator in (firm.own, firm.second)]
        limit_on, elevator = min(coming, key=lambda one: one[0])
        session.commit()
        if limit_on > day("2024-06-30"):
            break
        visit(session, elevator, firm.worker, limit_on, settled_at=at(limit_on, 11), signed_at=at(limit_on, 10))
        session.commit()
    assert figures(told.simulation.everything) == made(session, firm)


def test_records_that_wait_and_cover_that_ends(session: Any, firm: Any) -> None:
    waiting = add_visit(
        session, firm.second, firm.worker, day("2024-05-08"), state="awaiting", awaiting_review=True,
        settled_at=at(day("2024-05-08"), 11), next_change_at=at(day("2024-05-24"), 0),
    )  # fmt: skip
    aged = add_visit(
        session, firm.second, firm.worker, day("2024-04-12"), state="awaiting", awaiting_review=True,
        settled_at=at(day("2024-04-12"), 11), next_change_at=at(day("2024-04-28"), 0),
    )  # fmt: skip
    bound = session.scalars(select(ContractElevator).where(ContractElevator.elevator_id == firm.own.id)).one()
    bound.ends_on = day("2024-06-10")
    session.commit()
    cover.refresh(session, [firm.own.id], TODAY)
    session.commit()
    told = asked(session, firm)
    fixes = {str(offer.fix): offer for offer in told.simulation.offers}
    assert {"complete.review", f"renew.{bound.contract_id}", f"correct.{aged.id}"} <= fixes.keys()
    assert f"correct.{waiting.id}" not in fixes
    assert told.contracts == {bound.contract_id: session.get(Contract, bound.contract_id).number}
    assert told.visits[aged.id] == (firm.second.id, day("2024-04-12"))
    alone, nothing = fixes[f"renew.{bound.contract_id}"].alone, told.simulation.nothing
    assert alone.due > nothing.due and alone.bad > nothing.bad, "a renewal without visits only asks for more"


def test_a_stopped_elevator_misses_nothing_more(session: Any, firm: Any) -> None:
    held = session.get(MaintenanceClock, firm.second.id)
    before = asked(session, firm).simulation.nothing.bad
    held.paused_on, held.limit_left_days, held.limit_on = TODAY, 4, None
    session.commit()
    assert asked(session, firm).simulation.nothing.bad < before


def test_a_unit_asks_about_itself_a_regulator_about_his_region(session: Any, firm: Any) -> None:
    head, inspector = firm.actor("maintenance_head"), firm.actor("inspector")
    assert asked(session, firm, actor=head).simulation == asked(session, firm, actor=inspector).simulation
    for actor in (head, inspector):
        with pytest.raises(NotFound):
            what_if.of_unit(session, actor, firm.other_firm.id, Period.YEAR, (), NOW)
    elsewhere = what_if.of_unit(session, head, firm.firm.id, Period.QUARTER, (), NOW, "980403000000")
    assert elsewhere.simulation.nothing.no_data, "a score of another district has none of these elevators"
    with pytest.raises(NotFound):
        what_if.of_unit(session, SYSTEM, firm.use_unit.id, Period.YEAR, (), NOW)
    with pytest.raises(NotAllowed):
        asked(session, firm, actor=firm.actor("use_head"))


def test_secret_elevators_stay_unnamed(session: Any, firm: Any) -> None:
    firm.own.is_secret = True
    session.commit()
    assert firm.own.id not in asked(session, firm, actor=firm.actor("inspector")).elevators
    assert asked(session, firm).elevators[firm.own.id] == firm.own.code


def test_asking_changes_nothing(session: Any, firm: Any) -> None:
    def everything() -> Any:
        return [session.execute(select(m.__table__)).all() for m in (Visit, MaintenanceClock, Score)]

    before = everything()
    asked(session, firm, ALL, period=Period.YEAR)
    assert not session.dirty and not session.new and everything() == before

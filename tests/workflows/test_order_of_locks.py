"""Deeds about one elevator take what they hold in one order (ARCHITECTURE.md, Transactions): none of them is ended for
another's sake. Real locks of PostgreSQL; each deed is met by somebody who takes the two rows as the others do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app import done_again, scope
from app.models import Elevator, MaintenanceClock, RepairOrder, Rescue, Unit
from app.permissions import Role
from app.transaction import transaction
from app.workflows.approval import effects
from app.workflows.desk import applications
from app.workflows.filing import filing
from app.workflows.handover import unit_changes
from app.workflows.maintenance import schedule
from app.workflows.oversight import anomalies
from app.workflows.people import person_filing
from tests import deadlocks, factories
from tests.factories import World
from tests.statements import statements
from tests.workflows.filing_world import AT, TODAY, attachment, decide, elevator_data, save, submit
from tests.workflows.test_one_unit import resident_id
from tests.workflows.visit_world import HOUR, START, arrive, leave

pytestmark = pytest.mark.parametrize("db_kind", ["postgresql"], scope="session")
DAY = dt.timedelta(days=1)
Meet = Callable[[Any, Any, Callable[[], Any]], None]


@pytest.fixture
def meet(session: Any, database: Any, monkeypatch: pytest.MonkeyPatch) -> Meet:
    """Do a deed while somebody holds the first row and will ask for the second: that one waits, and nobody is ended."""
    monkeypatch.setattr(done_again, "TIMES", 0)

    def go(first: Any, second: Any, deed: Callable[[], Any]) -> None:
        held, wanted = (
            f"SELECT 1 FROM {row.__tablename__} WHERE {key.name} = {getattr(row, key.name)} FOR UPDATE"
            for row in (first, second)
            for key in [row.__mapper__.primary_key[0]]
        )
        session.rollback()
        with deadlocks.met(database.engine, held, wanted) as faults:
            deed()
        assert faults == []

    return go


@pytest.mark.feature("ANO-02")
@pytest.mark.parametrize(("verb", "made"), [("repair", RepairOrder), ("rescue", Rescue)])
def test_an_anomaly_that_becomes_something_else(
    session: Any, world: World, meet: Meet, verb: str, made: Any
) -> None:
    with transaction(session):
        row = anomalies.report(session, world.actor("safety_officer"), world.own.id, "door", "门关不严", AT)

    def handled() -> None:
        with transaction(session):
            anomalies.handle(session, world.actor("clerk"), row.id, verb, "请到场处理", AT + HOUR)

    meet(world.own, row, handled)
    assert row.state == "closed" and len(session.scalars(select(made)).all()) == 1


@pytest.mark.feature("REP-03")
@pytest.mark.parametrize("asks", [True, False])
def test_a_visit_that_counts_and_asks_for_a_repair(session: Any, huzhou: World, meet: Meet, asks: bool) -> None:
    """Whoever changes the elevator's unit holds it, and then its clock. Also a visit by which a period was missed."""
    factories.make_clock(session, huzhou.own, START.date() - 40 * DAY)
    session.commit()
    visit = arrive(session, huzhou)
    standing = session.get_one(MaintenanceClock, huzhou.own.id)
    more = {"repair": True, "repair_note": "按钮不灵，请修"} if asks else {}
    meet(huzhou.own, standing, lambda: leave(session, huzhou, visit, START + HOUR, **more))
    assert visit.checked_out_at is not None and len(session.scalars(select(RepairOrder)).all()) == asks


@pytest.mark.feature("ELV-04")
def test_a_filing_is_taken_back_while_somebody_decides_on_it(session: Any, world: World, meet: Meet) -> None:
    head = world.actor("maintenance_head")
    row = save(session, head, Elevator, None, elevator_data(world))
    application = submit(session, head, row)

    def withdrawn() -> None:
        with scope.acting(head), transaction(session):
            filing.withdraw(session, head, row, AT)

    meet(application, row, withdrawn)
    assert (application.state, row.filing_state) == ("withdrawn", "draft")


@pytest.mark.feature("UNT-05")
def test_a_unit_moves_while_somebody_decides_on_its_people(session: Any, world: World, meet: Meet) -> None:
    head, firm = world.actor("maintenance_head"), world.firm
    person = factories.make_person(
        session, firm, "何一帆", resident_id=resident_id(), certificate_issued_on=dt.date(2024, 1, 1)
    )
    place = factories.region(session, "980403000000").id
    city = factories.actor(factories.make_account(session, Role.INSPECTOR, region_code="980400000000"))
    session.commit()
    with scope.acting(world.actor("clerk")), transaction(session):
        filed = person_filing.submit(session, world.actor("clerk"), person.id, AT)
    save(session, head, Unit, firm, {"region_id": place, "licence_until": "2030-01-01"})
    move = submit(session, head, firm)
    meet(filed, person, lambda: decide(session, city, move, "approve"))
    session.expire_all()
    assert (move.state, person.region_code, filed.region_code) == ("approved", *("980403000000",) * 2)


@pytest.mark.feature("UNT-05")
def test_a_unit_that_moves_up_says_so_too(session: Any, world: World) -> None:
    """To the city that its district lies in: who decides is the same, what moves along is held all the same."""
    head, city = world.actor("maintenance_head"), factories.region(session, "980400000000")
    session.commit()
    save(session, head, Unit, world.firm, {"region_id": city.id, "licence_until": "2030-01-01"})
    move = submit(session, head, world.firm)
    assert (move.region_code, move.data.get("to_region")) == ("980400000000", "980400000000")


@pytest.mark.feature("LIF-05")
@pytest.mark.parametrize("whose", ["old", "new"])
def test_an_elevator_goes_to_another_unit_while_somebody_edits_a_contract(
    session: Any, world: World, meet: Meet, whose: str
) -> None:
    """Whoever edits a contract holds it, and then its elevators."""
    old = factories.make_contract(session, world.firm, [world.own])
    new = factories.make_contract(session, world.other_firm, [])
    session.commit()
    taker = world.actor("other_head")
    paper = attachment(session, taker, kind="contract", name="合同.pdf")
    wanted = unit_changes.Wanted(world.own.code, None, new.id, None, TODAY, "合同到期换单位", [paper.id])
    with scope.acting(taker), transaction(session):
        asked = unit_changes.apply(session, taker, wanted, AT)
    contract, inspector = {"old": old, "new": new}[whose], world.actor("inspector")
    meet(contract, world.own, lambda: decide(session, inspector, asked, "approve"))
    session.expire_all()
    assert world.own.maintenance_unit_id == world.other_firm.id


@pytest.mark.feature("LIF-06")
def test_the_night_holds_all_that_is_due_before_it_holds_an_elevator(
    session: Any, world: World, meet: Meet
) -> None:
    """Whoever calls one off, or decides beside it, holds his application and then wants an elevator."""
    head, day = world.actor("maintenance_head"), TODAY + 3 * DAY
    second = factories.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    heir = factories.make_person(session, world.firm)
    for one in (world.own, second):
        factories.make_ledger(session, one, world.worker, next_half_month_on=TODAY + 12 * DAY)
    session.commit()
    rows = []
    for one in (world.own, second):
        paper = attachment(session, head)
        asked = {"effective_on": day, "reason": "换人", "attachments": [paper.id], "data": {"worker_id": heir.id}}
        with scope.acting(head), transaction(session):
            rows.append(applications.apply(session, head, "worker_change", one, at=AT, **asked))
        decide(session, world.actor("inspector"), rows[-1], "approve")
    assert all(effects.is_waiting(row) for row in rows)
    done = []

    def night() -> None:
        with transaction(session):
            done.append(effects.take_effect_due(session, day, AT + 3 * DAY))

    meet(rows[1], world.own, night)
    assert done == [2] and all(row.took_effect_at is not None for row in rows)


@pytest.mark.feature("LIF-05", "LIF-06")
def test_the_night_holds_all_applications_and_then_all_contracts_by_their_numbers(
    session: Any, world: World
) -> None:
    """Two elevators go over on one day; the later key's contract has the lower number."""
    second = factories.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    first_one = factories.make_contract(session, world.firm, [second])
    last_one = factories.make_contract(session, world.firm, [world.own])
    new = factories.make_contract(session, world.other_firm, [])
    session.commit()
    taker, day = world.actor("other_head"), TODAY + 3 * DAY
    for one in (world.own, second):
        paper = attachment(session, taker, kind="contract", name="合同.pdf")
        wanted = unit_changes.Wanted(one.code, None, new.id, None, day, "合同到期换单位", [paper.id])
        with scope.acting(taker), transaction(session):
            asked = unit_changes.apply(session, taker, wanted, AT)
        decide(session, world.actor("inspector"), asked, "approve")
    assert first_one.id < last_one.id and world.own.id < second.id
    session.rollback()
    with statements() as asked_for, transaction(session):
        assert effects.take_effect_due(session, day, AT + 3 * DAY) == 2
    held = [one for one in asked_for if one.startswith("SELECT contract.id") and "ORDER BY contract.id" in one]
    assert len(held) == 1, held


@pytest.mark.feature("LIF-05", "ELV-04")
@pytest.mark.parametrize("given", [True, False])
def test_a_filing_gives_an_elevator_to_another_unit_while_somebody_edits_its_contract(
    session: Any, world: World, meet: Meet, given: bool
) -> None:
    """An office mends a register that was wrong from the start; or the contract names who maintains it, the register
    nobody yet."""
    office, inspector = world.actor("region_admin"), world.actor("inspector")
    contract = factories.make_contract(session, world.firm, [world.own])
    if not given:
        world.own.maintenance_unit_id = None
    session.commit()
    save(session, office, Elevator, world.own, elevator_data(world) | {
        "code": world.own.code, "maintenance_unit_id": world.other_firm.id, "use_unit_id": world.use_unit.id,
    })  # fmt: skip
    asked = submit(session, office, world.own)
    assert asked.data["to_unit"] == world.other_firm.id
    meet(contract, world.own, lambda: decide(session, inspector, asked, "approve"))
    session.expire_all()
    assert world.own.maintenance_unit_id == world.other_firm.id and asked.state == "approved"


@pytest.mark.feature("PLN-03")
@pytest.mark.parametrize("started", [True, False])
def test_the_night_judges_and_starts_clocks_while_somebody_decides_on_an_elevator(
    session: Any, world: World, meet: Meet, started: bool
) -> None:
    """Whoever decides on an elevator holds it, and then its clock."""
    factories.make_policy(session, "never_visited", "contract")
    factories.make_ledger(session, world.own, world.worker, next_half_month_on=TODAY)
    since, anchor = TODAY - 5 * DAY, TODAY - 20 * DAY if started else None
    standing = factories.make_clock(session, world.own, anchor, unit_since_on=since)
    session.commit()
    made = []

    def night() -> None:
        with transaction(session):
            made.append(schedule.run(session, TODAY, AT))

    meet(world.own, standing, night)
    assert (made[0].overdue_judged, made[0].clocks_started) == ((1, 0) if started else (0, 1))

"""The invented region is one that the product's own rules could have made: nothing in it contradicts them."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.demo import inspections, names, office, paperwork, people
from app.demo.builder import Builder
from app.models import (
    Account,
    Application,
    CalendarDay,
    Comment,
    Commitment,
    Contract,
    ContractElevator,
    Delegation,
    Elevator,
    ElevatorOfficer,
    Inspection,
    InspectionClock,
    InsuranceRecord,
    Invitation,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    OverduePeriod,
    PatrolStop,
    Person,
    RiskItem,
    SafetyRecord,
    StatusChange,
    Unit,
    UnitChange,
    Version,
    Visit,
)
from app.rules.identifiers import check_resident_id, check_uscc
from app.rules.schedule import Pause, clock_from, missed_limits
from app.transaction import transaction
from app.wording import Said
from app.workflows.files import places
from app.workflows.maintenance import schedule
from app.workflows.on_site import safety
from app.workflows.people import person_filing, person_versions
from app.workflows.visits import ageing

NOW = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)


def test_nobody_beside_the_workers_has_the_number_of_one_however_large_the_region_is() -> None:
    """A province had more workers than the number from which its first guard was counted."""
    workers = {names.resident_id(number) for number in range(20_000)}
    others = {names.resident_id(names.PERSONS_FROM + serial) for serial in range(2_000)}
    assert len(workers) == 20_000 and len(others) == 2_000 and not workers & others


@pytest.fixture
def region(session: Any) -> Any:
    with transaction(session):
        Builder(session, 60, 7, NOW, None).build()
    return session


def test_running_the_night_on_a_fresh_region_finds_nothing_to_judge(region: Any) -> None:
    today = clock.local_day(NOW)
    with transaction(region):
        aged = ageing.run(region, NOW)
        summary = schedule.run(region, today, NOW)
    assert aged.moved == {}
    assert summary.overdue_judged == 0
    with transaction(region):
        again = schedule.run(region, today, NOW)
    assert again.orders_made == 0


def test_clocks_stand_where_the_visits_left_them(region: Any) -> None:
    """Each clock, told again from the last counted visit by the rules, gives the stored limit and missed periods."""
    today = clock.local_day(NOW)
    seen = 0
    for row in region.scalars(select(MaintenanceClock).where(MaintenanceClock.last_visit_on.is_not(None))):
        ledger = region.scalar(select(MaintenanceLedger).where(MaintenanceLedger.elevator_id == row.elevator_id))
        last = region.scalar(
            select(func.max(Visit.visit_on)).where(Visit.elevator_id == row.elevator_id, Visit.counted)
        )
        assert row.last_visit_on == last
        stops = [Pause(row.paused_on)] if row.paused_on else []
        told, missed = clock_from(last, ledger.interval_days, row.limit_days, stops, today - dt.timedelta(days=1))
        assert row.missed == len(missed)
        assert row.limit_on == (None if row.paused_on else told.limit_on)
        assert row.limit_left_days == told.remaining_days
        seen += 1
    assert seen > 40


def test_why_an_elevator_stands_as_it_does_is_told_in_the_readers_language(region: Any) -> None:
    reasons = region.scalars(select(StatusChange.reason).where(StatusChange.entity == "elevator")).all()
    assert len(reasons) > 50 and all(isinstance(one, Said) for one in reasons)


def test_a_region_with_a_month_of_history_holds_to_the_same_rules(session: Any) -> None:
    with transaction(session):
        Builder(session, 60, 7, NOW, None, 30).build()
    first = session.scalar(select(func.min(Visit.visit_on)).where(Visit.elevator_id.not_in(
        select(Elevator.id).where(Elevator.status == "suspended")
    )))  # fmt: skip
    assert (clock.local_day(NOW) - first).days <= 31
    test_running_the_night_on_a_fresh_region_finds_nothing_to_judge(session)
    test_clocks_stand_where_the_visits_left_them(session)


def test_missed_periods_are_those_between_the_counted_visits(region: Any) -> None:
    today = clock.local_day(NOW)
    checked = 0
    for row in region.scalars(select(MaintenanceClock).where(MaintenanceClock.paused_on.is_(None))):
        days = region.scalars(
            select(Visit.visit_on).where(Visit.elevator_id == row.elevator_id, Visit.counted).order_by(Visit.visit_on)
        ).all()
        limit = dt.timedelta(days=row.limit_days)
        wanted: list[dt.date] = []
        if not days:
            continue
        for on, following in zip(days, [*days[1:], today], strict=True):
            wanted += missed_limits(on + limit, following - dt.timedelta(days=1), row.limit_days)
        stored = region.scalars(
            select(OverduePeriod.limit_on)
            .where(OverduePeriod.elevator_id == row.elevator_id)
            .order_by(OverduePeriod.limit_on)
        ).all()
        assert stored == wanted
        checked += len(wanted)
    assert checked > 10


def test_codes_are_valid_and_unique_and_orders_are_single(region: Any) -> None:
    codes = region.scalars(select(Unit.uscc)).all()
    assert len(codes) == len(set(codes)) == len([check_uscc(code) for code in codes])
    held = region.scalars(select(Unit.name)).all()
    assert len(held) == len(set(held))
    elevators = region.scalars(select(Elevator.code)).all()
    assert len(elevators) == len(set(elevators)) == 60
    open_orders = region.scalars(select(MaintenanceOrder.elevator_id).where(MaintenanceOrder.state == "open")).all()
    assert len(open_orders) == len(set(open_orders)) > 0
    # Each that was done names the visit that did it, and the visit names it.
    done = select(MaintenanceOrder, Visit).join(Visit, Visit.id == MaintenanceOrder.visit_id)
    pairs = region.execute(done.where(MaintenanceOrder.state == "done")).all()
    counted = region.scalar(select(func.count()).select_from(Visit).where(Visit.counted, Visit.order_id.is_not(None)))
    assert len(pairs) == counted > 500
    for order, visit in pairs:
        assert (visit.order_id, visit.elevator_id, visit.level) == (order.id, order.elevator_id, order.level)
        assert order.created_at < visit.checked_in_at < order.closed_at == visit.checked_out_at
        assert order.planned_on <= order.limit_on
    # No worker is in two places: a person's visits of a day do not overlap.
    rows = region.execute(
        select(Visit.worker_id, Visit.checked_in_at, Visit.checked_out_at)
        .where(Visit.checked_out_at.is_not(None))
        .order_by(Visit.worker_id, Visit.checked_in_at)
    ).all()
    for before, after in pairwise(rows):
        assert before.worker_id != after.worker_id or before.checked_out_at <= after.checked_in_at


def test_cover_on_the_clock_is_the_bindings(region: Any) -> None:
    today = clock.local_day(NOW)
    for row in region.scalars(select(MaintenanceClock)):
        ends = region.scalar(
            select(func.max(ContractElevator.ends_on)).where(
                ContractElevator.elevator_id == row.elevator_id, ContractElevator.ends_on >= today
            )
        )
        assert row.covered_until == ends


def test_accounts_and_queue_are_there_and_a_second_call_adds_none(region: Any) -> None:
    with transaction(region):
        made = people.make_accounts(region, NOW)
        waiting = people.make_waiting(region, NOW)
    assert len(made) == 9 and len({a.password for a in made}) == 9
    assert all(len(a.password) >= 12 for a in made)
    assert waiting == region.scalar(select(func.count()).select_from(Application).where(Application.is_open)) > 5
    for account in region.scalars(select(Account).where(Account.username.in_([a.login_name for a in made]))):
        password = next(a.password for a in made if a.login_name == account.username)
        assert account.password_matches(password) and not account.must_change_password
    with transaction(region):
        assert people.make_accounts(region, NOW) == []


@pytest.mark.feature("LIF-07", "SAF-01", "PAT-01", "CLK-01")
def test_the_offices_show_their_work(region: Any) -> None:
    """Applications in each state, a stand-in, remarks, holidays, records with a gap, a round half done."""
    with transaction(region):
        people.make_accounts(region, NOW)
        people.make_waiting(region, NOW)
        assert office.make_office(region, NOW) == 5
    states = set(region.scalars(select(Application.state)))
    assert states == {"submitted", "accepted", "endorsed", "returned", "approved", "rejected", "withdrawn"}
    counts = {
        model: region.scalar(select(func.count()).select_from(model))
        for model in (Delegation, Comment, CalendarDay, ElevatorOfficer, RiskItem, SafetyRecord, PatrolStop)
    }
    assert counts[Delegation] == 1 and counts[Comment] == 3 and counts[CalendarDay] == 26
    assert counts[RiskItem] == 4 and counts[SafetyRecord] == 4 and counts[ElevatorOfficer] == counts[PatrolStop] > 0
    use_unit = region.scalar(select(ElevatorOfficer.unit_id).limit(1))
    assert safety.gaps(region, use_unit, clock.local_day(NOW)).daily, "the day left out shows"
    checked = region.scalars(select(PatrolStop.checked_at)).all()
    assert any(at is None for at in checked) and any(at is not None for at in checked)
    endorsed = region.scalar(select(Application).where(Application.state == "endorsed"))
    assert endorsed.kind == "scrapping" and endorsed.endorsed_by_id


@pytest.mark.feature("INS-01")
def test_its_inspections_agree_with_the_register_and_some_failed(
    region: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_folder", tmp_path)
    with transaction(region):
        people.make_accounts(region, NOW)
        made = inspections.make_inspections(region, NOW, 7)
        assert inspections.make_inspections(region, NOW, 7) == []
    assert [(a.login_name, a.role) for a in made][1:] == [("jianyan_yuan", "检验人员")]
    assert made[0].role == "检验人员、单位负责人" and made[0].place == made[1].place == inspections.NAME
    region.expire_all()
    rows = region.scalars(select(Inspection).where(Inspection.state == "approved")).all()
    assert {"passed", "failed", "passed_again"} == {r.result for r in rows}
    lifts = {e.id: e for e in region.scalars(select(Elevator))}
    yearly = [r for r in rows if r.kind != "governor" and r.result != "failed"]
    assert yearly and all((r.done_on, r.next_on) == (lifts[r.elevator_id].inspected_on, lifts[r.elevator_id]
        .next_inspection_on) for r in yearly)  # fmt: skip
    clocks_held = region.scalars(select(InspectionClock)).all()
    assert any(c.failed_id for c in clocks_held) and any(c.governor_due_on for c in clocks_held)
    assert region.scalar(select(func.count(Inspection.id)).where(Inspection.state == "submitted")) == 1


@pytest.mark.feature("LIF-05", "PER-05")
def test_its_papers_are_filed_and_each_list_has_something(
    region: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_folder", tmp_path)
    with transaction(region):
        people.make_accounts(region, NOW)
        assert paperwork.make(region, NOW) == 9
    region.expire_all()
    assert region.scalars(select(Commitment.valid_until)).one() > clock.local_day(NOW)
    assert len(region.scalars(select(InsuranceRecord).where(InsuranceRecord.filed_at.is_not(None))).all()) == 1
    assert set(region.scalars(select(Invitation.state))) == {"review", "invited", "cancelled"}
    changes = region.scalars(select(UnitChange)).all()
    states = {region.get(Application, change.application_id).state for change in changes}
    assert states == {"approved", "submitted"} and not any(change.late for change in changes)
    guard = region.scalars(select(Person).where(Person.kind == "safety_officer")).one()
    assert guard.filing_state == "approved" and guard.unit_id == people.first_firm(region)[1].id


def test_contracts_are_with_use_units_and_cover_only_their_elevators(region: Any) -> None:
    rows = region.execute(
        select(Contract.use_unit_id, Elevator.use_unit_id, Contract.unit_id, Elevator.maintenance_unit_id)
        .join(ContractElevator, ContractElevator.contract_id == Contract.id)
        .join(Elevator, Elevator.id == ContractElevator.elevator_id)
    ).all()
    assert len(rows) > 40 and all(use == used and firm == kept for use, used, firm, kept in rows)
    numbers = region.scalars(select(Contract.number)).all()
    assert len(set(numbers)) == len(numbers) > 3


@pytest.mark.feature("PER-05")
def test_its_people_are_filed_as_the_rules_ask(region: Any) -> None:
    """What is in force would pass the checks of a filing today, and the version says what the row says."""
    on = clock.local_day(NOW)
    for person in region.scalars(select(Person)):
        held = person_versions.snapshot(person)
        version = region.scalars(
            select(Version).where(Version.entity == "person", Version.entity_id == person.id)
        ).one()
        assert (person.filing_state, version.number, version.data) == ("approved", person.approved_version, held)
        assert [f for f in person_filing.findings(region, person, held, on) if f.stops] == []
        assert check_resident_id(person.resident_id, on) == person.resident_id

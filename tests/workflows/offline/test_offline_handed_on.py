"""Visits kept without network while the elevator went to another unit: each is that of the units of its own time."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.errors import Refusal
from app.models import (
    Application,
    ElevatorAssignment,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceTeam,
    Notification,
    TeamMember,
    Version,
)
from app.transaction import transaction
from app.workflows.contracts import cover
from app.workflows.maintenance import clocks
from tests.factories import World, make_contract, make_policy
from tests.workflows.offline.ground import DAY, HOUR, START, kept, refused, send

pytestmark = pytest.mark.feature("MNT-05")


def handed_on(session: Any, place: World, at: dt.datetime, first: dt.date, *, from_nobody: bool = False) -> None:
    """The elevator is the other firm's from a day on, decided at that instant; the old one's contract is cut."""
    begun = Version(
        entity="elevator", entity_id=place.own.id, number=1, base_number=0, state="approved",
        data={"maintenance_unit_id": None if from_nobody else place.firm.id}, edited_at=START - 9 * DAY,
        decided_at=START - 9 * DAY, in_force_from=dt.date(2026, 2, 20),
    )  # fmt: skip
    session.add(begun)
    session.commit()
    with transaction(session):
        place.own.maintenance_unit_id = place.other_firm.id
        session.add(Version(
            entity="elevator", entity_id=place.own.id, number=2, base_number=1, state="approved",
            data={"maintenance_unit_id": place.other_firm.id}, edited_at=at, decided_at=at, in_force_from=first,
        ))  # fmt: skip
        clocks.unit_changed(session, place.own.id, place.other_firm.id, first, at)


@pytest.mark.feature("LIF-05")
def test_what_was_done_before_the_hand_over_is_taken_from_the_old_units_phone(session: Any, place: World) -> None:
    """The elevator went to another unit before the phone had a signal: the visit is the old unit's, of its day."""
    sent = START + 2 * DAY
    handed_on(session, place, START + DAY, dt.date(2026, 3, 3))
    with transaction(session):
        # Even where the old contract was cut to end before the day of the visit.
        cover.release(session, place.actor("clerk"), place.own.id, START.date(), START + DAY, place.other_firm.id)
    late = kept(place, "late", began=START + DAY + HOUR, sent=sent)
    assert "无电梯权限" in refused(session, place, late), "what came after the hand-over is not the old unit's"
    row = send(session, place, kept(place, sent=sent))
    assert (row.unit_id, row.visit_on, row.counted) == (place.firm.id, dt.date(2026, 3, 2), True)
    held = session.get(MaintenanceClock, place.own.id)
    assert (held.unit_id, held.last_visit_on) == (place.other_firm.id, None), "the new unit's clock runs on"


def used_by(session: Any, place: World, at: dt.datetime, first: dt.date) -> None:
    """Another unit uses the elevator from a day on, decided at that instant."""
    for number, unit, decided, day in (
        (1, place.use_unit, START - 9 * DAY, dt.date(2026, 2, 20)), (2, place.other_use_unit, at, first),
    ):  # fmt: skip
        session.add(Version(
            entity="elevator", entity_id=place.own.id, number=number, base_number=number - 1, state="approved",
            data={"maintenance_unit_id": place.firm.id, "use_unit_id": unit.id, "safety_officer": f"安全员{number}"},
            edited_at=decided, decided_at=decided, in_force_from=day,
        ))  # fmt: skip
    place.own.use_unit_id = place.other_use_unit.id
    session.commit()


@pytest.mark.feature("LIF-05")
def test_a_visit_of_before_goes_to_whoever_used_the_elevator_then(session: Any, place: World) -> None:
    used_by(session, place, START + DAY, dt.date(2026, 3, 3))
    sent = START + 2 * DAY
    row = send(session, place, kept(place, sent=sent))
    assert (row.use_unit_id, row.awaiting_review) == (place.use_unit.id, True)
    assert (row.snapshot["use_unit"], row.snapshot["safety_officer"]) == (place.use_unit.name, "安全员1")
    told = session.scalars(select(Notification).where(Notification.topic == "visit.review")).all()
    heads = {place.accounts["use_head"].id, place.accounts["safety_officer"].id}
    assert told and {one.recipient_id for one in told} <= heads
    after = send(session, place, kept(place, "after", began=START + DAY + HOUR, sent=sent))
    assert (after.use_unit_id, after.snapshot["use_unit"]) == (place.other_use_unit.id, place.other_use_unit.name)


@pytest.mark.feature("LIF-05")
@pytest.mark.parametrize(("approved", "its"), [(START - DAY, "other_use_unit"), (START + HOUR, "use_unit")])
def test_from_its_day_on_a_change_of_use_unit_holds_however_late_the_nights_job_came(
    session: Any, place: World, approved: dt.datetime, its: str
) -> None:
    applied = START + 2 * HOUR
    session.add(Application(
        number="BG-2", title="使用单位变更", kind="registration_change", state="approved", is_open=False,
        entity="elevator", entity_id=place.own.id, elevator_id=place.own.id,
        unit_id=place.other_use_unit.id, region_code=place.own.region_code, effective_on=START.date(),
        submitted_at=START - 2 * DAY, decided_at=approved, took_effect_at=applied,
    ))  # fmt: skip
    used_by(session, place, applied, START.date())
    row = send(session, place, kept(place, sent=START + DAY))
    assert row.use_unit_id == getattr(place, its).id


@pytest.mark.feature("LIF-05")
def test_where_nobody_used_it_then_the_use_unit_of_now_has_the_word(session: Any, place: World) -> None:
    used_by(session, place, START + DAY, dt.date(2026, 3, 3))
    first = session.scalars(select(Version).where(Version.entity_id == place.own.id, Version.number == 1)).one()
    first.data = {"maintenance_unit_id": place.firm.id}
    session.commit()
    row = send(session, place, kept(place, sent=START + 2 * DAY))
    assert row.use_unit_id == place.other_use_unit.id


@pytest.mark.feature("LIF-05")
@pytest.mark.parametrize("gate", [True, False])
def test_what_was_done_before_the_hand_over_is_not_the_new_units(session: Any, place: World, gate: bool) -> None:
    """Neither with a contract that was told to have begun already, nor where nobody asks for one."""
    make_policy(session, "contract_gate", gate)
    account = place.accounts["other_worker"]
    account.sees_all_elevators = True
    session.commit()
    handed_on(session, place, START + DAY, dt.date(2026, 3, 3))
    make_contract(session, place.other_firm, [place.own], dt.date(2026, 2, 1), dt.date(2026, 12, 31))
    session.commit()
    sent = START + 2 * DAY
    early = kept(place, "early", sent=sent, account_id=account.id)
    with pytest.raises(Refusal) as found:
        send(session, place, early, "other_worker")
    session.rollback()
    [told] = [f for f in found.value.findings if f.stops]
    assert told.rule == "当时由其他单位维保" and "2026-03-02 09:00" in told.found and place.own.code in told.found
    later = kept(place, "later", began=START + DAY + HOUR, sent=sent, account_id=account.id)
    row = send(session, place, later, "other_worker")
    assert (row.unit_id, row.visit_on) == (place.other_firm.id, dt.date(2026, 3, 3))


@pytest.mark.feature("LIF-05")
@pytest.mark.parametrize("approved", [START - DAY, START + HOUR])
def test_a_day_that_the_nights_job_came_late_for_is_the_new_units(
    session: Any, place: World, approved: dt.datetime
) -> None:
    """It was approved for that day: only where that came after the visit was it the other unit's still."""
    account = place.accounts["other_worker"]
    account.sees_all_elevators = True
    applied = START + 2 * HOUR
    session.add(Application(
        number="BG-1", title="维保单位变更", kind="unit_change", state="approved", is_open=False,
        entity="elevator", entity_id=place.own.id, elevator_id=place.own.id,
        unit_id=place.other_firm.id, region_code=place.own.region_code, effective_on=START.date(),
        submitted_at=START - 2 * DAY, decided_at=approved, took_effect_at=applied,
    ))  # fmt: skip
    session.commit()
    handed_on(session, place, applied, START.date())
    make_contract(session, place.other_firm, [place.own], dt.date(2026, 3, 2), dt.date(2026, 12, 31))
    session.commit()
    visit = kept(place, sent=START + DAY, account_id=account.id)
    if approved > START:
        with pytest.raises(Refusal, match="还由其他单位维保"):
            send(session, place, visit, "other_worker")
        return
    row = send(session, place, visit, "other_worker")
    assert (row.unit_id, row.visit_on) == (place.other_firm.id, START.date())


@pytest.mark.feature("LIF-05")
def test_of_a_time_when_nobody_maintained_no_other_unit_is_named(session: Any, place: World) -> None:
    account = place.accounts["other_worker"]
    account.sees_all_elevators = True
    session.commit()
    handed_on(session, place, START + DAY, dt.date(2026, 3, 3), from_nobody=True)
    with pytest.raises(Refusal, match="还没有维保单位"):
        send(session, place, kept(place, sent=START + 2 * DAY, account_id=account.id), "other_worker")


@pytest.mark.feature("LIF-05", "PLN-07")
def test_of_the_old_unit_whoever_served_it_in_a_team_still_sends_his_visit(session: Any, place: World) -> None:
    """With the hand-over the elevator leaves the teams; whoever neither had it nor is in one sends nothing."""
    account = place.accounts["worker"]
    account.sees_all_elevators = False
    session.execute(delete(ElevatorAssignment).where(ElevatorAssignment.user_id == account.id))
    team = MaintenanceTeam(name="一组", unit_id=place.firm.id, region_code=place.firm.region_code)
    session.add(team)
    session.flush()
    session.get(MaintenanceLedger, place.own.id).team_id = team.id
    session.commit()
    handed_on(session, place, START + DAY, dt.date(2026, 3, 3))
    assert "无电梯权限" in refused(session, place, kept(place, sent=START + 2 * DAY))
    session.add(TeamMember(team_id=team.id, person_id=place.worker.id))
    session.commit()
    assert send(session, place, kept(place, sent=START + 2 * DAY)).unit_id == place.firm.id

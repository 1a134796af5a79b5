"""Visits that a phone kept without network, on the database: judged as they were, once, and told as what they are."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app import clock
from app.errors import NotAllowed, Refusal
from app.models import (
    Application,
    AuditEntry,
    ContractElevator,
    ElevatorAssignment,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceTeam,
    Notification,
    StatusChange,
    TeamMember,
    Version,
    Visit,
)
from app.permissions import Role
from app.reference import items_for
from app.rules.offline import Contact, PhoneClock
from app.transaction import transaction
from app.workflows.contracts import cover
from app.workflows.maintenance import clocks
from app.workflows.visits import ageing, offline, visits
from app.workflows.visits.offline import Kept, Moment
from app.workflows.visits.visits import CheckOut, Position
from tests.factories import World, make_account, make_clock, make_contract, make_elevator, make_ledger, make_policy

pytestmark = pytest.mark.feature("MNT-05")
HERE, FAR = Position(30.5, 120.5), Position(30.6, 120.5)
START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)  # 09:00 in Shanghai
SECOND, MINUTE, HOUR, DAY = dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(1)


@pytest.fixture(params=["huzhou"])
def place(session: Any, world: World, request: Any) -> World:
    make_policy(session, "preset", request.param)
    make_clock(session, world.own, dt.date(2026, 2, 20))
    make_ledger(session, world.own)
    session.commit()
    return world


nantong = pytest.mark.parametrize("place", ["nantong"], indirect=True)


def well_done(**more: Any) -> CheckOut:
    results = {
        i.code: {"result": "ok", "value": "合格" if i.needs_test else ""} for i in items_for("3110", "half_month")
    }
    return CheckOut(**({"results": results, "problem": ""} | more))


def kept(
    world: World, key: str = "phone-key-1", *, began: dt.datetime | None = START, minutes: float | None = 40,
    sent: dt.datetime = START + 2 * HOUR, ahead: dt.timedelta = 0 * SECOND, contact: dt.datetime = START - HOUR,
    **more: Any,
) -> Kept:  # fmt: skip
    """A whole visit of forty minutes in which the phone's clock was ahead by so much."""
    code, at = more.pop("code", world.own.code), more.pop("at", HERE)
    base = began or more.pop("base", START)
    out = None if minutes is None else Moment(code, base + dt.timedelta(minutes=minutes) + ahead, at, 12)
    phone = PhoneClock(sent + ahead, sent, Contact(contact, more.pop("was_ahead", ahead)))
    more.setdefault("account_id", world.accounts["worker"].id)
    return Kept(
        key, phone, began=None if began is None else Moment(code, began + ahead, at, 8.4), ended=out,
        done=more.pop("done", well_done()), **more,
    )  # fmt: skip


def send(session: Any, world: World, one: Kept, who: str = "worker") -> Visit:
    with transaction(session):
        return offline.receive(session, world.actor(who), one, one.phone.received_at)


def refused(session: Any, world: World, one: Kept) -> set[str]:
    with pytest.raises(Refusal) as found:
        send(session, world, one)
    session.rollback()
    assert all(f.remedy for f in found.value.findings if f.stops)
    return {f.rule for f in found.value.findings if f.stops}


def count(session: Any) -> int:
    return int(session.scalar(select(func.count(Visit.id))))


# --- whole


def test_a_whole_visit_keeps_its_true_times_and_moves_the_clock(session: Any, place: World) -> None:
    row = send(session, place, kept(place))
    assert (row.checked_in_at, row.checked_out_at) == (START, START + 40 * MINUTE)
    assert (row.sent_at, row.received_at, row.offline) == (START + 2 * HOUR, START + 2 * HOUR, "both")
    assert (row.state, row.counted, row.awaiting_review) == ("awaiting", True, True)
    assert session.get(MaintenanceClock, place.own.id).last_visit_on == dt.date(2026, 3, 2)
    assert (row.phone_told["in_accuracy"], row.phone_told["out_accuracy"], row.phone_told["ahead"]) == (8, 12, 0)
    entry = session.scalar(select(AuditEntry).where(AuditEntry.action == "visit.sent_later"))
    assert entry.entity_id == row.id and entry.after["phone"]["contact_at"]
    assert session.scalar(select(func.count(Notification.id)).where(Notification.topic == "visit.review")) == 2


def test_a_wrong_clock_is_put_right_and_kept_as_evidence(session: Any, place: World) -> None:
    row = send(session, place, kept(place, ahead=3 * HOUR))
    assert (row.checked_in_at, row.checked_out_at) == (START, START + 40 * MINUTE)
    assert row.phone_told["ahead"] == 3 * 3600 and row.phone_told["in_shown"].startswith("2026-03-02T04:00")


def test_the_same_again_is_the_same_visit(session: Any, place: World) -> None:
    first = send(session, place, kept(place)).id
    again = send(session, place, kept(place, sent=START + 3 * HOUR))
    assert (again.id, again.sent_at, count(session)) == (first, START + 2 * HOUR, 1)
    assert session.scalar(select(func.count(Notification.id)).where(Notification.topic == "visit.review")) == 2


def test_its_day_is_the_day_on_site(session: Any, place: World) -> None:
    began = dt.datetime(2026, 3, 2, 15, 30, tzinfo=dt.UTC)  # 23:30 in Shanghai
    row = send(session, place, kept(place, began=began, sent=began + 10 * HOUR, contact=began - HOUR))
    assert row.visit_on == dt.date(2026, 3, 2)


@pytest.mark.parametrize(("minutes", "state"), [(34.99, "void"), (35, "awaiting"), (480, "awaiting"), (480.1, "void")])
def test_too_short_or_too_long_is_stored_as_what_it_is(
    session: Any, place: World, minutes: float, state: str
) -> None:
    row = send(session, place, kept(place, minutes=minutes, sent=START + 10 * HOUR))
    assert (row.state, row.counted) == (state, state == "awaiting")


@nantong
@pytest.mark.feature("ANO-01")
@pytest.mark.parametrize(("after", "state"), [(8 * HOUR, "valid"), (8 * HOUR + SECOND, "abnormal")])
def test_sent_more_than_eight_hours_after_the_end(
    session: Any, place: World, after: dt.timedelta, state: str
) -> None:
    row = send(session, place, kept(place, sent=START + 40 * MINUTE + after, code=place.own.public_token))
    assert (row.state, row.counted) == (state, state == "valid")
    assert row.state_reason == ("超时上传" if state == "abnormal" else None)


@nantong
@pytest.mark.feature("PER-09", "ANO-01")
def test_the_ninth_elevator_is_that_received_last(session: Any, place: World) -> None:
    lifts = [make_elevator(session, maintenance_unit=place.firm, use_unit=place.use_unit) for _ in range(9)]
    make_contract(session, place.firm, lifts)
    session.commit()
    states = {}
    # Sent in an order of its own: the visit of the morning comes last.
    for n in [*range(1, 9), 0]:
        began = START + n * 45 * MINUTE
        one = kept(place, f"phone-key-{n}", began=began, code=lifts[n].public_token, sent=START + 8 * HOUR + n * SECOND)
        sent = START + 8 * HOUR + (n or 9) * MINUTE
        one = Kept(one.key, PhoneClock(sent, sent, one.phone.contact), one.account_id, one.began, None, one.ended,
                   one.done)  # fmt: skip
        states[n] = send(session, place, one).state
    assert states.pop(0) == "abnormal" and set(states.values()) == {"valid"}


# --- judged as it was then


def test_cover_certificate_and_status_are_those_of_the_visit(session: Any, place: World) -> None:
    day = dt.date(2026, 3, 2)
    place.worker.certificate_until = day
    session.query(ContractElevator).update({"ends_on": day})
    session.add(StatusChange(
        entity="elevator", entity_id=place.own.id, field="status", old="in_use", new="suspended", verb="suspension",
        effective_on=day, known_at=START + HOUR,
    ))  # fmt: skip
    place.own.status = "suspended"
    session.commit()
    # Two days later all three are otherwise.
    assert send(session, place, kept(place, sent=START + 2 * DAY)).counted
    again = kept(place, "phone-key-2", began=START + DAY, sent=START + 2 * DAY)
    assert {"证书已过有效期", "电梯已超有效期(脱保)", "电梯已停用"} <= refused(session, place, again)


def test_every_reason_of_both_ends_is_told_at_once(session: Any, place: World) -> None:
    one = kept(place, at=FAR, done=CheckOut(), sent=START + 2 * HOUR, was_ahead=HOUR)
    found = refused(session, place, one)
    assert {"电梯位置较远", "手机时间在离线期间被改动", "维保项目", "故障反馈"} <= found
    assert count(session) == 0


def test_of_a_strangers_elevator_nothing_more_is_told(session: Any, place: World) -> None:
    found = refused(session, place, kept(place, code=place.foreign.code, done=CheckOut()))
    assert "无电梯权限" in found and not {"电梯位置较远", "维保项目"} & found


def test_times_before_the_last_contact_or_ahead_of_now_are_refused(session: Any, place: World) -> None:
    assert "早于最近一次联网" in refused(session, place, kept(place, contact=START + 10 * MINUTE))
    late = kept(place, began=START + 3 * HOUR, sent=START + 2 * HOUR)
    assert {"签到时间在将来", "签退时间在将来"} <= refused(session, place, late)
    assert "离线时间过长" in refused(session, place, kept(place, contact=START - 8 * DAY))


def test_another_account_sends_nothing_of_it(session: Any, place: World) -> None:
    mate = make_account(session, Role.WORKER, unit=place.firm)
    session.commit()
    with pytest.raises(NotAllowed, match="另一个账号"):
        send(session, place, kept(place, account_id=mate.id))


def test_the_months_quota_goes_by_receipt(session: Any, place: World) -> None:
    make_policy(session, "quota_general", 1)
    session.commit()
    later = kept(place, "phone-key-2", began=START + HOUR)
    send(session, place, later)
    assert "您本月有效扫码维保次数已达上限" in refused(session, place, kept(place))


# --- half on line


def test_begun_offline_and_ended_on_line(session: Any, place: World) -> None:
    row = send(session, place, kept(place, minutes=None, sent=START + 20 * MINUTE))
    assert (row.state, row.offline, row.sent_at, row.checked_in_at) == ("open", "in", None, START)
    assert row.next_change_at == START + 8 * HOUR + SECOND
    with transaction(session):
        done = visits.check_out(
            session, place.actor("worker"), row.id, place.own.code, HERE, well_done(), START + 40 * MINUTE
        )  # fmt: skip
    assert (done.state, done.offline, done.sent_at) == ("awaiting", "in", START + 40 * MINUTE)


def test_begun_on_line_and_ended_offline(session: Any, place: World) -> None:
    with transaction(session):
        row = visits.check_in(session, place.actor("worker"), place.own.code, HERE, START, client_key="page-key")
    one = kept(place, "out-key-1", began=None, visit_id=row.id)
    done = send(session, place, one)
    assert (done.id, done.state, done.offline, done.checked_out_at) == (row.id, "awaiting", "out", START + 40 * MINUTE)
    assert (done.received_at, done.sent_at) == (START, START + 2 * HOUR)
    assert send(session, place, one).id == row.id and count(session) == 1


def test_a_beginning_sent_before_its_end_is_one_visit(session: Any, place: World) -> None:
    first = send(session, place, kept(place, minutes=None, sent=START + 20 * MINUTE)).id
    whole = send(session, place, kept(place))
    assert (whole.id, whole.offline, whole.state, count(session)) == (first, "both", "awaiting", 1)


def test_an_end_that_ran_out_meanwhile_is_put_right(session: Any, place: World) -> None:
    with transaction(session):
        row = visits.check_in(session, place.actor("worker"), place.own.code, HERE, START)
        number = row.id
    one = kept(place, "out-key-1", began=None, visit_id=number, sent=START + 10 * HOUR)
    worker, lift = place.actor("worker"), place.own.id
    with transaction(session):
        ageing.run(session, START + 9 * HOUR)
    assert session.get(Visit, number).state == "void"
    session.rollback()
    with transaction(session):
        done = offline.receive(session, worker, one, START + 10 * HOUR)
    assert (done.state, done.counted) == ("awaiting", True)
    assert session.get(MaintenanceClock, lift).last_visit_on == dt.date(2026, 3, 2)


def test_an_old_beginning_without_end_has_run_out(session: Any, place: World) -> None:
    row = send(session, place, kept(place, minutes=None, sent=START + 9 * HOUR))
    assert (row.state, row.state_reason) == ("void", "过期未签退")


# --- elsewhere meanwhile, two phones


def test_one_who_has_checked_in_elsewhere_meanwhile(session: Any, place: World) -> None:
    other = make_elevator(session, maintenance_unit=place.firm, use_unit=place.use_unit)
    make_contract(session, place.firm, [other])
    session.commit()
    with transaction(session):
        visits.check_in(session, place.actor("worker"), other.code, HERE, START + 40 * MINUTE)
    # It was over before he began there, so both stand; one that still ran then does not.
    assert send(session, place, kept(place)).state == "awaiting"
    assert session.scalar(select(func.count(Visit.id)).where(Visit.state == "open")) == 1
    overlapping = kept(place, "phone-key-2", minutes=41)
    assert "与另一次维保时间重叠" in refused(session, place, overlapping)
    assert "已在其他电梯签到" in refused(session, place, kept(place, "phone-key-3", began=START + HOUR, minutes=None))


def test_two_phones_record_one_stay_once(session: Any, place: World) -> None:
    send(session, place, kept(place))
    assert refused(session, place, kept(place, "other-phone", began=START + MINUTE)) == {"与另一次维保时间重叠"}
    assert count(session) == 1


def test_sent_twice_at_the_same_moment_is_one_visit(session: Any, place: World, database: Any) -> None:
    """The page and its service worker, or two tabs: the second waits for the person, and finds the first's."""
    one, who = kept(place), place.actor("worker")
    gate, outcome = threading.Barrier(2), []

    def phone() -> None:
        with Session(database.engine) as own:
            gate.wait()
            with transaction(own):
                outcome.append(offline.receive(own, who, one, one.phone.received_at).id)

    threads = [threading.Thread(target=phone) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session.rollback()
    assert len(outcome) == 2 and len(set(outcome)) == 1 and count(session) == 1


def test_a_stop_that_began_later_stops_nothing_before_it(session: Any, place: World) -> None:
    session.get(MaintenanceClock, place.own.id).paused_on = dt.date(2026, 3, 3)
    session.commit()
    later = kept(place, "phone-key-2", began=START + DAY, sent=START + 2 * DAY)
    assert refused(session, place, later) == {"维保已暂停"}
    assert send(session, place, kept(place, sent=START + 2 * DAY)).counted


def test_a_lost_answer_of_the_page_is_no_second_check_out(session: Any, place: World) -> None:
    with transaction(session):
        row = visits.check_in(session, place.actor("worker"), place.own.code, HERE, START)
        number, own, code = row.id, place.actor("worker"), place.own.code
    with transaction(session):
        visits.check_out(session, own, number, code, HERE, well_done(), START + 40 * MINUTE, out_key="out-key-1")
    again = send(session, place, kept(place, "out-key-1", began=None, visit_id=number))
    assert (again.offline, again.sent_at) == (None, START + 40 * MINUTE)


def test_what_is_known_of_it_before_it_was_sent(session: Any, place: World) -> None:
    from app.models.policy import visit_policy
    from app.workflows.visits.visit_standing import state_as_known

    with transaction(session):
        number = visits.check_in(session, place.actor("worker"), place.own.code, HERE, START).id
    row = send(session, place, kept(place, "out-key-1", began=None, visit_id=number))
    policy = visit_policy(session, row.region_code, row.visit_on)
    assert state_as_known(row, policy, START + HOUR) == "open"
    assert state_as_known(row, policy, START + 2 * HOUR) == "awaiting"
    assert clock.local_day(row.checked_in_at) == row.visit_on


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

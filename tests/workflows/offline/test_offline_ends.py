"""Visits of which the phone kept one end, or that overlap another: one stay, put right and recorded once."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock
from app.models import MaintenanceClock, Visit
from app.transaction import transaction
from app.workflows.visits import ageing, offline, visits
from tests.factories import World, make_contract, make_elevator
from tests.workflows.offline.ground import DAY, HERE, HOUR, MINUTE, SECOND, START, count, kept, refused, send, well_done

pytestmark = pytest.mark.feature("MNT-05")


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

"""How many visits of a month a person may have checked in to, by grade, over all his accounts."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import Refusal
from app.models import GradeCertificate, Visit
from app.permissions import Role
from app.transaction import transaction
from app.workflows.visits import visits
from app.workflows.visits.visits import CheckOut
from tests.factories import actor, make_account, make_contract, make_elevator, make_person
from tests.workflows.visit_world import DAY, HERE, HOUR, MINUTE, START, answers, arrive, rules_of, wall


def used_up(session: Any, world: Any, elevators: int, twice: int) -> None:
    """Visits of March by the worker: on so many elevators, the first `twice` of them twice."""
    rows = []
    for number in range(elevators):
        lift = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
        for turn in range(2 if number < twice else 1):
            at = wall(2026, 3, 1, 0, 5) + turn * HOUR
            rows.append(
                Visit(
                    elevator_id=lift.id, unit_id=world.firm.id, region_code=lift.region_code, worker_id=world.worker.id,
                    visit_on=dt.date(2026, 3, 1), checked_in_at=at, checked_out_at=at + HOUR, received_at=at,
                    state="valid", counted=True,
                )
            )  # fmt: skip
    session.add_all(rows)
    session.commit()


@pytest.mark.feature("PER-08")
def test_T15_the_visit_that_reaches_the_quota_passes_then_all_are_refused(session: Any, huzhou: Any) -> None:
    used_up(session, huzhou, 50, 49)
    last = session.scalars(select(Visit).order_by(Visit.id.desc())).first()
    assert last is not None
    code = session.get(type(huzhou.own), last.elevator_id).code
    make_contract(session, huzhou.firm, [session.get(type(huzhou.own), last.elevator_id)])
    session.commit()
    visit = arrive(session, huzhou, code=code)  # 99 + 1
    leave_at = START + 40 * MINUTE
    with transaction(session):
        visits.check_out(
            session,
            huzhou.actor("worker"),
            visit.id,
            code,
            HERE,
            CheckOut(results=answers(visit), problem=""),
            leave_at,
        )
    with pytest.raises(Refusal) as refusal:
        arrive(session, huzhou, leave_at + MINUTE, code=code)  # would add 0, refused all the same
    assert "您本月有效扫码维保次数已达上限" in rules_of(refusal)
    april = wall(2026, 4, 1, 8, 0)
    assert arrive(session, huzhou, april, code=code).state == "open"


@pytest.mark.feature("PER-07")
def test_an_approved_grade_raises_the_quota_and_a_claimed_one_does_not(session: Any, huzhou: Any) -> None:
    used_up(session, huzhou, 50, 50)
    grade = GradeCertificate(
        person_id=huzhou.worker.id, unit_id=huzhou.firm.id, region_code=huzhou.firm.region_code, grade="intermediate",
        certificate_no="DJ1", issued_on=dt.date(2025, 1, 1), state="submitted",
    )  # fmt: skip
    session.add(grade)
    session.commit()
    with pytest.raises(Refusal):
        arrive(session, huzhou)
    grade.state, grade.in_force_from = "approved", START - DAY
    session.commit()
    assert arrive(session, huzhou).state == "open"


@pytest.mark.feature("PER-08")
def test_two_phones_of_one_person_do_not_pass_together(session: Any, huzhou: Any, database: Any) -> None:
    other = make_elevator(session, maintenance_unit=huzhou.firm, use_unit=huzhou.use_unit)
    make_contract(session, huzhou.firm, [other])
    session.commit()
    who, codes = huzhou.actor("worker"), [huzhou.own.code, other.code]
    gate, outcome = threading.Barrier(2), []

    def phone(code: str) -> None:
        with Session(database.engine) as own:
            gate.wait()
            try:
                with transaction(own):
                    visits.check_in(own, who, code, HERE, START)
                outcome.append("in")
            except Refusal:
                outcome.append("refused")

    threads = [threading.Thread(target=phone, args=(code,)) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome) == ["in", "refused"]
    session.rollback()  # what this session read before is not what is there now
    assert session.scalar(select(func.count(Visit.id))) == 1


@pytest.mark.feature("PER-08")
def test_two_accounts_of_one_human_do_not_pass_the_quota_together(session: Any, huzhou: Any, database: Any) -> None:
    """Entered by two firms he is two rows, each of which may have its open visit; the month's limit is one."""
    used_up(session, huzhou, 50, 49)  # 99 of 100
    twin = make_person(
        session, huzhou.other_firm, huzhou.worker.name, certificate_no=huzhou.worker.certificate_no,
        certificate_until=huzhou.worker.certificate_until,
    )  # fmt: skip
    account = make_account(session, Role.WORKER, unit=huzhou.other_firm, person=twin)
    session.commit()
    both = [(huzhou.actor("worker"), huzhou.own.code), (actor(account), huzhou.foreign.code)]
    gate, outcome = threading.Barrier(2), []

    def one(who: Any, code: str) -> None:
        with Session(database.engine) as own:
            gate.wait()
            try:
                with transaction(own):
                    visits.check_in(own, who, code, HERE, START)
                outcome.append("in")
            except Refusal as refusal:
                outcome.append(" ".join(f.rule for f in refusal.findings if f.stops))

    threads = [threading.Thread(target=one, args=pair) for pair in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome) == ["in", "您本月有效扫码维保次数已达上限"]

"""A second person on a visit: who may join, what it counts for, and the two-person rule at check-out (MNT-11)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import Refusal
from app.models import Notification, Visit, VisitCompanion
from app.permissions import Role
from app.transaction import transaction
from app.workflows.on_site import companions
from app.workflows.people import people
from app.workflows.visits import visits
from tests.factories import actor, make_account, make_contract, make_elevator, make_person, make_policy
from tests.workflows.visit_world import FAR, HERE, HOUR, MINUTE, START, arrive, leave, rules_of

pytestmark = pytest.mark.feature("MNT-11")


@pytest.fixture
def mate(session: Any, huzhou: Any) -> Any:
    """Another worker of the firm, who sees all of its elevators."""
    person = make_person(session, huzhou.firm, "沈听澜")
    account = make_account(session, Role.WORKER, unit=huzhou.firm, person=person, sees_all_elevators=True)
    session.commit()
    return account


def join(session: Any, who: Any, visit: Visit, code: str, at: dt.datetime, position: Any = HERE) -> VisitCompanion:
    with transaction(session):
        return companions.join(session, actor(who), visit.id, code, position, at)


def two_persons(session: Any) -> None:
    make_policy(session, "visit_persons", 2)
    session.commit()


def test_a_check_out_waits_for_the_second_person(session: Any, huzhou: Any, mate: Any) -> None:
    two_persons(session)
    visit = arrive(session, huzhou)
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, visit, START + HOUR)
    assert rules_of(refusal) == {"在现场的人数"}
    row = join(session, mate, visit, huzhou.own.code, START + HOUR)
    assert (row.name, row.distance) == ("沈听澜", 0)
    assert leave(session, huzhou, visit, START + HOUR + MINUTE).checked_out_at is not None


def test_the_first_person_is_told_and_a_second_press_joins_once(session: Any, huzhou: Any, mate: Any) -> None:
    visit = arrive(session, huzhou)
    first = join(session, mate, visit, huzhou.own.code, START + MINUTE)
    assert join(session, mate, visit, huzhou.own.code, START + 2 * MINUTE).id == first.id
    told = session.scalars(select(Notification).where(Notification.topic == "visit.join")).all()
    assert [n.recipient_id for n in told] == [huzhou.accounts["worker"].id]
    assert session.scalar(select(func.count()).select_from(VisitCompanion)) == 1


@pytest.mark.parametrize(
    ("where", "code", "rule"),
    [(FAR, None, "电梯位置较远"), (HERE, "299999", "同一台电梯")],
)
def test_joining_is_proved_on_site(
    session: Any, huzhou: Any, mate: Any, where: Any, code: str | None, rule: str
) -> None:
    visit = arrive(session, huzhou)
    with pytest.raises(Refusal) as refusal:
        join(session, mate, visit, code or huzhou.own.code, START + MINUTE, where)
    assert rule in rules_of(refusal)


def test_nobody_is_two_persons(session: Any, huzhou: Any) -> None:
    """Two accounts of one human, told by the number of the certificate, are one."""
    visit = arrive(session, huzhou)
    twin = make_person(session, huzhou.firm, "王砚秋", certificate_no=huzhou.worker.certificate_no)
    account = make_account(session, Role.WORKER, unit=huzhou.firm, person=twin, sees_all_elevators=True)
    session.commit()
    with pytest.raises(Refusal) as refusal:
        join(session, account, visit, huzhou.own.code, START + MINUTE)
    assert "协同维保人员" in rules_of(refusal)


def test_a_visit_of_another_firm_is_not_found(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    person = make_person(session, huzhou.other_firm, "何知远")
    account = make_account(session, Role.WORKER, unit=huzhou.other_firm, person=person, sees_all_elevators=True)
    session.commit()
    with pytest.raises(Refusal, match="没有找到"):
        join(session, account, visit, huzhou.own.code, START + MINUTE)


def test_an_ended_visit_is_joined_no_more(session: Any, huzhou: Any, mate: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + HOUR)
    with pytest.raises(Refusal) as refusal:
        join(session, mate, visit, huzhou.own.code, START + HOUR + MINUTE)
    assert "正在维保" in rules_of(refusal)
    # Nor is one that ran out before ageing came round.
    other = make_elevator(session, maintenance_unit=huzhou.firm, use_unit=huzhou.use_unit)
    make_contract(session, huzhou.firm, [other])
    session.commit()
    open_one = arrive(session, huzhou, START + 2 * HOUR, code=other.code)
    with pytest.raises(Refusal) as refusal:
        join(session, mate, open_one, other.code, START + 11 * HOUR)
    assert "正在维保" in rules_of(refusal)


def test_who_went_elsewhere_counts_no_more(session: Any, huzhou: Any, mate: Any) -> None:
    two_persons(session)
    other = make_elevator(session, maintenance_unit=huzhou.firm, use_unit=huzhou.use_unit)
    make_contract(session, huzhou.firm, [other])
    session.commit()
    visit = arrive(session, huzhou)
    join(session, mate, visit, huzhou.own.code, START + MINUTE)
    with transaction(session):
        visits.check_in(session, actor(mate), other.code, HERE, START + 10 * MINUTE)
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, visit, START + HOUR)
    assert rules_of(refusal) == {"在现场的人数"}


def test_it_takes_nothing_of_the_quota_and_moves_no_clock(session: Any, huzhou: Any, mate: Any) -> None:
    visit = arrive(session, huzhou)
    join(session, mate, visit, huzhou.own.code, START + MINUTE)
    held = people.quotas(session, [mate.person], START + MINUTE)[mate.person.id]
    assert held.used == 0
    assert session.scalar(select(func.count()).select_from(Visit)) == 1


def test_the_phone_shows_whose_visit_runs(session: Any, huzhou: Any, mate: Any) -> None:
    visit = arrive(session, huzhou)
    who = actor(mate)
    [shown] = companions.running(session, who, huzhou.own.id, START + MINUTE)
    assert (shown.visit_id, shown.name, shown.joined) == (visit.id, "王砚秋", False)
    join(session, mate, visit, huzhou.own.code, START + MINUTE)
    assert companions.running(session, who, huzhou.own.id, START + 2 * MINUTE)[0].joined
    assert companions.running(session, huzhou.actor("worker"), huzhou.own.id, START + MINUTE) == []
    assert companions.running(session, who, huzhou.own.id, START + 9 * HOUR) == []

"""What the clock hears of a visit: the order it closes, its ageing, the record that stays."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app import scope
from app.errors import NotFound
from app.models import MaintenanceClock, MaintenanceLedger, MaintenanceOrder, OverduePeriod, Visit
from app.transaction import transaction
from app.workflows.maintenance import schedule
from app.workflows.visits import ageing, visits
from tests.factories import make_clock, make_ledger
from tests.workflows.visit_world import DAY, HOUR, MINUTE, START, arrive, leave, wall


@pytest.mark.feature("PLN-01")
@pytest.mark.feature("PLN-03")
def test_a_visit_closes_the_order_and_moves_the_next_dates(session: Any, huzhou: Any) -> None:
    make_ledger(session, huzhou.own, huzhou.worker, next_half_month_on=dt.date(2026, 3, 4))
    make_clock(session, huzhou.own, dt.date(2026, 2, 17))
    session.commit()
    with transaction(session):
        made = schedule.run(session, dt.date(2026, 3, 2), START)
    assert made.orders_made == 1
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    order = session.scalars(select(MaintenanceOrder)).one()
    assert (order.state, order.visit_id) == ("done", visit.id)
    row = session.get(MaintenanceClock, huzhou.own.id)
    assert (row.last_visit_on, row.limit_on) == (dt.date(2026, 3, 2), dt.date(2026, 3, 17))
    ledger = session.scalars(select(MaintenanceLedger)).one()
    assert ledger.next_half_month_on == dt.date(2026, 3, 17)


@pytest.mark.feature("PLN-10")
def test_an_open_visit_that_dies_of_age_leaves_the_period_missed(session: Any, huzhou: Any) -> None:
    make_clock(session, huzhou.own, dt.date(2026, 2, 15))  # limit 03-02
    session.commit()
    arrive(session, huzhou, wall(2026, 3, 2, 20, 0))
    night = wall(2026, 3, 3, 0, 20)
    with transaction(session):
        schedule.run(session, dt.date(2026, 3, 3), night)
    assert session.scalar(select(func.count(OverduePeriod.id))) == 0  # it is waited for
    with transaction(session):
        summary = ageing.run(session, night + 5 * HOUR)
    assert summary.moved == {"void": 1}
    with transaction(session):
        schedule.run(session, dt.date(2026, 3, 4), night + DAY)
    assert session.scalars(select(OverduePeriod.limit_on)).all() == [dt.date(2026, 3, 2)]


@pytest.mark.feature("MNT-08")
def test_ageing_twice_changes_nothing_the_second_time(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    late = wall(2026, 3, 18, 0, 0)
    with transaction(session):
        before = ageing.run(session, late - dt.timedelta(seconds=1))
        first = ageing.run(session, late)
        second = ageing.run(session, late + DAY)
    assert (before.looked_at, first.moved, second.looked_at) == (0, {"nonconforming": 1}, 0)
    session.expire_all()
    assert session.get(Visit, visit.id).state_reason == "使用单位未在时限内复核"


@pytest.mark.feature("MNT-10")
def test_a_record_stays_and_corrections_stand_beside_it(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    stored = (visit.results, visit.snapshot)
    huzhou.own.address = "改了的地址"
    session.commit()
    with transaction(session):
        note = visits.add_note(session, huzhou.actor("worker"), visit.id, "底坑照片见附件", START + DAY)
    session.expire_all()
    again = session.get(Visit, visit.id)
    assert (again.results, again.snapshot) == stored
    assert (note.visit_id, note.body) == (visit.id, "底坑照片见附件")
    with scope.acting(huzhou.actor("other_worker")), pytest.raises(NotFound), transaction(session):
        visits.add_note(session, huzhou.actor("other_worker"), visit.id, "x", START + DAY)

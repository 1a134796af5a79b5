"""What a clock keeps of its elevator's status is that status, whatever happened; warnings count by it alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.listing import Moment, Query
from app.listings import standing, warnings
from app.models import Elevator, MaintenanceClock
from app.permissions import SYSTEM, Actor
from app.workflows.contracts import cover
from app.workflows.core import moves
from tests import factories

TODAY = dt.date(2026, 11, 26)
STATUSES = ("in_use", "suspended", "notified", "scrapped")


@pytest.fixture
def firm(session: Any) -> Any:
    return factories.make_unit(session)


def drifted(session: Any) -> int:
    """Clocks that say something else than their elevators."""
    session.flush()
    wrong = MaintenanceClock.in_use != (Elevator.status == "in_use")
    return session.scalar(select(func.count()).select_from(MaintenanceClock).join(Elevator).where(wrong))


@pytest.mark.feature("WRN-01")
def test_new_clocks_take_it_from_their_elevators(session: Any, firm: Any) -> None:
    for status in STATUSES:
        factories.make_elevator(session, maintenance_unit=firm, status=status)
    cover.make_clocks(session, Elevator.__table__.c.id > 0)
    assert session.scalar(select(func.count()).select_from(MaintenanceClock)) == len(STATUSES)
    assert session.scalar(select(func.count()).where(MaintenanceClock.in_use)) == 1
    assert drifted(session) == 0


@pytest.mark.feature("WRN-01")
def test_what_came_in_without_a_clock_is_given_one_by_the_sweep(session: Any, firm: Any) -> None:
    """The night's schedule reads clocks alone; an approval makes them, and this finds what came in any other way."""
    for status in STATUSES:
        factories.make_elevator(session, maintenance_unit=firm, status=status)
    draft = factories.make_elevator(session, maintenance_unit=firm, approved_version=0)
    used = session.scalar(select(Elevator).where(Elevator.status == "in_use", Elevator.approved_version > 0))
    factories.make_contract(session, firm, [used], ends_on=TODAY)
    assert cover.mend_clocks(session, TODAY) == 1
    assert session.get(MaintenanceClock, draft.id) is None
    assert session.get(MaintenanceClock, used.id).covered_until == TODAY
    assert cover.mend_clocks(session, TODAY) == 0


@pytest.mark.feature("WRN-01")
def test_each_step_of_the_status_takes_the_clock_along(session: Any, firm: Any) -> None:
    elevator = factories.make_elevator(session, maintenance_unit=firm, status="in_use")
    other = factories.make_elevator(session, maintenance_unit=firm, status="in_use")
    cover.make_clocks(session, Elevator.__table__.c.id > 0)
    for new, verb in (("suspended", "suspension"), ("in_use", "reactivation"), ("scrapped", "scrapping")):
        moves.move(session, SYSTEM, elevator, "status", new, verb=verb, at=clock.now())
        assert session.get(MaintenanceClock, elevator.id).in_use is (new == "in_use")
        assert session.get(MaintenanceClock, other.id).in_use
        assert drifted(session) == 0


@pytest.mark.feature("WRN-01")
def test_counts_are_those_of_the_rule_over_the_register(session: Any, firm: Any) -> None:
    """Every status × over, near, far, none: what is counted by clocks alone equals the rule asked of both tables."""
    for status in STATUSES:
        for days in (-20, -1, 0, 2, 40, None):
            elevator = factories.make_elevator(session, maintenance_unit=firm, status=status)
            limit = None if days is None else TODAY + dt.timedelta(days=days)
            factories.make_clock(
                session, elevator, None, limit_on=limit, covered_until=limit, paused_on=TODAY if days == 2 else None
            )
    actor = Actor(1, "看", frozenset({"region_admin"}), region_code="980000000000")  # type: ignore[arg-type]
    moment = Moment(session, actor, TODAY, clock.instant_of(dt.datetime.combine(TODAY, dt.time(9))))
    conditions = {
        ("maintenance", "over"): standing.maintenance_over, ("maintenance", "near"): standing.maintenance_near,
        ("contract", "over"): standing.cover_over, ("contract", "near"): standing.cover_near,
    }  # fmt: skip
    counts = warnings.counts(moment)
    for name, condition in conditions.items():
        plain = select(func.count()).select_from(MaintenanceClock).join(Elevator)
        asked = session.scalar(plain.where(Elevator.status == "in_use", condition(moment)))
        assert counts[name] == asked > 0, name
        listing = warnings.KINDS[name[0]]
        assert listing.total(moment, Query(tab=name[1])) == asked
        assert {row.elevator.status for row in listing.rows(moment, Query(tab=name[1], sort="code"))} == {"in_use"}


@pytest.mark.feature("WRN-01")
def test_counting_reads_no_register(session: Any, firm: Any) -> None:
    """The promise that makes it fast: neither database opens the elevators' table to count what clocks know."""
    actor = Actor(1, "看", frozenset({"region_admin"}), region_code="980000000000")  # type: ignore[arg-type]
    moment = Moment(session, actor, TODAY, clock.instant_of(dt.datetime.combine(TODAY, dt.time(9))))
    statement = warnings.KINDS["maintenance"].statement(moment, Query(), tab="over").limit(10)
    bind = session.get_bind()
    text = str(statement.compile(dialect=bind.dialect, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN QUERY PLAN" if bind.dialect.name == "sqlite" else "EXPLAIN"
    plan = " ".join(str(row) for row in session.connection().exec_driver_sql(f"{explain} {text}".replace("%", "%%")))
    assert "maintenance_clock" in plan
    assert " elevator" not in plan, plan

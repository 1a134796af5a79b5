"""What records of the invented region keep by themselves, as the product's own do (MNT-10)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.demo import rescues
from app.demo.builder import Builder
from app.models import Person, Unit, Visit
from app.transaction import transaction

NOW = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)


@pytest.mark.feature("MNT-10")
def test_visits_keep_who_came_and_the_station_says_since_when(session: Any) -> None:
    with transaction(session):
        Builder(session, 30, 7, NOW, None, 60).build()
        rescues.make_agent(session)
    rows = session.execute(select(Visit.snapshot, Person.name, Unit.name).join(Visit.worker).join(Visit.unit)).all()
    assert rows
    for kept, worker, unit in rows:
        assert (kept["worker"], kept["unit"]) == (worker, unit) and kept["code"] and kept["address"]
    station = session.scalars(select(Unit).where(Unit.is_rescue)).one()
    assert station.approved_version == 1 and station.approved_on is not None

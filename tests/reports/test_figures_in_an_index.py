"""What counts the whole register finds all it counts by in one narrow index of PostgreSQL (revision 0090)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from app import clock
from app.listing import moment
from app.listings.elevators import ELEVATORS
from app.models import Elevator
from app.reports import coverage, elevator_map, statistics
from app.workflows.oversight import spot_risk
from tests.factories import World
from tests.statements import statements

NOW = clock.now()
TODAY = clock.local_day(NOW)


def _statistics(world: World, actor: Any) -> None:
    statistics._register(moment(world.session, actor), statistics.Frame("980402000000", TODAY, TODAY))


def _coverage(world: World, actor: Any) -> None:
    for by in coverage.BY:
        coverage.lines(world.session, actor, by, TODAY)


def _map(world: World, actor: Any) -> None:
    elevator_map.whole(ELEVATORS, moment(world.session, actor), ELEVATORS.read({"tab": "all"}))


def _risk(world: World, actor: Any) -> None:
    spot_risk._groups(world.session, spot_risk._lifts(world.session, actor, spot_risk.Asked(), TODAY))


@pytest.mark.parametrize("count", [
    pytest.param(_statistics, marks=pytest.mark.feature("STA-02")),
    pytest.param(_coverage, marks=pytest.mark.feature("STA-02")),
    pytest.param(_map, marks=pytest.mark.feature("DSH-03")),
    pytest.param(_risk, marks=pytest.mark.feature("TGT-01")),
])  # fmt: skip
def test_whatever_of_the_register_is_counted_by_stands_in_the_index(world: World, count: Callable[..., None]) -> None:
    """A column that is not in it would have all of the wide rows read."""
    (index,) = [one for one in Elevator.__table__.indexes if one.name == "ix_elevator_figures"]
    held = {*index.columns.keys(), *index.dialect_options["postgresql"]["include"]}
    # Named within, for who ranks them all one by one; whoever counts does not read it.
    held.add("code")
    with statements() as seen:
        count(world, world.actor("region_admin"))
    asked = [{*re.findall(r"\belevator\.(\w+)", one)} for one in seen if "GROUP BY" in one and "FROM elevator" in one]
    assert asked and all(columns <= held for columns in asked), [columns - held for columns in asked]

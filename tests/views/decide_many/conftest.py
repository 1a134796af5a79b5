"""Some applications that wait, few of which are many already."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from app import clock
from app.models import Application, Elevator
from app.workflows.desk import many
from tests.factories import World
from tests.views.decide_many.ground import FEW
from tests.workflows.filing_world import AT, elevator_data, save, submit


@pytest.fixture(autouse=True)
def while_none_is_late() -> Iterator[None]:
    with clock.frozen(AT + dt.timedelta(hours=1)):
        yield


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "AT_ONCE", 2)


@pytest.fixture
def waiting(session: Any, world: World) -> list[Application]:
    head = world.actor("maintenance_head")
    rows = [save(session, head, Elevator, None, elevator_data(world, code=f"3001{n:02d}")) for n in range(FEW)]
    return [submit(session, head, row) for row in rows]

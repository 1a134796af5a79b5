"""Some elevators of one street, one of which is suspended."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import Elevator
from tests.factories import World, make_elevator
from tests.views.apply_many.ground import FEW


@pytest.fixture
def chosen(session: Any, world: World) -> list[Elevator]:
    rows = [
        make_elevator(
            session, maintenance_unit=world.firm, use_unit=world.use_unit, address=f"揽月街 {n} 号", status=status
        )
        for n, status in enumerate(["in_use"] * FEW + ["suspended"])
    ]  # fmt: skip
    session.commit()
    return rows

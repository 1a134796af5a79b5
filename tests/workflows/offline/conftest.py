"""An elevator whose clock and ledger run under the rules of Huzhou, or of another city."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.factories import World, make_clock, make_ledger, make_policy


@pytest.fixture(params=["huzhou"])
def place(session: Any, world: World, request: Any) -> World:
    make_policy(session, "preset", request.param)
    make_clock(session, world.own, dt.date(2026, 2, 20))
    make_ledger(session, world.own)
    session.commit()
    return world

"""A contract's page counts its elevators as the list does."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from app import clock
from tests.factories import World, make_contract


@pytest.mark.feature("CON-01", "CON-02")
def test_a_contract_that_is_over_says_what_it_covered(world: World, sign_in: Any) -> None:
    today, year = clock.today(), dt.timedelta(days=365)
    row = make_contract(world.session, world.firm, [world.own], today - 2 * year, today - year)
    world.session.commit()
    page = sign_in(world.accounts["region_admin"]).get(f"/contracts/{row.id}").text
    found = re.search(r"<dt>电梯台数</dt><dd>(\d+)</dd>", page)
    assert found is not None and found[1] == "1"

"""撤回所选: a batch that was handed in by mistake is taken back from the list, each by its own rules."""

from __future__ import annotations

from typing import Any

import pytest

from app import clock
from app.models import Elevator
from tests.conftest import csrf
from tests.factories import World
from tests.views.apply_many.ground import DAY, FEW, checked, confirm, made
from tests.views.decide_many.ground import post, ticks
from tests.views.test_imports import work

pytestmark = pytest.mark.feature("LIF-07")


def take_back(client: Any, *ids: int) -> Any:
    data = {"ids": list(ids), "csrf_token": csrf(client, "/applications/")}
    return client.post("/applications/deed/withdraw", data=data)


@pytest.fixture
def batch(app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]) -> int:
    client = sign_in(world.accounts["use_head"])
    later = (clock.today() + 3 * DAY).isoformat()
    job = confirm(session, client, checked(app, session, client, effective_on=later))
    work(app, session)
    return int(job.id)


def test_what_is_not_decided_is_taken_back_and_the_rest_says_why(
    session: Any, world: World, sign_in: Any, batch: int
) -> None:
    client, rows = sign_in(world.accounts["use_head"]), made(session)
    assert "撤回所选" in client.get(f"/applications/?f_batch={batch}").text
    officer = sign_in(world.accounts["inspector"])
    post(officer, {"verb": "reject", "opinion": "不属实", "sure": "1", "chosen": ticks(rows[0])})
    post(officer, {"verb": "approve", "sure": "1", "chosen": ticks(rows[1])})
    numbers = [row.number for row in made(session)]
    page = take_back(client, *(row.id for row in made(session)))
    assert page.status_code == 200 and all(number in page.text for number in numbers)
    states = [(row.state, row.took_effect_at) for row in made(session)]
    # Refused by the officer, it stays so; approved for a later day, it is called off.
    assert states[0] == ("rejected", None) and states[1][1] is None and states[1][0] != "approved"
    assert {state for state, _at in states[2:]} == {"withdrawn"} and len(states) == FEW


def test_nobody_takes_back_what_is_anothers(session: Any, world: World, sign_in: Any, batch: int) -> None:
    """The firm of the elevators reads them as a party; an officer has no such deed."""
    ids = [row.id for row in made(session)]
    firm = sign_in(world.accounts["maintenance_head"])
    assert take_back(firm, *ids).status_code == 200
    officer = sign_in(world.accounts["inspector"])
    assert "撤回所选" not in officer.get("/applications/").text
    token = csrf(officer, "/applications/")
    assert officer.post("/applications/deed/withdraw", data={"ids": ids, "csrf_token": token}).status_code in (302, 403)
    assert {row.state for row in made(session)} == {"submitted"}

"""放弃修改 of what has nothing to go back to: a refusal by page and interface, never a 500 (UNT-05, ELV-04)."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import Refusal
from app.models import Elevator, Unit
from app.transaction import transaction
from app.workflows.core import moves
from app.workflows.filing import filing
from tests.api.callers import Caller, rules_of
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.filing_world import AT, decide, elevator_data, filed_elevator, fresh, save, submit, unit_data

pytestmark = pytest.mark.feature("UNT-05", "ELV-04", "INT-04")


def drafted(world: World, model: Any) -> Any:
    data = elevator_data(world) if model is Elevator else unit_data(world.session)
    return save(world.session, world.actor("maintenance_head"), model, None, data)


def by_page(world: World, sign_in: Any, row: Any) -> Any:
    place, key = ("elevators" if isinstance(row, Elevator) else "units"), row.id
    world.session.commit()
    browser = sign_in(world.accounts["maintenance_head"])
    return browser.post(f"/{place}/{key}/discard", data={"csrf_token": csrf(browser)})


@pytest.mark.parametrize("model", [Unit, Elevator])
def test_a_first_filing_has_nothing_to_go_back_to(session: Any, world: World, sign_in: Any, model: Any) -> None:
    row = drafted(world, model)
    for state in ("draft", "pending"):
        if state == "pending":
            submit(session, world.actor("maintenance_head"), row)
        answer = by_page(world, sign_in, row)
        assert answer.status_code == 422 and "没有可以放弃的修改" in answer.text, state
        with pytest.raises(Refusal, match="不能由"), transaction(session):
            moves.move(session, world.actor("clerk"), row, "filing_state", "approved", verb=moves.DISCARD, at=AT)
        session.rollback()
        assert fresh(session).get(model, row.id).filing_state == state


def test_a_rejected_first_filing_has_nothing_to_go_back_to(session: Any, world: World, sign_in: Any) -> None:
    row = drafted(world, Elevator)
    decide(session, world.actor("inspector"), submit(session, world.actor("maintenance_head"), row), "reject", "不符")
    assert by_page(world, sign_in, row).status_code == 422
    assert fresh(session).get(Elevator, row.id).filing_state == "rejected"


def test_by_the_interface(app: Any, session: Any, world: World) -> None:
    firm = Caller(app, world, "maintenance_head")
    for place, model in (("units", Unit), ("elevators", Elevator)):
        url = f"/{place}/{drafted(world, model).id}/draft"
        assert firm.call("DELETE", url).json == {"done": True}
        assert firm.call("DELETE", url).status_code == 404, "the draft is gone whole"
        waits = drafted(world, model)
        submit(session, world.actor("maintenance_head"), waits)
        assert rules_of(firm.call("DELETE", f"/{place}/{waits.id}/draft")) == {"不能删除"}


def test_a_change_that_waits_is_withdrawn_first(app: Any, session: Any, world: World, sign_in: Any) -> None:
    row, firm = filed_elevator(world), Caller(app, world, "maintenance_head")
    url = f"/elevators/{row.id}/draft"
    assert rules_of(firm.call("DELETE", url)) == {"放弃修改"}, "nothing was changed"
    save(session, world.actor("maintenance_head"), Elevator, row, {"address": "别处"})
    submit(session, world.actor("maintenance_head"), row)
    assert rules_of(firm.call("DELETE", url)) == {"放弃修改"}
    assert by_page(world, sign_in, row).status_code == 422
    assert firm.post(f"/elevators/{row.id}/withdraw").status_code == 200
    assert firm.call("DELETE", url).json == {"done": True}
    kept = fresh(session).get(Elevator, row.id)
    assert (kept.filing_state, filing.content(session, kept)["address"]) == ("approved", "明水路 8 号 1 幢")

"""The history of a filing by interface and page: whole for who files, without unsent drafts for all others."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import Elevator, Unit
from app.transaction import transaction
from app.workflows.filing import filing
from tests.api.callers import Caller
from tests.factories import World
from tests.statements import statements
from tests.workflows.filing_world import AT, decide, filed_elevator, save, submit

pytestmark = pytest.mark.feature("UNT-06", "ELV-10", "INT-04")


def test_versions_and_steps(app: Any, session: Any, world: World) -> None:
    row, head = filed_elevator(world, safety_phone="13800000001"), world.actor("maintenance_head")
    save(session, head, Elevator, row, {"address": "明水路 8 号 2 幢", "safety_phone": "13811110001"})
    decide(session, world.actor("inspector"), submit(session, head, row), "approve", "已核对")
    found = Caller(app, world, "inspector").get(f"/elevators/{row.id}/history")
    versions = found.json["versions"]
    assert [(v["number"], v["state"], v["opinion"]) for v in versions] == [
        (2, "approved", "已核对"),
        (1, "approved", "属实"),
    ]
    changed = {line["label"]: (line["old"], line["new"]) for line in versions[0]["changed"]}
    assert ("明水路 8 号 1 幢", "明水路 8 号 2 幢") in changed.values()
    assert "13811110001" not in found.text and "138****0001（中间几位不同）" in found.text
    assert {"submit", "approve", "edit"} <= {step["verb"] for step in found.json["steps"]}
    firm = Caller(app, world, "maintenance_head")
    assert firm.get(f"/elevators/{world.foreign.id}/history").status_code == 404
    assert firm.get(f"/units/{world.other_firm.id}/history").status_code == 404


def test_who_did_it_is_asked_for_once(app: Any, session: Any, world: World) -> None:
    row, head = filed_elevator(world, safety_phone="13800000001"), world.actor("maintenance_head")
    inspector = Caller(app, world, "inspector")

    def asked() -> int:
        with statements() as sent:
            assert inspector.get(f"/elevators/{row.id}/history").status_code == 200
        return len(sent)

    asked()
    few = asked()
    for number in range(2, 6):
        save(session, head, Elevator, row, {"address": f"明水路 8 号 {number} 幢"})
        decide(session, world.actor("inspector"), submit(session, head, row), "approve", "属实")
    assert asked() <= few, "none for each version and its region, none for each name"


def test_what_was_not_handed_in_is_not_told_to_others(app: Any, session: Any, world: World, sign_in: Any) -> None:
    """The other side of an elevator sees the unit, and nothing of what it is writing."""
    key, head = world.firm.id, world.actor("maintenance_head")
    for address, then in (("暗渠路 1 号", "discard"), ("暗渠路 2 号", "keep")):
        row = session.get(Unit, key)
        save(session, head, Unit, row, {"address": address})
        if then == "discard":
            with transaction(session):
                filing.discard(session, head, session.get(Unit, key), AT)
    own, partner = Caller(app, world, "maintenance_head"), Caller(app, world, "use_head")
    assert (
        "暗渠路 1 号" in own.get(f"/units/{key}/history").text
        and "暗渠路 2 号" in own.get(f"/units/{key}/history").text
    )
    told = partner.get(f"/units/{key}/history")
    assert told.status_code == 200 and "暗渠路" not in told.text
    shown = {who: sign_in(world.accounts[who]).get(f"/units/{key}/history") for who in ("maintenance_head", "use_head")}
    assert {who: page.status_code for who, page in shown.items()} == {"maintenance_head": 200, "use_head": 200}
    assert "暗渠路" in shown["maintenance_head"].text and "暗渠路" not in shown["use_head"].text
    assert partner.get(f"/units/{key}/draft").status_code == 403 and own.get(f"/units/{key}/draft").status_code == 200
    form = sign_in(world.accounts["use_head"]).get(f"/units/{key}/edit")
    assert form.status_code == 403 and "暗渠路" not in form.text
    assert "暗渠路 2 号" in sign_in(world.accounts["maintenance_head"]).get(f"/units/{key}/edit").text

"""Can this happen? The same findings at desk, phone and API, each with the place where it is mended (GAT-01)."""

from __future__ import annotations

from typing import Any

import pytest

from app import clock
from app.errors import Refusal
from app.workflows.desk import gates
from app.workflows.on_site import presence
from tests import factories
from tests.factories import World
from tests.workflows.filing_world import AT

pytestmark = pytest.mark.feature("GAT-01")


def failing(findings: Any) -> dict[str, str | None]:
    return {f.rule: f.link for f in findings if f.stops}


def test_every_reason_of_a_check_in_leads_where_it_is_mended(session: Any, world: World) -> None:
    row = factories.make_elevator(
        session, maintenance_unit=world.firm, use_unit=world.use_unit, status="suspended", latitude=None,
        longitude=None,
    )  # fmt: skip
    session.commit()
    head, page = world.actor("maintenance_head"), f"/elevators/{row.id}"
    assert failing(gates.of_elevator(session, head, row, "check_in", AT)) == {
        "电梯已停用": f"{page}/apply/reactivation", "电梯已超有效期(脱保)": "/contracts/",
        "电梯尚未标注位置": f"{page}/position",
    }  # fmt: skip
    # On the phone the same is found; a worker is led to the page where he marks the place, and nowhere he may not go.
    _found, told = presence.gate(session, world.actor("worker"), row.code, presence.Position(30.5, 120.5), AT)
    desk = {f.found for f in gates.of_elevator(session, head, row, "check_in", AT) if f.stops}
    assert desk <= {f.found for f in told if f.stops}
    assert {name: link for name, link in failing(told).items() if link} == {
        "电梯尚未标注位置": f"/m/position/{row.code}"
    }


def test_all_is_well(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    for what in ("check_in", "suspension", "scrapping", "registration_change", "maintenance_pause"):
        assert failing(gates.of_elevator(session, head, world.own, what, AT)) == {}, what
    held = failing(gates.of_elevator(session, head, world.own, "contract", AT))
    assert held == {"一台电梯同日只能有一份合同": f"/contracts/{world.contract.id}"}
    assert "电梯状态变更" in failing(gates.of_elevator(session, head, world.own, "reactivation", AT))
    with pytest.raises(Refusal, match="没有“nonsense”这种事项"):
        gates.of_elevator(session, head, world.own, "nonsense", AT)


def test_desk_and_api_say_the_same(session: Any, world: World, sign_in: Any) -> None:
    world.own.status = "suspended"
    session.commit()
    expected = gates.of_elevator(session, world.actor("maintenance_head"), world.own, "check_in", clock.now())
    key = world.own.id
    session.rollback()
    client = sign_in(world.accounts["maintenance_head"])
    desk = client.get(f"/elevators/{key}/gate?what=check_in").text
    api = client.get(f"/api/v1/elevators/{key}/gate?what=check_in").get_json()
    assert api["passes"] is False
    assert [f["found"] for f in api["findings"]] == [f.found for f in expected]
    for finding in expected:
        assert finding.found in desk and (not finding.link or finding.link in desk)
    assert client.get(f"/api/v1/elevators/{key}/gate?what=x").status_code == 422
    assert client.get(f"/elevators/{world.foreign.id}/gate").status_code == 404
    assert client.get(f"/api/v1/elevators/{world.foreign.id}/gate").status_code == 404

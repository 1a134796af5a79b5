"""What moves and hand-overs of earlier releases left behind, put right by a command: once, and by the usual ways."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import update

from app import scope
from app.models import Application, Elevator, MaintenanceClock, MaintenanceTeam, Unit
from app.permissions import Role
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.filing import moved_earlier
from app.workflows.oversight import anomalies
from app.workflows.public import messages
from tests import factories
from tests.factories import World
from tests.workflows.filing_world import AT, TODAY, attachment, decide

pytestmark = pytest.mark.feature("LIF-05", "LIF-07")
HERE, THERE = "980402000000", "980403000000"
DAY = dt.timedelta(days=1)


def left_behind(world: World) -> dict[str, Any]:
    """Rows as an earlier release left them: unit and elevator moved, the elevator handed on, nothing followed."""
    session, head = world.session, world.actor("use_head")
    city = factories.make_account(session, Role.INSPECTOR, region_code="980400000000")
    factories.make_clock(session, world.own, TODAY - 3 * DAY)
    factories.make_ledger(session, world.own, world.worker)
    factories.make_policy(session, "second_approval", "all")
    rows: dict[str, Any] = {
        "runs": factories.make_contract(session, world.firm, [world.foreign], TODAY - 9 * DAY, TODAY + 99 * DAY),
        "over": factories.make_contract(session, world.firm, [world.foreign], TODAY - 99 * DAY, TODAY - 9 * DAY),
        "team": MaintenanceTeam(name="一组", unit_id=world.firm.id, region_code=HERE),
    }  # fmt: skip
    session.add(rows["team"])
    clerk = world.actor("clerk")
    for name, entity, entity_id in (
        ("scan", "unit", world.firm.id), ("card", "person", world.worker.id), ("kept", "contract", rows["runs"].id),
    ):  # fmt: skip
        rows[name] = attachment(session, clerk, entity=entity, entity_id=entity_id)
    session.commit()
    paper = attachment(session, head)
    with scope.acting(head), transaction(session):
        rows["asked"] = applications.apply(
            session, head, "suspension", world.own, at=AT, effective_on=TODAY, reason="见材料", data={},
            attachments=[paper.id],
        )  # fmt: skip
    decide(session, world.actor("inspector"), rows["asked"], "approve")
    with transaction(session):
        rows["odd"] = anomalies.found(session, None, world.own, source="iot", kind="door", text="开关门异常", at=AT)
        rows["line"] = messages.leave(session, world.own, "门关得太快", AT, address="203.0.113.9")
    there = factories.region(session, THERE)
    moved = {"region_id": there.id, "region_code": THERE}
    session.execute(update(Unit).where(Unit.id == world.firm.id).values(moved))
    taken = moved | {"maintenance_unit_id": world.other_firm.id}
    session.execute(update(Elevator).where(Elevator.id == world.own.id).values(taken))
    session.commit()
    session.expire_all()
    return rows | {"city": city}


@pytest.mark.parametrize("at_once", [1, 500])
def test_what_was_left_behind_follows_once(world: World, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(moved_earlier, "ROWS_AT_ONCE", at_once)
    session, rows = world.session, left_behind(world)
    asked: Application = rows["asked"]
    assert (asked.state, asked.region_code) == ("endorsed", HERE)
    found = moved_earlier.put_right(session, AT + DAY)
    session.expire_all()
    assert found["contract"] >= 1 and found["maintenance_team"] == 1 and found["person"] >= 1
    assert found["hand_on"] == 1 and found["application"] == 1
    runs, over, odd, line = (rows[name] for name in ("runs", "over", "odd", "line"))
    assert found["attachment"] == 2, "what hangs on a record that is decided stays where that was"
    assert [rows[name].region_code for name in ("scan", "card", "kept")] == [THERE, THERE, HERE]
    assert (runs.region_code, over.region_code, rows["team"].region_code) == (THERE, HERE, THERE)
    assert {odd.unit_id, line.unit_id} == {world.other_firm.id} and {odd.region_code, line.region_code} == {THERE}
    assert (asked.state, asked.region_code, asked.endorsed_by_id) == ("accepted", THERE, None)
    assert (world.worker.region_code, session.get(MaintenanceClock, world.own.id).region_code) == (THERE, THERE)
    assert world.accounts["use_head"].region_code == HERE, "whoever did not move stays"
    assert moved_earlier.put_right(session, AT + 2 * DAY) == {}


def test_the_command_tells_what_it_did(app: Any, world: World) -> None:
    session = world.session
    session.add(MaintenanceTeam(name="二组", unit_id=world.firm.id, region_code=THERE))
    session.commit()
    runner = app.test_cli_runner()
    first = runner.invoke(args=["follow-moves"])
    assert first.exit_code == 0 and "maintenance_team 1" in first.output, first.output
    assert "没有遗留" in runner.invoke(args=["follow-moves"]).output

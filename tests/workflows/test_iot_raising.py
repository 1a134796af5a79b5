"""What events set going: rescues and anomalies, once however often and in whatever order they come (INT-03, RES-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Anomaly, IotDevice, IotEvent, Rescue
from app.transaction import transaction
from app.workflows.partners import iot, iot_devices
from tests.factories import World, make_policy

pytestmark = [pytest.mark.feature("INT-03"), pytest.mark.feature("RES-01"), pytest.mark.feature("ANO-02")]
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(autouse=True)
def device(world: World) -> IotDevice:
    with transaction(world.session) as session:
        row, _key = iot_devices.bind(
            session, world.actor("maintenance_head"), world.own.id, {"serial": "SN-001", "standard": "TIAN-1"},
            clock.now(),
        )  # fmt: skip
    return row


def send(world: World, *events: tuple[str, str, int]) -> list[tuple[str | None, int | None]]:
    """Events by number, code and minutes ago; what each became."""
    now = clock.now()
    sent = [{"id": n, "code": code, "at": (now - ago * MINUTE).isoformat()} for n, code, ago in events]
    with transaction(world.session) as session:
        iot.receive(session, world.actor("clerk"), {"messages": [{"device": "SN-001", "events": sent}]}, now)
    world.session.expire_all()
    by_number = {row.event_id: (row.raised, row.raised_id) for row in world.session.scalars(select(IotEvent))}
    return [by_number[n] for n, _code, _ago in events]


def rows(world: World, model: Any) -> list[Any]:
    return list(world.session.scalars(select(model).order_by(model.id).execution_options(skip_scope=True)))


def test_a_trapping_starts_one_rescue(world: World) -> None:
    first, second = send(world, ("a", "trapped_between", 1), ("b", "trapped_level", 0))
    (rescue,) = rows(world, Rescue)
    assert first == ("rescue", rescue.id) and second == (None, None)
    assert (rescue.source, rescue.elevator_id, str(rescue.scene)) == ("iot", world.own.id, "困人（非平层）")
    # Beyond what counts as a repeat it is told again, and joins the open case.
    make_policy(world.session, "iot_repeat_minutes", 0)
    world.session.commit()
    (third,) = send(world, ("c", "trapped_level", 0))
    assert third == ("rescue", rescue.id)


def test_a_late_trapping_is_looked_into_and_calls_nobody_out(world: World) -> None:
    (became,) = send(world, ("a", "trapped_level", 61))
    (anomaly,) = rows(world, Anomaly)
    assert became == ("anomaly", anomaly.id) and rows(world, Rescue) == []
    assert (anomaly.kind, anomaly.source) == ("trapped", "iot")
    assert abs(clock.now() - 61 * MINUTE - anomaly.found_at) < MINUTE


def test_faults_become_anomalies_by_their_kind(world: World) -> None:
    became = send(world, ("a", "door_repeats", 2), ("b", "overspeed", 1), ("c", "alarm", 0), ("d", "ebike", 0))
    kinds = [row.kind for row in rows(world, Anomaly)]
    assert kinds == ["door", "overspeed", "other"]
    assert [what for what, _key in became] == ["anomaly", "anomaly", "anomaly", None]


def test_policy_may_leave_both_to_people(world: World) -> None:
    for key in ("iot_rescues", "iot_anomalies"):
        make_policy(world.session, key, False)
    world.session.commit()
    assert [what for what, _key in send(world, ("a", "trapped_level", 0), ("b", "overspeed", 0))] == ["notice"] * 2
    assert rows(world, Rescue) == [] and rows(world, Anomaly) == []

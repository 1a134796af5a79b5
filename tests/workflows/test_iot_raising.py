"""What events set going: rescues and anomalies, once however often and in whatever order they come (INT-03, RES-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, update

from app import clock
from app.listings.rescues import run_state_of
from app.models import Anomaly, IotDevice, IotEvent, IotLive, Notification, Rescue
from app.telling import told_in
from app.transaction import transaction
from app.workflows.partners import iot, iot_devices
from app.workflows.rescue import rescues
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


def tell(world: World, sent: list[tuple[str, str, float]], **status: Any) -> None:
    """Events in one message with the car's state of now."""
    now = clock.now()
    events = [{"id": n, "code": code, "at": (now - ago * MINUTE).isoformat()} for n, code, ago in sent]
    message = {"device": "SN-001", "sent_at": now.isoformat(), "events": events, "status": status or None}
    with transaction(world.session) as session:
        iot.receive(session, world.actor("clerk"), {"messages": [message]}, now)
    world.session.expire_all()


@pytest.mark.feature("RES-05")
def test_a_case_keeps_how_the_car_stood_and_when_the_device_told_recovery(world: World) -> None:
    """huzhou 1.6: 运行状态 1层，上行，有人; 恢复时间 is the first 恢复 since."""
    tell(world, [("a", "trapped_between", 0)], floor="1", direction="up", occupied=True)
    (case,) = rows(world, Rescue)
    assert (case.floor, case.direction, case.occupied, case.cleared_at) == ("1", "up", True, None)
    assert told_in("zh", run_state_of(case)) == "1 层，上行，有人"
    # What the car does later is another matter; so is a 恢复 of before the trapping.
    tell(world, [("z", "clear", 5)], floor="9", direction="stop", occupied=False)
    (case,) = rows(world, Rescue)
    assert (case.floor, case.cleared_at) == ("1", None)
    tell(world, [("b", "clear", 0)])
    (case,) = rows(world, Rescue)
    first = case.cleared_at
    assert first is not None
    tell(world, [("c", "clear", 0)])
    (case,) = rows(world, Rescue)
    assert case.cleared_at == first, "the first one counts"


@pytest.mark.feature("RES-05")
def test_a_recovery_that_came_before_its_trapping_is_found(world: World) -> None:
    tell(world, [("b", "clear", 1)])
    tell(world, [("a", "trapped_between", 2)])
    (case,) = rows(world, Rescue)
    assert case.cleared_at is not None and case.cleared_at > case.reported_at
    assert told_in("zh", run_state_of(case)) == "未知层，方向未知", "no status came along: as the manual's 未知层, 未知"


@pytest.mark.feature("RES-05")
@pytest.mark.parametrize(("ago", "known"), [(10, "5"), (11, None)])
def test_an_old_status_says_nothing_of_now(world: World, ago: int, known: str | None) -> None:
    """As long as a device may be silent (`iot_offline_minutes`), its last word stands."""
    tell(world, [], floor="5", at=(clock.now() - ago * MINUTE).isoformat())
    world.session.execute(update(IotLive).values(told_at=clock.now() - ago * MINUTE + dt.timedelta(seconds=20)))
    world.session.commit()
    tell(world, [("a", "trapped_level", 0)])
    (case,) = rows(world, Rescue)
    assert case.floor == known


@pytest.mark.feature("RES-05")
def test_who_called_without_a_device_is_told_no_state_of_the_car(world: World) -> None:
    with transaction(world.session) as session:
        case = rescues.report(session, None, world.own, source="page", at=clock.now())
    assert run_state_of(case) is None
    tell(world, [("a", "trapped_level", 0)], floor="3", occupied=False)
    world.session.expire_all()
    assert told_in("zh", run_state_of(case)) == "3 层，方向未知，无人", "the device's word joins the open case"


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
    told = {row.body for row in rows(world, Notification) if row.topic == "anomaly.review"}
    assert "超速" in told and not any("超速。超速" in body for body in told), "a code called as its kind is said once"


def test_policy_may_leave_both_to_people(world: World) -> None:
    for key in ("iot_rescues", "iot_anomalies"):
        make_policy(world.session, key, False)
    world.session.commit()
    assert [what for what, _key in send(world, ("a", "trapped_level", 0), ("b", "overspeed", 0))] == ["notice"] * 2
    assert rows(world, Rescue) == [] and rows(world, Anomaly) == []

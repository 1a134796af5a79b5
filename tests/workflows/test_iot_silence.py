"""Devices that went silent: who is told, once a silence, and again only after they spoke (INT-03, NTF-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Elevator, ElevatorAssignment, IotDevice, IotLive, Notification
from app.tasks.iot import tell_silent
from app.transaction import transaction
from app.workflows.partners import iot_silence
from tests.factories import World, make_elevator, make_policy
from tests.workflows.test_iot import bound

pytestmark = pytest.mark.feature("INT-03", "NTF-01")
SECOND, MINUTE, HOUR = (dt.timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours"))
NOW = dt.datetime(2026, 3, 10, 4, 0, tzinfo=dt.UTC)


@pytest.fixture
def device(world: World) -> IotDevice:
    row = bound(world)[0]
    row.bound_at = NOW - 100 * HOUR
    world.session.commit()
    return row


def speaks(world: World, device: IotDevice, at: dt.datetime) -> None:
    with transaction(world.session) as session:
        live = session.get(IotLive, device.id)
        if live is None:
            session.add(IotLive(device_id=device.id, seen_at=at))
        else:
            live.seen_at = at


def tell(world: World, at: dt.datetime = NOW) -> int:
    with transaction(world.session) as session:
        return iot_silence.tell(session, at)


def notices(world: World) -> list[Notification]:
    statement = select(Notification).where(Notification.topic == "iot.silent").order_by(Notification.id)
    return list(world.session.scalars(statement.execution_options(skip_scope=True)))


def told(world: World) -> set[str]:
    names = {account.id: name for name, account in world.accounts.items()}
    return {names[row.recipient_id] for row in notices(world)}


def bind_one_more(world: World, serial: str) -> IotDevice:
    lift = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
    row = IotDevice(
        serial=serial, elevator_id=lift.id, region_code=lift.region_code, unit_id=world.firm.id, standard="TIAN-1",
        bound_at=NOW - 100 * HOUR,
    )
    world.session.add(row)
    world.session.commit()
    return row


@pytest.mark.parametrize("ever", [True, False])
def test_who_bound_it_is_told_once_when_the_hours_are_over(world: World, device: IotDevice, ever: bool) -> None:
    since = NOW - 24 * HOUR
    if ever:
        speaks(world, device, since)
    else:
        device.bound_at = since
        world.session.commit()
    assert (tell(world), tell(world, NOW + SECOND)) == (0, 1)
    assert [tell(world, NOW + minutes * MINUTE) for minutes in (0, 1, 10, 3000)] == [0, 0, 0, 0]
    found = notices(world)
    assert told(world) == {"maintenance_head", "clerk", "worker"}, "of the firm that bound it; others keep it not"
    assert {row.link for row in found} == {f"/iot/devices/{device.id}"}
    assert world.own.code in found[0].title and ("最近通信 03-09 12:00" if ever else "从未通信") in found[0].body


def test_it_speaks_and_goes_silent_anew(world: World, device: IotDevice) -> None:
    speaks(world, device, NOW - 30 * HOUR)
    assert tell(world) == 1
    count = len(notices(world))
    speaks(world, device, NOW)
    assert (tell(world, NOW + HOUR), tell(world, NOW + 24 * HOUR)) == (0, 0)
    assert (tell(world, NOW + 25 * HOUR), tell(world, NOW + 26 * HOUR)) == (1, 0)
    assert len(notices(world)) == 2 * count


@pytest.mark.parametrize("status", ["suspended", "scrapped", "notified"])
def test_nothing_of_elevators_that_are_not_in_use_until_they_are(
    world: World, device: IotDevice, status: str
) -> None:
    speaks(world, device, NOW - 30 * HOUR)
    world.own.status = status
    world.session.commit()
    assert tell(world) == 0 and notices(world) == []
    world.own.status = "in_use"
    world.session.commit()
    assert (tell(world, NOW + 90 * 24 * HOUR), tell(world, NOW + 91 * 24 * HOUR)) == (1, 0)


def test_nothing_of_a_device_that_was_taken_off(world: World, device: IotDevice) -> None:
    device.ended_at = NOW - HOUR
    world.session.commit()
    assert tell(world) == 0


def test_how_long_is_the_regions_policy(world: World, device: IotDevice) -> None:
    speaks(world, device, NOW - 3 * HOUR)
    make_policy(world.session, "iot_silent_hours", 3, on=dt.date(2026, 3, 1))
    world.session.commit()
    assert (tell(world), tell(world, NOW + SECOND)) == (0, 1)


def test_bound_by_a_regulator_both_units_are_told(world: World, device: IotDevice) -> None:
    device.unit_id = None
    world.session.commit()
    assert tell(world) == 1
    assert {"maintenance_head", "use_head"} <= told(world)


def test_who_keeps_the_elevator_no_more_hears_nothing_of_it(world: World, device: IotDevice) -> None:
    world.own.maintenance_unit_id = world.other_firm.id
    world.session.commit()
    assert tell(world) == 1
    assert {"other_head", "use_head"} <= told(world) and "maintenance_head" not in told(world)


def test_where_nobody_keeps_it_the_office_is_told(world: World, device: IotDevice) -> None:
    device.unit_id = world.own.maintenance_unit_id = world.own.use_unit_id = None
    world.session.commit()
    assert tell(world) == 1
    assert "inspector" in told(world) and "maintenance_head" not in told(world)


def test_many_at_once_are_one_notice_that_names_the_first(world: World, device: IotDevice) -> None:
    more = [bind_one_more(world, f"SN-{number}") for number in range(10, 16)]
    worker = world.accounts["worker"]
    worker.sees_all_elevators = False
    world.session.add(ElevatorAssignment(user_id=worker.id, elevator_id=world.own.id))
    world.session.commit()
    assert tell(world) == 7
    mine = [row for row in notices(world) if row.recipient_id == world.accounts["maintenance_head"].id]
    assert len(mine) == 1 and mine[0].link == "/warnings/device/" and "7 台" in mine[0].title
    codes = [world.session.get(Elevator, row.elevator_id).code for row in (device, *more)]
    assert [code in mine[0].body for code in codes] == [True] * 5 + [False] * 2
    # A narrowed sub-account hears of its own elevators only.
    narrowed = [row for row in notices(world) if row.recipient_id == worker.id]
    assert [row.link for row in narrowed] == [f"/iot/devices/{device.id}"]


def test_what_a_round_does_not_take_on_the_next_does(
    world: World, device: IotDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind_one_more(world, "SN-10")
    monkeypatch.setattr(iot_silence, "MOST", 1)
    assert (tell(world), tell(world, NOW + MINUTE), tell(world, NOW + 2 * MINUTE)) == (1, 1, 0)


def test_a_round_that_fails_tells_it_the_next_time(world: World, device: IotDevice, monkeypatch: Any) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(iot_silence, "_mark", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tell(world)
    world.session.rollback()
    assert notices(world) == [] and tell(world) == 1


def test_the_notice_leads_to_a_page_that_its_reader_may_open(world: World, device: IotDevice, sign_in: Any) -> None:
    assert tell(world) == 1
    with clock.frozen(NOW):
        assert sign_in(world.accounts["clerk"]).get(f"/iot/devices/{device.id}").status_code == 200


def test_beat_tells_it(app: Any, world: World, device: IotDevice) -> None:
    with app.app_context(), clock.frozen(NOW):
        assert (tell_silent(), tell_silent()) == (1, 0)
    world.session.rollback()
    assert told(world)

"""Devices bound, their messages taken in once, what calls for somebody, and the doors of both (INT-03, ELV-02)."""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.errors import NotAllowed, NotFound, Refusal
from app.listing import Moment, moment
from app.listings import warnings
from app.listings.elevators import ELEVATORS
from app.listings.iot import DEVICES, EVENTS
from app.models import AuditEntry, IotDevice, IotEvent, IotLive, Notification
from app.permissions import Verb
from app.rules.iot import signature
from app.transaction import transaction
from app.workflows.partners import iot, iot_devices
from app.workflows.privacy import retention
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World, make_policy

pytestmark = pytest.mark.feature("INT-03")
SECOND, MINUTE, HOUR = (dt.timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours"))
PATH = "/api/v1/iot/device"


@pytest.fixture
def device(world: World) -> IotDevice:
    return bound(world)[0]


def bound(world: World, **more: str) -> tuple[IotDevice, str]:
    form = {"serial": "SN-001", "maker": "澜州云梯科技", "standard": "TIAN-1"} | more
    with transaction(world.session) as session:
        return iot_devices.bind(session, world.actor("maintenance_head"), world.own.id, form, clock.now())


def event(number: str = "e1", code: str = "overspeed", at: dt.datetime | None = None, **more: Any) -> dict[str, Any]:
    return {"id": number, "code": code, "at": (at or clock.now()).isoformat()} | more


def send(
    world: World, *events: Any, at: dt.datetime | None = None, persona: str = "maintenance_head", **more: Any
) -> Any:  # fmt: skip
    body = {"messages": [{"device": "SN-001", "events": list(events), **more}]}
    with transaction(world.session) as session:
        return iot.receive(session, world.actor(persona), body, at or clock.now())


def kept(world: World) -> list[IotEvent]:
    world.session.rollback()
    return list(world.session.scalars(select(IotEvent).order_by(IotEvent.id)))


# --- binding


def test_a_device_is_bound_and_its_key_told_once(world: World) -> None:
    row, key = bound(world)
    assert row.serial == "SN-001" and row.region_code == world.own.region_code and len(key) > 40
    stored = world.session.connection().exec_driver_sql("SELECT key FROM iot_device").scalar()
    assert key not in str(stored)
    entry = world.session.scalar(select(AuditEntry).where(AuditEntry.action == "iot_device.bind"))
    assert entry is not None and key not in json.dumps(entry.after)


def test_one_device_an_elevator_and_one_elevator_a_device(world: World, device: IotDevice) -> None:
    with pytest.raises(Refusal, match="已绑定设备 SN-001"):
        bound(world, serial="SN-002")
    with pytest.raises(Refusal, match="已绑定在另一台电梯上"), transaction(world.session) as session:
        iot_devices.bind(
            session, world.actor("other_head"), world.foreign.id, {"serial": " sn-001 "}, clock.now()
        )


def test_all_that_is_wrong_is_told_at_once(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        bound(world, serial="?", maker="x" * 81, standard="GB 1", video_url="http://x.example.com/")
    assert {f.field for f in refused.value.findings} == {"serial", "maker", "standard", "video_url"}


def test_others_bind_nothing(world: World) -> None:
    for persona, error in (("worker", NotAllowed), ("other_head", NotFound), ("inspector", NotAllowed)):
        with pytest.raises(error), transaction(world.session) as session:
            iot_devices.bind(session, world.actor(persona), world.own.id, {"serial": "SN-9"}, clock.now())


def test_unbound_it_ends_and_can_be_bound_again(world: World, device: IotDevice) -> None:
    with pytest.raises(Refusal, match="解绑原因"), transaction(world.session) as session:
        iot_devices.unbind(session, world.actor("clerk"), device.id, " ", clock.now())
    with transaction(world.session) as session:
        iot_devices.unbind(session, world.actor("use_head"), device.id, "更换", clock.now())
    assert send(world, event()).refused[0].reason.startswith("没有绑定")
    again, _key = bound(world)
    assert again.id != device.id and device.key is None


# --- taking in


def test_an_event_is_kept_once_however_often_it_comes(world: World, device: IotDevice) -> None:
    first = send(world, event(), event("e2", "inspection_on"))
    assert (first.accepted, first.duplicates, first.raised) == (2, 0, 1)
    again = send(world, event(), event("e2", "inspection_on"), event("e3", "clear"), event("e3", "clear"))
    assert (again.accepted, again.duplicates, again.raised) == (1, 3, 0)
    assert [(row.event_id, row.kind) for row in kept(world)] == [("e1", "fault"), ("e2", "event"), ("e3", "clear")]
    row = kept(world)[0]
    assert (row.unit_id, row.use_unit_id, row.region_code) == (
        world.firm.id, world.use_unit.id, world.own.region_code
    )  # fmt: skip


def test_codes_mean_what_their_standard_says(world: World, device: IotDevice) -> None:
    send(
        world, event("a", "04", standard="gb/t24476-2017"), event("b", "04"),
        event("c", "90", standard="GB/T 24476-2017"),
        event("d", "04", standard="GB/T 24476-2017", data={"occupied": True}), event("e", "17", standard="某厂 3.1"),
    )  # fmt: skip
    assert [(row.standard, row.kind) for row in kept(world)] == [
        ("GB/T 24476-2017", "fault"), ("TIAN-1", "unknown"), ("GB/T 24476-2017", "alarm"),
        ("GB/T 24476-2017", "trapped"), ("某厂 3.1", "unknown"),
    ]  # fmt: skip


def test_a_fast_clock_is_put_right_and_kept(world: World, device: IotDevice) -> None:
    now = clock.now().replace(microsecond=0)
    fast = now + 90 * MINUTE
    taken = send(world, event(at=fast - 5 * MINUTE), at=now, sent_at=fast.isoformat())
    (row,) = kept(world)
    assert taken.skews == {"SN-001": 5400} and row.skew_seconds == 5400
    assert row.happened_at == now - 5 * MINUTE and row.told_at == fast - 5 * MINUTE and not row.is_late
    assert world.session.scalar(select(IotLive.skew_seconds)) == 5400


def test_late_events_are_marked_and_too_old_ones_told(world: World, device: IotDevice) -> None:
    now = clock.now()
    taken = send(world, event("late", at=now - 61 * MINUTE), event("old", at=now - dt.timedelta(days=31)), at=now)
    assert (taken.accepted, taken.late, [w.id for w in taken.refused]) == (1, 1, ["old"])
    assert kept(world)[0].is_late


def test_repeats_join_the_first_in_whatever_order(world: World, device: IotDevice) -> None:
    now = clock.now()
    assert send(world, event("a", at=now - 20 * MINUTE), at=now).raised == 1
    assert send(world, event("b", at=now - 11 * MINUTE), event("c", at=now), at=now).raised == 1
    assert send(world, event("d", at=now - 29 * MINUTE), at=now).raised == 0
    a, b, c, d = kept(world)
    assert (a.raised, b.raised, c.raised, d.raised) == ("anomaly", None, "anomaly", None)
    assert (a.joined_id, b.joined_id, c.joined_id, d.joined_id) == (None, a.id, None, a.id)


def test_people_in_the_car_are_one_trouble_by_whatever_code(world: World, device: IotDevice) -> None:
    taken = send(world, event("a", "trapped_level"), event("b", "trapped_between"), event("c", "overspeed"))
    assert taken.raised == 2
    a, b, _c = kept(world)
    assert b.joined_id == a.id


def test_the_region_says_what_repeats(world: World, device: IotDevice) -> None:
    make_policy(world.session, "iot_repeat_minutes", 0)
    world.session.commit()
    now = clock.now()
    assert send(world, event("a", at=now - MINUTE), event("b", at=now), at=now).raised == 2


def test_only_who_sees_the_elevator_sends_for_it(world: World, device: IotDevice) -> None:
    assert send(world, event(), persona="other_head").refused[0].id == ""
    assert kept(world) == []
    with pytest.raises(NotAllowed):
        send(world, event(), persona="worker")


# --- live


def test_an_older_status_changes_nothing_but_when_it_was_heard(world: World, device: IotDevice) -> None:
    now = clock.now().replace(microsecond=0)
    send(world, at=now - MINUTE, status={"at": (now - MINUTE).isoformat(), "floor": "9", "door": "open"})
    send(world, at=now, status={"at": (now - 3 * MINUTE).isoformat(), "floor": "2"})
    live = world.session.scalars(select(IotLive)).one()
    assert (live.floor, live.door, live.told_at, live.seen_at) == ("9", "open", now - MINUTE, now)
    send(world, at=now + MINUTE, status={"at": now.isoformat(), "floor": "3"})
    world.session.expire_all()
    assert (live.floor, live.door) == ("3", None)


def test_a_trouble_lasts_until_it_is_cleared(world: World, device: IotDevice) -> None:
    now = clock.now()
    send(world, event("a", at=now - 5 * MINUTE), at=now)
    held = moment(world.session, world.actor("inspector"))
    assert DEVICES.counts(held, DEVICES.read({}))["trouble"] == 1
    # The end of an earlier trouble, arriving late, does not end this one.
    send(world, event("b", "clear", at=now - 6 * MINUTE), at=now)
    assert DEVICES.counts(held, DEVICES.read({}))["trouble"] == 1
    send(world, event("c", "clear", at=now - 4 * MINUTE), at=now)
    assert DEVICES.counts(held, DEVICES.read({}))["trouble"] == 0


def test_lists_count_online_offline_and_bound(world: World, device: IotDevice) -> None:
    held = moment(world.session, world.actor("inspector"))
    counts = DEVICES.counts(held, DEVICES.read({}))
    assert (counts["bound"], counts["online"], counts["offline"]) == (1, 0, 1)
    send(world, status={"at": clock.now().isoformat(), "floor": "1"})
    held = moment(world.session, world.actor("inspector"))
    counts = DEVICES.counts(held, DEVICES.read({}))
    assert (counts["online"], counts["offline"]) == (1, 0)
    send(world, event("a", "trapped_level"), event("b", "?"))
    counts = EVENTS.counts(held, EVENTS.read({}))
    assert (counts["calling"], counts["trapped"], counts["unknown"], counts["all"]) == (1, 1, 1, 2)


@pytest.mark.feature("ELV-02")
def test_elevators_by_their_hardware_and_kind(world: World, device: IotDevice) -> None:
    held = moment(world.session, world.actor("platform_admin"))
    counts = ELEVATORS.counts(held, ELEVATORS.read({}))
    assert (counts["with_hardware"], counts["without_hardware"]) == (1, counts["all"] - 1)
    assert counts["lifts"] + counts["escalators"] == counts["all"]
    world.own.category = "3310"
    world.session.flush()
    assert ELEVATORS.counts(held, ELEVATORS.read({}))["escalators"] == counts["escalators"] + 1
    world.session.rollback()


# --- who is told, what is erased


def test_the_units_are_told_and_of_people_in_the_car_the_regulator_too(world: World, device: IotDevice) -> None:
    for key in ("iot_rescues", "iot_anomalies"):
        make_policy(world.session, key, False)
    world.session.commit()
    send(world, event("a"), event("b", "trapped_level"))
    told = {
        (row.recipient_id, row.topic)
        for row in world.session.scalars(
            select(Notification).where(Notification.topic.like("iot.%")).execution_options(skip_scope=True)
        )
    }
    head, user, office = (world.accounts[name].id for name in ("maintenance_head", "use_head", "region_admin"))
    assert {(head, "iot.fault"), (user, "iot.fault"), (head, "iot.trapped"), (office, "iot.trapped")} <= told
    assert (office, "iot.fault") not in told and world.accounts["other_head"].id not in {who for who, _ in told}


def test_events_are_erased_when_their_days_are_over(world: World, device: IotDevice) -> None:
    send(world, event("a"))
    assert retention.ERASE["iot"](world.session, clock.today() + dt.timedelta(days=364)) == 0
    assert retention.ERASE["iot"](world.session, clock.today() + dt.timedelta(days=365)) == 1
    world.session.commit()
    assert kept(world) == []


# --- doors


def by_device(app: Any, serial: str, key: str, body: Any, at: dt.datetime | None = None, **more: str) -> Any:
    data, stamp, nonce = json.dumps(body).encode(), str(int((at or clock.now()).timestamp())), secrets.token_hex(8)
    headers = {
        "Content-Type": "application/json", "X-Device": serial, "X-Timestamp": stamp, "X-Nonce": nonce,
        "X-Signature": signature(key, "POST", PATH, stamp, nonce, data),
    } | more  # fmt: skip
    return app.test_client().post(PATH, data=data, headers=headers)


def test_a_device_sends_by_its_own_key(app: Any, world: World) -> None:
    _row, key = bound(world)
    world.session.rollback()
    answer = by_device(app, "sn-001", key, {"events": [event()], "status": {"at": 1795138200000}})
    assert answer.status_code == 200, answer.text
    assert (answer.json["accepted"], answer.json["statuses"]) == (1, 1)
    # Whatever number stands in the body, it is the one that signed.
    assert by_device(app, "SN-001", key, {"device": "SN-777", "events": [event()]}).json["duplicates"] == 1
    for serial, used, more in (
        ("SN-001", "wrong", {}), ("SN-404", key, {}), ("", key, {}), ("SN-001", key, {"X-Signature": ""}),
        ("SN-001", key, {"X-Timestamp": "1"}),
    ):  # fmt: skip
        refused = by_device(app, serial, used, {"events": []}, **more)
        assert refused.status_code == 403 and int(refused.headers["X-Server-Time"]) > 0
    stale = by_device(app, "SN-001", key, {"events": []}, clock.now() - dt.timedelta(hours=25))
    assert stale.status_code == 403
    assert by_device(app, "SN-001", key, ["x"]).status_code == 422


def test_a_new_key_ends_the_old_one(app: Any, world: World) -> None:
    row, key = bound(world)
    with transaction(world.session) as session:
        _row, newer = iot_devices.new_key(session, world.actor("clerk"), row.id, clock.now())
    assert by_device(app, "SN-001", key, {"events": []}).status_code == 403
    assert by_device(app, "SN-001", newer, {"events": []}).status_code == 200


def test_a_gathering_system_sends_by_token(app: Any, world: World, device: IotDevice) -> None:
    caller = Caller(app, world, "maintenance_head", ["iot.send"])
    body = {"messages": [{"device": "SN-001", "events": [event(), {"id": 1}]}, {"device": "SN-404"}]}
    answer = caller.post("/iot/messages", body)
    assert answer.status_code == 200 and answer.json["accepted"] == 1
    assert [one["device"] for one in answer.json["refused"]] == ["SN-001", "SN-404"]
    # The right to send is none to read.
    assert caller.get("/iot/devices").status_code == 403


def test_a_busy_house_says_when_to_come_again(app: Any, world: World, device: IotDevice) -> None:
    from app.api import iot as doors

    caller = Caller(app, world, "maintenance_head", ["iot.send"])
    turns = doors._turns.setdefault(4, doors.BoundedSemaphore(4))
    taken = [turns.acquire(blocking=False) for _ in range(4)]
    client = app.test_client()
    try:
        answer = client.post(
            "/api/v1/iot/messages", json={"messages": [{"device": "SN-001"}]}, headers=caller.headers
        )
        assert all(taken) and answer.status_code == 503 and answer.headers["Retry-After"] == "5"
    finally:
        for _ in range(4):
            turns.release()
    assert caller.post("/iot/messages", {"messages": [{"device": "SN-001"}]}).status_code == 200


def test_too_large_a_call_is_refused(app: Any, world: World, device: IotDevice) -> None:
    caller = Caller(app, world, "maintenance_head", ["iot.send"])
    assert caller.post("/iot/messages", {"messages": [], "x": "y" * 600_000}).status_code == 422


def test_the_interface_binds_reads_and_takes_off(app: Any, world: World) -> None:
    caller = Caller(app, world, "clerk")
    made = caller.post("/iot/devices", {"elevator_id": world.own.id, "serial": "SN-001", "standard": "TIAN-1"})
    assert made.status_code == 201 and made.json["key"]
    key = made.json["device"]["id"]
    assert caller.post(f"/iot/devices/{key}/edit", {"maker": "云梯"}).json["maker"] == "云梯"
    assert caller.get(f"/iot/elevators/{world.own.id}/live").json["device"]["state"] == "offline"
    caller.post("/iot/messages", {"messages": [{"device": "SN-001", "events": [event()]}]})
    (row,) = caller.get("/iot/events?tab=calling").json["rows"]
    assert (row["device"], row["name"], row["kind"]) == ("SN-001", "超速", "fault")
    assert caller.get("/iot/codes").json["rows"][0]["standard"] == "GB/T 24476-2017"
    assert caller.post(f"/iot/devices/{key}/key").json["key"] != made.json["key"]
    assert caller.post(f"/iot/devices/{key}/unbind", {"reason": "拆除"}).json["state"] == "ended"


# --- pages


def test_the_elevators_page_shows_live_data(app: Any, world: World, device: IotDevice, sign_in: Any) -> None:
    send(world, event(), status={"at": clock.now().isoformat(), "floor": "7", "direction": "up", "speed": 1.5})
    browser = sign_in(world.accounts["inspector"])
    page = browser.get(f"/elevators/{world.own.id}").text
    assert f'data-live="/iot/elevators/{world.own.id}/live"' in page and "超速" in page and "1.50 m/s" in page
    part = browser.get(f"/iot/elevators/{world.own.id}/live")
    assert "超速" in part.text and "<html" not in part.text
    assert browser.get(f"/iot/elevators/{world.foreign.id}/live").status_code == 404


def test_the_video_is_a_link_for_who_may_and_each_look_is_logged(world: World, sign_in: Any) -> None:
    row, _key = bound(world, video_url="https://video.example.com/call/1")
    key, address = row.id, f"/iot/devices/{row.id}"
    world.session.rollback()
    clerk, head = sign_in(world.accounts["clerk"]), sign_in(world.accounts["use_head"])
    for page in (f"/elevators/{world.own.id}", address):
        assert "video.example.com" not in clerk.get(page).text
    assert clerk.post(f"{address}/video", data={"csrf_token": csrf(clerk)}).status_code in (302, 403)
    # What is not on one's form stays as it is.
    clerk.post(f"{address}/edit", data={"maker": "云梯", "csrf_token": csrf(clerk)})
    assert "/video" in head.get(f"/elevators/{world.own.id}").text
    page = head.post(f"{address}/video", data={"csrf_token": csrf(head)}).text
    assert 'href="https://video.example.com/call/1"' in page and 'rel="noopener noreferrer"' in page
    assert "<iframe" not in page
    world.session.rollback()
    entries = world.session.scalars(select(AuditEntry).where(AuditEntry.action == "iot_device.video")).all()
    assert [(entry.entity_id, entry.actor_id) for entry in entries] == [(key, world.accounts["use_head"].id)]


def test_from_binding_to_taking_off_at_the_desk(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    token = csrf(browser)
    form = {"elevator_id": str(world.own.id), "serial": "SN-001", "standard": "TIAN-1", "csrf_token": token}
    assert browser.post("/iot/devices/new", data=form | {"serial": "?"}).status_code == 422
    told = browser.post("/iot/devices/new", data=form)
    assert told.status_code == 200 and "no-store" in told.headers["Cache-Control"] and "只显示这一次" in told.text
    world.session.rollback()
    key = world.session.scalar(select(IotDevice.id))
    assert key is not None
    world.session.rollback()
    send(world, event(), event("b", "??"), sent_at=(clock.now() + 5 * MINUTE).isoformat())
    page = browser.get(f"/iot/devices/{key}").text
    assert "超速" in page and "未知代码" in page and "时钟偏差" in page
    assert "SN-001" in browser.get("/iot/devices/?tab=trouble").text
    assert "超速" in browser.get("/iot/events/").text
    row = next(one for one in kept(world) if one.kind == "unknown")
    assert "按收到的样子保存" in browser.get(f"/iot/events/{row.id}").text
    statistics = browser.get("/iot/statistics").text
    # Of its words: what is drawn for each page (a nonce, say) may hold any two letters.
    assert "超速" in statistics and "GB" not in re.sub(r"<[^>]*>", "", statistics)
    assert browser.get("/iot/statistics?from_on=9999-12-31&to_on=0001-01-01").status_code == 422
    assert browser.get("/iot/statistics?from_on=0001-01-01&to_on=9999-12-31").status_code in (200, 422)
    assert browser.post(f"/iot/devices/{key}/key", data={"csrf_token": token}).status_code == 200
    done = browser.post(
        f"/iot/devices/{key}/unbind", data={"reason": "拆除", "csrf_token": token}, follow_redirects=True
    )
    assert "已解绑" in done.text and "拆除" in done.text


# --- warnings


@pytest.mark.feature("WRN-01")
@pytest.mark.parametrize(
    ("silent", "level"),
    [(10 * MINUTE, None), (10 * MINUTE + SECOND, "near"), (24 * HOUR, "near"), (24 * HOUR + SECOND, "over")],
)
@pytest.mark.parametrize("ever", [True, False])
def test_a_silent_device_is_yellow_then_red(
    world: World, device: IotDevice, silent: dt.timedelta, level: str | None, ever: bool
) -> None:  # fmt: skip
    """From its last message on, or from its binding where it never told anything."""
    now = clock.now()
    if ever:
        world.session.add(IotLive(device_id=device.id, seen_at=now - silent))
    device.bound_at = now - (silent if not ever else 90 * 24 * HOUR)
    world.session.flush()
    counts = warnings.counts(Moment(world.session, world.actor("inspector"), clock.local_day(now), now))
    assert {key[1] for key, n in counts.items() if key[0] == "device" and n} == ({level} if level else set())


@pytest.mark.feature("WRN-01")
def test_whose_device_is_silent_and_of_which_elevators(world: World, device: IotDevice) -> None:
    device.bound_at = clock.now() - 2 * HOUR
    world.session.commit()

    def near(who: str) -> int:
        return warnings.counts(moment(world.session, world.actor(who)))["device", "near"]

    assert {who: near(who) for who in ("worker", "safety_officer", "inspector", "other_inspector")} == {
        "worker": 1, "safety_officer": 1, "inspector": 1, "other_inspector": 0,
    }  # fmt: skip
    make_policy(world.session, "iot_silent_hours", 1)
    assert near("inspector") == 0
    make_policy(world.session, "iot_silent_hours", 3, on=dt.date(2001, 1, 1))
    assert near("inspector") == 1
    without = replace(world.actor("inspector"), withheld=frozenset({Verb.IOT_READ}))
    assert warnings.counts(moment(world.session, without))["device", "near"] == 0
    assert "device" not in warnings.kinds_for(without) and "device" in warnings.kinds_for(world.actor("inspector"))
    world.own.status = "suspended"
    world.session.flush()
    assert near("inspector") == 0
    world.own.status = "in_use"
    device.ended_at = clock.now()
    world.session.flush()
    assert near("inspector") == 0


@pytest.mark.feature("WRN-01")
def test_the_page_of_silent_devices(world: World, device: IotDevice, sign_in: Any) -> None:
    device.bound_at = clock.now() - 50 * HOUR
    world.session.commit()
    page = sign_in(world.accounts["inspector"]).get("/warnings/device/?tab=over").text
    assert world.own.code in page and "从未通信" in page and f"/iot/devices/{device.id}" in page
    assert re.search(r"离线\W*2\W*天", re.sub(r"<[^>]+>", " ", page))

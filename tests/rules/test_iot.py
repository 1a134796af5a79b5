"""Messages of devices read and bounded, clocks put right, repeats and lateness at their edges (INT-03)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app.rules.iot import (
    LONGEST_DATA,
    MOST_EVENTS,
    MOST_MESSAGES,
    SIGNED_WITHIN,
    EventKind,
    Raised,
    instant,
    is_late,
    is_online,
    is_signed,
    messages_of,
    normal_serial,
    normal_standard,
    put_right,
    raised,
    repeats,
    signature,
    skew,
    too_old,
    video_finding,
)

pytestmark = pytest.mark.feature("INT-03")
AT = dt.datetime(2026, 11, 20, 1, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def event(**more: Any) -> dict[str, Any]:
    return {"id": "e1", "at": "2026-11-20T09:00:00+08:00", "code": "01"} | more


def read(*events: Any, **more: Any) -> Any:
    found, wrong = messages_of({"messages": [{"device": "sn-1", "events": list(events), **more}]})
    assert wrong is None
    return found[0]


def test_a_message_is_read() -> None:
    found = read(
        event(standard="GB/T 24476-2017", data={"occupied": True}), sent_at=1795138200000,
        status={"floor": 3, "direction": "up", "door": "closed", "speed": 1.75, "mode": "normal", "occupied": False},
    )  # fmt: skip
    assert (found.serial, found.wrong) == ("SN-1", [])
    (one,) = found.events
    assert (one.id, one.told_at, one.standard, one.code, one.occupied) == ("e1", AT, "GB/T 24476-2017", "01", True)
    status = found.live
    assert (status.floor, status.direction, status.door, status.speed) == ("3", "up", "closed", 1.75)
    # Without a time of its own it is of when it was sent.
    assert status.told_at == found.sent_at is not None


@pytest.mark.parametrize("given", [None, [], "x", {}, {"messages": {}}, {"messages": []}, {"messages": [1]}])
def test_what_is_no_call_is_refused_whole(given: Any) -> None:
    found, wrong = messages_of(given)
    assert found == [] and wrong is not None and wrong.stops


def test_too_many_are_refused_whole() -> None:
    most = {"messages": [{"device": f"sn-{n}"} for n in range(MOST_MESSAGES)]}
    assert messages_of(most)[1] is None
    most["messages"].append({"device": "one-more"})
    assert messages_of(most)[1] is not None
    events = [event(id=f"e{n}") for n in range(MOST_EVENTS)]
    assert messages_of({"messages": [{"device": "sn-1", "events": events}]})[1] is None
    assert messages_of({"messages": [{"device": "sn-1", "events": [*events, event(id="x")]}]})[1] is not None


@pytest.mark.parametrize("wrong", [
    event(id=""), event(id="两"), event(id="x" * 65), event(id=True), event(at="2026-11-20 09:00"), event(at=None),
    event(at=float("nan")), event(code=""), event(code="x" * 21), event(code=None), event(code=[1]),
    event(standard="x" * 41), event(standard=3), event(data=[1]), event(data={"x": "y" * LONGEST_DATA}),
    event(data={"x": "\0"}), event(data={"x": "\ud800"}), "x", None,
])  # fmt: skip
def test_one_wrong_event_leaves_the_others(wrong: Any) -> None:
    found = read(wrong, event(id="good"))
    assert [one.id for one in found.events] == ["good"]
    assert len(found.wrong) == 1 and found.wrong[0].reason


def test_numbers_are_taken_as_codes_are_written() -> None:
    assert [one.code for one in read(event(code=4), event(id="b", code=40)).events] == ["04", "40"]
    assert read(event(id=7)).events[0].id == "7"


@pytest.mark.parametrize("wrong", [
    {"floor": [1]}, {"floor": "x" * 11}, {"direction": "left"}, {"door": 1}, {"speed": "fast"}, {"speed": 31},
    {"speed": float("inf")}, {"speed": True}, {"mode": "?"}, {"occupied": 1}, {"at": "yesterday"}, [], {},
])  # fmt: skip
def test_a_wrong_status_is_told(wrong: Any) -> None:
    found = read(event(), status=wrong if isinstance(wrong, list) or not wrong else {"at": 1795138200000} | wrong)
    assert found.live is None and len(found.wrong) == 1 and len(found.events) == 1


@pytest.mark.parametrize(("given", "found"), [
    (0, dt.datetime(1970, 1, 1, tzinfo=dt.UTC)), ("2026-11-20T01:00:00Z", AT), ("2026-11-20T09:00:00+08:00", AT),
    ("2026-11-20T01:00:00", None), (10**18, None), (True, None), ("", None), ("0001-01-01T00:00:00+08:00", None),
])  # fmt: skip
def test_instants(given: Any, found: Any) -> None:
    assert instant(given) == found


def test_a_clock_is_put_right_and_never_into_the_future() -> None:
    assert skew(None, AT) == 0
    assert skew(AT + dt.timedelta(seconds=30), AT) == 0
    assert skew(AT + dt.timedelta(seconds=31), AT) == 31
    assert skew(AT - dt.timedelta(days=400), AT) == -400 * 86400
    assert put_right(AT + 5 * MINUTE, 300, AT) == AT
    assert put_right(AT + 5 * MINUTE, 0, AT) == AT
    assert put_right(AT - 5 * MINUTE, -300, AT) == AT
    assert put_right(dt.datetime.min.replace(tzinfo=dt.UTC), 1, AT) == AT


def test_late_and_too_old_at_their_edges() -> None:
    assert not is_late(AT - 60 * MINUTE, AT, 60)
    assert is_late(AT - 60 * MINUTE - dt.timedelta(seconds=1), AT, 60)
    assert not too_old(AT - dt.timedelta(days=30), AT)
    assert too_old(AT - dt.timedelta(days=30, seconds=1), AT)


def test_repeats_within_the_minutes_in_either_order() -> None:
    assert repeats(AT, AT - 10 * MINUTE, 10) and repeats(AT - 10 * MINUTE, AT, 10)
    assert not repeats(AT, AT - 10 * MINUTE - dt.timedelta(seconds=1), 10)
    assert repeats(AT, AT, 0) and not repeats(AT, AT - dt.timedelta(seconds=1), 0)


@pytest.mark.parametrize(("kind", "late", "rescues", "anomalies", "becomes"), [
    ("trapped", False, True, True, "rescue"), ("trapped", True, True, True, "anomaly"),
    ("trapped", False, False, True, "anomaly"), ("trapped", False, True, False, "rescue"),
    ("trapped", True, True, False, "nothing"), ("fault", False, True, True, "anomaly"),
    ("alarm", True, True, True, "anomaly"), ("fault", False, True, False, "nothing"),
    ("event", False, True, True, "nothing"), ("unknown", False, True, True, "nothing"),
    ("clear", False, True, True, "nothing"),
])  # fmt: skip
def test_what_an_event_becomes(kind: str, late: bool, rescues: bool, anomalies: bool, becomes: str) -> None:
    assert raised(EventKind(kind), late, rescues=rescues, anomalies=anomalies) is Raised(becomes)


def test_online_at_its_edge() -> None:
    assert is_online(AT - 10 * MINUTE, AT, 10) and not is_online(AT - 11 * MINUTE, AT, 10)
    assert not is_online(None, AT, 10)


@pytest.mark.parametrize(("given", "found"), [
    ("sn-1", "SN-1"), (" ＳＮ01 ", "SN01"), ("ab", ""), ("x" * 41, ""), ("a b c", ""), ("-abc", ""), ("中文编号", ""),
])  # fmt: skip
def test_serial_numbers(given: str, found: str) -> None:
    assert normal_serial(given) == found


def test_standards_are_compared_without_blanks_width_and_case() -> None:
    assert normal_standard(" gb/t ２４４７６-2017") == normal_standard("GB/T24476-2017") == "GB/T24476-2017"


@pytest.mark.parametrize("url", [
    "https://video.example.com/call/1?x=2", "https://video.example.com:8443/", "https://10.0.0.1/x",
])  # fmt: skip
def test_addresses_of_video_that_are_taken(url: str) -> None:
    assert video_finding(url).ok


@pytest.mark.parametrize("url", [
    "http://video.example.com/", "javascript:alert(1)", "https://", "https://user@x.example.com/", "//x.example.com",
    "https://u:p@x.example.com/", "https://x.example.com/ a", "https://x.example.com/\"onclick", "https://localhost/",
    "https://x.example.com:99999/", "https://[::1", "https://视频.example.com/", "https://x.example.com/" + "a" * 300,
    "HTTPS:/x.example.com", "https:\\\\x.example.com", "data:text/html,x", "https://x.example.com/\n",
])  # fmt: skip
def test_addresses_of_video_that_are_not(url: str) -> None:
    assert not video_finding(url).ok


def signed(**more: Any) -> bool:
    given = {
        "key": "k", "method": "POST", "path": "/api/v1/iot/device", "stamp": str(int(AT.timestamp())),
        "nonce": "abcdefgh", "body": b"{}",
    } | more  # fmt: skip
    made = signature("k", "POST", "/api/v1/iot/device", str(int(AT.timestamp())), "abcdefgh", b"{}")
    return is_signed(
        given["key"], given.get("given", made), given["method"], given["path"], given["stamp"], given["nonce"],
        given["body"], given.get("at", AT),
    )  # fmt: skip


def test_a_signature_is_of_all_that_was_sent() -> None:
    assert signed() and signed(method="post")
    for changed in (
        {"key": "other"}, {"path": "/other"}, {"stamp": str(int(AT.timestamp()) + 1)}, {"nonce": "abcdefgi"},
        {"body": b"{ }"}, {"given": ""}, {"given": "é" * 64}, {"stamp": "x"}, {"stamp": "9" * 11}, {"nonce": "short"},
        {"stamp": ""},
    ):  # fmt: skip
        assert not signed(**changed), changed


def test_a_signature_of_another_day_is_none() -> None:
    assert signed(at=AT + SIGNED_WITHIN) and signed(at=AT - SIGNED_WITHIN)
    assert not signed(at=AT + SIGNED_WITHIN + dt.timedelta(seconds=1))

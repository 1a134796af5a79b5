"""What devices in elevators send (INT-03): messages are read and bounded, clocks put right, repeats found."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app.errors import Finding
from app.wording import say

# One call: as many messages and events, and as many bytes.
MOST_MESSAGES, MOST_EVENTS, MOST_BYTES = 200, 500, 512 * 1024
LONGEST_SERIAL, LONGEST_ID, LONGEST_DATA, LONGEST_URL = 40, 64, 2000, 300
# Younger ones are taken whenever they come; older ones prove nothing any more.
OLDEST = dt.timedelta(days=30)
# A clock that is wrong by less than a message may travel is right; of one that is wrong by more than a lifetime no
# more is kept than that (what it tells is then too old, or of now).
SLACK_SECONDS, MOST_SKEW = 30, 2**31 - 1
# A device whose clock is further off is told the time, and sends again.
SIGNED_WITHIN = dt.timedelta(hours=24)
NEW_KEY_BYTES = 32
_SERIAL = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{2,39}")
_ID = re.compile(r"[0-9A-Za-z._:-]{1,64}")
_SHORT = re.compile(r"[^\x00-\x1f]{1,40}")
DIRECTIONS, DOORS = ("up", "down", "stop"), ("open", "closed", "opening", "closing")
MODES = ("normal", "inspection", "fire", "stopped", "emergency")


class EventKind(enum.StrEnum):
    TRAPPED = "trapped"
    ALARM = "alarm"
    FAULT = "fault"
    EVENT = "event"
    CLEAR = "clear"
    UNKNOWN = "unknown"


# What calls for somebody; the first calls for rescue.
CALLING = frozenset({EventKind.TRAPPED, EventKind.ALARM, EventKind.FAULT})


class Raised(enum.StrEnum):
    """What an event becomes."""

    RESCUE = "rescue"
    ANOMALY = "anomaly"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a message, as it was sent."""

    id: str
    told_at: dt.datetime
    standard: str
    code: str
    data: dict[str, Any] | None = None

    @property
    def occupied(self) -> bool:
        return (self.data or {}).get("occupied") is True


@dataclass(frozen=True, slots=True)
class Status:
    """Where the car is; what the device does not know is None."""

    told_at: dt.datetime
    floor: str | None = None
    direction: str | None = None
    door: str | None = None
    speed: float | None = None
    mode: str | None = None
    occupied: bool | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """What of a message was not taken, and why; the rest of it is."""

    serial: str
    id: str
    reason: str


@dataclass(slots=True)
class Message:
    """What one device sends at once."""

    serial: str
    sent_at: dt.datetime | None = None
    live: Status | None = None
    events: list[Event] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)


def normal_standard(text: str) -> str:
    """How the name of a standard is compared: whatever its blanks, letters' width and case."""
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def normal_serial(text: str) -> str:
    """A serial number in its one form, or empty where it can be none."""
    plain = unicodedata.normalize("NFKC", text).strip().upper()
    return plain if _SERIAL.fullmatch(plain) else ""


# --- reading


def messages_of(body: Any, serial: str | None = None) -> tuple[list[Message], Finding | None]:
    """The messages of a body, or what is wrong with the whole of it. With `serial` it is one message of that device."""
    if not isinstance(body, Mapping):
        return [], _bad("消息", "不是 JSON 对象", "请按接口文档发送")
    given: Any = [dict(body) | {"device": serial}] if serial is not None else body.get("messages")
    if not isinstance(given, list) or not given or not all(isinstance(one, Mapping) for one in given):
        return [], _bad("messages", "没有消息，或不是列表", "请给出至少一条消息")
    count = sum(len(one["events"]) if isinstance(one.get("events"), list) else 0 for one in given)
    if len(given) > MOST_MESSAGES or count > MOST_EVENTS:
        return [], _bad(
            "messages", say("%(n)s 条消息，%(e)s 个事件", n=len(given), e=count),
            say("一次最多 %(n)s 条消息、%(e)s 个事件，请分批发送", n=MOST_MESSAGES, e=MOST_EVENTS),
        )  # fmt: skip
    return [_message(one) for one in given], None


def _message(given: Mapping[str, Any]) -> Message:
    serial = given.get("device")
    found = Message(normal_serial(serial) if isinstance(serial, str) else "")
    if not found.serial:
        found.wrong.append(Wrong(str(serial)[:LONGEST_SERIAL], "", say("设备编号不对")))
        return found
    if given.get("sent_at") is not None:
        found.sent_at = instant(given["sent_at"])
        if found.sent_at is None:
            found.wrong.append(Wrong(found.serial, "", say("sent_at 不是时间")))
    if given.get("status") is not None:
        found.live = _status(given["status"], found.sent_at)
        if found.live is None:
            found.wrong.append(Wrong(found.serial, "", say("status 没有时间，或内容不对")))
    events = given.get("events")
    for one in events if isinstance(events, list) else []:
        read = _event(one)
        if isinstance(read, Event):
            found.events.append(read)
        else:
            named = one.get("id") if isinstance(one, Mapping) else None
            found.wrong.append(Wrong(found.serial, str(named if named is not None else "")[:LONGEST_ID], read))
    return found


def _event(given: Any) -> Event | str:
    if not isinstance(given, Mapping):
        return say("不是 JSON 对象")
    number, code, standard = given.get("id"), given.get("code"), given.get("standard", "")
    if isinstance(number, int) and not isinstance(number, bool):
        number = str(number)
    if not isinstance(number, str) or not _ID.fullmatch(number):
        return say("id 应为 1 至 64 个字母、数字或 . _ : -")
    if isinstance(code, int) and not isinstance(code, bool):
        code = f"{code:02d}"
    if not isinstance(code, str) or not _SHORT.fullmatch(code.strip()) or len(code.strip()) > 20:
        return say("code 应为 1 至 20 个字")
    if not isinstance(standard, str) or (standard and not _SHORT.fullmatch(standard)):
        return say("standard 不对")
    at = instant(given.get("at"))
    if at is None:
        return say("at 不是时间")
    data = given.get("data")
    if data is not None and (not isinstance(data, dict) or not _small(data)):
        return say("data 应为不超过 %(n)s 个字的 JSON 对象", n=LONGEST_DATA)
    return Event(number, at, standard, code.strip(), data or None)


def _status(given: Any, sent_at: dt.datetime | None) -> Status | None:
    if not isinstance(given, Mapping):
        return None
    at = instant(given["at"]) if given.get("at") is not None else sent_at
    floor, speed, occupied = given.get("floor"), given.get("speed"), given.get("occupied")
    if isinstance(floor, int) and not isinstance(floor, bool):
        floor = str(floor)
    if at is None or not isinstance(floor, str | None) or not isinstance(occupied, bool | None):
        return None
    if floor is not None and (len(floor) > 10 or not floor.isprintable()):
        return None
    if speed is not None and (isinstance(speed, bool) or not isinstance(speed, int | float) or not -30 <= speed <= 30):
        return None
    chosen = [given.get(name) for name in ("direction", "door", "mode")]
    known = (DIRECTIONS, DOORS, MODES)
    if any(one is not None and one not in some for one, some in zip(chosen, known, strict=True)):
        return None
    direction, door, mode = chosen
    return Status(at, floor or None, direction, door, None if speed is None else float(speed), mode, occupied)


def instant(given: Any) -> dt.datetime | None:
    """An instant with its zone, or milliseconds since 1970; None for anything else."""
    found: dt.datetime | None
    try:
        if isinstance(given, int | float) and not isinstance(given, bool):
            found = dt.datetime.fromtimestamp(given / 1000, dt.UTC)
        else:
            found = dt.datetime.fromisoformat(given) if isinstance(given, str) and len(given) < 40 else None
        return found.astimezone(dt.UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def _small(data: dict[str, Any]) -> bool:
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return False  # NaN, or a number without end: no JSON, whatever parsed it
    # PostgreSQL keeps no NUL and no half of a surrogate pair.
    return len(text) <= LONGEST_DATA and "\\u0000" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


# --- clocks


def skew(sent_at: dt.datetime | None, received_at: dt.datetime) -> int:
    """By how many seconds the device's clock is fast; 0 within what a message may travel, or where it told no time."""
    if sent_at is None:
        return 0
    seconds = round((sent_at - received_at).total_seconds())
    return max(-MOST_SKEW, min(seconds, MOST_SKEW)) if abs(seconds) > SLACK_SECONDS else 0


def put_right(told_at: dt.datetime, skew_seconds: int, received_at: dt.datetime) -> dt.datetime:
    """When it really was: by our clock, and never after it was received."""
    try:
        found = told_at - dt.timedelta(seconds=skew_seconds)
    except OverflowError:
        return received_at
    return min(found, received_at)


def too_old(happened_at: dt.datetime, received_at: dt.datetime) -> bool:
    return received_at - happened_at > OLDEST


def is_late(happened_at: dt.datetime, received_at: dt.datetime, minutes: int) -> bool:
    return received_at - happened_at > dt.timedelta(minutes=minutes)


def stands_for(happened_at: dt.datetime, told_at: dt.datetime | None, minutes: int) -> bool:
    """Whether a status tells how the car stood at an event: told no further from it than a device may keep silent."""
    return told_at is not None and abs(told_at - happened_at) <= dt.timedelta(minutes=minutes)


# --- what becomes of an event


def repeats(happened_at: dt.datetime, before_at: dt.datetime, minutes: int) -> bool:
    """Whether an event is the same trouble as an earlier one of its kind; they may have come in any order."""
    return abs(happened_at - before_at) <= dt.timedelta(minutes=minutes)


def raised(kind: EventKind, late: bool, *, rescues: bool, anomalies: bool) -> Raised:
    """A trapping calls for rescue while it may still last; a late one, a fault and the alarm button are looked into."""
    if kind is EventKind.TRAPPED and rescues and not late:
        return Raised.RESCUE
    return Raised.ANOMALY if kind in CALLING and anomalies else Raised.NOTHING


def is_online(seen_at: dt.datetime | None, at: dt.datetime, minutes: int) -> bool:
    return seen_at is not None and at - seen_at <= dt.timedelta(minutes=minutes)


# --- what is typed about a device


def serial_finding(text: str) -> Finding:
    ok = bool(normal_serial(text))
    return Finding(
        "设备编号", ok, say("填写为“%(s)s”", s=text[:60]) if text else "没有填写",
        "" if ok else "请填写铭牌上的编号：3 至 40 个字母、数字或 . _ : -", field="serial",
    )  # fmt: skip


def video_finding(url: str) -> Finding:
    """Only the address of a page over TLS: it is shown as a link, never fetched and never embedded."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return _bad("通话视频网址", "不是网址", "例如 https://video.example.com/call/123", "video_url")
    ok = (
        parts.scheme == "https" and bool(host) and (port is None or port > 0)
        and parts.username is None and parts.password is None
        and url.isprintable() and not any(c.isspace() or c in "\"'<>\\`" for c in url)
        and host.isascii() and "." in host and len(url) <= LONGEST_URL
    )  # fmt: skip
    remedy = "请填写 https:// 开头、不带用户名和密码的网址，不超过 300 个字"
    return Finding("通话视频网址", ok, say("填写为“%(u)s”", u=url[:60]), "" if ok else remedy, field="video_url")


# --- signed messages


def signed_text(method: str, path: str, stamp: str, nonce: str, body: bytes) -> bytes:
    """What a device signs: five lines, the last the SHA-256 of the body in hex."""
    return "\n".join((method.upper(), path, stamp, nonce, hashlib.sha256(body).hexdigest())).encode()


def signature(key: str, method: str, path: str, stamp: str, nonce: str, body: bytes) -> str:
    """HMAC-SHA256 in hex over `signed_text`."""
    return hmac.new(key.encode(), signed_text(method, path, stamp, nonce, body), hashlib.sha256).hexdigest()


def is_signed(
    key: str, given: str, method: str, path: str, stamp: str, nonce: str, body: bytes, at: dt.datetime
) -> bool:
    """Whether the signature is right and not of another day. A message sent again does nothing: events go by their
    number, and an older status changes nothing."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 11 and 8 <= len(nonce) <= 64 and nonce.isascii()):
        return False
    told = dt.datetime.fromtimestamp(int(stamp), dt.UTC) if int(stamp) < 253402300799 else None
    if told is None or abs(told - at) > SIGNED_WITHIN:
        return False
    made = signature(key, method, path, stamp, nonce, body)
    return hmac.compare_digest(made.encode(), given.strip().lower().encode(errors="replace"))


def _bad(rule: str, found: str, remedy: str, name: str | None = None) -> Finding:
    return Finding(rule, False, found, remedy, field=name or rule)

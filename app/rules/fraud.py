"""What about visits wants an explanation, how it is worked out, what it weighs (FRD-01). Pure.

A signal is a question, never a finding of guilt: it says what was seen, from which records, by which numbers, and what
harmless reason was allowed for. A phone's place is as sure as its radius, lifts of one building are one site, a group
of lifts is served one after the other, and an end that was kept without network is as sure as the phone's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import combinations, pairwise
from statistics import median
from typing import Any

from app.rules.checkin import Place, distance_metres
from app.wording import say

# Where each piece of a print begins and how many bits it has: what differs in two has the third in common.
PIECES = ((0, 22), (22, 21), (43, 21))


class SignalKind(StrEnum):
    TRAVEL = "travel"
    OVERLAP = "overlap"
    PHOTO = "photo"
    DURATIONS = "durations"
    TYPED = "typed"
    BATCH = "batch"
    LATE_EXTRA = "late_extra"
    DEVICE = "device"


# How each is worked out, in one sentence for the desk, the unit and the print.
HOW = {
    SignalKind.TRAVEL: say("前一次签退与后一次签到之间的直线距离，减去两处定位误差，除以相隔的时间，超过可信速度"),
    SignalKind.OVERLAP: say("同一人在两台电梯的维保时间重叠，超过容许的时间；同一地点连续维保、手机时钟偏差已放宽"),
    SignalKind.PHOTO: say("两次维保的照片内容完全相同（摘要一致），或画面特征只差几位；同一地点同一天拍得相近的不算"),
    SignalKind.DURATIONS: say("一段时间内每次维保的时长，与中位数相差不到规定秒数的所占比例"),
    SignalKind.TYPED: say("一段时间内按识别码签到（没有扫本平台的标签）的比例；旧标签扫出的也是识别码，请核对标签"),
    SignalKind.BATCH: say("离线保存的维保，在很短时间内一起补传，且不在同一地点"),
    SignalKind.LATE_EXTRA: say("本季度有不合规的电梯，在季末几天内隔得很近地多做维保；这样做合法，只作提示"),
    SignalKind.DEVICE: say("使用单位的复核与维保员的签到签退来自同一网络地址；共用的无线网络也会这样，请核对"),
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The policy's numbers for a region and day."""

    speed_kmh: int
    travel_metres: int
    gps_metres: int
    site_metres: int
    overlap_minutes: int
    series_minutes: int
    photo_bits: int
    photo_days: int
    window_days: int
    duration_least: int
    duration_seconds: int
    duration_percent: int
    typed_least: int
    typed_percent: int
    batch_least: int
    batch_minutes: int
    batch_sites: int
    late_days: int
    late_gap_days: int
    late_extra: int
    device_least: int
    clock_slack_minutes: int


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit as the desk sees it: when, at which elevator, where each end was and how sure that is, in metres.

    `ended` None: its end is not known. `kept_in`, `kept_out`: that end was kept by a phone without network.
    """

    id: int
    elevator_id: int
    began: datetime
    ended: datetime | None
    place_in: Place | None = None
    place_out: Place | None = None
    radius_in: int = 0
    radius_out: int = 0
    kept_in: bool = False
    kept_out: bool = False
    sent: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """What was seen: its kind, what makes it one, the visits that it stands on, in words and in figures."""

    kind: SignalKind
    key: str
    visits: tuple[int, ...]
    found: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    elevator_id: int | None = None
    photos: tuple[int | None, ...] = ()


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60


def apart(a: Stop, b: Stop) -> float | None:
    """How far it is from the end of one to the beginning of the other, at the least; None where a place is unknown."""
    start = a.place_out or a.place_in
    if start is None or b.place_in is None:
        return None
    radius = a.radius_out if a.place_out is not None else a.radius_in
    return max(0.0, distance_metres(start, b.place_in) - radius - b.radius_in)


def same_site(a: Stop, b: Stop, metres: int) -> bool:
    """Lifts of one building, as far as their places tell; one lift is one site wherever it is."""
    if a.elevator_id == b.elevator_id:
        return True
    far = apart(a, b)
    return far is not None and far <= metres


def _slack(numbers: Numbers, *kept: bool) -> timedelta:
    """An end that was kept is as sure as the phone's clock may be wrong, each of them."""
    return timedelta(minutes=numbers.clock_slack_minutes * sum(kept))


def overlap(a: Stop, b: Stop, numbers: Numbers) -> Sign | None:
    """Two elevators at the same time. `a` began first; whoever closes one lift while he opens the next is let be."""
    if a.elevator_id == b.elevator_id or a.ended is None or b.began >= a.ended:
        return None
    shared = min(a.ended, b.ended or a.ended) - b.began
    one_site = same_site(a, b, numbers.site_metres)
    allowed = timedelta(minutes=numbers.series_minutes if one_site else numbers.overlap_minutes)
    allowed += _slack(numbers, a.kept_out, b.kept_in)
    if shared <= allowed:
        return None
    # Rounded down: what is said never exceeds what was.
    minutes, most = int(_minutes(shared)), int(_minutes(allowed))
    found = say("两台电梯的维保时间重叠 %(n)s 分钟，容许 %(m)s 分钟", n=minutes, m=most)
    facts = {"minutes": minutes, "allowed": most, "same_site": one_site}
    return Sign(SignalKind.OVERLAP, f"overlap:{a.id}:{b.id}", (a.id, b.id), found, facts, b.elevator_id)


def travel(a: Stop, b: Stop, numbers: Numbers) -> Sign | None:
    """From the end of one to the beginning of the next faster than one gets anywhere."""
    if a.ended is None or a.elevator_id == b.elevator_id or b.began < a.ended:
        return None
    far = apart(a, b)
    if far is None or far < numbers.travel_metres:
        return None
    gap = b.began - a.ended + _slack(numbers, a.kept_out, b.kept_in)
    needed = timedelta(hours=far / 1000 / numbers.speed_kmh)
    if gap >= needed:
        return None
    minutes = round(_minutes(gap), 1)
    speed = round(far / 1000 / (gap.total_seconds() / 3600)) if gap.total_seconds() >= 60 else None
    found = say(
        "相距至少 %(d)s 公里，间隔 %(m)s 分钟，按 %(v)s 公里/小时至少要 %(n)s 分钟",
        d=far // 100 / 10, m=minutes, v=numbers.speed_kmh, n=round(_minutes(needed), 1),
    )  # fmt: skip
    facts = {"metres": round(far), "minutes": minutes, "speed": speed, "most": numbers.speed_kmh}
    return Sign(SignalKind.TRAVEL, f"travel:{a.id}:{b.id}", (a.id, b.id), found, facts, b.elevator_id)


def walk(stops: Iterable[Stop], numbers: Numbers) -> list[Sign]:
    """Overlaps and impossible travel among one person's visits, whatever order they came in."""
    row = sorted(stops, key=lambda stop: (stop.began, stop.id))
    signs: list[Sign] = []
    # What ended last before a visit is where its worker came from; a visit inside a longer one does not hide that.
    last: Stop | None = None
    for n, stop in enumerate(row):
        for later in row[n + 1 :]:
            if stop.ended is None or later.began >= stop.ended:
                break
            signs += filter(None, [overlap(stop, later, numbers)])
        if last is not None:
            signs += filter(None, [travel(last, stop, numbers)])
        if stop.ended is not None and (last is None or last.ended is None or stop.ended >= last.ended):
            last = stop
    return signs


def constant_durations(key: str, stops: Sequence[tuple[int, timedelta]], numbers: Numbers) -> Sign | None:
    """Visits that last as long as each other to the minute: the share within so many seconds of the median."""
    if len(stops) < numbers.duration_least:
        return None
    lengths = [span.total_seconds() for _id, span in stops]
    middle = median(lengths)
    same = [number for (number, _span), length in zip(stops, lengths, strict=True)
            if abs(length - middle) <= numbers.duration_seconds]  # fmt: skip
    share = 100 * len(same) // len(stops)
    if 100 * len(same) < numbers.duration_percent * len(stops):
        return None
    found = say(
        "%(n)s 次维保中有 %(k)s 次（%(p)s%%）时长与中位数 %(m)s 分钟相差不到 %(s)s 秒",
        n=len(stops), k=len(same), p=share, m=round(middle / 60, 1), s=numbers.duration_seconds,
    )  # fmt: skip
    facts = {"visits": len(stops), "same": len(same), "percent": share, "median_seconds": round(middle)}
    return Sign(SignalKind.DURATIONS, f"durations:{key}", tuple(same), found, facts)


def typed_codes(key: str, stops: Sequence[tuple[int, bool | None]], numbers: Numbers) -> Sign | None:
    """Check-ins by the 识别码 instead of our label. Records of which that is not known do not count."""
    known = [(number, by_code) for number, by_code in stops if by_code is not None]
    typed = [number for number, by_code in known if by_code]
    if len(known) < numbers.typed_least or 100 * len(typed) < numbers.typed_percent * len(known):
        return None
    share = 100 * len(typed) // len(known)
    found = say("%(n)s 次签到中有 %(k)s 次（%(p)s%%）按识别码，没有扫标签", n=len(known), k=len(typed), p=share)
    facts = {"visits": len(known), "typed": len(typed), "percent": share}
    return Sign(SignalKind.TYPED, f"typed:{key}", tuple(typed), found, facts)


def sites(stops: Sequence[Stop], metres: int) -> int:
    """How many places these visits were at: each joins the first that is near, what has no place stands alone."""
    heads: list[Stop] = []
    for stop in stops:
        if not any(same_site(head, stop, metres) for head in heads):
            heads.append(stop)
    return len(heads)


def batches(key: str, stops: Iterable[Stop], numbers: Numbers) -> list[Sign]:
    """Many visits that a phone kept and sent within minutes, from several sites. A cellar without network is one."""
    row = sorted((s for s in stops if s.sent is not None), key=lambda s: (s.sent, s.id))
    within, signs = timedelta(minutes=numbers.batch_minutes), list[Sign]()
    while row:
        first = row[0].sent
        assert first is not None
        group = [s for s in row if s.sent is not None and s.sent <= first + within]
        row = row[len(group) :]
        places = sites(group, numbers.site_metres)
        if len(group) < numbers.batch_least or places < numbers.batch_sites:
            continue
        found = say(
            "%(m)s 分钟内一起补传 %(n)s 条离线维保，涉及 %(p)s 个地点", m=numbers.batch_minutes, n=len(group), p=places
        )
        facts = {"visits": len(group), "sites": places, "minutes": numbers.batch_minutes}
        signs.append(Sign(SignalKind.BATCH, f"batch:{key}:{group[0].id}", tuple(s.id for s in group), found, facts))
    return signs


def late_extra(
    key: str, elevator_id: int, visits: Iterable[tuple[int, date]], failures: int, last_day: date, numbers: Numbers
) -> Sign | None:
    """An elevator with failures that is served again and again in the quarter's last days, more often than it needs.

    Legal, and it erases the failures (rules.md, SCO-01): so it is shown, and does nothing.
    """
    row = sorted(visits, key=lambda visit: (visit[1], visit[0]))
    since = last_day - timedelta(days=numbers.late_days)
    extra = [
        now[0] for before, now in pairwise(row)
        if since < now[1] <= last_day and (now[1] - before[1]).days < numbers.late_gap_days
    ]  # fmt: skip
    if not failures or len(extra) < numbers.late_extra:
        return None
    found = say(
        "本季度不合规 %(f)s 次，最后 %(d)s 天内多做 %(n)s 次有效维保（距上次不足 %(g)s 天）",
        f=failures, d=numbers.late_days, n=len(extra), g=numbers.late_gap_days,
    )  # fmt: skip
    facts = {"failures": failures, "extra": len(extra), "days": numbers.late_days}
    return Sign(SignalKind.LATE_EXTRA, f"late:{key}", tuple(extra), found, facts, elevator_id)


def one_device(key: str, alike: Sequence[int], reviewed: int, numbers: Numbers) -> Sign | None:
    """Reviews that came from where the worker himself had checked in: once is a shared network, often is a question."""
    if len(alike) < numbers.device_least:
        return None
    found = say("%(r)s 次复核中有 %(n)s 次与维保员的签到签退来自同一网络地址", r=reviewed, n=len(alike))
    return Sign(
        SignalKind.DEVICE, f"device:{key}", tuple(alike), found, {"reviewed": reviewed, "alike": len(alike)}
    )


# --- photos


@dataclass(frozen=True, slots=True)
class Print:
    """A photo's digest and what it looks like (None: it shows nothing to tell it by), and the visit that it proves."""

    id: int
    visit: Stop
    on: date
    sha256: str
    bits: int | None


def distance(a: int, b: int) -> int:
    """In how many bits two prints differ; a sign makes no difference."""
    return ((a ^ b) & (2**64 - 1)).bit_count()


def pieces(bits: int) -> tuple[int, ...]:
    """What differs by fewer bits than there are pieces has one of them in common."""
    return tuple((bits >> start) & (2**count - 1) for start, count in PIECES)


def same_photo(a: Print, b: Print, numbers: Numbers) -> Sign | None:
    """One photo for two visits: the same file, or one that looks alike in all but a few bits.

    What was taken of one site on one day may look alike, as may a machine room that several lifts share; the very same
    file is another matter.
    """
    if a.visit.id == b.visit.id or abs((a.on - b.on).days) > numbers.photo_days:
        return None
    first, second = sorted((a, b), key=lambda one: (one.on, one.visit.id, one.id))
    exact = a.sha256 == b.sha256
    differing = 0 if exact else distance(a.bits, b.bits) if a.bits is not None and b.bits is not None else None
    if differing is None or differing > (0 if exact else numbers.photo_bits):
        return None
    if not exact and a.on == b.on and same_site(first.visit, second.visit, numbers.site_metres):
        return None
    days = (second.on - first.on).days
    found = (
        say("两次维保（相隔 %(d)s 天）用了同一张照片，文件内容完全相同", d=days) if exact
        else say("两次维保（相隔 %(d)s 天）的照片画面相同，64 位特征只差 %(n)s 位", d=days, n=differing)
    )  # fmt: skip
    low, high = sorted((a.visit.id, b.visit.id))
    facts = {"exact": exact, "bits": differing, "days": days}
    return Sign(
        SignalKind.PHOTO, f"photo:{low}:{high}", (first.visit.id, second.visit.id), found, facts,
        second.visit.elevator_id, (first.id, second.id),
    )  # fmt: skip


def repeated(prints: Sequence[Print], numbers: Numbers) -> list[Sign]:
    """Each pair of visits once, by the pair of photos that are most alike."""
    best: dict[str, Sign] = {}
    for a, b in combinations(prints, 2):
        sign = same_photo(a, b, numbers)
        if sign is not None and (held := best.get(sign.key)) is not None:
            sign = min(held, sign, key=lambda one: (not one.facts["exact"], one.facts["bits"]))
        if sign is not None:
            best[sign.key] = sign
    return list(best.values())


# --- risk


@dataclass(frozen=True, slots=True)
class Reason:
    """What one kind adds to a risk: how many there are, how many of them count, the points of one, what they make."""

    kind: SignalKind
    signals: int
    counted: int
    points: int
    total: int


def risk(signals: Mapping[str, Sequence[int]], most: int) -> tuple[int, list[Reason]]:
    """The sum over kinds, the heaviest first: of each kind so many of its heaviest signals count."""
    reasons = []
    for kind, points in signals.items():
        counted = sorted(points, reverse=True)[:most]
        if counted:
            reasons.append(Reason(SignalKind(kind), len(points), len(counted), counted[0], sum(counted)))
    reasons.sort(key=lambda reason: (-reason.total, reason.kind))
    return sum(reason.total for reason in reasons), reasons


def tallied(rows: Iterable[tuple[Any, str, int]]) -> dict[Any, dict[str, list[int]]]:
    """Points by whom they are about and kind."""
    found: dict[Any, dict[str, list[int]]] = {}
    for key, kind, points in rows:
        found.setdefault(key, {}).setdefault(kind, []).append(points)
    return found

"""Where an elevator is, as a phone beside it found it (ELV-08): readings into one, and what stands against it. Pure.

A phone's receiver errs by five to fifty metres, less so in the open: several readings are put together, the better
ones weighing more, those far off left out. What an elevator without a position gets takes force at once, as whoever
stands before it can't do his work otherwise; one that has a position is moved by an officer only, or a position
could wander home with whoever should stand before the elevator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from statistics import median

from app.errors import Finding
from app.rules.checkin import Place, distance_metres
from app.wording import say

LEAST_SAMPLES, MOST_SAMPLES = 3, 120
# A receiver that calls itself better than this is not believed.
BEST_METRES = 3.0
# Elevators of one house or estate lie together; a position further from them all is looked at by an officer.
FAR_METRES = 1500.0
METRES_OUT = 2.5
# Half way around the earth: who is further out than that knows nothing, and no number beyond it is worked with.
WORST_METRES = 20_000_000.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading: degrees, and within how many metres the phone believes itself to be."""

    latitude: float
    longitude: float
    accuracy: float

    @property
    def sound(self) -> bool:
        numbers = (self.latitude, self.longitude, self.accuracy)
        inside = -90 <= self.latitude <= 90 and -180 <= self.longitude <= 180 and 0 <= self.accuracy <= WORST_METRES
        return all(isfinite(n) for n in numbers) and inside

    @property
    def place(self) -> Place:
        return Place(self.latitude, self.longitude)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the readings say together: a place, within how many metres, of how many that were used."""

    latitude: float
    longitude: float
    accuracy: float
    samples: int

    @property
    def place(self) -> Place:
        return Place(self.latitude, self.longitude)


def together(samples: Iterable[Sample]) -> Reading | None:
    """One reading of many; None of none that is sound. Never called better than its samples lie apart."""
    sound = [one for one in samples if one.sound][:MOST_SAMPLES]
    if not sound:
        return None
    kept = _without_strays(sound)
    weights = [1 / max(one.accuracy, BEST_METRES) ** 2 for one in kept]
    total = sum(weights)
    latitude = sum(w * one.latitude for w, one in zip(weights, kept, strict=True)) / total
    longitude = sum(w * one.longitude for w, one in zip(weights, kept, strict=True)) / total
    middle = Place(latitude, longitude)
    # Readings of one phone err together, so many of them are hardly better than one: no root of their number.
    claimed = len(kept) / sum(1 / max(one.accuracy, BEST_METRES) for one in kept)
    spread = sqrt(sum(distance_metres(one.place, middle) ** 2 for one in kept) / len(kept))
    return Reading(round(latitude, 6), round(longitude, 6), round(max(claimed, spread), 1), len(kept))


def _without_strays(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Those near the middle one: the first readings are often of the mast, not of the phone."""
    middle = Place(median(s.latitude for s in samples), median(s.longitude for s in samples))
    away = [distance_metres(s.place, middle) for s in samples]
    most = max(METRES_OUT * median(away), 10.0)
    return [one for one, metres in zip(samples, away, strict=True) if metres <= most]


def findings(reading: Reading | None, most_metres: int) -> list[Finding]:
    """What must hold of a reading before it counts."""
    if reading is None:
        remedy = "请打开手机定位并允许使用，在电梯旁再试一次"
        return [Finding("手机位置", False, "没有取得手机位置", remedy, field="samples")]
    enough = reading.samples >= LEAST_SAMPLES
    sharp = reading.accuracy <= most_metres
    return [
        Finding(
            "定位次数", enough, say("取得 %(n)s 次定位", n=reading.samples),
            "" if enough else say("请在电梯旁停留片刻，至少取 %(n)s 次", n=LEAST_SAMPLES), field="samples",
        ),
        Finding(
            "定位精度", sharp, say("精度约 %(a)s 米，要求 %(m)s 米以内", a=round(reading.accuracy), m=most_metres),
            "" if sharp else "请走到楼门口或窗边再取一次；仍不行时请单位在电脑上按地图标注", field="samples",
        ),
    ]  # fmt: skip


def network_of(ticked: Iterable[str]) -> str | None:
    """Ticked networks as the record keeps them; None where nothing was ticked, "" for 无网络 beside a network."""
    chosen = set(ticked)
    if not chosen or chosen == {"none"}:
        return "none" if chosen else None
    known = [name for name in ("unicom", "mobile", "telecom") if name in chosen]
    if chosen != set(known):
        return ""
    return "all" if len(known) == 3 else "_".join(known)


def samples_of(text: str) -> list[Sample]:
    """Readings as a form carries them: `latitude,longitude,accuracy;…`; what is none is left out."""
    found = []
    for part in text[:8000].split(";")[:MOST_SAMPLES]:
        try:
            latitude, longitude, accuracy = (float(number) for number in part.split(","))
        except ValueError:
            continue
        found.append(Sample(latitude, longitude, accuracy))
    return found


def nearest_metres(place: Place, others: Iterable[Place]) -> float | None:
    """How far the nearest of its neighbours is; None without any."""
    return min((distance_metres(place, one) for one in others), default=None)


def looks_right(place: Place, others: Iterable[Place]) -> bool:
    """Whether it lies among the elevators of its house; without any that have a position nothing speaks against it."""
    near = nearest_metres(place, others)
    return near is None or near <= FAR_METRES

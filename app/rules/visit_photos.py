"""Photos of a visit by the place that they show, and the photo of the person who checks in (MNT-01, MNT-02, MNT-04).

A region says of each place from which level on it wants a photo. None is asked of what an elevator has not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Literal

from app.errors import Finding
from app.rules.levels import Level
from app.wording import say


class Place(StrEnum):
    """底坑, 轿顶, 机房; each by the kind of file that shows it. What shows none of them is 附加, the kind `photo`."""

    PIT = "photo_pit"
    CAR_TOP = "photo_top"
    MACHINE_ROOM = "photo_room"


class Wanted(StrEnum):
    """At which visits a place is to be photographed; the policy's value."""

    NONE = "none"
    EVERY = "every"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    ANNUAL = "annual"


class Proof(StrEnum):
    """How whoever checks in proves who he is, besides his account; the policy's value."""

    NONE = "none"
    PHOTO = "photo"
    # The photo, and compared with the one that he consented to, where he did.
    FACE = "face"


SELFIE = "selfie"
PLACE_LABELS = {
    Place.PIT: say("底坑照片"), Place.CAR_TOP: say("轿顶照片"), Place.MACHINE_ROOM: say("机房照片"),
}  # fmt: skip
# Categories without a car: of the places of a lift they have the 分离机房、驱动站和转向站 alone (T5002 annex D).
_WITHOUT_CAR = frozenset({"3310", "3320"})
# The items about the machine room of the annexes A to D: 不适用 with its reason says that there is none.
ROOM_ITEMS = frozenset({"A-1-01", "B-1-01", "C-1-01", "D-1-30"})
_FROM = {
    Wanted.EVERY: Level.HALF_MONTH, Wanted.QUARTER: Level.QUARTER, Wanted.HALF_YEAR: Level.HALF_YEAR,
    Wanted.ANNUAL: Level.ANNUAL,
}  # fmt: skip


def places_of(category: str | None) -> tuple[Place, ...]:
    """The places that an elevator of this category has; all of them where it is not known."""
    return (Place.MACHINE_ROOM,) if category in _WITHOUT_CAR else tuple(Place)


def places_wanted(category: str | None, level: Level, asked: Mapping[Place, str]) -> tuple[Place, ...]:
    """The places of which a visit of this level needs a photo, as the region asks for them."""
    return tuple(
        place for place in places_of(category)
        if (least := _FROM.get(Wanted(asked.get(place, Wanted.NONE)))) is not None and level >= least
    )  # fmt: skip


def photo_findings(
    wanted: Collection[Place], given: Mapping[Place, int], inapplicable: Collection[str] = ()
) -> list[Finding]:
    """Whether each place is there that a check-out needs. `inapplicable`: codes of items that are 不适用."""
    found = []
    for place in wanted:
        count = given.get(place, 0)
        if not count and place is Place.MACHINE_ROOM and ROOM_ITEMS & set(inapplicable):
            found.append(Finding(PLACE_LABELS[place], True, "机房项目为不适用，不用拍", field=place.value))
            continue
        found.append(Finding(
            PLACE_LABELS[place], count > 0, say("%(n)s 张", n=count) if count else "没有拍",
            "" if count else _WAYS[place], field=place.value,
        ))  # fmt: skip
    return found


_WAYS = {
    Place.PIT: say("请在“底坑照片”里拍一张底坑再签退，已填的内容都在"),
    Place.CAR_TOP: say("请在“轿顶照片”里拍一张轿顶再签退，已填的内容都在"),
    Place.MACHINE_ROOM: say(
        "请在“机房照片”里拍一张再签退，已填的内容都在；没有机房的拍驱动主机或控制柜，或把机房那一项选为不适用并写明理由"
    ),
}


def selfie_finding(photos: int | None) -> Finding:
    """Whether the person's own photo is there; `photos` None: asked beforehand, nothing was sent yet."""
    if photos:
        return Finding("现场本人照片", True, say("%(n)s 张", n=photos), field=SELFIE)
    level: Literal["fail", "warn"] = "warn" if photos is None else "fail"
    return Finding(
        "请对本人进行拍摄", False,
        "本地区签到须有现场本人照片" if photos is None else "没有现场本人照片",
        "请站在电梯旁用前置摄像头拍下本人，再签到；照片没有您的单独同意不作人脸比对", level=level, field=SELFIE,
    )  # fmt: skip

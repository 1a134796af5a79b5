"""As of a day, as known at an instant (ASO-01): what `as_of` and `known_at` of an address ask for.

Pages, lists, exports and the API are shown by it, and it gives only what any of them can reckon with: a day that can be
meant at all (1950 to 2199), and an instant from such a day on that is over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from app import clock
from app.errors import Finding
from app.rules.calendar import EARLIEST_ON, LATEST_ON
from app.wording import say


@dataclass(frozen=True, slots=True)
class Past:
    """The day and the instant; `told` where the instant was asked for, else it is now. `ahead`: one was asked for that
    is yet to come, and what is known now was taken for what will be."""

    on: dt.date
    known_at: dt.datetime
    told: bool
    ahead: bool = False


def past_of(args: Mapping[str, str], *, zoned: bool = False) -> tuple[Past | None, list[Finding]]:
    """What is asked for, None for the present; and what of it was left out as no day or instant, each by its name.

    One alone says the other: the day of the instant, all that is known now of the day. With `zoned` an instant must say
    its zone (of machines), else it is of Shanghai where it carries none, and a day alone means its end.
    """
    on, typed = day_of_text(args.get("as_of", "")), args.get("known_at", "")
    if on is not None and not EARLIEST_ON <= on <= LATEST_ON:
        on = None
    known_at = instant_of_text(typed)
    if known_at is not None and (known_at.year < EARLIEST_ON.year or (zoned and not _zoned(typed))):
        known_at = None
    left = "已按现在显示" if on is None and known_at is None else "已按另一个时间显示"
    wrong = [
        Finding(label, False, say("“%(value)s”%(rule)s", value=given[:40], rule="不是有效的时间"), left,
                field=name, value=given[:40], level="warn")
        for name, label, found in (("as_of", "截至日期", on), ("known_at", "所知时间", known_at))
        if found is None and (given := args.get(name, "").strip())
    ]  # fmt: skip
    if on is None and known_at is None:
        return None, wrong
    now = clock.now()
    told, ahead = known_at is not None, known_at is not None and known_at > now
    if ahead and not zoned:
        wrong.append(
            Finding("所知时间", False, say("“%(value)s”还没有到", value=typed.strip()[:40]), "已按现在所知显示",
                    field="known_at", value=typed.strip()[:40], level="warn")
        )  # fmt: skip
    known_at = min(known_at or now, now)
    return Past(on or clock.local_day(known_at), known_at, told, ahead), wrong


def day_of_text(text: str) -> dt.date | None:
    """A day as typed; None for anything else."""
    try:
        return dt.date.fromisoformat(text.strip()[:40])
    except ValueError:
        return None


def instant_of_text(text: str) -> dt.datetime | None:
    """An instant as typed, of Shanghai unless it carries a zone; a day alone means its end."""
    typed = text.strip()[:40].replace(" ", "T", 1)
    try:
        if len(typed) == 10:
            return clock.instant_of(dt.datetime.combine(dt.date.fromisoformat(typed), dt.time(23, 59, 59)))
        return clock.instant_of(dt.datetime.fromisoformat(typed))
    except (ValueError, OverflowError):
        return None


def _zoned(typed: str) -> bool:
    try:
        return dt.datetime.fromisoformat(typed).tzinfo is not None
    except ValueError:
        return False


"""Numbers beside menu entries that are counted every so often: with the menu's others, and kept for the next pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from flask import g

from app.listing import Moment
from app.views.frame import lately, menu

Says = Callable[[Sequence[int], str], menu.Said]


def late_first(counts: Sequence[int], note: str) -> menu.Said:
    """Of two counts, what waits and what is late: the late ones in red, else what waits."""
    own, late = counts
    return (late, "over", note) if late else (own, "near", note)


def add(
    name: str, count: Callable[[Moment], list[Any]], says: Says = late_first, seconds: float | None = None
) -> None:
    """Put a number into the menu: scoped counts, and what they say with a note on how old they may be.

    `seconds`: how old that is where it is not `MENU_NUMBERS_SECONDS`.
    """

    def wanted() -> bool:
        held = None if name in g.get("numbers_now", ()) else lately.kept(name, seconds)
        g.setdefault("numbers", {})[name] = (time.time(), held)
        return held is None

    def said(counts: Sequence[int]) -> menu.Said:
        begun, held = g.numbers[name]
        if counts:
            lately.keep(name, tuple(counts), begun)
        return says(counts or held, "" if counts else lately.note())

    menu.COUNTS[name] = menu.Number(count, said, wanted)


def now(name: str) -> None:
    """This page shows the rows themselves: the number beside them is counted with it."""
    g.setdefault("numbers_now", set()).add(name)

"""Numbers beside tabs and menu entries, as counted for an account a moment ago.

What others do shows in them after `MENU_NUMBERS_SECONDS`; what one does oneself shows at once, on whatever process
answers next, for the session carries the time of its last deed. Where a page turns on a number, it counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request, session
from flask_babel import gettext as _

from app import clock

MOST = 5000
Found = TypeVar("Found")
_DEED = "deed"


def kept(name: Hashable, seconds: float | None = None) -> Any:
    """What was kept under the name for this account and day, or None where it is too old by now.

    `seconds`: how old it may be where that is not `MENU_NUMBERS_SECONDS`.
    """
    at, value = _store().get((g.actor, clock.today(), name), (0.0, None))
    fresh = at > max(time.time() - (_seconds() if seconds is None else seconds), session.get(_DEED, 0.0))
    return value if fresh else None


def keep(name: Hashable, value: Any, counted_at: float) -> None:
    """Keep what was counted from that time on. An account whose roles or place changed is another one."""
    if _seconds() and request.method == "GET":
        store = _store()
        if len(store) >= MOST:
            store.clear()
        store[g.actor, clock.today(), name] = (counted_at, value)


def counted(name: Hashable, count: Callable[[], Found], seconds: float | None = None, *, plain: bool = True) -> Found:
    """What was kept under the name, else what is counted now, which then is kept. Not `plain`: counted for itself."""
    held: Found | None = kept(name, seconds) if plain else None
    if held is None:
        begun = time.time()
        held = count()
        if plain:
            keep(name, held, begun)
    return held


def note() -> str:
    """What to say of such a number."""
    return str(_("最多 %(n)s 秒前的数", n=round(_seconds())))


def install(app: Flask) -> None:
    """Remember in the session when its person last did something."""

    @app.after_request
    def _did(response: Response) -> Response:
        if request.method not in ("GET", "HEAD", "OPTIONS") and "number" in session:
            session[_DEED] = time.time()
        return response


def _seconds() -> float:
    return float(current_app.config["MENU_NUMBERS_SECONDS"])


def _store() -> dict[Any, tuple[float, Any]]:
    found: dict[Any, tuple[float, Any]] = current_app.extensions.setdefault("tian_lately", {})
    return found

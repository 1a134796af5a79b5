"""Guesses of strangers, counted by where they come from, in the window that counts the API's calls.

For pages without sign-in that must not write a row for each wrong code. A proxy on this host is no place (`signin`).
"""

from __future__ import annotations

import logging

from flask import current_app, request
from limits import parse

from app.rules.devices import place_of

log = logging.getLogger(__name__)


def wrong(what: str, amount: str) -> None:
    """Count a guess at something that there is not."""
    _window(what, amount, count=True)


def spent(what: str, amount: str) -> bool:
    """Whether so many guesses ("30/hour") came from here already. What can't be counted stops nobody."""
    return _window(what, amount, count=False) <= 0


def taken(what: str, amount: str, account: int | None = None) -> bool:
    """Count one more call from here, or of an account wherever it is; whether that was one too many ("120/minute")."""
    if _window(what, amount, account, count=False) <= 0:
        return True
    _window(what, amount, account, count=True)
    return False


def _window(what: str, amount: str, account: int | None = None, *, count: bool) -> int:
    counter, item = current_app.extensions["tian_window"], parse(amount)
    place = place_of(request.remote_addr) if account is None else f"account {account}"
    if not place:
        return 1
    words = (what, place)
    try:
        if count:
            counter.hit(item, *words)
        return int(counter.get_window_stats(item, *words).remaining)
    except Exception:
        log.exception("guesses could not be counted")
        return 1

"""The number beside 预警: pages that show what is near and over count it, the menu of others may lag by seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from flask import current_app, g
from flask_babel import gettext as _

from app import clock
from app.extensions import db
from app.listing import moment
from app.listings import warnings
from app.permissions import Actor
from app.views import menu

Counts = dict[tuple[str, str], int]
MOST_KEPT = 5000


def counted(actor: Actor) -> Counts:
    """The warnings' counts as they are now, once a request: menu, figures and card show the same."""
    if "warning_counts" not in g:
        g.warning_counts = warnings.counts(moment(db.session, actor))
        _keep(actor, g.warning_counts)
    held: Counts = g.warning_counts
    return held


def _seconds() -> float:
    return float(current_app.config["MENU_NUMBERS_SECONDS"])


def _kept() -> dict[Any, tuple[float, Counts]]:
    """By account and day; an account whose roles or place changed is another one."""
    found: dict[Any, tuple[float, Counts]] = current_app.extensions.setdefault("tian_warned", {})
    return found


def _keep(actor: Actor, counts: Counts) -> None:
    if not _seconds():
        return
    kept = _kept()
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[actor, clock.today()] = (time.monotonic() + _seconds(), counts)


def _parts(actor: Actor) -> list[Any]:
    """Nothing to ask where this request, or one just before, has counted."""
    until, counts = _kept().get((actor, clock.today()), (0.0, {}))
    g.warned_of_late = counts if time.monotonic() < until and "warning_counts" not in g else None
    known = "warning_counts" in g or g.warned_of_late is not None
    return [] if known else warnings.parts(moment(db.session, actor))


def _says(counts: Sequence[int]) -> menu.Said:
    """All that is over, or else near, and its tone."""
    if counts:
        g.warning_counts = dict(zip(warnings.NAMES, counts, strict=True))
        _keep(g.actor, g.warning_counts)
    late: Counts | None = g.warned_of_late
    found = g.warning_counts if late is None else late
    note = "" if late is None else _("最多 %(n)s 秒前的数", n=round(_seconds()))
    over = sum(n for (_key, level), n in found.items() if level == "over")
    near = sum(n for (_key, level), n in found.items() if level == "near")
    return (over, "over", note) if over else (near, "near", note)


menu.COUNTS["warnings"] = menu.Number(_parts, _says)

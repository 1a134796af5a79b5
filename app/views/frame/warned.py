"""The number beside 预警: pages that show what is near and over count it, the menu of others may lag (`lately`)."""

from __future__ import annotations

import time
from collections.abc import Sequence

from flask import g

from app.extensions import db
from app.listing import moment
from app.listings import warnings
from app.permissions import Actor
from app.views.frame import lately, menu

Counts = dict[tuple[str, str], int]
NAME = "warnings"


def counted(actor: Actor) -> Counts:
    """The warnings' counts as they are now, once a request: menu, figures and card show the same.

    They are asked with whatever else the menu asks, where it shows them and has not been asked yet.
    """
    if "warning_counts" not in g:
        g.warned_now = True
        menu.Shell(actor).ask()
    if "warning_counts" not in g:
        _use(warnings.counts(moment(db.session, actor)), time.time())
    held: Counts = g.warning_counts
    return held


def _use(counts: Counts, at: float) -> None:
    g.warning_counts = counts
    lately.keep(NAME, counts, at)


def _wanted() -> bool:
    """Nothing to ask where this request, or one just before, has counted."""
    g.warned_from = time.time()
    g.warned_lately = None if "warning_counts" in g or g.get("warned_now") else lately.kept(NAME)
    return "warning_counts" not in g and g.warned_lately is None


def _says(counts: Sequence[int]) -> menu.Said:
    """All that is over, or else near, and its tone."""
    if counts:
        _use(dict(zip(warnings.NAMES, counts, strict=True)), g.warned_from)
    found = g.warning_counts if g.warned_lately is None else g.warned_lately
    note = "" if g.warned_lately is None else lately.note()
    over = sum(n for (_key, level), n in found.items() if level == "over")
    near = sum(n for (_key, level), n in found.items() if level == "near")
    return (over, "over", note) if over else (near, "near", note)


menu.COUNTS["warnings"] = menu.Number(warnings.parts, _says, _wanted, by_policy=True)

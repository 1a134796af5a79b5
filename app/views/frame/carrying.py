"""Ticked rows that go along to another page: no more than an address holds, and what stays behind is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from flask import flash
from flask_babel import gettext as _

Key = TypeVar("Key")
MOST_CARRIED = 100


def carried(keys: Sequence[Key]) -> Sequence[Key]:
    """As many of them as go along; the page that is shown next says how many do not."""
    if (left := len(keys) - MOST_CARRIED) > 0:
        said = _(
            "选了 %(n)s 行，一次最多带 %(most)s 行；另有 %(left)s 行没有带过来，请分次办理",
            n=len(keys), most=MOST_CARRIED, left=left,
        )  # fmt: skip
        flash(said, "warning")
    return keys[:MOST_CARRIED]

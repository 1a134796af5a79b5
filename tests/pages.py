"""What a page says, however its template breaks its lines."""

from __future__ import annotations

import re


def flat(page: str) -> str:
    """A page with one space wherever its template has some; a browser shows the same."""
    return re.sub(r"\s+", " ", page)

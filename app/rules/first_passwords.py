"""A password that somebody else issued (first or reset) is good for some days only, unless its owner makes it his."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class FirstPassword:
    """Until when an issued password may be used, seen from one instant."""

    until: datetime
    over: bool
    days_left: int


def first_password(issued_at: datetime, days: int, at: datetime) -> FirstPassword:
    """It ends on the instant `days` times 24 hours after its issue; a day that has begun counts as one that is left."""
    until = issued_at + timedelta(days=days)
    left = until - at
    return FirstPassword(until, left <= timedelta(0), max(0, -(-left // timedelta(days=1))))

"""What the formulas of SCO-02 and SCO-05 weigh by: the region's numbers at the period's end, as known then."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

from app.models.policy import policy_book
from app.policy import Key
from app.rules.score_items import Scale
from app.transaction import AnySession

_PENALTIES = {2: Key.SCORE_TRAPPED_TWICE, 3: Key.SCORE_TRAPPED_THRICE, 4: Key.SCORE_TRAPPED_OFTEN}


def scale_of(session: AnySession, region_code: str, on: dt.date, known_at: dt.datetime) -> Scale:
    """Policy says tenths of a point; points are exact. A run from before there were such numbers had the usual ones."""
    book = policy_book(session, region_code, on, known_at=known_at)

    def points(key: Key) -> Fraction:
        return Fraction(int(book[key].value or 0), 10)

    return Scale(points(Key.SCORE_SECOND_BONUS), {times: points(key) for times, key in _PENALTIES.items()})

"""How many people a visit needs on site (MNT-11), at the edges of level, number and the phone's late word."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from app.rules.levels import Level
from app.rules.visits import CheckOutFacts, VisitPolicy, check_out_findings

pytestmark = pytest.mark.feature("MNT-11")
START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
FACTS = CheckOutFacts(checked_in_at=START, at=START + dt.timedelta(hours=1))
RULE = "在现场的人数"


@pytest.mark.parametrize(
    ("persons", "long", "level", "needed"),
    [
        (1, 1, Level.ANNUAL, 1),
        (1, 2, Level.HALF_MONTH, 1),
        (1, 2, Level.QUARTER, 1),
        (1, 2, Level.HALF_YEAR, 2),
        (1, 2, Level.ANNUAL, 2),
        (2, 1, Level.HALF_MONTH, 2),
        # Never fewer for the longer services than for the short ones.
        (2, 1, Level.ANNUAL, 2),
    ],
)
def test_the_number_goes_by_level(persons: int, long: int, level: Level, needed: int) -> None:
    assert VisitPolicy(persons=persons, persons_long=long).persons_at(level) == needed


def _told(facts: CheckOutFacts) -> list[tuple[bool, bool]]:
    return [(f.ok, f.stops) for f in check_out_findings(facts, VisitPolicy()) if f.rule == RULE]


def test_one_is_enough_where_nobody_asks_for_two() -> None:
    assert _told(FACTS) == []


def test_one_of_two_stops_and_two_of_two_pass() -> None:
    assert _told(replace(FACTS, persons_needed=2, persons=1)) == [(False, True)]
    assert _told(replace(FACTS, persons_needed=2, persons=2)) == [(True, False)]
    assert _told(replace(FACTS, persons_needed=3, persons=2)) == [(False, True)]


def test_what_a_phone_sends_later_is_kept_and_told() -> None:
    assert _told(replace(FACTS, persons_needed=2, persons=1, sent_later=True)) == [(False, False)]

"""What a phone kept without network: its clock at the edges, and nobody at two places at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app.rules.offline import CONTACT_LASTS, Contact, PhoneClock, Stay, ahead_words, clock_findings, overlap_finding
from app.rules.visits import CheckOutFacts, VisitPolicy, check_out_findings

pytestmark = pytest.mark.feature("MNT-05")
NOW = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC)
SECOND, MINUTE, HOUR, DAY = dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(1)
SLACK = 5 * MINUTE


def phone(ahead: dt.timedelta = 0 * SECOND, before: Any = None, contact: dt.timedelta = 6 * HOUR) -> PhoneClock:
    """One that sends at NOW; `before`: how far ahead it was at its contact, some hours ago."""
    return PhoneClock(NOW + ahead, NOW, Contact(NOW - contact, ahead if before is None else before))


def rules(one: PhoneClock, began: dt.datetime | None, ended: dt.datetime | None = None) -> list[str]:
    found = clock_findings(one, began, ended, SLACK)
    assert all(f.remedy and f.found for f in found)
    return [f.rule for f in found]


def test_a_wrong_clock_is_put_right_by_what_it_shows_at_sending() -> None:
    fast = phone(3 * HOUR)
    assert fast.true(NOW + HOUR) == NOW - 2 * HOUR
    assert rules(fast, NOW + HOUR, NOW + 2 * HOUR) == []
    slow = phone(-2 * DAY)
    assert slow.true(NOW - 2 * DAY - HOUR) == NOW - HOUR
    assert rules(slow, NOW - 2 * DAY - HOUR, NOW - 2 * DAY) == []


@pytest.mark.parametrize(("turned", "told"), [(SLACK, []), (SLACK + SECOND, ["手机时间在离线期间被改动"]),
                                              (-SLACK, []), (-SLACK - SECOND, ["手机时间在离线期间被改动"])])
def test_a_clock_turned_between_contact_and_sending_is_found(turned: dt.timedelta, told: list[str]) -> None:
    one = phone(turned, before=0 * SECOND)
    assert rules(one, NOW + turned - HOUR, NOW + turned - 20 * MINUTE) == told


@pytest.mark.parametrize(("after", "told"), [(SLACK, []), (SLACK + SECOND, ["签退时间在将来"])])
def test_an_end_ahead_of_now_is_refused(after: dt.timedelta, told: list[str]) -> None:
    assert rules(phone(), NOW - HOUR, NOW + after) == told
    assert rules(phone(), None, NOW + after) == told


@pytest.mark.parametrize(("before", "told"), [(SLACK, []), (SLACK + SECOND, ["早于最近一次联网"])])
def test_nothing_lies_before_the_last_contact(before: dt.timedelta, told: list[str]) -> None:
    contact = NOW - 6 * HOUR
    assert rules(phone(), contact - before, contact + HOUR) == told
    assert rules(phone(), None, contact - before) == told


@pytest.mark.parametrize(("after", "told"), [(0 * SECOND, []), (SECOND, ["离线时间过长"])])
def test_a_contact_lasts_some_days(after: dt.timedelta, told: list[str]) -> None:
    one = phone(contact=10 * DAY)
    began = one.contact.at + CONTACT_LASTS + after
    assert rules(one, began - HOUR, began) == told


def test_words_for_a_clock() -> None:
    assert ahead_words(SECOND) == "与系统时间一致"
    assert ahead_words(dt.timedelta(seconds=192)) == "快 0:03:12"
    assert ahead_words(-3 * HOUR) == "慢 3:00:00"


@pytest.mark.parametrize(
    ("began", "ended", "ok"),
    [
        (0, 40, False), (39, 80, False), (40, 80, True), (-40, 0, True), (-40, 1, False), (5, 10, False),
        (-10, 90, False), (-10, None, False), (40, None, True),
    ],
)
def test_nobody_is_at_two_places(began: int, ended: int | None, ok: bool) -> None:
    start = NOW - 3 * HOUR
    other = Stay(start, start + 40 * MINUTE, "980001")
    mine = Stay(start + began * MINUTE, None if ended is None else start + ended * MINUTE, "980002")
    found = overlap_finding(mine, [other], NOW)
    assert found.ok is ok
    assert ok or ("980001" in found.found and found.remedy)


def test_what_runs_elsewhere_runs_until_now() -> None:
    running = Stay(NOW - HOUR, None, "980001")
    assert overlap_finding(Stay(NOW - 3 * HOUR, NOW - HOUR, "980002"), [running], NOW).ok
    late = overlap_finding(Stay(NOW - 3 * HOUR, NOW - HOUR + SECOND, "980002"), [running], NOW)
    assert not late.ok and "还没有签退" in late.found


@pytest.mark.parametrize("minutes", [34, 481])
def test_too_short_or_too_long_stops_nothing_that_is_over(minutes: int) -> None:
    facts = CheckOutFacts(checked_in_at=NOW, at=NOW + minutes * MINUTE)
    policy = VisitPolicy(min_minutes=35, max_hours=8)
    assert any(f.stops for f in check_out_findings(facts, policy))
    later = CheckOutFacts(checked_in_at=NOW, at=NOW + minutes * MINUTE, sent_later=True)
    found = check_out_findings(later, policy)
    assert not any(f.stops for f in found) and any(not f.ok for f in found)

"""The days of a certificate at their edges (PER-05, PER-07)."""

from __future__ import annotations

import datetime as dt

import pytest

from app.rules import certificates
from app.rules.certificates import GRADE, OPERATOR

pytestmark = pytest.mark.feature("PER-05")
TODAY = dt.date(2026, 11, 20)
DAY = dt.timedelta(days=1)


def wrong(issued_on: dt.date | None, until_on: dt.date | None) -> list[tuple[str | None, str]]:
    return [(f.field, f.found) for f in certificates.day_findings(issued_on, until_on, TODAY, OPERATOR)]


def test_a_certificate_ends_after_the_day_on_which_it_was_issued() -> None:
    assert wrong(TODAY, TODAY + DAY) == []
    assert wrong(TODAY, TODAY) == [("certificate_until", "2026-11-20 不晚于发证日期 2026-11-20")]
    assert wrong(TODAY - DAY, TODAY - DAY * 2)[0][0] == "certificate_until"


def test_it_is_issued_today_at_the_latest() -> None:
    assert wrong(TODAY, None) == []
    assert wrong(TODAY + DAY, None) == [("certificate_issued_on", "2026-11-21 在今天之后")]
    both = wrong(TODAY + DAY, TODAY)
    assert [field for field, _found in both] == ["certificate_issued_on", "certificate_until"]


def test_a_year_that_nobody_means_is_told_alone() -> None:
    assert wrong(dt.date(1950, 1, 1), dt.date(2199, 12, 31)) == []
    ((field, found),) = wrong(dt.date(1949, 12, 31), dt.date(2027, 1, 1))
    assert field == "certificate_issued_on" and "不在 1950 年至 2199 年之间" in found
    assert [field for field, _found in wrong(None, dt.date(2200, 1, 1))] == ["certificate_until"]


def test_nothing_given_is_nothing_wrong_and_one_that_ran_out_may_stand() -> None:
    assert wrong(None, None) == wrong(None, TODAY - DAY) == []
    assert certificates.held_finding(TODAY, TODAY, GRADE).ok
    over = certificates.held_finding(TODAY - DAY, TODAY, GRADE)
    assert (over.ok, over.field, over.found) == (False, "valid_until", "已于 2026-11-19 到期")

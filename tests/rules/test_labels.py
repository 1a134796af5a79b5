"""标牌: when a label is good, how a new one takes over, what is refused."""

from __future__ import annotations

import datetime as dt

import pytest

from app.rules import labels
from app.rules.calendar import day_end

pytestmark = pytest.mark.feature("ELV-07")
TODAY = dt.date(2026, 3, 2)
AT = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
REASONS = {"damaged", "lost", "forged", "changed", "other"}
DAY = dt.timedelta(days=1)


def failing(found: list) -> set[str]:
    return {f.field for f in found if f.stops}


def test_a_label_is_good_until_its_end_and_not_at_it() -> None:
    assert labels.in_force(None, AT)
    assert labels.in_force(AT + dt.timedelta(microseconds=1), AT) and not labels.in_force(AT, AT)
    last = day_end(TODAY)
    assert labels.in_force(last, last - dt.timedelta(microseconds=1)) and not labels.in_force(last, last)


@pytest.mark.parametrize(
    ("days", "good"), [(None, False), (0, False), (1, True), (labels.MOST_WAITING_DAYS, True),
                       (labels.MOST_WAITING_DAYS + 1, False), (-1, False)],
)  # fmt: skip
def test_a_new_label_waits_until_a_day_that_is_named(days: int | None, good: bool) -> None:
    on = None if days is None else TODAY + days * DAY
    found = failing(labels.switch_findings(labels.ON_SCAN, "damaged", on, TODAY))
    assert found == (set() if good else {"starts_on"})


def test_at_once_asks_for_no_day_and_an_odd_word_is_no_choice() -> None:
    assert failing(labels.switch_findings(labels.NOW, "lost", None, TODAY)) == set()
    assert failing(labels.switch_findings("", "lost", TODAY + DAY, TODAY)) == {"switch"}
    assert failing(labels.switch_findings("later", "lost", None, TODAY)) == {"switch"}


def test_a_forged_one_never_stays_good() -> None:
    assert failing(labels.switch_findings(labels.ON_SCAN, labels.FORGED, TODAY + DAY, TODAY)) == {"switch"}
    assert failing(labels.switch_findings(labels.NOW, labels.FORGED, None, TODAY)) == set()


def test_a_reason_is_one_of_the_list_and_another_one_is_written_down() -> None:
    assert failing(labels.reason_findings("damaged", "", REASONS)) == set()
    assert failing(labels.reason_findings("x", "", REASONS)) == {"reason"}
    assert failing(labels.reason_findings("other", "  ", REASONS)) == {"note"}
    assert failing(labels.reason_findings("other", "搬迁", REASONS)) == set()
    assert failing(labels.reason_findings("lost", "字" * (labels.LONGEST_NOTE + 1), REASONS)) == {"note"}


@pytest.mark.parametrize(
    ("days", "good"), [(None, False), (-1, False), (0, True), (labels.MOST_TEMPORARY_DAYS, True),
                       (labels.MOST_TEMPORARY_DAYS + 1, False)],
)  # fmt: skip
def test_a_temporary_one_has_a_near_last_day(days: int | None, good: bool) -> None:
    on = None if days is None else TODAY + days * DAY
    assert labels.temporary_finding(on, TODAY).ok is good


def test_why_it_is_dead_is_said_by_its_kind() -> None:
    assert "临时标牌已于 2026-03-02 停用" in labels.ended_words("temporary", day_end(TODAY), True)
    assert "已于 2026-03-02 更换" in labels.ended_words("made", AT, True)
    assert "没有启用过" in labels.ended_words("replacement", AT, False)

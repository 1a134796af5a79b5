"""Records of another platform that can't have been, at the edges (IMP-03)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.rules.calendar import SHANGHAI
from app.rules.past_visits import LONGEST_DAYS, Diary, Work, past_visit_findings
from app.rules.visits import VisitFacts, VisitPolicy

pytestmark = pytest.mark.feature("IMP-03")
IN = datetime(2026, 9, 1, 9, tzinfo=SHANGHAI)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
HUZHOU, NANTONG = VisitPolicy(max_hours=8), VisitPolicy()


@pytest.mark.parametrize(
    ("policy", "now", "refused"),
    [
        (HUZHOU, IN + 8 * HOUR, True),
        (HUZHOU, IN + 8 * HOUR + SECOND, False),
        (NANTONG, IN + 10_000 * HOUR, True),
    ],
)
def test_without_an_end_only_what_its_hours_voided_is_history(
    policy: VisitPolicy, now: datetime, refused: bool
) -> None:
    found = [f.field for f in past_visit_findings(VisitFacts(checked_in_at=IN), policy, now)]
    assert found == (["checked_out_at"] if refused else [])


@pytest.mark.parametrize("name", ["sheet_at", "signed_at", "reviewed_at"])
def test_paper_comes_with_the_end_or_after_it(name: str) -> None:
    def fields(when: datetime) -> list[str | None]:
        facts = VisitFacts(checked_in_at=IN, checked_out_at=IN + HOUR, **{name: when})  # type: ignore[arg-type]
        return [f.field for f in past_visit_findings(facts, HUZHOU, IN + 99 * HOUR)]

    assert fields(IN + HOUR) == []
    assert fields(IN + HOUR - SECOND) == [name]


def test_an_end_before_its_beginning_is_named_once() -> None:
    facts = VisitFacts(checked_in_at=IN, checked_out_at=IN - SECOND, signed_at=IN)
    assert [f.field for f in past_visit_findings(facts, HUZHOU, IN + 99 * HOUR)] == ["checked_out_at"]


@pytest.mark.parametrize(
    ("elevator", "begin", "end", "clashes"),
    [
        (2, IN + HOUR, IN + 2 * HOUR, False),
        (2, IN + HOUR - SECOND, IN + 2 * HOUR, True),
        (2, IN - HOUR, IN, False),
        (2, IN - HOUR, IN + SECOND, True),
        (2, IN - HOUR, IN + 9 * HOUR, True),
        (1, IN, IN + HOUR, False),
    ],
)
def test_nobody_is_at_two_elevators(elevator: int, begin: datetime, end: datetime, clashes: bool) -> None:
    diary = Diary()
    diary.add("worker", Work(1, IN, IN + HOUR, "电梯 1"))
    mine = Work(elevator, begin, end, "")
    assert (diary.clash("worker", mine) is not None) is clashes
    assert diary.clash("somebody else", mine) is None


def test_work_over_midnight_and_for_days_is_found_on_each_of_its_days() -> None:
    diary = Diary()
    diary.add("worker", Work(1, IN, IN + timedelta(days=LONGEST_DAYS), "电梯 1"))
    for days in (0, 1, LONGEST_DAYS - 1):
        begin = IN + timedelta(days=days, hours=1)
        assert diary.clash("worker", Work(2, begin, begin + HOUR, "")) is not None

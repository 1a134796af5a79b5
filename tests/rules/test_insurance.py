"""UNT-09: who is filed and not insured, who is insured and not filed; whole months, one person once."""

from __future__ import annotations

from datetime import date

import pytest

from app.rules.insurance import (
    Named,
    compare,
    judged_month,
    known_in,
    last_of,
    month_after,
    month_before,
    months_between,
    owed_in,
)

pytestmark = pytest.mark.feature("UNT-09")
NOV = date(2026, 11, 1)


def test_both_sides_of_the_gap() -> None:
    filed = [Named(1, "何一帆"), Named(2, "苏见山"), Named(3, "王砚秋")]
    insured = [Named(11, "王砚秋"), Named(12, "顾以宁"), Named(13, "何一帆")]
    found = compare(filed, insured)
    assert (found.uninsured, found.unfiled, found.both) == ((2,), (12,), 2)


def test_the_id_number_decides_over_the_name() -> None:
    filed = [Named(1, "王 砚秋", id_number="A"), Named(2, "何一帆", id_number="B")]
    insured = [Named(11, "王砚秋", id_number="C"), Named(12, "何一凡", id_number="B")]
    found = compare(filed, insured)
    assert found.uninsured == (1,) and found.unfiled == (11,), "one name, two people; two spellings, one person"


def test_two_of_one_name_are_matched_by_phone_and_each_once() -> None:
    filed = [Named(1, "王伟", "13700000001"), Named(2, "王伟", "13700000002")]
    insured = [Named(11, "王伟", "13700000002")]
    assert compare(filed, insured).uninsured == (1,)
    assert compare(filed, [*insured, Named(12, "王伟")]).uninsured == ()


def test_somebody_insured_by_two_payers_is_one_person() -> None:
    found = compare([Named(1, "王伟")], [Named(11, "王伟", id_number="A"), Named(12, "王伟", id_number="A")])
    assert (found.unfiled, found.both) == ((), 1)


def test_who_is_only_known_is_no_gap_but_explains_an_insured_one() -> None:
    found = compare([Named(1, "王伟", owed=False), Named(2, "何一帆", owed=False)], [Named(11, "王伟")])
    assert (found.uninsured, found.unfiled) == ((), ())


@pytest.mark.parametrize(
    ("since", "left_on", "owed", "known"),
    [
        (date(2026, 11, 1), None, True, True),
        (date(2026, 11, 2), None, False, True),
        (date(2026, 12, 1), None, False, False),
        (date(2020, 1, 1), date(2026, 11, 30), False, True),
        (date(2020, 1, 1), date(2026, 12, 1), True, True),
        (date(2020, 1, 1), date(2026, 11, 1), False, True),
        (date(2020, 1, 1), date(2026, 10, 31), False, False),
    ],
)
def test_only_whole_months_of_service_are_asked_for(since: date, left_on: date | None, owed: bool, known: bool) -> None:
    assert (owed_in(NOV, since, left_on), known_in(NOV, since, left_on)) == (owed, known)


@pytest.mark.parametrize(
    ("today", "day", "month"),
    [
        (date(2026, 12, 14), 15, date(2026, 10, 1)), (date(2026, 12, 15), 15, NOV),
        (date(2027, 2, 27), 31, date(2026, 12, 1)), (date(2027, 2, 28), 31, date(2027, 1, 1)),
        (date(2027, 1, 1), 1, date(2026, 12, 1)),
    ],
)  # fmt: skip
def test_which_month_must_be_in(today: date, day: int, month: date) -> None:
    assert judged_month(today, day) == month


def test_months_have_their_own_lengths() -> None:
    assert last_of(date(2028, 2, 3)) == date(2028, 2, 29)
    assert month_after(date(2026, 12, 1)) == date(2027, 1, 1) and month_before(date(2027, 1, 31)) == date(2026, 12, 1)
    assert months_between(date(2026, 11, 1), date(2027, 1, 31)) == [NOV, date(2026, 12, 1), date(2027, 1, 1)]

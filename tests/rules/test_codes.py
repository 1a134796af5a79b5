"""How often a code may be sent, and the question in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.rules.codes import ADDRESS_LIMITS, flood_finding, word_question

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)


def ago(*seconds: int) -> list[datetime]:
    return [AT - timedelta(seconds=n) for n in seconds]


@pytest.mark.feature("NTF-01")
@pytest.mark.parametrize(
    ("sent", "ok", "wait"),
    [
        ([], True, ""), (ago(59), False, "1 秒"), (ago(60), True, ""), (ago(1), False, "59 秒"),
        (ago(100, 200, 300, 400), True, ""), (ago(100, 200, 300, 400, 3599), False, "1 秒"),
        (ago(100, 200, 300, 400, 3600), True, ""), (ago(100, 200, 300, 400, 1800), False, "30 分钟"),
        (ago(*range(4000, 4000 + 10 * 3000, 3000)), False, ""), (ago(*range(4000, 4000 + 9 * 3000, 3000)), True, ""),
    ],
)  # fmt: skip
def test_one_a_minute_five_an_hour_ten_a_day(sent: list[datetime], ok: bool, wait: str) -> None:
    found = flood_finding(sent, AT)
    assert found.ok is ok and wait in found.remedy


@pytest.mark.feature("NTF-01")
def test_an_address_may_send_for_many_people_and_still_not_without_end() -> None:
    assert flood_finding(ago(*range(29)), AT, ADDRESS_LIMITS, 0).ok
    assert not flood_finding(ago(*range(30)), AT, ADDRESS_LIMITS, 0).ok
    assert not flood_finding(ago(*range(3600, 3700)), AT, ADDRESS_LIMITS, 0).ok


@pytest.mark.feature("ACC-04")
def test_the_question_in_words() -> None:
    assert word_question(7, 5) == ("七加五等于几？请用数字回答", "12")
    assert word_question(1, 1)[1] == "2" and word_question(9, 9)[1] == "18"

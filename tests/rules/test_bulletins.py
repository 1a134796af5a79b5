"""STA-03: periods as people name them, what becomes of a bulletin, what its texts may be."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from app.errors import Refusal
from app.rules.bulletins import (
    LONGEST_TEXT,
    MOST_PARAGRAPHS,
    BulletinState,
    BulletinVerb,
    bulletin_move,
    cleaned,
    head_findings,
    number_text,
    paragraphs,
    period_finding,
    second_finding,
    text_findings,
)
from app.rules.periods import Period, latest_periods, period_of, settled_month

pytestmark = pytest.mark.feature("STA-03")
S, V = BulletinState, BulletinVerb


@pytest.mark.parametrize(
    ("text", "first", "last", "words"),
    [
        ("2026-02", date(2026, 2, 1), date(2026, 2, 28), "2026 年 2 月"),
        ("2028-02", date(2028, 2, 1), date(2028, 2, 29), "2028 年 2 月"),
        ("2026-12", date(2026, 12, 1), date(2026, 12, 31), "2026 年 12 月"),
        ("2026Q1", date(2026, 1, 1), date(2026, 3, 31), "2026 年第 1 季度"),
        ("2026Q4", date(2026, 10, 1), date(2026, 12, 31), "2026 年第 4 季度"),
    ],
)
def test_a_period_by_its_name(text: str, first: date, last: date, words: str) -> None:
    period = period_of(text)
    assert (period.first, period.last, period.text, period.words) == (first, last, text, words)


@pytest.mark.parametrize(
    "text", ["", None, "2026", "2026-13", "2026-00", "2026Q5", "1999-01", "2026-1", "二〇二六", "２０２６-01"]
)
def test_what_is_no_period_is_refused(text: object) -> None:
    with pytest.raises(Refusal, match="不是月份或季度"):
        period_of(text)


def test_the_one_before_and_a_year_ago() -> None:
    assert (period_of("2026-01").before.text, period_of("2026-01").year_before.text) == ("2025-12", "2025-01")
    assert (period_of("2026Q1").before.text, period_of("2026Q1").year_before.text) == ("2025Q4", "2025Q1")


def test_only_what_has_ended_is_offered() -> None:
    found = latest_periods(date(2026, 3, 31))
    assert [one.text for one in found][:2] == ["2026-02", "2026-01"] and len(found) == 16
    assert [one.text for one in found][12:] == ["2025Q4", "2025Q3", "2025Q2", "2025Q1"]
    assert latest_periods(date(2026, 4, 1))[12].text == "2026Q1"
    assert all(one.last < date(2026, 3, 31) for one in found)


@pytest.mark.parametrize(
    ("today", "month"), [(date(2026, 3, 16), "2026-01"), (date(2026, 3, 17), "2026-02"), (date(2026, 4, 16), "2026-02"),
                         (date(2026, 4, 17), "2026-03"), (date(2026, 1, 17), "2025-12")]
)  # fmt: skip
def test_a_month_is_settled_when_its_sixteen_days_are_over(today: date, month: str) -> None:
    assert settled_month(today).text == month


def test_every_step_that_there_is() -> None:
    legal = {
        (S.DRAFT, V.CHECK): S.CHECKED, (S.CHECKED, V.SEND_BACK): S.DRAFT, (S.CHECKED, V.ISSUE): S.ISSUED,
        (S.DRAFT, V.DISCARD): S.DISCARDED, (S.CHECKED, V.DISCARD): S.DISCARDED,
    }  # fmt: skip
    for state, verb in product(S, V):
        if (state, verb) in legal:
            assert bulletin_move(state, verb) is legal[(state, verb)]
        else:
            with pytest.raises(Refusal, match="不能"):
                bulletin_move(state, verb)
    with pytest.raises(Refusal, match="另行印发更正"):
        bulletin_move(S.ISSUED, V.DISCARD)


def test_the_structure_of_a_text() -> None:
    told = [("p", "一是"), ("item", "甲"), ("item", "乙"), ("p", "二是")]
    assert paragraphs(" 一是 \r\n\n- 甲\n-  乙 \n-\n二是") == told
    assert paragraphs("") == [] and cleaned("a\r\n\r\nb ") == "a\nb"
    assert paragraphs("<script>alert(1)</script>") == [("p", "<script>alert(1)</script>")], "text stays text"


def test_what_a_text_may_not_be() -> None:
    known = {"opening": "前言"}

    def wrong(text: str, name: str = "opening") -> list[str]:
        return [f.found for f in text_findings({name: text}, known) if not f.ok]

    assert wrong("一" * LONGEST_TEXT) == [] and wrong("一" * (LONGEST_TEXT + 1)) != []
    assert wrong("一\n" * MOST_PARAGRAPHS) == [] and wrong("一\n" * (MOST_PARAGRAPHS + 1)) != []
    assert wrong("有\x0b制表") == ["含有不能印出的控制字符"] and wrong("字", "scores.lines") == ["没有这一部分"]


def test_office_and_mark() -> None:
    def wrong(office: str, mark: str) -> list[str]:
        return [f.rule for f in head_findings(office, mark) if not f.ok]

    assert wrong("澜州市市场监督管理局", "澜市监特") == []
    assert wrong("局", "") == ["发文机关", "机关代字"] and wrong("某局", "甲〔2026〕") == ["机关代字"]
    assert number_text("澜市监特", 2026, 3) == "澜市监特〔2026〕3号"


def test_a_period_that_runs_is_refused() -> None:
    march = Period(date(2026, 3, 1), 1)
    assert not period_finding(march, date(2026, 3, 31)).ok and period_finding(march, date(2026, 4, 1)).ok


def test_the_second_is_somebody_else() -> None:
    assert second_finding(False).ok and not second_finding(True).ok

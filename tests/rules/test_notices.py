"""NTF-01: groups of topics, quiet hours over midnight, placeholders that exist."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from app.rules import notices
from app.rules.notices import fill, group_of, is_urgent, minutes_of, quiet_end, template_findings

pytestmark = pytest.mark.feature("NTF-01")
ZONE = ZoneInfo("Asia/Shanghai")
NIGHT = (22 * 60, 7 * 60 + 30)


def at(hour: int, minute: int = 0, day: int = 10) -> dt.datetime:
    return dt.datetime(2026, 3, day, hour, minute, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("now", "span", "end"),
    [
        (at(21, 59), NIGHT, None), (at(22), NIGHT, at(7, 30, 11)), (at(23, 59), NIGHT, at(7, 30, 11)),
        (at(0), NIGHT, at(7, 30)), (at(7, 29), NIGHT, at(7, 30)), (at(7, 30), NIGHT, None),
        (at(13), (12 * 60, 14 * 60), at(14)), (at(14), (12 * 60, 14 * 60), None),
        (at(13), (None, 60), None), (at(13), (60, None), None), (at(13), (780, 780), None),
    ],
)  # fmt: skip
def test_quiet_hours(now: dt.datetime, span: tuple[int | None, int | None], end: dt.datetime | None) -> None:
    assert quiet_end(now, *span) == end


@pytest.mark.parametrize(
    ("topic", "group"),
    [("approval", "approval"), ("visit.review", "visit"), ("insurance", "duty"), ("unheard.of", "other")],
)
def test_a_topic_belongs_to_a_group(topic: str, group: str) -> None:
    assert group_of(topic) == group and group in notices.GROUPS


def test_only_limits_are_urgent() -> None:
    assert is_urgent("escalation") and not is_urgent("approval") and not is_urgent("job")


@pytest.mark.parametrize(("text", "minutes"), [("08:30", 510), ("8:05", 485), ("24:00", None), ("", None)])
def test_a_time_of_day(text: str, minutes: int | None) -> None:
    assert minutes_of(text) == minutes


@pytest.mark.parametrize(
    ("title", "body", "word"),
    [
        ("", "{内容}", "没有填写"), ("{标题}", "", "没有填写"), ("{标题}", "{姓名}", "{姓名} 不是占位符"),
        ("{标题}", "{内容", "不成对"), ("{标题}", "a}b", "不成对"), ("x" * 201, "{内容}", "201 个字"),
        ("你好", "再见", "没有 {标题} 也没有 {内容}"), ("{标题.__class__}", "{内容}", "不是占位符"),
    ],
)  # fmt: skip
def test_a_text_is_checked(title: str, body: str, word: str) -> None:
    findings = template_findings(title, body)
    assert any(word in f.found for f in findings) and all(f.remedy and f.field in ("title", "body") for f in findings)


@pytest.mark.parametrize(("title", "body"), notices.DEFAULTS.values())
def test_the_built_in_ones_are_right(title: str, body: str) -> None:
    assert template_findings(title, body) == []


def test_a_value_is_not_filled_again() -> None:
    assert fill("{标题}／{内容}", {"标题": "{内容}", "内容": "乙"}) == "{内容}／乙"

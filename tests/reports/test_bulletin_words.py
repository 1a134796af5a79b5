"""STA-03: figures as sentences: what rose and fell, 无数据 for nothing, small samples marked; the drawings."""

from __future__ import annotations

import io
import shutil

import pytest

from app.reports.bulletin import words
from app.reports.bulletin.charts import Bar, bars, cut, png, svg
from app.reports.bulletin.words import change, changes, few, listed, percent, points, shares
from app.rules.periods import period_of

pytestmark = pytest.mark.feature("STA-03")


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (312, 300, "比上期增加12台、增长4.0%"), (300, 312, "比上期减少12台、下降3.8%"), (5, 5, "与上期持平"),
        (0, 0, "上期也没有"), (0, 4, "比上期减少4台、下降100.0%"), (4, 0, "上期没有"),
        (2001, 2000, "比上期增加1台、增长0.1%"),
    ],
)  # fmt: skip
def test_what_rose_and_fell(now: int, before: int, said: str) -> None:
    assert change(now, before, "台") == said


def test_a_time_without_any_data_is_no_zero() -> None:
    assert changes(5, 0, 4, "件") == "上期无数据，比上年同期增加1件、增长25.0%"
    assert changes(0, 0, 0, "件") == "上期也没有，上年同期也没有"


@pytest.mark.parametrize(
    ("part", "total", "said"), [(0, 0, "无数据"), (0, 8, "0.0%"), (8, 8, "100.0%"), (1, 3, "33.3%"), (1, 16, "6.3%")]
)
def test_percent_is_rounded_half_up_and_of_nothing_is_none(part: int, total: int, said: str) -> None:
    assert percent(part, total) == said


def test_rates_are_compared_as_they_are_shown() -> None:
    assert points((980, 1000), (972, 1000)) == "比上期提高0.8个百分点"
    assert points((972, 1000), (980, 1000)) == "比上期下降0.8个百分点"
    assert points((98012, 100000), (98034, 100000)) == "与上期持平", "both are shown as 98.0 %"
    assert points((1, 2), (0, 0), "上年同期") == "上年同期无数据" == points((0, 0), (1, 2), "上年同期")


def test_small_samples_are_marked() -> None:
    assert few(29, 30) == "（样本较少，仅供参考）" and few(30, 30) == "" and few(0, 30) == ""


def test_lists_and_shares() -> None:
    assert listed([("甲", 2), ("乙", 1)], "次") == "甲2次、乙1次"
    pairs = [("甲", 5), ("乙", 3), ("丙", 1), ("丁", 1)]
    assert shares(pairs, 10, "台", most=2) == "甲5台，占50.0%；乙3台，占30.0%；其他2台，占20.0%"


@pytest.mark.parametrize(
    ("level", "name", "said"),
    [("province", "云川省", "全省"), ("city", "澜州市", "全市"), ("district", "临河区", "全区"),
     ("district", "云樾县", "全县"),
     ("district", "青坪市", "全市"), ("street", "某所", "辖区")],
)  # fmt: skip
def test_what_a_region_is_called(level: str, name: str, said: str) -> None:
    assert words.whole(level, name) == said


def test_periods_as_papers_name_them() -> None:
    assert words.period_words(period_of("2026-10")) == "2026年10月"
    assert words.period_words(period_of("2026Q3")) == "2026年第三季度"


def test_a_chart_is_drawn_once_for_page_and_picture() -> None:
    chart = bars("完成率", [Bar("<b>甲&乙</b>", (50.0,), "50.0%"), Bar("丙", (100.0,), "100.0%")], most=100)
    drawn = svg(chart)
    assert "&lt;b&gt;甲&amp;乙&lt;/b&gt;" in drawn and "<b>" not in drawn and "丙：100.0%" in drawn
    lengths = [box.width for box in chart.boxes if box.height == 15]
    assert lengths[1] == 2 * lengths[0], "as long as they are large"
    assert cut("一二三四五六七八九十一二三四五") == "一二三四五六七八九十一二三…"


def test_nothing_to_draw_is_no_division_by_zero() -> None:
    assert "<svg" in svg(bars("空", [Bar("甲", (0.0,), "0")])) and "<svg" in svg(bars("空", []))


@pytest.mark.skipif(shutil.which("fc-match") is None, reason="no fontconfig")
def test_the_picture_is_the_same_each_time() -> None:
    from PIL import Image

    chart = bars("台数", [Bar("曳引驱动乘客电梯", (3.0, 1.0), "4")], ("在用", "停用"))
    made = png(chart)
    assert made == png(chart) and made.startswith(b"\x89PNG")
    with Image.open(io.BytesIO(made)) as picture:
        assert picture.width == 1920 and len(picture.convert("L").getcolors(256) or []) > 3

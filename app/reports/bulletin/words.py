"""Figures as sentences of an official paper: what rose and fell and by how much; nothing to count is 无数据. Pure.

A change in per cent of nothing is none; a rate of few cases is marked, for one case moves it by much.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from app.rules.periods import Period
from app.rules.scoring import round_half_up

NO_DATA = "无数据"
FEW = "样本较少，仅供参考"
QUARTERS = "一二三四"
BEFORE, YEAR = "上期", "上年同期"
Pair = tuple[str, int]


def whole(level: str, name: str) -> str:
    """What the paper calls its region: 全市, 全县."""
    if level == "district":
        return next((f"全{end}" for end in ("县", "旗", "市") if name.endswith(end)), "全区")
    return {"province": "全省", "city": "全市"}.get(level, "辖区")


def period_words(period: Period) -> str:
    """2026年10月, 2026年第三季度."""
    if period.months == 1:
        return f"{period.first.year}年{period.first.month}月"
    return f"{period.first.year}年第{QUARTERS[(period.first.month - 1) // 3]}季度"


def day_words(day: dt.date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def percent(part: int, total: int) -> str:
    """To a tenth, rounded half up; of nothing it is 无数据."""
    return f"{_tenth(Fraction(100 * part, total))}%" if total else NO_DATA


def change(now: int, before: int, unit: str, when: str = BEFORE) -> str:
    """比上期增加12台、增长4.0%. Nothing before makes no percentage."""
    if now == before:
        return f"与{when}持平" if now else f"{when}也没有"
    more = now > before
    told = f"比{when}{'增加' if more else '减少'}{abs(now - before)}{unit}"
    if not before:
        return f"{when}没有"
    grown = _tenth(Fraction(100 * abs(now - before), before))
    return f"{told}、{'增长' if more else '下降'}{grown}%"


def changes(now: int, before: int, year: int, unit: str) -> str:
    """Both comparisons; where there was nothing at all before, the platform has no data of then."""
    return "，".join(
        change(now, then, unit, when) if then or not now else f"{when}{NO_DATA}"
        for then, when in ((before, BEFORE), (year, YEAR))
    )


def points(now: tuple[int, int], before: tuple[int, int], when: str = BEFORE) -> str:
    """A rate beside an earlier one, in 百分点; each is (part, whole)."""
    if not now[1] or not before[1]:
        return f"{when}{NO_DATA}"
    # Of the rounded rates: a reader who subtracts them gets the same.
    moved = _tenth(Fraction(100 * now[0], now[1])) - _tenth(Fraction(100 * before[0], before[1]))
    if not moved:
        return f"与{when}持平"
    return f"比{when}{'提高' if moved > 0 else '下降'}{abs(moved)}个百分点"


def few(total: int, least: int) -> str:
    """The mark of a small sample, to stand behind a rate; nothing at all has no rate."""
    return f"（{FEW}）" if 0 < total < least else ""


def listed(pairs: Iterable[Pair], unit: str) -> str:
    """甲12台、乙3台."""
    return "、".join(f"{name}{count}{unit}" for name, count in pairs)


def shares(pairs: Sequence[Pair], total: int, unit: str, most: int = 4) -> str:
    """The largest with their shares, the rest together."""
    told = [f"{name}{count}{unit}，占{percent(count, total)}" for name, count in pairs[:most]]
    rest = sum(count for _name, count in pairs[most:])
    return "；".join([*told, *([f"其他{rest}{unit}，占{percent(rest, total)}"] if rest else [])])


def _tenth(value: Fraction) -> Decimal:
    return round_half_up(value, 1)

"""One cell as a value: dates in any usual form, choices by word or code, numbers with full-width digits, yes and no."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from app.clock import SHANGHAI
from app.imports.columns import Spec

EPOCH = dt.date(1899, 12, 30)
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_TIME = re.compile(r"(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})秒?)?分?")
_DISARMED = set("=+-@＝＋－＠")
_ERRORS = {"#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!"}
YES, NO = {"是", "1", "true", "yes", "y", "√"}, {"否", "0", "false", "no", "n", "×"}


class Bad(ValueError):
    """What is wrong with a cell, and the way out."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.found, self.remedy = found, remedy


def text_of(cell: Any) -> str:
    """The cell as text, outer white space gone; Excel's error values are refused."""
    text = "" if cell is None else str(cell).strip()
    if text[:1] == "'" and text[1:2] in _DISARMED:
        text = text[1:]  # as our own .csv disarms what a spreadsheet would run
    if text in _ERRORS:
        raise Bad(f"是 Excel 的错误值 {text}", "请改成具体的值")
    return text


def day(cell: Any) -> dt.date | None:
    """A date in any usual form: 2026-1-5, 2026/01/05, 2026年1月5日, 20260105, or Excel's number of days."""
    text = unicodedata.normalize("NFKC", text_of(cell))
    if not text:
        return None
    match = _DAY.match(text) or _COMPACT.fullmatch(text)
    if match is None and re.fullmatch(r"\d{4,5}(\.0+)?", text):
        number = int(float(text))
        if 20_000 <= number <= 80_000:
            return EPOCH + dt.timedelta(days=number)
    if match is None:
        raise Bad(f"“{text[:30]}”不是日期", "请按 2026-11-20 的格式填写")
    try:
        found = dt.date(*(int(part) for part in match.groups()[:3]))
    except ValueError:
        raise Bad(f"“{text[:30]}”不是真实的日期", "请核对年月日") from None
    if not 1900 <= found.year <= 2100:
        raise Bad(f"“{text[:30]}”的年份不合理", "请核对年份")
    return found


def instant(cell: Any) -> dt.datetime | None:
    """A date with a time, Shanghai time unless it names a zone; UTC."""
    text = unicodedata.normalize("NFKC", text_of(cell)).replace("T", " ")
    if not text:
        return None
    on = day(text)
    assert on is not None
    match = _TIME.search(text[8:])
    if match is None:
        raise Bad(f"“{text[:30]}”没有时间", "请按 2026-11-20 09:30 的格式填写")
    hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        wall = dt.datetime.combine(on, dt.time(hour, minute, second), SHANGHAI)
    except ValueError:
        raise Bad(f"“{text[:30]}”不是真实的时间", "请核对时分秒") from None
    return wall.astimezone(dt.UTC)


def choice(cell: Any, spec: Spec) -> str | None:
    text = text_of(cell)
    if not text:
        return None
    for value, word in (spec.choices or {}).items():
        if text in (value, str(word)):
            return value
    words = "、".join(str(w) for w in (spec.choices or {}).values())
    raise Bad(f"没有“{text[:30]}”这个选项", f"请从这些里选：{words}")


def yes(cell: Any) -> bool | None:
    text = text_of(cell).lower()
    if not text:
        return None
    if text in YES:
        return True
    if text in NO:
        return False
    raise Bad(f"“{text[:30]}”不是“是”或“否”", "请填写“是”或“否”")


def number(cell: Any) -> int | None:
    text = unicodedata.normalize("NFKC", text_of(cell)).rstrip("天")
    if not text:
        return None
    if not re.fullmatch(r"\d{1,6}(\.0+)?", text):
        raise Bad(f"“{text[:30]}”不是整数", "请填写整数")
    return int(float(text))


def plain(cell: Any) -> str | None:
    return text_of(cell) or None


PARSERS: dict[str, Callable[[Any], Any]] = {
    "text": plain, "code": plain, "date": day, "instant": instant, "bool": yes, "number": number, "region": plain,
    "unit": plain, "person": plain, "elevators": plain,
}  # fmt: skip


def parse(cell: Any, spec: Spec) -> Any:
    """The value of a cell, or Bad."""
    return choice(cell, spec) if spec.kind == "choice" else PARSERS[spec.kind](cell)

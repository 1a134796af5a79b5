"""One cell as a value: dates in any usual form, choices by word or code, numbers with full-width digits, yes and no."""

from __future__ import annotations

import calendar
import contextlib
import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.clock import SHANGHAI
from app.imports import figures, measures
from app.imports.columns import Spec
from app.imports.languages import own_word
from app.imports.synonyms import NO, YES, meaning
from app.rules.licence_text import is_forever
from app.wording import say, together

EPOCH = dt.date(1899, 12, 30)
_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})日?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?!\d)")
_SLASHED = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{1,2})(?!\d)")
# 2026-12, 2026年12月, 202612; 12/2026.
_YEAR_MONTH = re.compile(r"((?:19|20)\d\d)(?:\s*[-/.年]\s*(0?[1-9]|1[0-2])\s*月?份?|(0[1-9]|1[0-2]))")
# Of which nobody knows any more what was meant: a sheet makes 2019.1 of 2019.10, and 201205 may be 5 December 2020.
_TENTH = re.compile(r"(?:19|20)\d\d\.1")
_SIX = re.compile(r"(?:19|20)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_MONTH_YEAR = re.compile(r"(0?[1-9]|1[0-2])\s*[-/.]\s*((?:19|20)\d\d)")
_SHORT_YEAR = re.compile(r"(\d{2})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日?")
# 5-Jan-26, 5. Januar 2026, 5 de enero de 2026, 5 janvier 2026.
_NAMED = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|er|o\b)?[-/. ]*(?:de |d')?([^\W\d_]{3,10})\.?[-/, ]*(?:del? )?(\d{4}|\d{2})(?!\d)",
    re.IGNORECASE,
)
_NAMED_FIRST = re.compile(r"([a-z]{3,9})\.?[-/ ]*(\d{1,2})(?:st|nd|rd|th)?[-/, ]+(\d{4}|\d{2})(?!\d)", re.IGNORECASE)
# How the months begin in English, German, Spanish and French; accents are gone, as in `_month`.
_MONTHS = (
    "jan ene", "feb fev", "mar mrz", "apr abr avr", "may mai", "jun juin", "jul juil", "aug ago aou", "sep set",
    "oct okt", "nov", "dec dez dic",
)
_TIME = re.compile(r"(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})(?:\.\d+)?秒?)?分?")
_DISARMED = set("=+-@＝＋－＠")
# Of a text that begins otherwise nothing is to be taken off, and it is no error.
MARKS = frozenset("'#")
# As the reader marks a formula that has no result yet.
_UNSOLVED = "#CALC!"
_ERRORS = {"#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!"}
# What a cell is read as that says of a last day that there is none.
NO_END = "长期"
UNCLEAR = "日月分不清"
# How 01/05/2026 may be read.
ORDERS = ("dmy", "mdy", "ymd")
# Which day of a month is meant where a cell names no day.
MONTH_DAYS = ("first", "last")
# A choice of a cell that may name several; what stands in brackets belongs to the word before them.
_SEVERAL = re.compile(r"(?:[（(][^（()）]*[）)]|[^、，,;；/|+\n])+")
_FLOAT = re.compile(r"[-+]?\d*\.?\d+([eE][-+]?\d+)?")
# A two-digit year up to this many years ahead is of this century.
_PIVOT = 60


class Bad(ValueError):
    """What is wrong with a cell, the way out, and the rule by which such cells are counted."""

    def __init__(self, found: str, remedy: str, rule: str = "格式不对") -> None:
        super().__init__(found)
        self.found, self.remedy, self.rule = found, remedy, rule


class Unknown(Bad):
    """A word that nobody has explained yet: the person who imports says what it means."""


def is_error(text: str) -> bool:
    """Whether a cell shows that its formula failed or has no result yet."""
    return text in _ERRORS or text == _UNSOLVED


def text_of(cell: Any) -> str:
    """The cell as text, outer white space gone; Excel's error values are refused."""
    text = "" if cell is None else str(cell).strip()
    if text[:1] not in MARKS:
        return text
    if text[0] == "'" and text[1:2] in _DISARMED:
        return text[1:]  # as our own .csv disarms what a spreadsheet would run
    if text == _UNSOLVED:
        raise Bad("公式还没有算出结果", "请用表格软件打开并保存后再上传，或改成具体的值")
    if text in _ERRORS:
        raise Bad(say("是 Excel 的错误值 %(text)s", text=text), "请改成具体的值")
    return text


def _folded(cell: Any) -> str:
    text = text_of(cell)
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def day(cell: Any, order: str | None = None, of_month: str | None = None) -> dt.date | None:
    """A date in any usual form: 2026-1-5, 2026年1月5日, 20260105, 5-Jan-26, Excel's number of days.

    01/05/2026 is read by `order` (one of `ORDERS`); without one it must tell by itself (25/12/2026) or is refused.
    2026年12月 is the day `of_month` (one of `MONTH_DAYS`), and refused without one.
    """
    text = _folded(cell)
    if of_month in MONTH_DAYS and (found := _month_only(text)) is not None:
        year, month = found
        return dt.date(year, month, 1 if of_month == "first" else calendar.monthrange(year, month)[1])
    return _day(text, order)[0]


def is_month(cell: Any) -> bool:
    """Whether a cell names a month and no day of it."""
    return _month_only(_plainly(cell)) is not None


def _month_only(text: str) -> tuple[int, int] | None:
    """Year and month of 2026年12月, 2026-12, 202612, 12/2026."""
    if len(text) > 12 or not text[:1].isdigit() or _two_months(text):
        return None
    if (match := _YEAR_MONTH.fullmatch(text.removesuffix(".0"))) is not None:
        return int(match[1]), int(match[2] or match[3])
    match = _MONTH_YEAR.fullmatch(text)
    return None if match is None else (int(match[2]), int(match[1]))


def _two_months(text: str) -> bool:
    """Whether a cell may mean this month or that."""
    return bool(_TENTH.fullmatch(text) or _SIX.fullmatch(text.removesuffix(".0")))


def _day(text: str, order: str | None) -> tuple[dt.date | None, str]:
    """The date, and what stands behind it (a time)."""
    if not text:
        return None, ""
    match = _DAY.match(text) or _COMPACT.match(text)
    if match is not None:
        return _real(text, *(int(part) for part in match.groups()[:3])), text[match.end() :]
    if (match := _SLASHED.match(text)) is not None:
        order = _possible(match) if order is None or len(match[3]) == 1 else order
        if order not in ORDERS:
            raise Bad(
                say("“%(text)s”分不清哪个是月、哪个是日", text=text[:30]),
                "请在词的对应里选择日期的顺序，例如“日/月/年”",
                UNCLEAR,
            )
        return _real(text, *_in_order(match, order)), text[match.end() :]
    if (match := _SHORT_YEAR.match(text)) is not None:
        return _real(text, _year(match[1]), int(match[2]), int(match[3])), text[match.end() :]
    for pattern, month_at, day_at in ((_NAMED, 2, 1), (_NAMED_FIRST, 1, 2)):
        match = pattern.match(text)
        if match is not None and (month := _month(match[month_at])):
            return _real(text, _year(match[3]), month, int(match[day_at])), text[match.end() :]
    if re.fullmatch(r"\d{4,5}(\.\d+)?", text) and 10_000 <= float(text) <= 80_000:
        number, part = divmod(float(text), 1)
        seconds = round(part * 86_400)
        return EPOCH + dt.timedelta(days=int(number)), f" {seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}"
    if _two_months(text):
        found = say("“%(text)s”说不清是哪个月", text=text[:30])
        raise Bad(found, "请写明年月日，例如 2019-10-01；只有年月的写 2019-10", "日期不对")
    if _month_only(text) is not None:
        raise Bad(
            say("“%(text)s”只有年月", text=text[:30]),
            "请在词的对应里选择按当月哪一日读，或补上日，例如 2026-11-20",
            "日期不对",
        )
    raise not_a_day(text)


def _month(word: str) -> int | None:
    """Of a month's name in several languages its number."""
    plain = unicodedata.normalize("NFKD", word.casefold()).encode("ascii", "ignore").decode()
    return next((n for n, begins in enumerate(_MONTHS, 1) if plain.startswith(tuple(begins.split()))), None)


def not_a_day(text: str) -> Bad:
    return Bad(say("“%(text)s”不是日期", text=text[:30]), "请按 2026-11-20 的格式填写", "日期不对")


def digits_of(cell: Any) -> int | None:
    """How many digits a bare number has."""
    text = str(cell).strip().removesuffix(".0")
    return len(text) if text.isascii() and text.isdigit() else None


def _in_order(match: re.Match[str], order: str) -> tuple[int, int, int]:
    """Year, month and day of 01/05/26, read in this order."""
    if order == "ymd":
        return _year(match[1]), int(match[2]), int(match[3])
    first, second = int(match[1]), int(match[2])
    month, on = (second, first) if order == "dmy" else (first, second)
    return _year(match[3]), month, on


def _possible(match: re.Match[str]) -> str:
    """The only order in which 25/12/2020 is a day, `?` where several give different ones, "" where none does.

    With a year of two digits 24/03/05 may also begin with it; with one digit at its end, it must.
    """
    orders = ("dmy", "mdy") if len(match[3]) == 4 else ("ymd",) if len(match[3]) == 1 else ORDERS
    days: dict[dt.date, str] = {}
    for order in orders:
        with contextlib.suppress(ValueError):
            days.setdefault(dt.date(*_in_order(match, order)), order)
    if not days and len(match[3]) == 4:
        return "dmy" if int(match[1]) > 12 else "mdy"  # no real day either way: told as such
    return next(iter(days.values())) if len(days) == 1 else "?" if days else orders[0]


def _year(text: str) -> int:
    """Two digits: of this century up to 2060, else of the last."""
    return int(text) if len(text) == 4 else int(text) + (2000 if int(text) <= _PIVOT else 1900)


def _real(text: str, year: int, month: int, on: int) -> dt.date:
    try:
        found = dt.date(year, month, on)
    except ValueError:
        if not 1 <= month <= 12:
            raise Bad(
                say("“%(text)s”没有 %(month)s 月", text=text[:30], month=month), "请核对年月日", "日期不对"
            ) from None
        raise Bad(say("“%(text)s”不是真实的日期", text=text[:30]), "请核对年月日", "日期不对") from None
    if not 1900 <= found.year <= 2100:
        raise Bad(say("“%(text)s”的年份不合理", text=text[:30]), "请核对年份", "日期不对")
    return found


def order_of(cell: Any) -> str | None:
    """What a date like 25/12/2026 says of its column: its order, `?` where several could be, None for other forms."""
    match = _SLASHED.match(_plainly(cell))
    if match is None:
        return None
    if int(match[1]) == int(match[2]) and len(match[3]) == 4:
        return None
    found = _possible(match)
    # What is no real day in any order tells nothing of the column.
    return found if found == "?" or _is_real(match, found) else None


def _is_real(match: re.Match[str], order: str) -> bool:
    try:
        dt.date(*_in_order(match, order))
    except ValueError:
        return False
    return True


def _plainly(cell: Any) -> str:
    try:
        return _folded(cell)
    except Bad:
        return ""


def instant(cell: Any, order: str | None = None) -> dt.datetime | None:
    """A date with a time, Shanghai time unless it names a zone; UTC."""
    text = _folded(cell).replace("T", " ")
    if not text:
        return None
    if _month_only(text) is not None:
        raise Bad(say("“%(text)s”没有时间", text=text[:30]), "请按 2026-11-20 09:30 的格式填写", "日期不对")
    on, rest = _day(text, order)
    assert on is not None
    match = _TIME.search(rest)
    if match is None:
        raise Bad(say("“%(text)s”没有时间", text=text[:30]), "请按 2026-11-20 09:30 的格式填写", "日期不对")
    hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        wall = dt.datetime.combine(on, dt.time(hour, minute, second), SHANGHAI)
    except ValueError:
        raise Bad(say("“%(text)s”不是真实的时间", text=text[:30]), "请核对时分秒", "日期不对") from None
    return wall.astimezone(dt.UTC)


def choice(cell: Any, spec: Spec) -> str | None:
    """A choice by its word (in any of our languages), its code or another register's word for it."""
    text = text_of(cell)
    if not text:
        return None
    choices = spec.choices or {}
    for value, word in choices.items():
        if text in (value, str(word)):
            return value
    found = own_word(text, choices) or meaning(spec.name, text, choices)
    if found is not None:
        return found
    words = together(str(w) for w in choices.values())
    raise Unknown(
        say("没有“%(text)s”这个选项", text=text[:30]), say("请从这些里选：%(words)s", words=words), "没有这个选项"
    )


def pieces(cell: Any, spec: Spec) -> list[str]:
    """The words of a cell that may name several choices: one that is a choice as it stands is one word."""
    text = text_of(cell)
    with contextlib.suppress(Bad):
        if choice(text, spec) is not None:
            return [text]
    return [piece.strip() for piece in _SEVERAL.findall(text) if piece.strip()]


def choices(cell: Any, spec: Spec, words: Mapping[str, Any] | None = None) -> str | None:
    """Several choices as their values with commas, in the order of the choices; `words` as in `parse`, word by word."""
    told = words or {}
    named = [told[piece] if piece in told else choice(piece, spec) for piece in pieces(cell, spec)]
    return ",".join(value for value in spec.choices or {} if value in named) or None


def yes(cell: Any) -> bool | None:
    text = text_of(cell).casefold()
    if not text:
        return None
    if text in YES:
        return True
    if text in NO:
        return False
    raise Unknown(say("“%(text)s”不是“是”或“否”", text=text[:30]), "请填写“是”或“否”", "没有这个选项")


def _no_date(text: str) -> None:
    """Refuse a date where a figure belongs: what the person typed is gone from the file."""
    if (of_a_date := figures.made_a_date(text)) is None:
        return
    month, on = of_a_date
    raise Bad(
        say(
            "是日期 %(text)s，不是数字：表格软件把 %(a)s/%(b)s 这样的写法自动变成了日期", text=text[:10], a=month, b=on
        ),
        say("请把这一列设为文本格式，重新填写原来的值，例如 %(a)s层%(b)s站，或层数、站数各一列", a=6, b=5),
        "变成了日期",
    )


def number(cell: Any) -> int | None:
    text = _folded(cell).rstrip("天")
    if not text:
        return None
    _no_date(text)
    if not re.fullmatch(r"\d{1,6}(\.0+)?", text):
        raise Bad(say("“%(text)s”不是整数", text=text[:30]), "请填写整数")
    return int(float(text))


def figure(cell: Any, spec: Spec, unit: str | None = None, comma: bool = False) -> str | None:
    """A figure without its unit and its thousands' commas, in our unit of measure.

    A cell that names its unit is taken at its word; else the column's `unit` holds, where the person said one. With
    `comma` a text's fraction stands behind one (1.000,5); a number of the workbook is what it is.
    """
    text = figures.with_point(_folded(cell)) if comma and isinstance(cell, str) else _folded(cell)
    _no_date(text)
    other = measures.measure(spec, unit)
    match = re.fullmatch(r"([-+]?[\d,.]+)\s*([^\d\s.,].*)", text)
    if match is not None and not _FLOAT.fullmatch(text):
        word = "".join(match[2].split())
        other = measures.called(spec, word)
        if other is None and not measures.is_own(spec, word):
            wanted = say("单位应为 %(unit)s", unit=spec.unit) if spec.unit else "只填数字"
            raise Bad(
                say("“%(text)s”的写法不对", text=text[:30]), say("%(wanted)s，请核对后填写", wanted=wanted), "单位不对"
            )
        text = match[1]
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    if other is not None and _FLOAT.fullmatch(text):
        return measures.converted(text, spec, other)
    return text or None


def plain(cell: Any) -> str | None:
    return text_of(cell) or None


PARSERS: dict[str, Callable[[Any], Any]] = {
    "text": plain, "code": plain, "bool": yes, "number": number, "region": plain, "unit": plain, "person": plain,
    "team": plain, "elevators": plain,
}  # fmt: skip


# Cells that are read as the text that stands in them.
AS_TEXT = frozenset(kind for kind, parser in PARSERS.items() if parser is plain)


def plain_texts(cells: Sequence[Any]) -> list[str | None] | None:
    """What `plain` makes of each cell of a column; None where one of them may not be taken as it stands."""
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    if not MARKS.isdisjoint([text[:1] for text in texts]):
        return None
    return [text or None for text in texts]


def parse(
    cell: Any, spec: Spec, order: str | None = None, words: Mapping[str, Any] | None = None, unit: str | None = None,
    comma: bool = False, of_month: str | None = None,
) -> Any:
    """The value of a cell, or Bad. `words` are what the person who imports said that words mean ("" = leave blank),
    `unit` the unit of measure that the column is in where it is not ours, `comma` how its figures are written,
    `of_month` which day is meant where a cell names only its month."""
    if words and cell not in (None, "") and (told := words.get(text_of(cell))) is not None:
        return None if told == "" else told
    if spec.kind == "choice":
        return choice(cell, spec)
    if spec.kind == "choices":
        return choices(cell, spec, words)
    if spec.kind == "figure":
        return figure(cell, spec, unit, comma)
    if spec.kind == "date":
        return NO_END if spec.forever and is_forever(_plainly(cell)) else day(cell, order, of_month)
    return instant(cell, order) if spec.kind == "instant" else PARSERS[spec.kind](cell)


def kept_by(cell: Any) -> Any:
    """By what a cell's reading is kept: 1, 1.0 and true are equal, and read differently."""
    return cell if cell.__class__ is str else (cell.__class__, cell)

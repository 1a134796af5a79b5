"""What a business licence says (UNT-03), from words and where they stand on the picture. Pure: reading is elsewhere.

A licence has two columns of labels with their values beside them, some over several lines. Where a label stands says
where its value is: to its right, up to the next column, down to the next label of its own column.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from app.errors import Refusal
from app.rules.identifiers import check_uscc

# The printed label and the field of a unit that it fills. Older and newer forms, and those of one-man firms.
LABELS = {
    "统一社会信用代码": "uscc", "社会信用代码": "uscc", "名称": "name",
    "类型": "enterprise_type", "主体类型": "enterprise_type",
    "法定代表人": "legal_person", "负责人": "legal_person", "经营者": "legal_person", "投资人": "legal_person",
    "执行事务合伙人": "legal_person", "注册资本": "registered_capital",
    "成立日期": "established_on", "注册日期": "established_on",
    "营业期限": "business_until", "合伙期限": "business_until", "经营范围": "business_scope",
    "住所": "address", "营业场所": "address", "经营场所": "address", "主要经营场所": "address",
}  # fmt: skip
# Longest first: 统一社会信用代码 holds 社会信用代码, and 主要经营场所 holds 经营场所.
_LABELS = sorted(LABELS, key=len, reverse=True)
# What may go on below its first line.
_LONG = ("name", "enterprise_type", "business_scope", "address", "uscc", "business_until")
_DAY = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日?|(\d{4})-(\d{1,2})-(\d{1,2})")
# Letters that the code never has, read where a figure of that shape stands.
_LIKE = str.maketrans({"O": "0", "I": "1", "Z": "2", "S": "5", "V": "U"})
_CODE = re.compile(r"[0-9A-Za-z]{18}")
_EDGE = " \t　:：;；,，.。、|\"'“”‘’《》<>*"
# How wide a gap parts two columns, in heights of a letter, and how far below a line its value may go on.
_GAP, _FAR = 1.1, 2.6


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was read, with its box in pixels."""

    text: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Letter:
    text: str
    left: float
    right: float
    row: int


@dataclass(frozen=True, slots=True)
class _Mark:
    """A label where it was found."""

    field: str
    row: int
    left: float
    right: float


def fields_of(words: Iterable[Word]) -> dict[str, str]:
    """The fields that could be made out, as text a form takes; days as 2015-03-12. What is not sure is left out."""
    rows = _rows([word for word in words if word.text.strip() and word.height > 0])
    if not rows:
        return {}
    height = median(word.height for row in rows for word in row)
    tops = [median(word.top for word in row) for row in rows]
    letters = [_letters(row, number) for number, row in enumerate(rows)]
    marks = [mark for line in letters for mark in _marks(line, height)]
    found: dict[str, str] = {}
    for mark in marks:
        text = _value(mark, marks, letters, tops, height)
        said = _cleaned(mark.field, text)
        if said and mark.field not in found:
            found[mark.field] = said
        if mark.field == "business_until" and not said and ("长期" in text or is_forever(text)):
            found["business_forever"] = "1"
    if "uscc" not in found and (code := _code_anywhere(letters)):
        found["uscc"] = code
    return found


# How registers and licences say that a business has no last day, after a first day or alone.
_FOREVER = re.compile(
    r"(自?\d[\d年月日./\-\s]{3,}(起|始)?(至|到|-|－|—|–|~|～)+)?"
    r"(营业期限)?(为|:|：)?((长期|长久|永久|永续|无限期|无期限|无固定期限|无固定期|不定期限|不约定期限|未约定期限|没有期限)"
    r"(有效|经营|存续|营业)?|permanent|perpetual|indefinite|unlimited|long-?term|nofixedterm|noexpiry"
    r"|unbefristet|indefinid[oa]|illimitée?|indéterminée?)[。.]?",
    re.IGNORECASE,
)


def is_forever(text: str) -> bool:
    """Whether a 营业期限 says that it has no end: 长期, 无固定期限, 永久 …, also after its first day."""
    return _FOREVER.fullmatch("".join(unicodedata.normalize("NFKC", text).split()).strip("()\"“”")) is not None


def _rows(words: Sequence[Word]) -> list[list[Word]]:
    """Words of one height on the page, from top to bottom, each row from left to right."""
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda w: w.top + w.height / 2):
        middle = word.top + word.height / 2
        last = rows[-1] if rows else None
        if last is not None and abs(median(w.top + w.height / 2 for w in last) - middle) <= 0.6 * word.height:
            last.append(word)
        else:
            rows.append([word])
    return [sorted(row, key=lambda w: w.left) for row in rows]


def _letters(row: Sequence[Word], number: int) -> list[_Letter]:
    """The letters of a row without blanks; a word's letters share its width alike."""
    found = []
    for word in row:
        each = word.width / len(word.text)
        for place, letter in enumerate(word.text):
            if not letter.isspace():
                found.append(_Letter(letter, word.left + place * each, word.left + (place + 1) * each, number))
    return found


def _marks(line: Sequence[_Letter], height: float) -> list[_Mark]:
    """The labels of a row: at its beginning, or after a gap that parts columns."""
    text = "".join(letter.text for letter in line)
    found = []
    for place, first in enumerate(line):
        if place and first.left - line[place - 1].right <= _GAP * height:
            continue
        label = next((label for label in _LABELS if _reads(text[place : place + len(label)], label)), None)
        if label is not None:
            found.append(_Mark(LABELS[label], first.row, first.left, line[place + len(label) - 1].right))
    return found


def _reads(text: str, label: str) -> bool:
    """Whether this is the label; of four letters and more one may have been misread."""
    if len(text) != len(label):
        return False
    wrong = sum(a != b for a, b in zip(text, label, strict=True))
    return wrong == 0 or (wrong == 1 and len(label) >= 4)


def _value(
    mark: _Mark, marks: Sequence[_Mark], letters: Sequence[Sequence[_Letter]], tops: Sequence[float], height: float
) -> str:
    """What stands beside a label and below it, within its column."""
    border = min((m.left for m in marks if m.left > mark.right + _GAP * height), default=float("inf"))
    own = [m.row for m in marks if m.row > mark.row and abs(m.left - mark.left) <= 3 * height]
    text, end, before = "", min(own, default=len(letters)), mark.row
    if mark.field not in _LONG:
        end = mark.row + 1
    for row in range(mark.row, end):
        if row > mark.row and tops[row] - tops[before] > _FAR * height:
            break
        # Below the label itself the column begins where it begins.
        left = mark.right if row == mark.row else mark.left
        part = "".join(x.text for x in letters[row] if x.left >= left - height / 2 and x.right <= border + height / 2)
        if not part and mark.field != "uscc":
            break
        text, before = text + part, row
        if mark.field == "uscc" and _CODE.search(text):
            break
    return text


def _cleaned(field: str, text: str) -> str:
    text = text.strip(_EDGE)
    if field == "uscc":
        hit = _CODE.search(text)
        return _code(hit.group()) if hit else ""
    if field in ("established_on", "business_until"):
        days = [_day(hit) for hit in _DAY.finditer(text)]
        if field == "business_until":
            # 长期 has no last day; a single day is the first one.
            return str(days[-1]) if len(days) > 1 and days[-1] else ""
        return str(days[0]) if days and days[0] else ""
    if field == "legal_person":
        return text if 2 <= len(text) <= 20 and not any(c.isdigit() for c in text) else ""
    return text


def _day(hit: re.Match[str]) -> date | None:
    parts = [int(part) for part in hit.groups() if part]
    try:
        return date(*parts)
    except ValueError:
        return None


def _code(text: str) -> str:
    """A code as it must be: letters that it can't have are the figures they look like. Unlike any code, nothing."""
    try:
        return check_uscc(text.upper().translate(_LIKE))
    except Refusal:
        return ""


def _code_anywhere(letters: Sequence[Sequence[_Letter]]) -> str:
    for line in letters:
        for hit in _CODE.finditer("".join(letter.text for letter in line)):
            if code := _code(hit.group()):
                return code
    return ""

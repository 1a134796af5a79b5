"""The words of an address as somebody types it: 澜江路6号5幢, 云樾里 5 栋 and 云樾里五幢 mean one building.

Registers write figures with and without blanks; whoever searches types neither as it stands there. So what is typed is
cut before each figure that counts something (幢, 单元, 号, 期 …), and such a word is looked for as a whole figure:
5幢 is not 15 幢.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

# 小区, road, number, estate's part, building, entrance, floor and one more.
MOST_WORDS = 8
# What a figure of an address counts. Those of BUILDING mean the same; longer ones stand first.
BUILDING = ("号楼", "#楼", "幢", "栋", "#")
_COUNTERS = (*BUILDING, "单元", "座", "号", "楼", "层", "室", "期", "弄", "巷", "门", "区", "梯")
_HAN = "一二三四五六七八九十"
_COUNTER = "|".join(_COUNTERS)
_FIGURE = (
    rf"(?:(?<![0-9A-Za-z])(?:[0-9A-Za-z]{{0,3}}[0-9][A-Za-z]?|[A-Za-z])|(?<![{_HAN}])[{_HAN}]{{1,3}})"
)
_BEGINS = re.compile(rf"(?={_FIGURE}(?:{_COUNTER}))")
_WORD = re.compile(rf"([0-9A-Za-z]{{1,5}}|[{_HAN}]{{1,3}})({_COUNTER})(.*)", re.DOTALL)
_APART = re.compile(rf"(?<![^\s])([0-9]{{1,4}})\s+(?=(?:{_COUNTER}))")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A figure with what it counts: `figures` and `counters` are all ways to write them, `rest` what follows."""

    figures: tuple[str, ...]
    counters: tuple[str, ...]
    rest: str

    @property
    def pattern(self) -> str:
        """For a regular expression of Python and of PostgreSQL alike, in either case; no figure that goes on before."""
        either = "|".join(
            f"(?:^|[^{_HAN}]){one}" if one[0] in _HAN else f"(?:^|[^0-9a-z]){one}" for one in self.figures
        )
        return f"(?i)(?:{either}) ?(?:{'|'.join(self.counters)}){re.escape(self.rest)}"

    def spellings(self) -> Iterator[str]:
        """Pieces of text of which one stands wherever the pattern finds something."""
        for figure, blank, counter in product(self.figures, ("", " "), self.counters):
            yield f"{figure}{blank}{counter}{self.rest}"


def words_of(typed: str) -> list[str]:
    """The words that must all be found, MOST_WORDS at most."""
    pieces: list[str] = []
    for word in _APART.sub(r"\1", typed).split():
        pieces += [piece for piece in _BEGINS.split(word) if piece]
    return pieces[:MOST_WORDS]


@lru_cache(1000)
def numbered(word: str) -> Numbered | None:
    """What a word of `words_of` counts; None where it is looked for as it stands."""
    found = _WORD.fullmatch(word)
    if found is None or _BEGINS.match(word) is None:
        return None
    figure, counter, rest = found.groups()
    value = _value(figure)
    figures = (figure,) if value is None else (str(value), _in_han(value))
    return Numbered(figures, BUILDING if counter in BUILDING else (counter,), rest)


def _value(figure: str) -> int | None:
    """1 to 99, of digits or of characters."""
    if figure.isdigit():
        return int(figure) if figure.isascii() and figure[0] != "0" and len(figure) < 3 else None
    if figure[0] not in _HAN:
        return None
    return next((n for n in range(1, 100) if _in_han(n) == figure), None)


def _in_han(value: int) -> str:
    tens, ones = divmod(value, 10)
    ten = "" if tens == 0 else "十" if tens == 1 else _HAN[tens - 1] + "十"
    return ten + (_HAN[ones - 1] if ones else "")

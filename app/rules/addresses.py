"""The words of an address as somebody types it: 澜江路6号5幢, 云樾里 5 栋 and 云樾里五幢 mean one building.

Registers write figures with and without blanks; whoever searches types neither as it stands there. So what is typed is
cut before each figure that counts something (幢, 单元, 号, 期 …), and such a word is looked for as a whole figure:
5幢 is not 15 幢. Zeros before a figure mean nothing (05 幢), and letters before it no other figure (DT5#, A5 幢).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product

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
_ZEROS = re.compile(r"^0+(?=[0-9])")
_LETTER = re.compile("[A-Za-z]")
_APART = re.compile(rf"(?<![^\s])([0-9]{{1,4}})\s+(?=(?:{_COUNTER}))")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A figure with what it counts: `figures` and `counters` are all ways to write them, `rest` what follows."""

    figures: tuple[str, ...]
    counters: tuple[str, ...]
    rest: str

    @property
    def pattern(self) -> str:
        """For a regular expression of Python and of PostgreSQL alike, in either case.

        No figure goes on before: no digit does before a figure of digits, which zeros may lead.
        """
        either = "|".join(f"{_before(one)}{one}" for one in self.figures)
        return f"(?i)(?:{either}) ?(?:{'|'.join(self.counters)}){re.escape(self.rest)}"

    def spellings(self) -> Iterator[str]:
        """Pieces of text of which one stands wherever the pattern finds something: 5幢 in 05幢, too."""
        for figure, blank, counter in product(self.figures, ("", " "), self.counters):
            yield f"{figure}{blank}{counter}{self.rest}"

    def pairs(self) -> Iterator[list[str]]:
        """Groups of pairs of characters: of each group one stands wherever the pattern finds something."""
        follow = sorted({" ", *(counter[0] for counter in self.counters)})
        yield [figure[-1] + one for figure in self.figures for one in follow]
        if all(len(figure) > 1 for figure in self.figures):
            yield from map(list, zip(*(map("".join, pairwise(figure)) for figure in self.figures), strict=False))
        behind = (self.counters[0] if len(self.counters) == 1 else "") + self.rest
        yield from ([one + other] for one, other in pairwise(behind))

    def globs(self) -> Iterator[str]:
        """As few patterns of SQLite's GLOB as there are figures; one fits wherever the pattern finds something."""
        follows = "".join(sorted({counter[0] for counter in self.counters}))
        for figure in self.figures:
            yield f"*{_LETTER.sub(_in_either_case, figure)}[ {follows}]*"


def _in_either_case(letter: re.Match[str]) -> str:
    return f"[{letter[0].lower()}{letter[0].upper()}]"


def _before(figure: str) -> str:
    if figure[0] in _HAN:
        return f"(?:^|[^{_HAN}])"
    return "(?:^|[^0-9])0*" if figure[0].isdigit() else "(?:^|[^0-9a-z])"


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
    figure = _ZEROS.sub("", figure)
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

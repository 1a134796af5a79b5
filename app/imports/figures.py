"""How figures are written: 1,000.5 here, 1.000,5 where other languages are spoken. A column shows which by some of its
cells, and 1.000 alone is a thousand where the rest of the file is written with commas."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Any

COMMA, POINT, DOTTED, GROUPED = "comma", "point", "dotted", "grouped"
# Shapes that only one way of writing has, and those of either: 1.000 and 1,000.
_SHAPES = (
    (DOTTED, re.compile(r"[1-9]\d{0,2}\.\d{3}")), (GROUPED, re.compile(r"[1-9]\d{0,2},\d{3}")),
    (COMMA, re.compile(r"\d+,\d+|\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,}")),
    (POINT, re.compile(r"\d*\.\d+|\d{1,3}(,\d{3})+\.\d+|\d{1,3}(,\d{3}){2,}")),
)  # fmt: skip
# 18/18, 18层18站, 18层/18站/18门, 18 x 18.
_SEVERAL = re.compile(r"\d{1,3}([层站门楼/\\|、,;:x×*—–\- ]{1,5}\d{1,3})+[层站门 ]{0,2}", re.IGNORECASE)
_FIGURE = re.compile(r"[-+]?([\d.,]+)")


def shape(cell: Any) -> str | None:
    """How a cell is written, by itself; None where it has neither comma nor point, or is no figure."""
    if not isinstance(cell, str) or not ("," in cell or "." in cell or not cell.isascii()):
        return None
    found = _FIGURE.match(unicodedata.normalize("NFKC", cell).strip())
    text = found[1] if found else ""
    return next((name for name, form in _SHAPES if form.fullmatch(text)), None)


class Written:
    """What the cells of a file's columns show of how its figures are written."""

    def __init__(self) -> None:
        self._seen: dict[str, Counter[str]] = {}

    def note(self, name: str, cell: Any, times: int = 1) -> None:
        if (found := shape(cell)) is not None:
            self._seen.setdefault(name, Counter())[found] += times

    def by_comma(self, name: str) -> bool:
        """Whether this column's figures have a comma before their fraction."""
        own = self._seen.get(name, Counter())
        if own[POINT] or own[GROUPED]:
            return False
        return bool(own[COMMA] or (own[DOTTED] and any(seen[COMMA] for seen in self._seen.values())))

    def reads_comma(self, name: str, cell: Any) -> bool:
        """Whether this cell has one: its column is written so, or it can be nothing else in a file that is."""
        return self.by_comma(name) or (shape(cell) == COMMA and bool(self.with_comma()))

    def with_comma(self) -> list[str]:
        return sorted(filter(self.by_comma, self._seen))


def with_point(text: str) -> str:
    """1.000,5 as 1000.5; what follows the figure (a unit) stays."""
    found = _FIGURE.match(text)
    if found is None:
        return text
    return found[0].replace(".", "").replace(",", ".") + text[found.end() :]


# A cell of type date, as the reader tells it.
_DATE = re.compile(r"\d{4}-(\d\d)-(\d\d)( \d\d:\d\d:\d\d)?", re.ASCII)


def made_a_date(text: str) -> tuple[int, int] | None:
    """Month and day of a cell that is a date: in a column of figures something like 6/5 that Excel took for one."""
    found = _DATE.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def apart(cell: Any, count: int) -> list[str]:
    """The whole figures that a cell holds together, if there are as many; else none.

    Of 6/6 that Excel made a date both are known, of 6/5 nobody knows which came first: that depends on the language.
    """
    text = unicodedata.normalize("NFKC", str(cell if cell is not None else "")).strip()
    if count == 2 and (of_a_date := made_a_date(text)) is not None:
        month, day = of_a_date
        return [str(month), str(day)] if month == day else []
    found = re.findall(r"\d+", text) if _SEVERAL.fullmatch(text) else []
    return found if len(found) == count else []

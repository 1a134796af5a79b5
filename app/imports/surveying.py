"""The first walk over a file: its rows, keys that stand more than once, how its days and figures are written.

By columns, some rows at a time: what a column repeats is looked at once. Contents are compared only of keys that stand
more than once, in a second walk that most files do not need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from app.imports.columns import Spec
from app.imports.figures import Written
from app.imports.parsing import ORDERS, digits_of, is_month, order_of
from app.imports.reading import Cells, Sheet
from app.imports.synonyms import plain_word

PART = 2000
SUMS = frozenset(["合计", "总计", "小计", "共计", "总合计", "本页合计", "本页小计", "total", "grandtotal", "subtotal"])
KeysOf = Callable[[Sequence[Cells]], list[int | None]]


def is_sum(cells: Cells) -> str | None:
    """The word with which a row of sums begins; None for any other row."""
    first = cells[0] if cells else None
    if first is None or first == "":
        first = next((cell for cell in cells if cell is not None and cell != ""), None)
    # None of the words ends with a digit, as nearly every code does.
    if not isinstance(first, str) or len(first) >= 20 or first[-1].isdigit():
        return None
    return first.strip() if plain_word(first) in SUMS else None


@dataclass(slots=True)
class Survey:
    """What the walk found."""

    rows: int = 0
    # Of keys that stand more than once the row that has each first; those repeated word for word, and those that
    # contradict themselves. Digests, not words: a hundred thousand keys must fit.
    first: dict[int, int] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)
    contradicted: set[int] = field(default_factory=set)
    orders: dict[str, dict[str, int]] = field(default_factory=dict)
    # By date column how many of its cells are bare numbers of eight digits (20140325) and of five (Excel's days).
    digits: dict[tuple[str, int], int] = field(default_factory=dict)
    # By date column how many of its cells name a month and no day.
    months: dict[str, int] = field(default_factory=dict)
    figures: Written = field(default_factory=Written)

    def walk(self, sheet: Sheet, specs: Sequence[Spec | None], keys_of: KeysOf) -> None:
        """Look at every row."""
        dates = [(n, s.name) for n, s in enumerate(specs) if s is not None and s.kind in ("date", "instant")]
        numbers = [(n, s.name) for n, s in enumerate(specs) if s is not None and s.kind == "figure"]
        left, first, again = sheet.rows(), self.first, set()
        while some := list(islice(left, PART)):
            self.rows += len(some)
            columns: list[Sequence[Any]] = list(zip(*(cells for _, cells in some), strict=True))
            for at, name in numbers:
                for cell, times in Counter(cell for cell in columns[at] if isinstance(cell, str)).items():
                    self.figures.note(name, cell, times)
            for at, name in dates:
                # 1 and 1.0 are equal and are written differently.
                for (_kind, cell), times in Counter(zip(map(type, columns[at]), columns[at], strict=True)).items():
                    self._note_day(name, cell, times)
            for (number, _), key in zip(some, keys_of([cells for _, cells in some]), strict=True):
                if key is not None and first.setdefault(key, number) != number:
                    again.add(key)
        self.first = {key: first[key] for key in again}
        if again:
            self._compare(sheet, keys_of)

    def _note_day(self, name: str, cell: Any, times: int) -> None:
        if is_month(cell):
            self.months[name] = self.months.get(name, 0) + times
        elif (digits := digits_of(cell)) is not None:
            self.digits[name, digits] = self.digits.get((name, digits), 0) + times
        elif isinstance(cell, str) and (order := order_of(cell)) is not None:
            seen = self.orders.setdefault(name, {})
            seen[order] = seen.get(order, 0) + times

    def _compare(self, sheet: Sheet, keys_of: KeysOf) -> None:
        contents: dict[int, int] = {}
        for number, cells in sheet.rows():
            (key,) = keys_of([cells])
            if key not in self.first:
                continue
            content = hash(tuple(map(str, cells)))
            if self.first[key] == number:
                contents[key] = content
            elif contents[key] == content:
                self.repeated.add(key)
            else:
                self.contradicted.add(key)

    def is_headless(self, name: str, cell: Any) -> bool:
        """Five digits in a column of eight: a day that lost its head, no number of days."""
        return digits_of(cell) == 5 and self.digits.get((name, 8), 0) > self.digits.get((name, 5), 0)

    def order(self, name: str) -> str | None:
        """The order that some dates of the column show and none contradicts."""
        seen = [order for order in ORDERS if self.orders.get(name, {}).get(order)]
        return seen[0] if len(seen) == 1 else None

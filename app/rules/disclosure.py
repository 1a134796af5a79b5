"""Counts that may be given out: small ones hidden, and others with them so that no subtraction brings them back. Pure.

A table is counts by row and column with the sums of both. A count from 1 to `least` - 1 is hidden and shown as
"<least"; 0 stays, for it tells of nobody. What is hidden could be had back from the sums; so for each of them three
more are hidden, a rectangle in the table or in its sums, until, whoever knows these rules and all that is shown, at
least two values remain possible for it. Hidden for that reason is only what is large (`least` or more): "*".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

SUM = "total"
Spot = tuple[str, str]
# Larger than any count: what is known of a hidden large one from above.
ENDLESS = 10**12


@dataclass(frozen=True, slots=True)
class Shown:
    """A table as it is given out: each count or its mark, the sums under SUM; `withheld`: none of it can be shown."""

    cells: dict[Spot, int | str]
    least: int
    withheld: bool = False

    def count(self, row: str, column: str) -> int | None:
        """The count where it is shown."""
        found = self.cells.get((row, column))
        return found if isinstance(found, int) else None


def protected(
    counts: Mapping[Spot, int], rows: Sequence[str], columns: Sequence[str], least: int, *, keep_row_sums: bool = False
) -> Shown:
    """The table with its sums, as much of it as can be given out. `least` 1 or less hides nothing.

    `keep_row_sums`: other tables show the same sums of rows, so hiding one here would hide nothing.
    """
    whole = with_sums(counts, rows, columns)
    kept = {spot for spot in whole if spot[1] == SUM} if keep_row_sums else set[Spot]()
    if any(0 < whole[spot] < least for spot in kept):
        return Shown({}, least, withheld=True)
    small = {spot for spot, count in whole.items() if 0 < count < least}
    extra: set[Spot] = set()
    while (bare := next((s for s in sorted(small) if not _open(whole, small, extra, s, least)), None)) is not None:
        more = _rectangle(whole, small, extra, bare, least, kept)
        if not more:
            return Shown({}, least, withheld=True)
        extra |= more
    cells: dict[Spot, int | str] = {
        spot: f"<{least}" if spot in small else "*" if spot in extra else count for spot, count in whole.items()
    }
    return Shown(cells, least)


def with_sums(counts: Mapping[Spot, int], rows: Iterable[str], columns: Iterable[str]) -> dict[Spot, int]:
    """Every cell, 0 where there is none, and the sums of rows, columns and all."""
    whole = {(row, column): counts.get((row, column), 0) for row, column in product(rows, columns)}
    for (row, column), count in list(whole.items()):
        for spot in ((row, SUM), (SUM, column), (SUM, SUM)):
            whole[spot] = whole.get(spot, 0) + count
    return whole


def possible(whole: Mapping[Spot, int], small: set[Spot], extra: set[Spot], spot: Spot, least: int) -> tuple[int, int]:
    """From what to what a hidden count may lie, for whoever knows all that is shown and which marks stand where.

    The table balances row by row and column by column; how far one count can move, with all others that are hidden
    moving along, is the largest flow around it.
    """
    arcs: dict[tuple[str, str], int] = {}

    def allow(one: str, other: str, room: int) -> None:
        if room > 0:
            arcs[(one, other)] = arcs.get((one, other), 0) + room

    for row, column in small | extra:
        low, high = (1, least - 1) if (row, column) in small else (least, ENDLESS)
        count = whole[(row, column)]
        # A sum moves the other way than what it sums: one more in the row is one more in its sum.
        one, other = f"row {row}", f"column {column}"
        if ((row == SUM) + (column == SUM)) % 2:
            one, other = other, one
        if (row, column) != spot:
            allow(one, other, high - count)
            allow(other, one, count - low)
    one, other = f"row {spot[0]}", f"column {spot[1]}"
    if ((spot[0] == SUM) + (spot[1] == SUM)) % 2:
        one, other = other, one
    low, high = (1, least - 1) if spot in small else (least, ENDLESS)
    count = whole[spot]
    up = _flow(arcs, other, one, high - count)
    down = _flow(arcs, one, other, count - low)
    return count - down, count + up


def _open(whole: Mapping[Spot, int], small: set[Spot], extra: set[Spot], spot: Spot, least: int) -> bool:
    """Whether more than one value remains; where only one is small at all (least 2), none can be."""
    low, high = possible(whole, small, extra, spot, least)
    return high > low


def _flow(arcs: Mapping[tuple[str, str], int], start: str, end: str, most: int) -> int:
    """How much can go from one to the other along what has room, at most `most`."""
    left, sent = dict(arcs), 0
    while sent < most:
        way = _way(left, start, end)
        if way is None:
            break
        amount = min(most - sent, *(left[step] for step in way))
        for one, other in way:
            left[(one, other)] -= amount
            left[(other, one)] = left.get((other, one), 0) + amount
        sent += amount
    return sent


def _way(left: Mapping[tuple[str, str], int], start: str, end: str) -> list[tuple[str, str]] | None:
    """A shortest way along arcs with room."""
    nearby: dict[str, list[str]] = {}
    for (one, other), room in left.items():
        if room > 0:
            nearby.setdefault(one, []).append(other)
    came: dict[str, str] = {start: ""}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if here == end:
            way = []
            while came[here]:
                way.append((came[here], here))
                here = came[here]
            return way
        for there in sorted(nearby.get(here, ())):
            if there not in came:
                came[there] = here
                waiting.append(there)
    return None


def _rectangle(
    whole: Mapping[Spot, int], small: set[Spot], extra: set[Spot], spot: Spot, least: int, kept: set[Spot]
) -> set[Spot]:
    """What is hidden beside a small count: the cheapest three corners with which it is open, sums only at last."""
    rows, columns = sorted({row for row, _ in whole}), sorted({column for _, column in whole})
    ways: list[tuple[int, int, list[Spot]]] = []
    for row, column in product(rows, columns):
        if row == spot[0] or column == spot[1]:
            continue
        corners = [(spot[0], column), (row, spot[1]), (row, column)]
        new = {one for one in corners if one not in small and one not in extra}
        if new and not new & kept and all(whole[one] >= least for one in new):
            ways.append((sum(SUM in one for one in new), sum(whole[one] for one in new), sorted(new)))
    for _sums, _counts, corners in sorted(ways):
        if _open(whole, small, extra | set(corners), spot, least):
            return set(corners)
    # No rectangle does it alone: hide the smallest that is shown yet, and look again.
    left = sorted((SUM in one, count, one) for one, count in whole.items()
                  if count >= least and one not in small | extra | kept)  # fmt: skip
    return {left[0][2]} if left else set()

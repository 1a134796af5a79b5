"""What a section of a bulletin is made of: paragraphs, tables, charts; what it counts and what it writes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from app.reports.bulletin.asked import Asked
from app.reports.bulletin.charts import Chart
from app.reports.bulletin.words import NO_DATA
from app.rules.periods import Period
from app.telling import source

# So many are named in a sentence; bars of a chart.
NAMED = 5
BARS = 12
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Heads, rows as text; `numbers` are the columns that stand right. Long ones go to the annex."""

    caption: str
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]
    numbers: frozenset[int]
    widths: tuple[int, ...]
    annex: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, an item of a list, a table or a chart."""

    kind: str
    text: str = ""
    table: Table | None = None
    chart: Chart | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a section writes from: its figures, and what the paper is about."""

    figures: dict[str, Any]
    whole: str
    region: str
    period: Period
    as_of_day: str


@dataclass(frozen=True, slots=True)
class Section:
    """`of_the_moment`: counted now it is what is now; nobody can count again what was then."""

    name: str
    title: str
    count: Callable[[Asked], dict[str, Any]]
    write: Callable[[Said], Iterator[Block]]
    of_the_moment: bool = False
    named: Callable[[dict[str, Any]], list[int]] = field(default=lambda _found: [])


def p(*parts: str) -> Block:
    return Block("p", "".join(part for part in parts if part))


def table(
    caption: str, heads: str, rows: list[Row], widths: tuple[int, ...], texts: tuple[int, ...] = (0,),
    annex: bool = False,
) -> Block:  # fmt: skip
    """`heads` parted by blanks; the columns `texts` are words."""
    names = tuple(heads.split())
    shown = [tuple(NO_DATA if cell is None else str(cell) for cell in row) for row in rows]
    numbers = frozenset(range(len(names))) - set(texts)
    return Block("table", table=Table(caption, names, shown, numbers, widths, annex))


def worded(labels: Any, key: str) -> str:
    """The stored Chinese of a label: the paper is Chinese whoever reads."""
    # Joined: a text that remembers its sentence would be told to the reader of the page in his language.
    return "".join((source(labels[key]), "")) if key in labels else key

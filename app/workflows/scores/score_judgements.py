"""What the pairs of some units come to, and what of it is counted pair by pair."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from app.rules.scoring import Days, Judged, Unfailing
from app.workflows.scores.score_frame import Pair
from app.workflows.scores.score_sets import Event


@dataclass(slots=True)
class Counts:
    """A pair while it is being counted."""

    first_on: dt.date | None = None
    valid: int = 0
    region_code: str | None = None
    covers: list[Days] = field(default_factory=list)
    runs: list[Days] = field(default_factory=list)
    days: set[dt.date] = field(default_factory=set)
    starts: list[dt.date | None] = field(default_factory=list)
    overdue: int = 0
    nonconforming: int = 0
    # Its 不合规 records, where they were told one by one.
    records: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class Judgement:
    """What each unit's pairs came to, in order of elevator, and the rows behind what failed, in the same order.

    Pairs on which nothing failed may be in `unfailing` alone.
    """

    units: dict[int, list[Judged]] = field(default_factory=lambda: defaultdict(list))
    unfailing: dict[int, list[Unfailing]] = field(default_factory=lambda: defaultdict(list))
    missed: dict[int, list[Event]] = field(default_factory=dict)
    nonconforming: dict[int, list[Event]] = field(default_factory=dict)


@dataclass(slots=True)
class Singly:
    """Pairs that were counted by themselves; those `moved` have a record whose state was told anew.

    `due`: what is due after so many days, place by place.
    """

    due: list[Callable[[int], int]]
    moved: Collection[Pair]
    counts: dict[Pair, Counts]

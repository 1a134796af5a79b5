"""What the pairs of some units come to, and how it is told of one part while the database reads the next."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from app.rules.scoring import Days, Judged, Unfailing
from app.workflows.core.ahead import one_ahead
from app.workflows.scores import score_sets
from app.workflows.scores.score_sets import Event, Sets

if TYPE_CHECKING:
    from app.workflows.scores.score_facts import Facts, Pair

# Units by their ids, first and last.
Part = tuple[int, int]


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


@dataclass(slots=True)
class _Step:
    """A part on its way from the statement's answer to what it comes to."""

    part: Part
    answer: Any
    sets: Sets = field(default_factory=Sets)
    singly: Singly = field(default_factory=lambda: Singly([], (), {}))


@contextmanager
def judged_ahead(
    facts: Facts, parts: Iterable[Part], write: Callable[[], None], at_last: Sequence[Callable[[], object]]
) -> Iterator[Iterator[tuple[Part, Judgement]]]:
    """What each part's units come to, in order; `write` as of `one_ahead`, but for what the loop made last.

    The database has the next statement before an answer is looked at; pairs are counted singly between the two after.
    `at_last` are asked beside the last part, one while its answer is looked at and the next while it is judged; after
    it the loop may look at what they found.
    """
    seen: deque[_Step] = deque()

    def ask(part: Part | Callable[[], object]) -> _Step | None:
        if callable(part):
            part()
            return None
        return _Step(part, facts.ask(*part))

    def between() -> None:
        write()
        for step in seen:
            score_sets.begin(facts, step.sets, *step.part)
            step.singly = facts.count(step.sets, *step.part)

    def told(step: _Step) -> tuple[Part, Judgement]:
        return step.part, facts.judgement(step.sets, step.singly)

    def judged(asked: Iterable[_Step | None]) -> Iterator[tuple[Part, Judgement]]:
        for step in asked:
            while seen:
                yield told(seen.popleft())
            if step is not None:
                step.sets, step.answer = score_sets.told(facts, step.answer), None
                seen.append(step)

    every: Iterable[Part | Callable[[], object]] = chain(parts, at_last)
    with one_ahead(facts.session, every, ask, between) as asked:
        yield judged(asked)

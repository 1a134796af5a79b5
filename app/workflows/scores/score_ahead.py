"""What the pairs of some units come to, told of one part while the database reads the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from app.workflows.core.ahead import one_ahead
from app.workflows.scores import score_sets
from app.workflows.scores.score_facts import Facts
from app.workflows.scores.score_judgements import Judgement, Singly
from app.workflows.scores.score_sets import Sets

# Units by their ids, first and last.
Part = tuple[int, int]


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
                step.sets, step.answer = score_sets.from_answer(facts, step.answer), None
                seen.append(step)

    every: Iterable[Part | Callable[[], object]] = chain(parts, at_last)
    with one_ahead(facts.session, every, ask, between) as asked:
        yield judged(asked)

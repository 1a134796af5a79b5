"""Counts that page after page asks for, put together once for all accounts of a kind.

To put such a question together costs more than its answer. What differs from one account to the next (its numbers and
its region) and from one page to the next (the instant) is a parameter in it; day and policy are what it was made for.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BindParameter, Select, select

from app import scope
from app.listing.parts import Moment
from app.models.base import Instant
from app.models.policy import policy_state

Parts = Mapping[str, Sequence[Any]]
# A question of thirty counts is a quarter of a megabyte. There are as many as roles, by what is ticked or withheld of
# them, and as sets of numbers that were not counted a moment ago.
MOST = 128


class _Now(BindParameter[dt.datetime]):
    """The instant at which is asked, or one so long before it; `backs` holds what has been asked of it."""

    inherit_cache = True
    back: dt.timedelta
    backs: dict[str, dt.timedelta]

    @classmethod
    def less(cls, back: dt.timedelta, backs: dict[str, dt.timedelta]) -> _Now:
        name = f"now_{back // dt.timedelta(microseconds=1)}"
        made = cls(name, type_=Instant())
        made.back, made.backs = back, backs
        backs[name] = back
        return made

    def __sub__(self, delta: Any) -> Any:
        return _Now.less(self.back + delta, self.backs)


@dataclass(frozen=True, slots=True)
class _Question:
    statement: Select[Any]
    sizes: dict[str, int]
    backs: dict[str, dt.timedelta]


_KEPT: OrderedDict[Hashable, _Question] = OrderedDict()


def counted(
    moment: Moment, name: Hashable, parts: Callable[[Moment], Parts], *, by_policy: bool
) -> dict[str, tuple[Any, ...]]:
    """The answers to `parts`, single values by name, in one statement.

    `parts` is given a moment whose account has parameters in place of its numbers and region, as `scope.outline` says,
    and whose `now` may be compared and have a time subtracted, no more. With the moment's kind of account and day,
    `name` says all that they hang on; `by_policy`: they hang on policy, too.
    """
    kind, values = scope.outline(moment.actor)
    state = policy_state(moment.session, moment.today) if by_policy else None
    key = (name, kind, moment.today, state)
    # Taken out and put back at the end: whichever thread comes between makes its own, and none stumbles.
    held = _KEPT.pop(key, None) or _question(replace(moment, actor=kind), parts)
    _KEPT[key] = held
    if len(_KEPT) > MOST:
        _KEPT.popitem(last=False)
    values |= {when: moment.now - back for when, back in held.backs.items()}
    row = list(moment.session.execute(held.statement, values).one())
    answers: dict[str, tuple[Any, ...]] = {}
    for one, size in held.sizes.items():
        answers[one], row = tuple(row[:size]), row[size:]
    return answers


def _question(moment: Moment, parts: Callable[[Moment], Parts]) -> _Question:
    backs: dict[str, dt.timedelta] = {}
    now: Any = _Now.less(dt.timedelta(), backs)
    made = parts(replace(moment, now=now))
    whole = select(*(part for some in made.values() for part in some))
    # Each part says itself whose rows it counts.
    statement = whole.execution_options(skip_scope=True)
    return _Question(statement, {name: len(some) for name, some in made.items()}, backs)

"""The facts of a score as a draft would have them: the records that it moves in other states, all else as it stands."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, select

from app.models import Visit
from app.models.among import among, beside
from app.rules.visits import VisitPolicy, VisitState
from app.transaction import AnySession
from app.workflows import score_sets
from app.workflows.score_facts import Facts, Frame, Pair
from app.workflows.score_sets import Records, Sets
from app.workflows.visit_standing import state_as_known

_visit: Any = Visit.__table__.c
_STATES = list(VisitState)


@dataclass(slots=True)
class Changes:
    """Records to which the draft gives another state: their new states, and the records of each pair."""

    will: dict[int, VisitState]
    of_pair: dict[Pair, list[int]]

    @classmethod
    def none(cls) -> Changes:
        return cls({}, defaultdict(list))

    def add(self, will: VisitState, units: Iterable[int], elevators: Iterable[int], visits: Iterable[int]) -> None:
        for unit_id, elevator_id, visit_id in zip(units, elevators, visits, strict=True):
            self.will[visit_id] = will
            self.of_pair[unit_id, elevator_id].append(visit_id)

    def within(self, first: int, last: int) -> set[Pair]:
        return {pair for pair in self.of_pair if first <= pair[0] <= last}


def records(session: AnySession, changes: Changes, inside: Any, pairs: Iterable[Pair]) -> Any:
    """The records of these pairs' elevators as a table, each in the state that the draft gives it."""
    pairs = list(pairs)
    visits = [visit for pair in pairs for visit in changes.of_pair.get(pair, ())]
    given = beside(session, visits, [_STATES.index(changes.will[visit]) for visit in visits])
    state = case(dict(enumerate(_STATES)), value=given.c.number, else_=_visit.state).label("state")
    same = (_visit.id, _visit.unit_id, _visit.elevator_id, _visit.visit_on, _visit.region_code)
    return (
        select(*same, state)
        .outerjoin_from(Visit.__table__, given, given.c.key == _visit.id)
        .where(inside, among(session, _visit.elevator_id, sorted({elevator for _, elevator in pairs})))
        .cte("drafted")
        .c
    )


class Drafted(Facts):
    """Only the pairs that the draft moves are read again; what it leaves alone is known by the policy that held."""

    def __init__(self, session: AnySession, frame: Frame, changes: Changes, policy_of: Any) -> None:
        super().__init__(session, frame)
        self._changes, self._policy_of = changes, policy_of

    def retold_of(self, first: int, last: int) -> set[Pair]:
        return self.moved_of(first, last) | self._changes.within(first, last)

    def state_of(self, row: Any) -> VisitState | None:
        if row.id in self._changes.will:
            return self._changes.will[row.id]
        return known(row, self._policy_of(row.region_code, row.visit_on), self.frame.as_of)

    def over(self, sets: Sets, first: int, last: int) -> Sets:
        """What was read of these units, and in the place of the pairs that move what the draft makes of them."""
        pairs = self._changes.within(first, last)
        if not pairs:
            return sets
        elevators = {elevator for _, elevator in pairs}
        moved = Records(records(self.session, self._changes, self.in_period(first, last), pairs), elevators)
        one_by_one = self.one_by_one & elevators
        read = score_sets.read(self, first, last, self.unsure(first, last), one_by_one, moved)
        return sets.but(elevators).plus(read)


def known(row: Any, policy: VisitPolicy, at: dt.datetime) -> VisitState | None:
    """The state that is stored, unless it has aged since: what the score of today counts."""
    aged = row.next_change_at is not None and row.next_change_at <= at
    return state_as_known(row, policy, at) if aged else VisitState(row.state)

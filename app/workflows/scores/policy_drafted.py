"""The facts of a score as a draft would have them: the records that it moves in other states, all else as it stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import case, select

from app.models import Visit
from app.models.among import among, beside
from app.rules.visits import VisitPolicy, VisitState, counts_for_clock
from app.transaction import AnySession
from app.workflows.scores import score_sets
from app.workflows.scores.score_facts import Facts
from app.workflows.scores.score_frame import Frame, Pair
from app.workflows.scores.score_sets import Failing, Records, Sets
from app.workflows.visits.visit_standing import state_as_known

_visit: Any = Visit.__table__.c
_STATES = list(VisitState)
# The state that is stored, the one known by now (None: of nothing yet), and what the draft makes of it.
Move = tuple[VisitState, VisitState | None, VisitState | None]


@dataclass(slots=True)
class Moved:
    """Records that move alike: unit, elevator, day (as a number of the period's days) and id of each."""

    units: list[int] = field(default_factory=list)
    elevators: list[int] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    visits: list[int] = field(default_factory=list)

    def add(
        self, units: Sequence[int], elevators: Sequence[int], days: Sequence[int], visits: Sequence[int]
    ) -> None:  # fmt: skip
        self.units += units
        self.elevators += elevators
        self.days += days
        self.visits += visits


@dataclass(slots=True)
class Changes:
    """Records whose state is another than the stored one, by now or under the draft."""

    moves: dict[Move, Moved] = field(default_factory=dict)

    def add(self, move: Move, *columns: Sequence[int]) -> None:
        """Columns: those of `Moved`. What stays as it is stored is no change."""
        if not move[0] is move[1] is move[2]:
            self.moves.setdefault(move, Moved()).add(*columns)

    def drafted(self) -> Iterator[tuple[VisitState, VisitState, VisitState, Moved]]:
        """Those to which the draft gives another state."""
        for (stored, was, will), moved in self.moves.items():
            if was is not will and was is not None and will is not None:
                yield stored, was, will, moved

    def elevators(self) -> set[int]:
        """Whose records the draft moves."""
        return {elevator for *_, moved in self.drafted() for elevator in moved.elevators}

    def counting(self) -> set[int]:
        """Elevators of which the draft moves a record that counts, or one that then does."""
        return {
            elevator for _, was, will, moved in self.drafted() if counts_for_clock(was) != counts_for_clock(will)
            for elevator in moved.elevators
        }  # fmt: skip

    def of_pairs(self, again: Again) -> dict[Pair, tuple[int, int]]:
        """By how much the draft changes the numbers of 不合规 and of valid records of these pairs."""
        found: dict[Pair, tuple[int, int]] = {}
        for _, was, will, moved in self.drafted():
            failed, valid = (
                (will is state) - (was is state) for state in (VisitState.NONCONFORMING, VisitState.VALID)
            )  # fmt: skip
            for pair in zip(moved.units, moved.elevators, strict=True):
                if pair in again:
                    before = found.get(pair, (0, 0))
                    found[pair] = before[0] + failed, before[1] + valid
        return found

    def will(self, again: Again) -> dict[int, VisitState]:
        """The states that the draft gives records of these pairs."""
        return {
            visit: will for *_, will, moved in self.drafted()
            for unit, elevator, visit in zip(moved.units, moved.elevators, moved.visits, strict=True)
            if (unit, elevator) in again
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Again:
    """Pairs to be counted again: all those of some elevators, and some of others."""

    of_elevators: Collection[int]
    others: Collection[Pair]

    def __contains__(self, pair: object) -> bool:
        return pair in self.others or (isinstance(pair, tuple) and pair[1] in self.of_elevators)

    @property
    def elevators(self) -> set[int]:
        return {*self.of_elevators, *(elevator for _, elevator in self.others)}


@dataclass(slots=True)
class Begins:
    """`otherwise`: elevators of which the draft moves a day that counts, and may be the first one of its pair.

    `days`: of those of them that one unit served, the number of that first day before and after.
    """

    otherwise: set[int] = field(default_factory=set)
    days: dict[int, tuple[int, int]] = field(default_factory=dict)


class Drafted(Facts):
    """Only what the draft moves is read again; what it leaves alone is known by the policy that held."""

    def __init__(self, session: AnySession, frame: Frame, changes: Changes, policy_of: Any) -> None:
        super().__init__(session, frame)
        self._changes, self._policy_of = changes, policy_of
        self._again, self._will = Again((), ()), dict[int, VisitState]()

    def retold_of(self, first: int, last: int) -> Container[Pair]:
        return Again(self._again.of_elevators, {*self._again.others, *self.moved_of(first, last)})

    def state_of(self, row: Any) -> VisitState | None:
        if row.id in self._will:
            return self._will[row.id]
        return known(row, self._policy_of(row.region_code, row.visit_on), self.frame.as_of)

    def moved(self, sets: Sets, again: Again, begins: Begins) -> tuple[Sets, Again]:
        """What the draft makes of those of these pairs that its changes tell by themselves, and which are to be read.

        Of a pair that is one run of days only the day on which it begins may be another, and so what is due, and how
        many of its records are 不合规 or valid. The records behind what fails stay as they stand: nothing names them.
        """
        left = {pair for pairs in (sets.apart, sets.unseen) for pair in pairs if pair in again}
        changes = self._changes.of_pairs(again)
        failing = [self._moved_in(columns, again, begins, changes, left) for columns in sets.failing]
        return replace(sets, failing=failing), Again((), left)

    @staticmethod
    def _moved_in(
        columns: Failing, again: Again, begins: Begins, changes: dict[Pair, tuple[int, int]], left: set[Pair]
    ) -> Failing:
        unit_id, place, elevators, *lists = columns
        days, of_limits, failed, valid = ([*one] for one in lists)
        for at, elevator in enumerate(elevators):
            pair = unit_id, elevator
            if pair not in again:
                continue
            if elevator in begins.otherwise:
                before, after = begins.days.get(elevator, (0, -1))
                # One that begins sooner, perhaps before its contract, or after it, is not surely one run of days.
                if not 0 <= after - before <= days[at]:
                    left.add(pair)
                    continue
                days[at] -= after - before
            more_failed, more_valid = changes.get(pair, (0, 0))
            failed[at] += more_failed
            valid[at] += more_valid
        return unit_id, place, elevators, days, of_limits, failed, valid

    def again(self, first: int, last: int, again: Again) -> Callable[[], Any]:
        """Asks what the draft makes of some pairs of these units, for `over`; made ready without the session."""
        self._again, self._will = again, self._changes.will(again)
        elevators = again.elevators
        return lambda: self._ask_again(first, last, elevators) if self._will else None

    def _ask_again(self, first: int, last: int, elevators: Collection[int]) -> Any:
        moved = Records(self._records(first, last, elevators), elevators)
        return score_sets.ask(self, first, last, self.unsure(first, last), elevators, moved)

    def over(self, sets: Sets, again: Again, answer: Any) -> Sets:
        """What was read of units, and in the place of some pairs what the draft makes of them."""
        if answer is None:
            return sets
        # Of these records every state was at hand: pairs that are not begun have none that counts.
        return sets.but(again).plus(score_sets.from_answer(self, answer).only(again))

    def _records(self, first: int, last: int, elevators: Collection[int]) -> Any:
        """The records of these elevators as a table, each in the state that the draft gives it."""
        given = beside(self.session, list(self._will), [_STATES.index(state) for state in self._will.values()])
        state = case(dict(enumerate(_STATES)), value=given.c.number, else_=_visit.state).label("state")
        same = (_visit.id, _visit.unit_id, _visit.elevator_id, _visit.visit_on, _visit.region_code)
        return (
            select(*same, state)
            .outerjoin_from(Visit.__table__, given, given.c.key == _visit.id)
            .where(self.in_period(first, last), among(self.session, _visit.elevator_id, sorted(elevators)))
            .cte("drafted")
            .c
        )


def known(row: Any, policy: VisitPolicy, at: dt.datetime) -> VisitState | None:
    """The state that is stored, unless it has aged since: what the score of today counts."""
    aged = row.next_change_at is not None and row.next_change_at <= at
    return state_as_known(row, policy, at) if aged else VisitState(row.state)

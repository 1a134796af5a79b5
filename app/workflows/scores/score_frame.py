"""What every statement of a score is asked with: region, period and instant as conditions on tables, the policy's
numbers, and records as they were known. Whatever reads something for a score stands on this.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Integer, and_, case, func, literal_column, not_, or_, select, true

from app import clock
from app.models import ContractElevator, Elevator, ScoreRun, Visit
from app.models.policy import policy_book, policy_cuts, visit_policy
from app.models.region import code_span
from app.models.taken_over import later_files, row_known, visit_known
from app.policy import Key
from app.rules.visits import COUNTED_STATES, VisitState
from app.transaction import AnySession, plan_anew
from app.workflows.visits.visit_standing import state_as_known

WHOLE_COUNTRY = "0" * 12
DAY = dt.timedelta(days=1)
COUNTED = sorted(s.value for s in COUNTED_STATES)
# A unit and an elevator.
Pair = tuple[int, int]

_visit: Any = Visit.__table__.c
_bound: Any = ContractElevator.__table__.c
_elevator: Any = Elevator.__table__.c


@dataclass(frozen=True, slots=True)
class Frame:
    """What a score is over. `present`: as_of is the instant of computing, so stored states are what is known."""

    region_code: str
    from_on: dt.date
    to_on: dt.date
    as_of: dt.datetime
    present: bool

    @property
    def span(self) -> tuple[str, str]:
        return ("", "A") if self.region_code == WHOLE_COUNTRY else code_span(self.region_code)

    @property
    def days(self) -> list[dt.date]:
        """Each day of the period."""
        return [self.from_on + DAY * number for number in range((self.to_on - self.from_on).days + 1)]

    @property
    def reference_on(self) -> dt.date:
        """The day on which cover is looked at: the period's last, or that of `as_of` while the period runs."""
        return min(self.to_on, clock.local_day(self.as_of))

    def within(self, region_code: Any) -> Any:
        low, high = self.span
        return and_(region_code >= low, region_code < high)

    def rows_here(self, table: Any) -> Any:
        """Rows of a table that had been written or taken over by then."""
        return true() if self.present else row_known(table, self.as_of)

    def visits_here(self) -> Any:
        """The same of visits."""
        return true() if self.present else visit_known(self.as_of)

    def holds(self, region_code: str, on: dt.date) -> bool:
        low, high = self.span
        return low <= region_code < high and self.from_on <= on <= self.to_on


def frame_of_run(run: ScoreRun) -> Frame:
    """The frame of a stored run. Looking back: what came after it is left out."""
    return Frame(run.region_code, run.from_on, run.to_on, run.as_of, False)


class Basis:
    """One frame's conditions; what tells them is asked once."""

    def __init__(self, session: AnySession, frame: Frame) -> None:
        self.session, self.frame = session, frame
        plan_anew(session)
        self._moved = self._read_moved() if frame.present else None
        self._looked_back: dict[tuple[int, int], set[Pair]] = {}
        self._numbers: dict[str, tuple[int, bool]] = {}
        # By table whether it had no rows elsewhere when that was first asked.
        self._nowhere_else: dict[Any, bool] = {}
        # What is asked of one part of the units after the other, made once (`score_sets.ask`).
        self.kept: dict[bool, Any] = {}
        # Whether it matters in which region a pair is (`alike`).
        self.by_region = True

    # --- visits

    def in_period(self, first: int, last: int) -> Any:
        return and_(
            _visit.unit_id.between(first, last),
            _visit.visit_on.between(self.frame.from_on, self.frame.to_on),
            self.within,
        )

    @cached_property
    def within(self) -> Any:
        """Visits of the region."""
        return self.unless_all(Visit, self.frame.within(_visit.region_code))

    def filed_here(self, elevator_id: Any) -> Any:
        """Elevators that are filed in the region; asked of the register only where the region is not all there is."""
        inside = select(_elevator.id).where(self.frame.within(_elevator.region_code))
        return self.unless_all(Elevator, elevator_id.in_(inside))

    def unless_all(self, model: Any, within: Any) -> Any:
        """What tells which rows are of the region. Where a table has no others, each statement asks that first and then
        none by itself."""
        row, (low, high) = model.__table__.alias(f"any_{model.__tablename__}").c, self.frame.span
        lowest, highest = (select(end(row.region_code)).scalar_subquery() for end in (func.min, func.max))
        nowhere_else = select(and_(lowest >= low, highest < high))
        if model not in self._nowhere_else:
            self._nowhere_else[model] = bool(self.session.scalar(nowhere_else))
        return or_(nowhere_else.scalar_subquery(), within) if self._nowhere_else[model] else within

    def moved_of(self, first: int, last: int) -> set[Pair]:
        """Pairs with a record whose stored state is not the one known at the instant."""
        if self._moved is not None:
            return {pair for pair in self._moved if first <= pair[0] <= last}
        units = first, last
        if units not in self._looked_back:
            # Kept while the next are read ahead.
            self._looked_back = dict([*self._looked_back.items()][-1:]) | {units: self._moved_since(first, last)}
        return self._looked_back[units]

    def retold_of(self, first: int, last: int) -> Container[Pair]:
        """Pairs of whose records `state_of` has a word of its own."""
        return self.moved_of(first, last)

    def _moved_since(self, first: int, last: int) -> set[Pair]:
        # Looking back: what came or was settled after that instant was not known then.
        as_of, since = self.frame.as_of, self._unsettled_since()
        dated = (_visit.received_at, _visit.settled_at, _visit.checked_out_at, _visit.sheet_at, _visit.signed_at,
                 _visit.reviewed_at)  # fmt: skip
        unsettled = and_(_visit.taken_over, _visit.visit_on >= since)
        changed = or_(
            *(column > as_of for column in dated), _visit.next_change_at <= as_of, unsettled,
            not_(self.frame.visits_here()),
        )  # fmt: skip
        found = select(_visit.unit_id, _visit.elevator_id).where(
            self.in_period(first, last), or_(changed, _visit.settled_at.is_(None))
        )
        return {(unit, elevator) for unit, elevator in self.session.execute(found.distinct())}

    def _unsettled_since(self) -> dt.date:
        """The first visit day of which a record can have been waiting for sheet or review at `as_of`."""
        policy = visit_policy(self.session, self.frame.region_code, self.frame.to_on)
        days = max(policy.review_days or 0, (policy.sheet_hours or 0) // 24 + 1)
        return clock.local_day(self.frame.as_of) - DAY * (days + 2)

    def _read_moved(self) -> set[Pair]:
        """Pairs with a record that age has changed since it was last settled (the nightly job is yet to come)."""
        found = select(_visit.unit_id, _visit.elevator_id).where(_visit.next_change_at <= self.frame.as_of)
        # Not asked as distinct ones, for which SQLite goes through every visit.
        return {(unit, elevator) for unit, elevator in self.session.execute(found)}

    def state_of(self, row: Any) -> VisitState | None:
        """The state of a record as known, told by the rules; a back-test tells it otherwise."""
        if row.taken_over and row.batch_id in self._came_later:
            return None
        policy = visit_policy(self.session, row.region_code, row.visit_on)
        return state_as_known(row, policy, self.frame.as_of)

    @cached_property
    def _came_later(self) -> set[int]:
        """The files of another platform's visits that were written after the instant."""
        return set() if self.frame.present else {*self.session.scalars(later_files(self.frame.as_of))}

    # --- contracts

    def known(self) -> Any:
        as_of = self.frame.as_of
        return and_(_bound.added_at <= as_of, or_(_bound.removed_at.is_(None), _bound.removed_at > as_of))

    def live(self) -> Any:
        """A binding of the period, as known then."""
        return and_(self.known(), _bound.starts_on <= self.frame.to_on, _bound.ends_on >= self.frame.from_on)

    # --- policy

    def policy(self, region_code: str | None) -> tuple[int, bool]:
        """The formula's numbers in a region at the period's end: interval, and whether a never visited one counts."""
        code = region_code or self.frame.region_code
        if code not in self._numbers:
            book = policy_book(self.session, code, self.frame.to_on, known_at=self.frame.as_of)
            days: Any = book[Key.LIMIT_DAYS].value
            self._numbers[code] = int(days), book[Key.NEVER_VISITED].value == "contract"
        return self._numbers[code]

    def alike(self) -> bool:
        """The formula's numbers are those of the frame's region in all of it."""
        frame, keys = self.frame, (Key.LIMIT_DAYS, Key.NEVER_VISITED)
        cuts = (policy_cuts(self.session, key, frame.span, frame.to_on, known_at=frame.as_of) for key in keys)
        return all(len(pieces) == 1 for pieces in cuts)

    @cached_property
    def places(self) -> list[str]:
        """The regions, cut where the formula's interval is another: the first code of each piece. May be cut finer."""
        frame = self.frame
        return policy_cuts(self.session, Key.LIMIT_DAYS, frame.span, frame.to_on, known_at=frame.as_of)

    def place_of(self, region_code: Any) -> Any:
        """Which of the places a region is in, of a column."""
        first, *others = (literal_column(str(number), Integer) for number in range(len(self.places)))
        begun = [(region_code >= code, number) for code, number in zip(self.places[1:], others, strict=True)]
        return case(*reversed(begun), else_=first) if begun else first

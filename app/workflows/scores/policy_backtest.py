"""What a draft policy would have made of a past period: visit states, missed periods and SCO-01, before and after.

Nothing that is stored changes. "Before" is what is stored, as known now; "after" is asked of the same rules under the
draft as if it had held since the period's first day. A figure moves only where the rules give the draft another
answer than the policy that held, so whatever else lies behind a stored state (a decision, an appeal) stays.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import func, literal, literal_column, or_, select, true

from app.collector import no_cycles
from app.models import Unit, Visit
from app.models.among import all_of, among, beside
from app.models.policy import Places, policy_draft, policy_places, policy_value, policy_version, visit_policy
from app.models.visit import visited
from app.permissions import Actor, Verb, require
from app.policy import Key, Row
from app.rules.scoring import ranked, tallied_score, tally
from app.rules.visits import DayVisit, VisitPolicy, VisitState, nth_elevators, visit_state
from app.transaction import AnySession, roomy
from app.workflows.core.ahead import meanwhile
from app.workflows.scores import policy_missed, scores
from app.workflows.scores.policy_drafted import Again, Changes, Drafted, known
from app.workflows.scores.policy_missed import Limits
from app.workflows.scores.policy_reach import alike, reached
from app.workflows.scores.score_facts import Facts, batches
from app.workflows.scores.score_frame import Frame
from app.workflows.scores.score_judgements import Judgement
from app.workflows.scores.score_sets import days_between
from app.workflows.visits.visit_standing import COLUMNS
from app.workflows.visits.visit_state import facts_of

Progress = Callable[[int, int, str], None]
# A piece of the region and of the period.
Piece = tuple[str, dt.date]
# More than a score's: here no line of a ledger is made, and each reading goes over the period's records.
UNITS_AT_ONCE = 4096

_visit: Any = Visit.__table__.c


@dataclass(slots=True)
class UnitFigures:
    """A unit's figures; the first of each pair as they are, the second under the draft."""

    unit_id: int
    name: str = ""
    states: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    overdue: list[int] = field(default_factory=lambda: [0, 0])
    points: list[str | None] = field(default_factory=lambda: [None, None])
    rank: list[int | None] = field(default_factory=lambda: [None, None])
    due: list[int] = field(default_factory=lambda: [0, 0])
    bad: list[int] = field(default_factory=lambda: [0, 0])

    @property
    def moved(self) -> bool:
        pairs = (self.states, self.overdue, self.points, self.rank, self.due, self.bad)
        return any(before != after for before, after in pairs)

    @property
    def by_how_much(self) -> tuple[Any, ...]:
        """Sorts those first whose points move most, then whose rank does, then who moves at all."""
        points = [Decimal(told) if told is not None else Decimal(0) for told in self.points]
        ranks = [rank or 0 for rank in self.rank]
        return -abs(points[1] - points[0]), -abs(ranks[1] - ranks[0]), not self.moved, self.name

    def as_dict(self) -> dict[str, Any]:
        return {
            "unit_id": self.unit_id, "name": self.name, "states": [dict(s) for s in self.states],
            "overdue": self.overdue, "points": self.points, "rank": self.rank, "due": self.due, "bad": self.bad,
            "moved": self.moved,
        }  # fmt: skip


def drafted(key: str, value: Any, region_code: str, from_on: dt.date) -> Row:
    """A proposed value as a row that holds from the period's first day."""
    return Row(0, key, region_code, value, from_on, dt.datetime.min.replace(tzinfo=dt.UTC))


def run(
    session: AnySession,
    actor: Actor,
    region_code: str,
    from_on: dt.date,
    to_on: dt.date,
    draft: Sequence[Row],
    at: dt.datetime,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The figures of every unit of the region, as JSON. Reads only."""
    require(actor, Verb.POLICY_EDIT)
    frame = scores.frame_of(session, actor, region_code, from_on, to_on, None, at)
    tell = progress or (lambda done, total, message: None)
    roomy(session)
    with no_cycles():
        # The work with its lists is gone before the next search for cycles.
        told = _Work(session, frame, draft, at, tell).told()
    versions = [policy_version(session, region_code, to_on)]
    with policy_draft(session, draft):
        versions.append(policy_version(session, region_code, to_on))
    return told | {"versions": versions, "as_of": at.isoformat()}


class _Work:
    """One back-test: passes over the same frame, each leaving its figures with the units."""

    def __init__(
        self, session: AnySession, frame: Frame, draft: Sequence[Row], at: dt.datetime, tell: Progress
    ) -> None:
        self.session, self.frame, self.draft, self.at, self.tell = session, frame, draft, at, tell
        self._period = frame.from_on, frame.to_on
        self.units: dict[int, UnitFigures] = {}
        self.counted = self.visits_moved = 0
        self._facts, self._changes = Facts(session, frame), Changes()
        with policy_draft(session, draft):
            self._places: Places = policy_places(session, frame.span, frame.from_on, frame.to_on)
        self._before, self._after = self._both(visit_policy)

    def told(self) -> dict[str, Any]:
        """The figures of all units, largest changes first, and their sums."""
        self.visits()
        self.missed()
        self.scores()
        self.states()
        names = select(Unit.id, Unit.name).where(among(self.session, Unit.id, self.units))
        for unit_id, name in self.session.execute(names):
            self.units[unit_id].name = name
        found = [unit.as_dict() for unit in sorted(self.units.values(), key=lambda unit: unit.by_how_much)]
        return {
            "units": found, "moved": sum(unit["moved"] for unit in found), "visits": self.counted,
            "visits_moved": self.visits_moved,
        }  # fmt: skip

    def _unit(self, unit_id: int) -> UnitFigures:
        if unit_id not in self.units:
            self.units[unit_id] = UnitFigures(unit_id)
        return self.units[unit_id]

    def _both(self, ask: Callable[[AnySession, str, dt.date], Any]) -> tuple[dict[Piece, Any], dict[Piece, Any]]:
        """What is answered in each piece before and after."""
        pieces = [(code, on) for code in self._places.codes for on in self._places.days]
        before = {piece: ask(self.session, *piece) for piece in pieces}
        with policy_draft(self.session, self.draft):
            return before, {piece: ask(self.session, *piece) for piece in pieces}

    def _policy_of(self, region_code: str, on: dt.date) -> VisitPolicy:
        """The policy that held."""
        held: VisitPolicy = self._before[self._places.piece(region_code, on)]
        return held

    # --- visits

    def visits(self) -> None:
        """Which records have another state by now or under the draft."""
        self.tell(0, 0, "重判维保记录")
        limits = {policy.daily_elevators for policy in self._after.values()} - {None}
        ranks = self._ranks(min(limits)) if limits else {}
        aged = _visit.next_change_at <= self.at
        self._aged(aged, ranks)
        inside: dict[tuple[VisitPolicy, VisitPolicy], list[Any]] = defaultdict(list)
        for code, on, here in self._places.pieces(_visit.region_code, _visit.visit_on):
            inside[self._before[code, on], self._after[code, on]].append(here)
        for (before, after), places in inside.items():
            if before != after:
                still = or_(_visit.next_change_at.is_(None), ~aged)
                # All pieces together are all that is inside: then each record need not be looked up among them.
                here = or_(*places) if len(inside) > 1 else true()
                self._alike(before, after, ranks, self._facts.within & here & still)

    def _aged(self, aged: Any, ranks: dict[int, int]) -> None:
        """Records of which more is known by now than what is stored: few, and told one by one."""
        # Asked by their age alone, since few have not been settled by the night, wherever they are.
        rows = self.session.execute(select(*(_visit[name] for name in COLUMNS)).where(aged))
        for row in rows:
            if not self.frame.holds(row.region_code, row.visit_on):
                continue
            piece = self._places.piece(row.region_code, row.visit_on)
            before, after = self._before[piece], self._after[piece]
            was = known(row, before, self.at)
            will = None if was is None else self._judged(row, was, before, after, ranks)
            one = [row.unit_id], [row.elevator_id], [(row.visit_on - self.frame.from_on).days], [row.id]
            self._changes.add((VisitState(row.state), was, will), *one)

    def _alike(self, before: VisitPolicy, after: VisitPolicy, ranks: dict[int, int], inside: Any) -> None:
        """Judge one record for all that are alike, and move them together."""
        rank, ranked, table = func.coalesce(_visit.day_rank, 1), _visit.day_rank.is_not(None), Visit.__table__
        if ranks:
            given = beside(self.session, list(ranks), list(ranks.values()))
            rank = func.coalesce(_visit.day_rank, given.c.number, 1)
            ranked = or_(ranked, given.c.number.is_not(None))
            table = table.outerjoin(given, given.c.key == _visit.id)
        day = days_between(self.session, literal(self.frame.from_on), _visit.visit_on)
        each = (all_of(self.session, column) for column in (_visit.unit_id, _visit.elevator_id, day, _visit.id))
        groups = self.session.execute(
            select(func.min(_visit.id), *each)
            .select_from(table)
            .where(visited(_visit, *self._period), inside, reached(self.session, before, after, ranked))
            .group_by(alike(self.session, before, after, self.at, rank))
        ).all()
        columns = [_visit[name] for name in COLUMNS]
        chosen = among(self.session, _visit.id, [group[0] for group in groups])
        rows = {row.id: row for row in self.session.execute(select(*columns).where(chosen))}
        for chosen_id, *alike_ones in groups:
            row = rows[chosen_id]
            state = VisitState(row.state)
            self._changes.add((state, state, self._judged(row, state, before, after, ranks)), *alike_ones)

    def _judged(
        self, row: Any, was: VisitState, before: VisitPolicy, after: VisitPolicy, ranks: dict[int, int]
    ) -> VisitState:  # fmt: skip
        """What a record becomes where the rules give the draft another answer than the policy that held."""
        if before == after:
            return was
        facts = facts_of(row)
        ranked = facts if row.day_rank else replace(facts, nth_of_day=ranks.get(row.id, 1))
        judged = visit_state(facts, before, self.at).state, visit_state(ranked, after, self.at).state
        return was if judged[0] is judged[1] else judged[1]

    def _ranks(self, least: int) -> dict[int, int]:
        """Which elevator of its worker's day a visit was, of the days with more than `least`, from the second on."""
        own, days = _visit.worker_id, _visit.visit_on
        # With so many visits at least, void ones and second ones at an elevator too: that an index tells by itself.
        crowded = (
            select(own.label("worker_id"), days.label("visit_on"))
            .where(days.between(*self._period))
            .group_by(own, days)
            .having(func.count() > least)
            .subquery("crowded")
        )
        rows = self.session.execute(
            select(_visit.id, _visit.elevator_id, _visit.received_at, own, days)
            .join(crowded, (own == crowded.c.worker_id) & (days == crowded.c.visit_on))
            .where(_visit.state != "void", visited(_visit, *self._period))
            .order_by(own, days)
        )
        ranks: dict[int, int] = {}
        for _day, group in groupby(rows, lambda r: (r.worker_id, r.visit_on)):
            found = nth_elevators(DayVisit(r.id, r.elevator_id, r.received_at) for r in group)
            if max(found.values()) > least:
                ranks.update({key: rank for key, rank in found.items() if rank > 1})
        return ranks

    # --- missed periods

    def missed(self) -> None:
        """What is to be known before missed periods are told again, where the draft has a word."""
        self.tell(0, 0, "重算超期")
        last = self._places.days[-1]
        before, after = self._both(lambda session, code, on: int(policy_value(session, Key.LIMIT_DAYS, code, on)))
        limits = Limits(self._places, {code: (before[code, last], after[code, last]) for code in self._places.codes})
        self._missed = policy_missed.Missed(self._facts, self.at, self._changes, limits)
        with meanwhile(self.session, self._beside_look) as judged:
            self._missed.look()
            self._judged_units = judged()
        self._missed.around()

    def _beside_look(self) -> set[int]:
        """What is read while days that count are looked through, whatever they say."""
        self._missed.stands()
        return self._facts.units_judged()

    def _count_missed(self, once: bool) -> None:
        """Missed periods by unit, once for all parts: read while what the draft makes of a part's pairs is found."""
        if not once:
            return
        for side, missed in enumerate(self._missed.by_unit()):
            for unit_id, number in missed.items():
                self._unit(unit_id).overdue[side] += number

    # --- scores

    def scores(self) -> None:
        """SCO-01 of each unit from the same facts, and from those that the draft makes of them."""
        before = self._facts
        with policy_draft(self.session, self.draft):
            after = Drafted(self.session, self.frame, self._changes, self._policy_of)
            places, alike = {*after.places}, after.alike()
        # What is read once is judged by both.
        before.places = after.places = sorted(places | {*before.places})
        before.by_region = after.by_region = not (alike and before.alike())
        # Elsewhere a record that moves changes neither what is due of its pair nor what fails.
        before.one_by_one = self._missed.begins.otherwise | {
            elevator for _, _, will, moved in self._changes.drafted() if will is VisitState.NONCONFORMING
            for elevator in moved.elevators
        }  # fmt: skip
        touched = self._changes.elevators()
        units = sorted(self._judged_units)
        points: tuple[list[tuple[Decimal, int]], list[tuple[Decimal, int]]] = [], []
        for number, (first, last) in enumerate(batches(units, UNITS_AT_ONCE)):
            self.tell(number * UNITS_AT_ONCE, len(units), "计算得分")
            with meanwhile(self.session, partial(before.seen, first, last)) as seen:
                if not number:
                    self._missed.tell()
                sets = seen()
            singly = before.count(sets, first, last)
            with meanwhile(self.session, partial(self._count_missed, once=not number)) as counted:
                again = Again(before.one_by_one, {
                    *(pair for pair in sets.apart if pair[1] in touched),
                    *((unit_id, elevator) for unit_id, events in sets.nonconforming.items()
                      for elevator, _, _ in events if elevator in touched),
                })  # fmt: skip
                moved, again = after.moved(sets, again, self._missed.begins)
                ask = after.again(first, last, again)
                counted()
            with policy_draft(self.session, self.draft), meanwhile(self.session, ask) as answer:
                for unit_id, valid in sets.valid_of_units().items():
                    if valid:
                        self._stored(unit_id, VisitState.VALID, valid)
                self._score(0, before.judgement(sets, singly), points[0])
                self._score(1, after.judge(after.over(moved, again, answer()), first, last), points[1])
        for side, found in enumerate(points):
            for rank, unit_id in ranked(found):
                self._unit(unit_id).rank[side] = rank

    def _score(self, side: int, found: Judgement, points: list[tuple[Decimal, int]]) -> None:
        for unit_id in {*found.units, *found.unfailing}:
            sums, figures = tally(found.units.get(unit_id, ()), found.unfailing.get(unit_id, ())), self._unit(unit_id)
            if side:
                sums.overdue = figures.overdue[1]
            made = tallied_score(sums)
            if made.points is not None:
                figures.points[side] = str(made.points)
                points.append((made.points, unit_id))
            figures.due[side], figures.bad[side] = made.due, made.bad

    # --- states

    def states(self) -> None:
        """The state of each record before and after: as stored (the valid ones came with the scores), then moved."""
        # Said as a literal, as the partial index says it.
        others = select(_visit.unit_id, _visit.state, func.count()).where(
            _visit.visit_on.between(*self._period), self._facts.within, _visit.state != literal_column("'valid'")
        )
        for unit_id, state, number in self.session.execute(others.group_by(_visit.unit_id, _visit.state)):
            self._stored(unit_id, VisitState(state), number)
        for (stored, was, will), moved in self._changes.moves.items():
            for unit_id, number in Counter(moved.units).items():
                for states, state in zip(self._unit(unit_id).states, (was, will), strict=True):
                    _count(states, stored, state, number)
            if was is None:
                self.counted -= len(moved.visits)
            elif was is not will:
                self.visits_moved += len(moved.visits)

    def _stored(self, unit_id: int, state: VisitState, number: int) -> None:
        self.counted += number
        for states in self._unit(unit_id).states:
            states[state.value] += number


def _count(states: Counter[str], old: VisitState, new: VisitState | None, number: int) -> None:
    if old is new:
        return
    states[old.value] -= number
    if not states[old.value]:
        del states[old.value]
    if new is not None:
        states[new.value] += number

"""Taking over past visits of another platform, with their true times (IMP-03); by a regulator's account only."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select

from app import clock
from app.errors import Finding
from app.models import Elevator, Person, Unit, Visit
from app.models.policy import policy_version, visit_policy
from app.permissions import Actor, Verb, require
from app.rules.past_visits import Diary, Work, past_visit_findings
from app.rules.visits import (
    DayVisit,
    VisitFacts,
    VisitMode,
    VisitState,
    counts_for_clock,
    nth_elevators,
    visit_state,
)
from app.transaction import AnySession
from app.wording import say
from app.workflows.core.moves import TAKE_OVER
from app.workflows.maintenance import clocks
from app.workflows.visits.visit_state import settle

DAY = dt.timedelta(days=1)
# Rows that are not stored yet come after stored ones of the same instant, in their own order.
UNSTORED = 2**62


@dataclass(frozen=True, slots=True)
class PastVisit:
    """A visit as the other platform recorded it."""

    elevator_id: int
    unit_id: int
    worker_id: int
    checked_in_at: dt.datetime
    checked_out_at: dt.datetime | None = None
    mode: str = "items"
    signed_at: dt.datetime | None = None
    sheet_at: dt.datetime | None = None
    reviewed_at: dt.datetime | None = None

    @property
    def facts(self) -> VisitFacts:
        """What the rules need; on the other platform it was received when it ended."""
        return VisitFacts(
            checked_in_at=self.checked_in_at, checked_out_at=self.checked_out_at, received_at=self.received_at,
            mode=VisitMode(self.mode), sheet_at=self.sheet_at, signed_at=self.signed_at, reviewed_at=self.reviewed_at,
        )  # fmt: skip

    @property
    def received_at(self) -> dt.datetime:
        return self.checked_out_at or self.checked_in_at

    @property
    def visit_on(self) -> dt.date:
        return clock.local_day(self.checked_in_at)

    def work(self, name: str) -> Work:
        return Work(self.elevator_id, self.checked_in_at, self.received_at, name)


@dataclass(slots=True)
class Taken:
    """How many were stored, and by place in the rows those that can't have been, each with its reasons."""

    made: int = 0
    refused: dict[int, list[Finding]] = field(default_factory=dict)


def take_over(
    session: AnySession, actor: Actor, batch_id: int | None, rows: Sequence[PastVisit], at: dt.datetime
) -> Taken:
    """Store past visits, judged by their own day's policy; each elevator's clock is told anew once.

    What is there already (same elevator and check-in) is left alone, so that a second run adds nothing. Where a region
    limits the elevators of a day, the day is ranked in order of receipt with what is stored, and records taken over
    earlier are judged again: they came in parts, and the ninth is the ninth of the whole day.
    """
    require(actor, Verb.TAKE_OVER)
    taken, accepted = Taken(), list[PastVisit]()
    diary = Diary()
    read_works(session, rows, diary)
    codes = _codes(session, {row.elevator_id for row in rows})
    for place, row in enumerate(rows):
        known = select(Visit.id).where(
            Visit.elevator_id == row.elevator_id, Visit.checked_in_at == row.checked_in_at
        )
        if session.scalar(known.limit(1)) is not None:
            continue
        wrong = findings(session, row, codes[row.elevator_id], at)
        double = diary.clash(row.worker_id, row.work(""))
        if wrong or double is not None:
            taken.refused[place] = [*wrong, *([double] if double is not None else [])]
            continue
        diary.add(row.worker_id, row.work(say("电梯 %(elevator_id)s", elevator_id=codes[row.elevator_id][1])))
        accepted.append(row)
    ranks, again = _ranks(session, accepted, at)
    for place, row in enumerate(accepted):
        session.add(_visit(session, row, batch_id, ranks.get(place), at))
    session.flush()
    touched = dict.fromkeys(row.elevator_id for row in accepted)
    for visit, rank in again:
        visit.day_rank = rank
        settle(session, visit, at, verb=TAKE_OVER)
    for elevator_id in touched:
        clocks.recompute(session, elevator_id, at)
    taken.made = len(accepted)
    return taken


def findings(session: AnySession, row: PastVisit, place: tuple[str, str], at: dt.datetime) -> list[Finding]:
    """What can't have been in one row by itself; `place` is the elevator's region and code."""
    return past_visit_findings(row.facts, visit_policy(session, place[0], row.visit_on), at)


def read_works(session: AnySession, rows: Sequence[PastVisit], diary: Diary) -> None:
    """Enter the stored work of these rows' people around these rows' time; whoever it was for."""
    if not rows:
        return
    first, last = min(r.checked_in_at for r in rows) - DAY, max(r.received_at for r in rows)
    workers = sorted({r.worker_id for r in rows})
    for start in range(0, len(workers), 500):
        statement = (
            select(Visit.worker_id, Visit.elevator_id, Visit.checked_in_at, Visit.checked_out_at, Elevator.code)
            .join(Elevator, Elevator.id == Visit.elevator_id)
            .where(
                Visit.worker_id.in_(workers[start : start + 500]), Visit.state != VisitState.VOID.value,
                Visit.checked_in_at >= first, Visit.checked_in_at <= last,
            )
        )  # fmt: skip
        for worker, elevator, began, ended, code in session.execute(statement.execution_options(skip_scope=True)):
            diary.add(worker, Work(elevator, began, ended or began, say("电梯 %(code)s", code=code)))


def _codes(session: AnySession, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    statement = select(Elevator.id, Elevator.region_code, Elevator.code).where(Elevator.id.in_(set(ids)))
    rows = session.execute(statement.execution_options(skip_scope=True))
    return {key: (region, code) for key, region, code in rows}


def _ranks(
    session: AnySession, rows: Sequence[PastVisit], at: dt.datetime
) -> tuple[dict[int, int], list[tuple[Visit, int]]]:
    """By place the rank of each new row's elevator in its worker's day; and stored rows whose rank is another now.

    Only where the day's policy limits the elevators. What was received here itself keeps its rank: it was told.
    """
    regions = _codes(session, {row.elevator_id for row in rows})
    days: dict[tuple[int, dt.date], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        policy = visit_policy(session, regions[row.elevator_id][0], row.visit_on)
        if policy.daily_elevators is not None:
            void = visit_state(row.facts, policy, at).state is VisitState.VOID
            days[(row.worker_id, row.visit_on)] += [] if void else [place]
    ranks: dict[int, int] = {}
    again: list[tuple[Visit, int]] = []
    for (worker_id, on), places in days.items():
        statement = select(Visit).where(
            Visit.worker_id == worker_id, Visit.visit_on == on, Visit.state != VisitState.VOID.value
        )
        stored = session.scalars(statement.with_for_update().execution_options(skip_scope=True)).all()
        day = [DayVisit(v.id, v.elevator_id, v.received_at) for v in stored]
        day += [DayVisit(UNSTORED + p, rows[p].elevator_id, rows[p].received_at) for p in places]
        nth = nth_elevators(day)
        ranks |= {p: nth[UNSTORED + p] for p in places}
        again += [(v, nth[v.id]) for v in stored if v.taken_over and v.day_rank not in (None, nth[v.id])]
    return ranks, again


def _visit(
    session: AnySession, row: PastVisit, batch_id: int | None, rank: int | None, at: dt.datetime
) -> Visit:
    elevator = session.get(Elevator, row.elevator_id)
    unit, worker = session.get(Unit, row.unit_id), session.get(Person, row.worker_id)
    assert elevator is not None and unit is not None and worker is not None
    on = row.visit_on
    policy = visit_policy(session, elevator.region_code, on)
    standing = visit_state(replace(row.facts, nth_of_day=rank), policy, at)
    return Visit(
        elevator_id=elevator.id, unit_id=unit.id, use_unit_id=elevator.use_unit_id, region_code=elevator.region_code,
        worker_id=worker.id, visit_on=on, checked_in_at=row.checked_in_at, checked_out_at=row.checked_out_at,
        received_at=row.received_at, mode=row.mode if row.checked_out_at else None, signed_at=row.signed_at,
        sheet_at=row.sheet_at, reviewed_at=row.reviewed_at, state=standing.state.value, day_rank=rank,
        awaiting_sheet=standing.awaiting_sheet, awaiting_review=standing.awaiting_review,
        reason=standing.key, state_reason=standing.words,
        next_change_at=standing.next_change_at, settled_at=at, counted=counts_for_clock(standing.state),
        taken_over=True, preset=policy_version(session, elevator.region_code, on)[:20], batch_id=batch_id,
        snapshot={"code": elevator.code, "category": elevator.category, "unit": unit.name, "worker": worker.name},
    )  # fmt: skip

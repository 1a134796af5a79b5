"""The stored state of a visit: the rules decide, this writes it down, ranks the day, and tells the clock."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from app import scope
from app.direct_rows import write_changes
from app.models import Visit
from app.models.policy import policy_book, visit_policy
from app.permissions import SYSTEM
from app.rules.label_photos import LabelState
from app.rules.visits import (
    DayVisit,
    Decision,
    VisitFacts,
    VisitMode,
    VisitStanding,
    counts_for_clock,
    nth_elevators,
    visit_state,
)
from app.transaction import AnySession
from app.workflows.approval import policies
from app.workflows.core import moves
from app.workflows.maintenance import clocks


def settle(session: AnySession, visit: Visit, at: dt.datetime, *, verb: str = "settle") -> VisitStanding:
    """Bring the stored state up to `at`; the clock hears of it when counting began or ended. Twice changes nothing."""
    before = visit.counted
    standing = stand(session, visit, at)
    # Last, for it writes the row, which is written here where the state stays.
    moves.move(session, SYSTEM, visit, "state", standing.state.value, verb=verb, at=at)
    write_changes(session, visit)
    if before != visit.counted:
        clocks.after_visit(session, visit.elevator_id, visit, at)
    return standing


def stand(session: AnySession, visit: Visit, at: dt.datetime) -> VisitStanding:
    """Note on the visit all that its standing at `at` says but for the state itself, which only moves.

    Enough for a visit that begins, which is open and moves nothing: so it is written once.
    """
    policy = visit_policy(session, visit.region_code, visit.visit_on)
    if policy.daily_elevators is not None and visit.day_rank is None:
        visit.day_rank = _rank(session, visit)
    if visit.preset is None:
        book = policy_book(session, visit.region_code, visit.visit_on)
        visit.preset = policies.keep_snapshot(session, book, at)
    standing = visit_state(facts_of(visit), policy, at)
    visit.counted = counts_for_clock(standing.state)
    visit.awaiting_sheet, visit.awaiting_review = standing.awaiting_sheet, standing.awaiting_review
    visit.reason, visit.state_reason = standing.key, standing.words
    visit.next_change_at = standing.next_change_at
    visit.settled_at = at
    return standing


def facts_of(visit: Visit) -> VisitFacts:
    """What the rules need to know of a stored visit."""
    return VisitFacts(
        checked_in_at=visit.checked_in_at,
        checked_out_at=visit.checked_out_at,
        mode=VisitMode(visit.mode) if visit.mode else VisitMode.ITEMS,
        sheet_at=visit.sheet_at,
        signed_at=visit.signed_at,
        reviewed_at=visit.reviewed_at,
        received_at=visit.sent_at or visit.received_at,
        decision=Decision(visit.decision) if visit.decision else None,
        nth_of_day=visit.day_rank,
        label=LabelState(visit.label_state) if visit.label_state else None,
        appeal_upheld=visit.appeal_upheld_at is not None,
    )


def _rank(session: AnySession, visit: Visit) -> int:
    """Which distinct elevator of the worker's day this is, in order of receipt (PER-09); a new one comes last."""
    rows = session.execute(
        select(Visit.id, Visit.elevator_id, Visit.received_at)
        .where(Visit.worker_id == visit.worker_id, Visit.visit_on == visit.visit_on, Visit.state != "void")
        .execution_options(skip_scope=True)
    )
    own = visit.id or scope.BIGGEST_KEY
    days = {r.id: DayVisit(r.id, r.elevator_id, r.received_at) for r in rows}
    if visit.id is None:
        days[own] = DayVisit(own, visit.elevator_id, visit.received_at)
    return nth_elevators(days.values()).get(own, 1)

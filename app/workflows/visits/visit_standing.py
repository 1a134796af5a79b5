"""The state of a stored visit at an instant, as it was known then; the rules decide, this only reads the row."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from app.rules.label_photos import LabelState
from app.rules.visits import VisitFacts, VisitPolicy, VisitStanding, VisitState, visit_state
from app.workflows.visits.visit_state import facts_of

# What is read of a record to tell its state, and where it counts.
COLUMNS = (
    "id", "elevator_id", "unit_id", "region_code", "worker_id", "visit_on", "checked_in_at", "checked_out_at", "mode",
    "sheet_at", "signed_at", "reviewed_at", "received_at", "sent_at", "decision", "decided_at", "day_rank", "state",
    "settled_at", "next_change_at", "taken_over", "batch_id", "appeal_upheld_at", "label_state", "label_at",
)  # fmt: skip
# Nothing leads out of these by age: once settled they stand.
ENDED = frozenset({VisitState.VOID, VisitState.ABNORMAL, VisitState.REJECTED})


def state_as_known(row: Any, policy: VisitPolicy, as_of: dt.datetime) -> VisitState | None:
    """The state of a visit's row as known at `as_of`; None when nothing had been received yet.

    What was settled by then stands. What was settled later, or has aged since, is told by the rules from whatever is
    dated no later. A record taken over was settled in one go, so its own dates tell its state on earlier days.
    """
    if row.received_at > as_of:
        return None
    stored = VisitState(row.state)
    settled = row.settled_at is not None and row.settled_at <= as_of
    if settled and stored in ENDED:
        return stored
    aged = row.next_change_at is not None and row.next_change_at <= as_of
    if settled and not aged and not row.taken_over:
        return stored
    return standing_as_known(row, policy, as_of).state


def standing_as_known(row: Any, policy: VisitPolicy, as_of: dt.datetime) -> VisitStanding:
    """What the rules say of it with what is dated no later, with the reasons."""
    return visit_state(_facts(row, as_of), policy, as_of)


def _facts(row: Any, as_of: dt.datetime) -> VisitFacts:
    def known(instant: dt.datetime | None) -> dt.datetime | None:
        return instant if instant is not None and instant <= as_of else None

    facts = facts_of(row)
    # Of an end that the phone kept nothing was known until it was sent.
    ended = row.checked_out_at if known(row.sent_at or row.checked_out_at) is not None else None
    return replace(
        facts,
        checked_out_at=ended,
        sheet_at=known(row.sheet_at),
        signed_at=known(row.signed_at),
        reviewed_at=known(row.reviewed_at),
        decision=facts.decision if known(row.decided_at) else None,
        # Before its last step nobody had settled it, one way or the other.
        label=facts.label if facts.label is None or row.label_at is None or known(row.label_at) else LabelState.WAITING,
        appeal_upheld=known(row.appeal_upheld_at) is not None,
    )

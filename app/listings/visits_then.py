"""What a visit was at an instant, as it was known then: for reports that are counted again (STA-03)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from app.models.policy import visit_policy
from app.rules.visits import COUNTED_STATES
from app.workflows.visits.visit_standing import COLUMNS, ENDED, standing_as_known, state_as_known

__all__ = ["COLUMNS", "VisitThen", "visit_then"]


@dataclass(frozen=True, slots=True)
class VisitThen:
    """A visit: whether it counted, and if it was counted out, whose and why."""

    key: int
    unit_id: int
    counted: bool
    out: str | None


def visit_then(session: Any, row: Any, as_of: dt.datetime) -> VisitThen:
    """Of a row with `COLUMNS`, as the rules tell it of what is dated no later."""
    policy = visit_policy(session, row.region_code, row.visit_on)
    state = state_as_known(row, policy, as_of)
    words = (standing_as_known(row, policy, as_of).words or "") if state in ENDED else None
    return VisitThen(row.id, row.unit_id, state in COUNTED_STATES, words)

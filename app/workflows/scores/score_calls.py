"""A unit's calling-out to a rescue as it was known at an instant (SCO-02), also where the desk took a step back since.

What a case was by its steps is `models.rescues_then`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import and_, false, or_, select

from app.models import Rescue, RescueStep
from app.rules.other_scores import Outcome, RescueMinutes, call_outcome
from app.rules.rescues import RescueVerb
from app.workflows.scores.score_frame import Frame

_rescue: Any = Rescue.__table__.c
_step: Any = RescueStep.__table__.c
# The desk took it back: it never was.
TAKEN_BACK = "returned"


class Call(NamedTuple):
    """A unit's calling-out as known then."""

    elevator_id: int
    day: str
    dispatched_at: dt.datetime
    accepted_at: dt.datetime | None
    arrived_at: dt.datetime | None
    done_at: dt.datetime | None
    ended_at: dt.datetime | None
    minutes: RescueMinutes
    # An appeal of the elevator's own unit was upheld by then.
    upheld: bool = False


def call_of(calls: list[Call], as_of: dt.datetime) -> Outcome | None:
    """Of a unit called out again: from the first call on, by whatever was done first; over when the last one is."""
    begun = calls[0]
    if begun.upheld:
        return Outcome.ON_TIME
    return call_outcome(begun.dispatched_at, *done_by(calls), calls[-1].ended_at, as_of, begun.minutes)


def done_by(calls: list[Call]) -> tuple[dt.datetime | None, dt.datetime | None, dt.datetime | None]:
    """When it accepted, arrived and freed first, over all its calls."""

    def first(instants: Iterable[dt.datetime | None]) -> dt.datetime | None:
        return min((at for at in instants if at is not None), default=None)

    return (
        first(c.accepted_at for c in calls), first(c.arrived_at for c in calls), first(c.done_at for c in calls),
    )  # fmt: skip


def then(instant: dt.datetime | None, as_of: dt.datetime) -> dt.datetime | None:
    """What was known of an instant then."""
    return None if instant is None or instant > as_of else instant


def stepped_back(frame: Frame) -> Any:
    """Of cases those of which the desk took a step back since: they are open, or ended after that."""
    if frame.present:
        return false()
    back = select(_step.id).where(
        _step.rescue_id == _rescue.id, _step.verb == RescueVerb.BACK.value, _step.at > frame.as_of
    )
    return and_(or_(_rescue.ended_at.is_(None), _rescue.ended_at > frame.as_of), back.exists())

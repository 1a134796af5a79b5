"""A unit's calling-out to a rescue as it was known at an instant (SCO-02), also where the desk took a step back since.

A row keeps what holds now; the steps of its case, which nobody changes, say what held then.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import and_, false, or_, select

from app.models import Rescue, RescueDispatch, RescueStep
from app.models.among import among
from app.models.audit import last_said
from app.models.rescue import RESULT_SAID
from app.rules.other_scores import Outcome, RescueMinutes, call_outcome
from app.rules.rescues import CallThen, RescueVerb, calls_then
from app.transaction import AnySession
from app.workflows.scores.score_frame import Frame

_rescue: Any = Rescue.__table__.c
_call: Any = RescueDispatch.__table__.c
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


@dataclass(frozen=True, slots=True)
class CaseThen:
    """A case as known then: its calls by key, and what came out if somebody was freed by then."""

    calls: Mapping[int, CallThen]
    outcome: str | None = None
    cause: str | None = None

    @property
    def is_over(self) -> bool:
        return any(call.done_at for call in self.calls.values())


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


def cases_then(session: AnySession, keys: Collection[int], as_of: dt.datetime) -> dict[int, CaseThen]:
    """What these were by their steps. One of another platform that had none then is left as it stands."""
    if not keys:
        return {}
    some = sorted(keys)
    ends = select(_call.rescue_id, _call.id, _call.ended_at).where(among(session, _call.rescue_id, some))
    ended: dict[int, dict[int, dt.datetime | None]] = defaultdict(dict)
    for key, call, at in session.execute(ends):
        ended[key][call] = then(at, as_of)
    known = select(_step.rescue_id, _step.verb, _step.at, _step.dispatch_id).where(
        among(session, _step.rescue_id, some), _step.at <= as_of
    )
    steps: dict[int, list[tuple[str, dt.datetime, int | None]]] = defaultdict(list)
    for key, verb, at, call in session.execute(known.order_by(_step.id)):
        steps[key].append((verb, at, call))
    said = last_said(session, "rescue", RESULT_SAID, some, as_of)
    found: dict[int, CaseThen] = {}
    for key, course in steps.items():
        found[key] = told = CaseThen(calls_then(course, ended[key]))
        if told.is_over and key in said:
            found[key] = replace(told, outcome=said[key].get("outcome"), cause=said[key].get("cause"))
    return found

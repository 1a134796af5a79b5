"""Rescues as they were known at an instant, told by their steps: for scores and bulletins that look back.

A row keeps what holds now; the steps of its case, which nobody changes, say what held then.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from app.models.among import among
from app.models.audit import last_said
from app.models.rescue import RESULT_SAID, Rescue, RescueDispatch, RescueStep
from app.rules.rescues import CallThen, Course, calls_then, course_then

_call: Any = RescueDispatch.__table__.c
_step: Any = RescueStep.__table__.c


@dataclass(frozen=True, slots=True)
class CaseThen:
    """A case as known then: its calls by key, its course, and what came out if somebody was freed by then."""

    calls: Mapping[int, CallThen]
    course: Course
    outcome: str | None = None
    cause: str | None = None
    trapped: int | None = None

    @property
    def is_over(self) -> bool:
        return any(call.done_at for call in self.calls.values())


def cases_then(session: Any, keys: Collection[int], as_of: dt.datetime) -> dict[int, CaseThen]:
    """What these were by their steps. One of another platform that had none then is left out: it is as it stands.

    By tables, past scope: who looks has no part in what was known.
    """
    if not keys:
        return {}
    some = sorted(keys)
    ends = select(_call.rescue_id, _call.id, _call.ended_at).where(among(session, _call.rescue_id, some))
    ended: dict[int, dict[int, dt.datetime | None]] = defaultdict(dict)
    for key, call, at in session.execute(ends):
        ended[key][call] = None if at is None or at > as_of else at
    known = select(_step.rescue_id, _step.verb, _step.at, _step.dispatch_id).where(
        among(session, _step.rescue_id, some), _step.at <= as_of
    )
    steps: dict[int, list[tuple[str, dt.datetime, int | None]]] = defaultdict(list)
    for key, verb, at, call in session.execute(known.order_by(_step.id)):
        steps[key].append((verb, at, call))
    said = last_said(session, "rescue", RESULT_SAID, some, as_of)
    # What was written down of a case taken over named its outcome alone once: cause and people stand in its row, from
    # which no step back takes them.
    unsaid = [key for key, result in said.items() if "cause" not in result]
    rows = select(Rescue.id, Rescue.cause, Rescue.trapped).where(among(session, Rescue.id, unsaid))
    for key, cause, trapped in session.execute(rows.execution_options(skip_scope=True)) if unsaid else ():
        said[key] = said[key] | {"cause": cause, "trapped": trapped}
    found: dict[int, CaseThen] = {}
    for key, taken in steps.items():
        calls = calls_then(taken, ended[key])
        found[key] = told = CaseThen(calls, course_then(calls.values(), taken))
        if told.is_over and key in said:
            result = said[key]
            found[key] = replace(
                told, outcome=result.get("outcome"), cause=result.get("cause"), trapped=result.get("trapped")
            )
    return found

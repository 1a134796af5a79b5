"""The limit of an approval, from its own steps: when it began, how long it stood with the applicant, why it ends then.

The stored `due_at` is what queues and pages read; this makes it again, from policy, calendar and steps.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import inspect, select

from app import clock
from app.models import Application, ApplicationStep
from app.models.policy import policy_book
from app.models.region import code_span
from app.policy import Held, Key
from app.rules.deadlines import (
    Span,
    WorkingDay,
    due_with_pauses,
    idle_days,
    working_days_between,
    working_days_left,
)
from app.rules.lifecycle import ApplicationKind
from app.transaction import AnySession

COUNTRY = "0" * 12
AT_ONCE = 500
Calendar = Callable[[str], WorkingDay]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a limit is what it is: `days` allowed, days between that are not worked, how often it came
    back from the applicant and how many working days did not count for that. Of one that stands, as it stood when it
    stopped: the working days that were `left`, or how long it was `over`."""

    days: int
    held: Held
    started_at: dt.datetime
    idle_days: int
    returns: int
    paused_days: int
    left: int | None
    over: dt.timedelta | None


def limit_key(kind: str) -> Key:
    """The policy that says how long a decision may take."""
    return Key.APPEAL_WORKING_DAYS if kind == ApplicationKind.APPEAL else Key.APPROVAL_WORKING_DAYS


def limit_of(
    session: AnySession, application: Application, steps: list[ApplicationStep]
) -> tuple[int | None, Held, dt.datetime]:
    """Working days by the policy of the day it was first submitted, who says so, and that instant."""
    first = steps[0].at if steps else application.submitted_at or application.created_at
    held = policy_book(session, application.region_code, clock.local_day(first))[limit_key(application.kind)]
    days = held.value
    return (days if isinstance(days, int) else None), held, first


def due_at(
    session: AnySession, application: Application, is_working: WorkingDay, back_at: dt.datetime | None = None
) -> dt.datetime | None:
    """The limit as policy, calendar and steps give it; None where policy sets none.

    `back_at`: the instant at which it is being sent again, of which no step tells yet.
    """
    steps = _steps(session, application)
    days, _held, first = limit_of(session, application, steps)
    return None if days is None else due_with_pauses(first, days, is_working, _pauses(steps, back_at))


def reason(session: AnySession, application: Application, is_working: WorkingDay) -> Reason | None:
    """What stands beside the countdown on every page."""
    steps = _steps(session, application)
    days, held, first = limit_of(session, application, steps)
    if days is None or application.due_at is None:
        return None
    pauses = _pauses(steps)
    end = due_with_pauses(first, days, is_working, pauses)
    whole = clock.local_day(first), clock.local_day(end - dt.timedelta(microseconds=1))
    since = next((p.since for p in pauses if p.until is None), None)
    left = over = None
    if since is not None:
        began = max([first, *(p.until for p in pauses if p.until is not None)])
        left = working_days_left(began, application.due_at, since, is_working)
        over = since - application.due_at if left is None else None
    paused = working_days_between(*whole, is_working) - days
    returns = sum(p.until is not None for p in pauses)
    return Reason(days, held, first, idle_days(*whole, is_working), returns, paused, left, over)


def recompute(session: AnySession, region_code: str, calendar: Calendar) -> dict[str, list[str]]:
    """Set the open limits of a region and its subtree anew; gives number → old and new of those that moved."""
    statement = select(Application).where(Application.is_open.is_(True), Application.due_at.is_not(None))
    if region_code != COUNTRY:
        low, high = code_span(region_code)
        statement = statement.where(Application.region_code >= low, Application.region_code < high)
    statement = statement.order_by(Application.id).with_for_update()
    moved: dict[str, list[str]] = {}
    for row in session.scalars(statement.execution_options(skip_scope=True)):
        due = due_at(session, row, calendar(row.region_code))
        if due is not None and row.due_at is not None and due != row.due_at:
            moved[row.number] = [clock.until(row.due_at), clock.until(due)]
            row.due_at = due
    session.flush()
    return moved


def _steps(session: AnySession, application: Application) -> list[ApplicationStep]:
    if "steps" not in inspect(application).unloaded:
        return list(application.steps)  # a list has read those of all its rows at once
    statement = select(ApplicationStep).where(ApplicationStep.application_id == application.id)
    return list(session.scalars(statement.order_by(ApplicationStep.id)))


def _pauses(steps: list[ApplicationStep], back_at: dt.datetime | None = None) -> list[Span]:
    """The times with the applicant: from each return to the next resubmission; the last may still run."""
    pauses: list[Span] = []
    for step in steps:
        if step.verb == "return":
            pauses.append(Span(step.at))
        elif step.verb == "resubmit" and pauses and pauses[-1].until is None:
            pauses[-1] = Span(pauses[-1].since, step.at)
    if back_at is not None and pauses and pauses[-1].until is None:
        pauses[-1] = Span(pauses[-1].since, back_at)
    return pauses

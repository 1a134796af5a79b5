"""Visits whose state changes by age alone: an open one after its hours, a sheet or review that did not come."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import func, select

from app.models import Visit
from app.models.region import in_region
from app.models.visit import is_open
from app.permissions import SYSTEM
from app.transaction import AnySession
from app.workflows.core import audit
from app.workflows.visits.visit_state import settle

AT_ONCE = 500
Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class Summary:
    """How many were looked at, and into which states they moved."""

    looked_at: int = 0
    moved: dict[str, int] = field(default_factory=dict)


def is_due(session: AnySession, at: dt.datetime) -> bool:
    """Whether anything waits; one look at an index, so that asking often costs nothing."""
    found = select(Visit.id).where(Visit.next_change_at <= at).limit(1)
    return session.scalar(found.execution_options(skip_scope=True)) is not None


def settle_run_out(session: AnySession, person_id: int, at: dt.datetime) -> None:
    """Settle the open visit of a person whose hours are over at `at`; the caller holds the person."""
    found = select(Visit).where(Visit.worker_id == person_id, is_open(Visit), Visit.next_change_at <= at)
    for visit in session.scalars(found.with_for_update().execution_options(skip_scope=True)).all():
        settle(session, visit, at)


def run(
    session: AnySession, at: dt.datetime, progress: Progress | None = None, region: str | None = None
) -> Summary:
    """Settle every visit (of a region) whose next change lies in the past, oldest first. A second run finds none."""
    due = (Visit.next_change_at.is_not(None), Visit.next_change_at <= at, in_region(Visit.region_code, region))
    total = session.scalar(select(func.count()).select_from(Visit).where(*due).execution_options(skip_scope=True)) or 0
    summary, moved = Summary(), Counter[str]()
    while True:
        rows = session.scalars(
            select(Visit)
            .where(*due)
            .order_by(Visit.next_change_at, Visit.id)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
            .execution_options(skip_scope=True)
        ).all()
        if not rows:
            break
        for visit in rows:
            before = visit.state
            after = settle(session, visit, at).state.value
            summary.looked_at += 1
            moved.update([after] if after != before else [])
        session.flush()
        session.expunge_all()
        if progress is not None:
            progress(summary.looked_at, total, "更新维保记录状态")
    summary.moved = dict(moved)
    if summary.looked_at:
        audit.record(
            session, SYSTEM, at, "visit.age", "visit", None, after={"looked_at": summary.looked_at, **summary.moved}
        )
    return summary

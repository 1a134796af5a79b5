"""A look at the provincial register as a job: a page a transaction, none of it while the register is waited for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from celery import shared_task
from flask import current_app
from sqlalchemy import select

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.models import ProvincialRun
from app.permissions import SYSTEM
from app.tasks.jobs import JobContext, handles
from app.transaction import transaction
from app.workflows.partners import provincial, provincial_register
from app.workflows.partners.provincial_matching import Units
from app.workflows.partners.provincial_register import Answer, CursorLost, Register, Rejected, Unavailable

AT_ONCE = 100
# How often a region's list may be lost under one's feet before it is given up.
MOST_RESTARTS = 3


@handles("provincial")
def run_provincial(context: JobContext) -> dict[str, Any] | None:
    """Go on where the run was: what it has a row of is settled."""
    register = provincial_register.offered()
    if register is None:
        raise provincial.refuse_plainly("没有接通省平台")
    run = _run(context)
    units = Units.read(context.session)
    context.session.rollback()
    if run.kind == "codes":
        _by_codes(context, register, units)
    else:
        _by_region(context, register, units, run.region_code)
    with transaction(context.session) as session:
        result = provincial.finish(session, _run(context), clock.now())
        context.finish(result)
    return None


def _by_codes(context: JobContext, register: Register, units: Units) -> None:
    run = _run(context)
    whole = len(run.codes)
    left = provincial.pending(context.session, run)
    for first in range(0, len(left), AT_ONCE):
        some = left[first : first + AT_ONCE]
        answer = _asked(context, lambda some=some: register.by_codes(some))  # type: ignore[misc]
        with transaction(context.session) as session:
            provincial.settle(
                session, context.actor, _run(context), units, answer.items, clock.now(), asked=some,
                not_found=answer.not_found,
            )  # fmt: skip
        context.progress(whole - len(left) + first + len(some), whole, "核对")


def _by_region(context: JobContext, register: Register, units: Units, region: str) -> None:
    cursor, restarts = _run(context).cursor, 0
    while True:
        try:
            answer = _asked(context, lambda at=cursor: register.by_region(region, at))  # type: ignore[misc]
        except CursorLost as lost:
            # What was settled is passed over when it comes again.
            cursor, restarts = None, restarts + 1
            if restarts > MOST_RESTARTS:
                raise provincial.refuse_plainly("省平台的列表一再变化，没有读完") from lost
            continue
        cursor = answer.next
        with transaction(context.session) as session:
            run = _run(context)
            provincial.settle(session, context.actor, run, units, answer.items, clock.now(), cursor=cursor)
            done = run.asked
        context.progress(done, max(answer.total or 0, done + (1 if cursor else 0)), "核对")
        if cursor is None:
            return


def _asked(context: JobContext, ask: Callable[[], Answer]) -> Answer:
    """The register's answer; nothing of the database is held meanwhile."""
    context.session.rollback()
    try:
        return ask()
    except (Unavailable, Rejected) as fault:
        raise provincial.refuse_plainly(fault.words) from fault


def _run(context: JobContext) -> ProvincialRun:
    statement = select(ProvincialRun).where(ProvincialRun.id == int(context.params["run"]))
    found: ProvincialRun = context.session.scalars(statement.execution_options(skip_scope=True)).one()
    return found


@shared_task
def nightly() -> list[int]:
    """The regions that the installation named, each a run of the system; none that is under way or was done today."""
    if provincial_register.offered() is None:
        return []
    entered = []
    for region in current_app.config["PROVINCIAL_REGIONS"]:
        now = clock.now()
        with transaction(db.session) as session:
            recent = select(ProvincialRun.id).where(
                ProvincialRun.kind == "region", ProvincialRun.region_code == region,
                ProvincialRun.created_by_id.is_(None), ProvincialRun.begun_at > now - dt.timedelta(hours=20),
            )  # fmt: skip
            if session.scalar(recent.limit(1).execution_options(skip_scope=True)) is None:
                try:
                    entered.append(provincial.begin_region(session, SYSTEM, region, now).id)
                except Refusal as refusal:
                    current_app.logger.error("provincial register: %s", refusal)
    return entered

"""The night's work, entered as jobs of the system: seen, kept alive and taken up again like everybody's."""

from __future__ import annotations

import dataclasses
import datetime as dt
from functools import partial
from typing import Any

from celery import shared_task
from sqlalchemy import select

from app import clock
from app.errors import Refusal, refuse
from app.extensions import db
from app.models import Job
from app.permissions import SYSTEM
from app.rules.scoring import nightly_periods
from app.tasks.jobs import JobContext, handles
from app.transaction import transaction
from app.wording import ours, say, together
from app.workflows.core import jobs, one_of_many

TITLES = {"age": "记录状态更新", "schedule": "排班与超期判定", "nightly_scores": "维护保养有效率",
          "retention": "删除到期内容", "expiry": "证书到期通知", "fraud": "签到疑点检查",
          "open_data": "公开数据"}  # fmt: skip


@shared_task
def age() -> list[int]:
    return enter_by_city("age")


@shared_task
def age_due() -> int:
    """What ran out since the last look: no job's row, for it comes every few minutes and mostly finds nothing."""
    from app.workflows.visits import ageing

    if not ageing.is_due(db.session, clock.now()):
        return 0
    with transaction(db.session) as session:
        return ageing.run(session, clock.now()).looked_at


@shared_task
def schedule() -> list[int]:
    return enter_by_city("schedule")


@shared_task
def scores() -> list[int]:
    """After the schedule's hour, so that the day which just ended is judged."""
    return enter_by_city("nightly_scores")


def enter_by_city(kind: str) -> list[int]:
    """One job, or a job a city where there are many elevators; none that was entered today already."""
    from app.workflows.maintenance import schedule as workflow

    with transaction(db.session) as session:
        regions = workflow.shards(session)
    entered = [enter(kind, clock.today(), region) for region in regions]
    return [job for job in entered if job is not None]


@shared_task
def expiry() -> int | None:
    """In the morning, so that what goes to a phone does not ring at night."""
    return enter("expiry", clock.today())


@shared_task
def retention() -> int | None:
    return enter("retention", clock.today())


def enter(kind: str, on: dt.date, region: str | None = None) -> int | None:
    """Enter the system's job of that day; None when it waits, runs or is done already (beat may ask twice)."""
    params = {"on": on.isoformat()} | ({"region": region} if region else {})
    with transaction(db.session):
        earlier = db.session.execute(
            select(Job.params, Job.state).where(
                Job.kind == kind, Job.created_by_id.is_(None), Job.created_at >= clock.now() - dt.timedelta(days=2)
            )
        )
        if any(held == params and state != "failed" for held, state in earlier):
            return None
        title = together([ours(TITLES[kind]), *params.values()], " ")
        return jobs.enqueue(db.session, SYSTEM, clock.now(), kind, title, params).id


@handles("schedule")
def run_schedule(context: JobContext) -> dict[str, Any]:
    """Make orders and judge overdue for a day, in the whole country or a region within the owner's."""
    from app.workflows.maintenance import schedule as workflow

    on, region = _day(context), _region(context)
    with transaction(context.session):
        summary = workflow.run(
            context.session, on, clock.now(), region=region, progress=context.progress, actor=context.actor
        )
    return _as_dict(summary)


@handles("age")
def run_age(context: JobContext) -> dict[str, Any]:
    """Move on the visits whose state changes by age alone."""
    from app.workflows.visits import ageing

    region = _region(context)
    with transaction(context.session):
        return _as_dict(ageing.run(context.session, clock.now(), context.progress, region))


@handles("expiry")
def run_expiry(context: JobContext) -> dict[str, Any]:
    """Tell of papers that end, as things stand now: a day that was missed is caught up, a step is told once.

    First what is due by inspection is told anew: policy may have changed, elevators come in. A new label whose day has
    come is in use from now on. What goes wrong with one label keeps no other from its day, nor anybody from hearing.
    """
    from app.workflows.inspection import inspection_clocks
    from app.workflows.on_site import labels
    from app.workflows.papers import expiry as workflow

    inspection_clocks.refresh_all(context.session, clock.now())
    on, faults = clock.today(), list[Refusal]()
    for key in labels.due(context.session, on):
        deed = partial(labels.begin_due, label_id=key, on=on, at=clock.now())
        one_of_many.or_kept(context.session, deed, f"label {key}", faults)
    left_out = say("%(n)s 个新标牌没有启用，其余的已经启用", n=len(faults))
    try:
        told = workflow.run(context.session, clock.now(), context.progress)
    except one_of_many.Fault as fault:
        one_of_many.at_end("标牌启用", left_out, faults, fault)
        raise
    one_of_many.at_end("标牌启用", left_out, faults)
    return _as_dict(told)


@handles("retention")
def run_retention(context: JobContext) -> dict[str, Any]:
    """Erase what is past its time; taken up again it goes on where it was."""
    from app.workflows.privacy import retention as workflow

    return workflow.run(context.session, context.actor, clock.now(), context.progress)


@handles("nightly_scores")
def run_scores(context: JobContext) -> dict[str, Any]:
    """Score each city and district of the region, a transaction each; again it makes the same runs, as of the entry.

    Each region's year so far replaces the night before's; what became final tonight is kept (`nightly_periods`).
    """
    from app.workflows.scores import scores as workflow

    periods = nightly_periods(_day(context))
    as_of = context.entered_at
    places = workflow.regions_with_clocks(context.session, _region(context))
    for number, place in enumerate(places):
        for first, last in periods:
            with transaction(context.session) as session:
                workflow.run_automatic(session, place, first, last, as_of, clock.now())
        context.progress(number + 1, len(places), "计算得分")
    return {"regions": len(places), "periods": len(periods)}


def _region(context: JobContext) -> str | None:
    """The subtree asked for; an account with a region never reaches beyond it."""
    asked, span = context.params.get("region"), context.actor.region_span
    if span is None or context.actor.sees_everything:
        return str(asked) if asked else None
    region = str(asked or context.actor.region_code)
    if not span[0] <= region < span[1]:
        found = say("地区 %(region)s 不在您的管辖范围内", region=region)
        raise refuse("管辖范围", found, "请改选本辖区", field="region", value=region)
    return region


def _day(context: JobContext) -> dt.date:
    try:
        return dt.date.fromisoformat(context.params["on"])
    except (KeyError, TypeError, ValueError) as error:
        value = context.params.get("on")
        found = say("“%(value)s”不是日期", value=value)
        raise refuse("日期", found, "请用 2026-03-01 这样的写法", field="on", value=value) from error


def _as_dict(summary: Any) -> dict[str, Any]:
    whole = dataclasses.is_dataclass(summary) and not isinstance(summary, type)
    found = dataclasses.asdict(summary) if whole else summary
    if isinstance(found, dict):
        return {k: v if isinstance(v, int | float | str | bool | None) else str(v) for k, v in found.items()}
    return {"changed": found}

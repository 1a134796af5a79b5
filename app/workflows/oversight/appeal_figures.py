"""What an appeal comes to: the unit's score before and after, by the very facts that a run counts (APL-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from app import clock
from app.models import Appeal, Complaint, Enforcement
from app.models.enforcement import STANDS
from app.rules.other_scores import Outcome
from app.rules.score_items import Item
from app.rules.scoring import Score, rate_score, tallied_score, tally
from app.transaction import AnySession
from app.wording import kept, say
from app.workflows.public import complaints
from app.workflows.scores import score_item_facts
from app.workflows.scores.score_facts import Facts
from app.workflows.scores.score_frame import Frame

DAY = dt.timedelta(days=1)
# What a record is counted in, the rate's name and its counts.
ITEMS = {"rescue": Item.RESCUE, "inspection": Item.INSPECTION, "unit_change": Item.CHANGE}
LABELS: dict[Item, Any] = {
    Item.RESCUE: ("救援及时率", ("及时", "on_time"), ("不及时", "late"), ("二次救援及时", "second")),
    Item.INSPECTION: ("一次检验合格率", ("检验电梯台数", "total"), ("不合格台数", "failed")),
    Item.CHANGE: ("维保变更及时率", ("变更的使用单位", "total"), ("不及时", "late")),
}  # fmt: skip


def of(session: AnySession, row: Appeal, at: dt.datetime) -> list[tuple[str, str]]:
    """Labelled figures of the unit as they stand now, of whatever the record counts in. Asked before and after."""
    session.flush()
    if row.entity == "complaint":
        return _complaints(session, row, at)
    if row.entity in ITEMS:
        return _item(session, row, at)
    if row.entity == "enforcement":
        return [("有效的约谈、警告和处罚", str(_standing(session, row.unit_id)))]
    region, from_on, to_on = period_of(row, at)
    score, overdue, nonconforming = maintenance(session, region, from_on, to_on, row.unit_id, at)
    return [
        ("期间", say("%(a)s 至 %(b)s", a=from_on, b=to_on)), ("维护保养有效率", _points(score)),
        ("应维保次数", str(score.due)), ("超期", str(overdue)), ("不合规", str(nonconforming)),
        ("不合格次数", str(score.bad)),
    ]  # fmt: skip


def beside(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> list[Any]:
    """Label, before, after of each figure, as the appeal keeps them."""
    return [[kept(label), kept(old), kept(new)] for (label, old), (_label, new) in zip(before, after, strict=True)]


def period_of(row: Appeal, at: dt.datetime) -> tuple[str, dt.date, dt.date]:
    """The run from which the appeal was made; else the record's year in its district, up to yesterday."""
    if row.run_region is not None and row.run_from_on is not None and row.run_to_on is not None:
        return row.run_region, row.run_from_on, row.run_to_on
    first = row.happened_on.replace(month=1, day=1)
    last = min(row.happened_on.replace(month=12, day=31), max(clock.local_day(at) - DAY, row.happened_on))
    return row.region_code[:6].ljust(12, "0"), first, last


def maintenance(
    session: AnySession, region: str, from_on: dt.date, to_on: dt.date, unit_id: int, at: dt.datetime
) -> tuple[Score, int, int]:
    """SCO-01 of one unit as known now, with its missed periods and 不合规 records."""
    facts = Facts(session, Frame(region, from_on, to_on, at, True))
    found = facts.judged(unit_id, unit_id)
    sums = tally(found.units.get(unit_id, ()), found.unfailing.get(unit_id, ()))
    return tallied_score(sums), sums.overdue, sums.nonconforming


def _complaints(session: AnySession, row: Appeal, at: dt.datetime) -> list[tuple[str, str]]:
    """反馈处置及时率 of the complaint's year."""
    begin = dt.datetime.combine(row.happened_on.replace(month=1, day=1), dt.time())
    since, until = clock.instant_of(begin), clock.instant_of(begin.replace(year=begin.year + 1))
    statement = select(Complaint).where(
        Complaint.unit_id == row.unit_id, Complaint.complained_at >= since, Complaint.complained_at < until
    )
    rows = session.scalars(statement.execution_options(skip_scope=True)).all()
    outcomes = [complaints.outcome_of(one, at) for one in rows]
    late, judged = outcomes.count(Outcome.LATE), len([one for one in outcomes if one is not None])
    return [
        ("期间", say("%(year)s 年", year=row.happened_on.year)), ("反馈处置及时率", _points(rate_score(judged, late))),
        ("已办理的投诉", str(judged)), ("不及时", str(late)),
    ]  # fmt: skip


def _item(session: AnySession, row: Appeal, at: dt.datetime) -> list[tuple[str, str]]:
    """SCO-02 or SCO-04 of the unit, over the period."""
    region, from_on, to_on = period_of(row, at)
    item = ITEMS[row.entity]
    facts = Facts(session, Frame(region, from_on, to_on, at, True))
    found = score_item_facts.READERS[item](facts, row.unit_id, row.unit_id)[row.unit_id]
    rate, *labels = LABELS[item]
    counts = found.counts()
    return [
        ("期间", say("%(a)s 至 %(b)s", a=from_on, b=to_on)), (rate, _points(found.score())),
        *((label, str(counts[name])) for label, name in labels),
    ]  # fmt: skip


def _points(score: Score) -> str:
    return say("无数据") if score.points is None else say("%(points)s 分", points=f"{score.points}")


def _standing(session: AnySession, unit_id: int) -> int:
    statement = select(Enforcement.id).where(Enforcement.unit_id == unit_id, Enforcement.state.in_(STANDS))
    return len(session.scalars(statement.execution_options(skip_scope=True)).all())

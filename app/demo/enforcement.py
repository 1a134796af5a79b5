"""Invented 约谈, 警告, 处罚 of the demo region in each state, and appeals; made by the product's own verbs."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from app import clock
from app.demo.builder import CITY
from app.demo.office import actor_named
from app.demo.people import first_firm
from app.models import Account, Complaint, Enforcement, OverduePeriod, Unit
from app.models.region import in_region
from app.permissions import Actor
from app.workflows.core.actors import actor_of
from app.workflows.desk import applications
from app.workflows.oversight import appeals, enforcement
from app.workflows.oversight.enforcement import Entry

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
# As long ago as an appeal is still in time.
RECENT = 20 * DAY


def make(session: Any, at: dt.datetime) -> int:
    """A case in each state against the demo firm and two others, three appeals; how many cases. 0 without accounts."""
    city, district = actor_named(session, "shiju"), actor_named(session, "linhe")
    firm, _use_unit, _person = first_firm(session)
    head = session.scalar(select(Account).where(Account.unit_id == firm.id, Account.is_main))
    if city is None or district is None or head is None:
        return 0
    unit = actor_of(head, "cli")
    warned = _waiting(session, city, firm, at)
    made: list[Enforcement | None] = [_closed(session, city, unit, firm, at), warned]
    others = session.scalars(
        select(Unit)
        .where(Unit.is_maintenance, Unit.id != firm.id, Unit.approved_version > 0, in_region(Unit.region_code, CITY))
        .order_by(Unit.id)
        .limit(2)
    ).all()
    for number, other in enumerate(others):
        made.append(_other(session, city, district, other, number, at))
    _appeals(session, city, unit, warned, at)
    return len([row for row in made if row is not None])


def _closed(session: Any, city: Actor, unit: Actor, firm: Unit, at: dt.datetime) -> Enforcement:
    """A talk that was answered, sent back once and closed."""
    begun = at - 40 * DAY
    given = Entry(
        "talk", clock.local_day(begun), "近两个月多台电梯超期，未在期限内维保。", "十日内补做，并排查其余电梯的排班。",
        reply_days=10, evidence=_evidence(session, firm.id, begun),
    )  # fmt: skip
    row = enforcement.draw_up(session, city, firm.id, given, begun)
    enforcement.issue(session, city, row.id, begun + HOUR)
    enforcement.reply(session, unit, row.id, "已全部补做，增配一名维保员。", begun + 6 * DAY)
    enforcement.send_back(session, city, row.id, "有一台没有补做记录。", 5, begun + 7 * DAY)
    enforcement.reply(session, unit, row.id, "该台已补做并上传维保单。", begun + 9 * DAY)
    return enforcement.close(session, city, row.id, "抽查五台，均已补做。", begun + 12 * DAY)


def _waiting(session: Any, city: Actor, firm: Unit, at: dt.datetime) -> Enforcement:
    """A warning whose answer is due soon."""
    begun = at - 9 * DAY
    given = Entry(
        "warning", clock.local_day(begun), "约谈后仍有超期和不合规的维保记录。", "逐台说明原因，提交整改计划。",
        reply_days=10, evidence=_evidence(session, firm.id, begun),
    )  # fmt: skip
    row = enforcement.draw_up(session, city, firm.id, given, begun)
    return enforcement.issue(session, city, row.id, begun + HOUR)


def _other(
    session: Any, city: Actor, district: Actor, unit: Unit, number: int, at: dt.datetime
) -> Enforcement | None:  # fmt: skip
    """A penalty before the second person, and a talk that was taken back."""
    begun = at - (4 + number) * DAY
    on = clock.local_day(begun)
    if number:
        row = enforcement.draw_up(
            session, city, unit.id, Entry("talk", on, "扫码记录时间异常。", "说明情况。", reply_days=7), begun
        )
        enforcement.issue(session, city, row.id, begun + HOUR)
        return enforcement.withdraw(session, city, row.id, "核查后确认是手机时间设置有误。", begun + 2 * DAY)
    low, high = district.region_span or ("", "")
    first = district if low <= unit.region_code < high else city
    evidence = _evidence(session, unit.id, begun)
    if not evidence:
        return None
    given = Entry(
        "penalty", on, "多次约谈后仍长期不按期维保。", "", "（按立案文书所列条款）", f"演示立案〔{on.year}〕1 号", 15,
        evidence,
    )  # fmt: skip
    row = enforcement.draw_up(session, first, unit.id, given, begun)
    return enforcement.propose(session, first, row.id, begun + HOUR)


def _appeals(session: Any, city: Actor, unit: Actor, warned: Enforcement, at: dt.datetime) -> None:
    """One that was upheld, one that was rejected, one that waits for an officer who did not make the record."""
    recent = session.scalar(
        select(OverduePeriod.id)
        .where(OverduePeriod.unit_id == unit.unit_id, OverduePeriod.withdrawn.is_(False),
               OverduePeriod.judged_at.between(at - RECENT, at - 3 * DAY))
        .order_by(OverduePeriod.id.desc())
        .limit(1)
    )  # fmt: skip
    complained = session.scalar(
        select(Complaint.id)
        .where(Complaint.unit_id == unit.unit_id, Complaint.late_steps.is_not(None), Complaint.is_untrue.is_(False),
               Complaint.closed_at.between(at - RECENT, at - 3 * DAY))
        .order_by(Complaint.id)
        .limit(1)
    )  # fmt: skip
    told = (
        ("overdue_period", recent, "approve", "期限当天小区停电检修，有物业证明。", "物业停电通知属实，更正。"),
        ("complaint", complained, "reject", "维保员当天请假。", "单位应另行安排人员，不能作为理由。"),
        ("enforcement", warned.id, "", "所列记录中有一台已报停用，不应计入。", ""),
    )
    for entity, key, verb, grounds, opinion in told:
        if key is None:
            continue
        asked = appeals.submit(session, unit, f"{entity}-{key}", grounds, (), at - 2 * DAY)
        if verb:
            applications.decide(session, city, asked.id, verb, opinion, asked.row_version, at - DAY)


def _evidence(session: Any, unit_id: int, before: dt.datetime) -> list[str]:
    """What was known of a unit's missed limits in the two months before, the newest first."""
    known = OverduePeriod.judged_at.between(before - 60 * DAY, before)
    statement = select(OverduePeriod.id).where(OverduePeriod.unit_id == unit_id, known)
    found = session.scalars(statement.order_by(OverduePeriod.id.desc()).limit(3))
    return [f"overdue_period-{key}" for key in found]

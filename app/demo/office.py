"""The demo region's offices at work: applications in each state, remarks, a stand-in, holidays, safety records.

All invented, and made by the product's own verbs at instants before now.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select, update

from app import clock
from app.demo.builder import CITY
from app.demo.people import DAY, HOUR, first_firm, paper
from app.models import (
    Account,
    Elevator,
    MaintenanceLedger,
    Notification,
    Person,
    PolicyValue,
    Visit,
    VisitCompanion,
)
from app.permissions import Actor
from app.rules.approval import ApplicationVerb
from app.workflows.approval import calendars, delegations, watching
from app.workflows.approval.calendars import Day
from app.workflows.core import outbox
from app.workflows.core.actors import actor_of
from app.workflows.desk import applications
from app.workflows.maintenance import teams
from app.workflows.on_site import patrols, safety
from app.workflows.on_site.presence import Position

TEAM_LIFTS = 12
# What is older was read in its time.
UNREAD = 2 * DAY
HOLIDAYS = (("元旦", 1, 1, 1), ("劳动节", 5, 1, 5), ("国庆节", 10, 1, 7))
RISKS = (
    ("层门", "层门锁紧装置失效，门区坠落", "larger", "每日试门，半月维保查锁钩啮合", "daily", "安全员"),
    ("轿厢", "困人后自行扒门", "general", "张贴应急须知，五方对讲每日试通", "daily", "安全员"),
    ("机房", "机房温度过高，曳引机过热", "general", "夏季每周测温，通风机常开", "weekly", "安全总监"),
    ("底坑", "底坑积水，缓冲器锈蚀", "low", "雨后查看并抽水", "monthly", "安全总监"),
)  # fmt: skip


def make_office(session: Any, at: dt.datetime) -> int:
    """What an office does besides its queue; how many applications it moved. Nothing without the demo's accounts."""
    found = {name: actor_named(session, name) for name in ("shiju", "linhe", "anquan_yuan")}
    if None in found.values():
        return 0
    city, district, officer = (found[name] for name in ("shiju", "linhe", "anquan_yuan"))
    assert city is not None and district is not None and officer is not None
    firm, use_unit, _worker = first_firm(session)
    head = main_of(session, firm.id)
    _holidays(session, city, at)
    _own_loop(session, main_of(session, use_unit.id), officer, at)
    _teams(session, head, firm.id, at)
    moved = _states(session, head, city, at)
    today = clock.local_day(at)
    delegations.name(session, district, city.user_id, today + 3 * DAY, today + 7 * DAY, "外出培训", at)
    return moved


def _teams(session: Any, head: Actor, unit_id: int, at: dt.datetime) -> None:
    """Two teams of the firm with a dozen elevators each, and colleagues who joined some of its latest visits."""
    mine = select(Person.id).where(Person.unit_id == unit_id, Person.left_on.is_(None)).order_by(Person.id).limit(6)
    people = list(session.scalars(mine))
    lifts = select(MaintenanceLedger).where(MaintenanceLedger.unit_id == unit_id).order_by(MaintenanceLedger.id)
    ledgers = list(session.scalars(lifts.limit(2 * TEAM_LIFTS)))
    for number, name in enumerate(("城东一组", "城西二组")):
        members = people[3 * number : 3 * number + 3] or people[:1]
        team = teams.save(session, head, None, name, members, at - 30 * DAY)
        for ledger in ledgers[TEAM_LIFTS * number : TEAM_LIFTS * (number + 1)]:
            ledger.team_id = team.id
    latest = select(Visit).where(Visit.unit_id == unit_id, Visit.checked_out_at.is_not(None))
    for visit in session.scalars(latest.order_by(Visit.checked_in_at.desc()).limit(TEAM_LIFTS)):
        mate = next((key for key in people if key != visit.worker_id), None)
        if mate is not None:
            person = session.get(Person, mate)
            session.add(VisitCompanion(
                visit_id=visit.id, elevator_id=visit.elevator_id, unit_id=unit_id, region_code=visit.region_code,
                person_id=mate, name=person.name, certificate_no=person.certificate_no,
                joined_at=visit.checked_in_at + dt.timedelta(minutes=2), latitude=visit.in_latitude,
                longitude=visit.in_longitude, distance=visit.in_distance,
            ))  # fmt: skip
    session.flush()


def actor_named(session: Any, name: str) -> Actor | None:
    account = session.scalar(select(Account).where(Account.username == name))
    return actor_of(account, "cli") if account is not None else None


def main_of(session: Any, unit_id: int) -> Actor:
    account = session.scalar(select(Account).where(Account.unit_id == unit_id, Account.is_main))
    return actor_of(account, "cli")


def _states(session: Any, head: Actor, city: Actor, at: dt.datetime) -> int:
    """Accepted, endorsed for a second person, returned, approved, withdrawn, with remarks on one of them."""
    rows = session.scalars(
        select(Elevator)
        .where(
            Elevator.maintenance_unit_id == head.unit_id, Elevator.filing_state == "approved",
            Elevator.status == "in_use",
        )
        .order_by(Elevator.id.desc())
        .limit(400)
    ).all()  # fmt: skip
    spare = list(rows[3:8])
    if len(spare) < 5:
        return 0
    _trial(session, spare[0].region_code, at)

    def asked(row: Elevator, kind: str, reason: str, hours: int) -> Any:
        then = at - HOUR * hours
        document = paper(session, head, f"{row.code} 申请材料", "document", row.region_code, then)
        return applications.apply(
            session, head, kind, row, effective_on=clock.local_day(then) + 6 * DAY, reason=reason,
            attachments=[document], at=then,
        )  # fmt: skip

    def decided(row: Any, verb: ApplicationVerb, opinion: str, hours: int) -> None:
        applications.decide(session, city, row.id, verb, opinion, row.row_version, at - HOUR * hours)

    endorsed = asked(spare[0], "scrapping", "达到设计使用年限，业主大会决定拆除更新", 60)
    decided(endorsed, ApplicationVerb.APPROVE, "现场已核实，请复审", 50)
    accepted = asked(spare[1], "suspension", "更换曳引机，停梯施工", 40)
    decided(accepted, ApplicationVerb.ACCEPT, "", 30)
    returned = asked(spare[2], "suspension", "停用", 44)
    decided(returned, ApplicationVerb.RETURN_, "请补充停用原因和住户公告照片", 28)
    approved = asked(spare[3], "suspension", "加装无障碍设施，停梯两周", 46)
    decided(approved, ApplicationVerb.APPROVE, "同意", 26)
    applications.withdraw(session, head, asked(spare[4], "suspension", "计划有变前提出", 36).id, at - HOUR * 24)
    watching.watch(session, head, "application", accepted.id, at - HOUR * 29)
    watching.comment(session, city, "application", accepted.id, "施工单位的告知书请一并上传。", at - HOUR * 22)
    watching.comment(session, head, "application", accepted.id, "已联系施工单位，明天上传。", at - HOUR * 20)
    watching.comment(session, city, "application", accepted.id, "到期前现场看一次。", at - HOUR * 19, internal=True)
    return 5


def _trial(session: Any, region_code: str, at: dt.datetime) -> None:
    """Two persons for scrapping, tried in one street: what was endorsed then still waits for the second."""
    today = clock.local_day(at)
    for value, on, known_at in (("scrapping", today - 30 * DAY, at - 40 * DAY), ("none", today, at - 10 * DAY)):
        session.add(
            PolicyValue(
                key="second_approval", region_code=region_code, value=value, effective_on=on, known_at=known_at,
                source="澜市监〔2026〕7 号 报废双人审批试行（演示）",
            )
        )  # fmt: skip
    session.flush()


def _holidays(session: Any, city: Actor, at: dt.datetime) -> None:
    """This year's and next year's fixed holidays; the weekends that make up for them differ and are left out."""
    year = clock.local_day(at).year
    days = [
        Day(dt.date(each, month, first) + n * DAY, False, name)
        for each in (year, year + 1)
        for name, month, first, length in HOLIDAYS
        for n in range(length)
    ]
    calendars.set_days(session, city, at - 20 * DAY, CITY, days, "全国年节及纪念日放假办法（演示）")


def _own_loop(session: Any, head: Actor, officer: Actor, at: dt.datetime) -> None:
    """The use unit's officer, risk list and records, with one day left out; a round that is half done."""
    own = session.scalars(
        select(Elevator)
        .where(Elevator.use_unit_id == head.unit_id, Elevator.approved_version > 0, Elevator.status == "in_use")
        .order_by(Elevator.id)
        .limit(6)
    ).all()
    keys = [row.id for row in own]
    safety.name_officer(session, head, keys, officer.user_id or 0, at - 7 * DAY)
    for place, risk, level, measures, cycle, responsible in RISKS:
        line = {
            "place": place, "risk": risk, "level": level, "measures": measures, "cycle": cycle,
            "responsible": responsible,
        }  # fmt: skip
        safety.save_risk(session, head, None, line, at - 6 * DAY)
    for back in (5, 4, 2, 1):
        then = at - back * DAY
        bad = back == 2
        found = [{"elevator_id": keys[0], "found": "轿厢照明一只不亮", "handled": "已通知维保单位"}]
        told = found if bad else []
        safety.record(session, officer, "daily", clock.local_day(then), told, then, nothing_found=not bad)
    today = clock.local_day(at)
    round_ = patrols.plan(
        session, head, "节前专项巡检", today + 2 * DAY, officer.user_id or 0, keys, at - 2 * DAY, "重点看层门和底坑"
    )
    for number, stop in enumerate(round_.stops[: max(len(keys) // 2, 1)]):
        patrols.check(
            session, officer, stop.id, at - DAY + HOUR * number, is_fine=number != 1,
            finding="底坑有积水" if number == 1 else "", handled="已抽水" if number == 1 else "",
            position=None if number == 2 else Position(own[number].latitude, own[number].longitude),
        )  # fmt: skip


def read_inbox(session: Any, at: dt.datetime) -> None:
    """Everybody's inbox as after months of work: delivered, and read but for the last days'."""
    outbox.deliver_inbox(session, at)
    held = update(Notification).where(Notification.channel == "inbox", Notification.created_at < at - UNREAD)
    session.execute(held.values(read_at=at - UNREAD, sent_at=Notification.created_at))

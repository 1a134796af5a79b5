"""主体责任 of a use unit (SAF-01): the risk list, named officers, daily, weekly and monthly records, and the gaps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.errors import Finding, NotAllowed, Stale, raise_failing, refuse
from app.models import Account, Elevator, ElevatorOfficer, RiskItem, SafetyRecord, Unit
from app.models.safety import RISK_LEVEL, SAFETY_RECORD
from app.permissions import Actor, Verb, require
from app.scope import visible
from app.transaction import AnySession, hold, lock
from app.wording import say, together
from app.workflows.core import audit, outbox
from app.workflows.files import attachments
from app.workflows.on_site.presence import Position

DAY = dt.timedelta(days=1)
LOOK_BACK_DAYS = 7
MOST_FINDINGS = 50
LONGEST = {"place": 80, "risk": 200, "measures": 500, "responsible": 40}
RISK_WORDS = {"place": "风险部位", "risk": "风险描述", "measures": "管控措施", "responsible": "责任人"}


# --- officers


def name_officer(
    session: AnySession, actor: Actor, elevator_ids: Iterable[int], account_id: int, at: dt.datetime
) -> int:
    """Name an account of the use unit as the officer of some of its elevators; how many changed."""
    require(actor, Verb.SAFETY_EDIT)
    account = session.get(Account, account_id)
    unit = _own_unit(session, actor)
    able = set(outbox.accounts_of_unit(session, unit.id, Verb.SAFETY_RECORD))
    if account is None or account_id not in able:
        found = "不是本单位可以填写安全记录的账号"
        raise refuse("安全员", found, "请先在“我的子用户”建立安全员账号", field="account_id")
    changed = []
    for key in dict.fromkeys(elevator_ids):
        row = visible(session, actor, Elevator, key, "电梯")
        if row.use_unit_id != unit.id:
            raise NotAllowed(
                Finding("安全员", False, say("电梯 %(code)s 不是本单位使用的", code=row.code), "请只选本单位使用的电梯")
            )
        held = session.get(ElevatorOfficer, row.id)
        if held is not None and (held.account_id, held.unit_id) == (account_id, unit.id):
            continue
        before = None if held is None else {"account_id": held.account_id}
        if held is None:
            held = ElevatorOfficer(elevator_id=row.id)
            session.add(held)
        held.unit_id, held.region_code, held.account_id = unit.id, row.region_code, account_id
        held.named_at, held.named_by_id = at, actor.user_id
        audit.record(
            session, actor, at, "safety.officer", "elevator", row.id, before=before, after={"account_id": account_id}
        )
        changed.append(row.code)
    session.flush()
    if changed and account_id != actor.user_id:
        body = together(changed[:20])
        title = say("您被指定为 %(count)s 台电梯的安全员", count=len(changed))
        outbox.notify(session, at, [account_id], "safety", title, body, "/safety/")
    return len(changed)


# --- the risk list


def save_risk(
    session: AnySession, actor: Actor, risk_id: int | None, data: Mapping[str, Any], at: dt.datetime,
    seen_version: int | None = None,
) -> RiskItem:  # fmt: skip
    """Add a line to the list, or change one. A line that stands there word for word is not added once more: it comes
    back."""
    require(actor, Verb.SAFETY_EDIT)
    unit = _own_unit(session, actor)
    values = {name: str(data.get(name) or "").strip() for name in LONGEST}
    findings = []
    for name, most in LONGEST.items():
        given = values[name]
        if not 0 < len(given) <= most:
            found = "没有填写" if not given else say("有 %(count)s 个字，最多 %(most)s 个", count=len(given), most=most)
            findings.append(Finding(RISK_WORDS[name], False, found, "请补充或缩短", field=name))
    for name, choices, label in (("level", RISK_LEVEL, "等级"), ("cycle", SAFETY_RECORD, "检查频次")):
        if data.get(name) not in choices:
            findings.append(Finding(label, False, "没有选择", "请从列表选择", field=name))
    raise_failing(findings)
    values |= {"level": data["level"], "cycle": data["cycle"]}
    if risk_id is None:
        hold(session, f"risk:unit {unit.id}")
        held = _same_risk(session, unit, values)
        if held is not None:
            return held
        row = RiskItem(**values, unit_id=unit.id, region_code=unit.region_code, created_by_id=actor.user_id)
        session.add(row)
        before = None
    else:
        row = _own_risk(session, actor, risk_id)
        if seen_version is not None and seen_version != row.row_version:
            raise Stale(Finding("版本", False, "这一条刚被别人改过", "请刷新后再改"), current=row.row_version)
        before = {name: getattr(row, name) for name in values}
        for name, value in values.items():
            setattr(row, name, value)
    session.flush()
    audit.record(session, actor, at, "safety.risk", "risk_item", row.id, before=before, after=values)
    return row


def _same_risk(session: AnySession, unit: Unit, values: Mapping[str, str]) -> RiskItem | None:
    said = (getattr(RiskItem, name) == value for name, value in values.items())
    statement = select(RiskItem).where(RiskItem.unit_id == unit.id, RiskItem.ended_on.is_(None), *said)
    found: RiskItem | None = session.scalar(statement.order_by(RiskItem.id).limit(1))
    return found


def end_risk(session: AnySession, actor: Actor, risk_id: int, at: dt.datetime) -> RiskItem:
    """Take a line off the list from today on; it stays to be read."""
    require(actor, Verb.SAFETY_EDIT)
    row = _own_risk(session, actor, risk_id)
    if row.ended_on is None:
        row.ended_on = clock.local_day(at)
        session.flush()
        audit.record(session, actor, at, "safety.risk_end", "risk_item", row.id, after={"ended_on": row.ended_on})
    return row


# --- records


def period_of(kind: str, on: dt.date) -> dt.date:
    """The first day of the period that a day belongs to: the day, its Monday, its month's first."""
    if kind == "weekly":
        return on - dt.timedelta(days=on.weekday())
    return on.replace(day=1) if kind == "monthly" else on


def record(
    session: AnySession,
    actor: Actor,
    kind: str,
    on: dt.date,
    findings: Sequence[Mapping[str, Any]],
    at: dt.datetime,
    *,
    nothing_found: bool,
    summary: str = "",
    people: str = "",
    position: Position | None = None,
    photo_ids: Sequence[int] = (),
) -> SafetyRecord:
    """Make the record of a period; once made it stays. A day, week or month that is yet to come has none.

    A daily one covers the elevators that name the actor; with nothing found that must be said expressly. Where the
    phone was and the photos are kept beside it; without them it counts as well.
    """
    require(actor, Verb.SAFETY_RECORD)
    unit = _own_unit(session, actor)
    if kind not in SAFETY_RECORD:
        raise refuse(
            "记录类型",
            say("没有“%(kind)s”这种记录", kind=kind),
            "请选择日管控、周排查或月调度",
            field="kind",
            value=kind,
        )
    first, today = period_of(kind, on), clock.local_day(at)
    own = officers_elevators(session, unit.id, actor.user_id) if kind == "daily" else []
    kept = _findings(findings, {row.id for row in own})
    said = bool(summary.strip())
    conditions = [
        Finding("日期", first <= today, first.isoformat(), "还没有到，请到时再填", field="on"),
        Finding(
            "补填", first >= period_of(kind, today - LOOK_BACK_DAYS * DAY), first.isoformat(),
            say("只能补填最近 %(look_back_days)s 天所在的周期", look_back_days=LOOK_BACK_DAYS), field="on",
        ),
        Finding(
            "检查结果", bool(kept) != nothing_found, "发现问题和“未发现问题”只能二选一",
            "发现了就逐条填写，没有发现就勾选“未发现问题”", field="nothing_found",
        ),
        Finding("内容", said or kind == "daily", "没有填写", "请写明排查情况或会议内容", field="summary"),
        Finding(
            "负责的电梯", bool(own) or kind != "daily", "没有指定您为任何一台电梯的安全员",
            "请由单位负责人在“主体责任”里指定", field="elevators",
        ),
    ]  # fmt: skip
    raise_failing(conditions)
    made = SafetyRecord(
        unit_id=unit.id, region_code=unit.region_code, kind=kind, on=first, elevators=[row.id for row in own],
        findings=kept, nothing_found=nothing_found, summary=summary.strip()[:5000] or None,
        people=people.strip()[:200] or None, made_by_id=actor.user_id, made_by=actor.name[:80], made_at=at,
        latitude=position.latitude if position is not None else None,
        longitude=position.longitude if position is not None else None,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError as error:
        raise refuse(
            "重复",
            say("%(first)s 的%(kind)s已经填写", first=first, kind=SAFETY_RECORD[kind]),
            "记录填写后不再修改",
            field="on",
        ) from error
    attachments.adopt(session, actor, photo_ids, "safety_record", made.id)
    audit.record(
        session, actor, at, f"safety.{kind}", "safety_record", made.id,
        after={"on": first, "elevators": len(own), "findings": len(kept), "photos": len(photo_ids)},
    )  # fmt: skip
    return made


def officers_elevators(session: AnySession, unit_id: int, account_id: int | None) -> list[Elevator]:
    """The unit's elevators in use that name this account."""
    statement = (
        select(Elevator)
        .join(ElevatorOfficer, ElevatorOfficer.elevator_id == Elevator.id)
        .where(
            ElevatorOfficer.account_id == (account_id or 0), ElevatorOfficer.unit_id == unit_id,
            Elevator.use_unit_id == unit_id, Elevator.status == "in_use",
        )
        .order_by(Elevator.code)
    )  # fmt: skip
    return list(session.scalars(statement))


# --- gaps

# Of a record: kind, day, elevators.
Kept = tuple[str, dt.date, list[int]]


@dataclass(frozen=True, slots=True)
class Gaps:
    """What is missing in a use unit's loop, as of a day; days that are not over are not asked."""

    elevators: int
    without_officer: int
    risks: int
    daily: list[tuple[dt.date, int]]
    weekly: dt.date | None
    monthly: dt.date | None

    @property
    def count(self) -> int:
        """As many as the unit's page lists: each day without its checks is one."""
        if not self.elevators:
            return 0
        parts = (self.without_officer > 0, self.risks == 0, self.weekly, self.monthly)
        return len(self.daily) + sum(bool(part) for part in parts)


def gaps(session: AnySession, unit_id: int, today: dt.date) -> Gaps:
    """A unit's gaps: elevators without officer, days on which some were not checked, last week's and month's record."""
    return gaps_of(session, [unit_id], today)[unit_id]


def gaps_of(session: AnySession, unit_ids: Collection[int], today: dt.date) -> dict[int, Gaps]:
    """The same of each of several units, in as many statements as of one."""
    used = (Elevator.use_unit_id.in_(unit_ids), Elevator.status == "in_use", Elevator.approved_version > 0)
    count = func.count()
    totals = _by_unit(session, select(Elevator.use_unit_id, count).where(*used).group_by(Elevator.use_unit_id))
    live = (RiskItem.unit_id.in_(unit_ids), RiskItem.ended_on.is_(None))
    risks = _by_unit(session, select(RiskItem.unit_id, count).where(*live).group_by(RiskItem.unit_id))
    officers = (
        select(ElevatorOfficer.unit_id, ElevatorOfficer.elevator_id, ElevatorOfficer.named_at)
        .join(Elevator, Elevator.id == ElevatorOfficer.elevator_id)
        .where(*used, ElevatorOfficer.unit_id == Elevator.use_unit_id)
    )
    since: dict[int, dict[int, dt.date]] = {}
    for unit_id, key, named_at in session.execute(_free(officers)):
        since.setdefault(unit_id, {})[key] = clock.local_day(named_at)
    first = period_of("monthly", today - (LOOK_BACK_DAYS + 31) * DAY)
    kept = select(SafetyRecord.unit_id, SafetyRecord.kind, SafetyRecord.on, SafetyRecord.elevators)
    records: dict[int, list[Kept]] = {}
    for unit_id, *record in session.execute(
        _free(kept.where(SafetyRecord.unit_id.in_(unit_ids), SafetyRecord.on >= first))
    ):
        records.setdefault(unit_id, []).append((record[0], record[1], record[2]))
    return {
        key: _gaps(totals.get(key, 0), risks.get(key, 0), since.get(key, {}), records.get(key, []), today)
        for key in unit_ids
    }


def _gaps(total: int, risks: int, since: dict[int, dt.date], records: list[Kept], today: dt.date) -> Gaps:
    """`since`: from which day on each of the elevators with an officer has one."""
    checked: dict[dt.date, set[int]] = {}
    for kind, on, elevators in records:
        if kind == "daily":
            checked.setdefault(on, set()).update(elevators)
    daily = []
    for n in range(1, LOOK_BACK_DAYS + 1):
        on = today - n * DAY
        missing = sum(1 for key, day in since.items() if day <= on and key not in checked.get(on, ()))
        if missing:
            daily.append((on, missing))
    there = {(kind, on) for kind, on, _elevators in records}
    week = period_of("weekly", today) - 7 * DAY
    month = period_of("monthly", period_of("monthly", today) - DAY)
    started = min(since.values(), default=today)
    return Gaps(
        total, total - len(since), risks, daily,
        week if total and started < week + 7 * DAY and ("weekly", week) not in there else None,
        month if total and started < period_of("monthly", today) and ("monthly", month) not in there else None,
    )  # fmt: skip


def _by_unit(session: AnySession, statement: Any) -> dict[int, int]:
    return dict(session.execute(_free(statement)).all())


def _free(statement: Any) -> Any:
    return statement.execution_options(skip_scope=True)


def _own_unit(session: AnySession, actor: Actor) -> Unit:
    unit = session.get(Unit, actor.unit_id) if actor.unit_id else None
    if unit is None or not unit.is_use:
        raise NotAllowed(Finding("使用单位", False, "只有使用单位的账号能填写", "请用使用单位的账号登录"))
    return unit


def _own_risk(session: AnySession, actor: Actor, risk_id: int) -> RiskItem:
    visible(session, actor, RiskItem, risk_id, "这一条风险")
    row = lock(session, RiskItem, risk_id)
    assert row is not None
    if row.unit_id != actor.unit_id:
        raise NotAllowed(Finding("使用单位", False, "不是本单位的风险清单", "请由该单位修改"))
    return row


def _findings(given: Sequence[Mapping[str, Any]], own: set[int]) -> list[dict[str, Any]]:
    kept = []
    for one in given[:MOST_FINDINGS]:
        found = str(one.get("found") or "").strip()[:500]
        if found:
            elevator = one.get("elevator_id")
            known = elevator if elevator in own else None
            kept.append({"elevator_id": known, "found": found, "handled": str(one.get("handled") or "").strip()[:500]})
    return kept

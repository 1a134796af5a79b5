"""代办: an officer who is away names another of the same office for some days (LIF-07).

Whoever stands in decides by a right of his own; what the other had taken on comes to his desk, and the step says 代.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import or_, select

from app import clock, scope
from app.errors import Finding, raise_failing, refuse
from app.models import Account, Delegation
from app.permissions import Actor, Verb, require
from app.transaction import AnySession, lock
from app.workflows import audit, outbox
from app.workflows.actors import actor_of

LONGEST_DAYS = 92


def name(
    session: AnySession, actor: Actor, to_id: int | None, from_on: dt.date | None, to_on: dt.date | None, reason: str,
    at: dt.datetime,
) -> Delegation:  # fmt: skip
    """Let another officer of the same region stand in, from a day to a day."""
    require(actor, Verb.APPLICATION_DECIDE)
    today = clock.local_day(at)
    days = _days(from_on, to_on, today)
    raise_failing([*days, _taker(session, actor, to_id), *_free(session, actor, from_on, to_on)])
    assert from_on is not None and to_on is not None and to_id is not None
    row = Delegation(
        from_id=actor.user_id, to_id=to_id, region_code=actor.region_code, from_on=from_on, to_on=to_on,
        reason=reason.strip()[:200] or None, created_at=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    after = {"to": to_id, "from_on": from_on, "to_on": to_on}
    audit.record(session, actor, at, "delegation.name", "delegation", row.id, after=after)
    outbox.notify(
        session, at, [to_id], "delegation", f"{actor.name}委托您代办审批", body=f"{from_on} 至 {to_on}",
        link="/delegations/", dedupe_key=f"delegation:{row.id}",
    )  # fmt: skip
    return row


def end(session: AnySession, actor: Actor, delegation_id: int, at: dt.datetime) -> None:
    """Take it back, or lay it down: either side may."""
    require(actor, Verb.APPLICATION_DECIDE)
    row: Delegation = scope.visible(session, actor, Delegation, delegation_id, "这次委托")
    if actor.user_id not in (row.from_id, row.to_id):
        raise refuse("委托", "不是您的委托", "请由委托人或代办人结束")
    held = lock(session, Delegation, delegation_id)
    assert held is not None
    if held.ended_at is None:
        held.ended_at = at
        audit.record(session, actor, at, "delegation.end", "delegation", held.id)


def stood_in_for(session: AnySession, actor: Actor, on: dt.date) -> set[int]:
    """The officers whose work is on the actor's desk on a day."""
    statement = select(Delegation.from_id).where(
        Delegation.to_id == (actor.user_id or 0), Delegation.from_on <= on, Delegation.to_on >= on,
        Delegation.ended_at.is_(None), Delegation.region_code == (actor.region_code or ""),
    )  # fmt: skip
    return set(session.scalars(statement.execution_options(skip_scope=True)))


def own(session: AnySession, actor: Actor) -> list[Delegation]:
    """Given and taken, the newest first."""
    mine = or_(Delegation.from_id == actor.user_id, Delegation.to_id == actor.user_id)
    statement = select(Delegation).where(mine).order_by(Delegation.id.desc()).limit(50)
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def colleagues(session: AnySession, actor: Actor) -> list[Account]:
    """Who can be named: active officers of the same region who may decide."""
    if actor.region_code is None or actor.unit_id is not None:
        return []
    statement = select(Account).where(
        Account.region_code == actor.region_code, Account.unit_id.is_(None), Account.active.is_(True),
        Account.id != actor.user_id,
    )  # fmt: skip
    rows = session.scalars(statement.order_by(Account.id).execution_options(skip_scope=True))
    return [a for a in rows if actor_of(a).may(Verb.APPLICATION_DECIDE)]


def _days(from_on: dt.date | None, to_on: dt.date | None, today: dt.date) -> list[Finding]:
    if from_on is None or to_on is None:
        return [Finding("代办日期", False, "没有填写起止日期", "请填写第一天和最后一天", field="from_on")]
    ordered = today <= from_on <= to_on
    short = (to_on - from_on).days < LONGEST_DAYS
    return [
        Finding("代办日期", ordered, f"{from_on} 至 {to_on}", "须从今天或以后开始，截止不早于起始", field="from_on"),
        Finding("代办期限", short, f"{from_on} 至 {to_on}", f"最长 {LONGEST_DAYS} 天，请分次委托", field="to_on"),
    ]


def _taker(session: AnySession, actor: Actor, to_id: int | None) -> Finding:
    ok = to_id in {a.id for a in colleagues(session, actor)}
    found = "同一地区的审批人员" if ok else "所选人员不是本地区可以审批的其他人员"
    return Finding("代办人", ok, found, "" if ok else "请从名单中选择", field="to_id")


def _free(session: AnySession, actor: Actor, from_on: dt.date | None, to_on: dt.date | None) -> list[Finding]:
    if from_on is None or to_on is None:
        return []
    statement = select(Delegation).where(
        Delegation.from_id == actor.user_id, Delegation.ended_at.is_(None), Delegation.from_on <= to_on,
        Delegation.to_on >= from_on,
    )  # fmt: skip
    other = session.scalar(statement.limit(1).execution_options(skip_scope=True))
    found = "这些天没有其他委托" if other is None else f"{other.from_on} 至 {other.to_on} 已委托他人"
    return [Finding("一次一人", other is None, found, "" if other is None else "请先结束那次委托", field="from_on")]

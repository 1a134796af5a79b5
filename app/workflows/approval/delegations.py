"""代办: an officer who is away names another for some days, of his office or of one beside or above it (LIF-07).

In the same office whoever stands in decides by a right of his own; what the other had taken on comes to his desk, and
the step says 代. From another office he sits, for the applications that the absent one sees, at that one's desk
(`at_desk`): that region, never more rights than both of them have, and nothing but applications. Both offices lie
within the nearest one above the absent officer; a lower office decides nothing for a higher one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Text, cast, delete, literal, or_, select

from app import clock, scope
from app.errors import Finding, raise_failing, refuse
from app.models import Account, Application, ClockMark, Delegation
from app.models.policy import policy_value
from app.models.region import code_span
from app.permissions import Actor, Role, Verb, require
from app.policy import Key, chain
from app.rules.approval import SecondApproval
from app.rules.two_persons import independent
from app.transaction import AnySession, hold, lock
from app.wording import say
from app.workflows.core import audit, independence, outbox
from app.workflows.core.actors import actor_of

LONGEST_DAYS = 92
MOST_COLLEAGUES = 300
_BEGUN = "stand_in:"


def name(
    session: AnySession, actor: Actor, to_id: int | None, from_on: dt.date | None, to_on: dt.date | None, reason: str,
    at: dt.datetime,
) -> Delegation:  # fmt: skip
    """Let another officer stand in, from a day to a day: a colleague, or one of an office beside or above (`reach`).

    Where policy asks for two persons, never one whose account the other made: the second would be the first again.
    """
    require(actor, Verb.APPLICATION_DECIDE)
    hold(session, f"delegation:{actor.user_id}")
    today = clock.local_day(at)
    days = _days(from_on, to_on, today)
    raise_failing([
        *days, _taker(session, actor, to_id), *_apart(session, actor, to_id, today),
        *_free(session, actor, from_on, to_on),
    ])  # fmt: skip
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
        session, at, [to_id], "delegation", say("%(name)s委托您代办审批", name=actor.name),
        body=say("%(from_on)s 至 %(to_on)s", from_on=from_on, to_on=to_on),
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
    return {giver.id for giver in _givers(session, actor, on)}


def standing_in(session: AnySession, owner_id: int, on: dt.date) -> list[int]:
    """Who stands in for an officer on a day."""
    statement = select(Account).join(Delegation, Delegation.to_id == Account.id).where(
        Delegation.from_id == owner_id, *_runs(on), Account.active.is_(True)
    )  # fmt: skip
    takers = session.scalars(statement.execution_options(skip_scope=True))
    return sorted({taker.id for taker in takers if owner_id in stood_in_for(session, actor_of(taker), on)})


def begun(session: AnySession, on: dt.date) -> list[Delegation]:
    """Those that run on a day, of which their stand-in did not hear yet what waits (`reminders`)."""
    mark = select(ClockMark.name).where(ClockMark.name == literal(_BEGUN, Text) + cast(Delegation.id, Text))
    statement = select(Delegation).where(*_runs(on), ~mark.exists()).order_by(Delegation.id)
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def mark_begun(session: AnySession, row: Delegation, at: dt.datetime) -> None:
    """That he heard, or that there was nothing to hear."""
    session.add(ClockMark(name=f"{_BEGUN}{row.id}", at=at))


def forget_begun(session: AnySession, on: dt.date) -> int:
    """Drop the marks of delegations that are over by a day: they begin no more. How many."""
    kept = select(literal(_BEGUN, Text) + cast(Delegation.id, Text)).where(
        Delegation.to_on >= on, Delegation.ended_at.is_(None)
    )
    over = ClockMark.name.startswith(_BEGUN, autoescape=True) & ClockMark.name.not_in(kept)
    drop = delete(ClockMark).where(over).execution_options(skip_scope=True, synchronize_session=False)
    done: Any = session.execute(drop)
    return int(done.rowcount)


def desks(session: AnySession, actor: Actor, on: dt.date) -> list[Actor]:
    """The actor at each desk of another office where he sits in today, seeing what its officer sees.

    涉密 only where both may see it; of either's other rights nothing but an inspector's.
    """
    found = []
    for giver in _givers(session, actor, on):
        if giver.region_code is None or sees(actor, giver.region_code):
            continue
        both = actor.may(Verb.SECRET_READ) and actor_of(giver).may(Verb.SECRET_READ)
        roles = frozenset({Role.REGION_ADMIN if both else Role.INSPECTOR})
        found.append(replace(actor, roles=roles, region_code=giver.region_code, stands_for=giver.id))
    return found


def at_desk(session: AnySession, actor: Actor, application_id: int, at: dt.datetime) -> Actor:
    """The actor, or himself at the desk where he sees this application; unchanged when he sees it nowhere."""
    if actor.unit_id is not None or not actor.may(Verb.APPLICATION_DECIDE) or actor.stands_for is not None:
        return actor
    if _at(session, actor, application_id):
        return actor
    others = desks(session, actor, clock.local_day(at))
    return next((one for one in others if _at(session, one, application_id)), actor)


def _at(session: AnySession, actor: Actor, application_id: int) -> bool:
    statement = scope.apply(select(Application.id).where(Application.id == application_id), actor, Application)
    return session.scalar(statement.execution_options(skip_scope=True)) is not None


def own(session: AnySession, actor: Actor) -> list[Delegation]:
    """Given and taken, the newest first."""
    mine = or_(Delegation.from_id == actor.user_id, Delegation.to_id == actor.user_id)
    statement = select(Delegation).where(mine).order_by(Delegation.id.desc()).limit(50)
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def colleagues(session: AnySession, actor: Actor) -> list[Account]:
    """Who can be named: active officers within reach who may decide, those of the own office first."""
    if actor.region_code is None or actor.unit_id is not None:
        return []
    low, high = code_span(reach(session, actor.region_code))
    inside = (Account.region_code >= low) & (Account.region_code < high)
    statement = select(Account).where(
        inside, Account.unit_id.is_(None), Account.active.is_(True), Account.id != actor.user_id
    )
    order = (Account.region_code != actor.region_code, Account.region_code, Account.id)
    rows = session.scalars(statement.order_by(*order).limit(MOST_COLLEAGUES).execution_options(skip_scope=True))
    return [a for a in rows if not _below(a.region_code, actor.region_code) and actor_of(a).may(_DECIDE)]


def reach(session: AnySession, region_code: str) -> str:
    """The nearest region above that has an office of its own; without one the region itself."""
    for code in chain(region_code)[1:]:
        if outbox.office_at(session, code, _DECIDE):
            return code
    return region_code


_DECIDE = Verb.APPLICATION_DECIDE


def _below(region_code: str | None, other: str) -> bool:
    """Whether a region lies within another and is not that one itself."""
    return region_code is not None and region_code != other and other in chain(region_code)


def sees(actor: Actor, region_code: str) -> bool:
    """Whether a region is the officer's: his own, or one below it."""
    return actor.sees_everything or actor.region_code in chain(region_code)


def _runs(on: dt.date) -> Sequence[Any]:
    return Delegation.from_on <= on, Delegation.to_on >= on, Delegation.ended_at.is_(None)


def _givers(session: AnySession, actor: Actor, on: dt.date) -> list[Account]:
    """Who is away and named the actor, as long as both still are where they were and may decide."""
    if actor.user_id is None or actor.unit_id is not None or actor.region_code is None:
        return []
    statement = select(Account).join(Delegation, Delegation.from_id == Account.id).where(
        Delegation.to_id == actor.user_id, *_runs(on), Account.region_code == Delegation.region_code
    )  # fmt: skip
    found = session.scalars(statement.order_by(Account.id).execution_options(skip_scope=True)).unique().all()
    return [giver for giver in found if actor_of(giver).may(_DECIDE) and _within(session, actor, giver.region_code)]


def _within(session: AnySession, actor: Actor, region_code: str | None) -> bool:
    """Whether an actor may still stand in for an officer of a region."""
    if region_code is None or actor.region_code is None:
        return False
    if actor.region_code == region_code:
        return True
    return reach(session, region_code) in chain(actor.region_code) and not _below(actor.region_code, region_code)


def _apart(session: AnySession, actor: Actor, to_id: int | None, today: dt.date) -> list[Finding]:
    """Where two persons are needed, they are two: neither account made by the other, nor its password set by him."""
    asked = policy_value(session, Key.SECOND_APPROVAL, actor.region_code, today)
    if to_id is None or asked == SecondApproval.NONE.value:
        return []
    found = independent(
        independence.party(session, actor.user_id), independence.party(session, to_id), "代办人"
    )
    return [replace(f, field="to_id") for f in found if f.stops]


def _days(from_on: dt.date | None, to_on: dt.date | None, today: dt.date) -> list[Finding]:
    if from_on is None or to_on is None:
        return [Finding("代办日期", False, "没有填写起止日期", "请填写第一天和最后一天", field="from_on")]
    ordered = today <= from_on <= to_on
    short = (to_on - from_on).days < LONGEST_DAYS
    return [
        Finding("代办日期", ordered, say("%(from_on)s 至 %(to_on)s", from_on=from_on, to_on=to_on),
            "须从今天或以后开始，截止不早于起始", field="from_on"),
        Finding("代办期限", short, say("%(from_on)s 至 %(to_on)s", from_on=from_on, to_on=to_on),
            say("最长 %(longest_days)s 天，请分次委托", longest_days=LONGEST_DAYS), field="to_on"),
    ]


def _taker(session: AnySession, actor: Actor, to_id: int | None) -> Finding:
    ok = to_id in {a.id for a in colleagues(session, actor)}
    found = "可以代办的审批人员" if ok else "所选人员不是本部门、同级或上级部门可以审批的其他人员"
    return Finding("代办人", ok, found, "" if ok else "请从名单中选择", field="to_id")


def _free(session: AnySession, actor: Actor, from_on: dt.date | None, to_on: dt.date | None) -> list[Finding]:
    if from_on is None or to_on is None:
        return []
    statement = select(Delegation).where(
        Delegation.from_id == actor.user_id, Delegation.ended_at.is_(None), Delegation.from_on <= to_on,
        Delegation.to_on >= from_on,
    )  # fmt: skip
    other = session.scalar(statement.limit(1).execution_options(skip_scope=True))
    found = (
        "这些天没有其他委托"
        if other is None
        else say("%(from_on)s 至 %(to_on)s 已委托他人", from_on=other.from_on, to_on=other.to_on)
    )
    return [Finding("一次一人", other is None, found, "" if other is None else "请先结束那次委托", field="from_on")]

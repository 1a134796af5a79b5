"""Draws (TGT-01): the list, the quota and a secret's digest are published; then a public text decides everything, once.

The secret is told with the draw, so anybody who has the record works out the same (`rules.spot_draw`). Nothing draws
again: what is cancelled keeps its number, its reason and what it had chosen.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.errors import Finding, raise_failing
from app.models import Account, Elevator, Region, SpotAvoidance, SpotCheck, SpotDraw, Unit
from app.models.policy import policy_value
from app.models.spot import DRAW_TARGET
from app.permissions import GRANTS, Actor, Role, Verb, require
from app.policy import Key
from app.rules import spot_draw
from app.rules.deadlines import due_after_days
from app.rules.spot_checks import CheckState, CheckVerb
from app.rules.spot_draw import Candidate, Chosen, DrawState, DrawVerb, Inspector, draw_move
from app.scope import visible
from app.transaction import AnySession, hold, lock
from app.wording import say
from app.workflows.core import audit, moves, outbox
from app.workflows.core.actors import held_by, ticks
from app.workflows.core.numbers import next_number
from app.workflows.oversight import spot_risk
from app.workflows.oversight.spot_risk import Asked

ENTITY, CHECK, PREFIX = "spot_draw", "spot_check", "CC"
REGULATORS = (Role.REGION_ADMIN, Role.INSPECTOR)


@dataclass(frozen=True, slots=True)
class Plan:
    """A draw as it is to be published."""

    title: str
    asked: Asked
    quota: int | None
    risk_percent: int | None
    top_percent: int | None
    check_until: dt.date | None
    inspectors: Sequence[int]


def inspectors_of(session: AnySession, actor: Actor) -> list[Account]:
    """The regulators of the actor's region who enter results: whom a draw may send."""
    names = sorted(role.value for role in REGULATORS if Verb.SPOT_CHECK in GRANTS[role])
    account: Any = Account.__table__.c
    where = [
        Account.active.is_(True), Account.unit_id.is_(None), held_by(account.id, names),
        ticks(Verb.SPOT_CHECK, account.ticked),
    ]  # fmt: skip
    if actor.region_span is not None and not actor.sees_everything:
        where += [Account.region_code >= actor.region_span[0], Account.region_code < actor.region_span[1]]
    statement = select(Account).where(*where).order_by(Account.id).limit(spot_draw.MOST_INSPECTORS + 1)
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def announce(session: AnySession, actor: Actor, plan: Plan, at: dt.datetime) -> SpotDraw:
    """Publish a draw: from now on nothing of it changes. All that is wrong is told at once."""
    require(actor, Verb.SPOT_DRAW)
    today, asked = clock.local_day(at), plan.asked
    span, title = actor.region_span, plan.title.strip()
    region = asked.region or actor.region_code
    inside = region is not None and (actor.sees_everything or (span is not None and span[0] <= region < span[1]))
    # What lies between two codes as text need be no code.
    inside = inside and session.scalar(select(Region.id).where(Region.code == region)) is not None
    known = {account.id: account for account in inspectors_of(session, actor)}
    chosen = [key for key in dict.fromkeys(plan.inspectors) if key in known]
    first = [
        Finding("抽查对象", asked.target in DRAW_TARGET, "没有选择", "请选择电梯或维保单位", field="target"),
        Finding("地区", inside, "不在您的管辖范围内", "请选择本辖区或下级地区", field="region"),
    ]
    rows = spot_risk.ranked(session, actor, asked, at) if all(one.ok for one in first) else []
    checks = spot_draw.announcing_findings(
        title, len(rows), plan.quota, plan.risk_percent, plan.top_percent, len(chosen), plan.check_until, today
    )
    # An empty list is the target's or the region's fault where these are wrong.
    raise_failing(first + [one for one in checks if all(f.ok for f in first) or one.rule != "抽取名单"])
    assert region is not None
    secret = secrets.token_hex(32)
    listed = spot_draw.listed(Candidate(r.code, r.risk, spot_draw.parts_text(r.parts)) for r in rows)
    row = SpotDraw(
        title=title, region_code=region, kind=asked.target, state=DrawState.ANNOUNCED.value,
        filters=asked.as_dict(), quota=plan.quota, risk_percent=plan.risk_percent, top_percent=plan.top_percent,
        inspectors=[{"id": key, "name": known[key].get_full_name()} for key in chosen], as_of=at, population=listed,
        population_count=len(rows), population_digest=spot_draw.digest(listed), secret=secret,
        commitment=spot_draw.digest(secret), check_until=plan.check_until, created_by_id=actor.user_id,
    )  # fmt: skip
    row.number = next_number(session, PREFIX, at)
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "spot_draw.announce", ENTITY, row.id,
        after={"number": row.number, "title": title, "count": row.population_count, "sha256": row.population_digest,
               "digest": row.commitment},
    )  # fmt: skip
    return row


def draw(session: AnySession, actor: Actor, key: int, seed_text: str, at: dt.datetime) -> SpotDraw:
    """Enter the public text: it chooses what is checked and who goes. Once; the secret is told with it."""
    row = _held(session, actor, key, Verb.SPOT_DRAW)
    moved = draw_move(DrawState(row.state), DrawVerb.DRAW)
    public = spot_draw.normal_seed(seed_text)
    over = row.check_until < clock.local_day(at)
    raise_failing([
        spot_draw.seed_finding(public),
        Finding("检查截止日期", not over, say("%(d)s 已过", d=row.check_until), "请作废后新建抽查"),
    ])  # fmt: skip
    # A token opens in every row of its column: one that was copied here from a draw that is over is no secret.
    kept = spot_draw.digest(row.secret) == row.commitment
    raise_failing([
        Finding("预置随机数", kept, "与公布的摘要不一致", "数据库被改动过，请作废后新建抽查，并联系平台管理员"),
    ])  # fmt: skip
    seed = spot_draw.seed_of(row.number, row.secret, public)
    listed = {one.code: one for one in spot_draw.read_list(row.population)}
    chosen = spot_draw.draw(list(listed.values()), row.quota, row.risk_percent, row.top_percent, seed)
    about = _about(session, row, chosen)
    sides = {code: found["sides"] for code, found in about.items()}
    inspectors = _inspectors(session, row)
    sent = spot_draw.send(chosen, sides, inspectors, seed)
    # Who kept out of what belongs to the record: without it nobody could work out who was sent.
    out = {one.id: sorted(one.keeps_out) for one in inspectors}
    row.inspectors = [one | {"out": out[one["id"]]} for one in row.inspectors]
    row.seed_text, row.seed, row.drawn_at, row.drawn_by_id = public, seed, at, actor.user_id
    for position, one in enumerate(chosen, 1):
        facts, pair = about.get(one.code, {}), (*sent[one.code], None, None)
        session.add(SpotCheck(
            draw_id=row.id, position=position, stratum=one.stratum, code=one.code,
            name=facts.get("name") or one.code, elevator_id=facts.get("elevator_id"), unit_id=facts.get("unit_id"),
            region_code=facts.get("region_code") or row.region_code, risk=listed[one.code].risk,
            parts=spot_draw.parts_of_text(listed[one.code].parts), inspector_id=pair[0], partner_id=pair[1],
            state=CheckState.WAITING.value, due_at=due_after_days(at, (row.check_until - clock.local_day(at)).days),
            created_by_id=actor.user_id,
        ))  # fmt: skip
    moves.move(session, actor, row, "state", moved.value, verb=DrawVerb.DRAW.value, at=at)
    audit.record(
        session, actor, at, "spot_draw.draw", ENTITY, row.id,
        after={"seed": seed, "source": public, "chosen": [one.code for one in chosen]},
    )  # fmt: skip
    for account in sorted({number for pair in sent.values() for number in pair}):
        count = sum(account in pair for pair in sent.values())
        outbox.notify(
            session, at, [account], "spot.check", say("您被抽为检查人员：%(t)s", t=row.title),
            say("%(n)s 个对象，请在 %(d)s 前检查；检查前不要告知被检查单位", n=count, d=row.check_until),
            f"/spot/checks/?f_draw={row.id}", f"spot:{row.id}:{account}",
        )  # fmt: skip
    return row


def cancel(session: AnySession, actor: Actor, key: int, reason: str, at: dt.datetime) -> SpotDraw:
    """Cancel a draw with its reason. It stays in the list with all that it had published and chosen."""
    row = _held(session, actor, key, Verb.SPOT_DRAW)
    moved = draw_move(DrawState(row.state), DrawVerb.CANCEL)
    reason, count = reason.strip(), len(reason.strip())
    raise_failing([
        Finding("作废理由", 0 < count <= spot_draw.LONGEST_REASON, say("%(n)s 个字", n=count) if count else "没有填写",
            say("请填写 1 至 %(m)s 个字", m=spot_draw.LONGEST_REASON), field="reason"),
    ])  # fmt: skip
    row.cancelled_at, row.cancel_reason = at, reason
    moves.move(session, actor, row, "state", moved.value, verb=DrawVerb.CANCEL.value, at=at, reason=reason)
    for check in checks_of(session, row):
        if check.state == CheckState.WAITING:
            check.due_at, check.close_note, check.closed_at = None, reason, at
            moves.move(
                session, actor, check, "state", CheckState.VOID.value, verb=CheckVerb.SKIP.value, at=at, reason=reason
            )
    return row


def checks_of(session: AnySession, row: SpotDraw) -> list[SpotCheck]:
    """What a draw chose, in its order, whoever looks: the record is whole or it proves nothing."""
    statement = select(SpotCheck).where(SpotCheck.draw_id == row.id).order_by(SpotCheck.position)
    told = (SpotCheck.elevator, SpotCheck.unit, SpotCheck.inspector, SpotCheck.partner)
    shown = statement.options(*(joinedload(one) for one in told))
    return list(session.scalars(shown.execution_options(skip_scope=True)))


def defaults(session: AnySession, region_code: str | None, on: dt.date) -> tuple[int, int]:
    """The shares that the region's policy names."""
    keys = (Key.SPOT_RISK_PERCENT, Key.SPOT_TOP_PERCENT)
    by_risk, top = (int(policy_value(session, key, region_code, on)) for key in keys)
    return by_risk, top


# --- who keeps out


def keep_out(
    session: AnySession, actor: Actor, account_id: int | None, unit_id: int | None, reason: str, at: dt.datetime
) -> SpotAvoidance:  # fmt: skip
    """登记回避: an inspector for himself, or whoever draws for anybody of his region."""
    require(actor, Verb.SPOT_CHECK)
    account_id = account_id or actor.user_id
    mine = account_id == actor.user_id
    known = {account.id: account for account in inspectors_of(session, actor)}
    unit = session.scalar(scope.apply(select(Unit).where(Unit.id == (unit_id or 0)), actor, Unit))
    reason, count = reason.strip(), len(reason.strip())
    raise_failing([
        Finding("检查人员", account_id in known and (mine or actor.may(Verb.SPOT_DRAW)), "不是可以登记的检查人员",
            "只能登记本人；负责抽取的可以登记本辖区人员", field="account_id"),
        Finding("回避的单位", unit is not None, "没有选择", "请输入名称，从列表选择单位", field="unit_id"),
        Finding("回避理由", 0 < count <= spot_draw.LONGEST_REASON, say("%(n)s 个字", n=count) if count else "没有填写",
            say("请填写 1 至 %(m)s 个字", m=spot_draw.LONGEST_REASON), field="reason"),
    ])  # fmt: skip
    assert account_id is not None and unit is not None
    # Pressed twice it is one, which one press ends.
    hold(session, f"spot_avoidance:{account_id}:{unit.id}")
    stands = select(SpotAvoidance).where(
        SpotAvoidance.account_id == account_id, SpotAvoidance.unit_id == unit.id, SpotAvoidance.ended_at.is_(None)
    )
    held = session.scalars(stands.limit(1).execution_options(skip_scope=True)).first()
    if held is not None:
        return held
    row = SpotAvoidance(
        account_id=account_id, unit_id=unit.id, region_code=known[account_id].region_code or unit.region_code,
        reason=reason, declared_at=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "spot_avoidance.declare", "spot_avoidance", row.id,
        after={"account_id": account_id, "unit_id": unit.id, "reason": reason},
    )  # fmt: skip
    return row


def end_avoidance(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> SpotAvoidance:
    """What keeps an inspector out holds no more; draws that went by it keep it."""
    require(actor, Verb.SPOT_CHECK)
    row: SpotAvoidance = visible(session, actor, SpotAvoidance, key, "这条回避")
    mine = row.account_id == actor.user_id or actor.may(Verb.SPOT_DRAW)
    raise_failing([
        Finding("回避", mine, "不是您登记的", "请由本人或负责抽取的人员解除"),
        Finding("回避", row.ended_at is None, "已经解除", "无需操作"),
    ])  # fmt: skip
    row.ended_at = at
    session.flush()
    audit.record(session, actor, at, "spot_avoidance.end", "spot_avoidance", row.id)
    return row


# --- parts


def _held(session: AnySession, actor: Actor, key: int, verb: Verb) -> SpotDraw:
    require(actor, verb)
    visible(session, actor, SpotDraw, key, "这次抽查")
    row = lock(session, SpotDraw, key)
    assert row is not None
    return row


def _inspectors(session: AnySession, row: SpotDraw) -> list[Inspector]:
    """Those that were published, each with the units that he keeps out of as this draw is made."""
    keys = [one["id"] for one in row.inspectors]
    statement = select(SpotAvoidance.account_id, SpotAvoidance.unit_id).where(
        SpotAvoidance.account_id.in_(keys), SpotAvoidance.ended_at.is_(None)
    )
    out: dict[int, set[int]] = {key: set() for key in keys}
    for account, unit in session.execute(statement.execution_options(skip_scope=True)):
        out[account].add(unit)
    return [Inspector(key, frozenset(out[key])) for key in keys]


def _about(session: AnySession, row: SpotDraw, chosen: Sequence[Chosen]) -> dict[str, dict[str, Any]]:
    """What each chosen one is, whose it is, and whom an inspector must have nothing to do with."""
    codes = [one.code for one in chosen]
    if row.kind == "unit":
        units = session.scalars(select(Unit).where(Unit.uscc.in_(codes)).execution_options(skip_scope=True))
        return {
            unit.uscc: {"name": unit.name, "unit_id": unit.id, "region_code": unit.region_code, "sides": {unit.id}}
            for unit in units
        }
    lifts = session.scalars(select(Elevator).where(Elevator.code.in_(codes)).execution_options(skip_scope=True))
    return {
        lift.code: {
            "name": lift.place[:300], "elevator_id": lift.id,
            "unit_id": lift.maintenance_unit_id or lift.use_unit_id, "region_code": lift.region_code,
            "sides": {unit for unit in (lift.maintenance_unit_id, lift.use_unit_id) if unit is not None},
        }
        for lift in lifts
    }

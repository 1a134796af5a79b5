"""Whoever was called out answers (RES-02, RES-06): accepts, arrives, frees, hands on to a colleague.

Our clock counts, whatever the phone's says; a step that was done is done again without a word, for a weak net sends
twice. A call that has ended takes nothing more, and says who goes instead.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import select

from app.errors import Finding, Refusal, raise_failing, refuse
from app.models import Account, Rescue, RescueDispatch
from app.models.rescue import RESCUE_CAUSE, RESCUE_METHOD, RESCUE_OUTCOME
from app.permissions import Actor, Verb
from app.rules.rescues import (
    RescueVerb,
    choice_finding,
    people_findings,
    result_findings,
    words_finding,
)
from app.transaction import AnySession
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.rescue.rescue_course import (
    ENTITY,
    NOTHING,
    Sent,
    calls_of,
    crew,
    desk_of,
    held,
    keep_step,
    link_of,
    settle,
    spoken,
    tell,
    tell_call,
)

_V = RescueVerb


def accept(
    session: AnySession, actor: Actor, key: int, at: dt.datetime, sent: Sent = NOTHING, call_id: int | None = None
) -> Rescue:  # fmt: skip
    """接单 by one of the unit's people, or written down by the desk for whoever said so on the phone."""
    row, call = _called(session, actor, key, call_id, _V.ACCEPT)
    if call.accepted_at is not None:
        if actor.user_id is not None and call.worker_id == actor.user_id:
            return row
        if call.worker_id is None and actor.unit_id is not None and call.is_open:
            # The desk wrote down that his unit accepted; now it is known who goes.
            call.worker_id, call.worker_name = actor.user_id, actor.name[:80]
            keep_step(session, actor, row, "pass", at, call=call, note=actor.name, sent=sent)
            return row
        raise refuse("接单", say("已由 %(name)s 接单", name=call.worker_name or call.name), "请刷新页面查看当前进度")
    _accepted(session, actor, row, call, at, sent)
    return row


def arrive(
    session: AnySession, actor: Actor, key: int, at: dt.datetime, sent: Sent = NOTHING, call_id: int | None = None
) -> Rescue:  # fmt: skip
    """到达; who arrives without having accepted has accepted by it."""
    row, call = _called(session, actor, key, call_id, _V.ARRIVE)
    if call.arrived_at is not None:
        return row
    if call.accepted_at is None:
        _accepted(session, actor, row, call, at, sent)
    call.arrived_at = at
    keep_step(session, actor, row, _V.ARRIVE, at, call=call, sent=sent)
    settle(session, actor, row, _V.ARRIVE, at)
    return row


def free(
    session: AnySession, actor: Actor, key: int, form: Mapping[str, str], at: dt.datetime, sent: Sent = NOTHING,
    call_id: int | None = None,
) -> Rescue:  # fmt: skip
    """救出, with outcome, cause and numbers; all that is missing is told at once."""
    row, call = _called(session, actor, key, call_id, _V.FREE)
    if call.done_at is not None:
        return row
    check_form(form)
    if call.accepted_at is None:
        _accepted(session, actor, row, call, at, sent)
    fill(row, form)
    call.done_at = at
    for one in calls_of(session, row):
        if one.is_open and one.id != call.id:
            one.ended_at, one.end_reason = at, "relieved"
            tell(session, row, crew(session, row, one), "off", say("不用再前往：%(place)s", place=row.place),
                 say("已由 %(name)s 救出", name=call.name), at, f"done:{one.id}:{at:%y%m%d%H%M%S}")  # fmt: skip
    keep_step(session, actor, row, _V.FREE, at, call=call, sent=sent)
    settle(session, actor, row, _V.FREE, at)
    audit.record(
        session, actor, at, "rescue.freed", ENTITY, row.id,
        after={"outcome": row.outcome, "cause": row.cause, "trapped": row.trapped, "injured": row.injured},
    )  # fmt: skip
    outbox.settle(session, at, "rescue.call", link_of(row))
    outbox.settle(session, at, "rescue.desk", link_of(row))
    title = say("已救出：%(place)s", place=spoken(session, row))
    body = say("被困 %(trapped)s 人，受伤 %(injured)s 人。请回访", trapped=row.trapped, injured=row.injured)
    tell(session, row, desk_of(session, row), "freed", title, body, at)
    use = outbox.readers_of(session, row.use_unit_id, Verb.RESCUE_READ, row.elevator_id)
    tell(session, row, use, "freed", title, say("由 %(name)s 救出", name=call.name), at)
    return row


def pass_on(session: AnySession, actor: Actor, key: int, worker_id: int, note: str, at: dt.datetime) -> Rescue:
    """转派: to another of the unit's people. The unit's clock runs on; an acceptance stays the unit's."""
    row, call = _called(session, actor, key, None, None)
    note = note.strip()
    account = None if call.unit_id is None else worker_of(session, call.unit_id, worker_id)
    same = account is not None and account.id == call.worker_id
    raise_failing([
        worker_finding(account),
        Finding("救援人员", not same, "已经是这位人员", "请选择另一位", field="worker_id"),
        words_finding("说明", "note", note, required=False),
    ])  # fmt: skip
    assert account is not None
    before = call.worker_id
    call.worker_id, call.worker_name = account.id, account.get_full_name()[:80]
    keep_step(session, actor, row, "pass", at, call=call, note=f"{call.worker_name}　{note}".strip())
    audit.record(
        session, actor, at, "rescue.pass", ENTITY, row.id, before={"worker_id": before},
        after={"worker_id": account.id, "note": note},
    )  # fmt: skip
    tell_call(session, row, call, at)
    return row


def check_form(form: Mapping[str, str]) -> None:
    """Cause and numbers before 救出 (RES-02)."""
    trapped, injured = _count(form.get("trapped", "")), _count(form.get("injured", ""))
    outcome, cause = form.get("outcome", ""), form.get("cause", "")
    findings = [choice_finding("处置结果", "outcome", outcome, RESCUE_OUTCOME), *people_findings(trapped, injured)]
    if outcome in RESCUE_OUTCOME and trapped is not None:
        findings += result_findings(outcome, trapped)
    if cause or outcome == "entrapment":
        findings.append(choice_finding("故障原因", "cause", cause, RESCUE_CAUSE))
    method = form.get("method", "")
    if method:
        findings.append(choice_finding("救援方式", "method", method, RESCUE_METHOD))
    findings.append(words_finding("原因说明", "cause_note", form.get("cause_note", "").strip(), required=False))
    findings.append(words_finding("现场描述", "scene", form.get("scene", "").strip(), required=False))
    raise_failing(findings)


def fill(row: Rescue, form: Mapping[str, str]) -> None:
    row.outcome, row.cause = form["outcome"], form.get("cause") or None
    row.method, row.cause_note = form.get("method") or None, form.get("cause_note", "").strip() or None
    row.trapped, row.injured = _count(form.get("trapped", "")), _count(form.get("injured", ""))
    row.scene = form.get("scene", "").strip() or row.scene


def workers_of(session: AnySession, unit_id: int | None) -> list[Account]:
    """Whom a unit may send: its active accounts that may take a rescue on, whoever asks."""
    if unit_id is None:
        return []
    ids = outbox.accounts_of_unit(session, unit_id, Verb.RESCUE_HANDLE)
    people = select(Account).where(Account.id.in_(ids)).order_by(Account.first_name, Account.id)
    return list(session.scalars(people.execution_options(skip_scope=True)))


def worker_of(session: AnySession, unit_id: int, account_id: int) -> Account | None:
    return next((one for one in workers_of(session, unit_id) if one.id == account_id), None)


def worker_finding(account: Account | None) -> Finding:
    found = "不是这个单位可以救援的人员"
    return Finding("救援人员", account is not None, found, "请从列表选择", field="worker_id")


# --- parts


def _called(
    session: AnySession, actor: Actor, key: int, call_id: int | None, verb: RescueVerb | None
) -> tuple[Rescue, RescueDispatch]:
    """The case and the call that the actor speaks for: his unit's, or the one that the desk names."""
    desk = actor.unit_id is None
    row = held(session, actor, key, Verb.RESCUE_DESK if desk else Verb.RESCUE_HANDLE)
    calls = calls_of(session, row)
    if desk:
        mine = [one for one in calls if call_id is None or one.id == call_id]
        mine = [one for one in mine if one.is_open or one.id == call_id] or mine
    else:
        mine = [one for one in calls if one.unit_id == actor.unit_id]
    if not mine:
        found = "还没有派单" if desk else "没有派给您的单位"
        raise refuse("救援", found, "请先派单" if desk else "请联系应急坐席")
    call = next((one for one in reversed(mine) if one.is_open), mine[-1])
    if not call.is_open and not (verb is not None and _was_done(call, verb)):
        raise _off(calls, call)
    return row, call


def _was_done(call: RescueDispatch, verb: RescueVerb) -> bool:
    """A weak net sends twice: the second time finds it done and says nothing."""
    if call.ended_at is not None and call.end_reason in ("returned", "replaced", "escalated"):
        return False
    return {_V.ACCEPT: call.accepted_at, _V.ARRIVE: call.arrived_at, _V.FREE: call.done_at}[verb] is not None


def _off(calls: list[RescueDispatch], call: RescueDispatch) -> Refusal:
    """Why a call that has ended takes nothing more, and who goes instead."""
    others = [one for one in calls if one.id != call.id and (one.is_open or one.done_at)]
    name = others[-1].name if others else ""
    if call.end_reason == "relieved" or (call.done_at is not None):
        return refuse("救援", say("已由 %(name)s 救出", name=name or call.name), "不用再前往")
    if call.end_reason == "escalated":
        found = say("超时未接单，已升级，由 %(name)s 前往", name=name)
        return refuse("救援", found, "您已在现场的，请立即联系应急坐席重新派单")
    if call.end_reason == "replaced":
        return refuse("救援", say("已改派给 %(name)s", name=name), "不用再前往；有疑问请联系应急坐席")
    return refuse("救援", "派单已由坐席收回", "不用再前往；有疑问请联系应急坐席")


def _accepted(
    session: AnySession, actor: Actor, row: Rescue, call: RescueDispatch, at: dt.datetime, sent: Sent
) -> None:  # fmt: skip
    call.accepted_at = at
    if actor.unit_id is not None:
        call.worker_id, call.worker_name = actor.user_id, actor.name[:80]
    keep_step(session, actor, row, _V.ACCEPT, at, call=call, sent=sent)
    settle(session, actor, row, _V.ACCEPT, at)
    outbox.settle(session, at, "rescue.call", link_of(row))


def _count(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None

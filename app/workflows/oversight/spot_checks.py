"""A check that was drawn (TGT-01): its result, what the unit did about it, and the second look."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from app import clock
from app.errors import Finding, raise_failing
from app.models import SpotCheck
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require, require_own_side
from app.policy import Key
from app.rules.deadlines import due_after_days
from app.rules.spot_checks import CheckState, CheckVerb, check_move, result_findings, words_finding
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import moves, outbox
from app.workflows.files import attachments

ENTITY = "spot_check"


def link_of(row: SpotCheck) -> str:
    return f"/spot/checks/{row.id}"


def enter(
    session: AnySession, actor: Actor, key: int, passed: bool | None, findings: str, demand: str, at: dt.datetime,
    photo_ids: Sequence[int] = (),
) -> SpotCheck:  # fmt: skip
    """What one of the two inspectors found. A problem sets the unit a limit; only now it learns of the check."""
    row = _held(session, actor, key, Verb.SPOT_CHECK)
    verb = CheckVerb.PASS if passed else CheckVerb.FAIL
    moved = check_move(CheckState(row.state), verb)
    findings, demand = findings.strip(), demand.strip()
    raise_failing([sent_finding(actor, row), *result_findings(passed, findings, demand)])
    row.checked_at, row.checked_by_id, row.findings = at, actor.user_id, findings
    row.demand, row.due_at = (None, None) if passed else (demand, _limit(session, row, at))
    row.closed_at = at if passed else None
    attachments.adopt(session, actor, photo_ids, ENTITY, row.id)
    moves.move(session, actor, row, "state", moved.value, verb=verb.value, at=at)
    who = outbox.readers_of(session, row.unit_id, Verb.SPOT_FIX, row.elevator_id)
    title = say("抽查合格：%(name)s", name=row.name) if passed else say("抽查发现问题，请整改：%(name)s", name=row.name)
    body = findings[:200] if row.due_at is None else say(
        "%(d)s　请在 %(until)s 前提交整改", d=demand[:200], until=clock.until(row.due_at)
    )
    outbox.notify(session, at, who, "spot.fix", title, body, link_of(row), f"spot_check:{row.id}:result")
    return row


def fix(
    session: AnySession, actor: Actor, key: int, note: str, at: dt.datetime, file_ids: Sequence[int] = ()
) -> SpotCheck:
    """The unit's word that it is put right, with photos."""
    row = _held(session, actor, key, Verb.SPOT_FIX)
    require_own_side(actor, row.unit_id, "这项检查")
    moved = check_move(CheckState(row.state), CheckVerb.FIX)
    note = note.strip()
    raise_failing([words_finding(note, "整改情况", "note")])
    row.fix_note, row.fixed_at, row.fixed_by_id, row.due_at = note, at, actor.user_id, None
    attachments.adopt(session, actor, file_ids, ENTITY, row.id)
    moves.move(session, actor, row, "state", moved.value, verb=CheckVerb.FIX.value, at=at, reason=note)
    outbox.settle(session, at, "spot.fix", link_of(row))
    who = [account for account in (row.inspector_id, row.partner_id) if account is not None]
    who = who or outbox.officers_of(session, row.region_code, Verb.SPOT_CHECK)
    outbox.notify(
        session, at, who, "spot.review", say("已提交整改，请复查：%(name)s", name=row.name), note[:200], link_of(row),
        f"spot_check:{row.id}:fixed:{at:%y%m%d%H%M%S}",
    )  # fmt: skip
    return row


def review(
    session: AnySession, actor: Actor, key: int, confirmed: bool | None, note: str, at: dt.datetime
) -> SpotCheck:
    """The second look: put right, or sent back with a new limit and why."""
    row = _held(session, actor, key, Verb.SPOT_CHECK)
    verb = CheckVerb.CONFIRM if confirmed else CheckVerb.SEND_BACK
    moved = check_move(CheckState(row.state), verb)
    note = note.strip()
    raise_failing([
        sent_finding(actor, row),
        Finding("复查", confirmed is not None, "没有选择", "请选择通过或退回", field="confirmed"),
        *([] if confirmed and not note else [words_finding(note, "复查意见", "note")]),
    ])  # fmt: skip
    row.close_note = note or None
    row.closed_at, row.due_at = (at, None) if confirmed else (None, _limit(session, row, at))
    moves.move(session, actor, row, "state", moved.value, verb=verb.value, at=at, reason=note or None)
    outbox.settle(session, at, "spot.review", link_of(row))
    who = outbox.readers_of(session, row.unit_id, Verb.SPOT_FIX, row.elevator_id)
    title = say("整改已通过复查：%(name)s", name=row.name) if confirmed else say("整改被退回：%(name)s", name=row.name)
    outbox.notify(
        session, at, who, "spot.fix", title, note[:200], link_of(row),
        f"spot_check:{row.id}:{verb.value}:{at:%y%m%d%H%M%S}",
    )  # fmt: skip
    return row


def skip(session: AnySession, actor: Actor, key: int, reason: str, at: dt.datetime) -> SpotCheck:
    """A check that can't be made (scrapped, moved away, closed): it stays in the draw, with the reason."""
    row = _held(session, actor, key, Verb.SPOT_CHECK)
    moved = check_move(CheckState(row.state), CheckVerb.SKIP)
    reason = reason.strip()
    raise_failing([sent_finding(actor, row), words_finding(reason, "未检查的原因", "reason")])
    row.close_note, row.closed_at, row.due_at = reason, at, None
    moves.move(session, actor, row, "state", moved.value, verb=CheckVerb.SKIP.value, at=at, reason=reason)
    return row


def sent_finding(actor: Actor, row: SpotCheck) -> Finding:
    """Whoever was drawn for it, or who draws; where all keep out, anybody who may enter results."""
    pair = {row.inspector_id, row.partner_id} - {None}
    ok = not pair or actor.user_id in pair or actor.may(Verb.SPOT_DRAW)
    return Finding("检查人员", ok, "您没有被抽为这个对象的检查人员", "请由抽中的检查人员办理")


def _limit(session: AnySession, row: SpotCheck, at: dt.datetime) -> dt.datetime:
    days = int(policy_value(session, Key.SPOT_FIX_DAYS, row.region_code, clock.local_day(at)))
    return due_after_days(at, days)


def _held(session: AnySession, actor: Actor, key: int, verb: Verb) -> SpotCheck:
    require(actor, verb)
    visible(session, actor, SpotCheck, key, "这项检查")
    row = lock(session, SpotCheck, key)
    assert row is not None
    return row

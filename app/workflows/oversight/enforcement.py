"""约谈, 警告 and 立案处罚 of a unit (ANO-03): drawn up, put into force, answered, closed or taken back; never deleted.

A 立案处罚 needs a second officer who stands apart from the first, as policy does. The unit hears of it when it takes
force, and of every step after that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from app import clock
from app.errors import Finding, NotAllowed, Stale, raise_failing
from app.models import Enforcement, Unit
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require, require_own_side
from app.policy import Key
from app.rules.deadlines import due_after_days
from app.rules.enforcement import (
    KIND_LABELS,
    KIND_PREFIX,
    LONGEST_FACTS,
    EnforcementKind,
    EnforcementState,
    EnforcementVerb,
    content_findings,
    enforcement_move,
    needs_second,
    note_finding,
)
from app.rules.two_persons import independent
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, independence, moves, outbox
from app.workflows.core.numbers import next_number
from app.workflows.files import attachments
from app.workflows.oversight import evidence
from app.workflows.oversight.evidence import Item

ENTITY = "enforcement"
V = EnforcementVerb


@dataclass(frozen=True, slots=True)
class Entry:
    """What an officer writes. `evidence` are keys such as visit-17."""

    kind: str
    decided_on: dt.date | None
    facts: str
    demand: str = ""
    legal_basis: str = ""
    document_no: str = ""
    reply_days: int | None = None
    evidence: Sequence[str] = ()


def usual_days(session: AnySession, region_code: str, at: dt.datetime) -> int:
    """How long a unit has for its answer where the officer says nothing else."""
    return int(policy_value(session, Key.ENFORCEMENT_REPLY_DAYS, region_code, clock.local_day(at)))


def draw_up(
    session: AnySession, actor: Actor, unit_id: int, entry: Entry, at: dt.datetime, files: Sequence[int] = ()
) -> Enforcement:  # fmt: skip
    """A draft about a unit of one's region, with its evidence; nobody but regulators reads it."""
    require(actor, Verb.ENFORCEMENT_EDIT)
    _regulator(actor)
    unit: Unit = visible(session, actor, Unit, unit_id, "这家单位")
    found, entry = _checked(session, actor, unit.id, entry, at)
    row = Enforcement(
        # Of its own until the number is drawn, which is done last.
        number=f"-{unit.id}-{at:%H%M%S%f}"[:20], unit_id=unit.id, region_code=unit.region_code, kind=entry.kind,
        created_by_id=actor.user_id, created_at=at, **_content(entry),
    )  # fmt: skip
    session.add(row)
    session.flush()
    evidence.keep(session, row, found)
    attachments.adopt(session, actor, files, ENTITY, row.id)
    row.number = next_number(session, KIND_PREFIX[EnforcementKind(entry.kind)], at)
    session.flush()
    audit.record(
        session, actor, at, "enforcement.create", ENTITY, row.id,
        after={"number": row.number, "unit_id": unit.id, "kind": row.kind, "decided_on": row.decided_on,
               "evidence": [item.key for item in found]},
    )  # fmt: skip
    return row


def edit(
    session: AnySession, actor: Actor, key: int, entry: Entry, at: dt.datetime, files: Sequence[int] = (),
    expected_version: int | None = None,
) -> Enforcement:  # fmt: skip
    """Change a draft; its kind stays, for its number says it."""
    row = _held(session, actor, key, Verb.ENFORCEMENT_EDIT)
    draft = row.state == EnforcementState.DRAFT
    raise_failing([Finding("草稿", draft, "已提请或下达，不能修改", "如有错误，请撤销后重新发起", field="state")])
    if expected_version is not None and row.row_version != expected_version:
        raise Stale(
            Finding("所见即所改", False, "您打开页面后，草稿已被修改", "请刷新页面，看过现在的内容后再改"),
            current=row.row_version,
        )
    found, entry = _checked(session, actor, row.unit_id, _of_kind(entry, row.kind), at)
    before = {name: getattr(row, name) for name in _content(entry)}
    for name, value in _content(entry).items():
        setattr(row, name, value)
    evidence.keep(session, row, found)
    attachments.adopt(session, actor, files, ENTITY, row.id)
    changed = {name: value for name, value in _content(entry).items() if before[name] != value}
    audit.record(
        session, actor, at, "enforcement.edit", ENTITY, row.id, before={name: before[name] for name in changed},
        after=changed | {"evidence": [item.key for item in found]},
    )  # fmt: skip
    return row


def issue(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> Enforcement:
    """下达 a 约谈 or a 警告: in force at once, and the unit is told."""
    row = _held(session, actor, key, Verb.ENFORCEMENT_EDIT)
    moved = enforcement_move(EnforcementState(row.state), V.ISSUE)
    second = needs_second(row.kind)
    raise_failing([Finding("两人决定", not second, "立案处罚须由第二人决定", "请提请决定", field="kind")])
    _take_force(session, actor, row, moved, V.ISSUE, at)
    return row


def propose(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> Enforcement:
    """提请 a 立案处罚: to be decided by another officer."""
    row = _held(session, actor, key, Verb.ENFORCEMENT_EDIT)
    moved = enforcement_move(EnforcementState(row.state), V.PROPOSE)
    second = needs_second(row.kind)
    raise_failing([Finding("两人决定", second, "约谈和警告不需要第二人", "请直接下达", field="kind")])
    row.proposed_at, row.proposed_by_id, row.returned_note = at, actor.user_id, None
    moves.move(session, actor, row, "state", moved.value, verb=V.PROPOSE.value, at=at)
    title = say("待决定的立案处罚：%(unit)s", unit=row.unit.name)
    outbox.notify(
        session, at, _deciders(session, row, actor), "enforcement.decide", title, say("编号 %(n)s", n=row.number),
        link_of(row), f"enforcement:{row.id}:propose:{row.row_version}",
    )  # fmt: skip
    return row


def decide(session: AnySession, actor: Actor, key: int, agreed: bool | None, note: str, at: dt.datetime) -> Enforcement:
    """The second person's word: 决定 puts it into force, 退回 makes it a draft again, with the reason."""
    row = _held(session, actor, key, Verb.ENFORCEMENT_DECIDE)
    raise_failing([Finding("决定", agreed is not None, "没有选择", "请选择同意或退回", field="agreed")])
    verb = V.DECIDE if agreed else V.RETURN_
    moved = enforcement_move(EnforcementState(row.state), verb)
    note = note.strip()
    barred = [f for f in second_findings(session, actor, row) if f.stops]
    if barred:
        raise NotAllowed(barred)
    if not agreed:
        raise_failing([note_finding(note, "退回理由", "请写明要修改什么")])
    outbox.settle(session, at, "enforcement.decide", link_of(row))
    if agreed:
        row.decided_by_id = actor.user_id
        _take_force(session, actor, row, moved, verb, at)
        return row
    row.returned_note = note
    moves.move(session, actor, row, "state", moved.value, verb=verb.value, at=at, reason=note)
    title = say("立案处罚被退回：%(unit)s", unit=row.unit.name)
    outbox.notify(session, at, _own_officers(session, row), "enforcement.returned", title,
        say("理由：%(note)s", note=note), link_of(row))  # fmt: skip
    return row


def second_findings(session: AnySession, actor: Actor, row: Enforcement) -> list[Finding]:
    """Whether the actor stands apart from those who drew it up, wrote in it and proposed it."""
    found: dict[str, Finding] = {}
    for first in {row.proposed_by_id, *writers(session, row)} - {None}:
        since = row.proposed_at
        one, other = (independence.party(session, key, since) for key in (first, actor.user_id))
        for finding in independent(one, other, "提请人"):
            if finding.rule not in found or finding.stops:
                found[finding.rule] = finding
    return list(found.values())


def reply(
    session: AnySession, actor: Actor, key: int, text: str, at: dt.datetime, files: Sequence[int] = ()
) -> Enforcement:  # fmt: skip
    """The unit's answer: what it put right, with papers and pictures. After the limit it is taken and noted as late."""
    row = _held(session, actor, key, Verb.ENFORCEMENT_REPLY)
    require_own_side(actor, row.unit_id, "约谈或处罚")
    if actor.unit_id is None:
        raise NotAllowed(Finding("整改答复", False, "由被约谈、处罚的单位答复", "监管部门可以办结或撤销"))
    moved = enforcement_move(EnforcementState(row.state), V.REPLY)
    text = text.strip()
    raise_failing([note_finding(text, "整改答复", "请写明已经怎样整改", field="reply", longest=LONGEST_FACTS)])
    row.late = row.late or _is_over(row, at)
    row.reply, row.replied_at, row.replied_by_id, row.due_at = text, at, actor.user_id, None
    attachments.adopt(session, actor, files, ENTITY, row.id)
    moves.move(session, actor, row, "state", moved.value, verb=V.REPLY.value, at=at, reason=text[:500])
    outbox.settle(session, at, "enforcement.in_force", link_of(row))
    title = say("单位已答复：%(unit)s　%(n)s", unit=row.unit.name, n=row.number)
    outbox.notify(
        session, at, _own_officers(session, row), "enforcement.replied", title, text[:200], link_of(row),
        f"enforcement:{row.id}:reply:{row.row_version}",
    )  # fmt: skip
    return row


def send_back(session: AnySession, actor: Actor, key: int, note: str, days: int | None, at: dt.datetime) -> Enforcement:
    """The answer is not enough: back to the unit, with the reason and a limit of its own."""
    row = _held(session, actor, key, Verb.ENFORCEMENT_EDIT)
    moved = enforcement_move(EnforcementState(row.state), V.SEND_BACK)
    note, days = note.strip(), row.reply_days if days is None else days
    raise_failing([
        note_finding(note, "退回整改理由", "请写明哪里没有整改到位"),
        Finding("答复期限", 1 <= days <= 180, say("%(n)s 天", n=days), say("请填写 %(a)s 至 %(b)s 天", a=1, b=180),
                field="days"),
    ])  # fmt: skip
    row.sent_back_note, row.due_at = note, due_after_days(at, days)
    moves.move(session, actor, row, "state", moved.value, verb=V.SEND_BACK.value, at=at, reason=note)
    outbox.settle(session, at, "enforcement.replied", link_of(row))
    title = say("整改答复被退回，请再次整改：%(n)s", n=row.number)
    body = say("理由：%(note)s。请在 %(until)s 前答复", note=note.rstrip("。"), until=clock.until(row.due_at))
    _tell_unit(session, row, "enforcement.in_force", title, body, at)
    return row


def close(session: AnySession, actor: Actor, key: int, note: str, at: dt.datetime) -> Enforcement:
    """办结: what was asked for is done, or the unit never answered; either way it stays against the unit."""
    row = _held(session, actor, key, Verb.ENFORCEMENT_EDIT)
    moved = enforcement_move(EnforcementState(row.state), V.CLOSE)
    note = note.strip()
    raise_failing([note_finding(note, "办结意见", "请写明整改核查的结果")])
    row.late = row.late or _is_over(row, at)
    row.closed_at, row.closed_by_id, row.close_note, row.due_at = at, actor.user_id, note, None
    moves.move(session, actor, row, "state", moved.value, verb=V.CLOSE.value, at=at, reason=note)
    _settled(session, row, at)
    _tell_unit(session, row, "enforcement.closed", say("已办结：%(n)s", n=row.number), note, at)
    return row


def withdraw(session: AnySession, actor: Actor, key: int, reason: str, at: dt.datetime) -> Enforcement:
    """撤销, with the reason; the record stays. A 立案处罚 in force is taken back by whoever may decide on one."""
    row = _held(session, actor, key, Verb.ENFORCEMENT_EDIT)
    if needs_second(row.kind) and row.in_force_at is not None:
        require(actor, Verb.ENFORCEMENT_DECIDE)
    moved = enforcement_move(EnforcementState(row.state), V.WITHDRAW)
    reason = reason.strip()
    raise_failing([note_finding(reason, "撤销理由", "请写明为什么撤销")])
    _taken_back(session, actor, row, moved, V.WITHDRAW, reason, at)
    return row


def overturn(session: AnySession, actor: Actor, row: Enforcement, reason: str, at: dt.datetime) -> None:
    """Taken back because an appeal was upheld; the caller has decided on that, and holds the row."""
    moved = enforcement_move(EnforcementState(row.state), V.OVERTURN)
    _taken_back(session, actor, row, moved, V.OVERTURN, reason, at)


def stands_at(row: Enforcement, at: dt.datetime) -> bool:
    """Whether it counted against the unit at an instant, as known then: `stood_at` of one row at hand."""
    begun = row.in_force_at is not None and row.in_force_at <= at
    return begun and (row.withdrawn_at is None or row.withdrawn_at > at)


def writers(session: AnySession, row: Enforcement) -> set[int | None]:
    """Who drew it up, and whoever changed its draft."""
    return {row.created_by_id, *independence.writers(session, ENTITY, row.id, "enforcement.edit")}


def link_of(row: Enforcement) -> str:
    return f"/enforcement/{row.id}"


# --- parts


def _checked(
    session: AnySession, actor: Actor, unit_id: int, entry: Entry, at: dt.datetime
) -> tuple[list[Item], Entry]:
    """The evidence in words and the entry as it is kept; everything that is wrong with both is told at once."""
    entry = Entry(
        entry.kind, entry.decided_on, entry.facts.strip(), entry.demand.strip(), entry.legal_basis.strip(),
        entry.document_no.strip(), entry.reply_days, tuple(entry.evidence),
    )  # fmt: skip
    found = evidence.items(session, actor, entry.evidence, at)
    strange = [item for item in found if unit_id not in item.units]
    raise_failing([
        *content_findings(
            entry.kind, entry.decided_on, entry.facts, entry.demand, entry.legal_basis, entry.document_no,
            entry.reply_days, len(found), clock.local_day(at),
        ),
        *(
            Finding("证据", False, say("%(said)s，不是这家单位的", said=item.said), "请去掉，或对那家单位另行发起",
                    field="evidence")
            for item in strange[:5]
        ),
    ])  # fmt: skip
    return found, entry


def _content(entry: Entry) -> dict[str, object]:
    return {
        "decided_on": entry.decided_on, "facts": entry.facts, "demand": entry.demand or None,
        "legal_basis": entry.legal_basis or None, "document_no": entry.document_no or None,
        "reply_days": entry.reply_days,
    }  # fmt: skip


def _of_kind(entry: Entry, kind: str) -> Entry:
    return Entry(
        kind, entry.decided_on, entry.facts, entry.demand, entry.legal_basis, entry.document_no, entry.reply_days,
        entry.evidence,
    )  # fmt: skip


def _held(session: AnySession, actor: Actor, key: int, verb: Verb) -> Enforcement:
    require(actor, verb)
    visible(session, actor, Enforcement, key, "这件执法记录")
    if verb is not Verb.ENFORCEMENT_REPLY:
        _regulator(actor)
    row = lock(session, Enforcement, key)
    assert row is not None
    return row


def _regulator(actor: Actor) -> None:
    if actor.unit_id is not None:
        raise NotAllowed(Finding("监管执法", False, "由监管部门办理", "请使用监管部门的账号"))


def _take_force(
    session: AnySession, actor: Actor, row: Enforcement, moved: EnforcementState, verb: EnforcementVerb, at: dt.datetime
) -> None:
    row.in_force_at, row.due_at = at, due_after_days(at, row.reply_days)
    row.decided_by_id = actor.user_id
    moves.move(session, actor, row, "state", moved.value, verb=verb.value, at=at)
    title = say("%(kind)s：%(n)s", kind=KIND_LABELS[EnforcementKind(row.kind)], n=row.number)
    body = say("请查看事实和整改要求，在 %(until)s 前答复；有异议的，可以在时限内申诉", until=clock.until(row.due_at))
    _tell_unit(session, row, "enforcement.in_force", title, body, at)


def _taken_back(
    session: AnySession, actor: Actor, row: Enforcement, moved: EnforcementState, verb: EnforcementVerb, reason: str,
    at: dt.datetime,
) -> None:  # fmt: skip
    row.withdrawn_at, row.withdrawn_by_id, row.withdraw_reason, row.due_at = at, actor.user_id, reason, None
    moves.move(session, actor, row, "state", moved.value, verb=verb.value, at=at, reason=reason)
    _settled(session, row, at)
    if row.in_force_at is not None:
        _tell_unit(session, row, "enforcement.withdrawn", say("已撤销：%(n)s", n=row.number), reason, at)


def _is_over(row: Enforcement, at: dt.datetime) -> bool:
    return row.due_at is not None and row.due_at <= at


def _settled(session: AnySession, row: Enforcement, at: dt.datetime) -> None:
    for topic in ("in_force", "replied", "decide", "returned"):
        outbox.settle(session, at, f"enforcement.{topic}", link_of(row))


def _tell_unit(session: AnySession, row: Enforcement, topic: str, title: str, body: str, at: dt.datetime) -> None:
    who = outbox.accounts_of_unit(session, row.unit_id, Verb.ENFORCEMENT_READ)
    outbox.notify(session, at, who, topic, title, body, link_of(row), f"{topic}:{row.id}:{row.row_version}")


def _deciders(session: AnySession, row: Enforcement, proposer: Actor) -> Iterable[int]:
    """Of the nearest office that has somebody else: who wrote or proposed it cannot decide."""
    wrote = {proposer.user_id, *writers(session, row)}
    for office in outbox.offices_of(session, row.region_code, Verb.ENFORCEMENT_DECIDE):
        others = [key for key in office if key not in wrote]
        if others:
            return others
    return [key for key in outbox.platform_admins(session) if key not in wrote]


def _own_officers(session: AnySession, row: Enforcement) -> list[int]:
    """Who drew it up, proposed it or decided on it."""
    keys = {row.created_by_id, row.proposed_by_id, row.decided_by_id} - {None}
    return sorted(cast("set[int]", keys)) or outbox.officers_of(session, row.region_code, Verb.ENFORCEMENT_EDIT)

"""The fraud desk (FRD-01): signals set aside, cases put to a unit, its explanation, the decision with its reason.

Nothing here touches a visit, a score or a penalty: what follows from a decision is another office's deed. A unit sees
the case that is put to it and the records that it is about, and no signal beside it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, raise_failing
from app.models import FraudCase, FraudEvidence, FraudSignal, Job, Person, Unit, Visit
from app.models.fraud import CASE_OUTCOME, SIGNAL_KIND
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require, require_own_side
from app.policy import Key
from app.rules import fraud
from app.rules.deadlines import due_after_days
from app.rules.fraud import Reason
from app.rules.fraud_cases import (
    CaseOutcome,
    CaseState,
    CaseVerb,
    case_move,
    deciding_findings,
    opening_findings,
    words_finding,
)
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, jobs, moves, outbox
from app.workflows.core.numbers import next_number
from app.workflows.files import attachments

CASE, SIGNAL = "fraud_case", "fraud_signal"
LONGEST_NOTE = 200
PREFIX = "HC"
LONGEST_BACK = dt.timedelta(days=731)


def link_of(row: FraudCase) -> str:
    return f"/fraud/cases/{row.id}"


def set_aside(session: AnySession, actor: Actor, key: int, note: str, at: dt.datetime) -> FraudSignal:
    """A signal that has a harmless reason counts no more; it stays, with the reason and who found it."""
    require(actor, Verb.FRAUD_DECIDE)
    visible(session, actor, FraudSignal, key, "这个疑点")
    row = lock(session, FraudSignal, key)
    assert row is not None
    note = note.strip()
    raise_failing([
        Finding("疑点", row.case_id is None, "已在案件中", "请在案件里认定"),
        Finding("疑点", row.set_aside_at is None, "已经排除", "无需操作"),
        words_finding(note, "排除理由", "note", LONGEST_NOTE),
    ])  # fmt: skip
    row.set_aside_at, row.set_aside_by_id, row.set_aside_note = at, actor.user_id, note
    session.flush()
    audit.record(session, actor, at, "fraud_signal.set_aside", SIGNAL, row.id, after={"note": note})
    return row


def open_case(
    session: AnySession, actor: Actor, keys: Sequence[int], question: str, at: dt.datetime
) -> FraudCase:
    """立案 from signals of one unit; the unit is asked for an explanation, within the region's days."""
    require(actor, Verb.FRAUD_DECIDE)
    keys, question = list(dict.fromkeys(keys)), question.strip()
    rows = [row for key in sorted(keys) if (row := _signal(session, actor, key)) is not None]
    raise_failing(opening_findings([(r.unit_id, r.case_id, r.set_aside_at is not None) for r in rows], question))
    people = {row.person_id for row in rows}
    region = _common(actor, rows)
    due_at = due_after_days(at, int(policy_value(session, Key.FRAUD_ANSWER_DAYS, region, clock.local_day(at))))
    row = FraudCase(
        unit_id=rows[0].unit_id, person_id=people.pop() if len(people) == 1 else None, region_code=region,
        state=CaseState.ASKED.value, question=question, opened_at=at, opened_by_id=actor.user_id,
        due_at=due_at, created_by_id=actor.user_id,
    )  # fmt: skip
    row.number = next_number(session, PREFIX, at)
    session.add(row)
    session.flush()
    for signal in rows:
        signal.case_id = row.id
    session.flush()
    audit.record(
        session, actor, at, "fraud_case.open", CASE, row.id,
        after={"number": row.number, "unit_id": row.unit_id, "signals": [s.id for s in rows], "question": question},
    )  # fmt: skip
    outbox.notify(
        session, at, outbox.accounts_of_unit(session, row.unit_id, Verb.FRAUD_ANSWER), "fraud.ask",
        say("请说明签到核查案件 %(n)s", n=row.number),
        say("请在 %(until)s 前说明；逾期不说明的，按现有记录认定", until=clock.until(due_at)), link_of(row),
        f"fraud:{row.id}:ask",
    )  # fmt: skip
    return row


def answer(
    session: AnySession, actor: Actor, key: int, words: str, at: dt.datetime, file_ids: Sequence[int] = ()
) -> FraudCase:
    """The unit's explanation, with papers; one that comes late is still heard while nothing is decided."""
    row = _case(session, actor, key, Verb.FRAUD_ANSWER)
    require_own_side(actor, row.unit_id, "案件")
    moved = case_move(CaseState(row.state), CaseVerb.ANSWER)
    words = words.strip()
    raise_failing([words_finding(words, "单位说明", "answer")])
    row.answer, row.answered_at, row.answered_by_id = words, at, actor.user_id
    attachments.adopt(session, actor, file_ids, CASE, row.id)
    row.due_at = None
    moves.move(session, actor, row, "state", moved.value, verb=CaseVerb.ANSWER.value, at=at)
    outbox.settle(session, at, "fraud.ask", link_of(row))
    who = [row.opened_by_id] if row.opened_by_id is not None else []
    who += outbox.officers_of(session, row.region_code, Verb.FRAUD_DECIDE)
    outbox.notify(
        session, at, who, "fraud.decide", say("单位已说明，请认定：%(n)s", n=row.number), words[:200], link_of(row),
        f"fraud:{row.id}:answered",
    )  # fmt: skip
    return row


def decide(session: AnySession, actor: Actor, key: int, outcome: str, reason: str, at: dt.datetime) -> FraudCase:
    """The regulator's word with its reason. Whoever is asked is heard first (`deciding_findings`)."""
    row = _case(session, actor, key, Verb.FRAUD_DECIDE)
    moved = case_move(CaseState(row.state), CaseVerb.DECIDE)
    reason = reason.strip()
    raise_failing(deciding_findings(CaseState(row.state), row.due_at, at, outcome, reason))
    row.outcome, row.reason, row.decided_at, row.decided_by_id, row.due_at = outcome, reason, at, actor.user_id, None
    moves.move(session, actor, row, "state", moved.value, verb=CaseVerb.DECIDE.value, at=at, reason=reason)
    for topic in ("fraud.ask", "fraud.decide"):
        outbox.settle(session, at, topic, link_of(row))
    outbox.notify(
        session, at, outbox.accounts_of_unit(session, row.unit_id, Verb.FRAUD_ANSWER), "fraud.decided",
        say("签到核查案件 %(n)s 已结案：%(o)s", n=row.number, o=str(CASE_OUTCOME[outcome])), reason[:300], link_of(row),
        f"fraud:{row.id}:decided",
    )  # fmt: skip
    return row


def enter_look(session: AnySession, actor: Actor, on: dt.date, at: dt.datetime) -> Job:
    """The job that looks at one day of the actor's region again."""
    require(actor, Verb.FRAUD_DECIDE)
    today = clock.local_day(at)
    raise_failing([
        Finding("日期", on <= today, say("%(day)s 还没有到", day=on), "请填写今天或以前的日期", field="on"),
        Finding("日期", on > today - LONGEST_BACK, say("%(day)s 太早", day=on), "请填写两年以内的日期", field="on"),
    ])  # fmt: skip
    params = {"on": on.isoformat(), "region": actor.region_code}
    return jobs.enqueue(session, actor, at, "fraud", say("签到疑点检查 %(d)s", d=on), params)


# --- reading


@dataclass(frozen=True, slots=True)
class Risk:
    """A person or a unit with what the live signals about it add up to."""

    key: int
    name: str
    unit_id: int
    unit: str
    total: int
    reasons: list[Reason]
    first: dt.date
    last: dt.date


def counts() -> Any:
    """Signals that count: not set aside, nor found to be nothing."""
    unfounded = select(FraudCase.id).where(FraudCase.outcome == CaseOutcome.UNFOUNDED.value)
    return FraudSignal.set_aside_at.is_(None) & (
        FraudSignal.case_id.is_(None) | FraudSignal.case_id.not_in(unfounded)
    )


def risks(session: AnySession, actor: Actor, by: str, at: dt.datetime, most: int = 100) -> list[Risk]:
    """Whom the signals of the last time are about, the heaviest first; `by` person or unit."""
    require(actor, Verb.FRAUD_READ)
    today = clock.local_day(at)
    since = today - dt.timedelta(days=int(policy_value(session, Key.FRAUD_RISK_DAYS, actor.region_code, today)))
    of_kind = int(policy_value(session, Key.FRAUD_KIND_MOST, actor.region_code, today))
    key = FraudSignal.person_id if by == "person" else FraudSignal.unit_id
    statement = select(
        key, FraudSignal.unit_id, FraudSignal.kind, FraudSignal.points, FraudSignal.seen_on
    ).where(counts(), FraudSignal.seen_on > since, key.is_not(None))
    rows = session.execute(scope.apply(statement, actor, FraudSignal)).all()
    tallied = fraud.tallied((row[0], row.kind, row.points) for row in rows)
    worth = sorted(
        ((fraud.risk(kinds, of_kind), number) for number, kinds in tallied.items()),
        key=lambda one: (-one[0][0], one[1]),
    )[:most]  # fmt: skip
    found = []
    shown = {number for _risk, number in worth}
    held: dict[int, list[Any]] = {}
    for row in rows:
        if row[0] in shown:
            held.setdefault(row[0], []).append(row)
    units = _names(session, Unit, {row.unit_id for some in held.values() for row in some})
    people = _names(session, Person, shown) if by == "person" else units
    for (total, reasons), number in worth:
        days = [row.seen_on for row in held[number]]
        unit = held[number][-1].unit_id
        found.append(
            Risk(number, people.get(number, ""), unit, units.get(unit, ""), total, reasons, min(days), max(days))
        )
    return found


def evidence_of(
    session: AnySession, actor: Actor, signal_ids: Sequence[int]
) -> dict[int, list[tuple[Any, int | None]]]:
    """The visits that signals stand on, with the photo where it is about one: those that the actor may see."""
    statement = (
        select(FraudEvidence.signal_id, FraudEvidence.attachment_id, Visit)
        .join(Visit, Visit.id == FraudEvidence.visit_id)
        .where(FraudEvidence.signal_id.in_(signal_ids), scope.criterion(Visit, actor))
        .order_by(Visit.checked_in_at, Visit.id)
    )
    found: dict[int, list[tuple[Any, int | None]]] = {}
    for signal, photo, visit in session.execute(statement.execution_options(skip_scope=True)):
        found.setdefault(signal, []).append((visit, photo))
    return found


def signals_of(session: AnySession, case: FraudCase) -> list[FraudSignal]:
    """What a case is about; whoever sees the case is told it. The caller has the case through scope."""
    statement = select(FraudSignal).where(FraudSignal.case_id == case.id).order_by(FraudSignal.seen_on, FraudSignal.id)
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def of_visit(session: AnySession, actor: Actor, visit_id: int) -> list[FraudSignal]:
    """The signals that stand on a visit, for whoever reads signals."""
    if not actor.may(Verb.FRAUD_READ):
        return []
    about = select(FraudEvidence.signal_id).where(FraudEvidence.visit_id == visit_id)
    statement = select(FraudSignal).where(FraudSignal.id.in_(about)).order_by(FraudSignal.id.desc())
    return list(session.scalars(scope.apply(statement, actor, FraudSignal)))


def kinds_words(rows: Sequence[FraudSignal]) -> list[tuple[str, int]]:
    """How many of each kind, in words."""
    return [
        (str(label), count) for kind, label in SIGNAL_KIND.items() if (count := sum(r.kind == kind for r in rows))
    ]


# --- parts


def _signal(session: AnySession, actor: Actor, key: int) -> FraudSignal | None:
    visible(session, actor, FraudSignal, key, "这个疑点")
    return lock(session, FraudSignal, key)


def _case(session: AnySession, actor: Actor, key: int, verb: Verb) -> FraudCase:
    require(actor, verb)
    visible(session, actor, FraudCase, key, "这件案件")
    row = lock(session, FraudCase, key)
    assert row is not None
    return row


def _common(actor: Actor, rows: Sequence[FraudSignal]) -> str:
    """The signals' region where they are of one, else the regulator's own: whoever opened it goes on seeing it."""
    regions = {row.region_code for row in rows}
    return regions.pop() if len(regions) == 1 or actor.region_code is None else actor.region_code


def _names(session: AnySession, model: Any, keys: set[int]) -> dict[int, str]:
    statement = select(model.id, model.name).where(model.id.in_(keys)).execution_options(skip_scope=True)
    return dict(session.execute(statement).all())

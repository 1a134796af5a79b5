"""Appeals (APL-01): a unit says that a record held against it is wrong; an officer who did not make it decides.

An appeal is an application, so it has the queue, the limit, the second person, the files and the doors of all others.
Upheld, it corrects: a visit counts as valid, a missed period is withdrawn, a late complaint or rescue counts as in
time, a failed inspection says nothing against the unit any more, a 约谈 is taken back. The record stays as it was, and
what is asked as of an instant before the decision knows nothing of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from sqlalchemy import literal_column, select
from sqlalchemy.exc import IntegrityError

from app import clock, scope
from app.errors import Finding, NotAllowed, Refusal, raise_failing
from app.models import (
    Appeal,
    Application,
    Complaint,
    Elevator,
    Enforcement,
    Inspection,
    OverduePeriod,
    Rescue,
    Score,
    ScoreEntry,
    StatusChange,
    UnitChange,
    Visit,
)
from app.models.among import among
from app.models.choices import VISIT_STATE
from app.models.policy import policy_value
from app.permissions import SYSTEM, Actor, Verb, require
from app.policy import Key
from app.rules.appeals import appeal_until, grounds_finding, single_finding, time_finding
from app.rules.approval import ApplicationVerb
from app.rules.complaints import ComplaintState
from app.rules.label_photos import LabelBy
from app.rules.lifecycle import ApplicationKind
from app.rules.other_scores import Outcome
from app.rules.two_persons import independent
from app.rules.visits import VisitState
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import again, say
from app.workflows.approval import submissions
from app.workflows.approval.following import Following, scans_of
from app.workflows.core import audit, independence, jobs, moves
from app.workflows.maintenance import overdue
from app.workflows.oversight import appeal_figures, appeal_items, enforcement, evidence
from app.workflows.oversight.evidence import Item
from app.workflows.public import complaints
from app.workflows.visits import visit_state

KIND = ApplicationKind.APPEAL
ENTITY = Appeal.__tablename__
_PAPER = Following(Appeal, "申诉", "这件申诉")
# Which appeals count for a record, in the very words of the partial index.
_COUNTS = Appeal.state != literal_column("'withdrawn'")
# What a unit may appeal against; 审批驳回 is its own manager's word.
FAILED = (VisitState.NONCONFORMING, VisitState.VOID, VisitState.ABNORMAL)


@dataclass(frozen=True, slots=True)
class Kind:
    """What an appeal about such a record is: since when it is known, whether anything is held against the unit, which
    accounts made it (they do not decide), and what upholding it does. A new kind of evidence adds its own in KINDS.
    """

    model: Any
    known_at: Callable[[AnySession, Any], dt.datetime | None]
    held: Callable[[Any, dt.datetime], Finding]
    makers: Callable[[AnySession, Any], set[int | None]]
    uphold: Callable[[AnySession, Actor, Any, str, dt.datetime], None]
    unit_id: Callable[[Any], int | None] = attrgetter("unit_id")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a record's page offers: the way to appeal, or to the appeal that there is."""

    link: str = ""
    label: str = ""


def submit(
    session: AnySession, actor: Actor, key: str, grounds: str, files: Sequence[int], at: dt.datetime
) -> Application:  # fmt: skip
    """Appeal against a record of one's own unit, named as evidence is (visit-17, score_entry-9)."""
    require(actor, Verb.APPEAL_SUBMIT)
    if actor.unit_id is None:
        raise NotAllowed(Finding("申诉", False, "由被评价的单位申诉", "监管部门可以直接更正或撤销"))
    item, line = resolved(session, actor, key, at)
    kind = KINDS[item.entity]
    row = lock(session, kind.model, item.entity_id)
    if row is None or kind.unit_id(row) != actor.unit_id:
        raise NotAllowed(Finding("申诉", False, "这条记录不是本单位的", "只能对本单位的记录申诉"))
    grounds, until = grounds.strip(), until_of(session, row, kind, at)
    raise_failing([*_findings(session, row, item, kind, until, at), grounds_finding(grounds)])
    made = Appeal(
        unit_id=actor.unit_id, region_code=row.region_code, entity=item.entity, entity_id=item.entity_id,
        elevator_id=item.elevator_id, happened_on=item.happened_on or clock.local_day(at), said=item.said,
        grounds=grounds, appeal_until=until, created_by_id=actor.user_id, created_at=at,
        **_run_of(session, actor, line),
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        raise Refusal(_single(session, item)) from None
    lift = select(Elevator).where(Elevator.id == (item.elevator_id or 0)).execution_options(skip_scope=True)
    application = submissions.open_application(
        session, actor, KIND.value, entity=ENTITY, entity_id=made.id, title=say("申诉　%(said)s", said=item.said),
        region_code=row.region_code, at=at, elevator=session.scalar(lift), reason=grounds, attachments=files,
    )  # fmt: skip
    made.number, made.application_id = application.number, application.id
    session.flush()
    _PAPER.follow(session, actor, made, ApplicationVerb.SUBMIT, at, application)
    return application


def resolved(session: AnySession, actor: Actor, key: str, at: dt.datetime) -> tuple[Item, ScoreEntry | None]:
    """The record of a key, and the ledger's line where the key names one; Refusal where there is no appeal."""
    (item,) = evidence.items(session, actor, [key], at)
    if item.entity not in KINDS:
        way = "可以对维保记录、超期记录、投诉、救援、检验、变更和处罚申诉"
        raise Refusal(Finding("申诉", False, "这类记录不能申诉", way, field="about"))
    line = None
    if key.startswith("score_entry-"):
        line = visible(session, actor, ScoreEntry, int(key.partition("-")[2]), "这条账目")
        if line.rule in appeal_items.NEVER:
            way = "原因登记有误的，请联系监管部门更正救援记录"
            raise Refusal(Finding("申诉", False, "故障次数按救援记录计，不能单独申诉", way, field="about"))
    return item, line


def preview(session: AnySession, actor: Actor, key: str, at: dt.datetime) -> tuple[Item, list[Finding]]:
    """What the form shows before anything is written: the record, and everything that must hold."""
    item, _line = resolved(session, actor, key, at)
    kind = KINDS[item.entity]
    row = visible(session, actor, kind.model, item.entity_id, "这条记录")
    own = kind.unit_id(row) == actor.unit_id
    way = "" if own else "只能对本单位的记录申诉"
    mine = Finding("本单位的记录", own, "是本单位的" if own else "不是本单位的", way)
    return item, [mine, *_findings(session, row, item, kind, until_of(session, row, kind, at), at)]


def until_of(session: AnySession, row: Any, kind: Kind, at: dt.datetime) -> dt.datetime | None:
    """The first instant that is too late, by the policy of the day on which the record was made."""
    known_at = kind.known_at(session, row) or at
    days = policy_value(session, Key.APPEAL_WITHIN_DAYS, row.region_code, clock.local_day(known_at))
    return appeal_until(known_at, None if days is None else int(days))


def of_record(session: AnySession, entity: str, entity_id: int) -> Appeal | None:
    """The appeal that counts for a record, whoever may read it."""
    statement = select(Appeal).where(Appeal.entity == entity, Appeal.entity_id == entity_id, _COUNTS)
    found: Appeal | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


def still_open(
    session: AnySession, unit_id: int, entity: str, keys: Collection[int], at: dt.datetime
) -> dict[int, dt.datetime | None]:  # fmt: skip
    """Of these records of a unit those that it may still appeal against, whoever asks; each with the first instant that
    is too late, None where policy sets none."""
    kind = KINDS[entity]
    there = select(Appeal.entity_id).where(Appeal.entity == entity, _COUNTS, among(session, Appeal.entity_id, keys))
    known = set(session.scalars(there.execution_options(skip_scope=True)))
    wanted = select(kind.model).where(among(session, kind.model.id, [key for key in keys if key not in known]))
    found: dict[int, dt.datetime | None] = {}
    with scope.acting(SYSTEM):
        for row in session.scalars(wanted.order_by(kind.model.id)):
            until = until_of(session, row, kind, at)
            if kind.unit_id(row) == unit_id and (until is None or at < until) and kind.held(row, at).ok:
                found[row.id] = until
    return found


def offered(session: AnySession, actor: Actor, entity: str, entity_id: int, at: dt.datetime) -> Offer:
    """For a record's page: to whom it concerns, the appeal that there is, or the way to one while there is time."""
    there = of_record(session, entity, entity_id)
    if there is not None:
        wanted = select(Appeal.id).where(Appeal.id == there.id)
        seen = session.scalar(scope.apply(wanted, actor, Appeal).execution_options(skip_scope=True)) is not None
        if not seen or not actor.may(Verb.APPLICATION_READ):
            return Offer()
        return _to(there)
    if actor.unit_id is None or not actor.may(Verb.APPEAL_SUBMIT):
        return Offer()
    kind = KINDS[entity]
    wanted = select(kind.model).where(kind.model.id == entity_id)
    row = session.scalar(scope.apply(wanted, actor, kind.model))
    if row is None or kind.unit_id(row) != actor.unit_id or not kind.held(row, at).ok:
        return Offer()
    until = until_of(session, row, kind, at)
    return Offer(f"/appeals/new?about={entity}-{entity_id}", say("申诉")) if until is None or at < until else Offer()


def upon(session: AnySession, actor: Actor, records: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Offer]:
    """The ways to the appeals that count, of those that the actor reads, for a list of records; one statement."""
    wanted = set(records)
    if not wanted or not actor.may(Verb.APPLICATION_READ):
        return {}
    statement = select(Appeal).where(
        Appeal.entity.in_({entity for entity, _key in wanted}), Appeal.entity_id.in_({key for _entity, key in wanted}),
        _COUNTS,
    )  # fmt: skip
    found = session.scalars(scope.apply(statement, actor, Appeal).execution_options(skip_scope=True))
    return {(row.entity, row.entity_id): _to(row) for row in found if (row.entity, row.entity_id) in wanted}


def _to(row: Appeal) -> Offer:
    return Offer(f"/applications/{row.application_id}", say("查看申诉 %(number)s", number=row.number or ""))


# --- as an application


def findings(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    """The record still held against the unit, the appeal in time when it was made, every file open to be read."""
    row: Appeal = _PAPER.row(session, application)
    kind = KINDS[row.entity]
    record = session.get(kind.model, row.entity_id)
    _kinds, readable = scans_of(session, application)
    held = Finding("记录", False, "记录已不存在", "请驳回并说明") if record is None else kind.held(record, at)
    first = row.created_at
    return [held, time_finding(row.appeal_until, _day(row.appeal_until), first), readable]


def barred(session: AnySession, actor: Actor, application: Application) -> list[Finding]:
    """Whoever made the record does not decide on the appeal against it, nor who stands in his line."""
    row = session.get(Appeal, application.entity_id)
    record = None if row is None else session.get(KINDS[row.entity].model, row.entity_id)
    if row is None or record is None:
        return []
    found: dict[str, Finding] = {}
    for maker in KINDS[row.entity].makers(session, record) - {None}:
        one, other = (independence.party(session, key) for key in (maker, actor.user_id))
        for finding in independent(one, other, "作出记录的人员"):
            if finding.stops:
                found[finding.rule] = finding
    return list(found.values())


def _approved(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
    """Uphold: the correction, with the unit's figures before and after, in the transaction of the decision."""
    row: Appeal = _PAPER.row(session, application)
    kind = KINDS[row.entity]
    if row.entity == OverduePeriod.__tablename__ and row.elevator_id is not None:
        overdue.hold(session, row.elevator_id)
    record = lock(session, kind.model, row.entity_id)
    before = appeal_figures.of(session, row, at)
    _HANDLERS.approved(session, actor, application, at)
    kind.uphold(session, actor, record, say("申诉 %(number)s 成立", number=application.number), at)
    row.figures = appeal_figures.beside(before, appeal_figures.of(session, row, at))
    session.flush()
    audit.record(
        session, actor, at, "appeal.uphold", ENTITY, row.id,
        after={"about": f"{row.entity}-{row.entity_id}", "application": application.number,
               "figures": [[str(again(part)) for part in line] for line in row.figures]},
    )  # fmt: skip
    _score_again(session, actor, row, at)


def _score_again(session: AnySession, actor: Actor, row: Appeal, at: dt.datetime) -> None:
    """The run from which the appeal was made, with what is known now; every night makes the running year's anyway."""
    if row.run_region is None or row.run_from_on is None or row.run_to_on is None or not actor.may(Verb.SCORE_RUN):
        return
    span = actor.region_span
    if not actor.sees_everything and (span is None or not span[0] <= row.run_region < span[1]):
        return
    title = say("申诉成立后重新计算：%(a)s 至 %(b)s", a=row.run_from_on, b=row.run_to_on)
    params = {
        "region": row.run_region, "from_on": row.run_from_on.isoformat(), "to_on": row.run_to_on.isoformat(),
        "as_of": at.isoformat(), "back": "/scores/",
    }  # fmt: skip
    try:
        with session.begin_nested():
            jobs.enqueue(session, actor, at, "score", title, params)
    except Refusal:
        return  # too many of his jobs wait; the decision does not hang on it


def _resubmitted(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
    row: Appeal = _PAPER.row(session, application)
    row.grounds = application.reason or row.grounds
    assert _HANDLERS.resubmitted is not None
    _HANDLERS.resubmitted(session, actor, application, at)


_HANDLERS = _PAPER.handlers(findings)
APPLICATION = replace(_HANDLERS, approved=_approved, resubmitted=_resubmitted, barred=barred)


# --- parts


def _findings(
    session: AnySession, row: Any, item: Item, kind: Kind, until: dt.datetime | None, at: dt.datetime
) -> list[Finding]:  # fmt: skip
    return [kind.held(row, at), time_finding(until, _day(until), at), _single(session, item)]


def _single(session: AnySession, item: Item) -> Finding:
    there = of_record(session, item.entity, item.entity_id)
    if there is None:
        return single_finding(None, None, False)
    open_ = there.state not in ("approved", "rejected")
    return single_finding(there.number, f"/applications/{there.application_id}", open_)


def _day(until: dt.datetime | None) -> str:
    return "" if until is None else clock.until(until)


def _run_of(session: AnySession, actor: Actor, line: ScoreEntry | None) -> dict[str, Any]:
    """The score that the appeal was made from: its run's region and period."""
    if line is None:
        return {}
    score: Score = visible(session, actor, Score, line.score_id, "得分")
    run = score.run
    return {
        "rule": line.rule, "run_region": run.region_code, "run_from_on": run.from_on, "run_to_on": run.to_on,
    }  # fmt: skip


# --- kinds of records


def _visit_known(session: AnySession, row: Visit) -> dt.datetime | None:
    """When it came to count as it does: its last step, and for one taken over or never moved when it was settled."""
    steps = select(StatusChange.known_at).where(
        StatusChange.entity == "visit", StatusChange.entity_id == row.id, StatusChange.field == "state",
        StatusChange.new == row.state,
    )
    found: dt.datetime | None = session.scalar(steps.order_by(StatusChange.id.desc()).limit(1))
    return found or row.settled_at


def _visit_held(row: Visit, at: dt.datetime) -> Finding:
    # Of labels what a regulator said of them: what the unit's own manager says is its own.
    label = row.state == VisitState.REJECTED == row.label_state and row.label_by == LabelBy.REGULATOR
    ok = row.state in {state.value for state in FAILED} or label
    found = say("现为“%(state)s”", state=VISIT_STATE[row.state])
    return Finding("维保记录的状态", ok, found, "" if ok
                   else "只能对不合规、无效、异常和标签照片核对不通过的记录申诉")  # fmt: skip


def _uphold_visit(session: AnySession, actor: Actor, row: Visit, reason: str, at: dt.datetime) -> None:
    """It counts as valid from now on; the clock hears of one that did not count, and withdraws what that disproves."""
    row.appeal_upheld_at = at
    visit_state.settle(session, row, at, verb=moves.APPEAL)
    audit.record(session, actor, at, "visit.appeal", "visit", row.id, after={"state": row.state, "reason": reason})


def _overdue_held(row: OverduePeriod, at: dt.datetime) -> Finding:
    ok = not row.withdrawn
    return Finding("超期记录", ok, "计入超期" if ok else "已更正，不再计入", "" if ok else "不需要申诉")


def _uphold_overdue(session: AnySession, actor: Actor, row: OverduePeriod, reason: str, at: dt.datetime) -> None:
    overdue.uphold(session, row, actor, reason, at)
    audit.record(
        session, actor, at, "overdue.appeal", "overdue_period", row.id, after={"withdrawn": True, "reason": reason}
    )


def _complaint_held(row: Complaint, at: dt.datetime) -> Finding:
    if row.state != ComplaintState.CLOSED:
        return Finding("投诉", False, "还没有办结", "请在办结后申诉")
    late = complaints.outcome_of(row, at) is Outcome.LATE
    return Finding("投诉", late, "处置不及时" if late else "没有计为不及时", "" if late else "不需要申诉")


def _complaint_makers(session: AnySession, row: Complaint) -> set[int | None]:
    """Whoever of the regulators ended it."""
    ended = select(StatusChange.actor_id).where(
        StatusChange.entity == "complaint", StatusChange.entity_id == row.id, StatusChange.verb == "close"
    )
    return set(session.scalars(ended))


def _uphold_complaint(session: AnySession, actor: Actor, row: Complaint, reason: str, at: dt.datetime) -> None:
    row.appeal_upheld_at = at
    session.flush()
    audit.record(session, actor, at, "complaint.appeal", "complaint", row.id, after={"reason": reason})


def _enforcement_held(row: Enforcement, at: dt.datetime) -> Finding:
    ok = enforcement.stands_at(row, at)
    return Finding("约谈或处罚", ok, "有效" if ok else "没有生效，或已撤销", "" if ok else "不需要申诉")


def _nobody(session: AnySession, row: Any) -> set[int | None]:
    """Judged by the rules: no officer made it."""
    return set()


KINDS: dict[str, Kind] = {
    "visit": Kind(Visit, _visit_known, _visit_held, _nobody, _uphold_visit),
    "overdue_period": Kind(
        OverduePeriod, lambda session, row: row.judged_at, _overdue_held, _nobody, _uphold_overdue
    ),
    "complaint": Kind(
        Complaint, lambda session, row: row.closed_at, _complaint_held, _complaint_makers, _uphold_complaint
    ),
    "enforcement": Kind(
        Enforcement, lambda session, row: row.in_force_at, _enforcement_held,
        lambda session, row: {*enforcement.writers(session, row), row.proposed_by_id, row.decided_by_id},
        enforcement.overturn,
    ),
    "rescue": Kind(
        Rescue, lambda session, row: row.ended_at, appeal_items.rescue_held, appeal_items.rescue_makers,
        appeal_items.uphold_rescue,
    ),
    "inspection": Kind(
        Inspection, lambda session, row: row.in_force_from, appeal_items.inspection_held,
        appeal_items.inspection_makers, appeal_items.uphold_inspection,
    ),
    # The appeal itself is the correction: the score asks it.
    "unit_change": Kind(
        UnitChange, lambda session, row: row.application.submitted_at, appeal_items.change_held, _nobody,
        appeal_items.uphold_change, attrgetter("new_unit_id"),
    ),
}

"""Applications (LIF-07): apply, decide, return, resubmit, withdraw. What each kind means is its area's affair.

`kinds.HANDLERS` names for each kind the workflow module that has an `APPLICATION` of `submissions.Handlers`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, Stale, raise_failing, refuse
from app.models import Application, ApplicationStep, Elevator, Region, Unit, Version
from app.permissions import Actor, Verb, require
from app.rules.approval import (
    WAITING_STATES,
    ApplicationState,
    ApplicationVerb,
    application_move,
    one_by_one,
    reason_finding,
)
from app.rules.lifecycle import CAUSE_LABELS, ELEVATOR_KINDS, KIND_LABELS, ApplicationKind, ChangeCause
from app.transaction import AnySession, at_hand, lock
from app.wording import say, together
from app.workflows.approval import approval_limits, calendars, delegations, effects, seconds, submissions
from app.workflows.approval.kinds import HANDLERS, handlers
from app.workflows.approval.submissions import REFILED_KINDS, Asked
from app.workflows.core import audit
from app.workflows.desk import field_remarks
from app.workflows.filing import registration_changes

__all__ = [
    "HANDLERS", "OPEN_KINDS", "apply", "checks", "checks_shown", "conditions_of", "decide", "filed_of", "handlers",
    "next_waiting", "not_own", "resubmit", "said_lately", "steps", "waits_for", "withdraw",
]  # fmt: skip

# What `said_lately` looks through and gives.
LOOKED_AT, LONGEST_SAID, MOST_SAID = 5_000, 60, 4
_ENDS = {ApplicationVerb.APPROVE, ApplicationVerb.REJECT, ApplicationVerb.ENDORSE}
_DECISIONS = frozenset(
    {ApplicationVerb.ACCEPT, ApplicationVerb.RETURN_, ApplicationVerb.APPROVE, ApplicationVerb.REJECT}
)
OPINION_LENGTH = 500
# What checks and effects of one decision ask for again and again.
_ASKED_OFTEN = (Region, Unit, Version)
# What an application keeps besides what its unit wrote: files, what stood before, where a move leads.
_NOT_FILED = {"attachments", "before", "to_region", "to_unit", "papers", "remarks"}
OPEN_KINDS = ELEVATOR_KINDS - {ApplicationKind.UNIT_CHANGE}


def apply(
    session: AnySession,
    actor: Actor,
    kind: str,
    elevator: Elevator,
    *,
    effective_on: dt.date | None,
    reason: str | None,
    attachments: Sequence[int] = (),
    at: dt.datetime,
    data: dict[str, Any] | None = None,
    batch: int | None = None,
) -> Application:
    """Apply for something about an elevator that one sees; refused with every failing check at once.

    `batch` is the number of the job that applies for many elevators, each by this.
    A change of the maintenance unit goes by `unit_changes.apply`: the new unit does not see the elevator yet.
    """
    require(actor, Verb.APPLICATION_SUBMIT)
    if kind not in OPEN_KINDS:
        raise refuse(
            "申请事项",
            say("没有“%(kind)s”这种申请", kind=kind),
            "请从电梯页面选择可以办理的事项",
            field="kind",
            value=kind,
        )
    row = _elevator(session, actor, elevator.id)
    data = dict(data or {})
    asked = Asked(clock.local_day(at), effective_on, reason, attachments, data, unit_id=actor.unit_id)
    raise_failing(conditions_of(session, kind, row, asked))
    return submissions.open_application(
        session, actor, kind, entity=Elevator.__tablename__, entity_id=row.id,
        title=_title(kind, row, data), region_code=registration_changes.region_of(row, data), at=at, elevator=row,
        effective_on=effective_on, reason=(reason or "").strip() or None, attachments=attachments,
        data={name: value for name, value in data.items() if name != "wrong"},
        parties=registration_changes.parties(row, data), batch=batch,
    )  # fmt: skip


def _title(kind: str, row: Elevator, data: dict[str, Any]) -> str:
    what = KIND_LABELS[ApplicationKind(kind)]
    if data.get("cause"):
        what += say("（%(cause)s）", cause=CAUSE_LABELS[ChangeCause(data["cause"])])
    return together([what, row.code, row.place], "　")


def conditions_of(session: AnySession, kind: str, elevator: Elevator, asked: Asked) -> list[Finding]:
    """Can this be applied for? Every condition, before anything is submitted (GAT-01)."""
    conditions = handlers(kind).conditions
    assert conditions is not None
    return conditions(session, kind, elevator, asked)


def checks(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    """Pass and fail of everything that an approval needs, as things stand now (GAT-01)."""
    return handlers(application.kind).findings(session, application, at)


def decide(
    session: AnySession,
    actor: Actor,
    application_id: int,
    verb: ApplicationVerb | str,
    opinion: str,
    seen_version: int,
    at: dt.datetime,
    remarks: field_remarks.Remarks | None = None,
    *,
    press: str = "",
) -> Application:
    """Accept, approve, return or reject what the officer saw. The effects are part of the same transaction.

    `seen_version` is the `row_version` that the page showed; if the application moved since, the officer is told
    what happened and decides again. Approving or rejecting what was not yet accepted accepts it first: both steps stay.
    Where policy asks for two persons, the first 同意 endorses and the second, of another officer, approves.
    `remarks` say what is wrong with single fields or papers of a filing that is sent back.
    `press`: it is one of many under one decision of this name, which some kinds are too weighty for; its unit is told
    of them together (`told_together.tell`).
    Whoever stands in for an officer of another office decides at that one's desk (`delegations.at_desk`).
    """
    require(actor, Verb.APPLICATION_DECIDE)
    desk = delegations.at_desk(session, actor, application_id, at)
    if desk.stands_for is not None:
        with scope.acting(desk), at_hand(session, *_ASKED_OFTEN):
            return _decide(session, desk, application_id, verb, opinion, seen_version, at, remarks or {}, press)
    with at_hand(session, *_ASKED_OFTEN):
        return _decide(session, actor, application_id, verb, opinion, seen_version, at, remarks or {}, press)


def _decide(
    session: AnySession,
    actor: Actor,
    application_id: int,
    verb: ApplicationVerb | str,
    opinion: str,
    seen_version: int,
    at: dt.datetime,
    remarks: field_remarks.Remarks,
    press: str,
) -> Application:
    verb = _decision(verb)
    application = lock(session, Application, application_id, scope.criterion(Application, actor))
    if application is None:
        raise scope.not_found(application_id, "这件申请")
    if application.kind in REFILED_KINDS and verb is ApplicationVerb.RETURN_:
        # A filing knows 不通过 only: the unit mends it and submits again as a new application.
        verb = ApplicationVerb.REJECT
    _as_seen(session, application, seen_version)
    if verb is ApplicationVerb.APPROVE:
        effects.hold_beside(session, application)
    if press:
        raise_failing([one_by_one(application.kind, verb)])
    told_of = field_remarks.checked(application, remarks, verb)
    opinion = opinion.strip() or field_remarks.as_opinion(application, told_of, OPINION_LENGTH)
    seconds.may_decide_on(session, actor, application, verb)
    raise_failing(_opinion(verb, opinion))
    if verb is ApplicationVerb.APPROVE:
        raise_failing(checks(session, application, at))
        verb = seconds.verb_of(session, application, at)
    behalf = seconds.on_behalf(session, actor, application, at)
    told: dict[str, Any] = {"seen_version": seen_version, "on_behalf_of_id": behalf}
    if verb in _ENDS and application.state == ApplicationState.SUBMITTED:
        submissions.advance(session, actor, application, ApplicationVerb.ACCEPT, at, **told)
    seconds.note(actor, application, verb, behalf)
    application.opinion = opinion or None
    if told_of:
        application.data = {**application.data, "remarks": told_of}
    if verb in (ApplicationVerb.APPROVE, ApplicationVerb.REJECT):
        application.decided_at, application.decided_by_id = at, actor.user_id
    submissions.advance(session, actor, application, verb, at, opinion=opinion or None, press=press or None, **told)
    if verb is ApplicationVerb.ENDORSE:
        if not press:
            submissions.tell_officers(session, application, at)
        return application
    means = handlers(application.kind)
    if verb is ApplicationVerb.APPROVE:
        means.approved(session, actor, application, at)
    elif verb is not ApplicationVerb.ACCEPT and means.turned_down is not None:
        means.turned_down(session, actor, application, verb, at)
    if not press:
        submissions.tell_applicant(session, application, verb, at)
    return application


def checks_shown(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> list[Finding]:
    """The checks as a reader sees them, at the desk and by the interface; none where nothing is decided any more."""
    if application.state not in (*WAITING_STATES, ApplicationState.RETURNED):
        return []
    found = [*checks(session, application, at), *barred(session, actor, application)]
    # Who else claims the same code is for the officer's eyes.
    return found if actor.may(Verb.APPLICATION_DECIDE) else [f for f in found if not f.rule.endswith("另有填报")]


def barred(session: AnySession, actor: Actor, application: Application) -> list[Finding]:
    """Why this officer may decide nothing here, whatever he would say: told before he writes it."""
    means = handlers(application.kind)
    if means.barred is None or not actor.may(Verb.APPLICATION_DECIDE):
        return []
    return means.barred(session, actor, application)


def waits_for(actor: Actor, application: Application) -> bool:
    """Whether it waits for this officer: not what he submitted himself, nor what he endorsed."""
    endorsed = application.state == ApplicationState.ENDORSED and application.endorsed_by_id == actor.user_id
    own = application.submitted_by_id == actor.user_id
    return actor.may(Verb.APPLICATION_DECIDE) and application.state in WAITING_STATES and not own and not endorsed


def withdraw(session: AnySession, actor: Actor, application_id: int, at: dt.datetime) -> Application:
    """Take back one's own application; a filing is unlocked by it.

    What was approved for a later day is called off: until then nothing has changed.
    """
    application = _own(session, actor, application_id)
    if effects.may_be_called_off(application, clock.local_day(at)):
        effects.call_off(session, actor, application, None, at)
        return application
    submissions.advance(session, actor, application, ApplicationVerb.WITHDRAW, at)
    turned_down = handlers(application.kind).turned_down
    if turned_down is not None:
        turned_down(session, actor, application, ApplicationVerb.WITHDRAW, at)
    submissions.settle(session, application, at)
    return application


def resubmit(
    session: AnySession,
    actor: Actor,
    application_id: int,
    *,
    effective_on: dt.date | None,
    reason: str | None,
    attachments: Sequence[int],
    at: dt.datetime,
    mended: Mapping[str, Any] | None = None,
    seen_version: int | None = None,
    job: int | None = None,
) -> Application:
    """Send back what was returned for correction, mended; the clock runs on with the working days that were left.

    The effective day may not lie before this submission: back-dating by way of a return is none. `mended` is what was
    filed, put right: of a kind about an elevator what `apply` takes as data, of the others the values of their `mends`.
    `job`: it is one of its batch that this job sends again, as it was seen; officers hear of them together.
    """
    application = _own(session, actor, application_id)
    if seen_version is not None and application.row_version != seen_version:
        what = submissions.steps_after(session, application, seen_version)
        found = say("您打开页面后，%(what)s", what=what)
        raise Stale(Finding("所见即所改", False, found, "请看过现在的内容后再改"), application.row_version)
    application_move(ApplicationState(application.state), ApplicationVerb.RESUBMIT)
    if mended is not None:
        submissions.may_mend(session, actor, application, handlers(application.kind))
    application.effective_on = effective_on if application.kind in ELEVATOR_KINDS else application.effective_on
    application.reason = (reason or "").strip() or None
    # What the officer said of what he sent back is answered by this; it stays with its step.
    application.opinion = None
    submissions.attach(session, actor, application, attachments)
    application.submitted_at, application.submitted_by_id = at, actor.user_id
    if mended is not None:
        _mend(session, actor, application, mended, at)
    if application.due_at is not None:
        is_working = calendars.working_calendar(session, application.region_code)
        application.due_at = approval_limits.due_at(session, application, is_working, back_at=at)
    submissions.advance(session, actor, application, ApplicationVerb.RESUBMIT, at, seen_version=seen_version)
    resubmitted = handlers(application.kind).resubmitted
    if resubmitted is not None:
        resubmitted(session, actor, application, at)
    raise_failing(checks(session, application, at))
    submissions.tell_officers(session, application, at, None if job is None else application.batch, mended_by=job)
    return application


def _mend(
    session: AnySession, actor: Actor, application: Application, values: Mapping[str, Any], at: dt.datetime
) -> None:
    """Put what was filed right, with every reason why it can't be so; the log keeps which parts of it changed."""
    means = handlers(application.kind)
    before = filed_of(session, application)
    if application.kind in OPEN_KINDS:
        row = _elevator(session, actor, application.elevator_id or 0)
        data = dict(values) | {"attachments": application.data.get("attachments", [])}
        application.data = {name: value for name, value in data.items() if name != "wrong"}
        asked = Asked(
            clock.local_day(at), application.effective_on, application.reason, data["attachments"], data,
            application.id, application.unit_id,
        )  # fmt: skip
        raise_failing(conditions_of(session, application.kind, row, asked))
        submissions.entitle(application, _title(application.kind, row, data))
        application.region_code = registration_changes.region_of(row, data)
        # Its files are read where it is decided.
        submissions.attach(session, actor, application, data["attachments"])
        submissions.add_parties(session, application, registration_changes.parties(row, data))
    elif means.mended is not None:
        means.mended(session, actor, application, values, at)
    else:
        remedy = "可以补充说明和材料；内容要改的，请撤回后重新申请"
        raise refuse("补正内容", "这种申请提交后不改内容", remedy, field="mended")
    after = filed_of(session, application)
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if names:
        audit.record(
            session, actor, at, "application.edit", Application.__tablename__, application.id,
            after={"kind": application.kind, "fields": names},
        )


def filed_of(session: AnySession, application: Application) -> dict[str, Any]:
    """What was filed, part by part, as it stands: what a form to put it right begins with."""
    filed = handlers(application.kind).filed
    if filed is not None:
        return dict(filed(session, application))
    data = {name: value for name, value in application.data.items() if name not in _NOT_FILED}
    return data | dict(data.pop("changes", None) or {})


def next_waiting(
    session: AnySession, actor: Actor, after: Application | None = None, narrowed: Callable[[Any], Any] = lambda s: s
) -> Application | None:
    """The next one in the officer's queue, or in what of it he goes through: the nearest limit first; after the last
    one, the first again."""
    statement = scope.apply(select(Application), actor).where(
        Application.is_open.is_(True), Application.state.in_([s.value for s in WAITING_STATES]), not_own(actor)
    )
    if after is not None:
        statement = statement.where(Application.id != after.id)
    statement = narrowed(statement).order_by(Application.due_at, Application.id).limit(1)
    found = None
    if after is not None and after.due_at is not None:
        behind = (Application.due_at > after.due_at) | (Application.id > after.id)
        found = session.scalar(statement.where(Application.due_at >= after.due_at, behind))
    return cast("Application | None", found if found is not None else session.scalar(statement))


def said_lately(session: AnySession, actor: Actor) -> list[str]:
    """Short opinions on the actor's own last decisions, each once, the newest first: an officer says much again.

    Looked for among the newest steps of all, so that no index of his own is kept for it.
    """
    step = ApplicationStep
    begin = select(func.coalesce(func.max(step.id), 0) - LOOKED_AT).scalar_subquery()
    statement = (
        select(step.opinion)
        .where(
            step.id > begin, step.actor_id == actor.user_id, step.verb.in_(sorted(verb.value for verb in _DECISIONS)),
            func.length(func.trim(step.opinion)).between(1, LONGEST_SAID),
        )
        .group_by(step.opinion).order_by(func.max(step.id).desc()).limit(MOST_SAID)
    )  # fmt: skip
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def not_own(actor: Actor) -> Any:
    """Leaves out what the officer submitted or endorsed himself: it waits for another."""
    endorsed = (Application.state == ApplicationState.ENDORSED) & (Application.endorsed_by_id == (actor.user_id or 0))
    return Application.submitted_by_id.is_distinct_from(actor.user_id) & ~endorsed


def steps(session: AnySession, application: Application) -> list[ApplicationStep]:
    """The timeline, oldest first."""
    statement = select(ApplicationStep).where(ApplicationStep.application_id == application.id)
    return list(session.scalars(statement.order_by(ApplicationStep.id)))


def _decision(verb: ApplicationVerb | str) -> ApplicationVerb:
    if verb not in _DECISIONS:
        raise refuse(
            "审批动作",
            say("没有“%(verb)s”这种决定", verb=verb),
            "请选择同意、退回补正或不通过",
            field="verb",
            value=verb,
        )
    return ApplicationVerb(verb)


def _elevator(session: AnySession, actor: Actor, elevator_id: int) -> Elevator:
    scope.visible(session, actor, Elevator, elevator_id, "这台电梯")
    row = lock(session, Elevator, elevator_id)
    assert row is not None
    return row


def _own(session: AnySession, actor: Actor, application_id: int) -> Application:
    require(actor, Verb.APPLICATION_READ)
    scope.visible(session, actor, Application, application_id, "这件申请")
    application = lock(session, Application, application_id)
    assert application is not None
    verb = Verb.FILING_SUBMIT if application.kind in REFILED_KINDS else Verb.APPLICATION_SUBMIT
    require(actor, verb)
    submissions.own_application(actor, application)
    return application


def _as_seen(session: AnySession, application: Application, seen_version: int) -> None:
    if application.row_version == seen_version and application.state in WAITING_STATES:
        return
    what = submissions.steps_after(session, application, seen_version)
    if application.state in WAITING_STATES:
        raise Stale(
            Finding(
                "所见即所审", False, say("您打开页面后，%(what)s", what=what), "请刷新页面，看过现在的内容后再决定"
            ),
            current=application.row_version,
        )
    raise Stale(
        Finding(
            "申请流程",
            False,
            say("申请 %(number)s 已不在审批中：%(what)s", number=application.number, what=what),
            "不需要再处理，请看下一件",
        ),
        current=application.row_version,
    )


def _opinion(verb: ApplicationVerb, opinion: str) -> list[Finding]:
    given = reason_finding(verb, opinion)
    short = len(opinion) <= OPINION_LENGTH
    return [
        Finding(given.rule, given.ok, given.found, given.remedy, field="opinion", value=opinion[:60]),
        Finding(
            "意见长度", short,
            say("%(count)s 个字", count=len(opinion))
            if short else say("%(count)s 个字，最多 %(most)s 个", count=len(opinion), most=OPINION_LENGTH),
            "" if short else "请缩短意见", field="opinion",
        ),
    ]  # fmt: skip

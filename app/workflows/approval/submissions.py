"""One application's path through the offices: opened, stepped, told about. What it asks for is its kind's affair.

Filing, lifecycle, contracts and grades open applications here; `applications` decides them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.errors import Finding, NotAllowed, Refusal, refuse
from app.models import Account, Application, ApplicationParty, ApplicationStep, Attachment, Elevator, Job
from app.models.choices import APPLICATION_PREFIX
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.rules import deadlines
from app.rules.appeals import verb_label
from app.rules.approval import STATE_LABELS, VERB_LABELS, ApplicationState, ApplicationVerb, application_move
from app.rules.lifecycle import KIND_LABELS, ApplicationKind
from app.transaction import AnySession, hold
from app.wording import cut, say
from app.workflows.approval import calendars, watching
from app.workflows.approval.approval_limits import limit_key
from app.workflows.core import moves, outbox
from app.workflows.core.jobs import UNFINISHED, times_retried
from app.workflows.core.numbers import next_number

_READ = Verb.APPLICATION_READ
FILING_KINDS = frozenset({ApplicationKind.UNIT_FILING.value, ApplicationKind.ELEVATOR_FILING.value})
# These know 不通过 only, and are handed in by whoever files: the unit mends them and submits a new application.
REFILED_KINDS = FILING_KINDS | {ApplicationKind.PERSON_FILING.value, ApplicationKind.CORRECTION.value}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an application asks for, before and after it was submitted."""

    submitted_on: dt.date
    effective_on: dt.date | None = None
    reason: str | None = None
    attachments: Sequence[int] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    application_id: int | None = None
    unit_id: int | None = None


@dataclass(frozen=True, slots=True)
class Mend:
    """A part of what was filed that its unit may put right while it is returned; `kind` is how forms ask for it."""

    name: str
    label: str
    kind: str = "text"
    required: bool = True
    choices: Mapping[str, Any] = field(default_factory=dict)


Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Handlers:
    """What a kind of application means. Each area gives one for its kinds; see `applications.HANDLERS`.

    `findings` are the checks shown to officer and applicant; a stopping one forbids approval. `approved` puts what
    was asked into force, in the transaction of the decision. `turned_down` is told of reject,
    return and withdraw, `resubmitted` of what comes back after a return. `barred` says why an officer, who else could,
    may not decide. `mended` puts what was filed right on the way back, refusing what can't be; `mends` are the parts
    that it takes, `mends_by` is the right to file such, and `filed` gives how they stand. A kind about an elevator in
    force gives its `conditions` (`effects.findings` asks them) and its `effect` on the day it takes force
    (`effects.approved`). `holds`: takes before what applications are about whatever else their approval will change
    and others hold before that, in one order of all of them.
    """

    findings: Callable[[AnySession, Application, dt.datetime], list[Finding]]
    approved: Callable[[AnySession, Actor, Application, dt.datetime], None]
    turned_down: Callable[[AnySession, Actor, Application, ApplicationVerb, dt.datetime], None] | None = None
    resubmitted: Callable[[AnySession, Actor, Application, dt.datetime], None] | None = None
    barred: Callable[[AnySession, Actor, Application], list[Finding]] | None = None
    conditions: Callable[[AnySession, str, Elevator, Asked], list[Finding]] | None = None
    effect: Callable[[AnySession, Actor, Application, Elevator, dt.date, dt.datetime], None] | None = None
    mended: Callable[[AnySession, Actor, Application, Values, dt.datetime], None] | None = None
    mends: Sequence[Mend] = ()
    mends_by: Verb | None = None
    filed: Callable[[AnySession, Application], Values] | None = None
    holds: Callable[[AnySession, list[Application]], None] | None = None


def open_application(
    session: AnySession,
    actor: Actor,
    kind: str,
    *,
    entity: str,
    entity_id: int,
    title: str,
    region_code: str,
    at: dt.datetime,
    elevator: Elevator | None = None,
    version_id: int | None = None,
    effective_on: dt.date | None = None,
    reason: str | None = None,
    attachments: Iterable[int] = (),
    data: dict[str, Any] | None = None,
    parties: Iterable[int | None] = (),
    batch: int | None = None,
) -> Application:
    """Submit an application: number, clock, first step, notice to the officers of its region and the other parties.

    Of those of one `batch`, the number of the job that hands them in, each officer hears once.
    Refused while another of the kind is open for the subject; between parallel submissions the partial unique index
    decides, and the loser gets the same refusal.
    """
    other = open_of(session, kind, entity, entity_id)
    if other is not None:
        raise _already(kind, other)
    made = Application(
        number=f"-{entity_id}-{kind}"[:20], kind=kind, state="draft", is_open=True, entity=entity, entity_id=entity_id,
        title="", elevator_id=None if elevator is None else elevator.id, unit_id=actor.unit_id,
        region_code=region_code, version_id=version_id, batch=batch, effective_on=effective_on, reason=reason,
        data=dict(data or {}), submitted_at=at, submitted_by_id=actor.user_id, created_by_id=actor.user_id,
        due_at=due_at(session, region_code, at, kind),
    )  # fmt: skip
    entitle(made, title)
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        raise _already(kind, open_of(session, kind, entity, entity_id)) from None
    attach(session, actor, made, attachments)
    add_parties(session, made, parties)
    # Last: whoever takes a number holds the series until the end of the transaction.
    made.number = next_number(session, APPLICATION_PREFIX[kind], at)
    advance(session, actor, made, ApplicationVerb.SUBMIT, at)
    tell_officers(session, made, at, batch)
    tell_parties(session, made, "已提交", at, batch)
    return made


def advance(
    session: AnySession,
    actor: Actor,
    application: Application,
    verb: ApplicationVerb,
    at: dt.datetime,
    *,
    opinion: str | None = None,
    seen_version: int | None = None,
    on_behalf_of_id: int | None = None,
    press: str | None = None,
) -> None:
    """One verb on an application: its state, the step that stays, and word to those who watch it."""
    new = application_move(ApplicationState(application.state), verb)
    moves.move(session, actor, application, "state", new.value, verb=verb.value, at=at, reason=opinion)
    session.add(
        ApplicationStep(
            application_id=application.id, verb=verb.value, state=new.value, actor_id=actor.user_id, at=at,
            opinion=opinion, seen_version=seen_version, on_behalf_of_id=on_behalf_of_id, press=press,
        )
    )  # fmt: skip
    session.flush()
    watching.tell_of_step(session, actor, application, VERB_LABELS[verb], link_of(application), at)


def entitle(application: Application, title: str) -> None:
    """What it is called: to be searched, and to be told in any language."""
    application.title, application.said = cut(title, 160), title


def add_parties(session: AnySession, application: Application, units: Iterable[int | None]) -> None:
    """The other units that it concerns; who was told of it once goes on reading it."""
    known = select(ApplicationParty.unit_id).where(ApplicationParty.application_id == application.id)
    others = {unit_id for unit_id in units if unit_id is not None} - {application.unit_id}
    new = sorted(others - set(session.scalars(known)))
    session.add_all(ApplicationParty(application_id=application.id, unit_id=unit_id) for unit_id in new)


def attach(session: AnySession, actor: Actor, application: Application, attachments: Iterable[int]) -> None:
    """Bind uploaded files to the application, in the order given. What is not the actor's own is refused.

    The list is part of what the officer sees: it only changes when the application is submitted again.
    """
    ids = list(dict.fromkeys(attachments))
    kept = set(application.data.get("attachments", []))
    for key in ids:
        found = session.get(Attachment, key)
        free = (
            found is not None and found.entity == "application" and found.entity_id is None
            and found.uploaded_by_id == actor.user_id and found.removed_at is None
        )  # fmt: skip
        if found is None or not (free or key in kept):
            text = say("没有找到材料 %(key)s，或不是您上传的", key=key)
            raise refuse("材料", text, "请重新上传后再提交", field="attachments", value=key)
        found.entity, found.entity_id = "application", application.id
        found.unit_id, found.region_code = application.unit_id, application.region_code
    application.data = {**application.data, "attachments": ids}


def open_of(
    session: AnySession, kind: str, entity: str, entity_id: int, *, hold: bool = False
) -> Application | None:  # fmt: skip
    """The open application of a kind for a subject; to `hold` it, as it is now."""
    statement = select(Application).where(
        Application.kind == kind, Application.entity == entity, Application.entity_id == entity_id,
        Application.is_open.is_(True),
    )  # fmt: skip
    if hold:
        statement = statement.with_for_update(of=Application).execution_options(populate_existing=True)
    return session.scalar(statement.execution_options(skip_scope=True))


def due_at(session: AnySession, region_code: str, at: dt.datetime, kind: str) -> dt.datetime | None:
    """When the decision is due: working days by policy and the region's calendar; None where policy sets no limit."""
    days = policy_value(session, limit_key(kind), region_code, clock.local_day(at))
    if days is None:
        return None
    is_working = calendars.working_calendar(session, region_code)
    return deadlines.start(at, working_days=int(days), is_working_day=is_working).due_at


def may_mend(session: AnySession, actor: Actor, application: Application, means: Handlers) -> None:
    """Raise unless the actor might file what is put right; whoever filed it at first might."""
    if means.mends_by is None or actor.may(means.mends_by):
        return
    first = select(ApplicationStep.actor_id).where(ApplicationStep.application_id == application.id)
    if actor.user_id is None or session.scalar(first.order_by(ApplicationStep.id).limit(1)) != actor.user_id:
        require(actor, means.mends_by)


def own_application(actor: Actor, application: Application) -> None:
    """Raise unless the actor, or another account of his unit, submitted it."""
    same_unit = actor.unit_id is not None and actor.unit_id == application.unit_id
    same_person = actor.user_id is not None and actor.user_id == application.submitted_by_id
    if not (same_unit or same_person or actor.system):
        raise NotAllowed(
            Finding(
                "申请人",
                False,
                say("申请 %(number)s 不是您的单位提交的", number=application.number),
                "请由提交申请的单位办理",
            )
        )


def name_of(session: AnySession, user_id: int | None) -> str:
    """An account's name for messages, whoever reads them; a deed without account was the system's."""
    return say("系统") if user_id is None else names_of(session, [user_id])[user_id]


def names_of(session: AnySession, user_ids: Iterable[int | None]) -> dict[int | None, str]:
    """The names of several accounts in one statement; None, who is no account, is not among them."""
    wanted = {key for key in user_ids if key is not None}
    if not wanted:
        return {}
    statement = select(Account).where(Account.id.in_(wanted)).execution_options(skip_scope=True)
    found = {account.id: account.get_full_name() for account in session.scalars(statement)}
    return {key: found.get(key) or say("账号 %(user_id)s", user_id=key) for key in wanted}


def last_step(session: AnySession, application: Application) -> ApplicationStep | None:
    """The newest step."""
    statement = select(ApplicationStep).where(ApplicationStep.application_id == application.id)
    return session.scalar(statement.order_by(ApplicationStep.id.desc()).limit(1))


def steps_after(session: AnySession, application: Application, seen_version: int) -> str:
    """What happened since the page was opened, in words."""
    last = last_step(session, application)
    if last is None:
        return "申请内容已更新"
    who, when = name_of(session, last.actor_id), clock.local(last.at)
    deed = VERB_LABELS[ApplicationVerb(last.verb)]
    return say(
        "%(who)s于 %(when)s %(deed)s，现为“%(state)s”",
        who=who,
        when=f"{when:%Y-%m-%d %H:%M}",
        deed=deed,
        state=STATE_LABELS[ApplicationState(last.state)],
    )


def tell_officers(
    session: AnySession, application: Application, at: dt.datetime, batch: int | None = None,
    mended_by: int | None = None,
) -> None:  # fmt: skip
    """Notice to those who may decide; of a batch with its first application alone: thousands would bury all else.

    `mended_by`: the job that sends again what was returned of the batch.
    """
    title = say("待审批：%(title)s", title=application.heading)
    body, link = say("申请编号 %(number)s", number=application.number), link_of(application)
    which = f"{application.id}:{application.row_version}"
    if batch is not None:
        unit = application.unit.name if application.unit is not None else "—"
        kind = KIND_LABELS[ApplicationKind(application.kind)]
        filed = application.kind in REFILED_KINDS
        sentence = "待审批：%(unit)s 批量上报%(kind)s" if filed else "待审批：%(unit)s 批量申请%(kind)s"
        if mended_by is not None:
            sentence = "待审批：%(unit)s 整批补正%(kind)s"
        title, body = say(sentence, unit=unit, kind=kind), say("正在逐件提交，同一批的可以一起批量同意")
        link, which = link_of_batch(batch), f"job-{mended_by or batch}:{application.kind}"
    officers = outbox.officers_of(session, application.region_code, secret=is_secret(session, application))
    if batch is not None and mended_by is None and (again := times_retried(session, batch)):
        # What told them before the job failed may be settled by now, or read: they are told of what comes besides.
        which = f"{which}:{again}"
        officers = sorted(set(officers) - outbox.waiting_for(session, "approval", link))
    outbox.notify(session, at, officers, "approval", title, body, link, f"submitted:{which}")


def tell_applicant(
    session: AnySession, application: Application, verb: ApplicationVerb, at: dt.datetime, *, also: int | None = None
) -> None:
    """Notice of a decision to the unit's accounts that may open it, to whoever submitted, and to one more account."""
    settle(session, application, at)
    recipients = set(outbox.readers_of(session, application.unit_id, _READ, application.elevator_id))
    recipients |= {key for key in (application.submitted_by_id, also) if key}
    deed = verb_label(verb) if application.kind == ApplicationKind.APPEAL else VERB_LABELS[verb]
    number = say("申请编号 %(number)s", number=application.number)
    outbox.notify(
        session, at, sorted(recipients), "decision",
        say("%(verb)s：%(title)s", verb=deed, title=application.heading),
        body=number + say("　意见：%(opinion)s", opinion=application.opinion) if application.opinion else number,
        link=link_of(application),
        dedupe_key=f"{verb.value}:{application.id}:{application.row_version}",
    )  # fmt: skip
    tell_parties(session, application, deed, at)


def settle(session: AnySession, application: Application, at: dt.datetime) -> None:
    """What asked officers to decide on it counts as read, once it is decided; for a batch once all of it is."""
    if application.is_open:
        return
    outbox.settle(session, at, "approval", link_of(application))
    if application.batch is not None:
        settle_batch(session, application.batch, at)


def settle_batch(session: AnySession, batch: int, at: dt.datetime) -> None:
    """What asked officers to decide on a batch counts as read, unless any of it is open still or its job goes on.

    They are told of a batch once: read too early it would leave what is handed in afterwards unannounced. The job asks
    for this as it ends.
    """
    waiting = select(Application.id).where(Application.batch == batch, Application.is_open.is_(True))
    going_on = select(Job.id).where(Job.id == batch, Job.state.in_(UNFINISHED))
    # Who decides the last one and the job that ends, or two who decide the last two, would each wait for the other's.
    hold(session, f"batch {batch}")
    unsettled = select(or_(waiting.exists(), going_on.exists()))
    if not session.scalar(unsettled.execution_options(skip_scope=True)):
        outbox.settle(session, at, "approval", link_of_batch(batch))


def tell_parties(
    session: AnySession, application: Application, deed: str, at: dt.datetime, batch: int | None = None,
    held: str = "",
) -> None:  # fmt: skip
    """Notice to the other units that the application concerns; of a batch once, with the first that one may read.

    `held`: the batch took effect on this day.
    """
    units = select(ApplicationParty.unit_id).where(ApplicationParty.application_id == application.id)
    recipients = [
        account for unit_id in session.scalars(units)
        for account in outbox.readers_of(session, unit_id, _READ, application.elevator_id)
    ]  # fmt: skip
    title = say("%(deed)s：%(title)s", deed=deed, title=application.heading)
    body = say("申请编号 %(number)s　与本单位有关；如有异议请在申请页面留言或联系登记机关", number=application.number)
    link, which = link_of(application), f"{application.id}:{application.row_version}"
    if batch is not None:
        unit = application.unit.name if application.unit is not None else "—"
        kind = KIND_LABELS[ApplicationKind(application.kind)]
        title = say("%(deed)s：%(unit)s 批量申请%(kind)s", deed=deed, unit=unit, kind=kind)
        body = say("正在逐件提交，与本单位有关；如有异议请在申请页面留言或联系登记机关")
        if held:
            body = say("同一批里到生效日的一起生效，与本单位有关")
        link, which = list_of_batch(batch), f"job-{batch}:{application.kind}{held}"
    outbox.notify(session, at, recipients, "party", title, body, link, f"party:{which}")


def tell_effect(session: AnySession, application: Application, at: dt.datetime) -> None:
    """Word to the other units that what was asked for holds: with the decision where one press made many
    (`told_together`), once for those of a batch that waited for the day."""
    last, on = last_step(session, application), clock.local_day(at)
    if last is not None and last.press:
        return
    waited = application.decided_at is not None and clock.local_day(application.decided_at) < on
    if waited and application.batch is not None:
        tell_parties(session, application, "已生效", at, application.batch, held=f":{on}")
    else:
        tell_parties(session, application, "已生效", at)


def is_secret(session: AnySession, application: Application) -> bool:
    """Whether it is about a 涉密 elevator, which not every officer may know of."""
    statement = select(Elevator.is_secret).where(Elevator.id == (application.elevator_id or 0))
    return bool(session.scalar(statement.execution_options(skip_scope=True)))


def link_of(application: Application) -> str:
    return f"/applications/{application.id}"


def list_of_batch(batch: int) -> str:
    """Where whoever handed a batch in finds its applications."""
    return f"/applications/?f_batch={batch}"


def link_of_batch(batch: int) -> str:
    """Where officers find what came in one batch."""
    return f"/applications/queue?batch={batch}"


def _already(kind: str, other: Application | None) -> Refusal:
    label = KIND_LABELS[ApplicationKind(kind)]
    found = say("已有办理中的%(label)s%(more)s", label=label, more=f" {other.number}" if other is not None else "")
    return refuse(
        "同一事项只能有一件在办", found, "请等待办结，或先撤回再提交", field="kind", value=kind,
        link=None if other is None else link_of(other),
    )  # fmt: skip

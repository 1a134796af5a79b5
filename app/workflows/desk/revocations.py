"""撤销批准 (LIF-07): an officer takes back what was approved for a later day, before that day, and says why.

Nothing has changed until then, so nothing has to be undone; from its day on it holds, and what is to be otherwise is
applied for anew. Where two persons approved, two revoke: the first one's word is a step that changes nothing, and
until the second one's the approval stands, and takes effect on its day.
"""

from __future__ import annotations

import datetime as dt

from app import clock, scope
from app.errors import Finding, NotAllowed, Stale, raise_failing
from app.models import Application, ApplicationStep
from app.permissions import Actor, Verb, require
from app.rules.approval import ApplicationState, ApplicationVerb
from app.rules.two_persons import independent
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.approval import delegations, effects, seconds, submissions
from app.workflows.core import audit, independence, outbox

LONGEST = 500


def revoke(
    session: AnySession, actor: Actor, application_id: int, reason: str, seen_version: int, at: dt.datetime
) -> Application:  # fmt: skip
    """Take the approval back; where two gave it, the first one asks and the second one does.

    `seen_version` is the `row_version` that the page showed.
    """
    require(actor, Verb.APPLICATION_DECIDE)
    desk = delegations.at_desk(session, actor, application_id, at)
    if desk.stands_for is not None:
        with scope.acting(desk):
            return _revoke(session, desk, application_id, reason, seen_version, at)
    return _revoke(session, actor, application_id, reason, seen_version, at)


def _revoke(
    session: AnySession, actor: Actor, application_id: int, reason: str, seen_version: int, at: dt.datetime
) -> Application:  # fmt: skip
    scope.visible(session, actor, Application, application_id, "这件申请")
    row = lock(session, Application, application_id)
    assert row is not None
    if not effects.may_be_called_off(row, clock.local_day(at)):
        raise Stale(Finding("撤销批准", False, _why_not(row), "要改的请另行办理；在用、停用等由相应的申请变更"))
    if row.row_version != seen_version:
        what = submissions.steps_after(session, row, seen_version)
        remedy = "请刷新页面，看过现在的内容后再决定"
        raise Stale(Finding("所见即所审", False, say("您打开页面后，%(what)s", what=what), remedy), row.row_version)
    seconds.may_decide_on(session, actor, row, ApplicationVerb.REVOKE)
    raise_failing([_reason(reason.strip())])
    behalf = seconds.on_behalf(session, actor, row, at)
    first = asked_by(session, row)
    if row.endorsed_by_id is not None and first is None:
        _ask(session, actor, row, reason.strip(), seen_version, behalf, at)
        return row
    if first is not None:
        _second(session, actor, row, first)
    submissions.advance(
        session, actor, row, ApplicationVerb.REVOKE, at, opinion=reason.strip(), seen_version=seen_version,
        on_behalf_of_id=behalf,
    )  # fmt: skip
    row.opinion = reason.strip()
    session.flush()
    others = {key for key in (row.decided_by_id, row.endorsed_by_id, first and first.actor_id) if key}
    submissions.tell_applicant(session, row, ApplicationVerb.REVOKE, at)
    outbox.notify(
        session, at, sorted(others - {actor.user_id}), "decision", say("撤销批准：%(title)s", title=row.heading),
        say("申请编号 %(number)s　意见：%(opinion)s", number=row.number, opinion=row.opinion), submissions.link_of(row),
        f"revoked:{row.id}:{row.row_version}",
    )  # fmt: skip
    return row


def asked_by(session: AnySession, application: Application) -> ApplicationStep | None:
    """The first of two who wants it revoked, if one does."""
    last = submissions.last_step(session, application)
    return last if last is not None and last.verb == ApplicationVerb.ASK_REVOKE else None


def may_revoke(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> bool:
    """Whether this officer may be asked for a reason: it waits for its day, is in his place, is not his own asking."""
    if not actor.may(Verb.APPLICATION_DECIDE) or not effects.may_be_called_off(application, clock.local_day(at)):
        return False
    try:
        seconds.may_decide_on(session, actor, application, ApplicationVerb.REVOKE)
        first = asked_by(session, application)
        if first is not None:
            _second(session, actor, application, first)
    except NotAllowed:
        return False
    return True


def _ask(
    session: AnySession, actor: Actor, row: Application, reason: str, seen_version: int, behalf: int | None,
    at: dt.datetime,
) -> None:  # fmt: skip
    submissions.advance(
        session, actor, row, ApplicationVerb.ASK_REVOKE, at, opinion=reason, seen_version=seen_version,
        on_behalf_of_id=behalf,
    )  # fmt: skip
    audit.record(
        session, actor, at, "application.ask_revoke", Application.__tablename__, row.id, after={"reason": reason}
    )
    officers = outbox.officers_of(session, row.region_code, secret=submissions.is_secret(session, row))
    outbox.notify(
        session, at, [key for key in officers if key != actor.user_id], "approval",
        say("待第二人撤销批准：%(title)s", title=row.heading),
        say("申请编号 %(number)s，%(day)s 起生效。理由：%(reason)s", number=row.number, day=row.effective_on,
            reason=reason),
        submissions.link_of(row), f"ask_revoke:{row.id}:{row.row_version}",
    )  # fmt: skip


def _second(session: AnySession, actor: Actor, row: Application, first: ApplicationStep) -> None:
    """Two persons as two who approve are: neither the first nor for whom he acted, and independent of both."""
    if actor.user_id is None:
        return
    findings: list[Finding] = []
    for key in sorted({one for one in (first.actor_id, first.on_behalf_of_id) if one}):
        one, other = (independence.party(session, who, first.at) for who in (key, actor.user_id))
        findings += independent(one, other, "提出撤销的人")
    failing = {f.rule: f for f in findings if f.stops}
    if failing:
        raise NotAllowed(failing.values())


def _why_not(row: Application) -> str:
    if row.state != ApplicationState.APPROVED:
        return say("这件申请没有批准在等待生效")
    if row.took_effect_at is not None or row.effective_on is None:
        return say("这件申请已经生效")
    return say("这件申请 %(day)s 起生效，当天起不能撤销", day=row.effective_on)


def _reason(reason: str) -> Finding:
    ok = 0 < len(reason) <= LONGEST
    found = say("%(count)s 个字", count=len(reason)) if reason else "没有填写"
    return Finding("撤销理由", ok, found, "" if ok else say("请填写 1 到 %(n)s 个字，申请人会看到", n=LONGEST),
                   field="revoke_reason")  # fmt: skip

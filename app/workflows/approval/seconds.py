"""Who decides on an application: region, interest, and where policy asks for it a second person (LIF-07).

Two persons are two: never the applicant, never the one who endorsed or for whom it was endorsed, and never two accounts
of which one made the other.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from app import clock
from app.errors import Finding, NotAllowed
from app.models import Account, Application, ApplicationStep, Elevator
from app.models.policy import policy_value
from app.permissions import SYSTEM, Actor, Role
from app.policy import Key
from app.rules.approval import ApplicationState, ApplicationVerb, may_decide, needs_second
from app.rules.two_persons import independent
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval import delegations, kinds, submissions
from app.workflows.core import independence


def may_decide_on(session: AnySession, actor: Actor, application: Application, verb: ApplicationVerb) -> None:
    """Raise with every reason why this officer may not take this step."""
    findings: list[Finding] = []
    earlier = endorsers(session, application) if _second(application, verb) else set()
    for code in sorted({application.region_code, *_regions_of_row(session, application)}):
        findings += may_decide(
            application.submitted_by_id or 0, actor.user_id or 0, subject_regions=_from_above(code),
            officer_region=code if actor.sees_everything else actor.region_code or "",
            applicant_unit_id=application.unit_id, officer_unit_id=actor.unit_id, decided_by=earlier,
        )  # fmt: skip
    findings += independence.of_application(session, application, actor)
    means = kinds.handlers(application.kind)
    if means.barred is not None:
        findings += means.barred(session, actor, application)
    for key in sorted(earlier):
        since = application.submitted_at
        first, second = (independence.party(session, one, since) for one in (key, actor.user_id))
        findings += independent(first, second, "初审人")
    failing = {f.rule: f for f in findings if f.stops}
    if failing:
        raise NotAllowed(failing.values())


def verb_of(session: AnySession, application: Application, at: dt.datetime) -> ApplicationVerb:
    """What a 同意 means now: the approval, or its endorsement by the first of two persons."""
    if application.state == ApplicationState.ENDORSED or not asked_for(session, application, at):
        return ApplicationVerb.APPROVE
    return ApplicationVerb.ENDORSE


def asked_for(session: AnySession, application: Application, at: dt.datetime) -> bool:
    """Whether policy asks for two persons: that of the office, of where the elevator is or of where it goes."""
    places = sorted({application.region_code, *_regions_of_row(session, application)})
    on = clock.local_day(at)
    policies = (policy_value(session, Key.SECOND_APPROVAL, place, on) for place in places)
    return any(needs_second(str(policy), application.kind) for policy in policies)


def endorsers(session: AnySession, application: Application) -> set[int]:
    """Who endorsed what stands now, and for whom."""
    if application.state != ApplicationState.ENDORSED:
        return set()
    last = _endorsement(session, application)
    return {key for key in (last.actor_id, last.on_behalf_of_id) if key} if last is not None else set()


def lapse(session: AnySession, application: Application, at: dt.datetime) -> None:
    """After what it is about moved: an endorsement by an office that oversees it no more does not count.

    It waits for the first of two again, at the office where it is now; its unit is told.
    """
    if application.state != ApplicationState.ENDORSED or _still_overseen(session, application):
        return
    application.endorsed_by_id = None
    application.opinion = say("申请所涉的电梯或单位已移至其他地区，原初审同意不再有效，由所在地区重新审核")
    submissions.advance(
        session, SYSTEM.by("clock"), application, ApplicationVerb.HAND_ON, at, opinion=application.opinion
    )  # fmt: skip
    submissions.tell_applicant(session, application, ApplicationVerb.HAND_ON, at)


def _still_overseen(session: AnySession, application: Application) -> bool:
    """Whether the officer who endorsed, or at whose desk it was done, might do so now: as `may_decide` asks."""
    last = _endorsement(session, application)
    account = None if last is None else session.get(
        Account, last.on_behalf_of_id or last.actor_id, execution_options={"skip_scope": True}
    )  # fmt: skip
    if account is None:
        return False
    if Role.PLATFORM_ADMIN in {role.name for role in account.roles}:
        return True
    places = {application.region_code, *_regions_of_row(session, application)}
    return all(account.region_code in _from_above(place) for place in places)


def _from_above(code: str) -> set[str]:
    """The region and those above it: whose officers oversee it."""
    return {code[:width].ljust(12, "0") for width in (2, 4, 6, 9, 12)}


def _endorsement(session: AnySession, application: Application) -> ApplicationStep | None:
    statement = select(ApplicationStep).where(
        ApplicationStep.application_id == application.id, ApplicationStep.verb == ApplicationVerb.ENDORSE.value
    )
    return session.scalar(statement.order_by(ApplicationStep.id.desc()).limit(1))


def on_behalf(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> int | None:
    """The officer for whom the actor acts here: he had taken it on, or the actor sits at his desk elsewhere."""
    if actor.stands_for is not None:
        return actor.stands_for
    owner = application.officer_id
    if owner is None or owner == actor.user_id:
        return None
    return owner if owner in delegations.stood_in_for(session, actor, clock.local_day(at)) else None


def note(actor: Actor, application: Application, verb: ApplicationVerb, behalf: int | None) -> None:
    """Who took it on, and who endorsed it; what comes back from the unit is endorsed anew."""
    if application.officer_id is None or (verb is ApplicationVerb.ACCEPT and behalf is None):
        # What is decided at another office's desk stays that desk's when the days are over.
        application.officer_id = actor.stands_for or actor.user_id
    if verb is ApplicationVerb.ENDORSE:
        application.endorsed_by_id = actor.user_id
    elif verb is ApplicationVerb.RETURN_:
        application.endorsed_by_id = None


def _second(application: Application, verb: ApplicationVerb) -> bool:
    """Whoever endorsed may still return or refuse it; only the second 同意 needs another person."""
    return verb is ApplicationVerb.APPROVE and application.state == ApplicationState.ENDORSED


def _regions_of_row(session: AnySession, application: Application) -> list[str]:
    """Where the elevator is now, and where it goes: moving one to another district is for an officer of both."""
    statement = select(Elevator.region_code).where(Elevator.id == (application.elevator_id or 0))
    found = [session.scalar(statement.execution_options(skip_scope=True)), application.data.get("to_region")]
    return [code for code in found if code]

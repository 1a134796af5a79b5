"""When an approved application about an elevator takes effect: at once, or on the day that was asked for.

An effective day after the approval waits: the nightly schedule job applies it on that day (`take_effect_due`).
An effective day before it (approval took some days) holds from that day, known since the approval.
Until its day comes it can be called off, and what turns out impossible on that day is: nothing waits for good.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, and_, or_, select

from app import clock
from app.errors import Finding, Refusal, refuse
from app.models import Application, Elevator
from app.models.region import code_span
from app.permissions import SYSTEM, Actor
from app.rules.approval import ApplicationState, ApplicationVerb
from app.rules.lifecycle import ELEVATOR_KINDS, ApplicationKind
from app.transaction import AnySession, lock
from app.wording import say, together
from app.workflows.approval import kinds, submissions
from app.workflows.approval.submissions import Asked


def approved(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
    """Change things now, or leave it to the nightly job when the effective day is still to come."""
    effective_on = application.effective_on or clock.local_day(at)
    if effective_on <= clock.local_day(at):
        take_effect(session, actor, application, effective_on, at)


def take_effect(
    session: AnySession, actor: Actor, application: Application, on: dt.date, at: dt.datetime
) -> None:
    """Everything that the kind means, in one transaction; the elevator is held."""
    elevator = lock(session, Elevator, application.elevator_id)
    if elevator is None:
        raise refuse("管辖范围", "没有找到这台电梯，或不在您的管辖范围内", "请从列表重新打开")
    effect = kinds.handlers(application.kind).effect
    assert effect is not None
    application.took_effect_at = at
    effect(session, actor, application, elevator, on, at)
    session.flush()


def of_elevators() -> ColumnElement[bool]:
    """Of applications those about elevators in force."""
    return Application.kind.in_(sorted(k.value for k in ELEVATOR_KINDS))


def waits_for_its_day() -> ColumnElement[bool]:
    """Of applications about elevators in force those that are approved and wait for their day."""
    approved = Application.state == ApplicationState.APPROVED.value
    return and_(of_elevators(), approved, Application.took_effect_at.is_(None))


def undone() -> ColumnElement[bool]:
    """Of applications those about an elevator in force that are open, or wait for their day."""
    about = or_(of_elevators(), Application.kind == ApplicationKind.CORRECTION.value)
    return or_(and_(Application.is_open.is_(True), about), waits_for_its_day())


def undone_beside(application: Application) -> ColumnElement[bool]:
    """Of applications the others about its elevator that are open, or wait for their day."""
    others = and_(Application.elevator_id == application.elevator_id, Application.id != application.id)
    return and_(others, undone())


def held(session: AnySession, asked: ColumnElement[bool]) -> list[Application]:
    """Applications, whoever may see them, as they are now and held in the order of their ids.

    What was decided while one waited for it is left out: the database asks again of what it had to wait for.
    """
    statement = select(Application).where(asked).order_by(Application.id).with_for_update(of=Application)
    return list(session.scalars(statement.execution_options(skip_scope=True, populate_existing=True)))


def hold_beside(session: AnySession, application: Application) -> None:
    """Before an elevator that moves is held: whoever decides another of its applications holds that one first.

    And before its own application is written: PostgreSQL holds the elevator for the key once that is written twice.
    What else a kind holds before what it is about comes after the applications.
    """
    if application.elevator_id is not None and application.data.get("to_region"):
        held(session, undone_beside(application))
    _hold_more(session, [application])


def _hold_more(session: AnySession, some: list[Application]) -> None:
    """What else these applications hold, of all that hold alike at once: in one order, not one application's by one."""
    for holds in dict.fromkeys(kinds.handlers(one.kind).holds for one in some):
        if holds is not None:
            holds(session, some)


def waiting(session: AnySession, on: dt.date | None = None, region: str | None = None) -> list[Application]:
    """Approved applications about elevators that wait for their day: due by a day, in a region."""
    statement = select(Application).where(waits_for_its_day())
    if on is not None:
        statement = statement.where(Application.effective_on <= on)
    if region is not None:
        low, high = code_span(region)
        statement = statement.where(Application.region_code >= low, Application.region_code < high)
    statement = statement.order_by(Application.effective_on, Application.id)
    return list(session.scalars(statement))


def take_effect_due(session: AnySession, on: dt.date, at: dt.datetime, region: str | None = None) -> int:
    """Apply what was approved for a day up to `on`; gives how many took effect. Again the same day: none.

    One that has become impossible meanwhile (scrapped by order) ends here, and its unit reads why.
    """
    count, found = 0, waiting(session, on, region=region)
    # Held by their ids, as whoever holds several does, those beside them too; done in the order of their days.
    beside = [undone_beside(one) for one in found if one.elevator_id is not None and one.data.get("to_region")]
    if found:
        held(session, or_(Application.id.in_([one.id for one in found]), *beside))
    due = [one for one in found if is_waiting(one)]
    _hold_more(session, due)
    # All of them before the first elevator: who decides about one holds his application and then wants its elevator.
    for application in due:
        # Its unit may have called it off since it was read, and what took effect just now may have ended it.
        if not is_waiting(application):
            continue
        try:
            with session.begin_nested():
                take_effect(session, SYSTEM, application, application.effective_on or on, at)
            count += 1
        except Refusal as refusal:
            why = together([say("到生效日不能生效"), *(f.found for f in refusal.findings if not f.ok)], "：")
            call_off(session, SYSTEM, application, why, at)
    return count


def is_waiting(application: Application) -> bool:
    """Approved and not in effect yet, so that nothing has changed."""
    approved_one = application.kind in ELEVATOR_KINDS and application.state == ApplicationState.APPROVED
    return approved_one and application.took_effect_at is None


def may_be_called_off(application: Application, on: dt.date) -> bool:
    """Until the day before: from its day on it holds, however late the night's job comes."""
    return is_waiting(application) and application.effective_on is not None and application.effective_on > on


def call_off(session: AnySession, actor: Actor, application: Application, why: str | None, at: dt.datetime) -> None:
    """End what waits for its day; all whom it concerns are told. The approval stays among its steps."""
    submissions.advance(session, actor, application, ApplicationVerb.CALL_OFF, at, opinion=why)
    # What the officer said when he approved it stays with his step.
    application.opinion = why
    approver = application.decided_by_id
    submissions.tell_applicant(session, application, ApplicationVerb.CALL_OFF, at, also=approver)


def findings(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    """The checks of a submitted application, as things stand now."""
    statement = select(Elevator).where(Elevator.id == application.elevator_id)
    elevator = session.scalar(statement.execution_options(skip_scope=True))
    conditions = kinds.handlers(application.kind).conditions
    assert elevator is not None and conditions is not None
    asked = Asked(
        clock.local_day(application.submitted_at or at), application.effective_on, application.reason,
        application.data.get("attachments", []), application.data, application.id, application.unit_id,
    )  # fmt: skip
    return conditions(session, application.kind, elevator, asked)

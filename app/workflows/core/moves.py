"""The only code that changes a status. Every change is one legal step of a table in `rules` and one StatusChange."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, insert, select, update

from app import clock
from app.direct_rows import stamps, write_changes
from app.errors import refuse
from app.models import (
    Anomaly,
    Appeal,
    Application,
    Bulletin,
    Commitment,
    Complaint,
    Declaration,
    Elevator,
    Enforcement,
    FraudCase,
    GradeCertificate,
    Inspection,
    Invitation,
    ItemSet,
    MaintenanceClock,
    MaintenanceOrder,
    Person,
    PolicyProposal,
    RepairOrder,
    Rescue,
    SpotCheck,
    SpotDraw,
    StatusChange,
    Unit,
    Version,
    Visit,
)
from app.models.among import among
from app.permissions import Actor
from app.rules.anomalies import AnomalyState, AnomalyVerb, anomaly_move
from app.rules.approval import (
    OPEN_STATES,
    ApplicationState,
    ApplicationVerb,
    FilingState,
    application_move,
    filing_move,
    info_state,
)
from app.rules.bulletins import BulletinState, BulletinVerb, bulletin_move
from app.rules.complaints import ComplaintState, ComplaintVerb, complaint_move
from app.rules.enforcement import EnforcementState, EnforcementVerb, enforcement_move
from app.rules.fraud_cases import CaseState, CaseVerb, case_move
from app.rules.invitations import InvitationState, InvitationVerb, invitation_move
from app.rules.label_photos import LabelState, LabelVerb, label_move
from app.rules.lifecycle import STATUS_KINDS, ApplicationKind, ElevatorStatus, elevator_move
from app.rules.repairs import RepairState, RepairVerb, repair_move
from app.rules.rescues import RescueStatus, RescueVerb, rescue_move
from app.rules.spot_checks import CheckState, CheckVerb, check_move
from app.rules.spot_draw import DrawState, DrawVerb, draw_move
from app.rules.steps import LOOK_AGAIN
from app.transaction import AnySession, all_written, asked, forget, insert_rows, send
from app.wording import say
from app.workflows.core import audit

TAKE_OVER = "take_over"
SENT_LATER = "sent_later"
APPEAL = "appeal"
EDIT = "edit"
DISCARD = "discard"
MOST_STEPS = 200


def _by(
    after: Callable[[Any, Any], str], states: Callable[[str], Any], verbs: Callable[[str], Any]
) -> Callable[[str, str, str], str]:
    return lambda old, verb, _new: after(states(old), verbs(verb))


# What filing knows beside the verbs of an application: editing what is settled opens a draft, discarding it ends one.
_FILING_EDITS = {
    (FilingState.APPROVED, EDIT): FilingState.DRAFT,
    (FilingState.REJECTED, EDIT): FilingState.DRAFT,
    (FilingState.DRAFT, DISCARD): FilingState.APPROVED,
    (FilingState.REJECTED, DISCARD): FilingState.APPROVED,
}
_VERSION_STEPS = {
    ("draft", "pending"), ("pending", "approved"), ("pending", "rejected"), ("pending", "withdrawn"),
    ("draft", "withdrawn"),
}  # fmt: skip
_PROPOSAL_STEPS = {("proposed", "approved"), ("proposed", "rejected"), ("proposed", "withdrawn")}
_ITEM_SET_STEPS = {
    ("draft", "submitted"), ("returned", "submitted"), ("submitted", "in_force"), ("submitted", "returned"),
    ("submitted", "draft"), ("draft", "discarded"), ("returned", "discarded"),
}  # fmt: skip
_ORDER_STEPS = {("open", "done"), ("open", "void")}
# rules.visits decides the state from the facts; here only that what is settled stays settled.
_VISIT_UNSETTLED = {"open", "awaiting", "pending"}
# The columns of an opened draft's step.
_STEP = ("entity", "field", "old", "new", "verb", "effective_on", "known_at", "actor_id", "entity_id")
# Their deeds are audited by the workflow that does them, with more than a status.
_UNAUDITED = (Version, Visit, MaintenanceOrder)
# Their states are those of the application that they are about.
_FOLLOWING = (Application, GradeCertificate, Commitment, Declaration, Inspection, Appeal)
# Whose steps are a table of `rules` and nothing else: the state that a verb leads to, from what is stored.
_TABLES: dict[tuple[type[Any], str], Callable[[str, str, str], str]] = {
    **{(model, "state"): _by(application_move, ApplicationState, ApplicationVerb) for model in _FOLLOWING},
    (Invitation, "state"): _by(invitation_move, InvitationState, InvitationVerb),
    (Complaint, "state"): _by(complaint_move, ComplaintState, ComplaintVerb),
    (RepairOrder, "state"): _by(repair_move, RepairState, RepairVerb),
    (Anomaly, "state"): _by(anomaly_move, AnomalyState, AnomalyVerb),
    (Enforcement, "state"): _by(enforcement_move, EnforcementState, EnforcementVerb),
    (FraudCase, "state"): _by(case_move, CaseState, CaseVerb),
    (SpotDraw, "state"): _by(draw_move, DrawState, DrawVerb),
    (SpotCheck, "state"): _by(check_move, CheckState, CheckVerb),
    (Bulletin, "state"): _by(bulletin_move, BulletinState, BulletinVerb),
    (Visit, "label_state"): lambda old, verb, _: label_move(LabelState(old) if old else None, LabelVerb(verb)),
    # A verb of a rescue may lead to more than one state.
    (Rescue, "status"): lambda old, verb, new: rescue_move(RescueStatus(old), RescueVerb(verb), RescueStatus(new)),
}
# Moved all day by everybody on site: written at once, past the unit of work.
_OFTEN = (Visit, MaintenanceOrder)


def move(
    session: AnySession,
    actor: Actor,
    row: Any,
    field: str,
    new: str,
    *,
    verb: str,
    at: dt.datetime,
    effective_on: dt.date | None = None,
    application: Application | None = None,
    reason: str | None = None,
) -> bool:
    """Take one legal step of one status and record it; whether it was one: the same state again is none.

    The caller holds the row (`transaction.lock`). `filing_state` carries `info_state` with it, `Application.state`
    carries `is_open`, an elevator's `status` its clock's `in_use`. A Version's state is recorded by its entity's step
    and by its own columns.
    """
    old = getattr(row, field)
    if old == new:
        return False
    _legal(session, row, field, old, new, verb)
    setattr(row, field, new)
    if field == "filing_state":
        row.info_state = info_state(row.approved_version > 0, FilingState(new))
    if isinstance(row, Application):
        row.is_open = new in OPEN_STATES
    if isinstance(row, _OFTEN):
        write_changes(session, row)
    else:
        session.flush()
    if isinstance(row, Elevator) and field == "status":
        running = update(MaintenanceClock).where(MaintenanceClock.elevator_id == row.id)
        session.execute(running.values(in_use=new == ElevatorStatus.IN_USE).execution_options(skip_scope=True))
    if isinstance(row, Version):
        return True
    step = {
        "entity": row.__tablename__, "entity_id": row.id, "field": field, "old": old, "new": new, "verb": verb,
        "effective_on": effective_on or clock.local_day(at), "known_at": at, "actor_id": actor.user_id,
        "application_id": None if application is None else application.id, "reason": reason,
    }  # fmt: skip
    if isinstance(row, _OFTEN):
        send(session, _ONE_STEP, step)
    else:
        session.add(StatusChange(**step))
    if not isinstance(row, _UNAUDITED):
        audit.record(
            session, actor, at, f"{row.__tablename__}.{verb}", row.__tablename__, row.id,
            before={field: old}, after={field: new} | ({"reason": reason} if reason else {}),
        )  # fmt: skip
    return True


def move_where(
    session: AnySession,
    actor: Actor,
    model: type[Any],
    field: str,
    old: str,
    new: str,
    criterion: ColumnElement[bool],
    *,
    verb: str,
    at: dt.datetime,
    effective_on: dt.date | None = None,
    application: Application | None = None,
    reason: str | None = None,
    values: dict[str, Any] | None = None,
    given: dict[str, Any] | None = None,
) -> list[int]:
    """The same step for every row in state `old` that meets the criterion, past the session; gives their ids.

    Only for orders and visits, whose steps need nothing but the two states. `values` are set beside (closed_at …),
    `given` are the criterion's parameters. Loaded rows are read anew when next looked at. The caller audits the deed
    once, with its counts.
    """
    if model not in _OFTEN:
        raise ValueError(f"{model.__name__} moves row by row")
    _legal_states(model, field, old, new, verb)
    all_written(session)
    values = stamps(model) | {field: new, **(values or {})}
    statement = _step_where(model, field, old, criterion, tuple(values))  # type: ignore[arg-type]
    ids = [row[0] for row in asked(session, statement, values | (given or {})).rows]
    _steps(session, actor, model, field, old, new, ids, verb, at, effective_on, application, reason)
    return ids


def move_held(
    session: AnySession, actor: Actor, model: type[Any], field: str, old: str, new: str, keys: Sequence[int], *,
    verb: str, at: dt.datetime, effective_on: dt.date | None = None, values: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """The same step of a few rows that a statement found in state `old` and holds: nobody waits to hear that it was
    written. `values` are set beside."""
    if model not in _OFTEN:
        raise ValueError(f"{model.__name__} moves row by row")
    if not keys:
        return
    _legal_states(model, field, old, new, verb)
    values = stamps(model) | {field: new, **(values or {})}
    for key in keys:
        send(session, _step_of(model, tuple(values)), values | {"own_key": key})  # type: ignore[arg-type]
    _steps(session, actor, model, field, old, new, keys, verb, at, effective_on, None, None)


def _steps(
    session: AnySession, actor: Actor, model: Any, field: str, old: str, new: str, keys: Sequence[int], verb: str,
    at: dt.datetime, effective_on: dt.date | None, application: Application | None, reason: str | None,
) -> None:  # fmt: skip
    """What is kept of a step of rows that were written past the session."""
    forget(session, model, keys)
    shared = {
        "entity": model.__tablename__, "field": field, "old": old, "new": new, "verb": verb,
        "effective_on": effective_on or clock.local_day(at), "known_at": at, "actor_id": actor.user_id,
        "application_id": None if application is None else application.id, "reason": reason,
    }  # fmt: skip
    for key in keys:
        send(session, _ONE_STEP, shared | {"entity_id": key})


_ONE_STEP: Any = (
    insert(StatusChange.__table__)
    .values({name: bindparam(name) for name in StatusChange.__table__.c.keys() if name != "id"})  # noqa: SIM118
    .inline()
)


@lru_cache(maxsize=64)
def _step_where(
    model: Any, field: str, old: str, criterion: ColumnElement[bool], names: tuple[str, ...]
) -> Any:
    """Made once for a criterion that is asked again."""
    table: Any = model.__table__
    return (
        update(table)
        .where(table.c[field] == old, criterion)
        .values({name: bindparam(name) for name in names})
        .returning(table.c.id)
    )


@lru_cache(maxsize=64)
def _step_of(model: Any, names: tuple[str, ...]) -> Any:
    table: Any = model.__table__
    return update(table).where(table.c.id == bindparam("own_key")).values({name: bindparam(name) for name in names})


def move_set(
    session: AnySession, actor: Actor, model: type[Any], field: str, old: str, new: str,
    criterion: ColumnElement[bool], *, verb: str, at: dt.datetime, reason: str, values: dict[str, Any],
) -> list[int]:  # fmt: skip
    """As `move_where`, for thousands of rows by a criterion that is asked this once: two statements however many."""
    if model not in _OFTEN:
        raise ValueError(f"{model.__name__} moves row by row")
    _legal_states(model, field, old, new, verb)
    all_written(session)
    table: Any = model.__table__
    statement = update(table).where(table.c[field] == old, criterion).values(stamps(model) | {field: new, **values})
    moved = list(session.scalars(statement.returning(table.c.id)))
    if moved:
        forget(session, model, moved)
        alike = (
            model.__tablename__, field, old, new, verb, clock.local_day(at).isoformat(), at, actor.user_id, reason,
        )  # fmt: skip
        names = (*_STEP[:-1], "reason", _STEP[-1])
        insert_rows(session, StatusChange.__table__, names, [(*alike, key) for key in moved])
    return moved


def edit_where(
    session: AnySession, actor: Actor, model: type[Any], ids: list[int], at: dt.datetime, **beside: Any
) -> None:
    """Open drafts of many approved or turned-down filings: the step EDIT of each, in two statements.

    `beside`: columns set in the same stroke, for writing a row of many indexes twice costs twice. The caller holds the
    rows and audits the deed once, with its counts.
    """
    approved = model.approved_version > 0
    opened = case((approved, info_state(True, FilingState.DRAFT)), else_=info_state(False, FilingState.DRAFT))
    for old in (FilingState.APPROVED, FilingState.REJECTED):
        new = _FILING_EDITS[(old, EDIT)]
        statement = (
            update(model)
            .where(among(session, model.id, ids), model.filing_state == old.value)
            .values(filing_state=new.value, info_state=opened, **beside)
            .returning(model.id)
            .execution_options(synchronize_session=False, skip_scope=True)
        )
        moved = list(session.scalars(statement)) if ids else []
        alike = (
            model.__tablename__, "filing_state", old.value, new.value, EDIT, clock.local_day(at).isoformat(), at,
            actor.user_id,
        )  # fmt: skip
        insert_rows(session, StatusChange.__table__, _STEP, [(*alike, key) for key in moved])


def steps_of(session: AnySession, entity: str, key: int, most: int = MOST_STEPS) -> list[StatusChange]:
    """What was done to a row, the newest first, at most `most` steps; who may see the row may see them."""
    steps = select(StatusChange).where(StatusChange.entity == entity, StatusChange.entity_id == key)
    return list(session.scalars(steps.order_by(StatusChange.id.desc()).limit(most)))


def status_on(session: AnySession, elevator: Any, on: dt.date, known_at: dt.datetime | None = None) -> str:
    """The elevator's status on a day, as known at an instant (default: as known now).

    Before its first step it was what that step moved it from; without any step, what it is.
    """
    steps = select(StatusChange).where(
        StatusChange.entity == Elevator.__tablename__, StatusChange.entity_id == elevator.id,
        StatusChange.field == "status",
    )  # fmt: skip
    past = steps.where(StatusChange.effective_on <= on)
    if known_at is not None:
        past = past.where(StatusChange.known_at <= known_at)
    last = session.scalar(past.order_by(StatusChange.effective_on.desc(), StatusChange.id.desc()).limit(1))
    if last is not None:
        return str(last.new)
    first = session.scalar(steps.order_by(StatusChange.effective_on, StatusChange.id).limit(1))
    return str(elevator.status if first is None else first.old)


def _legal(session: AnySession, row: Any, field: str, old: str, new: str, verb: str) -> None:
    if isinstance(row, Elevator) and field == "status":
        expected = _elevator_step(session, row, old, new, verb)
    elif isinstance(row, Unit | Elevator | Person) and field == "filing_state":
        edit = _FILING_EDITS.get((FilingState(old), verb))
        if edit is FilingState.APPROVED and not row.approved_version:
            edit = None
        if edit is None and verb not in set(ApplicationVerb):
            raise _illegal(field, old, new, verb)
        expected = edit or filing_move(FilingState(old), ApplicationVerb(verb))
    elif isinstance(row, Visit) and field == "state" and row.taken_over and verb == TAKE_OVER:
        # Taken over in parts: the rest of its day may show that it was the ninth.
        expected = new if old != "open" and new != "open" else old
    elif isinstance(row, Visit) and field == "state" and verb == SENT_LATER and old == "void":
        # It ran out here while its end lay on the phone.
        expected = new if new != "open" else old
    elif isinstance(row, Visit) and field == "state" and verb == APPEAL and row.appeal_upheld_at is not None:
        # A correction: what it counted as before stays in its steps.
        expected = new if new != "open" else old
    elif (after := _TABLES.get((type(row), field))) is not None:
        expected = after(old, verb, new)
    else:
        return _legal_states(type(row), field, old, new, verb)
    if expected != new:
        raise _illegal(field, old, new, verb)


def _legal_states(model: type[Any], field: str, old: str, new: str, verb: str) -> None:
    legal = field == "state" and (
        (issubclass(model, Version) and (old, new) in _VERSION_STEPS)
        or (issubclass(model, PolicyProposal) and (old, new) in _PROPOSAL_STEPS)
        or (issubclass(model, ItemSet) and (old, new) in _ITEM_SET_STEPS)
        or (issubclass(model, MaintenanceOrder) and (old, new) in _ORDER_STEPS)
        or (issubclass(model, Visit) and old in _VISIT_UNSETTLED and new != "open")
    )
    if not legal:
        raise _illegal(field, old, new, verb)


def _elevator_step(session: AnySession, row: Elevator, old: str, new: str, verb: str) -> str:
    if verb in STATUS_KINDS:
        return elevator_move(ElevatorStatus(old), ApplicationKind(verb)).value
    if verb == TAKE_OVER and old == ElevatorStatus.NOTIFIED and not _has_moved(session, row.id):
        return ElevatorStatus(new).value
    raise _illegal("status", old, new, verb)


def _has_moved(session: AnySession, elevator_id: int) -> bool:
    found = select(StatusChange.id).where(
        StatusChange.entity == Elevator.__tablename__,
        StatusChange.entity_id == elevator_id,
        StatusChange.field == "status",
    )
    return session.scalar(found.limit(1)) is not None


def _illegal(field: str, old: str, new: str, verb: str) -> Exception:
    return refuse(
        "状态变更",
        say("不能由“%(old)s”经“%(verb)s”变为“%(new)s”", old=old, verb=verb, new=new),
        LOOK_AGAIN,
        field=field,
        value=new,
    )

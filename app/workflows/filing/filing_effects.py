"""What follows when a filing takes force: the clock learns the unit, rows that carry the place follow it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, true, update

from app import clock
from app.models import (
    Account,
    Anomaly,
    Application,
    Attachment,
    Commitment,
    Contract,
    Declaration,
    Elevator,
    ElevatorMessage,
    ElevatorOfficer,
    GradeCertificate,
    InsuranceGap,
    InsuranceMonth,
    InsuranceRecord,
    InsuredPerson,
    Invitation,
    InvitationPoster,
    IotDevice,
    ItemSet,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    MaintenanceTeam,
    OnDemandInterval,
    PatrolRound,
    Person,
    RepairOrder,
    RiskItem,
    Unit,
    UnitChange,
    UsualParts,
)
from app.models.among import among
from app.models.policy import policy_value
from app.permissions import SYSTEM
from app.policy import Key
from app.rules.approval import WAITING_STATES
from app.rules.lifecycle import ElevatorStatus, common_region
from app.transaction import AnySession
from app.workflows.access import main_accounts
from app.workflows.approval import approval_limits, calendars, effects, limit_rounds, seconds, submissions
from app.workflows.contracts import cover
from app.workflows.core import audit, outbox
from app.workflows.filing import handed_on, usual_parts
from app.workflows.maintenance import clocks

# Papers that stay in force with their record; those of applications are kept where these were decided.
OF_THE_UNIT = ("unit", "person", "grade_certificate")
_CLOCK = SYSTEM.by("clock")
# What the office where the unit is has to see and to decide on.
GO_ALONG: tuple[Any, ...] = (
    Person, GradeCertificate, Declaration, Commitment, Invitation, InvitationPoster, InsuranceRecord, InsuredPerson,
    InsuranceMonth, InsuranceGap, ItemSet, UsualParts, RiskItem, MaintenanceTeam,
)  # fmt: skip


def of_elevators(day: dt.date) -> list[tuple[Any, Any]]:
    """What still runs of an elevator and moves with it: models with `elevator_id`, and which of their rows."""
    return [
        (MaintenanceClock, true()), (MaintenanceLedger, true()), (MaintenanceOrder, MaintenanceOrder.state == "open"),
        (RepairOrder, RepairOrder.state.not_in(("done", "cancelled"))), (Anomaly, Anomaly.state != "closed"),
        (IotDevice, true()), (OnDemandInterval, OnDemandInterval.closed_on.is_(None) & (OnDemandInterval.to_on >= day)),
        (ElevatorOfficer, true()), (ElevatorMessage, ElevatorMessage.replied_at.is_(None)),
    ]  # fmt: skip


def of_units(day: dt.date) -> list[tuple[Any, Any]]:
    """What of a unit moves with it: models with `unit_id`, and which of their rows."""
    return [
        *((model, true()) for model in GO_ALONG), (Contract, Contract.ends_on >= day),
        (PatrolRound, PatrolRound.closed_at.is_(None)),
    ]  # fmt: skip


def papers_of_units() -> list[tuple[Any, Any]]:
    """The same of a unit's papers, which follow it also before its first approval."""
    return [(Attachment, Attachment.entity.in_(OF_THE_UNIT))]


def about_units() -> ColumnElement[bool]:
    """Of applications the open ones about what moves with their unit."""
    about = [model.__tablename__ for model in (*GO_ALONG, Contract)]
    return Application.is_open.is_(True) & Application.entity.in_(about)


def elevator_in_force(
    session: AnySession, row: Elevator, before: Mapping[str, Any], application: Application, at: dt.datetime, *,
    first: bool,
) -> None:  # fmt: skip
    """Clock and place after an approval; at the first one a declared 停用 or 报废 stops the clock as well."""
    day = clock.local_day(at)
    if first or before["maintenance_unit_id"] != row.maintenance_unit_id:
        clocks.unit_changed(session, row.id, row.maintenance_unit_id, day, at)
    if not first and any(before[name] != getattr(row, name) for name in ("maintenance_unit_id", "use_unit_id")):
        handed_on.follow_units(session, row, at)
    if first and row.status == ElevatorStatus.SUSPENDED:
        clocks.pause(session, row.id, day, application, at)
    if first and row.status == ElevatorStatus.SCRAPPED:
        clocks.stop(session, row.id, day, at)
    elif first and policy_value(session, Key.COMPONENTS_AT_FILING, row.region_code, day):
        usual_parts.put_in(session, SYSTEM, row, at, only_known=True)
    if not first and before["region_id"] != row.region_id:
        # What still runs moves with the elevator; what was judged or done stays where it happened.
        own = [(model, (model.elevator_id == row.id) & criterion) for model, criterion in of_elevators(day)]
        _follow(session, row.region_code, own)
        applications_follow(session, effects.undone_beside(application), row.region_code, at)


def applications_follow(session: AnySession, asked: Any, region_code: str, at: dt.datetime) -> None:
    """What is asked for about what has moved, or waits for its day, is for the office where it is now to decide.

    Else it lay with one that may not, while the one that may would not see it, or decide without its files.
    """
    moved: list[int] = []
    for one in effects.held(session, asked):
        to_region = one.data.get("to_region")
        place = common_region(region_code, to_region) if to_region else region_code
        if one.region_code == place:
            continue
        before = {"region_code": one.region_code, "officer_id": one.officer_id, "due_at": one.due_at}
        one.region_code = place
        if one.is_open:
            # Whoever took it on sees it no more; the next one to do something with it takes it on.
            one.officer_id = None
            seconds.lapse(session, one, at)
            # By policy and calendar of the new office, from the same first day: the time that was used is used.
            is_working = calendars.working_calendar(session, place)
            one.due_at = approval_limits.due_at(session, one, is_working)
            moved.append(one.id)
        session.flush()
        _follow(session, place, [
            (Attachment, (Attachment.entity == Application.__tablename__) & (Attachment.entity_id == one.id)),
            (UnitChange, UnitChange.application_id == one.id),
        ])  # fmt: skip
        # Whoever is of both offices is asked anew.
        outbox.settle(session, at, "approval", submissions.link_of(one))
        if one.state in WAITING_STATES:
            submissions.tell_officers(session, one, at)
        after = {"region_code": one.region_code, "officer_id": one.officer_id, "due_at": one.due_at}
        audit.record(session, _CLOCK, at, "application.hand_on", Application.__tablename__, one.id, before, after)
    if moved:
        # Nobody of the new office, or above it, heard of their limits, be they the same.
        limit_rounds.forget(session, among(session, Application.id, moved), steps=limit_rounds.STEPS)


def unit_in_force(session: AnySession, row: Unit, before: Mapping[str, Any], at: dt.datetime) -> None:
    """People, certificates, papers, contracts that run and rounds are the region's where the unit is, as its accounts.

    Else the office that the unit left would go on resetting their passwords. With the place the sessions end (ACC-15).
    """
    if before["region_id"] != row.region_id:
        _follow(session, row.region_code, [
            (model, (model.unit_id == row.id) & criterion) for model, criterion in of_units(clock.local_day(at))
        ])  # fmt: skip
        applications_follow(session, _asked_of_unit(row.id), row.region_code, at)
    papers_follow(session, row)
    main_accounts.follow_code(session, row, at)
    # Whether or not this approval moved it: a unit that registered itself may choose another region before its first.
    elsewhere = Account.region_code.is_distinct_from(row.region_code)
    session.execute(
        update(Account)
        .where(Account.unit_id == row.id, elsewhere)
        .values(region_code=row.region_code, session_epoch=Account.session_epoch + 1)
        .execution_options(skip_scope=True, synchronize_session="fetch")
    )


def leads(row: Unit | Elevator, data: Mapping[str, Any], place: str) -> dict[str, Any]:
    """What a filing keeps of where its approval leads what is in force: what is held before it (`hold_along`)."""
    if not row.approved_version:
        return {}
    kept: dict[str, Any] = {} if place == row.region_code else {"to_region": place}
    if isinstance(row, Elevator) and data.get("maintenance_unit_id") != row.maintenance_unit_id:
        kept["to_unit"] = data.get("maintenance_unit_id")
    return kept


def hold_along(session: AnySession, some: list[Application]) -> None:
    """Before a unit that moves: whoever decides what goes with it holds that application, and then what it is about.

    Before elevators that go to another unit: whoever edits a contract holds it, and then its elevators.
    """
    for application in some:
        if application.entity == Unit.__tablename__ and application.data.get("to_region"):
            effects.held(session, _asked_of_unit(application.entity_id))
    going = [one.elevator_id for one in some if "to_unit" in one.data and one.elevator_id is not None]
    cover.hold_contracts_of(session, going)


def _asked_of_unit(unit_id: int) -> ColumnElement[bool]:
    return and_(Application.unit_id == unit_id, about_units())


def papers_follow(session: AnySession, row: Unit) -> None:
    """A unit's papers are for the region where it is: whoever decides on it opens them, the office it left no more."""
    its = [(model, (model.unit_id == row.id) & criterion) for model, criterion in papers_of_units()]
    _follow(session, row.region_code, its)


def _follow(session: AnySession, region_code: str, rows: Iterable[tuple[type[Any], Any]]) -> None:
    for model, criterion in rows:
        session.execute(
            update(model)
            .where(criterion, model.region_code != region_code)
            .values(region_code=region_code)
            .execution_options(skip_scope=True, synchronize_session="fetch")
        )

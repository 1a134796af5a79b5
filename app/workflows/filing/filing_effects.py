"""What follows when a filing takes force: the clock learns the unit, rows that carry the place follow it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import update

from app import clock
from app.models import (
    Account,
    Anomaly,
    Application,
    Attachment,
    Commitment,
    Declaration,
    Elevator,
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
    Person,
    RepairOrder,
    Unit,
    UsualParts,
)
from app.models.policy import policy_value
from app.permissions import SYSTEM
from app.policy import Key
from app.rules.lifecycle import ElevatorStatus
from app.transaction import AnySession
from app.workflows.filing import usual_parts
from app.workflows.maintenance import clocks
from app.workflows.repair import repairs

# Papers that stay in force with their record; those of applications are kept where these were decided.
OF_THE_UNIT = ("unit", "person", "grade_certificate")
# What the office where the unit is has to see and to decide on.
GO_ALONG: tuple[Any, ...] = (
    Person, GradeCertificate, Declaration, Commitment, Invitation, InvitationPoster, InsuranceRecord, InsuredPerson,
    InsuranceMonth, InsuranceGap, ItemSet, UsualParts,
)  # fmt: skip


def elevator_in_force(
    session: AnySession, row: Elevator, before: Mapping[str, Any], application: Application, at: dt.datetime, *,
    first: bool,
) -> None:  # fmt: skip
    """Clock and place after an approval; at the first one a declared 停用 or 报废 stops the clock as well."""
    day = clock.local_day(at)
    if first or before["maintenance_unit_id"] != row.maintenance_unit_id:
        clocks.unit_changed(session, row.id, row.maintenance_unit_id, day, at)
        if not first:
            repairs.unit_changed(session, row.id, row.maintenance_unit_id, at)
    if first and row.status == ElevatorStatus.SUSPENDED:
        clocks.pause(session, row.id, day, application, at)
    if first and row.status == ElevatorStatus.SCRAPPED:
        clocks.stop(session, row.id, day, at)
    elif first and policy_value(session, Key.COMPONENTS_AT_FILING, row.region_code, day):
        usual_parts.put_in(session, SYSTEM, row, at, only_known=True)
    if not first and before["region_id"] != row.region_id:
        # What still runs moves with the elevator; what was judged or done stays where it happened.
        open_orders = (MaintenanceOrder.elevator_id == row.id) & (MaintenanceOrder.state == "open")
        repairs_open = (RepairOrder.elevator_id == row.id) & RepairOrder.state.not_in(("done", "cancelled"))
        _follow(session, row.region_code, [
            (MaintenanceClock, MaintenanceClock.elevator_id == row.id),
            (MaintenanceLedger, MaintenanceLedger.elevator_id == row.id),
            (MaintenanceOrder, open_orders), (RepairOrder, repairs_open), (Anomaly, (Anomaly.elevator_id == row.id) &
            (Anomaly.state != "closed")), (IotDevice, IotDevice.elevator_id == row.id),
        ])  # fmt: skip


def unit_in_force(session: AnySession, row: Unit, before: Mapping[str, Any]) -> None:
    """People, certificates and papers are the region's where the unit is, and so are its accounts.

    Else the office that the unit left would go on resetting their passwords. With the place the sessions end (ACC-15).
    """
    if before["region_id"] != row.region_id:
        _follow(session, row.region_code, [(model, model.unit_id == row.id) for model in GO_ALONG])
    papers_follow(session, row)
    # Whether or not this approval moved it: a unit that registered itself may choose another region before its first.
    elsewhere = Account.region_code.is_distinct_from(row.region_code)
    session.execute(
        update(Account)
        .where(Account.unit_id == row.id, elsewhere)
        .values(region_code=row.region_code, session_epoch=Account.session_epoch + 1)
        .execution_options(skip_scope=True, synchronize_session="fetch")
    )


def papers_follow(session: AnySession, row: Unit) -> None:
    """A unit's papers are for the region where it is: whoever decides on it opens them, the office it left no more."""
    _follow(session, row.region_code, [
        (Attachment, (Attachment.unit_id == row.id) & Attachment.entity.in_(OF_THE_UNIT)),
    ])  # fmt: skip


def _follow(session: AnySession, region_code: str, rows: Iterable[tuple[type[Any], Any]]) -> None:
    for model, criterion in rows:
        session.execute(
            update(model)
            .where(criterion, model.region_code != region_code)
            .values(region_code=region_code)
            .execution_options(skip_scope=True, synchronize_session="fetch")
        )

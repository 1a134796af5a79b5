"""What the audit log speaks of, by name and with its page: as the reader may see it now, one statement a kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Flask, current_app, url_for
from sqlalchemy import func, select

from app import clock, scope
from app import models as m
from app.models.account import Account
from app.models.among import among
from app.permissions import Actor, Verb
from app.telling import told
from app.views.frame import screens
from app.wording import cut
from app.workflows.approval import policies

Key = tuple[str, int]
LONGEST = 40


@dataclass(frozen=True, slots=True)
class Named:
    """Of a kind of row: the columns that name it and the page on which it stands, whose right is asked for.

    `owner`: the row whose page it is, where that is another one; `joined`: the columns by which rows are joined that
    the name is taken from, each once; `tell`: makes words of a column's value.
    """

    model: Any
    words: tuple[Any, ...]
    page: str = ""
    owner: Any = None
    joined: tuple[Any, ...] = ()
    tell: Callable[[Any], Any] = told


@dataclass(frozen=True, slots=True)
class Object:
    """A row in words, and where it is to be seen; "" where it has no page, or none for this reader."""

    text: str
    href: str = ""


def _of_elevator(model: Any, *words: Any, **rest: Any) -> Named:
    """By the elevator's code and more."""
    return Named(model, (m.Elevator.code, *words), joined=(model.elevator_id,), **rest)


NAMED: dict[str, Named] = {
    "account": Named(Account, (Account.first_name, Account.username), "AccountPages.show"),
    "anomaly": Named(m.Anomaly, (m.Anomaly.code, m.Anomaly.place), "AnomalyPages.show"),
    "api_token": Named(m.ApiToken, (m.ApiToken.name,), "TokenPages.show"),
    "appeal": Named(m.Appeal, (m.Appeal.number,), "ApplicationPages.page", m.Appeal.application_id),
    "application": Named(
        m.Application, (m.Application.number, func.coalesce(m.Application.said, m.Application.title)),
        "ApplicationPages.page",
    ),
    "attachment": Named(m.Attachment, (m.Attachment.name,)),
    "bulletin": Named(m.Bulletin, (m.Bulletin.title,), "BulletinPages.show"),
    "commitment": Named(
        m.Commitment, (m.Unit.name, m.Commitment.valid_from), "CommitmentPages.show",
        joined=(m.Commitment.unit_id,),
    ),
    "complaint": Named(m.Complaint, (m.Complaint.number, m.Complaint.place), "ComplaintPages.show"),
    "component": _of_elevator(m.Component, m.Component.name, page="ComponentPages.show"),
    "contract": Named(m.Contract, (m.Contract.number,), "ContractPages.record"),
    "contract_elevator": Named(
        m.ContractElevator, (m.Contract.number, m.Elevator.code), "ContractPages.record",
        m.ContractElevator.contract_id, (m.ContractElevator.contract_id, m.ContractElevator.elevator_id),
    ),
    "declaration": Named(
        m.Declaration, (m.Person.name, m.Declaration.signed_on), "PeoplePages.show", m.Declaration.person_id,
        (m.Declaration.person_id,),
    ),
    "delegation": Named(m.Delegation, (Account.first_name, m.Delegation.from_on), joined=(m.Delegation.from_id,)),
    "elevator": Named(m.Elevator, (m.Elevator.code, m.Elevator.address), "ElevatorPages.record"),
    "elevator_label": _of_elevator(
        m.ElevatorLabel, page="ElevatorPages.record", owner=m.ElevatorLabel.elevator_id
    ),
    "elevator_message": _of_elevator(
        m.ElevatorMessage, m.ElevatorMessage.body, page="MessagePages.show"
    ),
    "enforcement": Named(m.Enforcement, (m.Enforcement.number,), "EnforcementPages.show"),
    "fraud_case": Named(m.FraudCase, (m.FraudCase.number,), "FraudPages.case"),
    "fraud_signal": Named(
        m.FraudSignal, (m.Person.name, m.FraudSignal.seen_on), "FraudPages.signal",
        joined=(m.FraudSignal.person_id,),
    ),
    "grade_certificate": Named(
        m.GradeCertificate, (m.Person.name, m.GradeCertificate.certificate_no), "PeoplePages.show",
        m.GradeCertificate.person_id, (m.GradeCertificate.person_id,),
    ),
    "import_batch": Named(m.ImportBatch, (m.ImportBatch.file_name,), "Imports.show"),
    "inspection": Named(m.Inspection, (m.Inspection.number,), "InspectionPages.show"),
    "insurance_record": Named(m.InsuranceRecord, (m.InsuranceRecord.payer,), "InsurancePages.show"),
    "invitation": Named(m.Invitation, (m.Invitation.name,), "InvitationPages.show"),
    "invitation_poster": Named(m.InvitationPoster, (m.Unit.name,), joined=(m.InvitationPoster.unit_id,)),
    "iot_device": Named(m.IotDevice, (m.IotDevice.serial,), "IotPages.device"),
    "item_set": Named(m.ItemSet, (m.ItemSet.name,), "ItemSetPages.show"),
    "job": Named(m.Job, (m.Job.title,), "Jobs.show"),
    "landing_door": _of_elevator(
        m.LandingDoor, m.LandingDoor.landing, page="ElevatorPages.record", owner=m.LandingDoor.elevator_id
    ),
    "maintenance_ledger": _of_elevator(m.MaintenanceLedger, page="LedgerPages.record"),
    "maintenance_order": _of_elevator(
        m.MaintenanceOrder, m.MaintenanceOrder.planned_on, page="OrderPages.record"
    ),
    "maintenance_team": Named(m.MaintenanceTeam, (m.MaintenanceTeam.name,), "TeamPages.show"),
    "notification": Named(m.Notification, (m.Notification.title,)),
    "open_release": Named(m.OpenRelease, (m.OpenRelease.region_name, m.OpenRelease.period)),
    "overdue_period": _of_elevator(
        m.OverduePeriod, m.OverduePeriod.limit_on, page="ElevatorPages.record",
        owner=m.OverduePeriod.elevator_id,
    ),
    "patrol_round": Named(m.PatrolRound, (m.PatrolRound.title,), "PatrolPages.show"),
    "person": Named(m.Person, (m.Person.name,), "PeoplePages.show"),
    "personal_request": Named(m.PersonalRequest, (m.PersonalRequest.name,), "PrivacyPages.record"),
    "policy": Named(m.PolicyValue, (m.PolicyValue.key,), "Policy.key", m.PolicyValue.key, tell=policies.words),
    "policy_proposal": Named(
        m.PolicyProposal, (m.PolicyProposal.key,), "PolicyProposalPages.show", tell=policies.words
    ),
    "provincial_difference": Named(
        m.ProvincialDifference, (m.ProvincialDifference.code,), "ProvincialPages.show"
    ),
    "provincial_run": Named(m.ProvincialRun, (m.ProvincialRun.begun_at,), "ProvincialPages.run"),
    "region": Named(m.Region, (m.Region.name,)),
    "repair_order": Named(m.RepairOrder, (m.RepairOrder.code, m.RepairOrder.place), "RepairPages.show"),
    "rescue": Named(m.Rescue, (m.Rescue.number, m.Rescue.place), "RescuePages.show"),
    "risk_item": Named(m.RiskItem, (m.RiskItem.place, m.RiskItem.risk), "SafetyPages.risk"),
    "safety_record": Named(
        m.SafetyRecord, (m.Unit.name, m.SafetyRecord.on), "SafetyPages.record",
        joined=(m.SafetyRecord.unit_id,),
    ),
    "score_run": Named(m.ScoreRun, (m.ScoreRun.from_on, m.ScoreRun.to_on)),
    "spot_avoidance": Named(
        m.SpotAvoidance, (Account.first_name, m.Unit.name), joined=(m.SpotAvoidance.account_id, m.SpotAvoidance.unit_id)
    ),
    "spot_check": Named(m.SpotCheck, (m.SpotCheck.code, m.SpotCheck.name), "SpotCheckPages.show"),
    "spot_draw": Named(m.SpotDraw, (m.SpotDraw.number, m.SpotDraw.title), "SpotDrawPages.show"),
    "unit": Named(m.Unit, (m.Unit.name,), "UnitPages.record"),
    "unit_change": _of_elevator(
        m.UnitChange, page="ApplicationPages.page", owner=m.UnitChange.application_id
    ),
    "usual_parts": Named(m.UsualParts, (m.UsualParts.kind,)),
    "visit": _of_elevator(m.Visit, m.Visit.visit_on, page="VisitPages.show"),
}  # fmt: skip


def named(session: Any, actor: Actor, keys: Iterable[Key]) -> dict[Key, Object]:
    """Each of these rows that there is and that the actor sees; of whatever kind he has no right to read, none."""
    wanted: dict[str, set[int]] = {}
    for entity, key in keys:
        wanted.setdefault(entity, set()).add(key)
    found: dict[Key, Object] = {}
    for entity, ids in wanted.items():
        kind = NAMED.get(entity)
        door = _door(current_app._get_current_object(), kind.page) if kind and kind.page else None  # type: ignore[attr-defined]
        if kind is None or (door is not None and not actor.may(door[1])):
            continue
        for key, owner, *words in session.execute(_statement(session, actor, kind, ids)):
            said = " ".join(_text(kind, one) for one in dict.fromkeys(words) if one not in (None, ""))
            href = url_for(kind.page, **{door[0]: owner}) if door is not None and owner is not None else ""
            found[entity, key] = Object(cut(said, LONGEST), href)
    return found


def _text(kind: Named, value: Any) -> str:
    if isinstance(value, dt.datetime):
        return clock.local(value).strftime("%Y-%m-%d %H:%M")
    return str(kind.tell(value) if isinstance(value, str) else value)


def _statement(session: Any, actor: Actor, kind: Named, ids: set[int]) -> Any:
    model = kind.model
    statement = select(model.id, model.id if kind.owner is None else kind.owner, *kind.words).select_from(model)
    for column in kind.joined:
        other = _model_of(column)
        statement = statement.outerjoin(other, other.id == column)
    statement = scope.apply(statement, actor, model).where(among(session, model.id, sorted(ids)))
    return statement.execution_options(skip_scope=True)


def _model_of(column: Any) -> Any:
    """The model of the rows to which a column leads."""
    table = next(iter(column.property.columns[0].foreign_keys)).column.table
    return next(one for one in (m.Elevator, m.Unit, m.Person, m.Contract, Account) if one.__table__ is table)


@cache
def _door(app: Flask, endpoint: str) -> tuple[str, Verb]:
    """What a page's address calls its row's number, and the verb that opens it."""
    rule = next(iter(app.url_map.iter_rules(endpoint)))
    function: Any = app.view_functions[endpoint]
    verb = screens.verb_of(endpoint.partition(".")[0], f"can_{function._permission_name}")
    assert verb is not None, endpoint
    return next(iter(rule.arguments)), verb


def regions(session: Any, codes: Iterable[str]) -> dict[str, str]:
    """The names of regions by their codes; regions are everybody's."""
    wanted = sorted(set(codes))
    found = select(m.Region.code, m.Region.name).where(m.Region.code.in_(wanted)).execution_options(skip_scope=True)
    return dict(session.execute(found).all()) if wanted else {}

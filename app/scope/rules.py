"""What an actor may see of each model, as a condition on its rows: the one table that `scope` applies.

A rule takes the model (or its table's columns) and the actor. A model without a rule has rows of nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import and_, false, func, not_, or_, select, true

from app.models import (
    Account,
    Anomaly,
    ApiToken,
    Appeal,
    Application,
    ApplicationParty,
    Attachment,
    AuditEntry,
    Bulletin,
    BulletinReader,
    Comment,
    Commitment,
    Complaint,
    Component,
    Consent,
    Contract,
    ContractElevator,
    Declaration,
    Delegation,
    Elevator,
    ElevatorLabel,
    ElevatorMessage,
    ElevatorOfficer,
    Enforcement,
    ExternalIdentity,
    FaceCheck,
    FraudCase,
    FraudEvidence,
    FraudSignal,
    GradeCertificate,
    ImportBatch,
    ImportMatch,
    Inspection,
    InsuranceGap,
    InsuranceMonth,
    InsuranceRecord,
    InsuredPerson,
    Invitation,
    InvitationPoster,
    IotDevice,
    IotEvent,
    ItemSet,
    Job,
    LandingDoor,
    LandingDoorCheck,
    LiveSession,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    MaintenanceTeam,
    NoticeChoice,
    Notification,
    OnDemandInterval,
    OverduePeriod,
    PatrolRound,
    PatrolStop,
    Person,
    PersonalRequest,
    PolicyProposal,
    PositionCapture,
    ProvincialDifference,
    ProvincialRun,
    RiskItem,
    SafetyRecord,
    Score,
    ScoreEntry,
    ScoreRun,
    SpotAvoidance,
    SpotCheck,
    SpotDraw,
    TeamMember,
    Unit,
    UnitChange,
    UsualParts,
    Visit,
    VisitCompanion,
    Watch,
)
from app.models.repair import RepairOrder, sent_to
from app.permissions import Actor, Verb
from app.scope import called, desks
from app.scope.parts import Criterion, of_here_or_above, one_of, one_of_many
from app.scope.parts import assigned as _assigned
from app.scope.parts import in_region as _in_region
from app.scope.parts import not_secret as _not_secret
from app.scope.people import accounts, grades, invitations, of_seen_accounts, persons

_elevator: Any = Elevator.__table__.c
_unit: Any = Unit.__table__.c
_party: Any = ApplicationParty.__table__.c
_clock: Any = MaintenanceClock.__table__.c


def _elevators(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is not None:
        own = or_(
            model.maintenance_unit_id == actor.unit_id,
            model.use_unit_id == actor.unit_id,
            and_(model.filed_by_unit_id == actor.unit_id, model.approved_version == 0),
        )
        own = and_(own, _assigned(model.id, actor))
        return or_(own, _inspected(model, actor)) if actor.only_inspects else own
    secret = true() if actor.may(Verb.SECRET_READ) else not_(model.is_secret)
    return and_(_in_region(model, actor), secret)


def _inspected(model: Any, actor: Actor) -> Criterion:
    """An inspection unit's people see what is in force where their unit is: they look for what they are to inspect."""
    secret = true() if actor.may(Verb.SECRET_READ) else not_(model.is_secret)
    return and_(_in_region(model, actor), model.approved_version > 0, secret)


def _every_elevator(actor: Actor) -> Criterion | None:
    """A regulator of all places that the register has; its index by region gives the first and the last at once."""
    span = actor.region_span
    if actor.unit_id is not None or span is None or not actor.may(Verb.SECRET_READ):
        return None
    first, last = (select(end(_elevator.region_code)).scalar_subquery() for end in (func.min, func.max))
    return and_(first >= span[0], last < span[1])


def _units(model: Any, actor: Actor) -> Criterion:
    """Own unit, those it filed, and the other side of its elevators; a regulator's region."""
    if actor.unit_id is None:
        return _in_region(model, actor)
    partners = (
        select(_elevator.use_unit_id)
        .where(_elevator.maintenance_unit_id == actor.unit_id, _elevator.use_unit_id.is_not(None))
        .union(
            select(_elevator.maintenance_unit_id).where(
                _elevator.use_unit_id == actor.unit_id, _elevator.maintenance_unit_id.is_not(None)
            )
        )
    )
    return or_(
        model.id == actor.unit_id,
        model.filed_by_unit_id == actor.unit_id,
        and_(model.approved_version > 0, one_of(model.id, partners)),
    )


def _by_unit_and_elevator(model: Any, actor: Actor) -> Criterion:
    """Rows of an elevator with the maintenance unit at that time in `unit_id` (and often `use_unit_id`)."""
    if actor.unit_id is None:
        return and_(_in_region(model, actor), _not_secret(model.elevator_id, actor))
    if hasattr(model, "use_unit_id"):
        used = model.use_unit_id == actor.unit_id
    else:
        used = one_of(model.elevator_id, select(_elevator.id).where(_elevator.use_unit_id == actor.unit_id))
    return and_(or_(model.unit_id == actor.unit_id, used), _assigned(model.elevator_id, actor))


def _inspections(model: Any, actor: Actor) -> Criterion:
    """A unit reads those of the elevators that it sees, those it answered for and those it signed."""
    if actor.unit_id is None:
        return and_(_in_region(model, actor), _not_secret(model.elevator_id, actor))
    mine = _assigned(model.elevator_id, actor)
    lifts = select(_elevator.id).where(_elevators(_elevator, actor))
    seen = (one_of_many if actor.only_inspects else one_of)(model.elevator_id, lifts)
    signed = and_(model.tested_by_id == actor.unit_id, true() if actor.may(Verb.INSPECTION_EDIT) else mine)
    return or_(seen, and_(model.unit_id == actor.unit_id, mine), signed)


def _devices(model: Any, actor: Actor) -> Criterion:
    """Whoever sees an elevator sees what is built into it, those that were taken out as well."""
    if actor.unit_id is None:
        return and_(_in_region(model, actor), _not_secret(model.elevator_id, actor))
    return model.elevator_id.in_(select(_elevator.id).where(_elevators(_elevator, actor)))


def _differences(model: Any, actor: Actor) -> Criterion:
    """Both units of the equipment as known here, and the regulator of its region."""
    if actor.unit_id is None:
        return and_(_in_region(model, actor), or_(model.elevator_id.is_(None), _not_secret(model.elevator_id, actor)))
    own = or_(model.unit_id == actor.unit_id, model.use_unit_id == actor.unit_id)
    return and_(own, or_(model.elevator_id.is_(None), _assigned(model.elevator_id, actor)))


def _of_seen_elevators(model: Any, actor: Actor) -> Criterion:
    """What belongs to an elevator, whoever answers for it by now."""
    return model.elevator_id.in_(select(_elevator.id).where(_elevators(_elevator, actor)))


def _applications(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return and_(_in_region(model, actor), or_(model.elevator_id.is_(None), _not_secret(model.elevator_id, actor)))
    # Those whom it concerns read it as well: the other side of a change of unit.
    own = or_(
        model.unit_id == actor.unit_id,
        model.id.in_(select(_party.application_id).where(_party.unit_id == actor.unit_id)),
    )
    return and_(own, or_(model.elevator_id.is_(None), _assigned(model.elevator_id, actor)))


def _unit_changes(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return and_(_in_region(model, actor), _not_secret(model.elevator_id, actor))
    own = or_(*(c == actor.unit_id for c in (model.old_unit_id, model.new_unit_id, model.use_unit_id)))
    return and_(own, _assigned(model.elevator_id, actor))


def _contracts(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return _in_region(model, actor)
    return or_(model.unit_id == actor.unit_id, model.use_unit_id == actor.unit_id)


def _contract_elevators(model: Any, actor: Actor) -> Criterion:
    contract: Any = Contract.__table__.c
    seen = _not_secret if actor.unit_id is None else _assigned
    return and_(
        model.contract_id.in_(select(contract.id).where(_contracts(contract, actor))), seen(model.elevator_id, actor)
    )


def _scores(model: Any, actor: Actor) -> Criterion:
    return model.unit_id == actor.unit_id if actor.unit_id is not None else _in_region(model, actor)


def _score_runs(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return _in_region(model, actor)
    score: Any = Score.__table__.c
    return model.id.in_(select(score.run_id).where(score.unit_id == actor.unit_id))


def _score_entries(model: Any, actor: Actor) -> Criterion:
    score: Any = Score.__table__.c
    return model.score_id.in_(select(score.id).where(_scores(score, actor)))


def _attachments(model: Any, actor: Actor) -> Criterion:
    mine = model.uploaded_by_id == (actor.user_id or 0)
    # What a job or an import holds was made for one person's scope: nobody else downloads it.
    private = model.kind.in_(["import", "export"])
    if actor.unit_id is None:
        return or_(mine, and_(not_(private), _in_region(model, actor)))
    # Of a customer without an account, the unit that files it sees the papers that it files.
    main: Any = Account.__table__.c
    unit: Any = Unit.__table__.c
    own_account = select(main.id).where(main.unit_id == unit.id, main.is_main)
    filed = select(unit.id).where(unit.filed_by_unit_id == actor.unit_id, not_(own_account.exists()))
    theirs = and_(model.entity == "unit", model.kind.in_(["licence", "qualification"]), model.entity_id.in_(filed))
    return or_(mine, and_(not_(private), or_(model.unit_id == actor.unit_id, theirs)))


def _audit(model: Any, actor: Actor) -> Criterion:
    """The deeds of the accounts that the actor sees; without the right to the log, only what befell these accounts."""
    account: Any = Account.__table__.c
    seen = select(account.id).where(accounts(account, actor))
    if actor.may(Verb.AUDIT_READ):
        return model.actor_id.in_(seen)
    return and_(model.entity == "account", model.entity_id.in_(seen))


def _delegations(model: Any, actor: Actor) -> Criterion:
    """One's own, and for whoever reads accounts those of the region."""
    own = or_(model.from_id == (actor.user_id or 0), model.to_id == (actor.user_id or 0))
    if actor.unit_id is None and actor.may(Verb.ACCOUNT_READ):
        return or_(own, _in_region(model, actor))
    return own


def _comments(model: Any, actor: Actor) -> Criterion:
    """As the record that they are about; a unit never reads what regulators keep among themselves."""
    about = []
    for record in (Application, Elevator, Unit, Contract, Person, Visit, MaintenanceOrder):
        table: Any = record.__table__
        seen = select(table.c.id).where(RULES[record](table.c, actor))
        about.append(and_(model.entity == table.name, model.entity_id.in_(seen)))
    return or_(*about) if actor.unit_id is None else and_(not_(model.internal), or_(*about))


def _team_members(model: Any, actor: Actor) -> Criterion:
    team: Any = MaintenanceTeam.__table__.c
    return model.team_id.in_(select(team.id).where(_of_unit(team, actor)))


def _own_jobs(model: Any, actor: Actor) -> Criterion:
    return model.created_by_id == (actor.user_id or 0)


def _imports(model: Any, actor: Actor) -> Criterion:
    """One's own, and for who may import for a region what its units imported: to look at, and to undo."""
    own = model.created_by_id == (actor.user_id or 0)
    if actor.unit_id is not None or not actor.may(Verb.IMPORT):
        return own
    return or_(own, _in_region(model, actor))


def _import_matches(model: Any, actor: Actor) -> Criterion:
    return model.owner == import_owner(actor)


def import_owner(actor: Actor) -> str:
    """Whose habit a confirmed match of columns is: the unit's, else the region's, else the account's."""
    if actor.unit_id is not None:
        return f"unit:{actor.unit_id}"
    return f"region:{actor.region_code}" if actor.region_code else f"user:{actor.user_id or 0}"


def _of_unit(model: Any, actor: Actor) -> Criterion:
    """A unit's own rows; a regulator's region."""
    return model.unit_id == actor.unit_id if actor.unit_id is not None else _in_region(model, actor)


def _enforcements(model: Any, actor: Actor) -> Criterion:
    """A unit reads what was decided about it, from the hour that it took force: never a draft."""
    if actor.unit_id is None:
        return _in_region(model, actor)
    return and_(model.unit_id == actor.unit_id, model.in_force_at.is_not(None))


def _appeals(model: Any, actor: Actor) -> Criterion:
    """A unit's own, a regulator's region; about an elevator only to whoever sees such."""
    seen = _not_secret if actor.unit_id is None else _assigned
    return and_(_of_unit(model, actor), or_(model.elevator_id.is_(None), seen(model.elevator_id, actor)))


def _personal_requests(model: Any, actor: Actor) -> Criterion:
    """One's own; whoever answers them for a region, that region's."""
    mine = model.account_id == (actor.user_id or 0)
    if actor.unit_id is not None or not actor.may(Verb.PRIVACY_DECIDE):
        return mine
    return or_(mine, _in_region(model, actor))


def _bulletins(model: Any, actor: Actor) -> Criterion:
    """A regulator's region, and what was issued for those above it; a unit reads what was sent to it."""
    issued, reader = model.state == "issued", BulletinReader.__table__.c
    if actor.unit_id is not None:
        return and_(issued, model.id.in_(select(reader.bulletin_id).where(reader.unit_id == actor.unit_id)))
    return or_(_in_region(model, actor), and_(issued, of_here_or_above(model.region_code, actor)))


def _patrol_stops(model: Any, actor: Actor) -> Criterion:
    patrol: Any = PatrolRound.__table__.c
    return model.round_id.in_(select(patrol.id).where(_of_unit(patrol, actor)))


def _policy_proposals(model: Any, actor: Actor) -> Criterion:
    """Of a regulator's region, and of those above it, whose values hold there too; a unit sees none."""
    if actor.unit_id is not None:
        return false()
    return or_(_in_region(model, actor), of_here_or_above(model.region_code, actor))


RULES: dict[type[Any], Callable[[Any, Actor], Criterion]] = {
    Elevator: _elevators,
    Unit: _units,
    Application: _applications,
    UnitChange: _unit_changes,
    Contract: _contracts,
    ContractElevator: _contract_elevators,
    VisitCompanion: _by_unit_and_elevator,
    **dict.fromkeys((MaintenanceLedger, MaintenanceClock, MaintenanceOrder, OnDemandInterval), _by_unit_and_elevator),
    **dict.fromkeys((OverduePeriod, Visit, IotEvent), _by_unit_and_elevator),
    Complaint: _by_unit_and_elevator,
    ElevatorMessage: _by_unit_and_elevator,
    Inspection: _inspections,
    **called.rules(_by_unit_and_elevator),
    # Whoever was sent there sees what he was sent for, though the elevator is not assigned to him.
    RepairOrder: lambda model, actor: (
        _by_unit_and_elevator(model, actor) if actor.person_id is None or actor.sees_all_elevators
        else or_(_by_unit_and_elevator(model, actor), sent_to(model, actor.person_id, actor.unit_id))
    ),
    Anomaly: _by_unit_and_elevator,
    FaceCheck: desks.face_checks,
    FraudSignal: desks.fraud_signals,
    FraudEvidence: desks.fraud_evidence,
    FraudCase: _of_unit,
    SpotDraw: desks.of_regulators,
    SpotCheck: desks.spot_checks,
    SpotAvoidance: desks.of_regulators,
    Bulletin: _bulletins,
    IotDevice: _devices,
    ProvincialDifference: _differences,
    ProvincialRun: _of_unit,
    **dict.fromkeys((PositionCapture, Component, LandingDoor, LandingDoorCheck, ElevatorLabel), _of_seen_elevators),
    Person: persons,
    Consent: _of_unit,
    PersonalRequest: _personal_requests,
    GradeCertificate: grades,
    Declaration: grades,
    Invitation: invitations,
    InvitationPoster: invitations,
    Account: accounts,
    **dict.fromkeys((LiveSession, ExternalIdentity, ApiToken), of_seen_accounts),
    Score: _scores,
    ScoreRun: _score_runs,
    ScoreEntry: _score_entries,
    PolicyProposal: _policy_proposals,
    ItemSet: desks.item_sets,
    UsualParts: desks.usual_parts,
    MaintenanceTeam: _of_unit,
    TeamMember: _team_members,
    Appeal: _appeals,
    Enforcement: _enforcements,
    **dict.fromkeys((ElevatorOfficer, Commitment, RiskItem, SafetyRecord, PatrolRound), _of_unit),
    **dict.fromkeys((InsuranceRecord, InsuredPerson, InsuranceMonth, InsuranceGap), _of_unit),
    PatrolStop: _patrol_stops,
    Attachment: _attachments,
    Delegation: _delegations,
    Comment: _comments,
    Watch: lambda model, actor: model.user_id == (actor.user_id or 0),
    Job: _own_jobs,
    ImportBatch: _imports,
    ImportMatch: _import_matches,
    Notification: lambda model, actor: model.recipient_id == (actor.user_id or 0),
    NoticeChoice: lambda model, actor: model.account_id == (actor.user_id or 0),
    AuditEntry: _audit,
}
# Kept for their owner alone, even from a platform administrator's lists (the console at /ops reads them apart).
PERSONAL = {Notification, NoticeChoice, Watch}


def _own_contracts(model: Any, actor: Actor) -> Criterion:
    return _contracts(model, actor) if actor.unit_id is None else model.unit_id == actor.unit_id


# Where an account of a unit is makes no difference to these: its unit, its person and its elevators do.
UNPLACED: frozenset[type[Any]] = frozenset({Elevator, Person, Visit})
# But to inspection people, who look for what is to be inspected where their unit is.
PLACED = Verb.INSPECTION_EDIT

# Rows that persons write through screens and APIs: after the write the row must lie within the writer's scope.
GUARDED = (
    Elevator, Unit, Application, Contract, MaintenanceLedger, Visit, Person, GradeCertificate, Declaration,
    PolicyProposal, RiskItem, SafetyRecord, PatrolRound, Invitation, InvitationPoster, Commitment, InsuranceRecord,
    MaintenanceTeam, Complaint, ElevatorMessage, Inspection, RepairOrder, Anomaly, Enforcement, Appeal, FraudSignal,
    FraudCase, SpotDraw, SpotCheck, SpotAvoidance, Bulletin, IotDevice, Component, LandingDoor, ElevatorLabel,
    ItemSet, UsualParts,
)  # fmt: skip
# Read by both sides of it, written by one.
NARROWER: dict[type[Any], Callable[[Any, Actor], Criterion]] = {Contract: _own_contracts}
# Where one look tells that an actor sees every row there is.
EVERY: dict[type[Any], Callable[[Actor], Criterion | None]] = {Elevator: _every_elevator}

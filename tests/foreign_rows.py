"""A row of each kind in another district and of other units, all of one key and one mark."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from app import clock
from app.extensions import db
from app.models import (
    Anomaly,
    ApiToken,
    Appeal,
    Application,
    Attachment,
    Bulletin,
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
    ImportRow,
    Inspection,
    InsuranceGap,
    InsuranceMonth,
    InsuranceRecord,
    InsuredPerson,
    Invitation,
    InvitationPoster,
    IotDevice,
    IotEvent,
    IotLive,
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
    ProvincialItem,
    ProvincialRun,
    RepairOrder,
    Rescue,
    RescueCallback,
    RescueDispatch,
    RescueStep,
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
    Version,
    Visit,
    VisitCompanion,
    Watch,
)
from app.permissions import Role
from tests.factories import World, make_account, make_elevator, make_maintenance_unit, make_use_unit

KEY = 990001
ACCOUNTS = db.metadata.tables["ab_user"]
MARK = "外域标记不可见"
CODE = "F990001"
TOKEN = "foreigntoken990001"


def foreign_rows(world: World, session: Any) -> None:
    """One row of every scoped kind, in the other district, of another firm, with the shared key and mark."""
    at = clock.now()
    day = clock.local_day(at)
    place: dict[str, Any] = {"region_code": "980403000000"}
    firm = make_maintenance_unit(session, f"{MARK}维保", id=KEY, **place)
    user = make_use_unit(session, f"{MARK}使用", id=KEY + 1, **place)
    make_elevator(
        session, id=KEY, maintenance_unit=firm, use_unit=user, address=f"{MARK}地址", code=CODE, public_token=TOKEN,
        estate=MARK, **place,
    )  # fmt: skip
    head = make_account(
        session, Role.MAINTENANCE_HEAD, unit=firm, is_main=True, id=KEY, first_name=MARK, username=f"{CODE}_head"
    )
    unit: dict[str, Any] = {"unit_id": firm.id, **place}
    session.add(Person(id=KEY, name=MARK, phone="19900000001", **unit))
    session.flush()
    session.add_all([
        Declaration(id=KEY, person_id=KEY, signed_on=day, valid_until=day, note=MARK, **unit),
        GradeCertificate(id=KEY, person_id=KEY, grade="senior", certificate_no=MARK, issued_on=day, **unit),
        Contract(
            id=KEY, number=MARK, kind="normal", signed_on=day, starts_on=day, ends_on=day + dt.timedelta(9), **unit
        ),
        Version(
            id=KEY, entity="elevator", entity_id=KEY, number=1, state="approved", data={"address": MARK}, edited_at=at
        ),
        MaintenanceLedger(id=KEY, elevator_id=KEY, worker_id=KEY, next_half_month_on=day, **unit),
        MaintenanceClock(elevator_id=KEY, anchor_on=day, limit_on=day, **unit),
        ScoreRun(
            id=KEY, region_code="980403000000", from_on=day, to_on=day, as_of=at, made_at=at, state="final", digest="0"
        ),
        Attachment(
            id=KEY, entity="unit", entity_id=KEY, kind="document", name=f"{MARK}.pdf", mime="application/pdf", size=1,
            sha256="0" * 64, uploaded_by_id=head.id, uploaded_at=at, **unit,
        ),
        MaintenanceTeam(id=KEY, name=MARK, **unit),
        UsualParts(id=KEY, kind="A", rows=[{"name": MARK, "life_months": 9}], **unit),
        ItemSet(
            id=KEY, kind="A", name=MARK, from_on=day, basis=MARK, state="in_force", opinion=MARK, **unit,
            rows=[{"code": "U9-1-01", "level": "half_month", "item": MARK, "requirement": MARK}],
        ),
        Enforcement(
            id=KEY, number=f"YT-{CODE}", kind="talk", state="in_force", decided_on=day, facts=MARK, demand=MARK,
            reply_days=9, in_force_at=at, **unit,
        ),
        Appeal(
            id=KEY, number=f"SS-{CODE}", entity="visit", entity_id=KEY, happened_on=day, said=MARK, grounds=MARK,
            state="submitted", **unit,
        ),
        Commitment(id=KEY, valid_from=day, valid_until=day, note=MARK, state="submitted", **unit),
        InsuranceRecord(id=KEY, payer=MARK, from_on=day, to_on=day, **unit),
        InsuranceMonth(
            id=KEY, month=day, records=0, filed=1, insured=0, uninsured=1, unfiled=0, compared_at=at, **unit
        ),
        InsuranceGap(id=KEY, month=day, kind="uninsured", name=MARK, **unit),
        PolicyProposal(
            id=KEY, key="limit_days", region_code="980403000000", value=20, effective_on=day, source=MARK,
            proposed_at=at,
        ),
        Consent(id=KEY, person_id=KEY, purpose="face", words=MARK, given_at=at, given_by_id=head.id, **unit),
        PersonalRequest(
            id=KEY, kind="copy", name=MARK, account_id=head.id, detail=MARK, asked_at=at, due_on=day, **unit
        ),
        LiveSession(
            id=KEY, number=MARK, user_id=head.id, epoch=head.session_epoch or 1, device=MARK, created_at=at, seen_at=at,
            until=at + dt.timedelta(hours=12),
        ),
        ExternalIdentity(id=KEY, user_id=head.id, provider="gov", subject=MARK, shown_name=MARK, bound_at=at),
        Notification(id=KEY, recipient_id=head.id, topic="test", title=MARK, state="sent", created_at=at, sent_at=at),
        NoticeChoice(account_id=head.id, channels={}, webhook_url=f"https://{MARK}/", updated_at=at),
        ApiToken(
            id=KEY, account_id=head.id, name=MARK, digest="0" * 64, start=CODE, verbs=["unit.read"], epoch=1,
            made_at=at, ends_on=day,
        ),
    ])  # fmt: skip
    session.flush()
    session.add_all([
        InsuredPerson(id=KEY, record_id=KEY, name=MARK, id_number="11010519491231002X", **unit),
        ContractElevator(
            id=KEY, contract_id=KEY, elevator_id=KEY, unit_id=KEY, starts_on=day, ends_on=day, added_at=at
        ),
        MaintenanceOrder(id=KEY, elevator_id=KEY, worker_id=KEY, planned_on=day, level="half_month", **unit),
        Visit(
            id=KEY, elevator_id=KEY, use_unit_id=user.id, worker_id=KEY, visit_on=day, checked_in_at=at, received_at=at,
            state="open", note=MARK, **unit,
        ),
        Inspection(
            id=KEY, elevator_id=KEY, use_unit_id=user.id, kind="periodic", number=MARK, number_key=MARK, done_on=day,
            tested_by=MARK, result="failed", failed_items=MARK, state="approved", entered_by=MARK, **unit,
        ),
        Component(
            id=KEY, elevator_id=KEY, region_code=place["region_code"], name=MARK, model=MARK, installed_on=day,
            life_months=6, due_on=day, installed_by=MARK, note=MARK,
        ),
        LandingDoor(
            id=KEY, elevator_id=KEY, region_code=place["region_code"], position=1, landing="9", condition="damaged",
            note=MARK,
        ),
        PositionCapture(
            id=KEY, elevator_id=KEY, use_unit_id=user.id, taken_at=at, taken_by=MARK, note=MARK, outcome="in_force",
            **unit,
        ),
        ElevatorLabel(
            id=KEY, elevator_id=KEY, region_code=place["region_code"], kind="replacement", token=f"label-{MARK}"[:32],
            reason="damaged", note=MARK, made_at=at, made_by=MARK,
        ),
        OverduePeriod(id=KEY, elevator_id=KEY, anchor_on=day, limit_on=day, interval_days=15, judged_at=at, **unit),
        Application(
            id=KEY, number=f"TY-{CODE}", kind="suspension", state="submitted", entity="elevator", entity_id=KEY,
            title=MARK, elevator_id=KEY, reason=MARK, submitted_at=at, submitted_by_id=head.id, **unit,
        ),
        Score(
            id=KEY, run_id=KEY, due=1, bad=0, overdue=0, nonconforming=0, forgiven=0, valid_visits=1, elevators=1,
            **unit,
        ),
        Job(id=KEY, kind="export", title=MARK, state="done", created_by_id=head.id, created_at=at, heartbeat_at=at),
        ImportBatch(
            id=KEY, kind="units", file_name=MARK, state="checked", created_by_id=head.id, created_at=at,
            mapping={"headings": [MARK], "columns": ["name"], "how": ["same"]}, **unit
        ),
        ImportMatch(
            id=KEY, owner=f"unit:{KEY}", kind="units", digest=MARK, data={"columns": {MARK: "name"}}, updated_at=at
        ),
    ])  # fmt: skip
    session.flush()
    session.add(
        ScoreEntry(
            id=KEY, score_id=KEY, elevator_id=KEY, rule="x", count=1, numerator="1", denominator="1", reason=MARK
        )
    )
    session.add(
        UnitChange(
            id=KEY, application_id=KEY, elevator_id=KEY, old_unit_id=KEY, new_unit_id=KEY, use_unit_id=user.id,
            region_code=place["region_code"], signed_on=day, due_on=day, applied_on=day, late=True,
        )
    )  # fmt: skip
    session.add_all([
        Delegation(
            id=KEY, from_id=head.id, to_id=head.id, region_code=place["region_code"], from_on=day, to_on=day,
            reason=MARK, created_at=at,
        ),
        Comment(id=KEY, entity="application", entity_id=KEY, author_id=head.id, body=MARK, created_at=at),
        Watch(id=KEY, entity="application", entity_id=KEY, user_id=head.id, since_at=at),
    ])  # fmt: skip
    session.add(
        OnDemandInterval(
            id=KEY, elevator_id=KEY, from_on=day, to_on=day, interval_days=30, reason=MARK, application_id=KEY,
            known_at=at, **unit,
        )
    )  # fmt: skip
    session.add_all([
        ElevatorOfficer(elevator_id=KEY, account_id=head.id, named_at=at, **unit),
        RiskItem(
            id=KEY, place=MARK, risk=MARK, level="major", measures=MARK, cycle="daily", responsible=MARK, **unit
        ),
        SafetyRecord(id=KEY, kind="weekly", on=day, nothing_found=True, summary=MARK, made_by=MARK, made_at=at, **unit),
        PatrolRound(id=KEY, title=MARK, due_on=day, account_id=head.id, account_name=MARK, **unit),
    ])  # fmt: skip
    lift: dict[str, Any] = {"elevator_id": KEY, "use_unit_id": user.id, **unit}
    session.add_all([
        Complaint(
            id=KEY, number="F99" * 4, code=CODE, place=MARK, name=MARK, phone="19900000003", kinds=["noise"], body=MARK,
            complained_at=at, accept_hours=24, handle_hours=72, review_hours=48, due_at=at + dt.timedelta(1), **lift,
        ),
        ElevatorMessage(id=KEY, body=MARK, sent_at=at, **lift),
        Rescue(
            id=KEY, number="JY-FOREIGN", code=CODE, place=MARK, caller=MARK, phone="19900000004", scene=MARK,
            source="call", reported_at=at, taken_at=at, dispatched_at=at, status="dispatched", accept_minutes=3,
            arrive_minutes=18, done_minutes=30, due_at=at + dt.timedelta(minutes=3), **lift,
        ),
        Anomaly(
            id=KEY, code=CODE, place=MARK, source="phone", kind="noise", body=MARK, found_at=at, last_at=at,
            reported_by_id=head.id, reported_unit_id=KEY, **lift,
        ),
        RepairOrder(
            id=KEY, code=CODE, place=MARK, source="report", level="stopped", fault=MARK, reported_at=at,
            reported_by_id=head.id, reported_unit_id=KEY, accept_hours=1, finish_hours=24,
            due_at=at + dt.timedelta(1), **lift,
        ),
    ])  # fmt: skip
    session.flush()
    session.add(RescueDispatch(id=KEY, rescue_id=KEY, level=1, unit_id=KEY, name=MARK, dispatched_at=at))
    session.add(RescueStep(id=KEY, rescue_id=KEY, verb="dispatch", at=at, name=MARK))
    session.add(RescueCallback(
        id=KEY, rescue_id=KEY, kind="rescue", satisfaction="good", called_at=at, name=MARK, note=MARK
    ))  # fmt: skip
    session.add(
        FraudCase(id=KEY, number=f"HC-{CODE}", question=MARK, opened_at=at, due_at=at + dt.timedelta(1), **unit)
    )
    session.flush()
    session.add_all([
        FraudSignal(
            id=KEY, key=MARK, kind="overlap", person_id=KEY, elevator_id=KEY, seen_on=day, points=30, found=MARK,
            found_at=at, case_id=KEY, **unit,
        ),
        SpotDraw(
            id=KEY, number=f"CC-{CODE}", title=MARK, kind="elevator", quota=1, risk_percent=0, top_percent=20,
            inspectors=[{"id": head.id, "name": MARK}], as_of=at, population=f"{MARK}\t0\t\n", population_count=1,
            population_digest="0" * 64, secret="0" * 64, commitment="0" * 64, check_until=day, **place,
        ),
        SpotAvoidance(id=KEY, account_id=head.id, unit_id=KEY, reason=MARK, declared_at=at, **place),
    ])  # fmt: skip
    session.flush()
    session.add_all([
        FraudEvidence(id=KEY, signal_id=KEY, visit_id=KEY),
        SpotCheck(
            id=KEY, draw_id=KEY, position=1, stratum="random", code=CODE, name=MARK, elevator_id=KEY, risk=0,
            findings=MARK, due_at=at, **unit,
        ),
        Bulletin(
            id=KEY, region_code="980403000000", region_name=MARK, period="2026-01", first_on=day, last_on=day,
            title=MARK, office=MARK, mark=MARK, as_of=at, policy="0", figures={}, digest="0" * 64,
            texts={"opening": MARK}, drafted_by=MARK,
        ),
        IotDevice(
            id=KEY, serial=CODE, elevator_id=KEY, maker=MARK, model=MARK, standard="TIAN-1", bound_at=at, key=MARK,
            video_url=f"https://video.example.com/{MARK}", **unit,
        ),
    ])  # fmt: skip
    session.flush()
    session.add_all([
        ProvincialRun(id=KEY, kind="codes", codes=[CODE], begun_at=at, **unit),
        ProvincialDifference(
            id=KEY, code=CODE, kind="fields", elevator_id=KEY, use_unit_id=user.id, theirs={"address": MARK},
            unlike=["address"], near={}, digest="0" * 64, found_at=at, seen_at=at, **unit,
        ),
        IotLive(device_id=KEY, seen_at=at, told_at=at, floor=MARK),
        IotEvent(
            id=KEY, device_id=KEY, event_id=MARK, standard=MARK, code=MARK, kind="unknown", told_at=at, happened_at=at,
            received_at=at, **lift,
        ),
    ])  # fmt: skip
    session.flush()
    session.add(ProvincialItem(id=KEY, run_id=KEY, code=MARK, outcome="refused", note=MARK))
    session.add_all([
        Invitation(id=KEY, name=MARK, phone="19900000002", kind="worker", by_unit_id=KEY, state="review", **unit),
        InvitationPoster(
            id=KEY, by_unit_id=KEY, kind="worker", token_hash="0" * 64, expires_at=at + dt.timedelta(1), most=9, **unit
        ),
    ])  # fmt: skip
    session.flush()
    session.add(TeamMember(id=KEY, team_id=KEY, person_id=KEY))
    session.add(VisitCompanion(id=KEY, visit_id=KEY, elevator_id=KEY, person_id=KEY, name=MARK, joined_at=at, **unit))
    session.add(FaceCheck(id=KEY, visit_id=KEY, elevator_id=KEY, person_id=KEY, state="unmatched", began_at=at, **unit))
    session.add(
        LandingDoorCheck(
            id=KEY, door_id=KEY, elevator_id=KEY, region_code=place["region_code"], condition="damaged", note=MARK,
            checked_on=day, at=at, by_name=MARK,
        )
    )  # fmt: skip
    session.add(PatrolStop(id=KEY, round_id=KEY, elevator_id=KEY, finding=MARK))
    session.add(ImportRow(id=KEY, batch_id=KEY, number=2, state="new", raw=[MARK]))
    session.commit()


WATCHED = (
    Unit, Elevator, Person, GradeCertificate, Declaration, Contract, ContractElevator, MaintenanceLedger,
    MaintenanceOrder, Visit, OverduePeriod, Application, Score, Attachment, Notification, Job, ImportBatch, Version,
    PolicyProposal, UnitChange, OnDemandInterval, ImportMatch, RiskItem, SafetyRecord, PatrolRound, PatrolStop,
    Delegation, Comment, Watch, LiveSession, ExternalIdentity, Invitation, InvitationPoster, ApiToken, Commitment,
    InsuranceRecord, InsuredPerson, InsuranceMonth, PersonalRequest, Consent, Complaint, ElevatorMessage, Inspection,
    MaintenanceTeam, ItemSet, TeamMember, VisitCompanion, FaceCheck, Rescue, RescueDispatch, RescueStep, RescueCallback,
    RepairOrder, Anomaly, FraudSignal, FraudEvidence, FraudCase, SpotDraw, SpotCheck, SpotAvoidance, Bulletin,
    IotDevice, IotEvent, ProvincialRun, ProvincialItem, ProvincialDifference, PositionCapture, Component, LandingDoor,
    LandingDoorCheck, ElevatorLabel, UsualParts,
)  # fmt: skip


def foreign_state(session: Any) -> dict[str, Any]:
    """Everything foreign as it is now, column by column."""
    session.rollback()  # else SQLite goes on reading what stood when the transaction began
    state: dict[str, Any] = {}
    for model in WATCHED:
        row = session.execute(select(model.__table__).where(model.__table__.c.id == KEY)).mappings().one()
        state[model.__name__] = dict(row)
    # Whoever holds the label may press again: the press is counted with the case that is open.
    state["Rescue"] = {k: v for k, v in state["Rescue"].items() if k not in ("reports", "updated_at", "row_version")}
    account = session.execute(select(ACCOUNTS).where(ACCOUNTS.c.id == KEY)).mappings().one()
    state["Account"] = {k: v for k, v in account.items() if "login" not in k}
    return state

"""All models, so that one import fills the metadata.

Where columns are declared, annotations are what they say and not its text (`from __future__`): SQLAlchemy would
compile each of nearly two thousand again at every start. A class that comes only later stands in quotes.
"""

from app.models.account import (
    Account,
    AccountRole,
    ElevatorAssignment,
    EndedSession,
    ExternalIdentity,
    KnownDevice,
    LiveSession,
    LoginGuard,
)
from app.models.anomaly import Anomaly
from app.models.api import ApiCall, ApiToken
from app.models.appeal import Appeal
from app.models.application import Application, ApplicationParty, ApplicationStep, NumberSeries, UnitChange
from app.models.attachment import Attachment
from app.models.audit import AuditBatch, AuditDay, AuditEntry
from app.models.batch import ImportBatch, ImportMatch, ImportRow
from app.models.bulletin import Bulletin, BulletinReader, OpenRelease
from app.models.calendar import CalendarDay, ClockMark
from app.models.commitment import Commitment
from app.models.complaint import Complaint, ElevatorMessage
from app.models.contract import Contract, ContractElevator
from app.models.elevator import Elevator
from app.models.enforcement import Enforcement, EnforcementEvidence
from app.models.export import ExportRecord
from app.models.face import FaceCheck
from app.models.fraud import FraudCase, FraudEvidence, FraudSignal, PicturePrint
from app.models.inspection import Inspection, InspectionClock
from app.models.insurance import InsuranceGap, InsuranceMonth, InsuranceRecord, InsuredPerson
from app.models.invitation import Invitation, InvitationPoster
from app.models.iot import IotDevice, IotEvent, IotLive
from app.models.item_set import ItemSet
from app.models.job import Job, ServiceHeartbeat
from app.models.label import ElevatorLabel
from app.models.maintenance import (
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    MaintenancePause,
    OnDemandInterval,
    OverdueCorrection,
    OverduePeriod,
)
from app.models.notice import NoticeChoice, NoticeTemplate, ToldExpiry
from app.models.notification import Notification
from app.models.office import Comment, Delegation, Watch
from app.models.part import Component, LandingDoor, LandingDoorCheck, UsualParts
from app.models.person import Declaration, GradeCertificate, Person, RealNameCheck
from app.models.policy import PolicyProposal, PolicySnapshot, PolicyValue
from app.models.position import PositionCapture
from app.models.preference import ColumnChoice, SavedFilter
from app.models.privacy import Consent, PersonalRequest
from app.models.provincial import ProvincialDifference, ProvincialItem, ProvincialRun, ProvincialUnit
from app.models.region import Region
from app.models.repair import RepairOrder
from app.models.rescue import Rescue, RescueCallback, RescueDispatch, RescueStep
from app.models.safety import ElevatorOfficer, PatrolRound, PatrolStop, RiskItem, SafetyRecord
from app.models.score import Score, ScoreEntry, ScoreRun
from app.models.sign_in import Captcha, NumberAsk, OneTimeCode
from app.models.spot import SpotAvoidance, SpotCheck, SpotDraw
from app.models.team import MaintenanceTeam, TeamMember
from app.models.unit import Unit
from app.models.version import StatusChange, Version
from app.models.visit import Visit, VisitCompanion, VisitLink, VisitNote

# One a line: areas grow side by side.
__all__ = [
    "Account",
    "AccountRole",
    "Anomaly",
    "ApiCall",
    "ApiToken",
    "Appeal",
    "Application",
    "ApplicationParty",
    "ApplicationStep",
    "Attachment",
    "AuditBatch",
    "AuditDay",
    "AuditEntry",
    "Bulletin",
    "BulletinReader",
    "CalendarDay",
    "Captcha",
    "ClockMark",
    "ColumnChoice",
    "Comment",
    "Commitment",
    "Complaint",
    "Component",
    "Consent",
    "Contract",
    "ContractElevator",
    "Declaration",
    "Delegation",
    "Elevator",
    "ElevatorAssignment",
    "ElevatorLabel",
    "ElevatorMessage",
    "ElevatorOfficer",
    "EndedSession",
    "Enforcement",
    "EnforcementEvidence",
    "ExportRecord",
    "ExternalIdentity",
    "FaceCheck",
    "FraudCase",
    "FraudEvidence",
    "FraudSignal",
    "GradeCertificate",
    "ImportBatch",
    "ImportMatch",
    "ImportRow",
    "Inspection",
    "InspectionClock",
    "InsuranceGap",
    "InsuranceMonth",
    "InsuranceRecord",
    "InsuredPerson",
    "Invitation",
    "InvitationPoster",
    "IotDevice",
    "IotEvent",
    "IotLive",
    "ItemSet",
    "Job",
    "KnownDevice",
    "LandingDoor",
    "LandingDoorCheck",
    "LiveSession",
    "LoginGuard",
    "MaintenanceClock",
    "MaintenanceLedger",
    "MaintenanceOrder",
    "MaintenancePause",
    "MaintenanceTeam",
    "NoticeChoice",
    "NoticeTemplate",
    "Notification",
    "NumberAsk",
    "NumberSeries",
    "OnDemandInterval",
    "OneTimeCode",
    "OpenRelease",
    "OverdueCorrection",
    "OverduePeriod",
    "PatrolRound",
    "PatrolStop",
    "Person",
    "PersonalRequest",
    "PicturePrint",
    "PolicyProposal",
    "PolicySnapshot",
    "PolicyValue",
    "PositionCapture",
    "ProvincialDifference",
    "ProvincialItem",
    "ProvincialRun",
    "ProvincialUnit",
    "RealNameCheck",
    "Region",
    "RepairOrder",
    "Rescue",
    "RescueCallback",
    "RescueDispatch",
    "RescueStep",
    "RiskItem",
    "SafetyRecord",
    "SavedFilter",
    "Score",
    "ScoreEntry",
    "ScoreRun",
    "ServiceHeartbeat",
    "SpotAvoidance",
    "SpotCheck",
    "SpotDraw",
    "StatusChange",
    "TeamMember",
    "ToldExpiry",
    "Unit",
    "UnitChange",
    "UsualParts",
    "Version",
    "Visit",
    "VisitCompanion",
    "VisitLink",
    "VisitNote",
    "Watch",
]

"""What can be done on the pages of accounts, people, certificates, units and papers can be done by the interface.

Each right and each deed of these pages is here with its door, or with the reason why it has none; a new one that is
forgotten fails.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask_appbuilder.api import BaseApi

from app.permissions import VERB_GROUPS, Verb
from app.views.frame import screens
from app.workflows.access import api_tokens
from tests.api.callers import Caller
from tests.factories import World

pytestmark = pytest.mark.feature("INT-04")
V = Verb
# The groups of the rights' form whose areas are walked, each by one of its verbs.
AREAS = (
    V.UNIT_READ, V.ELEVATOR_READ, V.APPLICATION_READ, V.COMMITMENT_READ, V.INSPECTION_READ, V.ACCOUNT_READ, V.HOME,
    V.COMPLAINT_READ, V.RESCUE_READ, V.REPAIR_READ, V.ANOMALY_READ, V.ENFORCEMENT_READ, V.FRAUD_READ, V.BULLETIN_READ,
    V.IOT_READ, V.VISIT_READ, V.LEDGER_READ,
)
WITHOUT_DOOR = {
    V.SENSITIVE_READ: "whole numbers are on the page alone, where the reason is asked for and logged",
    V.SECRET_READ: "no door of its own: it says which elevators every door shows",
    V.REGION_READ: "the tree is open to every account",
    V.VISIT_REVIEW: "the use unit's own word on a visit: a person gives it, on a page",
    V.VISIT_SHEET: "whose visit it is decides which right its sheet needs: the workflow behind the door asks for it",
    V.CALENDAR_EDIT: "the working calendar is kept by persons, year by year",
    V.SCHEDULE_RUN: "the night runs it; by hand only where something went wrong",
    V.IOT_VIDEO: "who looks into a car is a person, and each look is logged: the link is on the page alone",
    V.JOB_READ: "jobs are begun on pages only, save the ones that their own door tells of",
}
NOT_TICKED = {
    V.HOME: "every token has it", V.OPS: "for whom the platform trusts itself to, signed in",
    V.REGION_EDIT: "the tree is changed by a person, signed in",
}

NO_SESSION, OWN_PASSWORD = "who has no account, or is signing in", "asks for the password of who sits there"
WHOLE_NUMBERS = WITHOUT_DOOR[V.SENSITIVE_READ]
LIST = "the same deed for chosen rows one after the other"
PLATFORM = "the platform's own words and log: no token has that right"
# The deeds of the areas' pages, by module and endpoint.
DEEDS = {
    "accounts": {
        "Accounts.deed": LIST,
        "AccountPages.new_regulator": "POST /accounts/regulators",
        "AccountPages.new_unit": "POST /accounts/units",
        "AccountPages.do": "POST /accounts/{key}/lock",
    },
    "api_tokens": {
        "OwnTokens.index": "no token makes a token",
        "OwnTokens.revoke": "POST /tokens/{key}/revoke",
        "Tokens.deed": LIST,
    },
    "appeals": {"AppealScreen.deed": LIST, "AppealPages.new": "POST /appeals"},
    "applications": {
        "ApplicationPages.decide": "POST /applications/{key}/decision",
        "ApplicationPages.revoke": "POST /applications/{key}/revoke",
        "ApplicationPages.resubmit": "POST /applications/{key}/resubmit",
        "ApplicationPages.withdraw": "POST /applications/{key}/withdraw",
    },
    "mend_many": {"MendMany.mend": "POST /applications/batches/{batch}/mend"},
    "assigning": {
        "Assigning.assign": "POST /accounts/{key}/elevators/give",
        "field.plan": "POST /orders/reassign",
    },
    "attached": {"Attached.show": "POST /units/{key}/files", "Attached.remove": "DELETE /people/{key}/files/{file}"},
    "bulletins": {
        "Bulletins.deed": LIST,
        "BulletinPages.new": "POST /bulletins",
        "BulletinPages.correct": "POST /bulletins/{key}/correct",
        "BulletinPages.edit": "PATCH /bulletins/{key}",
        "BulletinPages.check": "POST /bulletins/{key}/check",
        "BulletinPages.send_back": "POST /bulletins/{key}/send-back",
        "BulletinPages.discard": "POST /bulletins/{key}/discard",
        "BulletinPages.issue": "POST /bulletins/{key}/issue",
        "BulletinPages.again": "POST /bulletins/{key}/again",
    },
    "commitments": {"Commitments.deed": LIST, "CommitmentPages.new": "POST /commitments"},
    "complaints": {
        "Complaints.deed": LIST,
        "Messages.deed": LIST,
        "ComplaintPages.accept": "POST /complaints/{key}/accept",
        "ComplaintPages.handle": "POST /complaints/{key}/handle",
        "ComplaintPages.review": "POST /complaints/{key}/review",
        "ComplaintPages.prod": "POST /complaints/{key}/prod",
        "ComplaintPages.close": "POST /complaints/{key}/close",
        "MessagePages.reply": "POST /messages/{key}/reply",
        "MessagePages.publish": "POST /messages/{key}/publish",
        "field.complaint_step": "POST /complaints/{key}/accept",
    },
    "anomalies": {
        "Anomalies.deed": LIST,
        "AnomalyPages.new": "POST /anomalies",
        "AnomalyPages.handle": "POST /anomalies/{key}/handle",
    },
    "repairs": {
        "Repairs.deed": LIST,
        "RepairPages.new": "POST /repairs",
        "RepairPages.assign": "POST /repairs/{key}/assign",
        "RepairPages.send": "POST /repairs/send",
        "RepairPages.take_back": "POST /repairs/{key}/take-back",
        "RepairPages.accept": "POST /repairs/{key}/accept",
        "RepairPages.depart": "POST /repairs/{key}/depart",
        "RepairPages.start": "POST /repairs/{key}/start",
        "RepairPages.end": "POST /repairs/{key}/end",
        "RepairPages.decide": "POST /repairs/{key}/decision",
        "RepairPages.cancel": "POST /repairs/{key}/cancel",
        "RepairPages.answer": "POST /repairs/{key}/answer",
        "field.new_repair": "POST /repairs",
        "field.repair_step": "POST /repairs/{key}/accept",
        "field.new_anomaly": "POST /anomalies",
        "field.anomaly_step": "POST /anomalies/{key}/handle",
    },
    "enforcement": {
        "EnforcementScreen.deed": LIST,
        "EnforcementPages.new": "POST /enforcement",
        "EnforcementPages.edit": "PATCH /enforcement/{key}",
        "EnforcementPages.issue": "POST /enforcement/{key}/issue",
        "EnforcementPages.decide": "POST /enforcement/{key}/decision",
        "EnforcementPages.reply": "POST /enforcement/{key}/reply",
        "EnforcementPages.send_back": "POST /enforcement/{key}/send-back",
        "EnforcementPages.close": "POST /enforcement/{key}/close",
        "EnforcementPages.withdraw": "POST /enforcement/{key}/withdraw",
    },
    "components": {
        "ComponentScreen.deed": LIST,
        "DoorScreen.deed": LIST,
        "ElevatorParts.add": "POST /elevators/{key}/components",
        "ElevatorParts.usual": "POST /elevators/{key}/components/usual",
        "ElevatorParts.edit": "PATCH /components/{key}",
        "ElevatorParts.replace": "POST /components/{key}/replace",
        "ElevatorParts.remove": "POST /components/{key}/remove",
        "ElevatorParts.generate": "POST /elevators/{key}/landing-doors",
        "ElevatorParts.check": "PUT /elevators/{key}/landing-doors",
        "ElevatorParts.remove_door": "DELETE /components/doors/{key}",
    },
    "usual_parts": {"UsualPartPages.save": "PUT /usual-components/{kind}"},
    "elevator_positions": {
        "ElevatorPositions.position": "PATCH /elevators/{key}/draft",
    },
    "elevator_labels": {
        "ElevatorLabels.replace": "POST /elevators/{key}/labels",
        "ElevatorLabels.temporary": "POST /elevators/{key}/labels/temporary",
        "ElevatorLabels.put_up": "POST /elevators/{key}/labels/{label}/put-up",
        "ElevatorLabels.cancel": "POST /elevators/{key}/labels/{label}/cancel",
    },
    "external": {"Identities.begin": NO_SESSION, "Identities.unbind": OWN_PASSWORD},
    "files": {"files.send_ahead": "POST /files", "files.remove": "DELETE /files/{key}"},
    "fraud": {
        "FraudSignals.deed": LIST,
        "FraudCases.deed": LIST,
        "FraudPages.aside": "POST /fraud-signals/{key}/aside",
        "FraudPages.open": "POST /fraud-cases",
        "FraudPages.answer": "POST /fraud-cases/{key}/answer",
        "FraudPages.decide": "POST /fraud-cases/{key}/decide",
        "FraudPages.look": WITHOUT_DOOR[V.SCHEDULE_RUN],
    },
    "spot_draws": {
        "SpotDraws.deed": LIST,
        "SpotDrawPages.new": "POST /spot-draws",
        "SpotDrawPages.draw": "POST /spot-draws/{key}/draw",
        "SpotDrawPages.cancel": "POST /spot-draws/{key}/cancel",
        "SpotDrawPages.keep_out": "POST /spot-avoidances",
        "SpotDrawPages.end_avoidance": "POST /spot-avoidances/{key}/end",
    },
    "spot_checks": {
        "SpotChecks.deed": LIST,
        "SpotCheckPages.result": "POST /spot-checks/{key}/result",
        "SpotCheckPages.fix": "POST /spot-checks/{key}/fix",
        "SpotCheckPages.review": "POST /spot-checks/{key}/review",
        "SpotCheckPages.skip": "POST /spot-checks/{key}/skip",
    },
    "orders": {
        "OrderPages.new": "POST /orders",
        "OrderPages.edit": "PATCH /orders/{key}",
        "OrderPages.reassign": "POST /orders/reassign",
        "OrderPages.replan": "POST /orders/replan",
        "OrderPages.cancel": "POST /orders/{key}/cancel",
    },
    "about": {"AboutPages.feedback": "POST /inbox/feedback"},
    "inbox": {"Inbox.open": "POST /inbox/{key}/read", "Inbox.read_all": "POST /inbox/read"},
    "insurance": {
        "InsuranceRecords.deed": LIST,
        "InsuredPeople.deed": LIST,
        "InsuranceMonths.deed": LIST,
        "InsuranceGaps.deed": LIST,
        "InsurancePages.new": "POST /insurance",
        "InsurancePages.edit": "PATCH /insurance/{key}",
        "InsurancePages.file": "POST /insurance/{key}/submit",
        "InsurancePages.withdraw": "POST /insurance/{key}/withdraw",
        "InsurancePages.delete_draft": "DELETE /insurance/{key}",
        "InsurancePages.remove": "DELETE /insurance/{key}/people/{person}",
        "InsurancePages.again": "POST /insurance-months/{key}/again",
        "InsurancePages.reveal": WHOLE_NUMBERS,
    },
    "inspections": {
        "InspectionScreen.deed": LIST,
        "InspectionDueScreen.deed": LIST,
        "InspectionPages.new": "POST /inspections",
        "InspectionPages.correct": "POST /inspections/{key}/correct",
        "InspectionPages.annul": "POST /inspections/{key}/annul",
        "InspectionPages.report": "POST /inspections/reports",
    },
    "invitations": {
        "Invitations.deed": LIST,
        "InvitationPages.new": "POST /invitations",
        "InvitationPages.first": "POST /invitations/first",
        "InvitationPages.approve": "POST /invitations/{key}/approve",
        "InvitationPages.link": "POST /invitations/{key}/link",
        "InvitationPages.cancel": "POST /invitations/{key}/cancel",
        "InvitationPages.reject": "POST /invitations/{key}/reject",
        "InvitationPages.end": "POST /invitations/{key}/take-on",
        "InvitationPages.posters": "POST /invitation-posters",
        "InvitationPages.close_poster": "POST /invitation-posters/{key}/close",
    },
    "provincial": {
        "Differences.deed": LIST,
        "ProvincialRuns.deed": LIST,
        "ProvincialPages.sync": "POST /provincial/runs",
        "ProvincialPages.take": "POST /provincial/{key}/take",
        "ProvincialPages.keep": "POST /provincial/{key}/keep",
        "ProvincialPages.link": "POST /provincial/{key}/link",
    },
    "iot": {
        "IotDevices.deed": LIST,
        "IotEvents.deed": LIST,
        "IotPages.bind": "POST /iot/devices",
        "IotPages.edit": "POST /iot/devices/{key}/edit",
        "IotPages.new_key": "POST /iot/devices/{key}/key",
        "IotPages.unbind": "POST /iot/devices/{key}/unbind",
        "IotPages.video": WITHOUT_DOOR[V.IOT_VIDEO],
    },
    "ledgers": {"LedgerPages.record": "PATCH /ledgers/{elevator}", "LedgerPages.batch": "POST /ledgers/change"},
    "leaving": {
        "LeavingPages.hand_over": "POST /people/{key}/hand-over",
        "LeavingPages.leave": "POST /people/{key}/leave",
    },
    "notices": {
        "Notices.save": "PUT /notice-settings",
        "Notices.webhook": "PUT /notice-settings/webhook",
        "Notices.trial": "POST /notice-settings/webhook/test",
        "Notices.templates": PLATFORM,
        "Notices.retry": PLATFORM,
    },
    "own_data": {
        "OwnData.sex": "PATCH /me/profile",
        "OwnData.avatar": "PUT /me/avatar",
        "OwnData.mail_code": "POST /me/mail/code",
        "OwnData.mail": "PUT /me/mail",
        "OwnData.real_name": "POST /me/real-name",
    },
    "partners": {"Partners.add": "POST /accounts/partners"},
    "people": {
        "People.deed": LIST,
        "PeoplePages.new": "POST /people",
        "PeoplePages.edit": "PATCH /people/{key}",
        "PeoplePages.certificate": "POST /people/{key}/certificates",
    },
    "people_filing": {
        "PersonFilingPages.submit": "POST /people/{key}/submit",
        "PersonFilingPages.discard": "POST /people/{key}/discard",
        "PersonFilingPages.delete": "DELETE /people/{key}",
        "PersonFilingPages.sheet": WHOLE_NUMBERS,
        "PersonFilingPages.real_name": "POST /people/{key}/real-name",
    },
    "privacy": {
        "PersonalRequests.deed": LIST,
        "PrivacyPages.face": "PUT /privacy/face",
        "PrivacyPages.withdraw": "DELETE /privacy/face",
        "PrivacyPages.compare": "PUT /privacy/face/compare",
        "PrivacyPages.ask": "POST /privacy/requests",
        "PrivacyPages.copy": "POST /privacy/copy",
        "PrivacyPages.answer": "POST /personal-requests/{key}/answer",
    },
    "profile": {
        "Password.change": OWN_PASSWORD,
        "Profile.phone": OWN_PASSWORD,
        "Profile.phone_code": OWN_PASSWORD,
        "Profile.sms": OWN_PASSWORD,
        "Profile.totp": OWN_PASSWORD,
    },
    "regions": {
        "RegionPages.add": "POST /regions",
        "RegionPages.many": "POST /regions/many",
        "RegionPages.end": "POST /regions/end",
    },
    "rescues": {
        "RescueCentre.deed": LIST,
        "RescueHistory.deed": LIST,
        "field.rescue_step": "POST /rescues/{key}/accept",
    },
    "rescue_pages": {
        "RescueIntake.take_call": "POST /rescues",
        "RescuePages.take": "POST /rescues/{key}/take",
        "RescuePages.dispatch": "POST /rescues/{key}/dispatch",
        "RescuePages.back": "POST /rescues/{key}/back",
        "RescuePages.close": "POST /rescues/{key}/close",
        "RescuePages.join": "POST /rescues/{key}/join",
        "RescuePages.call_back": "POST /rescues/{key}/call-back",
        "RescuePages.accept": "POST /rescues/{key}/accept",
        "RescuePages.arrive": "POST /rescues/{key}/arrive",
        "RescuePages.free": "POST /rescues/{key}/free",
        "RescuePages.hand_on": "POST /rescues/{key}/pass",
    },
    "revealing": {"Reveals.whole": WHOLE_NUMBERS, "Reveals.contact": WHOLE_NUMBERS},
    "sessions": {"Sessions.end": "DELETE /sessions/{key}", "Sessions.end_all": "DELETE /accounts/{key}/sessions"},
    "sub_accounts": {
        "SubAccounts.add": "POST /accounts/subs",
        "SubAccounts.rescue_role": "PUT /accounts/rescue-role",
        "SubAccounts.edit": "PATCH /accounts/{key}",
        "SubAccounts.delete": "DELETE /accounts/{key}",
        "SubAccounts.phone": "PUT /accounts/subs/{key}/phone",
        "SubAccounts.password": "POST /accounts/{key}/password",
        "SubAccounts.elevators": "POST /accounts/{key}/elevators/take",
    },
    "sub_rights": {
        "SubRights.rights": "PUT /accounts/{key}/rights",
        "SubRights.sessions": "DELETE /accounts/{key}/sessions",
    },
    "units": {
        "UnitPages.new": "POST /units",
        "UnitPages.edit": "PATCH /units/{key}/draft",
        "UnitPages.submit": "POST /units/{key}/submit",
        "UnitPages.withdraw": "POST /units/{key}/withdraw",
        "UnitPages.discard": "DELETE /units/{key}/draft",
        "UnitPages.remove": "DELETE /units/{key}/draft",
    },
    "visits": {
        "VisitScreen.deed": LIST,
        "VisitPages.review": WITHOUT_DOOR[V.VISIT_REVIEW],
        "VisitPages.link": "POST /visits/{key}/confirmation-link",
        "VisitPages.paper": "POST /visits/{key}/paper",
        "VisitPages.decide": "POST /visits/{key}/decision",
        "VisitPages.sheet": "POST /visits/{key}/sheet",
        "VisitPages.label": "POST /visits/{key}/label",
        "VisitPages.face": "POST /visits/{key}/face",
        "VisitPages.note": "POST /visits/{key}/notes",
    },
    "own": {
        "field.own_certificate": "POST /me/certificates",
        "field.own_declaration": "POST /me/declarations",
    },
    **{
        module: dict.fromkeys(endpoints.split(), NO_SESSION)
        for module, endpoints in {
            "sign_in": "SignIn.login SignIn.logout",
            "recovery": "Recovery.renew Recovery.start Registration.start",
            "second_step": "SecondStep.step",
            "public": "field.send_complaint field.send_message",
            "trapped": "field.report_trapped",
            "join": "field.join_code field.join_prove field.joining_accept field.joining_data field.join_poster_ask",
        }.items()
    },
}
# What every list has: the columns that one wants, the filters that one keeps.
FURNITURE = ("columns", "save_filter")


def test_each_right_has_a_door_and_can_be_ticked(app: Any) -> None:
    views = {type(view).__name__ for view in app.appbuilder.baseviews if isinstance(view, BaseApi)}
    held = {verb for (view, _permission), verb in screens.declared().items() if view in views}
    walked = {verb for _label, group in VERB_GROUPS if set(AREAS) & set(group) for verb in group}
    assert len(walked) > 25 and set(WITHOUT_DOOR) <= walked
    assert walked - held == set(WITHOUT_DOOR)
    assert held - api_tokens.OFFERED == set(NOT_TICKED), "a door that no token may open"


def test_each_deed_of_a_page_has_a_door_or_a_reason(app: Any, world: World) -> None:
    found: dict[str, set[str]] = {module: set() for module in DEEDS}
    for rule in app.url_map.iter_rules():
        module = _module(app.view_functions[rule.endpoint])
        if "POST" not in (rule.methods or ()) or module not in found or rule.rule.startswith("/api/"):
            continue
        if rule.endpoint.split(".")[1] not in FURNITURE:
            found[module].add(rule.endpoint)
    assert found == {module: set(deeds) for module, deeds in DEEDS.items()}


def test_the_doors_are_there(app: Any, world: World) -> None:
    spec = Caller(app, world, "clerk").get("/_openapi").json["paths"]
    there = {f"{method.upper()} {path.removeprefix('/api/v1')}" for path, part in spec.items() for method in part}
    doors = {
        said for deeds in DEEDS.values() for said in deeds.values() if re.match(r"(POST|PUT|PATCH|DELETE) /", said)
    }
    assert len(doors) > 50 and not doors - there


def _module(view: Any) -> str | None:
    """Which of our page modules a view is in."""
    owner = type(view.__self__).__module__ if hasattr(view, "__self__") else getattr(view, "__module__", "")
    area, _dot, name = owner.rpartition(".")
    return name if area == "app.field" or area.startswith("app.views.") else None


def test_the_manual_names_each_resource(app: Any, world: World) -> None:
    paths = Caller(app, world, "clerk").get("/_openapi").json["paths"]
    named = {path.split("/")[3] for path in paths if path.startswith("/api/v1/")} - {"security", "menu", "_openapi"}
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    assert len(named) > 25
    assert not [name for name in named if not re.search(rf"[/`]{re.escape(name)}\b", text)]

"""On site: the elevator a scanned or typed text names, and what a check-in there would meet (MNT-01, MNT-02)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from sqlalchemy import or_, select

from app import clock, scope
from app.errors import Finding
from app.models import Elevator, MaintenanceTeam, TeamMember, Unit, Version, Visit
from app.models.policy import policy_book
from app.models.visit import is_open
from app.permissions import Actor, Verb
from app.policy import Key
from app.reference import CURRENT
from app.rules.approval import FilingState
from app.rules.checkin import (
    CheckInFacts,
    Place,
    by_label,
    check_in_findings,
    distance_metres,
    elevator_findings,
    names_an_elevator,
    unapproved_finding,
)
from app.rules.identifiers import normal_code
from app.rules.label_photos import LabelBy
from app.rules.lifecycle import ElevatorStatus
from app.rules.visit_photos import Proof
from app.scope.parts import assigned
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval import filing_versions
from app.workflows.contracts import cover
from app.workflows.core import moves
from app.workflows.maintenance import item_lists
from app.workflows.on_site import arrivals, labels, sites
from app.workflows.on_site.arrivals import Arrival, Running
from app.workflows.on_site.sites import LONGEST_TEXT, Lift, Site, elevator_of
from app.workflows.people import workers
from app.workflows.people.workers import Worker

__all__ = [
    "LONGEST_TEXT", "Look", "Position", "before", "elevator_of", "gate", "label_by", "links", "look", "may_serve",
    "metres", "open_visit", "standing",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Position:
    """Where a phone says it is, in degrees; None when it does not."""

    latitude: float | None = None
    longitude: float | None = None

    @property
    def place(self) -> Place | None:
        if self.latitude is None or self.longitude is None:
            return None
        return Place(self.latitude, self.longitude)


@dataclass(frozen=True, slots=True)
class Look:
    """What a check-in would meet: where, who, and every condition, failing and passing.

    `by_code`: the elevator was named by its 识别码, typed or on an older label, not by our label's own token. Where the
    region then asks for a photo of the label, `label_by` says who looks at it. `label`: the one that was scanned, where
    it is not the one in use. `items`: which list the visit does. `selfie`: a photo of the person is asked for; `face`:
    it is to be compared, too.
    """

    site: Site | None
    worker: Worker
    findings: list[Finding]
    by_code: bool = False
    label_by: str | None = None
    label: labels.Named | None = None
    items: str = CURRENT
    selfie: bool = False
    face: bool = False


def gate(
    session: AnySession, actor: Actor, text: str, position: Position, at: dt.datetime
) -> tuple[Lift | None, list[Finding]]:
    """Every condition of a check-in at this elevator by this person, failing and passing."""
    found = before(session, actor, text, position, at)
    return found.site.elevator if found.site is not None else None, found.findings


def before(session: AnySession, actor: Actor, text: str, position: Position, at: dt.datetime) -> Look:
    """What a check-in there would meet, asked before it is tried."""
    worker = workers.of(session, actor, at)
    return look(session, actor, worker, arrivals.of(session, actor, worker, text, at), text, position, at, at)


def look(
    session: AnySession, actor: Actor, worker: Worker, arrival: Arrival, text: str, position: Position,
    at: dt.datetime, now: dt.datetime, photos: int | None = None, selfies: int | None = None,
) -> Look:  # fmt: skip
    """The same for whoever has the worker and what he finds at hand; `now` is the receipt.

    `photos`, `selfies`: how many photos of the label and of the person came with it; None where it is only asked
    beforehand.
    """
    then = _version_then(session, arrival.site, at) if at < now else None
    if then is not None and arrival.site is not None:
        arrival = replace(arrival, site=_used_then(session, arrival.site, then, at))
    site, held = arrival.site, arrival.running
    if held is not None and not held.runs_at(at):
        held = None
    by_code = site is not None and not by_label(text, site.elevator.code)
    facts = _facts(session, actor, worker, arrival, held, text, position, at, now, then)
    today = clock.local_day(at)
    asked = label_by(session, site.elevator.region_code, today) if by_code and site is not None else None
    if asked:
        facts = replace(facts, label_by=asked, label_photos=photos)
    findings = check_in_findings(replace(facts, selfies=selfies) if facts.person_photo else facts)
    stopped = any(f.stops for f in findings)
    ways = _ways(actor, site.elevator if site is not None else None, held, text) if stopped else {}
    told = [
        replace(f, link=ways[f.rule], way=_CALLED.get(f.rule, "")) if f.stops and f.rule in ways else f
        for f in findings
    ]
    lift = site.elevator if site is not None else None
    items = CURRENT
    if lift is not None:
        items = item_lists.version_for(arrival.lists, actor.unit_id, lift.region_code, lift.category, today)
    face = facts.person_photo and lift is not None and compares(session, lift.region_code, today)
    return Look(site, worker, told, by_code, asked, arrival.label, items, facts.person_photo, face)


def label_by(session: AnySession, region_code: str, on: dt.date) -> str | None:
    """Who looks at the photo of a label whose number was typed; None where the region asks for none."""
    value = str(policy_book(session, region_code, on).plain[Key.LABEL_PHOTO])
    return None if value == LabelBy.NONE else value


def compares(session: AnySession, region_code: str | None, on: dt.date) -> bool:
    """Whether the region asks for the photo of whoever checks in to be compared (PER-10)."""
    return bool(policy_book(session, region_code, on).plain[Key.PERSON_PROOF] == Proof.FACE)


def _ways(actor: Actor, elevator: Lift | None, held: Running | None, text: str) -> dict[str, str]:
    """Where a failing condition is mended, for whoever may do it himself; others are told whom to ask."""
    found: dict[str, str] = {}
    if held is not None:
        found["已在其他电梯签到"] = f"/m/visits/{held.id}"
        # Scanned once more where he is at work: the form to leave takes what was scanned along.
        found["这台电梯正在维保"] = f"/m/visits/{held.id}?code={quote(text.strip().rstrip('/').rsplit('/', 1)[-1])}"
    if actor.may(Verb.UNIT_EDIT):
        found["单位备案未通过"] = "/units/mine"
    if actor.may(Verb.PERSON_EDIT) and actor.person_id is not None:
        found |= dict.fromkeys(("没有作业人员证", "证书已过有效期"), f"/people/{actor.person_id}/edit")
    if actor.may(Verb.OWN_CERTIFICATE) and actor.person_id is not None:
        found |= dict.fromkeys(("没有自我声明承诺书", "自我声明承诺书已过期"), "/m/me/data#declaration")
    if actor.may(Verb.SUBACCOUNT_EDIT):
        found |= {"主账号不允许进行维保作业,请切换为子账号操作": "/sub-accounts/", "无电梯权限": "/sub-accounts/"}
    if elevator is None or elevator.maintenance_unit_id != actor.unit_id:
        return found
    if actor.may(Verb.ELEVATOR_SURVEY):
        found |= dict.fromkeys(("电梯尚未标注位置", "电梯位置较远"), f"/m/position/{elevator.code}")
    if actor.may(Verb.CONTRACT_EDIT):
        found["电梯已超有效期(脱保)"] = "/contracts/"
    if actor.may(Verb.APPLICATION_SUBMIT) and elevator.status == "suspended":
        found["电梯已停用"] = f"/elevators/{elevator.id}/apply/reactivation"
    return found


# What the way is called where “去办理” would not say what there is to do.
_CALLED = dict.fromkeys(("电梯尚未标注位置", "电梯位置较远"), say("现场标注位置"))


def _facts(
    session: AnySession,
    actor: Actor,
    worker: Worker,
    arrival: Arrival,
    held: Running | None,
    text: str,
    position: Position,
    at: dt.datetime,
    now: dt.datetime,
    then: Version | None,
) -> CheckInFacts:
    today, site = clock.local_day(at), arrival.site
    elevator = site.elevator if site is not None else None
    region = elevator.region_code if elevator is not None else actor.region_code
    policy: Mapping[Key, Any] = policy_book(session, region, today).plain
    person, unit = worker.person, worker.unit
    quota = workers.quota_of(session, worker, arrival.month, today)
    facts: dict[str, Any] = {
        "at": at, "now": now, "worker_place": position.place, "presence_m": policy[Key.PRESENCE_METRES],
        "is_main_account": actor.is_main, "unit_approved": unit is not None and unit.approved_version > 0,
        "certificate_until_on": person.certificate_until if person is not None else None,
        "certificate_blocks": bool(policy[Key.CERTIFICATE_GATE]),
        "certificate_required": bool(policy[Key.CERTIFICATE_GATE]),
        "certificate_near_days": policy[Key.NEAR_CERTIFICATE_DAYS],
        "declaration_until_on": person.declaration_until if person is not None else None,
        "declaration_gate": policy[Key.DECLARATION_GATE],
        "quota_used": quota.used if quota else 0, "quota_limit": quota.limit if quota else None,
        "person_photo": policy[Key.PERSON_PROOF] != Proof.NONE,
        "clock_slack": dt.timedelta(minutes=policy[Key.CLOCK_SLACK_MINUTES]),
        "open_link": f"/m/visits/{held.id}" if held is not None else None,
        "open_expires": held is not None and held.next_change_at is not None,
        "code_valid": elevator is not None or names_an_elevator(normal_code(text)),
        "elevator_code": normal_code(text.rstrip("/").rsplit("/", 1)[-1])[:20],
    }  # fmt: skip
    if site is None or elevator is None:
        dead = arrival.label
        if dead is None or dead.holds(at):
            facts |= _unapproved(session, actor, text if dead is None else dead.public_token)
        else:
            facts["label_ended"] = dead.ended
        return CheckInFacts(**facts, open_elsewhere=held.code if held is not None else None)
    facts |= _elevator_facts(actor, site, today, bool(policy[Key.CONTRACT_GATE]))
    if at < now:
        # Sent later: it was as it was then, whatever has been approved since.
        facts["elevator_status"] = ElevatorStatus(moves.status_on(session, elevator, today, at))
        facts |= _then(session, actor, site, elevator, then, at)
    facts["links"] = links(actor, elevator)
    here = held is not None and held.elevator_id == elevator.id
    return CheckInFacts(**facts, open_here=here, open_elsewhere=None if here or held is None else held.code)


def _version_then(session: AnySession, site: Site | None, at: dt.datetime) -> Version | None:
    """What was filed of the elevator at that instant, as known then."""
    if site is None:
        return None
    return filing_versions.as_of(session, _row(session, site.elevator), clock.local_day(at), at)


def _row(session: AnySession, elevator: Lift) -> Elevator:
    return session.get_one(Elevator, elevator.id, execution_options={"skip_scope": True})


def _used_then(session: AnySession, site: Site, then: Version, at: dt.datetime) -> Site:
    """The site with its use unit of that instant, which was there to see the visit and has the word on it.

    Where nobody used it then, the unit of now: somebody must have the word.
    """
    lift, key = site.elevator, "use_unit_id"
    if then.data.get(key) in (None, lift.use_unit_id):
        return site
    held = filing_versions.held_on(session, _row(session, lift), clock.local_day(at), at) or then
    if held.data.get(key) in (None, lift.use_unit_id):
        return site
    unit = session.get_one(Unit, held.data[key], execution_options={"skip_scope": True})
    used = replace(lift, use_unit_id=unit.id, safety_officer=held.data.get("safety_officer"))
    return replace(site, elevator=used, use_unit=unit.name)


def _then(
    session: AnySession, actor: Actor, site: Site, elevator: Lift, then: Version | None, at: dt.datetime
) -> dict[str, Any]:
    """Who maintained it at that instant, as known then, where it has been handed on since: whose visit it can be."""
    row, on = _row(session, elevator), clock.local_day(at)
    unit_id = elevator.maintenance_unit_id if then is None else then.data.get("maintenance_unit_id")
    if unit_id == elevator.maintenance_unit_id:
        return {}
    if site.may_serve:
        due = filing_versions.held_on(session, row, on, at)
        if due is not None and due.data.get("maintenance_unit_id") == elevator.maintenance_unit_id:
            # It was the unit's from that day on; only the night's job came late.
            return {}
        return {"may_serve": False, "others_then": unit_id is not None, "nobody_then": unit_id is None}
    if unit_id is None or unit_id != actor.unit_id or not _was_his(session, actor, elevator):
        return {}
    held = cover.in_force(session, elevator.id, on, at)
    if held is None or held.unit_id != actor.unit_id:
        return {"may_serve": True}
    # A hand-over of the same day cut it since.
    return {"may_serve": True, "covered_until_on": held.ends_on}


def _was_his(session: AnySession, actor: Actor, elevator: Lift) -> bool:
    """Whether one of the unit's people may have served it: assigned, or in a team, whose elevators of then nobody told.

    With the hand-over the elevator has left the teams of the unit.
    """
    if actor.person_id is None:
        return False
    in_team = (
        select(TeamMember.id).join(MaintenanceTeam, MaintenanceTeam.id == TeamMember.team_id)
        .where(TeamMember.person_id == actor.person_id, MaintenanceTeam.unit_id == actor.unit_id).exists()
    )  # fmt: skip
    own = select(Elevator.id).where(Elevator.id == elevator.id, or_(assigned(Elevator.id, actor), in_team))
    return session.scalar(own.execution_options(skip_scope=True)) is not None


def _unapproved(session: AnySession, actor: Actor, text: str) -> dict[str, Any]:
    """What a code that names nothing in force names within the actor's own unit."""
    row = sites.unapproved_of(session, actor, text)
    return {} if row is None else _filing_facts(actor, row)


def _filing_facts(actor: Actor, row: Elevator) -> dict[str, Any]:
    own = row.filed_by_unit_id == actor.unit_id
    ways = {"filing": f"/elevators/{row.id}"} if own and actor.may(Verb.FILING_SUBMIT) else {}
    return {"filing": FilingState(row.filing_state), "filed_by_own": own, "elevator_code": row.code, "links": ways}


def _elevator_facts(actor: Actor, site: Site, today: dt.date, contract_gate: bool) -> dict[str, Any]:
    elevator = site.elevator
    own = site.covered_by is not None and site.covered_by == actor.unit_id
    covered = site.covered_until if own else None
    if not contract_gate:
        # Where the platform does not ask for a contract, the day itself stands for one.
        covered = covered or today
    place = None
    if elevator.latitude is not None and elevator.longitude is not None:
        place = Place(elevator.latitude, elevator.longitude)
    status = ElevatorStatus(elevator.status)
    in_use = status is ElevatorStatus.IN_USE
    return {
        "elevator_code": elevator.code, "elevator_status": status, "elevator_place": place,
        "may_serve": site.may_serve,
        "maintenance_paused": site.paused_on is not None and site.paused_on <= today and in_use,
        "covered_until_on": covered, "contract_ended_on": site.last_end,
    }  # fmt: skip


def standing(session: AnySession, actor: Actor, elevator: Elevator, at: dt.datetime) -> list[Finding]:
    """Whether anybody of its unit could check in at this elevator now, as the desk sees it (GAT-01)."""
    if elevator.approved_version == 0:
        waits = CheckInFacts(at=at, now=at, **_filing_facts(actor, elevator))
        return [unapproved_finding(waits, FilingState(elevator.filing_state))]
    today = clock.local_day(at)
    gated = bool(policy_book(session, elevator.region_code, today)[Key.CONTRACT_GATE].value)
    unit = replace(actor, unit_id=elevator.maintenance_unit_id)
    facts = _elevator_facts(unit, sites.of_elevator(session, unit, elevator, today), today, gated)
    return elevator_findings(CheckInFacts(at=at, now=at, links=links(actor, elevator), **facts))


def links(actor: Actor, elevator: Elevator | Lift) -> dict[str, str]:
    """Where each condition is mended, as far as this account may go there."""
    page, found = f"/elevators/{elevator.id}", {}
    if actor.may(Verb.UNIT_EDIT) and actor.unit_id is not None:
        found["unit"] = f"/units/{actor.unit_id}"
    if actor.may(Verb.APPLICATION_SUBMIT):
        found |= {"status": f"{page}/apply/reactivation", "paused": f"{page}/apply/maintenance_resume"}
    if actor.may(Verb.CONTRACT_EDIT):
        found["contract"] = "/contracts/"
    if actor.may(Verb.ELEVATOR_EDIT):
        found["place"] = f"{page}/position"
    return found


def may_serve(session: AnySession, actor: Actor, elevator: Elevator | Lift) -> bool:
    """The elevator is served by the actor's unit and is one of the actor's."""
    if not sites.serves(actor, elevator):
        return False
    statement = scope.apply(select(Elevator.id).where(Elevator.id == elevator.id), actor, Elevator)
    return session.scalar(statement.execution_options(skip_scope=True)) is not None


def open_visit(session: AnySession, person_id: int | None, at: dt.datetime) -> Visit | None:
    """The visit that this person has not checked out of; one that has run out by `at` is open no more (see ageing)."""
    statement = select(Visit).where(
        Visit.worker_id == (person_id or 0), is_open(Visit),
        or_(Visit.next_change_at.is_(None), Visit.next_change_at > at),
    )  # fmt: skip
    found: Visit | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


def metres(elevator: Elevator | Lift, position: Position) -> float | None:
    """How far the phone is from the elevator; None when either place is unknown."""
    if position.place is None or elevator.latitude is None or elevator.longitude is None:
        return None
    return distance_metres(Place(elevator.latitude, elevator.longitude), position.place)

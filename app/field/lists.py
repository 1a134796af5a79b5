"""What the phone lists: own orders of the next days, own visits, what the use unit has to review."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request
from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import joinedload

from app import clock, scope, search
from app.extensions import db
from app.listing import Moment, moment
from app.listings import complaints, rescues, standing
from app.listings import repairs as listed
from app.listings.invitations import INVITATIONS
from app.listings.maintenance import TASKS
from app.listings.visits import VISITS
from app.models import (
    Anomaly,
    Complaint,
    Elevator,
    Invitation,
    MaintenanceClock,
    MaintenanceOrder,
    Person,
    RepairOrder,
    Rescue,
    RescueDispatch,
    Unit,
    Visit,
    VisitNote,
)
from app.models.repair import sent_to
from app.models.rescue import under_way
from app.permissions import Actor, Verb
from app.rules.addresses import words_of
from app.rules.levels import LEVEL_LABELS, Level
from app.rules.schedule import DueDay
from app.workflows.on_site import phone_copy

MOST = 100
# A photo of the label is to be taken again.
WANTED = and_(Visit.label_state == "more", Visit.state == "pending")
# The desk's tabs of what one did oneself, what waits for a deed first.
VISIT_TABS = ("open", "sheet", "review", "pending", "valid", "nonconforming", "expired", "void")


@dataclass(frozen=True, slots=True)
class Task:
    """An order as the phone shows it, with the limit that is due: `left` days, negative when over."""

    order: MaintenanceOrder
    elevator: Elevator
    level: str
    due: DueDay
    near: bool = False

    @property
    def left(self) -> int | None:
        return self.due.left_days


def _scoped(statement: Any, actor: Actor, model: Any) -> Any:
    """Narrowed by the row itself; its elevator comes along even when another unit serves it by now."""
    return scope.apply(statement, actor, model).execution_options(skip_scope=True)


def holding(statement: Any, columns: Any, q: str) -> Any:
    """Only the rows in whose columns every word stands."""
    return statement.where(*(search.contains(columns, word) for word in words_of(q)))


def paged(session: Any, statement: Any, most: int) -> tuple[list[Any], str, str]:
    """A page of what the address asks for, with the addresses of the page before and of the next one."""
    typed = request.args.get("page", "1")[:4]
    page = max(int(typed), 1) if typed.isascii() and typed.isdigit() else 1
    rows = list(session.scalars(statement.limit(most + 1).offset((page - 1) * most)))
    kept = {name: request.args[name] for name in ("q", "tab", "kind") if request.args.get(name)}
    newer, older = ("?" + urlencode(kept | {"page": page + step}) for step in (-1, 1))
    return rows[:most], newer if page > 1 else "", older if len(rows) > most else ""


def person_of(actor: Actor) -> Person | None:
    return db.session.get(Person, actor.person_id) if actor.person_id else None


def kinds(m: Moment) -> dict[str, Any]:
    """What a person's orders are told apart by, beside their clocks: near and over as every list of the desk says."""
    return {
        "today": MaintenanceOrder.planned_on <= m.today, "over": standing.maintenance_over(m),
        "near": standing.maintenance_near(m),
    }  # fmt: skip


def _own(m: Moment, *what: Any) -> Any:
    """These of the person's orders beside their clocks."""
    joined = MaintenanceClock.elevator_id == MaintenanceOrder.elevator_id
    statement = select(*what).select_from(MaintenanceOrder).outerjoin(MaintenanceClock, joined)
    return _scoped(statement.where(phone_copy.own_orders(m.session, m.actor, m.today)), m.actor, MaintenanceOrder)


def orders(
    session: Any, actor: Actor, now: dt.datetime, kind: str = "", most: int = MOST, q: str = ""
) -> list[Task]:  # fmt: skip
    """The person's orders, the most pressing first and at most so many; `kind` today, over or near narrows, `q` to
    elevators that the words name."""
    m = Moment(session, actor, clock.local_day(now), now)
    told = kinds(m)
    statement = _own(m, MaintenanceOrder, MaintenanceClock, told["near"]).options(
        joinedload(MaintenanceOrder.elevator).joinedload(Elevator.use_unit).load_only(Unit.name)
    )
    if words := words_of(q):
        lifts = select(Elevator.id).where(*(search.contains(TASKS.search, word) for word in words))
        statement = statement.where(MaintenanceOrder.elevator_id.in_(lifts))
    if kind in told:
        statement = statement.where(told[kind])
    statement = statement.order_by(standing.DUE_ON.asc().nulls_last(), MaintenanceOrder.planned_on).limit(most)
    return [
        Task(order, order.elevator, LEVEL_LABELS[Level(order.level)], standing.due_of(running, m.today), bool(near))
        for order, running, near in session.execute(statement)
    ]


def counts(session: Any, actor: Actor, now: dt.datetime) -> dict[str, int]:
    """Numbers that open their lists (MNT-12)."""
    own = Visit.worker_id == (actor.person_id or 0)
    sheet, review, label = session.execute(
        scope.apply(
            select(
                func.count(case((Visit.awaiting_sheet, 1))), func.count(case((Visit.awaiting_review, 1))),
                func.count(case((WANTED, 1))),
            ).where(own, or_(Visit.awaiting_sheet, Visit.awaiting_review, WANTED)),
            actor,
            Visit,
        )
    ).one()
    return {**order_counts(session, actor, now), "sheet": sheet, "review": review, "label": label}


def order_counts(session: Any, actor: Actor, now: dt.datetime) -> dict[str, int]:
    """The person's orders by kind, and all of them."""
    m = Moment(session, actor, clock.local_day(now), now)
    told = kinds(m)
    asked = (func.count(case((one, 1))) for one in told.values())
    every, *of_kind = session.execute(_own(m, func.count(), *asked)).one()
    return {**dict(zip(told, of_kind, strict=True)), "all": every}


def complained(session: Any, actor: Actor) -> tuple[int, int, int]:
    """Complaints that wait for the actor's unit: to accept, to handle, to review."""
    own, reviewed = Complaint.unit_id == actor.unit_id, Complaint.use_unit_id == actor.unit_id
    states = ((own, "waiting"), (own, "accepted"), (reviewed, "handled"))
    counts = (func.count(case((and_(whose, Complaint.state == state), 1))) for whose, state in states)
    found = session.execute(scope.apply(select(*counts).where(complaints.OPEN), actor, Complaint)).one()
    return found[0], found[1], found[2]


def rescued(session: Any, actor: Actor) -> tuple[int, int]:
    """Open rescues that the actor's unit was called out for: those to accept, and those under way."""
    if actor.unit_id is None or not actor.may(Verb.RESCUE_HANDLE):
        return 0, 0
    statement = (
        select(func.count(case((RescueDispatch.accepted_at.is_(None), 1))), func.count(RescueDispatch.accepted_at))
        .join(Rescue, Rescue.id == RescueDispatch.rescue_id)
        .where(rescues.OPEN, RescueDispatch.unit_id == actor.unit_id, under_way())
    )
    found = session.execute(scope.apply(statement, actor, Rescue).execution_options(skip_scope=True)).one()
    return found[0], found[1]


def in_rescue(session: Any, actor: Actor) -> int:
    """Open rescues at elevators that the actor sees."""
    statement = select(func.count()).select_from(Rescue).where(rescues.OPEN)
    found = session.scalar(scope.apply(statement, actor, Rescue).execution_options(skip_scope=True))
    return found or 0


def repaired(session: Any, actor: Actor) -> tuple[int, int, int, int]:
    """Repairs: of a worker those to accept, in hand, and those that nobody was sent to; then what his unit has open."""
    mine, state = sent_to(RepairOrder, actor.person_id or 0), RepairOrder.state
    own = RepairOrder.unit_id == actor.unit_id
    counts = (
        func.count(case((and_(mine, state == "assigned"), 1))),
        func.count(case((and_(mine, state.in_(("accepted", "departed", "started"))), 1))),
        func.count(case((and_(own, state == "waiting"), 1))), func.count(),
    )  # fmt: skip
    found = session.execute(_scoped(select(*counts).where(listed.OPEN), actor, RepairOrder)).one()
    return found[0], found[1], found[2], found[3]


def odd(session: Any, actor: Actor) -> int:
    """Anomalies that stand open."""
    statement = select(func.count()).select_from(Anomaly).where(listed.ANOMALY_OPEN)
    return session.scalar(_scoped(statement, actor, Anomaly)) or 0


def work_of(session: Any, actor: Actor) -> dict[str, int]:
    """What is open of each kind that the actor may read, for whoever has no home page of his own on the phone."""
    found: dict[str, int] = {}
    if actor.may(Verb.RESCUE_READ):
        found["rescues"] = in_rescue(session, actor)
    if actor.may(Verb.REPAIR_READ):
        found["repairs"] = repaired(session, actor)[3]
    if actor.may(Verb.ANOMALY_READ):
        found["anomalies"] = odd(session, actor)
    if actor.may(Verb.COMPLAINT_READ) and actor.unit_id is not None:
        found["complaints"] = sum(complained(session, actor))
    return found


def to_decide(session: Any, actor: Actor) -> list[tuple[str, str, int]]:
    """What waits for the manager's word, each with its list at the desk, which fits a phone: visits (MNT-09), repairs
    (REP-03), people (PER-01). Of units only; an officer's queue is the desk's.
    """
    if actor.unit_id is None:
        return []
    kinds = (
        (Verb.VISIT_APPROVE, Visit, VISITS, "approval", "/visits/"),
        (Verb.REPAIR_APPROVE, RepairOrder, listed.REPAIRS, "ended", "/repairs/"),
        (Verb.INVITATION_APPROVE, Invitation, INVITATIONS, "waiting", "/invitations/"),
    )
    now, found = moment(session, actor), []
    for verb, model, listing, key, address in kinds:
        told = next(tab.criterion for tab in listing.tabs if tab.key == key)
        if told is None or not actor.may(verb):
            continue
        statement = _scoped(select(func.count()).select_from(model), actor, model).where(told(now))
        if count := session.scalar(statement):
            found.append((str(listing.title), f"{address}?tab={key}", count))
    return found


def task_of(session: Any, elevator_id: int) -> dict[str, Any]:
    """The elevator's running period and open order, for the page of the check-in."""
    row = session.get(MaintenanceClock, elevator_id, execution_options={"skip_scope": True})
    order = session.scalar(
        select(MaintenanceOrder)
        .where(MaintenanceOrder.elevator_id == elevator_id, MaintenanceOrder.state == "open")
        .order_by(MaintenanceOrder.planned_on)
        .limit(1)
    )
    return {
        "last": row.last_visit_on if row else None, "due": standing.due_of(row),
        "level": LEVEL_LABELS[Level(order.level)] if order else None,
    }  # fmt: skip


def visits(session: Any, actor: Actor, kind: str, q: str = "") -> tuple[list[Visit], str, str]:
    """A page of the person's visits, newest first, and the addresses of its neighbours; of one kind, at elevators that
    the words name."""
    statement = select(Visit).where(Visit.worker_id == (actor.person_id or 0))
    if kind == "label":
        statement = statement.where(WANTED)
    elif kind in VISIT_TABS:
        told = next(one.criterion for one in VISITS.tabs if one.key == kind)
        statement = statement.where(told(moment(session, actor))) if told is not None else statement
    statement = holding(statement, VISITS.search, q).options(joinedload(Visit.elevator))
    ordered = statement.order_by(Visit.checked_in_at.desc(), Visit.id.desc())
    return paged(session, _scoped(ordered, actor, Visit), MOST)


def to_review(session: Any, actor: Actor) -> list[Visit]:
    """Visits at the use unit's elevators that wait for its word, those about to lapse first."""
    statement = (
        select(Visit)
        .where(Visit.awaiting_review, Visit.use_unit_id == (actor.unit_id or 0))
        .options(joinedload(Visit.elevator))
        .order_by(Visit.review_due_at.asc().nulls_last(), Visit.id)
        .limit(MOST)
    )
    return list(session.scalars(_scoped(statement, actor, Visit)))


def seen(session: Any, actor: Actor, pk: int) -> Visit | None:
    """A visit within scope."""
    statement = select(Visit).where(Visit.id == pk).options(joinedload(Visit.elevator))
    found: Visit | None = session.scalar(_scoped(statement, actor, Visit))
    return found


def objections(session: Any, visit_id: int) -> list[VisitNote]:
    """What the use unit holds against a visit, the newest first."""
    statement = select(VisitNote).where(VisitNote.visit_id == visit_id, VisitNote.kind == "objection")
    return list(session.scalars(statement.order_by(VisitNote.at.desc(), VisitNote.id.desc())))


def objected(session: Any, visits: list[Visit]) -> set[int]:
    """Those of the visits that the use unit has objected to."""
    keys = [visit.id for visit in visits]
    found = select(VisitNote.visit_id).where(VisitNote.visit_id.in_(keys), VisitNote.kind == "objection")
    return set(session.scalars(found))

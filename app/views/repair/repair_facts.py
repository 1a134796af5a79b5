"""What the pages of a repair show, at the desk and on the phone, and what the reader may do with it now (REP-03)."""

from __future__ import annotations

import secrets
from typing import Any

from flask import g
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select

from app import clock, scope
from app.extensions import db
from app.listings import repairs as listed
from app.models import Elevator, MaintenanceLedger, Person, RepairOrder, Visit
from app.models.choices import CATEGORY, word
from app.models.policy import policy_book
from app.models.repair import REPAIR_ANSWER, REPAIR_CAUSE, REPAIR_DECISION, REPAIR_LEVEL, REPAIR_SOURCE, REPAIR_STATE
from app.permissions import Actor, Verb
from app.policy import Key
from app.rules.repairs import BEFORE_START, STEP_LABELS, TIME_LABELS, TIMES, RepairState, Step
from app.rules.visit_photos import Place
from app.views.frame import courses
from app.views.frame.account_forms import text
from app.views.frame.cells import elevator_link
from app.views.frame.clock_words import due_of
from app.views.frame.filing_words import Due
from app.views.frame.policy_words import origin, region_names
from app.views.repair import repair_forms
from app.wording import say, together
from app.workflows.approval import submissions
from app.workflows.files import attachments
from app.workflows.maintenance import item_lists
from app.workflows.repair import repair_answers, repair_work, repairs

MOST_PEOPLE = 300
TONES = {
    "waiting": "near", "assigned": "near", "accepted": "near", "departed": "near", "started": "info", "ended": "near",
    "done": "ok", "cancelled": "gone",
}  # fmt: skip
LEVEL_TONES = {"trapped": "over", "stopped": "over", "running": "near"}
DID = {
    "dispatch": _l("派工"), "take_back": _l("收回派工"), "accept": _l("接单"), "depart": _l("出发"),
    "start": _l("开始维修"), "hand_in": _l("结束维修，待审批"), "finish": _l("结束维修"),
    "approve": _l("审批通过"), "reject": _l("审批驳回"), "cancel": _l("撤销"), "hand_on": _l("移交新的维保单位"),
}  # fmt: skip
LIMIT_OF = {Step.ACCEPT: Key.REPAIR_ACCEPT_HOURS, Step.FINISH: Key.REPAIR_FINISH_HOURS}


def limit_of(row: RepairOrder) -> tuple[str, Due | None, str] | None:
    """The limit that runs: which step, what is left of it, and why it is so long."""
    next_ = repairs.running_of(row)
    if next_ is None:
        return None
    step, limit = next_
    held = policy_book(db.session, row.region_code, clock.local_day(row.reported_at))[LIMIT_OF[step]]
    hours = round((limit.due_at - limit.started_at).total_seconds()) // 3600
    since = clock.local(limit.started_at).strftime("%Y-%m-%d %H:%M")
    why = say("时限 %(n)s 小时（%(o)s），自 %(t)s 起算", n=hours, o=origin(held, region_names()), t=since)
    return str(STEP_LABELS[step]), due_of(limit.due_at, limit.started_at, row.region_code), why


def facts(row: RepairOrder, actor: Actor) -> dict[str, Any]:
    """What both the desk's and the phone's page show of an order, and what the reader may do with it now."""
    state = RepairState(row.state)
    files = attachments.of(db.session, "repair_order", row.id)
    names = _names(row)
    mine = repair_work.may_do(db.session, actor, row)
    own = actor.unit_id is not None and actor.unit_id == row.unit_id
    takes = (
        state is RepairState.WAITING and own and actor.person_id is not None and actor.may(Verb.REPAIR_DO)
    )  # fmt: skip
    assigns = own and actor.may(Verb.REPAIR_ASSIGN)
    later = set(filter(None, (row.told_later or "").split(",")))
    sent = [key for key in (row.worker_id, *repairs.helper_ids(db.session, row)) if key is not None]
    elevator = db.session.get(Elevator, row.elevator_id, execution_options={"skip_scope": True})
    return {
        "row": row, "number": repr(row), "state": word(REPAIR_STATE, row.state), "tone": TONES[row.state],
        "level": word(REPAIR_LEVEL, row.level), "level_tone": LEVEL_TONES.get(row.level, "gone"),
        "source": word(REPAIR_SOURCE, row.source), "cause": word(REPAIR_CAUSE, row.cause) if row.cause else "",
        "decision": word(REPAIR_DECISION, row.decision) if row.decision else "", "late": listed.late_of(row),
        "limit": limit_of(row), "course": _course(row), "local": clock.local,
        "sent": [f for f in files if f.uploaded_at <= row.reported_at],
        "done": [f for f in files if f.uploaded_at > row.reported_at], **_visit_of(row, actor),
        "worker": names.get(row.worker_id, ""), "helper_ids": sent[1:] if row.worker_id else sent,
        "helpers": together((names[key] for key in sent[1:] if key in names), "、"),
        "signed_in": names.get(row.signed_in_id, ""),
        "crew": [(key, names.get(key, "")) for key in sent],
        "times": [(str(TIME_LABELS[name]), getattr(row, name), name in later) for name in TIMES],
        "untold": [(name, str(TIME_LABELS[name])) for name in TIMES if getattr(row, name) is None],
        "causes": pairs(REPAIR_CAUSE), "end_key": text("end_key", 40) or secrets.token_hex(12),
        "rescue": repair_forms.rescue_of(elevator) if row.level == "trapped" and not row.ended_at else None,
        "people": _people(row) if assigns and state in BEFORE_START else [],
        "suggested": row.worker_id or _keeper(row),
        "may": {
            "assign": assigns and state in BEFORE_START, "take_back": assigns and state in BEFORE_START[1:],
            "accept": (mine and state is RepairState.ASSIGNED) or takes,
            "depart": mine and state is RepairState.ACCEPTED,
            "start": mine and state in (RepairState.ACCEPTED, RepairState.DEPARTED),
            "end": mine and state in (*BEFORE_START[1:], RepairState.STARTED),
            "decide": own and actor.may(Verb.REPAIR_APPROVE) and state is RepairState.ENDED,
            "answer": repair_answers.may_answer(actor, row),
            "cancel": state in BEFORE_START and actor.may(Verb.REPAIR_REPORT) and repair_work.may_cancel(actor, row),
        },
        "answer": word(REPAIR_ANSWER, row.answer) if row.answer else "",
        "following": repair_answers.following_of(db.session, actor, row),
        "came_of": repair_answers.before_of(db.session, actor, row),
        "elevator_link": elevator_link(row.elevator_id),
        "category": word(CATEGORY, elevator.category) if elevator is not None else "",
        "number_on_site": elevator.number_on_site or "" if elevator is not None else "",
        "anomaly_link": f"/anomalies/{row.anomaly_id}" if row.anomaly_id and actor.may(Verb.ANOMALY_READ) else "",
    }  # fmt: skip


def _visit_of(row: RepairOrder, actor: Actor) -> dict[str, Any]:
    """The visit that found it, for whoever may read it: its items to repair and its photos."""
    if row.visit_id is None or not actor.may(Verb.VISIT_READ):
        return {"visit": None, "visit_items": [], "visit_photos": []}
    seen = scope.apply(select(Visit).where(Visit.id == row.visit_id), actor, Visit)
    visit = db.session.scalar(seen.execution_options(skip_scope=True))
    if visit is None:
        return {"visit": None, "visit_items": [], "visit_photos": []}
    items = item_lists.of_visit(db.session, visit)
    bad = {answer["code"] for answer in visit.results or [] if answer.get("result") == "repair"}
    photos = [f for f in attachments.of(db.session, "visit", visit.id) if f.kind == "photo" or f.kind in list(Place)]
    return {"visit": visit, "visit_items": [i.item for i in items if i.code in bad], "visit_photos": photos}


def _names(row: RepairOrder) -> dict[Any, str]:
    """Of everybody whom the order names; whoever reads it may know who came."""
    keys = {row.worker_id, row.signed_in_id, *repairs.helper_ids(db.session, row)} - {None}
    statement = select(Person.id, Person.name).where(Person.id.in_(keys)).execution_options(skip_scope=True)
    return {row_.id: row_.name for row_ in db.session.execute(statement)}


def _people(row: RepairOrder) -> list[tuple[int, str]]:
    """Of the order's unit, who has not left."""
    statement = select(Person.id, Person.name).where(
        Person.unit_id == row.unit_id, or_(Person.left_on.is_(None), Person.left_on > clock.today())
    )
    seen = scope.apply(statement.order_by(Person.name, Person.id).limit(MOST_PEOPLE), g.actor, Person)
    return [(key, name) for key, name in db.session.execute(seen)]


def _keeper(row: RepairOrder) -> int | None:
    """Whoever keeps the elevator, as the first to be thought of."""
    ledger = db.session.get(MaintenanceLedger, row.elevator_id, execution_options={"skip_scope": True})
    return ledger.worker_id if ledger is not None and ledger.unit_id == row.unit_id else None


def _course(row: RepairOrder) -> list[tuple[str, str, str]]:
    """Every step that was taken, the newest first: what, when and by whom, and its words."""
    course = courses.course_of("repair_order", row.id, DID)
    if row.answer and row.answered_at is not None:
        when = courses.when(row.answered_at, _account(row.answered_by_id))
        course = [(str(word(REPAIR_ANSWER, row.answer)), when, row.answer_note or ""), *course]
    return [*course, (str(_("报修")), courses.when(row.reported_at, _reporter(row)), "")]


def _account(key: int | None) -> str:
    return submissions.names_of(db.session, [key]).get(key, "")


def _reporter(row: RepairOrder) -> str:
    name = _account(row.reported_by_id)
    unit = row.reported_unit.name if row.reported_unit else ""
    return f"{unit} {name}".strip()


def latest_of(elevator_id: int) -> list[RepairOrder]:
    """For the elevator's page: its newest orders."""
    statement = scope.apply(select(RepairOrder).where(RepairOrder.elevator_id == elevator_id), g.actor, RepairOrder)
    newest = statement.order_by(RepairOrder.reported_at.desc(), RepairOrder.id.desc()).limit(5)
    return list(db.session.scalars(newest.execution_options(skip_scope=True)))


def pairs(choices: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(label)) for key, label in choices.items()]

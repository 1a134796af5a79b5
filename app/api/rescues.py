"""`/api/v1/rescues`: 困人救援 from the report to the call-back (RES-01 to RES-06); the desk's and the unit's deeds."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import jsonify
from sqlalchemy import select

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, iso, whole
from app.api.reading import flag, words
from app.errors import refuse
from app.extensions import db
from app.listings.rescues import RESCUE_CENTRE, RESCUES
from app.models import Elevator, Rescue, RescueCallback, RescueDispatch, RescueStep
from app.permissions import Verb, require
from app.rules.identifiers import mask_mobile
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say
from app.workflows.rescue import rescue_answers, rescue_callbacks, rescue_course, rescue_desk, rescue_help, rescues
from app.workflows.rescue.rescue_course import Sent

FORM = ("outcome", "cause", "cause_note", "method", "scene")


class RescueApi(Resource):
    """Rescues of one's elevators, and those that one's unit was called out for."""

    resource_name = "rescues"
    openapi_spec_tag = "Rescues"

    @answers("", "GET")
    def list(self) -> Any:
        """Give rescues, as the page of the history does.
        ---
        get:
          summary: 困人救援；缺省为全部，新的在前
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string,
                enum: [all, entrapment, false_alarm, commissioning, cleaning, maintenance, repair, installation, late,
                uncalled, joined]}}
            - {in: query, name: q, schema: {type: string}, description: 识别码、位置、救援编号}
            - {in: query, name: status, schema: {type: string}, description: "waiting,taken…，逗号分隔"}
            - {in: query, name: level, schema: {type: string}, description: "1,2,3，逗号分隔"}
            - {in: query, name: cause, schema: {type: string}, description: "power_cut…，逗号分隔"}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: use_unit, schema: {type: integer}}
            - {in: query, name: elevator, schema: {type: integer}}
            - {in: query, name: reported_from, schema: {type: string, format: date}}
            - {in: query, name: reported_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: RescuePage}
        """
        return listed.page(RESCUES, rescue)

    @answers("/centre", "GET")
    def centre(self) -> Any:
        """Give what the centre shows: the last three days and all that is open.
        ---
        get:
          summary: 救援处置中心：近三天的和处置中的
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string,
                enum: [all, waiting, taken, dispatched, accepted, arrived, freed, late]}}
          gives: {200: RescuePage}
        """
        return listed.page(RESCUE_CENTRE, rescue)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one rescue with its calls, steps and call-backs.
        ---
        get:
          summary: 一件救援，含派单、过程和回访
          gives: {200: RescueWhole}
        """
        return _whole(key)

    @answers("", "POST", once=True)
    def report(self) -> Any:
        """Take a call at the desk, for an elevator by its number or its code; what is open for it is joined.
        ---
        post:
          summary: 电话接警；这台电梯正在救援的，并入
          takes: RescueReport
          gives: {200: RescueWhole}
        """
        require(actor(), Verb.RESCUE_DESK)
        sent = body()
        with transaction(db.session) as session:
            elevator = _lift(session, sent)
            row = rescues.report(
                session, actor(), elevator, source="call", at=clock.now(), caller=words(sent, "caller"),
                phone=words(sent, "phone", 40), scene=words(sent, "scene", 2000),
                trapped=None if sent.get("trapped") is None else whole(sent, "trapped"),
            )  # fmt: skip
            # Named by its code it may be 涉密: then it is with the report that the desk opened it.
            rescue_course.opened(session, actor(), row, clock.now())
            key = row.id
        return _whole(key)

    @answers("/<int:key>/candidates", "GET")
    def candidates(self, key: int) -> Any:
        """Give who could help at the second level, the nearest first.
        ---
        get:
          summary: 二级救援的候选单位，由近到远
          gives: {200: RescueCandidates}
        """
        require(actor(), Verb.RESCUE_DESK)
        row = _case(key)
        rows = [
            {"unit_id": c.key, "name": c.name, "is_station": c.is_station, "metres": c.metres,
             "duty_phone": c.duty_phone or None}
            for c in rescue_help.candidates(db.session, row)
        ]  # fmt: skip
        return jsonify(rows=rows)

    @answers("/<int:key>/take", "POST", once=True)
    def take(self, key: int) -> Any:
        """Take the case at the desk.
        ---
        post:
          summary: 接警
          gives: {200: RescueWhole}
        """
        with transaction(db.session) as session:
            rescue_desk.take(session, actor(), key, clock.now())
        return _whole(key)

    @answers("/<int:key>/dispatch", "POST", once=True)
    def dispatch(self, key: int) -> Any:
        """Call a unit out.
        ---
        post:
          summary: 派单、升级、改派；row_version 为看到的版本，已有变化的拒绝
          takes: RescueDispatching
          gives: {200: RescueWhole}
        """
        sent = body()
        given: dict[str, Any] = {
            name: None if sent.get(name) is None else whole(sent, name) for name in ("unit_id", "worker_id")
        }
        with transaction(db.session) as session:
            rescue_desk.dispatch(
                session, actor(), key, whole(sent, "level"), clock.now(), name=words(sent, "name"),
                replace=flag(sent, "replace") if "replace" in sent else False, note=words(sent, "note", 2000),
                version=None if sent.get("row_version") is None else whole(sent, "row_version"), **given,
            )  # fmt: skip
        return _whole(key)

    @answers("/<int:key>/back", "POST", once=True)
    def back(self, key: int) -> Any:
        """Take the last step back.
        ---
        post:
          summary: 退回上一步
          takes: RescueBack
          gives: {200: RescueWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            reason, seen = words(sent, "reason", 2000), words(sent, "seen", 20)
            rescue_desk.step_back(session, actor(), key, reason, clock.now(), seen)
        return _whole(key)

    @answers("/<int:key>/close", "POST", once=True)
    def close(self, key: int) -> Any:
        """End what was no entrapment.
        ---
        post:
          summary: 结束不是困人的报警
          takes: RescueEnd
          gives: {200: RescueWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            rescue_desk.close(
                session, actor(), key, words(sent, "outcome", 20), words(sent, "note", 2000), clock.now()
            )
        return _whole(key)

    @answers("/<int:key>/join", "POST", once=True)
    def join(self, key: int) -> Any:
        """Join it to another that is the same.
        ---
        post:
          summary: 并入另一件
          takes: RescueJoin
          gives: {200: RescueWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            rescue_desk.join(session, actor(), key, words(sent, "number", 40), words(sent, "note", 2000), clock.now())
        return _whole(key)

    @answers("/<int:key>/call-back", "POST", once=True)
    def call_back(self, key: int) -> Any:
        """Keep a call-back.
        ---
        post:
          summary: 记录回访
          takes: RescueCallbackNew
          gives: {200: RescueWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            rescue_callbacks.call_back(
                session, actor(), key, words(sent, "kind", 20), words(sent, "satisfaction", 20),
                words(sent, "answered_by"), words(sent, "note", 2000), clock.now(),
            )  # fmt: skip
        return _whole(key)

    @answers("/<int:key>/accept", "POST", once=True)
    def accept(self, key: int) -> Any:
        """Accept the call for one's unit.
        ---
        post:
          summary: 接单；坐席代记时给出 call_id
          takes: RescueAnswer
          gives: {200: RescueWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            rescue_answers.accept(session, actor(), key, clock.now(), _sent(sent), _call(sent))
        return _whole(key)

    @answers("/<int:key>/arrive", "POST", once=True)
    def arrive(self, key: int) -> Any:
        """Arrive.
        ---
        post:
          summary: 到达
          takes: RescueAnswer
          gives: {200: RescueWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            rescue_answers.arrive(session, actor(), key, clock.now(), _sent(sent), _call(sent))
        return _whole(key)

    @answers("/<int:key>/free", "POST", once=True)
    def free(self, key: int) -> Any:
        """They are out: cause and numbers.
        ---
        post:
          summary: 救出；须给出结果、原因和人数
          takes: RescueFreeing
          gives: {200: RescueWhole}
        """
        sent = body()
        form = {name: words(sent, name, 2000) for name in FORM}
        form |= {n: "" if sent.get(n) is None else str(whole(sent, n)) for n in ("trapped", "injured")}
        with transaction(db.session) as session:
            rescue_answers.free(session, actor(), key, form, clock.now(), _sent(sent), _call(sent))
        return _whole(key)

    @answers("/<int:key>/pass", "POST", once=True)
    def hand_on(self, key: int) -> Any:
        """Hand it on to a colleague.
        ---
        post:
          summary: 转派给本单位的另一位人员
          takes: RescuePassing
          gives: {200: RescueWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            rescue_answers.pass_on(
                session, actor(), key, whole(sent, "worker_id"), words(sent, "note", 2000), clock.now()
            )
        return _whole(key)


def rescue(row: Rescue) -> dict[str, Any]:
    """As it is sent: the caller's number masked; who may see it whole asks for it on the page."""
    now = clock.now()
    found = rescue_course.outcome_of(row, now)
    return {
        "id": row.id, "number": row.number, "elevator_id": row.elevator_id, "code": row.code, "place": row.place,
        "region_code": row.region_code, "unit_id": row.unit_id, "use_unit_id": row.use_unit_id,
        "in_centre": row.in_centre, "source": row.source, "caller": row.caller,
        "phone": mask_mobile(row.phone) if row.phone else None, "scene": row.scene, "status": row.status,
        "level": row.level, "reported_at": iso(row.reported_at), "taken_at": iso(row.taken_at),
        "dispatched_at": iso(row.dispatched_at), "accepted_at": iso(row.accepted_at),
        "arrived_at": iso(row.arrived_at), "done_at": iso(row.done_at), "ended_at": iso(row.ended_at),
        "end_note": row.end_note, "due_at": iso(row.due_at), "outcome": row.outcome, "cause": row.cause,
        "cause_note": row.cause_note, "method": row.method, "trapped": row.trapped, "injured": row.injured,
        "floor": row.floor, "direction": row.direction, "occupied": row.occupied, "cleared_at": iso(row.cleared_at),
        "reports": row.reports, "joined_to_id": row.joined_to_id, "taken_over": row.taken_over,
        "late_steps": [step.value for step in rescue_course.late_of(row, now)],
        "badge": None if found is None else found.value, "row_version": row.row_version,
    }  # fmt: skip


def _lift(session: Any, sent: dict[str, Any]) -> Any:
    """The elevator by our number, or by the code on its label; only by its code where it is 涉密."""
    code = words(sent, "code", 40).strip()
    if not code:
        return scope.visible(session, actor(), Elevator, whole(sent, "elevator_id"), "这台电梯")
    if sent.get("elevator_id") is not None:
        raise refuse("参数", "elevator_id 和 code 都给出了", "请只给其中一个：电梯编号或识别码", field="code")
    return rescue_desk.lift_by_code(session, actor(), code)


def _case(key: int) -> Rescue:
    """The case; that the desk opened one that no list shows it is written down."""
    now = clock.now()
    row = rescue_course.case_of(db.session, actor(), key, now)
    if rescue_course.opens(db.session, actor(), row, now):
        with transaction(db.session) as session:
            rescue_course.opened(session, actor(), row, now)
    return row


def _whole(key: int) -> Any:
    row = _case(key)
    steps = select(RescueStep).where(RescueStep.rescue_id == row.id).order_by(RescueStep.id)
    return jsonify(rescue(row) | {
        "calls": [_call_shown(call) for call in rescue_course.calls_of(db.session, row)],
        "steps": [
            {"verb": step.verb, "at": iso(step.at), "phone_at": iso(step.phone_at), "name": step.name,
             "note": step.note, "call_id": step.dispatch_id}
            for step in db.session.scalars(steps.execution_options(skip_scope=True))
        ],
        "callbacks": [_callback(one) for one in rescue_callbacks.of(db.session, row)],
    })  # fmt: skip


def _call_shown(call: RescueDispatch) -> dict[str, Any]:
    return {
        "id": call.id, "level": call.level, "unit_id": call.unit_id, "name": str(call.name),
        "worker_id": call.worker_id, "worker_name": call.worker_name, "distance_m": call.distance_m,
        "is_automatic": call.is_automatic, "dispatched_at": iso(call.dispatched_at),
        "accepted_at": iso(call.accepted_at), "arrived_at": iso(call.arrived_at), "done_at": iso(call.done_at),
        "ended_at": iso(call.ended_at), "end_reason": call.end_reason,
    }  # fmt: skip


def _callback(one: RescueCallback) -> dict[str, Any]:
    return {
        "id": one.id, "kind": one.kind, "satisfaction": one.satisfaction, "answered_by": one.answered_by,
        "note": one.note, "called_at": iso(one.called_at), "name": one.name,
    }  # fmt: skip


def _call(sent: dict[str, Any]) -> int | None:
    return None if sent.get("call_id") is None else whole(sent, "call_id")


def _sent(sent: dict[str, Any]) -> Sent:
    """What the phone says of itself; it is kept beside our clock and counts for nothing."""
    point = [sent.get(name) for name in ("latitude", "longitude")]
    numbers = [float(n) for n in point if isinstance(n, int | float) and not isinstance(n, bool) and abs(n) <= 180]
    text = words(sent, "phone_at", 40)
    try:
        at = dt.datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
    except ValueError:
        at = None
    if text and (at is None or at.tzinfo is None):
        found = say("%(name)s 不是带时区的时间", name="phone_at")
        raise refuse("参数", found, "请按 2026-11-20T08:00:00+08:00 填写", field="phone_at", value=text)
    return Sent(rescue_course.believed(at, clock.now()), *(numbers if len(numbers) == 2 else (None, None)))


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission, verb in (
        ("can_list", Verb.RESCUE_READ), ("can_centre", Verb.RESCUE_READ), ("can_get", Verb.RESCUE_READ),
        ("can_report", Verb.RESCUE_DESK), ("can_candidates", Verb.RESCUE_DESK), ("can_take", Verb.RESCUE_DESK),
        ("can_dispatch", Verb.RESCUE_DESK), ("can_back", Verb.RESCUE_DESK), ("can_close", Verb.RESCUE_DESK),
        ("can_join", Verb.RESCUE_DESK), ("can_call_back", Verb.RESCUE_DESK), ("can_accept", Verb.RESCUE_READ),
        ("can_arrive", Verb.RESCUE_READ), ("can_free", Verb.RESCUE_READ), ("can_hand_on", Verb.RESCUE_HANDLE),
    ):  # fmt: skip
        screens.declare("RescueApi", permission, verb)
    appbuilder.add_api(RescueApi)

"""One rescue at the desk (RES-02, RES-04, RES-05): where it stands, who could help, what may be done; call intake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, g, jsonify, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listing import moment
from app.listings import rescues as listed
from app.listings.elevators import ELEVATORS
from app.models import Elevator, Rescue, RescueDispatch, RescueStep
from app.models.choices import CATEGORY, ELEVATOR_STATUS, ESCALATORS, word
from app.models.rescue import (
    CALLBACK_KIND,
    CAUSE_GROUP,
    DISPATCH_END,
    RESCUE_CAUSE,
    RESCUE_LEVEL,
    RESCUE_METHOD,
    RESCUE_OUTCOME,
    RESCUE_SOURCE,
    RESCUE_STATUS,
    SATISFACTION,
)
from app.permissions import Actor, Verb
from app.rules.checkin import distance_words
from app.rules.identifiers import mask_mobile
from app.rules.rescues import RescueStatus
from app.transaction import transaction
from app.views.frame import map_tiles, screens
from app.views.frame.account_forms import number, run, text
from app.views.frame.cells import elevator_link
from app.views.frame.phones import phone_first
from app.views.frame.records import RecordPages
from app.views.safety.rescues import LEVEL_TONES, TONES, badge_pill, limit_of
from app.workflows.oversight import appeals
from app.workflows.rescue import (
    rescue_answers,
    rescue_callbacks,
    rescue_contacts,
    rescue_course,
    rescue_desk,
    rescue_help,
    rescues,
)

DID = {
    "report": _l("报警"), "take": _l("接警"), "dispatch": _l("派单"), "replace": _l("改派"), "accept": _l("接单"),
    "arrive": _l("到达"), "free": _l("救出"), "back": _l("退回上一步"), "close": _l("结束"), "join": _l("并入另一件"),
    "joined": _l("又一次报警"), "pass": _l("转派"),
}  # fmt: skip
FIELDS = ("outcome", "cause", "cause_note", "method", "trapped", "injured", "scene")
FOUND = 20


def causes() -> list[tuple[str, list[tuple[str, str]]]]:
    """The causes by group, for a select."""
    groups: dict[str, list[tuple[str, str]]] = {group: [] for group in CAUSE_GROUP}
    for code, label in RESCUE_CAUSE.items():
        group = code.partition("_")[0]
        groups[group if group in groups else "outside"].append((code, str(label)))
    return [(str(CAUSE_GROUP[group]), found) for group, found in groups.items()]


def facts(row: Rescue, actor: Actor) -> dict[str, Any]:
    """What both the desk's and the phone's page show of a rescue, and what the reader may do with it now."""
    status, open_ = RescueStatus(row.status), rescue_course.is_open(row)
    calls = rescue_course.calls_of(db.session, row)
    desk = actor.unit_id is None and actor.may(Verb.RESCUE_DESK)
    mine = [c for c in calls if actor.unit_id is not None and c.unit_id == actor.unit_id and c.is_open]
    call = mine[-1] if mine and actor.may(Verb.RESCUE_HANDLE) else None
    acts = call is not None
    elevator = row.elevator
    point, file = rescue_course.point_of(elevator), elevator_link(row.elevator_id)
    missed = [c for c in calls if c.unit_id == actor.unit_id is not None and c.end_reason == "escalated"]
    return {
        "row": row, "status": word(RESCUE_STATUS, row.status), "tone": TONES[row.status], "badge": badge_pill(row),
        "level": RESCUE_LEVEL[row.level], "level_tone": LEVEL_TONES[row.level], "limit": limit_of(row),
        "source": word(RESCUE_SOURCE, row.source), "run_state": listed.run_state_of(row),
        "calls": calls, "call": call, "steps": _steps(row, calls),
        "outcome": word(RESCUE_OUTCOME, row.outcome) if row.outcome else "",
        "cause": word(RESCUE_CAUSE, row.cause) if row.cause else "",
        "method": word(RESCUE_METHOD, row.method) if row.method else "",
        "phone": mask_mobile(row.phone) if row.phone else "", "local": clock.local, "elevator": elevator,
        "elevator_status": word(ELEVATOR_STATUS, elevator.status), "category": word(CATEGORY, elevator.category),
        "escalator": elevator.category in ESCALATORS, "ends": DISPATCH_END, "levels": RESCUE_LEVEL,
        "distance": _distance, "outcomes": RESCUE_OUTCOME, "causes": causes(), "methods": RESCUE_METHOD,
        "point": point, "joined_to": _other(row.joined_to_id),
        "map_link": map_tiles.configured().page(point.latitude, point.longitude) if point and file else "",
        "may": {
            "desk": desk, "take": desk and status is RescueStatus.WAITING,
            "dispatch": desk and open_, "back": desk and status not in _FINAL and status is not RescueStatus.WAITING,
            "close": desk and open_, "call_back": desk and not open_ and status is not RescueStatus.JOINED,
            "accept": acts and call is not None and call.accepted_at is None,
            "arrive": acts and call is not None and call.accepted_at is not None and call.arrived_at is None,
            "free": acts and call is not None and call.accepted_at is not None,
            "pass": acts, "call": bool(row.phone) and (desk or acts or actor.may(Verb.SENSITIVE_READ)),
        },
        "workers": rescue_answers.workers_of(db.session, actor.unit_id) if acts else [],
        "contacts": rescue_contacts.of(db.session, actor, row, calls), "mask": mask_mobile,
        "duties": rescue_contacts.duty_phones(db.session, row, calls),
        "works": desk or acts, "reveals": desk or acts or actor.may(Verb.SENSITIVE_READ),
        "missed": bool(missed) and open_ and not acts, "desk_phone": elevator.emergency_phone or _("应急救援电话"),
        "elevator_link": file,
        "appeal": appeals.offered(db.session, actor, "rescue", row.id, clock.now()),
    }  # fmt: skip


_FINAL = (RescueStatus.CLOSED, RescueStatus.JOINED)


def _distance(metres: int | None) -> str:
    return str(_("距离不明")) if metres is None else distance_words(metres)


def _other(key: int | None) -> Rescue | None:
    if key is None:
        return None
    statement = scope.apply(select(Rescue).where(Rescue.id == key), g.actor, Rescue)
    found: Rescue | None = db.session.scalar(statement.execution_options(skip_scope=True))
    return found


def _steps(row: Rescue, made: Sequence[RescueDispatch]) -> list[dict[str, Any]]:
    """The record, the newest first: what, when by our clock, by whom; the phone's clock where it says another time."""
    statement = select(RescueStep).where(RescueStep.rescue_id == row.id).order_by(RescueStep.id.desc())
    calls = {call.id: call for call in made}
    shown = []
    for step in db.session.scalars(statement.execution_options(skip_scope=True)):
        call: RescueDispatch | None = calls.get(step.dispatch_id or 0)
        phone = step.phone_at if step.phone_at and abs((step.phone_at - step.at).total_seconds()) >= 60 else None
        shown.append({
            "word": str(DID.get(step.verb, step.verb)), "at": step.at, "name": step.name, "note": step.note or "",
            "call": call if step.verb in ("dispatch", "replace", "accept", "arrive", "free", "pass") else None,
            "phone_at": phone, "placed": step.latitude is not None,
        })  # fmt: skip
    return shown


class RescuePages(RecordPages):
    """One rescue and its deeds."""

    route_base = "/rescues"
    default_view = "show"

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        """Whoever works by phone and is brought here by the notice goes on to the phone's page, as from home."""
        row, now = self._row(pk), clock.now()
        if rescue_course.opens(db.session, g.actor, row, now):
            with transaction(db.session) as session:
                rescue_course.opened(session, g.actor, row, now)
        if phone_first(g.actor):
            return redirect(f"/m/rescues/{pk}")
        return self._page(pk, [])

    @expose("/<int:pk>/stand")
    @has_access
    @permission_name("read")
    @no_cache
    def stand(self, pk: int) -> Any:
        """Whether it moved since the page was made."""
        return jsonify(version=self._row(pk).row_version)

    @expose("/<int:pk>/take", methods=["POST"])
    @has_access
    @permission_name("desk")
    def take(self, pk: int) -> Any:
        return self._done(pk, lambda s: rescue_desk.take(s, g.actor, pk, clock.now()), _("已接警"))

    @expose("/<int:pk>/dispatch", methods=["POST"])
    @has_access
    @permission_name("desk")
    def dispatch(self, pk: int) -> Any:
        given: dict[str, Any] = {
            "unit_id": number(text("unit_id", 16)), "name": text("name", 200), "note": text("note", 2000),
            "replace": bool(text("replace", 2)), "version": number(text("version", 12)),
            "worker_id": number(text("worker_id", 9)),
        }  # fmt: skip
        level = number(text("level", 2)) or 0
        return self._done(
            pk, lambda s: rescue_desk.dispatch(s, g.actor, pk, level, clock.now(), **given), _("已派单")
        )

    @expose("/<int:pk>/back", methods=["POST"])
    @has_access
    @permission_name("desk")
    def back(self, pk: int) -> Any:
        reason, seen = text("reason", 2000), text("seen", 20)
        return self._done(
            pk, lambda s: rescue_desk.step_back(s, g.actor, pk, reason, clock.now(), seen), _("已退回上一步")
        )

    @expose("/<int:pk>/close", methods=["POST"])
    @has_access
    @permission_name("desk")
    def close(self, pk: int) -> Any:
        outcome, note = text("outcome", 20), text("note", 2000)
        return self._done(pk, lambda s: rescue_desk.close(s, g.actor, pk, outcome, note, clock.now()), _("已结束"))

    @expose("/<int:pk>/join", methods=["POST"])
    @has_access
    @permission_name("desk")
    def join(self, pk: int) -> Any:
        other, note = text("number", 40), text("note", 2000)
        return self._done(pk, lambda s: rescue_desk.join(s, g.actor, pk, other, note, clock.now()), _("已并入"))

    @expose("/<int:pk>/call-back", methods=["POST"])
    @has_access
    @permission_name("desk")
    def call_back(self, pk: int) -> Any:
        given = (text("kind", 20), text("satisfaction", 20), text("answered_by", 100), text("note", 2000))
        return self._done(
            pk, lambda s: rescue_callbacks.call_back(s, g.actor, pk, *given, clock.now()), _("回访已记录")
        )

    @expose("/<int:pk>/accept", methods=["POST"])
    @has_access
    @permission_name("handle")
    def accept(self, pk: int) -> Any:
        return self._done(
            pk, lambda s: rescue_answers.accept(s, g.actor, pk, clock.now(), call_id=_call()), _("已接单")
        )

    @expose("/<int:pk>/arrive", methods=["POST"])
    @has_access
    @permission_name("handle")
    def arrive(self, pk: int) -> Any:
        return self._done(
            pk, lambda s: rescue_answers.arrive(s, g.actor, pk, clock.now(), call_id=_call()), _("已到达")
        )

    @expose("/<int:pk>/free", methods=["POST"])
    @has_access
    @permission_name("handle")
    def free(self, pk: int) -> Any:
        form = {name: text(name, 2000) for name in FIELDS}
        return self._done(
            pk, lambda s: rescue_answers.free(s, g.actor, pk, form, clock.now(), call_id=_call()), _("已救出")
        )

    @expose("/<int:pk>/pass", methods=["POST"])
    @has_access
    @permission_name("handle")
    def hand_on(self, pk: int) -> Any:
        worker, note = number(text("worker_id", 9)) or 0, text("note", 2000)
        return self._done(
            pk, lambda s: rescue_answers.pass_on(s, g.actor, pk, worker, note, clock.now()), _("已转派")
        )

    # --- parts

    def _row(self, pk: int) -> Rescue:
        return rescue_course.case_of(db.session, g.actor, pk, clock.now())

    def _page(self, pk: int, findings: list[Finding]) -> Any:
        row = self._row(pk)
        shown = facts(row, g.actor)
        helpers = rescue_help.candidates(db.session, row) if shown["may"]["dispatch"] else []
        return self.render_template(
            "ta/rescues/rescue.html", title=_("救援 %(p)s", p=row.place), findings=findings, form=request.form,
            helpers=helpers, fire=rescue_help.FIRE_SERVICE, callbacks=rescue_callbacks.of(db.session, row),
            callback_kinds=CALLBACK_KIND, satisfactions=SATISFACTION,
            contract=row.unit, own_workers=rescue_answers.workers_of(db.session, row.unit_id)
            if shown["may"]["dispatch"] else [], **shown,
        )  # fmt: skip


def _call() -> int | None:
    return number(text("call_id", 16))


class RescueIntake(BaseView):
    """电话接警: find the elevator by what the caller can read out, then one form; quick by keyboard."""

    route_base = "/rescues/new"
    default_view = "index"

    @expose("")
    @has_access
    @permission_name("desk")
    @no_cache
    def index(self) -> Any:
        return self._page([])

    @expose("", methods=["POST"])
    @has_access
    @permission_name("desk")
    def take_call(self) -> Any:
        key = number(text("elevator_id", 16))
        hidden = rescue_desk.hidden_lift(db.session, g.actor, text("code", 40)) if key is None else None
        if key is None and hidden is None:
            return self._page([Finding(_("电梯"), False, _("没有选择电梯"), _("请先查找并选择电梯"), field="q")]), 422
        elevator: Elevator = hidden or scope.visible(db.session, g.actor, Elevator, key, _("这台电梯"))
        typed = text("trapped", 6).strip()
        trapped = number(typed)
        if typed and trapped is None:
            wrong = Finding(_("困人人数"), False, _("不是整数"), _("请填写整数，不清楚时不填"), field="trapped")
            return self._page([wrong]), 422
        done, findings, status = run(lambda s: rescues.report(
            s, g.actor, elevator, source="call", at=clock.now(), caller=text("caller", 100), phone=text("phone", 40),
            scene=text("scene", 2000), trapped=trapped,
        ))  # fmt: skip
        if done is None:
            return self._page(findings), status
        joined = done.reports > 1
        flash(_("这台电梯正在救援中，已并入") if joined else _("已接警，请派单"), "success")
        return redirect(f"/rescues/{done.id}")

    def _page(self, findings: list[Finding]) -> Any:
        words = " ".join(request.values.get("q", "")[:60].split())
        key = number(request.values.get("elevator_id", "")[:16])
        rows = find_elevators(g.actor, words) if words and key is None else []
        if len(rows) == 1:
            key = rows[0].id
        chosen: Elevator | None = None
        if key is not None:
            statement = scope.apply(select(Elevator).where(Elevator.id == key), g.actor, Elevator)
            chosen = db.session.scalar(statement.execution_options(skip_scope=True))
        hidden = None
        if chosen is None and key is None and not rows:
            hidden = rescue_desk.hidden_lift(db.session, g.actor, words or text("code", 40))
            chosen = hidden
        opened = None if chosen is None else rescue_course.open_of(db.session, chosen.id)
        return self.render_template(
            "ta/rescues/intake.html", title=_("电话接警"), findings=findings, words=words, rows=rows, chosen=chosen,
            opened=opened, hidden=hidden is not None,
            form=request.form, statuses=ELEVATOR_STATUS, most=FOUND,
            categories=CATEGORY, escalator=chosen is not None and chosen.category in ESCALATORS,
        )  # fmt: skip


def find_elevators(actor: Actor, words: str) -> list[Elevator]:
    """By 识别码, 96333 识别码, registration code or address; whole codes first, all words must be there."""
    approved = Elevator.approved_version > 0
    for exact in (Elevator.code == words.upper(), Elevator.rescue_code == words.upper()):
        statement = scope.apply(select(Elevator).where(approved, exact), actor, Elevator).limit(FOUND)
        rows = list(db.session.scalars(statement.execution_options(skip_scope=True)))
        if rows or len(words) < 2:
            return rows
    query = ELEVATORS.read({"q": words})
    found: list[Elevator] = list(ELEVATORS.page(moment(db.session, actor), query).rows)
    return found[:FOUND]


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for page, permission, verb in (
        ("RescuePages", "can_read", Verb.RESCUE_READ), ("RescuePages", "can_desk", Verb.RESCUE_DESK),
        ("RescueIntake", "can_desk", Verb.RESCUE_DESK),
    ):  # fmt: skip
        screens.declare(page, permission, verb)
    screens.declare("RescuePages", "can_handle", Verb.RESCUE_READ)
    for view in (RescueIntake, RescuePages):
        appbuilder.add_view_no_menu(view)

"""Applying for something about an elevator: what stands in the way is shown before anything is typed (GAT-01)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.models import Application, Elevator
from app.models.choices import CHANGE_CAUSE
from app.models.sealed import as_held
from app.permissions import Verb
from app.rules.lifecycle import (
    BARRED_BY,
    CAUSE_FIELDS,
    CAUSE_PAPERS,
    EFFECT_LABELS,
    KIND_LABELS,
    ApplicationKind,
    ChangeCause,
    ElevatorStatus,
    kinds_possible,
)
from app.transaction import transaction
from app.views.approval import filing_forms
from app.views.approval.filing_forms import Field
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens, uploads
from app.views.frame.filed import UNIT_FIELDS, unit_names
from app.views.frame.filing_words import WORDS
from app.wording import say, together
from app.workflows.approval.filing_fields import snapshot
from app.workflows.approval.submissions import Asked
from app.workflows.desk import applications, gates
from app.workflows.filing import registration_changes
from app.workflows.maintenance import ledger_rows, ledgers

_K = ApplicationKind
# What the form asks for is judged when it is sent; before that only what stands already can pass or fail.
_TYPED = {
    "reason", "attachments", "effective_on", "until_on", "interval_days", "cause", *ledgers.PERSONS,
    *(name for names in CAUSE_FIELDS.values() for name in names if name != "next_inspection_on"),
}  # fmt: skip
PAPER = {
    _K.USE_REGISTRATION: say("申请材料和告知文件"), _K.MAINTENANCE_PAUSE: say("暂停的证明材料"),
    _K.ON_DEMAND: say("按需维保方案"),
}  # fmt: skip
NO_REASON = {_K.USE_REGISTRATION}


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as understood: day, reason, what the kind asks for besides, and what was no value at all."""

    effective_on: dt.date | None
    reason: str
    data: dict[str, Any]
    wrong: list[Finding]


class ApplyPages(BaseView):
    """The form of every kind that is applied for from an elevator's page."""

    route_base = "/elevators"
    default_view = "apply"

    @expose("/<int:key>/gate")
    @has_access
    @permission_name("read")
    def gate(self, key: int) -> Any:
        """Can this happen? Each condition, what was found, and where it is mended; nothing is asked for yet."""
        row, now = _row(key), clock.now()
        what = request.args.get("what", gates.CHECK_IN)
        what = what if what in gates.WORDS else gates.CHECK_IN
        findings = gates.of_elevator(db.session, g.actor, row, what, now)
        return self.render_template(
            "ta/lifecycle/gate.html", title=_("能不能办"), row=row, what=what, whats=gates.WORDS, words=WORDS,
            findings=sorted(findings, key=lambda f: (f.ok, f.level != "fail")),
            passes=not any(f.stops for f in findings),
        )  # fmt: skip

    @expose("/<int:key>/apply/<kind>", methods=["GET", "POST"])
    @has_access
    @permission_name("apply")
    @no_cache
    def apply(self, key: int, kind: str) -> Any:
        """Show the form with its conditions, or submit it; whatever is refused, the input stays."""
        row = _row(key)
        if kind not in applications.OPEN_KINDS:
            flash(_("没有这种申请，请用页面上的按钮"), "warning")
            return redirect(f"/elevators/{key}")
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            typed = typed_of(row, kind)
            try:
                if typed.wrong:
                    raise Refusal([*typed.wrong, *_besides(row, kind, typed)])
                with transaction(db.session):
                    now = clock.now()
                    made = applications.apply(
                        db.session, g.actor, kind, row, effective_on=typed.effective_on, reason=typed.reason,
                        attachments=store_files(row, now), at=now, data=typed.data,
                    )  # fmt: skip
                flash(_("已提交，编号 %(n)s", n=made.number), "success")
                return redirect(f"/applications/{made.id}")
            except Refusal as refusal:
                findings, status = [f for f in refusal.findings if not f.ok], refusal.status_code
            row = _row(key)
        return self._page(row, ApplicationKind(kind), findings), status

    def _page(self, row: Elevator, kind: ApplicationKind, findings: list[Finding]) -> Any:
        today = clock.today()
        again = earlier(kind, row.id)
        before = filing_forms.masked_numbers(Elevator, said_by(again)) if request.method == "GET" else {}
        typed = {"effective_on": today.isoformat(), "reason": ""} | before | request.form.to_dict()
        on, _bad = day_of(typed["effective_on"])
        asked = Asked(today, on or today, typed["reason"] or "…", [0], {}, unit_id=g.actor.unit_id)
        standing = applications.conditions_of(db.session, kind.value, row, asked)
        cause = cause_given()
        paper = CAUSE_PAPERS[cause] if cause is not None else PAPER.get(kind, "")
        return self.render_template(
            "ta/filing/apply.html", title=KIND_LABELS[kind], row=row, base=f"/elevators/{row.id}", kind=kind.value,
            form=typed, findings=findings, standing=[f for f in standing if f.field not in _TYPED], words=WORDS,
            needs_reason=kind not in NO_REASON, needs_file=bool(paper), paper=paper,
            fields=fields_of(row, kind, cause, findings, typed),
            causes=CHANGE_CAUSE if kind is _K.REGISTRATION_CHANGE else None,
            cause=cause.value if cause is not None else "", again=again.id if again is not None else None,
        )  # fmt: skip


class ApplicationStart(BaseView):
    """办理申请: for whoever is not on an elevator's page yet. Form and conditions are those of its page."""

    route_base = "/applications"
    default_view = "new"

    @expose("/new")
    @has_access
    @permission_name("apply")
    def new(self) -> Any:
        """Choose the kind and the elevator; the way on is the form of `ApplyPages`."""
        kind, shown = request.args.get("kind", ""), request.args.get("code", "")[:60].strip()
        kind = kind if kind in applications.OPEN_KINDS else ""
        asked = "code" in request.args
        found = forms.named_elevator(request.args) if asked else None
        if found is not None and kind:
            return redirect(f"/elevators/{found.id}/apply/{kind}")
        findings = []
        if asked and not kind:
            findings.append(Finding(_("事项"), False, _("没有选择"), _("请选择要办理的事项"), field="kind"))
        if asked and found is None:
            said = _("没有识别码为“%(c)s”的电梯，或不在您的范围内", c=shown) if shown else _("没有选择")
            findings.append(Finding(_("电梯"), False, said, _("请从列表里选，或填标签上的识别码"), field="elevator_id"))
        page = self.render_template(
            "ta/filing/start.html", title=_("办理申请"), kind=kind, shown=shown, findings=findings, elevator=found,
            kinds={k.value: KIND_LABELS[k] for k in ApplicationKind if k in applications.OPEN_KINDS},
        )  # fmt: skip
        return page, 422 if findings else 200


def _besides(row: Elevator, kind: str, typed: Typed) -> list[Finding]:
    """What else is refused when a day or number was no value at all: all of it is told at once."""
    today, told = clock.today(), {f.field for f in typed.wrong}
    files = [0] * uploads.chosen("files")
    asked = Asked(today, typed.effective_on or today, typed.reason, files, typed.data, unit_id=g.actor.unit_id)
    return [f for f in applications.conditions_of(db.session, kind, row, asked) if f.stops and f.field not in told]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What is under way or was approved for a later day about an elevator, and what cannot be applied for meanwhile."""

    said: str
    number: str
    link: str | None
    bars: str
    approved: bool


def offered(
    row: Elevator, found: Sequence[Application], seen: Collection[int]
) -> tuple[list[tuple[str, str, str]], list[UnderWay]]:
    """From the elevator's page: what can be applied for now, and what is under way (`found`) with what that leaves
    out; `seen` are those whose pages the reader may open."""
    kinds = _kinds_of(row) if g.actor.may(Verb.APPLICATION_SUBMIT) else []
    told: list[UnderWay] = []
    stopped: set[str] = set()
    for application in found:
        bars = [(k, label) for k, label, _link in kinds if application.kind in BARRED_BY[ApplicationKind(k)]]
        stopped |= {kind for kind, _label in bars}
        what = ApplicationKind(application.kind)
        said = (
            say("%(kind)s正在办理", kind=KIND_LABELS[what]) if application.is_open
            else say("已核准%(what)s，自 %(day)s 起", what=EFFECT_LABELS[what], day=application.effective_on)
        )  # fmt: skip
        link = f"/applications/{application.id}" if application.id in seen else None
        names = together(label for _kind, label in bars)
        left_out = say("办结前不能办理：%(names)s", names=names) if application.is_open else say(
            "生效前不能办理：%(names)s", names=names
        )  # fmt: skip
        told.append(UnderWay(said, application.number, link, left_out if bars else "", not application.is_open))
    return [one for one in kinds if one[0] not in stopped], told


def _kinds_of(row: Elevator) -> list[tuple[str, str, str]]:
    """What the elevator's status allows to apply for: kind, words, address."""
    base = f"/elevators/{row.id}/apply/"
    kinds = [(k.value, KIND_LABELS[k], base + k.value) for k in kinds_possible(ElevatorStatus(row.status))]
    if row.status == ElevatorStatus.SCRAPPED:
        return kinds
    if g.actor.unit_id is not None:
        kinds.append((_K.UNIT_CHANGE.value, KIND_LABELS[_K.UNIT_CHANGE], f"/unit-changes/new?code={row.code}"))
    kinds.append((_K.REGISTRATION_CHANGE.value, KIND_LABELS[_K.REGISTRATION_CHANGE], base + "registration_change"))
    if row.status == ElevatorStatus.IN_USE:
        held = row.maintenance_clock
        stop = _K.MAINTENANCE_RESUME if held is not None and held.paused_on is not None else _K.MAINTENANCE_PAUSE
        kinds.append((stop.value, KIND_LABELS[stop], base + stop.value))
        if g.actor.unit_id in (None, row.maintenance_unit_id):
            kinds += [(k.value, KIND_LABELS[k], base + k.value) for k in (_K.WORKER_CHANGE, _K.ON_DEMAND)]
    return kinds


def store_files(row: Any, now: dt.datetime) -> list[int]:
    """Keep the files of the form; each is checked by content, and one that is refused refuses the whole."""
    return uploads.kept(
        db.session, "files", "document", "application", None, g.actor.unit_id, row.region_code, now
    )


def day_of(text: str | None) -> tuple[dt.date | None, str | None]:
    """A day of a form or address; what is none is given back to be told."""
    if not text:
        return None, None
    try:
        return dt.date.fromisoformat(text.strip()), None
    except ValueError:
        return None, text[:40]


def typed_data(row: Elevator, kind: str, said: Application | None) -> tuple[dict[str, Any], list[Finding]]:
    """What the kind asks for besides day and reason, as the form in hand says it.

    A number that came back masked is that of `said`, the application that the form was filled from, or the row's.
    """
    what, data, wrong = ApplicationKind(kind), dict[str, Any](), list[Finding]()
    if what in (_K.MAINTENANCE_PAUSE, _K.ON_DEMAND):
        until, wrong = forms.day("until_on", _("恢复日期") if what is _K.MAINTENANCE_PAUSE else _("截止日期"))
        data["until_on"] = until.isoformat() if until else None
    if what is _K.ON_DEMAND:
        data["interval_days"], bad = forms.whole("interval_days", _("维保间隔"))
        wrong += bad
    if what is _K.WORKER_CHANGE:
        for name, label in ledgers.PERSONS.items():
            data[name], bad = forms.whole(name, label)
            wrong += bad
    if what is _K.REGISTRATION_CHANGE:
        cause = cause_given()
        sent = {n: v for n, v in request.form.items() if cause is not None and n in CAUSE_FIELDS[cause]}
        for stands in (applications.filed_of(db.session, said) if said is not None else {}, snapshot(row)):
            sent = as_held(sent, stands)
        values, wrong = filing_forms.with_units(g.actor, sent)
        data = registration_changes.content(db.session, row, request.form.get("cause", ""), values)
    return data, wrong


def typed_of(row: Elevator, kind: str) -> Typed:
    """The form in hand, as it was sent."""
    on, bad = day_of(request.form.get("effective_on"))
    data, wrong = typed_data(row, kind, earlier(ApplicationKind(kind), row.id))
    if bad:
        said = _("“%(d)s”不是日期", d=bad)
        wrong = [Finding(_("日期"), False, said, _("请按 2026-11-20 填写"), field="effective_on"), *wrong]
    return Typed(on, request.form.get("reason", "")[:2000], data, wrong)


def earlier(kind: ApplicationKind, entity_id: int | None = None) -> Application | None:
    """The own application, withdrawn or refused, with which the form in hand begins (`?again=`)."""
    key = request.values.get("again", "")
    if not (key.isascii() and key.isdigit() and len(key) < 10):
        return None
    statement = select(Application).where(
        Application.id == int(key), Application.kind == kind.value, Application.unit_id == (g.actor.unit_id or 0)
    )
    if entity_id is not None:
        statement = statement.where(Application.entity_id == entity_id)
    found: Application | None = db.session.scalar(scope.apply(statement, g.actor, Application))
    return found


def said_by(row: Application | None) -> dict[str, str]:
    """What an application said, as its form takes it: a unit by its name; a day that is over is not offered anew."""
    if row is None:
        return {}
    said = {**applications.filed_of(db.session, row), "reason": row.reason, "effective_on": row.effective_on}
    names = unit_names(said.get(name) for name in UNIT_FIELDS)
    said |= {name: names.get(said[name], "") for name in UNIT_FIELDS if said.get(name)}
    # Asked to be empty, which is not: not asked for.
    said |= {name: "" for name, value in (row.data.get("changes") or {}).items() if value is None}
    if row.effective_on is not None and row.effective_on < clock.today():
        del said["effective_on"]
    return {name: str(value) for name, value in said.items() if isinstance(value, str | int | float | dt.date)}


def cause_given() -> ChangeCause | None:
    given = request.values.get("cause", "")
    return ChangeCause(given) if given in set(ChangeCause) else None


def fields_of(
    row: Elevator, kind: ApplicationKind, cause: ChangeCause | None, findings: list[Finding], form: dict[str, str]
) -> list[Field]:
    """The fields that the kind asks for besides, filled as typed or as it is now."""

    def field(name: str, label: str, shape: str, **more: Any) -> Field:
        errors = [f for f in findings if f.field == name]
        return Field(name, label, shape, form.get(name, more.pop("value", "")), errors=errors, **more)

    if kind is _K.MAINTENANCE_PAUSE:
        return [field("until_on", _("恢复日期"), "date", help=_("到这一天自动恢复；不填则须申请恢复维保"))]
    if kind is _K.ON_DEMAND:
        return [
            field("interval_days", _("维保间隔"), "number", unit=_("天"), required=True),
            field("until_on", _("截止日期"), "date", required=True, help=_("到期自动恢复通常的间隔")),
        ]
    if kind is _K.WORKER_CHANGE:
        held = ledger_rows.of_elevator(db.session, row.id)
        people = [(str(key), name) for key, name in forms.workers_of(row.maintenance_unit_id)]
        return [
            field(name, label, "choice", choices=people, required=name == "worker_id",
                  value=str(getattr(held, name, None) or ""))
            for name, label in ledgers.PERSONS.items()
        ]  # fmt: skip
    if kind is _K.REGISTRATION_CHANGE and cause is not None:
        names = CAUSE_FIELDS[cause]
        now = filing_forms.masked_numbers(Elevator, snapshot(row))
        values = now | {n: v for n, v in form.items() if n in names}
        skip = [n for n in now if n not in names]
        made = {
            f.name: f for _t, part in filing_forms.fields(Elevator, values, g.actor, findings, skip) for f in part
        }
        # What this kind of elevator has not is not asked for.
        return [
            made[name] for name in names
            if name in made and (not (only := made[name].only_for) or row.category in only.split("|"))
        ]  # fmt: skip
    return []


def _row(key: int) -> Elevator:
    try:
        row: Elevator = scope.visible(db.session, g.actor, Elevator, key, "这台电梯")
    except Refusal:
        abort(404)
    return row


def register(appbuilder: Any) -> None:
    """Add the form."""
    screens.declare("ApplyPages", "can_apply", Verb.APPLICATION_SUBMIT)
    screens.declare("ApplyPages", "can_read", Verb.ELEVATOR_READ)
    screens.declare("ApplicationStart", "can_apply", Verb.APPLICATION_SUBMIT)
    appbuilder.add_view_no_menu(ApplyPages)
    appbuilder.add_view_no_menu(ApplicationStart)

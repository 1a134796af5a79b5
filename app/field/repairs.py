"""报修, 维修 and 电梯异常 on the phone (REP-01, REP-03, ANO-02): reporting, each step of a repair, what was found.

The steps are the desk's own deeds. A phone without a net sends a step again and finds it done; what was never pressed
is written down with the end.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import and_, select, true
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.field import lists
from app.field.forms import files_of, position_of
from app.field.gate import seen
from app.field.pages import came_from, field, signed_in
from app.listings import repairs as listed
from app.models import Anomaly, Elevator, RepairOrder
from app.models.anomaly import ANOMALY_KIND, ANOMALY_STATE
from app.models.choices import word
from app.models.repair import REPAIR_LEVEL, REPAIR_STATE, sent_to
from app.permissions import Actor, Verb, require
from app.views.frame import maintenance_forms
from app.views.frame.account_forms import run
from app.views.oversight import anomalies as odd
from app.views.repair import repair_forms
from app.views.repair.repair_facts import LEVEL_TONES, TONES, facts, limit_of, pairs
from app.views.repair.repairs import answer_of, answered, end_of, report_of
from app.workflows.on_site.presence import LONGEST_TEXT
from app.workflows.repair import repair_work

MOST = 50


def _tabs(actor: Actor) -> dict[str, tuple[str, Any]]:
    """By key its words and its condition: a worker's own work, for others what their unit has open."""
    done = (_("已处理"), RepairOrder.state.in_(("done", "cancelled")))
    if not actor.may(Verb.REPAIR_DO):
        return {"open": (_("未完成"), listed.OPEN), "done": done, "all": (_("全部"), true())}
    mine = sent_to(RepairOrder, actor.person_id or 0)
    return {
        "mine": (_("待处理"), and_(listed.OPEN, mine)),
        "free": (_("待派工"), and_(listed.state_is("waiting"), RepairOrder.unit_id == actor.unit_id)),
        "done": (_("已处理"), and_(RepairOrder.state == "done", mine)), "all": (_("全部"), mine),
    }  # fmt: skip


@field.get("/repairs")
@signed_in
def repair_list() -> Any:
    """Own work first; the limit that is nearest on top."""
    require(g.actor, Verb.REPAIR_READ)
    tabs = _tabs(g.actor)
    tab = request.args.get("tab", "")
    tab = tab if tab in tabs else next(iter(tabs))
    statement = scope.apply(select(RepairOrder).where(tabs[tab][1]), g.actor, RepairOrder)
    q = " ".join(request.args.get("q", "")[:60].split())
    statement = lists.holding(statement, listed.REPAIRS.search, q).options(joinedload(RepairOrder.use_unit))
    order = (RepairOrder.due_at.is_(None), RepairOrder.due_at, RepairOrder.reported_at.desc(), RepairOrder.id.desc())
    statement = statement.order_by(*order).execution_options(skip_scope=True)
    rows, newer, older = lists.paged(db.session, statement, MOST)
    return render_template(
        "ta/field/repairs.html", title=_("报修与维修"), rows=rows, tab_now=tab, tab="repairs",
        tabs=[(key, words) for key, (words, _how) in tabs.items()], limit_of=limit_of, late_of=listed.late_of,
        state_of=lambda row: word(REPAIR_STATE, row.state), level_of=lambda row: word(REPAIR_LEVEL, row.level),
        tones=TONES, level_tones=LEVEL_TONES, local=clock.local, back=came_from(url_for("field.home")), q=q,
        newer=newer, older=older,
    )  # fmt: skip


@field.route("/repairs/new", methods=["GET", "POST"])
@signed_in
def new_repair() -> Any:
    """报修登记: the elevator by its 识别码 or out of one's own few, then what is wrong with it."""
    require(g.actor, Verb.REPAIR_REPORT)
    elevator = named()
    findings: list[Finding] = []
    status = 200
    if request.method == "POST":
        number, findings, status = run(lambda session: report_of(session, elevator).id)
        if not findings:
            flash(_("报修已登记，等待维保单位派工"), "success")
            return redirect(url_for("field.repair", pk=number))
    page = render_template(
        "ta/field/repair_form.html", title=_("报修登记"), tab="", levels=pairs(REPAIR_LEVEL),
        client_key=request.form.get("client_key", "")[:40] or secrets.token_hex(12),
        standing=repair_forms.standing(elevator) if elevator is not None else [], **form_of(elevator, findings),
    )  # fmt: skip
    return page, status


@field.get("/repairs/<int:pk>")
@signed_in
def repair(pk: int) -> Any:
    require(g.actor, Verb.REPAIR_READ)
    return _repair_page(pk, [], 200)


@field.post("/repairs/<int:pk>")
@signed_in
def repair_step(pk: int) -> Any:
    """The one step that the button names."""
    require(g.actor, Verb.REPAIR_READ)
    scope.visible(db.session, g.actor, RepairOrder, pk, _("维修工单"))
    verb, now = request.form.get("verb", "")[:20], clock.now()
    said = {
        "accept": _("已接单"), "depart": _("已出发"), "start": _("已开始维修"), "end": _("维修结果已提交"),
        "cancel": _("已撤销"), "answer": answered(request.form.get("answer", "")[:10]),
    }  # fmt: skip
    if verb not in said:
        return redirect(url_for("field.repair", pk=pk))

    def step(session: Any) -> None:
        if verb == "accept":
            repair_work.accept(session, g.actor, pk, now)
        elif verb == "depart":
            repair_work.depart(session, g.actor, pk, now)
        elif verb == "start":
            repair_work.start(session, g.actor, pk, position_of(request.form), now)
        elif verb == "answer":
            answer_of(session, pk, files_of(session, "photo", "repair_order"))
        elif verb == "end":
            end_of(session, pk, files_of(session, "photo", "repair_order"))
        else:
            repair_work.cancel(session, g.actor, pk, request.form.get("reason", "")[:2000], now)

    _done, findings, status = run(step)
    if findings:
        return _repair_page(pk, findings, status)
    flash(said[verb], "success")
    return redirect(url_for("field.repair", pk=pk))


def _repair_page(pk: int, findings: list[Finding], status: int) -> Any:
    row: RepairOrder = scope.visible(db.session, g.actor, RepairOrder, pk, _("维修工单"))
    page = render_template(
        "ta/field/repair.html", title=_("维修工单"), findings=findings, form=request.form,
        back=url_for("field.repair_list"), tab="", **facts(row, g.actor),
    )  # fmt: skip
    return page, status


# --- anomalies


@field.get("/anomalies")
@signed_in
def anomaly_list() -> Any:
    """What stands open, then what was; the newest first."""
    require(g.actor, Verb.ANOMALY_READ)
    tab = "closed" if request.args.get("tab") == "closed" else "open"
    criterion = listed.ANOMALY_OPEN if tab == "open" else Anomaly.state == "closed"
    statement = scope.apply(select(Anomaly).where(criterion), g.actor, Anomaly)
    newest = statement.order_by(Anomaly.found_at.desc(), Anomaly.id.desc()).limit(MOST)
    rows = db.session.scalars(newest.execution_options(skip_scope=True)).all()
    return render_template(
        "ta/field/anomalies.html", title=_("电梯异常"), rows=rows, tab_now=tab, tab="anomalies", local=clock.local,
        tabs=[("open", _("未处理")), ("closed", _("已处理"))], kind_of=lambda row: word(ANOMALY_KIND, row.kind),
        state_of=lambda row: word(ANOMALY_STATE, row.state), tones=odd.TONES, kind_tones=odd.KIND_TONES,
        back=came_from(url_for("field.home")),
    )  # fmt: skip


@field.route("/anomalies/new", methods=["GET", "POST"])
@signed_in
def new_anomaly() -> Any:
    """上报异常 by whoever stands before the elevator."""
    require(g.actor, Verb.ANOMALY_REPORT)
    elevator = named()
    findings: list[Finding] = []
    status = 200
    if request.method == "POST":
        number, findings, status = run(lambda session: odd.report_of(session, elevator, "phone").id)
        if not findings:
            flash(_("异常已上报"), "success")
            return redirect(url_for("field.anomaly", pk=number))
    shown = form_of(elevator, findings)
    page = render_template(
        "ta/field/anomaly_form.html", title=_("上报异常"), tab="", kinds=pairs(ANOMALY_KIND), **shown
    )
    return page, status


@field.get("/anomalies/<int:pk>")
@signed_in
def anomaly(pk: int) -> Any:
    require(g.actor, Verb.ANOMALY_READ)
    return _anomaly_page(pk, [], 200)


@field.post("/anomalies/<int:pk>")
@signed_in
def anomaly_step(pk: int) -> Any:
    """What is made of it."""
    require(g.actor, Verb.ANOMALY_READ)
    scope.visible(db.session, g.actor, Anomaly, pk, _("这条异常"))
    said, findings, status = run(lambda session: odd.said_of(odd.handled(session, pk)))
    if said is None:
        return _anomaly_page(pk, findings, status)
    flash(said, "success")
    return redirect(url_for("field.anomaly", pk=pk))


def _anomaly_page(pk: int, findings: list[Finding], status: int) -> Any:
    row: Anomaly = scope.visible(db.session, g.actor, Anomaly, pk, _("这条异常"))
    page = render_template(
        "ta/field/anomaly.html", title=_("电梯异常"), findings=findings, form=request.form,
        back=url_for("field.anomaly_list"), tab="", **odd.facts(row, g.actor),
    )  # fmt: skip
    return page, status


def named() -> Elevator | None:
    """The elevator that a form names: by its number, its 识别码, or by its label, scanned."""
    text = request.values.get("code", "").strip()[:LONGEST_TEXT]
    return maintenance_forms.named_elevator(request.values) or seen(text)


def form_of(elevator: Elevator | None, findings: list[Finding]) -> dict[str, Any]:
    """What the forms of a report show: the elevator or those to choose from, and whom to call for people shut in."""
    sought = request.values.get("code", "")[:40].strip()
    scanned = "/" in sought
    found = repair_forms.own_elevators(sought) if sought and not scanned and elevator is None else []
    missed = _("没有找到识别码 %(c)s 的电梯，或不在您的范围内", c=sought)
    if scanned:
        missed, sought = _("扫到的不是您范围内电梯的标签，请对准轿厢里的标签再扫一次，或输入识别码"), ""
    return {
        "elevator": elevator, "findings": findings, "form": request.values, "back": came_from(url_for("field.home")),
        "own": found or (repair_forms.own_elevators() if elevator is None else []),
        "missed": missed if (sought or scanned) and not found else "",
        "about": repair_forms.about(elevator) if elevator is not None else [],
        "rescue": repair_forms.rescue_of(elevator), "sought": sought,
    }  # fmt: skip

"""电梯异常 at the desk (ANO-02): the list, the form of a report, one anomaly with what is made of it; home and menu."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, raise_failing
from app.extensions import db
from app.listing import Moment, moment
from app.listings import repairs as listed
from app.models import Anomaly, Elevator, RepairOrder, Rescue
from app.models.anomaly import ANOMALY_KIND, ANOMALY_OUTCOME, ANOMALY_SOURCE, ANOMALY_STATE
from app.models.choices import word
from app.models.repair import REPAIR_LEVEL, REPAIR_STATE
from app.models.rescue import RESCUE_STATUS
from app.permissions import Actor, Verb, require
from app.rules.anomalies import AnomalyState
from app.views.frame import courses, maintenance_forms, menu, numbers, screens, uploads
from app.views.frame.account_forms import run, text
from app.views.frame.base import Button, Deed, Screen, cut, firm, mark, pill, two
from app.views.frame.cells import elevator_link
from app.views.repair import repair_forms
from app.views.repair.repair_facts import pairs
from app.workflows.approval import submissions
from app.workflows.files import attachments
from app.workflows.oversight import anomalies

NUMBER = "anomalies"
TONES = {"found": "near", "confirmed": "near", "closed": "ok"}
KIND_TONES = {"trapped": "over", "stopped": "over", "overspeed": "over", "water": "over"}
OUTCOME_TONES = {"dismissed": "gone", "settled": "ok", "repair": "info", "rescue": "over"}
DID = {
    "confirm": _l("确认"), "dismiss": _l("排除"), "solve": _l("现场已处理"), "repair": _l("转维修"),
    "rescue": _l("转救援"),
}  # fmt: skip


def _confirm(session: Any, actor: Any, key: int, at: Any) -> None:
    anomalies.handle(session, actor, key, "confirm", "", at)


class Anomalies(Screen):
    datamodel = SQLAInterface(Anomaly)
    route_base = "/anomalies"
    listing = listed.ANOMALIES
    verb = Verb.ANOMALY_READ
    record = "AnomalyPages.show"
    cells: ClassVar[dict[str, Any]] = {
        "place": lambda row: two(row.place, row.use_unit.name if row.use_unit else "—", 20),
        "kind": lambda row: mark(word(ANOMALY_KIND, row.kind), KIND_TONES.get(row.kind, "near")),
        "unit": lambda row: firm(row.unit.name) if row.unit else "—",
        "use_unit": lambda row: firm(row.use_unit.name) if row.use_unit else "—",
        "body": lambda row: cut(row.body, 14) if row.body else "—",
        "state": lambda row: pill(word(ANOMALY_STATE, row.state), TONES[row.state]),
        "outcome": lambda row: mark(word(ANOMALY_OUTCOME, row.outcome), OUTCOME_TONES[row.outcome])
            if row.outcome else "—",
    }  # fmt: skip
    buttons: ClassVar[list[Button]] = [
        Button(_l("上报异常"), "AnomalyPages.new", Verb.ANOMALY_REPORT, main=True),
    ]
    deeds: ClassVar[list[Deed]] = [
        Deed("confirm", _l("确认属实"), Verb.ANOMALY_HANDLE, _confirm, _l("确认所选的异常？")),
    ]
    empty_text = _l("没有电梯异常。手机上报的和物联网采集的异常出现在这里。")
    empty_links: ClassVar[list[Any]] = [(_l("上报异常"), "AnomalyPages.new", Verb.ANOMALY_REPORT)]

    def row_tone(self, row: Any) -> str:
        return "is-stop" if row.state == "found" and row.kind in KIND_TONES else ""


class AnomalyPages(BaseView):
    """One anomaly: what was found, how often, and what is made of it."""

    route_base = "/anomalies"
    default_view = "show"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("report")
    @no_cache
    def new(self) -> Any:
        require(g.actor, Verb.ANOMALY_REPORT)
        findings: list[Finding] = []
        status, elevator = 200, maintenance_forms.named_elevator(request.values)
        if request.method == "POST":
            made, findings, status = run(lambda s: report_of(s, elevator, "desk"))
            if made is not None:
                flash(_("异常已上报"), "success")
                return redirect(f"/anomalies/{made.id}")
        page = self.render_template(
            "ta/repairs/anomaly_form.html", title=_("上报异常"), findings=findings, form=request.form,
            elevator=elevator, elevator_text=elevator.code if elevator is not None else "", kinds=pairs(ANOMALY_KIND),
            about=repair_forms.about(elevator) if elevator is not None else [],
            rescue=repair_forms.rescue_of(elevator), standing=[], now_text=repair_forms.local_text(clock.now()),
        )  # fmt: skip
        return page, status

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._page(pk, [])

    @expose("/<int:pk>/handle", methods=["POST"])
    @has_access
    @permission_name("handle")
    def handle(self, pk: int) -> Any:
        self._row(pk)
        done, findings, status = run(lambda s: handled(s, pk))
        if done is None:
            return self._page(pk, findings), status
        flash(said_of(done), "success")
        case = _case(done, g.actor) if done.outcome == "rescue" else None
        # What comes next is to send somebody there.
        return redirect(f"/rescues/{case.id}" if case is not None else f"/anomalies/{pk}")

    def _row(self, pk: int) -> Anomaly:
        row: Anomaly = scope.visible(db.session, g.actor, Anomaly, pk, _("这条异常"))
        return row

    def _page(self, pk: int, findings: Any) -> Any:
        row = self._row(pk)
        return self.render_template(
            "ta/repairs/anomaly.html", title=_("异常 %(p)s", p=row.place), findings=findings, form=request.form,
            **facts(row, g.actor),
        )  # fmt: skip


def report_of(session: Any, elevator: Elevator | None, source: str) -> Anomaly:
    """The report that the form holds, with its photos."""
    times, wrong = repair_forms.instants(request.form, [("found_at", _("发现时间"))])
    raise_failing(wrong)
    place = (g.actor.unit_id, elevator.region_code if elevator is not None else g.actor.region_code)
    files = uploads.kept(session, "photo", "photo", "anomaly", None, *place, clock.now())
    return anomalies.report(
        session, g.actor, None if elevator is None else elevator.id, text("kind", 20), text("body", 2000), clock.now(),
        found_at=times["found_at"], photo_ids=files, source=source,
    )  # fmt: skip


def handled(session: Any, pk: int) -> Anomaly:
    """What the form says is made of it."""
    return anomalies.handle(
        session, g.actor, pk, text("verb", 20), text("note", 2000), clock.now(), level=text("level", 20)
    )


def said_of(row: Anomaly) -> str:
    """What was made of it, and who sees to it now."""
    if row.outcome == "rescue":
        desk = g.actor.unit_id is None and g.actor.may(Verb.RESCUE_DESK)
        return str(_("已转救援，请派单") if desk else _("已转救援，值班坐席已收到报警"))
    return str(_("已处理") if row.state == "closed" else _("已确认"))


def facts(row: Anomaly, actor: Actor) -> dict[str, Any]:
    """What both the desk's and the phone's page show of an anomaly, and what the reader may do with it now."""
    open_ = row.state != AnomalyState.CLOSED and actor.may(Verb.ANOMALY_HANDLE)
    elevator = db.session.get(Elevator, row.elevator_id, execution_options={"skip_scope": True})
    names = submissions.names_of(db.session, [row.reported_by_id])
    unit = row.reported_unit.name if row.reported_unit else ""
    when = f"{clock.local(row.found_at):%Y-%m-%d %H:%M}"
    told_by = f"{unit} {names.get(row.reported_by_id, '')}".strip() or word(ANOMALY_SOURCE, row.source)
    order, case = _order(row, actor), _case(row, actor)
    return {
        "row": row, "number": repr(row), "inside": row.kind == "trapped" and case is None,
        "state": word(ANOMALY_STATE, row.state), "tone": TONES[row.state],
        "kind": word(ANOMALY_KIND, row.kind), "kind_tone": KIND_TONES.get(row.kind, "near"),
        "source": word(ANOMALY_SOURCE, row.source), "told_by": told_by, "local": clock.local,
        "outcome": word(ANOMALY_OUTCOME, row.outcome) if row.outcome else "",
        "outcome_tone": OUTCOME_TONES.get(row.outcome or "", "gone"),
        "course": [*courses.course_of("anomaly", row.id, DID), (str(_("发现")), f"{when}　{told_by}", "")],
        "files": attachments.of(db.session, "anomaly", row.id), "order": order,
        "case": case, "case_state": word(RESCUE_STATUS, case.status) if case is not None else "",
        "order_state": word(REPAIR_STATE, order.state) if order is not None else "",
        "rescue": repair_forms.rescue_of(elevator) if row.kind == "trapped" and row.state != "closed" else None,
        "levels": pairs(REPAIR_LEVEL), "suggested": anomalies.level_of(row),
        "may": {
            "handle": open_, "confirm": open_ and row.state == AnomalyState.FOUND,
            "dismiss": open_ and anomalies.may_dismiss(actor, row),
        },
        "elevator_link": elevator_link(row.elevator_id),
    }  # fmt: skip


def _order(row: Anomaly, actor: Actor) -> RepairOrder | None:
    """The repair order that was made of it, for whoever may read it."""
    if not actor.may(Verb.REPAIR_READ):
        return None
    statement = scope.apply(select(RepairOrder).where(RepairOrder.anomaly_id == row.id), actor, RepairOrder)
    found: RepairOrder | None = db.session.scalar(statement.execution_options(skip_scope=True))
    return found


def _case(row: Anomaly, actor: Actor) -> Rescue | None:
    """The rescue that it was passed on to, for whoever may read it."""
    if row.rescue_id is None or not actor.may(Verb.RESCUE_READ):
        return None
    statement = scope.apply(select(Rescue).where(Rescue.id == row.rescue_id), actor, Rescue)
    found: Rescue | None = db.session.scalar(statement.execution_options(skip_scope=True))
    return found


def latest_of(elevator_id: int) -> list[Anomaly]:
    """For the elevator's page: its newest anomalies."""
    statement = scope.apply(select(Anomaly).where(Anomaly.elevator_id == elevator_id), g.actor, Anomaly)
    newest = statement.order_by(Anomaly.found_at.desc(), Anomaly.id.desc()).limit(5)
    return list(db.session.scalars(newest.execution_options(skip_scope=True)))


# --- home and menu


def anomaly_figure(actor: Actor) -> tuple[str, int, str, str, str, int, tuple[tuple[str, str], ...]] | None:
    """待审核的异常 with 待处理, for whoever handles them."""
    if not actor.may(Verb.ANOMALY_HANDLE):
        return None
    now = moment(db.session, actor)
    parts = [
        listed.count(now, Anomaly, listed.ANOMALY_OPEN, Anomaly.state == state) for state in ("found", "confirmed")
    ]
    found, confirmed = db.session.execute(select(*parts).execution_options(skip_scope=True)).one()
    part = str(_("待处理 %(n)s", n=confirmed)), "/anomalies/?tab=confirmed"
    return _("待审核的异常"), found, "", "/anomalies/?tab=found", "near" if found else "", 0, (part,)


def _counted(now: Moment) -> list[Any]:
    return [listed.count(now, Anomaly, listed.ANOMALY_OPEN, Anomaly.state == "found")]


def _says(counts: Sequence[int], note: str) -> menu.Said:
    (found,) = counts
    return found, "near", note


numbers.add(NUMBER, _counted, _says)


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for permission, verb in (
        ("can_read", Verb.ANOMALY_READ), ("can_report", Verb.ANOMALY_REPORT), ("can_handle", Verb.ANOMALY_HANDLE),
    ):  # fmt: skip
        screens.declare("AnomalyPages", permission, verb)
    appbuilder.add_view_no_menu(Anomalies)
    appbuilder.add_view_no_menu(AnomalyPages)

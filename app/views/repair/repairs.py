"""报修与维修 at the desk (REP-01 to REP-03): the list, the form of a report, an order with its deeds; home and menu."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar
from urllib.parse import urlencode

from flask import flash, g, redirect, render_template, request
from flask_appbuilder import expose
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
from app.models import Elevator, RepairOrder
from app.models.choices import word
from app.models.repair import REPAIR_LEVEL, REPAIR_STATE
from app.permissions import Actor, Verb, require
from app.rules.repairs import OPEN_STATES, TIME_LABELS, TIMES
from app.views.frame import maintenance_forms, numbers, screens, uploads
from app.views.frame.account_forms import number, run, text
from app.views.frame.base import Button, Deed, Screen, countdown, cut, firm, import_button, mark, pill, two
from app.views.frame.carrying import MOST_CARRIED, carried
from app.views.frame.cells import below
from app.views.frame.records import RecordPages
from app.views.repair import repair_forms, repair_sending
from app.views.repair.repair_facts import LEVEL_TONES, TONES, facts, limit_of, pairs
from app.workflows.on_site.presence import Position
from app.workflows.repair import repair_answers, repair_work, repairs
from app.workflows.repair.repair_work import Ending

NUMBER = "repairs"


def _due(row: RepairOrder) -> Any:
    found = limit_of(row)
    return "—" if found is None else countdown(found[1], found[2])


def _level(row: RepairOrder) -> Any:
    """How bad it is, and what is wrong: whoever sends somebody needs both (quanzhou 5)."""
    made = mark(word(REPAIR_LEVEL, row.level), LEVEL_TONES.get(row.level, "gone"))
    return below(made, cut(row.fault, 14)) if row.fault else made


def _approve(session: Any, actor: Actor, key: int, at: Any) -> None:
    repair_work.decide(session, actor, key, "approved", "", at)


class Repairs(Screen):
    datamodel = SQLAInterface(RepairOrder)
    route_base = "/repairs"
    listing = listed.REPAIRS
    verb = Verb.REPAIR_READ
    record = "RepairPages.show"
    cells: ClassVar[dict[str, Any]] = {
        "place": lambda row: two(row.place, row.use_unit.name if row.use_unit else "—", 20),
        "level": _level,
        "unit": lambda row: firm(row.unit.name) if row.unit else mark(_("没有维保单位"), "over"),
        "use_unit": lambda row: firm(row.use_unit.name) if row.use_unit else "—",
        "state": lambda row: pill(word(REPAIR_STATE, row.state), TONES[row.state]),
        "fault": lambda row: cut(row.fault, 14) if row.fault else "—",
        "due_at": _due,
        "late": lambda row: mark(found, "over") if (found := listed.late_of(row)) else "—",
    }
    buttons: ClassVar[list[Button]] = [
        Button(_l("维修统计"), "RepairStatistics.index", Verb.REPAIR_READ, icon="chart"),
        import_button("past_repairs", Verb.TAKE_OVER),
        Button(_l("报修登记"), "RepairPages.new", Verb.REPAIR_REPORT, main=True),
    ]
    deeds: ClassVar[list[Deed]] = [
        Deed("send", _l("批量派工"), Verb.REPAIR_ASSIGN, lambda *_: None),
        Deed("approve", _l("同意所选"), Verb.REPAIR_APPROVE, _approve, _l("同意所选的维修结果？")),
    ]
    empty_text = _l("没有维修工单。报修登记后出现在这里；维保中发现要修理的项目，签退时自动生成。")
    empty_links: ClassVar[list[Any]] = [(_l("报修登记"), "RepairPages.new", Verb.REPAIR_REPORT)]

    @expose("/deed/<string:name>", methods=["POST"])
    @has_access
    @permission_name("list")
    def deed(self, name: str) -> Any:
        """Sending asks first for whoever is to go, on a page of its own."""
        if name != "send":
            return super().deed(name)
        chosen = [("ids", key) for key in carried(list(dict.fromkeys(request.form.getlist("ids"))))]
        return redirect(f"/repairs/send?{urlencode(chosen)}")

    def row_tone(self, row: Any) -> str:
        return "is-stop" if row.state in (*listed.SENT, "waiting") and listed.late_of(row) else ""


class RepairPages(RecordPages):
    """One order: what was reported, who was sent, its steps; and the form of a report."""

    route_base = "/repairs"
    default_view = "show"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("report")
    @no_cache
    def new(self) -> Any:
        require(g.actor, Verb.REPAIR_REPORT)
        findings: list[Finding] = []
        status, elevator = 200, maintenance_forms.named_elevator(request.values)
        if request.method == "POST":
            made, findings, status = run(lambda s: report_of(s, elevator))
            if made is not None:
                flash(_("报修已登记，等待维保单位派工"), "success")
                return redirect(f"/repairs/{made.id}")
        page = self.render_template(
            "ta/repairs/form.html", title=_("报修登记"), findings=findings, form=request.form, elevator=elevator,
            elevator_text=elevator.code if elevator is not None else "", levels=pairs(REPAIR_LEVEL),
            client_key=text("client_key", 40) or secrets.token_hex(12), **_fragment(elevator),
        )  # fmt: skip
        return page, status

    @expose("/about")
    @has_access
    @permission_name("report")
    @no_cache
    def about(self) -> Any:
        """What a chosen elevator fills in, for the page's script."""
        return render_template("ta/repairs/about.html", **_fragment(maintenance_forms.named_elevator(request.args)))

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._page(pk, [])

    @expose("/<int:pk>/assign", methods=["POST"])
    @has_access
    @permission_name("assign")
    def assign(self, pk: int) -> Any:
        helpers = [key for one in request.form.getlist("helper_ids")[:60] if (key := number(one)) is not None]
        worker = number(text("worker_id", 16))
        return self._done(
            pk, lambda s: repair_work.assign(s, g.actor, pk, worker, helpers, clock.now()), _("已派工")
        )

    @expose("/send", methods=["GET", "POST"])
    @has_access
    @permission_name("assign")
    @no_cache
    def send(self) -> Any:
        """The ticked orders to one person, or each to whoever keeps its elevator; every row says what became of it."""
        ids = maintenance_forms.ticked()
        rows = repair_sending.rows_of(ids[:MOST_CARRIED])
        lost = len(dict.fromkeys(ids)) - len(rows)
        keepers = repair_sending.keepers_of(rows)
        chosen, outcomes, findings = text("worker_id", 16), {}, []
        if request.method == "POST":
            worker = number(chosen)
            if worker is None and chosen != repair_sending.KEEPER:
                remedy = _("请选择指派的维修员")
                findings = [Finding(_("指派维修员"), False, _("没有选择"), remedy, field="worker_id")]
            else:
                came_of = repair_sending.send([row.id for row in rows], worker, keepers)
                outcomes = {key: [str(one) for one in wrong] for key, (_status, wrong) in came_of.items()}
                rows = repair_sending.rows_of(ids[:MOST_CARRIED])
        page = self.render_template(
            "ta/repairs/send.html", title=_("批量派工"), rows=rows, keepers=keepers, outcomes=outcomes,
            done={key for key, said in outcomes.items() if not said}, findings=findings, chosen=chosen,
            people=repair_sending.people(), lost=lost,
            levels=REPAIR_LEVEL, tones=LEVEL_TONES, states=REPAIR_STATE, local=clock.local,
        )  # fmt: skip
        return page, 422 if findings else 200

    @expose("/<int:pk>/take_back", methods=["POST"])
    @has_access
    @permission_name("assign")
    def take_back(self, pk: int) -> Any:
        reason = text("reason", 2000)
        return self._done(pk, lambda s: repair_work.take_back(s, g.actor, pk, reason, clock.now()), _("已收回"))

    @expose("/<int:pk>/accept", methods=["POST"])
    @has_access
    @permission_name("do")
    def accept(self, pk: int) -> Any:
        return self._done(pk, lambda s: repair_work.accept(s, g.actor, pk, clock.now()), _("已接单"))

    @expose("/<int:pk>/depart", methods=["POST"])
    @has_access
    @permission_name("do")
    def depart(self, pk: int) -> Any:
        return self._done(pk, lambda s: repair_work.depart(s, g.actor, pk, clock.now()), _("已出发"))

    @expose("/<int:pk>/start", methods=["POST"])
    @has_access
    @permission_name("do")
    def start(self, pk: int) -> Any:
        return self._done(pk, lambda s: repair_work.start(s, g.actor, pk, Position(), clock.now()), _("已开始维修"))

    @expose("/<int:pk>/end", methods=["POST"])
    @has_access
    @permission_name("do")
    def end(self, pk: int) -> Any:
        row = self._row(pk)
        place = (row.unit_id, row.region_code)

        def do(session: Any) -> Any:
            files = uploads.kept(session, "photo", "photo", "repair_order", pk, *place, clock.now())
            return end_of(session, pk, files)

        return self._done(pk, do, _("维修结果已提交"))

    @expose("/<int:pk>/decide", methods=["POST"])
    @has_access
    @permission_name("approve")
    def decide(self, pk: int) -> Any:
        decision, reason = text("decision", 20), text("reason", 2000)
        return self._done(
            pk, lambda s: repair_work.decide(s, g.actor, pk, decision, reason, clock.now()), _("已审批")
        )

    @expose("/<int:pk>/cancel", methods=["POST"])
    @has_access
    @permission_name("report")
    def cancel(self, pk: int) -> Any:
        reason = text("reason", 2000)
        return self._done(pk, lambda s: repair_work.cancel(s, g.actor, pk, reason, clock.now()), _("已撤销"))

    @expose("/<int:pk>/answer", methods=["POST"])
    @has_access
    @permission_name("report")
    def answer(self, pk: int) -> Any:
        """The use unit's word, once it has ended."""
        row = self._row(pk)
        place = (g.actor.unit_id, row.region_code)

        def do(session: Any) -> Any:
            files = uploads.kept(session, "photo", "photo", "repair_order", None, *place, clock.now())
            return answer_of(session, pk, files)

        return self._done(pk, do, answered(text("answer", 10)))

    # --- parts

    def _row(self, pk: int) -> RepairOrder:
        row: RepairOrder = scope.visible(db.session, g.actor, RepairOrder, pk, _("维修工单"))
        return row

    def _page(self, pk: int, findings: Any) -> Any:
        row = self._row(pk)
        return self.render_template(
            "ta/repairs/repair.html", title=_("维修 %(p)s", p=row.place), findings=findings, form=request.form,
            **facts(row, g.actor),
        )  # fmt: skip


def report_of(session: Any, elevator: Elevator | None) -> RepairOrder:
    """The report that the form holds, with its photos."""
    place = (g.actor.unit_id, elevator.region_code if elevator is not None else g.actor.region_code)
    files = uploads.kept(session, "photo", "photo", "repair_order", None, *place, clock.now())
    return repairs.report(
        session, g.actor, None if elevator is None else elevator.id, text("level", 20), text("fault", 2000),
        text("note", 2000), clock.now(), photo_ids=files, client_key=text("client_key", 100),
    )  # fmt: skip


def end_of(session: Any, pk: int, files: list[int]) -> RepairOrder:
    """The end that the form holds; what is no time is told with all the rest."""
    times, wrong = repair_forms.instants(request.form, [(name, TIME_LABELS[name]) for name in TIMES])
    raise_failing(wrong)
    told_end = Ending(
        cause=text("cause", 20), action=text("action", 2000), parts=text("parts", 2000),
        restored={"yes": True, "no": False}.get(text("restored", 5)), times=times,
        signed_in_id=number(text("signed_in_id", 16)), photo_ids=files, key=text("end_key", 100) or None,
    )  # fmt: skip
    return repair_work.end(session, g.actor, pk, told_end, clock.now())


def answer_of(session: Any, pk: int, files: list[int]) -> RepairOrder:
    """The use unit's word that the form holds."""
    fixed = {"yes": True, "no": False}.get(text("answer", 10))
    return repair_answers.answer(session, g.actor, pk, fixed, text("answer_note", 2000), clock.now(), files)


def answered(given: str) -> str:
    """What is said when it is done."""
    return str(_("已确认修好") if given == "yes" else _("已退回维保单位，重新派工"))


def _fragment(elevator: Elevator | None) -> dict[str, Any]:
    return {
        "about": repair_forms.about(elevator) if elevator is not None else [],
        "rescue": repair_forms.rescue_of(elevator),
        "standing": repair_forms.standing(elevator) if elevator is not None else [],
    }  # fmt: skip


# --- home and menu


def repair_figure(actor: Actor) -> tuple[str, int, str, str, str, int, tuple[tuple[str, str], ...]] | None:
    """未完成的维修 with 待派工, 已派工 and 待审批, each with its link, for whoever reads repairs."""
    if not actor.may(Verb.REPAIR_READ):
        return None
    now = moment(db.session, actor)
    asked: list[tuple[Any, ...]] = [
        (listed.OPEN,), (listed.state_is("waiting"),), (listed.state_is(*listed.SENT),), (listed.state_is("ended"),),
        (listed.OPEN, listed.late(now)),
    ]  # fmt: skip
    parts = [listed.count(now, RepairOrder, *more) for more in asked]
    total, a, b, c, late = db.session.execute(select(*parts).execution_options(skip_scope=True)).one()
    words = (
        (_("待派工 %(n)s", n=a), "waiting"), (_("已派工 %(n)s", n=b), "sent"), (_("待审批 %(n)s", n=c), "ended"),
    )  # fmt: skip
    made_of = tuple((str(word), f"/repairs/?tab={tab}") for word, tab in words)
    tone = "over" if late else "near" if total else ""
    still_open = ",".join(state for state in REPAIR_STATE if state in OPEN_STATES)
    return _("未完成的维修"), total, "", f"/repairs/?f_state={still_open}", tone, 0, made_of


def _counted(now: Moment) -> list[Any]:
    """For a firm what waits for its office or its worker, for others what is open; counted every so often."""
    late = listed.count(now, RepairOrder, listed.OPEN, listed.late(now))
    if now.actor.unit_id is None or not now.actor.may(Verb.REPAIR_ASSIGN):
        return [listed.count(now, RepairOrder, listed.OPEN), late]
    states = ("waiting", "ended") if now.actor.may(Verb.REPAIR_APPROVE) else ("waiting",)
    return [listed.count(now, RepairOrder, listed.state_is(*states), RepairOrder.unit_id == now.actor.unit_id), late]


numbers.add(NUMBER, _counted)


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for permission, verb in (
        ("can_read", Verb.REPAIR_READ), ("can_report", Verb.REPAIR_REPORT), ("can_assign", Verb.REPAIR_ASSIGN),
        ("can_do", Verb.REPAIR_DO), ("can_approve", Verb.REPAIR_APPROVE),
    ):  # fmt: skip
        screens.declare("RepairPages", permission, verb)
    appbuilder.add_view_no_menu(Repairs)
    appbuilder.add_view_no_menu(RepairPages)

"""设备履历 (ELV-06): who serves an elevator and when; the page says why no orders would be made."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listings.ledgers import MAINTENANCE_STATE, phone_of, standing_of
from app.listings.standing import due_of
from app.models import Elevator, MaintenanceClock, MaintenanceLedger, MaintenanceOrder, Person
from app.models.choices import CATEGORY, ELEVATOR_STATUS, GENERATION_MODE, LEVEL, word
from app.permissions import Verb
from app.rules.identifiers import mask_mobile
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens
from app.views.frame.account_forms import number, run, text
from app.views.frame.policy_words import place, region_names
from app.views.oversight.overdue_evidence import against_overdue
from app.workflows.maintenance import ledgers, ledgers_many, teams
from app.workflows.maintenance.orders import plan_stands


class LedgerPages(BaseView):
    """The ledger of one elevator; opened by the elevator, so that one without a ledger has its page too."""

    route_base = "/ledgers"
    default_view = "record"

    @expose("/<int:key>", methods=["GET", "POST"])
    @has_access
    @permission_name("read")
    @no_cache
    def record(self, key: int) -> Any:
        elevator = scope.visible(db.session, g.actor, Elevator, key, _("电梯"))
        statement = scope.apply(select(MaintenanceLedger), g.actor, MaintenanceLedger)
        row = db.session.scalar(statement.where(MaintenanceLedger.elevator_id == key))
        findings: list[Finding] = []
        status = 200
        form: Any = {name: getattr(row, name, None) for name in ledgers.FIELDS}
        if request.method == "POST":
            form = request.form
            data, findings = self._data()
            status, former = 422, row.worker_id if row is not None else None
            if not findings:
                saved, findings, status = run(lambda session: ledgers.save(
                    session, g.actor, elevator, data, number(text("row_version")), clock.now()
                ))  # fmt: skip
                if saved:
                    flash(_("设备履历已保存"), "success")
                    if saved.worker is not None and former not in (None, saved.worker_id):
                        flash(_("原维保人员的待维保任务改由%(name)s办理", name=saved.worker.name), "info")
                    return redirect(f"/ledgers/{key}")
        return self._page(elevator, row, form, findings), status

    @expose("/batch", methods=["GET", "POST"])
    @has_access
    @permission_name("read")
    @no_cache
    def batch(self) -> Any:
        """Persons, interval, mode and first day of many ledgers; what is left blank stays, each has its own result."""
        if not g.actor.may(Verb.LEDGER_EDIT):
            abort(403)
        ids = forms.ticked()
        statement = scope.apply(select(Elevator), g.actor).where(Elevator.id.in_(ids[:ledgers_many.MOST_AT_ONCE]))
        rows = db.session.scalars(statement.order_by(Elevator.code)).all()
        findings: list[Finding] = []
        results: list[tuple[str, bool, list[str]]] = []
        if request.method == "POST" and "change" in request.form:
            days, findings = self._annual_days(len(rows))
            data, bad = self._changes(bool(days))
            findings += bad
            if not findings:
                done = [self._change(row, data | day) for row, day in zip(rows, days or [{}] * len(rows), strict=True)]
                results = sorted(done, key=lambda result: result[1])
        units = {row.maintenance_unit_id for row in rows}
        unit_id = units.pop() if len(units) == 1 else g.actor.unit_id
        workers = forms.workers_of(unit_id)
        return self.render_template(
            "ta/maintenance/ledger_batch.html", title=_("批量修改设备履历"), rows=rows, findings=findings,
            results=results, form=request.form, workers=workers, persons=list(ledgers.PERSONS.items()),
            teams=teams.choices(db.session, g.actor, unit_id), modes=list(GENERATION_MODE.items()),
            intervals=[(n, _("%(n)s 天", n=n)) for n in ledgers.INTERVALS],
        ), 422 if findings else 200  # fmt: skip

    @staticmethod
    def _annual_days(count: int) -> tuple[list[dict[str, Any]], list[Finding]]:
        """The next annual maintenance of each elevator, so many a day: one worker can't serve fifty on one day."""
        values, findings = forms.days([("next_annual_on", str(ledgers.DATES["next_annual_on"]))])
        first = values["next_annual_on"]
        label = _("每天几台")
        a_day, bad = forms.whole("a_day", label)
        findings += bad
        if a_day is not None and a_day < 1:
            findings.append(Finding(label, False, _("每天至少 1 台"), _("请填写 1 以上的数，或留空"), field="a_day"))
        if a_day is not None and first is None and not findings:
            said, remedy = _("没有填写从哪天起"), _("请填写下次年度维保，或把每天几台留空")
            findings.append(Finding(label, False, said, remedy, field="next_annual_on"))
        if first is None or findings:
            return [], findings
        return ledgers_many.days_of(first, count, a_day), []

    @staticmethod
    def _changes(dated: bool) -> tuple[dict[str, Any], list[Finding]]:
        """What the form asks to change of all alike; `dated` when days are given as well."""
        data: dict[str, Any] = {}
        findings: list[Finding] = []
        others = (("team_id", _("维保小组")), ("interval_days", _("维保间隔")))
        for name, label in (*ledgers.PERSONS.items(), *others):
            value, bad = forms.whole(name, label)
            findings += bad
            if value is not None:
                data[name] = value
        if text("mode", 20):
            data["mode"] = text("mode", 20)
        if not data and not findings and not dated:
            said, remedy = _("没有选择要修改的内容"), _("请至少选择一项")
            findings.append(Finding(_("批量修改"), False, said, remedy))
        return data, findings

    @staticmethod
    def _change(elevator: Elevator, data: dict[str, Any]) -> tuple[str, bool, list[str]]:
        _done, findings, _status = run(
            lambda session: ledgers.save(session, g.actor, elevator, data, None, clock.now())
        )
        return elevator.code, not findings, [str(f) for f in findings] or [str(_("已修改"))]

    @staticmethod
    def _data() -> tuple[dict[str, Any], list[Finding]]:
        values, findings = forms.days([(name, str(label)) for name, label in ledgers.DATES.items()])
        others = (("team_id", _("维保小组")), ("interval_days", _("维保间隔")))
        for name, label in (*ledgers.PERSONS.items(), *others):
            values[name], bad = forms.whole(name, label)
            findings += bad
        return values | {"mode": text("mode", 20)}, findings

    def _page(self, elevator: Elevator, row: MaintenanceLedger | None, form: Any, findings: list[Finding]) -> Any:
        today = clock.today()
        statement = scope.apply(select(MaintenanceClock), g.actor, MaintenanceClock)
        running = db.session.scalar(statement.where(MaintenanceClock.elevator_id == elevator.id))
        orders = scope.apply(select(MaintenanceOrder), g.actor, MaintenanceOrder).where(
            MaintenanceOrder.elevator_id == elevator.id, MaintenanceOrder.state == "open"
        )
        planned, last = plan_stands(db.session, elevator.id, today)
        why = [] if planned else ledgers.no_orders_because(row)
        own = g.actor.may(Verb.LEDGER_EDIT) and g.actor.unit_id in (None, elevator.maintenance_unit_id)
        return self.render_template(
            "ta/maintenance/ledger.html", title=_("设备履历"), elevator=elevator, row=row, form=form, findings=findings,
            own=own and elevator.maintenance_unit_id is not None, dates=list(ledgers.DATES.items()),
            teams=teams.choices(db.session, g.actor, elevator.maintenance_unit_id),
            persons=list(ledgers.PERSONS.items()), workers=forms.workers_of(elevator.maintenance_unit_id),
            modes=list(GENERATION_MODE.items()), intervals=[(n, _("%(n)s 天", n=n)) for n in ledgers.INTERVALS],
            clock=running, due=due_of(running, today), levels=LEVEL, why=why, planned=planned, planned_until=last,
            may_overdue=g.actor.may(Verb.ORDER_READ), against=against_overdue(elevator),
            orders=list(db.session.scalars(orders.order_by(MaintenanceOrder.planned_on))),
            may_plan=own and g.actor.may(Verb.ORDER_EDIT), about=_about(elevator), people=_people(row),
        )  # fmt: skip


def _about(elevator: Elevator) -> list[tuple[str, Any]]:
    """What the register says of it that its people ask for (quanzhou 3): how it stands, where, whose, whom to call."""
    unit = elevator.maintenance_unit
    state = standing_of(elevator)
    told = [
        (_("使用状态"), word(ELEVATOR_STATUS, elevator.status)),
        (_("维保状态"), MAINTENANCE_STATE[state] if state else ""),
        (_("品种"), word(CATEGORY, elevator.category)),
        (_("所在地区"), place(elevator.region_code, region_names())),
        (_("使用单位"), elevator.use_unit.name if elevator.use_unit else ""),
        (_("应急救援电话"), elevator.emergency_phone), (_("投用日期"), elevator.commissioned_on),
    ]  # fmt: skip
    if unit is not None:
        told.append((_("维保单位"), unit.name))
        if g.actor.may(Verb.UNIT_READ):
            told += [
                (_("维保单位负责人"), _with_phone(unit.head_name, unit.head_phone)),
                (_("维保单位值班电话"), unit.duty_phone),
            ]  # fmt: skip
    return told


def _people(row: MaintenanceLedger | None) -> list[tuple[str, str]]:
    """Who keeps it; the own unit and regulators with the numbers, masked, and nobody who may not read persons."""
    if row is None or not g.actor.may(Verb.PERSON_READ):
        return []
    held: list[tuple[str, Person | None]] = [
        (_("维保人员"), row.worker), (_("协同维保人员"), row.co_worker), (_("维保经理"), row.manager),
    ]  # fmt: skip
    return [(label, _with_phone(person.name, phone_of(person))) for label, person in held if person is not None]


def _with_phone(name: str | None, phone: str | None) -> str:
    return "　".join(filter(None, (name, mask_mobile(phone) if phone else "")))


def register(appbuilder: Any) -> None:
    """Add these pages. Reading and saving share an address: the workflow asks for the right to save."""
    screens.declare("LedgerPages", "can_read", Verb.LEDGER_READ)
    appbuilder.add_view_no_menu(LedgerPages)

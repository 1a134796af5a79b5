"""设备履历 (ELV-06): who serves an elevator and when; the page says why no orders would be made."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.models import Elevator, MaintenanceClock, MaintenanceLedger, MaintenanceOrder
from app.models.choices import GENERATION_MODE, LEVEL
from app.permissions import Verb
from app.rules.schedule import Clock, task_state
from app.views import maintenance_forms as forms
from app.views import screens
from app.views.account_forms import number, run, text
from app.workflows import ledgers

STATE_WORDS = {
    "paused": ("已暂停", "gone"), "overdue": ("超期维保", "over"), "never_visited": ("尚未初始维保", "info"),
    "near": ("临近维保", "near"), "normal": ("正常", "ok"),
}  # fmt: skip


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
            status = 422
            if not findings:
                saved, findings, status = run(lambda session: ledgers.save(
                    session, g.actor, elevator, data, number(text("row_version")), clock.now()
                ))  # fmt: skip
                if saved:
                    flash(_("设备履历已保存"), "success")
                    return redirect(f"/ledgers/{key}")
        return self._page(elevator, row, form, findings), status

    @staticmethod
    def _data() -> tuple[dict[str, Any], list[Finding]]:
        values, findings = forms.days([(name, str(label)) for name, label in ledgers.DATES.items()])
        for name, label in (*ledgers.PERSONS.items(), ("interval_days", _("维保间隔"))):
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
        own = g.actor.may(Verb.LEDGER_EDIT) and g.actor.unit_id in (None, elevator.maintenance_unit_id)
        return self.render_template(
            "ta/maintenance/ledger.html", title=_("设备履历"), elevator=elevator, row=row, form=form, findings=findings,
            own=own and elevator.maintenance_unit_id is not None, dates=list(ledgers.DATES.items()),
            persons=list(ledgers.PERSONS.items()), workers=forms.workers_of(elevator.maintenance_unit_id),
            modes=list(GENERATION_MODE.items()), intervals=[(n, _("%(n)s 天", n=n)) for n in ledgers.INTERVALS],
            clock=running, standing=standing(running, today), levels=LEVEL, why=ledgers.no_orders_because(row),
            orders=list(db.session.scalars(orders.order_by(MaintenanceOrder.planned_on))),
        )  # fmt: skip


def standing(row: MaintenanceClock | None, today: Any) -> Any:
    """How the clock stands today, by the rules; None for an elevator without a clock."""
    if row is None or row.anchor_on is None:
        return task_state(None, today, 0, ever_visited=row is not None and row.last_visit_on is not None)
    limit = row.limit_on or today
    value = Clock(row.anchor_on, limit, limit, row.paused_on, row.limit_left_days, row.plan_left_days)
    return task_state(value, today, 3, ever_visited=row.last_visit_on is not None, missed=row.missed)


def register(appbuilder: Any) -> None:
    """Add these pages. Reading and saving share an address: the workflow asks for the right to save."""
    screens.declare("LedgerPages", "can_read", Verb.LEDGER_READ)
    appbuilder.add_view_no_menu(LedgerPages)

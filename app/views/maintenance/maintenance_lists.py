"""The lists of contracts, ledgers, tasks, orders and missed periods."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from flask import redirect, request
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from app import clock
from app.listings import contracts, ledgers, maintenance
from app.models import (
    Contract,
    Elevator,
    MaintenanceClock,
    MaintenanceOrder,
    OverduePeriod,
)
from app.permissions import Verb
from app.rules.contracts import CONTRACT_LABELS, contract_state
from app.views.frame import clock_words
from app.views.frame.base import (
    Button,
    Deed,
    Screen,
    countdown,
    firm,
    firms,
    import_button,
    limit_cell,
    mark,
    pill,
)
from app.views.frame.deeds import NEW_CONTRACT
from app.views.frame.labels import MOST as MOST_LABELS
from app.views.frame.labels import keys_of
from app.views.oversight.enforcement import start
from app.workflows.maintenance import orders
from app.workflows.maintenance.ledgers_many import MOST_AT_ONCE

TONES = {"pending": "info", "active": "ok", "near": "near", "ended": "gone"}
ORDER_TONES = {"open": "info", "approving": "near", "done": "ok", "void": "gone"}


def _contract_state(row: Contract) -> Markup:
    today = clock.today()
    standing = contract_state(row.starts_on, row.ends_on, today, -1)
    state, word = standing.value, CONTRACT_LABELS[standing]
    if state == "ended":
        return pill(word, TONES[state])
    left = clock_words.contract_due(row, row.region_code, today)
    return pill(word, TONES[state]) + " " + countdown(left, clock_words.why_contract(row, row.region_code))


class ContractScreen(Screen):
    """维保合同."""

    datamodel = SQLAInterface(Contract)
    route_base = "/contracts"
    listing = contracts.CONTRACTS
    verb = Verb.CONTRACT_READ
    cells: ClassVar[dict[str, Any]] = {
        "state": _contract_state,
        "unit": lambda row: firms(row.unit.name, row.use_unit.name if row.use_unit else ""),
        "use_unit": lambda row: firm(row.use_unit.name) if row.use_unit else "—",
    }
    buttons: ClassVar[list[Button]] = [
        Button(_l("合同覆盖"), "Coverage.index", Verb.REPORT_READ, icon="chart"),
        Button(_l("新增合同"), "ContractPages.new", Verb.CONTRACT_EDIT, main=True),
    ]
    empty_text = _l("还没有维保合同。录入合同并绑定电梯后，维保员才能签到。")

    def row_link(self, row: Contract) -> str:
        return f"/contracts/{row.id}"


def _covered(row: MaintenanceClock) -> Any:
    if row.covered_until is None or row.covered_until < clock.today():
        return mark(_l("已脱保"), "over")
    return row.covered_until


class TaskScreen(Screen):
    """维保任务 by elevator (PLN-09)."""

    datamodel = SQLAInterface(MaintenanceClock)
    route_base = "/tasks"
    listing = maintenance.TASKS
    verb = Verb.ORDER_READ
    cells: ClassVar[dict[str, Any]] = {
        "left": limit_cell, "covered_until": _covered,
        "use_unit": lambda row: firm(unit.name) if (unit := row.elevator.use_unit) else "—",
        "unit": lambda row: firm(row.unit.name) if row.unit else "—",
    }  # fmt: skip
    deeds: ClassVar[list[Deed]] = [NEW_CONTRACT]
    empty_text = _l("还没有在用电梯。电梯备案通过并在用后，维保时钟出现在这里。")

    def row_link(self, row: MaintenanceClock) -> str:
        return f"/ledgers/{row.elevator_id}"

    def row_tone(self, row: MaintenanceClock) -> str:
        return "is-stop" if row.paused_on is not None else ""


def _filled(name: str, row: Elevator) -> Any:
    column = ledgers.LEDGERS.column(name)
    return column.value(row) if column is not None else None


def _planned(row: Elevator) -> Any:
    """The day of the next maintenance; while the clock stands still no day is due."""
    held = row.maintenance_clock
    if ledgers.standing_of(row) in ("paused", "stopped") and held is not None and held.paused_on is not None:
        return countdown(clock_words.limit_due(held), clock_words.why_limit(held))
    return _filled("half_month", row) or mark(_l("未填写"), "near")


class LedgerScreen(Screen):
    """设备履历."""

    datamodel = SQLAInterface(Elevator)
    route_base = "/ledgers"
    listing = ledgers.LEDGERS
    verb = Verb.LEDGER_READ
    cells: ClassVar[dict[str, Any]] = {
        "unit": lambda row: firm(row.maintenance_unit.name) if row.maintenance_unit else "—",
        "use_unit": lambda row: firm(row.use_unit.name) if row.use_unit else "—",
        "worker": lambda row: _filled("worker", row) or mark(_l("未选择"), "near"),
        "half_month": _planned,
    }
    buttons: ClassVar[list[Button]] = [
        Button(_l("人力测算"), "CapacityPage.index", Verb.SCORE_READ, icon="chart"),
        Button(_l("维保小组"), "Teams.list", Verb.LEDGER_READ, icon="people"),
        Button(_l("生成一年计划"), "YearPlanPages.index", Verb.ORDER_EDIT, icon="calendar", carries=True),
        import_button("ledgers", Verb.LEDGER_EDIT),
    ]
    deeds: ClassVar[list[Deed]] = [
        Deed("batch", _l("批量修改"), Verb.LEDGER_EDIT, lambda *_: None),
        Deed("plan", _l("生成一年计划"), Verb.ORDER_EDIT, lambda *_: None),
        Deed("labels", _l("一梯一码 标签"), Verb.ELEVATOR_READ, lambda *_: None),
    ]
    empty_text = _l("还没有电梯。电梯备案通过后，在这里填写维保人员和下次维保日期。")

    def row_link(self, row: Elevator) -> str:
        return f"/ledgers/{row.id}"

    @expose("/deed/<string:name>", methods=["POST"])
    @has_access
    @permission_name("list")
    def deed(self, name: str) -> Any:
        """What to change or to plan is asked for on a page of its own; labels are a page to print."""
        pages = {
            "batch": ("/ledgers/batch", MOST_AT_ONCE), "labels": ("/labels/", MOST_LABELS),
            "plan": ("/year-plans/", MOST_AT_ONCE),
        }  # fmt: skip
        keys = keys_of(request.form.getlist("ids"))
        if name not in pages or (name == "plan" and not keys):
            return super().deed(name)
        page, most = pages[name]
        return redirect(f"{page}?{urlencode([('ids', key) for key in keys[:most]])}")


def _cancel(session: Any, actor: Any, key: int, at: Any) -> None:
    orders.cancel(session, actor, key, request.form.get("opinion", "")[:500], at)


class OrderScreen(Screen):
    """维保计划: orders, open ones to be given to another worker."""

    datamodel = SQLAInterface(MaintenanceOrder)
    route_base = "/orders"
    listing = maintenance.ORDERS
    verb = Verb.ORDER_READ
    cells: ClassVar[dict[str, Any]] = {
        "state": lambda row: pill(maintenance.ORDER_SHOWN[row.shown_state], ORDER_TONES[row.shown_state]),
        "worker": lambda row: row.worker.name if row.worker else mark(_l("未分配"), "near"),
    }
    buttons: ClassVar[list[Button]] = [
        import_button("orders", Verb.ORDER_EDIT),
        Button(_l("一年计划"), "YearPlanPages.index", Verb.ORDER_EDIT, icon="calendar"),
        Button(_l("新增任务"), "OrderPages.new", Verb.ORDER_EDIT, main=True),
    ]
    deeds: ClassVar[list[Deed]] = [
        Deed("reassign", _l("批量分配"), Verb.ORDER_EDIT, lambda *_: None),
        Deed("replan", _l("批量改期"), Verb.ORDER_EDIT, lambda *_: None),
        Deed("cancel", _l("作废所选"), Verb.ORDER_EDIT, _cancel, opinion=True),
    ]
    empty_text = _l("还没有维保任务。履历填好维保人员和日期后，到期前自动生成。")

    def row_link(self, row: MaintenanceOrder) -> str:
        return f"/orders/{row.id}"

    @expose("/deed/<string:name>", methods=["POST"])
    @has_access
    @permission_name("list")
    def deed(self, name: str) -> Any:
        """Assigning asks for the worker first, planning anew for the day, each on a page of its own."""
        if name not in ("reassign", "replan"):
            return super().deed(name)
        chosen = [("ids", key) for key in request.form.getlist("ids")[: orders.MOST_AT_ONCE]]
        return redirect(f"/orders/{name}?{urlencode(chosen)}")


class OverdueScreen(Screen):
    """超期记录 (PLN-10)."""

    datamodel = SQLAInterface(OverduePeriod)
    route_base = "/overdue"
    listing = maintenance.OVERDUE
    verb = Verb.ORDER_READ
    cells: ClassVar[dict[str, Any]] = {
        "unit": lambda row: firm(row.unit.name, 13) if row.unit else mark(_l("脱保"), "over"),
        "done_late_on": lambda row: row.done_late_on or "—",
    }
    deeds: ClassVar[list[Deed]] = [start("overdue_period")]
    empty_text = _l("没有超期记录。")

    def row_link(self, row: OverduePeriod) -> str:
        return f"/ledgers/{row.elevator_id}"


def register(appbuilder: Any) -> None:
    """Add the lists."""
    for view in (ContractScreen, TaskScreen, LedgerScreen, OrderScreen, OverdueScreen):
        appbuilder.add_view_no_menu(view)

"""The lists of contracts, ledgers, tasks, orders, missed periods and warnings."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from flask import g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from app import clock
from app.listing import COUNT_CAP, Listing, Moment, Page, Query
from app.listings import contracts, maintenance, standing, warnings
from app.models import (
    Component,
    Contract,
    Elevator,
    IotDevice,
    MaintenanceClock,
    MaintenanceOrder,
    OverduePeriod,
    Person,
    Unit,
)
from app.permissions import Verb
from app.rules.contracts import CONTRACT_LABELS, contract_state
from app.views.frame import clock_words, screens
from app.views.frame.base import (
    Button,
    Deed,
    Screen,
    countdown,
    firm,
    import_button,
    limit_cell,
    link,
    mark,
    pill,
    two,
)
from app.views.frame.cells import below
from app.views.frame.labels import MOST as MOST_LABELS
from app.views.frame.labels import keys_of
from app.views.frame.paging import capped
from app.views.frame.warned import Counts, counted
from app.views.maintenance.ledgers import MOST_AT_ONCE
from app.views.oversight.enforcement import start
from app.workflows.maintenance import orders

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
        "unit": lambda row: two(row.unit.name, row.use_unit.name if row.use_unit else "", 13),
        "use_unit": lambda row: firm(row.use_unit.name) if row.use_unit else "—",
    }
    buttons: ClassVar[list[Button]] = [
        Button(_l("合同覆盖"), "Coverage.index", Verb.REPORT_READ, icon="chart"),
        Button(_l("新增合同"), "ContractPages.new", Verb.CONTRACT_EDIT, main=True),
    ]
    empty_text = _l("还没有维保合同。录入合同并绑定电梯后，维保员才能签到。")

    def row_link(self, row: Contract) -> str:
        return f"/contracts/{row.id}"


# Ticked elevators go along to the form of a new contract, which binds them.
NEW_CONTRACT = Deed(
    "contract", _l("新增合同"), Verb.CONTRACT_EDIT, lambda *_: None, leads="ContractPages.new", entity="elevator"
)


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
    column = maintenance.LEDGERS.column(name)
    return column.value(row) if column is not None else None


def _planned(row: Elevator) -> Any:
    """The day of the next maintenance; while the clock stands still no day is due."""
    held = row.maintenance_clock
    if maintenance.standing_of(row) in ("paused", "stopped") and held is not None and held.paused_on is not None:
        return countdown(clock_words.limit_due(held), clock_words.why_limit(held))
    return _filled("half_month", row) or mark(_l("未填写"), "near")


class LedgerScreen(Screen):
    """设备履历."""

    datamodel = SQLAInterface(Elevator)
    route_base = "/ledgers"
    listing = maintenance.LEDGERS
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
        Deed("cancel", _l("作废所选"), Verb.ORDER_EDIT, _cancel, opinion=True),
    ]
    empty_text = _l("还没有维保任务。履历填好维保人员和日期后，到期前自动生成。")

    def row_link(self, row: MaintenanceOrder) -> str:
        return f"/orders/{row.id}"

    @expose("/deed/<string:name>", methods=["POST"])
    @has_access
    @permission_name("list")
    def deed(self, name: str) -> Any:
        """Assigning asks for the worker first, on a page of its own."""
        if name != "reassign":
            return super().deed(name)
        chosen = [("ids", key) for key in request.form.getlist("ids")[: orders.MOST_AT_ONCE]]
        return redirect(f"/orders/reassign?{urlencode(chosen)}")


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


# --- warnings


class WarningScreen(Screen):
    """One kind of warnings; the other kinds are tabs above its own."""

    verb = Verb.WARNING_READ
    template = "ta/maintenance/warnings.html"
    deeds: ClassVar[list[Deed]] = [start("elevator")]
    empty_text = _l("没有这类预警。")
    # Only elevators in use are warned of.
    of_lifts: ClassVar[bool] = True

    def _counted(self, listing: Listing, now: Moment, query: Query) -> tuple[dict[str, int], str, Page]:
        """The tabs of the whole list were counted with the other kinds."""
        if query.q or query.filters or query.chosen or listing.as_of is not None:
            return super()._counted(listing, now, query)
        held = counted(g.actor)
        kind = next(key for key, one in warnings.KINDS.items() if one is self.listing)
        counts = {level: held[kind, level] for level in warnings.LEVELS}
        return counts, "", listing.page(now, query, counts.get(query.tab))

    def more(self, now: Any, query: Query, page: Page) -> dict[str, Any]:
        counts = counted(g.actor)
        kinds = []
        for key, listing in warnings.kinds_for(g.actor).items():
            over, near = (counts[key, level] for level in warnings.LEVELS)
            kinds.append(
                {"label": str(warnings.LABELS[key]), "link": _where(key, counts), "selected": listing is self.listing,
                 "count": capped(min(over + near, COUNT_CAP)), "tone": "over" if over else "near" if near else ""}
            )  # fmt: skip
        return {"kinds": kinds, "of_lifts": self.of_lifts}

    def row_link(self, row: Any) -> str:
        return f"/elevators/{getattr(row, 'elevator_id', None) or row.id}"


def _beside(day: Any, left: Markup) -> Markup:
    """A day, and what is left until it."""
    return Markup('<span class="ta-day">{}</span> {}').format(day, left)


def _due_cell(listing: Listing) -> Any:
    column = listing.column("due_on")
    assert column is not None
    read = column.value

    def cell(row: Any) -> Any:
        if listing.name == "warnings_maintenance":
            found = standing.due_of(row)
            day = mark(found.on, "over") if found.over else found.on or "—"
            return _beside(day, countdown(clock_words.limit_due(row), clock_words.why_limit(row)))
        day = read(row)
        if day is None:
            return mark(_l("没有"), "over")
        if listing.name == "warnings_inspection":
            left, why = clock_words.inspection_due(day, row.region_code)
        elif listing.name == "warnings_governor":
            left, why = clock_words.check_due(day, row.region_code)
        elif listing.name == "warnings_component":
            left, why = clock_words.life_due(row)
        else:
            left, why = clock_words.cover_due(day, row.region_code)
        return _beside(day, countdown(left, why))

    return cell


def _silent_cell(row: IotDevice) -> Any:
    """When it was last heard of, and for how long not since."""
    shown = _("从未通信") if row.live is None else clock.local(row.live.seen_at).strftime("%Y-%m-%d %H:%M")
    return _beside(shown, countdown(*clock_words.silence(row)))


class MaintenanceWarnings(WarningScreen):
    datamodel = SQLAInterface(MaintenanceClock)
    route_base = "/warnings/maintenance"
    listing = warnings.KINDS["maintenance"]
    cells: ClassVar[dict[str, Any]] = {"due_on": _due_cell(warnings.KINDS["maintenance"])}

    def row_link(self, row: Any) -> str:
        return f"/ledgers/{row.elevator_id}"


class InspectionWarnings(WarningScreen):
    datamodel = SQLAInterface(Elevator)
    route_base = "/warnings/inspection"
    listing = warnings.KINDS["inspection"]
    cells: ClassVar[dict[str, Any]] = {"due_on": _due_cell(warnings.KINDS["inspection"])}


def _governor_cell(row: Elevator) -> Any:
    """The day, and the form for the check that is due, with the elevator and the kind filled in (shenzhen 20.4)."""
    day, actor = _due_cell(warnings.KINDS["governor"])(row), g.actor
    if actor.may(Verb.INSPECTION_EDIT):
        door, said = "new", _("登记校验")
    elif actor.may(Verb.INSPECTION_REPORT) and actor.unit_id in (row.maintenance_unit_id, row.use_unit_id):
        door, said = "report", _("上传报告")
    else:
        return day
    return below(day, link(said, f"/inspections/{door}?elevator_id={row.id}&kind=governor"))


class GovernorWarnings(WarningScreen):
    datamodel = SQLAInterface(Elevator)
    route_base = "/warnings/governor"
    listing = warnings.KINDS["governor"]
    cells: ClassVar[dict[str, Any]] = {"due_on": _governor_cell}
    buttons: ClassVar[list[Button]] = [
        Button(_l("上传检测、校验报告"), "InspectionPages.report", Verb.INSPECTION_REPORT, icon="upload"),
    ]


def _contract_cell(row: MaintenanceClock) -> Any:
    """The contract that ends, by its number: it is renewed from its page."""
    number = row.asked["contract"]
    return link(number, f"/contracts/?{urlencode({'q': number})}") if number else "—"


class CoverWarnings(WarningScreen):
    datamodel = SQLAInterface(MaintenanceClock)
    route_base = "/warnings/contract"
    listing = warnings.KINDS["contract"]
    cells: ClassVar[dict[str, Any]] = {"due_on": _due_cell(warnings.KINDS["contract"]), "contract": _contract_cell}
    deeds: ClassVar[list[Deed]] = [NEW_CONTRACT, *WarningScreen.deeds]


class ComponentWarnings(WarningScreen):
    datamodel = SQLAInterface(Component)
    route_base = "/warnings/component"
    listing = warnings.KINDS["component"]
    cells: ClassVar[dict[str, Any]] = {"due_on": _due_cell(warnings.KINDS["component"])}

    # A row is a component: what is begun about an elevator begins at the elevator.
    deeds: ClassVar[list[Deed]] = []

    def row_link(self, row: Any) -> str:
        return f"/elevators/{row.elevator_id}/parts"


def _paper_cell(name: str) -> Any:
    """A last day of a paper, and what is left until it."""

    def cell(row: Any) -> Any:
        day = getattr(row, name)
        return _beside(day, countdown(*clock_words.paper_due(day, row.region_code))) if day else "—"

    return cell


class CertificateWarnings(WarningScreen):
    datamodel = SQLAInterface(Person)
    route_base = "/warnings/certificate"
    listing = warnings.KINDS["certificate"]
    of_lifts = False
    deeds: ClassVar[list[Deed]] = []
    cells: ClassVar[dict[str, Any]] = {"certificate_until": _paper_cell("certificate_until")}

    def row_link(self, row: Any) -> str:
        return f"/people/{row.id}"


class LicenceWarnings(WarningScreen):
    datamodel = SQLAInterface(Unit)
    route_base = "/warnings/licence"
    listing = warnings.KINDS["licence"]
    of_lifts = False
    deeds: ClassVar[list[Deed]] = [start("unit")]
    cells: ClassVar[dict[str, Any]] = {"licence_until": _paper_cell("licence_until")}

    def row_link(self, row: Any) -> str:
        return f"/units/{row.id}"


class DeviceWarnings(WarningScreen):
    datamodel = SQLAInterface(IotDevice)
    route_base = "/warnings/device"
    listing = warnings.KINDS["device"]
    deeds: ClassVar[list[Deed]] = []
    cells: ClassVar[dict[str, Any]] = {"seen_at": _silent_cell}

    def row_link(self, row: Any) -> str:
        return f"/iot/devices/{row.id}"


class Warnings(BaseView):
    """预警: leads to the first kind with something over, as the menu's number counts, else near."""

    route_base = "/warnings"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        counts = counted(g.actor)
        kinds = list(warnings.kinds_for(g.actor))
        found = (key for level in warnings.LEVELS for key in kinds if counts[key, level])
        return redirect(_where(next(found, "maintenance"), counts))


def _where(kind: str, counts: Counts) -> str:
    """The list of a kind: its tab of what is over, which is empty where all is near."""
    over, near = (counts[kind, level] for level in warnings.LEVELS)
    return f"/warnings/{kind}/?tab=near" if near and not over else f"/warnings/{kind}/"


def register(appbuilder: Any) -> None:
    """Add the lists."""
    screens.declare("Warnings", "can_read", Verb.WARNING_READ)
    for view in (
        ContractScreen, TaskScreen, LedgerScreen, OrderScreen, OverdueScreen, MaintenanceWarnings, InspectionWarnings,
        GovernorWarnings, ComponentWarnings, CoverWarnings, CertificateWarnings, LicenceWarnings, DeviceWarnings,
        Warnings,
    ):  # fmt: skip
        appbuilder.add_view_no_menu(view)

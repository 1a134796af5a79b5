"""预警 (WRN-01): a list for each kind of what is near or over, and the way from a row to what is done about it."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar
from urllib.parse import urlencode

from flask import g, redirect
from flask_appbuilder import BaseView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from app import clock
from app.listing import COUNT_CAP, Column, Listing, Moment, Page, Query
from app.listings import standing, warnings
from app.models import Component, Elevator, IotDevice, MaintenanceClock, Person, Unit
from app.permissions import Verb
from app.rules.inspection import InspectionKind
from app.views.frame import clock_words, screens
from app.views.frame.base import Button, Deed, Screen, countdown, firm, link, mark
from app.views.frame.deeds import NEW_CONTRACT
from app.views.frame.paging import capped
from app.views.frame.warned import Counts, counted
from app.views.oversight.enforcement import start
from app.views.oversight.inspections import with_entry
from app.workflows.filing import components
from app.workflows.filing.components import Part

FIRMS = frozenset({"unit", "use_unit", "maintenance_unit"})


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

    def cell(self, column: Column, row: Any) -> Any:
        """Companies as in every list: without their legal form, in one line."""
        made = super().cell(column, row)
        return firm(made) if column.name in FIRMS and made and made != "—" else made


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
    """The day, and the form for the check that is due (shenzhen 20.4)."""
    return with_entry(_due_cell(warnings.KINDS["governor"])(row), row, InspectionKind.GOVERNOR)


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


def _replace(session: Any, actor: Any, key: int, at: dt.datetime) -> str:
    """更换 of one ticked component today, like the old one; says which it was."""
    made = components.replace(session, actor, key, Part("", clock.local_day(at)), "", at)
    return f"{made.elevator.code} {made.name}"


REPLACED = Deed(
    "replace", _l("今天更换"), Verb.COMPONENT_EDIT, _replace,
    _l("把所选组件登记为今天更换？型号规格和寿命同原来的，安装人记为您；日期或型号不同的，请在电梯的“组件与层门”里登记。"),
)


class ComponentWarnings(WarningScreen):
    datamodel = SQLAInterface(Component)
    route_base = "/warnings/component"
    listing = warnings.KINDS["component"]
    cells: ClassVar[dict[str, Any]] = {"due_on": _due_cell(warnings.KINDS["component"])}

    # A row is a component: what is begun about an elevator begins at the elevator.
    deeds: ClassVar[list[Deed]] = [REPLACED]

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
        MaintenanceWarnings, InspectionWarnings, GovernorWarnings, ComponentWarnings, CoverWarnings,
        CertificateWarnings, LicenceWarnings, DeviceWarnings, Warnings,
    ):  # fmt: skip
        appbuilder.add_view_no_menu(view)

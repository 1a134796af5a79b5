"""组件与层门 (ELV-05): the lists, and an elevator's own page on which both are kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.listing import day_of_text
from app.listings.components import COMPONENTS, DOORS
from app.models import Component, Elevator, LandingDoor
from app.models.part import COMPONENT_END, DOOR_SIDE, DOOR_STATE
from app.permissions import Verb
from app.reference import kind_of
from app.transaction import transaction
from app.views.frame import clock_words, screens
from app.views.frame.account_forms import number
from app.views.frame.base import Button, Deed, Screen, countdown, firm, import_button, pill
from app.views.maintenance.warning_lists import REPLACED
from app.workflows.filing import components, landing_doors, usual_parts
from app.workflows.filing.components import Part
from app.workflows.filing.landing_doors import Found

TROUBLE = ("adjust", "damaged")
DOOR_TONE = {"normal": "ok", "adjust": "near", "damaged": "over", "closed": "gone"}


def _names(attribute: str) -> Any:
    return lambda row: firm(unit.name) if (unit := getattr(row.elevator, attribute)) else "—"


class ComponentScreen(Screen):
    """组件寿命."""

    datamodel = SQLAInterface(Component)
    route_base = "/components"
    listing = COMPONENTS
    verb = Verb.ELEVATOR_READ
    cells: ClassVar[dict[str, Any]] = {
        "use_unit": _names("use_unit"), "maintenance_unit": _names("maintenance_unit"),
        "due_on": lambda row: row.due_on if row.ended_on else countdown(*clock_words.life_due(row)),
    }
    buttons: ClassVar[list[Button]] = [
        import_button("components", Verb.COMPONENT_EDIT),
        Button(_l("层门"), "DoorScreen.list", Verb.ELEVATOR_READ, icon="list"),
        Button(_l("常用组件"), "UsualPartPages.index", Verb.ELEVATOR_READ, icon="book"),
    ]
    deeds: ClassVar[list[Deed]] = [REPLACED]
    empty_text = _l("还没有登记组件。打开电梯的“组件与层门”登记，或用“导入”。")

    def row_link(self, row: Component) -> str:
        return f"/elevators/{row.elevator_id}/parts"


class DoorScreen(Screen):
    """层门."""

    datamodel = SQLAInterface(LandingDoor)
    route_base = "/landing-doors"
    listing = DOORS
    verb = Verb.ELEVATOR_READ
    cells: ClassVar[dict[str, Any]] = {
        "use_unit": _names("use_unit"), "maintenance_unit": _names("maintenance_unit"),
        "condition": lambda row: pill(DOOR_STATE[row.condition], DOOR_TONE[row.condition]),
    }
    buttons: ClassVar[list[Button]] = [
        import_button("landing_doors", Verb.COMPONENT_EDIT),
        Button(_l("组件寿命"), "ComponentScreen.list", Verb.ELEVATOR_READ, icon="list"),
    ]
    empty_text = _l("没有需要处理的层门。")

    def row_link(self, row: LandingDoor) -> str:
        return f"/elevators/{row.elevator_id}/parts#doors"


class ElevatorParts(BaseView):
    """The parts of one elevator: what is in it, what was, its doors and what they were found to be."""

    route_base = "/elevators"
    default_view = "parts"

    @expose("/<int:key>/parts", methods=["GET"])
    @has_access
    @permission_name("read")
    def parts(self, key: int) -> Any:
        return self._page(key, [], 200)

    @expose("/<int:key>/parts/add", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def add(self, key: int) -> Any:
        return self._deed(key, lambda s: components.add(s, g.actor, key, _part(), clock.now()), _("已登记"))

    @expose("/<int:key>/parts/usual", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def usual(self, key: int) -> Any:
        """All that elevators of its kind usually have, and its doors."""
        day, wrong = _day("installed_on")
        if wrong:
            return self._page(key, wrong, 422)
        lowest = _whole(request.form.get("lowest", "1"))
        made: list[usual_parts.Filled] = []
        answer = self._deed(
            key, lambda s: made.append(usual_parts.fill(s, g.actor, key, clock.now(), day, lowest)), ""
        )
        if made:
            new = made[0].parts or made[0].doors
            said = _("已登记组件 %(n)s 个，层门 %(m)s 个", n=made[0].parts, m=made[0].doors)
            flash(said if new else _("常用组件都已登记过，没有新增"), "success" if new else "info")
        return answer

    @expose("/<int:key>/parts/<int:part>/edit", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def edit(self, key: int, part: int) -> Any:
        return self._deed(
            key, lambda s: components.edit(s, g.actor, part, _part(), clock.now(), _version()), _("已保存")
        )

    @expose("/<int:key>/parts/<int:part>/replace", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def replace(self, key: int, part: int) -> Any:
        reason = request.form.get("reason", "")[:400]
        return self._deed(
            key, lambda s: components.replace(s, g.actor, part, _part(), reason, clock.now(), _version()), _("已更换")
        )

    @expose("/<int:key>/parts/<int:part>/remove", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def remove(self, key: int, part: int) -> Any:
        reason = request.form.get("reason", "")[:400]
        return self._deed(
            key, lambda s: components.remove(s, g.actor, part, reason, clock.now(), _version()), _("已拆除")
        )

    @expose("/<int:key>/doors/generate", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def generate(self, key: int) -> Any:
        lowest = _whole(request.form.get("lowest", "1"))
        both = "both" in request.form
        return self._deed(
            key, lambda s: landing_doors.generate(s, g.actor, key, lowest, clock.now(), both), _("已生成层门"), "doors"
        )

    @expose("/<int:key>/doors", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def check(self, key: int) -> Any:
        found = {
            int(name[6:]): Found(state[:20], request.form.get(f"note-{name[6:]}", "")[:400])
            for name, state in request.form.items() if name.startswith("state-") and number(name[6:]) is not None
        }  # fmt: skip
        day, wrong = _day("checked_on")
        if wrong:
            return self._page(key, wrong, 422)
        return self._deed(
            key, lambda s: landing_doors.check(s, g.actor, key, found, day, clock.now()), _("已保存"), "doors"
        )

    @expose("/<int:key>/doors/<int:door>/remove", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def remove_door(self, key: int, door: int) -> Any:
        return self._deed(key, lambda s: landing_doors.remove(s, g.actor, door, clock.now()), _("已删除"), "doors")

    def _deed(self, key: int, do: Callable[[Any], Any], done: str, place: str = "") -> Any:
        try:
            with transaction(db.session) as session:
                do(session)
        except Refusal as refusal:
            return self._page(key, [f for f in refusal.findings if not f.ok], refusal.status_code)
        if done:
            flash(done, "success")
        return redirect(f"/elevators/{key}/parts{'#' + place if place else ''}")

    def _page(self, key: int, findings: list[Finding], status: int) -> Any:
        row = scope.visible(db.session, g.actor, Elevator, key, "这台电梯")
        now, ended = components.of_elevator(db.session, g.actor, row.id)
        doors = landing_doors.of_elevator(db.session, g.actor, row.id)
        may = g.actor.may(Verb.COMPONENT_EDIT) and g.actor.unit_id in (row.maintenance_unit_id, row.use_unit_id)
        kind = kind_of(row.category or "")
        held = usual_parts.holding(db.session, row.maintenance_unit_id, row.region_code, kind)
        there = {one.name for one in (*now, *ended) if one.end_kind != "undone"}
        page = self.render_template(
            "ta/parts/parts.html", title=_("%(code)s 的组件与层门", code=row.code), row=row, findings=findings,
            now=[(one, *clock_words.life_due(one)) for one in now], ended=ended, doors=doors,
            usual=[one.name for one in held.parts], lacking=[one for one in held.parts if one.name not in there],
            kind=kind,
            checks=landing_doors.checks_of(db.session, doors), may=may, ends=COMPONENT_END, sides=DOOR_SIDE,
            states=DOOR_STATE, tones=DOOR_TONE, has_doors=landing_doors.has_doors(row).ok, today=clock.today(),
            life=components.life_of(db.session, row.region_code, clock.today()), form=request.form,
        )  # fmt: skip
        return page, status


class ComponentPages(BaseView):
    """A part by its number: leads to its elevator's page, as notices name it."""

    route_base = "/components"
    default_view = "show"

    @expose("/<int:pk>", methods=["GET"])
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        row = scope.visible(db.session, g.actor, Component, pk, "这个组件")
        return redirect(f"/elevators/{row.elevator_id}/parts")


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What the record's page says of the parts: the next due ones, how many doors, how many of them need somebody."""

    next: list[tuple[Component, Any]]
    doors: int
    trouble: int


def parts_of(row: Elevator) -> PartFacts:
    """For the record's page."""
    now, _ended = components.of_elevator(db.session, g.actor, row.id)
    doors = landing_doors.of_elevator(db.session, g.actor, row.id)
    trouble = sum(door.condition in TROUBLE for door in doors)
    return PartFacts([(one, clock_words.life_due(one)[0]) for one in now[:3]], len(doors), trouble)


def _part() -> Part:
    form = request.form
    day, _wrong = _day("installed_on")
    months = form.get("life_months", "").strip()[:6]
    return Part(
        form.get("name", "")[:80], day, _whole(months) if months else None, form.get("model", "")[:120],
        form.get("installed_by", "")[:120], form.get("note", "")[:400],
    )  # fmt: skip


def _day(name: str) -> tuple[dt.date | None, list[Finding]]:
    typed = request.form.get(name, "").strip()[:10]
    day = day_of_text(typed)
    wrong = [Finding(_("日期"), False, typed, _("请按 2026-01-31 的格式填写"), field=name)] if typed and not day else []
    return day, wrong


def _whole(text: str) -> int:
    """What was typed as a number; what is none is none that any rule takes."""
    typed = text.strip()[:6]
    digits = typed.removeprefix("-")
    return int(typed) if digits.isascii() and digits.isdigit() else 0


def _version() -> int | None:
    return number(request.form.get("row_version", "")[:10])


def register(appbuilder: Any) -> None:
    """Add the lists and pages."""
    screens.declare("ElevatorParts", "can_read", Verb.ELEVATOR_READ)
    screens.declare("ElevatorParts", "can_write", Verb.COMPONENT_EDIT)
    screens.declare("ComponentPages", "can_read", Verb.ELEVATOR_READ)
    for view in (ComponentScreen, DoorScreen, ElevatorParts, ComponentPages):
        appbuilder.add_view_no_menu(view)

"""Where an elevator is, at the desk (ELV-08): set on the map or by its numbers; filed like every other change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.models import Elevator, PositionCapture
from app.models.position import CAPTURE_OUTCOME
from app.models.region import in_region
from app.permissions import Verb
from app.transaction import transaction
from app.views.approval import point_picker
from app.views.frame import map_tiles, screens
from app.views.registry import elevator_map
from app.workflows.approval.filing_fields import clean
from app.workflows.filing import captures, filing

MOST_NEIGHBOURS = 100
FIELDS = point_picker.FIELDS


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """What the record's page says of the place: the way to the map, captures, what may be done."""

    link: str
    captures: list[PositionCapture]
    deeds: list[tuple[str, str]]
    outcomes: dict[str, Any]


class ElevatorPositions(BaseView):
    """One page of an elevator's record."""

    route_base = "/elevators"
    default_view = "position"

    @expose("/<int:key>/position", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def position(self, key: int) -> Any:
        row = scope.visible(db.session, g.actor, Elevator, key, "这台电梯")
        filing.require_editing(db.session, g.actor, row)
        content = filing.content(db.session, row)
        held = {name: content.get(name) for name in FIELDS}
        if request.method == "GET":
            return self._page(row, held, [], 200)
        typed = {name: request.form.get(name, "").strip()[:30] for name in FIELDS}
        findings, place = _place(typed)
        if not findings:
            try:
                with transaction(db.session) as session:
                    filing.save_draft(session, g.actor, Elevator, row, place, clock.now(), _version())
            except Refusal as refusal:
                findings = [f for f in refusal.findings if not f.ok]
            else:
                self._hand_in(key)
                return redirect(f"/elevators/{key}")
        row = scope.visible(db.session, g.actor, Elevator, key)
        return self._page(row, typed, findings, 422)

    def _hand_in(self, key: int) -> None:
        """The draft is kept; what keeps it from being handed in is told by the record's page, to which this leads."""
        if request.form.get("then") != "submit":
            flash(_("草稿已保存，上报后才进入审核"), "success")
            return
        try:
            with transaction(db.session) as session:
                row = scope.visible(session, g.actor, Elevator, key)
                filing.submit(session, g.actor, row, clock.now())
            flash(_("已上报，等待审核"), "success")
        except Refusal:
            flash(_("草稿已保存，还不能上报，请更正标出的各项"), "warning")

    def _page(self, row: Elevator, values: dict[str, Any], findings: list[Finding], status: int) -> Any:
        others = _neighbours(row)
        near = [
            (e.latitude, e.longitude, e.code, elevator_map.tone_of(e))
            for e in others if e.latitude is not None and e.longitude is not None
        ]  # fmt: skip
        start = point_picker.start(values, near, _middle(row, others))
        page = self.render_template(
            "ta/map/position.html", title=_("%(code)s 的位置", code=row.code), row=row, values=values, start=start,
            findings=findings, may_submit=g.actor.may(Verb.FILING_SUBMIT), others=len(others),
        )  # fmt: skip
        return page, status


def place_of(row: Elevator) -> PlaceFacts:
    """For the record's page."""
    actor = g.actor
    link = ""
    if row.latitude is not None and row.longitude is not None and row.approved_version:
        link = map_tiles.configured().page(row.latitude, row.longitude)
    deeds = []
    own = actor.unit_id is not None and actor.unit_id in (row.maintenance_unit_id, row.use_unit_id)
    if own and actor.may(Verb.ELEVATOR_SURVEY) and row.approved_version:
        deeds += [(_("现场标注位置"), f"/m/position/{row.code}"), (_("信息纠错"), f"/m/correct/{row.code}")]
    if actor.may(Verb.ELEVATOR_EDIT) and row.filing_state != "pending" and _edits(row):
        deeds.insert(0, (_("按地图标注"), f"/elevators/{row.id}/position"))
    return PlaceFacts(link, captures.of_elevator(db.session, actor, row.id, 3), deeds, CAPTURE_OUTCOME)


def _edits(row: Elevator) -> bool:
    try:
        filing.require_editing(db.session, g.actor, row)
    except Refusal:
        return False
    return True


def _place(typed: dict[str, str]) -> tuple[list[Finding], dict[str, Any]]:
    """What was sent, in the register's coordinates: a point that was set on the map counts before what was typed."""
    typed = typed | point_picker.sent(request.form)
    if not all(typed.values()):
        return [Finding("位置", False, "没有选定位置", "请在地图上点一下，或填写纬度和经度", field="latitude")], {}
    values, findings = clean(Elevator, typed)
    return findings, values


def _version() -> int | None:
    seen = request.form.get("row_version", "")
    return int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else 0


def _neighbours(row: Elevator) -> list[Elevator]:
    """Others of the same use unit that the reader sees: they say where the house is."""
    if row.use_unit_id is None:
        return []
    statement = select(Elevator).where(
        Elevator.use_unit_id == row.use_unit_id, Elevator.id != row.id, Elevator.latitude.is_not(None),
        Elevator.approved_version > 0,
    )  # fmt: skip
    order = statement.order_by((Elevator.estate == row.estate).desc(), Elevator.id).limit(MOST_NEIGHBOURS)
    order = order.options(joinedload(Elevator.maintenance_clock))  # of each is told how it stands
    return list(db.session.scalars(scope.apply(order, g.actor).execution_options(skip_scope=True)))


def _middle(row: Elevator, others: list[Elevator]) -> tuple[float, float, int]:
    """Where the map begins: beside its neighbours, else where its district's elevators are, else the country."""
    near = [e for e in others if e.estate == row.estate] or others
    if near:
        return near[0].latitude or 0.0, near[0].longitude or 0.0, 16
    place = select(func.avg(Elevator.latitude), func.avg(Elevator.longitude)).where(
        in_region(Elevator.region_code, row.region_code), Elevator.latitude.is_not(None)
    )
    latitude, longitude = db.session.execute(
        scope.apply(place, g.actor, Elevator).execution_options(skip_scope=True)
    ).one()
    return (latitude, longitude, 13) if latitude is not None else (34.0, 108.0, 4)


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("ElevatorPositions", "can_write", Verb.ELEVATOR_EDIT)
    appbuilder.add_view_no_menu(ElevatorPositions)

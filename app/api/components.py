"""`/api/v1/components` and, of one elevator, `/components` and `/landing-doors`: parts, landing doors (ELV-05)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, iso, whole
from app.api.reading import day, flag, words
from app.errors import NotFound, refuse
from app.extensions import db
from app.listings.components import COMPONENTS, DOORS
from app.models import Component, Elevator, LandingDoor
from app.models.item_set import ITEM_KIND
from app.permissions import Verb
from app.rules.parts import MOST_USUAL, Usual
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say
from app.workflows.filing import components, landing_doors, usual_parts
from app.workflows.filing.components import Part
from app.workflows.filing.landing_doors import MOST_DOORS, Found


class ElevatorPartApi(Resource):
    """The parts of one elevator."""

    resource_name = "elevators"
    openapi_spec_tag = "Components"

    @answers("/<int:key>/components", "GET")
    def components(self, key: int) -> Any:
        """Give the parts that are in the elevator, and those that were.
        ---
        get:
          summary: 一台电梯的组件；ended 为已更换、拆除的
          gives: {200: ElevatorComponents}
        """
        row = scope.visible(db.session, actor(), Elevator, key, "这台电梯")
        now, ended = components.of_elevator(db.session, actor(), row.id)
        return jsonify(rows=[shown(one) for one in now], ended=[shown(one) for one in ended])

    @answers("/<int:key>/components", "POST", once=True)
    def add_component(self, key: int) -> Any:
        """Add a part that is in the elevator.
        ---
        post:
          summary: 登记组件；寿命不填按政策
          takes: NewComponent
          gives: {201: Component}
        """
        part = _part(body())
        with transaction(db.session) as session:
            made = shown(components.add(session, actor(), key, part, clock.now()))
        return jsonify(made), 201

    @answers("/<int:key>/components/usual", "POST", once=True)
    def usual_components(self, key: int) -> Any:
        """Add the usual parts that the elevator never had; with a lowest landing its doors, too, if it has none.
        ---
        post:
          summary: 按常用清单登记组件，写明最低层的连同层门；再次调用不重复登记
          takes: UsualFilling
          gives: {201: UsualFilled}
        """
        sent = body()
        lowest = None if sent.get("lowest") is None else _signed(sent, "lowest")
        with transaction(db.session) as session:
            made = usual_parts.fill(session, actor(), key, clock.now(), day(sent, "installed_on"), lowest)
        return jsonify(components=made.parts, doors=made.doors), 201

    @answers("/<int:key>/landing-doors", "GET")
    def doors(self, key: int) -> Any:
        """Give the landing doors from the bottom up.
        ---
        get:
          summary: 一台电梯的层门
          gives: {200: LandingDoorList}
        """
        row = scope.visible(db.session, actor(), Elevator, key, "这台电梯")
        return jsonify(rows=[_door(one) for one in landing_doors.of_elevator(db.session, actor(), row.id)])

    @answers("/<int:key>/landing-doors", "POST", once=True)
    def make_doors(self, key: int) -> Any:
        """Make a door for each landing that has none.
        ---
        post:
          summary: 按站数生成层门
          takes: NewLandingDoors
          gives: {201: LandingDoorList}
        """
        sent = body()
        lowest = 1 if sent.get("lowest") is None else _signed(sent, "lowest")
        with transaction(db.session) as session:
            landing_doors.generate(session, actor(), key, lowest, clock.now(), bool(flag(sent, "both_sides")))
        return jsonify(rows=[_door(one) for one in landing_doors.of_elevator(db.session, actor(), key)]), 201

    @answers("/<int:key>/landing-doors", "PUT")
    def check_doors(self, key: int) -> Any:
        """Say what doors were found to be.
        ---
        put:
          summary: 记录层门状态；没有变化的不记
          takes: LandingDoorChecks
          gives: {200: LandingDoorList}
        """
        sent = body()
        given = sent.get("doors")
        if not isinstance(given, list) or not 0 < len(given) <= MOST_DOORS:
            raise refuse("参数", "doors 应为层门的列表", "请给出编号和状态", field="doors")
        found = {}
        for one in given:
            if not isinstance(one, dict):
                raise refuse("参数", "doors 应为层门的列表", "请给出编号和状态", field="doors")
            found[whole(one, "id")] = Found(words(one, "condition", 20), words(one, "note", 400))
        with transaction(db.session) as session:
            landing_doors.check(session, actor(), key, found, day(sent, "checked_on"), clock.now())
        return jsonify(rows=[_door(one) for one in landing_doors.of_elevator(db.session, actor(), key)])


class ComponentApi(Resource):
    """Parts of all elevators that the account sees."""

    resource_name = "components"
    openapi_spec_tag = "Components"

    @answers("", "GET")
    def list(self) -> Any:
        """Give parts, the next due first.
        ---
        get:
          summary: 组件；缺省为在用的
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [all, over, near, ended]}}
            - {in: query, name: name, schema: {type: string, maxLength: 40}}
            - {in: query, name: due_from, schema: {type: string, format: date}}
            - {in: query, name: due_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
            - {in: query, name: q, schema: {type: string, maxLength: 60}}
          gives: {200: ComponentPage}
        """
        return listed.page(COMPONENTS, shown)

    @answers("/doors", "GET")
    def doors(self) -> Any:
        """Give landing doors, by default those that need somebody.
        ---
        get:
          summary: 层门；缺省为需处理的
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [trouble, all]}}
            - {in: query, name: condition, schema: {type: string}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
            - {in: query, name: q, schema: {type: string, maxLength: 60}}
          gives: {200: LandingDoorPage}
        """
        return listed.page(DOORS, _door)

    @answers("/<int:key>", "PATCH")
    def edit(self, key: int) -> Any:
        """Put right what was written wrongly of a part.
        ---
        patch:
          summary: 修改组件的登记
          takes: ComponentEdit
          gives: {200: Component}
        """
        sent = body()
        with transaction(db.session) as session:
            row = scope.visible(session, actor(), Component, key, "这个组件")
            part = components.of_data({n: v for n, v in _given(sent).items() if v is not None}, row)
            made = shown(components.edit(session, actor(), key, part, clock.now(), whole(sent, "row_version")))
        return jsonify(made)

    @answers("/<int:key>/replace", "POST", once=True)
    def replace(self, key: int) -> Any:
        """Put a new one in its place; what is not said is as it was.
        ---
        post:
          summary: 更换组件
          takes: ComponentReplacement
          gives: {201: Component}
        """
        sent = body()
        with transaction(db.session) as session:
            row = components.replace(
                session, actor(), key, _part(sent), words(sent, "reason", 400), clock.now(), whole(sent, "row_version")
            )
            made = shown(row)
        return jsonify(made), 201

    @answers("/<int:key>/remove", "POST", once=True)
    def remove(self, key: int) -> Any:
        """The part is no longer in the elevator.
        ---
        post:
          summary: 拆除组件
          takes: ComponentRemoval
          gives: {200: Component}
        """
        sent = body()
        with transaction(db.session) as session:
            version = whole(sent, "row_version")
            row = components.remove(session, actor(), key, words(sent, "reason", 400), clock.now(), version)
            made = shown(row)
        return jsonify(made)

    @answers("/doors/<int:key>", "DELETE")
    def remove_door(self, key: int) -> Any:
        """Delete a landing door that there is not.
        ---
        delete:
          summary: 删除层门和它的记录
          gives: {200: Done}
        """
        with transaction(db.session) as session:
            landing_doors.remove(session, actor(), key, clock.now())
        return jsonify(done=True)


class UsualComponentApi(Resource):
    """What a new elevator of a kind is given."""

    resource_name = "usual-components"
    openapi_spec_tag = "Components"

    @answers("/<string:kind>", "GET")
    def get(self, kind: str) -> Any:
        """Give the list that holds for one's unit or region.
        ---
        get:
          summary: 一类电梯的常用组件
          gives: {200: UsualComponents}
        """
        return jsonify(_usual(_kind(kind)))

    @answers("/<string:kind>", "PUT")
    def save(self, kind: str) -> Any:
        """Write the list of one's own unit or region; an empty one is given up.
        ---
        put:
          summary: 修改本单位、本地区的常用组件；rows 为空即不再有自己的清单
          takes: UsualComponentList
          gives: {200: UsualComponents}
        """
        sent, kind = body(), _kind(kind)
        rows = sent.get("rows")
        if not isinstance(rows, list) or len(rows) > MOST_USUAL or not all(isinstance(one, dict) for one in rows):
            raise refuse("参数", "rows 应为组件的列表", say("最多 %(n)s 个，各有 name", n=MOST_USUAL), field="rows")
        given = [
            Usual(words(one, "name", 80), None if one.get("life_months") is None else whole(one, "life_months"))
            for one in rows
        ]
        seen = None if sent.get("row_version") is None else whole(sent, "row_version")
        with transaction(db.session) as session:
            usual_parts.save(session, actor(), kind, given, clock.now(), seen)
        return jsonify(_usual(kind))


def _kind(kind: str) -> str:
    if kind not in ITEM_KIND:
        found = say("没有“%(kind)s”这一类", kind=kind[:10])
        raise NotFound(refuse("适用电梯", found, "请用 A、B、C、D、3410 或 3420", field="kind").findings)
    return kind


def _usual(kind: str) -> dict[str, Any]:
    unit_id, region_code = usual_parts.owner(db.session, actor())
    held = usual_parts.holding(db.session, unit_id, region_code, kind)
    life = components.life_of(db.session, region_code, clock.today())
    own = usual_parts.own(db.session, actor(), kind)
    return {
        "kind": kind, "unit_id": held.row.unit_id if held.row else None,
        "region_code": held.row.region_code if held.row else None, "row_version": own.row_version if own else 0,
        "rows": [{"name": one.name, "life_months": one.life_months or life} for one in held.parts],
    }  # fmt: skip


def shown(row: Component) -> dict[str, Any]:
    """A part as it stands, or stood."""
    return {
        "id": row.id, "elevator": {"id": row.elevator_id, "code": row.elevator.code}, "region_code": row.region_code,
        "name": row.name, "model": row.model, "installed_on": iso(row.installed_on), "life_months": row.life_months,
        "due_on": iso(row.due_on), "installed_by": row.installed_by, "note": row.note, "replaces_id": row.replaces_id,
        "ended_on": iso(row.ended_on), "end_kind": row.end_kind, "ended_by": row.ended_by,
        "end_reason": row.end_reason, "row_version": row.row_version,
    }  # fmt: skip


def _door(row: LandingDoor) -> dict[str, Any]:
    return {
        "id": row.id, "elevator": {"id": row.elevator_id, "code": row.elevator.code}, "landing": row.landing,
        "side": row.side, "condition": row.condition, "note": row.note, "checked_on": iso(row.checked_on),
    }  # fmt: skip


def _given(sent: Mapping[str, Any]) -> dict[str, Any]:
    months = sent.get("life_months")
    return {
        "name": words(sent, "name", 80) or None, "model": words(sent, "model", 120) or None,
        "installed_on": day(sent, "installed_on"), "installed_by": words(sent, "installed_by", 120) or None,
        "life_months": None if months is None else whole(sent, "life_months"), "note": words(sent, "note", 400) or None,
    }  # fmt: skip


def _part(sent: Mapping[str, Any]) -> Part:
    return components.of_data({n: v for n, v in _given(sent).items() if v is not None})


def _signed(sent: Mapping[str, Any], name: str) -> int:
    given = sent.get(name)
    if isinstance(given, bool) or not isinstance(given, int) or abs(given) > 10_000:
        raise refuse("参数", "lowest 应为整数", "请填写最低层，例如 -2", field=name, value=str(given)[:20])
    return given


def register(appbuilder: Any) -> None:
    """Add the doors and say which verb each needs."""
    for name in ("can_components", "can_doors"):
        screens.declare("ElevatorPartApi", name, Verb.ELEVATOR_READ)
    for name in ("can_add_component", "can_usual_components", "can_make_doors", "can_check_doors"):
        screens.declare("ElevatorPartApi", name, Verb.COMPONENT_EDIT)
    for name in ("can_list", "can_doors"):
        screens.declare("ComponentApi", name, Verb.ELEVATOR_READ)
    for name in ("can_edit", "can_replace", "can_remove", "can_remove_door"):
        screens.declare("ComponentApi", name, Verb.COMPONENT_EDIT)
    screens.declare("UsualComponentApi", "can_get", Verb.ELEVATOR_READ)
    screens.declare("UsualComponentApi", "can_save", Verb.ITEM_EDIT)
    appbuilder.add_api(ElevatorPartApi)
    appbuilder.add_api(UsualComponentApi)
    appbuilder.add_api(ComponentApi)

"""`/api/v1/items` and `/item-sets`: what each kind of elevator is maintained by, and own lists by version (PLN-08).

They are written on pages, where a second person sees what he approves; here they are read.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask_appbuilder import expose
from flask_appbuilder.api import safe
from flask_appbuilder.security.decorators import protect

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, iso
from app.errors import NotFound, refuse
from app.extensions import db
from app.listings import item_sets as lists
from app.listings.item_sets import Line
from app.models import ItemSet
from app.models.item_set import ITEM_KIND
from app.permissions import Verb
from app.rules import item_lists as rules
from app.views.frame import screens
from app.wording import say


class ItemApi(Resource):
    """The items that hold for the caller."""

    resource_name = "items"
    openapi_spec_tag = "Visits"

    @expose("/<string:kind>", methods=["GET"])
    @protect()
    @safe
    @answers
    def get(self, kind: str) -> Any:
        """Give the items that hold for one's unit or region today.
        ---
        get:
          summary: 一类电梯现行的维保项目
          gives: {200: ItemList}
        """
        if kind not in ITEM_KIND:
            found = say("没有“%(kind)s”这一类", kind=kind[:10])
            raise NotFound(refuse("适用电梯", found, "请用 A、B、C、D、3410 或 3420", field="kind").findings)
        version = lists.version_at(db.session, actor(), kind, clock.today())
        lines = lists.lines_of(db.session, kind, version)
        return jsonify(kind=kind, version=version, counts=_counts(lines), items=[_line(line) for line in lines])


class ItemSetApi(Resource):
    """Own lists, version by version."""

    resource_name = "item-sets"
    openapi_spec_tag = "Visits"

    @expose("", methods=["GET"])
    @protect()
    @safe
    @answers
    def list(self) -> Any:
        """Give own lists of one's unit or region, and those of the regions above that are in force.
        ---
        get:
          summary: 自有维保项目的各个版本
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string, maxLength: 60}}
            - {in: query, name: tab, schema: {type: string, enum: [all, waiting, in_force, drafts]}}
            - {in: query, name: kind, schema: {type: string, enum: [A, B, C, D, "3410", "3420"]}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
            - {in: query, name: from_on_from, schema: {type: string, format: date}}
            - {in: query, name: from_on_to, schema: {type: string, format: date}}
          gives: {200: ItemSetPage}
        """
        return listed.page(lists.SETS, _brief)

    @expose("/<int:key>", methods=["GET"])
    @protect()
    @safe
    @answers
    def get(self, key: int) -> Any:
        """Give one version with its whole list, as it reads on its first day.
        ---
        get:
          summary: 一个版本和它的整张清单
          gives: {200: ItemSetWhole}
        """
        row: ItemSet = scope.visible(db.session, actor(), ItemSet, key, "这个版本")
        lines = lists.lines_of_set(db.session, row)
        return jsonify(_brief(row) | {"counts": _counts(lines), "items": [_line(line) for line in lines]})


def _brief(row: ItemSet) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "name": row.name, "unit_id": row.unit_id, "region_code": row.region_code,
        "from_on": row.from_on.isoformat(), "basis": row.basis, "state": row.state, "own_items": len(row.rows),
        "submitted_at": iso(row.submitted_at), "decided_at": iso(row.decided_at), "opinion": row.opinion,
    }  # fmt: skip


def _counts(lines: list[Line]) -> dict[str, int]:
    """By cycle how many items one service of it does."""
    return {level.value: whole for level, (_own, whole) in rules.counts(line.item for line in lines).items()}


def _line(line: Line) -> dict[str, Any]:
    item = line.item
    return {
        "code": item.code, "level": item.level.value, "item": item.item, "requirement": item.requirement,
        "needs_test": item.needs_test, "measure": item.measure, "source": line.source, "detailed": line.detailed,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the resources."""
    screens.declare("ItemApi", "can_get", Verb.VISIT_READ)
    for name in ("can_get", "can_list"):
        screens.declare("ItemSetApi", name, Verb.VISIT_READ)
    appbuilder.add_api(ItemApi)
    appbuilder.add_api(ItemSetApi)

"""`/api/v1/items` and `/item-sets`: what each kind of elevator is maintained by, and own lists by version (PLN-08).

A list is written here as on the pages: into a draft, handed in, and put in force by a second person, who says which
version he saw.
"""

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
from app.listings import item_sets as lists
from app.listings.item_sets import Line
from app.models import ItemSet
from app.models.item_set import ITEM_KIND
from app.permissions import Verb
from app.rules import item_lists as rules
from app.rules.item_lists import Item
from app.rules.levels import Level
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say, together
from app.workflows.maintenance import item_sets

DEEDS = {"submit": item_sets.submit, "withdraw": item_sets.withdraw, "discard": item_sets.discard}
DECISIONS = {"approve": item_sets.approve, "return": item_sets.send_back}


class ItemApi(Resource):
    """The items that hold for the caller."""

    resource_name = "items"
    openapi_spec_tag = "Visits"

    @answers("/<string:kind>", "GET")
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

    @answers("", "GET")
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

    @answers("", "POST", once=True)
    def start(self) -> Any:
        """Begin a draft from what holds; the one that is being worked on is given again.
        ---
        post:
          summary: 新建自有清单的草稿；已有在写的给出那一个
          takes: NewItemSet
          gives: {201: ItemSetWhole}
        """
        kind = words(body(), "kind", 10)
        with transaction(db.session) as session:
            row = item_sets.start(session, actor(), kind, clock.now())
        return jsonify(_whole(row)), 201

    @answers("/<int:key>", "PUT")
    def save(self, key: int) -> Any:
        """Write a draft: its name, first day and whole list as it is to read.
        ---
        put:
          summary: 写入草稿：整张清单，法定和上级项目须全部给出；新增的项目不给 code
          takes: ItemSetDraft
          gives: {200: ItemSetWhole}
        """
        sent = body()
        row: ItemSet = scope.visible(db.session, actor(), ItemSet, key, "这个版本")
        items = _given(sent, row.kind)
        from_on = day(sent, "from_on")
        if from_on is None:
            raise refuse("启用日期", "没有填写", "请给出 from_on", field="from_on")
        name, basis, seen = words(sent, "name", 200), words(sent, "basis", 2000), whole(sent, "row_version")
        with transaction(db.session) as session:
            row = item_sets.save(session, actor(), key, name, from_on, basis, items, clock.now(), seen)
        return jsonify(_whole(row))

    @answers("/<int:key>/<string:deed>", "POST", once=True)
    def do(self, key: int, deed: str) -> Any:
        """Hand a draft in, take it back, give it up.
        ---
        post:
          summary: submit 提交批准、withdraw 撤回修改、discard 放弃
          gives: {200: ItemSetWhole}
        """
        if deed not in DEEDS:
            raise NotFound(refuse("办理", say("没有“%(a)s”", a=deed[:20]), "请用 submit、withdraw 或 discard").findings)
        with transaction(db.session) as session:
            row = DEEDS[deed](session, actor(), key, clock.now())
        return jsonify(_whole(row))

    @answers("/<int:key>/decision", "POST", once=True)
    def decide(self, key: int) -> Any:
        """The second person's word on the version that he saw.
        ---
        post:
          summary: 第二人批准或退回
          takes: ItemSetDecision
          gives: {200: ItemSetWhole}
        """
        sent = body()
        verb, opinion, seen = words(sent, "verb", 10), words(sent, "opinion", 500), whole(sent, "seen_version")
        if verb not in DECISIONS:
            raise refuse("决定", say("没有“%(a)s”", a=verb), "请用 approve 或 return", field="verb")
        with transaction(db.session) as session:
            row = DECISIONS[verb](session, actor(), key, seen, opinion, clock.now())
        return jsonify(_whole(row))

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one version with its whole list, as it reads on its first day.
        ---
        get:
          summary: 一个版本和它的整张清单
          gives: {200: ItemSetWhole}
        """
        row: ItemSet = scope.visible(db.session, actor(), ItemSet, key, "这个版本")
        return jsonify(_whole(row))


def _whole(row: ItemSet) -> dict[str, Any]:
    lines = lists.lines_of_set(db.session, row)
    return _brief(row) | {"counts": _counts(lines), "items": [_line(line) for line in lines]}


def _given(sent: Mapping[str, Any], kind: str) -> list[Item]:
    """A whole list as it was sent; what the list must be says the workflow."""
    rows = sent.get("items")
    if not isinstance(rows, list) or len(rows) > rules.MOST_ITEMS or not all(isinstance(one, dict) for one in rows):
        raise refuse("参数", "items 应为项目的列表", say("最多 %(n)s 项", n=rules.MOST_ITEMS), field="items")
    items = []
    for one in rows:
        level = words(one, "level", 20)
        if level not in set(Level):
            known = together(each.value for each in rules.ORDER)
            remedy = say("请用：%(names)s", names=known)
            raise refuse("周期", say("没有“%(a)s”这个周期", a=level), remedy, field="items")
        items.append(Item(
            words(one, "code", 20), kind, Level(level), words(one, "item"), words(one, "requirement", 1000),
            bool(flag(one, "needs_test")), words(one, "measure", 60),
        ))  # fmt: skip
    return items


def _brief(row: ItemSet) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "name": row.name, "unit_id": row.unit_id, "region_code": row.region_code,
        "from_on": row.from_on.isoformat(), "basis": row.basis, "state": row.state, "own_items": len(row.rows),
        "submitted_at": iso(row.submitted_at), "decided_at": iso(row.decided_at), "opinion": row.opinion,
        "row_version": row.row_version,
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
    for name in ("can_start", "can_save", "can_do"):
        screens.declare("ItemSetApi", name, Verb.ITEM_EDIT)
    screens.declare("ItemSetApi", "can_decide", Verb.APPLICATION_DECIDE)
    appbuilder.add_api(ItemApi)
    appbuilder.add_api(ItemSetApi)

"""`/api/v1/regions`: the tree of regions, whose numbers and codes other calls name. Open to every account."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from sqlalchemy import or_, select

from app import clock
from app.api.base import Resource, actor, answers, body, iso, page
from app.api.reading import words
from app.errors import Finding, NotFound, refuse
from app.extensions import db
from app.models import Region
from app.models.region import code_span
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say
from app.workflows.core import regions


class RegionApi(Resource):
    """Names and codes only; what stands in a region is its own resource's."""

    resource_name = "regions"
    openapi_spec_tag = "Regions"

    @answers("", "GET")
    def list(self) -> Any:
        """Give regions by their codes, which is the order of the tree.
        ---
        get:
          summary: 地区
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string, maxLength: 60}, description: 名称的一部分，或区划代码的开头}
            - {in: query, name: under, schema: {type: string}, description: 12 位区划代码：只看它和下级}
          gives: {200: RegionPage}
        """
        statement, text = select(Region), words(request.args, "q", 60).strip()
        if text:
            named = Region.name.contains(text, autoescape=True)
            statement = statement.where(or_(named, Region.code.startswith(text, autoescape=True)))
        under = words(request.args, "under", 60)
        if under:
            if not (len(under) == 12 and under.isascii() and under.isdigit()):
                raise refuse("参数", "under 不是 12 位区划代码", "请按接口文档填写", field="under", value=under[:20])
            low, high = code_span(under)
            statement = statement.where(Region.code >= low, Region.code < high)
        return page(statement, [Region.code], _region)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one region.
        ---
        get:
          summary: 一个地区
          gives: {200: Region}
        """
        row = db.session.get(Region, key) if key < 2**63 else None
        if row is None:
            raise NotFound(Finding("地区", False, say("没有编号为 %(key)s 的地区", key=key), "请从列表选择"))
        return jsonify(_region(row))

    @answers("", "POST", once=True)
    def add(self) -> Any:
        """Add a region below one of one's own; the parent, and a level that is not said, follow from the code.
        ---
        post:
          summary: 新增一个地区；上级由区划代码得出
          takes: NewRegion
          gives: {201: Region}
        """
        sent = body()
        given = {name: words(sent, name, 120).strip() for name in ("code", "name", "level", "valid_from")}
        with transaction(db.session) as session:
            told = _region(regions.add(session, actor(), at=clock.now(), **given))
        return jsonify(told), 201

    @answers("/many", "POST", once=True)
    def many(self) -> Any:
        """Add one region a line; all of them or, with every wrong line told, none.
        ---
        post:
          summary: 批量新增地区：每行一个，代码和名称；有一行不对就都不新增
          takes: NewRegions
          gives: {200: RegionsAdded}
        """
        lines = words(body(), "lines", 50_000)
        with transaction(db.session) as session:
            made, there = regions.add_many(session, actor(), lines, clock.now())
        return jsonify(made=made, there=there)

    @answers("/end", "POST", once=True)
    def end(self) -> Any:
        """Give a region its last day; none takes it back.
        ---
        post:
          summary: 停用一个地区；不给 valid_until 则取消停用
          takes: RegionEnd
          gives: {200: Region}
        """
        sent = body()
        code, last = words(sent, "region", 20).strip(), words(sent, "valid_until", 20).strip()
        with transaction(db.session) as session:
            told = _region(regions.end(session, actor(), code=code, valid_until=last, at=clock.now()))
        return jsonify(told)


def _region(row: Region) -> dict[str, Any]:
    return {
        "id": row.id, "code": row.code, "name": row.name, "level": row.level, "parent_id": row.parent_id,
        "valid_from": iso(row.valid_from), "valid_until": iso(row.valid_until),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource; as the choice of a region in forms, it asks for no more than an account."""
    for name in ("list", "get"):
        screens.declare("RegionApi", f"can_{name}", Verb.HOME)
    # No token is ticked for it: a person changes the tree, signed in.
    for name in ("add", "many", "end"):
        screens.declare("RegionApi", f"can_{name}", Verb.REGION_EDIT)
    appbuilder.add_api(RegionApi)

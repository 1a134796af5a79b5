"""`/api/v1/regions`: the tree of regions, whose numbers and codes other calls name. Open to every account."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from sqlalchemy import or_, select

from app.api.base import Resource, answers, iso, page
from app.api.reading import words
from app.errors import Finding, NotFound, refuse
from app.extensions import db
from app.models import Region
from app.models.region import code_span
from app.permissions import Verb
from app.views.frame import screens
from app.wording import say


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


def _region(row: Region) -> dict[str, Any]:
    return {
        "id": row.id, "code": row.code, "name": row.name, "level": row.level, "parent_id": row.parent_id,
        "valid_from": iso(row.valid_from), "valid_until": iso(row.valid_until),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource; as the choice of a region in forms, it asks for no more than an account."""
    for name in ("list", "get"):
        screens.declare("RegionApi", f"can_{name}", Verb.HOME)
    appbuilder.add_api(RegionApi)

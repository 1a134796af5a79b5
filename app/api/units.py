"""`/api/v1/units`: the register of units as one may see it, now and as it was."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from sqlalchemy import or_, select

from app import scope
from app.api import as_of
from app.api.applications import masked
from app.api.base import Resource, actor, answers, chosen, page
from app.extensions import db
from app.listings.units import UNITS
from app.models import Unit
from app.models.choices import FILING_STATE, UNIT_KINDS
from app.permissions import Verb
from app.rules.identifiers import normal_code
from app.views.frame import screens
from app.workflows.approval.filing_fields import snapshot


class UnitApi(Resource):
    """Units within the account's scope."""

    resource_name = "units"
    openapi_spec_tag = "Units"

    @answers("", "GET")
    def list(self) -> Any:
        """Give units, newest last; with `as_of` or `known_at` as they were.
        ---
        get:
          summary: 单位列表；给出 as_of、known_at 时为当时的登记
          paged: true
          parameters:
            - {in: query, name: kind, schema: {type: string}}
            - {in: query, name: filing_state, schema: {type: string}}
            - {in: query, name: q, schema: {type: string, maxLength: 60}, description: 名称或统一社会信用代码}
            - {in: query, name: as_of, schema: {type: string, format: date}}
            - {in: query, name: known_at, schema: {type: string, format: date-time}}
          gives: {200: UnitPage}
        """
        if as_of.asked():
            return as_of.page(UNITS)
        statement = scope.apply(select(Unit), actor())
        kind, state = chosen("kind", UNIT_KINDS), chosen("filing_state", FILING_STATE)
        if kind:
            statement = statement.where(getattr(Unit, f"is_{kind}"))
        if state:
            statement = statement.where(Unit.filing_state == state)
        text = request.args.get("q", "").strip()[:60]
        if text:
            code = Unit.uscc.startswith(normal_code(text), autoescape=True)
            statement = statement.where(or_(code, Unit.name.contains(text, autoescape=True)))
        return page(statement, [Unit.id], brief)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one unit with what is in force.
        ---
        get:
          summary: 一家单位的现行登记
          gives: {200: UnitWhole}
        """
        row = self._row(key)
        return jsonify(brief(row) | {"filed": masked("", snapshot(row))})

    @answers("/<int:key>/as-of", "GET")
    def then(self, key: int) -> Any:
        """Give the unit as of a day, as known at an instant.
        ---
        get:
          summary: 某日、按某时所知的单位登记
          parameters:
            - {in: query, name: as_of, schema: {type: string, format: date}}
            - {in: query, name: known_at, schema: {type: string, format: date-time}}
          gives: {200: AsOfOne}
        """
        return as_of.one(UNITS, self._row(key).id)

    @staticmethod
    def _row(key: int) -> Unit:
        row: Unit = scope.visible(db.session, actor(), Unit, key, "这家单位")
        return row


def brief(row: Unit) -> dict[str, Any]:
    """The columns of a list."""
    return {
        "id": row.id, "name": row.name, "uscc": row.uscc, "kinds": row.kinds, "region_code": row.region_code,
        "filing_state": row.filing_state, "approved_version": row.approved_version, "row_version": row.row_version,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("can_list", "can_get", "can_then"):
        screens.declare("UnitApi", permission, Verb.UNIT_READ)
    appbuilder.add_api(UnitApi)

"""`/api/v1/insurance-months`, `/insurance-gaps`: insured people beside filed people, month by month (UNT-09)."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from sqlalchemy import select

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, iso
from app.extensions import db
from app.listings.insurance import GAPS, MONTHS, month_word
from app.models import InsuranceGap, InsuranceMonth
from app.permissions import Verb
from app.rules.identifiers import mask_mobile
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.papers import insurance_gaps

MOST_GAPS = 600


class InsuranceMonthApi(Resource):
    """A unit's month as it was last compared."""

    resource_name = "insurance-months"
    openapi_spec_tag = "Papers"

    @answers("", "GET")
    def list(self) -> Any:
        """Give months, the newest first; the first tab is those with gaps.
        ---
        get:
          summary: 参保比对；缺省为有缺口的
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [gaps, none, even, all]}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: month_from, schema: {type: string, format: date}}
            - {in: query, name: month_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: InsuranceMonthPage}
        """
        return listed.page(MONTHS, _month)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give a month with each person of its gaps.
        ---
        get:
          summary: 一个单位一个月的比对，及每个有缺口的人
          gives: {200: InsuranceMonthWhole}
        """
        return jsonify(_whole(_row(key)))

    @answers("/<int:key>/again", "POST")
    def again(self, key: int) -> Any:
        """Compare a month anew, as people and records are now.
        ---
        post:
          summary: 重新比对
          gives: {200: InsuranceMonthWhole}
        """
        with transaction(db.session) as session:
            held = _row(key)
            row = insurance_gaps.compare_now(session, actor(), held.unit_id, held.month, clock.now())
        return jsonify(_whole(row))


class InsuranceGapApi(Resource):
    """Persons who are filed and not insured, or insured and not filed."""

    resource_name = "insurance-gaps"
    openapi_spec_tag = "Papers"

    @answers("", "GET")
    def list(self) -> Any:
        """Give persons of gaps, the newest month first.
        ---
        get:
          summary: 参保缺口人员；缺省为已备案未参保
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string, maxLength: 60}, description: 姓名}
            - {in: query, name: tab, schema: {type: string, enum: [uninsured, unfiled, all]}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: month_from, schema: {type: string, format: date}}
            - {in: query, name: month_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: InsuranceGapPage}
        """
        return listed.page(GAPS, _gap)


def _month(row: InsuranceMonth) -> dict[str, Any]:
    return {
        "id": row.id, "month": month_word(row.month), "unit": {"id": row.unit.id, "name": row.unit.name},
        "region_code": row.region_code, "records": row.records, "filed": row.filed, "insured": row.insured,
        "uninsured": row.uninsured, "unfiled": row.unfiled, "compared_at": iso(row.compared_at),
    }  # fmt: skip


def _whole(row: InsuranceMonth) -> dict[str, Any]:
    statement = select(InsuranceGap).where(InsuranceGap.unit_id == row.unit_id, InsuranceGap.month == row.month)
    gaps = scope.apply(statement, actor(), InsuranceGap).order_by(InsuranceGap.id).limit(MOST_GAPS)
    return _month(row) | {"gaps": [_gap(one) for one in db.session.scalars(gaps)]}


def _gap(row: InsuranceGap) -> dict[str, Any]:
    return {
        "id": row.id, "month": month_word(row.month), "kind": row.kind, "name": row.name,
        "unit": {"id": row.unit.id, "name": row.unit.name}, "phone": mask_mobile(row.phone) if row.phone else None,
        "person_id": row.person_id, "record_id": row.record_id,
    }  # fmt: skip


def _row(key: int) -> InsuranceMonth:
    row: InsuranceMonth = scope.visible(db.session, actor(), InsuranceMonth, key, "这次比对")
    return row


def register(appbuilder: Any) -> None:
    """Add these resources. Comparing anew changes nobody's data: who reads a month may have it compared, as there."""
    for name in ("list", "get", "again"):
        screens.declare("InsuranceMonthApi", f"can_{name}", Verb.INSURANCE_READ)
    screens.declare("InsuranceGapApi", "can_list", Verb.INSURANCE_READ)
    for api in (InsuranceMonthApi, InsuranceGapApi):
        appbuilder.add_api(api)

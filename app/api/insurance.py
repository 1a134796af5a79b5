"""`/api/v1/insurance`: 医社保缴交明细 as drafts, with their people and vouchers, filed and withdrawn (UNT-09).

ID numbers and phones are written, never read: whole they are on the page alone, where looking is logged.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from sqlalchemy import func, select

from app import clock, scope
from app.api import listed
from app.api.applications import file_shown
from app.api.base import Resource, actor, answers, body, iso, one_of
from app.api.base import page as page_of
from app.api.reading import month, words
from app.errors import refuse
from app.extensions import db
from app.listings.insurance import RECORDS, month_word, state_of
from app.models import InsuranceRecord, InsuredPerson
from app.permissions import Verb
from app.rules.identifiers import mask_mobile, mask_resident_id
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say
from app.workflows.files import attachments
from app.workflows.papers import insurance
from app.workflows.papers.insurance import Line


class InsuranceApi(Resource):
    """Records of a maintenance unit; one's own unit's to write."""

    resource_name = "insurance"
    openapi_spec_tag = "Papers"

    @answers("", "GET")
    def list(self) -> Any:
        """Give records, as the page does; the first tab is what was filed.
        ---
        get:
          summary: 医社保缴交明细；缺省为已上报的
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string, maxLength: 60}, description: 缴纳公司}
            - {in: query, name: tab, schema: {type: string, enum: [filed, draft, withdrawn, all]}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: from_from, schema: {type: string, format: date}, description: 开始月份，从}
            - {in: query, name: from_to, schema: {type: string, format: date}, description: 开始月份，到}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: InsurancePage}
        """
        return listed.page(RECORDS, lambda row: brief(row, row.people_count))

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one record with its vouchers; its people are at `/people`.
        ---
        get:
          summary: 一份缴交明细和凭证
          gives: {200: InsuranceWhole}
        """
        return jsonify(full(_row(key)))

    @answers("/<int:key>/people", "GET")
    def people(self, key: int) -> Any:
        """Give the lines of a record, numbers masked.
        ---
        get:
          summary: 明细中的人员；证件号和电话遮蔽
          paged: true
          gives: {200: InsuredPage}
        """
        statement = scope.apply(select(InsuredPerson).where(InsuredPerson.record_id == _row(key).id), actor())
        return page_of(statement, [InsuredPerson.id], _person)

    @answers("", "POST", once=True)
    def make(self) -> Any:
        """Keep a draft of one's own unit; it counts for nothing until it is filed.
        ---
        post:
          summary: 新建缴交明细草稿，上报后才计入
          takes: NewInsurance
          gives: {201: InsuranceWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            row = insurance.save(
                session, actor(), None, words(sent, "payer"), month(sent, "from_month"), month(sent, "to_month"),
                words(sent, "note", 1000), _lines(sent), clock.now(), bring=_bring(sent),
            )  # fmt: skip
        return jsonify(full(row)), 201

    @answers("/<int:key>", "PATCH", once=True)
    def change(self, key: int) -> Any:
        """Change a draft and add people to it; what is not given stays.
        ---
        patch:
          summary: 修改草稿，people 是增加的人员
          takes: InsuranceChange
          gives: {200: InsuranceWhole}
        """
        sent, held = body(), _row(key)
        first = month(sent, "from_month") if "from_month" in sent else held.from_on
        last = month(sent, "to_month") if "to_month" in sent else held.to_on
        with transaction(db.session) as session:
            row = insurance.save(
                session, actor(), key, words(sent, "payer") if "payer" in sent else held.payer, first, last,
                words(sent, "note", 1000) if "note" in sent else held.note or "", _lines(sent), clock.now(),
                bring=_bring(sent),
            )  # fmt: skip
        return jsonify(full(row))

    @answers("/<int:key>", "DELETE")
    def remove(self, key: int) -> Any:
        """Delete a draft with its lines and vouchers.
        ---
        delete:
          summary: 删除草稿
          gives: {200: Done}
        """
        with transaction(db.session) as session:
            insurance.remove(session, actor(), key, clock.now())
        return jsonify(done=True)

    @answers("/<int:key>/people/<int:person>", "DELETE")
    def remove_person(self, key: int, person: int) -> Any:
        """Take a line out of a draft.
        ---
        delete:
          summary: 从草稿中移除一人
          gives: {200: InsuranceWhole}
        """
        with transaction(db.session) as session:
            insurance.remove_person(session, actor(), key, person, clock.now())
        return jsonify(full(_row(key)))

    @answers("/<int:key>/vouchers", "POST", once=True)
    def add_voucher(self, key: int) -> Any:
        """Add a voucher to a draft.
        ---
        post:
          summary: 上传缴费明细凭证
          takes: file
          gives: {201: InsuranceWhole}
        """
        file = request.files.get("file")
        if file is None or not file.filename:
            raise refuse("缴费明细凭证", "没有文件", "请用 multipart/form-data 的 file 字段上传", field="file")
        with transaction(db.session) as session:
            insurance.add_voucher(session, actor(), key, file.stream, file.filename, clock.now())
        return jsonify(full(_row(key))), 201

    @answers("/<int:key>/vouchers/<int:file>", "DELETE")
    def remove_voucher(self, key: int, file: int) -> Any:
        """Take a voucher off a draft.
        ---
        delete:
          summary: 移除凭证
          gives: {200: InsuranceWhole}
        """
        with transaction(db.session) as session:
            insurance.remove_voucher(session, actor(), key, file, clock.now())
        return jsonify(full(_row(key)))

    @answers("/<int:key>/submit", "POST", once=True)
    def submit(self, key: int) -> Any:
        """上报: it counts from now on, and its months are compared anew.
        ---
        post:
          summary: 上报缴交明细，并与人员备案比对
          gives: {200: InsuranceWhole}
        """
        with transaction(db.session) as session:
            row = insurance.file(session, actor(), key, clock.now())
        return jsonify(full(row))

    @answers("/<int:key>/withdraw", "POST")
    def withdraw(self, key: int) -> Any:
        """Take a filed record back; it stays in the history and counts no more.
        ---
        post:
          summary: 撤回已上报的明细，写明原因
          takes: Reason
          gives: {200: InsuranceWhole}
        """
        reason = words(body(), "reason", 1000)
        with transaction(db.session) as session:
            row = insurance.withdraw(session, actor(), key, reason, clock.now())
        return jsonify(full(row))


def brief(row: InsuranceRecord, people: int) -> dict[str, Any]:
    """The columns of a list."""
    return {
        "id": row.id, "unit": {"id": row.unit.id, "name": row.unit.name}, "region_code": row.region_code,
        "payer": row.payer, "from_month": month_word(row.from_on), "to_month": month_word(row.to_on),
        "state": state_of(row), "people": people, "note": row.note, "filed_at": iso(row.filed_at),
        "withdrawn_at": iso(row.withdrawn_at), "withdrawn_note": row.withdrawn_note, "row_version": row.row_version,
    }  # fmt: skip


def full(row: InsuranceRecord) -> dict[str, Any]:
    """One record with its vouchers."""
    counted = select(func.count()).select_from(InsuredPerson).where(InsuredPerson.record_id == row.id)
    people = db.session.scalar(scope.apply(counted, actor(), InsuredPerson)) or 0
    own = row.unit_id == actor().unit_id and actor().may(Verb.INSURANCE_EDIT)
    vouchers = [file_shown(f) for f in attachments.of(db.session, "insurance_record", row.id)]
    return brief(row, people) | {"vouchers": vouchers, "may_write": own and row.filed_at is None}


def _person(row: InsuredPerson) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "id_number": mask_resident_id(row.id_number),
        "phone": mask_mobile(row.phone) if row.phone else None,
    }  # fmt: skip


def _lines(sent: dict[str, Any]) -> list[Line]:
    """The people sent, as the form's lines."""
    given = sent.get("people")
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > insurance.MOST_PEOPLE or not all(isinstance(p, dict) for p in given):
        found = say("people 应为不超过 %(most_people)s 个对象的数组", most_people=insurance.MOST_PEOPLE)
        raise refuse("参数", found, "请按接口文档填写", field="people")
    return [Line(words(p, "name", 60), words(p, "id_number", 60), words(p, "phone", 60)) for p in given]


def _bring(sent: dict[str, Any]) -> str:
    """带入人员: whose people are added beside those sent."""
    return one_of("bring", words(sent, "bring", 20), insurance.BRINGS)


def _row(key: int) -> InsuranceRecord:
    row: InsuranceRecord = scope.visible(db.session, actor(), InsuranceRecord, key, "这份缴交明细")
    return row


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for name in ("list", "get", "people"):
        screens.declare("InsuranceApi", f"can_{name}", Verb.INSURANCE_READ)
    for name in (
        "make", "change", "remove", "remove_person", "add_voucher", "remove_voucher", "submit", "withdraw",
    ):  # fmt: skip
        screens.declare("InsuranceApi", f"can_{name}", Verb.INSURANCE_EDIT)
    appbuilder.add_api(InsuranceApi)

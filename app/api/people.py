"""`/api/v1/people`: persons as one may see them, and their filing; the workflow of the pages (PER-03, -05, -08)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import jsonify
from sqlalchemy import select

from app import clock, scope
from app.api import histories, listed
from app.api.applications import full as application_full
from app.api.base import Resource, actor, answers, body, finding_list, iso, whole
from app.api.reading import day, words
from app.errors import Finding, refuse
from app.extensions import db
from app.listings.people import PEOPLE
from app.models import GradeCertificate, Person
from app.permissions import Verb
from app.rules.identifiers import mask_mobile, mask_resident_id
from app.transaction import transaction
from app.views.frame import person_words, screens
from app.wording import say
from app.workflows.approval import filing_versions, submissions
from app.workflows.desk import applications
from app.workflows.papers import declarations
from app.workflows.people import people, person_filing, person_versions

_TEXTS = {"name": 40, "phone": 30, "work_kind": 40, "certificate_no": 60, "sex": 10, "kind": 20, "resident_id": 40}
_DAYS = ("certificate_until", "certificate_issued_on", "hired_on")
_MASKS = {"phone": mask_mobile, "resident_id": mask_resident_id}


class PersonApi(Resource):
    """Persons within the caller's scope; those of one's own unit to write."""

    resource_name = "people"
    openapi_spec_tag = "People"

    @answers("", "GET")
    def list(self) -> Any:
        """Give persons, the newest first; the parameters are those of the page.
        ---
        get:
          summary: 人员列表；电话和证件号遮蔽
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string, maxLength: 60}, description: 姓名、证书编号}
            - {in: query, name: tab, schema: {type: string, enum: [here, near, over, filed, left, all]}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: kind, schema: {type: string}}
            - {in: query, name: sex, schema: {type: string}}
            - {in: query, name: working, schema: {type: string, enum: [here, left]}}
            - {in: query, name: certificate, schema: {type: string, enum: [valid, over, none]}}
            - {in: query, name: declaration, schema: {type: string, enum: [valid, over, none]}}
            - {in: query, name: filing, schema: {type: string}}
            - {in: query, name: until_from, schema: {type: string, format: date}}
            - {in: query, name: until_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: PersonPage}
        """
        return listed.page(PEOPLE, brief)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one person with certificates, this month's quota and what keeps him from checking in.
        ---
        get:
          summary: 一名人员：备案、证书、本月台次；电话和证件号遮蔽
          gives: {200: PersonWhole}
        """
        return jsonify(full(_row(key)))

    @answers("/<int:key>/quota", "GET")
    def quota(self, key: int) -> Any:
        """Give the quota of this month: all accounts of this human together.
        ---
        get:
          summary: 本月台次：级别、已用、上限
          gives: {200: Quota}
        """
        return jsonify(_quota(_row(key)))

    @answers("/<int:key>/history", "GET")
    def history(self, key: int) -> Any:
        """Give every version of the filing with what it changed, and every step.
        ---
        get:
          summary: 备案的历次版本、差异和流转
          gives: {200: PersonHistory}
        """
        row = _row(key)
        versions = filing_versions.with_bases(db.session, filing_versions.versions_of(db.session, row))
        return jsonify(histories.history(person_versions.ENTITY, row.id, versions, person_words.comparison))

    @answers("", "POST", once=True)
    def make(self) -> Any:
        """Enter a person of one's own unit as a draft.
        ---
        post:
          summary: 添加本单位人员（草稿）
          takes: NewPerson
          gives: {201: PersonWhole}
        """
        sent = _sent(body())
        with transaction(db.session) as session:
            row = people.save_person(
                session, actor(), None, name=sent.pop("name", ""), phone=sent.pop("phone", ""),
                work_kind=sent.pop("work_kind", ""), certificate_no=sent.pop("certificate_no", ""),
                certificate_until=sent.pop("certificate_until", None), at=clock.now(), identity=sent,
            )  # fmt: skip
        return jsonify(full(row)), 201

    @answers("/<int:key>", "PATCH", once=True)
    def change(self, key: int) -> Any:
        """Change a person; what is not given stays. What is approved stays in force until the change is.
        ---
        patch:
          summary: 修改人员；已备案的，修改须重新上报
          takes: PersonChange
          gives: {200: PersonWhole}
        """
        given = body()
        seen, sent = whole(given, "seen_version"), _sent(given)
        held = person_versions.content(db.session, _row(key))
        for name in ("name", "phone", "work_kind", "certificate_no"):
            sent.setdefault(name, held[name] or "")
        sent.setdefault("certificate_until", day(held, "certificate_until"))
        with transaction(db.session) as session:
            row = people.save_person(
                session, actor(), key, name=sent.pop("name"), phone=sent.pop("phone"),
                work_kind=sent.pop("work_kind"), certificate_no=sent.pop("certificate_no"),
                certificate_until=sent.pop("certificate_until"), row_version=seen, at=clock.now(), identity=sent,
            )  # fmt: skip
        return jsonify(full(row))

    @answers("/<int:key>", "DELETE")
    def remove(self, key: int) -> Any:
        """Delete a person entered by mistake; whoever has records stays.
        ---
        delete:
          summary: 删除误登记、没有记录的人员
          gives: {200: Done}
        """
        with transaction(db.session) as session:
            person_filing.remove(session, actor(), key, clock.now())
        return jsonify(done=True)


class PersonFilingApi(Resource):
    """上报 and what leads back from it."""

    resource_name = "people"
    openapi_spec_tag = "People"

    @answers("/<int:key>/submit", "POST", once=True)
    def submit(self, key: int) -> Any:
        """上报: hand the person's filing to the officers; everything that is wrong is told at once.
        ---
        post:
          summary: 上报人员备案
          gives: {201: ApplicationWhole}
        """
        with transaction(db.session) as session:
            made = person_filing.submit(session, actor(), key, clock.now())
        return jsonify(application_full(made)), 201

    @answers("/<int:key>/withdraw", "POST")
    def withdraw(self, key: int) -> Any:
        """Take back what waits for the officers.
        ---
        post:
          summary: 撤回人员备案
          gives: {200: ApplicationWhole}
        """
        row = _row(key)
        with transaction(db.session) as session:
            waiting = submissions.open_of(session, person_filing.KIND, person_versions.ENTITY, row.id)
            if waiting is None:
                raise refuse("撤回", say("%(name)s 没有在审的备案", name=row.name), "请查看备案状态")
            done = applications.withdraw(session, actor(), waiting.id, clock.now())
        return jsonify(application_full(done))

    @answers("/<int:key>/discard", "POST")
    def discard(self, key: int) -> Any:
        """Drop a change that was not handed in.
        ---
        post:
          summary: 放弃未上报的修改
          gives: {200: PersonWhole}
        """
        with transaction(db.session) as session:
            row = person_filing.discard(session, actor(), key, clock.now())
        return jsonify(full(row))


def brief(row: Person) -> dict[str, Any]:
    """The columns of a list, numbers masked."""
    return {
        "id": row.id, "name": row.name, "kind": row.kind, "sex": row.sex, "unit_id": row.unit_id,
        "unit": {"id": row.unit.id, "name": row.unit.name}, "region_code": row.region_code,
        **{name: mask(getattr(row, name)) if getattr(row, name) else None for name, mask in _MASKS.items()},
        "work_kind": row.work_kind, "certificate_no": row.certificate_no, "filing_state": row.filing_state,
        "real_name": row.real_name, "real_name_at": iso(row.real_name_at),
        **{name: iso(getattr(row, name)) for name in (*_DAYS, "declaration_until", "approved_on", "left_on")},
        "approved_version": row.approved_version, "row_version": row.row_version,
    }  # fmt: skip


def full(row: Person) -> dict[str, Any]:
    """One person as his page shows him."""
    now, who = clock.now(), actor()
    held = select(GradeCertificate).where(GradeCertificate.person_id == row.id).order_by(GradeCertificate.id.desc())
    block = people.check_in_block(db.session, row, now) or _declaration_block(row, now)
    own = who.unit_id == row.unit_id and who.may(Verb.PERSON_EDIT) and row.left_on is None
    content = person_versions.content(db.session, row)
    checks = person_filing.findings(db.session, row, content, clock.local_day(now)) if own else []
    return brief(row) | {
        "quota": _quota(row), "blocks": None if block is None else block.as_dict(), "may_write": own,
        "certificates": [certificate(one) for one in db.session.scalars(scope.apply(held, who))],
        "draft": {name: _MASKS[name](v) if v and name in _MASKS else v for name, v in content.items()} if own else None,
        "checks": finding_list(checks),
    }  # fmt: skip


def _declaration_block(row: Person, now: dt.datetime) -> Finding | None:
    found = declarations.standing(db.session, row, now) if row.left_on is None else None
    return found if found is not None and found.stops else None


def certificate(row: GradeCertificate) -> dict[str, Any]:
    """One grade certificate with its state."""
    return {
        "id": row.id, "person_id": row.person_id, "grade": row.grade, "certificate_no": row.certificate_no,
        "issued_on": iso(row.issued_on), "valid_until": iso(row.valid_until), "state": row.state,
        "in_force_from": iso(row.in_force_from),
    }  # fmt: skip


def _quota(row: Person) -> dict[str, Any]:
    now = clock.now()
    found = people.quotas(db.session, [row], now)[row.id]
    month = f"{clock.local_day(now):%Y-%m}"
    return {"month": month, "grade": found.grade.value, "used": found.used, "limit": found.limit}


def _row(key: int) -> Person:
    row: Person = scope.visible(db.session, actor(), Person, key, "人员")
    return row


def _sent(given: dict[str, Any]) -> dict[str, Any]:
    """What was sent of a person, as values; what was not sent is not there."""
    sent: dict[str, Any] = {name: words(given, name, most) for name, most in _TEXTS.items() if name in given}
    return sent | {name: day(given, name) for name in _DAYS if name in given}


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for name in ("list", "get", "quota", "history"):
        screens.declare("PersonApi", f"can_{name}", Verb.PERSON_READ)
    for name in ("make", "change", "remove"):
        screens.declare("PersonApi", f"can_{name}", Verb.PERSON_EDIT)
    screens.declare("PersonFilingApi", "can_submit", Verb.FILING_SUBMIT)
    screens.declare("PersonFilingApi", "can_withdraw", Verb.FILING_SUBMIT)
    screens.declare("PersonFilingApi", "can_discard", Verb.PERSON_EDIT)
    appbuilder.add_api(PersonApi)
    appbuilder.add_api(PersonFilingApi)

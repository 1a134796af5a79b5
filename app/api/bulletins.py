"""`/api/v1/bulletins`: 通报 from the counting to the issue, its texts, its figures, its files (STA-03)."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, iso
from app.api.reading import key as number
from app.api.reading import part, words
from app.errors import refuse
from app.extensions import db
from app.listings.bulletins import BULLETINS
from app.models import Bulletin
from app.permissions import Verb
from app.rules.bulletins import LONGEST_TEXT
from app.transaction import transaction
from app.views.frame import screens
from app.views.oversight.bulletins import recount
from app.workflows.oversight import bulletins


class BulletinApi(Resource):
    """Bulletins of one's region; units read those that were sent to them."""

    resource_name = "bulletins"
    openapi_spec_tag = "Bulletins"

    @answers("", "GET")
    def list(self) -> Any:
        """Give bulletins, as the page does.
        ---
        get:
          summary: 通报；缺省为全部，期间新的在前
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [all, draft, checked, issued, discarded]}}
            - {in: query, name: q, schema: {type: string}, description: 标题、地区、发文机关}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
            - {in: query, name: issued_from, schema: {type: string, format: date}}
            - {in: query, name: issued_to, schema: {type: string, format: date}}
          gives: {200: BulletinPage}
        """
        return listed.page(BULLETINS, bulletin)

    @answers("", "POST", once=True)
    def begin(self) -> Any:
        """Count and draft one, as a job.
        ---
        post:
          summary: 统计并生成草稿；后台任务完成后出现在列表里
          takes: NewBulletin
          gives: {202: BulletinJob}
        """
        sent = body()
        with transaction(db.session) as session:
            job = bulletins.begin(session, actor(), words(sent, "region", 12), words(sent, "period", 10), clock.now())
            told = {"job": job.id, "state": job.state}
        return jsonify(told), 202

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one with its figures, texts and files.
        ---
        get:
          summary: 一份通报，含数据、文字和文件
          gives: {200: BulletinWhole}
        """
        row: Bulletin = scope.visible(db.session, actor(), Bulletin, key, "这份通报")
        files = [
            {"id": file.id, "name": file.name, "format": fmt, "sha256": file.sha256, "url": f"/files/{file.id}"}
            for fmt, file in bulletins.files_of(db.session, row).items()
        ]  # fmt: skip
        return jsonify(bulletin(row) | {"figures": row.figures, "texts": row.texts, "files": files})

    @answers("/<int:key>", "PATCH", once=True)
    def edit(self, key: int) -> Any:
        """Write texts of a draft; no figure can be written.
        ---
        patch:
          summary: 编辑草稿的文字、发文机关和机关代字
          takes: BulletinTexts
          gives: {200: Bulletin}
        """
        from app.reports.bulletin import document

        sent, known = body(), document.parts_of_texts()
        given = part(sent, "texts") if sent.get("texts") is not None else {}
        unknown = next((name for name in given if name not in known), None)
        if unknown is not None:
            raise refuse("文字", "没有这一部分", "请按接口文档填写", field=f"texts.{unknown[:40]}")
        texts = {name: words(given, name, 4 * LONGEST_TEXT) for name in given}
        with transaction(db.session) as session:
            row = bulletins.edit(
                session, actor(), key, texts, known, clock.now(), office=words(sent, "office") or None,
                mark=words(sent, "mark") or None, seen=number(sent, "seen"),
            )  # fmt: skip
        return jsonify(bulletin(row))

    @answers("/<int:key>/check", "POST", once=True)
    def check(self, key: int) -> Any:
        """Check it; whoever drafted it may not.
        ---
        post:
          summary: 核对；拟稿和编辑过的人不能核对
          takes: BulletinSeen
          gives: {200: Bulletin}
        """
        seen = number(body(), "seen")
        with transaction(db.session) as session:
            row = bulletins.check(session, actor(), key, clock.now(), seen)
        return jsonify(bulletin(row))

    @answers("/<int:key>/send-back", "POST", once=True)
    def send_back(self, key: int) -> Any:
        """Make it a draft again.
        ---
        post:
          summary: 退回修改
          takes: BulletinReason
          gives: {200: Bulletin}
        """
        reason = words(body(), "reason", 2000)
        with transaction(db.session) as session:
            row = bulletins.send_back(session, actor(), key, reason, clock.now())
        return jsonify(bulletin(row))

    @answers("/<int:key>/issue", "POST", once=True)
    def issue(self, key: int) -> Any:
        """Issue it: from now on it never changes; a job makes its files and sends it.
        ---
        post:
          summary: 签发；编号、成文并发送，此后不再改
          takes: BulletinSeen
          gives: {200: Bulletin}
        """
        from app.reports.bulletin.document import named_units

        seen = number(body(), "seen")
        row: Bulletin = scope.visible(db.session, actor(), Bulletin, key, "这份通报")
        named = named_units(row.figures)
        with transaction(db.session) as session:
            row = bulletins.issue(session, actor(), key, clock.now(), seen, named)
        return jsonify(bulletin(row))

    @answers("/<int:key>/discard", "POST", once=True)
    def discard(self, key: int) -> Any:
        """Drop what was not issued.
        ---
        post:
          summary: 作废草稿
          gives: {200: Bulletin}
        """
        with transaction(db.session) as session:
            row = bulletins.discard(session, actor(), key, clock.now())
        return jsonify(bulletin(row))

    @answers("/<int:key>/correct", "POST", once=True)
    def correct(self, key: int) -> Any:
        """Count and draft a new one that puts an issued one right.
        ---
        post:
          summary: 更正已印发的通报：另行统计，生成草稿
          takes: BulletinReason
          gives: {202: BulletinJob}
        """
        reason = words(body(), "reason", 2000)
        with transaction(db.session) as session:
            job = bulletins.begin(session, actor(), "", "", clock.now(), corrects=key, reason=reason)
            told = {"job": job.id, "state": job.state}
        return jsonify(told), 202

    @answers("/<int:key>/again", "POST")
    def again(self, key: int) -> Any:
        """Count once more as of the same instant.
        ---
        post:
          summary: 复算核对：按同一数据截至时间再统计一次
          gives: {200: BulletinAgain}
        """
        row: Bulletin = scope.visible(db.session, actor(), Bulletin, key, "这份通报")
        if not bulletins.may_edit(actor(), row):
            raise refuse("通报", "是上级地区的通报", "请由发文地区办理")
        found = recount(row)
        told = [
            {"section": title, "then": then, "now": now, "of_the_moment": moment}
            for title, then, now, moment in found["differences"]
        ]
        return jsonify({name: found[name] for name in ("digest", "same", "intact")} | {"differences": told})


def bulletin(row: Bulletin) -> dict[str, Any]:
    """As it is sent in lists."""
    return {
        "id": row.id, "region_code": row.region_code, "region": row.region_name, "period": row.period,
        "title": row.title, "office": row.office, "number": row.number or None, "state": row.state,
        "as_of": iso(row.as_of), "policy": row.policy, "digest": row.digest, "drafted_by": row.drafted_by,
        "checked_at": iso(row.checked_at), "checked_by": row.checked_by, "issued_at": iso(row.issued_at),
        "signed_by": row.signed_by, "corrects_id": row.corrects_id, "correct_reason": row.correct_reason,
        "version": row.row_version,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission, verb in (
        ("can_list", Verb.BULLETIN_READ), ("can_get", Verb.BULLETIN_READ), ("can_begin", Verb.BULLETIN_EDIT),
        ("can_edit", Verb.BULLETIN_EDIT), ("can_check", Verb.BULLETIN_EDIT), ("can_send_back", Verb.BULLETIN_EDIT),
        ("can_issue", Verb.BULLETIN_ISSUE), ("can_discard", Verb.BULLETIN_EDIT), ("can_correct", Verb.BULLETIN_EDIT),
        ("can_again", Verb.BULLETIN_EDIT),
    ):  # fmt: skip
        screens.declare("BulletinApi", permission, verb)
    appbuilder.add_api(BulletinApi)

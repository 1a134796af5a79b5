"""Is a file as it was exported; the log's daily roots, and its package for a verifier outside (RPR-01, AUD-01)."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request

from app import clock, scope
from app.api.base import Resource, actor, answers
from app.errors import Finding, NotFound, refuse
from app.extensions import db
from app.models import Job
from app.permissions import Verb
from app.reports import exports
from app.scratch import scratch
from app.transaction import transaction
from app.views.frame import screens
from app.views.frame.exports import prove
from app.wording import say
from app.workflows.core import audit_days, jobs


class ProofApi(Resource):
    """Proving an exported file."""

    resource_name = "export-proof"
    openapi_spec_tag = "Proof"

    @answers("", "POST")
    def prove(self) -> Any:
        """Compare a file with the record of its export, and for its maker with the same export run now.
        ---
        post:
          summary: 核对导出的文件是否原样，现在重新导出是否相同
          takes: file
          gives: {200: Proof}
        """
        file = request.files.get("file")
        if file is None or not file.filename:
            raise refuse("文件", "没有文件", "请用 multipart/form-data 的 file 字段上传导出的文件", field="file")
        with scratch("proof") as folder:
            path = folder / "file"
            file.save(path)
            with exports.one_view(db.session):
                return jsonify(prove(path).as_dict())


class AuditDayApi(Resource):
    """The daily roots, to be copied to where nobody of this platform can write."""

    resource_name = "audit-days"
    openapi_spec_tag = "Proof"

    @answers("", "GET")
    def list(self) -> Any:
        """Give the roots, the newest day first.
        ---
        get:
          summary: 审计日志的日根摘要，供另存
          gives: {200: AuditDays}
        """
        names = ("first", "last", "batches", "entries", "root", "previous", "digest")
        rows = [
            {"on": row.on.isoformat(), **{name: getattr(row, name) for name in names}}
            for row in audit_days.roots(db.session)
        ]  # fmt: skip
        return jsonify(rows=rows)


class AuditPackageApi(Resource):
    """The whole log with its roots and the script that verifies it without this platform (AUD-01)."""

    resource_name = "audit-packages"
    openapi_spec_tag = "Proof"

    @answers("", "POST", once=True)
    def make(self) -> Any:
        """Enter the job that makes the package; its file is fetched from `/files` when it is done.
        ---
        post:
          summary: 生成审计日志核验包（全部日志、日根和核验程序）
          gives: {201: AuditPackage}
        """
        with transaction(db.session) as session:
            number = audit_days.enter_package(session, actor(), clock.now()).id
        return jsonify(_package(jobs.of(db.session, actor(), number))), 201

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give how far it is, and its file when it is done.
        ---
        get:
          summary: 核验包的进度；完成后 file 为 /files 中的编号
          gives: {200: AuditPackage}
        """
        row = scope.visible(db.session, actor(), Job, key, "核验包")
        if row.kind != "audit_export":
            raise NotFound(Finding("核验包", False, say("没有编号为 %(key)s 的核验包", key=key), "请核对编号"))
        return jsonify(_package(jobs.of(db.session, actor(), key)))


def _package(row: Job) -> dict[str, Any]:
    return {
        "id": row.id, "state": row.state, "done": row.done, "total": row.total, "error": row.error,
        "file": row.attachment_id,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission in ("can_make", "can_get"):
        screens.declare("AuditPackageApi", permission, Verb.OPS)
    appbuilder.add_api(AuditPackageApi)
    screens.declare("ProofApi", "can_prove", Verb.EXPORT)
    screens.declare("AuditDayApi", "can_list", Verb.AUDIT_READ)
    appbuilder.add_api(ProofApi)
    appbuilder.add_api(AuditDayApi)

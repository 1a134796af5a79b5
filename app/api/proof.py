"""`/api/v1/export-proof`, `/audit-days`: is a file as it was exported; the daily roots of the log (RPR-01, AUD-01)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from flask import jsonify, request
from flask_appbuilder import expose
from flask_appbuilder.api import safe
from flask_appbuilder.security.decorators import protect

from app.api.base import Resource, answers
from app.errors import refuse
from app.extensions import db
from app.permissions import Verb
from app.reports import exports
from app.views import screens
from app.views.exports import prove
from app.workflows import audit_days


class ProofApi(Resource):
    """Proving an exported file."""

    resource_name = "export-proof"
    openapi_spec_tag = "Proof"

    @expose("", methods=["POST"])
    @protect()
    @safe
    @answers
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
        with tempfile.TemporaryDirectory(prefix="tian-proof-") as folder:
            path = Path(folder) / "file"
            file.save(path)
            with exports.one_view(db.session):
                return jsonify(prove(path).as_dict())


class AuditDayApi(Resource):
    """The daily roots, to be copied to where nobody of this platform can write."""

    resource_name = "audit-days"
    openapi_spec_tag = "Proof"

    @expose("", methods=["GET"])
    @protect()
    @safe
    @answers
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


def register(appbuilder: Any) -> None:
    """Add these resources."""
    screens.declare("ProofApi", "can_prove", Verb.EXPORT)
    screens.declare("AuditDayApi", "can_list", Verb.AUDIT_READ)
    appbuilder.add_api(ProofApi)
    appbuilder.add_api(AuditDayApi)

"""`/api/v1/files`: papers sent before what they belong to is filed, and the bytes of those that one may read."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask_appbuilder import expose
from flask_appbuilder.api import safe
from flask_appbuilder.security.decorators import protect

from app import clock
from app.api.applications import file_shown
from app.api.base import Resource, actor, answers, once
from app.errors import refuse
from app.extensions import db
from app.permissions import Verb
from app.transaction import transaction
from app.views import screens
from app.views.files import fetch
from app.workflows import attachments


class FileApi(Resource):
    """Files by their number."""

    resource_name = "files"
    openapi_spec_tag = "Files"

    @expose("", methods=["POST"])
    @protect()
    @safe
    @answers
    @once
    def upload(self) -> Any:
        """Keep a paper for an application that is filed next; nobody else sees it until then.
        ---
        post:
          summary: 上传申请材料（PDF 或图片），随后在申请的 attachments 中给出编号
          once: true
          takes: file
          gives: {201: FileShown}
        """
        file = request.files.get("file")
        if file is None or not file.filename:
            raise refuse("附件", "没有文件", "请用 multipart/form-data 的 file 字段上传", field="file")
        with transaction(db.session) as session:
            row = attachments.store(
                session, actor(), clock.now(), file.stream, file.filename, "document", "application", None,
                actor().unit_id, actor().region_code,
            )  # fmt: skip
        return jsonify(file_shown(row)), 201

    @expose("/<int:key>", methods=["GET"])
    @protect()
    @safe
    @answers
    def get(self, key: int) -> Any:
        """Give the bytes; the same right as on the page.
        ---
        get:
          summary: 下载文件
          responses:
            200:
              description: 文件内容
              content: {application/octet-stream: {schema: {type: string, format: binary}}}
        """
        return fetch(key)


def register(appbuilder: Any) -> None:
    """Add this resource."""
    screens.declare("FileApi", "can_upload", Verb.APPLICATION_SUBMIT)
    # Whose file it is decides which right it needs: the workflow asks for it.
    screens.declare("FileApi", "can_get", Verb.HOME)
    appbuilder.add_api(FileApi)

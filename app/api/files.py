"""`/api/v1/files`: papers sent before what they belong to is filed, and the bytes of those that one may read."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from sqlalchemy import select

from app import clock, scope
from app.api.applications import file_shown
from app.api.base import Resource, actor, answers, chosen, page
from app.errors import refuse
from app.extensions import db
from app.models import Attachment
from app.permissions import Verb, require
from app.rules.visit_photos import Place
from app.transaction import transaction
from app.views.frame import screens
from app.views.frame.files import fetch
from app.workflows.files import attachments, infected, sent_ahead
from app.workflows.visits import papers

# What may be sent ahead, and the rights of those who file such papers: one of them is enough.
OF_VISITS = ("label", "label_out", *Place, "selfie")
KINDS = {
    "document": (Verb.APPLICATION_SUBMIT, Verb.ELEVATOR_SURVEY),
    "commitment": (Verb.COMMITMENT_EDIT,),
    # A worker's photos are a visit's or a repair's: see `_of_visit`.
    "photo": (Verb.COMMITMENT_EDIT, Verb.APPLICATION_SUBMIT, Verb.ANOMALY_HANDLE),
    "sheet": (Verb.VISIT_SHEET, Verb.VISIT_MAKE), **dict.fromkeys(OF_VISITS, (Verb.VISIT_MAKE,)),
    **dict.fromkeys(papers.KINDS, (Verb.VISIT_MAKE, Verb.ORDER_EDIT)),
    "grade": (Verb.OWN_CERTIFICATE, Verb.PERSON_EDIT),
    "declaration": (Verb.OWN_CERTIFICATE, Verb.PERSON_EDIT),
    "inspection": (Verb.INSPECTION_EDIT, Verb.INSPECTION_REPORT),
}


class FileApi(Resource):
    """Files by their number."""

    resource_name = "files"
    openapi_spec_tag = "Files"

    @answers("", "POST", once=True)
    def upload(self) -> Any:
        """Keep a paper for what is filed next; nobody else sees it until then.
        ---
        post:
          summary: 上传材料（PDF 或图片），随后在申请、证书、承诺书中给出编号
          takes: file
          parameters:
            - {in: query, name: kind, schema: {type: string, enum: [document, commitment, photo, sheet, label,
               label_out, photo_pit, photo_top, photo_room, selfie, paper_scene, paper_sheet, grade, declaration,
               inspection]},
               description: 缺省为 document}
          gives: {201: FileShown}
        """
        kind = chosen("kind", KINDS) or "document"
        others = any(actor().may(verb) for verb in KINDS[kind])
        if kind in OF_VISITS or (kind == "photo" and not others and actor().may(Verb.VISIT_MAKE)):
            require(actor(), Verb.VISIT_MAKE)
            return self._of_visit(kind)
        if others and kind in ("sheet", *papers.KINDS):
            return self._of_visit(kind)
        if not any(actor().may(verb) for verb in KINDS[kind]):
            require(actor(), KINDS[kind][0])
        file = request.files.get("file")
        if file is None or not file.filename:
            raise refuse("附件", "没有文件", "请用 multipart/form-data 的 file 字段上传", field="file")
        with transaction(db.session) as session:
            row = attachments.store(
                session, actor(), clock.now(), file.stream, file.filename, kind, "application", None,
                actor().unit_id, actor().region_code,
            )  # fmt: skip
        return jsonify(file_shown(row)), 201

    def _of_visit(self, kind: str) -> Any:
        """A photo from the site, for the visit that is sent next (`/visits`, `/visits/offline`)."""
        file = request.files.get("file")
        if file is None or not file.filename:
            raise refuse("附件", "没有文件", "请用 multipart/form-data 的 file 字段上传", field="file")
        with infected.stopped_besides(db.session, clock.now()):
            received = attachments.receive(file.stream, file.filename, kind)
        with transaction(db.session) as session:
            row = sent_ahead.send(session, actor(), clock.now(), received)
        return jsonify(file_shown(row)), 201

    @answers("", "GET")
    def list(self) -> Any:
        """Give what one sent ahead and nothing was filed with yet, the newest first.
        ---
        get:
          summary: 本人上传、还没有用到的材料
          paged: true
          gives: {200: FilePage}
        """
        statement = scope.apply(select(Attachment), actor()).where(
            Attachment.uploaded_by_id == actor().user_id, Attachment.entity == "application",
            Attachment.entity_id.is_(None), Attachment.removed_at.is_(None),
        )  # fmt: skip
        return page(statement, [Attachment.id.desc()], file_shown)

    @answers("/<int:key>", "DELETE")
    def remove(self, key: int) -> Any:
        """Take back what one sent ahead; what a record holds is taken away there.
        ---
        delete:
          summary: 删除本人上传、还没有用到的材料
          gives: {200: Done}
        """
        with transaction(db.session) as session:
            attachments.remove(session, actor(), key, clock.now())
        return jsonify(done=True)

    @answers("/<int:key>", "GET")
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
    # What the paper is for decides which right it needs: the door asks for it.
    screens.declare("FileApi", "can_upload", Verb.HOME)
    # Whose file it is decides which right it needs: the workflow asks for it.
    for name in ("get", "list", "remove"):
        screens.declare("FileApi", f"can_{name}", Verb.HOME)
    appbuilder.add_api(FileApi)

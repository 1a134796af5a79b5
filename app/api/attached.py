"""`/api/v1/units/…/files`, `/people/…/files`: the papers of a record, by kind, as its page 附件 has them (UNT-04)."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import jsonify, request

from app import clock
from app.api.applications import file_shown
from app.api.base import Resource, actor, answers, chosen
from app.errors import refuse
from app.extensions import db
from app.models.attachment import ATTACHMENT_KIND
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.files import attachments, record_files
from app.workflows.filing import filing_papers


class RecordFileApi(Resource):
    """What units and people share. A subclass names its record."""

    entity: ClassVar[str]
    openapi_spec_tag = "Files"

    @answers("/<int:key>/files", "GET")
    def files(self, key: int) -> Any:
        """Give the papers, the oldest first; each one's bytes are at its `url`.
        ---
        get:
          summary: 附件，按类型；内容在各自的 url
          gives: {200: RecordFiles}
        """
        return jsonify(self._shown(key))

    @answers("/<int:key>/files", "POST", once=True)
    def add(self, key: int) -> Any:
        """Add a paper of a kind, checked by its content.
        ---
        post:
          summary: 上传附件；kind 缺省为第一类
          takes: file
          parameters:
            - {in: query, name: kind, schema: {type: string, maxLength: 20}}
          gives: {201: RecordFiles}
        """
        file, kinds = request.files.get("file"), self._kinds()
        kind = chosen("kind", dict.fromkeys(kinds)) or kinds[0]
        if file is None or not file.filename:
            raise refuse("附件", "没有文件", "请用 multipart/form-data 的 file 字段上传", field="file")
        with transaction(db.session) as session:
            row, unit_id = record_files.require_writing(session, actor(), self.entity, key, kind)
            filed = filing_papers.are_filed(self.entity, kind)
            unit = filing_papers.begin(session, actor(), key, clock.now()) if filed else None
            made = attachments.store(
                session, actor(), clock.now(), file.stream, file.filename, kind, self.entity, key, unit_id,
                row.region_code,
            )  # fmt: skip
            if unit is not None:
                filing_papers.added(session, unit, [made.id])
        return jsonify(self._shown(key)), 201

    @answers("/<int:key>/files/<int:file>", "DELETE")
    def drop(self, key: int, file: int) -> Any:
        """Take a paper away; nobody opens it any more.
        ---
        delete:
          summary: 移除附件
          gives: {200: RecordFiles}
        """
        with transaction(db.session) as session:
            filing_papers.remove(session, actor(), self.entity, key, file, clock.now())
        return jsonify(self._shown(key))

    def _kinds(self) -> tuple[str, ...]:
        return record_files.RECORDS[self.entity][3]

    def _shown(self, key: int) -> dict[str, Any]:
        row, _unit_id, may = record_files.record_of(db.session, actor(), self.entity, key)
        kinds = self._kinds()
        held = [f for f in attachments.of(db.session, self.entity, row.id) if f.kind in kinds]
        return {
            "kinds": [{"name": kind, "label": str(ATTACHMENT_KIND[kind])} for kind in kinds], "may_write": may,
            "rows": [file_shown(one) | {"waits": one.waits} for one in held],
        }  # fmt: skip


class UnitFileApi(RecordFileApi):
    """单位的附件."""

    resource_name = "units"
    entity = "unit"


class PersonFileApi(RecordFileApi):
    """人员的附件."""

    resource_name = "people"
    entity = "person"


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for name, read, edit in (
        ("UnitFileApi", Verb.UNIT_READ, Verb.UNIT_EDIT),
        ("PersonFileApi", Verb.PERSON_READ, Verb.PERSON_EDIT),
    ):
        screens.declare(name, "can_files", read)
        for permission in ("can_add", "can_drop"):
            screens.declare(name, permission, edit)
    appbuilder.add_api(UnitFileApi)
    appbuilder.add_api(PersonFileApi)

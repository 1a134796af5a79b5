"""附件 of a unit, person or elevator (UNT-04): by type, several at once, small pictures, preview."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app import clock
from app.errors import Finding
from app.extensions import db
from app.models.attachment import ATTACHMENT_KIND
from app.permissions import Verb
from app.views.frame import screens, uploads
from app.views.frame.account_forms import number, run, text
from app.views.frame.told import told
from app.workflows.files import attachments, record_files
from app.workflows.filing import filing_papers

HOMES = {"unit": "/units/", "person": "/people/", "elevator": "/elevators/"}


class Attached(BaseView):
    route_base = "/attached"
    default_view = "show"

    @expose("/<string:entity>/<int:pk>", methods=["GET", "POST"])
    @has_access
    @permission_name("read")
    def show(self, entity: str, pk: int) -> Any:
        row, _unit_id, may = record_files.record_of(db.session, g.actor, entity, pk)
        kinds = record_files.RECORDS[entity][3]
        asked = request.values.get("kind", kinds[0])
        kind = asked if asked in kinds else kinds[0]
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            if not uploads.chosen("files"):
                missing = Finding(_("附件"), False, _("没有选择文件"), _("请先选择文件"), field="files")
                findings, status = [missing], 422
            else:
                _done, findings, status = run(lambda s: self._add(s, entity, pk, asked))
            if not findings:
                filed = filing_papers.are_filed(entity, kind)
                flash(_("已上传，上报并审核通过后生效") if filed else _("已上传"), "success")
                return redirect(f"/attached/{entity}/{pk}?kind={kind}")
        held = attachments.of(db.session, entity, pk)
        page = self.render_template(
            "ta/duties/attached.html", title=_("附件"), row=row, entity=entity, pk=pk, may=may, kind=kind,
            kinds=[(k, ATTACHMENT_KIND[k], [f for f in held if f.kind == k]) for k in kinds], findings=findings,
            home=f"{HOMES[entity]}{pk}", name=str(row), filed=[k for k in kinds if filing_papers.are_filed(entity, k)],
            mine=[f.id for f in held if record_files.removable(g.actor, f) and not record_files.shut(row, f.kind)],
            shut=[k for k in kinds if record_files.shut(row, k)],
        )  # fmt: skip
        return page, status

    @staticmethod
    def _add(session: Any, entity: str, pk: int, kind: str) -> list[int]:
        row, unit_id = record_files.require_writing(session, g.actor, entity, pk, kind)
        filed = filing_papers.are_filed(entity, kind)
        unit = filing_papers.begin(session, g.actor, pk, clock.now()) if filed else None
        made = uploads.kept(session, "files", kind, entity, pk, unit_id, row.region_code, clock.now())
        if unit is not None:
            filing_papers.added(session, unit, made)
        return made

    @expose("/<string:entity>/<int:pk>/remove", methods=["POST"])
    @has_access
    @permission_name("read")
    def remove(self, entity: str, pk: int) -> Any:
        record_files.record_of(db.session, g.actor, entity, pk)
        key = number(text("attachment", 20)) or 0
        _done, findings, _status = run(lambda s: filing_papers.remove(s, g.actor, entity, pk, key, clock.now()))
        for finding in findings:
            flash(told(str(finding)), "danger")
        if not findings:
            flash(_("已移除"), "success")
        return redirect(f"/attached/{entity}/{pk}")


def register(appbuilder: Any) -> None:
    # The record's own verb is asked in the workflow: of a person another than of a unit or an elevator.
    screens.declare("Attached", "can_read", Verb.HOME)
    appbuilder.add_view_no_menu(Attached)

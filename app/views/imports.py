"""导入 in four steps: 上传Excel → 校验数据 → 导入数据 → 完成 (IMP-01). One's own batches only."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.imports import batches
from app.models import ImportBatch, ImportRow
from app.models.batch import IMPORT_KIND, ROW_STATE
from app.models.choices import BATCH_STATE
from app.permissions import Verb
from app.transaction import transaction
from app.views import screens

ROWS = 50
TONES = {"done": "ok", "checked": "near", "failed": "over", "checking": "info", "importing": "info", "undone": "gone"}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Imports(BaseView):
    """Upload, look, import; every row is accounted for."""

    route_base = "/imports"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        return self._index([])

    def _index(self, findings: list[Finding], kind: str = "") -> Any:
        rows = db.session.scalars(
            select(ImportBatch)
            .where(ImportBatch.created_by_id == g.actor.user_id)
            .order_by(ImportBatch.id.desc())
            .limit(30)
        ).all()
        return render_template(
            "ta/imports/index.html", title=_("导入"), kinds=batches.kinds_for(g.actor), rows=rows, kind=kind,
            words=IMPORT_KIND, states=BATCH_STATE, tones=TONES, local=clock.local, findings=findings,
        )  # fmt: skip

    @expose("/", methods=["POST"])
    @has_access
    @permission_name("read")
    def upload(self) -> Any:
        kind, file = request.form.get("kind", ""), request.files.get("file")
        if file is None or not file.filename:
            missing = Finding(_("文件"), False, _("没有选择文件"), _("请选择 .xlsx、.xls 或 .csv 文件"), field="file")
            return self._index([missing], kind), 422
        try:
            with transaction(db.session) as session:
                number = batches.open_batch(session, g.actor, clock.now(), kind, file.stream, file.filename).id
        except Refusal as refusal:
            return self._index(refusal.findings, kind), refusal.status_code
        return redirect(url_for("Imports.show", pk=number))

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        return self._batch(pk, [])

    def _batch(self, pk: int, findings: list[Finding]) -> Any:
        batch = self._own(pk)
        held = batches.kind_of(g.actor, batch.kind)
        first = "bad" if batch.bad_rows else "new" if batch.new_rows else "changed" if batch.changed_rows else "same"
        wanted = request.args.get("rows", "")
        state = wanted if wanted in ROW_STATE else first
        given = request.args.get("page", "1")[:6]
        page = max(1, int(given)) if given.isascii() and given.isdigit() else 1
        rows = db.session.scalars(
            select(ImportRow)
            .where(ImportRow.batch_id == batch.id, ImportRow.state == state)
            .order_by(ImportRow.number)
            .limit(ROWS + 1)
            .offset((page - 1) * ROWS)
        ).all()
        step = {"checking": 2, "checked": 2, "failed": 1, "importing": 3, "done": 4, "undone": 4}[batch.state]
        labels = {s.name: s.label for s in held.columns}
        return render_template(
            "ta/imports/batch.html", title=_("导入%(kind)s", kind=str(held.label)), batch=batch, rows=rows[:ROWS],
            more=len(rows) > ROWS, page=page, state=state, states=ROW_STATE, step=step, labels=labels, kind=held,
            count={s: getattr(batch, f"{s}_rows") for s in ROW_STATE}, findings=findings,
        )  # fmt: skip

    @expose("/<int:pk>/start", methods=["POST"])
    @has_access
    @permission_name("read")
    def start(self, pk: int) -> Any:
        self._own(pk)
        try:
            with transaction(db.session) as session:
                batches.start(session, g.actor, pk, clock.now())
        except Refusal as refusal:
            return self._batch(pk, refusal.findings), refusal.status_code
        flash(_("已开始导入，可以离开这个页面；完成后会通知您。"), "info")
        return redirect(url_for("Imports.show", pk=pk))

    @expose("/<int:pk>/bad.xlsx")
    @has_access
    @permission_name("read")
    def bad(self, pk: int) -> Any:
        """The rows that did not go in, with what is wrong."""
        batch = self._own(pk)
        stem = Path(batch.file_name).stem[:60]
        return _sent(_("%(name)s 待改正", name=stem), lambda path: batches.write_bad_rows(db.session, batch, path))

    @expose("/template/<string:kind>.xlsx")
    @has_access
    @permission_name("read")
    def template(self, kind: str) -> Any:
        held = batches.kind_of(g.actor, kind)
        return _sent(_("%(kind)s导入模板", kind=str(held.label)), lambda path: batches.write_template(held, path))

    def _own(self, pk: int) -> ImportBatch:
        found: ImportBatch = scope.visible(db.session, g.actor, ImportBatch, pk, _("导入批次"))
        return found


def _sent(name: str, write: Any) -> Response:
    with tempfile.TemporaryDirectory(prefix="tian-import-") as folder:
        path = Path(folder) / "sent.xlsx"
        write(path)
        body = path.read_bytes()
    answer = Response(body, mimetype=XLSX)
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.xlsx"
    return answer


def register(appbuilder: Any) -> None:
    screens.declare("Imports", "can_read", Verb.IMPORT)
    appbuilder.add_view_no_menu(Imports)

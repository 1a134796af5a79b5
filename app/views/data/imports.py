"""导入 in four steps: 上传Excel → 校验数据 → 导入数据 → 完成 (IMP-01).

One's own batches; who is in charge of a region also looks at what its units imported.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.imports import batches, first_passwords, undoing, words, workbooks
from app.models import ImportBatch, ImportRow
from app.models.batch import IMPORT_KIND, IMPORT_MODE, ROW_STATE
from app.models.choices import BATCH_STATE
from app.permissions import Verb
from app.scratch import scratch
from app.transaction import transaction
from app.views.data import import_pages
from app.views.frame import inbox, screens

ROWS = 50
TONES = {
    "done": "ok", "checked": "near", "failed": "over", "checking": "info", "importing": "info", "undoing": "info",
    "undone": "gone",
}  # fmt: skip
STEPS = {"checking": 2, "checked": 2, "failed": 1, "importing": 3, "done": 4, "undoing": 4, "undone": 4}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WORD = re.compile(r"word-([a-z_]{1,40})-(\d{1,4})")


class Imports(BaseView):
    """Upload, match, look, import; every row is accounted for."""

    route_base = "/imports"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        return self._index([], request.args.get("kind", ""))

    def _index(self, findings: list[Finding], kind: str = "") -> Any:
        own = ImportBatch.created_by_id == g.actor.user_id
        newest = select(ImportBatch).order_by(ImportBatch.id.desc()).limit(30)
        rows = db.session.scalars(newest.where(own)).all()
        # Only who is in charge of a region sees what its units imported.
        others = db.session.scalars(scope.apply(newest, g.actor).where(~own)).all() if g.actor.unit_id is None else []
        return render_template(
            "ta/imports/index.html", title=_("导入"), kinds=batches.kinds_for(g.actor), rows=rows, others=others,
            kind=kind, words=IMPORT_KIND, states=BATCH_STATE, tones=TONES, local=clock.local, findings=findings,
            modes=IMPORT_MODE, mode=request.form.get("mode", "both"),
        )  # fmt: skip

    @expose("/", methods=["POST"])
    @has_access
    @permission_name("read")
    def upload(self) -> Any:
        kind, file = request.form.get("kind", ""), request.files.get("file")
        mode = request.form.get("mode", "both")
        if file is None or not file.filename:
            missing = Finding(_("文件"), False, _("没有选择文件"), _("请选择 .xlsx、.xls 或 .csv 文件"), field="file")
            return self._index([missing], kind), 422
        try:
            with transaction(db.session) as session:
                number = batches.open_batch(
                    session, g.actor, clock.now(), kind, file.stream, file.filename, mode=mode
                ).id
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
        own = batch.created_by_id == g.actor.user_id
        # Before any row is read: it begins a transaction of its own.
        if own and batch.job_id is not None and batch.state not in ("checking", "importing", "undoing"):
            inbox.seen("job", f"/jobs/{batch.job_id}")
        held = batches.kinds()[batch.kind]
        mapping = batch.mapping if batch.mapping and "columns" in batch.mapping else None
        state, reason = self._chosen(batch)
        given = request.args.get("page", "1")[:6]
        page = max(1, int(given)) if given.isascii() and given.isdigit() else 1
        where = [ImportRow.batch_id == batch.id]
        where += [ImportRow.undo == state] if state in ("undone", "kept") else [ImportRow.state == state]
        where += [ImportRow.reason == reason] if reason else []
        shown = select(ImportRow).where(*where).order_by(ImportRow.number).limit(ROWS).offset((page - 1) * ROWS)
        rows = db.session.scalars(shown).all() if mapping else []
        total = db.session.scalar(select(func.count()).select_from(ImportRow).where(*where)) or 0
        facts: dict[str, Any] = {}
        if mapping is not None and batch.state not in ("checking", "failed"):
            columns = import_pages.columns(held, mapping)
            lines = import_pages.lines(db.session, g.actor, held, rows, mapping)
            whole = bool(request.args.get("all"))
            facts = {
                "columns": columns, "lines": lines, "whole": whole,
                "missing": import_pages.missing(held, mapping, batch.mode) if batch.bad_rows else [],
                "reasons": import_pages.reasons(db.session, batch), "odd": mapping.get("odd_codes"),
                "hidden": mapping.get("hidden"), "hidden_names": [c["heading"] for c in columns if c["hidden"]],
                "sums": mapping.get("sums"), "likelier": mapping.get("likelier"), "import_kinds": IMPORT_KIND,
                "seen": import_pages.seen(held, columns, lines, whole),
            }  # fmt: skip
            if batch.state == "checked" and own:
                facts["explained"] = import_pages.explained(db.session, g.actor, held, mapping)
                facts["dates"] = import_pages.dates(held, mapping)
        return render_template(
            "ta/imports/batch.html", title=_("导入%(kind)s", kind=IMPORT_KIND.get(batch.kind, held.label)), batch=batch,
            kind=held, own=own,
            page=page, pages=-(-total // ROWS), total=total, state=state, reason=reason, states=ROW_STATE,
            step=STEPS[batch.state], modes=IMPORT_MODE, findings=findings, per_page=ROWS,
            passwords=first_passwords.waiting(db.session, batch) if own else 0,
            count={s: getattr(batch, f"{s}_rows") for s in ROW_STATE}, **facts,
        )  # fmt: skip

    def _chosen(self, batch: ImportBatch) -> tuple[str, str]:
        """Which rows are looked at: those asked for, else the ones that need a person first."""
        first = next((s for s in ("bad", "new", "changed") if getattr(batch, f"{s}_rows")), "same")
        if batch.state == "undone":
            first = "kept" if batch.kept_rows else "undone"
        wanted = request.args.get("rows", "")
        state = wanted if wanted in ROW_STATE or wanted in ("undone", "kept") else first
        return state, request.args.get("reason", "")[:20] if state == "bad" else ""

    @expose("/<int:pk>/match", methods=["POST"])
    @has_access
    @permission_name("read")
    def match(self, pk: int) -> Any:
        """The columns, dates and words as the owner says; the file is checked again."""
        batch = self._own(pk)
        form = request.form
        mapping = batch.mapping or {}
        try:
            held = batches.kind_of(g.actor, batch.kind)
            typed = {
                (found[1], int(found[2])): value[:20]
                for name, value in form.items()
                if (found := _WORD.fullmatch(name))
            }
            with transaction(db.session) as session:
                batches.rematch(
                    session, g.actor, pk, clock.now(),
                    columns=[form.get(f"column-{n}", "")[:40] or None for n in range(len(mapping.get("headings", [])))],
                    mode=form.get("mode") or None,
                    orders={n.removeprefix("order-"): v for n, v in form.items() if n.startswith("order-")},
                    months={n.removeprefix("month-"): v for n, v in form.items() if n.startswith("month-")},
                    words=words.decided(session, g.actor, held, mapping, typed),
                    measures={n.removeprefix("measure-"): v for n, v in form.items() if n.startswith("measure-")},
                    lenient=[n.removeprefix("lenient-") for n in form if n.startswith("lenient-")],
                )  # fmt: skip
        except Refusal as refusal:
            return self._batch(pk, refusal.findings), refusal.status_code
        return redirect(url_for("Imports.show", pk=pk))

    @expose("/<int:pk>/kind", methods=["POST"])
    @has_access
    @permission_name("read")
    def take_as(self, pk: int) -> Any:
        """The file is of another kind than was chosen for it; nobody uploads it twice."""
        self._own(pk)
        try:
            with transaction(db.session) as session:
                batches.take_as(session, g.actor, pk, request.form.get("kind", ""), clock.now())
        except Refusal as refusal:
            return self._batch(pk, refusal.findings), refusal.status_code
        return redirect(url_for("Imports.show", pk=pk))

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

    @expose("/<int:pk>/undo", methods=["POST"])
    @has_access
    @permission_name("read")
    def undo(self, pk: int) -> Any:
        """Take the whole batch back; rows that something stands on stay and say why."""
        self._own(pk)
        try:
            with transaction(db.session) as session:
                undoing.begin(session, g.actor, pk, clock.now())
        except Refusal as refusal:
            return self._batch(pk, refusal.findings), refusal.status_code
        return redirect(url_for("Imports.show", pk=pk))

    @expose("/<int:pk>/passwords.xlsx", methods=["POST"])
    @has_access
    @permission_name("read")
    def passwords(self, pk: int) -> Any:
        """The first passwords of the accounts that this batch made, once; to the importer alone."""
        batch = self._own(pk)
        stem = Path(batch.file_name).stem[:60]
        try:
            with transaction(db.session) as session:
                rows = first_passwords.fetch(session, g.actor, pk, clock.now())
        except Refusal as refusal:
            return self._batch(pk, refusal.findings), refusal.status_code
        answer = _sent(_("%(name)s 首次密码", name=stem), lambda path: first_passwords.write(rows, path))
        answer.headers["Cache-Control"] = "no-store, max-age=0"
        return answer

    @expose("/<int:pk>/bad.xlsx")
    @has_access
    @permission_name("read")
    def bad(self, pk: int) -> Any:
        """The rows that did not go in, with what is wrong."""
        batch = self._own(pk)
        stem = Path(batch.file_name).stem[:60]
        return _sent(_("%(name)s 待改正", name=stem), lambda path: workbooks.write_bad_rows(db.session, batch, path))

    @expose("/template/<string:kind>.xlsx")
    @has_access
    @permission_name("read")
    def template(self, kind: str) -> Any:
        held = batches.kind_of(g.actor, kind)
        return _sent(_("%(kind)s导入模板", kind=str(held.label)), lambda path: workbooks.write_template(held, path))

    def _own(self, pk: int) -> ImportBatch:
        found: ImportBatch = scope.visible(db.session, g.actor, ImportBatch, pk, _("导入批次"))
        return found


def _sent(name: str, write: Any) -> Response:
    with scratch("import") as folder:
        path = folder / "sent.xlsx"
        write(path)
        body = path.read_bytes()
    answer = Response(body, mimetype=XLSX)
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.xlsx"
    return answer


def register(appbuilder: Any) -> None:
    screens.declare("Imports", "can_read", Verb.IMPORT)
    appbuilder.add_view_no_menu(Imports)

"""导出: the list that one looks at, as filtered and with its columns; what is large is written by a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import current_app, flash, g, redirect, request, send_file, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.listing import moment
from app.permissions import SYSTEM, Verb, require
from app.reports import exports, given_out, proof
from app.scratch import scratch
from app.telling import language, source
from app.transaction import transaction
from app.views.frame import screens
from app.views.frame.base import Screen
from app.wording import say
from app.workflows.core import actors, export_records, jobs

MIME = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}


class Exports(BaseView):
    """One door for all lists: `POST /exports/<listing>` with query, cols, format."""

    route_base = "/exports"
    default_view = "make"

    @expose("/<string:name>", methods=["POST"])
    @has_access
    @permission_name("make")
    def make(self, name: str) -> Any:
        """Send the file, or enter a job and show its page. Whoever may not read the list may not export it."""
        shown = _screens(name)
        if not shown:
            raise exports.unknown(name)
        screen = next((s for s in shown if g.actor.may(s.verb)), shown[0])
        require(g.actor, screen.verb)
        form, ids = request.form, request.form.getlist("ids")
        fmt = exports.check_format(form.get("format", "xlsx"))
        wanted = exports.Wanted(name, exports.of_chosen(form.get("query", ""), ids), form.get("cols", ""), fmt)
        now = moment(db.session, g.actor)
        listing = exports.chosen(screen.listing, wanted, g.actor)
        wanted = exports.as_shown(listing, wanted)
        query = exports.read(listing, wanted)
        total = listing.total(now, query)
        if ids and total < len(query.chosen):
            raise exports.fewer(len(query.chosen), total)
        if total > current_app.config["EXPORT_INLINE_ROWS"]:
            return _enter(screen, wanted, total)
        return _send(screen, wanted)


class ExportProof(BaseView):
    """核对导出文件: is it as written, and does the same export give the same now (RPR-01)?"""

    route_base = "/export-proof"
    default_view = "index"

    @expose("/", methods=["GET", "POST"])
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        findings: list[Finding] = []
        verdict, status = None, 200
        if request.method == "POST":
            file = request.files.get("file")
            if file is None or not file.filename:
                findings = [Finding(_("文件"), False, _("没有选择文件"), _("请选择导出时得到的文件"), field="file")]
            else:
                with scratch("proof") as folder:
                    path = folder / "file"
                    file.save(path)
                    try:
                        with exports.one_view(db.session):
                            verdict = prove(path)
                    except Refusal as refusal:
                        findings = [f for f in refusal.findings if not f.ok]
            status = 422 if findings else 200
        page = self.render_template(
            "ta/platform/proof.html", title=_("核对导出文件"), verdict=verdict, findings=findings, local=clock.local,
        )  # fmt: skip
        return page, status


def prove(path: Path) -> proof.Verdict:
    """The export runs again in its maker's name, and only for him or for whoever sees everything.

    Of somebody else's export one learns whether the file is whole, and nothing of what it holds.
    """
    _held, record = proof.identify(db.session, path, export_records.of_table, export_records.of_file)
    maker = None
    if record is not None and record.made_by_id == g.actor.user_id:
        maker = g.actor
    elif record is not None and g.actor.sees_everything:
        maker = SYSTEM if record.made_by_id is None else actors.actor_by_id(db.session, record.made_by_id, "web")
    return proof.prove(db.session, path, export_records.of_table, maker, export_records.of_file)


def _screens(name: str) -> list[Any]:
    """The pages that show this list and offer its export."""
    views = current_app.appbuilder.baseviews  # type: ignore[attr-defined]
    return [v for v in views if isinstance(v, Screen) and v.exportable and v.listing.name == name]


def _enter(screen: Any, wanted: exports.Wanted, total: int) -> Any:
    title = say("导出%(list)s %(rows)s 行", list=source(screen.listing.title), rows=f"{total:,}")
    back = url_for(f"{screen.endpoint}.list") + (f"?{wanted.query}" if wanted.query else "")
    params = wanted.as_dict() | {"verb": screen.verb.value, "back": back, "language": language()}
    with transaction(db.session) as session:
        job_id = jobs.enqueue(session, g.actor, clock.now(), "export", title, params).id
    flash(_("共 %(rows)s 行，已转为后台任务；完成后收件箱会通知您，在这里下载。", rows=f"{total:,}"), "info")
    return redirect(url_for("Jobs.show", job_id=job_id))


def _send(screen: Any, wanted: exports.Wanted) -> Any:
    listing, actor = exports.chosen(screen.listing, wanted, g.actor), g.actor
    with scratch("export") as folder:
        path = folder / f"export.{wanted.format}"
        with exports.one_view(db.session):
            now = moment(db.session, actor)
            query = exports.read(listing, wanted)
            told = exports.export(now, listing, query, path, wanted.format, forget=False).as_dict()
        with transaction(db.session) as session:
            export_records.keep(
                session, actor, clock.now(), wanted.listing, told, query=wanted.query, columns=query.columns,
                fmt=wanted.format,
            )  # fmt: skip
        # Opened before the folder goes: the bytes stay until the answer is sent, and no name is left behind.
        return attached(path, exports.file_name(str(listing.title), now.now, wanted.format), told["sha256"])


def send_table(name: str, title: str, **asked: str) -> Any:
    """A report that is a table, as .xlsx or .csv, at once; in the register like every export, with what was asked."""
    require(g.actor, Verb.EXPORT)
    fmt = exports.check_format(request.form.get("format", "xlsx"))
    now = clock.now()
    with scratch("table") as folder:
        path = folder / f"table.{fmt}"
        with exports.one_view(db.session):
            told, columns = given_out.write_table(db.session, g.actor, name, asked, path, fmt, title, now)
        with transaction(db.session) as session:
            export_records.keep(
                session, g.actor, now, name, told, query=given_out.query_of(asked), fmt=fmt,
                columns=[column.name for column in columns],
            )  # fmt: skip
        return attached(path, exports.file_name(title, now, fmt), told["sha256"])


def attached(path: Path, name: str, digest: str) -> Any:
    """A made file as an answer that the browser saves and nobody keeps."""
    answer = send_file(
        path.open("rb"), mimetype=MIME[path.suffix.lstrip(".")], as_attachment=True, download_name=name, max_age=0
    )
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Table-SHA256"] = digest
    return answer


def register(appbuilder: Any) -> None:
    """Add the door."""
    screens.declare("Exports", "can_make", Verb.EXPORT)
    screens.declare("ExportProof", "can_read", Verb.EXPORT)
    appbuilder.add_view_no_menu(Exports)
    appbuilder.add_view_no_menu(ExportProof)

"""`/files/<id>`: the bytes of an attachment, to whoever may have them now; never run by the browser as our page.

`POST /files/` takes one file ahead of its form, so that a page shows progress and a form never fails for its files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, jsonify, request, send_file
from flask_babel import gettext as _
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import FileWrapper

from app import clock, vault
from app.errors import Finding, NotFound, Refusal, refuse
from app.extensions import db
from app.models import Attachment
from app.permissions import NOBODY
from app.rules.files import JPEG, LIMITS
from app.transaction import transaction
from app.views.frame import desks
from app.views.frame.told import told
from app.wording import say
from app.workflows.core import audit
from app.workflows.files import attachments, infected, record_files, sealed_files, sent_ahead

files = Blueprint("files", __name__)
# What a browser may show by itself; everything else is saved.
SHOWN = {attachments.PDF, attachments.PNG, attachments.JPEG}
# What a page may send ahead: what people upload into forms, never what jobs make or imports read.
AHEAD = frozenset(LIMITS) - {"import", "export", "signature", "bulletin"}
# No script, no plug-in, no origin of ours. Chromium's own reader of PDF runs in no sandbox, so a PDF goes without
# that word; it comes with a type that no browser takes for a page, and what it holds can fetch nothing.
_NOTHING = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
_SANDBOX = _NOTHING + "; sandbox"


def register(app: Flask) -> None:
    app.register_blueprint(files)


@files.get("/files/<int:attachment_id>")
def fetch(attachment_id: int) -> Any:
    """Save the file; with `?view=1` a picture or PDF opens in the browser, `?thumb=1` gives the picture's small one."""
    actor = g.get("actor", NOBODY)
    if actor.user_id is None:
        return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
    application_id = record_files.application_of(db.session, attachment_id)
    if application_id is not None:
        desks.sit_at(application_id)
        actor = g.actor
    row = attachments.for_download(db.session, actor, attachment_id)
    small = request.args.get("thumb") == "1" and row.thumb_sha256 is not None
    place = attachments.path(current_app.config["UPLOAD_DIR"], row, small=small)
    if not place.is_file():
        raise NotFound(
            Finding(
                "附件",
                False,
                say("“%(name)s”的内容已不在服务器上", name=row.name),
                "请联系管理员从备份恢复，或重新生成",
            )
        )
    answer = as_answer(place, row, small)
    if row.kind in attachments.PRIVATE or row.kind in attachments.OF_PERSONS:
        name, digest, key, entity, entity_id = row.name, row.sha256, row.id, row.entity, row.entity_id
        with transaction(db.session):
            audit.record(
                db.session, actor, clock.now(), "attachment.download", entity, entity_id,
                after={"attachment": key, "name": name, "sha256": digest},
            )  # fmt: skip
    return answer


def as_answer(place: Path, row: Attachment, small: bool) -> Response:
    """The bytes of a file that may be given out, so that no browser runs them as our page."""
    mime = JPEG if small else row.mime
    inline = mime in SHOWN and (small or request.args.get("view") == "1")
    if row.kind in sealed_files.KINDS:
        answer = _unsealed(place, row.kind, mimetype=mime, as_attachment=not inline, download_name=row.name)
    else:
        answer = send_file(place, mimetype=mime, as_attachment=not inline, download_name=row.name, conditional=True)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = _NOTHING if inline and mime == attachments.PDF else _SANDBOX
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    # A small picture never changes, and a list of twenty is asked for again and again by the same person.
    answer.headers["Cache-Control"] = "private, max-age=600" if small else "private, no-store"
    return answer


def _unsealed(place: Path, kind: str, **how: Any) -> Response:
    """A sealed file, opened as it goes out, with the length, the tag and the parts of one that stands open."""
    opened = sealed_files.opened(place, kind)
    size = opened.seek(0, os.SEEK_END)
    opened.seek(0)
    answer = send_file(opened, etag=place.name, last_modified=place.stat().st_mtime, conditional=False, **how)
    # Ours, not the server's: that would look for a plain file beneath, and read up to a part instead of going there.
    answer.response = FileWrapper(opened, vault.BLOCK)
    answer.content_length = size
    try:
        answer.make_conditional(request.environ, accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        opened.close()
        raise
    return answer


@files.post("/files/")
def send_ahead() -> Any:
    """Keep one file for the form that is being filled in: its number, or in words why not."""
    actor = g.get("actor", NOBODY)
    if actor.user_id is None:
        return jsonify(errors=[str(_("登录已失效，请重新登录后再上传"))]), 401
    file, kind = request.files.get("file"), request.form.get("kind", "")[:20]
    try:
        if kind not in AHEAD:
            raise refuse("附件", say("没有“%(kind)s”这一类附件", kind=kind), "请刷新页面后重新上传", field="file")
        if file is None or not file.filename:
            raise refuse("附件", "没有收到文件", "请重新选择", field="file")
        # Decoding and scanning take their time: nobody's transaction waits for them.
        with infected.stopped_besides(db.session, clock.now()):
            received = attachments.receive(file.stream, file.filename, kind)
        with transaction(db.session) as session:
            row = sent_ahead.send(session, actor, clock.now(), received)
            told = described(row)
    except Refusal as refusal:
        return jsonify(errors=[said(f) for f in refusal.findings if not f.ok]), refusal.status_code
    return jsonify(told), 201


@files.post("/files/<int:attachment_id>/remove")
def remove(attachment_id: int) -> Any:
    """Take back a file that was sent ahead."""
    actor = g.get("actor", NOBODY)
    if actor.user_id is None:
        return jsonify(errors=[]), 401
    try:
        with transaction(db.session) as session:
            attachments.remove(session, actor, attachment_id, clock.now())
    except Refusal as refusal:
        return jsonify(errors=[said(f) for f in refusal.findings if not f.ok]), refusal.status_code
    return jsonify(removed=attachment_id)


def described(row: Attachment) -> dict[str, Any]:
    """What the list of uploaded files shows of one."""
    return {
        "id": row.id, "name": row.name, "size": row.size,
        "thumb": row.thumb_sha256 is not None and row.scan not in ("waiting", "infected"),
        "waits": row.scan == "waiting",
    }  # fmt: skip


def said(finding: Finding) -> str:
    """A refusal of a file without the word that every one of them begins with."""
    return str(told(finding.words))

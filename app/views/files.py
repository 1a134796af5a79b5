"""`/files/<id>`: the bytes of an attachment, to whoever may have them now; never run by the browser as our page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, current_app, g, request, send_file

from app import clock
from app.errors import Finding, NotFound
from app.extensions import db
from app.permissions import NOBODY
from app.transaction import transaction
from app.views import desks
from app.workflows import attachments, audit

files = Blueprint("files", __name__)
# What a browser may show by itself; everything else is saved.
SHOWN = {attachments.PDF, attachments.PNG, attachments.JPEG}


def register(app: Flask) -> None:
    app.register_blueprint(files)


@files.get("/files/<int:attachment_id>")
def fetch(attachment_id: int) -> Any:
    """Save the file; with `?view=1` a picture or PDF opens in the browser."""
    actor = g.get("actor", NOBODY)
    if actor.user_id is None:
        return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
    application_id = attachments.application_of(db.session, attachment_id)
    if application_id is not None:
        desks.sit_at(application_id)
        actor = g.actor
    row = attachments.for_download(db.session, actor, attachment_id)
    place = attachments.path(current_app.config["UPLOAD_DIR"], row)
    if not place.is_file():
        raise NotFound(
            Finding("附件", False, f"“{row.name}”的内容已不在服务器上", "请联系管理员从备份恢复，或重新生成")
        )
    inline = row.mime in SHOWN and request.args.get("view") == "1"
    answer = send_file(place, mimetype=row.mime, as_attachment=not inline, download_name=row.name, conditional=True)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
    )
    answer.headers["Cache-Control"] = "private, no-store"
    if row.kind in attachments.PRIVATE:
        name, digest, key, entity, entity_id = row.name, row.sha256, row.id, row.entity, row.entity_id
        with transaction(db.session):
            audit.record(
                db.session, actor, clock.now(), "attachment.download", entity, entity_id,
                after={"attachment": key, "name": name, "sha256": digest},
            )  # fmt: skip
    return answer

"""A masked number or picture shown whole: the answer of the pages of people and of invitations."""

from __future__ import annotations

from typing import Any

from flask import current_app, jsonify, send_file

from app.errors import Finding, NotFound
from app.models import Attachment
from app.workflows import attachments


def answer(found: str | Attachment) -> Any:
    """A number as JSON, a picture as its bytes; kept by no cache."""
    if isinstance(found, str):
        return jsonify(text=found)
    place = attachments.path(current_app.config["UPLOAD_DIR"], found)
    if not place.is_file():
        raise NotFound(Finding("附件", False, f"“{found.name}”的内容已不在服务器上", "请联系管理员从备份恢复"))
    sent = send_file(place, mimetype=found.mime, max_age=0)
    sent.headers["X-Content-Type-Options"] = "nosniff"
    sent.headers["Cache-Control"] = "private, no-store"
    return sent

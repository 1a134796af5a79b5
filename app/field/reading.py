"""The code of a photographed label, for browsers that cannot read one in the camera's picture (MNT-01)."""

from __future__ import annotations

from typing import Any

from flask import g, jsonify, request
from flask_babel import gettext as _

from app import code_reader
from app.field.pages import field, signed_in
from app.views.frame import guesses
from app.workflows.on_site import presence

# Of one account: more than anybody photographs labels, less than keeps a process at it.
PICTURES = "20/minute"


@field.post("/scan/read")
@signed_in
def read_code() -> Any:
    """`text` as the camera would give it, or `message` for whom it is to be typed. The picture is not kept."""
    if guesses.taken("scan.read", PICTURES, g.actor.user_id):
        return jsonify(message=_("识别过于频繁，请一分钟后再试，或输入标牌上的识别码")), 429
    sent = request.files.get("picture")
    if sent is None or not sent.filename:
        return jsonify(message=_("没有收到照片，请重新拍照，或输入标牌上的识别码")), 422
    try:
        text = code_reader.code_in(sent.stream)
    except code_reader.Busy:
        return jsonify(message=_("正在识别其他照片，请稍后再拍一次，或输入标牌上的识别码")), 503
    if not text or len(text) > presence.LONGEST_TEXT:
        unread = _("照片里没有认出二维码：只拍一个标签，靠近、对准，避开反光后再拍，或输入标牌上的识别码")
        return jsonify(message=unread), 422
    return jsonify(text=text)

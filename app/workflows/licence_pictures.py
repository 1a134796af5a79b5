"""营业执照 that fills a form (UNT-03): the picture is checked like any upload, read, and not kept."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from app import picture_reader
from app.errors import refuse
from app.permissions import Actor, Verb, require
from app.rules.licence_text import fields_of
from app.workflows import attachments

# As many pixels as small print needs; more only takes longer.
EDGE = 2400


def read(actor: Actor, stream: IO[bytes], name: str, folder: Path) -> dict[str, str]:
    """The fields of a unit that the picture shows, as text; refused where it is no picture or nothing can be read.

    `folder` is one for what stays nowhere: the caller's scratch.
    """
    require(actor, Verb.UNIT_EDIT)
    picture = folder / "picture"
    picture.write_bytes(attachments.picture_of(stream, name, "licence", EDGE))
    words = picture_reader.words_of(picture)
    if words is None:
        raise refuse("营业执照", "暂时不能识别图片", "请自行填写，不影响备案", field="licence_picture")
    found = fields_of(words)
    if not found:
        remedy = "请在光线充足处平放拍摄原件，占满画面；或自行填写"
        raise refuse("营业执照", "没有认出营业执照上的内容", remedy, field="licence_picture")
    return found

"""营业执照 that fills a form (UNT-03): the picture is checked like any upload, read, and not kept."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from app import picture_reader
from app.errors import refuse
from app.models.attachment import ATTACHMENT_KIND
from app.permissions import Actor, Verb, require
from app.rules.files import LIMITS, PICTURES
from app.rules.licence_text import fields_of
from app.workflows.files import attachments, file_contents, pictures
from app.workflows.files.file_contents import bad

KIND = "licence"
# As many pixels as small print needs; more only takes longer.
EDGE = 2400


def read(actor: Actor, stream: IO[bytes], name: str, folder: Path) -> dict[str, str]:
    """The fields of a unit that the picture shows, as text; refused where it is no picture or nothing can be read.

    `folder` is one for what stays nowhere: the caller's scratch.
    """
    require(actor, Verb.UNIT_EDIT)
    picture = folder / "picture"
    picture.write_bytes(_checked(stream, name))
    words = picture_reader.words_of(picture)
    if words is None:
        raise refuse("营业执照", "暂时不能识别图片", "请自行填写，不影响备案", field="licence_picture")
    found = fields_of(words)
    if not found:
        remedy = "请在光线充足处平放拍摄原件，占满画面；或自行填写"
        raise refuse("营业执照", "没有认出营业执照上的内容", remedy, field="licence_picture")
    return found


def _checked(stream: IO[bytes], name: str) -> bytes:
    """The picture checked like any upload, written anew, and kept nowhere."""
    limit, shown = LIMITS[KIND], attachments.clean_name(name)
    draft, _size, digest = attachments.take(stream, shown, limit)
    try:
        mime = file_contents.check(draft, shown, str(ATTACHMENT_KIND[KIND]), limit)
        if mime not in PICTURES:
            raise bad(shown, "是文档，不是照片", "请上传照片（JPG 或 PNG）")
        file_contents.scanned(draft, shown, digest)
        return pictures.prepare(draft, shown, mime, EDGE).content
    finally:
        draft.unlink(missing_ok=True)

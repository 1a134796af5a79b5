"""What the phone's forms hold: a position, answers by item, faults, photos, a drawn signature."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

from flask import g

from app import clock
from app.errors import refuse
from app.models.choices import VISIT_FAULT
from app.views.frame import uploads
from app.wording import say
from app.workflows.files import attachments
from app.workflows.on_site.presence import Position

MOST_PHOTOS = 9
LONGEST_SIGNATURE = 400_000


def position_of(given: Any) -> Position:
    """Where the phone says it is; nowhere when it says nothing, or nonsense."""
    try:
        latitude, longitude = float(given.get("latitude", "")), float(given.get("longitude", ""))
    except ValueError:
        return Position()
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return Position()
    return Position(latitude, longitude)


def answers_of(form: Any) -> dict[str, dict[str, Any]]:
    answers: dict[str, dict[str, Any]] = {}
    for name, given in form.items():
        for part in ("result", "value", "reason"):
            if name.startswith(f"{part}-"):
                answers.setdefault(name[len(part) + 1 :][:20], {})[part] = given
    return answers


def feedback_of(form: Any) -> tuple[str | None, list[str]]:
    """What was written of faults, and of what kinds they are. None: not answered; "" for 无故障."""
    chosen = form.get("fault")
    if chosen != "some":
        return ("" if chosen == "none" else None), []
    told, kinds = form.get("problem", ""), form.getlist("faults")[: len(VISIT_FAULT)]
    return (told if told.strip() or kinds else None), kinds


def signature_of(session: Any, given: str) -> int | None:
    picture = drawn(given)
    return None if picture is None else _store(session, io.BytesIO(picture), "签名.png", "signature")


def drawn(given: str) -> bytes | None:
    """The drawn signature, sent as a PNG in text."""
    if not given:
        return None
    head, _sep, body = given.partition(",")
    if head != "data:image/png;base64" or len(body) > LONGEST_SIGNATURE:
        raise refuse("签名", "签名图片不完整", "请清除后重新签名", field="signature")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise refuse("签名", "签名图片不完整", "请清除后重新签名", field="signature") from error


def files_of(session: Any, kind: str, entity: str = "visit") -> list[int]:
    """The files of the form, each stored and waiting for its row."""
    if (count := uploads.chosen(kind)) > MOST_PHOTOS:
        most = say("一次最多 %(most_photos)s 张", most_photos=MOST_PHOTOS)
        raise refuse("照片", say("选了 %(count)s 张", count=count), most, field=kind)
    return uploads.kept(session, kind, kind, entity, None, g.actor.unit_id, g.actor.region_code, clock.now())


def _store(session: Any, stream: Any, name: str, kind: str, entity: str = "visit") -> int:
    whose = None, g.actor.unit_id, g.actor.region_code
    return attachments.store(session, g.actor, clock.now(), stream, name, kind, entity, *whose).id

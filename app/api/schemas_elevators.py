"""The bodies and answers about an elevator's place and parts, as `schemas.py` says the others."""

from __future__ import annotations

from app.api.schemas import FILES, INSTANT, TEXT, WHOLE, Schema, an_object, many, maybe, one_of, ref, said, text
from app.models.choices import NETWORK, PLATE_STATE
from app.models.position import CAPTURE_OUTCOME
from app.workflows.corrections import FIELDS

_NUMBER: Schema = {"type": "number"}
_PLAIN: Schema = {"oneOf": [{"type": "string", "maxLength": 300}, {"type": "number"}]}

ELEVATORS: dict[str, Schema] = {
    "Capture": an_object(
        "id elevator_id taken_at taken_by samples outcome", id=WHOLE, elevator_id=WHOLE, taken_at=INSTANT,
        taken_by=TEXT, latitude=said(maybe(_NUMBER), "WGS-84"), longitude=said(maybe(_NUMBER), "WGS-84"),
        accuracy=said(maybe(_NUMBER), "米"), samples=WHOLE, moved=said(maybe(WHOLE), "与原位置相距，米"),
        plate_state=maybe(one_of(PLATE_STATE)), network=maybe(one_of(NETWORK)), note=maybe(TEXT),
        outcome=one_of(CAPTURE_OUTCOME), application_id=maybe(WHOLE),
    ),
    "CaptureList": an_object("rows", rows=many(ref("Capture"))),
    "Captured": {"allOf": [ref("Capture"), an_object(application=maybe(ref("ApplicationWhole")))]},
    "NewCapture": an_object(
        samples=many(an_object(
            "latitude longitude accuracy", latitude=said(_NUMBER, "WGS-84"), longitude=_NUMBER,
            accuracy=said(_NUMBER, "手机给出的精度，米"),
        ), 120), plate_state=one_of(PLATE_STATE), network=one_of(NETWORK), note=text(200), photos=FILES,
    ),
    "NewCorrection": an_object(
        "changes reason", changes=said(an_object(**dict.fromkeys(FIELDS, _PLAIN)), "要更正的各项"), reason=text(300),
        photos=FILES,
    ),
}  # fmt: skip

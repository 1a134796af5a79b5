"""The bodies and answers about an elevator's place and parts, as `schemas.py` says the others."""

from __future__ import annotations

from app.api.schemas import (
    DAY,
    FILES,
    INSTANT,
    TEXT,
    WHOLE,
    YES,
    Schema,
    an_object,
    many,
    maybe,
    one_of,
    page_of,
    ref,
    said,
    text,
)
from app.models.choices import NETWORK, PLATE_STATE
from app.models.label import LABEL_KIND, LABEL_REASON
from app.models.part import COMPONENT_END, DOOR_SIDE, DOOR_STATE
from app.models.position import CAPTURE_OUTCOME
from app.workflows.filing.corrections import FIELDS

_NUMBER: Schema = {"type": "number"}
_PLAIN: Schema = {"oneOf": [{"type": "string", "maxLength": 300}, {"type": "number"}]}

_LIFT = an_object("id code", id=WHOLE, code=TEXT)
_PART: dict[str, Schema] = {
    "name": text(40), "installed_on": DAY, "life_months": said(WHOLE, "不填按政策"), "model": text(60),
    "installed_by": text(60), "note": text(200),
}
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
    "Label": an_object(
        "elevator_id kind made_at prints", id=said(maybe(WHOLE), "还没有打印、更换过的第一张没有"), elevator_id=WHOLE,
        kind=one_of(LABEL_KIND), reason=maybe(one_of(LABEL_REASON)), note=maybe(TEXT), made_at=INSTANT,
        made_by=maybe(TEXT), starts_on=said(maybe(DAY), "最迟启用日期"), begins_at=said(maybe(INSTANT), "启用时间"),
        ends_at=said(maybe(INSTANT), "停用时间，临时标牌预先知道"), printed_at=maybe(INSTANT), prints=WHOLE,
    ),
    "LabelList": an_object("rows", rows=many(ref("Label"))),
    "NewLabel": an_object(
        "reason switch", reason=one_of(LABEL_REASON), note=text(200),
        switch=said(one_of({"now": "", "on_scan": ""}), "旧标牌立即停用，或第一次现场扫到新标牌时停用"),
        starts_on=said(DAY, "最迟启用日期，on_scan 必填"),
    ),
    "NewTemporaryLabel": an_object("until_on", until_on=DAY, note=text(200)),
    "Component": an_object(
        "id elevator name installed_on life_months due_on row_version", id=WHOLE, elevator=_LIFT, region_code=TEXT,
        name=TEXT, model=maybe(TEXT), installed_on=DAY, life_months=WHOLE, due_on=DAY, installed_by=maybe(TEXT),
        note=maybe(TEXT), replaces_id=maybe(WHOLE), ended_on=maybe(DAY), end_kind=maybe(one_of(COMPONENT_END)),
        ended_by=maybe(TEXT), end_reason=maybe(TEXT), row_version=WHOLE,
    ),
    "ComponentPage": page_of("Component"),
    "ElevatorComponents": an_object("rows ended", rows=many(ref("Component")), ended=many(ref("Component"))),
    "NewComponent": an_object("name installed_on", **_PART),
    "ComponentEdit": an_object("row_version", row_version=WHOLE, **_PART),
    "ComponentReplacement": an_object("row_version", row_version=WHOLE, reason=text(200), **_PART),
    "ComponentRemoval": an_object("row_version reason", row_version=WHOLE, reason=text(200)),
    "UsualFilling": an_object(
        installed_on=said(DAY, "不填：新电梯从投用日起计，年限已过的从今天起计"),
        lowest=said({"type": "integer"}, "最低层，例如 -2；不填不生成层门"),
    ),
    "UsualFilled": an_object("components doors", components=WHOLE, doors=WHOLE),
    "UsualComponentList": an_object(
        "rows", row_version=said(WHOLE, "所见的版本，没有自己的清单时为 0"),
        rows=many(an_object("name", name=text(40), life_months=said(WHOLE, "不填按政策")), 60),
    ),
    "UsualComponents": an_object(
        "kind rows row_version", kind=TEXT, unit_id=maybe(WHOLE), region_code=said(maybe(TEXT), "系统自带的没有"),
        row_version=WHOLE, rows=many(an_object("name life_months", name=TEXT, life_months=WHOLE)),
    ),
    "LandingDoor": an_object(
        "id elevator landing side condition", id=WHOLE, elevator=_LIFT, landing=TEXT, side=one_of(DOOR_SIDE),
        condition=one_of(DOOR_STATE), note=maybe(TEXT), checked_on=maybe(DAY),
    ),
    "LandingDoorPage": page_of("LandingDoor"),
    "LandingDoorList": an_object("rows", rows=many(ref("LandingDoor"))),
    "NewLandingDoors": an_object(
        lowest=said({"type": "integer"}, "最低层，例如 -2；缺省 1"), both_sides=said(YES, "前后都有门")
    ),
    "LandingDoorChecks": an_object(
        "doors", checked_on=DAY,
        doors=many(an_object("id condition", id=WHOLE, condition=one_of(DOOR_STATE), note=text(200)), 400),
    ),
    "NewCorrection": an_object(
        "changes reason", reason=text(300), photos=FILES,
        changes=said({"type": "object", "properties": dict.fromkeys(FIELDS, _PLAIN)}, "要更正的各项"),
    ),
}  # fmt: skip

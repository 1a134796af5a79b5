"""The bodies and answers about devices in elevators, as `schemas.py` says the others."""

from __future__ import annotations

from app.api.schemas import INSTANT, TEXT, WHOLE, YES, Schema, an_object, many, maybe, one_of, page_of, ref, said, text
from app.models.iot import DIRECTION, DOOR, EVENT_KIND, MODE
from app.rules.iot import LONGEST_ID, LONGEST_URL, MOST_EVENTS, MOST_MESSAGES

_NUMBER: Schema = {"type": "number"}
_AT = said(INSTANT, "带时区，如 2026-11-20T09:00:00+08:00；也可以是 1970 年以来的毫秒数")
_STATUS: dict[str, Schema] = {
    "floor": maybe(text(10)), "direction": maybe(one_of(DIRECTION)), "door": maybe(one_of(DOOR)),
    "speed": said(maybe(_NUMBER), "m/s"), "mode": maybe(one_of(MODE)), "occupied": said(maybe(YES), "轿厢内有人"),
}  # fmt: skip
_MESSAGE: dict[str, Schema] = {
    "sent_at": said(_AT, "设备发送时自己的时间；用来算出并扣除时钟偏差"),
    "status": said(an_object("", at=_AT, **_STATUS), "此刻的状态；at 不填同 sent_at"),
    "events": many(ref("IotSentEvent"), MOST_EVENTS),
}
_FILED: dict[str, Schema] = {
    "maker": text(80), "model": text(60), "standard": said(text(40), "消息里没有写明时的标准版本"),
    "video_url": said(text(LONGEST_URL), "https 网址"),
}  # fmt: skip

IOT: dict[str, Schema] = {
    "IotSentEvent": an_object(
        "id at code", id=said(text(LONGEST_ID), "设备内不重复；重发用同一个"), at=_AT,
        standard=said(text(40), "如 GB/T 24476-2017；不填按设备登记的"), code=text(20),
        data=said({"type": "object"}, "不超过 2,000 个字；occupied: true 表示轿厢内有人"),
    ),
    "IotMessage": an_object("", **_MESSAGE),
    "IotMessages": an_object(
        "messages", messages=many(an_object("device", device=said(text(40), "设备编号"), **_MESSAGE), MOST_MESSAGES),
    ),
    "IotTaken": an_object(
        "received_at accepted duplicates late refused", received_at=INSTANT, accepted=said(WHOLE, "新收下的事件"),
        duplicates=said(WHOLE, "以前收过的"), late=WHOLE, statuses=WHOLE,
        skew_seconds=said({"type": "object"}, "设备编号 → 时钟快了几秒；没有偏差的不列"),
        refused=said(many(an_object("device id reason", device=TEXT, id=TEXT, reason=TEXT)), "没有收下的，不用重发"),
    ),
    "IotDevice": an_object(
        "id serial elevator_id code state", id=WHOLE, serial=TEXT, elevator_id=WHOLE, code=said(TEXT, "识别码"),
        place=TEXT, region_code=TEXT, maker=maybe(TEXT), model=maybe(TEXT), standard=TEXT,
        state=one_of(["online", "offline", "trouble", "ended"]), has_video=YES, bound_at=INSTANT,
        ended_at=maybe(INSTANT), end_reason=maybe(TEXT), trouble=maybe(TEXT), row_version=WHOLE,
        live=maybe(an_object("seen_at", seen_at=INSTANT, told_at=maybe(INSTANT), skew_seconds=WHOLE, **_STATUS)),
    ),
    "IotDevicePage": page_of("IotDevice"),
    "NewIotDevice": an_object("elevator_id serial", elevator_id=WHOLE, serial=text(40), **_FILED),
    "IotDeviceChange": an_object("", seen_version=said(WHOLE, "看到的 row_version；之后有变动则 409"), **_FILED),
    "IotUnbinding": an_object("reason", reason=text(200)),
    "IotKey": an_object("device key", device=ref("IotDevice"), key=said(TEXT, "设备密钥，只在这次回答中")),
    "IotOfElevator": an_object("elevator_id code device", elevator_id=WHOLE, code=TEXT, device=maybe(ref("IotDevice"))),
    "IotEvent": an_object(
        "id device event_id elevator_id code kind", id=WHOLE, device=said(TEXT, "设备编号"), event_id=TEXT,
        elevator_id=WHOLE, code_of_elevator=said(TEXT, "识别码"), region_code=TEXT, unit_id=maybe(WHOLE),
        use_unit_id=maybe(WHOLE), standard=TEXT, code=TEXT, kind=one_of(EVENT_KIND), name=TEXT,
        told_at=said(INSTANT, "设备时间"), happened_at=said(INSTANT, "扣除时钟偏差后的发生时间"), received_at=INSTANT,
        skew_seconds=WHOLE, is_late=YES, joined_id=said(maybe(WHOLE), "重复的，是哪一个事件的"),
        raised=said(maybe(TEXT), "它变成了什么"), raised_id=maybe(WHOLE), data=maybe({"type": "object"}),
    ),
    "IotEventPage": page_of("IotEvent"),
    "IotCodes": an_object("rows", rows=many(an_object(
        "standard code name kind", standard=TEXT, code=TEXT, name=TEXT, kind=one_of(EVENT_KIND),
    ))),
}  # fmt: skip

"""`/api/v1/iot`: devices' messages by token or by a device's own key; devices, events and live data (INT-03)."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Any

from flask import current_app, g, jsonify, request
from flask_appbuilder import expose
from flask_appbuilder.api import safe
from sqlalchemy.exc import OperationalError

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, answers_signed, body, iso, refused
from app.api.reading import words
from app.errors import Finding, Refusal, refuse
from app.extensions import db
from app.listings.iot import DEVICES, EVENTS, event_name, state_of, trouble_of
from app.models import Elevator, IotDevice, IotEvent
from app.permissions import SYSTEM, Verb
from app.reference import iot as codes
from app.rules.iot import MOST_BYTES
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.partners import iot, iot_devices

FIELDS = ("serial", "maker", "model", "standard", "video_url")
BUSY_SECONDS = 5
_turns: dict[int, BoundedSemaphore] = {}


class IotApi(Resource):
    """Messages in, live data out."""

    resource_name = "iot"
    openapi_spec_tag = "IoT"

    @answers("/messages", "POST")
    def messages(self) -> Any:
        """Take messages of several devices, from the system that gathers them.
        ---
        post:
          summary: 上报多个设备的状态和事件（令牌）；同一事件重发不重复；忙时回 503 和 Retry-After
          takes: IotMessages
          gives: {200: IotTaken}
        """
        return _received(lambda s, sent: iot.receive(s, actor(), sent, clock.now()))

    @expose("/device", methods=["POST"])
    @safe
    @answers_signed
    def device(self) -> Any:
        """Take one message of a device that signs with its own key.
        ---
        post:
          summary: 设备自己上报，用设备密钥签名（X-Device、X-Timestamp、X-Nonce、X-Signature），见 docs/iot.md
          security: [{device: []}]
          takes: IotMessage
          gives: {200: IotTaken}
        """
        return _received(_signed)

    @answers("/devices", "GET")
    def devices(self) -> Any:
        """Give devices, as the page does.
        ---
        get:
          summary: 物联网设备和它们的实时数据
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [bound, online, offline, trouble, skewed, ended]}}
            - {in: query, name: q, schema: {type: string}, description: 设备编号、识别码、楼盘、地址}
            - {in: query, name: elevator, schema: {type: integer}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: IotDevicePage}
        """
        return listed.page(DEVICES, device)

    @answers("/devices/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one device with its live data.
        ---
        get:
          summary: 一个设备
          gives: {200: IotDevice}
        """
        return jsonify(device(scope.visible(db.session, actor(), IotDevice, key, "这个设备")))

    @answers("/devices", "POST")
    def bind(self) -> Any:
        """Bind a device to an elevator; its key is in this answer alone.
        ---
        post:
          summary: 绑定硬件；回答里的密钥只给这一次
          takes: NewIotDevice
          gives: {201: IotKey}
        """
        sent = body()
        lift = sent.get("elevator_id")
        if isinstance(lift, bool) or not isinstance(lift, int):
            raise refuse("电梯", "elevator_id 不是整数", "请给出电梯的 id", field="elevator_id")
        with transaction(db.session) as session:
            row, key = iot_devices.bind(session, actor(), lift, _form(sent), clock.now())
        return jsonify(device=device(row), key=key), 201

    @answers("/devices/<int:key>/edit", "POST", once=True)
    def edit(self, key: int) -> Any:
        """Change what is filed of a device.
        ---
        post:
          summary: 修改设备的登记；没有给出的保持不变
          takes: IotDeviceChange
          gives: {200: IotDevice}
        """
        sent = body()
        with transaction(db.session) as session:
            form = {name: value for name, value in _form(sent).items() if name in sent and name != "serial"}
            row = iot_devices.change(session, actor(), key, form, clock.now(), _seen(sent))
        return jsonify(device(row))

    @answers("/devices/<int:key>/key", "POST")
    def new_key(self, key: int) -> Any:
        """Give the device another key.
        ---
        post:
          summary: 更换设备密钥；回答里的密钥只给这一次
          gives: {200: IotKey}
        """
        with transaction(db.session) as session:
            row, made = iot_devices.new_key(session, actor(), key, clock.now())
        return jsonify(device=device(row), key=made)

    @answers("/devices/<int:key>/unbind", "POST", once=True)
    def unbind(self, key: int) -> Any:
        """Take the device off its elevator.
        ---
        post:
          summary: 解绑，须写明原因
          takes: IotUnbinding
          gives: {200: IotDevice}
        """
        with transaction(db.session) as session:
            row = iot_devices.unbind(session, actor(), key, words(body(), "reason", 1000), clock.now())
        return jsonify(device(row))

    @answers("/elevators/<int:key>/live", "GET")
    def live(self, key: int) -> Any:
        """Give the live data of an elevator.
        ---
        get:
          summary: 一台电梯的实时数据；没有绑定硬件时 device 为 null
          gives: {200: IotOfElevator}
        """
        elevator: Elevator = scope.visible(db.session, actor(), Elevator, key, "这台电梯")
        row = iot_devices.of_elevator(db.session, elevator.id)
        return jsonify(elevator_id=elevator.id, code=elevator.code, device=None if row is None else device(row))

    @answers("/events", "GET")
    def events(self) -> Any:
        """Give events, as the page does.
        ---
        get:
          summary: 物联网事件，新收到的在前
          paged: true
          parameters:
            - {in: query, name: tab, schema: {type: string, enum: [calling, trapped, fault, event, unknown, all]}}
            - {in: query, name: q, schema: {type: string}, description: 识别码、地址、楼盘}
            - {in: query, name: elevator, schema: {type: integer}}
            - {in: query, name: code, schema: {type: string}}
            - {in: query, name: happened_from, schema: {type: string, format: date}}
            - {in: query, name: happened_to, schema: {type: string, format: date}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: IotEventPage}
        """
        return listed.page(EVENTS, event)

    @answers("/codes", "GET")
    def codes(self) -> Any:
        """Give the table of event codes.
        ---
        get:
          summary: 事件代码表：标准版本 + 代码
          gives: {200: IotCodes}
        """
        rows = [
            {"standard": one.standard, "code": one.code, "name": str(one.name), "kind": one.kind.value}
            for one in codes.all_codes()
        ]
        return jsonify(rows=rows)


def _signed(session: Any, sent: Any) -> iot.Taken:
    given = {name: request.headers.get(f"X-{name}", "") for name in ("Device", "Timestamp", "Nonce", "Signature")}
    now = clock.now()
    serial = iot.signer(
        session, given["Device"], given["Signature"], request.method, request.path, given["Timestamp"],
        given["Nonce"], request.get_data(cache=True), now,
    )  # fmt: skip
    if serial is None:
        raise _Unsigned
    return iot.receive(session, SYSTEM.by("device"), sent, now, serial=serial)


class _Unsigned(Exception):
    """Neither whether there is such a device nor what of the signature was wrong is told."""


def _received(take: Callable[[Any, Any], iot.Taken]) -> Any:
    """Take a call, if there is room: devices keep what they have and send it again, people before pages do not."""
    if (request.content_length or 0) > MOST_BYTES or len(request.get_data(cache=True)) > MOST_BYTES:
        raise refuse("请求大小", "请求体太大", "请分批发送：一次不超过 512 KB", field="body")
    turns = _turns_of()
    if not turns.acquire(blocking=False):
        return _busy()
    try:
        with transaction(db.session, at_once=True) as session:
            taken = take(session, request.get_json(silent=True))
    except OperationalError:
        # SQLite's one writer is at work, or the database is away: nothing was kept, so it is to be sent again.
        current_app.logger.warning("a device's message could not be kept", exc_info=True)
        return _busy()
    except _Unsigned:
        found = "签名不对、时间偏差超过 24 小时，或设备没有绑定"
        refusal = Refusal(Finding("设备签名", False, found, "请核对密钥；时间以回答头 X-Server-Time 为准"))
        answer, status = refused(refusal, 403)
        answer.headers["X-Server-Time"] = str(int(clock.now().timestamp()))
        return answer, status
    finally:
        turns.release()
    return jsonify(
        received_at=iso(taken.received_at), accepted=taken.accepted, duplicates=taken.duplicates, late=taken.late,
        statuses=taken.statuses, skew_seconds=taken.skews,
        refused=[{"device": w.serial, "id": w.id, "reason": str(w.reason)} for w in taken.refused],
    )  # fmt: skip


def _turns_of() -> BoundedSemaphore:
    """How many calls of this kind a process takes at once; of the others' threads enough are left for pages."""
    most = max(1, int(current_app.config["IOT_AT_ONCE"]))
    return _turns.setdefault(most, BoundedSemaphore(most))


def _busy() -> Any:
    g.api_window = None
    answer = jsonify(message="暂时忙，请稍后重发", errors=[], request_id=g.get("request_id", ""))
    answer.headers["Retry-After"] = str(BUSY_SECONDS)
    return answer, 503


def _form(sent: dict[str, Any]) -> dict[str, str]:
    return {name: words(sent, name, 500) for name in FIELDS}


def _seen(sent: dict[str, Any]) -> int | None:
    version = sent.get("seen_version")
    return version if isinstance(version, int) and not isinstance(version, bool) else None


def device(row: IotDevice) -> dict[str, Any]:
    """As it is sent: without key, and without the address of the video, which is asked for on the page."""
    live = row.live
    trouble = trouble_of(row)
    return {
        "id": row.id, "serial": row.serial, "elevator_id": row.elevator_id, "code": row.elevator.code,
        "place": row.elevator.place, "region_code": row.region_code, "maker": row.maker, "model": row.model,
        "standard": row.standard, "state": state_of(row), "has_video": bool(row.video_url),
        "bound_at": iso(row.bound_at), "ended_at": iso(row.ended_at), "end_reason": row.end_reason,
        "trouble": None if trouble is None else str(trouble), "row_version": row.row_version,
        "live": None if live is None else {
            "seen_at": iso(live.seen_at), "told_at": iso(live.told_at), "skew_seconds": live.skew_seconds,
            "floor": live.floor, "direction": live.direction, "door": live.door, "speed": live.speed,
            "mode": live.mode, "occupied": live.occupied,
        },
    }  # fmt: skip


def event(row: IotEvent) -> dict[str, Any]:
    return {
        "id": row.id, "device": row.device.serial, "event_id": row.event_id, "elevator_id": row.elevator_id,
        "code_of_elevator": row.elevator.code, "region_code": row.region_code, "unit_id": row.unit_id,
        "use_unit_id": row.use_unit_id, "standard": row.standard, "code": row.code, "kind": row.kind,
        "name": str(event_name(row)), "told_at": iso(row.told_at), "happened_at": iso(row.happened_at),
        "received_at": iso(row.received_at), "skew_seconds": row.skew_seconds, "is_late": row.is_late,
        "joined_id": row.joined_id, "raised": row.raised, "raised_id": row.raised_id, "data": row.data,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission, verb in (
        ("can_messages", Verb.IOT_SEND), ("can_device", Verb.IOT_SEND), ("can_devices", Verb.IOT_READ),
        ("can_get", Verb.IOT_READ), ("can_bind", Verb.IOT_EDIT), ("can_edit", Verb.IOT_EDIT),
        ("can_new_key", Verb.IOT_EDIT), ("can_unbind", Verb.IOT_EDIT), ("can_live", Verb.IOT_READ),
        ("can_events", Verb.IOT_READ), ("can_codes", Verb.IOT_READ),
    ):  # fmt: skip
        screens.declare("IotApi", permission, verb)
    appbuilder.add_api(IotApi)

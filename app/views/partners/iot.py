"""物联网 (INT-03): devices and their events, an elevator's live data, binding and taking off."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import flash, g, redirect, render_template, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app import clock, lookups, scope
from app.errors import Finding
from app.extensions import db
from app.listings import iot as listed
from app.models import Elevator, IotDevice, IotEvent
from app.models.choices import word
from app.models.iot import DIRECTION, DOOR, EVENT_KIND, MODE, RAISED
from app.permissions import Verb, require
from app.reference import iot as codes
from app.views.frame import screens
from app.views.frame.account_forms import number, run, show_once, text
from app.views.frame.base import Button, Screen, firm, link, mark, pill, two
from app.views.frame.cells import elevator_link
from app.workflows.partners import iot_devices
from app.workflows.partners.iot_raising import name_of

KIND_TONES = {"trapped": "over", "alarm": "over", "fault": "near", "event": "info", "clear": "ok", "unknown": "gone"}
STATE_TONES = {"online": "ok", "offline": "near", "trouble": "over", "ended": "gone"}
FIELDS = ("serial", "maker", "model", "standard", "video_url")
MOST_LATEST = 20


class IotDevices(Screen):
    datamodel = SQLAInterface(IotDevice)
    route_base = "/iot/devices"
    listing = listed.DEVICES
    verb = Verb.IOT_READ
    record = "IotPages.device"
    cells: ClassVar[dict[str, Any]] = {
        "place": lambda row: two(row.elevator.place, row.maker or "—", 20),
        "state": lambda row: pill(listed.DEVICE_STATE[listed.state_of(row)], STATE_TONES[listed.state_of(row)]),
        "trouble": lambda row: mark(found, "over") if (found := listed.trouble_of(row)) else "—",
        "unit": lambda row: firm(row.unit.name) if row.unit else "—",
    }
    buttons: ClassVar[list[Button]] = [
        Button(_l("物联网事件"), "IotEvents.list", Verb.IOT_READ, icon="list"),
        Button(_l("事件统计"), "IotStatistics.index", Verb.IOT_READ, icon="chart"),
        Button(_l("绑定硬件"), "IotPages.bind", Verb.IOT_EDIT, main=True),
    ]
    empty_text = _l("没有这类设备。在电梯页面或这里绑定硬件后，设备按接口文档上报。")
    empty_links: ClassVar[list[Any]] = [(_l("绑定硬件"), "IotPages.bind", Verb.IOT_EDIT)]

    def row_tone(self, row: Any) -> str:
        return "is-stop" if listed.trouble_of(row) and row.ended_at is None else ""


class IotEvents(Screen):
    datamodel = SQLAInterface(IotEvent)
    route_base = "/iot/events"
    listing = listed.EVENTS
    verb = Verb.IOT_READ
    record = "IotPages.event"
    cells: ClassVar[dict[str, Any]] = {
        "place": lambda row: two(row.elevator.place, row.device.serial, 18),
        "kind": lambda row: pill(word(EVENT_KIND, row.kind), KIND_TONES[row.kind]),
        "unit": lambda row: firm(row.unit.name) if row.unit else "—",
        "use_unit": lambda row: firm(row.use_unit.name) if row.use_unit else "—",
        "is_late": lambda row: mark(_("迟到"), "near") if row.is_late else "—",
        "joined": lambda row: mark(_("重复"), "gone") if row.joined_id is not None else "—",
    }
    buttons: ClassVar[list[Button]] = [
        Button(_l("物联网设备"), "IotDevices.list", Verb.IOT_READ, icon="lift"),
        Button(_l("事件统计"), "IotStatistics.index", Verb.IOT_READ, icon="chart"),
    ]
    empty_text = _l("没有这类事件。设备上报后，出现在这里。")

    def row_tone(self, row: Any) -> str:
        return "is-stop" if row.kind == "trapped" and row.joined_id is None else ""


class IotPages(BaseView):
    route_base = "/iot"
    default_view = "bind"

    @expose("/devices/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def device(self, pk: int) -> Any:
        return self._device(pk, [])

    @expose("/devices/new", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def bind(self) -> Any:
        require(g.actor, Verb.IOT_EDIT)
        findings: list[Finding] = []
        status, key = 200, number(request.values.get("elevator_id"))
        if request.method == "POST":
            if key is None:
                found = Finding(_("电梯"), False, _("没有选择"), _("请输入识别码，从列表选择电梯"), field="elevator_id")
                findings, status = [found], 422
            else:
                form = {name: text(name) for name in FIELDS}
                made, findings, status = run(lambda s: iot_devices.bind(s, g.actor, key, form, clock.now()))
                if made is not None:
                    return self._key_told(*made)
        page = self.render_template(
            "ta/iot/form.html", title=_("绑定硬件"), findings=findings, form=request.form, elevator_id=key,
            elevator_text=lookups.text_of(db.session, "elevators", key) if key else "",
            standards=[(name, name) for name in codes.standards()],
        )  # fmt: skip
        return page, status

    @expose("/devices/<int:pk>/edit", methods=["POST"])
    @has_access
    @permission_name("edit")
    def edit(self, pk: int) -> Any:
        form = {name: text(name) for name in FIELDS if name != "serial" and name in request.form}
        version = number(text("row_version", 20))
        return self._done(
            pk, lambda s: iot_devices.change(s, g.actor, pk, form, clock.now(), version), _("已保存")
        )

    @expose("/devices/<int:pk>/key", methods=["POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def new_key(self, pk: int) -> Any:
        self._row(pk)
        made, findings, status = run(lambda s: iot_devices.new_key(s, g.actor, pk, clock.now()))
        return self._key_told(*made) if made is not None else (self._device(pk, findings), status)

    @expose("/devices/<int:pk>/unbind", methods=["POST"])
    @has_access
    @permission_name("edit")
    def unbind(self, pk: int) -> Any:
        reason = text("reason", 1000)
        return self._done(pk, lambda s: iot_devices.unbind(s, g.actor, pk, reason, clock.now()), _("已解绑"))

    @expose("/devices/<int:pk>/video", methods=["POST"])
    @has_access
    @permission_name("video")
    @no_cache
    def video(self, pk: int) -> Any:
        """The link to the call video, after it was logged who asked for it; the page of the other side is its own."""
        row = self._row(pk)
        url, findings, status = run(lambda s: iot_devices.video(s, g.actor, pk, clock.now()))
        if url is None:
            return self._device(pk, findings), status
        return self.render_template("ta/iot/video.html", title=_("通话视频"), row=row, url=url)

    @expose("/elevators/<int:pk>/live")
    @has_access
    @permission_name("read")
    @no_cache
    def live(self, pk: int) -> Any:
        """The elevator's live data alone, for a page that is being looked at."""
        elevator: Elevator = scope.visible(db.session, g.actor, Elevator, pk, _("这台电梯"))
        return render_template("ta/iot/live.html", h=card(elevator))

    @expose("/events/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def event(self, pk: int) -> Any:
        row: IotEvent = scope.visible(db.session, g.actor, IotEvent, pk, _("这个事件"))
        repeats = select(func.count()).where(IotEvent.joined_id == row.id)
        return self.render_template(
            "ta/iot/event.html", title=_("物联网事件"), row=row, kind=word(EVENT_KIND, row.kind),
            tone=KIND_TONES[row.kind], name=name_of(row.standard, row.code), place=row.elevator.place,
            raised=word(RAISED, row.raised) if row.raised else None, raised_link=_raised_link(row),
            repeats=db.session.scalar(scope.apply(repeats, g.actor, IotEvent)) or 0,
            elevator_link=elevator_link(row.elevator_id),
        )  # fmt: skip

    # --- parts

    def _row(self, pk: int) -> IotDevice:
        row: IotDevice = scope.visible(db.session, g.actor, IotDevice, pk, _("这个设备"))
        return row

    def _done(self, pk: int, deed: Any, said: str) -> Any:
        self._row(pk)
        done, findings, status = run(deed)
        if done is None:
            return self._device(pk, findings), status
        flash(said, "success")
        return redirect(f"/iot/devices/{pk}")

    def _key_told(self, row: IotDevice, key: str) -> Any:
        return show_once(self.render_template("ta/iot/key.html", title=_("设备密钥"), row=row, key=key))

    def _device(self, pk: int, findings: list[Finding]) -> str:
        row = self._row(pk)
        state = listed.state_of(row)
        latest = select(IotEvent).where(IotEvent.device_id == row.id).order_by(IotEvent.id.desc()).limit(MOST_LATEST)
        return str(self.render_template(
            "ta/iot/device.html", title=_("设备 %(s)s", s=row.serial), row=row, findings=findings,
            state=listed.DEVICE_STATE[state], tone=STATE_TONES[state], place=row.elevator.place,
            form=request.form if findings else {name: getattr(row, name) or "" for name in FIELDS},
            standards=[(name, name) for name in codes.standards()],
            events=_told(db.session.scalars(scope.apply(latest, g.actor, IotEvent))),
            may_edit=row.ended_at is None and iot_devices.may_bind(g.actor, row.elevator),
            elevator_link=elevator_link(row.elevator_id),
            h={"device": row} | live_of(row),
        ))  # fmt: skip


def card(elevator: Elevator) -> dict[str, Any]:
    """What the elevator's page shows of its hardware, and what the reader may do about it."""
    row = iot_devices.of_elevator(db.session, elevator.id)
    found: dict[str, Any] = {
        "device": row, "elevator": elevator,
        "may_bind": bool(elevator.approved_version) and elevator.status != "scrapped"
        and iot_devices.may_bind(g.actor, elevator),
    }  # fmt: skip
    return found | (live_of(row) if row is not None else {})


def live_of(row: IotDevice) -> dict[str, Any]:
    live, state = row.live, listed.state_of(row)
    may_watch = row.ended_at is None and bool(row.video_url) and g.actor.may(Verb.IOT_VIDEO)
    return {
        "live": live, "live_state": listed.DEVICE_STATE[state], "live_tone": STATE_TONES[state],
        "heard": listed.is_heard(row), "trouble": listed.trouble_of(row), "may_watch": may_watch,
        "trouble_kind": word(EVENT_KIND, live.fault_kind) if live is not None and live.fault_kind else "",
        "direction": word(DIRECTION, live.direction) if live is not None and live.direction else "",
        "door": word(DOOR, live.door) if live is not None and live.door else "",
        "mode": word(MODE, live.mode) if live is not None and live.mode else "",
    }  # fmt: skip


def _told(rows: Any) -> list[dict[str, Any]]:
    return [
        {"row": row, "kind": word(EVENT_KIND, row.kind), "tone": KIND_TONES[row.kind],
         "name": name_of(row.standard, row.code)}
        for row in rows
    ]  # fmt: skip


def _raised_link(row: IotEvent) -> Any:
    """The way to the rescue or the anomaly, for who may read such."""
    places = {"rescue": ("/rescues/", Verb.RESCUE_READ), "anomaly": ("/anomalies/", Verb.ANOMALY_READ)}
    place, verb = places.get(row.raised or "", ("", None))
    if verb is None or row.raised_id is None or not g.actor.may(verb):
        return ""
    return link(word(RAISED, row.raised or ""), f"{place}{row.raised_id}")


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for permission, verb in (
        ("can_read", Verb.IOT_READ), ("can_edit", Verb.IOT_EDIT), ("can_video", Verb.IOT_VIDEO),
    ):  # fmt: skip
        screens.declare("IotPages", permission, verb)
    for view in (IotDevices, IotEvents, IotPages):
        appbuilder.add_view_no_menu(view)

"""Devices by whether they are heard of, and their events by kind (INT-03); which elevators have hardware (ELV-02)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, case, false, func, not_, or_, select
from sqlalchemy.orm import joinedload, object_session

from app import clock
from app.listing import Column, Filter, Listing, Moment, Tab, column, register, related
from app.listings.of_elevator import fact_columns, fact_filters
from app.models import Elevator, IotDevice, IotEvent, IotLive
from app.models.iot import DIRECTION, DOOR, EVENT_KIND, MODE
from app.models.policy import policy_groups, policy_value
from app.permissions import Actor, Verb
from app.policy import Key
from app.rules.iot import is_online
from app.workflows.partners.iot_raising import name_of
from app.workflows.partners.iot_silence import silent

HELD = IotDevice.ended_at.is_(None)


def with_hardware(_m: Moment) -> ColumnElement[bool]:
    """已绑硬件."""
    return Elevator.id.in_(select(IotDevice.elevator_id).where(HELD))


def without_hardware(_m: Moment) -> ColumnElement[bool]:
    """未绑硬件."""
    return ~select(IotDevice.id).where(IotDevice.elevator_id == Elevator.id, HELD).exists()


def online(m: Moment) -> ColumnElement[bool]:
    """Heard of within what the region of each says."""
    groups = policy_groups(m.session, Key.IOT_OFFLINE_MINUTES, m.today, IotDevice.region_code)
    heard = [and_(where, IotLive.seen_at >= m.now - dt.timedelta(minutes=int(n))) for n, where in groups]
    return and_(HELD, or_(*heard)) if heard else false()


def offline(m: Moment) -> ColumnElement[bool]:
    """Bound, and silent for too long or since ever."""
    groups = policy_groups(m.session, Key.IOT_OFFLINE_MINUTES, m.today, IotDevice.region_code)
    silent = [
        and_(where, or_(IotLive.seen_at.is_(None), IotLive.seen_at < m.now - dt.timedelta(minutes=int(n))))
        for n, where in groups
    ]
    return and_(HELD, or_(*silent))


def gone_silent(m: Moment) -> ColumnElement[bool]:
    """Yellow: offline, of late; one that was never heard of is so from its binding on."""
    return silent(m.session, Key.IOT_OFFLINE_MINUTES, m.now, m.today) & ~silent_long(m)


def silent_long(m: Moment) -> ColumnElement[bool]:
    """Red: for so many hours that somebody has to look after it."""
    return silent(m.session, Key.IOT_SILENT_HOURS, m.now, m.today)


def in_trouble() -> ColumnElement[bool]:
    """A fault, an alarm or a trapping that nothing has ended."""
    return and_(
        HELD, IotLive.fault_at.is_not(None), or_(IotLive.clear_at.is_(None), IotLive.clear_at < IotLive.fault_at)
    )


# 监测状态 (huzhou 1.5): whether the hardware of an elevator is heard of, and what it says.
MONITORED = {
    "online": _l("在线"), "offline": _l("离线"), "trouble": _l("异常"), "none": _l("未绑硬件"),
}  # fmt: skip


def may_look(actor: Actor) -> bool:
    """Who may see how the devices of the elevators that he sees stand."""
    return actor.may(Verb.IOT_READ)


def monitored(m: Moment, chosen: Sequence[str]) -> ColumnElement[bool]:
    """Elevators by how their device stands, as `state_of` says it of one; none for who may not look at devices."""
    if not may_look(m.actor):
        return false()

    def of(condition: Any) -> ColumnElement[bool]:
        held = select(IotDevice.elevator_id).outerjoin(IotLive, IotLive.device_id == IotDevice.id)
        return Elevator.id.in_(held.where(condition))

    wrong = func.coalesce(in_trouble(), false())
    told = {
        "online": lambda: of(and_(online(m), not_(wrong))), "offline": lambda: of(and_(offline(m), not_(wrong))),
        "trouble": lambda: of(in_trouble()), "none": lambda: without_hardware(m),
    }  # fmt: skip
    return or_(false(), *(told[name]() for name in chosen))


_BOUND = {"bound": _l("已绑定"), "none": _l("未绑定")}


def hardware_columns() -> tuple[Column, ...]:
    """Of the register: whether an elevator has hardware, and when that was last heard of."""
    held = select(IotDevice.id).where(IotDevice.elevator_id == Elevator.id, HELD).correlate(Elevator)
    heard = (
        select(IotLive.seen_at)
        .join(IotDevice, IotDevice.id == IotLive.device_id)
        .where(IotDevice.elevator_id == Elevator.id, HELD)
        .correlate(Elevator)
    )
    return (
        Column(
            "hardware", _l("绑定硬件"), lambda row: row.asked["hardware"], "choice", choices=_BOUND, asked=True,
            needs=Verb.IOT_READ, sql=case((held.exists(), "bound"), else_="none"),
        ),
        Column(
            "heard_at", _l("最近通信"), lambda row: row.asked["heard_at"], "instant", asked=True,
            needs=Verb.IOT_READ, sql=heard.scalar_subquery(),
        ),
    )  # fmt: skip


def is_heard(row: IotDevice) -> bool:
    """As `online` says, of a row at hand."""
    if row.ended_at is not None or row.live is None:
        return False
    minutes = policy_value(object_session(row), Key.IOT_OFFLINE_MINUTES, row.region_code, clock.today())
    return is_online(row.live.seen_at, clock.now(), int(minutes))


def state_of(row: IotDevice) -> str:
    """ended, trouble, online or offline."""
    if row.ended_at is not None:
        return "ended"
    if trouble_of(row) is not None:
        return "trouble"
    return "online" if is_heard(row) else "offline"


def trouble_of(row: IotDevice) -> str | None:
    """What is wrong now, in words."""
    live = row.live
    if live is None or live.fault_at is None or (live.clear_at is not None and live.clear_at >= live.fault_at):
        return None
    return name_of(live.fault_standard, live.fault_code)


DEVICE_STATE = {
    "online": _l("在线"), "offline": _l("离线"), "trouble": _l("异常"), "ended": _l("已解绑"),
}  # fmt: skip


def _live(name: str, kind: str = "text", choices: Any = None, unit: Any = None, sort: bool = False) -> Column:
    attribute = getattr(IotLive, name)
    label = IotLive.__table__.c[name].info["label"]

    def value(row: IotDevice) -> Any:
        return None if row.live is None else getattr(row.live, name)

    return Column(name, label, value, kind, attribute if sort else None, choices, unit=unit)


DEVICES = register(
    Listing(
        name="iot_devices",
        title=_l("物联网设备"),
        model=IotDevice,
        columns=(
            column(IotDevice, "serial", kind="code"),
            Column("code", _l("识别码"), lambda row: row.elevator.code, "code", Elevator.code),
            Column("place", _l("位置"), lambda row: row.elevator.place),
            Column("state", _l("状态"), state_of, "choice", None, DEVICE_STATE),
            _live("seen_at", "instant", sort=True),
            _live("floor"),
            _live("direction", "choice", DIRECTION),
            _live("door", "choice", DOOR),
            _live("speed", "number", unit="m/s"),
            _live("mode", "choice", MODE),
            Column("trouble", _l("当前异常"), trouble_of, said=True),
            _live("skew_seconds", "number", unit=_l("秒"), sort=True),
            column(IotDevice, "maker", sort=False),
            column(IotDevice, "model", sort=False),
            column(IotDevice, "standard", sort=False),
            related("unit", _l("绑定单位"), IotDevice.unit),
            column(IotDevice, "bound_at"),
            column(IotDevice, "ended_at"),
            column(IotDevice, "end_reason", sort=False),
            *fact_columns(IotDevice),
        ),
        default=("serial", "code", "place", "state", "seen_at", "floor", "direction", "trouble"),
        search=(IotDevice.serial, Elevator.code, Elevator.estate, Elevator.address),
        search_hint=_l("设备编号、识别码、楼盘、地址"),
        filters=(
            Filter("elevator", _l("电梯"), "lookup", IotDevice.elevator_id, lookup="elevators"),
            Filter("maintenance_unit", _l("维保单位"), "lookup", Elevator.maintenance_unit_id, lookup="units"),
            Filter("bound", _l("绑定日期"), "date", IotDevice.bound_at),
            Filter("seen", _l("最近通信"), "date", IotLive.seen_at),
            Filter("maker", _l("设备厂家"), "text", IotDevice.maker),
            Filter("region", _l("所属辖区"), "region", IotDevice.region_code),
            *fact_filters(IotDevice),
        ),
        tabs=(
            Tab("bound", _l("已绑定"), lambda m: HELD),
            Tab("online", _l("在线"), online),
            Tab("offline", _l("离线"), offline, "near"),
            Tab("trouble", _l("当前异常"), lambda m: in_trouble(), "over"),
            Tab("skewed", _l("时钟偏差"), lambda m: and_(HELD, IotLive.skew_seconds != 0), "near"),
            Tab("ended", _l("已解绑"), lambda m: IotDevice.ended_at.is_not(None)),
        ),
        order=("id", True),
        load=(joinedload(IotDevice.elevator), joinedload(IotDevice.live), joinedload(IotDevice.unit)),
        join=lambda statement: statement.join(Elevator, Elevator.id == IotDevice.elevator_id).outerjoin(
            IotLive, IotLive.device_id == IotDevice.id
        ),
    )
)  # fmt: skip


def code_name(standard: str, code: str) -> str:
    """What an event is called, for statistics too."""
    return name_of(standard, code)


def event_name(row: IotEvent) -> str:
    return code_name(row.standard, row.code)


def _of(*kinds: str) -> Any:
    return lambda m: IotEvent.kind.in_(kinds)


EVENTS = register(
    Listing(
        name="iot_events",
        title=_l("物联网事件"),
        model=IotEvent,
        columns=(
            Column("code_of", _l("识别码"), lambda row: row.elevator.code, "code", Elevator.code),
            Column("place", _l("位置"), lambda row: row.elevator.place),
            column(IotEvent, "kind", sort=False),
            Column("name", _l("事件"), event_name, said=True),
            column(IotEvent, "standard", sort=False),
            column(IotEvent, "code", kind="code", sort=False),
            column(IotEvent, "happened_at"),
            column(IotEvent, "received_at"),
            column(IotEvent, "told_at", sort=False),
            column(IotEvent, "skew_seconds", sort=False),
            column(IotEvent, "is_late", sort=False),
            Column("joined", _l("重复"), lambda row: row.joined_id is not None, "bool"),
            Column("serial", _l("设备编号"), lambda row: row.device.serial, "code"),
            column(IotEvent, "event_id", kind="code", sort=False),
            related("unit", _l("维保单位"), IotEvent.unit),
            related("use_unit", _l("使用单位"), IotEvent.use_unit),
            *fact_columns(IotEvent),
        ),
        default=("code_of", "place", "kind", "name", "happened_at", "unit", "is_late", "joined"),
        search=(Elevator.code, Elevator.address, Elevator.estate),
        search_key=IotEvent.elevator_id,
        search_hint=_l("识别码、地址、楼盘"),
        filters=(
            Filter("happened", _l("发生日期"), "date", IotEvent.happened_at),
            Filter("kind", _l("类别"), "choice", IotEvent.kind, EVENT_KIND),
            Filter("standard", _l("标准版本"), "text", criterion=lambda typed: IotEvent.standard == typed),
            # A code is short: a part of it is another one, and to a device a capital is another letter.
            Filter("code", _l("代码"), "text", criterion=lambda typed: IotEvent.code == typed),
            Filter("elevator", _l("电梯"), "lookup", IotEvent.elevator_id, lookup="elevators"),
            Filter("unit", _l("维保单位"), "lookup", IotEvent.unit_id, lookup="maintenance_units"),
            Filter("use_unit", _l("使用单位"), "lookup", IotEvent.use_unit_id, lookup="use_units"),
            Filter("late", _l("迟到"), "bool", IotEvent.is_late),
            Filter("repeated", _l("重复"), "bool", criterion=lambda v: IotEvent.joined_id.is_not(None).is_(v)),
            Filter("region", _l("所属辖区"), "region", IotEvent.region_code),
            *fact_filters(IotEvent),
        ),
        tabs=(
            Tab("calling", _l("困人、报警和故障"), _of("trapped", "alarm", "fault")),
            Tab("trapped", _l("困人"), _of("trapped"), "over"),
            Tab("fault", _l("故障"), _of("fault"), "near"),
            Tab("event", _l("运行事件"), _of("event", "clear")),
            Tab("unknown", _l("未知代码"), _of("unknown")),
            Tab("all", _l("全部")),
        ),
        order=("id", True),
        load=(joinedload(IotEvent.elevator), joinedload(IotEvent.device), joinedload(IotEvent.unit),
              joinedload(IotEvent.use_unit)),
        join=lambda statement: statement.join(Elevator, Elevator.id == IotEvent.elevator_id),
    )
)  # fmt: skip

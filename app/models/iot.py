"""Hardware in elevators (INT-03): which device is bound to which elevator, what it told last, and its events."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, Float, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Json, Model, Stamped, Versioned, col, pk
from app.models.elevator import Elevator
from app.models.sealed import Sealed
from app.models.unit import Unit

EVENT_KIND = {
    "trapped": _l("困人"), "alarm": _l("报警"), "fault": _l("故障"), "event": _l("运行事件"), "clear": _l("恢复正常"),
    "unknown": _l("未知代码"),
}  # fmt: skip
DIRECTION = {"up": _l("上行"), "down": _l("下行"), "stop": _l("停止")}
DOOR = {"open": _l("门开"), "closed": _l("门关"), "opening": _l("开门中"), "closing": _l("关门中")}
MODE = {
    "normal": _l("正常运行"), "inspection": _l("检修运行"), "fire": _l("消防运行"), "stopped": _l("停止服务"),
    "emergency": _l("应急电源运行"),
}  # fmt: skip
RAISED = {"notice": _l("已通知"), "rescue": _l("已开始救援"), "anomaly": _l("已记入电梯异常")}
BOUND = "ended_at IS NULL"


class IotDevice(Stamped, Versioned, Model):
    """A device bound to an elevator. Taken off it the row ends; bound again, there or elsewhere, it is another row.

    `key` signs what the device sends by itself; one that sends through its maker's platform (by a token) has none.
    """

    __tablename__ = "iot_device"
    __table_args__ = (
        Index(
            "uq_iot_device_serial", "serial", unique=True, sqlite_where=text(BOUND), postgresql_where=text(BOUND)
        ),
        Index(
            "uq_iot_device_elevator", "elevator_id", unique=True, sqlite_where=text(BOUND), postgresql_where=text(BOUND)
        ),
        Index("ix_iot_device_region", "region_code", "id"),
        Index("ix_iot_device_unit", "unit_id", "id"),
        Index("ix_iot_device_elevator", "elevator_id", "id"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    serial: Mapped[str] = col(_l("设备编号"), String(40), help=_l("铭牌上的编号，一个平台内不能重复"))
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    # Who bound it; a regulator has none. Whoever sees the elevator sees its device.
    unit_id: Mapped[int | None] = col(_l("绑定单位"), BigId, ForeignKey("unit.id"))
    maker: Mapped[str | None] = col(_l("设备厂家"), String(80))
    model: Mapped[str | None] = col(_l("设备型号"), String(60))
    standard: Mapped[str] = col(_l("缺省标准"), String(40), help=_l("消息里没有写明标准版本时按这个"))
    key: Mapped[str | None] = col(_l("设备密钥"), Sealed("iot_device.key", sought=False))
    key_made_at: Mapped[dt.datetime | None] = col(_l("密钥生成时间"), Instant)
    video_url: Mapped[str | None] = col(_l("通话视频网址"), String(300))
    bound_at: Mapped[dt.datetime] = col(_l("绑定时间"), Instant)
    ended_at: Mapped[dt.datetime | None] = col(_l("解绑时间"), Instant)
    end_reason: Mapped[str | None] = col(_l("解绑原因"), String(200))

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit | None] = relationship()
    live: Mapped[Any] = relationship("IotLive", viewonly=True, uselist=False)

    def __repr__(self) -> str:
        return self.serial


class IotLive(Model):
    """The last that a device told. `told_at` is its own instant, put right by its clock's error: an older message that
    arrives later changes nothing but `seen_at`, when anything last arrived."""

    __tablename__ = "iot_live"
    __table_args__ = (Index("ix_iot_live_seen", "seen_at"),)
    device_id: Mapped[int] = col(
        _l("设备"), BigId, ForeignKey("iot_device.id"), primary_key=True, autoincrement=False
    )
    seen_at: Mapped[dt.datetime] = col(_l("最近通信"), Instant)
    told_at: Mapped[dt.datetime | None] = col(_l("数据时间"), Instant)
    skew_seconds: Mapped[int] = col(_l("时钟偏差"), Integer, default=0, server_default="0", unit=_l("秒"))
    floor: Mapped[str | None] = col(_l("楼层"), String(10))
    direction: Mapped[str | None] = col(_l("运行方向"), String(10), choices=DIRECTION)
    door: Mapped[str | None] = col(_l("门"), String(10), choices=DOOR)
    speed: Mapped[float | None] = col(_l("速度"), Float, unit="m/s")
    mode: Mapped[str | None] = col(_l("运行模式"), String(12), choices=MODE)
    occupied: Mapped[bool | None] = col(_l("轿厢内有人"), Boolean)
    # The newest fault, alarm or trapping that no later 恢复 has ended.
    fault_at: Mapped[dt.datetime | None] = col(_l("异常开始"), Instant)
    fault_kind: Mapped[str | None] = col(_l("异常类别"), String(10), choices=EVENT_KIND)
    fault_standard: Mapped[str | None] = col(_l("标准版本"), String(40))
    fault_code: Mapped[str | None] = col(_l("代码"), String(20))
    clear_at: Mapped[dt.datetime | None] = col(_l("恢复时间"), Instant)


class IotEvent(Model):
    """One event, once however often it is sent. `happened_at` is `told_at` less the device's clock error at sending.

    `unit_id` and `use_unit_id` are those of the elevator when it arrived. `joined_id` is the event that it repeats.
    """

    __tablename__ = "iot_event"
    __table_args__ = (
        UniqueConstraint("device_id", "event_id"),
        Index("ix_iot_event_region", "region_code", "id"),
        Index("ix_iot_event_unit", "unit_id", "id"),
        Index("ix_iot_event_use_unit", "use_unit_id", "id"),
        Index("ix_iot_event_elevator", "elevator_id", "happened_at"),
        Index("ix_iot_event_received", "received_at"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    device_id: Mapped[int] = col(_l("设备"), BigId, ForeignKey("iot_device.id"))
    event_id: Mapped[str] = col(_l("事件编号"), String(64))
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    standard: Mapped[str] = col(_l("标准版本"), String(40))
    code: Mapped[str] = col(_l("代码"), String(20))
    kind: Mapped[str] = col(_l("类别"), String(10), choices=EVENT_KIND)
    told_at: Mapped[dt.datetime] = col(_l("设备时间"), Instant)
    happened_at: Mapped[dt.datetime] = col(_l("发生时间"), Instant)
    received_at: Mapped[dt.datetime] = col(_l("收到时间"), Instant)
    skew_seconds: Mapped[int] = col(_l("时钟偏差"), Integer, default=0, server_default="0", unit=_l("秒"))
    is_late: Mapped[bool] = col(_l("迟到"), Boolean, default=False, server_default=text("false"))
    data: Mapped[dict[str, Any] | None] = col(_l("附带数据"), Json)
    joined_id: Mapped[int | None] = col(_l("并入事件"), BigId)
    # What it set going, and the row of that; nothing where it repeats another or calls for nobody.
    raised: Mapped[str | None] = col(_l("处理"), String(10), choices=RAISED)
    raised_id: Mapped[int | None] = col(_l("处理编号"), BigId)

    elevator: Mapped[Elevator] = relationship()
    device: Mapped[IotDevice] = relationship()
    unit: Mapped[Unit | None] = relationship(foreign_keys=[unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])

"""People shut in an elevator (困人救援): the case, who was called out, each step of it, and the calls afterwards."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, ColumnElement, Float, ForeignKey, Index, Integer, String, and_, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import ONCE, BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.elevator import Elevator
from app.models.iot import DIRECTION
from app.models.sealed import Sealed, index_of, tail_of
from app.models.unit import Unit

RESCUE_SOURCE = {
    "page": _l("扫码报警"), "call": _l("电话报警"), "iot": _l("物联网报警"),
    "found": _l("异常转救援"),
}  # fmt: skip
RESCUE_STATUS = {
    "waiting": _l("待处置"), "taken": _l("已接警"), "dispatched": _l("已派单"), "accepted": _l("已接单"),
    "arrived": _l("已到达"), "freed": _l("已救出"), "closed": _l("已结束"), "joined": _l("已并入"),
}  # fmt: skip
RESCUE_LEVEL: dict[Any, Any] = {1: _l("一级"), 2: _l("二级"), 3: _l("三级")}
RESCUE_OUTCOME = {
    "entrapment": _l("困人"), "false_alarm": _l("误报"), "commissioning": _l("调试"), "cleaning": _l("清洁"),
    "maintenance": _l("维保-检修触发"), "repair": _l("修理触发"), "installation": _l("安装触发"),
}  # fmt: skip
RESCUE_METHOD = {
    "level": _l("平层开门"), "hand": _l("手动盘车"), "weights": _l("加平衡重找平层"), "forced": _l("强行开门"),
    "commissioned": _l("安装调试"), "other": _l("其他"),
}  # fmt: skip
# The first part of a code is its group.
CAUSE_GROUP = {
    "human": _l("人为原因"), "outside": _l("外部原因"), "door": _l("门系统"), "drive": _l("曳引系统"),
    "control": _l("控制、电气系统"), "safety": _l("安全保护装置"), "other": _l("其他"),
}  # fmt: skip
RESCUE_CAUSE = {
    "human_debris": _l("异物卡阻"), "human_handling": _l("野蛮搬运"), "human_overload": _l("超载"),
    "human_blocking": _l("阻挡关门时间过长"), "human_other": _l("人为原因（其他）"),
    "power_cut": _l("停电"), "outside_water": _l("进水、短路"), "outside_heat": _l("机房温度过高"),
    "outside_recovered": _l("故障后自恢复"), "outside_other": _l("外部原因（其他）"),
    "door_car_lock": _l("轿门锁"), "door_landing_lock": _l("层（厅）门锁"), "door_operator": _l("门机"),
    "door_vane": _l("门刀与门锁滚轮间距"), "door_detector": _l("防夹装置"), "door_linkage": _l("主从门联动"),
    "door_contact": _l("门触点"), "door_hanger": _l("门挂轮、门导向"), "door_other": _l("门系统（其他）"),
    "drive_balance": _l("平衡系数"), "drive_sheave": _l("曳引轮（轴）磨损"), "drive_rope": _l("钢丝绳卡阻、跳槽"),
    "drive_gear": _l("减速箱"), "drive_brake": _l("制动器"), "drive_other": _l("曳引系统（其他）"),
    "control_board": _l("主板"), "control_levelling": _l("平层感应器"), "control_switch": _l("极限、急停、检修开关"),
    "control_wiring": _l("电气连接"), "control_encoder": _l("编码器"), "control_inverter": _l("变频器"),
    "control_button": _l("召唤按钮、板"), "control_part": _l("元器件"), "control_other": _l("控制、电气系统（其他）"),
    "safety_circuit": _l("安全回路"), "safety_governor": _l("限速器"), "safety_gear": _l("安全钳"),
    "safety_buffer": _l("缓冲器"), "safety_tension": _l("张紧轮"), "safety_upward": _l("上行超速保护"),
    "safety_unintended": _l("意外移动保护"), "safety_other": _l("安全保护装置（其他）"),
    "other_guide": _l("导向系统"), "other_car": _l("轿厢系统"), "other_other": _l("其他原因"),
}  # fmt: skip
DISPATCH_END = {
    "replaced": _l("改派"), "escalated": _l("升级"), "returned": _l("坐席退回"), "relieved": _l("由其他单位救出"),
    "closed": _l("已结束"),
}  # fmt: skip
CALLBACK_KIND = {"rescue": _l("救援回访"), "maintenance": _l("维保回访")}
SATISFACTION = {
    "good": _l("满意"), "fair": _l("基本满意"), "poor": _l("不满意"), "unreached": _l("未联系上"),
}  # fmt: skip
STANDS_OPEN = "status IN ('waiting', 'taken', 'dispatched', 'accepted', 'arrived')"
# The entries of the log that say what came out of a case: whoever freed them, or who took the case over.
RESULT_SAID = ("rescue.freed", "rescue.take_over")


class Rescue(Stamped, Versioned, Model):
    """One case of people shut in. `unit_id` is the maintenance unit under contract at that time: the first level.

    The minutes are those of its day and place, so its badge needs nothing but the row (`rules.rescues.badge`).
    `dispatched_at` is the first dispatch, `accepted_at`, `arrived_at` and `done_at` are the first of whoever came;
    each unit's own are in `RescueDispatch`. `due_at` is the limit that runs, `act_at` when the clock acts by itself
    (a dispatch that nobody made, the next level). A report that joined another case stays as a row of its own with
    `joined_to_id`: it counts nowhere.
    """

    __tablename__ = "rescue"
    __table_args__ = (
        # One open case for an elevator, whoever reports it.
        Index(
            "uq_rescue_open", "elevator_id", unique=True, sqlite_where=text(STANDS_OPEN),
            postgresql_where=text(STANDS_OPEN),
        ),
        Index(
            "ix_rescue_open", "region_code", "unit_id", "use_unit_id", "status", "due_at",
            sqlite_where=text(STANDS_OPEN), postgresql_where=text(STANDS_OPEN),
        ),
        Index("ix_rescue_unit", "unit_id", "reported_at"),
        Index("ix_rescue_use_unit", "use_unit_id", "reported_at"),
        Index("ix_rescue_region", "region_code", "reported_at"),
        Index("ix_rescue_elevator", "elevator_id", "reported_at"),
        ONCE,
    )  # fmt: skip
    id: Mapped[int] = pk()
    number: Mapped[str] = col(_l("救援编号"), String(40), unique=True)
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    # Where it stood and what it was called on that day.
    code: Mapped[str] = col(_l("识别码"), String(20))
    place: Mapped[str] = col(_l("位置"), String(300))
    in_centre: Mapped[bool] = col(_l("城区"), Boolean, default=True, server_default=text("true"))
    source: Mapped[str] = col(_l("报警方式"), String(6), choices=RESCUE_SOURCE)
    reported_at: Mapped[dt.datetime] = col(_l("报警时间"), Instant)
    caller: Mapped[str | None] = col(_l("报警人"), String(40))
    phone: Mapped[str | None] = col(_l("报警电话"), Sealed("rescue.phone", "mobile"), sensitive="mobile")
    phone_index: Mapped[str | None] = index_of("phone", index=True)
    phone_tail: Mapped[str | None] = tail_of("phone", index=True)
    scene: Mapped[str | None] = col(_l("现场描述"), String(500))
    status: Mapped[str] = col(
        _l("处置进度"), String(10), default="waiting", server_default="waiting", choices=RESCUE_STATUS
    )
    level: Mapped[int] = col(_l("救援级别"), Integer, default=1, server_default="1", choices=RESCUE_LEVEL)
    taken_at: Mapped[dt.datetime | None] = col(_l("接警时间"), Instant)
    dispatched_at: Mapped[dt.datetime | None] = col(_l("派单时间"), Instant)
    accepted_at: Mapped[dt.datetime | None] = col(_l("接单时间"), Instant)
    arrived_at: Mapped[dt.datetime | None] = col(_l("到达时间"), Instant)
    done_at: Mapped[dt.datetime | None] = col(_l("救出时间"), Instant)
    # When it was no longer open, be it by rescue, by the desk or by joining another.
    ended_at: Mapped[dt.datetime | None] = col(_l("结束时间"), Instant)
    end_note: Mapped[str | None] = col(_l("结束说明"), String(500))
    outcome: Mapped[str | None] = col(_l("处置结果"), String(14), choices=RESCUE_OUTCOME)
    cause: Mapped[str | None] = col(_l("故障原因"), String(20), choices=RESCUE_CAUSE)
    cause_note: Mapped[str | None] = col(_l("原因说明"), String(500))
    method: Mapped[str | None] = col(_l("救援方式"), String(14), choices=RESCUE_METHOD)
    trapped: Mapped[int | None] = col(_l("困人人数"), Integer, unit=_l("人"))
    injured: Mapped[int | None] = col(_l("受伤人数"), Integer, unit=_l("人"))
    accept_minutes: Mapped[int] = col(_l("接单时限"), Integer, unit=_l("分钟"))
    arrive_minutes: Mapped[int] = col(_l("到达时限"), Integer, unit=_l("分钟"))
    done_minutes: Mapped[int] = col(_l("救出时限"), Integer, unit=_l("分钟"))
    due_at: Mapped[dt.datetime | None] = col(_l("当前期限"), Instant)
    act_at: Mapped[dt.datetime | None] = col(_l("自动派单、升级时间"), Instant)
    late_steps: Mapped[str | None] = col(_l("超时的环节"), String(60))
    # What the elevator's device told as the case began, as far as it told it, and when it told 恢复 after that.
    floor: Mapped[str | None] = col(_l("楼层"), String(10))
    direction: Mapped[str | None] = col(_l("运行方向"), String(10), choices=DIRECTION)
    occupied: Mapped[bool | None] = col(_l("轿厢内有人"), Boolean)
    cleared_at: Mapped[dt.datetime | None] = col(_l("恢复时间"), Instant)
    joined_to_id: Mapped[int | None] = col(_l("并入"), BigId, ForeignKey("rescue.id"), index=True)
    # From then on its late step counts as in time: an appeal was upheld.
    appeal_upheld_at: Mapped[dt.datetime | None] = col(_l("申诉成立时间"), Instant)
    # How often it was reported in all.
    reports: Mapped[int] = col(_l("报警次数"), Integer, default=1, server_default="1")
    taken_over: Mapped[bool] = col(_l("接管"), Boolean, default=False, server_default=text("false"))
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)
    # The last call-back that was answered, of each kind.
    rescue_called_at: Mapped[dt.datetime | None] = col(_l("救援回访时间"), Instant)
    maintenance_called_at: Mapped[dt.datetime | None] = col(_l("维保回访时间"), Instant)

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit | None] = relationship(foreign_keys=[unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])

    def __repr__(self) -> str:
        return self.number


class RescueDispatch(Stamped, Versioned, Model):
    """One calling-out of one unit for one case, or of whoever has no account here (fire service: `unit_id` null).

    Its instants are that unit's own: SCO-02 counts `level` 1 for the unit of the elevator and `level` 2 for the one
    that helped. Passing it to another worker changes `worker_id` and stands in `RescueStep`; the unit's clock runs on.
    It is open while `ended_at` and `done_at` are null.
    """

    __tablename__ = "rescue_dispatch"
    __table_args__ = (
        Index("ix_rescue_dispatch_rescue", "rescue_id", "id"),
        Index("ix_rescue_dispatch_unit", "unit_id", "dispatched_at"),
    )
    id: Mapped[int] = pk()
    rescue_id: Mapped[int] = col(_l("救援"), BigId, ForeignKey("rescue.id"))
    level: Mapped[int] = col(_l("救援级别"), Integer, choices=RESCUE_LEVEL)
    unit_id: Mapped[int | None] = col(_l("救援单位"), BigId, ForeignKey("unit.id"))
    name: Mapped[str] = col(_l("救援单位"), String(120))
    worker_id: Mapped[int | None] = col(_l("救援人员"), Integer, ForeignKey("ab_user.id"), index=True)
    worker_name: Mapped[str | None] = col(_l("救援人员"), String(80))
    distance_m: Mapped[int | None] = col(_l("距离"), Integer, unit=_l("米"))
    # The clock called it out, no person.
    is_automatic: Mapped[bool] = col(_l("自动派单"), Boolean, default=False, server_default=text("false"))
    dispatched_at: Mapped[dt.datetime] = col(_l("派单时间"), Instant)
    accepted_at: Mapped[dt.datetime | None] = col(_l("接单时间"), Instant)
    arrived_at: Mapped[dt.datetime | None] = col(_l("到达时间"), Instant)
    done_at: Mapped[dt.datetime | None] = col(_l("救出时间"), Instant)
    ended_at: Mapped[dt.datetime | None] = col(_l("结束时间"), Instant)
    end_reason: Mapped[str | None] = col(_l("结束原因"), String(10), choices=DISPATCH_END)

    rescue: Mapped[Rescue] = relationship()
    unit: Mapped[Unit | None] = relationship(foreign_keys=[unit_id])

    @property
    def is_open(self) -> bool:
        return self.ended_at is None and self.done_at is None


def under_way() -> ColumnElement[bool]:
    """Of callings-out those that are open."""
    return and_(RescueDispatch.ended_at.is_(None), RescueDispatch.done_at.is_(None))


class RescueStep(Stamped, Model):
    """One step of a case as it was done: by whom, when by our clock, and by the phone's, and from where if it said so.

    Never changed; a step that the desk took back stands beside the taking back.
    """

    __tablename__ = "rescue_step"
    __table_args__ = (Index("ix_rescue_step_rescue", "rescue_id", "id"),)
    id: Mapped[int] = pk()
    rescue_id: Mapped[int] = col(_l("救援"), BigId, ForeignKey("rescue.id"))
    dispatch_id: Mapped[int | None] = col(_l("派单"), BigId, ForeignKey("rescue_dispatch.id"))
    verb: Mapped[str] = col(_l("环节"), String(16))
    at: Mapped[dt.datetime] = col(_l("时间"), Instant)
    phone_at: Mapped[dt.datetime | None] = col(_l("手机时间"), Instant)
    latitude: Mapped[float | None] = col(_l("纬度"), Float, unit="°")
    longitude: Mapped[float | None] = col(_l("经度"), Float, unit="°")
    account_id: Mapped[int | None] = col(_l("办理人"), Integer, ForeignKey("ab_user.id"))
    name: Mapped[str] = col(_l("办理人"), String(80))
    note: Mapped[str | None] = col(_l("说明"), String(500))


class RescueCallback(Stamped, Model):
    """回访 by the desk: 救援回访 asks whoever was shut in or called, 维保回访 asks the use unit what was mended."""

    __tablename__ = "rescue_callback"
    __table_args__ = (Index("ix_rescue_callback_rescue", "rescue_id", "id"),)
    id: Mapped[int] = pk()
    rescue_id: Mapped[int] = col(_l("救援"), BigId, ForeignKey("rescue.id"))
    kind: Mapped[str] = col(_l("回访类型"), String(12), choices=CALLBACK_KIND)
    satisfaction: Mapped[str] = col(_l("满意度"), String(10), choices=SATISFACTION)
    answered_by: Mapped[str | None] = col(_l("接听人"), String(40))
    note: Mapped[str | None] = col(_l("回访记录"), String(500))
    called_at: Mapped[dt.datetime] = col(_l("回访时间"), Instant)
    account_id: Mapped[int | None] = col(_l("回访人"), Integer, ForeignKey("ab_user.id"))
    name: Mapped[str] = col(_l("回访人"), String(80))

    rescue: Mapped[Rescue] = relationship()

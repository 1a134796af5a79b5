"""Repairs (REP-01 to REP-03): what was reported, who was sent, when each step was done, what came out."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, and_, or_, select, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import ONCE, BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.elevator import Elevator
from app.models.person import Person
from app.models.unit import Unit

REPAIR_STATE = {
    "waiting": _l("待派工"), "assigned": _l("待接单"), "accepted": _l("已接单"), "departed": _l("已出发"),
    "started": _l("维修中"), "ended": _l("待审批"), "done": _l("已处理"), "cancelled": _l("已撤销"),
}  # fmt: skip
REPAIR_LEVEL = {
    "trapped": _l("困人"), "stopped": _l("电梯故障停梯"), "running": _l("故障不停梯"), "escort": _l("配合客户走修"),
    "other": _l("其他原因"),
}  # fmt: skip
REPAIR_SOURCE = {
    "report": _l("报修登记"), "visit": _l("维保发现"), "review": _l("使用单位确认时报修"), "anomaly": _l("电梯异常"),
    "again": _l("修后仍有问题"),
}  # fmt: skip
REPAIR_CAUSE = {
    "door": _l("门系统"), "control": _l("控制系统"), "traction": _l("曳引和驱动"), "car": _l("轿厢、导轨和对重"),
    "safety": _l("安全保护装置"), "buttons": _l("按钮和显示"), "power": _l("供电和停电"), "water": _l("进水和环境"),
    "misuse": _l("使用不当"), "none": _l("未发现故障"), "other": _lp("cause", "其他"),
}  # fmt: skip
REPAIR_DECISION = {"approved": _l("审批通过"), "rejected": _l("审批驳回")}
REPAIR_ANSWER = {"confirmed": _l("确认修好"), "disputed": _l("仍有问题")}
STANDS_OPEN = "state NOT IN ('done', 'cancelled')"


class RepairOrder(Stamped, Versioned, Model):
    """One repair. `unit_id` is the maintenance unit that sees to it: of the day of the report, or the one that took
    over since, as long as nobody had begun. None: the elevator has none, and whoever becomes it gets the order.

    One order at most comes of a visit, of an anomaly or of another order (`again_of_id`: the use unit says that it is
    not mended; the other one stays as it ended, with that answer). `told_later` names the steps whose times were
    written down afterwards instead of pressed; the limits are judged by what was heard when. `due_at` is the limit
    that runs.
    """

    __tablename__ = "repair_order"
    __table_args__ = (
        Index("ix_repair_order_unit", "unit_id", "reported_at"),
        Index("ix_repair_order_use_unit", "use_unit_id", "reported_at"),
        Index("ix_repair_order_region", "region_code", "reported_at"),
        Index("ix_repair_order_elevator", "elevator_id", "reported_at"),
        # Home pages and menus count what stands open, which is little beside all that was ever repaired.
        Index(
            "ix_repair_order_open", "region_code", "unit_id", "use_unit_id", "state", "due_at",
            sqlite_where=text(STANDS_OPEN), postgresql_where=text(STANDS_OPEN),
        ),
        Index(
            "ix_repair_order_worker", "worker_id", "state",
            sqlite_where=text(STANDS_OPEN), postgresql_where=text(STANDS_OPEN),
        ),
        Index("uq_repair_order_again_of_id", "again_of_id", unique=True),
        Index(
            "ix_repair_order_disputed", "region_code", "reported_at",
            sqlite_where=text("answer = 'disputed'"), postgresql_where=text("answer = 'disputed'"),
        ),
        ONCE,
    )  # fmt: skip
    id: Mapped[int] = pk()
    client_key: Mapped[str | None] = col(_l("提交键"), String(40), unique=True)
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    # Where it stood and what it was called on that day.
    code: Mapped[str] = col(_l("识别码"), String(20))
    place: Mapped[str] = col(_l("位置"), String(300))
    source: Mapped[str] = col(_l("来源"), String(10), choices=REPAIR_SOURCE)
    visit_id: Mapped[int | None] = col(_l("维保记录"), BigId, ForeignKey("visit.id"), unique=True)
    anomaly_id: Mapped[int | None] = col(_l("电梯异常"), BigId, ForeignKey("anomaly.id"), unique=True)
    level: Mapped[str] = col(_l("故障级别"), String(10), choices=REPAIR_LEVEL)
    fault: Mapped[str | None] = col(_l("故障描述"), Text)
    note: Mapped[str | None] = col(_l("备注"), String(500))
    # What the use unit wrote when it asked for a repair on confirming a visit.
    use_note: Mapped[str | None] = col(_l("使用单位报修备注"), String(140))
    reported_at: Mapped[dt.datetime] = col(_l("报修时间"), Instant)
    reported_by_id: Mapped[int | None] = col(_l("报修人"), Integer, ForeignKey("ab_user.id"))
    reported_unit_id: Mapped[int | None] = col(_l("报修单位"), BigId, ForeignKey("unit.id"))
    state: Mapped[str] = col(
        _l("处理状态"), String(10), default="waiting", server_default="waiting", choices=REPAIR_STATE
    )
    worker_id: Mapped[int | None] = col(_l("维修员"), BigId, ForeignKey("person.id"))
    assigned_at: Mapped[dt.datetime | None] = col(_l("派工时间"), Instant)
    accepted_at: Mapped[dt.datetime | None] = col(_l("接单时间"), Instant)
    departed_at: Mapped[dt.datetime | None] = col(_l("出发时间"), Instant)
    started_at: Mapped[dt.datetime | None] = col(_l("开始维修时间"), Instant)
    signed_in_id: Mapped[int | None] = col(_l("签到人"), BigId, ForeignKey("person.id"))
    start_distance: Mapped[int | None] = col(_l("开始时距电梯"), Integer, unit=_l("米"))
    ended_at: Mapped[dt.datetime | None] = col(_l("结束维修时间"), Instant)
    told_later: Mapped[str | None] = col(_l("补填的时间"), String(60))
    cause: Mapped[str | None] = col(_l("故障原因"), String(10), choices=REPAIR_CAUSE)
    action: Mapped[str | None] = col(_l("处理情况"), String(500))
    parts: Mapped[str | None] = col(_l("更换部件"), String(500))
    restored: Mapped[bool | None] = col(_l("恢复运行"), Boolean)
    # The end came here: with a weak net that is later than it was.
    heard_at: Mapped[dt.datetime | None] = col(_l("提交时间"), Instant)
    end_key: Mapped[str | None] = col(_l("结束提交键"), String(40))
    decision: Mapped[str | None] = col(_l("审批"), String(10), choices=REPAIR_DECISION)
    decided_at: Mapped[dt.datetime | None] = col(_l("审批时间"), Instant)
    decided_by_id: Mapped[int | None] = col(_l("审批人"), Integer, ForeignKey("ab_user.id"))
    decision_reason: Mapped[str | None] = col(_l("审批意见"), String(500))
    closed_at: Mapped[dt.datetime | None] = col(_l("办结时间"), Instant)
    end_note: Mapped[str | None] = col(_l("撤销理由"), String(500))
    # What the use unit said of it once it had ended.
    answer: Mapped[str | None] = col(_l("使用单位确认"), String(10), choices=REPAIR_ANSWER)
    answered_at: Mapped[dt.datetime | None] = col(_l("使用单位确认时间"), Instant)
    answered_by_id: Mapped[int | None] = col(_l("使用单位确认人"), Integer, ForeignKey("ab_user.id"))
    answer_note: Mapped[str | None] = col(_l("仍有什么问题"), String(500))
    again_of_id: Mapped[int | None] = col(_l("前一张工单"), BigId, ForeignKey("repair_order.id"))
    # What a mean is made of.
    accept_minutes: Mapped[int | None] = col(_l("报修到接单"), Integer, unit=_l("分钟"))
    end_minutes: Mapped[int | None] = col(_l("报修到结束"), Integer, unit=_l("分钟"))
    accept_hours: Mapped[int | None] = col(_l("接单时限"), Integer, unit=_l("小时"))
    finish_hours: Mapped[int | None] = col(_l("完成时限"), Integer, unit=_l("小时"))
    due_at: Mapped[dt.datetime | None] = col(_l("当前期限"), Instant)
    late_steps: Mapped[str | None] = col(_l("不及时的环节"), String(60))
    # Of another platform, with its true times (IMP-03).
    taken_over: Mapped[bool] = col(_l("接管"), Boolean, default=False, server_default=text("false"))
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit | None] = relationship(foreign_keys=[unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])
    reported_unit: Mapped[Unit | None] = relationship(foreign_keys=[reported_unit_id])
    worker: Mapped[Person | None] = relationship(foreign_keys=[worker_id])
    signed_in: Mapped[Person | None] = relationship(foreign_keys=[signed_in_id])
    helpers: Mapped[list[Person]] = relationship(secondary="repair_crew", order_by=Person.id)

    def __repr__(self) -> str:
        return f"WX{self.id:08d}"


# 协同人员: who goes along with the worker of a repair.
crew: Any = Table(
    "repair_crew",
    Model.metadata,
    Column(
        "repair_order_id", BigId, ForeignKey("repair_order.id", ondelete="CASCADE"), primary_key=True,
        autoincrement=False, info={"label": _l("维修工单")},
    ),
    Column(
        "person_id", BigId, ForeignKey("person.id"), primary_key=True, autoincrement=False, index=True,
        info={"label": _l("协同人员")},
    ),
)  # fmt: skip


def sent_to(model: Any, person_id: Any, unit_id: Any = None) -> Any:
    """The orders that a person was sent to, alone or along with others; `unit_id`: those of this unit."""
    helps = select(crew.c.repair_order_id).where(crew.c.person_id == person_id)
    sent = or_(model.worker_id == person_id, model.id.in_(helps))
    return sent if unit_id is None else and_(model.unit_id == unit_id, sent)

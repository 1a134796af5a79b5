"""What passers-by say of an elevator: complaints with their clock (CMP-02, CMP-03) and messages (CMP-01)."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Json, Model, Stamped, Versioned, col, pk
from app.models.elevator import Elevator
from app.models.sealed import Sealed, index_of, tail_of
from app.models.unit import Unit

COMPLAINT_STATE = {
    "waiting": _l("待接单"), "accepted": _l("待处置"), "handled": _l("待复核"), "disputed": _l("待监管处理"),
    "closed": _l("已办结"),
}  # fmt: skip
COMPLAINT_KIND = {
    "shaking": _l("运行抖动"), "noise": _l("异响"), "faults": _l("故障多"), "buttons": _l("按钮失灵"),
    "doors": _l("开关门不正常"), "other": _l("其他"),
}  # fmt: skip
STANDS_OPEN = "state <> 'closed'"


class Complaint(Stamped, Versioned, Model):
    """One complaint. `unit_id` takes it and handles it: the maintenance unit of that day, else the use unit itself.

    The instants and the hours, which are those of its day, are all that its outcome is made of
    (`rules.complaints.outcome`). `due_at` is the limit that runs; `late_steps` names the steps that were done late.
    Name and phone are erased some time after its end (`workflows.privacy.retention`).
    """

    __tablename__ = "complaint"
    __table_args__ = (
        Index("ix_complaint_unit", "unit_id", "complained_at"),
        Index("ix_complaint_use_unit", "use_unit_id", "complained_at"),
        Index("ix_complaint_region", "region_code", "complained_at"),
        Index("ix_complaint_elevator", "elevator_id", "complained_at"),
        # What stands open is little beside what has ended: every home page counts it.
        Index(
            "ix_complaint_open", "region_code", "unit_id", "use_unit_id", "state", "due_at",
            sqlite_where=text(STANDS_OPEN), postgresql_where=text(STANDS_OPEN),
        ),
    )  # fmt: skip
    id: Mapped[int] = pk()
    number: Mapped[str] = col(_l("投诉编号"), String(12), unique=True)
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    unit_id: Mapped[int | None] = col(_l("承办单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    # Where it stood and what it was called on that day.
    code: Mapped[str] = col(_l("识别码"), String(20))
    place: Mapped[str] = col(_l("位置"), String(300))
    name: Mapped[str | None] = col(_l("投诉人"), String(40))
    phone: Mapped[str | None] = col(_l("投诉人手机"), Sealed("complaint.phone", "mobile"), sensitive="mobile")
    phone_index: Mapped[str | None] = index_of("phone", index=True)
    phone_tail: Mapped[str | None] = tail_of("phone", index=True)
    kinds: Mapped[list[Any]] = col(_l("投诉问题"), Json)
    body: Mapped[str | None] = col(_l("情况说明"), Text)
    state: Mapped[str] = col(
        _l("状态"), String(10), default="waiting", server_default="waiting", choices=COMPLAINT_STATE
    )
    complained_at: Mapped[dt.datetime] = col(_l("投诉时间"), Instant)
    accepted_at: Mapped[dt.datetime | None] = col(_l("接单时间"), Instant)
    handled_at: Mapped[dt.datetime | None] = col(_l("处置时间"), Instant)
    handle_note: Mapped[str | None] = col(_l("处置情况"), String(500))
    handled_by_id: Mapped[int | None] = col(_l("处置人"), Integer, ForeignKey("ab_user.id"))
    reviewed_at: Mapped[dt.datetime | None] = col(_l("复核时间"), Instant)
    review_note: Mapped[str | None] = col(_l("复核意见"), String(500))
    sent_back: Mapped[bool] = col(_l("退回重办"), Boolean, default=False, server_default=text("false"))
    handled_again_at: Mapped[dt.datetime | None] = col(_l("再次处置时间"), Instant)
    reviewed_again_at: Mapped[dt.datetime | None] = col(_l("再次复核时间"), Instant)
    closed_at: Mapped[dt.datetime | None] = col(_l("办结时间"), Instant)
    # A regulator ended it: why, and whether it counts for nobody.
    ended_at: Mapped[dt.datetime | None] = col(_l("监管办结时间"), Instant)
    end_note: Mapped[str | None] = col(_l("监管意见"), String(500))
    is_untrue: Mapped[bool] = col(_l("不属实"), Boolean, default=False, server_default=text("false"))
    prodded_at: Mapped[dt.datetime | None] = col(_l("督办时间"), Instant)
    prod_note: Mapped[str | None] = col(_l("督办要求"), String(500))
    accept_hours: Mapped[int] = col(_l("接单时限"), Integer, unit=_l("小时"))
    handle_hours: Mapped[int] = col(_l("处置时限"), Integer, unit=_l("小时"))
    review_hours: Mapped[int] = col(_l("复核时限"), Integer, unit=_l("小时"))
    due_at: Mapped[dt.datetime | None] = col(_l("当前期限"), Instant)
    late_steps: Mapped[str | None] = col(_l("不及时的环节"), String(60))
    # An appeal was upheld: from then on it counts as in time; what was late stays written.
    appeal_upheld_at: Mapped[dt.datetime | None] = col(_l("申诉成立时间"), Instant)
    # Of another platform, with its true times (IMP-03).
    taken_over: Mapped[bool] = col(_l("接管"), Boolean, default=False, server_default=text("false"))
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit | None] = relationship(foreign_keys=[unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])

    def __repr__(self) -> str:
        return self.number


class ElevatorMessage(Stamped, Versioned, Model):
    """A line that a passer-by leaves for whoever keeps the elevator: without name and phone, so nobody is told of it.

    It is shown behind the code with its reply once a regulator published the two.
    """

    __tablename__ = "elevator_message"
    __table_args__ = (
        Index("ix_elevator_message_unit", "unit_id", "sent_at"),
        Index("ix_elevator_message_use_unit", "use_unit_id", "sent_at"),
        Index("ix_elevator_message_region", "region_code", "sent_at"),
        Index("ix_elevator_message_elevator", "elevator_id", "sent_at"),
    )
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    body: Mapped[str] = col(_lp("code", "留言"), String(300))
    sent_at: Mapped[dt.datetime] = col(_l("留言时间"), Instant)
    reply: Mapped[str | None] = col(_l("回复"), String(300))
    replied_at: Mapped[dt.datetime | None] = col(_l("回复时间"), Instant)
    replied_by_id: Mapped[int | None] = col(_l("回复人"), Integer, ForeignKey("ab_user.id"))
    reply_unit_id: Mapped[int | None] = col(_l("回复单位"), BigId, ForeignKey("unit.id"))
    published_at: Mapped[dt.datetime | None] = col(_l("公开时间"), Instant)
    withheld_at: Mapped[dt.datetime | None] = col(_l("不公开时间"), Instant)

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit | None] = relationship(foreign_keys=[unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])
    reply_unit: Mapped[Unit | None] = relationship(foreign_keys=[reply_unit_id])

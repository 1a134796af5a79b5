"""现场采集 (ELV-08): what somebody beside an elevator found of its place, its label and the networks in its car."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Float, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Model, col, pk
from app.models.choices import NETWORK, PLATE_STATE
from app.models.elevator import Elevator

CAPTURE_OUTCOME = {"in_force": _l("已生效"), "review": _l("已送审")}


class PositionCapture(Model):
    """One capture as it was made; never changed. What it moved is a version of the elevator's, or an application."""

    __tablename__ = "position_capture"
    __table_args__ = (
        Index("ix_position_capture_elevator", "elevator_id", "taken_at"),
        Index("ix_position_capture_region", "region_code", "taken_at"),
        Index("ix_position_capture_unit", "unit_id", "taken_at"),
    )
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    taken_at: Mapped[dt.datetime] = col(_l("采集时间"), Instant)
    account_id: Mapped[int | None] = col(_l("账号"), Integer, ForeignKey("ab_user.id"))
    taken_by: Mapped[str] = col(_l("采集人"), String(80))
    latitude: Mapped[float | None] = col(_l("纬度"), Float, unit="°")
    longitude: Mapped[float | None] = col(_l("经度"), Float, unit="°")
    accuracy: Mapped[float | None] = col(_l("精度"), Float, unit=_l("米"))
    samples: Mapped[int] = col(_l("定位次数"), Integer, default=0, server_default="0")
    # What the register said before, and how far off that was.
    was_latitude: Mapped[float | None] = col(_l("原纬度"), Float, unit="°")
    was_longitude: Mapped[float | None] = col(_l("原经度"), Float, unit="°")
    moved: Mapped[int | None] = col(_l("与原位置相距"), Integer, unit=_l("米"))
    plate_state: Mapped[str | None] = col(_l("标牌情况"), String(10), choices=PLATE_STATE)
    network: Mapped[str | None] = col(_l("网络覆盖"), String(20), choices=NETWORK)
    note: Mapped[str | None] = col(_l("备注"), String(200))
    outcome: Mapped[str] = col(_l("结果"), String(10), choices=CAPTURE_OUTCOME)
    application_id: Mapped[int | None] = col(_l("申请"), BigId, ForeignKey("application.id"))

    elevator: Mapped[Elevator] = relationship()

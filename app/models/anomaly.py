"""电梯异常 (ANO-02): what a phone or a device on the elevator found out of order, and what was made of it."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.elevator import Elevator
from app.models.unit import Unit

ANOMALY_STATE = {"found": _l("待审核"), "confirmed": _lp("anomaly", "待处理"), "closed": _l("已处理")}
ANOMALY_SOURCE = {"phone": _l("手机上报"), "desk": _l("电脑登记"), "iot": _l("物联网")}
ANOMALY_KIND = {
    "trapped": _l("困人"), "stopped": _l("停梯"), "door": _l("开关门异常"), "overspeed": _l("超速"),
    "levelling": _l("平层异常"), "shaking": _l("异常振动"), "noise": _l("异响"), "power": _l("停电"),
    "water": _l("进水"), "overload": _l("超载"), "misuse": _l("不文明使用"), "offline": _l("设备离线"),
    "other": _lp("cause", "其他"),
}  # fmt: skip
ANOMALY_OUTCOME = {
    "dismissed": _l("已排除"), "settled": _l("现场已处理"), "repair": _l("转维修"), "rescue": _l("转救援"),
}  # fmt: skip
STANDS_OPEN = "state <> 'closed'"


class Anomaly(Stamped, Versioned, Model):
    """One anomaly. The same kind of the same elevator, told again while it stands open, is counted here (`times`)."""

    __tablename__ = "anomaly"
    __table_args__ = (
        Index("ix_anomaly_unit", "unit_id", "found_at"),
        Index("ix_anomaly_use_unit", "use_unit_id", "found_at"),
        Index("ix_anomaly_region", "region_code", "found_at"),
        Index("ix_anomaly_elevator", "elevator_id", "found_at"),
        Index(
            "ix_anomaly_open", "region_code", "unit_id", "use_unit_id", "state",
            sqlite_where=text(STANDS_OPEN), postgresql_where=text(STANDS_OPEN),
        ),
    )  # fmt: skip
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    code: Mapped[str] = col(_l("识别码"), String(20))
    place: Mapped[str] = col(_l("位置"), String(300))
    source: Mapped[str] = col(_l("来源"), String(10), choices=ANOMALY_SOURCE)
    kind: Mapped[str] = col(_l("异常类型"), String(12), choices=ANOMALY_KIND)
    body: Mapped[str | None] = col(_l("异常描述"), Text)
    found_at: Mapped[dt.datetime] = col(_l("发现时间"), Instant)
    reported_by_id: Mapped[int | None] = col(_l("上报人"), Integer, ForeignKey("ab_user.id"))
    reported_unit_id: Mapped[int | None] = col(_l("上报单位"), BigId, ForeignKey("unit.id"))
    times: Mapped[int] = col(_l("上报次数"), Integer, default=1, server_default="1")
    last_at: Mapped[dt.datetime] = col(_l("最近一次"), Instant)
    state: Mapped[str] = col(_l("状态"), String(10), default="found", server_default="found", choices=ANOMALY_STATE)
    reviewed_at: Mapped[dt.datetime | None] = col(_l("审核时间"), Instant)
    reviewed_by_id: Mapped[int | None] = col(_l("审核人"), Integer, ForeignKey("ab_user.id"))
    outcome: Mapped[str | None] = col(_l("处理结果"), String(10), choices=ANOMALY_OUTCOME)
    handle_note: Mapped[str | None] = col(_l("处理说明"), String(500))
    handled_at: Mapped[dt.datetime | None] = col(_l("处理时间"), Instant)
    handled_by_id: Mapped[int | None] = col(_l("处理人"), Integer, ForeignKey("ab_user.id"))
    # The case that it was passed on to.
    rescue_id: Mapped[int | None] = col(_l("救援"), BigId, ForeignKey("rescue.id"), index=True)

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit | None] = relationship(foreign_keys=[unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])
    reported_unit: Mapped[Unit | None] = relationship(foreign_keys=[reported_unit_id])

    def __repr__(self) -> str:
        return f"YC{self.id:08d}"

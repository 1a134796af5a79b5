"""标牌 (ELV-07): the labels that an elevator has, waits for and had; the token in use also stands on its row."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import ONCE, BigId, Instant, Model, col, pk
from app.models.elevator import Elevator

LABEL_KIND = {"made": _l("首次制作"), "replacement": _l("更换标牌"), "temporary": _l("临时标牌")}
LABEL_REASON = {
    "damaged": _l("损坏、看不清"), "lost": _l("丢失"), "forged": _l("被仿冒"), "changed": _l("标牌信息变更"),
    "other": _l("其他"),
}  # fmt: skip
WAITING = "begins_at IS NULL AND ends_at IS NULL AND kind = 'replacement'"


class ElevatorLabel(Model):
    """One label. Of an elevator's first one there is a row from its first printing or its end on: until then the
    elevator's own `public_token` says all. `ends_at`: from then on it is dead; a temporary one knows it beforehand.
    """

    __tablename__ = "elevator_label"
    __table_args__ = (
        Index("ix_elevator_label_elevator", "elevator_id", "id"),
        # At most one waits to be put up.
        Index(
            "uq_elevator_label_waiting", "elevator_id", unique=True,
            sqlite_where=text(WAITING), postgresql_where=text(WAITING),
        ),
        ONCE,
    )  # fmt: skip
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    kind: Mapped[str] = col(_l("标牌种类"), String(12), choices=LABEL_KIND)
    token: Mapped[str] = col(_l("一梯一码"), String(32), unique=True)
    reason: Mapped[str | None] = col(_l("更换原因"), String(10), choices=LABEL_REASON)
    note: Mapped[str | None] = col(_l("说明"), String(200))
    made_at: Mapped[dt.datetime] = col(_l("制作时间"), Instant)
    account_id: Mapped[int | None] = col(_l("账号"), Integer, ForeignKey("ab_user.id"))
    made_by: Mapped[str | None] = col(_l("制作人"), String(80))
    starts_on: Mapped[dt.date | None] = col(_l("最迟启用日期"), Date)
    begins_at: Mapped[dt.datetime | None] = col(_l("启用时间"), Instant)
    ends_at: Mapped[dt.datetime | None] = col(_l("失效时间"), Instant)
    printed_at: Mapped[dt.datetime | None] = col(_l("最近打印"), Instant)
    prints: Mapped[int] = col(_l("打印次数"), Integer, default=0, server_default="0")

    elevator: Mapped[Elevator] = relationship()

    @property
    def waits(self) -> bool:
        """Made to replace the one in use, and not yet put up."""
        return self.kind == "replacement" and self.begins_at is None and self.ends_at is None

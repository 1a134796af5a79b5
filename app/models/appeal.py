"""Appeals against what is held against a unit (APL-01): a visit's state, a missed period, a late complaint or
rescue or change of unit, a failed inspection, a 约谈."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, relationship

from app.models.application import Application
from app.models.base import BigId, Instant, Json, Model, Stamped, Versioned, col, pk
from app.models.choices import APPLICATION_STATE
from app.models.said import SaidText
from app.models.unit import Unit

APPEAL_ENTITY = {
    "visit": _l("维保记录"), "overdue_period": _l("超期记录"), "complaint": _l("公众投诉"),
    "enforcement": _l("约谈与处罚"), "rescue": _l("困人救援"), "inspection": _l("检验记录"),
    "unit_change": _l("维保变更"),
}  # fmt: skip
# What its application's decision means for an appeal.
APPEAL_STATE = APPLICATION_STATE | {"approved": _l("成立"), "rejected": _l("不成立")}
# One that was taken back leaves its record free for another, within the time that there is.
COUNTS = "state <> 'withdrawn'"


class Appeal(Stamped, Versioned, Model):
    """One appeal; its state follows its application's. Upheld from `in_force_from` on: a correction that is known from
    that instant, the record itself stays as it was. A record has one appeal, and what was decided is never reopened.

    `said` is the record as it was when the appeal was made. `figures` are what it came to: label, before, after.
    The run's region and period are those of the score from which it was made, if it was from one.
    """

    __tablename__ = "appeal"
    __table_args__ = (
        Index(
            "uq_appeal_record", "entity", "entity_id", unique=True,
            sqlite_where=text(COUNTS), postgresql_where=text(COUNTS),
        ),
        Index("ix_appeal_unit", "unit_id", "id"),
        Index("ix_appeal_region", "region_code", "id"),
        # Whether a missed period that is judged anew was excused.
        Index("ix_appeal_elevator", "elevator_id", "entity", "happened_on"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    number: Mapped[str | None] = col(_l("申诉编号"), String(20))
    unit_id: Mapped[int] = col(_l("申诉单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    application_id: Mapped[int | None] = col(_l("申请"), BigId, ForeignKey("application.id"), index=True)
    entity: Mapped[str] = col(_l("申诉对象"), String(20), choices=APPEAL_ENTITY)
    entity_id: Mapped[int] = col(_l("对象编号"), BigId)
    elevator_id: Mapped[int | None] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    happened_on: Mapped[dt.date] = col(_l("日期"), Date)
    said: Mapped[str] = col(_l("记录"), SaidText(300))
    grounds: Mapped[str] = col(_l("申诉理由"), Text)
    # What the ledger called it, where the appeal is from a score.
    rule: Mapped[str | None] = col(_l("规则"), String(30))
    run_region: Mapped[str | None] = col(_l("计算地区"), String(12))
    run_from_on: Mapped[dt.date | None] = col(_l("起始日期"), Date)
    run_to_on: Mapped[dt.date | None] = col(_l("截止日期"), Date)
    appeal_until: Mapped[dt.datetime | None] = col(_l("申诉截止"), Instant)
    state: Mapped[str] = col(
        _l("状态"), String(10), default="draft", server_default="draft", choices=APPEAL_STATE
    )
    in_force_from: Mapped[dt.datetime | None] = col(_l("更正时间"), Instant)
    figures: Mapped[list[Any] | None] = col(_l("更正前后"), Json, nullable=True)

    unit: Mapped[Unit] = relationship()
    application: Mapped[Application | None] = relationship()

    def __repr__(self) -> str:
        return self.number or "—"

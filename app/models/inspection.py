"""Inspections (INS-01), governor checks and brake tests (INS-02), and what of them stands for an elevator."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, Date, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Json, Model, Stamped, Versioned, col, pk
from app.models.choices import APPLICATION_STATE, INSPECTION_DUE, INSPECTION_KIND, INSPECTION_RESULT
from app.models.elevator import Elevator
from app.models.unit import Unit

# What counts: approved, and neither corrected nor withdrawn since.
STANDING = "state = 'approved' AND ended_at IS NULL"


class Inspection(Stamped, Versioned, Model):
    """One inspection as its report says it; never changed. A correction is a row of its own that names the old one
    and why; the old one ends with it. What a unit hands in counts once an officer approved it.

    `unit_id` is who maintained the elevator on that day: who answers where `is_fault` says that a maintenance unit
    has to mend. `replaced` is what the register said of the days before this record moved them.
    """

    __tablename__ = "inspection"
    __table_args__ = (
        Index("ix_inspection_elevator", "elevator_id", "kind", "done_on"),
        Index("ix_inspection_region", "region_code", "done_on", "id"),
        Index("ix_inspection_done", "done_on", "id"),
        Index("ix_inspection_unit", "unit_id", "done_on"),
        Index("ix_inspection_tested_by", "tested_by_id", "id"),
        Index("ix_inspection_number", "number_key"),
        Index(
            "uq_inspection_standing", "elevator_id", "kind", "number_key", "done_on", unique=True,
            sqlite_where=text(STANDING), postgresql_where=text(STANDING),
        ),
    )  # fmt: skip
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"), index=True)
    kind: Mapped[str] = col(_l("检验类型"), String(12), choices=INSPECTION_KIND)
    number: Mapped[str] = col(_l("报告编号"), String(60))
    # As numbers are compared: case, spaces and full-width letters make no other report.
    number_key: Mapped[str] = col(_l("比对编号"), String(160))
    done_on: Mapped[dt.date] = col(_l("检验日期"), Date)
    tested_by_id: Mapped[int | None] = col(_l("检验单位"), BigId, ForeignKey("unit.id"))
    tested_by: Mapped[str] = col(_l("检验单位"), String(120))
    result: Mapped[str] = col(_l("检验结果"), String(12), choices=INSPECTION_RESULT)
    failed_items: Mapped[str | None] = col(_l("不合格项"), Text)
    is_fault: Mapped[bool] = col(_l("涉及维保单位整改"), Boolean, default=False, server_default=text("false"))
    next_on: Mapped[dt.date | None] = col(_l("下次日期"), Date)
    next_kind: Mapped[str | None] = col(_l("下次类型"), String(12), choices=INSPECTION_DUE)
    rule_on: Mapped[dt.date | None] = col(_l("按规则的下次日期"), Date)
    next_reason: Mapped[str | None] = col(_l("调整原因"), String(200))
    state: Mapped[str] = col(
        _l("审核状态"), String(10), default="draft", server_default="draft", choices=APPLICATION_STATE
    )
    in_force_from: Mapped[dt.datetime | None] = col(_l("生效时间"), Instant)
    entered_by: Mapped[str] = col(_l("登记人"), String(80))
    taken_over: Mapped[bool] = col(_l("接管"), Boolean, default=False, server_default=text("false"))
    corrects_id: Mapped[int | None] = col(_l("更正自"), BigId, ForeignKey("inspection.id"))
    ended_at: Mapped[dt.datetime | None] = col(_l("更正、作废时间"), Instant)
    ended_by: Mapped[str | None] = col(_l("更正、作废人"), String(80))
    end_reason: Mapped[str | None] = col(_l("更正、作废原因"), String(200))
    # From then on it does not say that the unit has to mend: an appeal was upheld.
    appeal_upheld_at: Mapped[dt.datetime | None] = col(_l("申诉成立时间"), Instant)
    replaced: Mapped[dict[str, Any] | None] = col(_l("原日期"), Json)
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit | None] = relationship(foreign_keys=[unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])

    @property
    def stands(self) -> bool:
        return self.state == "approved" and self.ended_at is None

    def __repr__(self) -> str:
        return self.number


class InspectionClock(Model):
    """What is due for an elevator besides its filed days: worked out by `workflows.inspection.inspection_clocks` alone.

    The filed 下次检验日期 stays the day of the yearly calendar; here is which kind it is, a failed one that waits for
    its second inspection, and the days of governor and brake.
    """

    __tablename__ = "inspection_clock"
    __table_args__ = (
        Index("ix_inspection_clock_governor", "governor_due_on", "elevator_id"),
        Index("ix_inspection_clock_brake", "brake_due_on", "elevator_id"),
        Index("ix_inspection_clock_failed", "failed_on", "elevator_id"),
    )
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"), primary_key=True, autoincrement=False)
    last_id: Mapped[int | None] = col(_l("最近检验"), BigId, ForeignKey("inspection.id"))
    next_kind: Mapped[str | None] = col(_l("下次类型"), String(12), choices=INSPECTION_DUE)
    failed_id: Mapped[int | None] = col(_l("待复检"), BigId, ForeignKey("inspection.id"))
    failed_on: Mapped[dt.date | None] = col(_l("不合格日期"), Date)
    governor_due_on: Mapped[dt.date | None] = col(_l("下次限速器校验"), Date)
    brake_on: Mapped[dt.date | None] = col(_l("制动试验日期"), Date)
    brake_due_on: Mapped[dt.date | None] = col(_l("下次制动试验"), Date)

    last: Mapped[Inspection | None] = relationship(foreign_keys=[last_id])

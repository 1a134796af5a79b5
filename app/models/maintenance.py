"""The maintenance clock of an elevator, its ledger, orders, pauses and missed periods."""

import datetime as dt
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    Boolean,
    Computed,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from app.models.base import ONCE, BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.choices import GENERATION_MODE, LEVEL, ORDER_ORIGIN, ORDER_STATE
from app.models.elevator import Elevator
from app.models.person import Person
from app.models.said import SaidText
from app.models.team import MaintenanceTeam
from app.models.unit import Unit
from app.models.visit import Visit
from app.rules.levels import Level


def rank_of(level: Any) -> Any:
    """How long a level is, of a column, as a number: each does what those below it ask for."""
    return case(*((level == literal_column(f"'{one.value}'"), literal_column(str(one.rank))) for one in Level))


class MaintenanceLedger(Stamped, Versioned, Model):
    """设备履历 (ELV-06): who serves the elevator, how orders are made, and the four next dates.

    Complete (orders are made) when a worker and the next half-month date are there and the mode is auto.
    """

    __tablename__ = "maintenance_ledger"
    __table_args__ = ONCE
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"), unique=True)
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12), index=True)
    worker_id: Mapped[int | None] = col(_l("维保人员"), BigId, ForeignKey("person.id"), index=True)
    co_worker_id: Mapped[int | None] = col(_l("协同维保人员"), BigId, ForeignKey("person.id"))
    manager_id: Mapped[int | None] = col(_l("维保经理"), BigId, ForeignKey("person.id"))
    team_id: Mapped[int | None] = col(_l("维保小组"), BigId, ForeignKey("maintenance_team.id"), index=True)
    mode: Mapped[str] = col(
        _l("任务生成模式"), String(10), default="auto", server_default="auto", choices=GENERATION_MODE
    )
    interval_days: Mapped[int] = col(_l("维保间隔"), Integer, default=15, server_default="15", unit=_l("天"))
    next_half_month_on: Mapped[dt.date | None] = col(_l("下次半月维保"), Date, index=True)
    next_quarter_on: Mapped[dt.date | None] = col(_l("下次季度维保"), Date)
    next_half_year_on: Mapped[dt.date | None] = col(_l("下次半年维保"), Date)
    next_annual_on: Mapped[dt.date | None] = col(_l("下次年度维保"), Date)
    # The level that the order on next_half_month_on will carry; kept by the workflow that sets the dates,
    # so that the nightly job only selects (rules.md: computed in Python, stored).
    next_level: Mapped[str] = col(
        _l("下次级别"), String(12), default="half_month", server_default="half_month", choices=LEVEL
    )
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit] = relationship()
    worker: Mapped[Person | None] = relationship(foreign_keys=[worker_id])
    co_worker: Mapped[Person | None] = relationship(foreign_keys=[co_worker_id])
    manager: Mapped[Person | None] = relationship(foreign_keys=[manager_id])
    team: Mapped[MaintenanceTeam | None] = relationship()


class MaintenanceClock(Model):
    """One clock for an elevator, fed by counted visits, not by orders.

    `anchor_on` is the last counted visit or the missed limit that the running period starts at; `last_visit_on`
    and `first_visit_on` are this unit's. While paused, `limit_on` is null and the days left are kept.
    """

    __tablename__ = "maintenance_clock"
    __table_args__ = (
        Index("ix_maintenance_clock_region_limit", "region_code", "limit_on"),
        Index("ix_maintenance_clock_unit_limit", "unit_id", "limit_on"),
        Index("ix_maintenance_clock_limit", "limit_on"),
        # Both ways round: a district's few rows by region, a province's by day.
        Index("ix_maintenance_clock_region_due", "region_code", "due_on", "elevator_id", "in_use"),
        Index("ix_maintenance_clock_due", "due_on", "region_code", "elevator_id", "in_use"),
        Index("ix_maintenance_clock_region_cover", "region_code", "cover_on", "elevator_id", "in_use"),
        Index("ix_maintenance_clock_cover", "cover_on", "region_code", "elevator_id", "in_use"),
        # The few that nobody came to yet, as their list stands in order.
        Index(
            "ix_maintenance_clock_never", "due_on", "elevator_id", "region_code",
            sqlite_where=text("last_visit_on IS NULL"), postgresql_where=text("last_visit_on IS NULL"),
        ),
        # The few whose cover is to begin: what the night looks for.
        Index(
            "ix_maintenance_clock_begins", "cover_begins_on", sqlite_where=text("cover_begins_on IS NOT NULL"),
            postgresql_where=text("cover_begins_on IS NOT NULL"),
        ),
    )  # fmt: skip
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"), primary_key=True, autoincrement=False)
    unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    unit_since_on: Mapped[dt.date | None] = col(_l("本单位起始日"), Date)
    first_visit_on: Mapped[dt.date | None] = col(_l("首次维保日期"), Date)
    last_visit_on: Mapped[dt.date | None] = col(_l("上次维保日期"), Date)
    anchor_on: Mapped[dt.date | None] = col(_l("本期起始日"), Date)
    limit_on: Mapped[dt.date | None] = col(_l("维保期限"), Date)
    limit_days: Mapped[int] = col(_l("期限天数"), Integer, default=15, server_default="15")
    missed: Mapped[int] = col(_l("连续超期期数"), Integer, default=0, server_default="0")
    # Limits since the last visit that passed like those and that an upheld appeal excused: they are not among them.
    excused: Mapped[int] = col(_l("申诉成立不计的期数"), Integer, default=0, server_default="0")
    # The first of the missed limits that stand; null while none does.
    missed_since_on: Mapped[dt.date | None] = col(_l("超期起始日"), Date)
    paused_on: Mapped[dt.date | None] = col(_l("暂停日期"), Date)
    limit_left_days: Mapped[int | None] = col(_l("暂停时剩余天数"), Integer)
    plan_left_days: Mapped[int | None] = col(_l("暂停时计划剩余天数"), Integer)
    judged_through: Mapped[dt.date | None] = col(_l("已判定至"), Date)
    # The last day of unbroken cover from today on, or of the cover that ended; kept by workflows.contracts.cover.
    covered_until: Mapped[dt.date | None] = col(_l("合同有效期至"), Date)
    # The first day of cover that is known, yet to begin and not joined to that; kept beside it.
    cover_begins_on: Mapped[dt.date | None] = mapped_column(Date)
    # Whether the status is in_use; kept by workflows.core.moves, so that near and over are counted here alone.
    in_use: Mapped[bool] = col(_l("在用"), Boolean, default=True, server_default=true())
    # What near and over are told by, kept by the database so that one range of an index answers: the limit, a day long
    # past while a missed one stands, nothing while stopped; the cover's last day, long past where there is none.
    due_on: Mapped[dt.date | None] = mapped_column(
        Date,
        Computed(
            "CASE WHEN paused_on IS NOT NULL THEN NULL WHEN missed > 0 THEN '0001-01-01' ELSE limit_on END"
        ),
    )
    cover_on: Mapped[dt.date] = mapped_column(Date, Computed("coalesce(covered_until, '0001-01-01')"))

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit | None] = relationship()

    @property
    def passed(self) -> int:
        """Limits in a row that no visit kept, whoever answers for them; the last one is the anchor."""
        return self.missed + self.excused


class MaintenanceOrder(Stamped, Model):
    """维保任务. At most one open automatic order for an elevator; the partial unique index keeps a second run empty."""

    __tablename__ = "maintenance_order"
    __table_args__ = (
        Index(
            "uq_maintenance_order_open_auto", "elevator_id", unique=True,
            sqlite_where=text("state = 'open' AND origin = 'auto'"),
            postgresql_where=text("state = 'open' AND origin = 'auto'"),
        ),
        Index("ix_maintenance_order_unit_state", "unit_id", "state", "planned_on"),
        Index("ix_maintenance_order_worker_state", "worker_id", "state", "planned_on"),
        Index("ix_maintenance_order_region_state", "region_code", "state", "planned_on"),
        Index("ix_maintenance_order_elevator", "elevator_id", "planned_on"),
        Index("ix_maintenance_order_state", "state", "planned_on", "id", "region_code"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    worker_id: Mapped[int | None] = col(_l("维保人员"), BigId, ForeignKey("person.id"))
    planned_on: Mapped[dt.date] = col(_l("计划日期"), Date)
    limit_on: Mapped[dt.date | None] = col(_l("维保期限"), Date)
    level: Mapped[str] = col(_l("频次"), String(12), choices=LEVEL)
    origin: Mapped[str] = col(_l("来源"), String(10), default="auto", choices=ORDER_ORIGIN)
    state: Mapped[str] = col(_l("状态"), String(10), default="open", server_default="open", choices=ORDER_STATE)
    visit_id: Mapped[int | None] = col(_l("维保记录"), BigId, index=True)
    closed_at: Mapped[dt.datetime | None] = col(_l("结束时间"), Instant)
    close_reason: Mapped[str | None] = col(_l("结束原因"), SaidText(120))

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit] = relationship()
    worker: Mapped[Person | None] = relationship()
    # The state as lists show it, `ORDER_SHOWN`: read where it is shown, stored nowhere.
    shown_state: ClassVar[Any]


class MaintenancePause(Model):
    """Days on which the clock stood still, [from_on, to_on); open while to_on is null. Made by approvals."""

    __tablename__ = "maintenance_pause"
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"), index=True)
    from_on: Mapped[dt.date] = col(_l("暂停日期"), Date)
    to_on: Mapped[dt.date | None] = col(_l("恢复日期"), Date)
    application_id: Mapped[int | None] = col(_l("申请"), BigId, ForeignKey("application.id"))
    # 维保暂停 may name the day on which the clock runs again by itself.
    planned_to_on: Mapped[dt.date | None] = col(_l("计划恢复日期"), Date)
    known_at: Mapped[dt.datetime] = col(_l("记录时间"), Instant)
    ended_at: Mapped[dt.datetime | None] = col(_l("恢复记录时间"), Instant)


class OnDemandInterval(Model):
    """按需维保: from a day to a day, both included, an elevator is served at its own longer interval (PLN-11).

    `closed_on` is an earlier last day (the unit changed); `returned_at` marks that the usual interval holds again.
    """

    __tablename__ = "on_demand_interval"
    __table_args__ = (
        Index("ix_on_demand_interval_elevator", "elevator_id", "from_on"),
        Index("ix_on_demand_interval_unit", "unit_id", "to_on"),
    )
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    from_on: Mapped[dt.date] = col(_l("起始日期"), Date)
    to_on: Mapped[dt.date] = col(_l("截止日期"), Date)
    interval_days: Mapped[int] = col(_l("维保间隔"), Integer, unit=_l("天"))
    reason: Mapped[str | None] = col(_l("原因"), Text)
    application_id: Mapped[int] = col(_l("申请"), BigId, ForeignKey("application.id"), unique=True)
    known_at: Mapped[dt.datetime] = col(_l("记录时间"), Instant)
    closed_on: Mapped[dt.date | None] = col(_l("提前结束日期"), Date)
    closed_at: Mapped[dt.datetime | None] = col(_l("提前结束记录时间"), Instant)
    returned_at: Mapped[dt.datetime | None] = col(_l("恢复记录时间"), Instant)


class OverduePeriod(Model):
    """One missed period (anchor, limit], judged when its last day was over. Never deleted: see OverdueCorrection."""

    __tablename__ = "overdue_period"
    __table_args__ = (
        # A withdrawn one leaves its day free: evidence can be withdrawn in its turn, and then the day is judged again.
        Index(
            "uq_overdue_period", "elevator_id", "limit_on", unique=True,
            sqlite_where=text("NOT withdrawn"), postgresql_where=text("NOT withdrawn"),
        ),
        Index("ix_overdue_period_unit_limit", "unit_id", "limit_on"),
        Index("ix_overdue_period_region_limit", "region_code", "limit_on"),
        Index("ix_overdue_period_limit", "limit_on", "id", "region_code"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    # Null when no contract covered the limit day: nobody's, shown as 脱保 (T12).
    unit_id: Mapped[int | None] = col(_l("责任单位"), BigId, ForeignKey("unit.id"))
    contract_id: Mapped[int | None] = col(_l("合同"), BigId, ForeignKey("contract.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    anchor_on: Mapped[dt.date] = col(_l("上期到期"), Date)
    limit_on: Mapped[dt.date] = col(_l("本期到期"), Date)
    interval_days: Mapped[int] = col(_l("周期"), Integer, unit=_l("天"))
    previous_missed: Mapped[bool] = col(_l("上期未完成"), Boolean, default=False, server_default=text("false"))
    judged_at: Mapped[dt.datetime] = col(_l("判定时间"), Instant)
    done_late_on: Mapped[dt.date | None] = col(_l("逾期完成日期"), Date)
    withdrawn: Mapped[bool] = col(_l("已更正"), Boolean, default=False, server_default=text("false"))

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit | None] = relationship()


class OverdueCorrection(Model):
    """Evidence that arrived later withdraws an overdue period by this row; both stay."""

    __tablename__ = "overdue_correction"
    id: Mapped[int] = pk()
    overdue_id: Mapped[int] = col(_l("超期"), BigId, ForeignKey("overdue_period.id"), unique=True)
    visit_id: Mapped[int | None] = col(_l("维保记录"), BigId, ForeignKey("visit.id"))
    reason: Mapped[str] = col(_l("原因"), SaidText())
    known_at: Mapped[dt.datetime] = col(_l("记录时间"), Instant)
    actor_id: Mapped[int | None] = col(_l("操作人"), Integer, ForeignKey("ab_user.id"))


# At most one an elevator; for lists that show it without a statement a row.
Elevator.ledger = relationship(MaintenanceLedger, uselist=False, viewonly=True)


# How many elevators a team serves, asked with the team's own row.
MaintenanceTeam.served = column_property(
    select(func.count(MaintenanceLedger.id))
    .where(MaintenanceLedger.team_id == MaintenanceTeam.id)
    .correlate_except(MaintenanceLedger)
    .scalar_subquery(),
    deferred=True,
)


# Whose visit waits for the use unit's review, for the manager, or for whoever looks at its label.
_order: Any = MaintenanceOrder.__table__.c
_visit: Any = Visit.__table__.c
WAITS_FOR_A_WORD = or_(_visit.awaiting_review.is_(True), _visit.state == literal_column("'pending'"))
IS_APPROVING = and_(
    _order.state == "done",
    select(_visit.id).where(_visit.id == _order.visit_id, WAITS_FOR_A_WORD)
    .correlate(MaintenanceOrder.__table__).exists(),
)
MaintenanceOrder.shown_state = column_property(
    case((IS_APPROVING, literal_column("'approving'")), else_=_order.state).label("shown_state"), deferred=True
)

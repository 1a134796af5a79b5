"""The use unit's own loop (SAF-01): risk list, daily, weekly and monthly records, named officers; patrols (PAT-01)."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, Date, Float, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Json, Model, Stamped, Versioned, col, pk
from app.models.elevator import Elevator
from app.models.unit import Unit

RISK_LEVEL = {"major": _l("重大"), "larger": _l("较大"), "general": _l("一般"), "low": _l("低")}
SAFETY_RECORD = {"daily": _l("日管控"), "weekly": _l("周排查"), "monthly": _l("月调度")}


class ElevatorOfficer(Model):
    """The safety officer named for an elevator by its use unit; the history is the audit log's."""

    __tablename__ = "elevator_officer"
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"), primary_key=True, autoincrement=False)
    unit_id: Mapped[int] = col(_l("使用单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    account_id: Mapped[int] = col(_l("安全员"), Integer, ForeignKey("ab_user.id"), index=True)
    named_at: Mapped[dt.datetime] = col(_l("指定时间"), Instant)
    named_by_id: Mapped[int | None] = col(_l("指定人"), Integer, ForeignKey("ab_user.id"))

    elevator: Mapped[Elevator] = relationship()


class RiskItem(Stamped, Versioned, Model):
    """A line of 风险管控清单: what can go wrong, how grave, what is done about it, by whom, how often."""

    __tablename__ = "risk_item"
    __table_args__ = (Index("ix_risk_item_unit", "unit_id", "id"), Index("ix_risk_item_region", "region_code", "id"))
    id: Mapped[int] = pk()
    unit_id: Mapped[int] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    place: Mapped[str] = col(_l("风险部位"), String(80))
    risk: Mapped[str] = col(_l("风险描述"), String(200))
    level: Mapped[str] = col(_l("等级"), String(10), choices=RISK_LEVEL)
    measures: Mapped[str] = col(_l("管控措施"), String(500))
    cycle: Mapped[str] = col(_l("检查频次"), String(10), default="daily", choices=SAFETY_RECORD)
    responsible: Mapped[str] = col(_l("责任人"), String(40))
    ended_on: Mapped[dt.date | None] = col(_l("停用日期"), Date)

    unit: Mapped[Unit] = relationship()


class SafetyRecord(Model):
    """A day's check, a week's report, a month's meeting; never changed once made. `on` is the period's first day.

    A daily record is its maker's for the elevators that name him; the other two are the unit's. `findings` are what
    was found and what became of it; none found is said, not left open (`nothing_found`).
    """

    __tablename__ = "safety_record"
    __table_args__ = (
        Index(
            "uq_safety_record_unit", "unit_id", "kind", "on", unique=True,
            sqlite_where=text("kind <> 'daily'"), postgresql_where=text("kind <> 'daily'"),
        ),
        UniqueConstraint("unit_id", "kind", "on", "made_by_id"),
        Index("ix_safety_record_region", "region_code", "kind", "on"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    unit_id: Mapped[int] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    kind: Mapped[str] = col(_l("类型"), String(10), choices=SAFETY_RECORD)
    on: Mapped[dt.date] = col(_l("日期"), Date)
    elevators: Mapped[list[Any]] = col(_l("电梯"), Json, default=list)
    findings: Mapped[list[Any]] = col(_l("发现的问题"), Json, default=list)
    nothing_found: Mapped[bool] = col(_l("未发现问题"), Boolean)
    summary: Mapped[str | None] = col(_l("内容"), Text)
    people: Mapped[str | None] = col(_l("参加人员"), String(200))
    made_by_id: Mapped[int | None] = col(_l("填写人"), Integer, ForeignKey("ab_user.id"))
    made_by: Mapped[str] = col(_l("填写人姓名"), String(80))
    made_at: Mapped[dt.datetime] = col(_l("填写时间"), Instant)
    # Where the phone was that sent it; from a desk there is no place.
    latitude: Mapped[float | None] = col(_l("纬度"), Float)
    longitude: Mapped[float | None] = col(_l("经度"), Float)

    unit: Mapped[Unit] = relationship()


class PatrolRound(Stamped, Model):
    """A round over chosen elevators by a day; `unit_id` null: the regulator's own. Over once closed."""

    __tablename__ = "patrol_round"
    __table_args__ = (
        Index("ix_patrol_round_unit", "unit_id", "due_on"), Index("ix_patrol_round_region", "region_code", "due_on"),
        Index("ix_patrol_round_account", "account_id", "closed_at"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    unit_id: Mapped[int | None] = col(_l("单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    title: Mapped[str] = col(_l("名称"), String(80))
    due_on: Mapped[dt.date] = col(_l("完成期限"), Date)
    account_id: Mapped[int] = col(_l("巡检人"), Integer, ForeignKey("ab_user.id"))
    account_name: Mapped[str] = col(_l("巡检人姓名"), String(80))
    note: Mapped[str | None] = col(_l("要求"), String(500))
    closed_at: Mapped[dt.datetime | None] = col(_l("结束时间"), Instant)

    unit: Mapped[Unit | None] = relationship()
    stops: Mapped[list["PatrolStop"]] = relationship(order_by="PatrolStop.id", back_populates="round", viewonly=True)


class PatrolStop(Model):
    """An elevator of a round: when it was looked at, and what was found. A result stands once given."""

    __tablename__ = "patrol_stop"
    __table_args__ = (UniqueConstraint("round_id", "elevator_id"),)
    id: Mapped[int] = pk()
    round_id: Mapped[int] = col(_l("巡检"), BigId, ForeignKey("patrol_round.id"))
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"), index=True)
    checked_at: Mapped[dt.datetime | None] = col(_l("巡检时间"), Instant)
    is_fine: Mapped[bool | None] = col(_l("正常"), Boolean)
    finding: Mapped[str | None] = col(_l("发现的问题"), String(500))
    handled: Mapped[str | None] = col(_l("处理"), String(500))
    # Where the phone said it was, and how far that is from the elevator; null where the phone did not say.
    latitude: Mapped[float | None] = col(_l("纬度"), Float)
    longitude: Mapped[float | None] = col(_l("经度"), Float)
    distance: Mapped[int | None] = col(_l("距电梯"), Integer, unit=_l("米"))

    round: Mapped[PatrolRound] = relationship(back_populates="stops")
    elevator: Mapped[Elevator] = relationship()

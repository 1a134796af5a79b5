"""双随机抽查 (TGT-01): draws that anybody can work out again, the checks that they chose, who keeps out of whose."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, relationship

from app.models.account import Account
from app.models.base import BigId, Instant, Json, Model, Stamped, Versioned, col, pk
from app.models.elevator import Elevator
from app.models.sealed import Sealed
from app.models.unit import Unit

DRAW_STATE = {"announced": _l("已公布，待抽取"), "drawn": _l("已抽取"), "cancelled": _l("已作废")}
DRAW_TARGET = {"elevator": _l("电梯"), "unit": _l("维保单位")}
STRATUM = {"risk": _l("风险抽取"), "random": _l("随机抽取")}
CHECK_STATE = {
    "waiting": _l("待检查"), "fine": _l("检查合格"), "fixing": _l("待整改"), "fixed": _l("待复查"),
    "closed": _l("整改完成"), "void": _l("未检查"),
}  # fmt: skip
CHECK_OPEN = "state IN ('waiting', 'fixing', 'fixed')"


class SpotDraw(Stamped, Versioned, Model):
    """One draw. What may be drawn, from whom, how many and the digest of a secret number are published first.

    Then a public text is entered, and with it everything is decided (`rules.spot_draw`). `population` is the whole list
    that it was drawn from, a line each; none of it changes once it is published. A draw is made once: one that is
    cancelled keeps its number, its reason and what it had chosen.
    """

    __tablename__ = "spot_draw"
    __table_args__ = (Index("ix_spot_draw_region", "region_code", "id"),)
    id: Mapped[int] = pk()
    number: Mapped[str] = col(_l("抽查编号"), String(20), unique=True)
    title: Mapped[str] = col(_l("抽查名称"), String(80))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    kind: Mapped[str] = col(_l("抽查对象"), String(10), choices=DRAW_TARGET)
    state: Mapped[str] = col(
        _l("状态"), String(10), default="announced", server_default="announced", choices=DRAW_STATE
    )
    filters: Mapped[dict[str, Any]] = col(_l("对象范围"), Json, default=dict)
    quota: Mapped[int] = col(_l("抽取数量"), Integer)
    risk_percent: Mapped[int] = col(_l("风险抽取比例"), Integer, unit="%")
    top_percent: Mapped[int] = col(_l("高风险范围"), Integer, unit="%")
    inspectors: Mapped[list[Any]] = col(_l("检查人员"), Json, default=list)
    as_of: Mapped[dt.datetime] = col(_l("名单截至"), Instant)
    population: Mapped[str] = col(_l("抽取名单"), Text, deferred=True)
    population_count: Mapped[int] = col(_l("名单数量"), Integer)
    population_digest: Mapped[str] = col(_l("名单摘要"), String(64))
    # Told only when the draw is made; until then its digest stands for it, to whoever reads the database as well.
    secret: Mapped[str] = col(_l("预置随机数"), Sealed("spot_draw.secret", sought=False), deferred=True)
    commitment: Mapped[str] = col(_l("预置随机数摘要"), String(64))
    seed_text: Mapped[str | None] = col(_l("公开种子"), String(200))
    seed: Mapped[str | None] = col(_l("抽取种子"), String(64))
    check_until: Mapped[dt.date] = col(_l("检查截止日期"), Date)
    drawn_at: Mapped[dt.datetime | None] = col(_l("抽取时间"), Instant)
    drawn_by_id: Mapped[int | None] = col(_l("抽取人"), Integer, ForeignKey("ab_user.id"))
    cancelled_at: Mapped[dt.datetime | None] = col(_l("作废时间"), Instant)
    cancel_reason: Mapped[str | None] = col(_l("作废理由"), String(200))

    def __repr__(self) -> str:
        return self.number


class SpotCheck(Stamped, Versioned, Model):
    """What a draw chose: who checks it, what was found, and what the unit did about it.

    A unit learns of it when its result is entered, never before. `risk` and `parts` are those of the published list.
    """

    __tablename__ = "spot_check"
    __table_args__ = (
        Index("ix_spot_check_draw", "draw_id", "position", unique=True),
        Index("ix_spot_check_region", "region_code", "id"),
        Index("ix_spot_check_unit", "unit_id", "id"),
        Index("ix_spot_check_inspector", "inspector_id", "state"),
        Index("ix_spot_check_partner", "partner_id", "state"),
        Index(
            "ix_spot_check_open", "region_code", "state", "due_at",
            sqlite_where=text(CHECK_OPEN), postgresql_where=text(CHECK_OPEN),
        ),
    )  # fmt: skip
    id: Mapped[int] = pk()
    draw_id: Mapped[int] = col(_l("抽查"), BigId, ForeignKey("spot_draw.id"))
    position: Mapped[int] = col(_l("序号"), Integer)
    stratum: Mapped[str] = col(_l("抽取方式"), String(10), choices=STRATUM)
    code: Mapped[str] = col(_l("对象代码"), String(20))
    name: Mapped[str] = col(_l("对象"), String(300))
    elevator_id: Mapped[int | None] = col(_l("电梯"), BigId, ForeignKey("elevator.id"), index=True)
    unit_id: Mapped[int | None] = col(_l("被检查单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    risk: Mapped[int] = col(_l("风险分"), Integer)
    parts: Mapped[dict[str, Any]] = col(_l("风险构成"), Json, default=dict)
    inspector_id: Mapped[int | None] = col(_l("检查人员"), Integer, ForeignKey("ab_user.id"))
    partner_id: Mapped[int | None] = col(_l("另一检查人员"), Integer, ForeignKey("ab_user.id"))
    state: Mapped[str] = col(_l("状态"), String(10), default="waiting", server_default="waiting", choices=CHECK_STATE)
    checked_at: Mapped[dt.datetime | None] = col(_l("检查时间"), Instant)
    checked_by_id: Mapped[int | None] = col(_l("填写人"), Integer, ForeignKey("ab_user.id"))
    findings: Mapped[str | None] = col(_l("检查情况"), Text)
    demand: Mapped[str | None] = col(_l("整改要求"), Text)
    due_at: Mapped[dt.datetime | None] = col(_l("期限"), Instant)
    fix_note: Mapped[str | None] = col(_l("整改情况"), Text)
    fixed_at: Mapped[dt.datetime | None] = col(_l("整改时间"), Instant)
    fixed_by_id: Mapped[int | None] = col(_l("整改人"), Integer, ForeignKey("ab_user.id"))
    close_note: Mapped[str | None] = col(_l("复查意见"), Text)
    closed_at: Mapped[dt.datetime | None] = col(_l("办结时间"), Instant)

    draw: Mapped[SpotDraw] = relationship()
    elevator: Mapped[Elevator | None] = relationship()
    unit: Mapped[Unit | None] = relationship()
    inspector: Mapped[Account | None] = relationship(foreign_keys=[inspector_id])
    partner: Mapped[Account | None] = relationship(foreign_keys=[partner_id])


class SpotAvoidance(Model):
    """回避: whom an inspector does not check, and why; kept after it ended, for the draws that went by it."""

    __tablename__ = "spot_avoidance"
    __table_args__ = (Index("ix_spot_avoidance_account", "account_id", "unit_id"),)
    id: Mapped[int] = pk()
    account_id: Mapped[int] = col(_l("检查人员"), Integer, ForeignKey("ab_user.id"))
    unit_id: Mapped[int] = col(_l("回避的单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    reason: Mapped[str] = col(_l("回避理由"), String(200))
    declared_at: Mapped[dt.datetime] = col(_l("登记时间"), Instant)
    ended_at: Mapped[dt.datetime | None] = col(_l("解除时间"), Instant)

    account: Mapped[Account] = relationship()
    unit: Mapped[Unit] = relationship()

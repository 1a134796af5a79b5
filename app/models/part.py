"""Parts of an elevator that have a life, and its landing doors (ELV-05)."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import ONCE, BigId, Instant, Json, Model, Stamped, Versioned, col, pk
from app.models.elevator import Elevator
from app.models.item_set import ITEM_KIND
from app.models.unit import Unit

COMPONENT_END = {"replaced": _l("已更换"), "removed": _l("已拆除"), "undone": _l("已撤销")}
DOOR_SIDE = {"front": _l("前门"), "rear": _l("后门")}
DOOR_STATE = {
    "normal": _l("正常"), "adjust": _l("需调整"), "damaged": _l("损坏"), "closed": _l("封闭不用"),
}  # fmt: skip
STANDING = "ended_on IS NULL"


class Component(Stamped, Versioned, Model):
    """A part as it was put in. Replaced it ends, and the new one names it: its rows are its history.

    `due_on` is the rule's; of one elevator only one part of a name is in it at a time.
    """

    __tablename__ = "component"
    __table_args__ = (
        Index("ix_component_elevator", "elevator_id", "id"),
        Index(
            "uq_component_standing", "elevator_id", "name", unique=True,
            sqlite_where=text(STANDING), postgresql_where=text(STANDING),
        ),
        Index("ix_component_due", "due_on", "region_code", sqlite_where=text(STANDING),
              postgresql_where=text(STANDING)),
    )  # fmt: skip
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    name: Mapped[str] = col(_l("组件"), String(40), help=_l("同名的写明位置，例如 制动器（左）"))
    model: Mapped[str | None] = col(_l("型号规格"), String(60))
    installed_on: Mapped[dt.date] = col(_l("安装日期"), Date)
    life_months: Mapped[int] = col(_l("寿命"), Integer, unit=_l("个月"))
    due_on: Mapped[dt.date] = col(_l("到期日"), Date)
    note: Mapped[str | None] = col(_l("备注"), String(200))
    # Who put it in, and whom it took the place of.
    installed_by: Mapped[str | None] = col(_l("安装人"), String(60))
    replaces_id: Mapped[int | None] = col(_l("更换自"), BigId, ForeignKey("component.id"))
    ended_on: Mapped[dt.date | None] = col(_l("更换、拆除日期"), Date)
    end_kind: Mapped[str | None] = col(_l("结束"), String(10), choices=COMPONENT_END)
    ended_by: Mapped[str | None] = col(_l("更换、拆除人"), String(60))
    end_reason: Mapped[str | None] = col(_l("原因"), String(200))
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)

    elevator: Mapped[Elevator] = relationship()

    def __repr__(self) -> str:
        return self.name


class UsualParts(Stamped, Versioned, Model):
    """常用组件: what a region (`unit_id` null) or a maintenance unit registers for a new elevator of a kind.

    `rows`: {name, life_months}, without a life as policy says. It is a start, no duty: parts already there stay.
    """

    __tablename__ = "usual_parts"
    __table_args__ = (
        Index(
            "uq_usual_parts_unit", "unit_id", "kind", unique=True, sqlite_where=text("unit_id IS NOT NULL"),
            postgresql_where=text("unit_id IS NOT NULL"),
        ),
        Index(
            "uq_usual_parts_region", "region_code", "kind", unique=True, sqlite_where=text("unit_id IS NULL"),
            postgresql_where=text("unit_id IS NULL"),
        ),
        ONCE,
    )  # fmt: skip
    id: Mapped[int] = pk()
    kind: Mapped[str] = col(_l("适用电梯"), String(4), choices=ITEM_KIND)
    unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    rows: Mapped[list[dict[str, Any]]] = col(_l("常用组件"), Json)

    unit: Mapped[Unit | None] = relationship()

    def __repr__(self) -> str:
        return str(ITEM_KIND[self.kind])


class LandingDoor(Stamped, Versioned, Model):
    """层门: one row a landing and side, as it was last found."""

    __tablename__ = "landing_door"
    __table_args__ = (
        Index("uq_landing_door_place", "elevator_id", "landing", "side", unique=True),
        Index("ix_landing_door_condition", "condition", "region_code", "id"),
        ONCE,
    )
    id: Mapped[int] = pk()
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    # From the bottom up; what lists are ordered by.
    position: Mapped[int] = col(_l("序号"), Integer)
    landing: Mapped[str] = col(_l("层站"), String(10))
    side: Mapped[str] = col(_l("侧"), String(5), default="front", server_default="front", choices=DOOR_SIDE)
    condition: Mapped[str] = col(
        _l("层门状态"), String(10), default="normal", server_default="normal", choices=DOOR_STATE
    )
    checked_on: Mapped[dt.date | None] = col(_l("检查日期"), Date)
    note: Mapped[str | None] = col(_l("备注"), String(200))
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)

    elevator: Mapped[Elevator] = relationship()

    def __repr__(self) -> str:
        return self.landing


class LandingDoorCheck(Model):
    """What a landing door was found to be, once; the newest is what it is now. Never changed."""

    __tablename__ = "landing_door_check"
    __table_args__ = (Index("ix_landing_door_check_door", "door_id", "id"),)
    id: Mapped[int] = pk()
    door_id: Mapped[int] = col(_l("层门"), BigId, ForeignKey("landing_door.id", ondelete="CASCADE"))
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    condition: Mapped[str] = col(_l("层门状态"), String(10), choices=DOOR_STATE)
    note: Mapped[str | None] = col(_l("备注"), String(200))
    checked_on: Mapped[dt.date] = col(_l("检查日期"), Date)
    at: Mapped[dt.datetime] = col(_l("记录时间"), Instant)
    by_name: Mapped[str] = col(_l("记录人"), String(60))

    door: Mapped[LandingDoor] = relationship()

"""维保项目: own lists of maintenance items, a region's or a unit's, version by version (PLN-08)."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Json, Model, Stamped, Versioned, col, pk
from app.models.unit import Unit

# What a list is for: the annexes of T5002, and the kinds of elevators that none of them names.
ITEM_KIND = {
    "A": _l("曳引与强制驱动电梯"), "B": _l("液压驱动电梯"), "C": _l("杂物电梯"), "D": _l("自动扶梯与自动人行道"),
    "3410": _l("防爆电梯"), "3420": _l("消防员电梯"),
}  # fmt: skip
ITEM_SET_STATE = {
    "draft": _l("草稿"), "submitted": _l("待批准"), "returned": _l("退回修改"), "in_force": _l("已批准"),
    "discarded": _l("已放弃"),
}  # fmt: skip
_OPEN = "state IN ('draft', 'submitted', 'returned')"


class ItemSet(Stamped, Versioned, Model):
    """A version of an own list: what a region (`unit_id` null) or a unit adds to the items that it inherits.

    `rows`: additions {code, level, item, requirement, needs_test, measure} and what is said more about inherited
    items {of, more, needs_test, measure}. Once approved it never changes: records name it. Of each owner's at most
    one version of a kind is being worked on.
    """

    __tablename__ = "item_set"
    __table_args__ = (
        Index(
            "uq_item_set_open_unit", "unit_id", "kind", unique=True,
            sqlite_where=text(f"{_OPEN} AND unit_id IS NOT NULL"),
            postgresql_where=text(f"{_OPEN} AND unit_id IS NOT NULL"),
        ),
        Index(
            "uq_item_set_open_region", "region_code", "kind", unique=True,
            sqlite_where=text(f"{_OPEN} AND unit_id IS NULL"), postgresql_where=text(f"{_OPEN} AND unit_id IS NULL"),
        ),
        # Asked by every check-in: few regions have a list of their own, and a unit a handful of versions.
        Index(
            "ix_item_set_in_force", "unit_id", sqlite_where=text("state = 'in_force'"),
            postgresql_where=text("state = 'in_force'"),
        ),
        Index("ix_item_set_region", "region_code", "id"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    kind: Mapped[str] = col(_l("适用电梯"), String(4), choices=ITEM_KIND)
    unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    name: Mapped[str] = col(_l("版本名称"), String(40))
    from_on: Mapped[dt.date] = col(_l("启用日期"), Date)
    basis: Mapped[str | None] = col(_l("依据"), Text)
    rows: Mapped[list[dict[str, Any]]] = col(_l("维保项目"), Json)
    state: Mapped[str] = col(_l("状态"), String(10), default="draft", choices=ITEM_SET_STATE)
    submitted_by_id: Mapped[int | None] = col(_l("提交人"), Integer, ForeignKey("ab_user.id"))
    submitted_at: Mapped[dt.datetime | None] = col(_l("提交时间"), Instant)
    decided_by_id: Mapped[int | None] = col(_l("批准人"), Integer, ForeignKey("ab_user.id"))
    decided_at: Mapped[dt.datetime | None] = col(_l("决定时间"), Instant)
    opinion: Mapped[str | None] = col(_l("意见"), Text)

    unit: Mapped[Unit | None] = relationship()

"""The provincial register beside ours (INT-01): runs with each code accounted for, differences, units linked."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Json, Model, Stamped, Versioned, col, pk
from app.models.elevator import Elevator
from app.models.said import SaidText
from app.models.unit import Unit

RUN_KIND = {"codes": _l("按代码"), "region": _l("按地区")}
ITEM_OUTCOME = {
    "matched": _l("一致"), "new": _l("新建草稿"), "different": _l("待核对"), "kept": _l("保留本平台"),
    "not_found": _l("省平台没有"), "refused": _l("不能同步"),
}  # fmt: skip
DIFFERENCE_KIND = {"fields": _l("内容不一致"), "unit": _l("单位对不上"), "new": _l("本平台没有")}
DIFFERENCE_WAY = {"taken": _l("已采用省平台"), "kept": _l("保留本平台"), "gone": _l("已经一致")}
UNSETTLED = "settled_at IS NULL"


class ProvincialRun(Stamped, Model):
    """One look at the register. `cursor` is where it goes on after it was cut short; the counts are of its items."""

    __tablename__ = "provincial_run"
    __table_args__ = (
        Index("ix_provincial_run_region", "region_code", "id"), Index("ix_provincial_run_unit", "unit_id", "id"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    kind: Mapped[str] = col(_l("方式"), String(10), choices=RUN_KIND)
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    unit_id: Mapped[int | None] = col(_l("单位"), BigId, ForeignKey("unit.id"))
    codes: Mapped[list[str]] = col(_l("代码"), Json, default=list)
    job_id: Mapped[int | None] = col(_l("后台任务"), BigId)
    cursor: Mapped[str | None] = col(_l("进行到"), String(300))
    begun_at: Mapped[dt.datetime] = col(_l("开始时间"), Instant)
    finished_at: Mapped[dt.datetime | None] = col(_l("结束时间"), Instant)
    asked: Mapped[int] = col(_l("查询"), Integer, default=0, server_default="0")
    matched: Mapped[int] = col(_l("一致"), Integer, default=0, server_default="0")
    new: Mapped[int] = col(_l("新建草稿"), Integer, default=0, server_default="0")
    different: Mapped[int] = col(_l("待核对"), Integer, default=0, server_default="0")
    kept: Mapped[int] = col(_l("保留本平台"), Integer, default=0, server_default="0")
    not_found: Mapped[int] = col(_l("省平台没有"), Integer, default=0, server_default="0")
    refused: Mapped[int] = col(_l("不能同步"), Integer, default=0, server_default="0")

    unit: Mapped[Unit | None] = relationship()


class ProvincialItem(Model):
    """What became of one code in one run: one row however often the run was taken up again."""

    __tablename__ = "provincial_item"
    __table_args__ = (UniqueConstraint("run_id", "code"),)
    id: Mapped[int] = pk()
    run_id: Mapped[int] = col(_l("同步"), BigId, ForeignKey("provincial_run.id", ondelete="CASCADE"))
    code: Mapped[str] = col(_l("代码"), String(40))
    outcome: Mapped[str] = col(_l("结果"), String(10), choices=ITEM_OUTCOME)
    elevator_id: Mapped[int | None] = col(_l("电梯"), BigId)
    difference_id: Mapped[int | None] = col(_l("待核对"), BigId)
    note: Mapped[str | None] = col(_l("说明"), SaidText())


class ProvincialDifference(Stamped, Versioned, Model):
    """What the two registers give differently of one code, until somebody settles it; one open row a code.

    `theirs` is the item as it was read, `unlike` names the fields that differ, `near` the units whose names are like
    theirs. What was kept with a reason stays kept while `digest`, which is of all that the register says, stays.
    """

    __tablename__ = "provincial_difference"
    __table_args__ = (
        Index(
            "uq_provincial_difference_code", "code", unique=True, sqlite_where=text(UNSETTLED),
            postgresql_where=text(UNSETTLED),
        ),
        Index("ix_provincial_difference_code", "code", "id"),
        Index("ix_provincial_difference_region", "region_code", "id"),
        Index("ix_provincial_difference_unit", "unit_id", "id"),
        Index("ix_provincial_difference_use_unit", "use_unit_id", "id"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    code: Mapped[str] = col(_l("识别码"), String(20))
    kind: Mapped[str] = col(_l("情况"), String(10), choices=DIFFERENCE_KIND)
    elevator_id: Mapped[int | None] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    theirs: Mapped[dict[str, Any]] = col(_l("省平台内容"), Json, default=dict)
    unlike: Mapped[list[str]] = col(_l("不一致的内容"), Json, default=list)
    near: Mapped[dict[str, Any]] = col(_l("相近的单位"), Json, default=dict)
    digest: Mapped[str] = col(_l("内容摘要"), String(64))
    run_id: Mapped[int | None] = col(_l("同步"), BigId)
    found_at: Mapped[dt.datetime] = col(_l("发现时间"), Instant)
    seen_at: Mapped[dt.datetime] = col(_l("最近核对"), Instant)
    settled_at: Mapped[dt.datetime | None] = col(_l("处理时间"), Instant)
    settled_by_id: Mapped[int | None] = col(_l("处理人"), Integer, ForeignKey("ab_user.id"))
    way: Mapped[str | None] = col(_l("处理结果"), String(10), choices=DIFFERENCE_WAY)
    reason: Mapped[str | None] = col(_l("理由"), String(200))

    elevator: Mapped[Elevator | None] = relationship()
    unit: Mapped[Unit | None] = relationship(foreign_keys=[unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])

    def __repr__(self) -> str:
        return self.code


class ProvincialUnit(Stamped, Model):
    """A unit that the register names otherwise than we do, as a regulator said with his reason."""

    __tablename__ = "provincial_unit"
    __table_args__ = (UniqueConstraint("name", "uscc"),)
    id: Mapped[int] = pk()
    name: Mapped[str] = col(_l("省平台的名称"), String(200))
    uscc: Mapped[str] = col(_l("省平台的统一社会信用代码"), String(40), default="", server_default="")
    unit_id: Mapped[int] = col(_l("单位"), BigId, ForeignKey("unit.id"), index=True)
    reason: Mapped[str] = col(_l("理由"), String(200))
    linked_by_id: Mapped[int | None] = col(_l("关联人"), Integer, ForeignKey("ab_user.id"))
    linked_at: Mapped[dt.datetime] = col(_l("关联时间"), Instant)

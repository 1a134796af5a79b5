"""Bulletins 通报 of a region and period (STA-03), and releases of open data (PUB-01)."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Json, Model, Stamped, Versioned, col, pk
from app.models.unit import Unit
from app.rules.bulletins import number_text

BULLETIN_STATE = {
    "draft": _l("草稿"), "checked": _l("已核对"), "issued": _l("已印发"), "discarded": _l("已作废"),
}  # fmt: skip
STANDS_OPEN = "state IN ('draft', 'checked')"


class Bulletin(Stamped, Versioned, Model):
    """One bulletin. `figures` are what was counted at `as_of`, `digest` is theirs; persons write `texts` only.

    Once issued nothing of it changes: number, signature, figures, texts, and the two files made from them. `corrects`
    is the issued one that it puts right.
    """

    __tablename__ = "bulletin"
    __table_args__ = (
        Index("ix_bulletin_region", "region_code", "first_on", "id"),
        # One at a time of a region and period is being worked on.
        Index(
            "uq_bulletin_open", "region_code", "period", unique=True,
            sqlite_where=text(STANDS_OPEN), postgresql_where=text(STANDS_OPEN),
        ),
        UniqueConstraint("region_code", "mark", "year", "serial", name="uq_bulletin_number"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    region_name: Mapped[str] = col(_l("地区"), String(60))
    period: Mapped[str] = col(_l("期间"), String(7))
    first_on: Mapped[dt.date] = col(_l("起始日期"), Date)
    last_on: Mapped[dt.date] = col(_l("截止日期"), Date)
    title: Mapped[str] = col(_l("标题"), String(120))
    office: Mapped[str] = col(_l("发文机关"), String(60))
    mark: Mapped[str] = col(_l("机关代字"), String(20))
    year: Mapped[int | None] = col(_l("年份"), Integer)
    serial: Mapped[int | None] = col(_l("序号"), Integer)
    state: Mapped[str] = col(
        _l("状态"), String(10), default="draft", server_default="draft", choices=BULLETIN_STATE
    )
    as_of: Mapped[dt.datetime] = col(_l("数据截至"), Instant)
    policy: Mapped[str] = col(_l("政策版本"), String(20))
    run_id: Mapped[int | None] = col(_l("得分计算"), BigId)
    figures: Mapped[dict[str, Any]] = col(_l("数据"), Json)
    digest: Mapped[str] = col(_l("数字摘要"), String(64))
    texts: Mapped[dict[str, Any]] = col(_l("文字"), Json, default=dict)
    drafted_by: Mapped[str] = col(_l("拟稿人"), String(80))
    edited_by_id: Mapped[int | None] = col(_l("编辑人"), Integer, ForeignKey("ab_user.id"))
    checked_at: Mapped[dt.datetime | None] = col(_l("核对时间"), Instant)
    checked_by: Mapped[str | None] = col(_l("核对人"), String(80))
    issued_at: Mapped[dt.datetime | None] = col(_l("印发时间"), Instant)
    signed_by: Mapped[str | None] = col(_l("签发人"), String(80))
    corrects_id: Mapped[int | None] = col(_l("更正自"), BigId, ForeignKey("bulletin.id"), index=True)
    correct_reason: Mapped[str | None] = col(_l("更正原因"), Text)

    corrects: Mapped["Bulletin | None"] = relationship(remote_side=[id])

    @property
    def number(self) -> str:
        """发文字号, once it is issued."""
        return number_text(self.mark, self.year or 0, self.serial) if self.serial is not None else ""

    def __repr__(self) -> str:
        return self.title


class BulletinReader(Model):
    """A unit that an issued bulletin was sent to; it may read it from then on, wherever the unit itself is."""

    __tablename__ = "bulletin_reader"
    __table_args__ = (Index("ix_bulletin_reader_unit", "unit_id", "bulletin_id"),)
    bulletin_id: Mapped[int] = col(_l("通报"), BigId, ForeignKey("bulletin.id"), primary_key=True)
    unit_id: Mapped[int] = col(_l("单位"), BigId, ForeignKey("unit.id"), primary_key=True)

    unit: Mapped[Unit] = relationship()


class OpenRelease(Model):
    """What a region published of a month: every table as it was given out, small counts hidden; never changed.

    `region_code` is the highest region of those above it whose policy says to publish; what lies below it stands in
    its tables, so that nobody subtracts one publication from another.
    """

    __tablename__ = "open_release"
    __table_args__ = (UniqueConstraint("region_code", "period", name="uq_open_release_period"),)
    id: Mapped[int] = pk()
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    region_name: Mapped[str] = col(_l("地区"), String(60))
    period: Mapped[str] = col(_l("期间"), String(7))
    as_of: Mapped[dt.datetime] = col(_l("数据截至"), Instant)
    made_at: Mapped[dt.datetime] = col(_l("发布时间"), Instant)
    policy: Mapped[str] = col(_l("政策版本"), String(20))
    least: Mapped[int] = col(_l("最小计数"), Integer)
    licence: Mapped[str] = col(_l("许可说明"), String(300))
    data: Mapped[dict[str, Any]] = col(_l("数据"), Json)
    digest: Mapped[str] = col(_l("内容摘要"), String(64))

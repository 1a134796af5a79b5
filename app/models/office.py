"""How an office works together: standing in for one who is away, talking about a record, watching it."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from app.models.account import Account
from app.models.base import BigId, Instant, Model, col, pk


class Delegation(Model):
    """An officer names another for some days, first and last included; `ended_at` ends it early. The region is his."""

    __tablename__ = "delegation"
    __table_args__ = (
        Index("ix_delegation_to", "to_id", "to_on"),
        Index("ix_delegation_from", "from_id", "to_on"),
    )
    id: Mapped[int] = pk()
    from_id: Mapped[int] = col(_l("委托人"), Integer, ForeignKey("ab_user.id"))
    to_id: Mapped[int] = col(_l("代办人"), Integer, ForeignKey("ab_user.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    from_on: Mapped[dt.date] = col(_l("起始日期"), Date)
    to_on: Mapped[dt.date] = col(_l("截止日期"), Date)
    reason: Mapped[str | None] = col(_l("原因"), String(200))
    created_at: Mapped[dt.datetime] = col(_l("创建时间"), Instant)
    ended_at: Mapped[dt.datetime | None] = col(_l("提前结束时间"), Instant)

    giver: Mapped[Account] = relationship(foreign_keys=[from_id])
    taker: Mapped[Account] = relationship(foreign_keys=[to_id])


class Comment(Model):
    """A remark on a record. Whoever reads the record reads it; an internal one is for regulators only."""

    __tablename__ = "comment"
    __table_args__ = (Index("ix_comment_entity", "entity", "entity_id", "id"),)
    id: Mapped[int] = pk()
    entity: Mapped[str] = col(_l("对象"), String(20))
    entity_id: Mapped[int] = col(_l("编号"), BigId)
    author_id: Mapped[int] = col(_l("留言人"), Integer, ForeignKey("ab_user.id"))
    unit_id: Mapped[int | None] = col(_l("留言单位"), BigId, ForeignKey("unit.id"))
    internal: Mapped[bool] = col(_l("内部"), Boolean, default=False, server_default=text("false"))
    body: Mapped[str] = col(_l("内容"), Text)
    created_at: Mapped[dt.datetime] = col(_l("时间"), Instant)

    author: Mapped[Account] = relationship()


class Watch(Model):
    """Somebody who wants to know what becomes of a record."""

    __tablename__ = "watch"
    __table_args__ = (UniqueConstraint("entity", "entity_id", "user_id"),)
    id: Mapped[int] = pk()
    entity: Mapped[str] = col(_l("对象"), String(20))
    entity_id: Mapped[int] = col(_l("编号"), BigId)
    user_id: Mapped[int] = col(_l("关注人"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    since_at: Mapped[dt.datetime] = col(_l("关注时间"), Instant)

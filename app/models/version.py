"""The one history of contents (Version) and the one history of statuses (StatusChange). No third."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped

from app.models.base import BigId, Instant, Model, col, pk
from app.models.said import SaidText
from app.models.sealed import SealedJson


class Version(Model):
    """What an entity's filed fields were to become, what became of that, and from when it held.

    `number` counts per entity from 1. `data` holds the filed fields as JSON; one that is not in it was blank. `state`
    is draft (still edited), pending, approved, rejected or withdrawn; only a draft's `data` ever changes.
    `in_force_from` is the day of force, `decided_at` the instant from which it was known: both together answer "as of
    a day, as known on a day".
    """

    __tablename__ = "version"
    __table_args__ = (UniqueConstraint("entity", "entity_id", "number"),)
    id: Mapped[int] = pk()
    entity: Mapped[str] = col(_l("对象"), String(20))
    entity_id: Mapped[int] = col(_l("编号"), BigId)
    number: Mapped[int] = col(_l("版本"), Integer)
    state: Mapped[str] = col(_l("状态"), String(10), default="draft")
    base_number: Mapped[int] = col(_l("基于版本"), Integer, default=0, server_default="0")
    data: Mapped[dict[str, Any]] = col(_l("内容"), SealedJson("version.data"), default=dict)
    digest: Mapped[str | None] = col(_l("内容摘要"), String(64))
    edited_by_id: Mapped[int | None] = col(_l("填写人"), Integer, ForeignKey("ab_user.id"))
    edited_at: Mapped[dt.datetime] = col(_l("填写时间"), Instant)
    submitted_at: Mapped[dt.datetime | None] = col(_l("上报时间"), Instant)
    submitted_by_id: Mapped[int | None] = col(_l("上报人"), Integer, ForeignKey("ab_user.id"))
    decided_at: Mapped[dt.datetime | None] = col(_l("决定时间"), Instant)
    decided_by_id: Mapped[int | None] = col(_l("决定人"), Integer, ForeignKey("ab_user.id"))
    opinion: Mapped[str | None] = col(_l("审核意见"), Text)
    in_force_from: Mapped[dt.date | None] = col(_l("生效日期"), Date)
    reason: Mapped[str | None] = col(_l("变更原因"), SaidText())


class StatusChange(Model):
    """One step of one status: from, to, by which verb, application and person. Appended by `moves` only."""

    __tablename__ = "status_change"
    __table_args__ = (Index("ix_status_change_entity", "entity", "entity_id", "id"),)
    id: Mapped[int] = pk()
    entity: Mapped[str] = col(_l("对象"), String(20))
    entity_id: Mapped[int] = col(_l("编号"), BigId)
    field: Mapped[str] = col(_l("字段"), String(20))
    old: Mapped[str | None] = col(_l("原状态"), String(20))
    new: Mapped[str] = col(_l("新状态"), String(20))
    verb: Mapped[str] = col(_l("动作"), String(30))
    effective_on: Mapped[dt.date] = col(_l("生效日期"), Date)
    known_at: Mapped[dt.datetime] = col(_l("记录时间"), Instant)
    actor_id: Mapped[int | None] = col(_l("操作人"), Integer, ForeignKey("ab_user.id"))
    application_id: Mapped[int | None] = col(_l("申请"), BigId, index=True)
    reason: Mapped[str | None] = col(_l("原因"), SaidText())

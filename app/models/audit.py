"""Who did what to which row, before and after; sealed later in batches into a hash chain."""

import datetime as dt
from collections.abc import Collection
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, Index, Integer, String, select
from sqlalchemy.orm import Mapped

from app.models.among import among
from app.models.base import BigId, Instant, Json, Model, col, pk


class AuditEntry(Model):
    """Written in the transaction of the deed, unchained: a chain here would queue all writers behind one head.

    No foreign key to the actor: the entry outlives the account. Set-based jobs write one entry with their
    counts and a digest.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_entity", "entity", "entity_id", "id"),
        Index("ix_audit_entry_batch", "batch"),
    )
    id: Mapped[int] = pk()
    at: Mapped[dt.datetime] = col(_l("时间"), Instant)
    actor_id: Mapped[int | None] = col(_l("操作人编号"), Integer)
    actor_name: Mapped[str] = col(_l("操作人"), String(80))
    via: Mapped[str] = col(_l("途径"), String(30))
    address: Mapped[str | None] = col(_l("来源地址"), String(60))
    action: Mapped[str] = col(_l("动作"), String(60))
    entity: Mapped[str] = col(_l("对象"), String(30))
    entity_id: Mapped[int | None] = col(_l("对象编号"), BigId)
    before: Mapped[dict[str, Any] | None] = col(_l("之前"), Json)
    after: Mapped[dict[str, Any] | None] = col(_l("之后"), Json)
    batch: Mapped[int | None] = col(_l("封存批次"), Integer)
    position: Mapped[int | None] = col(_l("批内位置"), Integer)


class AuditBatch(Model):
    """A sealed run of entries: the root over their digests, chained to the batch before."""

    __tablename__ = "audit_batch"
    number: Mapped[int] = col(_l("批次"), Integer, primary_key=True, autoincrement=False)
    first_id: Mapped[int] = col(_l("起"), BigId)
    last_id: Mapped[int] = col(_l("止"), BigId)
    count: Mapped[int] = col(_l("条数"), Integer)
    root: Mapped[str] = col(_l("根摘要"), String(64))
    previous: Mapped[str] = col(_l("前批摘要"), String(64))
    digest: Mapped[str] = col(_l("本批摘要"), String(64))
    sealed_at: Mapped[dt.datetime] = col(_l("封存时间"), Instant)


class AuditDay(Model):
    """The root over a day's batches, chained to the day before: the one digest to keep elsewhere."""

    __tablename__ = "audit_day"
    on: Mapped[dt.date] = col(_l("日期"), Date, primary_key=True)
    first: Mapped[int] = col(_l("首批"), Integer)
    last: Mapped[int] = col(_l("末批"), Integer)
    batches: Mapped[int] = col(_l("批数"), Integer)
    entries: Mapped[int] = col(_l("条数"), Integer)
    root: Mapped[str] = col(_l("根摘要"), String(64))
    previous: Mapped[str] = col(_l("前日摘要"), String(64))
    digest: Mapped[str] = col(_l("本日摘要"), String(64))
    closed_at: Mapped[dt.datetime] = col(_l("记录时间"), Instant)


def last_said(
    session: Any, entity: str, actions: Collection[str], keys: Collection[int], as_of: dt.datetime
) -> dict[int, dict[str, Any]]:  # fmt: skip
    """What the last entry of these actions by the instant said of each row; those of which none speaks are left out."""
    entries = select(AuditEntry.entity_id, AuditEntry.after).where(
        AuditEntry.entity == entity, among(session, AuditEntry.entity_id, sorted(keys)),
        AuditEntry.action.in_(actions), AuditEntry.at <= as_of,
    )  # fmt: skip
    found = session.execute(entries.order_by(AuditEntry.id).execution_options(skip_scope=True))
    return {key: after or {} for key, after in found}

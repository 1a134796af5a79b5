"""Policy values by region and day: every number that cities differ on."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped

from app.models.base import Instant, Json, Model, col, pk


class PolicyValue(Model):
    """A key's value for a region and its subtree from a day on; rows are appended, never changed.

    `key` "preset" names the preset (huzhou, nantong …) on which a region's other keys fall back.
    """

    __tablename__ = "policy_value"
    __table_args__ = (Index("ix_policy_value_key", "key", "region_code", "effective_on"),)
    id: Mapped[int] = pk()
    key: Mapped[str] = col(_l("参数"), String(60))
    region_code: Mapped[str] = col(_l("地区"), String(12))
    value: Mapped[Any] = col(_l("值"), Json)
    effective_on: Mapped[dt.date] = col(_l("生效日期"), Date)
    source: Mapped[str | None] = col(_l("依据"), Text)
    set_by_id: Mapped[int | None] = col(_l("设置人"), Integer, ForeignKey("ab_user.id"))
    known_at: Mapped[dt.datetime] = col(_l("记录时间"), Instant)

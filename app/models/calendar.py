"""The working calendar as data: the days that differ from Monday to Friday, and how far the clocks' notices are."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, Date, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped

from app.models.base import Instant, Model, col, pk


class CalendarDay(Model):
    """A holiday, or a weekend day that is worked (调休), in a region and below; a region below may say otherwise."""

    __tablename__ = "calendar_day"
    __table_args__ = (UniqueConstraint("region_code", "on"),)
    id: Mapped[int] = pk()
    region_code: Mapped[str] = col(_l("地区"), String(12))
    on: Mapped[dt.date] = col(_l("日期"), Date)
    is_working: Mapped[bool] = col(_l("上班"), Boolean)
    name: Mapped[str | None] = col(_l("名称"), String(40))
    source: Mapped[str | None] = col(_l("依据"), Text)
    set_by_id: Mapped[int | None] = col(_l("设置人"), Integer, ForeignKey("ab_user.id"))
    known_at: Mapped[dt.datetime] = col(_l("记录时间"), Instant)


class ClockMark(Model):
    """Up to which instant a round of notices has been written; moves in the transaction of the notices."""

    __tablename__ = "clock_mark"
    name: Mapped[str] = col(_l("名称"), String(30), primary_key=True)
    at: Mapped[dt.datetime] = col(_l("时间"), Instant)

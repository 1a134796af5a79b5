"""What a person chose for a list: named filters and columns."""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped

from app.models.base import Json, Model, Stamped, col, pk
from app.models.sealed import Sealed


class SavedFilter(Stamped, Model):
    """我的筛选: a list's query string under a name; `shared_with` names the circle that sees it, too (`circle_of`).

    It is a query alone: whoever opens it sees what of it lies in his own scope.
    """

    __tablename__ = "saved_filter"
    __table_args__ = (Index("uq_saved_filter", "user_id", "screen", "name", unique=True),)
    id: Mapped[int] = pk()
    user_id: Mapped[int] = col(_l("账号"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    screen: Mapped[str] = col(_l("列表"), String(40))
    name: Mapped[str] = col(_l("名称"), String(40))
    query: Mapped[str] = col(_l("条件"), Sealed("saved_filter.query"))
    shared_with: Mapped[str | None] = col(_l("共享范围"), String(30), index=True)


def circle_of(unit_id: int | None, region_code: str | None) -> str:
    """Whom an account shares filters with: its unit, its office of one region, or the platform's own people."""
    if unit_id is not None:
        return f"unit:{unit_id}"
    return f"region:{region_code}" if region_code else "platform"


class ColumnChoice(Model):
    """The columns that a person shows in a list, in order."""

    __tablename__ = "column_choice"
    __table_args__ = (Index("uq_column_choice", "user_id", "screen", unique=True),)
    id: Mapped[int] = pk()
    user_id: Mapped[int] = col(_l("账号"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    screen: Mapped[str] = col(_l("列表"), String(40))
    columns: Mapped[list[Any]] = col(_l("列"), Json)

"""审核意见 beside a filed row (xinxiang 2.2): what the officer said of what was handed in last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app.listing import Column, Listing
from app.models import Version


class OpinionListing(Listing):
    """Adds to each row, in one statement a page, the opinion of its newest version that was decided on, where shown."""

    def fill(self, session: Any, rows: Sequence[Any], names: Sequence[str]) -> None:
        super().fill(session, rows, names)
        if rows and OPINION.name in names:
            keys = [row.id for row in rows]
            other = Version.__table__.alias("other")
            newest = (
                select(func.max(other.c.number))
                .where(
                    other.c.entity == Version.entity, other.c.entity_id == Version.entity_id,
                    other.c.decided_at.is_not(None),
                )
                .correlate(Version)
                .scalar_subquery()
            )
            statement = select(Version.entity_id, Version.opinion).where(
                Version.entity == self.model.__tablename__, Version.entity_id.in_(keys), Version.number == newest
            )
            told: dict[Any, str | None] = dict(session.execute(statement.execution_options(skip_scope=True)).all())
            for row in rows:
                row.opinion = told.get(row.id)


OPINION = Column("opinion", _l("审核意见"), lambda row: row.opinion)

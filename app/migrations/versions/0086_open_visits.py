"""Open visits are found by who makes them and by where, however many are open: each index answers those alone that ask
for its column, in words that the index of all that need attention does not know. Labels that were looked at are in the
index of photographed labels, too.

Revision ID: 0086
Revises: 0085
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None

ONE = "uq_visit_open_elevator_worker"
WAS = sa.text("state = 'open'")


def upgrade() -> None:
    op.drop_index(ONE, table_name="visit")
    op.create_index(ONE, "visit", ["worker_id"], unique=True, **_open_by("worker_id"))
    op.create_index("ix_visit_open_elevator", "visit", ["elevator_id"], **_open_by("elevator_id"))
    _label("label_state IS NOT NULL")


def downgrade() -> None:
    _label("label_state IN ('waiting', 'more')")
    op.drop_index("ix_visit_open_elevator", table_name="visit")
    op.drop_index(ONE, table_name="visit")
    op.create_index(ONE, "visit", ["worker_id"], unique=True, sqlite_where=WAS, postgresql_where=WAS)


def _label(words: str) -> None:
    op.drop_index("ix_visit_label", table_name="visit")
    op.create_index(
        "ix_visit_label", "visit", ["label_state", "region_code", "checked_in_at"],
        sqlite_where=sa.text(words), postgresql_where=sa.text(words),
    )  # fmt: skip


def _open_by(column: str) -> dict[str, sa.TextClause]:
    return {
        "sqlite_where": sa.text(f"(state = 'open') IS 1 AND {column} IS NOT NULL"),
        "postgresql_where": sa.text(f"(state = 'open') IS TRUE AND {column} IS NOT NULL"),
    }

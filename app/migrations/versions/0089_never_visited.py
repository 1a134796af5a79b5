"""Elevators that nobody came to yet are found without reading all clocks.

Revision ID: 0089
Revises: 0088
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None

NAME, NEVER = "ix_maintenance_clock_never", sa.text("last_visit_on IS NULL")


def upgrade() -> None:
    op.create_index(
        NAME, "maintenance_clock", ["due_on", "elevator_id", "region_code"], sqlite_where=NEVER,
        postgresql_where=NEVER,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index(NAME, table_name="maintenance_clock")

"""The day on which cover begins that is known and yet to come, kept on the clock: the night looks for these alone.

Revision ID: 0033
Revises: 0032
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

NAME = "ix_maintenance_clock_begins"


def upgrade() -> None:
    op.add_column("maintenance_clock", sa.Column("cover_begins_on", sa.Date(), nullable=True))
    # Cover that has begun and was not noted counts as well: the next night notes it.
    op.execute(
        """
        UPDATE maintenance_clock SET cover_begins_on = (
            SELECT MIN(b.starts_on) FROM contract_elevator b
            WHERE b.elevator_id = maintenance_clock.elevator_id AND b.removed_at IS NULL
              AND b.starts_on > COALESCE(maintenance_clock.covered_until, '0001-01-01'))
        WHERE EXISTS (
            SELECT 1 FROM contract_elevator b
            WHERE b.elevator_id = maintenance_clock.elevator_id AND b.removed_at IS NULL
              AND b.starts_on > COALESCE(maintenance_clock.covered_until, '0001-01-01'))
        """
    )
    few = sa.text("cover_begins_on IS NOT NULL")
    op.create_index(NAME, "maintenance_clock", ["cover_begins_on"], sqlite_where=few, postgresql_where=few)


def downgrade() -> None:
    op.drop_index(NAME, "maintenance_clock")
    op.drop_column("maintenance_clock", "cover_begins_on")

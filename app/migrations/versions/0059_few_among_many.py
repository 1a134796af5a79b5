"""What is few of the register stands in indexes of its own: 涉密 elevators, and escalators beside lifts.

Revision ID: 0059
Revises: 0058
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

REGISTERED = sa.text("approved_version > 0 AND status <> 'scrapped'")


def upgrade() -> None:
    op.create_index(
        "ix_elevator_category", "elevator", ["category", "region_code", "is_secret", "id"],
        sqlite_where=REGISTERED, postgresql_where=REGISTERED,
    )  # fmt: skip
    op.create_index(
        "ix_elevator_secret", "elevator", ["id"],
        sqlite_where=sa.text("is_secret = 1"), postgresql_where=sa.text("is_secret"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_elevator_secret", table_name="elevator")
    op.drop_index("ix_elevator_category", table_name="elevator")

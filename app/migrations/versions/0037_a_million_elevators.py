"""Lists of a million: what the register's first tab is counted off in, and inspection days that need no row beside.

Revision ID: 0037
Revises: 0036
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

REGISTERED = sa.text("approved_version > 0 AND status <> 'scrapped'")
BESIDE = ("approved_version", "id")
INSPECTION = {
    "ix_elevator_region_inspection": ("region_code", "next_inspection_on", "status"),
    "ix_elevator_inspection": ("next_inspection_on", "region_code", "status"),
}


def upgrade() -> None:
    for name, columns in INSPECTION.items():
        op.drop_index(name, "elevator")
        op.create_index(name, "elevator", [*columns, *BESIDE])
    where = {"sqlite_where": REGISTERED, "postgresql_where": REGISTERED}
    op.create_index("ix_elevator_registered", "elevator", ["id", "region_code"], **where)


def downgrade() -> None:
    op.drop_index("ix_elevator_registered", "elevator")
    for name, columns in INSPECTION.items():
        op.drop_index(name, "elevator")
        op.create_index(name, "elevator", [*columns])

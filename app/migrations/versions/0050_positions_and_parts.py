"""Where elevators are, for the map.

Revision ID: 0050
Revises: 0043
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0043"
branch_labels = None
depends_on = None

PLACE = ["latitude", "longitude", "region_code", "status", "approved_version", "is_secret", "id"]


def upgrade() -> None:
    located = sa.text("latitude IS NOT NULL")
    op.create_index("ix_elevator_place", "elevator", PLACE, sqlite_where=located, postgresql_where=located)


def downgrade() -> None:
    op.drop_index("ix_elevator_place", table_name="elevator")

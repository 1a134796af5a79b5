"""What a score reads of visits has their ids: a back-test moves records without reading a row.

Revision ID: 0073
Revises: 0072
"""

from __future__ import annotations

from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None

COLUMNS = ["unit_id", "elevator_id", "visit_on", "state", "region_code"]


def upgrade() -> None:
    op.drop_index("ix_visit_score", "visit")
    op.create_index("ix_visit_score", "visit", [*COLUMNS, "id"])


def downgrade() -> None:
    op.drop_index("ix_visit_score", "visit")
    op.create_index("ix_visit_score", "visit", COLUMNS)

"""Records of inspections are listed by their day, the newest first (INS-01).

Revision ID: 0078
Revises: 0077
"""

from __future__ import annotations

from alembic import op

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_inspection_done", "inspection", ["done_on", "id"])


def downgrade() -> None:
    op.drop_index("ix_inspection_done", "inspection")

"""Complaints and contracts of another platform are taken over: marked, complaints named by the file that brought them.

Revision ID: 0088
Revises: 0087
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for table in ("complaint", "contract"):
        op.add_column(table, sa.Column("taken_over", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("complaint", sa.Column("batch_id", BIG, nullable=True))
    op.create_index("ix_complaint_batch_id", "complaint", ["batch_id"])


def downgrade() -> None:
    op.drop_index("ix_complaint_batch_id", "complaint")
    op.drop_column("complaint", "batch_id")
    for table in ("contract", "complaint"):
        op.drop_column(table, "taken_over")

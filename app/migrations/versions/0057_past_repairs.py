"""Repairs of another platform are taken over: marked, and named by the file that brought them.

Revision ID: 0057
Revises: 0056
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "repair_order", sa.Column("taken_over", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("repair_order", sa.Column("batch_id", BIG, nullable=True))
    op.create_index("ix_repair_order_batch_id", "repair_order", ["batch_id"])


def downgrade() -> None:
    op.drop_index("ix_repair_order_batch_id", "repair_order")
    op.drop_column("repair_order", "batch_id")
    op.drop_column("repair_order", "taken_over")

"""A rescue keeps what the elevator's device told as it was reported, and when it told 恢复 (RES-05).

Revision ID: 0079
Revises: 0078
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rescue", sa.Column("floor", sa.String(10)))
    op.add_column("rescue", sa.Column("direction", sa.String(10)))
    op.add_column("rescue", sa.Column("occupied", sa.Boolean()))
    op.add_column("rescue", sa.Column("cleared_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    for name in ("cleared_at", "occupied", "direction", "floor"):
        op.drop_column("rescue", name)

"""An elevator's number with its maker (电梯工号) and with its firm's own system (电梯服务编码).

Revision ID: 0082
Revises: 0081
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None

NAMES = ("job_no", "service_no")


def upgrade() -> None:
    # Without a batch: SQLite would make the table anew, and the search index lives in its triggers.
    for name in NAMES:
        op.add_column("elevator", sa.Column(name, sa.String(length=40), nullable=True))


def downgrade() -> None:
    for name in reversed(NAMES):
        op.drop_column("elevator", name)

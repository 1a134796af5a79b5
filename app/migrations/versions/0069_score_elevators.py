"""On how many elevators of a unit a limit was missed or a visit is 不合规 (SCO-07), for runs from now on.

Revision ID: 0069
Revises: 0068
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None

NAMES = ("overdue_elevators", "nonconforming_elevators")


def upgrade() -> None:
    for name in NAMES:
        op.add_column("score", sa.Column(name, sa.Integer(), nullable=True))


def downgrade() -> None:
    for name in reversed(NAMES):
        op.drop_column("score", name)

"""A score keeps until when the unit's licence ran, as it was told: what a veto of its stars stands on.

Revision ID: 0058
Revises: 0057
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("score", sa.Column("licence_until", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("score", "licence_until")

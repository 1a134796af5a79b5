"""Visits that a phone kept without network: when they were sent, which part, and what proves their times.

Revision ID: 0040
Revises: 0039
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("visit", sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("visit", sa.Column("offline", sa.String(4), nullable=True))
    op.add_column("visit", sa.Column("out_key", sa.String(40), nullable=True))
    told = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    op.add_column("visit", sa.Column("phone_told", told, nullable=True))


def downgrade() -> None:
    for name in ("phone_told", "out_key", "offline", "sent_at"):
        op.drop_column("visit", name)

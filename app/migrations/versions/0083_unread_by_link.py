"""Unread notices are found by what they lead to: every decision settles those about it, and read them all for that.

The index holds the unread ones alone.

Revision ID: 0083
Revises: 0082
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None

UNREAD = sa.text("read_at IS NULL AND link IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_notification_unread_link", "notification", ["link"], sqlite_where=UNREAD, postgresql_where=UNREAD
    )


def downgrade() -> None:
    op.drop_index("ix_notification_unread_link", table_name="notification")

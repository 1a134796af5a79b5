"""Photos of whoever checks in, the few among all files, stand in an index of their own: they are erased by their age.

Revision ID: 0065
Revises: 0064
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

SELFIE = sa.text("kind = 'selfie'")


def upgrade() -> None:
    op.create_index(
        "ix_attachment_selfie", "attachment", ["entity_id"], sqlite_where=SELFIE, postgresql_where=SELFIE
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_attachment_selfie", table_name="attachment")

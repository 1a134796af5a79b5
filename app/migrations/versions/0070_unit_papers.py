"""What a scan of a unit's licence waits for: it comes into force, or is replaced, with the filing (UNT-05).

Revision ID: 0070
Revises: 0069
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attachment", sa.Column("waits", sa.String(4), nullable=True))


def downgrade() -> None:
    # What only waited was never in force.
    op.execute("UPDATE attachment SET removed_at = CURRENT_TIMESTAMP WHERE waits = 'new' AND removed_at IS NULL")
    op.drop_column("attachment", "waits")

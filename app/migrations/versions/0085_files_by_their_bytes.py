"""Files are found by their bytes: what was found infected is stopped under every name that it has.

PostgreSQL keeps a hash of each digest: nobody asks for their order, and it takes a fifth of the room.

Revision ID: 0085
Revises: 0084
"""

from __future__ import annotations

from alembic import op

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_attachment_sha256", "attachment", ["sha256"], postgresql_using="hash")


def downgrade() -> None:
    op.drop_index("ix_attachment_sha256", table_name="attachment")

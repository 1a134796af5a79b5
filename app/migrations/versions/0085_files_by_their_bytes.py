"""Files are found by their bytes: what was found infected is stopped under every name that it has.

No hash index, though nobody asks for their order: the papers of a batch are thousands of rows of the same digest, and an
insert would walk along all of them.

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
    op.create_index("ix_attachment_sha256", "attachment", ["sha256"])


def downgrade() -> None:
    op.drop_index("ix_attachment_sha256", table_name="attachment")

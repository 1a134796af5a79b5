"""Saved filters that a unit or an office shares

Revision: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("saved_filter", sa.Column("shared_with", sa.String(length=30), nullable=True))
    op.create_index("ix_saved_filter_shared_with", "saved_filter", ["shared_with"])


def downgrade():
    op.drop_index("ix_saved_filter_shared_with", "saved_filter")
    op.drop_column("saved_filter", "shared_with")

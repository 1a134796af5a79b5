"""What a note on a visit is: a remark, or the use unit's objection

Revision ID: 0015
Revises: 0014
"""
import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("visit_note", sa.Column("kind", sa.String(length=12), server_default="note", nullable=False))


def downgrade():
    op.drop_column("visit_note", "kind")

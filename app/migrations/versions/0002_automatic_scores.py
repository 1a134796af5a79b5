"""Scores that the night makes by itself

Revision ID: 0002
Revises: 0001
"""
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("score_run") as batch:
        batch.add_column(sa.Column("automatic", sa.Boolean(), server_default=sa.text("false"), nullable=False))


def downgrade():
    with op.batch_alter_table("score_run") as batch:
        batch.drop_column("automatic")

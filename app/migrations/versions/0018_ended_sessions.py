"""Sessions that were signed out of; where a review came from

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "ended_session",
        sa.Column("id", sa.String(length=43), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ended_session")),
    )
    op.create_index("ix_ended_session_until", "ended_session", ["until"])
    with op.batch_alter_table("visit") as batch:
        batch.add_column(sa.Column("reviewed_from", sa.String(length=60), nullable=True))


def downgrade():
    with op.batch_alter_table("visit") as batch:
        batch.drop_column("reviewed_from")
    op.drop_index("ix_ended_session_until", table_name="ended_session")
    op.drop_table("ended_session")

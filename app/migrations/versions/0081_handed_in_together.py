"""Applications that one bulk job handed in know each other, and what one press decided is told in one message.

Both columns are empty in what stands already: it is listed, decided and told as before. The indexes hold the few rows
that have a value.

Revision ID: 0081
Revises: 0080
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("application", sa.Column("batch", big))
    op.create_index(
        "ix_application_batch", "application", ["batch", "is_open"],
        sqlite_where=sa.text("batch IS NOT NULL"), postgresql_where=sa.text("batch IS NOT NULL"),
    )  # fmt: skip
    op.add_column("application_step", sa.Column("press", sa.String(24)))
    op.create_index(
        "ix_application_step_press", "application_step", ["press"],
        sqlite_where=sa.text("press IS NOT NULL"), postgresql_where=sa.text("press IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_application_step_press", table_name="application_step")
    op.drop_column("application_step", "press")
    op.drop_index("ix_application_batch", table_name="application")
    op.drop_column("application", "batch")

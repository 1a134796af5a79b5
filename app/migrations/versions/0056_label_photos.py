"""Visits begun by number where a photo of the label is asked for: who looks at it, and what he said.

Revision ID: 0056
Revises: 0055
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
UNDECIDED = sa.text("label_state IN ('waiting', 'more')")


def upgrade() -> None:
    with op.batch_alter_table("visit") as table:
        table.add_column(sa.Column("label_state", sa.String(10), nullable=True))
        table.add_column(sa.Column("label_by", sa.String(10), nullable=True))
        table.add_column(sa.Column("label_reason", sa.Text(), nullable=True))
        table.add_column(sa.Column("label_at", INSTANT, nullable=True))
        table.add_column(sa.Column("label_decided_by_id", sa.Integer(), nullable=True))
        table.create_foreign_key(
            op.f("fk_visit_label_decided_by_id_ab_user"), "ab_user", ["label_decided_by_id"], ["id"]
        )
    op.create_index(
        "ix_visit_label", "visit", ["label_state", "region_code", "checked_in_at"],
        sqlite_where=UNDECIDED, postgresql_where=UNDECIDED,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_visit_label", "visit")
    with op.batch_alter_table("visit") as table:
        table.drop_constraint(op.f("fk_visit_label_decided_by_id_ab_user"), type_="foreignkey")
        for name in ("label_decided_by_id", "label_at", "label_reason", "label_by", "label_state"):
            table.drop_column(name)

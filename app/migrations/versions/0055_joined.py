"""Anomalies name the rescue that they became; upheld appeals stand on rescues and inspections.

Revision ID: 0055
Revises: 0054
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("rescue", sa.Column("appeal_upheld_at", INSTANT, nullable=True))
    op.add_column("inspection", sa.Column("appeal_upheld_at", INSTANT, nullable=True))
    with op.batch_alter_table("anomaly") as table:
        table.add_column(sa.Column("rescue_id", BIG, nullable=True))
        table.create_index("ix_anomaly_rescue_id", ["rescue_id"])
        table.create_foreign_key(op.f("fk_anomaly_rescue_id_rescue"), "rescue", ["rescue_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("anomaly") as table:
        table.drop_constraint(op.f("fk_anomaly_rescue_id_rescue"), type_="foreignkey")
        table.drop_index("ix_anomaly_rescue_id")
        table.drop_column("rescue_id")
    op.drop_column("inspection", "appeal_upheld_at")
    op.drop_column("rescue", "appeal_upheld_at")

"""Appeals, and the instant from which one that was upheld corrects a visit or a complaint.

Revision ID: 0047
Revises: 0046
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
COUNTS = sa.text("state <> 'withdrawn'")


def upgrade() -> None:
    op.create_table(
        "appeal",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(20), nullable=True),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("application_id", BIG, nullable=True),
        sa.Column("entity", sa.String(20), nullable=False),
        sa.Column("entity_id", BIG, nullable=False),
        sa.Column("elevator_id", BIG, nullable=True),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("said", sa.Text().with_variant(sa.String(300), "sqlite"), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("rule", sa.String(30), nullable=True),
        sa.Column("run_region", sa.String(12), nullable=True),
        sa.Column("run_from_on", sa.Date(), nullable=True),
        sa.Column("run_to_on", sa.Date(), nullable=True),
        sa.Column("appeal_until", INSTANT, nullable=True),
        sa.Column("state", sa.String(10), server_default="draft", nullable=False),
        sa.Column("in_force_from", INSTANT, nullable=True),
        sa.Column("figures", JSON, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_appeal_unit_id_unit")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_appeal_application_id_application")
        ),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_appeal_elevator_id_elevator")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal")),
    )
    op.create_index(
        "uq_appeal_record", "appeal", ["entity", "entity_id"], unique=True,
        sqlite_where=COUNTS, postgresql_where=COUNTS,
    )  # fmt: skip
    op.create_index("ix_appeal_unit", "appeal", ["unit_id", "id"])
    op.create_index("ix_appeal_region", "appeal", ["region_code", "id"])
    op.create_index("ix_appeal_elevator", "appeal", ["elevator_id", "entity", "happened_on"])
    op.create_index(op.f("ix_appeal_application_id"), "appeal", ["application_id"])
    op.add_column("visit", sa.Column("appeal_upheld_at", INSTANT, nullable=True))
    op.add_column("complaint", sa.Column("appeal_upheld_at", INSTANT, nullable=True))


def downgrade() -> None:
    op.drop_column("complaint", "appeal_upheld_at")
    op.drop_column("visit", "appeal_upheld_at")
    op.drop_table("appeal")

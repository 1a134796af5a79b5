"""Inspections, governor checks and brake tests; what of them is due for an elevator.

Revision ID: 0043
Revises: 0042
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
TOLD = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
STANDING = sa.text("state = 'approved' AND ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "inspection",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("use_unit_id", BIG, nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("number_key", sa.String(length=160), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("tested_by_id", BIG, nullable=True),
        sa.Column("tested_by", sa.String(length=120), nullable=False),
        sa.Column("result", sa.String(length=12), nullable=False),
        sa.Column("failed_items", sa.Text(), nullable=True),
        sa.Column("is_fault", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("next_kind", sa.String(length=12), nullable=True),
        sa.Column("rule_on", sa.Date(), nullable=True),
        sa.Column("next_reason", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="draft", nullable=False),
        sa.Column("in_force_from", INSTANT, nullable=True),
        sa.Column("entered_by", sa.String(length=80), nullable=False),
        sa.Column("taken_over", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("corrects_id", BIG, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("ended_by", sa.String(length=80), nullable=True),
        sa.Column("end_reason", sa.String(length=200), nullable=True),
        sa.Column("replaced", TOLD, nullable=True),
        sa.Column("batch_id", BIG, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_inspection_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_inspection_unit_id_unit")),
        sa.ForeignKeyConstraint(["use_unit_id"], ["unit.id"], name=op.f("fk_inspection_use_unit_id_unit")),
        sa.ForeignKeyConstraint(["tested_by_id"], ["unit.id"], name=op.f("fk_inspection_tested_by_id_unit")),
        sa.ForeignKeyConstraint(["corrects_id"], ["inspection.id"], name=op.f("fk_inspection_corrects_id_inspection")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection")),
    )
    op.create_index("ix_inspection_elevator", "inspection", ["elevator_id", "kind", "done_on"])
    op.create_index("ix_inspection_region", "inspection", ["region_code", "done_on", "id"])
    op.create_index("ix_inspection_unit", "inspection", ["unit_id", "done_on"])
    op.create_index("ix_inspection_tested_by", "inspection", ["tested_by_id", "id"])
    op.create_index("ix_inspection_number", "inspection", ["number_key"])
    op.create_index(op.f("ix_inspection_use_unit_id"), "inspection", ["use_unit_id"])
    op.create_index(op.f("ix_inspection_batch_id"), "inspection", ["batch_id"])
    op.create_index(
        "uq_inspection_standing", "inspection", ["elevator_id", "kind", "number_key", "done_on"], unique=True,
        sqlite_where=STANDING, postgresql_where=STANDING,
    )  # fmt: skip
    op.create_table(
        "inspection_clock",
        sa.Column("elevator_id", BIG, autoincrement=False, nullable=False),
        sa.Column("last_id", BIG, nullable=True),
        sa.Column("next_kind", sa.String(length=12), nullable=True),
        sa.Column("failed_id", BIG, nullable=True),
        sa.Column("failed_on", sa.Date(), nullable=True),
        sa.Column("governor_due_on", sa.Date(), nullable=True),
        sa.Column("brake_on", sa.Date(), nullable=True),
        sa.Column("brake_due_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["elevator_id"], ["elevator.id"], name=op.f("fk_inspection_clock_elevator_id_elevator")
        ),
        sa.ForeignKeyConstraint(["last_id"], ["inspection.id"], name=op.f("fk_inspection_clock_last_id_inspection")),
        sa.ForeignKeyConstraint(
            ["failed_id"], ["inspection.id"], name=op.f("fk_inspection_clock_failed_id_inspection")
        ),
        sa.PrimaryKeyConstraint("elevator_id", name=op.f("pk_inspection_clock")),
    )
    for name in ("governor", "brake"):
        op.create_index(f"ix_inspection_clock_{name}", "inspection_clock", [f"{name}_due_on", "elevator_id"])
    op.create_index("ix_inspection_clock_failed", "inspection_clock", ["failed_on", "elevator_id"])


def downgrade() -> None:
    op.drop_table("inspection_clock")
    op.drop_table("inspection")

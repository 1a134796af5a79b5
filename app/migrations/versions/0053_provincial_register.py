"""The provincial register beside ours: runs, what became of each code, differences, linked units.

Revision ID: 0053
Revises: 0052
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
TOLD = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
UNSETTLED = sa.text("settled_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "provincial_run",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("codes", TOLD, nullable=False),
        sa.Column("job_id", BIG, nullable=True),
        sa.Column("cursor", sa.String(length=300), nullable=True),
        sa.Column("begun_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("asked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("matched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("new", sa.Integer(), server_default="0", nullable=False),
        sa.Column("different", sa.Integer(), server_default="0", nullable=False),
        sa.Column("kept", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_found", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refused", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_provincial_run_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provincial_run")),
    )
    op.create_index("ix_provincial_run_region", "provincial_run", ["region_code", "id"])
    op.create_index("ix_provincial_run_unit", "provincial_run", ["unit_id", "id"])
    op.create_table(
        "provincial_item",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("run_id", BIG, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("elevator_id", BIG, nullable=True),
        sa.Column("difference_id", BIG, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["provincial_run.id"], name=op.f("fk_provincial_item_run_id_provincial_run"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provincial_item")),
        sa.UniqueConstraint("run_id", "code", name=op.f("uq_provincial_item_run_id_code")),
    )
    op.create_table(
        "provincial_difference",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("elevator_id", BIG, nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("use_unit_id", BIG, nullable=True),
        sa.Column("theirs", TOLD, nullable=False),
        sa.Column("unlike", TOLD, nullable=False),
        sa.Column("near", TOLD, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("run_id", BIG, nullable=True),
        sa.Column("found_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.Column("settled_by_id", sa.Integer(), nullable=True),
        sa.Column("way", sa.String(length=10), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["elevator_id"], ["elevator.id"], name=op.f("fk_provincial_difference_elevator_id_elevator")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_provincial_difference_unit_id_unit")),
        sa.ForeignKeyConstraint(["use_unit_id"], ["unit.id"], name=op.f("fk_provincial_difference_use_unit_id_unit")),
        sa.ForeignKeyConstraint(
            ["settled_by_id"], ["ab_user.id"], name=op.f("fk_provincial_difference_settled_by_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provincial_difference")),
    )
    op.create_index(
        "uq_provincial_difference_code", "provincial_difference", ["code"], unique=True, sqlite_where=UNSETTLED,
        postgresql_where=UNSETTLED,
    )  # fmt: skip
    op.create_index("ix_provincial_difference_code", "provincial_difference", ["code", "id"])
    op.create_index("ix_provincial_difference_region", "provincial_difference", ["region_code", "id"])
    op.create_index("ix_provincial_difference_unit", "provincial_difference", ["unit_id", "id"])
    op.create_index("ix_provincial_difference_use_unit", "provincial_difference", ["use_unit_id", "id"])
    op.create_table(
        "provincial_unit",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("uscc", sa.String(length=40), server_default="", nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("linked_by_id", sa.Integer(), nullable=True),
        sa.Column("linked_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_provincial_unit_unit_id_unit")),
        sa.ForeignKeyConstraint(
            ["linked_by_id"], ["ab_user.id"], name=op.f("fk_provincial_unit_linked_by_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provincial_unit")),
        sa.UniqueConstraint("name", "uscc", name=op.f("uq_provincial_unit_name_uscc")),
    )
    op.create_index(op.f("ix_provincial_unit_unit_id"), "provincial_unit", ["unit_id"])


def downgrade() -> None:
    op.drop_table("provincial_unit")
    op.drop_table("provincial_difference")
    op.drop_table("provincial_item")
    op.drop_table("provincial_run")

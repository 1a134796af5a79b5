"""Own lists of maintenance items, a region's or a unit's, version by version (PLN-08).

A record names the statutory version and the own lists on it, so the column that names them is no longer measured.

Revision ID: 0062
Revises: 0061
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = "state IN ('draft', 'submitted', 'returned')"


def upgrade() -> None:
    op.create_table(
        "item_set",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("rows", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("submitted_by_id", sa.Integer(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opinion", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_item_set_unit_id_unit")),
        sa.ForeignKeyConstraint(
            ["submitted_by_id"], ["ab_user.id"], name=op.f("fk_item_set_submitted_by_id_ab_user")
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["ab_user.id"], name=op.f("fk_item_set_decided_by_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_set")),
    )
    for name, columns, where, unique in (
        ("uq_item_set_open_unit", ["unit_id", "kind"], f"{OPEN} AND unit_id IS NOT NULL", True),
        ("uq_item_set_open_region", ["region_code", "kind"], f"{OPEN} AND unit_id IS NULL", True),
        ("ix_item_set_in_force", ["unit_id"], "state = 'in_force'", False),
    ):
        op.create_index(
            name, "item_set", columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )
    op.create_index("ix_item_set_region", "item_set", ["region_code", "id"])
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("visit", "item_version", type_=sa.Text())


def downgrade() -> None:
    # What an own list asked for is gone with it: records keep their answers under the statutory version's name.
    at = "position('+' in item_version)" if op.get_bind().dialect.name == "postgresql" else "instr(item_version, '+')"
    op.execute(f"UPDATE visit SET item_version = substr(item_version, 1, {at} - 1) WHERE {at} > 0")  # noqa: S608
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("visit", "item_version", type_=sa.String(length=30))
    for name in ("ix_item_set_region", "ix_item_set_in_force", "uq_item_set_open_region", "uq_item_set_open_unit"):
        op.drop_index(name, "item_set")
    op.drop_table("item_set")

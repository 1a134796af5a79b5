"""Lists of usual parts (ELV-05): what a region or a maintenance unit registers for a new elevator of a kind.

Revision ID: 0072
Revises: 0071
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNIQUE = (
    ("uq_usual_parts_unit", ["unit_id", "kind"], "unit_id IS NOT NULL"),
    ("uq_usual_parts_region", ["region_code", "kind"], "unit_id IS NULL"),
)


def upgrade() -> None:
    op.create_table(
        "usual_parts",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("rows", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_usual_parts_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usual_parts")),
    )
    for name, columns, where in UNIQUE:
        op.create_index(
            name, "usual_parts", columns, unique=True, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )


def downgrade() -> None:
    for name, _columns, _where in reversed(UNIQUE):
        op.drop_index(name, "usual_parts")
    op.drop_table("usual_parts")

"""Declarations of persons, what was told of papers that end, entry dates, ID numbers of heads, places of checks

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade():
    op.create_table(
        "declaration",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="draft", nullable=False),
        sa.Column("in_force_from", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_declaration_person_id_person")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_declaration_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration")),
    )
    op.create_index("ix_declaration_person", "declaration", ["person_id", "valid_until"])
    op.create_index(op.f("ix_declaration_unit_id"), "declaration", ["unit_id"])
    op.create_index(op.f("ix_declaration_region_code"), "declaration", ["region_code"])
    op.create_table(
        "told_expiry",
        sa.Column("paper", sa.String(length=20), nullable=False),
        sa.Column("entity_id", BIG, autoincrement=False, nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("told_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("paper", "entity_id", "until", "step", name=op.f("pk_told_expiry")),
    )
    # Nullable columns are added as they are: a table that is copied would lose what the database works out.
    op.add_column("person", sa.Column("declaration_until", sa.Date(), nullable=True))
    op.add_column("person", sa.Column("hired_on", sa.Date(), nullable=True))
    op.add_column("person", sa.Column("real_name", sa.String(10), server_default="unchecked", nullable=False))
    op.add_column("person", sa.Column("real_name_at", INSTANT, nullable=True))
    op.create_table(
        "real_name_check",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", INSTANT, nullable=True),
        sa.Column("result", sa.String(length=10), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_real_name_check_person_id_person")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["ab_user.id"], name=op.f("fk_real_name_check_asked_by_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_real_name_check")),
    )
    op.create_index("ix_real_name_check_state", "real_name_check", ["state", "next_try_at"])
    op.create_index(op.f("ix_real_name_check_person_id"), "real_name_check", ["person_id"])
    op.add_column("unit", sa.Column("head_resident_id", sa.Text(), nullable=True))
    for name in ("latitude", "longitude"):
        op.add_column("safety_record", sa.Column(name, sa.Float(), nullable=True))


def downgrade():
    for name in ("longitude", "latitude"):
        op.drop_column("safety_record", name)
    op.drop_column("unit", "head_resident_id")
    op.drop_table("real_name_check")
    op.drop_column("person", "real_name_at")
    op.drop_column("person", "real_name")
    op.drop_column("person", "hired_on")
    op.drop_column("person", "declaration_until")
    op.drop_table("told_expiry")
    op.drop_table("declaration")

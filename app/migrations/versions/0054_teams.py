"""Teams of a maintenance unit; who else was on site at a visit.

Revision ID: 0054
Revises: 0053
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
STANDING = sa.text("disbanded_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "maintenance_team",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("disbanded_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_maintenance_team_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_team")),
    )
    op.create_index(
        "uq_maintenance_team_name", "maintenance_team", ["unit_id", "name"], unique=True, sqlite_where=STANDING,
        postgresql_where=STANDING,
    )  # fmt: skip
    op.create_index("ix_maintenance_team_region", "maintenance_team", ["region_code"])
    op.create_table(
        "team_member",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("team_id", BIG, nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_team_member_person_id_person")),
        sa.ForeignKeyConstraint(
            ["team_id"], ["maintenance_team.id"], name=op.f("fk_team_member_team_id_maintenance_team"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_member")),
        sa.UniqueConstraint("team_id", "person_id", name=op.f("uq_team_member_team_id_person_id")),
    )  # fmt: skip
    op.create_index("ix_team_member_person", "team_member", ["person_id"])
    op.create_table(
        "visit_companion",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("visit_id", BIG, nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("certificate_no", sa.String(length=60), nullable=True),
        sa.Column("joined_at", INSTANT, nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("distance", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_visit_companion_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_visit_companion_person_id_person")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_visit_companion_unit_id_unit")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_companion_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_companion")),
        sa.UniqueConstraint("visit_id", "person_id", name=op.f("uq_visit_companion_visit_id_person_id")),
    )
    op.create_index("ix_visit_companion_person", "visit_companion", ["person_id", "joined_at"])
    op.create_index("ix_visit_companion_elevator", "visit_companion", ["elevator_id"])
    with op.batch_alter_table("maintenance_ledger") as table:
        table.add_column(sa.Column("team_id", BIG, nullable=True))
        table.create_index("ix_maintenance_ledger_team_id", ["team_id"])
        table.create_foreign_key(
            op.f("fk_maintenance_ledger_team_id_maintenance_team"), "maintenance_team", ["team_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("maintenance_ledger") as table:
        table.drop_constraint(op.f("fk_maintenance_ledger_team_id_maintenance_team"), type_="foreignkey")
        table.drop_index("ix_maintenance_ledger_team_id")
        table.drop_column("team_id")
    for name in ("visit_companion", "team_member", "maintenance_team"):
        op.drop_table(name)

"""Where elevators are: the map's index, label and networks, captures on site; parts with a life, landing doors.

Revision ID: 0051
Revises: 0050
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
PLACE = ["latitude", "longitude", "region_code", "status", "approved_version", "is_secret", "id"]


def upgrade() -> None:
    op.add_column("elevator", sa.Column("plate_state", sa.String(length=10), nullable=True))
    op.add_column("elevator", sa.Column("network", sa.String(length=20), nullable=True))
    located = sa.text("latitude IS NOT NULL")
    op.create_index("ix_elevator_place", "elevator", PLACE, sqlite_where=located, postgresql_where=located)
    op.create_table(
        "position_capture",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("use_unit_id", BIG, nullable=True),
        sa.Column("taken_at", INSTANT, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("taken_by", sa.String(length=80), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("accuracy", sa.Float(), nullable=True),
        sa.Column("samples", sa.Integer(), server_default="0", nullable=False),
        sa.Column("was_latitude", sa.Float(), nullable=True),
        sa.Column("was_longitude", sa.Float(), nullable=True),
        sa.Column("moved", sa.Integer(), nullable=True),
        sa.Column("plate_state", sa.String(length=10), nullable=True),
        sa.Column("network", sa.String(length=20), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("application_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_position_capture_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_position_capture_unit_id_unit")),
        sa.ForeignKeyConstraint(["use_unit_id"], ["unit.id"], name=op.f("fk_position_capture_use_unit_id_unit")),
        sa.ForeignKeyConstraint(["account_id"], ["ab_user.id"], name=op.f("fk_position_capture_account_id_ab_user")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_position_capture_application_id_application")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_position_capture")),
    )
    op.create_index("ix_position_capture_elevator", "position_capture", ["elevator_id", "taken_at"])
    op.create_index("ix_position_capture_region", "position_capture", ["region_code", "taken_at"])
    op.create_index("ix_position_capture_unit", "position_capture", ["unit_id", "taken_at"])
    _parts()


def _parts() -> None:
    standing = sa.text("ended_on IS NULL")
    stamps = (
        ("created_at", INSTANT, False), ("updated_at", INSTANT, False), ("created_by_id", sa.Integer(), True),
    )  # fmt: skip
    op.create_table(
        "component",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=60), nullable=True),
        sa.Column("installed_on", sa.Date(), nullable=False),
        sa.Column("life_months", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("installed_by", sa.String(length=60), nullable=True),
        sa.Column("replaces_id", BIG, nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("end_kind", sa.String(length=10), nullable=True),
        sa.Column("ended_by", sa.String(length=60), nullable=True),
        sa.Column("end_reason", sa.String(length=200), nullable=True),
        sa.Column("batch_id", BIG, nullable=True),
        *(sa.Column(name, kind, nullable=null) for name, kind, null in stamps),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_component_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["replaces_id"], ["component.id"], name=op.f("fk_component_replaces_id_component")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component")),
    )
    op.create_index("ix_component_elevator", "component", ["elevator_id", "id"])
    op.create_index("ix_component_batch_id", "component", ["batch_id"])
    op.create_index(
        "uq_component_standing", "component", ["elevator_id", "name"], unique=True, sqlite_where=standing,
        postgresql_where=standing,
    )
    op.create_index(
        "ix_component_due", "component", ["due_on", "region_code"], sqlite_where=standing, postgresql_where=standing
    )
    op.create_table(
        "landing_door",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("landing", sa.String(length=10), nullable=False),
        sa.Column("side", sa.String(length=5), server_default="front", nullable=False),
        sa.Column("condition", sa.String(length=10), server_default="normal", nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("batch_id", BIG, nullable=True),
        *(sa.Column(name, kind, nullable=null) for name, kind, null in stamps),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_landing_door_elevator_id_elevator")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_landing_door")),
    )
    op.create_index("ix_landing_door_batch_id", "landing_door", ["batch_id"])
    op.create_index("uq_landing_door_place", "landing_door", ["elevator_id", "landing", "side"], unique=True)
    op.create_index("ix_landing_door_condition", "landing_door", ["condition", "region_code", "id"])
    op.create_table(
        "landing_door_check",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("door_id", BIG, nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("condition", sa.String(length=10), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("by_name", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(
            ["door_id"], ["landing_door.id"], name=op.f("fk_landing_door_check_door_id_landing_door"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["elevator_id"], ["elevator.id"], name=op.f("fk_landing_door_check_elevator_id_elevator")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_landing_door_check")),
    )
    op.create_index("ix_landing_door_check_door", "landing_door_check", ["door_id", "id"])


def downgrade() -> None:
    op.drop_table("landing_door_check")
    op.drop_table("landing_door")
    op.drop_table("component")
    op.drop_table("position_capture")
    op.drop_index("ix_elevator_place", table_name="elevator")
    with op.batch_alter_table("elevator") as batch:
        batch.drop_column("network")
        batch.drop_column("plate_state")

"""Devices in elevators, what they told last, and their events.

Revision ID: 0052
Revises: 0051
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
TOLD = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
BOUND = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "iot_device",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("maker", sa.String(length=80), nullable=True),
        sa.Column("model", sa.String(length=60), nullable=True),
        sa.Column("standard", sa.String(length=40), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("key_made_at", INSTANT, nullable=True),
        sa.Column("video_url", sa.String(length=300), nullable=True),
        sa.Column("bound_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("end_reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_iot_device_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_iot_device_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iot_device")),
    )
    for name in ("serial", "elevator"):
        column = "serial" if name == "serial" else "elevator_id"
        op.create_index(
            f"uq_iot_device_{name}", "iot_device", [column], unique=True, sqlite_where=BOUND, postgresql_where=BOUND
        )
    op.create_index("ix_iot_device_region", "iot_device", ["region_code", "id"])
    op.create_index("ix_iot_device_unit", "iot_device", ["unit_id", "id"])
    op.create_index("ix_iot_device_elevator", "iot_device", ["elevator_id", "id"])
    op.create_table(
        "iot_live",
        sa.Column("device_id", BIG, autoincrement=False, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("told_at", INSTANT, nullable=True),
        sa.Column("skew_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("floor", sa.String(length=10), nullable=True),
        sa.Column("direction", sa.String(length=10), nullable=True),
        sa.Column("door", sa.String(length=10), nullable=True),
        sa.Column("speed", sa.Float(), nullable=True),
        sa.Column("mode", sa.String(length=12), nullable=True),
        sa.Column("occupied", sa.Boolean(), nullable=True),
        sa.Column("fault_at", INSTANT, nullable=True),
        sa.Column("fault_kind", sa.String(length=10), nullable=True),
        sa.Column("fault_standard", sa.String(length=40), nullable=True),
        sa.Column("fault_code", sa.String(length=20), nullable=True),
        sa.Column("clear_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["iot_device.id"], name=op.f("fk_iot_live_device_id_iot_device")),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_iot_live")),
    )
    op.create_index("ix_iot_live_seen", "iot_live", ["seen_at"])
    op.create_table(
        "iot_event",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("device_id", BIG, nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("use_unit_id", BIG, nullable=True),
        sa.Column("standard", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("told_at", INSTANT, nullable=False),
        sa.Column("happened_at", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("skew_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_late", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("data", TOLD, nullable=True),
        sa.Column("joined_id", BIG, nullable=True),
        sa.Column("raised", sa.String(length=10), nullable=True),
        sa.Column("raised_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["iot_device.id"], name=op.f("fk_iot_event_device_id_iot_device")),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_iot_event_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_iot_event_unit_id_unit")),
        sa.ForeignKeyConstraint(["use_unit_id"], ["unit.id"], name=op.f("fk_iot_event_use_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iot_event")),
        sa.UniqueConstraint("device_id", "event_id", name=op.f("uq_iot_event_device_id_event_id")),
    )
    op.create_index("ix_iot_event_region", "iot_event", ["region_code", "id"])
    op.create_index("ix_iot_event_unit", "iot_event", ["unit_id", "id"])
    op.create_index("ix_iot_event_use_unit", "iot_event", ["use_unit_id", "id"])
    op.create_index("ix_iot_event_elevator", "iot_event", ["elevator_id", "happened_at"])
    op.create_index("ix_iot_event_received", "iot_event", ["received_at"])


def downgrade() -> None:
    op.drop_table("iot_event")
    op.drop_table("iot_live")
    op.drop_table("iot_device")

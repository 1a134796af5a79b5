"""Maintenance stops with a planned end, and approved longer intervals of single elevators

Revision: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade():
    with op.batch_alter_table("maintenance_pause") as batch:
        batch.add_column(sa.Column("planned_to_on", sa.Date(), nullable=True))
        batch.add_column(sa.Column("ended_at", INSTANT, nullable=True))
    op.create_table(
        "on_demand_interval",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("interval_days", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("application_id", BIG, nullable=False),
        sa.Column("known_at", INSTANT, nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("returned_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_on_demand_interval_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["elevator_id"], ["elevator.id"], name=op.f("fk_on_demand_interval_elevator_id_elevator")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_on_demand_interval_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_on_demand_interval")),
        sa.UniqueConstraint("application_id", name=op.f("uq_on_demand_interval_application_id")),
    )
    op.create_index("ix_on_demand_interval_elevator", "on_demand_interval", ["elevator_id", "from_on"])
    op.create_index("ix_on_demand_interval_unit", "on_demand_interval", ["unit_id", "to_on"])


def downgrade():
    op.drop_table("on_demand_interval")
    with op.batch_alter_table("maintenance_pause") as batch:
        batch.drop_column("ended_at")
        batch.drop_column("planned_to_on")

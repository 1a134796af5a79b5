"""Whether an elevator is in use, kept on its clock: what is near and over is counted without reading the register

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_maintenance_clock_region_due": ["region_code", "due_on", "elevator_id"],
    "ix_maintenance_clock_due": ["due_on", "region_code", "elevator_id"],
    "ix_maintenance_clock_region_cover": ["region_code", "cover_on", "elevator_id"],
    "ix_maintenance_clock_cover": ["cover_on", "region_code", "elevator_id"],
}


def upgrade():
    op.add_column(
        "maintenance_clock", sa.Column("in_use", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.execute(
        "UPDATE maintenance_clock SET in_use = FALSE "
        "WHERE elevator_id IN (SELECT id FROM elevator WHERE status <> 'in_use')"
    )
    for name, columns in INDEXES.items():
        op.drop_index(name, "maintenance_clock")
        op.create_index(name, "maintenance_clock", [*columns, "in_use"])


def downgrade():
    for name, columns in INDEXES.items():
        op.drop_index(name, "maintenance_clock")
        op.create_index(name, "maintenance_clock", columns)
    op.drop_column("maintenance_clock", "in_use")

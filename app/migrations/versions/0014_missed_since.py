"""The first missed limit that stands, kept on the clock: what lists show and sort by

Revision ID: 0014
Revises: 0013
"""
import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# The register's first list asks for what is in force: its index tells.
PAGE = ["id", "region_code", "is_secret", "status", "approved_version"]


def upgrade():
    op.add_column("maintenance_clock", sa.Column("missed_since_on", sa.Date(), nullable=True))
    # The missed periods of a standing row are those that no visit has ended, up to the anchor, and of this unit's time.
    op.execute(
        """
        UPDATE maintenance_clock SET missed_since_on = COALESCE(
            (SELECT MIN(p.limit_on) FROM overdue_period p
             WHERE p.elevator_id = maintenance_clock.elevator_id AND NOT p.withdrawn AND p.done_late_on IS NULL
               AND p.limit_on <= maintenance_clock.anchor_on
               AND (maintenance_clock.last_visit_on IS NULL OR p.limit_on > maintenance_clock.last_visit_on)
               AND (maintenance_clock.unit_since_on IS NULL OR p.limit_on >= maintenance_clock.unit_since_on)),
            maintenance_clock.anchor_on)
        WHERE missed > 0
        """
    )
    op.drop_index("ix_elevator_page", "elevator")
    op.create_index("ix_elevator_page", "elevator", PAGE)


def downgrade():
    op.drop_index("ix_elevator_page", "elevator")
    op.create_index("ix_elevator_page", "elevator", PAGE[:-1])
    op.drop_column("maintenance_clock", "missed_since_on")

"""When the owner of a job asked for its end (LIF-08); missed limits that an upheld appeal excused, told apart (PLN-09);
of rescues that are open the sooner limit, kept as the rule tells it (RES-03).

Revision ID: 0077
Revises: 0076
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None

# What was excused of the limits that passed since the last visit, in the time of the unit.
EXCUSED = """
    FROM appeal a JOIN overdue_period p
      ON p.elevator_id = a.elevator_id AND p.limit_on = a.happened_on AND p.unit_id = a.unit_id
    WHERE a.entity = 'overdue_period' AND a.in_force_from IS NOT NULL AND p.withdrawn AND p.done_late_on IS NULL
      AND a.elevator_id = maintenance_clock.elevator_id AND p.limit_on <= maintenance_clock.anchor_on
      AND (maintenance_clock.last_visit_on IS NULL OR p.limit_on > maintenance_clock.last_visit_on)
      AND (maintenance_clock.unit_since_on IS NULL OR p.limit_on >= maintenance_clock.unit_since_on)
"""
STANDING = """
    FROM overdue_period p
    WHERE p.elevator_id = maintenance_clock.elevator_id AND NOT p.withdrawn AND p.done_late_on IS NULL
      AND p.limit_on >= maintenance_clock.missed_since_on AND p.limit_on <= maintenance_clock.anchor_on
"""


INSTANT = sa.DateTime(timezone=True)
RESCUE = sa.table(
    "rescue", sa.column("id"), sa.column("status"), sa.column("accepted_at", INSTANT), sa.column("arrived_at", INSTANT),
    sa.column("arrive_minutes"), sa.column("done_minutes"), sa.column("due_at", INSTANT),
)  # fmt: skip


def upgrade() -> None:
    op.add_column("job", sa.Column("stop_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("maintenance_clock", sa.Column("excused", sa.Integer(), server_default="0", nullable=False))
    op.execute(
        f"""
        UPDATE maintenance_clock SET excused = (SELECT COUNT(DISTINCT p.limit_on) {EXCUSED})
        WHERE missed > 0 AND elevator_id IN (
            SELECT elevator_id FROM appeal WHERE entity = 'overdue_period' AND in_force_from IS NOT NULL
        )
        """
    )
    op.execute(
        f"""
        UPDATE maintenance_clock SET missed = CASE WHEN missed > excused THEN missed - excused ELSE 0 END,
            missed_since_on = CASE WHEN missed > excused
                THEN COALESCE((SELECT MIN(p.limit_on) {STANDING}), missed_since_on) END
        WHERE excused > 0
        """
    )
    sooner_limits(op.get_bind())


def sooner_limits(connection: sa.Connection) -> None:
    """Accepted and not arrived, with less time to free than to arrive: kept before the sooner of the two ran."""
    late = sa.select(RESCUE.c.id, RESCUE.c.accepted_at, RESCUE.c.done_minutes).where(
        RESCUE.c.status == "accepted", RESCUE.c.arrived_at.is_(None), RESCUE.c.accepted_at.is_not(None),
        RESCUE.c.due_at.is_not(None), RESCUE.c.arrive_minutes > RESCUE.c.done_minutes,
    )  # fmt: skip
    for key, accepted_at, minutes in connection.execute(late).all():
        due_at = accepted_at + dt.timedelta(minutes=minutes, seconds=1)
        connection.execute(sa.update(RESCUE).where(RESCUE.c.id == key).values(due_at=due_at))


def downgrade() -> None:
    first = f"(SELECT MIN(p.limit_on) {EXCUSED})"
    op.execute(
        f"""
        UPDATE maintenance_clock SET missed = missed + excused, missed_since_on = CASE
            WHEN missed_since_on IS NULL THEN COALESCE({first}, anchor_on)
            WHEN {first} < missed_since_on THEN {first} ELSE missed_since_on END
        WHERE excused > 0
        """
    )
    op.drop_column("maintenance_clock", "excused")
    op.drop_column("job", "stop_asked_at")

"""The few visits that are not simply valid, by unit and elevator: what a score reads row by row.

A line of the ledger no longer holds its elevator by a foreign key: the row behind it, a visit or a missed period, does,
and a night that writes a line for each failure of a year need not look up and lock every elevator.

Revision ID: 0031
Revises: 0030
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

NAME = "ix_visit_failed"
COLUMNS = ["unit_id", "elevator_id", "visit_on", "id", "state", "region_code"]
KEY = "fk_score_entry_elevator_id_elevator"


def upgrade() -> None:
    few = sa.text("state <> 'valid'")
    op.create_index(NAME, "visit", COLUMNS, sqlite_where=few, postgresql_where=few)
    with op.batch_alter_table("score_entry") as batch:
        batch.drop_constraint(KEY, type_="foreignkey")


def downgrade() -> None:
    with op.batch_alter_table("score_entry") as batch:
        batch.create_foreign_key(KEY, "elevator", ["elevator_id"], ["id"])
    op.drop_index(NAME, "visit")

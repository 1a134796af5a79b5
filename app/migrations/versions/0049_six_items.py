"""A score has all six items (points, rank, counts of the five beside 维护保养有效率), their total, stars and credit.

Runs that stand keep their figures; of them the new columns are null. Keys of ledger lines need no change: a score's
keys reach far beyond its lines of SCO-01.

Revision ID: 0049
Revises: 0048
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

POINTS = {
    "total": 6, "rescue_points": 6, "feedback_points": 5, "inspection_points": 5, "fault_points": 5, "change_points": 5,
    "rating_points": 5,
}  # fmt: skip
COUNTS = (
    "total_rank", "rescue_rank", "rescue_on_time", "rescue_late", "rescue_second", "feedback_rank", "feedback_total",
    "feedback_late", "inspection_rank", "inspection_total", "inspection_failed", "fault_rank", "fault_elevators",
    "fault_faulty", "fault_entrapments", "fault_twice", "fault_thrice", "fault_often", "change_rank", "change_total",
    "change_late", "stars",
)  # fmt: skip


def upgrade() -> None:
    with op.batch_alter_table("score_run") as table:
        table.add_column(sa.Column("items_digest", sa.String(64), nullable=True))
    with op.batch_alter_table("score") as table:
        for name, digits in POINTS.items():
            table.add_column(sa.Column(name, sa.Numeric(digits, 2), nullable=True))
        for name in COUNTS:
            table.add_column(sa.Column(name, sa.Integer(), nullable=True))
        table.add_column(sa.Column("credit", sa.String(1), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("score") as table:
        for name in (*POINTS, *COUNTS, "credit"):
            table.drop_column(name)
    with op.batch_alter_table("score_run") as table:
        table.drop_column("items_digest")

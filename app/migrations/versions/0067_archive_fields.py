"""Fields of the archive that lists seldom show: numbers, firms, drive and control, what TSG T5002 asks by kind, insurance;
and that a unit's business has no end.

Revision ID: 0067
Revises: 0065
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0065"
branch_labels = None
depends_on = None


def _columns() -> list[sa.Column[object]]:
    texts = {
        "site_no": 40, "register_no": 40, "retrofitter": 120, "dealer": 120, "branch": 120, "controller": 60,
        "control_mode": 40, "drive_mode": 40, "jacking": 40, "insurer": 120, "policy_no": 60,
    }  # fmt: skip
    figures = {
        "rise": (6, 2), "inclination": (4, 1), "nominal_speed": (5, 2), "machine_power": (6, 2), "run_length": (7, 2),
    }  # fmt: skip
    return [
        *(sa.Column(name, sa.String(length=length), nullable=True) for name, length in texts.items()),
        *(sa.Column(name, sa.Numeric(*size), nullable=True) for name, size in figures.items()),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in ("cylinders", "nominal_width")),
    ]


def upgrade() -> None:
    # Without a batch: SQLite would make the table anew, and the search index lives in its triggers.
    for column in _columns():
        op.add_column("elevator", column)
    op.add_column(
        "unit", sa.Column("business_forever", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("unit", "business_forever")
    for column in reversed(_columns()):
        op.drop_column("elevator", column.name)

"""A line of the ledger is numbered by its score: all of one score are found by their key, without an index of its own.

Writing a line cost as much in two indexes and a sequence as the line itself.

Revision ID: 0041
Revises: 0040
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

OF_A_SCORE = 2**24


def upgrade() -> None:
    op.drop_index("ix_score_entry_score", table_name="score_entry")
    number(f"score_id * {OF_A_SCORE} + row_number() OVER (PARTITION BY score_id ORDER BY id) - 1")


def downgrade() -> None:
    number("row_number() OVER (ORDER BY id)")
    op.create_index("ix_score_entry_score", "score_entry", ["score_id", "id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval(pg_get_serial_sequence('score_entry', 'id'), max(id)) FROM score_entry")


def number(key: str) -> None:
    """Give each line this key: below zero first, where no line stands that is yet to be numbered."""
    numbered = f"SELECT id, {key} AS number FROM score_entry"  # noqa: S608 - words of this file
    op.execute(f"UPDATE score_entry SET id = -n.number FROM ({numbered}) AS n WHERE n.id = score_entry.id")  # noqa: S608
    op.execute("UPDATE score_entry SET id = -id")

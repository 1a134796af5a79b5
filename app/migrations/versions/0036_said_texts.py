"""Sentences of ours keep how they came about; an account keeps its language, an export the one that it was made in.

Such a column holds the Chinese and, behind a mark, what tells it again (`models/said.py`), so PostgreSQL no longer
measures it; SQLite never did, and there the columns stay as they were declared. Older rows are plain Chinese.

Revision ID: 0036
Revises: 0035
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

# Column by its table, with the length that it was declared with.
MEASURED = (
    ("notification", "title", 160), ("job", "title", 160), ("job", "message", 300), ("import_batch", "note", 300),
    ("import_row", "undo_note", 300), ("maintenance_order", "close_reason", 120),
)  # fmt: skip
UNMEASURED = (("job", "error"), ("version", "reason"), ("status_change", "reason"), ("overdue_correction", "reason"))


def upgrade() -> None:
    op.add_column("application", sa.Column("said", sa.Text(), nullable=True))
    op.add_column("ab_user", sa.Column("language", sa.String(length=15), nullable=True))
    op.add_column("export_record", sa.Column("language", sa.String(length=15), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        for table, column, _length in MEASURED:
            op.alter_column(table, column, type_=sa.Text())


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    mark = "chr(30)" if postgresql else "char(30)"
    place = "position({} in {})" if postgresql else "instr({1}, {0})"
    # The Chinese stays, without what told it in other languages.
    for table, column, *_length in (*MEASURED, *UNMEASURED):
        at = place.format(mark, column)
        op.execute(f"UPDATE {table} SET {column} = substr({column}, 1, {at} - 1) WHERE {at} > 0")  # noqa: S608
    if postgresql:
        for table, column, length in MEASURED:
            op.alter_column(table, column, type_=sa.String(length=length))
    for table, column in (("export_record", "language"), ("ab_user", "language"), ("application", "said")):
        op.drop_column(table, column)

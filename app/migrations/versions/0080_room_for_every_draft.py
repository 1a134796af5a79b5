"""PostgreSQL leaves half of each new page of the register free, so that all of its rows may change in one import.

A fifth (revision 0075) is room for every fourth row: where an import opens the drafts of rows that lie together, the
others moved in all its indexes. Afterwards the table was as large as one that is half full from the start, and
its indexes were twice as large.

Pages that are there stay as they are; they get room as their rows change.

Revision ID: 0080
Revises: 0079
"""

from __future__ import annotations

from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE elevator SET (fillfactor = 50)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE elevator SET (fillfactor = 80)")

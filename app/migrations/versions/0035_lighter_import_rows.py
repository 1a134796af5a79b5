"""Rows of an import are written twice, as judged and as done: the second writing finds room and touches no index

Revision ID: 0035
Revises: 0034
"""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

# Nobody asks for a row by what it was written to.
NAME = "ix_import_row_entity_id"


def upgrade() -> None:
    op.drop_index(NAME, "import_row")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE import_row SET (fillfactor = 55)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE import_row RESET (fillfactor)")
    op.create_index(NAME, "import_row", ["entity_id"])

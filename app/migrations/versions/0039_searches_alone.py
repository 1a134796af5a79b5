"""A search is one process's work: it looks at some thousand rows, and starting helpers for that takes longer.

PostgreSQL thinks that it will look at them all, for it does not know how soon a page is full.

Revision ID: 0039
Revises: 0038
"""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _say("RESTRICTED")


def downgrade() -> None:
    _say("SAFE")


def _say(parallel: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER FUNCTION tian_grams(text) PARALLEL {parallel}")

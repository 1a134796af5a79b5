"""A line of the ledger no longer holds its score by a foreign key.

Lines are written together with their score and taken away together with it, by one workflow; to look up and lock the
score for each of a million lines took longer than reading, judging and writing them.

Revision ID: 0034
Revises: 0033
"""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

KEY = "fk_score_entry_score_id_score"


def upgrade() -> None:
    with op.batch_alter_table("score_entry") as batch:
        batch.drop_constraint(KEY, type_="foreignkey")


def downgrade() -> None:
    with op.batch_alter_table("score_entry") as batch:
        batch.create_foreign_key(KEY, "score", ["score_id"], ["id"], ondelete="CASCADE")

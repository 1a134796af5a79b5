"""How the use unit confirmed a visit and what it thinks of it; links by which it confirms; signatures on paper (MNT-07).

Revision ID: 0063
Revises: 0062
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAMES = ("confirmed_by", "rating", "paper_at", "paper_by_id")
BY = "fk_visit_paper_by_id_ab_user"


def upgrade() -> None:
    with op.batch_alter_table("visit") as batch:
        batch.add_column(sa.Column("confirmed_by", sa.String(length=10), nullable=True))
        batch.add_column(sa.Column("rating", sa.String(length=10), nullable=True))
        batch.add_column(sa.Column("paper_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("paper_by_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f(BY), "ab_user", ["paper_by_id"], ["id"])
    op.create_table(
        "visit_link",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("visit_id", BIG, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("sent_to", sa.String(length=20), nullable=False),
        sa.Column("sent_by_id", sa.Integer(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signer", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_link_visit_id_visit")),
        sa.ForeignKeyConstraint(["sent_by_id"], ["ab_user.id"], name=op.f("fk_visit_link_sent_by_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_visit_link_token_hash")),
    )
    op.create_index(op.f("ix_visit_link_visit_id"), "visit_link", ["visit_id"])
    op.create_index("ix_visit_link_sent", "visit_link", ["sent_to", "sent_at"])


def downgrade() -> None:
    op.drop_table("visit_link")
    with op.batch_alter_table("visit") as batch:
        batch.drop_constraint(op.f(BY), type_="foreignkey")
        for name in reversed(NAMES):
            batch.drop_column(name)

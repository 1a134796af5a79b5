"""What the use unit says of a repair that ended: 确认修好, or 仍有问题 with the order that comes of it (REP-03).

Revision ID: 0061
Revises: 0060
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DISPUTED = sa.text("answer = 'disputed'")
NAMES = ("again_of_id", "answer", "answered_at", "answered_by_id", "answer_note")
AGAIN, BY = "fk_repair_order_again_of_id_repair_order", "fk_repair_order_answered_by_id_ab_user"


def upgrade() -> None:
    with op.batch_alter_table("repair_order") as batch:
        batch.add_column(sa.Column("again_of_id", BIG, nullable=True))
        batch.add_column(sa.Column("answer", sa.String(length=10), nullable=True))
        batch.add_column(sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("answered_by_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("answer_note", sa.String(length=500), nullable=True))
        batch.create_foreign_key(op.f(AGAIN), "repair_order", ["again_of_id"], ["id"])
        batch.create_foreign_key(op.f(BY), "ab_user", ["answered_by_id"], ["id"])
    # One order at most comes of an answer; what is disputed is little beside all that was ever repaired.
    op.create_index("uq_repair_order_again_of_id", "repair_order", ["again_of_id"], unique=True)
    op.create_index(
        "ix_repair_order_disputed", "repair_order", ["region_code", "reported_at"], sqlite_where=DISPUTED,
        postgresql_where=DISPUTED,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_repair_order_disputed", "repair_order")
    op.drop_index("uq_repair_order_again_of_id", "repair_order")
    with op.batch_alter_table("repair_order") as batch:
        batch.drop_constraint(op.f(BY), type_="foreignkey")
        batch.drop_constraint(op.f(AGAIN), type_="foreignkey")
        for name in reversed(NAMES):
            batch.drop_column(name)

"""Labels of elevators: replacements, temporary ones and the dead, each with its token (ELV-07).

Revision ID: 0064
Revises: 0063
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
WAITING = sa.text("begins_at IS NULL AND ends_at IS NULL AND kind = 'replacement'")


def upgrade() -> None:
    op.create_table(
        "elevator_label",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("made_by", sa.String(length=80), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("begins_at", INSTANT, nullable=True),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.Column("printed_at", INSTANT, nullable=True),
        sa.Column("prints", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_elevator_label_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["account_id"], ["ab_user.id"], name=op.f("fk_elevator_label_account_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_elevator_label")),
        sa.UniqueConstraint("token", name=op.f("uq_elevator_label_token")),
    )
    op.create_index("ix_elevator_label_elevator", "elevator_label", ["elevator_id", "id"])
    op.create_index(
        "uq_elevator_label_waiting", "elevator_label", ["elevator_id"], unique=True, sqlite_where=WAITING,
        postgresql_where=WAITING,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("elevator_label")

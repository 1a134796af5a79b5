"""What a regulator does about a unit: 约谈, 警告, 立案处罚, with their evidence.

Revision ID: 0046
Revises: 0045
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
OPEN = sa.text("state IN ('draft', 'proposed', 'in_force', 'replied')")
ACCOUNTS = ("proposed_by_id", "decided_by_id", "replied_by_id", "closed_by_id", "withdrawn_by_id")


def said(length: int) -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.String(length), "sqlite")


def upgrade() -> None:
    op.create_table(
        "enforcement",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), server_default="draft", nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("document_no", sa.String(60), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("demand", sa.Text(), nullable=True),
        sa.Column("legal_basis", sa.Text(), nullable=True),
        sa.Column("reply_days", sa.Integer(), nullable=False),
        sa.Column("proposed_at", INSTANT, nullable=True),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("in_force_at", INSTANT, nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("returned_note", sa.String(500), nullable=True),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("replied_at", INSTANT, nullable=True),
        sa.Column("replied_by_id", sa.Integer(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("late", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("sent_back_note", sa.String(500), nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("close_note", sa.String(500), nullable=True),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.Column("withdrawn_by_id", sa.Integer(), nullable=True),
        sa.Column("withdraw_reason", said(500), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_enforcement_unit_id_unit")),
        *(
            sa.ForeignKeyConstraint([name], ["ab_user.id"], name=op.f(f"fk_enforcement_{name}_ab_user"))
            for name in ACCOUNTS
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enforcement")),
        sa.UniqueConstraint("number", name=op.f("uq_enforcement_number")),
    )
    op.create_index("ix_enforcement_unit", "enforcement", ["unit_id", "decided_on"])
    op.create_index("ix_enforcement_region", "enforcement", ["region_code", "decided_on", "id"])
    op.create_index(
        "ix_enforcement_open", "enforcement", ["region_code", "unit_id", "state", "due_at"],
        sqlite_where=OPEN, postgresql_where=OPEN,
    )  # fmt: skip
    op.create_table(
        "enforcement_evidence",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("enforcement_id", BIG, nullable=False),
        sa.Column("entity", sa.String(20), nullable=False),
        sa.Column("entity_id", BIG, nullable=False),
        sa.Column("elevator_id", BIG, nullable=True),
        sa.Column("happened_on", sa.Date(), nullable=True),
        sa.Column("said", said(300), nullable=False),
        sa.ForeignKeyConstraint(
            ["enforcement_id"], ["enforcement.id"], name=op.f("fk_enforcement_evidence_enforcement_id_enforcement")
        ),
        sa.ForeignKeyConstraint(
            ["elevator_id"], ["elevator.id"], name=op.f("fk_enforcement_evidence_elevator_id_elevator")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enforcement_evidence")),
    )
    op.create_index(
        "uq_enforcement_evidence", "enforcement_evidence", ["enforcement_id", "entity", "entity_id"], unique=True
    )
    op.create_index("ix_enforcement_evidence_entity", "enforcement_evidence", ["entity", "entity_id"])


def downgrade() -> None:
    op.drop_table("enforcement_evidence")
    op.drop_table("enforcement")

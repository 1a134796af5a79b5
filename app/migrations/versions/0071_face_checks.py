"""人脸比对 of check-ins, kept beside the visit (PER-10); of what kinds the faults of a visit were (MNT-04).

Revision ID: 0071
Revises: 0070
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
INSTANT = sa.DateTime(timezone=True)
WAITING = sa.text("state = 'waiting'")
LOOK = sa.text("state IN ('unmatched', 'no_face') AND verdict IS NULL AND visit_id IS NOT NULL")
ATTEMPT = sa.text("visit_id IS NULL")


def upgrade() -> None:
    op.add_column("visit", sa.Column("faults", JSON, nullable=True))
    op.create_table(
        "face_check",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("visit_id", BIG, nullable=True),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("photo_id", BIG, nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", INSTANT, nullable=True),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.Column("verdict", sa.String(length=10), nullable=True),
        sa.Column("verdict_note", sa.Text(), nullable=True),
        sa.Column("looked_at", INSTANT, nullable=True),
        sa.Column("looked_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_face_check_{name}_{table}"))
            for name, table in (
                ("visit_id", "visit"), ("person_id", "person"), ("elevator_id", "elevator"), ("unit_id", "unit"),
                ("looked_by_id", "ab_user"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face_check")),
        sa.UniqueConstraint("visit_id", name=op.f("uq_face_check_visit_id")),
    )  # fmt: skip
    op.create_index(op.f("ix_face_check_person_id"), "face_check", ["person_id"])
    op.create_index("ix_face_check_waiting", "face_check", ["next_try_at"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index("ix_face_check_look", "face_check", ["visit_id"], sqlite_where=LOOK, postgresql_where=LOOK)
    op.create_index(
        "ix_face_check_attempt", "face_check", ["person_id", "elevator_id"], sqlite_where=ATTEMPT,
        postgresql_where=ATTEMPT,
    )  # fmt: skip
    op.create_index("ix_face_check_began", "face_check", ["began_at"])


def downgrade() -> None:
    op.drop_table("face_check")
    op.drop_column("visit", "faults")

"""Doubtful check-ins: signals, evidence, prints of photos, cases. Spot checks: draws, checks, who keeps out.

Revision ID: 0048
Revises: 0047
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
TOLD = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
STANDS = sa.text("state <> 'closed'")
OPEN = sa.text("state IN ('waiting', 'fixing', 'fixed')")
LATER = sa.text("offline IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "fraud_case",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("person_id", BIG, nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="asked", nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("opened_by_id", sa.Integer(), nullable=True),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["ab_user.id"], name=op.f("fk_fraud_case_answered_by_id_ab_user")
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["ab_user.id"], name=op.f("fk_fraud_case_decided_by_id_ab_user")),
        sa.ForeignKeyConstraint(["opened_by_id"], ["ab_user.id"], name=op.f("fk_fraud_case_opened_by_id_ab_user")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_fraud_case_person_id_person")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_fraud_case_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fraud_case")),
        sa.UniqueConstraint("number", name=op.f("uq_fraud_case_number")),
    )
    op.create_index(
        "ix_fraud_case_open", "fraud_case", ["region_code", "state", "due_at"],
        sqlite_where=STANDS, postgresql_where=STANDS,
    )
    op.create_index("ix_fraud_case_region", "fraud_case", ["region_code", "id"])
    op.create_index("ix_fraud_case_unit", "fraud_case", ["unit_id", "id"])
    op.create_table(
        "spot_avoidance",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("declared_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["ab_user.id"], name=op.f("fk_spot_avoidance_account_id_ab_user")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_spot_avoidance_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spot_avoidance")),
    )
    op.create_index("ix_spot_avoidance_account", "spot_avoidance", ["account_id", "unit_id"])
    op.create_table(
        "spot_draw",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="announced", nullable=False),
        sa.Column("filters", TOLD, nullable=False),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("risk_percent", sa.Integer(), nullable=False),
        sa.Column("top_percent", sa.Integer(), nullable=False),
        sa.Column("inspectors", TOLD, nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
        sa.Column("population", sa.Text(), nullable=False),
        sa.Column("population_count", sa.Integer(), nullable=False),
        sa.Column("population_digest", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("seed_text", sa.String(length=200), nullable=True),
        sa.Column("seed", sa.String(length=64), nullable=True),
        sa.Column("check_until", sa.Date(), nullable=False),
        sa.Column("drawn_at", INSTANT, nullable=True),
        sa.Column("drawn_by_id", sa.Integer(), nullable=True),
        sa.Column("cancelled_at", INSTANT, nullable=True),
        sa.Column("cancel_reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["drawn_by_id"], ["ab_user.id"], name=op.f("fk_spot_draw_drawn_by_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spot_draw")),
        sa.UniqueConstraint("number", name=op.f("uq_spot_draw_number")),
    )
    op.create_index("ix_spot_draw_region", "spot_draw", ["region_code", "id"])
    op.create_table(
        "fraud_signal",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("person_id", BIG, nullable=True),
        sa.Column("elevator_id", BIG, nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("seen_on", sa.Date(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("found", sa.Text().with_variant(sa.String(length=400), "sqlite"), nullable=False),
        sa.Column("facts", TOLD, nullable=False),
        sa.Column("found_at", INSTANT, nullable=False),
        sa.Column("case_id", BIG, nullable=True),
        sa.Column("set_aside_at", INSTANT, nullable=True),
        sa.Column("set_aside_by_id", sa.Integer(), nullable=True),
        sa.Column("set_aside_note", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["fraud_case.id"], name=op.f("fk_fraud_signal_case_id_fraud_case")),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_fraud_signal_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_fraud_signal_person_id_person")),
        sa.ForeignKeyConstraint(
            ["set_aside_by_id"], ["ab_user.id"], name=op.f("fk_fraud_signal_set_aside_by_id_ab_user")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_fraud_signal_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fraud_signal")),
        sa.UniqueConstraint("key", name=op.f("uq_fraud_signal_key")),
    )
    op.create_index("ix_fraud_signal_case", "fraud_signal", ["case_id"])
    op.create_index(op.f("ix_fraud_signal_elevator_id"), "fraud_signal", ["elevator_id"])
    op.create_index("ix_fraud_signal_person", "fraud_signal", ["person_id", "seen_on"])
    op.create_index("ix_fraud_signal_region", "fraud_signal", ["region_code", "seen_on", "id"])
    op.create_index("ix_fraud_signal_unit", "fraud_signal", ["unit_id", "seen_on"])
    op.create_table(
        "picture_print",
        sa.Column("attachment_id", BIG, autoincrement=False, nullable=False),
        sa.Column("visit_id", BIG, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bits", sa.BigInteger(), nullable=True),
        sa.Column("piece0", sa.Integer(), nullable=True),
        sa.Column("piece1", sa.Integer(), nullable=True),
        sa.Column("piece2", sa.Integer(), nullable=True),
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"], ["attachment.id"], name=op.f("fk_picture_print_attachment_id_attachment")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_picture_print_visit_id_visit")),
        sa.PrimaryKeyConstraint("attachment_id", name=op.f("pk_picture_print")),
    )
    op.create_index("ix_picture_print_piece0", "picture_print", ["piece0"])
    op.create_index("ix_picture_print_piece1", "picture_print", ["piece1"])
    op.create_index("ix_picture_print_piece2", "picture_print", ["piece2"])
    op.create_index("ix_picture_print_sha", "picture_print", ["sha256"])
    op.create_index(op.f("ix_picture_print_visit_id"), "picture_print", ["visit_id"])
    op.create_table(
        "spot_check",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("draw_id", BIG, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("stratum", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("elevator_id", BIG, nullable=True),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("risk", sa.Integer(), nullable=False),
        sa.Column("parts", TOLD, nullable=False),
        sa.Column("inspector_id", sa.Integer(), nullable=True),
        sa.Column("partner_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="waiting", nullable=False),
        sa.Column("checked_at", INSTANT, nullable=True),
        sa.Column("checked_by_id", sa.Integer(), nullable=True),
        sa.Column("findings", sa.Text(), nullable=True),
        sa.Column("demand", sa.Text(), nullable=True),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("fix_note", sa.Text(), nullable=True),
        sa.Column("fixed_at", INSTANT, nullable=True),
        sa.Column("fixed_by_id", sa.Integer(), nullable=True),
        sa.Column("close_note", sa.Text(), nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["checked_by_id"], ["ab_user.id"], name=op.f("fk_spot_check_checked_by_id_ab_user")),
        sa.ForeignKeyConstraint(["draw_id"], ["spot_draw.id"], name=op.f("fk_spot_check_draw_id_spot_draw")),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_spot_check_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["fixed_by_id"], ["ab_user.id"], name=op.f("fk_spot_check_fixed_by_id_ab_user")),
        sa.ForeignKeyConstraint(["inspector_id"], ["ab_user.id"], name=op.f("fk_spot_check_inspector_id_ab_user")),
        sa.ForeignKeyConstraint(["partner_id"], ["ab_user.id"], name=op.f("fk_spot_check_partner_id_ab_user")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_spot_check_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spot_check")),
    )
    op.create_index("ix_spot_check_draw", "spot_check", ["draw_id", "position"], unique=True)
    op.create_index(op.f("ix_spot_check_elevator_id"), "spot_check", ["elevator_id"])
    op.create_index("ix_spot_check_inspector", "spot_check", ["inspector_id", "state"])
    op.create_index(
        "ix_spot_check_open", "spot_check", ["region_code", "state", "due_at"],
        sqlite_where=OPEN, postgresql_where=OPEN,
    )
    op.create_index("ix_spot_check_partner", "spot_check", ["partner_id", "state"])
    op.create_index("ix_spot_check_region", "spot_check", ["region_code", "id"])
    op.create_index("ix_spot_check_unit", "spot_check", ["unit_id", "id"])
    op.create_table(
        "fraud_evidence",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("signal_id", BIG, nullable=False),
        sa.Column("visit_id", BIG, nullable=False),
        sa.Column("attachment_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["attachment_id"], ["attachment.id"], name=op.f("fk_fraud_evidence_attachment_id_attachment")
        ),
        sa.ForeignKeyConstraint(
            ["signal_id"], ["fraud_signal.id"], name=op.f("fk_fraud_evidence_signal_id_fraud_signal")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_fraud_evidence_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fraud_evidence")),
    )
    op.create_index("ix_fraud_evidence_signal", "fraud_evidence", ["signal_id"])
    op.create_index("ix_fraud_evidence_visit", "fraud_evidence", ["visit_id"])
    op.add_column("visit", sa.Column("by_code", sa.Boolean(), nullable=True))
    op.create_index("ix_visit_sent_later", "visit", ["sent_at"], sqlite_where=LATER, postgresql_where=LATER)


def downgrade() -> None:
    op.drop_index("ix_visit_sent_later", "visit")
    op.drop_column("visit", "by_code")
    for table in (
        "fraud_evidence", "spot_check", "picture_print", "fraud_signal", "spot_draw", "spot_avoidance", "fraud_case",
    ):  # fmt: skip
        op.drop_table(table)

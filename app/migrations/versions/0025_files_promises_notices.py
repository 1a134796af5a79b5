"""Files in full, commitment letters, insurance records, choice of channels

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade():
    with op.batch_alter_table("attachment") as batch:
        batch.add_column(sa.Column("thumb_sha256", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("scan", sa.String(length=10), server_default="off", nullable=False))
        batch.add_column(sa.Column("removed_at", INSTANT, nullable=True))
        batch.create_index(
            "ix_attachment_scan", ["scan", "id"], unique=False,
            sqlite_where=sa.text("scan IN ('waiting', 'late')"),
            postgresql_where=sa.text("scan IN ('waiting', 'late')"),
        )

    op.create_table(
        "commitment",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="draft", nullable=False),
        sa.Column("in_force_from", INSTANT, nullable=True),
        *stamps(),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_commitment_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commitment")),
    )
    op.create_index("ix_commitment_unit", "commitment", ["unit_id", "valid_until"])
    op.create_index("ix_commitment_region", "commitment", ["region_code", "valid_until"])

    op.create_table(
        "insurance_record",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("payer", sa.String(length=80), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("batch_id", BIG, nullable=True),
        sa.Column("filed_at", INSTANT, nullable=True),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.Column("withdrawn_note", sa.String(length=200), nullable=True),
        *stamps(),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_insurance_record_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insurance_record")),
    )
    op.create_index("ix_insurance_record_unit", "insurance_record", ["unit_id", "from_on"])
    op.create_index("ix_insurance_record_region", "insurance_record", ["region_code", "from_on"])

    op.create_table(
        "insured_person",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("record_id", BIG, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("id_sealed", sa.Text(), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id"], ["insurance_record.id"], name=op.f("fk_insured_person_record_id_insurance_record"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_insured_person_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insured_person")),
    )
    op.create_index("ix_insured_person_record", "insured_person", ["record_id", "id"])
    op.create_index(op.f("ix_insured_person_unit_id"), "insured_person", ["unit_id"])

    op.create_table(
        "insurance_month",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("records", "filed", "insured", "uninsured", "unfiled")),
        sa.Column("compared_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_insurance_month_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insurance_month")),
        sa.UniqueConstraint("unit_id", "month", name=op.f("uq_insurance_month_unit_id_month")),
    )
    op.create_index("ix_insurance_month_region", "insurance_month", ["region_code", "month"])
    op.create_index(
        "ix_insurance_month_gaps", "insurance_month", ["month", "region_code"],
        sqlite_where=sa.text("uninsured + unfiled > 0"), postgresql_where=sa.text("uninsured + unfiled > 0"),
    )

    op.create_table(
        "insurance_gap",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("person_id", BIG, nullable=True),
        sa.Column("record_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_insurance_gap_person_id_person"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["insurance_record.id"], name=op.f("fk_insurance_gap_record_id_insurance_record"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_insurance_gap_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insurance_gap")),
    )
    op.create_index("ix_insurance_gap_unit", "insurance_gap", ["unit_id", "month"])
    op.create_index("ix_insurance_gap_region", "insurance_gap", ["region_code", "month"])

    op.create_table(
        "notice_choice",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channels", JSON, nullable=False),
        sa.Column("webhook_url", sa.String(length=300), nullable=True),
        sa.Column("webhook_secret", sa.Text(), nullable=True),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_until", sa.Integer(), nullable=True),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ab_user.id"], name=op.f("fk_notice_choice_account_id_ab_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_notice_choice")),
    )
    op.create_table(
        "notice_template",
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("group", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("body", sa.String(length=1000), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("updated_by_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("channel", "group", name=op.f("pk_notice_template")),
    )


def stamps():
    return (
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
    )


def downgrade():
    for name in ("notice_template", "notice_choice", "insurance_gap", "insurance_month", "insured_person", "insurance_record", "commitment"):
        op.drop_table(name)
    with op.batch_alter_table("attachment") as batch:
        batch.drop_index("ix_attachment_scan")
        batch.drop_column("removed_at")
        batch.drop_column("scan")
        batch.drop_column("thumb_sha256")

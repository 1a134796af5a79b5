"""Bulletins of a region and period, the units that they were sent to, releases of open data

Revision ID: 0050
Revises: 0049
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
OPEN = "state IN ('draft', 'checked')"


def upgrade():
    op.create_table(
        "bulletin",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("region_name", sa.String(60), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("office", sa.String(60), nullable=False),
        sa.Column("mark", sa.String(20), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("serial", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(10), server_default="draft", nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
        sa.Column("policy", sa.String(20), nullable=False),
        sa.Column("run_id", BIG, nullable=True),
        sa.Column("figures", JSON, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("texts", JSON, nullable=False),
        sa.Column("drafted_by", sa.String(80), nullable=False),
        sa.Column("edited_by_id", sa.Integer(), nullable=True),
        sa.Column("checked_at", INSTANT, nullable=True),
        sa.Column("checked_by", sa.String(80), nullable=True),
        sa.Column("issued_at", INSTANT, nullable=True),
        sa.Column("signed_by", sa.String(80), nullable=True),
        sa.Column("corrects_id", BIG, nullable=True),
        sa.Column("correct_reason", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["edited_by_id"], ["ab_user.id"], name=op.f("fk_bulletin_edited_by_id_ab_user")),
        sa.ForeignKeyConstraint(["corrects_id"], ["bulletin.id"], name=op.f("fk_bulletin_corrects_id_bulletin")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin")),
        sa.UniqueConstraint("region_code", "mark", "year", "serial", name="uq_bulletin_number"),
    )
    op.create_index("ix_bulletin_region", "bulletin", ["region_code", "first_on", "id"])
    op.create_index(op.f("ix_bulletin_corrects_id"), "bulletin", ["corrects_id"])
    op.create_index(
        "uq_bulletin_open", "bulletin", ["region_code", "period"], unique=True,
        sqlite_where=sa.text(OPEN), postgresql_where=sa.text(OPEN),
    )  # fmt: skip
    op.create_table(
        "bulletin_reader",
        sa.Column("bulletin_id", BIG, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["bulletin_id"], ["bulletin.id"], name=op.f("fk_bulletin_reader_bulletin_id_bulletin")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_bulletin_reader_unit_id_unit")),
        sa.PrimaryKeyConstraint("bulletin_id", "unit_id", name=op.f("pk_bulletin_reader")),
    )
    op.create_index("ix_bulletin_reader_unit", "bulletin_reader", ["unit_id", "bulletin_id"])
    op.create_table(
        "open_release",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("region_name", sa.String(60), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("policy", sa.String(20), nullable=False),
        sa.Column("least", sa.Integer(), nullable=False),
        sa.Column("licence", sa.String(300), nullable=False),
        sa.Column("data", JSON, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open_release")),
        sa.UniqueConstraint("region_code", "period", name="uq_open_release_period"),
    )


def downgrade():
    op.drop_table("open_release")
    op.drop_table("bulletin_reader")
    op.drop_table("bulletin")

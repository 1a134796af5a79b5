"""Captchas, one-time codes, second factors, self-registered units

Revision ID: 0008
Revises: 0007
"""
import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NO = sa.text("false")


def upgrade():
    op.create_table(
        "captcha",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_captcha")),
    )
    op.create_index("ix_captcha_expires", "captcha", ["expires_at"])
    op.create_table(
        "one_time_code",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("purpose", sa.String(12), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(120), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("asked_from", sa.String(60), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ab_user.id"], name=op.f("fk_one_time_code_account_id_ab_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_code")),
    )
    op.create_index("ix_one_time_code_target", "one_time_code", ["target", "created_at"])
    op.create_index("ix_one_time_code_account", "one_time_code", ["account_id", "purpose", "created_at"])
    op.create_index("ix_one_time_code_asked_from", "one_time_code", ["asked_from", "created_at"])
    with op.batch_alter_table("notification") as batch:
        batch.add_column(sa.Column("address", sa.String(120), nullable=True))
        batch.add_column(sa.Column("is_secret", sa.Boolean(), server_default=NO, nullable=False))
    with op.batch_alter_table("ab_user") as batch:
        batch.add_column(sa.Column("totp_secret", sa.Text(), nullable=True))
        batch.add_column(sa.Column("totp_step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch.add_column(sa.Column("sms_factor", sa.Boolean(), server_default=NO, nullable=False))
        batch.add_column(sa.Column("self_registered", sa.Boolean(), server_default=NO, nullable=False))


def downgrade():
    with op.batch_alter_table("ab_user") as batch:
        for name in ("self_registered", "sms_factor", "totp_step", "totp_secret"):
            batch.drop_column(name)
    with op.batch_alter_table("notification") as batch:
        batch.drop_column("is_secret")
        batch.drop_column("address")
    op.drop_table("one_time_code")
    op.drop_table("captcha")

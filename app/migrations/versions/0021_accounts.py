"""Rights by tick, live sessions, identities from outside, a verified address of mail, what an account is in a rescue

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    with op.batch_alter_table("ab_user") as batch:
        batch.add_column(sa.Column("ticked", sa.Text(), nullable=True))
        batch.add_column(sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("rescue_role", sa.String(length=12), nullable=True))
    op.create_table(
        "live_session",
        sa.Column("id", BIG, nullable=False),
        sa.Column("number", sa.String(length=43), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=60), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_live_session_user_id_ab_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_session")),
        sa.UniqueConstraint("number", name=op.f("uq_live_session_number")),
    )
    op.create_index("ix_live_session_user", "live_session", ["user_id", "seen_at"])
    op.create_index("ix_live_session_until", "live_session", ["until"])
    op.create_table(
        "external_identity",
        sa.Column("id", BIG, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("shown_name", sa.String(length=80), nullable=True),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_external_identity_user_id_ab_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_identity")),
        sa.UniqueConstraint("provider", "subject", name=op.f("uq_external_identity_provider_subject")),
        sa.UniqueConstraint("user_id", "provider", name=op.f("uq_external_identity_user_id_provider")),
    )


def downgrade():
    op.drop_table("external_identity")
    op.drop_index("ix_live_session_until", table_name="live_session")
    op.drop_index("ix_live_session_user", table_name="live_session")
    op.drop_table("live_session")
    with op.batch_alter_table("ab_user") as batch:
        batch.drop_column("rescue_role")
        batch.drop_column("email_verified_at")
        batch.drop_column("ticked")

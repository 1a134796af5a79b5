"""Invitations to join a unit; one human in one unit; people are filed like units; codes to phones without account

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
FALSE = sa.text("false")


def upgrade():
    with op.batch_alter_table("person") as batch:
        batch.add_column(sa.Column("kind", sa.String(length=20), nullable=True))
        batch.add_column(sa.Column("sex", sa.String(length=6), nullable=True))
        batch.add_column(sa.Column("resident_id", sa.String(length=18), nullable=True))
        batch.add_column(sa.Column("certificate_issued_on", sa.Date(), nullable=True))
        batch.add_column(sa.Column("filing_state", sa.String(length=10), server_default="draft", nullable=False))
        batch.add_column(sa.Column("info_state", sa.String(length=10), server_default="new", nullable=False))
        batch.add_column(sa.Column("approved_version", sa.Integer(), server_default="0", nullable=False))
        batch.add_column(sa.Column("approved_on", sa.Date(), nullable=True))
        here = sa.text("left_on IS NULL")
        batch.create_index(
            "uq_person_one_unit", ["resident_id"], unique=True, sqlite_where=here, postgresql_where=here
        )
    with op.batch_alter_table("one_time_code") as batch:
        batch.alter_column("account_id", existing_type=sa.Integer(), nullable=True)
        batch.add_column(sa.Column("subject", sa.String(length=40), nullable=True))
        batch.create_index("ix_one_time_code_subject", ["subject"])
    with op.batch_alter_table("notification") as batch:
        batch.alter_column("recipient_id", existing_type=sa.Integer(), nullable=True)
    op.create_table(
        "invitation_poster",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("by_unit_id", BIG, nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("with_account", sa.Boolean(), server_default=FALSE, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), server_default="0", nullable=False),
        *_stamps(),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_invitation_poster_unit_id_unit")),
        sa.ForeignKeyConstraint(["by_unit_id"], ["unit.id"], name=op.f("fk_invitation_poster_by_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation_poster")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_poster_token_hash")),
    )
    op.create_index(op.f("ix_invitation_poster_unit_id"), "invitation_poster", ["unit_id"])
    op.create_index(op.f("ix_invitation_poster_by_unit_id"), "invitation_poster", ["by_unit_id"])
    op.create_table(
        "invitation",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("by_unit_id", BIG, nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("poster_id", BIG, nullable=True),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("with_account", sa.Boolean(), server_default=FALSE, nullable=False),
        sa.Column("state", sa.String(length=10), server_default="invited", nullable=False),
        sa.Column("approved_at", INSTANT, nullable=True),
        sa.Column("approved_by_id", sa.Integer(), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("phone_checked_at", INSTANT, nullable=True),
        sa.Column("accepted_at", INSTANT, nullable=True),
        sa.Column("resident_id", sa.String(length=18), nullable=True),
        sa.Column("sex", sa.String(length=6), nullable=True),
        sa.Column("certificate_no", sa.String(length=40), nullable=True),
        sa.Column("certificate_issued_on", sa.Date(), nullable=True),
        sa.Column("certificate_until", sa.Date(), nullable=True),
        sa.Column("face_declined", sa.Boolean(), server_default=FALSE, nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=True),
        sa.Column("submitted_at", INSTANT, nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("opinion", sa.Text(), nullable=True),
        sa.Column("person_id", BIG, nullable=True),
        sa.Column("batch_id", BIG, nullable=True),
        *_stamps(),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_invitation_unit_id_unit")),
        sa.ForeignKeyConstraint(["by_unit_id"], ["unit.id"], name=op.f("fk_invitation_by_unit_id_unit")),
        sa.ForeignKeyConstraint(
            ["poster_id"], ["invitation_poster.id"], name=op.f("fk_invitation_poster_id_invitation_poster")
        ),
        sa.ForeignKeyConstraint(["approved_by_id"], ["ab_user.id"], name=op.f("fk_invitation_approved_by_id_ab_user")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["ab_user.id"], name=op.f("fk_invitation_decided_by_id_ab_user")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_invitation_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    for name in ("region_code", "poster_id", "phone", "person_id", "batch_id"):
        op.create_index(op.f(f"ix_invitation_{name}"), "invitation", [name])
    op.create_index("ix_invitation_unit_state", "invitation", ["unit_id", "state"])
    op.create_index("ix_invitation_by_unit", "invitation", ["by_unit_id", "state"])
    once = sa.text("poster_id IS NOT NULL AND state <> 'cancelled'")
    op.create_index(
        "uq_invitation_poster_phone", "invitation", ["poster_id", "phone"], unique=True, sqlite_where=once,
        postgresql_where=once,
    )  # fmt: skip


def _stamps():
    return (
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
    )


def downgrade():
    op.drop_table("invitation")
    op.drop_table("invitation_poster")
    # What went to somebody without account can't be kept in the older form.
    op.execute("DELETE FROM notification WHERE recipient_id IS NULL")
    op.execute("DELETE FROM one_time_code WHERE account_id IS NULL")
    with op.batch_alter_table("notification") as batch:
        batch.alter_column("recipient_id", existing_type=sa.Integer(), nullable=False)
    with op.batch_alter_table("one_time_code") as batch:
        batch.drop_index("ix_one_time_code_subject")
        batch.drop_column("subject")
        batch.alter_column("account_id", existing_type=sa.Integer(), nullable=False)
    with op.batch_alter_table("person") as batch:
        batch.drop_index("uq_person_one_unit")
        for name in ("approved_on", "approved_version", "info_state", "filing_state", "certificate_issued_on",
                     "resident_id", "sex", "kind"):  # fmt: skip
            batch.drop_column(name)

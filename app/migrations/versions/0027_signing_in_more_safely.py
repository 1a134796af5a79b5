"""First passwords that expire, proved phones, browsers that are known, codes for one request, questions about numbers

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

from app import clock

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade():
    # One by one: a table with columns that are worked out can't be made anew on SQLite.
    op.add_column("ab_user", sa.Column("password_issued_at", INSTANT, nullable=True))
    op.add_column("ab_user", sa.Column("phone_verified_at", INSTANT, nullable=True))
    op.add_column("one_time_code", sa.Column("request", sa.String(43), nullable=True))
    op.create_table(
        "known_device",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_known_device_user_id_ab_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_device")),
        sa.UniqueConstraint("digest", name=op.f("uq_known_device_digest")),
    )
    op.create_index("ix_known_device_user", "known_device", ["user_id", "used_at"])
    op.create_table(
        "number_ask",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("digest", sa.String(26), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_number_ask_unit_id_unit"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ab_user.id"], name=op.f("fk_number_ask_account_id_ab_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_ask")),
    )
    op.create_index("ix_number_ask_unit", "number_ask", ["unit_id", "asked_on"])
    carry_over()


def carry_over():
    """First passwords that are out count from now on; proved are the phones that a code went to and came back."""
    now = clock.now()
    users = sa.table(
        "ab_user", sa.column("id", sa.Integer), sa.column("phone", sa.Text), sa.column("sms_factor", sa.Boolean),
        sa.column("must_change_password", sa.Boolean), sa.column("password_issued_at", INSTANT),
        sa.column("phone_verified_at", INSTANT),
    )  # fmt: skip
    log = sa.table(
        "audit_entry", sa.column("action", sa.String), sa.column("entity", sa.String), sa.column("entity_id", BIG)
    )
    op.execute(sa.update(users).where(users.c.must_change_password).values(password_issued_at=now))
    bound = sa.select(log.c.entity_id).where(log.c.action == "account.bind_phone", log.c.entity == "account")
    # Whoever signs in by codes to the phone has proved it each time.
    proved = sa.or_(users.c.sms_factor, users.c.id.in_(bound))
    op.execute(sa.update(users).where(users.c.phone.is_not(None), proved).values(phone_verified_at=now))


def downgrade():
    op.drop_table("number_ask")
    op.drop_table("known_device")
    op.drop_column("one_time_code", "request")
    op.drop_column("ab_user", "phone_verified_at")
    op.drop_column("ab_user", "password_issued_at")

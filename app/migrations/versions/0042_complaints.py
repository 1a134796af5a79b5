"""Complaints of passers-by with their clock, and messages behind the code

Revision ID: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
INDEX = "substr(phone, 7, 26)"
TAIL = "substr(phone, 7, 4) || substr(phone, 33, 10)"
OPEN = "state <> 'closed'"


def upgrade():
    kept = op.get_bind().dialect.name == "postgresql" or None
    op.create_table(
        "complaint",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(12), nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("use_unit_id", BIG, nullable=True),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("place", sa.String(300), nullable=False),
        sa.Column("name", sa.String(40), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_index", sa.String(26), sa.Computed(INDEX, persisted=kept), nullable=True),
        sa.Column("phone_tail", sa.String(14), sa.Computed(TAIL, persisted=kept), nullable=True),
        sa.Column("kinds", JSON, nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("state", sa.String(10), server_default="waiting", nullable=False),
        sa.Column("complained_at", INSTANT, nullable=False),
        sa.Column("accepted_at", INSTANT, nullable=True),
        sa.Column("handled_at", INSTANT, nullable=True),
        sa.Column("handle_note", sa.String(500), nullable=True),
        sa.Column("handled_by_id", sa.Integer(), nullable=True),
        sa.Column("reviewed_at", INSTANT, nullable=True),
        sa.Column("review_note", sa.String(500), nullable=True),
        sa.Column("sent_back", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("handled_again_at", INSTANT, nullable=True),
        sa.Column("reviewed_again_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("end_note", sa.String(500), nullable=True),
        sa.Column("is_untrue", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("prodded_at", INSTANT, nullable=True),
        sa.Column("prod_note", sa.String(500), nullable=True),
        sa.Column("accept_hours", sa.Integer(), nullable=False),
        sa.Column("handle_hours", sa.Integer(), nullable=False),
        sa.Column("review_hours", sa.Integer(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("late_steps", sa.String(60), nullable=True),
        *_stamps(),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_complaint_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_complaint_unit_id_unit")),
        sa.ForeignKeyConstraint(["use_unit_id"], ["unit.id"], name=op.f("fk_complaint_use_unit_id_unit")),
        sa.ForeignKeyConstraint(["handled_by_id"], ["ab_user.id"], name=op.f("fk_complaint_handled_by_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
        sa.UniqueConstraint("number", name=op.f("uq_complaint_number")),
    )
    for name in ("unit", "use_unit"):
        op.create_index(f"ix_complaint_{name}", "complaint", [f"{name}_id", "complained_at"])
    op.create_index("ix_complaint_region", "complaint", ["region_code", "complained_at"])
    op.create_index("ix_complaint_elevator", "complaint", ["elevator_id", "complained_at"])
    op.create_index(
        "ix_complaint_open", "complaint", ["region_code", "unit_id", "use_unit_id", "state", "due_at"],
        sqlite_where=sa.text(OPEN), postgresql_where=sa.text(OPEN),
    )  # fmt: skip
    for name in ("phone_index", "phone_tail"):
        op.create_index(op.f(f"ix_complaint_{name}"), "complaint", [name])
    op.create_table(
        "elevator_message",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("use_unit_id", BIG, nullable=True),
        sa.Column("body", sa.String(300), nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.Column("reply", sa.String(300), nullable=True),
        sa.Column("replied_at", INSTANT, nullable=True),
        sa.Column("replied_by_id", sa.Integer(), nullable=True),
        sa.Column("reply_unit_id", BIG, nullable=True),
        sa.Column("published_at", INSTANT, nullable=True),
        sa.Column("withheld_at", INSTANT, nullable=True),
        *_stamps(),
        sa.ForeignKeyConstraint(
            ["elevator_id"], ["elevator.id"], name=op.f("fk_elevator_message_elevator_id_elevator")
        ),
        *(
            sa.ForeignKeyConstraint([name], ["unit.id"], name=op.f(f"fk_elevator_message_{name}_unit"))
            for name in ("unit_id", "use_unit_id", "reply_unit_id")
        ),
        sa.ForeignKeyConstraint(
            ["replied_by_id"], ["ab_user.id"], name=op.f("fk_elevator_message_replied_by_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_elevator_message")),
    )
    for name, column in (
        ("unit", "unit_id"), ("use_unit", "use_unit_id"), ("region", "region_code"), ("elevator", "elevator_id"),
    ):  # fmt: skip
        op.create_index(f"ix_elevator_message_{name}", "elevator_message", [column, "sent_at"])


def _stamps():
    return (
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
    )


def downgrade():
    op.drop_table("elevator_message")
    op.drop_table("complaint")

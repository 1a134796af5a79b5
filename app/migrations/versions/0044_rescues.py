"""Rescues of people shut in an elevator: cases, dispatches, steps and call-backs

Revision ID: 0044
Revises: 0043
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
INDEX = "substr(phone, 7, 26)"
TAIL = "substr(phone, 7, 4) || substr(phone, 33, 10)"
OPEN = "status IN ('waiting', 'taken', 'dispatched', 'accepted', 'arrived')"


def upgrade() -> None:
    kept = op.get_bind().dialect.name == "postgresql" or None
    op.create_table(
        "rescue",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("use_unit_id", BIG, nullable=True),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("place", sa.String(300), nullable=False),
        sa.Column("in_centre", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("source", sa.String(6), nullable=False),
        sa.Column("reported_at", INSTANT, nullable=False),
        sa.Column("caller", sa.String(40), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_index", sa.String(26), sa.Computed(INDEX, persisted=kept), nullable=True),
        sa.Column("phone_tail", sa.String(14), sa.Computed(TAIL, persisted=kept), nullable=True),
        sa.Column("scene", sa.String(500), nullable=True),
        sa.Column("status", sa.String(10), server_default="waiting", nullable=False),
        sa.Column("level", sa.Integer(), server_default="1", nullable=False),
        *(
            sa.Column(f"{step}_at", INSTANT, nullable=True)
            for step in ("taken", "dispatched", "accepted", "arrived", "done", "ended")
        ),
        sa.Column("end_note", sa.String(500), nullable=True),
        sa.Column("outcome", sa.String(14), nullable=True),
        sa.Column("cause", sa.String(20), nullable=True),
        sa.Column("cause_note", sa.String(500), nullable=True),
        sa.Column("method", sa.String(14), nullable=True),
        sa.Column("trapped", sa.Integer(), nullable=True),
        sa.Column("injured", sa.Integer(), nullable=True),
        sa.Column("accept_minutes", sa.Integer(), nullable=False),
        sa.Column("arrive_minutes", sa.Integer(), nullable=False),
        sa.Column("done_minutes", sa.Integer(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("act_at", INSTANT, nullable=True),
        sa.Column("late_steps", sa.String(60), nullable=True),
        sa.Column("joined_to_id", BIG, nullable=True),
        sa.Column("reports", sa.Integer(), server_default="1", nullable=False),
        sa.Column("taken_over", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("batch_id", BIG, nullable=True),
        sa.Column("rescue_called_at", INSTANT, nullable=True),
        sa.Column("maintenance_called_at", INSTANT, nullable=True),
        *_stamps(),
        _version(),
        *_keys(
            "rescue", {"elevator_id": "elevator", "unit_id": "unit", "use_unit_id": "unit", "joined_to_id": "rescue"}
        ),
        sa.UniqueConstraint("number", name=op.f("uq_rescue_number")),
    )
    op.create_index(
        "uq_rescue_open", "rescue", ["elevator_id"], unique=True, sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )  # fmt: skip
    op.create_index(
        "ix_rescue_open", "rescue", ["region_code", "unit_id", "use_unit_id", "status", "due_at"],
        sqlite_where=sa.text(OPEN), postgresql_where=sa.text(OPEN),
    )  # fmt: skip
    for name, column in (
        ("unit", "unit_id"), ("use_unit", "use_unit_id"), ("region", "region_code"), ("elevator", "elevator_id"),
    ):  # fmt: skip
        op.create_index(f"ix_rescue_{name}", "rescue", [column, "reported_at"])
    for name in ("phone_index", "phone_tail", "joined_to_id", "batch_id"):
        op.create_index(op.f(f"ix_rescue_{name}"), "rescue", [name])
    op.create_table(
        "rescue_dispatch",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("rescue_id", BIG, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("worker_id", sa.Integer(), nullable=True),
        sa.Column("worker_name", sa.String(80), nullable=True),
        sa.Column("distance_m", sa.Integer(), nullable=True),
        sa.Column("is_automatic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("dispatched_at", INSTANT, nullable=False),
        *(sa.Column(f"{step}_at", INSTANT, nullable=True) for step in ("accepted", "arrived", "done", "ended")),
        sa.Column("end_reason", sa.String(10), nullable=True),
        *_stamps(),
        _version(),
        *_keys("rescue_dispatch", {"rescue_id": "rescue", "unit_id": "unit", "worker_id": "ab_user"}),
    )
    op.create_index("ix_rescue_dispatch_rescue", "rescue_dispatch", ["rescue_id", "id"])
    op.create_index("ix_rescue_dispatch_unit", "rescue_dispatch", ["unit_id", "dispatched_at"])
    op.create_index(op.f("ix_rescue_dispatch_worker_id"), "rescue_dispatch", ["worker_id"])
    op.create_table(
        "rescue_step",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("rescue_id", BIG, nullable=False),
        sa.Column("dispatch_id", BIG, nullable=True),
        sa.Column("verb", sa.String(16), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("phone_at", INSTANT, nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("note", sa.String(500), nullable=True),
        *_stamps(),
        *_keys("rescue_step", {"rescue_id": "rescue", "dispatch_id": "rescue_dispatch", "account_id": "ab_user"}),
    )
    op.create_index("ix_rescue_step_rescue", "rescue_step", ["rescue_id", "id"])
    op.create_table(
        "rescue_callback",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("rescue_id", BIG, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("satisfaction", sa.String(10), nullable=False),
        sa.Column("answered_by", sa.String(40), nullable=True),
        sa.Column("note", sa.String(500), nullable=True),
        sa.Column("called_at", INSTANT, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(80), nullable=False),
        *_stamps(),
        *_keys("rescue_callback", {"rescue_id": "rescue", "account_id": "ab_user"}),
    )
    op.create_index("ix_rescue_callback_rescue", "rescue_callback", ["rescue_id", "id"])


def _stamps() -> tuple[sa.Column, ...]:
    return (
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
    )


def _version() -> sa.Column:
    return sa.Column("row_version", sa.Integer(), server_default="1", nullable=False)


def _keys(table: str, keys: dict[str, str]) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *(
            sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))
            for column, other in keys.items()
        ),
    ]


def downgrade() -> None:
    for table in ("rescue_callback", "rescue_step", "rescue_dispatch", "rescue"):
        op.drop_table(table)

"""Repairs from the report to the approval, and anomalies of elevators

Revision ID: 0045
Revises: 0044
"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
STANDS = "state NOT IN ('done', 'cancelled')"
OPEN = "state <> 'closed'"
PLACES = (("unit", "unit_id"), ("use_unit", "use_unit_id"), ("region", "region_code"), ("elevator", "elevator_id"))


def upgrade():
    op.create_table(
        "anomaly",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        *_place(),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("found_at", INSTANT, nullable=False),
        sa.Column("reported_by_id", sa.Integer(), nullable=True),
        sa.Column("reported_unit_id", BIG, nullable=True),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("state", sa.String(10), server_default="found", nullable=False),
        sa.Column("reviewed_at", INSTANT, nullable=True),
        sa.Column("reviewed_by_id", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(10), nullable=True),
        sa.Column("handle_note", sa.String(500), nullable=True),
        sa.Column("handled_at", INSTANT, nullable=True),
        sa.Column("handled_by_id", sa.Integer(), nullable=True),
        *_stamps(),
        *_keys(
            "anomaly", elevator_id="elevator", unit_id="unit", use_unit_id="unit", reported_unit_id="unit",
            reported_by_id="ab_user", reviewed_by_id="ab_user", handled_by_id="ab_user",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anomaly")),
    )  # fmt: skip
    for name, column in PLACES:
        op.create_index(f"ix_anomaly_{name}", "anomaly", [column, "found_at"])
    op.create_index(
        "ix_anomaly_open", "anomaly", ["region_code", "unit_id", "use_unit_id", "state"],
        sqlite_where=sa.text(OPEN), postgresql_where=sa.text(OPEN),
    )  # fmt: skip
    op.create_table(
        "repair_order",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("client_key", sa.String(40), nullable=True),
        *_place(),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("visit_id", BIG, nullable=True),
        sa.Column("anomaly_id", BIG, nullable=True),
        sa.Column("level", sa.String(10), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("note", sa.String(500), nullable=True),
        sa.Column("use_note", sa.String(140), nullable=True),
        sa.Column("reported_at", INSTANT, nullable=False),
        sa.Column("reported_by_id", sa.Integer(), nullable=True),
        sa.Column("reported_unit_id", BIG, nullable=True),
        sa.Column("state", sa.String(10), server_default="waiting", nullable=False),
        sa.Column("worker_id", BIG, nullable=True),
        *(sa.Column(f"{name}_at", INSTANT, nullable=True) for name in ("assigned", "accepted", "departed", "started")),
        sa.Column("signed_in_id", BIG, nullable=True),
        sa.Column("start_distance", sa.Integer(), nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("told_later", sa.String(60), nullable=True),
        sa.Column("cause", sa.String(10), nullable=True),
        sa.Column("action", sa.String(500), nullable=True),
        sa.Column("parts", sa.String(500), nullable=True),
        sa.Column("restored", sa.Boolean(), nullable=True),
        sa.Column("heard_at", INSTANT, nullable=True),
        sa.Column("end_key", sa.String(40), nullable=True),
        sa.Column("decision", sa.String(10), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decision_reason", sa.String(500), nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("end_note", sa.String(500), nullable=True),
        sa.Column("accept_minutes", sa.Integer(), nullable=True),
        sa.Column("end_minutes", sa.Integer(), nullable=True),
        sa.Column("accept_hours", sa.Integer(), nullable=True),
        sa.Column("finish_hours", sa.Integer(), nullable=True),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("late_steps", sa.String(60), nullable=True),
        *_stamps(),
        *_keys(
            "repair_order", elevator_id="elevator", unit_id="unit", use_unit_id="unit", visit_id="visit",
            reported_unit_id="unit", anomaly_id="anomaly", worker_id="person", signed_in_id="person",
            reported_by_id="ab_user", decided_by_id="ab_user",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair_order")),
        *(
            sa.UniqueConstraint(name, name=op.f(f"uq_repair_order_{name}"))
            for name in ("client_key", "visit_id", "anomaly_id")
        ),
    )  # fmt: skip
    for name, column in PLACES:
        op.create_index(f"ix_repair_order_{name}", "repair_order", [column, "reported_at"])
    for name, columns in (
        ("open", ["region_code", "unit_id", "use_unit_id", "state", "due_at"]), ("worker", ["worker_id", "state"])
    ):  # fmt: skip
        op.create_index(
            f"ix_repair_order_{name}", "repair_order", columns, sqlite_where=sa.text(STANDS),
            postgresql_where=sa.text(STANDS),
        )  # fmt: skip
    op.create_table(
        "repair_crew",
        sa.Column("repair_order_id", BIG, autoincrement=False, nullable=False),
        sa.Column("person_id", BIG, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["repair_order_id"], ["repair_order.id"], name=op.f("fk_repair_crew_repair_order_id_repair_order"),
            ondelete="CASCADE",
        ),
        *_keys("repair_crew", person_id="person"),
        sa.PrimaryKeyConstraint("repair_order_id", "person_id", name=op.f("pk_repair_crew")),
    )  # fmt: skip
    op.create_index(op.f("ix_repair_crew_person_id"), "repair_crew", ["person_id"])


def _place():
    return (
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("use_unit_id", BIG, nullable=True),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("place", sa.String(300), nullable=False),
    )


def _keys(table, **columns):
    return (
        sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))
        for column, to in columns.items()
    )


def _stamps():
    return (
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
    )


def downgrade():
    op.drop_table("repair_crew")
    op.drop_table("repair_order")
    op.drop_table("anomaly")

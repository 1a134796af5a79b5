"""The use unit's own loop, and patrols

Revision: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade():

    op.create_table(
        "risk_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("risk", sa.String(length=200), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("measures", sa.String(length=500), nullable=False),
        sa.Column("cycle", sa.String(length=10), nullable=False),
        sa.Column("responsible", sa.String(length=40), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_risk_item_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_item")),
    )
    with op.batch_alter_table("risk_item", schema=None) as batch_op:
        batch_op.create_index("ix_risk_item_region", ["region_code", "id"], unique=False)
        batch_op.create_index("ix_risk_item_unit", ["unit_id", "id"], unique=False)

    op.create_table(
        "elevator_officer",
        sa.Column(
            "elevator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("named_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["ab_user.id"], name=op.f("fk_elevator_officer_account_id_ab_user")),
        sa.ForeignKeyConstraint(
            ["elevator_id"], ["elevator.id"], name=op.f("fk_elevator_officer_elevator_id_elevator")
        ),
        sa.ForeignKeyConstraint(["named_by_id"], ["ab_user.id"], name=op.f("fk_elevator_officer_named_by_id_ab_user")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_elevator_officer_unit_id_unit")),
        sa.PrimaryKeyConstraint("elevator_id", name=op.f("pk_elevator_officer")),
    )
    with op.batch_alter_table("elevator_officer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_elevator_officer_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_elevator_officer_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "patrol_round",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("account_name", sa.String(length=80), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["ab_user.id"], name=op.f("fk_patrol_round_account_id_ab_user")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_patrol_round_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_round")),
    )
    with op.batch_alter_table("patrol_round", schema=None) as batch_op:
        batch_op.create_index("ix_patrol_round_account", ["account_id", "closed_at"], unique=False)
        batch_op.create_index("ix_patrol_round_region", ["region_code", "due_on"], unique=False)
        batch_op.create_index("ix_patrol_round_unit", ["unit_id", "due_on"], unique=False)

    op.create_table(
        "safety_record",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("elevators", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("findings", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("nothing_found", sa.Boolean(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("people", sa.String(length=200), nullable=True),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["made_by_id"], ["ab_user.id"], name=op.f("fk_safety_record_made_by_id_ab_user")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_safety_record_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safety_record")),
        sa.UniqueConstraint(
            "unit_id", "kind", "on", "made_by_id", name=op.f("uq_safety_record_unit_id_kind_on_made_by_id")
        ),
    )
    with op.batch_alter_table("safety_record", schema=None) as batch_op:
        batch_op.create_index("ix_safety_record_region", ["region_code", "kind", "on"], unique=False)
        batch_op.create_index(
            "uq_safety_record_unit",
            ["unit_id", "kind", "on"],
            unique=True,
            sqlite_where=sa.text("kind <> 'daily'"),
            postgresql_where=sa.text("kind <> 'daily'"),
        )

    op.create_table(
        "patrol_stop",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("round_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("elevator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_fine", sa.Boolean(), nullable=True),
        sa.Column("finding", sa.String(length=500), nullable=True),
        sa.Column("handled", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_patrol_stop_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["round_id"], ["patrol_round.id"], name=op.f("fk_patrol_stop_round_id_patrol_round")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_stop")),
        sa.UniqueConstraint("round_id", "elevator_id", name=op.f("uq_patrol_stop_round_id_elevator_id")),
    )
    with op.batch_alter_table("patrol_stop", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patrol_stop_elevator_id"), ["elevator_id"], unique=False)


def downgrade():

    with op.batch_alter_table("patrol_stop", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patrol_stop_elevator_id"))

    op.drop_table("patrol_stop")
    with op.batch_alter_table("safety_record", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_safety_record_unit",
            sqlite_where=sa.text("kind <> 'daily'"),
            postgresql_where=sa.text("kind <> 'daily'"),
        )
        batch_op.drop_index("ix_safety_record_region")

    op.drop_table("safety_record")
    with op.batch_alter_table("patrol_round", schema=None) as batch_op:
        batch_op.drop_index("ix_patrol_round_unit")
        batch_op.drop_index("ix_patrol_round_region")
        batch_op.drop_index("ix_patrol_round_account")

    op.drop_table("patrol_round")
    with op.batch_alter_table("elevator_officer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_elevator_officer_unit_id"))
        batch_op.drop_index(batch_op.f("ix_elevator_officer_account_id"))

    op.drop_table("elevator_officer")
    with op.batch_alter_table("risk_item", schema=None) as batch_op:
        batch_op.drop_index("ix_risk_item_unit")
        batch_op.drop_index("ix_risk_item_region")

    op.drop_table("risk_item")

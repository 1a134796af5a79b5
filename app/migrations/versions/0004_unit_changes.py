"""Changes of the maintenance unit, other parties of an application, and when its effects took force

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATUS_KINDS = "('use_registration', 'suspension', 'reactivation', 'scrapping')"


def upgrade():
    with op.batch_alter_table("application") as batch:
        batch.add_column(sa.Column("took_effect_at", sa.DateTime(timezone=True), nullable=True))
    # What has moved a status took effect then; the others wait for their day as before.
    op.execute(
        "UPDATE application SET took_effect_at = (SELECT min(known_at) FROM status_change WHERE"
        " status_change.application_id = application.id AND status_change.entity = 'elevator')"
        f" WHERE kind IN {STATUS_KINDS} AND state = 'approved'"
    )
    op.create_table(
        "application_party",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("application_id", BIG, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_application_party_application_id_application")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_application_party_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_party")),
        sa.UniqueConstraint("application_id", "unit_id", name=op.f("uq_application_party_application_id_unit_id")),
    )
    op.create_index("ix_application_party_unit", "application_party", ["unit_id", "application_id"])
    op.create_table(
        "unit_change",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("application_id", BIG, nullable=False),
        sa.Column("elevator_id", BIG, nullable=False),
        sa.Column("old_unit_id", BIG, nullable=True),
        sa.Column("new_unit_id", BIG, nullable=False),
        sa.Column("use_unit_id", BIG, nullable=True),
        sa.Column("contract_id", BIG, nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("applied_on", sa.Date(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("took_effect_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_unit_change_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_unit_change_contract_id_contract"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["elevator_id"], ["elevator.id"], name=op.f("fk_unit_change_elevator_id_elevator")),
        sa.ForeignKeyConstraint(["new_unit_id"], ["unit.id"], name=op.f("fk_unit_change_new_unit_id_unit")),
        sa.ForeignKeyConstraint(["old_unit_id"], ["unit.id"], name=op.f("fk_unit_change_old_unit_id_unit")),
        sa.ForeignKeyConstraint(["use_unit_id"], ["unit.id"], name=op.f("fk_unit_change_use_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_change")),
        sa.UniqueConstraint("application_id", name=op.f("uq_unit_change_application_id")),
    )
    op.create_index("ix_unit_change_elevator", "unit_change", ["elevator_id", "took_effect_on"])
    op.create_index("ix_unit_change_region", "unit_change", ["region_code", "signed_on"])
    op.create_index("ix_unit_change_new_unit", "unit_change", ["new_unit_id", "signed_on"])
    op.create_index("ix_unit_change_old_unit_id", "unit_change", ["old_unit_id"])
    op.create_index("ix_unit_change_use_unit_id", "unit_change", ["use_unit_id"])


def downgrade():
    op.drop_table("unit_change")
    op.drop_table("application_party")
    with op.batch_alter_table("application") as batch:
        batch.drop_column("took_effect_at")

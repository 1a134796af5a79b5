"""Second approval, delegation, comments and watching

Revision: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade():
    with op.batch_alter_table("application") as batch:
        batch.add_column(sa.Column("officer_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("endorsed_by_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f("fk_application_officer_id_ab_user"), "ab_user", ["officer_id"], ["id"])
        batch.create_foreign_key(op.f("fk_application_endorsed_by_id_ab_user"), "ab_user", ["endorsed_by_id"], ["id"])
        batch.create_index("ix_application_officer_id", ["officer_id"])
    with op.batch_alter_table("application_step") as batch:
        batch.add_column(sa.Column("on_behalf_of_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(
            op.f("fk_application_step_on_behalf_of_id_ab_user"), "ab_user", ["on_behalf_of_id"], ["id"]
        )
    op.create_table(
        "delegation",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("to_id", sa.Integer(), nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["from_id"], ["ab_user.id"], name=op.f("fk_delegation_from_id_ab_user")),
        sa.ForeignKeyConstraint(["to_id"], ["ab_user.id"], name=op.f("fk_delegation_to_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
    )
    op.create_index("ix_delegation_to", "delegation", ["to_id", "to_on"])
    op.create_index("ix_delegation_from", "delegation", ["from_id", "to_on"])
    op.create_table(
        "comment",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("entity_id", BIG, nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("internal", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["ab_user.id"], name=op.f("fk_comment_author_id_ab_user")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_comment_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comment")),
    )
    op.create_index("ix_comment_entity", "comment", ["entity", "entity_id", "id"])
    op.create_table(
        "watch",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("entity_id", BIG, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("since_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_watch_user_id_ab_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch")),
        sa.UniqueConstraint("entity", "entity_id", "user_id", name=op.f("uq_watch_entity_entity_id_user_id")),
    )
    op.create_index("ix_watch_user_id", "watch", ["user_id"])


def downgrade():
    for table in ("watch", "comment", "delegation"):
        op.drop_table(table)
    with op.batch_alter_table("application_step") as batch:
        batch.drop_constraint(op.f("fk_application_step_on_behalf_of_id_ab_user"), type_="foreignkey")
        batch.drop_column("on_behalf_of_id")
    with op.batch_alter_table("application") as batch:
        batch.drop_index("ix_application_officer_id")
        batch.drop_constraint(op.f("fk_application_endorsed_by_id_ab_user"), type_="foreignkey")
        batch.drop_constraint(op.f("fk_application_officer_id_ab_user"), type_="foreignkey")
        batch.drop_column("endorsed_by_id")
        batch.drop_column("officer_id")

"""The import wizard: mode, reasons, what was undone, and the columns and words confirmed for files of one shape

Revision: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mode", sa.String(length=10), server_default="both", nullable=False))
        batch_op.add_column(sa.Column("undone_rows", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("kept_rows", sa.Integer(), server_default="0", nullable=False))
    with op.batch_alter_table("import_row", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("undo", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("undo_note", sa.String(length=300), nullable=True))
        batch_op.create_index("ix_import_row_state", ["batch_id", "state", "number"], unique=False)
    op.create_table(
        "import_match",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("owner", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("data", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["updated_by_id"], ["ab_user.id"], name=op.f("fk_import_match_updated_by_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_match")),
    )
    op.create_index("uq_import_match", "import_match", ["owner", "kind", "digest"], unique=True)


def downgrade():
    op.drop_index("uq_import_match", table_name="import_match")
    op.drop_table("import_match")
    with op.batch_alter_table("import_row", schema=None) as batch_op:
        batch_op.drop_index("ix_import_row_state")
        batch_op.drop_column("undo_note")
        batch_op.drop_column("undo")
        batch_op.drop_column("reason")
    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        batch_op.drop_column("kept_rows")
        batch_op.drop_column("undone_rows")
        batch_op.drop_column("mode")

"""Files in full, commitment letters, insurance records, choice of channels

Revision: 0026
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0020"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade():
    with op.batch_alter_table("attachment") as batch:
        batch.add_column(sa.Column("thumb_sha256", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("scan", sa.String(length=10), server_default="off", nullable=False))
        batch.add_column(sa.Column("removed_at", INSTANT, nullable=True))
        batch.create_index(
            "ix_attachment_scan", ["scan", "id"], unique=False,
            sqlite_where=sa.text("scan IN ('waiting', 'late')"),
            postgresql_where=sa.text("scan IN ('waiting', 'late')"),
        )


def downgrade():
    with op.batch_alter_table("attachment") as batch:
        batch.drop_index("ix_attachment_scan")
        batch.drop_column("removed_at")
        batch.drop_column("scan")
        batch.drop_column("thumb_sha256")

"""What the owner of an export saw when it was made

Revision: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("attachment") as batch:
        batch.add_column(sa.Column("rights", sa.String(length=64), nullable=True))


def downgrade():
    with op.batch_alter_table("attachment") as batch:
        batch.drop_column("rights")

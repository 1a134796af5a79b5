"""A contract's number as it is compared, unique within its unit; where a patroller stood

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

from app.rules.identifiers import normal_code

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

contract = sa.table(
    "contract", sa.column("id", sa.BigInteger), sa.column("unit_id", sa.BigInteger), sa.column("number", sa.String),
    sa.column("number_key", sa.String),
)  # fmt: skip


def upgrade():
    op.add_column("contract", sa.Column("number_key", sa.String(length=160), nullable=True))
    connection, taken = op.get_bind(), set()
    rows = connection.execute(sa.select(contract.c.id, contract.c.unit_id, contract.c.number).order_by(contract.c.id))
    for key, unit_id, number in rows.all():
        # Two spellings of one number that stand already both stay; the later one no longer claims the number.
        plain = normal_code(number)
        found = plain if (unit_id, plain) not in taken else f"{plain}#{key}"
        taken.add((unit_id, found))
        connection.execute(sa.update(contract).where(contract.c.id == key).values(number_key=found))
    with op.batch_alter_table("contract") as batch:
        batch.alter_column("number_key", existing_type=sa.String(length=160), nullable=False)
        batch.drop_index("ix_contract_unit_number")
        batch.create_index("ix_contract_unit_number_key", ["unit_id", "number_key"], unique=True)
    with op.batch_alter_table("patrol_stop") as batch:
        batch.add_column(sa.Column("latitude", sa.Float(), nullable=True))
        batch.add_column(sa.Column("longitude", sa.Float(), nullable=True))
        batch.add_column(sa.Column("distance", sa.Integer(), nullable=True))


def downgrade():
    with op.batch_alter_table("patrol_stop") as batch:
        for name in ("distance", "longitude", "latitude"):
            batch.drop_column(name)
    with op.batch_alter_table("contract") as batch:
        batch.drop_index("ix_contract_unit_number_key")
        batch.create_index("ix_contract_unit_number", ["unit_id", "number"], unique=True)
        batch.drop_column("number_key")

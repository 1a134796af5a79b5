"""The secret number of a draw is sealed: whoever administers the database could foresee what will be drawn.

Revision ID: 0060
Revises: 0059
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

from app import vault

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

PLACE = "spot_draw.secret"
BLOCK = 1000


def upgrade() -> None:
    with op.batch_alter_table("spot_draw") as batch:
        batch.alter_column("secret", existing_type=sa.String(64), existing_nullable=False, type_=sa.Text())
    change(lambda text: text if vault.is_sealed(text) else vault.seal_text(text, PLACE, ""))


def downgrade() -> None:
    change(lambda text: vault.open_text(text, PLACE) if vault.is_sealed(text) else text)
    with op.batch_alter_table("spot_draw") as batch:
        batch.alter_column("secret", existing_type=sa.Text(), existing_nullable=False, type_=sa.String(64))


def change(made: Callable[[str], str]) -> None:
    """Give every draw's secret its new form, a block of rows at a time in order of the key."""
    connection = op.get_bind()
    rows = sa.table("spot_draw", sa.column("id", sa.BigInteger), sa.column("secret", sa.Text))
    write = sa.update(rows).where(rows.c.id == sa.bindparam("key")).values(secret=sa.bindparam("value"))
    last = -1
    while True:
        some = sa.select(rows.c.id, rows.c.secret).where(rows.c.id > last).order_by(rows.c.id).limit(BLOCK)
        found = connection.execute(some).all()
        if not found:
            return
        connection.execute(write, [{"key": key, "value": made(text)} for key, text in found])
        last = found[-1].id

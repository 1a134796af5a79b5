"""Accounts of units that moved to another region before accounts moved along: where their units are.

The office that a unit left could otherwise go on resetting their passwords until the unit's next approval. As with any
move, their sessions end. Which region an account had by mistake is not kept, so a downgrade leaves them.

Revision ID: 0032
Revises: 0031
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

account = sa.table("ab_user", *map(sa.column, ("unit_id", "region_code", "session_epoch")))
unit = sa.table("unit", *map(sa.column, ("id", "region_code")))


def upgrade() -> None:
    place = sa.select(unit.c.region_code).where(unit.c.id == account.c.unit_id).scalar_subquery()
    op.execute(
        sa.update(account)
        .where(account.c.unit_id.is_not(None), account.c.region_code.is_distinct_from(place))
        .values(region_code=place, session_epoch=account.c.session_epoch + 1)
    )


def downgrade() -> None:
    pass

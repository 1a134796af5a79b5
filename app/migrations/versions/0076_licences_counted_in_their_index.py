"""Licences that are near their end or past it are counted in the index alone.

Revision ID: 0076
Revises: 0075
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None

BEFORE, COLUMNS = ["region_code", "licence_until"], ["licence_until", "region_code", "approved_version"]
LICENSED = sa.text("licence_until IS NOT NULL")


def upgrade() -> None:
    make(COLUMNS)


def downgrade() -> None:
    make(BEFORE)


def make(columns: list[str]) -> None:
    op.drop_index("ix_unit_licence", "unit")
    op.create_index("ix_unit_licence", "unit", columns, sqlite_where=LICENSED, postgresql_where=LICENSED)

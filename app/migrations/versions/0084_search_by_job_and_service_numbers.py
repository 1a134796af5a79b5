"""The search of elevators finds 电梯工号 and 电梯服务编码: its index holds them as well.

Revision ID: 0084
Revises: 0083
"""

from __future__ import annotations

from alembic import op

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None

BEFORE = ("code", "factory_no", "registration_code", "address", "estate")
AFTER = ("code", "factory_no", "registration_code", "job_no", "service_no", "address", "estate")


def upgrade() -> None:
    _index_anew(AFTER)


def downgrade() -> None:
    _index_anew(BEFORE)


def _index_anew(columns: tuple[str, ...]) -> None:
    if op.get_bind().dialect.name != "postgresql":
        # Made anew, some thousand rows at a time, at the end of the upgrade (env.py), as triggers are missing then.
        for end in ("made", "gone", "changed"):
            op.execute(f"DROP TRIGGER IF EXISTS search_elevator_{end}")
        op.execute("DROP TABLE IF EXISTS search_elevator_terms")
        op.execute("DROP TABLE IF EXISTS search_elevator")
        return
    held = " || E'\\x1f' || ".join(f"coalesce({name}, '')" for name in columns)
    # The old one answers until the new one is whole; PostgreSQL makes it by pieces of `maintenance_work_mem`.
    op.execute(f'CREATE INDEX ix_elevator_grams_new ON elevator USING gin ((tian_grams(lower({held}))) COLLATE "C")')
    op.execute("DROP INDEX ix_elevator_grams")
    op.execute("ALTER INDEX ix_elevator_grams_new RENAME TO ix_elevator_grams")

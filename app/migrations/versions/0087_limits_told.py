"""Which limits of open applications were told, and how far up, is marked; until now their notices said it.

Revision ID: 0087
Revises: 0086
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
MARK = sa.table("clock_mark", sa.column("name"), sa.column("at", INSTANT))
APPLICATION = sa.table("application", sa.column("id"), sa.column("is_open", sa.Boolean), sa.column("due_at", INSTANT))
NOTIFICATION = sa.table("notification", sa.column("dedupe_key"))
AT_ONCE = 500
# The keys of those notices, `due:near:<application>:<limit>:<account>`, and what such a step is called on its mark.
STEPS = {
    "due:near": "due_near", "due:over": "due_over", "escalate:1": "escalate1", "escalate:2": "escalate2",
    "escalate:3": "escalate3", "escalate:4": "escalate4",
}  # fmt: skip


def upgrade() -> None:
    connection = op.get_bind()
    key, open_ = NOTIFICATION.c.dedupe_key, APPLICATION.c.is_open.is_(True) & APPLICATION.c.due_at.is_not(None)
    due = {row.id: row.due_at for row in connection.execute(sa.select(APPLICATION).where(open_))}
    told: dict[str, dt.datetime] = {}
    for said in connection.execute(sa.select(key).where(key.like("due:%") | key.like("escalate:%"))).scalars():
        kind, which, number, limit, *_account = [*said.split(":"), "", "", ""]
        step, at = STEPS.get(f"{kind}:{which}"), due.get(int(number)) if number.isdigit() else None
        if step is not None and at is not None and _stamp(at) == limit:
            told[f"{step}:{number}"] = at
    marks = [{"name": name, "at": at} for name, at in told.items()]
    for start in range(0, len(marks), AT_ONCE):
        connection.execute(sa.insert(MARK), marks[start : start + AT_ONCE])


def downgrade() -> None:
    for step in STEPS.values():
        op.execute(sa.delete(MARK).where(MARK.c.name.startswith(f"{step}:", autoescape=True)))


def _stamp(at: dt.datetime) -> str:
    """As those keys have it, in UTC; SQLite gives it without a zone."""
    return f"{at if at.tzinfo is None else at.astimezone(dt.UTC):%y%m%d%H%M}"

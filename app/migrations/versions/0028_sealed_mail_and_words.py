"""Addresses of mail, the words of notices and of personal requests, and an import's headings are sealed; since when
an account is closed, and when those were told whose invitation waits in review

Revision ID: 0028
Revises: 0027
"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app import clock, vault
from app.models.sealed import normal

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# table, column, place; what is looked for carries an index of its own.
TEXTS = (
    ("ab_user", "email", "account.email", True),
    ("notification", "body", "notification.body", False),
    ("personal_request", "detail", "personal_request.detail", False),
    ("personal_request", "answer", "personal_request.answer", False),
)
# table, column, place; each sealed whole
JSONS = (
    ("import_batch", "mapping", "import_batch.mapping"),
    ("import_match", "data", "import_match.data"),
)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
BLOCK = 1000


def upgrade():
    for table, name, place, sought in TEXTS:
        change(table, name, sa.Text(), lambda text, place=place, sought=sought: sealed(text, place, sought))
    for table, name, place in JSONS:
        change(table, name, Json, lambda value, place=place: sealed_json(value, place))
    # PostgreSQL keeps such a column, SQLite works it out and keeps it in the indexes.
    kept = True if op.get_bind().dialect.name == "postgresql" else None
    computed = sa.Computed("substr(email, 7, 26)", persisted=kept)
    op.add_column("ab_user", sa.Column("email_index", sa.String(26), computed))
    op.create_index("ix_ab_user_email_index", "ab_user", ["email_index"], unique=True)
    op.add_column("ab_user", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    # Nobody wrote down when: from today on they have as long as everybody's.
    accounts = sa.table("ab_user", sa.column("active", sa.Boolean), sa.column("closed_at", sa.DateTime(timezone=True)))
    op.get_bind().execute(sa.update(accounts).where(accounts.c.active.is_(False)).values(closed_at=clock.now()))
    op.add_column("invitation", sa.Column("ending_told_at", sa.DateTime(timezone=True), nullable=True))


def downgrade():
    op.drop_column("invitation", "ending_told_at")
    op.drop_column("ab_user", "closed_at")
    op.drop_index("ix_ab_user_email_index", "ab_user")
    op.drop_column("ab_user", "email_index")
    for table, name, place, _sought in TEXTS:
        change(table, name, sa.Text(), lambda text, place=place: opened(text, place))
    for table, name, place in JSONS:
        change(table, name, Json, lambda value, place=place: opened_json(value, place))


def change(table, name, kind, made):
    """Give every row's value its new form, a block of rows at a time in order of the key."""
    connection = op.get_bind()
    rows = sa.table(table, sa.column("id", sa.BigInteger), sa.column(name, kind))
    last = -1
    while True:
        some = connection.execute(
            sa.select(rows.c.id, rows.c[name]).where(rows.c.id > last).order_by(rows.c.id).limit(BLOCK)
        ).all()
        if not some:
            return
        last = some[-1].id
        new = [{"key": key, "value": made(value)} for key, value in some if value is not None]
        if new:
            written = sa.update(rows).where(rows.c.id == sa.bindparam("key")).values({name: sa.bindparam("value")})
            connection.execute(written, new)


def sealed(text, place, sought):
    return text if vault.is_sealed(text) else vault.seal_text(text, place, normal(text) if sought else "")


def opened(text, place):
    return vault.open_text(text, place) if vault.is_sealed(text) else text


def sealed_json(value, place):
    return vault.seal_text(json.dumps(value, ensure_ascii=False), place, "")


def opened_json(value, place):
    return json.loads(vault.open_text(value, place)) if vault.is_sealed(value) else value

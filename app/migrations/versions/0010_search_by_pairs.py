"""Search by two characters: an index over pairs on PostgreSQL, over triples on SQLite

Revision: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SEARCHED = {
    "elevator": ("code", "factory_no", "registration_code", "address", "estate"),
    "unit": ("name", "uscc", "licence_no"),
    "person": ("name", "certificate_no"),
    "application": ("number", "title"),
}
GRAMS = """
CREATE FUNCTION tian_grams(words text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT coalesce(array_agg(substr(words, n, 2)), '{}') FROM generate_series(1, length(words) - 1) AS n
$$
"""


def upgrade():
    if op.get_bind().dialect.name != "postgresql":
        # Made at the end of the upgrade (env.py), when no revision rebuilds a table any more.
        return
    op.execute(GRAMS)
    for table, columns in SEARCHED.items():
        held = " || E'\\x1f' || ".join(f"coalesce({name}, '')" for name in columns)
        op.execute(f"CREATE INDEX ix_{table}_grams ON {table} USING gin (tian_grams(lower({held})))")


def downgrade():
    sqlite = op.get_bind().dialect.name != "postgresql"
    for table in SEARCHED:
        if not sqlite:
            op.execute(f"DROP INDEX ix_{table}_grams")
            continue
        for end in ("made", "gone", "changed"):
            op.execute(f"DROP TRIGGER IF EXISTS search_{table}_{end}")
        op.execute(f"DROP TABLE IF EXISTS search_{table}_terms")
        op.execute(f"DROP TABLE IF EXISTS search_{table}")
    if not sqlite:
        op.execute("DROP FUNCTION tian_grams(text)")

"""SQLite gives no number again of a row that was deleted, where the log, files or notices name rows by number.

Revision ID: 0074
Revises: 0073
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None

# Each with what the log calls it.
TABLES = {
    "ab_user": "account", "attachment": "attachment", "contract": "contract", "elevator": "elevator",
    "elevator_label": "elevator_label", "insurance_record": "insurance_record", "invitation": "invitation",
    "job": "job", "landing_door": "landing_door", "maintenance_ledger": "maintenance_ledger",
    "notification": "notification", "person": "person", "repair_order": "repair_order", "rescue": "rescue",
    "score": "score", "score_run": "score_run", "unit": "unit", "usual_parts": "usual_parts",
}  # fmt: skip
# What brings rows in by workbook, as batches are called.
IMPORTED = {
    "ab_user": "accounts", "contract": "contracts", "elevator": "elevators", "insurance_record": "insurance",
    "invitation": "invitations", "landing_door": "landing_doors", "person": "persons", "repair_order": "past_repairs",
    "rescue": "past_rescues", "unit": "units",
}  # fmt: skip
DRAFT = "made_anew"
ONCE, ANEW = "PRIMARY KEY (id AUTOINCREMENT)", "PRIMARY KEY (id)"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    inspector = sa.inspect(connection)
    naming = [
        name for name in inspector.get_table_names()
        if {"entity", "entity_id"} <= {column["name"] for column in inspector.get_columns(name)}
    ]
    for table, entity in TABLES.items():
        make_anew(connection, table, ANEW, ONCE)
        for last in told_by(naming, table):
            told = {"entity": entity, "batch": IMPORTED.get(table, "")}
            given = connection.scalar(sa.text(last), {name: value for name, value in told.items() if f":{name}" in last})
            count_from(connection, table, given or 0)


def told_by(naming: list[str], table: str) -> list[str]:
    """What may know later rows that are gone: the log, files, versions … and what brought them in."""
    asked = [f"SELECT max(entity_id) FROM {name} WHERE entity = :entity" for name in naming]  # noqa: S608 - our names
    asked.append(
        "SELECT max(r.entity_id) FROM import_row r JOIN import_batch b ON b.id = r.batch_id WHERE b.kind = :batch"
    )
    if table == "ab_user":
        asked.append("SELECT max(actor_id) FROM audit_entry")
    return asked


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for table in TABLES:
            make_anew(connection, table, ONCE, ANEW)


def count_from(connection: sa.Connection, table: str, given: int) -> None:
    """The table's next number is larger than this one."""
    known = connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table})
    if known is None:
        statement = "INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :given)"
    else:
        statement = "UPDATE sqlite_sequence SET seq = max(seq, :given) WHERE name = :name"
    connection.execute(sa.text(statement), {"name": table, "given": given})


def make_anew(connection: sa.Connection, table: str, old: str, new: str) -> None:
    """The same table word for word with another key: rows, indexes and triggers as they were.

    Foreign keys are off (env.py), so those that point here neither stop the old table's end nor see it.
    """
    asked = sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :name AND sql IS NOT NULL")
    held = connection.execute(asked, {"name": table}).all()
    (made,) = [words for kind, words in held if kind == "table"]
    head = re.match(rf'CREATE TABLE ["`]?{table}["`]?\s*\(', made)
    if head is None or made.count(old) != 1:
        raise RuntimeError(f"{table}: {made}")
    draft = f"CREATE TABLE {DRAFT} ({made[head.end():].replace(old, new)}"
    # What the database works out itself (2, 3) is not copied.
    columns = connection.execute(sa.text(f"PRAGMA table_xinfo({table})")).mappings().all()
    given = ", ".join(f'"{column["name"]}"' for column in columns if not column["hidden"])
    for words in (
        draft,
        f"INSERT INTO {DRAFT} ({given}) SELECT {given} FROM {table} ORDER BY id",  # noqa: S608 - our own names
        f"DROP TABLE {table}",
        f"ALTER TABLE {DRAFT} RENAME TO {table}",
        *(words for kind, words in held if kind == "index"),
        *(words for kind, words in held if kind == "trigger"),
    ):
        connection.exec_driver_sql(words)

"""Making a backup of a running product: one instant of the database, every file that it names, the audit's heads."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app import clock
from app.backup import archive, rows
from app.workflows.core import audit
from app.workflows.files import attachments

Say = Callable[[str], None]


def make(engine: sa.Engine, data: Path, uploads: Path, file: Path, say: Say = lambda text: None) -> dict[str, Any]:
    """Write the backup to FILE, which appears whole or not at all; gives what is in it."""
    told: dict[str, Any] = {"made_at": clock.now().isoformat(timespec="seconds"), "database": engine.dialect.name}
    with archive.new_file(file) as out, engine.connect() as connection, tempfile.TemporaryFile(dir=file.parent) as page:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            writer = archive.Writer(out)
            told["revision"] = revision_of(connection)
            told["tables"] = {}
            tables = rows.tables_of(connection)
            for table in tables:
                page.seek(0)
                page.truncate()
                told["tables"][table.name] = rows.write(connection, table, page)
                size = page.tell()
                page.seek(0)
                writer.add(f"tables/{table.name}", page, size)
                say(f"表 {table.name}：{told['tables'][table.name]} 行")
            told["sequences"] = sequences_of(connection)
            told |= _files(connection, uploads, writer)
            told |= _heads(connection, data, writer)
            writer.close(told)
    return told | {"size": file.stat().st_size, "sha256": archive.digest_of(file)}


def revision_of(connection: sa.Connection) -> str | None:
    """The revision that the database is at; None where no migration has run."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def sequences_of(connection: sa.Connection) -> dict[str, int]:
    """How far each key has counted, so that a restored database gives no number twice.

    By PostgreSQL's names. SQLite counts the keys of tables that may lose their last row (`ONCE`), older ones none.
    """
    if connection.dialect.name != "postgresql":
        if not rows.sqlite_counts(connection):
            return {}
        counted = connection.execute(sa.text("SELECT name, seq FROM sqlite_sequence WHERE seq > 0"))
        return {f"{name}_id_seq": int(last) for name, last in counted}
    statement = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value > 0"
    return {str(name): int(last) for name, last in connection.execute(sa.text(statement))}


def _files(connection: sa.Connection, uploads: Path, writer: archive.Writer) -> dict[str, Any]:
    """Every file that a row names, once. Its digest is its name, so what was swapped on disk shows here."""
    statement = "SELECT sha256 FROM attachment"
    # An older release's table has no small pictures.
    if "thumb_sha256" in {column["name"] for column in sa.inspect(connection).get_columns("attachment")}:
        statement += " UNION SELECT thumb_sha256 FROM attachment WHERE thumb_sha256 IS NOT NULL"
    digests = connection.scalars(sa.text(f"{statement} ORDER BY 1")).all()
    missing = []
    for digest in digests:
        place = attachments.place_of(uploads, digest)
        if not place.is_file():
            missing.append(digest)
            continue
        with place.open("rb") as stream:
            writer.add(f"files/{digest}", stream, place.stat().st_size)
    return {"files": len(digests) - len(missing), "missing_files": missing}


def _heads(connection: sa.Connection, data: Path, writer: archive.Writer) -> dict[str, Any]:
    """The digests kept beside the database, up to this instant's last batch: later ones are not in these rows."""
    last = connection.execute(sa.text("SELECT number, digest FROM audit_batch ORDER BY number DESC LIMIT 1")).first()
    place = data / audit.HEADS_FILE
    kept = audit.read_heads(place.read_text(encoding="ascii", errors="replace")) if place.is_file() else {}
    lines = [f"{number} {digest}\n" for number, digest in sorted(kept.items()) if last and number <= last[0]]
    with tempfile.TemporaryFile() as page:
        page.write("".join(lines).encode())
        size = page.tell()
        page.seek(0)
        writer.add(audit.HEADS_FILE, page, size)
    return {"audit_batches": last[0] if last else 0, "audit_head": last[1] if last else ""}

"""Restoring a backup into an empty database: all of it or nothing, and only when the audit's chain holds."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.backup import archive, making, rows
from app.backup.making import Say
from app.errors import refuse
from app.workflows.core import audit
from app.workflows.files import attachments

# Rows that only use makes; roles and permissions are there after `flask sync-roles` as well.
USED = ("ab_user", "unit", "elevator", "audit_entry", "job")

# Brings the empty database's schema to a revision.
Upgrade = Callable[[str], None]


def restore(
    engine: sa.Engine, data: Path, uploads: Path, file: Path, upgrade: Upgrade, known: set[str],
    say: Say = lambda text: None,
) -> dict[str, Any]:  # fmt: skip
    """Check FILE to its end, then load it. `known`: the revisions that this program has. Gives the manifest."""
    manifest = archive.check(file)
    say(f"备份完好：{manifest['made_at']}，结构 {manifest['revision']}")
    if manifest["revision"] not in known:
        raise refuse(
            "版本", f"备份的数据库结构 {manifest['revision']} 比本程序新", "请先把程序升级到做备份的版本或更新"
        )
    heads = data / audit.HEADS_FILE
    if heads.is_file() and heads.stat().st_size:
        raise refuse("数据目录", f"{heads} 已有另一个库的审计摘要", "请换一个空的 DATA_DIR")
    with engine.connect() as connection:
        held = making.revision_of(connection)
        if held is not None:
            _check_unused(connection)
            if held != manifest["revision"]:
                raise refuse(
                    "数据库", f"结构是 {held}，备份是 {manifest['revision']}",
                    "请给一个没有任何表的空数据库，恢复时会先建成备份的结构，再升级",
                )  # fmt: skip
    if held is None:
        upgrade(manifest["revision"])
    with engine.connect() as connection, _loading(connection):
        seals = _load(connection, file, manifest, uploads, say)
    # After the commit: nothing of a restore that failed may convict the next one. Whoever is stopped just here
    # loses nothing, for the next sealing writes what this file lacks.
    _put(heads, io.BytesIO("".join(f"{number} {digest}\n" for number, digest in sorted(seals.items())).encode()))
    return manifest


def _check_unused(connection: sa.Connection) -> None:
    for name in USED:
        found = connection.scalar(sa.text(f"SELECT count(*) FROM {name}"))  # noqa: S608 - one of ours
        if found:
            raise refuse(
                "数据库",
                f"不是空的：{name} 已有 {found} 行",
                "恢复从不覆盖数据。请新建一个空数据库，改 DATABASE_URL 后再恢复",
            )


@contextmanager
def _loading(connection: sa.Connection) -> Iterator[None]:
    """One transaction in which rows may come in any order; every foreign key is checked before it commits."""
    if connection.dialect.name == "sqlite":
        _sqlite_keys(connection, "OFF")
        with connection.execution_options(tian_write=True).begin():
            yield
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken:
                raise refuse("备份文件", f"表 {broken[0]} 有一行指向不存在的 {broken[2]}", "请换用另一份备份")
        _sqlite_keys(connection, "ON")
        return
    keys = (
        "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    )
    with connection.begin():
        held = connection.exec_driver_sql(keys).all()
        for table, name, _words in held:
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield
        for table, name, words in held:
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {words}")


def _sqlite_keys(connection: sa.Connection, state: str) -> None:
    # Past SQLAlchemy, which would begin a transaction first: inside one the pragma does nothing.
    connection.connection.cursor().execute(f"PRAGMA foreign_keys={state}")


def _load(
    connection: sa.Connection, file: Path, manifest: dict[str, Any], uploads: Path, say: Say
) -> dict[int, str]:  # fmt: skip
    tables = {table.name: table for table in rows.tables_of(connection)}
    lost = sorted(manifest["tables"].keys() - tables.keys())
    if lost:
        raise refuse("备份文件", f"库中没有表 {lost[0]}", "备份与程序的版本不一致，请用同一版本恢复")
    for table in tables.values():
        connection.execute(table.delete())

    known: dict[int, str] = {}

    def take(name: str, stream: IO[bytes]) -> None:
        kind, _, rest = name.partition("/")
        if kind == "tables":
            found = rows.read(connection, tables[rest], stream)
            if found != manifest["tables"][rest]:
                raise refuse(
                    "备份文件", f"表 {rest} 应有 {manifest['tables'][rest]} 行，读到 {found} 行", "请换用另一份备份"
                )
            say(f"表 {rest}：{found} 行")
        elif kind == "files":
            _put(attachments.place_of(uploads, rest), stream)
        elif name == audit.HEADS_FILE:
            known.update(audit.read_heads(stream.read().decode("ascii", errors="replace")))

    archive.walk(file, take)
    _check_chain(connection, manifest, known)
    _set_sequences(connection, tables, manifest["sequences"])
    return known


def _check_chain(connection: sa.Connection, manifest: dict[str, Any], known: dict[int, str]) -> None:
    with Session(connection) as session:
        verdict = audit.verify(session, known)
    if not verdict.ok or verdict.batches != manifest["audit_batches"]:
        said = verdict.problems[0]["problem"] if verdict.problems else "批数不符"
        raise refuse(
            "审计链", f"备份中的审计日志核验不通过：{said}", "没有写入任何数据。请换用另一份备份，并追查这一份"
        )


def _set_sequences(connection: sa.Connection, tables: dict[str, sa.Table], last: dict[str, int]) -> None:
    """The next number of each key comes after every one that was ever given."""
    if connection.dialect.name != "postgresql":
        _count_on(connection, last)
        return
    for table in tables.values():
        keys = list(table.primary_key.columns)
        if len(keys) != 1 or not isinstance(keys[0].type, sa.Integer):
            continue
        name = connection.scalar(
            sa.text("SELECT pg_get_serial_sequence(:table, :key)"), {"table": table.name, "key": keys[0].name}
        )
        if name is None:
            continue
        highest = connection.scalar(sa.select(sa.func.max(keys[0]))) or 0
        given = max(highest, last.get(name.removeprefix("public."), 0))
        if given:
            connection.execute(sa.text("SELECT setval(:name, :given)"), {"name": name, "given": given})


def _count_on(connection: sa.Connection, last: dict[str, int]) -> None:
    """SQLite, of the tables whose numbers it counts: the rows that were loaded have told it of the highest of them."""
    if not rows.sqlite_counts(connection):
        return
    known = set(connection.scalars(sa.text("SELECT name FROM sqlite_sequence")))
    once = sa.text("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'")
    for name in list(connection.scalars(once)):
        told = {"name": name, "given": last.get(f"{name}_id_seq", 0)}
        if name not in known:
            connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :given)"), told)
        else:
            raised = "UPDATE sqlite_sequence SET seq = max(seq, :given) WHERE name = :name"
            connection.execute(sa.text(raised), told)


def _put(place: Path, stream: IO[bytes]) -> None:
    """Write a file beside its place, then move it there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.part")
    with draft.open("wb") as out:
        while block := stream.read(archive.BLOCK):
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(place)

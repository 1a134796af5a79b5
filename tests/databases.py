"""One database for each test process and kind, renewed from a migrated template before each test that uses it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from tests.services import Services

ROOT = Path(__file__).resolve().parent.parent


class Database(Protocol):
    """A database whose address stays while its content is renewed."""

    @property
    def url(self) -> str: ...
    @property
    def engine(self) -> sa.Engine: ...
    def renew(self) -> None: ...
    def make_empty(self) -> str: ...
    def drop_empty(self) -> None: ...
    def close(self) -> None: ...


class SqliteDatabase:
    """A file, copied from the migrated one."""

    def __init__(self, services: Services, worker: str) -> None:
        self._services = services
        self._template = services.root / "sqlite" / "template.db"
        self._file = services.root / "sqlite" / worker / "tian.db"
        self._empty = self._file.with_name("empty.db")
        self._engine: sa.Engine | None = None

    @property
    def url(self) -> str:
        return f"sqlite:///{self._file}"

    @property
    def engine(self) -> sa.Engine:
        if self._engine is None:
            self._engine = sa.create_engine(self.url)
        return self._engine

    def renew(self) -> None:
        self.close()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._make_template()
        remove_sqlite(self._file)
        shutil.copyfile(self._template, self._file)

    def make_empty(self) -> str:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        remove_sqlite(self._empty)
        return f"sqlite:///{self._empty}"

    def drop_empty(self) -> None:
        remove_sqlite(self._empty)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _make_template(self) -> None:
        with self._services.locked("sqlite-template"):
            if self._template.exists():
                return
            draft = self._template.with_name("draft.db")
            remove_sqlite(draft)
            migrate(f"sqlite:///{draft}", self._template.parent)
            # What the write-ahead log still holds must be in the one file that is copied.
            engine = sa.create_engine(f"sqlite:///{draft}")
            with engine.connect() as connection:
                connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
            engine.dispose()
            draft.rename(self._template)


class PostgresDatabase:
    """A database made `TEMPLATE` the migrated one: tens of milliseconds, and nothing is left of the test before."""

    TEMPLATE = "tian_template"

    def __init__(self, services: Services, worker: str) -> None:
        self._services = services
        self._name, self._empty = f"tian_{worker}", f"tian_{worker}_empty"
        self._engine: sa.Engine | None = None
        self._server: sa.Engine | None = None

    @property
    def url(self) -> str:
        return f"{self._services.postgres()}/{self._name}"

    @property
    def engine(self) -> sa.Engine:
        if self._engine is None:
            self._engine = sa.create_engine(self.url)
        return self._engine

    def renew(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        self._make_template()
        self._drop(self._name)
        # Copying files beats PostgreSQL 15's new default threefold here; older ones know no other way.
        with self._connect() as connection:
            version = connection.dialect.server_version_info or (0,)
            strategy = "STRATEGY FILE_COPY" if version >= (15,) else ""
            connection.execute(sa.text(f"CREATE DATABASE {self._name} TEMPLATE {self.TEMPLATE} {strategy}"))

    def make_empty(self) -> str:
        self.drop_empty()
        self._do(f"CREATE DATABASE {self._empty} TEMPLATE template0")
        return f"{self._services.postgres()}/{self._empty}"

    def drop_empty(self) -> None:
        self._drop(self._empty)

    def close(self) -> None:
        for engine in (self._engine, self._server):
            if engine is not None:
                engine.dispose()
        self._engine = self._server = None

    def _drop(self, name: str) -> None:
        # FORCE ends connections that a test's own threads or processes left open.
        self._do(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _make_template(self) -> None:
        done = self._services.root / "postgres-template.done"
        if done.exists():
            return
        with self._services.locked("postgres-template"):
            if done.exists():
                return
            self._drop(self.TEMPLATE)
            self._do(f"CREATE DATABASE {self.TEMPLATE} TEMPLATE template0")
            migrate(f"{self._services.postgres()}/{self.TEMPLATE}", self._services.root)
            self._do(f"ALTER DATABASE {self.TEMPLATE} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")
            done.touch()

    def _connect(self) -> sa.Connection:
        if self._server is None:
            # AUTOCOMMIT: databases cannot be made or dropped inside a transaction.
            self._server = sa.create_engine(f"{self._services.postgres()}/postgres", isolation_level="AUTOCOMMIT")
        return self._server.connect()

    def _do(self, statement: str) -> None:
        with self._connect() as connection:
            connection.execute(sa.text(statement))


def remove_sqlite(path: Path) -> None:
    """A database file with what SQLite keeps beside it; a stale log would be replayed into the next one."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def migrate(url: str, data: Path) -> None:
    """Do what a deployment does, in a process of its own: upgrade, then sync roles."""
    run_flask(url, data, "db", "upgrade")
    run_flask(url, data, "sync-roles")


def run_flask(url: str, data: Path, *arguments: str) -> str:
    """Run a `flask` command against a database as a person would, and give what it prints."""
    environment = {**os.environ, "DATABASE_URL": url, "DATA_DIR": str(data), "FLASK_APP": "run.py"}
    done = subprocess.run(
        [sys.executable, "-m", "flask", *arguments], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"flask {' '.join(arguments)} gave {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout

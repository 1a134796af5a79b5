"""One database for each test process and kind, renewed from a migrated template before each test that uses it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import vault
from tests.services import Services

if TYPE_CHECKING:
    from tests.factories import Rows

ROOT = Path(__file__).resolve().parent.parent
STATEMENTS = 3000  # compiled ones that an engine keeps
PREPARED = 500  # prepared ones that a connection to SQLite keeps
MOST_KEPT = 3  # connections that stay from one test to the next: one's own, the application's, one more
# Every table, column, index, constraint and trigger there is, by the number PostgreSQL gave it.
SCHEMA = """
SELECT count(*), max(oid), sum(relnatts) FROM pg_class UNION ALL SELECT count(*), max(oid), 0 FROM pg_constraint
UNION ALL SELECT count(*), max(oid), 0 FROM pg_trigger UNION ALL SELECT count(*), max(oid), 0 FROM pg_proc
UNION ALL SELECT count(*), 0, 0 FROM pg_attribute UNION ALL SELECT count(*), max(oid), 0 FROM pg_type
"""


class Database(Protocol):
    """A database whose address stays while its content is renewed.

    `renew(inhabited=True)` leaves the small world of tests/factories.py standing in it; `world` says where.
    `make_migrated` makes the empty one with all tables, as the template of this run was migrated by the command itself.
    What became of the one that `make_empty` made is kept under a name, and brought back, while nobody is connected.
    """

    world: Rows

    @property
    def url(self) -> str: ...
    @property
    def engine(self) -> sa.Engine: ...
    def renew(self, inhabited: bool = False) -> None: ...
    def make_empty(self) -> str: ...
    def make_migrated(self) -> str: ...
    def drop_empty(self) -> None: ...
    def keep_empty(self, name: str) -> None: ...
    def bring_empty(self, name: str) -> None: ...
    def close(self) -> None: ...


class SqliteDatabase:
    """A file, written over with the migrated one page by page: whoever is connected stays so, and knows the tables.

    A connection that is new reads what each table is made of, and has all statements to prepare anew: for a small test
    that was half of its time. Whatever else happened to the file or to its connections gets the next test a copy.
    """

    def __init__(self, services: Services, worker: str) -> None:
        self._services = services
        self._template = services.root / "sqlite" / "template.db"
        self._file = services.root / "sqlite" / worker / "tian.db"
        self._inhabited = self._file.with_name("inhabited.db")
        self._empty = self._file.with_name("empty.db")
        self._engine: sa.Engine | None = None
        self._sources: dict[Path, Source] = {}
        self._copied = 0  # the file's number on its disk
        self.world: Rows = {}

    @property
    def url(self) -> str:
        return f"sqlite:///{self._file}"

    @property
    def engine(self) -> sa.Engine:
        if self._engine is None:
            self._engine = sa.create_engine(
                self.url, query_cache_size=STATEMENTS, connect_args={"cached_statements": PREPARED}
            )
        return self._engine

    def renew(self, inhabited: bool = False) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._make_template()
        if inhabited and not self.world:
            self._copy(self._template)
            self.world = inhabit(self.engine)
            self._settle(self.engine)
            self.close()
            shutil.copyfile(self._file, self._inhabited)
        source = self._inhabited if inhabited else self._template
        if not self._written_over(source):
            self._copy(source)

    def _written_over(self, path: Path) -> bool:
        """Whether the file is the source again and whoever is connected sees it so; False when only a copy helps."""
        if self._engine is None or not hasattr(sqlite3.Connection, "deserialize"):
            return False
        idle = self._engine.pool
        assert isinstance(idle, sa.QueuePool)
        if idle.checkedout() or not 0 < idle.checkedin() <= MOST_KEPT:
            return False
        if not self._file.exists() or self._file.stat().st_ino != self._copied or held_by_others(self._copied):
            return False
        if path not in self._sources:
            self._sources[path] = Source(path)
        taken = [self._engine.raw_connection() for _ in range(idle.checkedin())]
        try:
            return self._sources[path].onto(self._file, [each.driver_connection for each in taken])
        except sqlite3.Error:
            return False
        finally:
            for each in taken:
                each.close()

    def make_empty(self) -> str:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        remove_sqlite(self._empty)
        return f"sqlite:///{self._empty}"

    def make_migrated(self) -> str:
        self._make_template()
        url = self.make_empty()
        shutil.copyfile(self._template, self._empty)
        return url

    def drop_empty(self) -> None:
        remove_sqlite(self._empty)

    def keep_empty(self, name: str) -> None:
        with contextlib.closing(sqlite3.connect(self._empty)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(self._empty, self._empty.with_name(f"{name}.db"))

    def bring_empty(self, name: str) -> None:
        remove_sqlite(self._empty)
        shutil.copyfile(self._empty.with_name(f"{name}.db"), self._empty)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
        for source in self._sources.values():
            source.close()
        self._sources.clear()

    def _make_template(self) -> None:
        with self._services.locked("sqlite-template"):
            if self._template.exists():
                return
            draft = self._template.with_name("draft.db")
            remove_sqlite(draft)
            migrate(f"sqlite:///{draft}", self._template.parent)
            engine = sa.create_engine(f"sqlite:///{draft}")
            self._settle(engine)
            engine.dispose()
            draft.rename(self._template)

    def _copy(self, source: Path) -> None:
        # The engine itself stays: with it go its compiled statements, which cost more than most tests.
        self.close()
        remove_sqlite(self._file)
        shutil.copyfile(source, self._file)
        self._copied = self._file.stat().st_ino

    @staticmethod
    def _settle(engine: sa.Engine) -> None:
        """What the write-ahead log still holds must be in the one file that is copied."""
        with engine.connect() as connection:
            connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))


# What a connection of ours is like that nothing was done to (app/extensions.py).
LIKE_NEW = {"foreign_keys": 1, "busy_timeout": 15_000, "query_only": 0, "recursive_triggers": 0, "cache_size": -65_536}
PLACES = {"main", "temp"}


class Source:
    """The pages of a database, held in memory, to be written over those of a file that others are connected to."""

    def __init__(self, path: Path) -> None:
        pages = bytearray(path.read_bytes())
        pages[18:20] = b"\1\1"  # what is in memory has no write-ahead log
        self._held = sqlite3.connect(":memory:", check_same_thread=False)
        self._held.deserialize(bytes(pages))
        self._schema = asked(self._held, "schema_version")

    def onto(self, path: Path, connected: list[sqlite3.Connection]) -> bool:
        """Whether the file was written over, and each of the connected, as good as new, saw that it was."""
        if not all(self._as_good_as_new(each) for each in connected):
            return False
        before = [asked(each, "data_version") for each in connected]
        with contextlib.closing(sqlite3.connect(path, timeout=0)) as own:
            if asked(own, "schema_version") != self._schema:
                return False
            own.execute("PRAGMA synchronous = OFF")
            self._held.backup(own)
            # The tables are what they were: nobody needs to read it again, as after any other copy.
            own.execute(f"PRAGMA schema_version = {self._schema}")
        return all(asked(each, "data_version") != seen for each, seen in zip(connected, before, strict=True))

    def close(self) -> None:
        self._held.close()

    def _as_good_as_new(self, connection: sqlite3.Connection) -> bool:
        return (
            not connection.in_transaction
            and all(asked(connection, name) == value for name, value in LIKE_NEW.items())
            and {name for _, name, _ in connection.execute("PRAGMA database_list")} <= PLACES
            and not connection.execute("SELECT 1 FROM sqlite_temp_master").fetchall()
        )


def asked(connection: sqlite3.Connection, pragma: str) -> Any:
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def held_by_others(number: int) -> bool:
    """Whether another process is connected to the file of this number, as far as the machine tells."""
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return True
    held = [line.split() for line in lines if f":{number} " in line]
    return any(parts[4] != str(os.getpid()) for parts in held if len(parts) > 5)


class PostgresDatabase:
    """Made `TEMPLATE` the migrated one, then swept: what a test wrote is deleted and what stood there is put back.

    A copy costs hundreds of files, a sweep a few statements. A test that touched the schema gets the next one a copy.
    Connections that nobody holds any more stay, as good as new: what a new one learns of the tables, time and again,
    costs more than what most tests ask.
    """

    TEMPLATE = "tian_template"

    def __init__(self, services: Services, worker: str) -> None:
        self._services = services
        self._name, self._empty = f"tian_{worker}", f"tian_{worker}_empty"
        self._engine: sa.Engine | None = None
        self._server: sa.Engine | None = None
        self._broom: Broom | None = None
        self.world: Rows = {}

    @property
    def url(self) -> str:
        return f"{self._services.postgres()}/{self._name}"

    @property
    def engine(self) -> sa.Engine:
        if self._engine is None:
            self._engine = sa.create_engine(self.url, query_cache_size=STATEMENTS)
        return self._engine

    def renew(self, inhabited: bool = False) -> None:
        if self._broom is None or not self._broom.sweep(inhabited, self._as_new()):
            self._broom = self._fresh()
        if inhabited and not self._broom.knows(inhabited):
            self.world = inhabit(self.engine)
            self.engine.dispose()
            self._broom.keep(inhabited)

    def _as_new(self) -> list[int]:
        """Make the idle connections as good as new; their numbers on the server. None stays if one is still held."""
        if self._engine is None:
            return []
        idle = self._engine.pool
        assert isinstance(idle, sa.QueuePool)
        if idle.checkedout() or idle.checkedin() > MOST_KEPT:
            self._engine.dispose()
            return []
        taken = [self._engine.raw_connection() for _ in range(idle.checkedin())]
        try:
            numbers = [begun_anew(each.driver_connection) for each in taken]
        except psycopg.OperationalError:  # the test ended it a moment ago
            self._engine.dispose()
            numbers = []
        for each in taken:
            each.close()
        return numbers

    def _fresh(self) -> Broom:
        if self._engine is not None:
            self._engine.dispose()
        if self._broom is not None:
            self._broom.close()
        self._make_template()
        self._drop(self._name)
        # Copying files beats PostgreSQL 15's new default threefold here; older ones know no other way.
        with self._connect() as connection:
            version = connection.dialect.server_version_info or (0,)
            strategy = "STRATEGY FILE_COPY" if version >= (15,) else ""
            connection.execute(sa.text(f"CREATE DATABASE {self._name} TEMPLATE {self.TEMPLATE} {strategy}"))
        return Broom(self.url)

    def make_empty(self) -> str:
        self.drop_empty()
        self._do(f"CREATE DATABASE {self._empty} TEMPLATE template0")
        return f"{self._services.postgres()}/{self._empty}"

    def make_migrated(self) -> str:
        self._make_template()
        self.drop_empty()
        self._do(f"CREATE DATABASE {self._empty} TEMPLATE {self.TEMPLATE}")
        return f"{self._services.postgres()}/{self._empty}"

    def drop_empty(self) -> None:
        self._drop(self._empty)

    def keep_empty(self, name: str) -> None:
        self._do(f"CREATE DATABASE {self._empty}_{name} TEMPLATE {self._empty}")

    def bring_empty(self, name: str) -> None:
        self.drop_empty()
        self._do(f"CREATE DATABASE {self._empty} TEMPLATE {self._empty}_{name}")

    def close(self) -> None:
        if self._broom is not None:
            self._broom.close()
        for engine in (self._engine, self._server):
            if engine is not None:
                engine.dispose()
        self._engine = self._server = self._broom = None

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


# Each change is a later transaction's than all before it, and fewer rows are a change too.
MARK = "SELECT '{0}', count(*), max(xmin::text::bigint) FROM {0}"
# A table without rows was swept to no size at all.
WRITTEN = "SELECT relname, 0, 0 FROM pg_class WHERE oid = ANY('{{{0}}}'::regclass[]) AND pg_relation_size(oid) > 0"


@dataclass(frozen=True)
class State:
    """What stood in a database at one moment: the rows, and how to ask for marks of what was written since."""

    kept: dict[str, bytes]
    marks: str
    advanced: str


class Broom:
    """Brings a PostgreSQL database back to what it was, inhabited or not: rows and sequences; never the schema."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        self._schema = self._ask(SCHEMA)
        self._tables = [name for (name,) in self._ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        self._states: dict[bool, State] = {}
        self._stands = False
        self._marks: dict[str, tuple[int, int]] = {}
        self.keep(False)

    def knows(self, inhabited: bool) -> bool:
        return inhabited in self._states

    def keep(self, inhabited: bool) -> None:
        """Hold what stands there now as one of the states that the database is brought back to."""
        kept = {name: self._copy_of(name) for name in self._tables if self._ask(f"SELECT 1 FROM {name} LIMIT 1")}
        marks = [WRITTEN.format(",".join(name for name in self._tables if name not in kept)), *map(MARK.format, kept)]
        sequences = [name for (name,) in self._ask("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")]
        advanced = " UNION ALL ".join(
            "SELECT setval('{0}', {1}, {2}) FROM {0} WHERE (last_value, is_called) <> ({1}, {2})".format(
                name, *self._ask(f"SELECT last_value, is_called FROM {name}")[0]
            )
            for name in sequences
        )
        self._states[inhabited] = State(kept, " UNION ALL ".join(marks), advanced)
        self._note(inhabited)

    def sweep(self, inhabited: bool, kept: list[int]) -> bool:
        """Whether the database is as it was, inhabited if that state is known; False when only a new copy helps.

        All connections but those that are `kept` end.
        """
        try:
            self._end_others(kept)
        except psycopg.OperationalError:
            return False  # a test ended this connection with all the others
        if self._ask(SCHEMA) != self._schema:
            return False
        inhabited = inhabited and self.knows(True)
        before, state = self._states[self._stands], self._states[inhabited]
        marks = self._seen(before)
        changed = [
            name for name in self._tables
            if marks.get(name) != self._marks.get(name) or before.kept.get(name) != state.kept.get(name)
        ]  # fmt: skip
        if changed:
            with self._connection.transaction():
                # Foreign keys hold again at the end, when all is as it was.
                self._connection.execute("SET LOCAL session_replication_role = replica")
                self._connection.execute("; ".join(f"DELETE FROM {name}" for name in changed))
                for name in changed:
                    if name in state.kept:
                        with self._connection.cursor().copy(f"COPY {name} FROM STDIN") as target:
                            target.write(state.kept[name])
            # Without it rows would come back in the order of the holes that older ones left.
            self._connection.execute(f"VACUUM {', '.join(changed)}")
            # Of all others the marks are those just seen; to ask for all again, of swept tables, is to plan it anew.
            again = " UNION ALL ".join(MARK.format(name) for name in changed if name in state.kept)
            marks |= self._asked(again) if again else {}
            self._stands, self._marks = inhabited, {name: marks[name] for name in state.kept}
        self._ask(state.advanced)
        return True

    def close(self) -> None:
        self._connection.close()

    def _note(self, inhabited: bool) -> None:
        """This state stands there now; hold the marks of the tables that have rows in it."""
        self._stands, state = inhabited, self._states[inhabited]
        self._marks = {name: mark for name, mark in self._seen(state).items() if name in state.kept}

    def _seen(self, state: State) -> dict[str, tuple[int, int]]:
        return self._asked(state.marks)

    def _asked(self, marks: str) -> dict[str, tuple[int, int]]:
        return {name: (count, last) for name, count, last in self._ask(marks)}

    def _end_others(self, kept: list[int]) -> None:
        """What a test's own threads or processes left open would hold locks or write into the next one."""
        spared = ", ".join(["pg_backend_pid()", *map(str, kept)])
        others = f"FROM pg_stat_activity WHERE datname = current_database() AND pid NOT IN ({spared})"
        end = time.monotonic() + 20
        while self._ask(f"SELECT pg_terminate_backend(pid) {others} AND backend_type = 'client backend'"):
            if time.monotonic() > end:
                raise RuntimeError("connections to the tests' database do not end")
            time.sleep(0.002)

    def _copy_of(self, name: str) -> bytes:
        with self._connection.cursor().copy(f"COPY {name} TO STDOUT") as source:
            return b"".join(bytes(part) for part in source)

    def _ask(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()


def begun_anew(connection: Any) -> int:
    """Let a connection forget, on both ends, all that its session set, locked and prepared; its number there."""
    for word in (b"DISCARD ALL", b"SET jit = off"):  # the second as app/extensions.py connects
        if connection.pgconn.exec_(word).status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError("a connection that does not answer")
    connection._prepared = type(connection._prepared)()
    if hasattr(connection, "_ready"):  # ours, app/driver.py
        connection._ready.clear()
    return int(connection.pgconn.backend_pid)


def inhabit(engine: sa.Engine) -> Rows:
    """Build the small world of most tests; where its rows are."""
    # Not above: the bench's baselines make databases too, and other models of the same tables would be theirs.
    from tests.factories import World

    with Session(engine) as session:
        return World(session).rows()


def remove_sqlite(path: Path) -> None:
    """A database file with what SQLite keeps beside it; a stale log would be replayed into the next one."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def migrate(url: str, data: Path) -> None:
    """Do what a deployment does, in a process of its own: upgrade, then sync roles."""
    run_flask(url, data, "db", "upgrade")
    run_flask(url, data, "sync-roles")


# The keys of this run, for whatever process of it reads what another one sealed.
KEYS = {name: vault.new_key() for name in ("DATA_KEYS", "INDEX_KEYS")}


def open_vault() -> None:
    """Take them where no application did."""
    vault.use_keys([KEYS["DATA_KEYS"]], [KEYS["INDEX_KEYS"]])


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

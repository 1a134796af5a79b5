"""An invented region of a given size on a given database, made by `flask demo` and kept for the whole run."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app import (
    extensions,  # noqa: F401 - connections as the product opens them: PostgreSQL compiles no statement
    vault,
)
from tests.databases import Database, PostgresDatabase, SqliteDatabase, run_flask
from tests.services import Services

SEED = 1
CITY, YEAR, MONTH = 100_000, 365, 30
# The demo's regulator of the whole city.
REGULATOR, PASSWORD = "shiju", "Only-for-the-bench-1"


@dataclass
class World:
    """What a figure measures on. `database.renew()` is not for figures: it would empty the world."""

    kind: str
    elevators: int
    database: Database
    data: Path
    _browser: Browser | None = field(default=None, repr=False)

    @property
    def suffix(self) -> str:
        return f".{self.kind}.{self.elevators}"

    def sweep(self) -> None:
        """What autovacuum does by itself where a database lives longer than a bench."""
        with self.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("ANALYZE" if self.kind == "sqlite" else "VACUUM ANALYZE"))

    def lay_by_time(self) -> None:
        """Visits and orders lie as a platform writes them, day by day; the demo region makes them elevator by elevator.

        SQLite keeps a table by its key, which the demo region gives elevator by elevator: there they stay.
        """
        if self.kind == "sqlite":
            return
        with self.database.engine.begin() as connection:
            for table, at in (("visit", "checked_in_at"), ("maintenance_order", "created_at")):
                for statement in (
                    f"CREATE INDEX bench_by_time ON {table} ({at}, id)", f"CLUSTER {table} USING bench_by_time",
                    "DROP INDEX bench_by_time",
                ):  # fmt: skip
                    connection.execute(sa.text(statement))

    def flask(self, *arguments: str) -> str:
        """Run a command of the product on this world."""
        return run_flask(self.database.url, self.data, *arguments)

    def backends(self) -> list[int]:
        """The processes of the database server that serve this world; SQLite has none."""
        if self.kind == "sqlite":
            return []
        asked = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with self.database.engine.connect() as connection:
            return list(connection.execute(sa.text(asked)).scalars())

    def browser(self) -> Browser:
        """One browser a world; signing in is no part of a page."""
        if self._browser is None:
            self._browser = Browser(self)
        return self._browser

    def app(self) -> Any:
        """The application on this world; made anew for each call, as its engine belongs to one database."""
        from app import create_app

        return create_app(SQLALCHEMY_DATABASE_URI=self.database.url, DATA_DIR=str(self.data), TESTING=True)


@dataclass
class Opened:
    """What opening a page took: milliseconds in all and in the database, and its statements."""

    ms: float
    sql_ms: float
    statements: int


class Browser:
    """The city's regulator, signed in; pages are opened in this process, through the whole application."""

    def __init__(self, world: World) -> None:
        from app.extensions import db
        from app.models import Account
        from app.transaction import transaction

        app = world.app()
        app.config["WTF_CSRF_ENABLED"] = False
        self._asked: list[float] = []
        with app.app_context():
            with transaction(db.session) as session:
                account = session.scalars(sa.select(Account).where(Account.username == REGULATOR)).one()
                account.set_password(PASSWORD)
            sa.event.listen(db.engine, "before_cursor_execute", self._begin)
            sa.event.listen(db.engine, "after_cursor_execute", self._end)
        self._client = app.test_client()
        self._client.post("/login/", data={"username": REGULATOR, "password": PASSWORD})
        self.open("/password/")

    def _begin(self, _connection: Any, _cursor: Any, _statement: Any, _values: Any, context: Any, _many: Any) -> None:
        context.tian_begun = time.perf_counter()

    def _end(self, _connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: Any) -> None:
        # PostgreSQL's driver begins by itself, unseen.
        if statement != "BEGIN":
            self._asked.append(time.perf_counter() - context.tian_begun)

    def open(self, address: str) -> Opened:
        self._asked.clear()
        start = time.perf_counter()
        answer = self._client.get(address)
        took = time.perf_counter() - start
        if answer.status_code != 200:
            raise RuntimeError(f"{address} gave {answer.status_code}")
        return Opened(took * 1000, sum(self._asked) * 1000, len(self._asked))

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Pages in here count every number anew."""
        config = self._client.application.config
        before, config["MENU_NUMBERS_SECONDS"] = config["MENU_NUMBERS_SECONDS"], 0
        try:
            yield
        finally:
            config["MENU_NUMBERS_SECONDS"] = before

    def median(self, address: str, rounds: int = 9) -> Opened:
        """The middle one of several, after one that is not measured."""
        self.open(address)
        return sorted((self.open(address) for _ in range(rounds)), key=lambda opened: opened.ms)[rounds // 2]


def open_vault() -> None:
    """Take the run's keys, in whatever process of it."""
    vault.use_keys([os.environ["DATA_KEYS"]], [os.environ["INDEX_KEYS"]])


class Worlds:
    """Makes each world once; all of them end with the run."""

    def __init__(self, largest: int) -> None:
        # A province is too large for memory.
        self._services = Services.make(in_memory=largest <= CITY)
        # Nothing here reads or writes a person's data.
        os.environ["DATA_DIR"] = str(self._services.root / "instance")
        # One set of keys for all that reads the worlds, in this process and in those it starts.
        os.environ |= {"DATA_KEYS": vault.new_key(), "INDEX_KEYS": vault.new_key()}
        open_vault()
        self._made: dict[tuple[str, int], World] = {}

    def get(self, kind: str, elevators: int) -> World:
        key = (kind, elevators)
        if key not in self._made:
            start = time.perf_counter()
            name = f"bench{elevators}"
            of_kind = SqliteDatabase if kind == "sqlite" else PostgresDatabase
            database: Database = of_kind(self._services, name)
            database.renew()
            data = self._services.root / f"data-{kind}-{elevators}"
            data.mkdir()
            world = World(kind, elevators, database, data)
            # A province's whole year is asked for by BENCH_DAYS=365: 24 million visits take the better part of an hour.
            days = os.environ.get("BENCH_DAYS") or (YEAR if elevators <= CITY else MONTH)
            world.flask("demo", "--elevators", str(elevators), "--seed", str(SEED), "--days", str(days))
            world.lay_by_time()
            world.sweep()
            took = time.perf_counter() - start
            print(f"# {kind}, {elevators} elevators: made in {took:.0f} s", file=sys.stderr, flush=True)
            self._made[key] = world
        return self._made[key]

    def close(self) -> None:
        for world in self._made.values():
            world.database.close()
        self._services.stop()

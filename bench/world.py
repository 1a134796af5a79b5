"""An invented region of a given size on a given database, made by `flask demo` and kept for the whole run."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.databases import Database, PostgresDatabase, SqliteDatabase, run_flask
from tests.services import Services

SEED = 1


@dataclass
class World:
    """What a figure measures on. `database.renew()` is not for figures: it would empty the world."""

    kind: str
    elevators: int
    database: Database
    data: Path

    @property
    def suffix(self) -> str:
        return f".{self.kind}.{self.elevators}"

    def flask(self, *arguments: str) -> str:
        """Run a command of the product on this world."""
        return run_flask(self.database.url, self.data, *arguments)

    def app(self) -> Any:
        """The application on this world; made anew for each call, as its engine belongs to one database."""
        from app import create_app

        return create_app(SQLALCHEMY_DATABASE_URI=self.database.url, DATA_DIR=str(self.data), TESTING=True)


class Worlds:
    """Makes each world once; all of them end with the run."""

    def __init__(self) -> None:
        self._services = Services.make()
        # Nothing here reads or writes a person's data.
        os.environ["DATA_DIR"] = str(self._services.root / "instance")
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
            world.flask("demo", "--elevators", str(elevators), "--seed", str(SEED))
            took = time.perf_counter() - start
            print(f"# {kind}, {elevators} elevators: made in {took:.0f} s", file=sys.stderr, flush=True)
            self._made[key] = world
        return self._made[key]

    def close(self) -> None:
        for world in self._made.values():
            world.database.close()
        self._services.stop()

"""The register's rows in a database of their own, in the tables that a framework's tutorial would make of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa

from bench.world import World
from tests.databases import ROOT

META = sa.MetaData()
REGION = sa.Table(
    "region", META, sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String(12), index=True),
    sa.Column("name", sa.String(60)),
)  # fmt: skip
UNIT = sa.Table("unit", META, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(120)))
ELEVATOR = sa.Table(
    "elevator", META, sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String(20), index=True),
    sa.Column("address", sa.String(200), index=True),
    sa.Column("region_id", sa.Integer, sa.ForeignKey("region.id"), index=True),
    sa.Column("use_unit_id", sa.Integer, sa.ForeignKey("unit.id"), index=True),
    sa.Column("maintenance_unit_id", sa.Integer, sa.ForeignKey("unit.id"), index=True),
    sa.Column("status", sa.String(10), index=True), sa.Column("next_inspection_on", sa.Date, index=True),
    sa.Column("is_secret", sa.Boolean),
)  # fmt: skip
TABLES = (REGION, UNIT, ELEVATOR)
COLUMNS = (
    "code", "address", "region", "use_unit", "maintenance_unit", "status", "next_inspection_on", "is_secret",
)  # fmt: skip
_made: dict[str, str] = {}


def copy(world: World) -> str:
    """The address of the copy; made once a world."""
    if world.suffix not in _made:
        url = world.database.make_empty()
        engine = sa.create_engine(url)
        META.create_all(engine)
        fill = _fill_sqlite if world.kind == "sqlite" else _fill_postgresql
        fill(world.database.url, engine)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("ANALYZE"))
        engine.dispose()
        _made[world.suffix] = url
    return _made[world.suffix]


def _fill_sqlite(source: str, engine: sa.Engine) -> None:
    with engine.connect() as connection:
        raw: Any = connection.connection
        raw.execute("ATTACH ? AS source", (source.removeprefix("sqlite:///"),))
        for table in TABLES:
            names = ", ".join(table.c.keys())
            raw.execute(f"INSERT INTO main.{table.name} ({names}) SELECT {names} FROM source.{table.name}")
        raw.commit()


def _fill_postgresql(source: str, engine: sa.Engine) -> None:
    target = engine.url.render_as_string(hide_password=False)
    with psycopg.connect(plain(source)) as there, psycopg.connect(plain(target)) as here:
        for table in TABLES:
            names: Any = ", ".join(table.c.keys())
            read: Any = f"COPY (SELECT {names} FROM {table.name}) TO STDOUT"
            write: Any = f"COPY {table.name} ({names}) FROM STDIN"
            with there.cursor().copy(read) as out, here.cursor().copy(write) as into:
                for block in out:
                    into.write(block)


def plain(url: str) -> str:
    """The address as the driver takes it."""
    return url.replace("postgresql+psycopg", "postgresql")


@dataclass(frozen=True)
class Page:
    """A framework's first page of the register: median milliseconds and statements."""

    ms: float
    statements: int


def first_page(world: World, framework: str) -> Page:
    return Page(**said_by(world, framework))


def said_by(world: World, framework: str, *words: str) -> dict[str, Any]:
    """Run `bench.baselines.<framework>` on the copy, in a process of its own, and read what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.baselines.{framework}", copy(world), *words], cwd=ROOT, env=dict(os.environ),
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{framework} gave {done.returncode}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found

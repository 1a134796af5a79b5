"""Many keys in one statement: what they mean, and that a row looks its own up instead of being held against all."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Integer, MetaData, Table, create_engine, select
from sqlalchemy.orm import Session

from app.models import Elevator
from app.models.among import among, beside
from tests.factories import World

_elevator: Any = Elevator.__table__.c


def test_among_and_beside_find_the_rows_that_are_named(session: Any, world: World) -> None:
    own, foreign = world.own.id, world.foreign.id
    chosen = select(_elevator.id).where(among(session, _elevator.id, [own, 10**9]))
    assert session.connection().execute(chosen).scalars().all() == [own]
    given = beside(session, [own, 10**9], [7, None])
    both = _elevator.id, given.c.number
    numbers = select(*both).outerjoin_from(Elevator.__table__, given, given.c.key == _elevator.id)
    assert dict(session.connection().execute(numbers).all()) == {own: 7, foreign: None}


def test_sqlite_makes_an_index_of_the_keys() -> None:
    """Where it makes none, each row is held against every key; PostgreSQL hashes them by itself."""
    rows = Table("rows", MetaData(), Column("id", Integer, primary_key=True))
    with Session(create_engine("sqlite://")) as session:
        rows.create(session.connection())
        given = beside(session, list(range(1, 3000)), [1] * 2999)
        asked = select(given.c.number).outerjoin_from(rows, given, given.c.key == rows.c.id)
        written = asked.compile(session.connection(), compile_kwargs={"literal_binds": True})
        plan = [row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {written}")]
    assert any("SEARCH given USING AUTOMATIC" in step for step in plan), plan

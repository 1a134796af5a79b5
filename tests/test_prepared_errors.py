"""Errors of statements that nobody waits for (app/prepared.py): neither committed nor lost, whatever dies."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from psycopg import DataError
from sqlalchemy import (
    Float,
    Integer,
    String,
    bindparam,
    column,
    create_engine,
    func,
    insert,
    select,
    table,
    text,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from app import driver, prepared
from app.direct_rows import write_changes, write_new
from app.models import MaintenanceClock, Region, Visit
from app.transaction import PREPARED_AFTER, after_commit, asked, send, transaction
from app.workflows.maintenance import clock_rows
from tests.factories import World
from tests.test_prepared import DAY, NOTE, RENAME, TABLE, count, is_postgresql, note, prepared_count
from tests.workflows.clock_world import add_visit


@pytest.mark.feature("AUD-01")
@pytest.mark.parametrize("how", ["asked", "usual", "client"])
def test_an_error_kept_to_oneself_commits_nothing(session: Any, how: str) -> None:
    """Whoever swallows the error of what was sent cannot have the rest committed, nor be told that it was."""
    if not is_postgresql(session):
        # Told where it is sent.
        return
    with pytest.raises(Exception) as caught, transaction(session) as unit:
        count(unit, "warm")
        send(unit, NOTE, note("beside"))
        # A database's error, or one that the driver finds before it sends anything.
        send(unit, NOTE, note("nul\x00" if how == "client" else None))
        with pytest.raises(DBAPIError):
            count(unit, "any") if how == "asked" else unit.execute(text("SELECT 1"))
    assert isinstance(caught.value, DBAPIError | DataError)
    assert count(session, "beside") == 0


@pytest.mark.feature("AUD-01")
def test_a_row_that_was_not_found_commits_nothing_though_it_was_swallowed(session: Any) -> None:
    with pytest.raises(DBAPIError) as caught, transaction(session) as unit:
        count(unit, "warm")
        send(unit, NOTE, note("beside"))
        if not is_postgresql(session):
            raise IntegrityError("", None, ValueError())
        send(unit, RENAME, {"old": "none", "new": "new"}, one_or=StaleDataError("not one"))
        with pytest.raises(StaleDataError):
            count(unit, "beside")
    assert caught.value is not None and count(session, "beside") == 0


@pytest.mark.feature("AUD-01")
def test_a_savepoint_takes_back_the_error_of_what_was_sent_in_it(session: Any) -> None:
    with transaction(session) as unit:
        send(unit, NOTE, note("before"))
        with pytest.raises((KeyError, IntegrityError)), unit.begin_nested():
            send(unit, NOTE, note(None))
            raise KeyError
        send(unit, NOTE, note("behind"))
    assert [count(session, action) for action in ("before", "behind")] == [1, 1]


@pytest.mark.feature("AUD-01")
def test_an_error_that_comes_up_where_a_savepoint_ends_undoes_all(session: Any) -> None:
    """Nothing goes back to a savepoint whose RELEASE failed: the server has given up the whole transaction."""
    if not is_postgresql(session):
        return
    with pytest.raises(InternalError), transaction(session) as unit:
        send(unit, NOTE, note("before"))
        with pytest.raises(IntegrityError), unit.begin_nested():
            count(unit, "warm")
            send(unit, NOTE, note(None))
    assert count(session, "before") == 0


@pytest.mark.feature("MNT-01")
def test_what_is_prepared_outlives_a_savepoint_that_was_taken_back(session: Any) -> None:
    """The driver then has the server forget all that was prepared, ours as well."""
    with transaction(session) as unit:
        for _ in range(PREPARED_AFTER + 3):
            unit.execute(select(func.count()).select_from(Region.__table__))
        send(unit, NOTE, note("before"))
        assert count(unit, "before") == 1
        with pytest.raises(KeyError), unit.begin_nested():
            unit.execute(text("SELECT 1"))
            raise KeyError
        send(unit, NOTE, note("behind"))
        assert count(unit, "behind") == 1
    assert count(session, "before") == 1


@pytest.mark.feature("MNT-01")
def test_no_statement_of_an_exchange_makes_room_for_another_of_it(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "MOST_READY", 2)
    with transaction(session) as unit:
        count(unit, "warm")
        send(unit, NOTE, note("old"))
        send(unit, RENAME, {"old": "old", "new": "new"})
        assert count(unit, "new") == 1
        asked(unit, select(func.count()).select_from(Region.__table__), {})
        assert prepared_count(unit) <= 2


@pytest.mark.feature("MNT-01")
def test_a_savepoint_takes_back_what_was_written_at_once(session: Any, world: World) -> None:
    visit = add_visit(session, world.own, world.worker, DAY)
    clock_rows.held(session, world.own.id)
    session.commit()
    key, own, worker = visit.id, world.own.id, world.worker.id
    session.rollback()
    with transaction(session) as unit:
        row = unit.get_one(Visit, key)
        held = unit.get(MaintenanceClock, own)
        values = {name: getattr(held, name) for name in MaintenanceClock.__mapper__.columns.keys()}  # noqa: SIM118
        unit.delete(held)
        unit.flush()
        new = MaintenanceClock(**{n: v for n, v in values.items() if n not in ("due_on", "cover_on")})
        with pytest.raises(KeyError), unit.begin_nested():
            row.note = "不算"
            write_changes(unit, row)
            write_new(unit, new)
            raise KeyError
        assert row.note is None and new not in unit
        row.note = "算"
        write_changes(unit, row)
    found = session.get_one(Visit, key)
    assert found.note == "算" and found.worker_id == worker


@pytest.mark.feature("AUD-01")
def test_nothing_waits_on_a_connection_that_was_given_back(session: Any, database: Any) -> None:
    with database.engine.connect() as own:
        held = own.connection.driver_connection
        prepared.send(own, NOTE, note("given back"), None)
    if is_postgresql(session):
        assert held._waiting == []
    with database.engine.begin() as next_one:
        next_one.execute(text("SELECT 1"))
    assert count(session, "given back") == 0


@pytest.mark.feature("AUD-01")
@pytest.mark.parametrize("asks", [True, False])
def test_a_server_that_dies_before_the_commit_is_told(session: Any, database: Any, asks: bool) -> None:
    if not is_postgresql(session):
        return
    after: list[str] = []
    with pytest.raises(DBAPIError) as caught, transaction(session) as unit:
        own = unit.scalar(text("SELECT pg_backend_pid()"))
        after_commit(unit, lambda: after.append("told"))
        if asks:
            count(unit, "warm")
        send(unit, NOTE, note("lost"))
        with database.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
    assert caught.value.connection_invalidated and after == []
    assert count(session, "lost") == 0


@pytest.mark.feature("AUD-01")
def test_a_statement_that_takes_too_long_undoes_what_went_with_it(session: Any) -> None:
    if not is_postgresql(session):
        return
    slow = select(func.pg_sleep(bindparam("seconds", type_=Float)))
    with pytest.raises(DBAPIError, match="statement timeout"), transaction(session) as unit:
        unit.execute(text("SET LOCAL statement_timeout = 50"))
        send(unit, NOTE, note("slow"))
        asked(unit, slow, {"seconds": 5.0})
    assert count(session, "slow") == 0


@pytest.mark.feature("AUD-01")
def test_two_that_change_the_same_are_told(session: Any, database: Any) -> None:
    """A serialization failure comes up at the COMMIT that it went with, and all of that transaction is undone."""
    if not is_postgresql(session):
        return
    with transaction(session) as unit:
        send(unit, NOTE, note("one"))
    other = Session(database.engine)
    with pytest.raises(DBAPIError, match="could not serialize"), transaction(other) as unit:
        unit.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        count(unit, "one")
        with transaction(session) as first:
            send(first, RENAME, {"old": "one", "new": "first"})
        send(unit, NOTE, note("beside"))
        send(unit, RENAME, {"old": "one", "new": "second"})
    other.close()
    assert [count(session, action) for action in ("first", "second", "beside")] == [1, 0, 0]


@pytest.mark.feature("AUD-01")
def test_an_error_at_the_commit_itself_is_told(session: Any) -> None:
    """What the database looks at only at the COMMIT (a deferred constraint)."""
    if not is_postgresql(session):
        return
    with transaction(session) as unit:
        unit.execute(text("CREATE TABLE late (n integer UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
    late = insert(table("late", column("n", Integer))).values(n=bindparam("n")).inline()
    with pytest.raises(IntegrityError), transaction(session) as unit:
        send(unit, NOTE, note("beside"))
        send(unit, late, {"n": 1})
        send(unit, late, {"n": 1})
    assert count(session, "beside") == 0


@pytest.mark.feature("MNT-01")
def test_a_plan_that_a_migration_made_useless_does_not_stay(session: Any, database: Any) -> None:
    if not is_postgresql(session):
        return
    with transaction(session) as unit:
        unit.execute(text("CREATE TABLE changing (n varchar(5))"))
    engine = create_engine(database.url, pool_size=1, max_overflow=0)
    statement = select(table("changing", column("n", String)).c.n)
    assert prepared.ask_alone(engine, statement, {}).rows == []
    with transaction(session) as unit:
        unit.execute(text("ALTER TABLE changing ALTER n TYPE integer USING n::integer"))
    with pytest.raises(DBAPIError, match="cached plan"):
        prepared.ask_alone(engine, statement, {})
    assert prepared.ask_alone(engine, statement, {}).rows == []
    engine.dispose()


@pytest.mark.feature("AUD-01")
def test_a_server_that_dies_in_the_middle_of_an_exchange_is_told(session: Any, database: Any) -> None:
    if not is_postgresql(session):
        return
    slow = select(func.pg_sleep(bindparam("seconds", type_=Float)))
    with pytest.raises(DBAPIError) as caught, transaction(session) as unit:
        own = unit.scalar(text("SELECT pg_backend_pid()"))

        def kill() -> None:
            with database.engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})

        send(unit, NOTE, note("cut"))
        timer = threading.Timer(0.2, kill)
        timer.start()
        asked(unit, slow, {"seconds": 10.0})
    timer.join()
    assert caught.value.connection_invalidated
    with transaction(session) as unit:
        send(unit, NOTE, note("after"))
    assert [count(session, action) for action in ("cut", "after")] == [0, 1]


@pytest.mark.feature("AUD-01")
@pytest.mark.parametrize("fails", ["constraint", "not one"])
def test_the_next_session_on_the_same_connection_knows_nothing_of_an_error(database: Any, fails: str) -> None:
    engine = create_engine(database.url, pool_size=1, max_overflow=0)
    with Session(engine) as one:
        with pytest.raises((IntegrityError, StaleDataError)), transaction(one) as unit:
            count(unit, "warm")
            send(unit, NOTE, note("one"))
            if fails == "constraint":
                send(unit, NOTE, note(None))
            else:
                send(unit, RENAME, {"old": "none", "new": "new"}, one_or=StaleDataError("not one"))
            count(unit, "one")
        with Session(engine) as two, transaction(two) as unit:
            send(unit, NOTE, note("two"))
        assert [count(one, action) for action in ("one", "two")] == [0, 1]
    engine.dispose()


@pytest.mark.feature("AUD-01")
def test_rows_that_were_half_read_lose_nothing_that_was_sent(session: Any) -> None:
    with transaction(session) as unit:
        for name in ("a", "b", "c"):
            send(unit, NOTE, note(name))
    with transaction(session) as unit:
        left = unit.execute(select(TABLE.c.action), execution_options={"stream_results": True, "max_row_buffer": 1})
        first = next(iter(left))
        send(unit, NOTE, note("between"))
        assert first and count(unit, "between") == 1
        send(unit, NOTE, note("behind"))
    assert [count(session, action) for action in ("between", "behind")] == [1, 1]


@pytest.mark.feature("RPR-01")
def test_it_begins_with_the_isolation_that_was_asked_for(session: Any, database: Any) -> None:
    """An export reads all as of one instant, whichever statement comes first."""
    if not is_postgresql(session):
        return
    with Session(database.engine) as other:
        other.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        assert count(other, "later") == 0
        with transaction(session) as unit:
            send(unit, NOTE, note("later"))
        assert count(other, "later") == 0
        assert other.scalar(text("SHOW transaction_isolation")) == "repeatable read"


@pytest.mark.feature("AUD-01")
def test_a_server_that_dies_within_a_savepoint_is_told_as_such(session: Any, database: Any) -> None:
    if not is_postgresql(session):
        return
    with pytest.raises(DBAPIError) as caught, transaction(session) as unit:
        own = unit.scalar(text("SELECT pg_backend_pid()"))
        with unit.begin_nested():
            unit.execute(text("SELECT 1"))
            send(unit, NOTE, note("lost"))
            with database.engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
            count(unit, "lost")
    assert caught.value.connection_invalidated
    assert count(session, "lost") == 0


@pytest.mark.feature("MNT-03")
def test_a_new_row_that_was_taken_back_is_new_again(session: Any, world: World) -> None:
    """SQLite gives its number to the next one, and nobody finds a row that there is not."""
    first = add_visit(session, world.own, world.worker, DAY)
    session.flush()
    session.refresh(first)
    names = set(Visit.__mapper__.columns.keys()) - {"id", "client_key"}
    values = {name: value for name, value in first.__dict__.items() if name in names}
    session.rollback()
    lost, kept = Visit(**values), Visit(**values)
    with pytest.raises(KeyError), transaction(session) as unit:
        write_new(unit, lost)
        key = lost.id
        raise KeyError
    assert lost not in session and session.get(Visit, key) is None
    with transaction(session) as unit:
        write_new(unit, kept)
    assert kept in session and session.get(Visit, kept.id) is kept and lost not in session

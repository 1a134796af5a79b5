"""Statements that deeds ask all day: they answer as any, and what nobody waits for is written in its place or not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import psycopg
import pytest
from sqlalchemy import (
    bindparam,
    create_engine,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from app import driver, prepared
from app.direct_rows import columns_of, next_key, row_of, write_new
from app.errors import Refusal
from app.models import AuditEntry, MaintenanceClock, Person, Region, Visit
from app.transaction import asked, asked_in_turn, send, transaction
from app.workflows.maintenance import clock_rows
from app.workflows.visits import visits
from tests.factories import World
from tests.workflows.clock_world import add_visit

DAY = dt.date(2026, 3, 2)
TABLE: Any = AuditEntry.__table__
AT = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
NAMES = ("at", "actor_name", "via", "action", "entity")
NOTE: Any = insert(TABLE).values({name: bindparam(name) for name in NAMES}).inline()
COUNT = select(func.count()).where(TABLE.c.action == bindparam("action"))
RENAME: Any = update(TABLE).where(TABLE.c.action == bindparam("old")).values(action=bindparam("new"))
REGION: Any = insert(Region.__table__).values(code=bindparam("code"), name=bindparam("name"), level="province").inline()
WRONG: Any = update(Region.__table__).where(text("no_such_column = 1")).values(code=bindparam("code"))
DRAWN = select(next_key(Visit))
NEW = ("elevator_id", "unit_id", "region_code", "worker_id", "visit_on", "checked_in_at", "received_at", "snapshot")
TYPED = (Visit, Person, MaintenanceClock, AuditEntry)


def note(action: str | None) -> dict[str, Any]:
    return {"at": AT, "actor_name": "甲", "via": "test", "action": action, "entity": "none"}


def count(session: Any, action: str) -> int:
    return int(asked(session, COUNT, {"action": action}).rows[0][0])


def is_postgresql(session: Any) -> bool:
    return bool(session.get_bind().dialect.name == "postgresql")


def prepared_count(session: Any) -> int:
    held = text("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'tian%'")
    return int(session.scalar(held)) if is_postgresql(session) else 0


@pytest.mark.feature("MNT-03")
@pytest.mark.parametrize("model", TYPED)
def test_columns_are_what_their_types_say(session: Any, world: World, model: Any) -> None:
    visit = add_visit(session, world.own, world.worker, DAY)
    visit.snapshot, visit.in_latitude = {"code": "梯", "n": [1, None]}, 30.25
    session.add(AuditEntry(**note("typed"), before={"a": 1.5}))
    clock_rows.held(session, world.own.id)
    session.commit()
    statement = select(*columns_of(model))
    plain = [tuple(row) for row in session.execute(statement)]
    assert plain and asked(session, statement, {}).rows == plain


@pytest.mark.feature("MNT-03")
def test_a_row_that_was_read_is_the_sessions(session: Any, world: World, database: Any) -> None:
    visit = add_visit(session, world.own, world.worker, DAY)
    session.commit()
    key, worker = visit.id, world.worker.id
    session.rollback()
    statement = select(*columns_of(Visit)).where(Visit.__table__.c.id == bindparam("key"))
    with Session(database.engine) as other:
        [columns] = asked(other, statement, {"key": key}).rows
        row = row_of(other, Visit, columns)
        assert row is other.get(Visit, key) and not other.dirty and row.worker.id == worker
        row.note = "后来"
        # What it is now wins over what was begun here.
        assert row_of(other, Visit, columns) is row and row.note is None and not other.is_modified(row)
        row.note = "又一次"
        other.commit()
    assert session.get(Visit, key).note == "又一次"


@pytest.mark.feature("MNT-03")
def test_what_the_database_works_out_is_read_when_looked_at(session: Any, world: World) -> None:
    clock = clock_rows.held(session, world.own.id)
    values = {name: getattr(clock, name) for name in MaintenanceClock.__mapper__.columns.keys()}  # noqa: SIM118
    session.delete(clock)
    session.flush()
    row = MaintenanceClock(**{name: value for name, value in values.items() if name not in ("due_on", "cover_on")})
    row.covered_until = DAY
    write_new(session, row)
    assert row.cover_on == DAY


@pytest.mark.feature("AUD-01")
def test_what_nobody_waits_for_stands_in_its_place(session: Any) -> None:
    with transaction(session) as unit:
        send(unit, NOTE, note("first"))
        send(unit, RENAME, {"old": "first", "new": "second"})
        assert (count(unit, "first"), count(unit, "second")) == (0, 1)
        send(unit, NOTE, note("third"))
        # Those who ask the usual way find it as well.
        assert unit.scalar(select(func.count()).where(TABLE.c.action == "third")) == 1
        send(unit, NOTE, note("last"))
    session.rollback()
    assert [count(session, action) for action in ("second", "third", "last")] == [1, 1, 1]


@pytest.mark.feature("AUD-01")
@pytest.mark.parametrize("how", ["commit", "asked", "usual"])
def test_its_error_undoes_all(session: Any, how: str) -> None:
    with pytest.raises(IntegrityError), transaction(session) as unit:
        count(unit, "warm")
        send(unit, NOTE, note("kept"))
        send(unit, NOTE, note(None))
        send(unit, NOTE, note("after"))
        if how == "asked":
            count(unit, "kept")
        elif how == "usual":
            unit.execute(select(TABLE.c.id))
    assert (count(session, "kept"), count(session, "after")) == (0, 0)


@pytest.mark.feature("AUD-01")
@pytest.mark.parametrize("found", [0, 1, 2])
@pytest.mark.parametrize("asks", [True, False])
def test_one_row_or_nothing_is_committed(session: Any, found: int, asks: bool) -> None:
    with transaction(session) as unit:
        for _ in range(found):
            send(unit, NOTE, note("old"))

    def change() -> None:
        with transaction(session) as unit:
            send(unit, NOTE, note("beside"))
            send(unit, RENAME, {"old": "old", "new": "new"}, one_or=StaleDataError("not one"))
            if asks:
                count(unit, "new")

    if found == 1:
        change()
    else:
        with pytest.raises(StaleDataError):
            change()
    assert count(session, "beside") == count(session, "new") == (found == 1)


@pytest.mark.feature("MNT-01")
@pytest.mark.parametrize("how", ["commit", "asked"])
def test_what_a_constraint_forbids_is_told_in_the_words_that_came_along(session: Any, how: str) -> None:
    """Whenever the database says so; and nothing beside it is committed."""
    with transaction(session) as unit:
        send(unit, REGION, {"code": "980000000000", "name": "甲"})
    with pytest.raises(KeyError, match="there already") as caught, transaction(session) as unit:
        send(unit, NOTE, note("beside"))
        send(unit, REGION, {"code": "980000000000", "name": "乙"}, taken=lambda _name: KeyError("there already"))
        send(unit, NOTE, note("behind"))
        if how == "asked":
            count(unit, "beside")
    assert isinstance(caught.value.__cause__, psycopg.IntegrityError if is_postgresql(session) else IntegrityError)
    assert [count(session, action) for action in ("beside", "behind")] == [0, 0]
    # Another error is no such thing.
    with pytest.raises(DBAPIError), transaction(session) as unit:
        count(unit, "warm")
        send(unit, WRONG, {"code": "x"}, taken=lambda _name: KeyError("there already"))
    with transaction(session) as unit:
        send(unit, NOTE, note("next"))
    assert count(session, "next") == 1


@pytest.mark.feature("MNT-01")
def test_a_row_with_a_number_that_was_drawn_is_written_with_what_comes_next(session: Any, world: World) -> None:
    visit = add_visit(session, world.own, world.worker, DAY)
    session.commit()
    other = {name: getattr(visit, name) for name in NEW}
    session.rollback()

    def begun(client_key: str) -> Visit:
        with transaction(session) as unit:
            [[number]] = asked(unit, DRAWN, {}).rows
            assert (number is not None) is is_postgresql(unit)
            made = Visit(**other | {"client_key": client_key, "state": "void"})
            write_new(unit, made, number=number, taken=lambda name: KeyError(f"begun already: {name}"))
            assert number in (None, made.id) and made in unit
            send(unit, NOTE, note("begun"))
        return made

    keys = [begun("one").id, begun("two").id]
    assert keys[1] > keys[0] > visit.id and session.get(Visit, keys[1]).client_key == "two"
    session.rollback()
    with pytest.raises(KeyError, match="begun already: uq_visit_client_key"):
        begun("two")
    assert session.scalar(select(func.count()).select_from(Visit)) == 3 and count(session, "begun") == 2


@pytest.mark.feature("MNT-01")
@pytest.mark.parametrize("drawn", [True, False])
def test_each_constraint_that_two_check_ins_at_once_may_meet_has_its_own_words(
    session: Any, world: World, drawn: bool
) -> None:
    """One visit at a time and one visit a key; whatever else stands against a visit is a fault and told as one."""
    visit = add_visit(session, world.own, world.worker, DAY, state="open", client_key="one")
    session.commit()
    other = {name: getattr(visit, name) for name in NEW}
    session.rollback()

    def begin(**fields: Any) -> None:
        with transaction(session) as unit:
            [[number]] = asked(unit, DRAWN, {}).rows
            made = Visit(**other | fields)
            write_new(unit, made, number=number if drawn else None, taken=visits.came_first)

    with pytest.raises(Refusal) as running:
        begin(state="open", client_key="two")
    with pytest.raises(Refusal) as keyed:
        begin(state="void", client_key="one")
    told = [[f.found for f in caught.value.findings] for caught in (running, keyed)]
    assert told == [["刚刚已有一次签到"], ["同一次提交刚刚已经收到"]]
    for caught in (running, keyed):
        assert isinstance(caught.value.__cause__, IntegrityError | psycopg.IntegrityError)
    with pytest.raises(IntegrityError):
        begin(state="void", client_key="three", region_code=None)
    assert session.scalar(select(func.count()).select_from(Visit)) == 1


@pytest.mark.feature("AUD-01")
def test_what_waits_when_it_is_broken_off_is_never_sent(session: Any) -> None:
    with pytest.raises(KeyError), transaction(session) as unit:
        send(unit, NOTE, note("never"))
        raise KeyError
    with transaction(session) as unit:
        send(unit, NOTE, note("ever"))
    assert (count(session, "never"), count(session, "ever")) == (0, 1)


@pytest.mark.feature("MNT-03")
def test_a_savepoint_takes_back_what_was_sent_in_it(session: Any) -> None:
    with transaction(session) as unit:
        send(unit, NOTE, note("before"))
        with pytest.raises(KeyError), unit.begin_nested():
            send(unit, NOTE, note("inside"))
            raise KeyError
        send(unit, NOTE, note("behind"))
    assert [count(session, action) for action in ("before", "inside", "behind")] == [1, 0, 1]


@pytest.mark.feature("MNT-01")
def test_it_is_prepared_at_once_and_for_good(session: Any) -> None:
    session.execute(text("SELECT 1"))
    before = prepared_count(session)
    for _ in range(3):
        count(session, "any")
    assert prepared_count(session) == before + is_postgresql(session)
    session.rollback()
    count(session, "any")
    assert prepared_count(session) == before + is_postgresql(session)


@pytest.mark.feature("MNT-01")
def test_errors_leave_nothing_prepared_behind(session: Any) -> None:
    for _ in range(3):
        with pytest.raises(IntegrityError), transaction(session) as unit:
            count(unit, "any")
            asked(unit, NOTE, note(None))
        assert prepared_count(session) == 0
        session.rollback()
    assert count(session, "any") == 0


@pytest.mark.feature("MNT-01")
def test_the_oldest_makes_room(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "MOST_READY", 2)
    statements = [select(func.count()).select_from(Region.__table__).where(text(f"{n} = {n}")) for n in range(4)]
    with transaction(session) as unit:
        for statement in (*statements, *statements):
            assert asked(unit, statement, {}).number == 1
        assert prepared_count(unit) <= 2


@pytest.mark.feature("MNT-01")
def test_a_dead_connection_is_given_up(session: Any, database: Any) -> None:
    if not is_postgresql(session):
        assert count(session, "any") == 0
        return
    with pytest.raises(DBAPIError) as caught, transaction(session) as unit:
        own = unit.scalar(text("SELECT pg_backend_pid()"))
        with database.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
        send(unit, NOTE, note("lost"))
        count(unit, "lost")
    assert caught.value.connection_invalidated
    assert count(session, "lost") == 0


def test_what_is_not_the_same_each_time_is_refused(session: Any) -> None:
    listed = select(TABLE.c.id).where(TABLE.c.action.in_(bindparam("names", expanding=True)))
    defaulted = update(Person.__table__).values(name=bindparam("new"))
    if is_postgresql(session):
        for statement in (listed, defaulted):
            with pytest.raises(ValueError, match="not the same each time"):
                prepared.ask(session.connection(), statement, {"names": ["a"], "new": "b"})
    with pytest.raises(Exception, match="action"):
        asked(session, COUNT, {})


@pytest.mark.feature("MNT-01")
def test_connections_that_are_not_ours_are_asked_the_usual_way(session: Any, database: Any) -> None:
    """An engine that connected before the application was there has the driver's own."""
    if not is_postgresql(session):
        assert count(session, "any") == 0
        return
    plain = create_engine(database.url, creator=lambda: psycopg.connect(database.url.replace("+psycopg", "")))
    with Session(plain) as other, transaction(other) as unit:
        send(unit, NOTE, note("plainly"))
        assert count(unit, "plainly") == 1
    assert prepared.ask_alone(plain, COUNT, {"action": "plainly"}).rows == [(1,)]
    plain.dispose()


@pytest.mark.feature("MNT-01")
def test_several_are_asked_one_after_the_other(session: Any) -> None:
    """In order, after what waits, and an error of one undoes all."""
    with transaction(session) as unit:
        send(unit, NOTE, note("first"))
        names = {"old": "first", "new": "second"}
        renamed, counted = asked_in_turn(unit, (RENAME, names), (COUNT, {"action": "second"}))
        assert (renamed.number, counted.rows) == (1, [(1,)])
    with pytest.raises(DBAPIError), transaction(session) as unit:
        asked_in_turn(unit, (COUNT, {"action": "second"}), (NOTE, note(None)), (COUNT, {"action": "second"}))
    with transaction(session) as unit:
        assert count(unit, "second") == 1

"""PostgreSQL's driver as we use it: what was prepared outlives a page, what a page asks is planned for its values.

On SQLite, which prepares nothing of the kind, the same deeds and pages just go through.
"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from sqlalchemy import bindparam, create_engine, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.extensions import db
from app.models import Region
from app.transaction import PREPARED_AFTER, asked_alone, transaction

ASKED = select(func.count()).select_from(Region.__table__).where(Region.__table__.c.code >= bindparam("code"))
PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM region%'")


@pytest.fixture
def place(app: Any, database: Any) -> Any:
    """Within the application, by one connection and from the start."""
    with app.app_context():
        db.engine.dispose()
        yield app
        db.session.remove()


def is_postgresql() -> bool:
    return db.engine.dialect.name == "postgresql"


def ask(session: Any, times: int = PREPARED_AFTER + 1) -> None:
    for _ in range(times):
        session.execute(ASKED, {"code": "0"}).scalar_one()


def prepared() -> bool:
    return is_postgresql() and db.session.scalar(PREPARED) == 1


@pytest.mark.feature("MNT-01")
def test_what_a_deed_prepared_outlives_a_page(place: Any) -> None:
    with transaction(db.session) as session:
        ask(session)
    assert prepared() is is_postgresql()
    db.session.rollback()
    db.session.remove()
    assert prepared() is is_postgresql()


@pytest.mark.feature("MNT-01")
def test_a_page_is_planned_for_its_values(place: Any) -> None:
    with place.test_request_context("/"):
        ask(db.session)
        assert not prepared()
        db.session.rollback()
        for _ in range(PREPARED_AFTER + 1):
            asked_alone(db.session, ASKED, {"code": "0"})
        # Who asks is looked for by key, as a deed looks for rows.
        assert prepared() is is_postgresql()


@pytest.mark.feature("MNT-01")
def test_after_an_error_the_driver_forgets_as_it_always_did(place: Any) -> None:
    with transaction(db.session) as session:
        ask(session)
    with pytest.raises(IntegrityError), transaction(db.session) as session:
        session.execute(text("INSERT INTO region (code) VALUES (NULL)"))
    assert not prepared()
    with transaction(db.session) as session:
        ask(session)
        assert prepared() is is_postgresql()


def test_columns_are_told_when_asked(place: Any) -> None:
    both = "SELECT 1 AS one, 'x' AS two"
    assert list(db.session.execute(text(both)).keys()) == ["one", "two"]
    driver = db.session.connection().connection.driver_connection
    cursor = driver.execute(both)
    assert [column[0] for column in cursor.description] == ["one", "two"] and len(cursor.description) == 2
    if is_postgresql():
        plain = psycopg.Cursor(driver).execute(both)
        assert [tuple(column) for column in cursor.description] == [tuple(column) for column in plain.description or ()]
        assert driver.execute("SET LOCAL statement_timeout = 0").description is None


def test_no_statement_is_compiled_by_the_server(place: Any) -> None:
    """Compiling takes longer than the look-ups that PostgreSQL takes for costly; SQLite compiles nothing."""
    if not is_postgresql():
        return
    for _ in range(2):
        assert db.session.execute(text("SHOW jit")).scalar_one() == "off"
        db.session.rollback()


@pytest.mark.feature("AUD-01")
def test_no_error_tells_the_values_of_its_statement(database: Any) -> None:
    """What a page logs of a failure is a statement without what people typed."""
    engine = create_engine(database.url, **db._engine_options)
    with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("SELECT missing FROM nowhere WHERE name = :name"), {"name": "顾以宁"})
    engine.dispose()
    assert "nowhere" in str(caught.value) and "顾以宁" not in str(caught.value)

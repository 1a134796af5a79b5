"""The Flask extensions, made once and bound in the factory. Of ours they import the driver only."""

from __future__ import annotations

import select
import time
from typing import Any

from flask_appbuilder import AppBuilder, Model
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import Pool

from app import driver

# Set before any model loads: Alembic can only drop what it can name, and SQLite rebuilds tables by name.
Model.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# One metadata with Flask-AppBuilder's own tables, so that foreign keys to ab_user hold.
# An error's text goes to the log: the statement, never the values, which are names, addresses and words of people.
db = SQLAlchemy(model_class=Model, session_options={"autoflush": True}, engine_options={"hide_parameters": True})
csrf = CSRFProtect()


class _Builder(AppBuilder):
    """FAB looks through all views that are there already, with each that comes, and there are hundreds."""

    def _view_exists(self, view: Any) -> bool:
        """A view that is added twice is an error: Flask refuses its second blueprint."""
        return False

    def _process_inner_views(self) -> None:
        """No view of ours has others within."""


def appbuilder_for(app: Any) -> AppBuilder:
    """A fresh AppBuilder per application (tests make several); kept in `app.appbuilder`."""
    builder = _Builder()
    builder.init_app(app, db.session)
    return builder


@event.listens_for(Engine, "connect")
def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    """WAL lets readers go on beside one writer; foreign keys are off in SQLite unless asked for."""
    if type(connection).__module__.startswith("sqlite3"):
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA busy_timeout=15000")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.close()


@event.listens_for(Engine, "do_connect")
def _by_our_driver(dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
    if dialect.driver != "psycopg":
        return None
    connection = driver.Connection.connect(*arguments, **named)
    # PostgreSQL compiles what it takes for costly, and takes looking up some rows in a wide table for costly: that
    # takes longer than what is compiled. In no transaction, so for as long as the connection lives.
    connection.pgconn.exec_(b"SET jit = off")
    return connection


# A connection that lay this long is asked whether its server still answers; until then its socket says so.
ASK_AFTER_SECONDS = 5.0


@event.listens_for(Pool, "checkin")
def _given_back(_connection: Any, record: Any) -> None:
    record.info["lay_since"] = time.monotonic()


@event.listens_for(Pool, "checkout")
def _alive(connection: Any, record: Any, _proxy: Any) -> None:
    """A connection that the server closed meanwhile is replaced before it is used; asking each time costs as much as
    a statement. Whoever closed it, or wants to say so, has made its socket readable.
    """
    lay_since = record.info.get("lay_since")
    if lay_since is None or not isinstance(connection, driver.Connection):
        return
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0) and time.monotonic() - lay_since < ASK_AFTER_SECONDS:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except Exception as error:
        raise InvalidatePoolError("the server closed the connection") from error

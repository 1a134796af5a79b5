"""The Flask extensions, made once and bound in the factory. No imports of ours besides types."""

from __future__ import annotations

from typing import Any

from flask_appbuilder import AppBuilder, Model
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import event
from sqlalchemy.engine import Engine

# Set before any model loads: Alembic can only drop what it can name, and SQLite rebuilds tables by name.
Model.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# One metadata with Flask-AppBuilder's own tables, so that foreign keys to ab_user hold.
db = SQLAlchemy(model_class=Model, session_options={"autoflush": True})
csrf = CSRFProtect()


def appbuilder_for(app: Any) -> AppBuilder:
    """A fresh AppBuilder per application (tests make several); kept in `app.appbuilder`."""
    builder = AppBuilder()
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

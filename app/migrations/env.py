"""Alembic's environment: the app's engine and metadata; our types render as plain SQLAlchemy ones."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import JSON

import app.models  # noqa: F401 - fills the metadata
from app import search
from app.models.base import Instant

database = current_app.extensions["migrate"].db


def render_item(kind: str, item: Any, autogen: Any) -> str | bool:
    """Revisions outlive the classes that they were made from."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False


# Indexes that one database alone has, as their models say by `ddl_if`.
OF_ONE = {"ix_elevator_filing": "sqlite", "ix_elevator_figures": "postgresql"}


def is_ours(_object: Any, name: str | None, kind: str, *_more: Any) -> bool:
    """Not the search index, which no model describes: SQLite's tables, PostgreSQL's indexes over pairs and its table
    of open filings."""
    named = name or ""
    if kind == "index" and named in OF_ONE:
        return bool(database.engine.dialect.name == OF_ONE[named])
    return not (kind == "table" and named.startswith("search_")) and not (kind == "index" and named.endswith("_grams"))


def run() -> None:
    options = current_app.extensions["migrate"].configure_args
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # Batch mode rebuilds tables; enforced keys would cascade into the rows of others. Past SQLAlchemy, which
            # would begin a transaction first: inside one the pragma does nothing.
            connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection, target_metadata=database.metadata, render_item=render_item,
            include_object=is_ours, **options
        )
        try:
            with context.begin_transaction():
                context.run_migrations()
            if set(context.get_context().get_current_heads()) == set(context.script.get_heads()):
                search.keep(connection)
                connection.commit()
        finally:
            if connection.dialect.name == "sqlite":
                connection.connection.cursor().execute("PRAGMA foreign_keys=ON")  # it goes back to the pool


run()

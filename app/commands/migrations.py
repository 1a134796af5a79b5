"""`flask db …`: Flask-Migrate's commands on the product's revisions; Alembic is loaded for them alone."""

from __future__ import annotations

from flask import Flask
from flask_migrate import Migrate

import config
from app.extensions import db


def register(app: Flask) -> None:
    """Add them, and what the revisions' environment asks for."""
    directory = str(config.ROOT / "app" / "migrations")
    Migrate(render_as_batch=True, compare_type=True).init_app(app, db, directory=directory)

"""Phone pages: the worker on site and the use unit's review."""

from __future__ import annotations

from typing import Any


def register(app: Any) -> None:
    """Add the phone blueprint at /m."""
    from app.field import duty, gate, join, outbox, own, public  # noqa: F401  (each adds its pages to the blueprint)
    from app.field.pages import field

    app.register_blueprint(field)

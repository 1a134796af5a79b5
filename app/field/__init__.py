"""Phone pages: the worker on site and the use unit's review."""

from __future__ import annotations

from typing import Any


def register(app: Any) -> None:
    """Add the phone blueprint at /m."""
    from app.field import public  # noqa: F401  (adds its page to the blueprint)
    from app.field.pages import field

    app.register_blueprint(field)

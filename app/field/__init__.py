"""Phone pages: the worker on site and the use unit's review."""

from __future__ import annotations

from typing import Any


def register(app: Any) -> None:
    """Add the phone blueprint at /m."""
    # Each adds its pages to the blueprint.
    from app.field import (
        complaints,
        duty,
        gate,
        join,
        outbox,
        own,
        public,
        repairs # noqa: F401,
        rescues,
        trapped # noqa: F401,
    )
    from app.field.pages import field

    app.register_blueprint(field)

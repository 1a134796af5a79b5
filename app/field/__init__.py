"""Phone pages: the worker on site and the use unit's review."""

from __future__ import annotations

from typing import Any


def register(app: Any) -> None:
    """Add the phone blueprint at /m."""
    # Each adds its pages to the blueprint.
    from app.field import (  # noqa: F401
        alarm,
        assigning,
        complaints,
        confirm,
        duty,
        gate,
        handbook,
        join,
        looking,
        outbox,
        own,
        position,
        public,
        reading,
        repairs,
        rescues,
        together,
        trapped,
    )
    from app.field.pages import field

    app.register_blueprint(field)

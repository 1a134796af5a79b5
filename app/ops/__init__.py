"""The operators' console at /ops (Flask-Admin): read and retry, platform administrators only."""

from __future__ import annotations

from typing import Any


def register(app: Any) -> None:
    """Add the console."""
    from app.ops import console

    console.register(app)

"""Phone pages: the worker on site and the use unit."""

from __future__ import annotations

from typing import Any


def register(app: Any) -> None:
    """Add the phone blueprint."""

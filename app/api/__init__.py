"""REST for phones and other systems, with OpenAPI at /swagger/v1."""

from __future__ import annotations

from typing import Any


def register(appbuilder: Any) -> None:
    """Add every API class; one line each."""
    from app.api import applications, elevators, me, visits

    me.register(appbuilder)
    elevators.register(appbuilder)
    applications.register(appbuilder)
    visits.register(appbuilder)

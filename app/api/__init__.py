"""REST for phones and other systems, with OpenAPI at /swagger/v1."""

from __future__ import annotations

from typing import Any


def register(appbuilder: Any) -> None:
    """Add every API class; one line each."""
    from flask import current_app

    from app.api import (
        applications,
        applying,
        base,
        clocks,
        contracts,
        deciding,
        elevators,
        files,
        filing,
        me,
        policy,
        proof,
        safety,
        talking,
        units,
        visits,
    )

    # After the limits: a storm of worthless tokens is counted too.
    current_app.before_request(base.refuse_dead_tokens)
    for area in (
        me, units, elevators, filing, applications, applying, deciding, talking, files, contracts, policy, clocks,
        visits, safety, proof,
    ):  # fmt: skip
        area.register(appbuilder)

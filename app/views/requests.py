"""What happens around each request: who acts, request id, session limits, security headers."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Flask, Response, g, request
from flask_login import current_user

from app.permissions import NOBODY, Actor, Role

KNOWN_ROLES = {r.value for r in Role}


def actor_of(account: Any, via: str = "web", address: str | None = None) -> Actor:
    """The acting account as workflows know it. An unknown FAB role grants nothing."""
    if account is None or not account.is_authenticated or not account.is_active:
        return NOBODY
    return Actor(
        user_id=account.id,
        name=account.get_full_name(),
        roles=frozenset(Role(r.name) for r in account.roles if r.name in KNOWN_ROLES),
        region_code=account.region_code,
        unit_id=account.unit_id,
        person_id=account.person_id,
        is_main=account.is_main,
        sees_all_elevators=account.is_main or account.sees_all_elevators,
        via=via,
        address=address,
    )


def install(app: Flask) -> None:
    """Hook the request cycle; runs before FAB's own hooks that read the user."""

    @app.before_request
    def _who() -> None:
        g.request_id = request.headers.get("X-Request-Id", "")[:40] or secrets.token_hex(8)
        g.csp_nonce = secrets.token_urlsafe(16)
        g.actor = actor_of(current_user._get_current_object(), "web", request.remote_addr)  # type: ignore[attr-defined]

    @app.after_request
    def _headers(response: Response) -> Response:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers["X-Request-Id"] = g.get("request_id", "")
        return response

"""What happens around each request: who acts, request id, session limits, security headers."""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, g, request
from flask_login import current_user

from app.permissions import NOBODY
from app.workflows.actors import actor_of

# What a proxy in front may give; anything else is replaced, so that nobody writes his own text into the logs.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")


def install(app: Flask) -> None:
    """Hook the request cycle; runs before FAB's own hooks that read the user."""

    @app.before_request
    def _who() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        g.csp_nonce = secrets.token_urlsafe(16)
        g.actor = actor_of(current_user._get_current_object(), "web", request.remote_addr)  # type: ignore[attr-defined]

    @app.after_request
    def _headers(response: Response) -> Response:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers.setdefault("Content-Security-Policy", _policy(request.path, g.get("csp_nonce", "")))
        if g.get("actor", NOBODY).user_id is not None and not request.path.startswith("/static"):
            # A shared computer's back button must not show the last person's pages.
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response


def _policy(path: str, nonce: str) -> str:
    """Scripts by nonce only; styles inline too, as Flask-AppBuilder and the bars need. The console is looser."""
    script = "'self' 'unsafe-inline'" if path.startswith(("/ops", "/swagger")) else f"'self' 'nonce-{nonce}'"
    return (
        f"default-src 'self'; script-src {script}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    )

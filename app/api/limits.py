"""How often the API may be called: by token (or session), and by address whatever the tokens.

Counted in Redis where the product has one, so that all web processes count together; else each process for itself.
A count that cannot be kept stops nobody. Pages are not counted: they have their own locks (workflows/signin.py).
"""

from __future__ import annotations

import hashlib

from flask import Flask, current_app, g, request
from flask_limiter import ApplicationLimit, Limiter

from app.permissions import NOBODY

PREFIX = "/api/"


def install(app: Flask) -> None:
    """Count every call below /api/; one too many is 429 with Retry-After."""
    limiter = Limiter(
        address,
        app=app,
        application_limits=[
            ApplicationLimit(lambda: str(current_app.config["API_LIMIT_TOKEN"]), key_function=caller, scope="token"),
            ApplicationLimit(
                lambda: str(current_app.config["API_LIMIT_ADDRESS"]), key_function=address, scope="address"
            ),
        ],
        headers_enabled=True,
        storage_uri=app.config["RATELIMIT_STORAGE_URI"],
        strategy="moving-window",
        swallow_errors=True,
        key_prefix="tian-api",
    )
    limiter.request_filter(_not_counted)


def _not_counted() -> bool:
    return not current_app.config["API_LIMITED"] or not request.path.startswith(PREFIX)


def caller() -> str:
    """The token as a digest, for what is counted is also stored; else the session's account; else the address."""
    given = request.headers.get("Authorization")
    if given:
        return hashlib.sha256(given.encode()).hexdigest()[:32]
    # The session's cookie would not do: it is another one after every answer.
    number = g.get("actor", NOBODY).user_id
    return address() if number is None else f"account-{number}"


def address() -> str:
    return request.remote_addr or "unknown"

"""Reading the tokens that `/api/v1/security/login` gives, cheaply: the same one comes with each call of a phone."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import jwt
from flask import current_app
from flask_jwt_extended.config import config


def read(text: str) -> dict[str, Any] | None:
    """What a good access token says; None for anything else. Whose it is, and whether he still is, is asked apart."""
    try:
        data = _signed(text, config.decode_key, current_app.config["JWT_DECODE_AUDIENCE"])
    except jwt.PyJWTError:
        return None
    good = data.get("type") == "access" and data.get("exp", 0) > time.time() - config.leeway
    return data if good else None


@lru_cache(maxsize=4096)
def _signed(text: str, key: str, audience: str) -> dict[str, Any]:
    """Whether a text carries our signature does not change; whether it ran out is asked each time."""
    return jwt.decode(
        text, key, algorithms=config.decode_algorithms, audience=audience, issuer=config.decode_issuer,
        leeway=config.leeway, options={"require": ["exp", "sub", "type"], "verify_exp": False},
    )  # fmt: skip

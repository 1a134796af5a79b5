"""That a phone was on line with its account signed in, signed by us: what an offline visit's times are held against."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from app.rules.offline import Contact

_SALT = "phone-contact"


def give(account_id: int, shown_at: dt.datetime, at: dt.datetime) -> str:
    """A contact now, with what the phone's own clock showed; good for this account alone."""
    told: str = _signer().dumps([account_id, _ms(at), _ms(shown_at) - _ms(at)])
    return told


def read(text: str) -> tuple[int, Contact] | None:
    """Whose contact it was and when; None for anything that we did not sign."""
    try:
        held: Any = _signer().loads(text)
        account_id, at, ahead = (int(part) for part in held)
        contact = Contact(dt.datetime.fromtimestamp(at / 1000, dt.UTC), dt.timedelta(milliseconds=ahead))
    except (BadSignature, ValueError, TypeError, OverflowError):
        return None
    return account_id, contact


def _ms(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1000)


def _signer() -> URLSafeSerializer:
    key = str(current_app.config["SECRET_KEY"])
    return URLSafeSerializer(key, salt=_SALT, signer_kwargs={"digest_method": hashlib.sha256})

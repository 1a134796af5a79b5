"""Photos that a refused form of a passer-by keeps: he has no account under which they could lie until it comes again.

The bytes lie on the disk already (`attachments.receive`), where what no row names stays for `STRAYS_LAST`; the form
carries what is known of them, signed, and good for this label and a day. No database holds anything of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from app.workflows.files import attachments
from app.workflows.files.attachments import Received
from app.workflows.files.sent_ahead import LASTS

_SALT = "held-photos"


def give(token: str, photos: Iterable[Received]) -> list[tuple[str, str]]:
    """The name of each and what the form says of it."""
    return [(photo.name, _signer().dumps([token, asdict(photo)])) for photo in photos]


def read(token: str, texts: Iterable[str]) -> list[Received]:
    """The photos that the form brings again; without those that we did not sign for this label, or that are gone."""
    found = list[Received]()
    for text in dict.fromkeys(texts):
        try:
            held: Any = _signer().loads(text, max_age=int(LASTS.total_seconds()))
        except BadData:
            continue
        if held[0] == token:
            photo = Received(**held[1])
            if attachments.file_of(photo.sha256).is_file():
                found.append(photo)
    return found


def _signer() -> URLSafeTimedSerializer:
    key = str(current_app.config["SECRET_KEY"])
    return URLSafeTimedSerializer(key, salt=_SALT, signer_kwargs={"digest_method": hashlib.sha256})

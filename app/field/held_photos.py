"""Photos that a refused form of a passer-by keeps: he has no account under which they could lie until it comes again.

The bytes lie on the disk already (`attachments.receive`), where what no row names is swept once it is older than
`DRAFT_LASTS`; the form carries what is known of them, signed, and good for this label and a little less than that. No
database holds anything of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from app.workflows.files import attachments
from app.workflows.files.attachments import Received

_SALT = "held-photos"
# The sweep comes to nothing that a form may still bring.
LASTS = attachments.DRAFT_LASTS - dt.timedelta(minutes=10)


def give(token: str, photos: Iterable[Received]) -> list[tuple[str, str]]:
    """The name of each and what the form says of it; each is as good as one that came just now."""
    return [(photo.name, _signer().dumps([token, asdict(photo)])) for photo in photos if _there(photo)]


def read(token: str, texts: Iterable[str]) -> tuple[list[Received], int]:
    """The photos that the form brings again, and how many are none: those that we did not sign for this label, whose
    time is over, or that are gone. They stay on the disk until a row can name them."""
    found, wanted = list[Received](), dict.fromkeys(texts)
    for text in wanted:
        try:
            held: Any = _signer().loads(text, max_age=int(LASTS.total_seconds()))
            photo = Received(**held[1])
        except (BadData, TypeError):  # of an older release, it may say other things of a photo
            continue
        if held[0] == token and _there(photo):
            found.append(photo)
    return found, len(wanted) - len(found)


def _there(photo: Received) -> bool:
    """Whether its bytes are; the sweep takes them for new ones from now on."""
    try:
        for digest in filter(None, (photo.sha256, photo.thumb)):
            os.utime(attachments.file_of(digest))
    except FileNotFoundError:
        return False
    return True


def _signer() -> URLSafeTimedSerializer:
    key = str(current_app.config["SECRET_KEY"])
    return URLSafeTimedSerializer(key, salt=_SALT, signer_kwargs={"digest_method": hashlib.sha256})

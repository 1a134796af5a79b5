"""The number under which whoever complained finds the complaint again: drawn, not counted, so that none is guessed."""

from __future__ import annotations

import secrets

from sqlalchemy.exc import IntegrityError

from app.models import Complaint
from app.rules.complaints import TRACKING_LENGTH, TRACKING_SIGNS
from app.transaction import AnySession

# Tries at a number that nobody has; two of twelve signs that are alike are never seen.
TRIES = 3


def keep_numbered(session: AnySession, row: Complaint) -> None:
    """Write a new complaint under a number of its own."""
    for left in range(TRIES, 0, -1):
        row.number = "".join(secrets.choice(TRACKING_SIGNS) for _ in range(TRACKING_LENGTH))
        try:
            with session.begin_nested():
                session.add(row)
                session.flush()
        except IntegrityError:
            if left == 1:
                raise
            continue
        break

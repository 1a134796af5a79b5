"""What was done to a row, step by step, as its page tells it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from app import clock
from app.extensions import db
from app.models import StatusChange
from app.views.frame.told import told
from app.workflows.approval import submissions
from app.workflows.core import moves

# What was done, when and by whom, and the words that were given.
Told = tuple[str, str, str]


def course_of(entity: str, key: int, words: Mapping[str, Any]) -> list[Told]:
    """The steps of a row, the newest first; `words` says each verb."""
    return in_words(moves.steps_of(db.session, entity, key), words)


def in_words(steps: Collection[StatusChange], words: Mapping[str, Any], nobody: str = "") -> list[Told]:
    """The same of steps at hand; `nobody` is who took those that no account did."""
    names = submissions.names_of(db.session, (step.actor_id for step in steps))
    return [
        (
            str(words.get(step.verb, step.verb)),
            when(step.known_at, names.get(step.actor_id, nobody)),
            told(step.reason) if step.reason else "",
        )
        for step in steps
    ]


def when(at: dt.datetime, who: str) -> str:
    return f"{clock.local(at):%Y-%m-%d %H:%M}　{who}".strip()

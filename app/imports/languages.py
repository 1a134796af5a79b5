"""Our own headings and words in every language of the product: whoever works in English exports in English.

An import runs as a job, in Chinese; what comes back must be known in whichever language it was given out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import current_app, has_app_context
from flask_babel import force_locale, gettext

from app.imports.columns import kinds
from app.imports.synonyms import NO_FIELD, plain_word


def _each() -> Iterator[str]:
    if has_app_context():
        yield from current_app.config["LANGUAGES"]


def headings_of(kind: str) -> dict[str, str]:
    """Field by heading as `plain_word` gives it; a heading that means two fields in some language means none there."""
    found: dict[str, str] = {}
    for language in _each():
        with force_locale(language):
            told = [(plain_word(gettext(spec.label)), spec.name) for spec in kinds()[kind].columns]
        heads = [head for head, _ in told]
        found |= {head: name for head, name in told if heads.count(head) == 1}
    return found


def no_fields(kind: str) -> set[str]:
    """Headings of our own lists that no field stands for, in every language, as `plain_word` gives them."""
    words, found = NO_FIELD.get(kind, "").split(), set[str]()
    for language in _each() if words else ():
        with force_locale(language):
            found |= {plain_word(gettext(word)) for word in words}
    return found | set(words)


def own_word(word: str, choices: Mapping[str, Any]) -> str | None:
    """The choice that we call so in some language."""
    wanted = plain_word(word)
    for language in _each():
        with force_locale(language):
            found = [value for value, label in choices.items() if plain_word(label) == wanted]
        if len(found) == 1:
            return found[0]
    return None

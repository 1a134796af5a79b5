"""What rules and workflows said, in somebody's language: the reader's of a request, or one that is named.

Chinese stays as it is. Outside an application there are no catalogues, and everything is told in Chinese.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app, has_app_context
from flask_babel import force_locale, get_locale, gettext

from app.wording import Said, Theirs, Together, heard, ours


def told(text: Any) -> Any:
    """A text as its reader's catalogue has it, its values too; what no catalogue knows (a name, a number) and what
    persons wrote unchanged."""
    if isinstance(text, Theirs):
        return text
    if isinstance(text, Together):
        return _known(text.msgid).join(told(part) for part in text.args["parts"])
    if isinstance(text, Said):
        pattern = _known(text.msgid)
        return pattern % {name: told(value) for name, value in text.args.items()} if text.args else pattern
    return _kept(text) if isinstance(text, str) else text


def _kept(text: str) -> str:
    """A text that the database kept: a constant of ours, or several in a row as the reasons of a state are.

    Where one part of a row is not ours the whole is a person's: his words and his marks stay as he set them.
    """
    whole = _ours(text)
    if whole is not None:
        return whole
    parts = [_ours(part) for part in text.split("；")] if "；" in text else [None]
    return text if None in parts else _known("；").join(part for part in parts if part is not None)


def _ours(text: str) -> str | None:
    """A sentence of ours by its text, told; None for any other."""
    whole = _known(text)
    if whole != text:
        return whole
    once = heard(text)
    return None if once is text else told(once)  # type: ignore[no-any-return]


def _known(text: str) -> str:
    # An empty text is the catalogue's own head; what is ASCII is no Chinese, and Chinese is told in Chinese as it is.
    return text if text.isascii() or _in_chinese() else str(gettext(text))


def _in_chinese() -> bool:
    found = get_locale() if has_app_context() else None
    return found is not None and found.language == "zh"


def language() -> str | None:
    """The language that is being spoken, as an account or a record keeps it."""
    found = get_locale() if has_app_context() else None
    return None if found is None else str(found)


@contextmanager
def speaking(name: str | None) -> Iterator[None]:
    """Tell everything in this language; None is Chinese, and so is one that is no longer offered."""
    if not has_app_context():
        yield
        return
    offered = current_app.config["LANGUAGES"]
    with force_locale(name if name in offered else current_app.config["BABEL_DEFAULT_LOCALE"]):
        yield


def source(label: Any) -> str:
    """A label that is translated when it is shown, as said: for what is kept and told to others."""
    with speaking(None):
        return ours(str(label))


def everywhere(text: str) -> list[str]:
    """A constant of ours in Chinese and in every language that is offered: a file may come back in any of them."""
    if not has_app_context():
        return [text]
    found = [text]
    for name in current_app.config["LANGUAGES"]:
        with force_locale(name):
            found.append(str(gettext(text)))
    return found


def told_in(name: str | None, text: str) -> str:
    """What leaves the house for an account whose language this is."""
    with speaking(name):
        return str(told(text))

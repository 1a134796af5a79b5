"""What rules and workflows said, in the reader's language; in Chinese it stays as it is."""

from __future__ import annotations

from typing import Any

from flask import Flask, g, has_request_context
from flask.json.provider import DefaultJSONProvider
from flask_babel import get_locale

from app.telling import told
from app.wording import Said

__all__ = ["install", "shown", "told"]


def shown(value: Any) -> Any:
    """Whatever a template is about to write: what was said is told, all else as it is."""
    return told(value) if isinstance(value, Said) else value


class Answers(DefaultJSONProvider):
    """JSON as answered: Chinese as it is, sentences in the language that was asked for."""

    ensure_ascii = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        # What was said in Chinese is Chinese already.
        return super().dumps(obj if _in_chinese() else _within(obj), **kwargs)


def _in_chinese() -> bool:
    # Only of an answer: what is being asked has no reader yet.
    return has_request_context() and "actor" in g and str(get_locale()).startswith("zh")


def _within(value: Any) -> Any:
    if isinstance(value, Said):
        return told(value)
    if isinstance(value, dict):
        return {key: _within(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_within(one) for one in value]
    return value


def install(app: Flask) -> None:
    """For every template and every answer in JSON."""
    app.json = Answers(app)
    app.jinja_env.finalize = shown
    app.jinja_env.filters["told"] = told

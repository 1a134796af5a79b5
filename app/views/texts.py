"""Translations at hand: a page asks for hundreds of texts, and the library would look up its language for each."""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import flask_babel
from babel import Locale
from flask import Flask, g
from flask_babel import Domain, get_babel


class Texts(Domain):
    """The catalogues of a domain; those of the request's language are kept beside it until it changes."""

    def get_translations(self) -> Any:
        kept = _kept()
        locale = getattr(kept, "babel_locale", None)
        if locale is None:
            return super().get_translations()
        held = getattr(kept, "texts", None)
        # Locales are made anew where the language changes in the middle of a request (`force_locale`, `refresh`).
        if held is None or held[0] is not locale:
            kept.texts = held = (locale, super().get_translations())  # type: ignore[union-attr]
        return held[1]


def _kept() -> SimpleNamespace | None:
    """What the library keeps for the request at hand. Asked of the object behind `g`: its proxy costs each time."""
    try:
        held: SimpleNamespace | None = g._get_current_object().__dict__.get("_flask_babel")
    except RuntimeError:
        return None
    return held


_ask_library = flask_babel.get_domain


def _domain() -> Domain:
    """The domain in use, as the library's function of that name says after its first answer in a request."""
    found: Domain | None = getattr(_kept(), "babel_domain", None)
    return _ask_library() if found is None else found


def install(app: Flask) -> None:
    """Put it in place of the library's own, for Python and templates."""
    settings = get_babel(app)
    settings.instance.domain_instance = texts = Texts(domain=settings.default_domain)
    flask_babel.get_domain = _domain
    chosen, parsed = settings.locale_selector, lru_cache(maxsize=16)(Locale.parse)
    settings.locale_selector = lambda: (name := chosen()) and parsed(name)
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda s: texts.get_translations().ugettext(s),
        ngettext=lambda s, p, n: texts.get_translations().ungettext(s, p, n),
        newstyle=True,
        pgettext=lambda c, s: texts.get_translations().upgettext(c, s),
        npgettext=lambda c, s, p, n: texts.get_translations().unpgettext(c, s, p, n),
    )

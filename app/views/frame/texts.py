"""Translations at hand: a page asks for hundreds of texts, and the library would look up its language for each."""

from __future__ import annotations

import threading
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import flask_babel
from babel import Locale
from flask import Flask, g, has_app_context, has_request_context, request
from flask_babel import Domain, get_babel
from jinja2 import pass_context
from markupsafe import Markup

from app import plurals
from app.views.frame import languages
from app.views.frame.told import shown


def _telling(texts: Texts) -> Any:
    """A template's own gettext: its values told as well, its words as their numbers ask for; always formatted."""

    @pass_context
    def gettext(context: Any, text: str, /, **values: Any) -> Any:
        pattern = plurals.chosen(texts.get_translations().ugettext(text), values)
        return (Markup(pattern) if context.eval_ctx.autoescape else pattern) % {n: shown(v) for n, v in values.items()}

    return gettext


class Texts(Domain):
    """The catalogues of a domain; those of the request's language are kept beside it until it changes."""

    def gettext(self, string: str, **variables: Any) -> str:
        return str(super().gettext(string, **{name: shown(value) for name, value in variables.items()}))

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._preparing = threading.Lock()

    def _prepared(self) -> Any:
        """The language's texts, with words that follow numbers."""
        held = super().get_translations()
        if not hasattr(held, "words"):
            with self._preparing:
                if not hasattr(held, "words"):
                    held.words = plurals.prepare(getattr(held, "_catalog", {}), getattr(held, "plural", int))
        return held

    def beside(self, word: str, number: Any) -> str:
        """The form of a word that the figure beside it asks for."""
        held = self.get_translations()
        return plurals.beside(word, number, held.words, getattr(held, "plural", int))

    def get_translations(self) -> Any:
        kept = _kept()
        locale = getattr(kept, "babel_locale", None)
        if locale is None:
            return self._prepared()
        held = getattr(kept, "texts", None)
        # Locales are made anew where the language changes in the middle of a request (`force_locale`, `refresh`).
        if held is None or held[0] is not locale:
            kept.texts = held = (locale, self._prepared())  # type: ignore[union-attr]
        return held[1]


def _kept() -> SimpleNamespace | None:
    """What the library keeps for the request at hand. Asked of the object behind `g`: its proxy costs each time."""
    try:
        held: SimpleNamespace | None = g._get_current_object().__dict__.get("_flask_babel")
    except RuntimeError:
        return None
    return held


def beside(word: str, number: Any) -> str:
    """In the reader's language: 1 day, 2 days. Outside an application there is Chinese only."""
    domain = flask_babel.get_domain() if has_app_context() else None
    return domain.beside(word, number) if isinstance(domain, Texts) else word


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
    settings.locale_selector = lambda: (name := _asked(app) or languages.on_public_page() or chosen()) and parsed(name)
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda s: texts.get_translations().ugettext(s),
        ngettext=lambda s, p, n: texts.get_translations().ungettext(s, p, n),
        newstyle=True,
        pgettext=lambda c, s: texts.get_translations().upgettext(c, s),
        npgettext=lambda c, s, p, n: texts.get_translations().unpgettext(c, s, p, n),
    )
    app.jinja_env.globals["gettext"] = _telling(texts)
    app.jinja_env.globals["beside"] = beside


def _asked(app: Flask) -> str | None:
    """What a call of the API asks for by Accept-Language; a browser's pages go by the language chosen in them.

    Who asks for none gets the product's own: Flask-AppBuilder would begin a session to keep that in.
    """
    if not has_request_context() or not request.path.startswith("/api/") or "_l_" in request.args:
        return None
    if request.cookies.get(str(app.config["SESSION_COOKIE_NAME"])):
        return None
    asked = "Accept-Language" in request.headers
    wanted = request.accept_languages.best_match(["zh", "en"]) if asked else None
    return {"zh": "zh_Hans_CN", "en": "en"}.get(wanted or "", str(app.config["BABEL_DEFAULT_LOCALE"]))

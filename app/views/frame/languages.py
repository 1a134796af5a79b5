"""The language of a browser and of its account: what is chosen in the menu also holds for what is sent out."""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, g, has_request_context, request, session
from sqlalchemy import update

from app.extensions import db
from app.models import Account
from app.transaction import transaction

# The library puts its default where nobody chose: that somebody did is kept beside it.
CHOSEN = "language_chosen"
OF_BROWSER = ("locale", CHOSEN)
# What was chosen on a page that is open to all: it holds on those pages, and on the others for whoever is signed out.
ON_PUBLIC = "public_language"
PUBLIC = ("/m/p/", "/m/track", "/m/c/", "/open/")


def meet(account: Account) -> None:
    """A browser in which no language was chosen speaks the account's; a chosen one becomes the account's."""
    if session.get(CHOSEN):
        _keep(account.id)
    elif account.language in current_app.config["LANGUAGES"]:
        session["locale"] = account.language


def choose(language: str) -> None:
    """A page open to all has this language chosen: of those pages, and of all until somebody signs in.

    It never becomes an account's, neither the one at hand nor the next to sign in here: whoever shows a passer-by the
    page in English has not chosen English for himself.
    """
    session[ON_PUBLIC] = language


def on_public_page() -> str | None:
    """The language that was chosen on a page open to all, where it holds for the request."""
    # A job speaks languages, too, and for nobody's page.
    if not has_request_context() or not (request.path.startswith(PUBLIC) or "number" not in session):
        return None
    return session.get(ON_PUBLIC)


def _keep(account_id: int) -> None:
    chosen = session["locale"]
    kept = update(Account).where(Account.id == account_id, Account.language.is_distinct_from(chosen))
    with transaction(db.session) as opened:
        opened.execute(kept.values(language=chosen).execution_options(synchronize_session=False, skip_scope=True))


def install(app: Flask) -> None:
    """After the library's own page has put the language into the session."""

    @app.after_request
    def _chosen(response: Any) -> Any:
        if request.endpoint == "LocaleView.index" and response.status_code == 302:
            session[CHOSEN] = True
            signed_in = getattr(g.get("actor"), "user_id", None)
            if signed_in is not None:
                _keep(signed_in)
            else:
                session.pop(ON_PUBLIC, None)
        return response

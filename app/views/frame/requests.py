"""What happens around each request: who acts, request id, session limits, security headers."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from flask import Flask, Request, Response, current_app, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_babel import gettext as _
from flask_login import AnonymousUserMixin, current_user
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import IntegerConverter, Rule

from app import clock, done_again
from app.errors import Finding
from app.extensions import db
from app.permissions import NOBODY
from app.scope import BIGGEST_KEY
from app.transaction import transaction
from app.views.frame import access_tokens, map_tiles, taken_back
from app.views.frame.bodies import Asked
from app.views.frame.errors import answer
from app.workflows.access import api_tokens
from app.workflows.core.actors import actor_of

# What a proxy in front may give; anything else is replaced, so that nobody writes his own text into the logs.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")


class RowNumber(IntegerConverter):
    """A row's number in an address: what no database can hold names no row, so it is a 404 and not an error."""

    # By length alone: a path of several methods would answer 405 for a number that only its conversion refuses.
    regex = r"\d{1,18}"

    def __init__(self, map: Any, fixed_digits: int = 0, max: int = BIGGEST_KEY) -> None:
        super().__init__(map, fixed_digits, max=max)


class LateRule(Rule):
    """A route whose address is put together by code that is compiled when it is first asked for.

    Werkzeug compiles two functions a route while starting, a fifth of a start; a process asks for a few of them.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = cache(partial(super()._compile_builder, append_unknown))

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            return compiled()(rule, **values)

        return build


class Web(Flask):
    """Flask for views and hooks of which none is a coroutine: else each of them is asked, at each request.

    A view whose deed the database broke off for another's sake (a deadlock) is called again; hooks have done theirs.
    """

    request_class = Asked

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func

    def dispatch_request(self) -> Any:
        return done_again.done(super().dispatch_request, taken_back.as_it_came(), taken_back.can_be_read_again)


class SignedSessions(SecureCookieSessionInterface):
    """Cookies signed with SHA-256; Flask's own default is SHA-1. None goes out with a file that everybody may keep."""

    digest_method = staticmethod(hashlib.sha256)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Who brings no cookie (a phone has a token) has an empty one; nothing need be made ready to read it."""
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not request.path.startswith("/static/") and not _for_everybody():
            super().save_session(app, session, response)


def _for_everybody() -> bool:
    """Open data is the same for all, and whoever stands between may keep it: with nobody's cookie in it."""
    return request.path.startswith("/open/") and "lang" not in request.args


def begin(app: Flask) -> None:
    """What the page of a refusal needs as any other does, before a form is looked at: number, nonce and who asks."""

    @app.before_request
    def _named() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        g.csp_nonce = secrets.token_urlsafe(16)

    @app.before_request
    def _who() -> None:
        if by_token():
            return
        g.actor = actor_of(current_user._get_current_object(), "web", request.remote_addr)  # type: ignore[attr-defined]


def install(app: Flask) -> None:
    """Hook the request cycle; runs before FAB's own hooks that read the user."""

    app.session_interface = SignedSessions()

    @app.before_request
    def _readable() -> Any:
        """Text that no database keeps and no page shows is refused at the door; a search just goes without it."""
        if any(map(_is_broken, request.args)) or any(_is_broken(v) for vs in request.args.listvalues() for v in vs):
            given = request.args.items(multi=True)
            request.args = ImmutableMultiDict((k.replace("\x00", ""), v.replace("\x00", "")) for k, v in given)
        try:
            name = _broken_text()
        except RecursionError:
            said, remedy = _("JSON 一层套一层太多"), _("请按接口说明重新发送")
            return answer(400, _("请求不完整"), [Finding(_("请求格式"), False, said, remedy)])
        except (ValueError, LookupError, TypeError):
            # Parts whose own headings can't be read: the parser gives up in the middle of them.
            said, remedy = _("表单不是完整的 multipart/form-data"), _("请按表单或接口说明重新发送")
            return answer(400, _("请求不完整"), [Finding(_("请求格式"), False, said, remedy)])
        if name is None:
            return None
        found = _("“%(name)s”里有不能保存的字符（空字符或残缺的字符）", name=name)
        return answer(400, _("请求不完整"), [Finding(_("文字"), False, found, _("请重新输入后再提交"), field=name)])

    @app.after_request
    def _headers(response: Response) -> Response:
        told = {
            "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
            "X-Request-Id": g.get("request_id", ""),
            "Content-Security-Policy": map_tiles.policy_with(_policy(g.get("csp_nonce", ""))),
        }  # fmt: skip
        if app.config["SESSION_COOKIE_SECURE"]:
            told["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if not request.path.startswith("/static"):
            # A shared computer's back button must not show the last person's pages, nor a cache give out a token.
            told["Cache-Control"] = "no-store, private"
        # Looked through once: each `setdefault` would do so.
        there = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 - of pairs
        response.headers.extend({name: value for name, value in told.items() if name.lower() not in there})
        return response


def by_token() -> bool:
    """Act by the personal token of an API call, where there is one: the cookie that came along counts for nothing.

    A token that is worth nothing (any more) makes the caller nobody: the resource answers 401.
    """
    given = request.headers.get("Authorization", "")
    if not given or not request.path.startswith("/api/"):
        return False
    text = given.removeprefix("Bearer ").strip()
    if not text.startswith(api_tokens.PREFIX):
        return given.startswith("Bearer ") and _by_access_token(text)
    at = clock.now()
    found = api_tokens.actor_by_text(db.session, text, at, request.remote_addr)
    g.token_refused = found is None
    if found is None:
        g.user = g._login_user = AnonymousUserMixin()
        g.actor = NOBODY
        return True
    token, g.actor = found
    g.by_token = True
    g.user = g._login_user = token.account
    today = clock.local_day(at)
    if token.used_on != today:
        with transaction(db.session) as session:
            api_tokens.note_use(session, token.id, today)
    return True


def _by_access_token(text: str) -> bool:
    """Act by the token that signing in gave, while it is good; one that is not is told so by the resource."""
    data = access_tokens.read(text)
    found = None if data is None else current_app.appbuilder.sm.load_user_jwt({}, data)  # type: ignore[attr-defined]
    if found is None:
        return False
    g.by_token, g._login_user = True, found
    return True


def _broken_text() -> str | None:
    """Which part of the request holds NUL or half a surrogate pair; None when all is text."""
    for name, values in () if request.is_json else request.form.lists():
        if any(map(_is_broken, (name, *values))):
            return "".join(c for c in name if c.isprintable())[:40]
    for name, value in (request.view_args or {}).items():
        if isinstance(value, str) and _is_broken(value):
            return name
    if request.is_json:
        sent = request.get_json(silent=True)
        # Looked through only where one can be: a list of answers has a hundred texts.
        return _broken_json(sent, "JSON") if _MAY_BE_BROKEN.search(request.get_data()) else None
    return None


def _broken_json(value: Any, name: str) -> str | None:
    """As for forms: the name of the key whose text is broken."""
    if isinstance(value, str):
        return name if _is_broken(value) else None
    if isinstance(value, list):
        return next((found for found in (_broken_json(v, name) for v in value) if found), None)
    if isinstance(value, dict):
        if any(map(_is_broken, value)):
            return name
        return next((found for found in (_broken_json(v, k[:40] or name) for k, v in value.items()) if found), None)
    return None


def _is_broken(text: str) -> bool:
    return "\x00" in text or (not text.isascii() and _HALVES.search(text) is not None)


_HALVES = re.compile("[\ud800-\udfff]")
# NUL or half a pair in JSON as it was sent: escaped, or as bytes (other encodings than UTF-8 are full of NUL).
_MAY_BE_BROKEN = re.compile(rb"\x00|\\u(?:0000|[dD][89a-fA-F])|\xed[\xa0-\xbf]")


def _policy(nonce: str) -> str:
    """Scripts by nonce only, on every page; styles inline too, as Flask-AppBuilder, Flask-Admin and the bars need."""
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def code_request() -> str:
    """The number under which this browser asks for codes by SMS or mail: a code is good where it was asked for."""
    return str(session.setdefault("codes", secrets.token_urlsafe(32)))

"""The session of a browser: begun at sign-in, ended by time, by signing out or by a change of password or rights."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, jsonify, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_login import login_user, logout_user
from flask_wtf.csrf import generate_csrf
from sqlalchemy.exc import OperationalError

from app import clock
from app.errors import Finding
from app.models import Account
from app.transaction import transaction
from app.views.frame import languages
from app.views.frame.errors import answer, unsaved
from app.views.frame.told import told
from app.workflows.access import devices, second_factor, sessions

# What an account that must change its password may still reach.
FREE_ENDPOINTS = {"static", "appbuilder.static", "SignIn.logout", "Password.change", "LocaleView.index"}
# What one that owes a second factor may: look after itself.
OWN_ENDPOINTS = FREE_ENDPOINTS | {"Profile.show", "Profile.phone_code", "Profile.phone", "Profile.sms", "Profile.totp"}
# How often the time of the last request is written: not each request needs a new cookie, still less a new row.
SEEN_EVERY_SECONDS = 60
NOTED_EVERY_SECONDS = 300
ENDED = {
    "idle": "长时间没有操作，请重新登录",
    "expired": "登录已满最长时间，请重新登录",
    "changed": "密码或权限已变更，请重新登录",
    "out": "已退出登录，请重新登录",
}


def end_session() -> None:
    """Sign out: this session counts no more, on whatever browser its cookie lies."""
    number = session.get("number")
    if isinstance(number, str):
        database = current_app.appbuilder.session  # type: ignore[attr-defined]
        with transaction(database):
            sessions.end(database, number, clock.now() + current_app.permanent_session_lifetime)
    logout_user()
    forget_session()


def forget_session() -> None:
    """Empty the session, except for the language: it was chosen for this browser, by whoever sits there."""
    kept = {name: session[name] for name in languages.OF_BROWSER if name in session}
    session.clear()
    session.update(kept)


def forget_denials() -> None:
    """Whoever is not signed in is not refused but asked to sign in: no banner says otherwise."""
    kept = [said for said in session.pop("_flashes", []) if said[0] != "danger"]
    if kept:
        session["_flashes"] = kept


def begin_session(account: Account) -> None:
    """Start a session with nothing of the one before it: a cookie planted before sign-in is worthless after it."""
    forget_session()
    languages.meet(account)
    login_user(account, remember=False)
    session.permanent = True
    session["number"] = number = sessions.new_id()
    session["epoch"] = account.session_epoch
    at = clock.now()
    session["since"] = session["seen"] = session["noted"] = int(at.timestamp())
    database = current_app.appbuilder.session  # type: ignore[attr-defined]
    with transaction(database):
        sessions.begin(
            database, account, number, request.user_agent.string, request.remote_addr, at,
            at + current_app.permanent_session_lifetime,
        )  # fmt: skip
    know_browser(account)
    g.pop("csrf_token", None)
    generate_csrf()


def browser_tokens() -> list[str]:
    """What this browser carries of the accounts that were signed in here (`workflows.access.devices`)."""
    carried = g.get("browser_tokens")
    return devices.tokens_of(request.cookies.get(_device_cookie(), "")) if carried is None else list(carried)


def know_browser(account: Account) -> None:
    """Have this browser known for the account from now on: it was signed in whole, or its phone was proved here."""
    database = current_app.appbuilder.session  # type: ignore[attr-defined]
    with transaction(database):
        g.browser_tokens = devices.remember(database, account, browser_tokens(), clock.now())


def _device_cookie() -> str:
    return "__Host-device" if current_app.config["SESSION_COOKIE_SECURE"] else "device"


def why_ended(account: Account, signed_out: bool) -> str:
    """Why the session at hand counts no more; empty when it does."""
    now = int(clock.now().timestamp())
    if signed_out or not isinstance(session.get("number"), str):
        return "out"
    if session.get("epoch") != account.session_epoch:
        return "changed"
    if now - session.get("since", 0) > current_app.permanent_session_lifetime.total_seconds():
        return "expired"
    if now - session.get("seen", 0) > current_app.config["SESSION_IDLE_MINUTES"] * 60:
        return "idle"
    return ""


def install(app: Flask) -> None:
    """End sessions that are over; let an account with a first password do nothing but change it."""

    @app.before_request
    def _session_rules() -> Any:
        ended = g.get("session_ended")
        if ended:
            logout_user()
            forget_session()
            session["ended"] = ended
        account = g.user
        # A token has no session; whether its account must change the password was asked when the token was read.
        if not account.is_authenticated or g.get("by_token"):
            return None
        now = int(clock.now().timestamp())
        # Pages poll progress by .json: that is the page, not the person.
        if now - session.get("seen", 0) >= SEEN_EVERY_SECONDS and not request.path.endswith(".json"):
            session["seen"] = now
            if now - session.get("noted", 0) >= NOTED_EVERY_SECONDS and "number" in session:
                # A page that is only read waits for no job that writes; the next one keeps it.
                with suppress(OperationalError), transaction(app.appbuilder.session, at_once=True):  # type: ignore[attr-defined]
                    sessions.seen(app.appbuilder.session, session["number"], clock.now())  # type: ignore[attr-defined]
                    session["noted"] = now
        if account.must_change_password and request.endpoint not in FREE_ENDPOINTS:
            if request.path.startswith("/api/") or request.path.endswith(".json"):
                finding = Finding("首次登录", False, "初始密码须先修改", "请用浏览器登录并修改密码", field="password")
                return jsonify(errors=[finding.as_dict()], message=finding.found), 403
            return redirect(url_for("Password.change"))
        owes = second_factor.is_owed(account, current_app.config["SECOND_FACTOR_FOR"])
        if owes and request.endpoint not in OWN_ENDPOINTS:
            if request.path.startswith("/api/") or request.path.endswith(".json"):
                finding = Finding("二次验证", False, "须先启用", "请用浏览器登录，在“个人信息”里启用", field="code")
                return jsonify(errors=[finding.as_dict()], message=finding.found), 403
            return redirect(url_for("Profile.show") + "#totp")
        return None

    @app.after_request
    def _carry(response: Any) -> Any:
        if g.get("browser_tokens") is not None:
            response.set_cookie(
                _device_cookie(), ".".join(g.browser_tokens), max_age=devices.KNOWN, path="/", httponly=True,
                secure=app.config["SESSION_COOKIE_SECURE"], samesite="Lax",
            )  # fmt: skip
        return response

    @app.after_request
    def _nothing_lost(response: Response) -> Response:
        """What was sent when the session had ended is shown to who typed it: the way to the sign-in page forgets it."""
        ended = g.get("session_ended")
        if not ended or request.method != "POST" or urlsplit(response.location or "").path != url_for("SignIn.login"):
            return response
        typed = unsaved()
        if not typed:
            return response
        forget_denials()
        body = _("%(why)s。这次没有保存，登录后请把下面的内容复制回去；文件须重新选择。", why=told(ENDED[ended]))
        return app.make_response(answer(401, _("登录已结束"), body=body, typed=typed))

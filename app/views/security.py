"""Sign-in on Flask-AppBuilder: our account model, rights by verb, counted tries, sessions that end.

None of FAB's own user, role and permission screens is registered: with them a sub-administrator can raise himself
(`/users/edit` hands out any role, `/resetpassword?pk=` takes any account). Accounts are kept by `workflows.accounts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from flask import Flask, current_app, g, jsonify, redirect, request, session, url_for
from flask_appbuilder.security.sqla.manager import SecurityManager as FabSecurityManager
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import logout_user
from flask_wtf.csrf import generate_csrf
from sqlalchemy import bindparam, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import defer, joinedload

from app import clock
from app.errors import Finding, Refusal
from app.models import Account
from app.permissions import NOBODY, Verb
from app.scope import BIGGEST_ACCOUNT
from app.transaction import transaction
from app.views import languages, screens
from app.views.sign_in import SecurityApi, SignIn
from app.workflows import actors, audit, codes, devices, second_factor, sessions, signin

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


# All that a request must know of who asks, as it is now: the account, its roles, whether this session was ended.
# What a sub-account may do hangs on its giver's rights of this moment.
# Nobody needs the address of mail for that, and a page can say that a key is missing only if it knows who asks.
_giver = joinedload(Account.giver)
ACCOUNT = (
    select(Account, sessions.ended(bindparam("number")))
    .where(Account.id == bindparam("account"))
    .options(joinedload(Account.roles), _giver.joinedload(Account.roles), _giver.joinedload(Account.unit))
    .options(defer(Account.email), _giver.defer(Account.email))
    .execution_options(skip_scope=True)
)


class SecurityManager(FabSecurityManager):
    """FAB's manager with the account of ours. A screen's FAB permission resolves to a verb of the role table."""

    user_model = Account
    userstatschartview = None

    def register_views(self) -> None:
        """Only sign-in and the token API; everything else of FAB's security screens stays out."""
        self.auth_view = self.appbuilder.add_view_no_menu(SignIn())
        self.lm.login_view = "SignIn.login"
        self.appbuilder.add_api(SecurityApi)
        screens.declare("OpenApi", "can_get", Verb.HOME)
        screens.declare("SwaggerView", "can_show", Verb.HOME)

    def create_limiter(self, app: Flask) -> Limiter:
        """None that is asked at each request: calls are counted by `api.limits`, tries to sign in by `signin`."""
        return Limiter(key_func=get_remote_address)

    def load_user(self, pk: Any) -> Account | None:
        """The account of a session, or None when that has ended; read outside scope, for scope is made from it."""
        account, signed_out = self._account(pk, session.get("number"))
        if account is None:
            return None
        g.session_ended = ended = _why_ended(account, signed_out)
        return None if ended else account

    def load_user_jwt(self, _header: dict[str, Any], data: dict[str, Any]) -> Any:
        """Whose token it is. One made before the password, a role or the scope changed is worth nothing."""
        found = self._caller(data.get("sub"))
        if found is None or data.get("epoch") != found.session_epoch or found.must_change_password:
            return None
        if second_factor.is_owed(found, current_app.config["SECOND_FACTOR_FOR"]):
            return None
        g.user = found
        make = actors.actor_of_caller if isinstance(found, actors.Caller) else actors.actor_of
        g.actor = make(found, "api", request.remote_addr)
        return found

    def _caller(self, pk: Any) -> Any:
        """The account that may act by a token, as it is now."""
        key = _whole(pk)
        found = None if key is None else actors.caller(self.session, key)
        if found is None or not found.is_active:
            return None
        held = found.locked_until is not None and found.locked_until > clock.now()
        return None if held else found

    def _account(self, pk: Any, number: Any = None) -> tuple[Account | None, bool]:
        """The account that may act, and whether the session of this number was signed out; in one statement."""
        key = _whole(pk)
        if key is None:
            return None, False
        asked = {"account": key, "number": number if isinstance(number, str) else ""}
        found = self.session.execute(ACCOUNT, asked).unique().one_or_none()
        if found is None or not found[0].is_active:
            return None, False
        account: Account = found[0]
        held = account.locked_until is not None and account.locked_until > clock.now()
        return (None if held else account), bool(found[1])

    def auth_user_db(self, username: str | None, password: str | None) -> Account | None:
        """FAB's own door, kept shut to a quieter answer: every sign-in goes through `sign_in` and its count."""
        try:
            return sign_in(username or "", password or "")
        except signin.SignInRefused:
            return None

    def is_item_public(self, permission_name: str, view_name: str) -> bool:
        """Nothing is public by a role: pages without login say so in code."""
        return False

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """By who acts alone, which was asked when the request came in: FAB would look for its own kinds of users."""
        return self._has_view_access(None, permission_name, view_name)

    def _has_view_access(self, user: Any, permission_name: str, view_name: str) -> bool:
        verb = screens.verb_of(view_name, permission_name)
        return verb is not None and g.get("actor", NOBODY).may(verb)


def _whole(pk: Any) -> int | None:
    try:
        key = int(pk)
    except (TypeError, ValueError):
        return None
    return key if 0 <= key <= BIGGEST_ACCOUNT else None


def sign_in(username: str, password: str, via: str = "web", *, asked: bool = False) -> Account:
    """The account of this name and password, or SignInRefused; counted, locked and audited the same from every door.

    `asked`: a question against machines was answered just now, where this name owes one.
    """
    database = current_app.appbuilder.session  # type: ignore[attr-defined]
    with transaction(database):
        tried = signin.begin(
            database, username[:200], clock.now(), via=via, address=request.remote_addr, asked=asked,
            tokens=browser_tokens(),
        )  # fmt: skip
    ok = tried.matches(password)
    renewed = tried.account.hash_anew(password) if ok and tried.account else None
    with transaction(database):
        refusal = signin.finish(database, tried, ok, clock.now())
        if refusal is None and renewed and tried.account:
            # The same password, so no session ends.
            tried.account.password = renewed
    if refusal is not None:
        raise refusal
    assert tried.account is not None
    return tried.account


def confirm_second_factor(account: Account, code: str, asked_by: str | None, login: bool = True) -> Refusal | None:
    """None when the code is right; wrong ones are counted and lock, and no right password forgives them.

    `asked_by` is the browser or call that a code by SMS was sent for.
    """
    database = current_app.appbuilder.session  # type: ignore[attr-defined]
    try:
        with transaction(database):
            tried = signin.begin_confirmation(database, account, clock.now(), request.remote_addr, browser_tokens())
    except Refusal as refusal:
        return refusal
    wrong: Refusal | None = None
    factor = second_factor.factor_of(account)
    with transaction(database):
        try:
            if factor == "totp":
                second_factor.check_totp(database, account, code, clock.now())
            else:
                codes.check(database, account.id, "login", code, clock.now(), request=asked_by)
        except Refusal as refusal:
            wrong = refusal
        locked = signin.finish(database, tried, wrong is None, clock.now(), login=False, by_code=True)
        if wrong is None and locked is None and login:
            after = {"factor": factor}
            audit.record(database, tried.actor, clock.now(), "login.second", "account", account.id, after=after)
    # A right code for an account that was locked or ended since its password: that refuses, though nothing was wrong.
    return locked if locked is not None and (wrong is None or tried.left <= 0) else wrong


def confirm_own_password(account: Account, password: str, field: str) -> None:
    """Refuse unless this is the signed-in person's own password; tries count like those of sign-in."""
    database = current_app.appbuilder.session  # type: ignore[attr-defined]
    with transaction(database):
        tried = signin.begin_confirmation(database, account, clock.now(), request.remote_addr, browser_tokens())
    ok = tried.matches(password)
    with transaction(database):
        refusal = signin.finish(database, tried, ok, clock.now(), login=False)
    if refusal is not None:
        refusal.findings = [replace(f, rule="原密码", field=field) for f in refusal.findings]
        refusal.status_code = 422
        raise refusal


def confirm_oneself(account: Account, field: str = "password", given: Mapping[str, str] | None = None) -> None:
    """Refuse unless the form holds the own password and, of an account with an app, its code (`<field>_code`).

    `given`: what a call of the interface holds in place of a form.

    For what signing in or recovering an account stands on: whoever has the password alone must not change that.
    """
    held = request.form if given is None else given
    confirm_own_password(account, held.get(field, ""), field)
    if second_factor.factor_of(account) != "totp":
        return
    typed = held.get(f"{field}_code", "")[:20]
    wrong: Refusal | None = Refusal(Finding("动态口令", False, "没有填写", "请输入验证器上显示的 6 位数字"))
    if typed.strip():
        wrong = confirm_second_factor(account, typed, None, login=False)
    if wrong is not None:
        wrong.findings = [replace(f, field=f"{field}_code") for f in wrong.findings]
        wrong.status_code = 422
        raise wrong


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


def begin_session(account: Account) -> None:
    """Start a session with nothing of the one before it: a cookie planted before sign-in is worthless after it."""
    from flask_login import login_user

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
    """What this browser carries of the accounts that were signed in here (`workflows.devices`)."""
    carried = g.get("browser_tokens")
    return devices.tokens_of(request.cookies.get(_device_cookie(), "")) if carried is None else list(carried)


def know_browser(account: Account) -> None:
    """Have this browser known for the account from now on: it was signed in whole, or its phone was proved here."""
    database = current_app.appbuilder.session  # type: ignore[attr-defined]
    with transaction(database):
        g.browser_tokens = devices.remember(database, account, browser_tokens(), clock.now())


def _device_cookie() -> str:
    return "__Host-device" if current_app.config["SESSION_COOKIE_SECURE"] else "device"


def _why_ended(account: Account, signed_out: bool) -> str:
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

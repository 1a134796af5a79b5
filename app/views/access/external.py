"""Signing in by an identity of outside, and binding one: to the provider and back (INT-02)."""

from __future__ import annotations

import logging
from typing import Any, cast

from flask import abort, current_app, flash, g, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _

from app import clock, oidc
from app.errors import Refusal
from app.extensions import db
from app.models import Account
from app.permissions import Verb
from app.transaction import transaction
from app.views.access import second_step
from app.views.access.browser import begin_session
from app.views.access.proving import confirm_oneself
from app.views.frame import addresses, screens
from app.views.frame.account_forms import me, number, run, text
from app.views.frame.addresses import safe_next
from app.views.frame.told import told
from app.workflows.access import identities, second_factor, signin

log = logging.getLogger(__name__)

# What the session keeps while its person is away at the provider, and after the password for a binding.
AWAY, MAY_BIND = "oidc", "may_bind"
WAIT_SECONDS = 600


def labels() -> dict[str, str]:
    """The providers by name, as people know them."""
    return {name: one.label for name, one in _providers().items()}


def _providers() -> dict[str, oidc.Provider]:
    return cast(dict[str, oidc.Provider], current_app.config["OIDC"])


class External(BaseView):
    """There and back. The way back is one address for both purposes; what it is for, the session remembers."""

    route_base = "/login/with"
    default_view = "go"

    @expose("/<name>")
    @no_cache
    def go(self, name: str) -> Any:
        if g.user.is_authenticated:
            return redirect(safe_next())
        return _leave(name, {"target": safe_next()}, url_for("SignIn.login"))

    @expose("/<name>/back")
    @no_cache
    def back(self, name: str) -> Any:
        kept = session.pop(AWAY, None)
        binding = isinstance(kept, dict) and "bind" in kept
        home = url_for("Profile.show") if g.user.is_authenticated else url_for("SignIn.login")
        if name not in _providers() or not isinstance(kept, dict) or kept.get("name") != name or _is_old(kept):
            return _refused(_("登录请求已失效，请重新开始"), home)
        if binding and (not g.user.is_authenticated or kept["bind"] != [g.user.id, g.user.session_epoch]):
            return _refused(_("登录请求已失效，请重新开始"), home)
        flow = oidc.Flow(kept["state"], kept["nonce"], kept["verifier"])
        try:
            found = oidc.finish(_providers()[name], flow, _back_of(name), request.args.to_dict())
        except oidc.NotProven as error:
            log.warning("identity not proven: provider=%s reason=%s", name, error)
            return _refused(str(error), home)
        return _bind(name, found) if binding else _sign_in(name, found, kept.get("target", "/"))


class Identities(BaseView):
    """外部身份 on the profile: binding asks for the password first, then goes to the provider; unbinding asks too."""

    route_base = "/profile/identity"
    default_view = "begin"

    @expose("/<name>", methods=["POST"])
    @has_access
    @permission_name("bind")
    def begin(self, name: str) -> Any:
        """The password, then a link to the provider: a form may not lead away from this site by itself."""
        if name not in _providers():
            abort(404)
        account = me()
        try:
            confirm_oneself(account)
        except Refusal as refusal:
            return _refused(str(refusal), _profile())
        session[MAY_BIND] = {"name": name, "at": _now(), "epoch": account.session_epoch}
        return redirect(_profile())

    @expose("/<name>/go")
    @has_access
    @permission_name("bind")
    @no_cache
    def go(self, name: str) -> Any:
        kept, account = session.pop(MAY_BIND, None), me()
        known = isinstance(kept, dict) and kept.get("name") == name and kept.get("epoch") == account.session_epoch
        if not known or _is_old(kept):
            return _refused(_("请先输入密码，再绑定外部身份"), _profile())
        return _leave(name, {"bind": [account.id, account.session_epoch]}, _profile())

    @expose("/unbind", methods=["POST"])
    @has_access
    @permission_name("bind")
    def unbind(self) -> Any:
        which = number(text("identity")) or 0
        try:
            confirm_oneself(me())
        except Refusal as refusal:
            return _refused(str(refusal), _profile())
        _done, findings, _status = run(lambda unit: identities.unbind(unit, g.actor, which, clock.now()))
        if findings:
            return _refused(findings[0].found, _profile())
        begin_session(me())
        flash(_("已解除绑定，其他设备上的登录已退出"), "success")
        return redirect(_profile())


def may_bind() -> str:
    """The provider for which the password was given just now; the profile then shows the way there."""
    kept = session.get(MAY_BIND)
    return str(kept["name"]) if isinstance(kept, dict) and not _is_old(kept) and kept["name"] in _providers() else ""


def _leave(name: str, more: dict[str, Any], home: str) -> Any:
    if name not in _providers():
        abort(404)
    try:
        address, flow = oidc.begin(_providers()[name], _back_of(name))
    except oidc.NotProven as error:
        log.warning("provider not reached: provider=%s reason=%s", name, error)
        return _refused(str(error), home)
    session[AWAY] = {
        "name": name, "state": flow.state, "nonce": flow.nonce, "verifier": flow.verifier, "at": _now(), **more,
    }  # fmt: skip
    return redirect(address)


def _sign_in(name: str, found: oidc.Identity, target: str) -> Any:
    login = url_for("SignIn.login")
    if g.user.is_authenticated:
        return redirect("/")
    try:
        with transaction(db.session) as unit:
            account: Account | None = identities.account_of(unit, name, found.subject, clock.now())
            if account is not None:
                signin.by_identity(unit, account, name, clock.now(), request.remote_addr)
    except Refusal as refusal:
        return _refused(refusal.findings[0].words, login)
    if account is None:
        words = _("“%(name)s”的身份还没有绑定账号。请先用密码登录，再到“个人信息”里绑定。", name=labels()[name])
        return _refused(words, login)
    # The provider's own second factor is not taken on trust: what the account asks for, it asks for here too.
    if second_factor.factor_of(account):
        return second_step.begin(account, target)
    begin_session(account)
    return redirect(target)


def _bind(name: str, found: oidc.Identity) -> Any:
    _done, findings, _status = run(
        lambda unit: identities.bind(unit, g.actor, name, found.subject, found.shown_name, clock.now())
    )
    if findings:
        return _refused(findings[0].words, _profile())
    flash(_("已绑定“%(name)s”，以后可以用它登录", name=labels()[name]), "success")
    return redirect(_profile())


def _refused(words: str, target: str) -> Any:
    flash(told(words), "warning")
    return redirect(target)


def _profile() -> str:
    return url_for("Profile.show") + "#identities"


def _back_of(name: str) -> str:
    return addresses.full("External.back", name=name)


def _now() -> int:
    return int(clock.now().timestamp())


def _is_old(kept: dict[str, Any]) -> bool:
    return _now() - int(kept.get("at", 0)) > WAIT_SECONDS


def register(appbuilder: Any) -> None:
    """External is public: who comes back from the provider is signed in only then."""
    current_app.config["OIDC"] = oidc.providers(current_app.config.get("OIDC_PROVIDERS", []))
    screens.declare("Identities", "can_bind", Verb.HOME)
    appbuilder.add_view_no_menu(External)
    appbuilder.add_view_no_menu(Identities)

"""The second step of signing in: a code of the app or by SMS, for whoever has given the right password just now."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import no_cache
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.models import Account
from app.rules.identifiers import mask_mobile
from app.transaction import transaction
from app.views.access.browser import begin_session, forget_session
from app.views.access.proving import confirm_second_factor
from app.views.frame.addresses import safe_next
from app.views.frame.requests import code_request
from app.workflows.access import codes, second_factor

PENDING = "second"
# The password counts no longer than this while its second step is awaited.
WAIT_SECONDS = 600


def begin(account: Account, target: str) -> Any:
    """Remember who has given the password, and ask for the rest; nobody is signed in yet."""
    forget_session()
    session[PENDING] = {"id": account.id, "epoch": account.session_epoch, "at": int(clock.now().timestamp())}
    if second_factor.factor_of(account) == "sms":
        _send(account)
    return redirect(url_for("SecondStep.step", next=target if target != "/" else None))


class SecondStep(BaseView):
    """动态口令 or 短信验证码."""

    route_base = "/login/second"
    default_view = "step"

    @expose("/", methods=["GET", "POST"])
    @no_cache
    def step(self) -> Any:
        account = _pending()
        if account is None:
            flash(_("请重新输入用户名和密码"), "info")
            return redirect(url_for("SignIn.login"))
        factor = second_factor.factor_of(account)
        findings: list[Finding] = []
        if request.method == "POST" and request.form.get("again"):
            findings = _send(account)
        elif request.method == "POST":
            refusal = confirm_second_factor(account, request.form.get("code", "")[:20], code_request())
            if refusal is None:
                target = safe_next()
                begin_session(account)
                return redirect(target)
            findings = refusal.findings
        page = self.render_template(
            "ta/accounts/second_step.html", title=_("二次验证"), findings=findings, factor=factor,
            phone=mask_mobile(account.phone) if account.phone else "", next=request.args.get("next", ""),
        )  # fmt: skip
        return page, 401 if findings else 200


def _send(account: Account) -> list[Finding]:
    try:
        with transaction(db.session) as opened:
            codes.send(
                opened, account, "login", account.phone or "", clock.now(), request.remote_addr,
                request=code_request(),
            )  # fmt: skip
    except Refusal as refusal:
        return refusal.findings
    return []


def _pending() -> Account | None:
    """The account whose password was right within the last minutes, if nothing about it changed since."""
    held = session.get(PENDING)
    if not isinstance(held, dict) or int(clock.now().timestamp()) - held.get("at", 0) > WAIT_SECONDS:
        return None
    account: Account | None = db.session.scalar(
        select(Account).where(Account.id == held.get("id")).execution_options(skip_scope=True)
    )
    same = account is not None and account.active and account.session_epoch == held.get("epoch")
    return account if same else None


def register(appbuilder: Any) -> None:
    """Public: who comes here has proved the password only."""
    appbuilder.add_view_no_menu(SecondStep)

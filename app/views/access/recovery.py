"""找回密码 and 单位注册: pages without sign-in (ACC-03, ACC-04)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import no_cache
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.transaction import transaction
from app.views.access.browser import begin_session, know_browser
from app.views.access.captcha import answered, new_question, words_wanted
from app.views.frame.requests import code_request
from app.workflows.access import codes, recovery, registration, signin

# Writing a code down takes longer than finding nobody: neither is answered sooner than this.
EVEN_SECONDS = 0.2


@contextmanager
def _even_time() -> Iterator[None]:
    """Take the same time whether the account exists or not."""
    began = time.monotonic()
    try:
        yield
    finally:
        time.sleep(max(0.0, EVEN_SECONDS - (time.monotonic() - began)))


class Recovery(BaseView):
    """A code to the bound phone, then a new password. What is said is the same whether the account exists or not."""

    route_base = "/recover"
    default_view = "start"

    @expose("/", methods=["GET", "POST"])
    @no_cache
    def start(self) -> Any:
        findings: list[Finding] = []
        name = request.form.get("username", "").strip()[:200]
        if request.method == "POST" and not words_wanted():
            wrong = answered()
            findings = wrong.findings if wrong else []
            if not name:
                said = _("请填写用户名或已绑定的手机号")
                findings.append(Finding(_("账号"), False, _("没有填写"), said, field="username"))
            if not findings and codes.available():
                with _even_time(), transaction(db.session) as session:
                    recovery.ask(session, name, clock.now(), request.remote_addr, code_request())
                return self._renew(name, [], 200)
        page = self.render_template(
            "ta/accounts/recover.html", title=_("找回密码"), findings=findings, username=name, asked=new_question(),
            available=codes.available(),
        )  # fmt: skip
        return page, 422 if findings else 200

    @expose("/password", methods=["POST"])
    @no_cache
    def renew(self) -> Any:
        form, name = request.form, request.form.get("username", "").strip()[:200]
        with _even_time(), transaction(db.session) as session:
            refusal = recovery.renew(
                session, name, form.get("code", "")[:20], form.get("new_password", ""), form.get("again", ""),
                clock.now(), code_request(),
            )  # fmt: skip
        if refusal is not None:
            return self._renew(name, refusal.findings, 422)
        # Strangers who type wrong passwords can't lock this browser out again before its owner signs in.
        account = signin.find_account(db.session, name)
        if account is not None:
            know_browser(account)
        flash(_("密码已重新设置，请登录"), "success")
        return redirect(url_for("SignIn.login"))

    def _renew(self, name: str, findings: list[Finding], status: int) -> Any:
        page = self.render_template(
            "ta/accounts/recover_code.html", title=_("找回密码"), findings=findings, username=name
        )
        return page, status


class Registration(BaseView):
    """A unit registers itself; it signs in at once, files, and waits for approval."""

    route_base = "/register"
    default_view = "start"

    @expose("/", methods=["GET", "POST"])
    @no_cache
    def start(self) -> Any:
        if not current_app.config["SELF_REGISTRATION"]:
            abort(404)
        form = {name: request.form.get(name, "")[:300] for name in registration.FIELDS}
        findings: list[Finding] = []
        if request.method == "POST" and not words_wanted():
            wrong = answered()
            try:
                if wrong is None:
                    with transaction(db.session) as session:
                        over = registration.flooded(session, clock.now(), request.remote_addr)
                    if over is not None:
                        raise over
                with transaction(db.session) as session:
                    account = registration.register(session, form, clock.now(), request.remote_addr, wrong)
            except Refusal as refusal:
                findings = refusal.findings
            else:
                begin_session(account)
                flash(_("注册成功。请完善单位备案并上报，审核通过前只能填报。"), "success")
                return redirect("/units/mine")
        page = self.render_template(
            "ta/accounts/register.html", title=_("单位注册"), findings=findings, form=form, asked=new_question(),
            regions=registration.regions(db.session, clock.today()),
            kinds=[("maintenance", _("维保单位")), ("use", _("使用单位"))],
        )  # fmt: skip
        return page, 422 if findings else 200


def register(appbuilder: Any) -> None:
    """Public pages: no verb, since nobody acts yet."""
    appbuilder.add_view_no_menu(Recovery)
    appbuilder.add_view_no_menu(Registration)

"""What one writes on one's own profile: sex, picture, e-mail (ACC-06)."""

from __future__ import annotations

import io
from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app import clock
from app.permissions import Verb
from app.views.access.profile import page, unproved
from app.views.frame import screens
from app.views.frame.account_forms import run, text
from app.views.frame.requests import code_request
from app.workflows.people import real_names
from app.workflows.privacy import own_data


class OwnData(BaseView):
    """The deeds; the page is the profile's."""

    route_base = "/profile"
    default_view = "sex"

    @expose("/sex", methods=["POST"])
    @has_access
    @permission_name("write")
    def sex(self) -> Any:
        return self._done(*run(lambda unit: own_data.set_sex(unit, g.actor, text("sex"), clock.now())))

    @expose("/real-name", methods=["POST"])
    @has_access
    @permission_name("write")
    def real_name(self) -> Any:
        """实名核验 of oneself: the question is put, its answer shows when it came."""
        key = g.actor.person_id or 0
        done, findings, status = run(lambda unit: real_names.ask(unit, g.actor, key, clock.now()))
        if done is None:
            return page(self, findings, status)
        flash(_("已提交核验，稍后刷新查看结果"), "success")
        return redirect(url_for("Profile.show"))

    @expose("/avatar", methods=["POST"])
    @has_access
    @permission_name("write")
    def avatar(self) -> Any:
        """Take a picture, or take the one that is there away."""
        if text("off"):
            return self._done(*run(lambda unit: own_data.remove_avatar(unit, g.actor, clock.now())))
        given = request.files.get("avatar")
        stream = given.stream if given is not None else io.BytesIO()
        return self._done(*run(lambda unit: own_data.set_avatar(unit, g.actor, stream, clock.now())))  # type: ignore[arg-type]

    @expose("/mail/code", methods=["POST"])
    @has_access
    @permission_name("write")
    def mail_code(self) -> Any:
        """Send a code to the address that is to be verified; who found the page open does not get so far."""
        mail = text("mail", 80)
        refused = unproved("mail_password")
        if refused is not None:
            return page(self, refused.findings, refused.status_code, mail=mail)
        sent, findings, status = run(
            lambda unit: own_data.ask_mail(unit, g.actor, mail, clock.now(), request.remote_addr, code_request())
        )
        if sent:
            flash(_("验证码已发往 %(mail)s", mail=sent), "success")
        return page(self, findings, status, mail=mail, mail_sent=bool(sent))

    @expose("/mail", methods=["POST"])
    @has_access
    @permission_name("write")
    def mail(self) -> Any:
        mail, code = text("mail", 80), text("mail_code", 20)
        refusal, findings, _status = run(
            lambda unit: own_data.verify_mail(unit, g.actor, mail, code, clock.now(), code_request())
        )
        if refusal is not None or findings:
            return page(self, refusal.findings if refusal else findings, 422, mail=mail, mail_sent=True)
        flash(_("邮箱已验证"), "success")
        return redirect(url_for("Profile.show"))

    def _done(self, _done: Any, findings: Any, status: int) -> Any:
        if findings:
            return page(self, findings, status)
        flash(_("已保存"), "success")
        return redirect(url_for("Profile.show"))


def register(appbuilder: Any) -> None:
    """Add these deeds."""
    screens.declare("OwnData", "can_write", Verb.HOME)
    appbuilder.add_view_no_menu(OwnData)

"""One's own account: what it is (个人信息), and changing the password (修改密码)."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request, session
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.models import Account
from app.permissions import ROLE_LABEL, Verb
from app.rules.identifiers import mask_mobile
from app.transaction import transaction
from app.views import screens
from app.views.security import begin_session, confirm_own_password
from app.workflows import accounts
from app.workflows.issuing import password_length


class Password(BaseView):
    """修改密码: the old one is asked; every other session ends."""

    route_base = "/password"
    default_view = "change"

    @expose("/", methods=["GET", "POST"])
    @has_access
    @permission_name("change")
    @no_cache
    def change(self) -> Any:
        account = db.session.get(Account, g.actor.user_id)
        assert account is not None
        findings, status = [], 200
        if request.method == "POST":
            form = request.form
            try:
                confirm_own_password(account, form.get("old_password", ""), "old_password")
                with transaction(db.session) as unit:
                    accounts.change_own_password(
                        unit, g.actor, form.get("new_password", ""), form.get("again", ""), clock.now()
                    )
            except Refusal as refusal:
                findings, status = refusal.findings, refusal.status_code
            else:
                begin_session(account)
                flash(_("密码已修改，其他设备上的登录已退出"), "success")
                return redirect("/")
        page = self.render_template(
            "ta/accounts/password.html",
            title=_("修改密码"),
            findings=[f for f in findings if not f.ok],
            first=account.must_change_password,
            least=password_length(db.session, account, clock.now()),
            login_name=account.username,
        )
        return page, status


class Profile(BaseView):
    """个人信息."""

    route_base = "/profile"
    default_view = "show"

    @expose("/")
    @has_access
    @permission_name("show")
    def show(self) -> Any:
        account = db.session.get(Account, g.actor.user_id)
        assert account is not None
        facts = [
            (_("姓名"), account.get_full_name()),
            (_("登录名"), account.username),
            (_("手机"), mask_mobile(account.phone) if account.phone else "—"),
            (_("角色"), "、".join(str(ROLE_LABEL[r]) for r in sorted(g.actor.roles)) or "—"),
            (_("所属单位"), str(account.unit) if account.unit else "—"),
            (_("管辖地区"), str(account.region) if account.region else "—"),
            (_("人员"), str(account.person) if account.person else "—"),
            (_("上次登录"), f"{account.last_login:%Y-%m-%d %H:%M}" if account.last_login else "—"),
        ]
        since = session.get("since")
        return self.render_template("ta/accounts/profile.html", title=_("个人信息"), facts=facts, since=since)


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("Password", "can_change", Verb.HOME)
    screens.declare("Profile", "can_show", Verb.HOME)
    appbuilder.add_view_no_menu(Password)
    appbuilder.add_view_no_menu(Profile)

"""角色与权限, 登录与安全 of a sub-account: what its main account hands out and ends (ACC-07, -09, -11, -13, -15)."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.models import Account, Person
from app.permissions import ROLE_LABEL, VERB_GROUPS, VERB_LABEL, Role, Verb
from app.views.access import external
from app.views.access.proving import confirm_own_password
from app.views.access.sessions import shown_of
from app.views.frame import screens
from app.views.frame.account_forms import Findings, me, number, own_sub, run, text
from app.workflows.access import codes, identities, second_factor, sub_accounts, sub_rights


class SubRights(BaseView):
    """The pages beside 编辑 of a sub-account."""

    route_base = "/sub-accounts"
    default_view = "rights"

    @expose("/<int:pk>/rights", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def rights(self, pk: int) -> Any:
        """Two forms: the roles, and what of them is ticked."""
        account = own_sub(pk)
        findings: Findings = []
        status = 200
        if request.method == "POST":
            now, form = clock.now(), request.form
            deeds = {
                "roles": lambda s: sub_rights.set_roles(
                    s, g.actor, pk, form.getlist("role"), number(text("person_id")), now
                ),
                "verbs": lambda s: sub_rights.set_rights(s, g.actor, pk, form.getlist("verb"), now),
            }
            if text("deed") not in deeds:
                abort(400)
            done, findings, status = run(deeds[text("deed")])
            if done:
                by_role = text("deed") == "roles"
                flash(_("角色已保存，该子用户须重新登录") if by_role else _("权限已保存，立即生效"), "success")
                return redirect(url_for("SubRights.rights", pk=pk))
        return self._rights_page(account, findings), status

    def _rights_page(self, account: Account, findings: Findings) -> str:
        can, ticked = sub_rights.choices(g.actor, account)
        if findings and text("deed") == "verbs":
            ticked = frozenset(v for v in can if v.value in request.form.getlist("verb"))
        groups = [
            (label, [(verb.value, VERB_LABEL[verb], verb in ticked) for verb in verbs if verb in can])
            for label, verbs in VERB_GROUPS
        ]
        held = [row.name for row in account.roles]
        people = select(Person).where(Person.unit_id == account.unit_id, Person.left_on.is_(None))
        return self.render_template(
            "ta/accounts/sub_rights.html", title=_("角色与权限"), account=account, findings=findings,
            roles=[(r.value, ROLE_LABEL[r]) for r in sub_accounts.roles_to_give(g.actor)],
            chosen=request.form.getlist("role") if findings and text("deed") == "roles" else held,
            groups=[group for group in groups if group[1]], ticked=len(ticked), most=len(can),
            needs_person=account.person_id is None and Role.WORKER in sub_accounts.roles_to_give(g.actor),
            people=[(p.id, p.name) for p in db.session.scalars(people.order_by(Person.name).limit(500))],
        )  # fmt: skip

    @expose("/<int:pk>/sessions", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def sessions(self, pk: int) -> Any:
        """Where it is signed in, its second factor, the identities from outside; deeds ask for one's own password."""
        account = own_sub(pk)
        findings: Findings = []
        status = 200
        if request.method == "POST":
            now, which = clock.now(), number(text("identity"))
            on = text("on") == "1"
            deeds = {
                "sms": lambda s: second_factor.switch_sms(s, g.actor, on, now, pk),
                "unbind": lambda s: identities.unbind_of_sub(s, g.actor, pk, which or 0, now),
            }
            if text("deed") not in deeds:
                abort(400)
            try:
                confirm_own_password(me(), text("own_password", 200), "own_password")
            except Refusal as refusal:
                findings, status = [f for f in refusal.findings if not f.ok], refusal.status_code
            else:
                _done, findings, status = run(deeds[text("deed")])
                if not findings:
                    flash(_("已保存"), "success")
                    return redirect(url_for("SubRights.sessions", pk=pk))
        page = self.render_template(
            "ta/accounts/sub_sessions.html", title=_("登录与安全"), account=account, findings=findings,
            shown=shown_of(account), can_sms=codes.available(), deed=text("deed"),
            identities=identities.of(db.session, account.id), labels=external.labels(),
        )  # fmt: skip
        return page, status


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("SubRights", "can_write", Verb.SUBACCOUNT_EDIT)
    appbuilder.add_view_no_menu(SubRights)

"""使用单位账号: a maintenance unit makes the main accounts of the use units that it filed (ACC-12)."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, redirect, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.extensions import db
from app.models import Account, Unit
from app.permissions import Verb
from app.rules.identifiers import mask_mobile
from app.views.frame import screens
from app.views.frame.account_forms import run
from app.views.frame.told import told
from app.workflows.access import codes, main_accounts

MOST_SHOWN = 500


class Partners(BaseView):
    """The use units of one's own filing and whether each can sign in."""

    route_base = "/partner-accounts"
    default_view = "list"

    @expose("/")
    @has_access
    @permission_name("write")
    def list(self) -> Any:
        self._own()
        own = g.actor.unit_id
        statement = select(Unit).where(Unit.filed_by_unit_id == own, Unit.is_use, Unit.id != own)
        units = db.session.scalars(scope.apply(statement, g.actor, Unit).order_by(Unit.name).limit(MOST_SHOWN)).all()
        mains = select(Account).where(Account.unit_id.in_([u.id for u in units]), Account.is_main)
        held = {a.unit_id: a for a in db.session.scalars(mains.execution_options(skip_scope=True))}
        rows = [
            {
                "unit": unit, "account": held.get(unit.id),
                "phone": mask_mobile(unit.head_phone) if unit.head_phone else "—",
                "may": unit.id not in held and unit.approved_version > 0 and not unit.is_maintenance,
            }
            for unit in units
        ]  # fmt: skip
        return self.render_template(
            "ta/accounts/partners.html", title=_("使用单位账号"), rows=rows, can_sms=codes.available()
        )

    @expose("/<int:pk>", methods=["POST"])
    @has_access
    @permission_name("write")
    def add(self, pk: int) -> Any:
        self._own()
        account, findings, _status = run(
            lambda session: main_accounts.create_partner_account(session, g.actor, pk, clock.now())
        )
        if account is not None:
            flash(_("已为使用单位建立主账号，登录名是它的统一社会信用代码"), "success")
        for finding in findings:
            flash(told(finding.words), "warning")
        return redirect(url_for("Partners.list"))

    def _own(self) -> None:
        own = db.session.get(Unit, g.actor.unit_id) if g.actor.unit_id is not None else None
        if own is None or not g.actor.is_main or not own.is_maintenance:
            abort(403)


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("Partners", "can_write", Verb.SUBACCOUNT_EDIT)
    appbuilder.add_view_no_menu(Partners)

"""登录设备: where one is signed in, and signing out elsewhere (ACC-15); the same for the accounts below one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from flask import current_app, flash, g, redirect, session, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app import clock
from app.extensions import db
from app.models import Account, LiveSession
from app.permissions import Verb
from app.views.access.browser import end_session, know_browser
from app.views.frame import screens
from app.views.frame.account_forms import run
from app.views.frame.told import told
from app.workflows.access import sessions


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the table: the session, and whether it is the one that asks."""

    row: LiveSession
    here: bool


def shown_of(account: Account) -> list[Shown]:
    """The account's sessions for the table of `ta/accounts/sessions.html`."""
    idle = dt.timedelta(minutes=current_app.config["SESSION_IDLE_MINUTES"])
    own = session.get("number") if account.id == g.actor.user_id else None
    return [Shown(row, row.number == own) for row in sessions.of(db.session, account, clock.now(), idle)]


def limits() -> dict[str, int]:
    """How long a session lasts, for the sentence over the table."""
    return {
        "idle": int(current_app.config["SESSION_IDLE_MINUTES"]),
        "longest": int(current_app.permanent_session_lifetime.total_seconds()) // 3600,
    }


class Sessions(BaseView):
    """Two deeds; the tables are on the pages of the account that they are about."""

    route_base = "/sessions"
    default_view = "end"

    @expose("/<int:pk>/end", methods=["POST"])
    @has_access
    @permission_name("end")
    def end(self, pk: int) -> Any:
        held = db.session.get(LiveSession, pk)
        here = held is not None and held.number == session.get("number")
        account, findings, _status = run(lambda unit: sessions.end_one(unit, g.actor, pk, clock.now()))
        if here and account is not None:
            end_session()
            return redirect(url_for("SignIn.login"))
        return _told(account, findings, _("已退出这台设备上的登录"))

    @expose("/of/<int:pk>/end", methods=["POST"])
    @has_access
    @permission_name("end")
    def end_all(self, pk: int) -> Any:
        account, findings, _status = run(lambda unit: sessions.end_all(unit, g.actor, pk, clock.now()))
        own = account is not None and account.id == g.actor.user_id
        if account is not None and own and isinstance(session.get("number"), str):
            number = session["number"]
            run(lambda unit: sessions.keep(unit, account, number))
            session["epoch"] = account.session_epoch
            know_browser(account)
        return _told(account, findings, _("其他设备上的登录已全部退出") if own else _("该账号的登录已全部退出"))


def _told(account: Account | None, findings: Any, said: str) -> Any:
    for finding in findings:
        flash(told(finding.words), "warning")
    if account is None:
        return redirect(url_for("Profile.show"))
    flash(said, "success")
    if account.id == g.actor.user_id:
        return redirect(url_for("Profile.show") + "#sessions")
    if g.actor.unit_id is not None:
        return redirect(url_for("SubRights.sessions", pk=account.id))
    return redirect(url_for("AccountPages.show", pk=account.id) + "#sessions")


def register(appbuilder: Any) -> None:
    """Anybody signed in: whose sessions he may end is the workflow's to say."""
    screens.declare("Sessions", "can_end", Verb.HOME)
    appbuilder.add_view_no_menu(Sessions)

"""Assigning what the list of elevators shows to a sub-account: a snapshot of its search, tab and filters (ACC-10)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import func, select

from app import clock, scope
from app.extensions import db
from app.listing import moment
from app.listings.elevators import ELEVATORS
from app.models import Account, Elevator
from app.permissions import Verb
from app.views.frame import screens
from app.views.frame.account_forms import Findings, number, role_words, run, text
from app.wording import say
from app.workflows.access import sub_accounts


class Assigning(BaseView):
    """Reached from the list; the address carries the list's own parameters, and both deeds run its statement again."""

    route_base = "/sub-accounts"
    default_view = "assign"

    @expose("/assign", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def assign(self) -> Any:
        if g.actor.unit_id is None or not g.actor.is_main:
            abort(403)
        findings: Findings = []
        status = 200
        args = {k: v for k, v in request.args.items() if k not in ("as_of", "known_at", "page", "row", "cols", "sort")}
        if request.method == "POST":
            pk, now, deed = number(text("account_id")) or 0, clock.now(), text("deed")
            deeds = {"give": sub_accounts.assign, "take": sub_accounts.unassign}
            if deed not in deeds:
                abort(400)
            done, findings, status = run(lambda s: deeds[deed](s, g.actor, pk, self._found(args), now))
            if not findings:
                flash(_("新分配 %(n)s 台", n=done) if deed == "give" else _("已收回 %(n)s 台", n=done), "success")
                return redirect(url_for("SubAccounts.elevators", pk=pk, show="assigned"))
        query = ELEVATORS.read(args)
        tab = next((str(t.label) for t in ELEVATORS.tabs if t.key == query.tab), "")
        said = [(str(_("搜索")), query.q)] if query.q else []
        said += [(label, words) for _name, label, words in ELEVATORS.describe(db.session, query)]
        page = self.render_template(
            "ta/accounts/assign.html", title=_("按筛选结果分配电梯"), findings=findings, tab=tab, said=said,
            total=self._total(args), most=sub_accounts.MOST_AT_ONCE, accounts=self._accounts(),
            back=f"{url_for('ElevatorScreen.list')}?{urlencode(args)}", chosen=text("account_id"),
        )  # fmt: skip
        return page, status

    def _found(self, args: dict[str, str]) -> list[int]:
        now = moment(db.session, g.actor)
        query = ELEVATORS.read(args)
        ELEVATORS.seek(now, query)
        most = sub_accounts.MOST_AT_ONCE + 1
        return list(db.session.scalars(ELEVATORS.statement(now, query).order_by(Elevator.id).limit(most)))

    def _total(self, args: dict[str, str]) -> int:
        now = moment(db.session, g.actor)
        query = ELEVATORS.read(args)
        ELEVATORS.seek(now, query)
        found = select(func.count()).select_from(ELEVATORS.statement(now, query).subquery())
        return db.session.scalar(found.execution_options(skip_scope=True)) or 0

    def _accounts(self) -> list[tuple[int, str]]:
        statement = select(Account).where(
            Account.unit_id == g.actor.unit_id, Account.is_main.is_(False), Account.active.is_(True)
        )
        rows = db.session.scalars(scope.apply(statement, g.actor, Account).order_by(Account.id)).all()
        word = _("全部电梯")
        return [
            (
                a.id,
                say(
                    "%(a)s（%(username)s，%(role_words)s%(word)s）",
                    a=a.get_full_name(),
                    username=a.username,
                    role_words=role_words(a),
                    word=say("，%(word)s", word=word) if a.sees_all_elevators else "",
                ),
            )
            for a in rows
        ]


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("Assigning", "can_write", Verb.SUBACCOUNT_EDIT)
    appbuilder.add_view_no_menu(Assigning)

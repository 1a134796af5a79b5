"""离职交接 on the desk (PER-04): the board, handing over, leaving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.models import Person
from app.permissions import Verb
from app.views.frame import screens
from app.views.frame.account_forms import number, run, text
from app.views.people.people import day_of
from app.workflows.handover import leaving


class LeavingPages(BaseView):
    """What a person still holds, and who takes it."""

    route_base = "/people"
    default_view = "board"

    @expose("/<int:pk>/leaving")
    @has_access
    @permission_name("write")
    def board(self, pk: int) -> Any:
        return self._page(pk, [], 200)

    @expose("/<int:pk>/leaving", methods=["POST"])
    @has_access
    @permission_name("write")
    def hand_over(self, pk: int) -> Any:
        """The ticked things, or all of them, to one successor."""
        chosen: dict[str, Sequence[int]] | None = None
        if "all" not in request.form:
            chosen = {
                kind: [key for key in map(number, request.form.getlist(kind)) if key is not None]
                for kind in leaving.KINDS
            }
        to = number(text("successor_id"))
        counts, findings, status = run(lambda s: leaving.hand_over(s, g.actor, pk, to, chosen, clock.now()))
        if findings:
            return self._page(pk, findings, status)
        flash(_("已交接 %(n)s 项", n=sum((counts or {}).values())), "success")
        return redirect(url_for("LeavingPages.board", pk=pk))

    @expose("/<int:pk>/leave", methods=["POST"])
    @has_access
    @permission_name("write")
    def leave(self, pk: int) -> Any:
        on, bad = day_of("left_on", _("离职日期"))
        status = 422
        if on is None and not bad:
            bad = [Finding(_("离职日期"), False, _("没有填写"), _("请填写离职日期"), field="left_on")]
        if not bad:
            assert on is not None
            _done, bad, status = run(lambda s: leaving.leave(s, g.actor, pk, on, clock.now()))
        if bad:
            return self._page(pk, bad, status)
        flash(_("已办理离职，其账号已注销"), "success")
        return redirect(url_for("PeoplePages.show", pk=pk))

    def _page(self, pk: int, findings: Any, status: int) -> Any:
        board = leaving.board(db.session, g.actor, pk, clock.now())
        others = select(Person).where(
            Person.unit_id == g.actor.unit_id, Person.left_on.is_(None), Person.id != pk
        )
        rows = db.session.scalars(scope.apply(others, g.actor).order_by(Person.name).limit(500))
        page = self.render_template(
            "ta/people/leaving.html", title=_("离职交接"), board=board, kinds=leaving.KINDS, findings=findings,
            people=[(row.id, row.name) for row in rows], today=clock.today(), most=leaving.SHOWN, form=request.form,
        )  # fmt: skip
        return page, status


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("LeavingPages", "can_write", Verb.PERSON_EDIT)
    appbuilder.add_view_no_menu(LeavingPages)

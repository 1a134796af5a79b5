"""巡检 at the desk: plan a round over chosen elevators, follow it, end it; results are given on the phone (PAT-01)."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listings.safety import PATROLS
from app.models import Elevator, PatrolRound
from app.permissions import Verb, require
from app.rules.addresses import words_of
from app.search import contains
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens
from app.views.frame.account_forms import number, run, text
from app.views.frame.base import Button, Screen, SQLAInterface, mark
from app.workflows.on_site import patrols

MOST_FOUND = 100


class Patrols(Screen):
    datamodel = SQLAInterface(PatrolRound)
    route_base = "/patrols"
    listing = PATROLS
    verb = Verb.PATROL_READ
    record = "PatrolPages.show"
    cells = {
        "left": lambda row: mark(n, "over") if (n := patrols.left_out(row, clock.today())) else "0",
        "found": lambda row: mark(n, "near") if (n := sum(s.is_fine is False for s in row.stops)) else "0",
    }
    buttons = [Button(_l("安排巡检"), "PatrolPages.new", Verb.PATROL_EDIT, main=True)]
    empty_text = _l("还没有巡检。选好电梯、人员和期限就可以安排。")
    empty_links = [(_l("安排巡检"), "PatrolPages.new", Verb.PATROL_EDIT)]


class PatrolPages(BaseView):
    route_base = "/patrols"
    default_view = "new"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def new(self) -> Any:
        require(g.actor, Verb.PATROL_EDIT)
        findings: list[Finding] = []
        status = 200
        # Words that were typed and not looked for yet: Enter behind them looks for them, as the button does.
        looks = "find" in request.form or text("q") != text("sought")
        if request.method == "POST" and not looks:
            on, findings = forms.day("due_on", _("完成期限"))
            if on is None and not findings:
                findings = [Finding(_("完成期限"), False, _("没有填写"), _("请选择日期"), field="due_on")]
            status = 422
            if not findings and on is not None:
                who, keys = number(text("account_id", 16)) or 0, forms.chosen()
                done, findings, status = run(
                    lambda s: patrols.plan(s, g.actor, text("title"), on, who, keys, clock.now(), text("note"))
                )
                if done is not None:
                    flash(_("已安排，%(n)s 会收到通知", n=done.account_name), "success")
                    return redirect(f"/patrols/{done.id}")
        q = request.values.get("q", "")[:60]
        page = self.render_template(
            "ta/safety/patrol_form.html", title=_("安排巡检"), form=request.form, findings=findings, q=q,
            people=patrols.patrollers(db.session, g.actor), rows=_elevators(q, set(forms.chosen())),
            chosen=set(forms.chosen()),
        )  # fmt: skip
        return page, status

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        row: PatrolRound = scope.visible(db.session, g.actor, PatrolRound, pk, _("这次巡检"))
        seen = scope.apply(
            select(Elevator).where(Elevator.id.in_([s.elevator_id for s in row.stops])), g.actor, Elevator
        )
        return self.render_template(
            "ta/safety/patrol.html", title=row.title, row=row, left=patrols.left_out(row, clock.today()),
            elevators={e.id: e for e in db.session.scalars(seen)}, today=clock.today(),
            may_close=g.actor.may(Verb.PATROL_EDIT) and row.unit_id == g.actor.unit_id and row.closed_at is None,
            mine=row.account_id == g.actor.user_id and row.closed_at is None,
            photos=patrols.photos_of(db.session, row),
            lacks=patrols.lacking(db.session, row),
        )  # fmt: skip

    @expose("/<int:pk>/close", methods=["POST"])
    @has_access
    @permission_name("edit")
    def close(self, pk: int) -> Any:
        scope.visible(db.session, g.actor, PatrolRound, pk, _("这次巡检"))
        return forms.deed(
            lambda s: patrols.close(s, g.actor, pk, clock.now()), _("巡检已结束，未巡的记为漏巡"), f"/patrols/{pk}"
        )


def _elevators(q: str, chosen: set[int]) -> list[Elevator]:
    """Elevators to choose from: those chosen already, and those that the words find."""
    statement = scope.apply(select(Elevator), g.actor, Elevator).where(
        Elevator.approved_version > 0, Elevator.status != "scrapped"
    )
    for word in words_of(q):
        held = contains((Elevator.code, Elevator.address, Elevator.estate), word)
        statement = statement.where(or_(Elevator.id.in_(chosen), held))
    order = (Elevator.id.not_in(chosen), Elevator.code) if chosen else (Elevator.code,)
    return list(db.session.scalars(statement.order_by(*order).limit(MOST_FOUND)))


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("PatrolPages", "can_read", Verb.PATROL_READ)
    screens.declare("PatrolPages", "can_edit", Verb.PATROL_EDIT)
    appbuilder.add_view_no_menu(Patrols)
    appbuilder.add_view_no_menu(PatrolPages)

"""维保小组 (PLN-07): the list, and one page to make a team, to say who belongs to it, and to disband it."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listings.teams import TEAMS, members_of
from app.models import MaintenanceTeam
from app.permissions import Verb, require
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens
from app.views.frame.account_forms import number, run, text
from app.views.frame.base import Button, Screen, SQLAInterface, mark
from app.workflows.maintenance import teams


class Teams(Screen):
    """维保小组."""

    datamodel = SQLAInterface(MaintenanceTeam)
    route_base = "/teams"
    listing = TEAMS
    verb = Verb.LEDGER_READ
    record = "TeamPages.show"
    cells: ClassVar[dict[str, Any]] = {
        "elevators": lambda row: _("%(n)s 台", n=row.served) if row.served else mark(_l("没有电梯"), "near"),
    }
    buttons: ClassVar[list[Button]] = [Button(_l("新建小组"), "TeamPages.new", Verb.LEDGER_EDIT, main=True)]
    empty_text = _l("还没有维保小组。几名维保员共同维保一批电梯时，在这里建立小组，再在设备履历中选择。")
    empty_links: ClassVar[list[Any]] = [(_l("新建小组"), "TeamPages.new", Verb.LEDGER_EDIT)]


class TeamPages(BaseView):
    """One team: read by whoever reads ledgers, changed by its unit."""

    route_base = "/teams"
    default_view = "new"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def new(self) -> Any:
        require(g.actor, Verb.LEDGER_EDIT)
        return self._form(None)

    @expose("/<int:pk>", methods=["GET", "POST"])
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._form(scope.visible(db.session, g.actor, MaintenanceTeam, pk, _("维保小组")))

    @expose("/<int:pk>/disband", methods=["POST"])
    @has_access
    @permission_name("edit")
    def disband(self, pk: int) -> Any:
        done, findings, status = run(lambda session: teams.disband(session, g.actor, pk, clock.now()))
        if done is None:
            row = scope.visible(db.session, g.actor, MaintenanceTeam, pk, _("维保小组"))
            return self._page(row, _stored(row), findings), status
        flash(_("小组“%(name)s”已解散", name=done.name), "success")
        return redirect("/teams/")

    def _form(self, row: MaintenanceTeam | None) -> Any:
        if request.method == "GET":
            return self._page(row, {"name": "", "members": []} if row is None else _stored(row), [])
        name, chosen = text("name", 200), [key for value in request.form.getlist("members") if (key := number(value))]
        saved, findings, status = run(
            lambda session: teams.save(
                session, g.actor, row.id if row is not None else None, name, chosen, clock.now(),
                number(text("row_version")),
            )
        )  # fmt: skip
        if saved is None:
            return self._page(row, {"name": name, "members": chosen}, findings), status
        flash(_("小组“%(name)s”已保存", name=saved.name), "success")
        return redirect(f"/teams/{saved.id}")

    def _page(self, row: MaintenanceTeam | None, form: dict[str, Any], findings: list[Finding]) -> Any:
        unit_id = row.unit_id if row is not None else g.actor.unit_id
        own = g.actor.may(Verb.LEDGER_EDIT) and g.actor.unit_id == unit_id is not None
        return self.render_template(
            "ta/maintenance/team.html", title=row.name if row is not None else _("新建维保小组"), row=row, form=form,
            findings=findings, own=own and (row is None or row.disbanded_at is None),
            people=forms.workers_of(unit_id) if own else [], members=members_of(row) if row is not None else "",
        )  # fmt: skip


def _stored(row: MaintenanceTeam) -> dict[str, Any]:
    return {"name": row.name, "members": [member.person_id for member in row.members]}


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("TeamPages", "can_read", Verb.LEDGER_READ)
    screens.declare("TeamPages", "can_edit", Verb.LEDGER_EDIT)
    appbuilder.add_view_no_menu(TeamPages)
    appbuilder.add_view_no_menu(Teams)

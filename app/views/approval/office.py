"""How an office works together: 待办时长, 代办 while away, remarks on a record and watching it (LIF-07, LIF-08)."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.permissions import Verb
from app.reports import approvals
from app.views.frame import desks, screens
from app.views.frame import maintenance_forms as forms
from app.views.frame.account_forms import run, text
from app.views.frame.exports import send_table
from app.views.frame.policy_words import region_names
from app.wording import say
from app.workflows.approval import delegations, watching


class Ageing(BaseView):
    """What waits for decisions, by office."""

    route_base = "/applications"
    default_view = "ageing"

    @expose("/ageing")
    @has_access
    @permission_name("read")
    def ageing(self) -> Any:
        now = clock.now()
        lines = approvals.ageing(db.session, g.actor, now)
        return self.render_template(
            "ta/lifecycle/ageing.html", title=_("待办时长"), lines=lines, now=now, may_export=g.actor.may(Verb.EXPORT),
        )  # fmt: skip

    @expose("/ageing/table", methods=["POST"])
    @has_access
    @permission_name("read")
    def table(self) -> Any:
        """The same as .xlsx or .csv."""
        return send_table("approval_ageing", _("待办时长"))


class Delegations(BaseView):
    """代办."""

    route_base = "/delegations"
    default_view = "index"

    @expose("/", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def index(self) -> Any:
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            days, findings = forms.days([("from_on", _("起始日期")), ("to_on", _("截止日期"))])
            to_id, bad = forms.whole("to_id", _("代办人"))
            findings += bad
            status = 422
            if not findings:
                done, findings, status = run(lambda session: delegations.name(
                    session, g.actor, to_id, days["from_on"], days["to_on"], text("reason", 200), clock.now()
                ))  # fmt: skip
                if done is not None:
                    flash(_("已委托"), "success")
                    return redirect("/delegations/")
        today = clock.today()
        page = self.render_template(
            "ta/lifecycle/delegations.html", title=_("代办"), rows=delegations.own(db.session, g.actor), today=today,
            people=_people(),
            findings=findings, form=request.form, me=g.actor.user_id,
        )  # fmt: skip
        return page, status

    @expose("/<int:key>/end", methods=["POST"])
    @has_access
    @permission_name("write")
    def end(self, key: int) -> Any:
        return forms.deed(
            lambda session: delegations.end(session, g.actor, key, clock.now()), _("已结束"), "/delegations/"
        )


def _people() -> list[tuple[int, str]]:
    """Who can be named; those of another office with its region."""
    names, own = region_names(), g.actor.region_code
    found = [(a.id, a.get_full_name(), a.region_code or "") for a in delegations.colleagues(db.session, g.actor)]
    return [
        (key, name if code == own else say("%(name)s（%(names)s）", name=name, names=names.get(code, code)))
        for key, name, code in found
    ]


class Talk(BaseView):
    """Remarks on records, and watching them."""

    route_base = "/talk"
    default_view = "comment"

    @expose("/<entity>/<int:key>/comment", methods=["POST"])
    @has_access
    @permission_name("write")
    def comment(self, entity: str, key: int) -> Any:
        back = _back(entity, key)
        return forms.deed(lambda session: watching.comment(
            session, g.actor, entity, key, text("body", 2000), clock.now(), internal="internal" in request.form
        ), _("已留言"), back)  # fmt: skip

    @expose("/<entity>/<int:key>/watch", methods=["POST"])
    @has_access
    @permission_name("write")
    def watch(self, entity: str, key: int) -> Any:
        back = _back(entity, key)
        if "stop" in request.form:
            return forms.deed(lambda s: watching.unwatch(s, g.actor, entity, key), _("已取消关注"), back)
        return forms.deed(lambda s: watching.watch(s, g.actor, entity, key, clock.now()), _("已关注"), back)


def _back(entity: str, key: int) -> str:
    """The record's page; an unknown or foreign record has none."""
    if entity == "application":
        desks.sit_at(key)
    try:
        watching.record_of(db.session, g.actor, entity, key)
    except Refusal:
        abort(404)
    return f"{watching.RECORDS[entity][3]}{key}"


def talk_of(entity: str, key: int) -> dict[str, Any] | None:
    """For the template of a record's page: what was said, and whether one watches."""
    if not g.actor.may(Verb.COMMENT):
        return None
    return {
        "comments": watching.comments(db.session, g.actor, entity, key), "regulator": g.actor.unit_id is None,
        "watched": watching.watches(db.session, g.actor, entity, key), "base": f"/talk/{entity}/{key}",
    }  # fmt: skip


def install(app: Flask) -> None:
    """Let the templates of records ask for their talk."""
    app.jinja_env.globals["talk_of"] = talk_of


def register(appbuilder: Any) -> None:
    """Add the pages."""
    screens.declare("Ageing", "can_read", Verb.APPLICATION_DECIDE)
    screens.declare("Delegations", "can_write", Verb.APPLICATION_DECIDE)
    screens.declare("Talk", "can_write", Verb.COMMENT)
    for view in (Ageing, Delegations, Talk):
        appbuilder.add_view_no_menu(view)

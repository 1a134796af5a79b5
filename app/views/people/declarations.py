"""自我声明承诺书 of a person on the desk (PER-06): its part of the person's page, and handing one in."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import false, select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.models import Application, Attachment, Declaration, Person
from app.permissions import Verb
from app.rules.lifecycle import ApplicationKind
from app.views.approval.applying import earlier, said_by
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens, uploads
from app.views.frame.account_forms import run, text
from app.workflows.papers import declarations

MOST_SHOWN = 50


class DeclarationPages(BaseView):
    route_base = "/people"
    default_view = "new"

    @expose("/<int:pk>/declaration", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def new(self, pk: int) -> Any:
        """Days and scan together: one transaction keeps both and asks the regulator."""
        person: Person = scope.visible(db.session, g.actor, Person, pk, _("人员"))
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            days, findings = forms.days((("signed_on", _("签署日期")), ("valid_until", _("有效期至"))))
            status = 422
            if not findings:
                done, findings, status = run(lambda session: _submit(session, person.id, days))
                if done is not None:
                    flash(_("已提交 %(n)s，审核通过后生效", n=done.number), "success")
                    return redirect(url_for("PeoplePages.show", pk=pk))
        page = self.render_template(
            "ta/people/declaration.html", title=_("提交自我声明承诺书"), person=person, findings=findings,
            form=request.form if request.method == "POST" else
            {"signed_on": clock.today()} | said_by(earlier(ApplicationKind.DECLARATION)),
        )  # fmt: skip
        return page, status


def _submit(session: Any, person_id: int, days: dict[str, dt.date | None]) -> Application:
    person: Person = scope.visible(session, g.actor, Person, person_id, _("人员"))
    now = clock.now()
    scans = uploads.kept(session, "scan", "declaration", "application", None, person.unit_id, person.region_code, now)
    return declarations.submit(
        session, g.actor, person_id, days["signed_on"], days["valid_until"], text("note", 1000), scans, now
    )


def of_person(person: Person) -> list[tuple[Declaration, list[Attachment], Application | None]]:
    """A person's declarations, the newest first, with their scans and the applications that one may open."""
    held = scope.apply(select(Declaration), g.actor, Declaration).where(Declaration.person_id == person.id)
    rows = db.session.scalars(held.order_by(Declaration.id.desc()).limit(MOST_SHOWN)).all()
    if not rows:
        return []
    mine = select(Application).where(
        Application.entity == Declaration.__tablename__, Application.entity_id.in_([row.id for row in rows])
    )
    seen = scope.apply(mine, g.actor, Application) if g.actor.may(Verb.APPLICATION_READ) else mine.where(false())
    asked = {row.entity_id: row for row in db.session.scalars(seen)}
    files: dict[int, list[Attachment]] = {}
    found = select(Attachment).where(
        Attachment.entity == "application", Attachment.entity_id.in_([row.id for row in asked.values()]),
        Attachment.removed_at.is_(None),
    )  # fmt: skip
    for file in db.session.scalars(scope.apply(found, g.actor, Attachment).order_by(Attachment.id)):
        files.setdefault(file.entity_id or 0, []).append(file)
    return [(row, files.get(asked[row.id].id, []) if row.id in asked else [], asked.get(row.id)) for row in rows]


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("DeclarationPages", "can_write", Verb.PERSON_EDIT)
    appbuilder.add_view_no_menu(DeclarationPages)

"""申诉 (APL-01): the list, and appealing against a record. Its page is its application's; the queue decides."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.listings import appeals as listed
from app.models import Appeal, Application, UnitChange
from app.models.appeal import APPEAL_STATE
from app.models.choices import word
from app.permissions import Verb, require
from app.views.frame import screens, uploads
from app.views.frame.account_forms import run, text
from app.views.frame.base import Screen, SQLAInterface, countdown, cut, firm, pill
from app.views.frame.clock_words import approval_due
from app.views.frame.told import told
from app.wording import again
from app.workflows.handover import unit_changes
from app.workflows.oversight import appeals
from app.workflows.oversight.evidence import Item

TONES = {"approved": "ok", "rejected": "over", "returned": "over", "withdrawn": "gone"}
PAGES = {
    "visit": (Verb.VISIT_READ, "/visits/{}"), "complaint": (Verb.COMPLAINT_READ, "/complaints/{}"),
    "rescue": (Verb.RESCUE_READ, "/rescues/{}"), "inspection": (Verb.INSPECTION_READ, "/inspections/{}"),
    "unit_change": (Verb.APPLICATION_READ, "/applications/{}"),
    "enforcement": (Verb.ENFORCEMENT_READ, "/enforcement/{}"),
}  # fmt: skip
LONGEST = 4000


def _due(row: Appeal) -> Any:
    asked = row.application
    left = None if asked is None else approval_due(asked)
    return "—" if left is None else countdown(left)


class AppealScreen(Screen):
    datamodel = SQLAInterface(Appeal)
    route_base = "/appeals"
    listing = listed.APPEALS
    verb = Verb.APPLICATION_READ
    cells: ClassVar[dict[str, Any]] = {
        "unit": lambda row: firm(row.unit.name),
        "said": lambda row: cut(told(row.said), 28),
        "grounds": lambda row: cut(row.grounds, 22),
        "state": lambda row: pill(word(APPEAL_STATE, row.state), TONES.get(row.state, "near")),
        "due_at": _due,
        "changed": lambda row: cut(changed, 22) if (changed := told(listed.changed_of(row))) else "—",
    }
    empty_text = _l("还没有申诉。单位在扣分账目、维保记录、投诉或处罚的页面上提出。")

    def row_link(self, row: Appeal) -> str:
        return f"/applications/{row.application_id}"


class AppealPages(BaseView):
    """Appeal against a record."""

    route_base = "/appeals"
    default_view = "new"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("submit")
    @no_cache
    def new(self) -> Any:
        """What it is about comes from the record's page (`about`: visit-17); all checks stand beside the form."""
        require(g.actor, Verb.APPEAL_SUBMIT)
        about = (request.form if request.method == "POST" else request.args).get("about", "")[:40]
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            made, findings, status = run(lambda session: self._submit(session, about))
            if made is not None:
                flash(_("已提交申诉 %(n)s，办结后通知您", n=made.number), "success")
                return redirect(f"/applications/{made.id}")
        item: Item | None = None
        checks: list[Finding] = []
        try:
            item, checks = appeals.preview(db.session, g.actor, about, clock.now())
        except Refusal as refusal:
            findings = findings or [f for f in refusal.findings if not f.ok]
            status = refusal.status_code
        page = self.render_template(
            "ta/appeals/form.html", title=_("提出申诉"), back=page_of(item) if item is not None else None,
            about=about, item=item, checks=checks, findings=findings,
            stopped=any(f.stops for f in checks), grounds=text("grounds", LONGEST),
        )  # fmt: skip
        return page, status

    @staticmethod
    def _submit(session: Any, about: str) -> Application:
        now = clock.now()
        place = ("application", None, g.actor.unit_id, g.actor.region_code, now)
        files = uploads.kept(session, "paper", "document", *place)
        return appeals.submit(session, g.actor, about, text("grounds", LONGEST), files, now)


def of_application(row: Application) -> Appeal | None:
    """The appeal of an application that the reader may open."""
    found: Appeal | None = db.session.scalar(
        select(Appeal).where(Appeal.id == row.entity_id).execution_options(skip_scope=True)
    )
    return found


def record_link(row: Application) -> str | None:
    """The record that it is about, where the reader may open it."""
    found = of_application(row)
    return None if found is None else page_of(found)


def page_of(about: Appeal | Item) -> str | None:
    """The page of a record that is or may be appealed against, where the reader may open it."""
    if about.entity == "overdue_period":
        return f"/overdue/?f_elevator={about.elevator_id}" if g.actor.may(Verb.ORDER_READ) else None
    verb, page = PAGES[about.entity]
    model = appeals.KINDS[about.entity].model
    # A change of unit has the page of its application.
    shown = model.application_id if about.entity == "unit_change" else model.id
    there = db.session.scalar(scope.apply(select(shown).where(model.id == about.entity_id), g.actor, model))
    return page.format(there) if g.actor.may(verb) and there is not None else None


def offered_on(row: Application) -> appeals.Offer:
    """The way to appeal from an application's page: a change of unit that came late has no other page."""
    change: UnitChange | None = unit_changes.of_application(db.session, row) if row.kind == "unit_change" else None
    if change is None or not change.late:
        return appeals.Offer()
    return appeals.offered(db.session, g.actor, "unit_change", change.id, clock.now())


def figures_of(row: Application) -> list[tuple[str, str, str]]:
    """Label, before and after, once it was upheld."""
    found = of_application(row) if row.kind == appeals.KIND.value else None
    return [(told(again(a)), told(again(b)), told(again(c))) for a, b, c in (found.figures if found else None) or ()]


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("AppealPages", "can_submit", Verb.APPEAL_SUBMIT)
    appbuilder.add_view_no_menu(AppealPages)
    appbuilder.add_view_no_menu(AppealScreen)

"""检验检测 (INS-01, INS-02): the records, the elevators by what is due, entering, correcting, handing in a report."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy import select

from app import clock, lookups, scope
from app.errors import Finding
from app.extensions import db
from app.listing import moment
from app.listings.inspections import INSPECTIONS, INSPECTIONS_DUE, STANDING, of_clock, standing_of
from app.models import Application, Elevator, Inspection, InspectionClock, Unit
from app.models.attachment import ATTACHMENT_KIND
from app.models.choices import CATEGORY, INSPECTION_DUE, INSPECTION_KIND, INSPECTION_RESULT, word
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.rules.inspection import HANDED_IN, InspectionKind
from app.rules.lifecycle import ApplicationKind
from app.views.approval.applications import files_of
from app.views.approval.applying import earlier
from app.views.approval.filing_lists import _marked
from app.views.frame import clock_words, screens, uploads
from app.views.frame import maintenance_forms as forms
from app.views.frame.account_forms import number, run, text
from app.views.frame.base import Button, Deed, Screen, SQLAInterface, import_button, link, mark, pill
from app.views.frame.cells import below, countdown, cut, elevator_link, firm
from app.views.oversight.enforcement import start
from app.workflows.files import attachments
from app.workflows.inspection import inspection_clocks, inspection_reports, inspections
from app.workflows.inspection.inspections import Entry
from app.workflows.oversight import appeals

TONES = {"passed": "ok", "failed": "over", "passed_again": "near"}
STANDING_TONES = {"counts": "ok", "waiting": "near", "ended": "gone", "down": "over"}
MOST_OF_ONE = 5
MOST_AT_HOME = 8


def _kinds_of_lists(selected: Any) -> list[dict[str, Any]]:
    return [
        {"label": str(listing.title), "link": href, "selected": listing is selected, "count": None}
        for listing, href in ((INSPECTIONS_DUE, "/inspections/due/"), (INSPECTIONS, "/inspections/"))
    ]


class _Lists(Screen):
    """The two lists of inspections, each with the way to the other."""

    verb = Verb.INSPECTION_READ
    template = "ta/inspections/list.html"

    def more(self, now: Any, query: Any, page: Any) -> dict[str, Any]:
        return {"kinds": _kinds_of_lists(self.listing)}


class InspectionScreen(_Lists):
    """检验记录."""

    datamodel = SQLAInterface(Inspection)
    route_base = "/inspections"
    listing = INSPECTIONS
    record = "InspectionPages.show"
    cells: ClassVar[dict[str, Any]] = {
        "result": lambda row: pill(word(INSPECTION_RESULT, row.result), TONES.get(row.result, "gone")),
        "tested_by": lambda row: firm(row.tested_by, 15),
        "unit": lambda row: firm(row.unit.name) if row.unit else "—",
        "use_unit": lambda row: firm(row.use_unit.name) if row.use_unit else "—",
        "failed_items": lambda row: cut(row.failed_items, 16) if row.failed_items else "—",
        "standing": lambda row: mark(STANDING[standing_of(row)], STANDING_TONES[standing_of(row)]),
    }
    buttons: ClassVar[list[Button]] = [
        import_button("inspections", Verb.INSPECTION_EDIT),
        Button(_l("上传检测、校验报告"), "InspectionPages.report", Verb.INSPECTION_REPORT, icon="upload"),
        Button(_l("登记检验"), "InspectionPages.new", Verb.INSPECTION_EDIT, main=True),
    ]
    deeds: ClassVar[list[Deed]] = [start("inspection")]
    empty_text = _l("没有这类检验记录。")
    empty_links: ClassVar[list[Any]] = [(_l("登记检验"), "InspectionPages.new", Verb.INSPECTION_EDIT)]


def _near(row: Elevator) -> int:
    return int(policy_value(db.session, "near_inspection_days", row.region_code, clock.today()))


def entry_link(row: Elevator, kind: str) -> Markup | None:
    """The form for a check of this elevator, begun with what the list knows, for who may enter or hand in one."""
    actor = g.actor
    if actor.may(Verb.INSPECTION_EDIT):
        # Between two inspections the units test themselves, or a body tests: this is the body's form.
        asked = InspectionKind.TEST if kind == InspectionKind.SELF_TEST else kind
        return link(_("登记检验"), f"/inspections/new?elevator_id={row.id}&kind={asked}")
    own = actor.unit_id is not None and actor.unit_id in (row.maintenance_unit_id, row.use_unit_id)
    if kind in HANDED_IN and own and actor.may(Verb.INSPECTION_REPORT):
        return link(_("上传报告"), f"/inspections/report?elevator_id={row.id}&kind={kind}")
    return None


def with_entry(made: Any, row: Elevator, kind: str) -> Any:
    """A cell about what is due, and below it the way to enter it."""
    way = entry_link(row, kind)
    return made if way is None else below(made, way)


def _inspection(row: Elevator) -> Any:
    return with_entry(_due(row), row, of_clock(row, "next_kind") or InspectionKind.PERIODIC)


def _check(name: str, kind: str) -> Any:
    """The day of a check of a part, and its form where it is near or over."""

    def cell(row: Elevator) -> Any:
        day, near = of_clock(row, name), _near(row)
        shown = _marked(day, near)
        soon = day is not None and day <= clock.today() + dt.timedelta(days=near)
        return with_entry(shown, row, kind) if soon else shown

    return cell


def _due(row: Elevator) -> Any:
    day = row.next_inspection_on
    if day is None:
        return mark(_l("没有"), "over")
    return countdown(*clock_words.inspection_due(day, row.region_code))


class InspectionDueScreen(_Lists):
    """待检电梯."""

    datamodel = SQLAInterface(Elevator)
    route_base = "/inspections/due"
    listing = INSPECTIONS_DUE
    cells: ClassVar[dict[str, Any]] = {
        "address": lambda row: cut(row.place, 17),
        "use_unit": lambda row: firm(row.use_unit.name) if row.use_unit else "—",
        "maintenance_unit": lambda row: firm(row.maintenance_unit.name) if row.maintenance_unit else "—",
        "next_inspection_on": _inspection,
        "next_kind": lambda row: word(INSPECTION_DUE, of_clock(row, "next_kind") or "") or "—",
        "failed_on": lambda row: mark(of_clock(row, "failed_on"), "over") if of_clock(row, "failed_on") else "—",
        "governor_due_on": _check("governor_due_on", InspectionKind.GOVERNOR),
        "brake_due_on": _check("brake_due_on", InspectionKind.BRAKE),
    }
    buttons = InspectionScreen.buttons
    empty_text = _l("没有这类电梯。")

    def row_link(self, row: Elevator) -> str:
        return f"/elevators/{row.id}"


def next_due(actor: Actor) -> list[tuple[Elevator, Any]] | None:
    """The elevators whose inspection comes first, on the home page of those who inspect; an elevator and its limit."""
    if not actor.may(Verb.INSPECTION_EDIT) or actor.may(Verb.WARNING_READ):
        return None
    found = INSPECTIONS_DUE.page(moment(db.session, actor), INSPECTIONS_DUE.read({"tab": "all"})).rows
    return [(row, _due(row)) for row in found if row.next_inspection_on is not None][:MOST_AT_HOME]


class InspectionPages(BaseView):
    route_base = "/inspections"
    default_view = "new"

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._record(pk, [])

    def _record(self, pk: int, findings: list[Finding]) -> str:
        row: Inspection = scope.visible(db.session, g.actor, Inspection, pk, _("这条检验记录"))
        asked = _application(row)
        later = db.session.scalar(
            scope.apply(select(Inspection).where(Inspection.corrects_id == row.id), g.actor, Inspection).limit(1)
        )
        files = attachments.of(db.session, "inspection", row.id)
        files += files_of(asked) if asked is not None else []
        return str(self.render_template(
            "ta/inspections/record.html", title=_("检验记录"), row=row, findings=findings, application=asked,
            later=later, files=files, kinds=ATTACHMENT_KIND, kind=word(INSPECTION_KIND, row.kind),
            result=word(INSPECTION_RESULT, row.result), tone=TONES[row.result], standing=STANDING[standing_of(row)],
            standing_tone=STANDING_TONES[standing_of(row)], may_put_right=may_put_right(g.actor, row),
            next_kind=word(INSPECTION_DUE, row.next_kind or ""), others=_of_one(row),
            elevator_link=elevator_link(row.elevator_id), results=INSPECTION_RESULT, tones=TONES,
            kind_words=INSPECTION_KIND, waits=_waits(row),
            appeal=appeals.offered(db.session, g.actor, "inspection", row.id, clock.now()),
        ))  # fmt: skip

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def new(self) -> Any:
        return self._form(None)

    @expose("/<int:pk>/correct", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def correct(self, pk: int) -> Any:
        row: Inspection = scope.visible(db.session, g.actor, Inspection, pk, _("这条检验记录"))
        return self._form(row)

    @expose("/<int:pk>/annul", methods=["POST"])
    @has_access
    @permission_name("edit")
    def annul(self, pk: int) -> Any:
        version = number(text("row_version", 20))
        _row, findings, status = run(
            lambda s: inspections.annul(
                s, g.actor, pk, text("reason", 1000), clock.now(), expected_version=version
            )
        )
        if findings:
            return self._record(pk, findings), status
        flash(_("已作废，电梯的检验日期已按其余记录更正"), "success")
        return redirect(f"/inspections/{pk}")

    @expose("/report", methods=["GET", "POST"])
    @has_access
    @permission_name("report")
    @no_cache
    def report(self) -> Any:
        """A unit hands in the report of a 自行检测, a governor check or a brake test."""
        require(g.actor, Verb.INSPECTION_REPORT)
        findings: list[Finding] = []
        status, key = 200, number(request.values.get("elevator_id"))
        if request.method == "POST":
            entry, findings = _entry(with_tester=False)
            status = 422
            if key is None:
                findings.append(_no_elevator())
            if not findings and key is not None:
                made, findings, status = run(lambda s: self._hand_in(s, key, entry))
                if made is not None:
                    flash(_("已提交 %(n)s，审核通过后生效", n=made.number), "success")
                    return redirect(f"/inspections/{made.entity_id}")
        kinds = [(k.value, word(INSPECTION_KIND, k.value)) for k in InspectionKind if k in HANDED_IN]
        return self._page(
            "ta/inspections/form.html", _("上传检测、校验报告"), key, findings, kinds, report=True
        ), status

    @staticmethod
    def _hand_in(session: Any, key: int, entry: Entry) -> Application:
        now = clock.now()
        place = ("application", None, g.actor.unit_id, g.actor.region_code, now)
        scans = uploads.kept(session, "scan", "inspection", *place)
        return inspection_reports.hand_in(session, g.actor, key, entry, scans, now)

    def _form(self, row: Inspection | None) -> Any:
        require(g.actor, Verb.INSPECTION_EDIT)
        findings: list[Finding] = []
        status = 200
        key = row.elevator_id if row is not None else number(request.values.get("elevator_id"))
        if request.method == "POST":
            entry, findings = _entry(with_tester=g.actor.unit_id is None)
            status = 422
            if key is None:
                findings.append(_no_elevator())
            if not findings and key is not None:
                made, findings, status = run(lambda s: self._write(s, row, key, entry))
                if made is not None:
                    flash(_("已更正") if row is not None else _("已登记"), "success")
                    return redirect(f"/inspections/{made.id}")
        kinds = [(k, str(w)) for k, w in INSPECTION_KIND.items()]
        title = _("更正检验记录") if row is not None else _("登记检验")
        return self._page("ta/inspections/form.html", title, key, findings, kinds, row=row), status

    @staticmethod
    def _write(session: Any, row: Inspection | None, key: int, entry: Entry) -> Inspection:
        now = clock.now()
        scans = uploads.kept(session, "scan", "inspection", "inspection", None, g.actor.unit_id, _place(key), now)
        if row is None:
            return inspections.enter(session, g.actor, key, entry, now, scans=scans)
        version = number(text("row_version", 20))
        return inspections.correct(
            session, g.actor, row.id, entry, text("reason", 1000), now, scans=scans, expected_version=version
        )

    def _page(
        self, template: str, title: str, key: int | None, findings: list[Finding], kinds: list[tuple[str, str]],
        row: Inspection | None = None, report: bool = False,
    ) -> str:  # fmt: skip
        form: Any = request.form
        if request.method != "POST":
            # What a list of due checks leads here with.
            asked = request.args.get("kind", "")[:20]
            begun = {"done_on": "", "kind": asked if any(asked == kind for kind, _word in kinds) else ""}
            form = _shown(row) if row is not None else begun | (_earlier() if report else {})
        tester = form.get("tested_by_id") or ""
        own = db.session.get(Unit, g.actor.unit_id) if g.actor.unit_id is not None else None
        return str(self.render_template(
            template, title=title, findings=findings, form=form, kinds=kinds, row=row, report=report,
            elevator_id=key, elevator_text=lookups.text_of(db.session, "elevators", key) if key else "",
            about=_about(key), results=[(k, str(w)) for k, w in INSPECTION_RESULT.items()],
            tester_text=lookups.text_of(db.session, "inspection_units", number(str(tester))) if tester else "",
            own_unit=own if own is not None and own.is_inspection and not report else None,
            unit_name=own.name if own is not None else "",
        ))  # fmt: skip


def _earlier() -> dict[str, Any]:
    """The report that came to nothing before, as the form to hand it in anew shows it."""
    before = earlier(ApplicationKind.INSPECTION_REPORT)
    statement = select(Inspection).where(Inspection.id == (before.entity_id if before is not None else 0))
    row = db.session.scalar(scope.apply(statement, g.actor, Inspection))
    return _shown(row) if row is not None else {}


def _place(key: int) -> str | None:
    elevator = db.session.scalar(scope.apply(select(Elevator).where(Elevator.id == key), g.actor, Elevator))
    return elevator.region_code if elevator is not None else g.actor.region_code


def _no_elevator() -> Finding:
    return Finding(_("电梯"), False, _("没有选择"), _("请输入识别码，从列表选择电梯"), field="elevator_id")


def _entry(*, with_tester: bool) -> tuple[Entry, list[Finding]]:
    """What the form says; what is no date comes with its finding."""
    days, findings = forms.days((("done_on", _("检验日期")), ("next_on", _("下次日期"))))
    tester = number(text("tested_by_id", 20)) if with_tester else None
    entry = Entry(
        kind=text("kind", 20), number=text("number", 200), done_on=days["done_on"], result=text("result", 20),
        tested_by_id=tester, tested_by=text("tested_by", 300), failed_items=text("failed_items", 3000),
        is_fault="is_fault" in request.form, next_on=days["next_on"], next_reason=text("next_reason", 1000),
    )  # fmt: skip
    return entry, findings


def _shown(row: Inspection) -> dict[str, Any]:
    """A record as the form to correct it shows it; a next day that is the rule's is left to the rule."""
    changed = row.next_on != row.rule_on
    return {
        "kind": row.kind, "number": row.number, "done_on": row.done_on, "result": row.result,
        "tested_by_id": row.tested_by_id or "", "tested_by": "" if row.tested_by_id else row.tested_by,
        "failed_items": row.failed_items or "", "is_fault": row.is_fault,
        "next_on": row.next_on if changed and row.next_on else "", "next_reason": row.next_reason or "",
    }  # fmt: skip


def _about(key: int | None) -> list[tuple[str, Any]]:
    """What the form tells of the chosen elevator: its calendar and what is due."""
    if key is None:
        return []
    elevator = db.session.scalar(scope.apply(select(Elevator).where(Elevator.id == key), g.actor, Elevator))
    if elevator is None:
        return []
    held = db.session.get(InspectionClock, elevator.id)
    next_kind = word(INSPECTION_DUE, held.next_kind) if held is not None and held.next_kind else ""
    return [
        (_("识别码"), elevator.code), (_("地址"), elevator.address), (_("品种"), word(CATEGORY, elevator.category)),
        (_("检验周期起算"), inspection_clocks.first_day(elevator)),
        (_("下次检验日期"), f"{elevator.next_inspection_on or '—'}　{next_kind}"),
        (_("下次限速器校验"), held.governor_due_on if held is not None else None),
        (_("下次制动试验"), held.brake_due_on if held is not None else None),
        (_("待复检"), _("%(d)s 不合格", d=held.failed_on) if held is not None and held.failed_on else None),
    ]  # fmt: skip


def may_put_right(actor: Actor, row: Inspection) -> bool:
    """Whether the page offers correcting; the workflow has the last word."""
    return row.stands and actor.may(Verb.INSPECTION_EDIT) and actor.unit_id in (None, row.tested_by_id)


def _waits(row: Inspection) -> bool:
    """The register has not moved yet: a filing of the elevator is under review."""
    yearly = row.kind not in ("governor", "brake")
    return row.stands and row.replaced is None and row.result != "failed" and (yearly or row.kind == "governor")


def _application(row: Inspection) -> Application | None:
    if not g.actor.may(Verb.APPLICATION_READ):
        return None
    statement = select(Application).where(
        Application.kind == ApplicationKind.INSPECTION_REPORT.value, Application.entity_id == row.id
    )
    statement = scope.apply(statement, g.actor, Application).order_by(Application.id.desc()).limit(1)
    return db.session.scalars(statement).first()


def _of_one(row: Inspection) -> list[Inspection]:
    """The elevator's other records, the newest first."""
    statement = select(Inspection).where(Inspection.elevator_id == row.elevator_id)
    statement = scope.apply(statement, g.actor, Inspection)
    return list(db.session.scalars(statement.order_by(Inspection.done_on.desc(), Inspection.id.desc()).limit(20)))


def latest_of(elevator_id: int) -> list[Inspection]:
    """For the elevator's page: its newest records that count or wait."""
    statement = select(Inspection).where(Inspection.elevator_id == elevator_id, Inspection.ended_at.is_(None))
    statement = scope.apply(statement, g.actor, Inspection)
    newest = statement.order_by(Inspection.done_on.desc(), Inspection.id.desc()).limit(MOST_OF_ONE)
    return list(db.session.scalars(newest))


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for permission, verb in (
        ("can_read", Verb.INSPECTION_READ), ("can_edit", Verb.INSPECTION_EDIT),
        ("can_report", Verb.INSPECTION_REPORT),
    ):  # fmt: skip
        screens.declare("InspectionPages", permission, verb)
    appbuilder.add_view_no_menu(InspectionPages)
    appbuilder.add_view_no_menu(InspectionScreen)
    appbuilder.add_view_no_menu(InspectionDueScreen)

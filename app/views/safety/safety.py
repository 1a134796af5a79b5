"""主体责任: a use unit's gaps, officers, risk list and records; for regulators the units with gaps (SAF-01)."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listing import moment
from app.listings.safety import RISKS, SAFETY_RECORDS, SAFETY_UNITS
from app.models import Account, Elevator, ElevatorOfficer, RiskItem, SafetyRecord, Unit
from app.models.safety import RISK_LEVEL, SAFETY_RECORD
from app.permissions import Actor, Verb, require
from app.rules.checkin import distance_words
from app.views.frame import lately, paging, screens
from app.views.frame import maintenance_forms as forms
from app.views.frame.account_forms import number, run, text
from app.views.frame.base import Button, Screen, SQLAInterface, mark
from app.workflows.core import outbox
from app.workflows.files import attachments
from app.workflows.on_site import presence, safety

LEVEL_TONE = {"major": "over", "larger": "near", "general": "info", "low": "gone"}
MOST_LINES = 12
_WITHOUT_DAILY = "without_daily"


class SafetyUnits(Screen):
    datamodel = SQLAInterface(Unit)
    route_base = "/safety/units"
    listing = SAFETY_UNITS
    verb = Verb.SAFETY_READ
    exportable = False
    cells = {
        "count": lambda row: mark(row.gaps.count, "over") if row.gaps.count else mark(_("齐全"), "ok"),
    }
    empty_text = _l("没有符合条件的使用单位")

    def row_link(self, row: Unit) -> str:
        return f"/safety/?unit={row.id}"


class Risks(Screen):
    datamodel = SQLAInterface(RiskItem)
    route_base = "/safety/risks"
    listing = RISKS
    verb = Verb.SAFETY_READ
    record = "SafetyPages.risk"
    cells = {"level": lambda row: mark(RISK_LEVEL[row.level], LEVEL_TONE[row.level])}
    buttons = [Button(_l("增加风险"), "SafetyPages.new_risk", Verb.SAFETY_EDIT, main=True)]
    empty_text = _l("风险管控清单还是空的。先列出部位、风险和管控措施。")
    empty_links = [(_l("增加风险"), "SafetyPages.new_risk", Verb.SAFETY_EDIT)]


class SafetyRecords(Screen):
    datamodel = SQLAInterface(SafetyRecord)
    route_base = "/safety/records"
    listing = SAFETY_RECORDS
    verb = Verb.SAFETY_READ
    record = "SafetyPages.record"
    cells = {"found": lambda row: mark(len(row.findings), "near") if row.findings else mark(_("未发现问题"), "ok")}
    buttons = [Button(_l("填写记录"), "SafetyPages.new_record", Verb.SAFETY_RECORD, main=True)]


class SafetyPages(BaseView):
    route_base = "/safety"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        """One use unit's loop: its own, or the one that a regulator opened."""
        asked = number(request.args.get("unit"))
        if g.actor.unit_id is None and asked is None:
            return redirect(url_for("SafetyUnits.list"))
        unit = scope.visible(db.session, g.actor, Unit, g.actor.unit_id or asked, _("使用单位"))
        found = safety.gaps(db.session, unit.id, clock.today())
        rows = _officers(unit.id)
        return self.render_template(
            "ta/safety/index.html", title=_("主体责任"), unit=unit, gaps=found, rows=rows, findings=[],
            may_name=g.actor.may(Verb.SAFETY_EDIT) and g.actor.unit_id == unit.id,
            may_record=g.actor.may(Verb.SAFETY_RECORD) and g.actor.unit_id == unit.id,
            accounts=_candidates() if g.actor.unit_id == unit.id else [], today=clock.today(),
        )  # fmt: skip

    @expose("/officers", methods=["POST"])
    @has_access
    @permission_name("edit")
    def officers(self) -> Any:
        """Name an officer for the chosen elevators."""
        account, keys = number(text("account_id", 16)), forms.chosen()
        if account is None or not keys:
            flash(_("请勾选电梯并选择安全员"), "warning")
            return redirect("/safety/")
        return forms.deed(
            lambda s: safety.name_officer(s, g.actor, keys, account, clock.now()), _("已指定安全员"), "/safety/"
        )

    @expose("/risks/new", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def new_risk(self) -> Any:
        return self._risk(None)

    @expose("/risks/<int:pk>", methods=["GET", "POST"])
    @has_access
    @permission_name("read")
    @no_cache
    def risk(self, pk: int) -> Any:
        row: RiskItem = scope.visible(db.session, g.actor, RiskItem, pk, _("这一条风险"))
        return self._risk(row)

    @expose("/risks/<int:pk>/end", methods=["POST"])
    @has_access
    @permission_name("edit")
    def end_risk(self, pk: int) -> Any:
        scope.visible(db.session, g.actor, RiskItem, pk, _("这一条风险"))
        return forms.deed(
            lambda s: safety.end_risk(s, g.actor, pk, clock.now()), _("已停用这一条"), "/safety/risks/"
        )

    def _risk(self, row: RiskItem | None) -> Any:
        findings: list[Finding] = []
        status = 200
        names = (*safety.LONGEST, "level", "cycle")
        values: Any = {name: getattr(row, name) for name in names} if row is not None else {}
        own = g.actor.may(Verb.SAFETY_EDIT) and (row is None or row.unit_id == g.actor.unit_id)
        if request.method == "POST":
            require(g.actor, Verb.SAFETY_EDIT)
            values = {name: text(name) for name in names}
            key, seen = (row.id if row is not None else None), number(text("row_version", 10))
            done, findings, status = run(
                lambda s: safety.save_risk(s, g.actor, key, values, clock.now(), seen)
            )
            if done is not None:
                flash(_("已保存"), "success")
                return redirect("/safety/risks/")
        page = self.render_template(
            "ta/safety/risk.html", title=_("风险"), row=row, form=values, findings=findings, own=own,
            levels=list(RISK_LEVEL.items()), cycles=list(SAFETY_RECORD.items()),
        )  # fmt: skip
        return page, status

    @expose("/records/new", methods=["GET", "POST"])
    @has_access
    @permission_name("record")
    @no_cache
    def new_record(self) -> Any:
        """A daily, weekly or monthly record."""
        require(g.actor, Verb.SAFETY_RECORD)
        kind = request.values.get("kind", "daily")
        kind = kind if kind in SAFETY_RECORD else "daily"
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            on, findings = forms.day("on", _("日期"))
            status = 422
            if not findings:
                done, findings, status = run(
                    lambda s: safety.record(
                        s, g.actor, kind, on or clock.today(), lines(), clock.now(),
                        nothing_found=bool(request.form.get("nothing_found")), summary=text("summary", 5000),
                        people=text("people", 200),
                    )
                )  # fmt: skip
                if done is not None:
                    flash(_("记录已保存，不再修改"), "success")
                    return redirect(f"/safety/records/{done.id}")
        page = self.render_template(
            "ta/safety/record_form.html", title=str(SAFETY_RECORD[kind]), kind=kind, kinds=SAFETY_RECORD,
            form=request.form, findings=findings, lines=range(3),
            on=request.values.get("on", "") or clock.today().isoformat(),
            own=safety.officers_elevators(db.session, g.actor.unit_id or 0, g.actor.user_id) if kind == "daily" else [],
        )  # fmt: skip
        return page, status

    @expose("/records/<int:pk>")
    @has_access
    @permission_name("read")
    def record(self, pk: int) -> Any:
        row: SafetyRecord = scope.visible(db.session, g.actor, SafetyRecord, pk, _("这份记录"))
        ids = {*row.elevators, *(f.get("elevator_id") for f in row.findings)}
        named = select(Elevator.id, Elevator.code).where(Elevator.id.in_({key for key in ids if key}))
        codes = dict(db.session.execute(scope.apply(named, g.actor, Elevator)).all())
        return self.render_template(
            "ta/safety/record.html", title=str(SAFETY_RECORD[row.kind]), row=row, codes=codes, place=_place(row),
            photos=attachments.of(db.session, SafetyRecord.__tablename__, row.id),
        )


def _place(row: SafetyRecord) -> str:
    """How far from the nearest of its elevators a record was sent; empty where no place is known."""
    here = presence.Position(row.latitude, row.longitude)
    seen = scope.apply(select(Elevator).where(Elevator.id.in_(row.elevators)), g.actor, Elevator)
    far = [(presence.metres(one, here), one.code) for one in db.session.scalars(seen)]
    near = min(((metres, code) for metres, code in far if metres is not None), default=None)
    if near is None:
        return _("已记录") if here.place is not None else ""
    return _("距电梯 %(code)s %(far)s", code=near[1], far=distance_words(near[0]))


def lines() -> list[dict[str, Any]]:
    """The findings of the form: an elevator, what was found, what became of it."""
    found, handled, keys = (request.form.getlist(n)[:MOST_LINES] for n in ("found", "handled", "elevator_id"))
    return [
        {
            "found": one, "handled": handled[n] if n < len(handled) else "",
            "elevator_id": number(keys[n]) if n < len(keys) else None,
        }
        for n, one in enumerate(found)
    ]  # fmt: skip


def _officers(unit_id: int) -> list[tuple[Elevator, str]]:
    """The unit's elevators in use with the name of their officer, those without one first."""
    statement = (
        select(Elevator, Account.first_name)
        .outerjoin(
            ElevatorOfficer, (ElevatorOfficer.elevator_id == Elevator.id) & (ElevatorOfficer.unit_id == unit_id)
        )
        .outerjoin(Account, Account.id == ElevatorOfficer.account_id)
        .where(Elevator.use_unit_id == unit_id, Elevator.status == "in_use", scope.criterion(Elevator, g.actor))
        .order_by(Account.first_name.is_not(None), Elevator.code)
        .limit(500)
    )
    return [(row, name or "") for row, name in db.session.execute(statement.execution_options(skip_scope=True))]


def _candidates() -> list[tuple[int, str]]:
    ids = outbox.accounts_of_unit(db.session, g.actor.unit_id, Verb.SAFETY_RECORD)
    rows = db.session.scalars(select(Account).where(Account.id.in_(ids)).execution_options(skip_scope=True))
    return [(row.id, row.get_full_name()) for row in rows]


def gap_figure(actor: Actor) -> tuple[str, int, str, str, str] | None:
    """For home and warnings: title, number, what it counts, link, tone; None where it is not the reader's affair."""
    if not actor.may(Verb.SAFETY_READ):
        return None
    if actor.unit_id is not None:
        unit = db.session.get(Unit, actor.unit_id)
        if unit is None or not unit.is_use:
            return None
        count = safety.gaps(db.session, unit.id, clock.today()).count
        return _("主体责任缺口"), count, _("日管控、周排查、月调度、安全员"), "/safety/", "over" if count else ""
    count = _without_daily(actor)
    return _("昨天没有日管控"), count, _("家使用单位"), "/safety/units/?tab=daily", "over" if count else ""


def _told_gaps() -> tuple[Any, ...] | None:
    """The same as the warnings' page says it: counted to COUNT_CAP, the number is "1,000+"."""
    gap = gap_figure(g.actor)
    return gap and (gap[0], gap[1] and paging.capped(gap[1]), *gap[2:])


def _without_daily(actor: Actor) -> int:
    """Use units in the reader's region, counted to COUNT_CAP: of a day that is over, and asked of each by each page."""

    def count() -> int:
        tab = next(one for one in SAFETY_UNITS.tabs if one.key == "daily")
        counted = SAFETY_UNITS.count_of(moment(db.session, actor), SAFETY_UNITS.read({}), tab)
        return db.session.scalar(select(counted).execution_options(skip_scope=True)) or 0

    return lately.counted(_WITHOUT_DAILY, count)


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for permission, verb in (
        ("can_read", Verb.SAFETY_READ), ("can_edit", Verb.SAFETY_EDIT), ("can_record", Verb.SAFETY_RECORD),
    ):  # fmt: skip
        screens.declare("SafetyPages", permission, verb)
    current_app.jinja_env.globals["duty_gaps"] = _told_gaps
    for view in (SafetyUnits, Risks, SafetyRecords, SafetyPages):
        appbuilder.add_view_no_menu(view)




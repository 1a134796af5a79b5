"""省平台核对 (INT-01): the form, the runs with each code, a difference field by field with its ways out."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import flash, g, redirect, request
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, lookups, scope
from app.errors import Finding
from app.extensions import db
from app.listings import provincial as listed
from app.models import Elevator, Job, ProvincialDifference, ProvincialItem, ProvincialRun, Region, Unit
from app.models.choices import CATEGORY, ELEVATOR_STATUS, word
from app.models.provincial import DIFFERENCE_KIND, DIFFERENCE_WAY, ITEM_OUTCOME, RUN_KIND
from app.permissions import Verb
from app.rules.provincial import MOST_CODES, UNITS
from app.views.frame import screens
from app.views.frame.account_forms import number, run, text
from app.views.frame.base import Button, Screen, cut, firm, mark, pill
from app.views.frame.cells import elevator_link
from app.views.frame.jobs import facts as job_facts
from app.views.frame.records import RecordPages
from app.workflows.partners import provincial, provincial_register, provincial_ways
from app.workflows.partners.provincial_matching import ours_of, ours_of_content, standing

KIND_TONES = {"fields": "near", "unit": "over", "new": "info"}
OUTCOME_TONES = {
    "matched": "ok", "new": "info", "different": "near", "kept": "ok", "not_found": "gone", "refused": "over",
}  # fmt: skip
MOST_ITEMS = 1000


class Differences(Screen):
    datamodel = SQLAInterface(ProvincialDifference)
    route_base = "/provincial"
    listing = listed.DIFFERENCES
    verb = Verb.REGISTER_SYNC
    record = "ProvincialPages.show"
    cells: ClassVar[dict[str, Any]] = {
        "kind": lambda row: pill(word(DIFFERENCE_KIND, row.kind), KIND_TONES[row.kind]),
        "unlike": lambda row: cut(listed.unlike_of(row), 24),
        "unit": lambda row: firm(row.unit.name) if row.unit else "—",
        "use_unit": lambda row: firm(row.use_unit.name) if row.use_unit else "—",
        "way": lambda row: pill(word(DIFFERENCE_WAY, row.way), "ok") if row.way else pill(_("待处理"), "near"),
    }
    buttons: ClassVar[list[Button]] = [
        Button(_l("同步记录"), "ProvincialRuns.list", Verb.REGISTER_SYNC, icon="list"),
        Button(_l("同步省平台数据"), "ProvincialPages.sync", Verb.REGISTER_SYNC, main=True),
    ]
    empty_text = _l("没有与省平台不一致的电梯。输入识别码同步后，不一致的出现在这里。")
    empty_links: ClassVar[list[Any]] = [(_l("同步省平台数据"), "ProvincialPages.sync", Verb.REGISTER_SYNC)]


class ProvincialRuns(Screen):
    datamodel = SQLAInterface(ProvincialRun)
    route_base = "/provincial/runs"
    listing = listed.RUNS
    verb = Verb.REGISTER_SYNC
    record = "ProvincialPages.run"
    cells: ClassVar[dict[str, Any]] = {
        "kind": lambda row: mark(word(RUN_KIND, row.kind), "ok" if row.finished_at else "near"),
        "unit": lambda row: firm(row.unit.name) if row.unit else "—",
    }
    buttons = Differences.buttons[1:]
    empty_text = _l("还没有同步过。")


class ProvincialPages(RecordPages):
    route_base = "/provincial"
    default_view = "sync"

    @expose("/sync", methods=["GET", "POST"])
    @has_access
    @permission_name("sync")
    @no_cache
    def sync(self) -> Any:
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            region = text("region", 12)
            if region:
                made, findings, status = run(lambda s: provincial.begin_region(s, g.actor, region, clock.now()))
            else:
                codes = text("codes", 40 * MOST_CODES)
                made, findings, status = run(lambda s: provincial.begin(s, g.actor, codes, clock.now()))
            if made is not None:
                return redirect(f"/provincial/runs/{made.id}")
        return self.render_template(
            "ta/provincial/sync.html", title=_("同步省平台数据"), findings=findings, form=request.form, most=MOST_CODES,
            offered=provincial_register.offered() is not None, by_region=g.actor.unit_id is None,
            region_text=lookups.text_of(db.session, "region_codes", request.form.get("region", "")),
        ), status  # fmt: skip

    @expose("/runs/<int:pk>")
    @has_access
    @permission_name("sync")
    @no_cache
    def run(self, pk: int) -> Any:
        row: ProvincialRun = scope.visible(db.session, g.actor, ProvincialRun, pk, _("这次同步"))
        tab = request.args.get("outcome", "")
        items = select(ProvincialItem).where(ProvincialItem.run_id == row.id).order_by(ProvincialItem.id)
        if tab in ITEM_OUTCOME:
            items = items.where(ProvincialItem.outcome == tab)
        mine = row.created_by_id is not None and row.created_by_id == g.actor.user_id
        job = db.session.get(Job, row.job_id) if row.job_id is not None and mine else None
        return self.render_template(
            "ta/provincial/run.html", title=_("同步 %(n)s", n=row.id), row=row, kind=word(RUN_KIND, row.kind),
            items=db.session.scalars(items.limit(MOST_ITEMS)).all(), outcomes=ITEM_OUTCOME, tones=OUTCOME_TONES,
            chosen=tab if tab in ITEM_OUTCOME else "", job=None if job is None else job_facts(job), most=MOST_ITEMS,
            counts={name: getattr(row, name) for name in ITEM_OUTCOME},
        )  # fmt: skip

    @expose("/<int:pk>")
    @has_access
    @permission_name("sync")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._page(pk, [])

    @expose("/<int:pk>/take", methods=["POST"])
    @has_access
    @permission_name("sync")
    def take(self, pk: int) -> Any:
        self._row(pk)
        names = request.form.getlist("fields")[:50]
        made, findings, status = run(lambda s: provincial_ways.take(s, g.actor, pk, names, clock.now()))
        if made is None:
            return self._page(pk, findings), status
        flash(_("已写入草稿，请核对后上报；审核通过后生效"), "success")
        return redirect(f"/elevators/{made.id}")

    @expose("/<int:pk>/keep", methods=["POST"])
    @has_access
    @permission_name("sync")
    def keep(self, pk: int) -> Any:
        reason = text("reason", 1000)
        return self._done(pk, lambda s: provincial_ways.keep(s, g.actor, pk, reason, clock.now()), _("已保留本平台"))

    @expose("/<int:pk>/link", methods=["POST"])
    @has_access
    @permission_name("sync")
    def link(self, pk: int) -> Any:
        side, reason = text("side", 20), text("reason", 1000)
        unit = number(text("other_id", 20)) or number(text("unit_id", 20))
        return self._done(
            pk, lambda s: provincial_ways.link(s, g.actor, pk, side, unit, reason, clock.now()), _("已关联，并重新核对")
        )

    # --- parts

    def _row(self, pk: int) -> ProvincialDifference:
        row: ProvincialDifference = scope.visible(db.session, g.actor, ProvincialDifference, pk, _("这条核对"))
        return row

    def _page(self, pk: int, findings: list[Finding]) -> str:
        row = self._row(pk)
        open_ = row.settled_at is None
        return str(self.render_template(
            "ta/provincial/difference.html", title=_("核对 %(c)s", c=row.code), row=row, findings=findings,
            kind=word(DIFFERENCE_KIND, row.kind), tone=KIND_TONES[row.kind], fields=shown_fields(row), open=open_,
            way=word(DIFFERENCE_WAY, row.way) if row.way else "", may_take=open_ and g.actor.may(Verb.ELEVATOR_EDIT),
            sides=_sides(row) if open_ and g.actor.unit_id is None else [], waits=_waits(row),
            elevator_link=elevator_link(row.elevator_id),
        ))  # fmt: skip


def shown_fields(row: ProvincialDifference) -> list[dict[str, Any]]:
    """Theirs beside ours, what differs first; all that the register says of equipment that nobody here has."""
    takeable, ours = provincial_ways.takeable(row), ours_now(row)
    names = list(row.unlike) if row.elevator_id is not None else [
        name for name in row.theirs if name not in ("code",)
    ]  # fmt: skip
    return [
        {
            "name": name, "label": listed.field_label(name), "theirs": _value(name, row.theirs.get(name)),
            "ours": _ours_value(name, ours.get(name)), "takeable": name in takeable, "differs": name in row.unlike,
        }
        for name in names
    ]  # fmt: skip


def ours_now(row: ProvincialDifference) -> dict[str, Any]:
    """Our side as it is in force; of a draft, what it holds."""
    if row.elevator_id is None:
        return {}
    held = standing(db.session, [row.code]).get(row.code)
    if held is not None:
        return ours_of(held)
    elevator = db.session.get(Elevator, row.elevator_id)
    return {} if elevator is None else ours_of_content({}, elevator.region_code, elevator.status)


def _value(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return " ".join(part for part in (value.get("name"), value.get("uscc")) if part) or None
    if name == "category":
        return word(CATEGORY, value) if value in CATEGORY else value
    if name == "status":
        return word(ELEVATOR_STATUS, value)
    return _region(value) if name == "region" else value


def _ours_value(name: str, value: Any) -> Any:
    if name in UNITS and value is not None:
        statement = select(Unit.name).where(Unit.id == value).execution_options(skip_scope=True)
        return db.session.scalar(statement)
    return _value(name, value)


def _region(code: Any) -> Any:
    return db.session.scalar(select(Region.name).where(Region.code == code)) or code


def _sides(row: ProvincialDifference) -> list[dict[str, Any]]:
    """The units that are nobody's here, with those whose names are like theirs."""
    found = []
    for side, keys in row.near.items():
        statement = select(Unit.id, Unit.name, Unit.uscc).where(Unit.id.in_(keys)).execution_options(skip_scope=True)
        near = {key: f"{name} {uscc}" for key, name, uscc in db.session.execute(statement)}
        found.append({
            "side": side, "label": listed.field_label(side), "theirs": _value(side, row.theirs.get(side)),
            "near": [(key, near[key]) for key in keys if key in near], "lookup": f"{side}s",
        })  # fmt: skip
    return found


def _waits(row: ProvincialDifference) -> str:
    """What of it has a way of its own."""
    if row.settled_at is not None:
        return ""
    if "status" in row.unlike:
        return _("使用状态不一致的，请在电梯页面办理停用、启用或报废登记；批准后自动一致。")
    if "maintenance_unit" in row.unlike and "maintenance_unit" not in row.near:
        return _("维保单位不一致的，请办理维保单位变更，或请省平台更正。")
    return ""


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("ProvincialPages", "can_sync", Verb.REGISTER_SYNC)
    for view in (Differences, ProvincialRuns, ProvincialPages):
        appbuilder.add_view_no_menu(view)

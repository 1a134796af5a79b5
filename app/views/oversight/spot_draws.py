"""双随机抽查 (TGT-01): the risk ranking, publishing a draw, drawing, the record to print, who keeps out."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from flask import Response, flash, g, redirect, render_template, request
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, lookups, scope
from app.errors import Finding
from app.extensions import db
from app.listings import spot as listed
from app.models import Region, SpotAvoidance, SpotDraw
from app.models.choices import CATEGORY, word
from app.models.spot import CHECK_STATE, DRAW_STATE, DRAW_TARGET, STRATUM
from app.permissions import Actor, Verb
from app.rules.spot_checks import PART_LABELS, Part
from app.rules.spot_draw import TEAM, DrawState, shares
from app.transaction import transaction
from app.views.frame import lately, screens
from app.views.frame import maintenance_forms as forms
from app.views.frame.account_forms import number, regions_below, run, text
from app.views.frame.base import Button, Screen, SQLAInterface, pill
from app.views.frame.records import RecordPages
from app.workflows.core import audit
from app.workflows.oversight import spot_draws, spot_risk
from app.workflows.oversight.spot_risk import Asked

TONES = {"announced": "near", "drawn": "ok", "cancelled": "gone"}
CHECK_TONES = {"waiting": "near", "fine": "ok", "fixing": "over", "fixed": "near", "closed": "ok", "void": "gone"}
SHOWN = 100
# The ranking that a page shows is at most as old as that.
SECONDS = 60


def ways(selected: str, actor: Actor) -> list[dict[str, Any]]:
    """The pages of spot checks beside each other; a unit has its own checks alone."""
    if actor.unit_id is not None:
        return []
    pages = [
        ("checks", _l("抽查对象"), "/spot/checks/"), ("draws", _l("抽查"), "/spot/draws/"),
        ("risk", _l("风险排序"), "/spot/draws/risk"), ("out", _l("回避"), "/spot/draws/keep-out"),
        ("numbers", _l("抽查统计"), "/spot/checks/statistics"),
    ]  # fmt: skip
    return [{"label": str(label), "link": to, "selected": key == selected, "count": None} for key, label, to in pages]


class SpotDraws(Screen):
    datamodel = SQLAInterface(SpotDraw)
    route_base = "/spot/draws"
    listing = listed.DRAWS
    verb = Verb.SPOT_CHECK
    record = "SpotDrawPages.show"
    template = "ta/desks/list.html"
    cells: ClassVar[dict[str, Any]] = {
        "kind": lambda row: word(DRAW_TARGET, row.kind),
        "state": lambda row: pill(word(DRAW_STATE, row.state), TONES[row.state]),
    }
    buttons: ClassVar[list[Button]] = [Button(_l("新建抽查"), "SpotDrawPages.new", Verb.SPOT_DRAW, main=True)]
    empty_text = _l("还没有抽查。先公布名单和规则，再输入公开种子抽取。")

    def more(self, now: Any, query: Any, page: Any) -> dict[str, Any]:
        lead = _("先公布名单、数量和预置随机数的摘要，再输入公开种子抽取；每次只抽一次，作废的也保留。")
        return {"kinds": ways("draws", g.actor), "lead": lead}


class SpotDrawPages(RecordPages):
    """Draws are regulators' pages; a unit has no way to them."""

    route_base = "/spot/draws"
    default_view = "risk"

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._page(pk, [])

    @expose("/<int:pk>/print")
    @has_access
    @permission_name("read")
    @no_cache
    def sheet(self, pk: int) -> Any:
        """The whole record on paper: whoever has it and the list works out the same."""
        row = self._row(pk)
        return render_template(
            "ta/desks/draw_print.html", title=_("双随机抽查记录"), now=clock.now(), **_facts(row)
        )

    @expose("/<int:pk>/list.txt")
    @has_access
    @permission_name("read")
    def population(self, pk: int) -> Any:
        """The published list, as it was digested."""
        row = self._row(pk)
        with transaction(db.session) as session:
            audit.record(session, g.actor, clock.now(), "spot_draw.download", spot_draws.ENTITY, row.id)
        name = f"{row.number}.txt"
        return Response(
            row.population, mimetype="text/plain", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    @expose("/risk")
    @has_access
    @permission_name("rank")
    def risk(self) -> Any:
        """Everything that may be checked by its risk, each part of it shown."""
        target = "unit" if request.args.get("target") == "unit" else "elevator"
        asked, held = Asked(target), spot_risk.weights(db.session, g.actor.region_code, clock.today())
        # What the policy says by now is another ranking: the page's points are those that its rows were counted by.
        name = "risk", target, held.most, *sorted(held.of.items())
        found = partial(spot_risk.riskiest_keys, db.session, g.actor, asked, clock.now(), SHOWN)
        kept, total = lately.counted(name, found, SECONDS)
        rows = spot_risk.named(db.session, g.actor, asked, kept)
        return self.render_template(
            "ta/desks/risk.html", title=_("风险排序"), rows=rows, total=total, target=target,
            targets=DRAW_TARGET, parts=list(Part), labels=PART_LABELS, points=listed.points,
            words=listed.parts_words, held=held, ways=ways("risk", g.actor),
        )  # fmt: skip

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("draw")
    @no_cache
    def new(self) -> Any:
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            days, findings = forms.days((("check_until", _("检查截止日期")),))
            status = 422
            if not findings:
                plan = spot_draws.Plan(
                    text("title", 200), _asked(), number(text("quota", 9)), number(text("risk_percent", 4)),
                    number(text("top_percent", 4)), days["check_until"],
                    [key for value in request.form.getlist("inspectors")[:400] if (key := number(value))],
                )  # fmt: skip
                made, findings, status = run(lambda s: spot_draws.announce(s, g.actor, plan, clock.now()).id)
                if made is not None:
                    flash(_("已公布。现在可以输入公开种子抽取"), "success")
                    return redirect(f"/spot/draws/{made}")
        by_risk, top = spot_draws.defaults(db.session, g.actor.region_code, clock.today())
        form: Any = request.form
        if request.method != "POST":
            form = {"quota": "10", "risk_percent": by_risk, "top_percent": top, "target": "elevator"}
        unit = number(str(form.get("unit_id") or ""))
        people = spot_draws.inspectors_of(db.session, g.actor)
        chosen = {number(key) for key in request.form.getlist("inspectors")}
        return self.render_template(
            "ta/desks/draw_form.html", title=_("新建抽查"), findings=findings, form=form, targets=DRAW_TARGET,
            categories=CATEGORY, regions=_regions(g.actor), people=people, team=TEAM,
            chosen=chosen if request.method == "POST" else {one.id for one in people},
            unit_text=lookups.text_of(db.session, "units", unit) if unit is not None else "",
        ), status  # fmt: skip

    @expose("/<int:pk>/draw", methods=["POST"])
    @has_access
    @permission_name("draw")
    def draw(self, pk: int) -> Any:
        seed = text("seed_text", 500)
        return self._done(pk, lambda s: spot_draws.draw(s, g.actor, pk, seed, clock.now()), _("已抽取，已通知检查人员"))

    @expose("/<int:pk>/cancel", methods=["POST"])
    @has_access
    @permission_name("draw")
    def cancel(self, pk: int) -> Any:
        reason = text("reason", 500)
        return self._done(pk, lambda s: spot_draws.cancel(s, g.actor, pk, reason, clock.now()), _("已作废，记录保留"))

    @expose("/keep-out", methods=["GET", "POST"])
    @has_access
    @permission_name("check")
    @no_cache
    def keep_out(self) -> Any:
        """Who keeps out of whose checks."""
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            account, unit = number(text("account_id", 16)), number(text("unit_id", 16))
            made, findings, status = run(
                lambda s: spot_draws.keep_out(s, g.actor, account, unit, text("reason", 500), clock.now())
            )
            if made is not None:
                flash(_("已登记回避"), "success")
                return redirect("/spot/draws/keep-out")
        statement = scope.apply(select(SpotAvoidance), g.actor, SpotAvoidance)
        rows = db.session.scalars(statement.order_by(SpotAvoidance.id.desc()).limit(200)).all()
        may_all = g.actor.may(Verb.SPOT_DRAW)
        return self.render_template(
            "ta/desks/keep_out.html", title=_("回避"), findings=findings, rows=rows, may_all=may_all,
            people=spot_draws.inspectors_of(db.session, g.actor) if may_all else [], me=g.actor.user_id,
            local=clock.local, ways=ways("out", g.actor), form=request.form,
            unit_text=lookups.text_of(db.session, "units", unit)
            if (unit := number(request.form.get("unit_id"))) is not None else "",
        ), status  # fmt: skip

    @expose("/keep-out/<int:pk>/end", methods=["POST"])
    @has_access
    @permission_name("check")
    def end_avoidance(self, pk: int) -> Any:
        done, findings, _status = run(lambda s: spot_draws.end_avoidance(s, g.actor, pk, clock.now()))
        for one in findings:
            flash(one.line, "warning")
        if done is not None:
            flash(_("已解除"), "success")
        return redirect("/spot/draws/keep-out")

    # --- parts

    def _row(self, pk: int) -> SpotDraw:
        row: SpotDraw = scope.visible(db.session, g.actor, SpotDraw, pk, _("这次抽查"))
        return row

    def _page(self, pk: int, findings: list[Finding]) -> Any:
        row = self._row(pk)
        may = g.actor.may(Verb.SPOT_DRAW)
        return self.render_template(
            "ta/desks/draw.html", title=row.title, findings=findings,
            may_draw=may and row.state == DrawState.ANNOUNCED, may_cancel=may and row.state != DrawState.CANCELLED,
            **_facts(row),
        )  # fmt: skip


def _facts(row: SpotDraw) -> dict[str, Any]:
    """What page and paper show of a draw."""
    checks = spot_draws.checks_of(db.session, row)
    by_risk, at_random = shares(row.quota, row.risk_percent)
    filters = []
    if "region" in row.filters:
        filters.append((_("地区"), lookups.text_of(db.session, "region_codes", row.filters["region"])))
    if "category" in row.filters:
        filters.append((_("品种"), word(CATEGORY, row.filters["category"])))
    if "unit_id" in row.filters:
        filters.append((_("维保单位"), lookups.text_of(db.session, "units", row.filters["unit_id"])))
    return {
        "row": row, "checks": checks, "by_risk": by_risk, "at_random": at_random, "filters": filters,
        "state": word(DRAW_STATE, row.state), "tone": TONES[row.state], "target": word(DRAW_TARGET, row.kind),
        "strata": STRATUM, "states": CHECK_STATE, "tones": CHECK_TONES, "points": listed.points,
        "words": listed.parts_words, "inspectors": listed.inspectors_of, "local": clock.local,
        # Told with the draw, not before: whoever knew it could choose the public text.
        "secret": row.secret if row.seed else "",
    }  # fmt: skip


def _asked() -> Asked:
    target, category = text("target", 20), text("category", 10)
    return Asked(
        target, text("region", 12) or None, category if category in CATEGORY else None, number(text("unit_id", 16))
    )


def _regions(actor: Actor) -> list[tuple[str, str]]:
    """The actor's own region and those below it, by code."""
    below = regions_below(actor)
    statement = select(Region.id, Region.code).where(Region.id.in_([key for key, _label in below]))
    codes: dict[int, str] = dict(db.session.execute(statement).all())
    return [(codes[key], label) for key, label in below if key in codes]


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for permission, verb in (
        ("can_read", Verb.SPOT_CHECK), ("can_rank", Verb.SPOT_CHECK), ("can_draw", Verb.SPOT_DRAW),
        ("can_check", Verb.SPOT_CHECK),
    ):  # fmt: skip
        screens.declare("SpotDrawPages", permission, verb)
    for view in (SpotDraws, SpotDrawPages):
        appbuilder.add_view_no_menu(view)

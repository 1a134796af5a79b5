"""维护保养有效率: the ranking of a run, a unit's score with its ledger, the records behind an elevator's figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, ClassVar
from urllib.parse import urlencode

from flask import flash, g, redirect, render_template, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, Refusal, refuse
from app.extensions import db
from app.listing import Column, Page, Query
from app.listings import score_elevators
from app.listings.score_elevators import EVERY, FAILED
from app.listings.score_items import ITEM
from app.listings.scores import SCORES
from app.lookups import text_of
from app.models import Elevator, OverduePeriod, Region, Score, ScoreEntry, Unit, UnitChange
from app.models.choices import LEVEL, SCORE_STATE, VISIT_MODE, VISIT_STATE, word
from app.models.score import lines_of
from app.permissions import Verb, require
from app.rules.calendar import EARLIEST_ON
from app.rules.periods import usual_periods
from app.rules.score_items import Item
from app.rules.scoring import LATE_DAYS, PairFacts, late_extra
from app.rules.visits import VisitState
from app.transaction import transaction
from app.views.frame import screens
from app.views.frame.asked import usual
from app.views.frame.base import Screen, SQLAInterface, mark
from app.views.frame.cells import firm_link
from app.views.frame.exports import send_table
from app.wording import say
from app.workflows.core import jobs
from app.workflows.oversight import appeals, evidence
from app.workflows.scores import score_facts, scores

ROWS = 50
RULES = {"overdue": _l("超期"), "nonconforming": _l("不合规"), "forgiven": _l("已归零"), "cap": _l("封底")}


class Ranking(Screen):
    """A ranking of one run, by the total or by an item; without a run the newest one's."""

    verb = Verb.SCORE_READ
    template = "ta/scores/ranking.html"
    empty_text = _l("还没有计算过得分。")
    # Of which item; None of the total.
    item: ClassVar[Item | None] = None

    def row_link(self, row: Score) -> str:
        return f"/scores/{row.id}"

    def cell(self, column: Column, row: Any) -> Any:
        """The unit's name opens what its place does; without a place it says so."""
        if column.name.endswith("rank") and column.value(row) is None:
            return _("未排名")
        if column.name == "unit":
            return firm_link(row.unit.name, self.row_link(row), 13)
        return super().cell(column, row)

    @expose("/", methods=["GET"])
    @has_access
    def list(self) -> Any:
        require(g.actor, self.verb)
        asked = request.args.to_dict()
        span = _span(asked.pop("period", ""))
        if span or not asked.get("f_run"):
            held = db.session.scalar(scores.runs_of(g.actor, span).limit(1))
            if held is None and span:
                words = next(words for _name, words, first, last in usual(clock.today()) if (first, last) == span)
                held = db.session.scalar(scores.runs_of(g.actor).limit(1))
                if held is not None:
                    flash(_("还没有计算过%(p)s的得分，下面是最近一次计算。", p=words), "warning")
            if held is not None:
                return redirect(f"{self.route_base}/?{urlencode({**asked, 'f_run': held.id})}")
        return self.page()

    def more(self, now: Any, query: Query, page: Page) -> dict[str, Any]:
        return self._around(query.filters.get("run"), [])

    def _around(self, run_id: int | None, findings: Sequence[Finding]) -> dict[str, Any]:
        runs = db.session.scalars(scores.runs_of(g.actor).limit(30)).all()
        held = next((r for r in runs if r.id == run_id), None)
        may_run = g.actor.may(Verb.SCORE_RUN)
        place = request.form.get("region", g.actor.region_code or "")
        return {
            "runs": runs, "run": held, "states": SCORE_STATE, "periods": usual(clock.today()), "findings": findings,
            "unjudged": scores.unjudged(db.session, held) if held and may_run else 0,
            "may_run": may_run, "given": request.form, "local": clock.local,
            "own_region": g.actor.region_code or "", "places": region_names({r.region_code for r in runs}),
            "region_text": text_of(db.session, "region_codes", place) if may_run and place else "",
            "base": f"{self.route_base}/", "item": self.item, "items": ITEM,
        }  # fmt: skip


class Scores(Ranking):
    """The ranking by 维护保养有效率 at /scores/; a score at /scores/<id>."""

    datamodel = SQLAInterface(Score)
    route_base = "/scores"
    listing = SCORES
    item = Item.MAINTENANCE
    base_permissions: ClassVar[list[str]] = ["can_list", "can_run"]
    cells: ClassVar[dict[str, Any]] = {
        "points": lambda row: row.points if row.points is not None else mark(_l("无数据")),
        "uncovered": lambda row: mark(row.uncovered, "over") if row.uncovered else 0,
    }

    @expose("/run", methods=["POST"])
    @has_access
    @permission_name("run")
    def run(self) -> Any:
        """Enter the job; `as_of` is fixed now, so that a second run of the job finds the first one's."""
        require(g.actor, Verb.SCORE_RUN)
        try:
            with transaction(db.session) as session:
                at = clock.now()
                frame = scores.frame_of(session, g.actor, *_asked(), at)
                params = {
                    "region": request.form.get("region", "").strip() or None, "from_on": frame.from_on.isoformat(),
                    "to_on": frame.to_on.isoformat(), "as_of": frame.as_of.isoformat(), "back": "/scores/total/",
                }  # fmt: skip
                title = say("六个率动态积分 %(a)s 至 %(b)s", a=frame.from_on, b=frame.to_on)
                job_id = jobs.enqueue(session, g.actor, at, "score", title, params).id
        except Refusal as refusal:
            failing = [f for f in refusal.findings if f.stops]
            return render_template("ta/scores/refused.html", title=_("计算得分"), **self._around(None, failing)), 422
        flash(_("已开始计算，完成后在排名页查看"), "success")
        return redirect(url_for("Jobs.show", job_id=job_id))

    @expose("/<int:pk>")
    @has_access
    @permission_name("list")
    def score(self, pk: int) -> Any:
        held = held_score(pk)
        rule = request.args.get("rule", "")
        rule = rule if rule in RULES else ""
        groups = db.session.execute(
            select(ScoreEntry.rule, ScoreEntry.numerator, ScoreEntry.denominator, func.count())
            .where(lines_of(held.id, Item.MAINTENANCE))
            .group_by(ScoreEntry.rule, ScoreEntry.numerator, ScoreEntry.denominator)
        ).all()
        counts = {name: sum(n for r, _n, _d, n in groups if r == name) for name in RULES}
        lost = sum((Fraction(int(a), int(b)) * n for _r, a, b, n in groups), Fraction(0))
        page = page_number()
        entries = select(ScoreEntry).where(lines_of(held.id, Item.MAINTENANCE))
        if rule:
            entries = entries.where(ScoreEntry.rule == rule)
        rows = db.session.scalars(entries.order_by(ScoreEntry.id).limit(ROWS + 1).offset((page - 1) * ROWS)).all()
        seen = visible_codes({r.elevator_id for r in rows if r.elevator_id})
        return self.render_template(
            "ta/scores/score.html", title=held.unit.name, score=held, run=held.run, rules=RULES, rule=rule,
            counts=counts, rows=rows[:ROWS], more=len(rows) > ROWS, page=page, seen=seen, lost=lost, exact=exact_of,
            total=sum(counts.values()), state=word(SCORE_STATE, held.run.state), local=clock.local,
            region=region_name(held.run.region_code), items=ITEM, item=Item.MAINTENANCE,
            appealed=appealed(held), opens_unit=sees_unit(held), asked=asked_for(rows[:ROWS]),
            enforce=enforce(held, rows[:ROWS]),
            ranked=db.session.scalar(
                select(func.count(Score.rank)).where(Score.run_id == held.run_id).execution_options(skip_scope=True)
            ),
        )  # fmt: skip

    @expose("/<int:pk>/elevators")
    @has_access
    @permission_name("list")
    def elevators(self, pk: int) -> Any:
        """The counts of each elevator, made again from the records as they were known then."""
        held = held_score(pk)
        pairs = score_facts.of_unit(db.session, held.run, held.unit_id)
        found = {show: score_elevators.chosen(pairs, show) for show in (FAILED, EVERY)}
        show = request.args.get("show", "")
        show = show if show in found else FAILED if found[FAILED] else EVERY
        page = page_number()
        rows = score_elevators.named(db.session, g.actor, found[show][(page - 1) * ROWS : page * ROWS])
        return self.render_template(
            "ta/scores/elevators.html", title=held.unit.name, score=held, run=held.run, rows=rows, page=page, show=show,
            more=len(found[show]) > page * ROWS, counts={name: len(some) for name, some in found.items()},
            may_export=g.actor.may(Verb.EXPORT),
        )  # fmt: skip

    @expose("/<int:pk>/elevators/table", methods=["POST"])
    @has_access
    @permission_name("list")
    def table(self, pk: int) -> Any:
        """The same as .xlsx or .csv, all of it."""
        held = held_score(pk)
        show = EVERY if request.form.get("show") == EVERY else FAILED
        title = say("%(unit)s 的电梯 %(a)s 至 %(b)s", unit=held.unit.name, a=held.run.from_on, b=held.run.to_on)
        return send_table("score_elevators", title, score=str(pk), show=show)

    @expose("/<int:pk>/elevators/<int:elevator_id>")
    @has_access
    @permission_name("list")
    def elevator(self, pk: int, elevator_id: int) -> Any:
        """The visits and missed periods behind one elevator's counts."""
        held = held_score(pk)
        row = scope.visible(db.session, g.actor, Elevator, elevator_id, _("电梯"))
        pair = next((p for p in score_facts.of_unit(db.session, held.run, held.unit_id) if p.elevator == row.id), None)
        visits = score_facts.visits_of(db.session, held.run, held.unit_id, row.id)
        missed = score_facts.missed_of(db.session, held.run, held.unit_id, row.id)
        return self.render_template(
            "ta/scores/elevator.html", title=row.code, score=held, run=held.run, elevator=row, pair=pair, visits=visits,
            local=clock.local, visit_words=VISIT_STATE, extra=_late_extra(pair, visits), modes=VISIT_MODE,
            levels=LEVEL, late_days=LATE_DAYS, missed=missed, periods=_periods([key for _on, key in missed]),
        )  # fmt: skip


def held_score(pk: int) -> Score:
    """The score that a page is about, if the reader may see it."""
    require(g.actor, Verb.SCORE_READ)
    held: Score = scope.visible(db.session, g.actor, Score, pk, _("得分"))
    return held


def sees_unit(held: Score) -> bool:
    """Whether the reader may open the unit: a ranking names firms of other regions, too."""
    return g.actor.unit_id == held.unit_id or scope.sees(db.session, g.actor, Unit, held.unit_id)


def appealed(held: Score) -> frozenset[str]:
    """Which kinds of evidence the reader may appeal against: those of his own unit's lines that have a correction."""
    if g.actor.unit_id != held.unit_id or not g.actor.may(Verb.APPEAL_SUBMIT):
        return frozenset()
    return frozenset(name for name, entity in evidence.LINES.items() if entity in appeals.KINDS)


def asked_for(rows: Sequence[ScoreEntry]) -> dict[int, appeals.Offer]:
    """The lines behind whose records there is an appeal already, with the way to it."""
    behind = {row.id: (evidence.LINES.get(row.evidence or "", ""), row.evidence_id or 0) for row in rows}
    asked = [key for entity, key in behind.values() if entity == "unit_change"]
    if asked:
        # Such a line names the application, as its reader knows it.
        change = UnitChange.__table__.c
        found = db.session.execute(select(change.application_id, change.id).where(change.application_id.in_(asked)))
        keys: dict[int, int] = dict(found.all())  # type: ignore[arg-type]
        behind |= {n: (e, keys.get(key, 0)) for n, (e, key) in behind.items() if e == "unit_change"}
    offers = appeals.upon(db.session, g.actor, behind.values())
    return {number: offers[record] for number, record in behind.items() if record in offers}


def enforce(held: Score, rows: Sequence[ScoreEntry]) -> str:
    """Where a regulator begins a case against the unit with the lines that are shown as its evidence."""
    if g.actor.unit_id is not None or not g.actor.may(Verb.ENFORCEMENT_EDIT):
        return ""
    chosen = [f"score_entry-{row.id}" for row in rows if row.evidence in evidence.LINES]
    return url_for("EnforcementPages.new", unit=held.unit_id, chosen=chosen)


def _periods(keys: Sequence[int]) -> dict[int, OverduePeriod]:
    """The missed periods behind the counts, of those that the reader may open, by number."""
    seen = scope.apply(select(OverduePeriod).where(OverduePeriod.id.in_(keys)), g.actor, OverduePeriod)
    return {row.id: row for row in db.session.scalars(seen.execution_options(skip_scope=True))} if keys else {}


def _late_extra(pair: PairFacts | None, visits: Any) -> int:
    """How many more valid records than usual the end of the period brought, where they forgive a failure."""
    if pair is None or not pair.forgiven:
        return 0
    valid = [row.visit_on for row, state in visits if state is VisitState.VALID]
    return late_extra(valid, pair.later[-1].end_on if pair.later else pair.end_on, pair.interval_days)


def _asked() -> tuple[str | None, dt.date, dt.date, dt.datetime | None]:
    """Region, period and instant as typed; a refusal names what can't be read."""
    days = []
    for name, label in (("from_on", _("起始日期")), ("to_on", _("截止日期"))):
        typed = request.form.get(name, "").strip()
        try:
            days.append(dt.date.fromisoformat(typed))
        except ValueError as error:
            found = _("“%(v)s”不是日期", v=typed[:40])
            raise refuse(label, found, _("请用 2026-03-01 这样的写法"), field=name) from error
    typed = request.form.get("as_of", "").strip()
    try:
        as_of = clock.instant_of(dt.datetime.fromisoformat(typed)) if typed else None
        # Read, and still too near the calendar's ends for a day before or after it.
        if as_of is not None and not EARLIEST_ON.year <= as_of.year < dt.MAXYEAR:
            raise OverflowError(typed)
    except (ValueError, OverflowError) as error:
        found = _("“%(v)s”不是时间", v=typed[:40])
        raise refuse(_("数据截至"), found, _("请用 2026-03-01T08:00 这样的写法，或留空"), field="as_of") from error
    return request.form.get("region", "").strip()[:20] or None, days[0], days[1], as_of


def _span(named: str) -> tuple[dt.date, dt.date] | None:
    """First and last day of a usual period by its name."""
    return usual_periods(clock.today()).get(named)


def visible_codes(ids: set[int]) -> dict[int, str]:
    """Codes of those elevators that the actor may see; the others are named by nothing (涉密)."""
    statement = scope.apply(select(Elevator.id, Elevator.code).where(Elevator.id.in_(ids)), g.actor, Elevator)
    return dict(db.session.execute(statement.execution_options(skip_scope=True)).all())


def region_name(code: str) -> str:
    return db.session.scalar(select(Region.name).where(Region.code == code)) or _("全国")


def region_names(codes: set[str]) -> dict[str, str]:
    found = select(Region.code, Region.name).where(Region.code.in_(codes))
    return {row.code: row.name for row in db.session.execute(found)}


def exact_of(entry: ScoreEntry) -> Fraction:
    return Fraction(int(entry.numerator), int(entry.denominator))


def page_number() -> int:
    typed = request.args.get("page", "1")
    return int(typed) if typed.isascii() and typed.isdigit() and 0 < int(typed) <= 100_000 else 1


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("Scores", "can_run", Verb.SCORE_RUN)
    appbuilder.add_view_no_menu(Scores)

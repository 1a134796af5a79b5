"""六个率动态积分: rankings by the total and by each of the five other items; an item of a unit down to its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar

from flask import abort, g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app import clock
from app.extensions import db
from app.listing import Column
from app.listings import score_records as score_records_listed
from app.listings.score_items import (
    ITEM,
    ITEM_EVIDENCE,
    ITEM_LISTS,
    ITEM_RULE,
    STARS,
    TOTALS,
    count_of,
    points_of,
)
from app.listings.score_records import COUNTED, GROUPS, TIMES
from app.models import Score, ScoreEntry
from app.models.choices import SCORE_STATE, word
from app.models.score import CREDIT, lines_of, rating_lines
from app.permissions import Verb
from app.rules.rating import RatingRule, to_next_star
from app.rules.score_items import Item
from app.views.frame import screens
from app.views.frame.base import SQLAInterface, mark
from app.views.frame.cells import cut, firm, link, pill, shown
from app.views.frame.exports import send_table
from app.views.scores.scores import (
    ROWS,
    Ranking,
    appealed,
    asked_for,
    enforce,
    exact_of,
    held_score,
    page_number,
    region_name,
    sees_unit,
    visible_codes,
)
from app.workflows.oversight import appeal_items
from app.workflows.scores import score_rating, score_records
from app.workflows.scores.score_scale import scale_of

LEADING = ("code", "place", "number")
TONES = {"on_time": "ok", "second": "ok", "passed": "ok", "late": "over", "failed": "over", "fault": "over"}
PAGES = {
    "rescue": "/rescues/", "complaint": "/complaints/", "inspection": "/inspections/", "application": "/applications/",
    "enforcement": "/enforcement/",
}
# Which records a count opens.
OPENS = {
    "rescue_on_time": "only=on_time", "rescue_late": "only=late", "rescue_second": "only=second",
    "rescue_total": "only=called", "feedback_total": "only=", "feedback_on_time": "only=on_time",
    "feedback_late": "only=late", "inspection_total": "only=", "inspection_failed": "only=failed",
    "inspection_passed": "only=sound", "fault_elevators": "only=held", "fault_faulty": "only=fault",
    "fault_entrapments": "only=fault", "fault_twice": "only=fault&times=2", "fault_thrice": "only=fault&times=3",
    "fault_often": "only=fault&times=4", "change_total": "only=", "change_on_time": "only=kept",
    "change_late": "only=late",
}  # fmt: skip
BAD = {"late", "failed", "faulty", "entrapments", "twice", "thrice", "often"}


def rank_of(item: Item) -> str:
    """The column of a place in an item's ranking."""
    return "rank" if item is Item.MAINTENANCE else f"{item}_rank"


def _points(item: Item) -> Callable[[Score], Any]:
    def cell(row: Score) -> Any:
        points = points_of(row, item)
        href = f"/scores/{row.id}" if item is Item.MAINTENANCE else f"/scores/{row.id}/items/{item}"
        if points is not None:
            return link(points, href)
        computed = row.run.items_digest is not None or item is Item.MAINTENANCE
        return mark(_l("无数据") if computed else _l("未计算"))

    return cell


def _count(name: str) -> Callable[[Score], Any]:
    item, opens = name.partition("_")[0], OPENS[name]

    def cell(row: Score) -> Any:
        count = count_of(row, name)
        return link(count, f"/scores/{row.id}/items/{item}?{opens}") if count else "—" if count is None else 0

    return cell


def _total(row: Score) -> Any:
    return row.total if row.total is not None else mark(_l("无总分"))


def _stars(row: Score) -> Any:
    return "—" if row.stars is None else link(STARS[str(row.stars)], f"/scores/{row.id}/rating")


def _credit(row: Score) -> Any:
    return "—" if row.credit is None else link(word(CREDIT, row.credit), f"/scores/{row.id}/rating")


class ScoreTotals(Ranking):
    """The six items side by side, with their total."""

    datamodel = SQLAInterface(Score)
    route_base = "/scores/total"
    listing = TOTALS

    cells: ClassVar[dict[str, Any]] = {
        "points": _points(Item.MAINTENANCE), "total": _total, "stars": _stars, "credit": _credit,
        "uncovered": lambda row: mark(row.uncovered, "over") if row.uncovered else 0,
        **{f"{item}_points": _points(item) for item in ITEM_LISTS},
    }  # fmt: skip

    def row_link(self, row: Score) -> str:
        """The six items and the rating on one page; a run of before ratings leads to its first item."""
        return f"/scores/{row.id}/rating" if row.rating_points is not None else super().row_link(row)


def _cells(item: Item) -> dict[str, Any]:
    counts = (column.name for column in ITEM_LISTS[item].columns)
    return {f"{item}_points": _points(item)} | {name: _count(name) for name in counts if name in OPENS}


class _OfItem(Ranking):
    """The ranking by one item; a row opens that item of the unit."""

    item: ClassVar[Item]
    datamodel = SQLAInterface(Score)

    def row_link(self, row: Score) -> str:
        return f"/scores/{row.id}/items/{self.item}"


def _ranking(item: Item) -> type[Ranking]:
    """`/scores/rescue` and its like: the same screen for each of the five, `RescueScores` by name."""
    said = {"route_base": f"/scores/{item}", "item": item, "listing": ITEM_LISTS[item], "cells": _cells(item)}
    return type(f"{item.title()}Scores", (_OfItem,), said)


class ScoreItemPages(BaseView):
    """One of the five items of a unit: counts, formula, ledger, records."""

    route_base = "/scores"
    default_view = "show"

    @expose("/<int:pk>/items/<string:name>")
    @has_access
    @permission_name("show")
    def show(self, pk: int, name: str) -> Any:
        held = held_score(pk)
        if name not in {item.value for item in ITEM_LISTS} or held.run.items_digest is None:
            abort(404)
        item, page = Item(name), page_number()
        groups = db.session.execute(
            select(ScoreEntry.rule, ScoreEntry.numerator, ScoreEntry.denominator, func.count())
            .where(lines_of(held.id, item))
            .group_by(ScoreEntry.rule, ScoreEntry.numerator, ScoreEntry.denominator)
        ).all()
        lost = sum((Fraction(int(a), int(b)) * n for _r, a, b, n in groups), Fraction(0))
        only = request.args.get("only")
        wanted = score_records_listed.wanted_of(request.args)
        records: list[Any] = []
        chosen: list[score_records.Counted] = []
        rows: Any = []
        if only is None:
            entries = select(ScoreEntry).where(lines_of(held.id, item)).order_by(ScoreEntry.id)
            rows = db.session.scalars(entries.limit(ROWS + 1).offset((page - 1) * ROWS)).all()
        found = score_records.of_unit(db.session, held.run, held.unit_id, item)
        counts = Counter(one.counted for one in found)
        if only is not None:
            chosen = score_records_listed.chosen(db.session, g.actor, item, found, wanted)
            shown_now = chosen[(page - 1) * ROWS : page * ROWS]
            records = [
                _shown(line, item)
                for line in score_records_listed.lines_of(db.session, g.actor, item, shown_now)
            ]
            more = len(chosen) > page * ROWS
        else:
            more = len(rows) > ROWS
        named = {r.elevator_id for r in rows if r.elevator_id}
        rank = getattr(Score, rank_of(item))
        return self.render_template(
            "ta/scores/item.html", title=held.unit.name, score=held, run=held.run, item=item, items=ITEM, lost=lost,
            points=points_of(held, item), rank=getattr(held, rank.key), rows=rows[:ROWS], records=records, page=page,
            more=more, only=only, total=sum(n for *_rest, n in groups), rules=ITEM_RULE, evidence=ITEM_EVIDENCE,
            pages=PAGES, appealed=appealed(held), opens_unit=sees_unit(held), asked=asked_for(rows[:ROWS]),
            never=appeal_items.NEVER, enforce=enforce(held, rows[:ROWS]),
            counted=COUNTED, counts=counts, groups=GROUPS, subjects=score_records_listed.subjects(item, chosen),
            tones=TONES, seen=visible_codes(named) if named else {}, exact=exact_of,
            wanted=wanted, heads=_heads(item), found=len(chosen), times=TIMES, may_export=g.actor.may(Verb.EXPORT),
            figures=_figures(held, item), state=word(SCORE_STATE, held.run.state), local=clock.local,
            region=region_name(held.run.region_code), scale=_scale(held),
            ranked=db.session.scalar(
                select(func.count(rank)).where(Score.run_id == held.run_id).execution_options(skip_scope=True)
            ),
        )  # fmt: skip


    @expose("/<int:pk>/items/<string:name>/table", methods=["POST"])
    @has_access
    @permission_name("show")
    def table(self, pk: int, name: str) -> Any:
        """The records that are asked for as .xlsx or .csv, with all columns."""
        held = held_score(pk)
        if name not in {item.value for item in ITEM_LISTS} or held.run.items_digest is None:
            abort(404)
        title = score_records_listed.title_of(
            held.unit.name, str(ITEM[Item(name)]), held.run.from_on, held.run.to_on
        )
        wanted = score_records_listed.wanted_of(request.form)
        return send_table("score_records", title, score=str(pk), item=name, **wanted.as_dict())

    @expose("/<int:pk>/rating")
    @has_access
    @permission_name("show")
    def rating(self, pk: int) -> Any:
        """Stars and credit of a unit: what they stand on, and what one star more would take."""
        held = held_score(pk)
        told = score_rating.of_score(db.session, held.run, held)
        if told is None:
            abort(404)
        (found, scheme), opens_unit = told, sees_unit(held)
        rows = db.session.scalars(select(ScoreEntry).where(rating_lines(held.id)).order_by(ScoreEntry.id)).all()
        return self.render_template(
            "ta/scores/rating.html", title=held.unit.name, score=held, run=held.run, items=ITEM, item=None, rows=rows,
            found=found, scheme=scheme, rules=ITEM_RULE, exact=exact_of, stars=STARS, credits=CREDIT, pages=PAGES,
            next=to_next_star(found, scheme) if held.stars is not None else None, local=clock.local,
            state=word(SCORE_STATE, held.run.state), region=region_name(held.run.region_code),
            weights=[
                (item, ITEM[item], points_of(held, item), getattr(held, rank_of(item)), weight)
                for item, weight in scheme.weights.items()
            ],
            ranked=db.session.scalar(
                select(func.count(Score.total_rank)).where(Score.run_id == held.run_id)
                .execution_options(skip_scope=True)
            ),
            whole=sum(scheme.weights.values()), places=_places(held, opens_unit), opens_unit=opens_unit,
            vetoes=[rule.value for rule in RatingRule if rule.name.startswith("VETO")],
        )  # fmt: skip


def _places(held: Score, opens_unit: bool) -> dict[str, tuple[Any, str]]:
    """Where what a veto stands on is seen, as it is now."""
    licence = {RatingRule.VETO_LICENCE.value: (_("许可证"), f"/units/{held.unit_id}")} if opens_unit else {}
    unit = "" if g.actor.unit_id else f"&f_maintenance_unit={held.unit_id}"
    return {
        RatingRule.VETO_UNCOVERED.value: (_("脱保的电梯"), f"/elevators/?tab=uncovered{unit}"),
    } | licence


def _figures(held: Score, item: Item) -> list[tuple[Any, Any, str, str]]:
    """Label, count, the records that it opens, and whether it costs points."""
    return [
        (
            column.label, count_of(held, column.name), OPENS[column.name],
            "over" if column.name.rpartition("_")[2] in BAD else "",
        )
        for column in ITEM_LISTS[item].columns if column.name in OPENS
    ]  # fmt: skip


def _heads(item: Item) -> list[Column]:
    """The columns beside elevator and number, which lead: first what it was counted as."""
    held = [column for column in score_records_listed.COLUMNS[item] if column.name not in LEADING]
    return sorted(held, key=lambda column: column.name != "counted")


def _shown(line: score_records_listed.Line, item: Item) -> dict[str, Any]:
    """A line as its row of the page says it."""
    cells = []
    for column in _heads(item):
        value = shown(column, column.value(line))
        if column.name == "counted":
            value = pill(value, TONES.get(line.record.counted, "gone"))
        elif column.name in ("use_unit", "old_unit") and value != "—":
            value = firm(value)
        elif column.name in score_records_listed.LONG and value != "—":
            value = cut(value, 14)
        cells.append((column, value))
    number = next((one.value(line) for one in score_records_listed.COLUMNS[item] if one.name == "number"), None)
    return {
        "elevator": line.record.elevator, "code": line.code, "place": line.place, "number": number, "cells": cells,
        "lift": line.lift, "record": line.record.evidence and line.row and (PAGES[line.record.evidence] +
            str(line.record.key)),
    }  # fmt: skip


def _scale(held: Score) -> dict[str, str]:
    """What the formulas weigh by, as the run had it."""
    run = held.run
    scale = scale_of(db.session, run.region_code, run.to_on, run.as_of)
    names = {"twice": 2, "thrice": 3, "often": 4}
    told = {name: scale.penalties[times] for name, times in names.items()} | {"bonus": scale.bonus}
    return {name: f"{float(points):g}" for name, points in told.items()}


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("ScoreItemPages", "can_show", Verb.SCORE_READ)
    appbuilder.add_view_no_menu(ScoreTotals)
    for item in ITEM_LISTS:
        appbuilder.add_view_no_menu(_ranking(item))
    appbuilder.add_view_no_menu(ScoreItemPages)

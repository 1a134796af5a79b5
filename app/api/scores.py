"""`/api/v1/scores`: the six items of maintenance units in a run, their ledger, the records behind (SCO-07); of a whole
region (DSH-02), and how the units compare (FAI-01)."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from sqlalchemy import select

from app import scope
from app.api import listed
from app.api.base import MOST_COUNTED, Resource, actor, answers, chosen, iso, page_asked, whole
from app.errors import Finding, NotAllowed, NotFound
from app.extensions import db
from app.listing import moment
from app.listings.score_items import TOTALS, points_of
from app.models import Score, ScoreEntry, ScoreRun
from app.models.score import lines_of, rating_lines
from app.permissions import Verb
from app.reports import cockpit_scores, coverage, fairness
from app.reports.cockpit_scores import RegionItem
from app.reports.fairness import FairLine
from app.rules.fairness import CONFIDENCE
from app.rules.score_items import Item
from app.telling import told
from app.views.frame import screens
from app.workflows.scores import score_records, scores
from app.workflows.scores.score_frame import WHOLE_COUNTRY
from app.workflows.scores.score_items import COUNTS

_MAINTENANCE = ("due", "valid_visits", "overdue", "nonconforming", "forgiven", "bad")


RATING, TOTAL = "rating", "total"
ITEMS = [item.value for item in Item]
PULLERS = 5


class ScoreApi(Resource):
    """Scores by number; a list is of one computation, the newest one without `run`."""

    resource_name = "scores"
    openapi_spec_tag = "Scores"

    @answers("", "GET")
    def list(self) -> Any:
        """Give the ranking of a computation by the total.
        ---
        get:
          summary: 六个率动态积分：各维保单位的六项得分、名次和总分；缺省为最近一次计算
          paged: true
          parameters:
            - {in: query, name: run, schema: {type: integer}, description: 计算的编号}
            - {in: query, name: tab, schema: {type: string, enum: [all, ranked, none, uncovered]}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: region, schema: {type: string}, description: 单位所在地区，12 位区划代码，含下级}
            - {in: query, name: kind, schema: {type: string},
               description: "单位类别 production,installation…，逗号分隔"}
          gives: {200: ScorePage}
        """
        given: dict[str, Any] = request.args.to_dict()
        if not given.get("run"):
            newest = db.session.scalar(scores.runs_of(actor()).limit(1))
            given["run"] = str(0 if newest is None else newest.id)
        number, size = page_asked()
        asked = listed.query(TOTALS, given, number, size)
        found = TOTALS.page(moment(db.session, actor()), asked)
        return jsonify(
            rows=[shown(row) for row in found.rows], page=number, size=size, count=min(found.total, MOST_COUNTED),
            count_is_exact=not found.more,
        )  # fmt: skip

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one unit's score.
        ---
        get:
          summary: 一个单位在一次计算中的六项得分
          gives: {200: Score}
        """
        return jsonify(shown(_held(key)))

    @answers("/<int:key>/ledger", "GET")
    def ledger(self, key: int) -> Any:
        """Give the lines of one item; their exact fractions sum to the lost points.
        ---
        get:
          summary: 一项得分的扣分账目，分子分母为准确值，合计即为失分
          paged: true
          parameters:
            - {in: query, name: item, schema: {type: string,
                enum: [maintenance, rescue, feedback, inspection, fault, change, rating]},
               description: 缺省为 maintenance；rating 为星级与信用，从 100 分中扣，限级为 0 分}
          gives: {200: ScoreLinePage}
        """
        held, item = _held(key), chosen("item", dict.fromkeys([*ITEMS, RATING])) or Item.MAINTENANCE
        number, size = page_asked()
        within = rating_lines(held.id) if item == RATING else lines_of(held.id, Item(item))
        lines = select(ScoreEntry).where(within).order_by(ScoreEntry.id)
        found = db.session.scalars(lines.limit(size + 1).offset(number * size)).all()
        return jsonify(rows=[_line(one) for one in found[:size]], page=number, size=size, more=len(found) > size)

    @answers("/<int:key>/records", "GET")
    def records(self, key: int) -> Any:
        """Give the records that one of the five other items counted, as they were known.
        ---
        get:
          summary: 一项得分计入的记录（救援、投诉、检验、困人、变更），按计算时所知
          paged: true
          parameters:
            - {in: query, name: item, schema: {type: string,
                enum: [rescue, feedback, inspection, fault, change]}, description: 缺省为 feedback}
          gives: {200: ScoreRecordPage}
        """
        held, item = _held(key), Item(chosen("item", dict.fromkeys(COUNTS)) or Item.FEEDBACK)
        number, size = page_asked()
        found = score_records.of_unit(db.session, held.run, held.unit_id, item)
        rows = [
            {"elevator_id": one.elevator, "on": one.on or None, "evidence": one.evidence or None, "id": one.key,
             "counted": one.counted}
            for one in found[number * size : (number + 1) * size]
        ]  # fmt: skip
        return jsonify(rows=rows, page=number, size=size, more=len(found) > (number + 1) * size)


    @answers("/region", "GET")
    def region(self) -> Any:
        """Give the six items of a region as its cockpit shows them: means by elevators, who lowers them, the trend.
        ---
        get:
          summary: 一个地区的六个率：按电梯台数平均、拉低最多的单位、总分走势，取该地区最近一次六项都有的计算
          parameters:
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，缺省为本级}
          gives: {200: RegionScores}
        """
        if actor().unit_id is not None:
            raise NotAllowed(Finding("地区得分", False, "只供监管部门查看", "请查看本单位的得分"))
        code = request.args.get("region", "").strip()[:12] or actor().region_code
        if code and code != actor().region_code:
            coverage.check_region(db.session, actor(), code)
        found = cockpit_scores.build(db.session, actor(), scores.runs_of(actor()), code or WHOLE_COUNTRY, PULLERS)
        if found is None:
            raise NotFound(Finding("地区", False, "该地区还没有六项都有的计算", "请先计算得分", field="region"))
        return jsonify(
            run_id=found.run.id, region_code=found.run.region_code, from_on=found.run.from_on.isoformat(),
            to_on=found.run.to_on.isoformat(), state=found.run.state, units=found.units, total=_region(found.total),
            items={str(one.item): _region(one) for one in found.items},
            trend=[
                {"from_on": term.from_on.isoformat(), "to_on": term.to_on.isoformat(), "settled": term.settled,
                 "total": str(term.total)}
                for term in found.terms
            ],
        )  # fmt: skip

    @answers("/comparison", "GET")
    def comparison(self) -> Any:
        """Give the fair comparison of a computation: each unit's band, and what can be said of it beside the whole.
        ---
        get:
          summary: 公平比较：各单位的可信区间和与总体的比较，按总分或其中一项；只作参考
          parameters:
            - {in: query, name: run, schema: {type: integer}, description: 计算的编号，缺省为最近一次}
            - {in: query, name: by, schema: {type: string,
                enum: [total, maintenance, rescue, feedback, inspection, fault, change]}, description: 缺省为 total}
          gives: {200: FairComparison}
        """
        by = chosen("by", dict.fromkeys([TOTAL, *ITEMS])) or TOTAL
        runs = scores.runs_of(actor())
        asked = whole(request.args, "run", 0)
        run = db.session.scalar(runs.where(ScoreRun.id == asked) if asked else runs.limit(1))
        if run is None:
            missing = "没有这次计算，或不在您的管辖范围内"
            raise NotFound(Finding("计算", False, missing, "请从得分列表取 run_id", field="run"))
        item = None if by == TOTAL else Item(by)
        if run.items_digest is None:
            item = Item.MAINTENANCE
        found = fairness.build(db.session, actor(), run, item)
        return jsonify(
            run_id=run.id, by=item.value if item else TOTAL, least=found.least, confidence=CONFIDENCE,
            rows=[_compared(line) for line in found.lines],
        )  # fmt: skip


def _region(one: RegionItem) -> dict[str, Any]:
    lowered = [
        {"score_id": who.score_id, "unit": who.unit, "points": str(who.points), "lowers": float(who.lowers)}
        for who in one.pullers
    ]
    return {"points": _text(one.points), "counted": one.counted, "bad": one.bad, "lowered_by": lowered}


def _compared(line: FairLine) -> dict[str, Any]:
    return {
        "score_id": line.score_id, "unit": line.unit, "rank": line.rank, "points": _text(line.points),
        "counted": line.due, "bad": line.bad, "own": _text(line.own), "low": _text(line.low),
        "high": _text(line.high), "whole": _text(line.whole), "standing": line.standing.value,
    }  # fmt: skip


def _held(key: int) -> Score:
    held: Score = scope.visible(db.session, actor(), Score, key, "得分")
    return held


def shown(row: Score) -> dict[str, Any]:
    """A score as the interface gives it; points are text, which every language reads exactly."""
    counts = {Item.MAINTENANCE: {name: getattr(row, name) for name in _MAINTENANCE}} | {
        item: {name: getattr(row, f"{item}_{name}") for name in names} for item, names in COUNTS.items()
    }
    items = {
        item.value: {
            "points": _text(points_of(row, item)),
            "rank": row.rank if item is Item.MAINTENANCE else getattr(row, f"{item}_rank"), "counts": counts[item],
        }
        for item in Item
    }  # fmt: skip
    return {
        "id": row.id, "unit_id": row.unit_id, "run_id": row.run_id, "region_code": row.run.region_code,
        "from_on": row.run.from_on.isoformat(), "to_on": row.run.to_on.isoformat(), "as_of": iso(row.run.as_of),
        "state": row.run.state, "total": _text(row.total), "rank": row.total_rank, "elevators": row.elevators,
        "uncovered": row.uncovered, "licence_until": iso(row.licence_until), "stars": row.stars, "credit": row.credit,
        "rating_points": _text(row.rating_points), "complete": row.run.items_digest is not None, "items": items,
    }  # fmt: skip


def _line(one: ScoreEntry) -> dict[str, Any]:
    return {
        "rule": one.rule, "elevator_id": one.elevator_id, "on": iso(one.happened_on), "evidence": one.evidence,
        "evidence_id": one.evidence_id, "count": one.count, "numerator": one.numerator,
        "denominator": one.denominator, "reason": told(one.reason),
    }  # fmt: skip


def _text(points: Any) -> str | None:
    return None if points is None else str(points)


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for name in ("list", "get", "ledger", "records", "comparison", "region"):
        screens.declare("ScoreApi", f"can_{name}", Verb.SCORE_READ)
    appbuilder.add_api(ScoreApi)

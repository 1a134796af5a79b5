"""`/api/v1/score-simulations`: what a unit can still make of its score in the running period (SIM-01); reads only."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import jsonify, request

from app import clock
from app.api.base import Resource, actor, answers, chosen
from app.errors import refuse
from app.extensions import db
from app.permissions import Verb
from app.rules.scoring import Score
from app.rules.what_if import Fix, Period, Simulation, fix_of
from app.rules.what_if_items import gone, winnable
from app.views.frame import screens
from app.views.scores.what_if import words_of
from app.wording import say
from app.workflows.oversight import appeals
from app.workflows.scores import what_if

MOST_CHOSEN = 500
WAYS = ("nothing", "chosen", "everything")


class ScoreSimulationApi(Resource):
    """The simulation of a unit, by the unit's number."""

    resource_name = "score-simulations"
    openapi_spec_tag = "Scores"

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give what doing nothing, the chosen fixes together and everything make of the score, and each fix.
        ---
        get:
          summary: 提分模拟：到期末什么都不做、所选一起做、全部做到，六个率和总分各得多少，以及每项措施的提分
          parameters:
            - {in: query, name: period, schema: {type: string, enum: [quarter, half, year]}, description: 缺省为本年}
            - {in: query, name: do, schema: {type: string}, description: "所选措施的 fix，用逗号分开"}
          gives: {200: ScoreSimulation}
        """
        period = Period(chosen("period", dict.fromkeys(Period)) or Period.YEAR)
        told = what_if.of_unit(
            db.session, actor(), key, period, _chosen(request.args.get("do", "")), clock.now(),
            appealable=appeals.still_open,
        )  # fmt: skip
        sim = told.simulation
        fixes = []
        for item, offer in told.six.offers:
            title, about, _link = words_of(told, offer, actor())
            alone, without = told.six.gain(item, offer)
            due_at = told.about[offer.fix].due_at if offer.fix in told.about else None
            fixes.append(
                {
                    "fix": str(offer.fix), "item": item.value, "title": title, "about": about,
                    "elevators": offer.elevators, "due_at": due_at.isoformat() if due_at else None,
                    "alone": float(alone), "without": float(without),
                }
            )  # fmt: skip
        return jsonify(
            unit_id=told.unit.id, from_on=told.from_on.isoformat(), to_on=told.to_on.isoformat(), fixes=fixes,
            nothing=_shown(sim.nothing), chosen=_shown(sim.chosen), everything=_shown(sim.everything),
            total={way: _text(getattr(told.six.total, way)) for way in WAYS},
            items={item.value: _item(made) for item, made in told.six.items.items()},
        )  # fmt: skip


def _chosen(said: str) -> frozenset[Fix]:
    asked = [one for one in said.split(",") if one]
    if len(asked) > MOST_CHOSEN:
        found = say("选了 %(n)s 项", n=len(asked))
        raise refuse("参数", found, say("最多 %(most)s 项", most=MOST_CHOSEN), field="do")
    fixes = set()
    for one in asked:
        fix = fix_of(one)
        if fix is None:
            found = say("没有措施 %(one)s", one=one[:40])
            raise refuse("参数", found, "请用 fixes 中给出的 fix", field="do", value=one[:60])
        fixes.add(fix)
    return frozenset(fixes)


def _item(made: Simulation) -> dict[str, Any]:
    ways = {way: _shown(getattr(made, way)) for way in WAYS}
    return {**ways, "winnable": float(winnable(made)), "gone": float(gone(made))}


def _shown(score: Score) -> dict[str, Any]:
    return {"points": _text(score.points), "due": score.due, "bad": score.bad}


def _text(points: Decimal | None) -> str | None:
    return None if points is None else str(points)


def register(appbuilder: Any) -> None:
    """Add this resource."""
    screens.declare("ScoreSimulationApi", "can_get", Verb.SCORE_READ)
    appbuilder.add_api(ScoreSimulationApi)

"""`/api/v1/capacity`: whether a maintenance unit's people can do what is due (CAP-01); reads only."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock
from app.api.base import Resource, actor, answers, chosen, iso
from app.extensions import db
from app.permissions import Verb
from app.rules.capacity import Area
from app.views.frame import screens
from app.workflows.oversight import capacity


class CapacityApi(Resource):
    """The trial of a unit's coming weeks, by the unit's number."""

    resource_name = "capacity"
    openapi_spec_tag = "Visits"

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give by area what is due, what can't be done and how many workers more it takes; by day what is done.
        ---
        get:
          summary: 人力测算：未来几周各片区到期几次、做不完几次、还缺几人
          parameters:
            - {in: query, name: days, schema: {type: string, enum: ["14", "30", "60"]}, description: 缺省 30}
          gives: {200: Capacity}
        """
        days = int(chosen("days", {str(n): n for n in capacity.DAYS}) or capacity.DAYS[1])
        found = capacity.of_unit(db.session, actor(), key, days, clock.now())
        return jsonify(
            unit_id=found.unit.id, first_on=found.first.isoformat(), days=days, elevators=found.lifts, due=found.due,
            missed=found.missed_in_all, more=found.trial.more,
            areas=[_area(line.code, line.name, line.area) for line in found.areas],
            by_day=[{"on": day.isoformat(), "done": done, "due": due} for day, done, due in found.trial.days],
            first_missed=[
                {"elevator_id": one.elevator_id, "code": one.code, "limit_on": one.missed.limit_on.isoformat(),
                 "no_working_day": one.missed.no_day}
                for one in found.missed
            ],
        )  # fmt: skip


def _area(code: str, name: str, area: Area) -> dict[str, Any]:
    return {
        "region_code": code, "name": name, "elevators": area.lifts, "over": area.over, "due": area.due,
        "missed": len(area.missed), "workers": area.workers, "more": area.more,
        "first_missed_on": iso(area.first_missed_on),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the resource."""
    screens.declare("CapacityApi", "can_get", Verb.SCORE_READ)
    appbuilder.add_api(CapacityApi)

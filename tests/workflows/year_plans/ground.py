"""A firm that plans a year of maintenance, and what a plan holds."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app.models import MaintenanceOrder
from app.transaction import transaction
from app.workflows.maintenance import year_plans
from app.workflows.maintenance.year_plans import Asked, YearPlan
from tests.workflows.clock_world import at, day, open_orders

TODAY = day("2026-01-01")
YEAR = Asked(TODAY, 15)


def planned(session: Any, actor: Any, ids: list[int], asked: Asked = YEAR, on: dt.date = TODAY) -> YearPlan:
    with transaction(session):
        return year_plans.make(session, actor, ids, asked, at(on))


def shown(session: Any, actor: Any, ids: list[int], asked: Asked = YEAR, on: dt.date = TODAY) -> YearPlan:
    return year_plans.preview(session, actor, ids, asked, at(on))


def rules(plan: YearPlan) -> list[str]:
    return [f.rule for row in plan.rows for f in row.findings if f.stops]


def of_plan(session: Any, elevator: Any) -> list[MaintenanceOrder]:
    return sorted((o for o in open_orders(session, elevator) if o.origin == "plan"), key=lambda o: o.planned_on)

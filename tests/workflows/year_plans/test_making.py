"""A plan of a year as it is made: its days, by the rule and within its bounds."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import Refusal
from app.models import AuditEntry, MaintenanceOrder
from app.transaction import transaction
from app.workflows.maintenance import orders, year_plans
from app.workflows.maintenance.year_plans import Asked
from tests import factories as make
from tests.workflows.clock_world import at, day, open_orders
from tests.workflows.year_plans.ground import TODAY, YEAR, of_plan, planned, shown


@pytest.mark.feature("PLN-04")
class TestMaking:
    def test_t19_a_year_the_last_one_annual(self, session: Any, head: Any, world: make.World) -> None:
        preview = shown(session, head, [world.own.id])
        assert not open_orders(session, world.own)
        made = planned(session, head, [world.own.id])
        assert preview.digest == made.digest and made.made == 24
        rows = of_plan(session, world.own)
        assert [rows[0].planned_on, rows[-1].planned_on] == [day("2026-01-16"), day("2026-12-27")]
        assert [row.level for row in rows].count("annual") == 1 and rows[-1].level == "annual"
        assert {(row.worker_id, row.unit_id, row.created_by_id) for row in rows} == {
            (world.worker.id, world.firm.id, head.user_id)
        }
        # Only what is planned within the running limit has it: later limits follow visits that nobody made yet.
        assert rows[0].limit_on == day("2026-01-16") and {row.limit_on for row in rows[1:]} == {None}

    def test_again_makes_nothing_and_writes_no_second_entry(self, session: Any, head: Any, world: make.World) -> None:
        planned(session, head, [world.own.id])
        again = planned(session, head, [world.own.id, world.own.id])
        assert again.made == 0 and [row.id for row in again.standing] == [world.own.id]
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "order.plan")).all()
        assert [entry.after["orders"] for entry in entries] == [24]
        assert entries[0].after["elevators"] == [world.own.id]

    def test_started_nine_months_back_the_annual_is_in_three(self, session: Any, head: Any, world: make.World) -> None:
        plan = planned(session, head, [world.own.id], Asked(day("2025-04-06"), 15))
        row = plan.rows[0]
        assert {why for _order, why in row.left_out} == {year_plans.PASSED} and len(row.left_out) == 17
        rows = of_plan(session, world.own)
        assert len(rows) == 7 and rows[0].planned_on == TODAY  # what is planned for today can still be done
        assert (rows[-1].planned_on, rows[-1].level) == (day("2026-04-01"), "annual")

    def test_a_day_with_an_order_is_left_out_an_open_one_or_one_done(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        for on, state in (("2026-01-16", "open"), ("2026-01-31", "done"), ("2026-02-15", "void")):
            session.add(MaintenanceOrder(
                elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, level="half_month",
                planned_on=day(on), origin="manual", state=state,
            ))  # fmt: skip
        session.commit()
        plan = planned(session, head, [world.own.id])
        left = {order.planned_on: why for order, why in plan.rows[0].left_out}
        assert list(left) == [day("2026-01-16"), day("2026-01-31")] and plan.made == 22
        assert "待维保" in left[day("2026-01-16")] and "已维保" in left[day("2026-01-31")]

    def test_what_was_shown_is_made_or_nothing(self, session: Any, head: Any, world: make.World) -> None:
        seen = shown(session, head, [world.own.id]).digest
        with transaction(session):
            orders.create(session, head, world.own.id, {"planned_on": day("2026-03-02")}, at(TODAY))
        with pytest.raises(Refusal, match="预览之后"), transaction(session):
            year_plans.make(session, head, [world.own.id], YEAR, at(TODAY), expected=seen)
        assert not of_plan(session, world.own)

    def test_many_elevators_are_one_set(self, session: Any, head: Any, world: make.World) -> None:
        others = [make.make_elevator(session, maintenance_unit=world.firm) for _ in range(40)]
        for one in others:
            make.make_ledger(session, one, world.worker, mode="manual", interval_days=14)
            make.make_clock(session, one, TODAY, covered_until=day("2027-12-31"))
        session.commit()
        plan = planned(session, head, [one.id for one in others] + [world.own.id], Asked(TODAY))
        assert len(plan.planned) == 41 and plan.made == 40 * 26 + 24
        assert session.scalar(select(func.count()).where(MaintenanceOrder.origin == "plan")) == plan.made
        first = plan.days[0]
        assert (first.on, first.made) == (day("2026-01-15"), 40)

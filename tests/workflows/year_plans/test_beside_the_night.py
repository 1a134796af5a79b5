"""A plan beside the orders that the night makes, and what becomes of it later."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import Refusal
from app.models import AuditEntry, Elevator, MaintenanceLedger, Notification
from app.transaction import transaction
from app.workflows.maintenance import clocks, orders
from app.workflows.maintenance.year_plans import Asked
from app.workflows.on_site import sites
from tests import factories as make
from tests.workflows.clock_world import add_visit, at, day, open_orders, run
from tests.workflows.year_plans.ground import TODAY, of_plan, planned


@pytest.mark.feature("PLN-04", "PLN-03")
class TestBesideTheNight:
    def automatic(self, session: Any, world: make.World) -> MaintenanceLedger:
        ledger = session.scalar(select(MaintenanceLedger).where(MaintenanceLedger.elevator_id == world.own.id))
        ledger.mode, ledger.next_half_month_on = "auto", day("2026-01-16")
        session.commit()
        return ledger

    def test_set_to_manual_with_the_plan(self, session: Any, head: Any, world: make.World) -> None:
        ledger = self.automatic(session, world)
        version = ledger.row_version
        plan = planned(session, head, [world.own.id], Asked(TODAY, 15, switch=True))
        session.refresh(ledger)
        assert (ledger.mode, ledger.row_version) == ("manual", version + 1) and plan.made == 24
        entry = session.scalar(select(AuditEntry).where(AuditEntry.action == "order.plan"))
        assert entry.after["switched"] == [world.own.id]
        run(session, day("2026-01-15"))
        assert {order.origin for order in open_orders(session, world.own)} == {"plan"}

    def test_the_open_automatic_order_makes_way_whatever_its_day(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        self.automatic(session, world)
        run(session, day("2026-01-12"))
        plan = planned(session, head, [world.own.id], Asked(TODAY, 15, switch=True), on=day("2026-01-12"))
        assert plan.made == 24 and not plan.rows[0].left_out
        assert {order.origin for order in open_orders(session, world.own)} == {"plan"}

    def test_back_to_automatic_only_without_the_plan(self, session: Any, head: Any, world: make.World) -> None:
        planned(session, head, [world.own.id])
        with pytest.raises(Refusal, match="一年计划还有 24 条"), transaction(session):
            clocks.save_ledger(session, head, world.own, {"mode": "auto"}, None, at(TODAY))
        for order in of_plan(session, world.own):
            with transaction(session):
                orders.cancel(session, head, order.id, "改为自动", at(TODAY))
        with transaction(session):
            assert clocks.save_ledger(session, head, world.own, {"mode": "auto"}, None, at(TODAY)).mode == "auto"

    def test_another_change_of_the_ledger_is_saved_beside_the_plan(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        planned(session, head, [world.own.id])
        with transaction(session):
            saved = clocks.save_ledger(session, head, world.own, {"interval_days": 14}, None, at(TODAY))
        assert saved.interval_days == 14 and len(of_plan(session, world.own)) == 24


@pytest.mark.feature("PLN-04")
class TestWhatBecomesOfIt:
    @pytest.mark.parametrize("effect", ["pause", "stop", "unit"])
    def test_void_with_what_happens_to_the_elevator(
        self, session: Any, head: Any, world: make.World, effect: str
    ) -> None:
        planned(session, head, [world.own.id])
        on = day("2026-03-01")
        with transaction(session):
            if effect == "pause":
                clocks.pause(session, world.own.id, on, None, at(on))
            elif effect == "stop":
                clocks.stop(session, world.own.id, on, at(on))
            else:
                clocks.unit_changed(session, world.own.id, world.other_firm.id, on, at(on))
        assert not open_orders(session, world.own)

    def test_after_the_stop_the_same_plan_makes_what_is_left(self, session: Any, head: Any, world: make.World) -> None:
        planned(session, head, [world.own.id])
        with transaction(session):
            clocks.pause(session, world.own.id, TODAY, None, at(TODAY))
        later = day("2026-02-01")
        with transaction(session):
            clocks.resume(session, world.own.id, later, at(later))
        told = session.scalars(select(Notification.title).where(Notification.topic == "plan.none")).all()
        assert told and all("没有维保任务" in title for title in told)
        assert planned(session, head, [world.own.id], on=later).made == 22

    def test_a_new_unit_begins_with_automatic_orders(self, session: Any, head: Any, world: make.World) -> None:
        planned(session, head, [world.own.id])
        with transaction(session):
            clocks.unit_changed(session, world.own.id, world.other_firm.id, TODAY, at(TODAY))
        ledger = select(MaintenanceLedger).where(MaintenanceLedger.elevator_id == world.own.id)
        assert session.scalar(ledger.execution_options(skip_scope=True, populate_existing=True)).mode == "auto"

    def test_of_days_that_have_come_the_longest_is_done_and_takes_the_shorter_along(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        planned(session, head, [world.own.id])
        quarter = next(row for row in of_plan(session, world.own) if row.level == "quarter")
        on = quarter.planned_on
        site = sites.of_elevator(session, world.actor("worker"), session.get(Elevator, world.own.id), on)
        assert (site.order_id, site.level().value) == (quarter.id, "quarter")
        before = [row.id for row in of_plan(session, world.own) if row.planned_on <= on]
        with transaction(session):
            done = add_visit(session, world.own, world.worker, on, order_id=quarter.id, level="quarter")
            clocks.after_visit(session, world.own.id, done, at(on, 11))
        assert len(before) > 1 and not {row.id for row in of_plan(session, world.own)} & set(before)

    def test_a_visit_closes_missed_half_month_days_and_leaves_longer_ones(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        planned(session, head, [world.own.id])
        rows = of_plan(session, world.own)
        quarter = next(row for row in rows if row.level == "quarter")
        named = rows[0]
        on = quarter.planned_on + dt.timedelta(days=1)
        with transaction(session):
            done = add_visit(session, world.own, world.worker, on, order_id=named.id)
            clocks.after_visit(session, world.own.id, done, at(on, 11))
        left = of_plan(session, world.own)
        assert left[0].id == quarter.id and left[1].planned_on > on

    def test_an_evidence_of_an_earlier_day_closes_none_ahead(self, session: Any, head: Any, world: make.World) -> None:
        planned(session, head, [world.own.id])
        on = day("2026-01-10")
        with transaction(session):
            done = add_visit(session, world.own, world.worker, on)
            clocks.after_visit(session, world.own.id, done, at(on, 11))
        assert len(of_plan(session, world.own)) == 24

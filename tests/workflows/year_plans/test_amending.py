"""A plan amended, voided, and what of it stands."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, Refusal
from app.models import AuditEntry, Elevator, MaintenanceOrder, StatusChange
from app.transaction import transaction
from app.workflows.core import moves
from app.workflows.maintenance import orders
from app.workflows.maintenance.year_plans import Asked
from tests import factories as make
from tests.statements import statements
from tests.workflows.clock_world import at, day
from tests.workflows.year_plans.ground import TODAY, of_plan, planned, rules, shown


@pytest.mark.feature("PLN-05")
class TestAmending:
    def amend(self, session: Any, actor: Any, order_id: int, reason: str = "用户改期", **data: Any) -> None:
        with transaction(session):
            orders.amend(session, actor, order_id, data, reason, at(TODAY))

    @pytest.fixture
    def order(self, session: Any, head: Any, world: make.World) -> MaintenanceOrder:
        with transaction(session):
            return orders.create(session, head, world.own.id, {"planned_on": day("2026-01-10")}, at(TODAY))

    def test_day_and_level_with_the_reason(self, session: Any, head: Any, order: MaintenanceOrder) -> None:
        self.amend(session, head, order.id, planned_on=day("2026-01-20"), level="quarter")
        session.refresh(order)
        assert (order.planned_on, order.level, order.limit_on) == (day("2026-01-20"), "quarter", None)
        entry = session.scalar(select(AuditEntry).where(AuditEntry.action == "order.edit"))
        assert entry.before == {"planned_on": "2026-01-10", "level": "half_month"}
        assert entry.after["reason"] == "用户改期"

    @pytest.mark.parametrize(
        ("data", "named"),
        [
            ({"planned_on": day("2025-12-31")}, "早于今天"), ({"level": "weekly"}, "没有“weekly”"),
            ({"planned_on": day("2026-01-10")}, "都没有变"), ({}, "都没有变"), ({"planned_on": None}, "没有填写"),
            ({"level": "annual", "reason": " "}, "0 个字"), ({"level": "annual", "reason": "长" * 121}, "121 个字"),
        ],
    )  # fmt: skip
    def test_what_is_refused(
        self, session: Any, head: Any, order: MaintenanceOrder, data: dict[str, Any], named: str
    ) -> None:
        with pytest.raises(Refusal, match=named):
            self.amend(session, head, order.id, **data)

    def test_a_day_behind_keeps_its_day_when_only_the_level_is_wrong(
        self, session: Any, head: Any, order: MaintenanceOrder
    ) -> None:
        with transaction(session):
            orders.amend(session, head, order.id, {"level": "annual"}, "频次有误", at(day("2026-02-01")))
        session.refresh(order)
        assert (order.planned_on, order.level) == (day("2026-01-10"), "annual")

    def test_not_onto_another_order(self, session: Any, head: Any, world: make.World, order: MaintenanceOrder) -> None:
        with transaction(session):
            orders.create(session, head, world.own.id, {"planned_on": day("2026-01-11")}, at(TODAY))
        with pytest.raises(Refusal, match="已有任务"):
            self.amend(session, head, order.id, planned_on=day("2026-01-11"))

    def test_automatic_done_and_foreign_ones(
        self, session: Any, head: Any, world: make.World, order: MaintenanceOrder
    ) -> None:
        order.origin = "auto"
        session.commit()
        with pytest.raises(Refusal, match="自动生成"):
            self.amend(session, head, order.id, level="annual")
        order.origin, order.state = "plan", "done"
        session.commit()
        with pytest.raises(Refusal, match="已不是“待维保”"):
            self.amend(session, head, order.id, level="annual")
        with pytest.raises(Refusal, match="没有找到"):
            self.amend(session, head, 987654, level="annual")
        with pytest.raises(NotAllowed):
            self.amend(session, world.actor("worker"), order.id, level="annual")


@pytest.mark.feature("PLN-04")
class TestWhatStands:
    def order(self, session: Any, world: make.World, on: dt.date, **fields: Any) -> MaintenanceOrder:
        row = MaintenanceOrder(**{
            "elevator_id": world.own.id, "unit_id": world.firm.id, "region_code": world.own.region_code,
            "worker_id": world.worker.id, "planned_on": on, "level": "half_month", "origin": "manual", "state": "open",
        } | fields)  # fmt: skip
        session.add(row)
        session.commit()
        return row

    def test_another_plan_is_seen_behind_a_later_order_of_the_same_day(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        planned(session, head, [world.own.id])
        for order in of_plan(session, world.own):  # on each of its days something else came later
            self.order(session, world, order.planned_on, state="done")
        plan = shown(session, head, [world.own.id], Asked(day("2026-01-02"), 15))
        assert rules(plan) == ["一年计划"] and not plan.made and plan.refused
        said = next(f.found for f in plan.rows[0].findings if f.stops)
        assert "2026-01-31 至 2026-12-27 还有 23 条待维保任务" in said

    def test_who_has_nothing_to_make_is_named_with_the_reason(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        made = planned(session, head, [world.own.id])
        again = shown(session, head, [world.own.id])
        assert [row.code for row in again.standing] == [world.own.code] and not again.refused
        (told,) = [f for f in again.rows[0].findings if not f.ok]
        assert told.rule == "已有任务" and f"一年计划 {made.made} 条" in told.found and not told.stops
        assert "当日已有半月任务（一年计划，待维保）" in {why for _order, why in again.rows[0].left_out}
        late = shown(session, head, [world.own.id], Asked(day("2025-01-02"), 15), on=day("2026-01-01"))
        assert [f.rule for f in late.rows[0].findings if not f.ok] == ["起始日期"]

    def test_some_days_are_taken_and_the_others_made(self, session: Any, head: Any, world: make.World) -> None:
        self.order(session, world, day("2026-01-16"))
        self.order(session, world, day("2026-01-31"), origin="import", state="done", level="annual")
        plan = shown(session, head, [world.own.id])
        assert plan.made == 22 and plan.planned
        (told,) = [f for f in plan.rows[0].findings if not f.ok]
        assert "2026-01-16 至 2026-01-31 有 2 个日期已有任务" in told.found
        assert "手动 1 条" in told.found and "导入 1 条" in told.found

    def test_of_several_on_a_day_what_was_done_is_told(self, session: Any, head: Any, world: make.World) -> None:
        on = day("2026-01-16")
        self.order(session, world, on, state="done", level="quarter")
        self.order(session, world, on, origin="auto")
        plan = shown(session, head, [world.own.id])
        assert {o.planned_on: why for o, why in plan.rows[0].left_out}[on] == "当日已有季度任务（手动，已维保）"


@pytest.mark.feature("PLN-04")
class TestVoidedTogether:
    def many(self, session: Any, world: make.World, count: int) -> list[int]:
        ids = []
        for _n in range(count):
            lift = make.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
            make.make_ledger(session, lift, world.worker, mode="auto", next_half_month_on=day("2026-01-16"))
            make.make_clock(session, lift, TODAY, covered_until=day("2027-12-31"))
            ids.append(lift.id)
            for origin, state in (("auto", "open"), ("auto", "done"), ("manual", "open")):
                session.add(MaintenanceOrder(
                    elevator_id=lift.id, unit_id=world.firm.id, region_code=lift.region_code, origin=origin,
                    worker_id=world.worker.id, planned_on=day("2026-01-20"), level="half_month", state=state,
                ))  # fmt: skip
        session.commit()
        return ids

    def test_only_open_automatic_ones_each_with_its_step(self, session: Any, head: Any, world: make.World) -> None:
        ids = self.many(session, world, 5)
        foreign = make.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
        kept = MaintenanceOrder(
            elevator_id=foreign.id, unit_id=world.firm.id, region_code=foreign.region_code, origin="auto",
            planned_on=day("2026-01-20"), level="half_month", state="open",
        )  # fmt: skip
        session.add(kept)
        session.commit()
        held = session.scalars(select(MaintenanceOrder).where(MaintenanceOrder.elevator_id.in_(ids))).all()
        before = {row.id: (row.origin, row.state) for row in held}
        planned(session, head, ids, Asked(TODAY, 15, switch=True))
        voided = {key for key, stood in before.items() if stood == ("auto", "open")}
        for row in held:  # the session knows, too
            assert row.state == ("void" if row.id in voided else before[row.id][1])
            if row.id in voided:
                assert (str(row.close_reason), row.closed_at) == ("改为一年计划", at(TODAY))
        assert len(voided) == 5 and kept.state == "open"
        steps = session.scalars(select(StatusChange).where(
            StatusChange.entity == "maintenance_order", StatusChange.verb == "void"
        )).all()  # fmt: skip
        assert {step.entity_id for step in steps} == voided and len(steps) == 5
        for step in steps:
            assert (step.field, step.old, step.new, str(step.reason)) == ("state", "open", "void", "改为一年计划")
            assert (step.actor_id, step.known_at, step.effective_on) == (head.user_id, at(TODAY), TODAY)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "order.plan")).one()
        assert entry.after["switched"] == sorted(ids)

    def test_statements_do_not_grow_with_the_elevators(self, session: Any, head: Any, world: make.World) -> None:
        def cost(count: int) -> int:
            ids = self.many(session, world, count)
            session.expire_all()
            with statements() as seen:
                planned(session, head, ids, Asked(TODAY, 15, switch=True))
            return len(seen)

        cost(1)
        assert cost(2) == cost(12)

    def test_nothing_else_moves_in_a_set(self, session: Any, head: Any, world: make.World) -> None:
        with pytest.raises(ValueError, match="row by row"), transaction(session):
            moves.move_set(
                session, head, Elevator, "status", "in_use", "scrapped", Elevator.__table__.c.id > 0, verb="void",
                at=at(TODAY), reason="", values={},
            )  # fmt: skip
        with pytest.raises(Refusal), transaction(session):
            moves.move_set(
                session, head, MaintenanceOrder, "state", "void", "open", MaintenanceOrder.__table__.c.id > 0,
                verb="void", at=at(TODAY), reason="", values={},
            )  # fmt: skip

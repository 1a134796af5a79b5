"""What a plan of a year leaves out, and that it says so."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, Refusal
from app.models import Application, MaintenanceClock, MaintenanceLedger, OnDemandInterval
from app.workflows.maintenance import year_plans
from app.workflows.maintenance.year_plans import Asked
from tests import factories as make
from tests.workflows.clock_world import at, day, open_orders
from tests.workflows.year_plans.ground import TODAY, planned, rules, shown


@pytest.mark.feature("PLN-04")
class TestLeftOut:
    @pytest.mark.parametrize(
        ("change", "rule"),
        [
            ("no_ledger", "设备履历"), ("auto", "任务生成模式"), ("nobody", "维保人员"), ("gone", "维保人员"),
            ("suspended", "电梯状态"), ("scrapped", "电梯状态"), ("paused", "维保暂停"), ("uncovered", "维保合同"),
            ("ended", "维保合同"), ("on_demand", "按需维保"), ("moved", "维保单位"),
        ],
    )  # fmt: skip
    def test_with_its_reason(self, session: Any, head: Any, world: make.World, change: str, rule: str) -> None:
        ledger = session.scalar(select(MaintenanceLedger).where(MaintenanceLedger.elevator_id == world.own.id))
        running = session.get(MaintenanceClock, world.own.id)
        if change == "no_ledger":
            session.delete(ledger)
        elif change == "auto":
            ledger.mode = "auto"
        elif change == "nobody":
            ledger.worker_id = None
        elif change == "gone":
            world.worker.left_on = TODAY
        elif change in ("suspended", "scrapped"):
            world.own.status = change
        elif change == "paused":
            running.paused_on = TODAY
        elif change == "uncovered":
            running.covered_until = None
        elif change == "ended":
            running.covered_until = TODAY - dt.timedelta(days=1)
        elif change == "moved":
            world.own.maintenance_unit_id = world.other_firm.id
        elif change == "on_demand":
            session.add(OnDemandInterval(
                elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, from_on=TODAY,
                to_on=day("2026-06-30"), interval_days=30, application_id=_application(session, world),
                known_at=at(TODAY),
            ))  # fmt: skip
        session.commit()
        plan = planned(session, head, [world.own.id])
        assert plan.made == 0 and not open_orders(session, world.own)
        if change == "moved":
            assert plan.missing == [world.own.id]  # no longer to be seen at all
        else:
            assert rule in rules(plan)

    def test_anothers_elevator_is_not_there(self, session: Any, head: Any, world: make.World) -> None:
        plan = planned(session, head, [world.foreign.id, 987654])
        assert plan.missing == sorted([world.foreign.id, 987654]) and not plan.rows

    def test_cover_to_come_leaves_out_the_days_before(self, session: Any, head: Any, world: make.World) -> None:
        running = session.get(MaintenanceClock, world.own.id)
        running.covered_until, running.cover_begins_on = None, day("2026-02-01")
        session.commit()
        plan = planned(session, head, [world.own.id])
        assert [order.planned_on for order, _why in plan.rows[0].left_out] == [day("2026-01-16"), day("2026-01-31")]

    @pytest.mark.parametrize("start", ["2026-01-01", "2025-06-01"])
    def test_cover_that_begins_after_all_days_is_told(
        self, session: Any, head: Any, world: make.World, start: str
    ) -> None:
        running = session.get(MaintenanceClock, world.own.id)
        running.covered_until, running.cover_begins_on = None, day("2027-03-01")
        session.commit()
        plan = shown(session, head, [world.own.id], Asked(day(start), 15))
        row = plan.rows[0]
        assert plan.standing == [row] and not row.orders and not row.held
        assert [f.rule for f in row.findings] == ["维保合同"] and "2027-03-01" in row.findings[0].found
        assert not row.findings[0].stops

    def test_all_days_behind_are_told_as_such_whatever_the_cover(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        running = session.get(MaintenanceClock, world.own.id)
        running.covered_until, running.cover_begins_on = None, day("2027-03-01")
        session.commit()
        plan = shown(session, head, [world.own.id], Asked(day("2025-01-02"), 14), on=day("2026-01-01"))
        assert plan.rows[0].findings and plan.rows[0].findings[0].rule in ("起始日期", "维保合同")
        assert len(plan.rows[0].findings) == 1

    def test_cover_that_ends_within_is_told_and_stops_nothing(self, session: Any, head: Any, world: make.World) -> None:
        session.get(MaintenanceClock, world.own.id).covered_until = day("2026-12-01")
        session.commit()
        plan = shown(session, head, [world.own.id])
        assert plan.made == 24 and "其后有 2 条任务" in plan.rows[0].findings[0].found

    @pytest.mark.parametrize(
        ("asked", "named"),
        [
            (Asked(None, 15), "没有填写起始日期"), (Asked(day("2025-01-01"), 15), "2025-01-01"),
            (Asked(day("2027-01-02"), 15), "2027-01-02"), (Asked(day("1890-01-01"), 15), "1890"),
            (Asked(TODAY, 16), "16 天"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_asked(self, session: Any, head: Any, world: make.World, asked: Asked, named: str) -> None:
        with pytest.raises(Refusal, match=named):
            shown(session, head, [world.own.id], asked)

    def test_nothing_chosen_too_many_and_no_right(self, session: Any, head: Any, world: make.World) -> None:
        with pytest.raises(Refusal, match="没有选择电梯"):
            shown(session, head, [])
        with pytest.raises(Refusal, match="一次最多"):
            shown(session, head, list(range(year_plans.MOST + 1)))
        with pytest.raises(NotAllowed):
            planned(session, world.actor("worker"), [world.own.id])

    def test_a_worker_of_another_unit(self, session: Any, head: Any, world: make.World) -> None:
        assert rules(shown(session, head, [world.own.id], Asked(TODAY, 15, world.other_worker.id))) == ["维保人员"]

    def test_another_plan_stands_in_the_way(self, session: Any, head: Any, world: make.World) -> None:
        planned(session, head, [world.own.id])
        assert rules(shown(session, head, [world.own.id], Asked(day("2026-01-02"), 15))) == ["一年计划"]
        # The year after begins where this one ends.
        later = shown(session, head, [world.own.id], Asked(day("2026-12-27"), 15), on=day("2026-12-20"))
        assert later.made == 24


def _application(session: Any, world: make.World) -> int:
    asked = Application(
        number="AX-1", kind="on_demand", is_open=False, entity="elevator", entity_id=world.own.id, title="按需维保",
        region_code=world.own.region_code,
    )  # fmt: skip
    session.add(asked)
    session.flush()
    return asked.id

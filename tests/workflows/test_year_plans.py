"""一年计划 (PLN-04): what is made, what is left out and why, and what becomes of it; 修改 of an order (PLN-05)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import NotAllowed, Refusal
from app.models import (
    Application,
    AuditEntry,
    Elevator,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    Notification,
    OnDemandInterval,
    StatusChange,
)
from app.transaction import transaction
from app.workflows.core import moves
from app.workflows.maintenance import clocks, orders, year_plans
from app.workflows.maintenance.year_plans import Asked, YearPlan
from app.workflows.on_site import sites
from tests import factories as make
from tests.statements import statements
from tests.workflows.clock_world import add_visit, at, day, open_orders, run

TODAY = day("2026-01-01")
YEAR = Asked(TODAY, 15)


@pytest.fixture
def head(world: make.World) -> Any:
    return world.actor("maintenance_head")


@pytest.fixture
def world(session: Any, world: make.World) -> make.World:
    """The unit's elevator with a manual ledger, a worker and cover; nothing planned."""
    make.make_ledger(session, world.own, world.worker, mode="manual")
    make.make_clock(session, world.own, TODAY, covered_until=day("2027-12-31"))
    session.commit()
    return world


def planned(session: Any, actor: Any, ids: list[int], asked: Asked = YEAR, on: dt.date = TODAY) -> YearPlan:
    with transaction(session):
        return year_plans.make(session, actor, ids, asked, at(on))


def shown(session: Any, actor: Any, ids: list[int], asked: Asked = YEAR, on: dt.date = TODAY) -> YearPlan:
    return year_plans.preview(session, actor, ids, asked, at(on))


def rules(plan: YearPlan) -> list[str]:
    return [f.rule for row in plan.rows for f in row.findings if f.stops]


def of_plan(session: Any, elevator: Any) -> list[MaintenanceOrder]:
    return sorted((o for o in open_orders(session, elevator) if o.origin == "plan"), key=lambda o: o.planned_on)


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
            clocks.save_ledger(session, head, world.own, {"interval_days": 14}, None, at(TODAY))


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


def _application(session: Any, world: make.World) -> int:
    asked = Application(
        number="AX-1", kind="on_demand", is_open=False, entity="elevator", entity_id=world.own.id, title="按需维保",
        region_code=world.own.region_code,
    )  # fmt: skip
    session.add(asked)
    session.flush()
    return asked.id


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

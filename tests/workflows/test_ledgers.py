"""设备履历 and the orders that come from it or are made by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, Refusal, Stale
from app.models import AuditEntry, MaintenanceLedger, MaintenanceOrder
from app.rules.calendar import add_months
from app.transaction import transaction
from app.workflows.maintenance import clocks, ledgers, orders, replanning
from tests import factories as make
from tests.workflows.clock_world import at, clock_of, day, open_orders, run, visit

ENTRY = day("2023-09-01")
DAY = dt.timedelta(days=1)


@pytest.fixture
def head(world: make.World) -> Any:
    return world.actor("maintenance_head")


def save(session: Any, actor: Any, elevator: Any, on: Any = ENTRY, version: int | None = None, **data: Any) -> Any:
    with transaction(session):
        return clocks.save_ledger(session, actor, elevator, data, version, at(on))


@pytest.mark.feature("ELV-06", "PLN-01")
class TestSaving:
    @pytest.mark.parametrize(("interval", "half_month"), [(15, "2023-09-06"), (14, "2023-09-09")])
    def test_t8_the_annual_day_gives_the_others(
        self, session: Any, head: Any, world: make.World, interval: int, half_month: str
    ) -> None:
        row = save(session, head, world.own, next_annual_on=day("2024-05-18"), interval_days=interval)
        assert row.next_half_month_on == day(half_month)
        assert row.next_quarter_on == row.next_half_year_on == day("2023-11-18")
        assert row.next_level == "half_month"

    def test_four_dates_are_taken_as_given_with_the_merged_level(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        row = save(
            session, head, world.own, next_half_month_on=day("2023-11-03"), next_quarter_on=day("2023-11-08"),
            next_half_year_on=day("2024-02-08"), next_annual_on=day("2024-08-08"),
        )  # fmt: skip
        assert row.next_level == "quarter"

    def test_once_visited_the_plan_follows_from_the_visit(self, session: Any, head: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2023-08-30"))
        row = save(session, head, world.own, next_annual_on=day("2024-05-18"), interval_days=14)
        assert row.next_half_month_on == day("2023-09-13")

    def test_a_day_typed_against_the_clock_is_refused(self, session: Any, head: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2023-08-30"))
        dates = {
            "next_quarter_on": day("2023-11-08"), "next_half_year_on": day("2024-02-08"),
            "next_annual_on": day("2024-08-08"), "interval_days": 15,
        }  # fmt: skip
        with pytest.raises(Refusal, match="为 2023-09-14；填写的是 2023-12-31") as refused:
            save(session, head, world.own, next_half_month_on=day("2023-12-31"), **dates)
        assert [f.field for f in refused.value.findings] == ["next_half_month_on"]
        session.rollback()
        assert save(session, head, world.own, **dates).next_half_month_on == day("2023-09-14")
        assert save(session, head, world.own, next_half_month_on=day("2023-09-14")).next_half_month_on is not None

    def test_another_interval_plans_anew_whatever_the_form_still_shows(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        make.make_ledger(session, world.own, world.worker)
        session.commit()
        visit(session, world.own, world.worker, day("2023-08-30"))
        shown = session.scalar(select(MaintenanceLedger.next_half_month_on))
        row = save(session, head, world.own, interval_days=14, next_half_month_on=shown)
        assert (shown, row.next_half_month_on) == (day("2023-09-14"), day("2023-09-13"))
        assert clock_of(session, world.own).limit_on == day("2023-09-14")
        assert save(session, head, world.own, mode="manual").next_half_month_on == day("2023-09-13")

    def test_a_stopped_clock_keeps_its_days_left_under_another_interval(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        make.make_ledger(session, world.own, world.worker)
        session.commit()
        visit(session, world.own, world.worker, day("2023-08-30"))
        with transaction(session):
            clocks.pause(session, world.own.id, day("2023-09-01"), None, at(ENTRY))
        with pytest.raises(Refusal, match="恢复后按剩余 13 天顺延"):
            save(session, head, world.own, next_half_month_on=day("2023-12-31"))
        session.rollback()
        save(session, head, world.own, interval_days=14)
        assert clock_of(session, world.own).plan_left_days == 12
        with transaction(session):
            clocks.resume(session, world.own.id, day("2023-09-20"), at(day("2023-09-20")))
        assert session.scalar(select(MaintenanceLedger.next_half_month_on)) == day("2023-10-02")
        row = save(session, head, world.own, on=day("2023-09-21"), mode="manual")
        assert row.next_half_month_on == day("2023-10-02")

    def test_the_visit_of_the_unit_before_still_plans(self, session: Any, head: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2023-08-30"))
        with transaction(session):
            clocks.unit_changed(session, world.own.id, world.other_firm.id, ENTRY, at(ENTRY))
            session.get(type(world.own), world.own.id).maintenance_unit_id = world.other_firm.id
        row = save(session, world.actor("other_head"), world.own, next_annual_on=day("2024-05-18"))
        assert row.next_half_month_on == day("2023-09-14")

    @pytest.mark.parametrize(
        ("data", "named"),
        [
            ({"interval_days": 16}, "14 天或 15 天"),
            ({"mode": "never"}, "任务生成模式"),
            ({"next_annual_on": day("2023-08-31")}, "早于录入日"),
            ({"next_half_month_on": day("2023-09-05")}, "缺少下次季度维保、下次半年维保、下次年度维保"),
            ({"worker_id": 999999}, "不是本单位的人员"),
            ({"next_annual_on": day("2300-01-01")}, "2199"),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, session: Any, head: Any, world: make.World, data: dict[str, Any], named: str
    ) -> None:
        with pytest.raises(Refusal, match=named):
            save(session, head, world.own, **data)
        session.rollback()
        assert session.scalar(select(MaintenanceLedger)) is None

    def test_the_worker_belongs_to_the_unit_and_is_still_there(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        gone = make.make_person(session, world.firm, "离岗者", left_on=day("2023-08-01"))
        session.commit()
        for person, text in ((world.other_worker, "不是本单位的人员"), (gone, "离职")):
            with pytest.raises(Refusal, match=text):
                save(session, head, world.own, worker_id=person.id)
            session.rollback()
        with pytest.raises(Refusal, match="同一人"):
            save(session, head, world.own, worker_id=world.worker.id, co_worker_id=world.worker.id)

    def test_stale_foreign_and_powerless(self, session: Any, head: Any, world: make.World) -> None:
        save(session, head, world.own, mode="manual")
        save(session, head, world.own, version=1, mode="auto")
        with pytest.raises(Stale):
            save(session, head, world.own, version=1, mode="manual")
        session.rollback()
        with pytest.raises(Refusal, match="由其他单位承担维保"):
            save(session, world.actor("other_head"), world.own)
        session.rollback()
        with pytest.raises(NotAllowed):
            save(session, world.actor("worker"), world.own)

    def test_the_page_says_why_no_order_comes(self, session: Any, head: Any, world: make.World) -> None:
        assert "还没有填写设备履历" in str(ledgers.no_orders_because(None)[0])
        row = save(session, head, world.own, mode="manual")
        assert [f.field for f in ledgers.no_orders_because(row)] == ["mode", "worker_id", "next_annual_on"]
        row = save(session, head, world.own, mode="auto", worker_id=world.worker.id, next_annual_on=day("2024-05-18"))
        assert ledgers.no_orders_because(row) == []


@pytest.mark.feature("PLN-03")
def test_a_ledger_first_complete_makes_the_orders_due_at_once(session: Any, head: Any, world: make.World) -> None:
    save(session, head, world.own, next_annual_on=day("2024-05-18"))
    assert open_orders(session, world.own) == []
    save(session, head, world.own, worker_id=world.worker.id)
    assert [(o.planned_on, o.worker_id) for o in open_orders(session, world.own)] == [
        (day("2023-09-06"), world.worker.id)
    ]
    save(session, head, world.own, worker_id=world.worker.id)
    assert run(session, ENTRY).orders_made == 0


@pytest.mark.feature("PLN-02")
@pytest.mark.parametrize(
    ("interval", "half_month", "quarter", "levels"),
    [
        pytest.param(15, "2021-11-03", "2021-11-08", ["quarter", "half_month"], id="T6-merged"),
        pytest.param(15, "2021-11-03", "2021-11-20", ["half_month", "quarter"], id="T6-goes-into-11-18"),
        pytest.param(15, "2021-11-18", "2021-12-01", ["half_month", "quarter"], id="T6-goes-into-12-03"),
        pytest.param(14, "2021-11-03", "2021-11-17", ["half_month", "quarter"], id="T7-14-days"),
        pytest.param(15, "2021-11-03", "2021-11-17", ["quarter", "half_month"], id="T7-15-days"),
    ],
)
def test_t6_t7_a_longer_service_merges_into_its_order(
    session: Any, head: Any, world: make.World, interval: int, half_month: str, quarter: str, levels: list[str]
) -> None:
    """As the orders carry it: the one made from the ledger, and the next, once the first was done on its day."""
    first, far = day(half_month), day("2022-10-08")
    save(
        session, head, world.own, on=first, worker_id=world.worker.id, interval_days=interval, next_half_month_on=first,
        next_quarter_on=day(quarter), next_half_year_on=far, next_annual_on=far,
    )  # fmt: skip
    made = open_orders(session, world.own)
    visit(session, world.own, world.worker, first, level=made[0].level)
    following = first + dt.timedelta(days=interval)
    run(session, following)
    made += open_orders(session, world.own)
    assert [(o.planned_on, o.level) for o in made] == [(first, levels[0]), (following, levels[1])]
    visit(session, world.own, world.worker, following, level=levels[1])
    assert session.scalar(select(MaintenanceLedger.next_quarter_on)) == add_months(day(quarter), 3)


@pytest.mark.feature("PLN-02")
def test_the_annual_visit_resets_all_services(session: Any, head: Any, world: make.World) -> None:
    save(
        session, head, world.own, worker_id=world.worker.id, next_half_month_on=day("2023-09-05"),
        next_quarter_on=day("2023-09-08"), next_half_year_on=day("2023-09-08"), next_annual_on=day("2023-09-08"),
    )  # fmt: skip
    assert open_orders(session, world.own)[0].level == "annual"
    visit(session, world.own, world.worker, day("2023-09-05"), level="annual")
    row = session.scalar(select(MaintenanceLedger))
    assert (row.next_quarter_on, row.next_half_year_on, row.next_annual_on, row.next_half_month_on) == (
        day("2023-12-08"), day("2024-03-08"), day("2024-09-08"), day("2023-09-20"),
    )  # fmt: skip


@pytest.mark.feature("PLN-05", "PLN-06")
class TestOrders:
    def make_order(self, session: Any, actor: Any, elevator: Any, **data: Any) -> MaintenanceOrder:
        with transaction(session):
            return orders.create(session, actor, elevator.id, {"planned_on": day("2023-09-20")} | data, at(ENTRY))

    def test_an_order_by_hand(self, session: Any, head: Any, world: make.World) -> None:
        row = self.make_order(session, head, world.own, level="quarter", worker_id=world.worker.id)
        assert (row.origin, row.state, row.unit_id) == ("manual", "open", world.firm.id)
        assert self.make_order(session, head, world.own).id != row.id

    @pytest.mark.parametrize(
        ("data", "named"),
        [
            ({"planned_on": None}, "没有填写计划日期"),
            ({"planned_on": day("2023-08-31")}, "早于今天"),
            ({"level": "weekly"}, "没有“weekly”这种频次"),
            ({"worker_id": 424242}, "不是本单位的人员"),
        ],
    )
    def test_a_wrong_order_is_refused(
        self, session: Any, head: Any, world: make.World, data: dict[str, Any], named: str
    ) -> None:
        with pytest.raises(Refusal, match=named):
            self.make_order(session, head, world.own, **data)

    def test_many_are_reassigned_each_with_its_own_outcome(self, session: Any, head: Any, world: make.World) -> None:
        first, second = (self.make_order(session, head, world.own) for _ in range(2))
        with transaction(session):
            orders.cancel(session, head, second.id, "重复", at(ENTRY))
        colleague = make.make_person(session, world.firm)
        session.commit()
        with transaction(session):
            result = orders.reassign(session, head, [first.id, second.id, 987654], colleague.id, at(ENTRY))
        assert [r.ok for r in result] == [True, False, False]
        assert session.get(MaintenanceOrder, first.id).worker_id == colleague.id

    def test_many_get_another_day_each_by_the_rules_of_one(self, session: Any, head: Any, world: make.World) -> None:
        """A second order of the elevator finds the day taken; one that was generated stays; the rest goes."""
        save(session, head, world.own, worker_id=world.worker.id, next_annual_on=day("2024-05-18"))
        other = make.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
        session.commit()
        generated = open_orders(session, world.own)[0]
        kept = generated.planned_on
        first = self.make_order(session, head, other)
        second = self.make_order(session, head, other, planned_on=day("2023-09-21"))
        to = day("2023-10-08")
        keys = [second.id, generated.id, first.id, 987654, second.id]
        for planned, reason, named in ((None, "改期", "没有填写计划日期"), (day("2023-08-31"), "改期", "早于今天"),
                                       (to, " ", "原因有 0 个字")):  # fmt: skip
            with pytest.raises(Refusal, match=named), transaction(session):
                replanning.replan(session, head, keys, planned, reason, at(ENTRY))
        with transaction(session):
            result = replanning.replan(session, head, keys, to, "用户改期", at(ENTRY))
        assert [(one.id, one.ok) for one in result] == [
            (second.id, False), (generated.id, False), (first.id, True), (987654, False)
        ]  # fmt: skip
        assert "已有任务" in result[0].text and "自动生成" in result[1].text
        session.expire_all()
        days = [session.get(MaintenanceOrder, key).planned_on for key in (first.id, second.id, generated.id)]
        assert days == [to, day("2023-09-21"), kept]
        log = session.scalars(select(AuditEntry).where(AuditEntry.action == "order.edit")).all()
        assert [(e.entity_id, e.after["reason"]) for e in log] == [(first.id, "用户改期")]
        with transaction(session):
            again = replanning.replan(session, head, [first.id], to, "用户改期", at(ENTRY))
        assert "没有变" in again[0].text, "sent twice, nothing moves twice"
        with pytest.raises(Refusal, match="一次最多"), transaction(session):
            replanning.replan(session, head, list(range(501)), to, "用户改期", at(ENTRY))

    @pytest.mark.feature("ELV-06")
    def test_open_orders_go_with_the_ledger_to_another_worker(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        other, lent = make.make_person(session, world.firm), make.make_person(session, world.firm)
        save(session, head, world.own, worker_id=world.worker.id, next_annual_on=day("2024-05-18"), mode="manual")
        made = []
        with transaction(session):
            for n, worker in enumerate((world.worker.id, lent.id, None)):
                data = {"planned_on": ENTRY + DAY * (n + 1), "worker_id": worker}
                made.append(orders.create(session, head, world.own.id, data, at(ENTRY)).id)
            data = {"planned_on": ENTRY, "worker_id": world.worker.id}
            done = orders.create(session, head, world.own.id, data, at(ENTRY))
            done.state = "done"

        def whose() -> list[int | None]:
            session.expire_all()
            return [session.get(MaintenanceOrder, key).worker_id for key in (*made, done.id)]

        save(session, head, world.own, manager_id=other.id)
        assert whose() == [world.worker.id, lent.id, None, world.worker.id], "another manager moves no order"
        save(session, head, world.own, worker_id=other.id)
        assert whose() == [other.id, lent.id, None, world.worker.id], "what is lent or done stays"
        save(session, head, world.own, worker_id=None)
        assert whose() == [other.id, lent.id, None, world.worker.id], "nobody is no successor"
        save(session, head, world.own, worker_id=world.worker.id)
        assert whose() == [other.id, lent.id, world.worker.id, world.worker.id], "who comes first takes what is free"
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "order.reassign"))
        said = [(e.entity, e.before["worker_id"], e.after["worker_id"], e.after["orders"]) for e in entries]
        assert said == [
            ("maintenance_ledger", world.worker.id, other.id, made[:1]),
            ("maintenance_ledger", None, world.worker.id, made[2:]),
        ], "the log says which went from whom to whom, and nothing where none went"

    def test_a_foreign_worker_gets_no_order(self, session: Any, head: Any, world: make.World) -> None:
        row = self.make_order(session, head, world.own)
        with transaction(session):
            result = orders.reassign(session, head, [row.id], world.other_worker.id, at(ENTRY))
        assert not result[0].ok and "不是本单位" in result[0].text

    def test_automatic_orders_are_not_cancelled(self, session: Any, head: Any, world: make.World) -> None:
        save(session, head, world.own, worker_id=world.worker.id, next_annual_on=day("2024-05-18"))
        with pytest.raises(Refusal, match="自动生成"), transaction(session):
            orders.cancel(session, head, open_orders(session, world.own)[0].id, "不想做", at(ENTRY))

"""Pages of 一年计划, 修改 of an order and giving orders out by phone (PLN-04 to PLN-06), and their doors."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.errors import Finding
from app.models import MaintenanceClock, MaintenanceLedger, MaintenanceOrder
from app.transaction import transaction
from app.views.maintenance.year_plans import MOST_REASONS, by_reason
from app.workflows.maintenance import orders
from app.workflows.maintenance.year_plans import Planned
from tests import factories as make
from tests.api.callers import Caller
from tests.conftest import csrf


@pytest.fixture
def today() -> dt.date:
    return clock.today()


@pytest.fixture
def world(session: Any, world: make.World, today: dt.date) -> make.World:
    """Two elevators of the unit: one ready for a plan, one whose orders come by themselves."""
    world.second = make.make_elevator(session, maintenance_unit=world.firm, use_unit=world.own.use_unit)  # type: ignore[attr-defined]
    for lift, mode in ((world.own, "manual"), (world.second, "auto")):  # type: ignore[attr-defined]
        make.make_ledger(session, lift, world.worker, mode=mode)
        make.make_clock(session, lift, today, covered_until=today + dt.timedelta(days=400))
    session.commit()
    return world


def made(session: Any) -> int:
    session.rollback()  # what the test read must not hide what was written since
    found: int = session.scalar(select(func.count()).where(MaintenanceOrder.origin == "plan"))
    return found


def post(client: Any, url: str, **data: Any) -> Any:
    return client.post(url, data=data | {"csrf_token": csrf(client)})


def order(session: Any, world: make.World, on: dt.date, **fields: Any) -> MaintenanceOrder:
    row = MaintenanceOrder(**{
        "elevator_id": world.own.id, "unit_id": world.firm.id, "region_code": world.own.region_code, "planned_on": on,
        "level": "half_month", "origin": "manual", "worker_id": world.worker.id,
    } | fields)  # fmt: skip
    session.add(row)
    session.commit()
    return row


@pytest.mark.feature("PLN-04")
class TestYearPlanPage:
    def test_from_the_ticked_ledgers_to_the_orders(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date
    ) -> None:
        client = sign_in(world.accounts["maintenance_head"])
        assert "生成一年计划" in client.get("/ledgers/").get_data(as_text=True)
        led = post(client, "/ledgers/deed/plan", ids=[world.own.id, world.second.id])  # type: ignore[attr-defined]
        assert led.status_code == 302 and led.location.startswith("/year-plans/?ids=")
        page = client.get(led.location).get_data(as_text=True)
        assert "2 台电梯" in page and "往前推 9 个月" in page
        shown = post(client, led.location, start_on=today.isoformat(), interval_days="15")
        text = shown.get_data(as_text=True)
        assert shown.status_code == 200 and "生成 24 条任务" in text and "任务生成模式为自动" in text
        assert made(session) == 0
        seen = re.search(r'name="seen" value="(\w+)"', text)
        assert seen is not None
        done = post(client, led.location, start_on=today.isoformat(), interval_days="15", seen=seen[1])
        assert done.status_code == 302 and made(session) == 24
        assert world.own.code in client.get(done.location).get_data(as_text=True)
        # Sent again (a second press), the preview says that nothing is left to make.
        again = post(client, led.location, start_on=today.isoformat(), interval_days="15", seen=seen[1])
        assert again.status_code == 422 and "没有要生成的任务" in again.get_data(as_text=True) and made(session) == 24

    def test_all_that_the_list_finds_and_automatic_ones_set_to_manual(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date
    ) -> None:
        client = sign_in(world.accounts["maintenance_head"])
        url = f"/year-plans/?q={world.second.code}"  # type: ignore[attr-defined]
        asked = {"start_on": today.isoformat(), "interval_days": "14", "switch": "1"}
        text = post(client, url, **asked).get_data(as_text=True)
        seen = re.search(r'name="seen" value="(\w+)"', text)
        assert seen is not None and "设备履历当前筛选下的全部" in text and "1 台电梯" in text
        assert post(client, url, seen=seen[1], **asked).status_code == 302
        session.rollback()
        modes = dict(session.execute(select(MaintenanceLedger.elevator_id, MaintenanceLedger.mode)).all())
        assert modes[world.second.id] == "manual" and made(session) == 26  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("typed", "named"),
        [
            ({"start_on": ""}, "没有填写起始日期"), ({"start_on": "下个月"}, "不是日期"),
            ({"interval_days": "30"}, "请选择 14 天或 15 天"), ({"worker_id": "老王"}, "不是数字"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_said_and_the_form_kept(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date, typed: dict[str, str], named: str
    ) -> None:
        client = sign_in(world.accounts["maintenance_head"])
        answer = post(client, f"/year-plans/?ids={world.own.id}", **({"start_on": today.isoformat()} | typed))
        assert answer.status_code == 422 and named in answer.get_data(as_text=True)

    def test_one_reason_stands_once_with_all_its_elevators(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date
    ) -> None:
        for row in session.scalars(select(MaintenanceLedger)):
            row.mode = "auto"
        session.commit()
        client, second = sign_in(world.accounts["maintenance_head"]), world.second  # type: ignore[attr-defined]
        url = f"/year-plans/?ids={world.own.id}&ids={second.id}"
        shown = post(client, url, start_on=today.isoformat(), interval_days="15").get_data(as_text=True)
        refused = shown.partition("不生成的电梯</h2>")[2]
        assert refused.count("任务生成模式为自动") == 1 and "2 台" in refused
        assert f"/ledgers/{world.own.id}" in refused and f"/ledgers/{second.id}" in refused

    def test_a_foreign_elevator_is_not_told_of(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date
    ) -> None:
        client = sign_in(world.accounts["maintenance_head"])
        text = post(client, f"/year-plans/?ids={world.foreign.id}", start_on=today.isoformat()).get_data(as_text=True)
        assert world.foreign.code not in text and "另有 1 台没有找到" in text

    @pytest.mark.parametrize("persona", ["worker", "use_head", "region_admin"])
    def test_only_who_gives_out_work(self, app: Any, world: make.World, sign_in: Any, persona: str) -> None:
        client = sign_in(world.accounts[persona])
        assert client.get("/year-plans/").status_code in (302, 403)
        assert "生成一年计划" not in client.get("/ledgers/").get_data(as_text=True)

    def test_no_elevator_at_all(self, app: Any, world: make.World, sign_in: Any) -> None:
        client = sign_in(world.accounts["maintenance_head"])
        assert "没有选择电梯" in client.get("/year-plans/?q=没有这样的").get_data(as_text=True)


@pytest.mark.feature("PLN-05")
class TestOrderPage:
    def test_day_and_level_are_changed_with_a_reason(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date
    ) -> None:
        row = order(session, world, today + dt.timedelta(days=3))
        client, url = sign_in(world.accounts["maintenance_head"]), f"/orders/{row.id}/edit"
        later = (today + dt.timedelta(days=9)).isoformat()
        bad = post(client, url, planned_on=later, level="annual", reason="")
        assert bad.status_code == 422 and "请填写修改原因" in bad.get_data(as_text=True)
        assert f'value="{later}"' in bad.get_data(as_text=True)
        assert post(client, url, planned_on=later, level="annual", reason="用户改期").status_code == 302
        session.rollback()
        assert (row.planned_on.isoformat(), row.level) == (later, "annual")

    def test_of_an_automatic_one_the_page_says_why_not(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date
    ) -> None:
        row = order(session, world, today, origin="auto")
        client = sign_in(world.accounts["maintenance_head"])
        page = client.get(f"/orders/{row.id}").get_data(as_text=True)
        assert "请修改设备履历" in page and 'name="planned_on"' not in page
        answer = post(client, f"/orders/{row.id}/edit", planned_on=today.isoformat(), level="annual", reason="改")
        assert answer.status_code == 422 and "自动生成" in answer.get_data(as_text=True)

    def test_the_list_has_the_kind_and_filters_by_it(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date
    ) -> None:
        order(session, world, today)
        client = sign_in(world.accounts["maintenance_head"])
        page = client.get(f"/orders/?f_category={world.own.category}").get_data(as_text=True)
        assert "设备类型" in page and world.own.code in page
        assert world.own.code not in client.get("/orders/?f_category=3310").get_data(as_text=True)

    @pytest.mark.feature("PLN-06")
    def test_a_worker_sees_the_next_days_only_and_his_head_all(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date
    ) -> None:
        near, far = (order(session, world, today + dt.timedelta(days=n)) for n in (5, 6))
        for persona, sees in (("worker", False), ("maintenance_head", True), ("use_head", True)):
            page = sign_in(world.accounts[persona]).get("/orders/").get_data(as_text=True)
            assert f"/orders/{near.id}" in page and (f"/orders/{far.id}" in page) is sees


@pytest.mark.feature("PLN-06")
class TestPhone:
    def test_many_are_given_to_another(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date
    ) -> None:
        rows = [order(session, world, today + dt.timedelta(days=n)) for n in range(3)]
        colleague = make.make_person(session, world.firm)
        session.commit()
        client = sign_in(world.accounts["maintenance_head"])
        assert "/m/plan" in client.get("/m/me").get_data(as_text=True)
        assert f'name="ids" value="{rows[0].id}"' in client.get("/m/plan").get_data(as_text=True)
        answer = post(client, "/m/plan?kind=all", ids=[row.id for row in rows[:2]], to=colleague.id)
        assert answer.status_code == 302 and answer.location.endswith("/m/plan?kind=all")
        session.rollback()
        assert [row.worker_id for row in rows] == [colleague.id, colleague.id, world.worker.id]
        his = client.get(f"/m/plan?worker={colleague.id}").get_data(as_text=True)
        assert f'value="{rows[0].id}"' in his and f'name="ids" value="{rows[2].id}"' not in his

    def test_what_is_no_longer_open_says_so_and_the_others_go(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date
    ) -> None:
        gone, row = order(session, world, today), order(session, world, today)
        with transaction(session):
            orders.cancel(session, world.actor("maintenance_head"), gone.id, "重复", clock.now())
        colleague = make.make_person(session, world.firm)
        session.commit()
        client = sign_in(world.accounts["maintenance_head"])
        answer = post(client, "/m/plan", ids=[gone.id, row.id], to=colleague.id)
        text = answer.get_data(as_text=True)
        assert answer.status_code == 200 and "已不是“待维保”" in text and "已分配 1 条" in text
        session.rollback()
        assert row.worker_id == colleague.id

    def test_nothing_ticked_or_nobody_chosen(self, app: Any, session: Any, world: make.World, sign_in: Any) -> None:
        client = sign_in(world.accounts["maintenance_head"])
        answer = post(client, "/m/plan")
        text = answer.get_data(as_text=True)
        assert answer.status_code == 422 and "没有勾选任务" in text and "没有选择接手的维保人员" in text

    def test_filters_and_what_is_far_away(
        self, app: Any, session: Any, world: make.World, sign_in: Any, today: dt.date
    ) -> None:
        late = order(session, world, today - dt.timedelta(days=2))
        free = order(session, world, today, worker_id=None)
        far = order(session, world, today + dt.timedelta(days=60))
        client = sign_in(world.accounts["maintenance_head"])
        for query, seen in (
            ("", {late, free}), ("kind=late", {late}), ("kind=free", {free}), ("kind=all", {late, free, far}),
            (f"kind=all&q={world.own.code}", {late, free, far}), ("kind=all&q=没有", set()),
            (f"kind=all&worker={world.worker.id}", {late, far}), ("kind=x&worker=y", {late, free}),
        ):  # fmt: skip
            text = client.get(f"/m/plan?{query}").get_data(as_text=True)
            assert {row for row in (late, free, far) if f'name="ids" value="{row.id}"' in text} == seen, query

    @pytest.mark.parametrize("persona", ["worker", "use_head", "region_admin"])
    def test_only_who_gives_out_work(self, app: Any, world: make.World, sign_in: Any, persona: str) -> None:
        client = sign_in(world.accounts[persona])
        assert client.get("/m/plan").status_code == 403
        assert "/m/plan" not in client.get("/m/me").get_data(as_text=True)

    def test_another_units_orders_are_not_his(self, app: Any, session: Any, world: make.World, sign_in: Any) -> None:
        theirs = order(
            session, world, clock.today(), elevator_id=world.foreign.id, unit_id=world.other_firm.id,
            worker_id=world.other_worker.id,
        )  # fmt: skip
        client = sign_in(world.accounts["maintenance_head"])
        assert f'name="ids" value="{theirs.id}"' not in client.get("/m/plan?kind=all").get_data(as_text=True)
        answer = post(client, "/m/plan", ids=[theirs.id], to=world.worker.id)
        assert "没有找到任务" in answer.get_data(as_text=True)
        session.rollback()
        assert theirs.worker_id == world.other_worker.id


@pytest.mark.feature("PLN-04", "PLN-05", "PLN-06", "INT-04")
class TestInterface:
    def test_a_plan_is_shown_then_made(self, app: Any, session: Any, world: make.World, today: dt.date) -> None:
        head = Caller(app, world, "maintenance_head")
        body = {
            "elevator_ids": [world.own.id, world.second.id, world.foreign.id], "start_on": today.isoformat(),  # type: ignore[attr-defined]
            "interval_days": 15,
        }  # fmt: skip
        shown = head.post("/orders/year-plan", body | {"preview": True})
        assert shown.status_code == 200 and shown.json["preview"] and made(session) == 0
        assert (shown.json["made"], shown.json["elevators"]) == (24, 1) and shown.json["missing"] == [world.foreign.id]
        refused = [row for row in shown.json["rows"] if row["refused"]]
        assert [row["code"] for row in refused] == [world.second.code]  # type: ignore[attr-defined]
        assert refused[0]["findings"][0]["rule"] == "任务生成模式"
        wrong = head.post("/orders/year-plan", body | {"expected": "0" * 16})
        assert wrong.status_code == 422 and made(session) == 0
        done = head.post("/orders/year-plan", body | {"expected": shown.json["digest"]})
        assert done.json["made"] == 24 and made(session) == 24
        assert head.post("/orders/year-plan", body).json["made"] == 0

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"start_on": None}, "start_on"), ({"start_on": "2026-13-01"}, "start_on"), ({"elevator_ids": []}, "ids"),
            ({"elevator_ids": "1"}, "elevator_ids"), ({"interval_days": 7}, "interval_days"),
            ({"switch_to_manual": "yes"}, "switch_to_manual"), ({"worker_id": "x"}, "worker_id"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_named(
        self, app: Any, world: make.World, today: dt.date, change: dict[str, Any], field: str
    ) -> None:
        body = {"elevator_ids": [world.own.id], "start_on": today.isoformat()} | change
        answer = Caller(app, world, "maintenance_head").post("/orders/year-plan", body)
        assert answer.status_code == 422 and answer.json["errors"][0]["field"] == field

    def test_changed_and_given_away(self, app: Any, session: Any, world: make.World, today: dt.date) -> None:
        row, colleague = order(session, world, today), make.make_person(session, world.firm)
        session.commit()
        head = Caller(app, world, "maintenance_head")
        later = (today + dt.timedelta(days=40)).isoformat()
        changed = head.call("PATCH", f"/orders/{row.id}", {"planned_on": later, "reason": "用户改期"})
        assert (changed.json["planned_on"], changed.json["level"]) == (later, "half_month")
        assert head.call("PATCH", f"/orders/{row.id}", {"level": "annual"}).json["errors"][0]["field"] == "reason"
        given = head.post("/orders/reassign", {"ids": [row.id, 987654], "worker_id": colleague.id}).json["rows"]
        assert [one["ok"] for one in given] == [True, False]
        listed = head.get("/orders?own=0").json["rows"]
        assert [(one["id"], one["worker_id"], one["origin"]) for one in listed] == [(row.id, colleague.id, "manual")]
        on = {"planned_on": (today + dt.timedelta(days=41)).isoformat()}
        assert head.post("/orders/replan", on | {"ids": [row.id]}).json["errors"][0]["field"] == "reason"
        moved = head.post("/orders/replan", on | {"ids": [row.id, 987654], "reason": "用户改期"}).json["rows"]
        assert [one["ok"] for one in moved] == [True, False]
        assert head.get("/orders?own=0").json["rows"][0]["planned_on"] == on["planned_on"]

    def test_made_and_voided(self, app: Any, session: Any, world: make.World, today: dt.date) -> None:
        head, on = Caller(app, world, "maintenance_head"), (today + dt.timedelta(days=3)).isoformat()
        asked = {"elevator_id": world.own.id, "planned_on": on, "level": "quarter", "worker_id": world.worker.id}
        made = head.post("/orders", asked, headers={"Idempotency-Key": "order-00001"})
        assert made.status_code == 201 and made.json["origin"] == "manual" and made.json["level"] == "quarter"
        assert head.post("/orders", asked, headers={"Idempotency-Key": "order-00001"}).json == made.json
        wrong = head.post("/orders", asked | {"planned_on": None, "worker_id": world.other_worker.id})
        assert {found["field"] for found in wrong.json["errors"]} == {"planned_on", "worker_id"}
        assert head.post("/orders", asked | {"elevator_id": world.foreign.id}).status_code == 404
        key = made.json["id"]
        assert head.post(f"/orders/{key}/cancel", {}).json["errors"][0]["field"] == "reason"
        assert head.post(f"/orders/{key}/cancel", {"reason": "重复"}).json == {"done": True}
        assert head.post(f"/orders/{key}/cancel", {"reason": "重复"}).status_code == 422
        assert Caller(app, world, "worker").post("/orders", asked).status_code == 403

    def test_own_orders_are_those_of_the_next_days(
        self, app: Any, session: Any, world: make.World, today: dt.date
    ) -> None:
        near = order(session, world, today + dt.timedelta(days=5))
        order(session, world, today + dt.timedelta(days=6))
        worker = Caller(app, world, "worker")
        assert [one["id"] for one in worker.get("/orders").json["rows"]] == [near.id]
        for answer in (
            worker.post("/orders/reassign", {"ids": [near.id], "worker_id": world.worker.id}),
            worker.call("PATCH", f"/orders/{near.id}", {"level": "annual", "reason": "x"}),
            worker.post("/orders/replan", {"ids": [near.id], "planned_on": today.isoformat(), "reason": "x"}),
            worker.post("/orders/year-plan", {"elevator_ids": [world.own.id], "start_on": today.isoformat()}),
        ):
            assert answer.status_code == 403


@pytest.mark.feature("PLN-04")
@pytest.mark.parametrize("over", [0, 1, 3])
def test_of_more_reasons_than_are_shown_no_elevator_is_hidden(over: int) -> None:
    def told(n: int) -> Planned:
        found = Finding("已有任务", False, f"{n} 个日期已有任务", "", level="warn")
        return Planned(n, str(n), "", 1, "", None, None, 1, "manual", 15, 1, findings=[found])

    rows = [told(n) for n in range(MOST_REASONS + over)] + [told(0)]
    groups, others = by_reason(rows, False)
    assert len(groups) == MOST_REASONS and [row.id for row in groups[0][1]] == [0, 0]
    assert [row.id for row in others] == [MOST_REASONS + n for n in range(over)]
    assert by_reason(rows, True) == ([], [])


@pytest.mark.feature("PLN-04")
def test_the_page_names_elevators_of_further_reasons(
    session: Any, world: make.World, sign_in: Any, today: dt.date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.views.maintenance.year_plans.MOST_REASONS", 1)
    for lift, days in ((world.own, 400), (world.second, 500)):
        row = session.scalar(select(MaintenanceClock).where(MaintenanceClock.elevator_id == lift.id))
        row.covered_until, row.cover_begins_on = None, today + dt.timedelta(days=days)
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    url = f"/year-plans/?ids={world.own.id}&ids={world.second.id}"
    page = post(client, url, start_on=today.isoformat(), interval_days="15", switch="1").get_data(as_text=True)
    assert "另有 1 台，原因各不相同" in page
    listed = page.split("没有要补的日期")[-1]
    assert world.own.code in listed and world.second.code in listed

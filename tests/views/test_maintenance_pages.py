"""Pages of contracts, ledgers, orders, missed periods and warnings: shown, scoped, refused in words."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import select, update

from app import clock
from app.models import (
    Application,
    Contract,
    ContractElevator,
    Elevator,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
)
from app.transaction import transaction
from app.workflows.contracts import cover
from app.workflows.maintenance import orders
from tests import factories as make
from tests.conftest import csrf
from tests.pages import page
from tests.workflows.clock_world import at, run, visit

LISTS = (
    "/contracts/", "/tasks/", "/ledgers/", "/orders/", "/overdue/", "/warnings/maintenance/", "/warnings/inspection/",
    "/warnings/contract/", "/warnings/governor/", "/warnings/certificate/", "/warnings/licence/",
    "/inspections/", "/inspections/due/",
)  # fmt: skip


@pytest.fixture
def today() -> dt.date:
    return clock.today()


def post(client: Any, url: str, data: Any, status: int = 302) -> Any:
    answer = client.post(url, data=data | {"csrf_token": csrf(client)})
    assert answer.status_code == status, f"{url}: {answer.status_code} {answer.get_data(as_text=True)[-3000:]}"
    return answer


@pytest.fixture
def busy(session: Any, world: make.World, today: dt.date) -> make.World:
    """An overdue elevator with a ledger, an open order and a contract that is about to end."""
    make.make_ledger(session, world.own, world.worker)
    session.commit()
    visit(session, world.own, world.worker, today - dt.timedelta(days=20))
    visit(session, world.foreign, world.other_worker, today - dt.timedelta(days=20))
    run(session, today)
    with transaction(session):
        cover.refresh(session, [world.own.id, world.foreign.id], today)
        world.own.next_inspection_on = today - dt.timedelta(days=1)
    return world


@pytest.mark.feature("CON-01", "PLN-05", "PLN-09", "PLN-10", "ELV-06", "WRN-01")
@pytest.mark.parametrize("persona", ["maintenance_head", "region_admin", "use_head", "platform_admin"])
def test_lists_open_and_keep_to_the_scope(
    app: Any, session: Any, busy: make.World, persona: str, sign_in: Any
) -> None:
    client = sign_in(busy.accounts[persona])
    for url in LISTS:
        text = page(client, url)
        if persona != "platform_admin":
            assert busy.foreign.code not in text and busy.other_contract.number not in text, url
        for tab in ("near", "over", "all", "open", "nonsense"):
            page(client, f"{url}?tab={tab}&q=%25&sort=-limit_on&page=x&size=1e9")


@pytest.mark.feature("PLN-09", "PLN-10")
def test_overdue_elevators_are_in_their_tabs(app: Any, busy: make.World, sign_in: Any) -> None:
    client = sign_in(busy.accounts["maintenance_head"])
    assert busy.own.code in page(client, "/tasks/?tab=over")
    assert busy.own.code not in page(client, "/tasks/?tab=near")
    assert busy.own.code in page(client, "/overdue/?tab=standing")
    assert busy.own.code in page(client, "/warnings/maintenance/")
    assert busy.own.code in page(client, "/warnings/inspection/")
    assert "/warnings/maintenance/" in client.get("/warnings/").location


@pytest.mark.feature("WRN-01")
def test_warnings_open_where_something_is_over_or_else_near(
    session: Any, busy: make.World, today: dt.date, sign_in: Any
) -> None:
    """The number in the menu counts what is over: one press on it must show some of that, never an empty tab."""
    session.execute(update(MaintenanceClock).values(missed=0, limit_on=today + dt.timedelta(days=1)))
    session.execute(update(Elevator).values(next_inspection_on=today + dt.timedelta(days=2)))
    session.commit()
    client = sign_in(busy.accounts["maintenance_head"])
    assert client.get("/warnings/").location == "/warnings/maintenance/?tab=near"
    shown = page(client, "/warnings/maintenance/?tab=near")
    assert busy.own.code in shown and 'href="/warnings/inspection/?tab=near"' in shown
    session.rollback()
    session.execute(update(Elevator).values(next_inspection_on=today - dt.timedelta(days=2)))
    session.commit()
    assert client.get("/warnings/").location == "/warnings/inspection/"
    assert busy.own.code in page(client, "/warnings/inspection/")


@pytest.mark.feature("CON-01", "CON-03")
def test_a_contract_is_made_bound_and_shown(
    session: Any, world: make.World, today: dt.date, sign_in: Any
) -> None:
    elevator = make.make_elevator(session, maintenance_unit=world.firm)
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    terms = {"number": "HT-甲-1", "kind": "full", "signed_on": str(today), "starts_on": str(today),
             "ends_on": str(today + dt.timedelta(days=364)), "note": "", "use_unit_id": ""}  # fmt: skip
    wrong = post(client, "/contracts/new", terms | {"ends_on": "昨天", "number": ""}, 422)
    assert "不是日期" in wrong.get_data(as_text=True)
    kept = post(client, "/contracts/new", terms | {"starts_on": str(today + dt.timedelta(days=900))}, 422)
    assert "HT-甲-1" in kept.get_data(as_text=True)
    made = post(client, "/contracts/new", terms).location
    assert elevator.code in page(client, made), "a contract that binds nothing yet lists what it may bind"
    assert elevator.code in page(client, f"{made}?q={elevator.code}")
    post(client, f"{made}/bind", {"ids": [elevator.id, "x"]})
    assert elevator.code in page(client, made)
    session.rollback()
    assert cover.in_force(session, elevator.id, today) is not None
    text = post(client, f"{made}/bind", {"ids": [world.own.id]}, 422).get_data(as_text=True)
    assert world.contract.number in text
    post(client, f"{made}/unbind", {"ids": [elevator.id]})
    session.rollback()
    assert cover.in_force(session, elevator.id, today) is None
    assert "HT-甲-1" in page(client, "/contracts/?tab=active")


@pytest.fixture
def many(session: Any, world: make.World, today: dt.date) -> tuple[str, list[Any]]:
    """A contract of 70 elevators of a unit that maintains 70 more, which another contract holds three of."""
    other = make.make_use_unit(session, "澜州水岸物业有限公司")
    lifts = [
        make.make_elevator(
            session, maintenance_unit=world.firm, use_unit=other if n % 2 else world.use_unit,
            region_code="980403000000" if n % 10 == 0 else "980402001000", code=f"77{n:04d}", estate=f"水岸{n:03d}苑",
        ) for n in range(140)
    ]  # fmt: skip
    later = today + dt.timedelta(days=90)
    held = make.make_contract(session, world.firm, lifts[:70], starts_on=today, ends_on=later)
    make.make_contract(session, world.firm, lifts[137:], starts_on=today, ends_on=later)
    session.commit()
    return f"/contracts/{held.id}", lifts


def codes(text: str, lifts: list[Any]) -> list[int]:
    return [n for n, one in enumerate(lifts) if one.code in text]


@pytest.mark.feature("CON-03")
def test_what_one_may_add_is_found_beyond_the_first_page(
    session: Any, world: make.World, many: Any, sign_in: Any
) -> None:
    address, lifts = many
    client = sign_in(world.accounts["maintenance_head"])
    # Bound ones are left out before anything is cut: the first page is full of what can be added.
    first, second = page(client, f"{address}?q=水岸&b_q=无此"), page(client, f"{address}?q=水岸&page=2&b_q=无此")
    assert codes(first, lifts) == list(range(70, 120)) and codes(second, lifts) == list(range(120, 140))
    assert "共 70 台" in first and "追加查找到的 70 台" in first and "绑定的电梯中没有找到" in first
    assert codes(page(client, f"{address}?q=水岸&page=99&b_q=无此"), lifts) == list(range(120, 140)), "the last page"
    assert codes(page(client, f"{address}?q=水岸099&b_q=无此"), lifts) == [99]
    by_place = page(client, f"{address}?region=980403000000&b_q=无此")
    assert codes(by_place, lifts) == [70, 80, 90, 100, 110, 120, 130] and "青坪区" in by_place
    by_unit = page(client, f"{address}?use_unit={lifts[1].use_unit_id}&b_q=无此&page=1")
    assert codes(by_unit, lifts) == list(range(71, 140, 2)) and "追加查找到的 35 台" in by_unit
    for odd in ("region=98", "use_unit=x", "page=-3", "page=0", "b_page=1e9", "use_unit=9999999999999999999"):
        page(client, f"{address}?q=&{odd}")


@pytest.mark.feature("CON-03")
def test_what_is_bound_is_paged_and_searched(session: Any, world: make.World, many: Any, sign_in: Any) -> None:
    address, lifts = many
    client = sign_in(world.accounts["maintenance_head"])
    shown = page(client, address)
    assert codes(shown, lifts) == list(range(50)) and "共 70 台" in shown and "创建时间" in shown
    assert codes(page(client, f"{address}?b_page=2"), lifts) == list(range(50, 70))
    assert codes(page(client, f"{address}?b_q=水岸065"), lifts) == [65]
    assert codes(page(client, f"{address}?b_region=980403000000"), lifts) == [0, 10, 20, 30, 40, 50, 60]
    both = page(client, f"{address}?b_q=水岸065&q=水岸099")
    assert codes(both, lifts) == [65, 99] and 'name="b_q"' in both
    # A regulator sees and searches them, and adds nothing.
    seen = page(sign_in(world.accounts["region_admin"]), f"{address}?b_page=2&q=")
    assert codes(seen, lifts) == list(range(50, 70)) and "追加" not in seen


@pytest.mark.feature("CON-03")
def test_all_that_is_found_is_added_as_a_set(
    session: Any, world: make.World, today: dt.date, many: Any, sign_in: Any
) -> None:
    address, lifts = many
    client = sign_in(world.accounts["maintenance_head"])
    key = int(address.rpartition("/")[2])

    def bound() -> list[int]:
        session.rollback()
        held = {one.elevator_id for one in cover.live_bindings(session, key)}
        return [n for n, one in enumerate(lifts) if one.id in held]

    sent = post(client, f"{address}/bind", {"deed": "found", "q": "水岸13"})
    # Of 130 to 139 three are another contract's: told, and no hindrance to the rest.
    assert bound() == [*range(70), *range(130, 137)] and "q=" in sent.location
    told = page(client, sent.location)
    assert "已追加 7 台电梯" in told and "另有 3 台不能追加" in told
    assert codes(told.partition('id="add"')[2], lifts) == [137, 138, 139]
    refused = post(client, f"{address}/bind", {"deed": "found", "q": "水岸13"}, 422).get_data(as_text=True)
    assert refused.count("已有合同") >= 3
    assert "没有找到可追加的电梯" in post(
        client, f"{address}/bind", {"deed": "found", "q": "水岸无此"}, 422
    ).get_data(as_text=True)
    post(client, f"{address}/bind", {"deed": "found", "use_unit": lifts[1].use_unit_id})
    assert bound() == [n for n in range(140) if n < 70 or n in range(130, 137) or (n % 2 and n < 137)]
    post(sign_in(world.accounts["other_head"]), f"{address}/bind", {"deed": "found"}, 404)


@pytest.mark.feature("CON-05")
def test_only_a_contract_that_never_covered_anything_offers_its_deletion(
    session: Any, world: make.World, today: dt.date, sign_in: Any
) -> None:
    elevator = make.make_elevator(session, maintenance_unit=world.firm)
    later = today + dt.timedelta(days=30)
    unused = make.make_contract(session, world.firm, [], starts_on=later, ends_on=later + dt.timedelta(days=90))
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    address = f"/contracts/{unused.id}"
    assert f"删除合同 {unused.number}？" in page(client, address)
    post(client, f"{address}/bind", {"ids": [elevator.id]})
    post(client, f"{address}/unbind", {"ids": [elevator.id]})
    shown = page(client, address)
    assert "删除合同" not in shown and "绑定过电梯的合同留作历史，不能删除" in shown
    assert "不能删除" not in page(sign_in(world.accounts["inspector"]), address)
    post(client, f"{address}/delete", {}, 422)


@pytest.mark.feature("IMP-01", "ELV-06", "ELV-07", "PLN-05")
@pytest.mark.parametrize(
    ("url", "kind"),
    [("/ledgers/", "ledgers"), ("/orders/", "orders"), ("/people/", "persons"), ("/elevators/", "elevators")],
)
def test_lists_lead_to_the_import_of_their_rows(world: make.World, sign_in: Any, url: str, kind: str) -> None:
    clerk = sign_in(world.accounts["clerk"])
    assert f'href="/imports/?kind={kind}"' in page(clerk, url)
    assert f'value="{kind}" checked' in page(clerk, f"/imports/?kind={kind}")
    assert "/imports/?kind" not in page(sign_in(world.accounts["inspector"]), url)


@pytest.mark.feature("ELV-06", "ELV-07")
def test_labels_are_printed_from_the_ledgers(world: make.World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    sent = post(client, "/ledgers/deed/labels", {"ids": [world.own.id, world.foreign.id]}).location
    shown = page(client, sent)
    assert world.own.code in shown and world.foreign.code not in shown


@pytest.mark.feature("CON-05")
def test_a_change_of_the_past_becomes_an_application(app: Any, session: Any, world: make.World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    row = world.contract
    page(client, f"/contracts/{row.id}/edit")
    change = {"number": row.number, "kind": "normal", "signed_on": "2020-01-01", "starts_on": "2020-01-01",
              "ends_on": "2024-01-01", "row_version": row.row_version}  # fmt: skip
    text = post(client, f"/contracts/{row.id}/edit", change, 422).get_data(as_text=True)
    assert "监管部门审批" in text
    post(client, f"/contracts/{row.id}/edit", change | {"then": "request", "reason": "提前终止"})
    session.rollback()
    asked = session.scalar(select(Application).where(Application.kind == "contract_change"))
    assert asked.entity_id == row.id
    session.rollback()
    assert session.get(Contract, row.id).ends_on == make.ENDS_ON
    assert asked.number in page(client, f"/contracts/{row.id}")


def test_renewing_an_ended_contract(app: Any, session: Any, world: make.World, today: dt.date, sign_in: Any) -> None:
    elevator = make.make_elevator(session, maintenance_unit=world.firm)
    old = make.make_contract(session, world.firm, [elevator], ends_on=today - dt.timedelta(days=3))
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    assert "已失效" in page(client, f"/contracts/{old.id}")
    post(client, f"/contracts/{old.id}/edit", {"number": "x", "starts_on": "2020-01-01", "ends_on": "2030-01-01",
                                               "signed_on": "2020-01-01"}, 422)  # fmt: skip
    form = page(client, f"/contracts/{old.id}/renew")
    assert str(today - dt.timedelta(days=2)) in form
    post(client, f"/contracts/{old.id}/renew", {
        "number": "HT-续", "kind": "normal", "signed_on": str(today), "starts_on": str(today - dt.timedelta(days=2)),
        "ends_on": str(today + dt.timedelta(days=300)),
    })  # fmt: skip
    session.rollback()
    held = session.scalar(select(ContractElevator).where(ContractElevator.elevator_id == elevator.id,
                                                         ContractElevator.contract_id != old.id))  # fmt: skip
    assert held.starts_on == today


@pytest.mark.feature("ELV-06")
def test_the_ledger_page_saves_and_says_why_no_orders(
    app: Any, session: Any, world: make.World, today: dt.date, sign_in: Any
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    assert "不会生成任务" in page(client, f"/ledgers/{world.own.id}")
    data = {"worker_id": world.worker.id, "mode": "auto", "interval_days": "14",
            "next_annual_on": str(today + dt.timedelta(days=300))}  # fmt: skip
    wrong = post(client, f"/ledgers/{world.own.id}", data | {"interval_days": "16"}, 422).get_data(as_text=True)
    assert "14 天或 15 天" in wrong and str(today + dt.timedelta(days=300)) in wrong
    post(client, f"/ledgers/{world.own.id}", data)
    assert "不会生成任务" not in page(client, f"/ledgers/{world.own.id}")
    session.rollback()
    assert session.scalar(select(MaintenanceLedger)).next_quarter_on is not None
    post(client, f"/ledgers/{world.own.id}", data | {"row_version": 77}, 409)
    assert client.get(f"/ledgers/{world.foreign.id}").status_code == 404
    inspector = sign_in(world.accounts["inspector"])
    assert "<form method=\"post\" novalidate" not in page(inspector, f"/ledgers/{world.own.id}")
    post(inspector, f"/ledgers/{world.own.id}", data, 403)


@pytest.mark.feature("PLN-05")
def test_a_typed_code_is_the_approved_elevators_not_an_older_drafts(
    session: Any, world: make.World, today: dt.date, sign_in: Any
) -> None:
    draft, good = (make.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _n in "12")
    code = good.code
    draft.approved_version, draft.filing_state, draft.status, draft.code = 0, "draft", "notified", code
    session.commit()
    assert draft.id < good.id
    client = sign_in(world.accounts["maintenance_head"])
    made = post(client, "/orders/new", {"code": code, "planned_on": str(today), "level": "half_month"}).location
    session.rollback()
    assert session.get(MaintenanceOrder, int(made.rsplit("/", 1)[1])).elevator_id == good.id


@pytest.mark.feature("PLN-05", "PLN-06")
def test_orders_are_made_assigned_and_cancelled(
    app: Any, session: Any, world: make.World, today: dt.date, sign_in: Any
) -> None:
    colleague = make.make_person(session, world.firm)
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    text = post(client, "/orders/new", {"code": world.foreign.code, "planned_on": str(today)}, 422)
    assert "没有识别码" in text.get_data(as_text=True)
    data = {"code": world.own.code, "planned_on": str(today), "level": "quarter"}
    made = post(client, "/orders/new", data).location
    key = int(made.rsplit("/", 1)[1])
    page(client, made)
    sent = post(client, "/orders/deed/reassign", {"ids": [key]}).location
    assert world.own.code in page(client, sent)
    done = post(client, "/orders/reassign", {"ids": [key, 999999], "worker_id": colleague.id}, 200)
    assert "1 条任务都已分配" in done.text and 'name="worker_id"' not in done.text, "what is done is not asked again"
    assert "已分配" in done.get_data(as_text=True)
    session.rollback()
    assert session.get(MaintenanceOrder, key).worker_id == colleague.id
    sent = post(client, "/orders/deed/replan", {"ids": [key]}).location
    assert sent == f"/orders/replan?ids={key}" and world.own.code in page(client, sent)
    later = today + dt.timedelta(days=9)
    asked = post(client, "/orders/replan", {"ids": [key], "planned_on": str(later), "reason": ""}, 422)
    assert "请填写修改原因" in asked.text and str(later) in asked.text, "what was typed stays"
    done = post(client, "/orders/replan", {"ids": [key, 999999], "planned_on": str(later), "reason": "用户改期"}, 200)
    assert "1 条任务都已改期" in done.text and 'name="planned_on"' not in done.text
    session.rollback()
    assert session.get(MaintenanceOrder, key).planned_on == later
    session.get(MaintenanceOrder, key).origin = "auto"
    session.commit()
    text = page(client, sent)
    assert "1 条自动生成，不在其中" in text and "没有可以改期的任务" in text and 'name="ids"' not in text
    session.get(MaintenanceOrder, key).origin = "manual"
    session.commit()
    post(client, f"/orders/{key}/cancel", {"reason": "重复"})
    session.rollback()
    assert session.get(MaintenanceOrder, key).state == "void"
    foreign = orders.MaintenanceOrder(
        elevator_id=world.foreign.id, unit_id=world.other_firm.id, region_code="980403000000", planned_on=today,
        level="half_month", origin="manual",
    )  # fmt: skip
    session.add(foreign)
    session.commit()
    assert client.get(f"/orders/{foreign.id}").status_code == 404
    refused = post(client, "/orders/reassign", {"ids": [foreign.id], "worker_id": colleague.id}, 200)
    assert world.foreign.code not in refused.get_data(as_text=True)
    session.rollback()
    assert session.get(MaintenanceOrder, foreign.id).worker_id is None


@pytest.mark.feature("WRN-01")
def test_warning_counts_are_those_of_the_lists(app: Any, session: Any, busy: make.World, today: dt.date) -> None:
    from app.listing import Moment
    from app.listings import warnings

    with app.app_context():
        moment = Moment(session, busy.actor("maintenance_head"), today, at(today))
        found = warnings.counts(moment)
    assert found["maintenance", "over"] == 1 and found["inspection", "over"] == 1
    assert found["contract", "over"] == found["contract", "near"] == 0
    row = session.get(MaintenanceClock, busy.own.id)
    row.covered_until = today + dt.timedelta(days=7)
    session.commit()
    with app.app_context():
        assert warnings.counts(moment)["contract", "near"] == 1


@pytest.mark.feature("ELV-06")
def test_the_ledger_says_how_the_elevator_stands_and_whom_to_call(
    app: Any, session: Any, world: make.World, sign_in: Any
) -> None:
    make.make_ledger(session, world.own, world.worker)
    world.worker.phone, world.firm.head_name, world.firm.head_phone = "13900000017", "江见山", "13900000018"
    world.own.emergency_phone = None
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    shown = page(client, f"/ledgers/{world.own.id}")
    assert all(said in shown for said in ("使用状态", "维保状态", "正常", "139****0017", "江见山", "139****0018"))
    assert "13900000017" not in shown and "没有应急救援电话" in shown
    listed = page(client, "/ledgers/?cols=code,worker_phone,head,head_phone,duty_phone,district")
    assert all(said in listed for said in ("维保员电话", "139****0017", "江见山", "139****0018", "区县"))
    # A customer calls the unit: a person's number is for his own unit and for regulators.
    for persona, told in (("use_head", False), ("inspector", True)):
        other = sign_in(world.accounts[persona])
        for url in (f"/ledgers/{world.own.id}", "/ledgers/?cols=code,worker,worker_phone,head_phone"):
            seen = page(other, url)
            assert world.worker.name in seen and "139****0018" in seen, (persona, url)
            assert ("139****0017" in seen) is told, (persona, url)
    session.rollback()
    session.get(Elevator, world.own.id).emergency_phone = "96333"
    session.commit()
    assert "没有应急救援电话" not in page(client, f"/ledgers/{world.own.id}")


@pytest.mark.feature("PLN-05")
def test_a_new_order_begins_with_what_the_ledger_knows(
    app: Any, session: Any, world: make.World, today: dt.date, sign_in: Any
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    next_on = today + dt.timedelta(days=6)
    post(client, f"/ledgers/{world.own.id}", {
        "worker_id": world.worker.id, "mode": "manual", "interval_days": "15", "next_half_month_on": str(next_on),
        "next_quarter_on": str(next_on), "next_half_year_on": str(today + dt.timedelta(days=100)),
        "next_annual_on": str(today + dt.timedelta(days=280)),
    })  # fmt: skip
    assert f'href="/orders/new?elevator_id={world.own.id}"' in page(client, f"/ledgers/{world.own.id}")
    form = page(client, f"/orders/new?elevator_id={world.own.id}")
    assert f'value="{next_on}"' in form and re.search(r'<option value="quarter"[^>]* selected', form)
    assert re.search(rf'<option value="{world.worker.id}"[^>]* selected', form)
    told = page(client, f"/orders/about?elevator_id={world.own.id}")
    assert f'data-fill="planned_on" value="{next_on}"' in " ".join(told.split()) and world.worker.name in told
    assert world.foreign.code not in page(client, f"/orders/about?elevator_id={world.foreign.id}")
    data = {"elevator_id": world.own.id, "planned_on": str(next_on), "level": "quarter", "worker_id": world.worker.id}
    made = page(client, post(client, "/orders/new", data).location)
    assert world.own.use_unit.name in made and str(next_on) in made, "the order says whose elevator it is"
    assert made.split("/orders/")[0] and str(next_on) in page(client, f"/orders/about?elevator_id={world.own.id}")
    # Whoever left since is not proposed.
    session.rollback()
    world.worker.left_on = today
    session.commit()
    assert f'data-fill="worker_id" value="{world.worker.id}"' not in " ".join(
        page(client, f"/orders/about?elevator_id={world.own.id}").split()
    )
    post(sign_in(world.accounts["inspector"]), "/orders/new", data, 403)
    assert sign_in(world.accounts["inspector"]).get("/orders/about").status_code == 403


@pytest.mark.feature("PLN-09")
def test_tasks_say_and_find_whose_they_are(app: Any, session: Any, busy: make.World, sign_in: Any) -> None:
    second = make.make_elevator(session, maintenance_unit=busy.firm)
    make.make_clock(session, second, clock.today() - dt.timedelta(days=3))
    other = make.make_person(session, busy.firm)
    ledger = session.scalar(select(MaintenanceLedger).where(MaintenanceLedger.elevator_id == busy.own.id))
    if ledger is None:
        ledger = make.make_ledger(session, busy.own, busy.worker)
    ledger.worker_id = busy.worker.id
    make.make_ledger(session, second, other)
    session.commit()
    client = sign_in(busy.accounts["maintenance_head"])
    text = page(client, "/tasks/")
    assert busy.worker.name in text and other.name in text, "a firm sees whose, not its own name"
    mine = page(client, f"/tasks/?f_worker={busy.worker.id}")
    assert busy.own.code in mine and second.code not in mine

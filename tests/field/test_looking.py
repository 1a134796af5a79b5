"""MNT-12: elevators, tasks and what was before are looked up on the phone at any time, within the own scope."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from app import clock
from app.models import InspectionClock, MaintenanceClock, RepairOrder
from app.permissions import Role
from app.transaction import transaction
from app.workflows.rescue import rescues
from tests.factories import World, make_account, make_clock, make_contract, make_elevator
from tests.workflows.clock_world import add_visit, run, visit

pytestmark = pytest.mark.feature("MNT-12")
LINKS = (
    "/m/tasks", "/m/overdue", "/m/inspections", "/m/lifts", "/m/rescues?tab=all", "/m/complaints?tab=all",
)  # fmt: skip


def codes(text: str, lifts: list[Any]) -> list[int]:
    return [n for n, one in enumerate(lifts) if f'href="/m/e/{one.code}"' in text]


@pytest.fixture
def many(world: World) -> list[Any]:
    session = world.session
    made = [
        make_elevator(
            session, maintenance_unit=world.firm, use_unit=world.use_unit, code=f"66{n:04d}", estate=f"水岸{n:02d}苑"
        ) for n in range(30)
    ]  # fmt: skip
    session.commit()
    return made


def test_home_always_leads_to_them(world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["worker"]).get("/m/").text
    for href in LINKS:
        assert f'href="{href}"' in page
    client = sign_in(world.accounts["worker"])
    for href in LINKS:
        assert client.get(href).status_code == 200


def test_elevators_are_found_by_code_and_place_and_paged(world: World, many: list[Any], sign_in: Any) -> None:
    worker = sign_in(world.accounts["worker"])
    first = worker.get("/m/lifts?q=水岸").text
    older = re.search(r'href="(\?[^"]+)" rel="next"', first)
    assert older is not None
    second = worker.get("/m/lifts" + older[1].replace("&amp;", "&")).text
    found = codes(first, many), codes(second, many)
    assert len(found[0]) == 25 and sorted(found[0] + found[1]) == list(range(30))
    assert 'rel="prev"' in second and 'rel="next"' not in second
    assert codes(worker.get("/m/lifts?q=660007").text, many) == [7]
    assert codes(worker.get("/m/lifts?q=水岸12苑").text, many) == [12]
    assert world.foreign.code not in worker.get("/m/lifts").text
    assert "没有找到电梯" in worker.get("/m/lifts?q=无此").text
    for odd in ("page=-1", "page=0", "page=x", "page=９", "page=9999", "q=%25", "q=%00"):
        assert worker.get(f"/m/lifts?{odd}").status_code == 200, odd
    # Whoever checks in nowhere reads the file.
    head = sign_in(world.accounts["maintenance_head"]).get("/m/lifts?q=660007").text
    assert f'href="/elevators/{many[7].id}"' in head and "/m/e/" not in head


def test_a_narrowed_worker_finds_his_own_alone(world: World, many: list[Any], sign_in: Any) -> None:
    account = make_account(world.session, Role.WORKER, unit=world.firm, sees_all_elevators=False)
    world.session.commit()
    assert codes(sign_in(account).get("/m/lifts?q=水岸").text, many) == []
    assert codes(sign_in(account).get("/m/tasks?tab=never").text, many) == []


def test_tasks_by_how_they_stand(world: World, many: list[Any], sign_in: Any) -> None:
    session, today = world.session, clock.today()
    for one in many[:3]:
        make_clock(session, one, today - dt.timedelta(days=200))
    session.get(MaintenanceClock, many[0].id).last_visit_on = None
    session.commit()
    worker = sign_in(world.accounts["worker"])
    # Nothing chosen: the gravest that there is, and every kind says how many it has.
    shown = worker.get("/m/tasks").text
    assert set(codes(shown, many)) >= {1, 2}
    counted = re.search(r'>尚未初始维保 <span class="ta-mut">(\d+)<', shown)
    assert counted is not None and int(counted[1]) == worker.get("/m/tasks?tab=never").text.count('class="fd-task"')
    assert codes(worker.get("/m/tasks?tab=never").text, many) == [0]
    assert set(codes(worker.get("/m/tasks?tab=over").text, many)) >= {1, 2}
    assert codes(worker.get("/m/tasks?tab=over&q=水岸02苑").text, many) == [2]
    shown = worker.get("/m/tasks?tab=cover_over").text
    assert set(codes(shown, many)) >= {0, 1, 2} and "没有合同" in shown
    for tab in ("near", "cover_near", "x"):
        assert worker.get(f"/m/tasks?tab={tab}").status_code == 200
    # 全部: whatever has a clock, however it stands.
    every = worker.get("/m/tasks?tab=all").text
    assert set(codes(every, many)) == {0, 1, 2} and 'aria-current="page"' in every and ">全部 <" in every


@pytest.mark.feature("INS-01")
def test_what_is_to_be_inspected_is_looked_up_by_how_it_stands(world: World, many: list[Any], sign_in: Any) -> None:
    session, today = world.session, clock.today()
    for one in many:
        one.next_inspection_on = today + dt.timedelta(days=300)
    for one, days in zip(many, (-3, 5), strict=False):
        one.next_inspection_on = today + dt.timedelta(days=days)
    many[2].next_inspection_on = None
    session.add(InspectionClock(
        elevator_id=many[3].id, governor_due_on=today - dt.timedelta(days=2),
        next_kind="self_test",
    ))  # fmt: skip
    session.commit()
    worker = sign_in(world.accounts["worker"])
    # Nothing chosen: the gravest that there is.
    over = worker.get("/m/inspections").text
    assert codes(over, many) == [0] and "超 3 天" in over and ">检验超期 <" in over
    assert codes(worker.get("/m/inspections?tab=near").text, many) == [1]
    unknown = worker.get("/m/inspections?tab=unknown").text
    assert codes(unknown, many)[0] == 2 and "没有下次日期" in unknown
    checks = worker.get("/m/inspections?tab=checks_over").text
    assert codes(checks, many) == [3] and "限速器校验" in checks and "检测或自行检测" in checks and "超 2 天" in checks
    assert codes(worker.get("/m/inspections?tab=all&q=660003").text, many) == [3]
    assert world.foreign.code not in worker.get("/m/inspections?tab=all").text
    assert worker.get("/m/inspections?tab=x&page=９").status_code == 200


def test_one_that_failed_has_no_days_left_to_its_next_inspection(world: World, many: list[Any], sign_in: Any) -> None:
    session, today = world.session, clock.today()
    many[0].next_inspection_on = today + 287 * dt.timedelta(days=1)
    held = InspectionClock(elevator_id=many[0].id, failed_on=today)
    session.add(held)
    session.commit()
    worker = sign_in(world.accounts["worker"])
    address = "/m/inspections?tab=all&q=" + many[0].code
    page = worker.get(address).text
    assert "不合格待复检" in page and "剩 287 天" not in page
    session.rollback()
    held.governor_due_on = today - 2 * dt.timedelta(days=1)
    session.commit()
    page = worker.get(address).text
    assert "超 2 天" in page and "剩 287 天" not in page


@pytest.mark.feature("REP-03")
def test_repairs_of_every_state_are_found_and_paged(world: World, sign_in: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("app.field.repairs.MOST", 2)
    for n, state in enumerate(("waiting", "done", "cancelled")):
        world.session.add(RepairOrder(
            elevator_id=world.own.id, code=world.own.code, place=f"水岸{n}苑", unit_id=world.firm.id,
            use_unit_id=world.use_unit.id, region_code=world.own.region_code, level="running", source="report",
            fault=f"异响{n}", state=state, worker_id=world.worker.id, reported_at=clock.now() - dt.timedelta(hours=n),
        ))  # fmt: skip
    world.session.commit()
    worker = sign_in(world.accounts["worker"])

    def shown(query: str) -> list[str]:
        return re.findall(r"<b>(水岸.苑)</b>", worker.get(f"/m/repairs?{query}").text)

    assert len(shown("tab=all")) == 2 and len(shown("tab=all&page=2")) == 1
    assert shown("tab=all&q=异响2") == ["水岸2苑"] and shown("tab=done") == ["水岸1苑"]
    assert world.use_unit.name in worker.get("/m/repairs?tab=all").text


def test_rescues_of_the_past_are_paged_and_searched(world: World, sign_in: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("app.field.rescues.MOST", 2)
    now = clock.now()
    lifts = [make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(5)]
    world.session.commit()
    keys = []
    for n, one in enumerate(lifts):
        with transaction(world.session) as session:
            row = rescues.report(session, None, one, source="page", at=now - dt.timedelta(days=n))
            keys.append(row.id)
    worker = sign_in(world.accounts["worker"])

    def shown(query: str) -> list[int]:
        return [keys.index(int(k)) for k in re.findall(r'href="/m/rescues/(\d+)"', worker.get(query).text)]

    assert [shown(f"/m/rescues?tab=all&page={n}") for n in (1, 2, 3)] == [[0, 1], [2, 3], [4]]
    assert shown(f"/m/rescues?tab=all&q={lifts[3].code}") == [3]
    assert 'rel="next"' not in worker.get("/m/rescues?tab=all&page=3").text


@pytest.mark.feature("PLN-10")
def test_missed_periods_are_looked_up_as_at_the_desk(world: World, many: list[Any], sign_in: Any) -> None:
    """huzhou 2.2 维保超期: the whole history, what was made up for and what was not."""
    session, today = world.session, clock.today()
    make_contract(session, world.firm, many[:2])
    session.commit()
    for one, back in ((many[0], 40), (many[1], 20), (world.foreign, 40)):
        visit(session, one, world.other_worker if one is world.foreign else world.worker, today - dt.timedelta(back))
    run(session, today)
    visit(session, many[0], world.worker, today)
    worker = sign_in(world.accounts["worker"])

    def shown(query: str) -> list[int]:
        return codes(worker.get(f"/m/overdue{query}").text, many)

    assert shown("") == shown("?tab=all") == [0, 1]
    assert shown("?tab=standing") == [1] and shown("?tab=late") == [0]
    page = worker.get("/m/overdue?tab=late").text
    assert page.count('class="fd-task"') == 2, "two periods were missed before it was made up for"
    assert "逾期完成" in page and str(today) in page and "15 天" in page
    assert shown("?q=水岸01苑") == [1] and shown("?tab=late&q=水岸01苑") == []
    assert world.foreign.code not in worker.get("/m/overdue").text
    for odd in ("tab=withdrawn", "tab=x", "page=-1", "page=９", "q=%00"):
        assert worker.get(f"/m/overdue?{odd}").status_code == 200, odd


@pytest.mark.feature("MNT-08")
def test_own_visits_by_each_state_of_the_desk_paged_and_searched(
    world: World, many: list[Any], sign_in: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("app.field.lists.MOST", 2)
    session, today = world.session, clock.today()
    day = dt.timedelta(days=1)

    def made(n: int, **fields: Any) -> int:
        with transaction(session):
            row = add_visit(session, many[n], world.worker, today - n * day, **fields)
            session.flush()
            return int(row.id)

    of = {
        "open": made(0, state="open", checked_out_at=None), "review": made(1, state="awaiting", awaiting_review=True),
        "sheet": made(2, state="awaiting", awaiting_sheet=True), "pending": made(3, state="pending"),
        "nonconforming": made(4, state="nonconforming"), "expired": made(5, state="void", checked_out_at=None),
        "void": made(6, state="rejected"), "valid": made(7), "more": made(8), "last": made(9),
    }  # fmt: skip
    with transaction(session):
        add_visit(session, world.foreign, world.other_worker, today)
    names = {key: name for name, key in of.items()}
    worker = sign_in(world.accounts["worker"])

    def shown(query: str) -> list[str]:
        text = worker.get(f"/m/visits{query}").text
        return [names[int(k)] for k in re.findall(r'class="fd-task" href="/m/visits/(\d+)"', text)]

    for kind in ("open", "review", "sheet", "pending", "nonconforming", "expired"):
        assert shown(f"?kind={kind}") == [kind]
    assert shown("?kind=void") == ["expired", "void"], "what nobody left is void, too, as at the desk"
    assert [shown(f"?kind=valid&page={n}") for n in (1, 2)] == [["valid", "more"], ["last"]]
    page = worker.get("/m/visits?kind=valid").text
    assert 'href="?kind=valid&amp;page=2" rel="next"' in page and 'aria-current="page">有效<' in page
    assert [shown(f"?page={n}") for n in (1, 5, 6)] == [["open", "review"], ["more", "last"], []]
    assert shown(f"?q={many[4].code}") == ["nonconforming"] and shown(f"?kind=valid&q={many[4].code}") == []
    for odd in ("kind=x", "kind=all", "kind=label", "page=0", "q=%00"):
        assert worker.get(f"/m/visits?{odd}").status_code == 200, odd


@pytest.mark.feature("RES-05")
def test_past_rescues_in_which_somebody_was_shut_in(world: World, sign_in: Any) -> None:
    """huzhou 2.5.3: 全部, 困人, 不合规."""
    keys = {}
    for outcome in ("entrapment", "false_alarm", None):
        one = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
        world.session.flush()
        with transaction(world.session) as session:
            row = rescues.report(session, None, one, source="page", at=clock.now())
            row.outcome, keys[row.id] = outcome, outcome
    page = sign_in(world.accounts["worker"]).get("/m/rescues?tab=entrapment").text
    assert [keys[int(k)] for k in re.findall(r'href="/m/rescues/(\d+)"', page)] == ["entrapment"]
    assert 'aria-current="page">困人<' in page

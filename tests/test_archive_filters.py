"""What the manuals' lists are sought by: words of the archive, how hardware stands, a plan's number and services."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from app import clock
from app.listing import LISTINGS, moment
from app.listings import iot
from app.listings.visits import VISITS
from app.models import Elevator, InspectionClock, IotDevice, IotLive, MaintenanceOrder, RepairOrder
from app.permissions import SYSTEM, Role
from app.reports import exports
from app.reports.exports import listing_of
from app.rules.levels import Level
from app.workflows.core.actors import actor_of
from app.workflows.partners import iot_devices
from tests.factories import World, make_account, make_clock, make_complaint, make_elevator, make_unit, make_use_unit
from tests.workflows.clock_world import add_visit

# Name of the filter and the field, what stands there.
WORDS = {
    "model": "LF-F5 (V2)", "controller": "KM-3000", "job_no": "G23-00071", "service_no": "FW00123",
    "manufacturer": "澜州迅程电梯制造公司", "installer": "天阶安装队",
    "owner_name": "澜州岭南置业", "property_name": "揽月物业", "dealer": "岚峰电梯销售公司", "branch": "河湾分公司",
}  # fmt: skip


def keys(world: World, name: str, persona: str = "region_admin", tab: bool = False, **asked: str) -> list[int]:
    listing = listing_of(name) if tab else replace(listing_of(name), tabs=(), where=None)
    rows = listing.page(moment(world.session, world.actor(persona)), listing.read(asked)).rows
    return sorted(row.id if isinstance(row, Elevator) else row.elevator_id for row in rows)


@pytest.fixture
def two(session: Any, world: World) -> tuple[Elevator, Elevator]:
    made = [
        make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, **fields)
        for fields in (WORDS, dict.fromkeys(WORDS))
    ]
    for one in made:
        make_clock(session, one, None)
    session.commit()
    return made[0], made[1]


@pytest.mark.feature("ELV-02", "PLN-09")
@pytest.mark.parametrize("name", ["elevators", "tasks"])
def test_elevators_and_their_tasks_are_found_by_words_of_the_archive(
    world: World, two: tuple[Elevator, Elevator], name: str
) -> None:
    told, blank = two
    for field, words in WORDS.items():
        assert keys(world, name, **{f"f_{field}": words[1:4]}) == [told.id], field
        # What stands for anything in a pattern is a sign like others.
        assert keys(world, name, **{f"f_{field}": "%"}) == keys(world, name, **{f"f_{field}": "_"}) == [], field
        assert keys(world, name, "other_head", **{f"f_{field}": words}) == [], "nobody finds what he does not see"
    assert keys(world, name, f_model="lf-f5 (v2)", f_controller="km") == [told.id]
    assert keys(world, name, f_model="LF-F5", f_controller="别的") == []
    assert blank.id in keys(world, name)


@pytest.mark.feature("PLN-09", "STA-01")
def test_a_task_says_what_the_archive_says(world: World, two: tuple[Elevator, Elevator]) -> None:
    listing = LISTINGS["tasks"]
    names = ("category", "factory_no", "internal_no", "model", "controller")
    columns = [c for n in names if (c := listing.column(n)) is not None]
    query = listing.read({"cols": ",".join(names), "q": two[0].code})
    (row,) = replace(listing, where=None).page(moment(world.session, SYSTEM), query).rows
    here = tuple(getattr(two[0], n) for n in names)
    assert tuple(c.value(row) for c in columns) == here and here[3:] == (WORDS["model"], WORDS["controller"])
    blocks = replace(listing, where=None).blocks(moment(world.session, SYSTEM), query, columns)
    assert [tuple(line) for block in blocks for line in block] == [here], "an export has them, too"


@pytest.fixture
def wired(world: World, session: Any) -> dict[str, Elevator]:
    """One elevator of each state of its hardware, and one whose device was taken off."""
    now = clock.now()
    made: dict[str, Elevator] = {}
    for number, state in enumerate(("online", "offline", "never", "trouble", "mended", "ended", "none")):
        made[state] = one = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
        if state == "none":
            continue
        session.flush()
        form = {"serial": f"SN-{number}", "maker": "澜州云梯科技", "standard": "TIAN-1"}
        device, _key = iot_devices.bind(session, world.actor("maintenance_head"), one.id, form, now)
        seen = now - dt.timedelta(days=2 if state == "offline" else 0)
        fault = {"fault_at": seen, "fault_code": "overspeed", "fault_standard": "TIAN-1", "fault_kind": "fault"}
        if state != "never":
            session.add(IotLive(
                device_id=device.id, seen_at=seen, **(fault if state in ("trouble", "mended") else {}),
                clear_at=seen + dt.timedelta(seconds=1) if state == "mended" else None,
            ))  # fmt: skip
        if state == "ended":
            iot_devices.unbind(session, world.actor("maintenance_head"), device.id, "换新设备", now)
    session.commit()
    return made


@pytest.mark.feature("ELV-02", "INT-03")
def test_elevators_are_found_by_how_their_hardware_stands(world: World, session: Any, wired: Any) -> None:
    own = {one.id for one in wired.values()}

    def found(chosen: str) -> set[int]:
        return own & set(keys(world, "elevators", f_monitored=chosen))

    of = {name: {one.id} for name, one in wired.items()}
    assert found("online") == of["online"] | of["mended"]
    assert found("offline") == of["offline"] | of["never"]
    assert found("trouble") == of["trouble"]
    assert found("none") == of["none"] | of["ended"]
    assert found("online,trouble") == found("online") | found("trouble")
    assert found("online,offline,trouble,none") == own
    # The list of devices says the same of each of them.
    for device in session.query(IotDevice).filter(IotDevice.ended_at.is_(None)):
        assert device.elevator_id in found(iot.state_of(device)), device.serial


@pytest.mark.feature("PLN-09", "INT-03")
def test_tasks_are_found_by_how_the_hardware_stands(world: World, session: Any, wired: Any) -> None:
    for one in wired.values():
        make_clock(session, one, None)
    session.commit()
    own = {one.id for one in wired.values()}
    for chosen in ("online", "offline", "trouble", "none", "offline,none"):
        said = own & set(keys(world, "elevators", f_monitored=chosen))
        assert said and own & set(keys(world, "tasks", f_monitored=chosen)) == said, chosen


@pytest.mark.feature("PLN-09", "MNT-08", "WRN-01")
@pytest.mark.parametrize(
    "name",
    [
        "tasks", "visit_records", "warnings_maintenance", "warnings_inspection", "warnings_governor",
        "warnings_contract",
    ],
)  # fmt: skip
def test_what_is_about_an_elevator_is_sought_by_its_factory_number(
    world: World, session: Any, two: tuple[Elevator, Elevator], name: str
) -> None:
    """It stands on the plate of one that has no label yet (huzhou 1.7.2: 模糊检索)."""
    for number, one in enumerate(two):
        one.factory_no = f"XF-2{number}-0815"
        add_visit(session, one, world.worker, clock.today())
        session.add(InspectionClock(elevator_id=one.id))
    session.commit()
    assert keys(world, name, q="xf-20-08") == [two[0].id]
    assert keys(world, name, q="XF-29") == [] and keys(world, name, "other_head", q="XF-20") == []


@pytest.mark.feature("WRN-01")
def test_warnings_are_found_by_the_day(world: World, session: Any, two: tuple[Elevator, Elevator]) -> None:
    today = clock.today()
    for number, one in enumerate(two):
        one.next_inspection_on = today + dt.timedelta(days=10 * number)
    session.commit()
    first, last = today + dt.timedelta(days=9), today + dt.timedelta(days=10)
    span = {"f_due_from": first.isoformat(), "f_due_to": last.isoformat()}
    assert keys(world, "warnings_inspection", **span) == [two[1].id]
    assert keys(world, "warnings_inspection", f_due_to=today.isoformat()) == [two[0].id]


@pytest.mark.feature("ELV-02", "INT-03", "ACC-09")
def test_who_may_not_look_at_devices_is_told_nothing_of_them(
    world: World, session: Any, wired: Any, sign_in: Any
) -> None:
    """An inspector of a test body sees the elevators of his district, and not how their devices stand."""
    body = make_unit(session, "临河特种设备检测院", is_inspection=True)
    tester = make_account(session, Role.TESTER, unit=body, is_main=True)
    session.commit()
    browser, desk = sign_in(tester), sign_in(world.accounts["region_admin"])
    there = wired["trouble"].code
    for address, seen in (("/elevators/?tab=every&q=" + there, True), ("/elevators/?f_monitored=trouble", False)):
        assert there in desk.get(address).text and (there in browser.get(address).text) is seen, address
    address = "/elevators/?cols=code,hardware,heard_at"
    assert "最近通信" in desk.get(address).text and "最近通信" not in browser.get(address).text
    listing, asked = listing_of("elevators"), exports.Wanted("elevators", "", "code,heard_at")
    mine = exports.chosen(listing, asked, actor_of(tester))
    assert mine.column("heard_at") is None and listing.column("heard_at") is not None
    assert exports.read(mine, asked).columns == ("code",)


@pytest.mark.feature("ELV-02", "ASO-01")
def test_the_register_shows_its_hardware_and_a_past_one_does_not(world: World, wired: Any) -> None:
    listing = listing_of("elevators")
    query = listing.read({"cols": "code,hardware,heard_at", "size": "100"})
    columns = [c for n in query.columns if (c := listing.column(n)) is not None]
    shown = {
        line[0]: line[1:]
        for block in listing.blocks(moment(world.session, SYSTEM), query, columns)
        for line in block
    }
    assert shown[wired["never"].code] == ("bound", None) and shown[wired["ended"].code] == ("none", None)
    bound, heard = shown[wired["offline"].code]
    assert bound == "bound" and heard is not None and clock.now() - heard > dt.timedelta(days=1)
    page = listing.page(moment(world.session, SYSTEM), query)
    told = {row.code: tuple(c.value(row) for c in columns[1:]) for row in page.rows}
    assert all(shown[code] == values for code, values in told.items())
    then = listing.chosen({"as_of": clock.today().isoformat()}, SYSTEM)
    assert then.column("hardware") is None and then.column("heard_at") is None, "no past is kept of it"


@pytest.fixture
def planned(session: Any, world: World) -> dict[str, MaintenanceOrder]:
    """An order of each level, the longest at an elevator of another use unit."""
    other = make_elevator(session, maintenance_unit=world.firm, use_unit=make_use_unit(session))
    session.flush()
    made = {
        level.value: MaintenanceOrder(
            elevator_id=other.id if level is Level.ANNUAL else world.own.id, unit_id=world.firm.id, level=level.value,
            planned_on=clock.today() + dt.timedelta(days=n), limit_on=clock.today() + dt.timedelta(days=n + 1),
            region_code=world.own.region_code, origin="manual",
        )
        for n, level in enumerate(Level)
    }  # fmt: skip
    session.add_all(made.values())
    session.commit()
    return made


@pytest.mark.feature("PLN-05")
def test_a_plan_is_found_by_number_use_unit_and_the_services_it_includes(world: World, planned: Any) -> None:
    def found(persona: str = "region_admin", **asked: str) -> list[str]:
        listing = replace(LISTINGS["orders"], tabs=())
        rows = listing.page(moment(world.session, world.actor(persona)), listing.read(asked)).rows
        return [row.level for row in rows]

    everything = [level.value for level in Level]
    assert found() == found(f_includes="half_month") == everything
    assert found(f_includes="quarter") == everything[1:] and found(f_includes="half_year") == everything[2:]
    assert found(f_includes="annual") == everything[3:]
    # Of several the orders in which one of them at least is done.
    assert found(f_includes="annual,quarter") == everything[1:]
    number = str(planned["quarter"].id)
    assert found(f_number=number) == found(f_number=f" {number} ") == ["quarter"]
    assert found("other_head", f_number=number) == []
    for wrong in ("0", "-1", f"{number}x", "٣", "1.5", "9" * 15, "9" * 40):
        assert found(f_number=wrong) == [], wrong
    assert found(f_use_unit=str(world.use_unit.id)) == everything[:3]


@pytest.mark.feature("MNT-08")
def test_records_of_elevators_that_are_overdue_now(world: World, session: Any) -> None:
    """nantong 2: a record of an overdue elevator stands out."""
    today = clock.today()
    late = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    fine = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    session.flush()
    make_clock(session, late, today - dt.timedelta(days=16))
    make_clock(session, fine, today - dt.timedelta(days=15))
    make_clock(session, world.foreign, today - dt.timedelta(days=40))
    for one, worker in ((late, world.worker), (fine, world.worker), (world.foreign, world.other_worker)):
        add_visit(session, one, worker, today - dt.timedelta(days=16))
    session.commit()

    def found(persona: str, **asked: str) -> set[int]:
        return set(keys(world, "visit_records", persona, **asked))

    assert found("platform_admin", f_overdue="1") == {late.id, world.foreign.id}
    assert found("platform_admin", f_overdue="0") == {fine.id}, "its limit is today: not over yet"
    assert found("maintenance_head", f_overdue="1") == {late.id}
    assert found("maintenance_head", f_overdue="1") | found("maintenance_head", f_overdue="0") == {late.id, fine.id}


@pytest.mark.feature("ELV-02", "REP-02")
@pytest.mark.parametrize("name", ["visit_records", "repairs", "complaints"])
def test_what_happened_says_and_finds_the_kind_of_device(
    world: World, session: Any, two: tuple[Elevator, Elevator], name: str
) -> None:
    lift, escalator = two
    lift.category, lift.site_no, lift.internal_no = "3110", "3 号梯", "A-3"
    escalator.category, escalator.site_no = "3310", None
    for one in two:
        add_visit(session, one, world.worker, clock.today())
        make_complaint(session, one, clock.now())
        session.add(RepairOrder(
            elevator_id=one.id, code=one.code, place=one.place, unit_id=world.firm.id, use_unit_id=world.use_unit.id,
            region_code=one.region_code, level="running", source="report", state="waiting", reported_at=clock.now(),
        ))  # fmt: skip
    session.commit()
    assert keys(world, name, f_category="3310") == [escalator.id]
    assert keys(world, name, f_category="3110,3310") == sorted([lift.id, escalator.id])
    listing = replace(listing_of(name), tabs=(), where=None)
    asked = listing.read({"cols": "category,internal_no,site_no", "f_category": "3110"})
    (row,) = listing.page(moment(session, world.actor("region_admin")), asked).rows
    assert [listing.column(one).value(row) for one in asked.columns] == ["3110", "A-3", "3 号梯"]  # type: ignore[union-attr]


@pytest.mark.feature("ELV-02", "INT-03")
def test_what_happened_is_found_by_the_device_in_the_elevator(
    world: World, session: Any, wired: dict[str, Elevator]
) -> None:
    for one in wired.values():
        add_visit(session, one, world.worker, clock.today())
        make_complaint(session, one, clock.now())
    session.commit()
    for name in ("visit_records", "complaints"):
        assert keys(world, name, f_hardware_no=" SN-0 ") == [wired["online"].id]
        assert keys(world, name, f_hardware_no="SN-5") == [], "what was taken off is in no elevator"
        assert keys(world, name, f_hardware_no="SN") == []
        assert keys(world, name, "other_head", f_hardware_no="SN-0") == []
    assert all(any(f.name == "hardware_no" for f in listing_of(n).filters) for n in ("rescues", "overdue"))


@pytest.mark.feature("MNT-05")
def test_a_page_of_one_kind_of_device_is_read_in_the_order_of_the_list(world: World) -> None:
    """Out of the set of elevators SQLite would read every visit of the kind, and sort them, for fifty."""
    session = world.session
    now = moment(session, world.actor("platform_admin"))
    query = VISITS.read({"f_category": "3110"})
    asked = VISITS.ordered(VISITS.statement(now, query), query).limit(50)
    written = str(asked.compile(dialect=session.get_bind().dialect, compile_kwargs={"literal_binds": True}))
    lite = session.get_bind().dialect.name == "sqlite"
    if not lite:
        # Of a handful of rows it would take any way; whether it can take this one is asked.
        for way in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
    explain = "EXPLAIN QUERY PLAN" if lite else "EXPLAIN"
    plan = " ".join(map(str, session.connection().exec_driver_sql(f"{explain} {written}".replace("%", "%%"))))
    assert "ix_visit_page" in plan and "TEMP B-TREE" not in plan and "Sort" not in plan, plan

"""ASO-01: units, elevators, contracts as of any day and as known on any day: lists, records, exports."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from app import clock
from app.listing import Listing, moment, past_of
from app.listings.contracts import CONTRACTS
from app.listings.elevators import ELEVATORS
from app.listings.units import UNITS
from app.models import ContractElevator, Elevator, Region, StatusChange, Unit, Version
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.approval.filing_fields import snapshot
from app.workflows.contracts import contracts
from tests.factories import World, make_elevator
from tests.workflows.clock_world import at, day

pytestmark = pytest.mark.feature("ASO-01")
JANUARY, MARCH, JUNE = "2026-01-01", "2026-03-01", "2026-06-01"


def version(session: Any, row: Any, number: int, on: str, decided: str | None = None, **fields: Any) -> None:
    session.add(
        Version(
            entity=row.__tablename__, entity_id=row.id, number=number, state="approved", data=snapshot(row) | fields,
            edited_at=at(day(on)), decided_at=at(day(decided or on)), in_force_from=day(on),
        )
    )  # fmt: skip
    session.flush()


def rows(session: Any, listing: Listing, actor: Any = SYSTEM, **args: str) -> list[Any]:
    chosen = listing.chosen(args, actor)
    return chosen.page(moment(session, actor), chosen.read(args)).rows


@pytest.fixture
def told(world: World) -> World:
    """An elevator that moved in March, and was stopped in June; a unit renamed in March, known in June only."""
    session = world.session
    version(session, world.own, 1, JANUARY, address="旧址 1 号")
    version(session, world.own, 2, MARCH, address="新址 2 号", maintenance_unit_id=world.other_firm.id)
    session.add(
        StatusChange(
            entity="elevator", entity_id=world.own.id, field="status", old="in_use", new="suspended", verb="suspension",
            effective_on=day(JUNE), known_at=at(day(JUNE)),
        )
    )  # fmt: skip
    version(session, world.firm, 1, JANUARY, name="恒枢旧名")
    version(session, world.firm, 2, MARCH, JUNE, name="恒枢新名")
    world.own.status = "suspended"
    session.commit()
    return world


def test_an_elevator_as_of_a_day(told: World) -> None:
    code = told.own.code
    (old,) = rows(told.session, ELEVATORS, as_of="2026-02-28", q=code)
    assert (old.address, old.status, old.maintenance_unit.name) == ("旧址 1 号", "in_use", "恒枢旧名")
    (new,) = rows(told.session, ELEVATORS, as_of=MARCH, q=code)
    assert (new.address, new.status, new.maintenance_unit.name) == ("新址 2 号", "in_use", told.other_firm.name)
    (stopped,) = rows(told.session, ELEVATORS, as_of=JUNE, q=code)
    assert stopped.status == "suspended"
    assert rows(told.session, ELEVATORS, as_of="2025-12-31", q=code) == []


def test_as_known_at_an_instant_before_the_change_was_known(told: World) -> None:
    (before,) = rows(told.session, UNITS, as_of="2026-04-01", known_at="2026-05-31", q="恒枢")
    (after,) = rows(told.session, UNITS, as_of="2026-04-01", known_at="2026-06-02", q="恒枢")
    assert (before.name, after.name) == ("恒枢旧名", "恒枢新名")
    (then,) = rows(told.session, ELEVATORS, as_of=JUNE, known_at="2026-05-31", q=told.own.code)
    assert then.status == "in_use"


def test_search_filters_tabs_and_order_ask_the_past(told: World) -> None:
    session = told.session
    assert len(rows(session, ELEVATORS, as_of="2026-02-01", q="旧址")) == 1
    assert rows(session, ELEVATORS, as_of=MARCH, q="旧址") == []
    other = str(told.other_firm.id)
    assert told.own.id in [r.id for r in rows(session, ELEVATORS, as_of=MARCH, f_maintenance_unit=other)]
    assert told.own.id not in [r.id for r in rows(session, ELEVATORS, as_of="2026-02-01", f_maintenance_unit=other)]
    assert [r.id for r in rows(session, ELEVATORS, as_of=JUNE, tab="suspended")] == [told.own.id]
    assert rows(session, ELEVATORS, as_of="2026-05-01", tab="suspended") == []
    listing = ELEVATORS.chosen({"as_of": JUNE}, SYSTEM)
    counts = listing.counts(moment(session, SYSTEM), listing.read({}))
    assert counts["suspended"] == 1 and counts["all"] == 2
    narrow = {"f_region": "980402000000", "f_next_inspection_from": "2098-01-01", "sort": "-code"}
    found = rows(session, ELEVATORS, as_of=JUNE, **narrow)
    assert [r.id for r in found] == [told.own.id]


def test_what_never_had_a_version_stands_since_its_approval(told: World) -> None:
    ids = [r.id for r in rows(told.session, ELEVATORS, as_of=JANUARY)]
    assert told.foreign.id in ids
    assert told.foreign.id not in [r.id for r in rows(told.session, ELEVATORS, as_of="2019-12-31")]
    fresh = make_elevator(told.session, approved_version=0, approved_on=None, filing_state="draft")
    told.session.commit()
    assert fresh.id not in [r.id for r in rows(told.session, ELEVATORS, as_of="2030-01-01")]


def test_todays_register_is_the_register(told: World) -> None:
    """As of now, as known now, every approved elevator with its present status."""
    found = {r.id: r.status for r in rows(told.session, ELEVATORS, as_of="2030-01-01")}
    assert found == {told.own.id: "suspended", told.foreign.id: "in_use"}


def test_whoever_may_not_see_it_now_sees_nothing_of_then(told: World) -> None:
    actor = told.actor("other_head")
    assert [r.id for r in rows(told.session, ELEVATORS, actor, as_of=MARCH)] == [told.foreign.id]
    assert rows(told.session, CONTRACTS, told.actor("use_head"), as_of=MARCH) == []


def test_a_contract_as_it_was_known(world: World) -> None:
    session, actor = world.session, world.actor("maintenance_head")
    today = dt.date(2026, 3, 2)
    data = {
        "number": "HT-1", "kind": "normal", "signed_on": today, "starts_on": today, "ends_on": dt.date(2026, 12, 31),
    }  # fmt: skip
    elevator = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    session.commit()
    with transaction(session):
        row = contracts.save(session, actor, None, data, at(today))
        contracts.bind(session, actor, row.id, [elevator.id], at(today, 2))
    with transaction(session):
        contracts.save(session, actor, row, data | {"ends_on": dt.date(2027, 6, 30), "note": "延长"}, at(day(JUNE)))
    (before,) = rows(session, CONTRACTS, as_of=MARCH, known_at="2026-05-01", q="HT-1")
    assert (before.ends_on, before.note, before.elevator_count) == (dt.date(2026, 12, 31), None, 0)
    (held,) = rows(session, CONTRACTS, as_of="2026-04-01", known_at="2026-05-01", q="HT-1")
    assert (held.elevator_count, held.elevator_codes) == (1, elevator.code)
    (after,) = rows(session, CONTRACTS, as_of="2027-01-01", q="HT-1", tab="active")
    assert (after.ends_on, after.elevator_count) == (dt.date(2027, 6, 30), 1)
    assert rows(session, CONTRACTS, as_of="2027-01-01", known_at="2026-05-01", q="HT-1", tab="active") == []
    assert rows(session, CONTRACTS, as_of=MARCH, known_at="2026-02-01", q="HT-1") == []
    assert session.query(ContractElevator).filter_by(contract_id=row.id).count() == 2


@pytest.mark.parametrize("query", ["as_of=abc", "known_at=x", "as_of=2026-02-30"])
def test_a_day_that_is_none_is_named(told: World, sign_in: Any, query: str) -> None:
    text = sign_in(told.accounts["inspector"]).get(f"/elevators/?{query}").text
    assert "不是有效的时间" in text and "您看到的是" not in text


NOON = dt.datetime(2026, 7, 1, 4, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("args", "on", "known_at", "left_out"),
    [
        ({}, None, None, []),
        ({"as_of": "2026-03-01"}, "2026-03-01", NOON, []),
        # One alone says the other.
        ({"known_at": "2026-03-01"}, "2026-03-01", dt.datetime(2026, 3, 1, 15, 59, 59, tzinfo=dt.UTC), []),
        ({"known_at": "2026-03-01T20:00:00Z"}, "2026-03-02", dt.datetime(2026, 3, 1, 20, tzinfo=dt.UTC), []),
        ({"as_of": "2030-01-01", "known_at": "2026-03-01 08:00"}, "2030-01-01",
         dt.datetime(2026, 3, 1, tzinfo=dt.UTC), []),
        # What is yet to come is as it is known now.
        ({"known_at": "9999-12-31T23:59:59Z"}, "2026-07-01", NOON, ["known_at"]),
        ({"known_at": "9999-12-31T23:59:59-12:00"}, None, None, ["known_at"]),
        ({"as_of": "1950-01-01", "known_at": "1950-01-01T00:00:00Z"}, "1950-01-01",
         dt.datetime(1950, 1, 1, tzinfo=dt.UTC), []),
        ({"as_of": "1949-12-31", "known_at": "0001-01-02T00:00:00+08:05"}, None, None, ["as_of", "known_at"]),
        ({"as_of": "2199-12-31"}, "2199-12-31", NOON, []),
        ({"as_of": "2200-01-01"}, None, None, ["as_of"]),
        ({"as_of": "0001-01-01", "known_at": "2026-03-01"}, "2026-03-01",
         dt.datetime(2026, 3, 1, 15, 59, 59, tzinfo=dt.UTC), ["as_of"]),
        ({"as_of": " ", "known_at": "0001-01-01T00:00:00+14:00"}, None, None, ["known_at"]),
    ],
)  # fmt: skip
def test_what_an_address_asks_for(
    args: dict[str, str], on: str | None, known_at: dt.datetime | None, left_out: list[str]
) -> None:
    with clock.frozen(NOON):
        past, wrong = past_of(args)
    assert [one.field for one in wrong] == left_out
    assert (past and past.on.isoformat(), past and past.known_at) == (on, known_at)
    assert past is None or (past.told, past.ahead) == (
        "known_at" in args and (past.ahead or "known_at" not in left_out), args.get("known_at", "") > "3"
    )


def test_a_machine_says_the_zone() -> None:
    for typed in ("2026-03-01", "2026-03-01T08:00", "x"):
        past, wrong = past_of({"known_at": typed}, zoned=True)
        assert past is None and [one.value for one in wrong] == [typed]
    assert past_of({"known_at": "2026-03-01T08:00+08:00"}, zoned=True)[1] == []


def test_pages_lists_and_the_api_read_it_alike(told: World, sign_in: Any) -> None:
    browser, far = sign_in(told.accounts["inspector"]), "9999-12-31T23:59:59Z"
    for page in (f"/elevators/{told.own.id}", f"/units/{told.firm.id}"):
        # Of an instant alone its day is meant, as in lists.
        assert "2026-02-01 的档案，按 2026-02-01 23:59 所知" in browser.get(f"{page}?known_at=2026-02-01").text
        assert "2026-02-01 的档案" in browser.get(f"{page}?as_of=2026-02-01&known_at={far}").text
        text = browser.get(f"{page}?as_of=0001-01-01").text
        assert "截至日期：“0001-01-01”不是有效的时间，已按现在显示" in text and "当日没有审核" not in text
    assert "“0001-01-01”不是有效的时间" in browser.get("/units/?as_of=0001-01-01").text
    for door in (f"/api/v1/units/{told.firm.id}/as-of", "/api/v1/units", f"/api/v1/elevators/{told.own.id}/as-of"):
        for name, typed in (("known_at", far), ("as_of", "0001-01-01"), ("as_of", "9999-12-31")):
            answer = browser.get(f"{door}?{name}={typed}")
            assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, name), (door, typed)
            assert "已按现在显示" not in answer.text


def test_the_list_says_loudly_that_it_is_the_past(told: World, sign_in: Any) -> None:
    browser = sign_in(told.accounts["inspector"])
    text = browser.get("/elevators/?as_of=2026-02-01").text
    assert "您看到的是 2026-02-01 的登记" in text and "旧址 1 号" in text and "回到现在" in text
    assert f"/elevators/{told.own.id}?as_of=2026-02-01" in text
    assert "旧址 1 号" in browser.get(f"/elevators/{told.own.id}?as_of=2026-02-01").text
    assert "恒枢旧名" in browser.get("/units/?as_of=2026-02-01").text
    assert "恒枢旧名" in browser.get(f"/units/{told.firm.id}?as_of=2026-04-01&known_at=2026-05-01").text
    contract = browser.get(f"/contracts/{told.contract.id}?as_of=2020-06-01").text
    assert "2020-06-01 的合同" in contract


def invoke(app: Any, *arguments: str, code: int = 0) -> str:
    done = app.test_cli_runner().invoke(args=list(arguments))
    assert done.exit_code == code, done.output + repr(done.exception)
    return str(done.output)


@pytest.mark.feature("RPR-01")
def test_the_command_exports_the_past_and_proves_it(app: Any, told: World, tmp_path: Path) -> None:
    file = tmp_path / "past.csv"
    made = json.loads(invoke(app, "export", "elevators", str(file), "--as-of", "2026-02-01", "--json"))
    text = file.read_text(encoding="utf-8-sig")
    assert made["rows"] == 2 and "旧址 1 号" in text and "恒枢旧名" in text and "登记截至：2026-02-01" in made["filter"]
    version(told.session, told.own, 3, "2026-07-01", address="再迁 3 号")
    told.session.commit()
    proved = json.loads(invoke(app, "export", "--verify", str(file), "--json"))
    assert proved["known"] and proved["intact"] and proved["same_now"]
    for kind, model in (("units", Unit), ("contracts", None), ("elevators", Elevator)):
        assert model is None or told.session.query(model).count()
        whole = str(tmp_path / f"{kind}.xlsx")
        assert json.loads(invoke(app, "export", kind, whole, "--as-of", MARCH, "--json"))["rows"]
    assert "没有历史" in invoke(app, "export", "visits", str(tmp_path / "v.csv"), "--as-of", MARCH, code=1)
    assert "不是有效的时间" in invoke(app, "export", "units", str(tmp_path / "v.csv"), "--as-of", "x", code=1)


@pytest.mark.feature("ASO-01", "ELV-02")
def test_a_past_row_says_its_district_as_the_present_one_does(told: World) -> None:
    code = told.own.code
    (past,) = rows(told.session, ELEVATORS, as_of="2026-02-28", q=code)
    listing = ELEVATORS.chosen({"as_of": "2026-02-28"}, SYSTEM)
    now = ELEVATORS.page(moment(told.session, SYSTEM), ELEVATORS.read({"q": code, "cols": "code,district"})).rows[0]
    said = [one.column("district").value(row) for one, row in ((listing, past), (ELEVATORS, now))]  # type: ignore[union-attr]
    district = told.session.query(Region).filter_by(code=told.own.region_code[:6] + "0" * 6).one()
    assert said == [district.name, district.name]
    units = UNITS.page(moment(told.session, SYSTEM), UNITS.read({"cols": "name,district", "size": "50"})).rows
    names = {r.code: r.name for r in told.session.query(Region).filter_by(level="district")}
    assert units and all(
        UNITS.column("district").value(row) == names.get(row.region_code[:6] + "0" * 6)  # type: ignore[union-attr]
        for row in units
    )

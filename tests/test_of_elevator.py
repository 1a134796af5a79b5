"""所属辖区, 区县, 注册代码 and 楼盘 in every list of rows about an elevator: shown, exported and sought (ELV-02)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.demo.builder import Builder
from app.listing import LISTINGS, Listing, moment
from app.listings.warnings import KINDS
from app.models import ContractElevator, Elevator, Region, Visit
from app.permissions import SYSTEM
from app.reports.exports import listing_of
from tests.factories import World, make_clock, make_complaint, make_elevator
from tests.statements import statements

FACTS = ("region", "district", "registration_code", "estate")
# Those that a person sees besides the register's own.
LISTS = (
    "tasks", "orders", "overdue", "ledgers", "visit_records", "label_photos", "repairs", "anomalies", "complaints",
    "elevator_messages", "rescues", "rescue_centre", "inspections", "inspections_due", "components", "landing_doors",
    "iot_devices", "iot_events", "warnings_maintenance", "warnings_inspection", "warnings_governor",
    "warnings_component", "warnings_contract", "warnings_device",
)  # fmt: skip
CODE = "31103304002019050001"


def elevator_of(row: Any) -> Elevator:
    found: Elevator = row if isinstance(row, Elevator) else row.elevator
    return found


def whole(listing: Listing) -> Listing:
    """All its rows, whatever tab and span it has."""
    return replace(listing, tabs=(), where=None)


@pytest.fixture
def many(session: Any) -> Any:
    Builder(session, 60, 5, clock.now(), None).build()
    session.commit()
    return session


@pytest.mark.feature("ELV-02")
def test_every_list_of_elevators_shows_them_as_they_are(many: Any) -> None:
    listing_of("elevators")
    names = {r.code: r.name for r in many.query(Region)}
    compared = 0
    for name in LISTS:
        listing = whole(LISTINGS[name])
        assert all(listing.column(fact) is not None for fact in FACTS), name
        assert {"registration_code", "estate"} <= {f.name for f in listing.filters}, name
        query = listing.read({"cols": ",".join(FACTS), "size": "20"})
        for row in listing.page(moment(many, SYSTEM), query).rows:
            shown = [listing.column(fact).value(row) for fact in FACTS]  # type: ignore[union-attr]
            about = elevator_of(row)
            place = [names[row.region_code], names[row.region_code[:6] + "0" * 6]]
            assert shown == [*place, about.registration_code, about.estate], name
            compared += 1
    assert compared > 150


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("name", ["orders", "visit_records", "tasks", "warnings_maintenance"])
def test_a_page_asks_for_them_once_however_many_rows(many: Any, name: str) -> None:
    listing = whole(LISTINGS[name])

    def asked(size: int, columns: str) -> int:
        many.expire_all()
        query = listing.read({"size": str(size), "cols": columns})
        with statements() as seen:
            page = listing.page(moment(many, SYSTEM), query)
            found = [listing.column(c).value(row) for row in page.rows for c in query.columns]  # type: ignore[union-attr]
        assert len(page.rows) == size and len(found) == size * len(query.columns)
        return len([s for s in seen if not s.startswith(("BEGIN", "COMMIT", "ROLLBACK"))])

    shown = ",".join((*listing.default, *FACTS))
    assert asked(2, shown) == asked(12, shown) == asked(12, "") + 1


@pytest.mark.feature("ELV-02", "STA-01")
def test_an_export_has_them_beside_its_own(many: Any) -> None:
    listing = whole(LISTINGS["visit_records"])
    query = listing.read({"cols": "code,registration_code,estate,region", "sort": "visit_on"})
    columns = [c for n in query.columns if (c := listing.column(n)) is not None]
    rows = [tuple(row) for block in listing.blocks(moment(many, SYSTEM), query, columns, chunk=7) for row in block]
    by_code = {e.code: e for e in many.query(Elevator)}
    assert len(rows) == many.query(Visit).count() > 20
    assert all((by_code[code].registration_code, by_code[code].estate) == (said, estate)
               for code, said, estate, _region in rows)  # fmt: skip


@pytest.fixture
def three(session: Any, world: World) -> tuple[Elevator, Elevator, Elevator]:
    made = [
        make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, **fields)
        for fields in (
            {"registration_code": CODE, "estate": "揽月湾花园"},
            {"registration_code": CODE[:-1] + "2", "estate": "揽月湾 Garden 二期"},
            {"registration_code": None, "estate": None},
        )
    ]
    for one in made:
        make_clock(session, one, None)
        make_complaint(session, one, clock.now())
    session.commit()
    return made[0], made[1], made[2]


def found(world: World, name: str, persona: str = "region_admin", **asked: str) -> list[int]:
    listing = whole(LISTINGS[name])
    rows = listing.page(moment(world.session, world.actor(persona)), listing.read(asked)).rows
    return sorted(elevator_of(row).id for row in rows)


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("name", ["tasks", "complaints", "warnings_inspection"])
def test_rows_are_found_by_code_and_estate(world: World, three: tuple[Elevator, ...], name: str) -> None:
    first, second, _third = (e.id for e in three)
    assert found(world, name, f_registration_code=CODE) == [first]
    assert found(world, name, f_registration_code=f" {CODE[:10]} {CODE[10:]} ") == [first]
    # The code is a whole or nothing: parts stand in the search box.
    assert found(world, name, f_registration_code=CODE[:-1]) == []
    assert found(world, name, f_estate="揽月湾") == [first, second]
    assert found(world, name, f_estate="garden 二期") == [second]
    assert found(world, name, f_estate="揽") == [first, second]
    assert found(world, name, f_estate="%") == found(world, name, f_estate="_") == []
    assert found(world, name, f_estate="揽月湾", f_registration_code=CODE[:-1] + "2") == [second]
    # Nobody finds by them what he does not see anyway.
    assert found(world, name, "other_head", f_estate="揽月湾") == []


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("name", ["tasks", "warnings_maintenance", "ledgers"])
def test_the_search_box_takes_a_registration_code(world: World, three: tuple[Elevator, ...], name: str) -> None:
    assert found(world, name, q=CODE) == [three[0].id]
    assert found(world, name, q=CODE[4:19]) == [three[0].id, three[1].id]


@pytest.mark.feature("ELV-02", "STA-01")
def test_the_page_and_its_filter_say_them(world: World, three: tuple[Elevator, ...], sign_in: Any) -> None:
    browser = sign_in(world.accounts["maintenance_head"])
    page = browser.get("/complaints/?cols=code,region,registration_code,estate&f_estate=揽月湾花园").text
    assert CODE in page and "揽月湾花园" in page and CODE[:-1] + "2" not in page
    assert "所属辖区" in page and "注册代码" in page


@pytest.mark.feature("CON-01")
def test_contracts_are_found_by_an_elevator_under_them(world: World, session: Any) -> None:
    listing = LISTINGS["contracts"]

    def under(elevator: Elevator, persona: str = "region_admin") -> list[int]:
        query = listing.read({"f_elevator": str(elevator.id)})
        return [row.id for row in listing.page(moment(session, world.actor(persona)), query).rows]

    assert under(world.own) == [world.contract.id] and under(world.foreign) == []
    assert under(world.own, "other_head") == []
    line = session.scalars(select(ContractElevator).where(ContractElevator.elevator_id == world.own.id)).one()
    line.removed_at = clock.now()
    session.commit()
    assert under(world.own) == []


@pytest.mark.feature("WRN-01")
def test_what_is_near_and_what_is_over_stand_in_one_list_too(many: Any) -> None:
    now, some = moment(many, SYSTEM), 0
    for name, listing in KINDS.items():
        over, near, both = (listing.total(now, listing.read({"tab": tab})) for tab in ("over", "near", "all"))
        assert both == over + near, name
        told = listing.counts(now, listing.read({}))
        assert (told["over"], told["near"], told["all"]) == (over, near, both), name
        some += min(over, near)
    assert some

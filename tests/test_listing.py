"""Lists and their exports: the same rows however they are read, pages from both ends, what a page costs."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from itertools import product
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock, scope
from app.demo.builder import Builder
from app.listing import LISTINGS, Listing, Moment, Query, moment
from app.listings import kinds, warnings
from app.listings.elevators import ELEVATORS
from app.models import Component, Elevator, MaintenanceClock, Region
from app.models.policy import policy_groups, policy_value
from app.permissions import SYSTEM, Actor, Role, Verb
from app.policy import Key
from app.reports.exports import listing_of
from app.views.frame import menu
from tests.factories import World, make_clock, make_elevator, make_policy
from tests.statements import statements

NOW = dt.datetime(2026, 11, 20, 3, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 20)


def by_object(listing: Listing, now: Moment, query: Query, columns: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(c.value(row) for c in columns) for row in listing.rows(now, query)]


@pytest.mark.feature("STA-01")
def test_values_straight_from_the_database_are_those_of_the_rows(session: Any) -> None:
    Builder(session, 40, 3, clock.now(), None).build()
    session.commit()
    listing_of("elevators")
    now = moment(session, SYSTEM)
    straight = 0
    for listing in (*LISTINGS.values(), *kinds.KINDS.values()):
        columns = [c for c in listing.columns if c.sql is not None]
        if not columns:
            continue
        names = tuple(c.name for c in columns)
        query = Query(sort=listing.order[0], descending=listing.order[1], columns=names)
        blocks = [tuple(row) for block in listing.blocks(now, query, columns, chunk=7) for row in block]
        assert blocks == by_object(listing, now, query, columns), listing.name
        straight += len(blocks)
    assert straight > 1000


@pytest.mark.feature("STA-01")
def test_every_list_is_counted_for_its_export_whoever_asks(world: World) -> None:
    """As a page asks: as somebody who sees a part of what there is."""
    for who in ("platform_admin", "inspector", "maintenance_head", "use_head", "clerk"):
        actor = world.actor(who)
        with scope.acting(actor):
            now = moment(world.session, actor)
            for listing in (*LISTINGS.values(), *kinds.KINDS.values()):
                query = listing.read({})
                assert listing.total(now, query) == len(list(listing.rows(now, query))), (who, listing.name)


@pytest.mark.feature("ELV-02")
def test_the_register_is_read_without_an_object_a_row(world: World) -> None:
    now = moment(world.session, world.actor("region_admin"))
    columns = [c for n in ELEVATORS.default if (c := ELEVATORS.column(n)) is not None]
    with statements() as seen:
        found = [row for block in ELEVATORS.blocks(now, ELEVATORS.read({}), columns) for row in block]
    assert len(found) == 1 and len(seen) == 1


@pytest.fixture
def dozen(world: World) -> list[int]:
    """Elevators of one firm, newest first, as its list shows them."""
    made = [make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit) for _n in range(11)]
    world.session.commit()
    return sorted([world.own.id, *(e.id for e in made)], reverse=True)


# What may be asked beside a page's number.
PLACES: list[dict[str, str]] = [
    {}, {"tab": "in_use"}, {"tab": "due"}, {"sort": "code"}, {"f_status": "in_use"}, {"q": "云樾"},
]  # fmt: skip


def keys(world: World, **args: str) -> list[int]:
    now = moment(world.session, world.actor("region_admin"))
    return list(ELEVATORS.page(now, ELEVATORS.read({"size": "5"} | args)).keys)


@pytest.mark.feature("ELV-02")
def test_pages_are_counted_from_both_ends(world: World, dozen: list[int]) -> None:
    assert keys(world) == dozen[:5] and keys(world, page="3") == dozen[10:]
    assert keys(world, page="-1") == dozen[-5:] and keys(world, page="-2") == dozen[2:7]
    assert keys(world, row="11") == dozen[10:] and keys(world, row="5") == dozen[:5]
    rising = {"sort": "code"}
    assert keys(world, page="-1", **rising) == list(reversed(keys(world, sort="-code")))


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("tab", ["all", "in_use"])
def test_the_neighbouring_page_starts_at_the_edge_of_the_shown_one(
    world: World, dozen: list[int], tab: str
) -> None:
    assert keys(world, page="2", after=str(dozen[4]), tab=tab) == dozen[5:10]
    assert keys(world, page="2", before=str(dozen[10]), tab=tab) == dozen[5:10]
    assert keys(world, page="-1", after=str(dozen[6]), tab=tab) == dozen[7:]
    # Sorted otherwise, the page's number says where it is.
    assert keys(world, page="2", after=str(dozen[4]), sort="code") == keys(world, page="2", sort="code")


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("everywhere", [True, False], ids=["who sees all there is", "who sees a part"])
@pytest.mark.parametrize("role", ["region_admin", "inspector"])
def test_far_pages_are_the_same_however_they_are_counted_off(
    world: World, dozen: list[int], monkeypatch: Any, role: str, everywhere: bool
) -> None:
    world.session.get(Elevator, dozen[4]).is_secret = True
    world.session.get(Elevator, dozen[7]).status = "scrapped"
    if everywhere:
        world.foreign.region_code = world.own.region_code
    world.session.commit()
    now = moment(world.session, world.actor(role))
    asked = [{"page": page, **more} for page in ("1", "2", "3", "9", "-1", "-2", "-9") for more in PLACES]
    near = [ELEVATORS.page(now, ELEVATORS.read({"size": "4"} | args)).keys for args in asked]
    monkeypatch.setattr("app.listing.FAR", 0)
    with statements() as seen:
        far = [ELEVATORS.page(now, ELEVATORS.read({"size": "4"} | args)).keys for args in asked]
    assert far == near and any(far)
    told = any("min(elevator.region_code)" in statement for statement in seen)
    assert told is (role == "region_admin")
    assert (world.foreign.id in {key for keys in far for key in keys}) is everywhere


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("wrong", ["0", "-0", "x", "-", "--1", "1e3", "99999999"])
def test_a_page_that_is_none_is_said_and_the_first_shown(wrong: str) -> None:
    query = ELEVATORS.read({"page": wrong})
    assert query.page in (1, -1) and query.notices


@pytest.mark.feature("PLN-05")
def test_what_is_over_begins_with_its_last_row() -> None:
    """Of orders that wait the first due is the head; of those that were done the last, unless asked otherwise."""
    orders = listing_of("orders")
    assert [orders.read({"tab": tab}).descending for tab in ("", "open", "late", "free", "approving")] == [False] * 5
    assert [orders.read({"tab": tab}).descending for tab in ("done", "void", "all")] == [True] * 3
    assert orders.read({"tab": "done", "sort": "planned_on"}).descending is False
    assert orders.read({"tab": "open", "sort": "-planned_on"}).descending is True


@pytest.mark.feature("ELV-02")
def test_far_pages_have_their_links(world: World, dozen: list[int], sign_in: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("app.listing.COUNT_CAP", 6)
    browser = sign_in(world.accounts["region_admin"])
    page = browser.get("/elevators/?size=2&tab=in_use").text
    assert 'name="row"' in page and "page=-1" in page and f"page=2&amp;after={dozen[1]}" in page
    page = browser.get("/elevators/?size=2&page=-2").text
    assert "倒数第 2 页" in page and f"page=-1&amp;after={dozen[-3]}" in page
    assert f"page=-3&amp;before={dozen[-4]}" in page


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("persona", ["region_admin", "inspector", "maintenance_head", "use_head"])
def test_a_list_page_takes_eight_statements_at_most(world: World, sign_in: Any, persona: str) -> None:
    browser = sign_in(world.accounts[persona])
    browser.get("/elevators/")
    # A search first asks, in one statement more, how many rows hold its words.
    for address, most in (("/elevators/?tab=overdue&q=2", 8), ("/elevators/", 7)):
        with statements() as seen:
            assert browser.get(address).status_code == 200
        assert len([s for s in seen if not s.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]) <= most, seen


@pytest.mark.feature("ELV-02")
def test_what_is_counted_elsewhere_is_as_many(session: Any) -> None:
    Builder(session, 150, 3, clock.now(), None, 60).build()
    session.commit()
    inside = select(func.count()).where(MaintenanceClock.in_use.is_(False))
    assert session.scalar(inside), "stopped elevators have clocks, too"
    tabs = [t.key for t in ELEVATORS.tabs if t.counted is not None]
    assert tabs == ["overdue", "due", "uncovered"]
    for row in session.scalars(select(Elevator)).all():
        due_on = clock.today() + dt.timedelta(days=row.id % 80 - 40)
        session.add(Component(
            elevator_id=row.id, region_code=row.region_code, name="曳引轮", installed_on=due_on, life_months=1,
            due_on=due_on, ended_on=due_on if row.id % 7 == 0 else None,
        ))  # fmt: skip
    session.commit()
    seen: Counter[str] = Counter()
    for role, region in product((Role.REGION_ADMIN, Role.INSPECTOR), ("980400000000", "980402000000")):
        now = moment(session, Actor(1, "x", frozenset({role}), region_code=region))
        query = ELEVATORS.read({})
        counts = ELEVATORS.counts(now, query)
        for tab in ELEVATORS.tabs:
            keys = session.scalars(ELEVATORS.statement(now, query, tab=tab.key)).all()
            assert counts[tab.key] == len(keys), (role, region, tab.key)
            seen[tab.key] += len(keys)
        warned = warnings.counts(now)
        for kind, level in warnings.NAMES:
            listing = warnings.KINDS[kind]
            keys = session.scalars(listing.statement(now, listing.read({}), tab=level)).all()
            assert warned[kind, level] == listing.counts(now, listing.read({}))[level] == len(keys), (role, kind, level)
            seen[kind] += len(keys)
        narrowed = ELEVATORS.counts(now, ELEVATORS.read({"f_region": "980403000000"}))
        assert all(narrowed[key] <= counts[key] for key in tabs)
    assert all(seen[key] for key in (*tabs, "maintenance", "contract", "component")), seen


@pytest.mark.feature("ELV-02")
def test_a_page_after_another_counts_no_more_than_its_own_tab(
    world: World, app: Any, sign_in: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(app.config, "MENU_NUMBERS_SECONDS", 60)
    browser = sign_in(world.accounts["region_admin"])
    browser.get("/elevators/")
    with statements() as seen:
        assert browser.get("/elevators/").status_code == 200
    assert len([s for s in seen if s.startswith("SELECT")]) <= 7
    assert sum(s.count("count(*)") for s in seen) <= 3, seen  # the tab, the inbox, the officer's queue


@pytest.mark.feature("ACC-13")
def test_rights_and_menu_take_two_statements_however_long_the_menu(
    world: World, app: Any, sign_in: Any, monkeypatch: Any
) -> None:
    browser = sign_in(world.accounts["region_admin"])
    monkeypatch.setitem(app.config, "MENU_NUMBERS_SECONDS", 60)

    def cost() -> int:
        browser.get("/search/")
        with statements() as seen:
            assert browser.get("/search/").status_code == 200
        return len([s for s in seen if s.startswith("SELECT")])

    few = cost()
    more = menu.Group("", tuple(menu.Entry("x", "ElevatorScreen.list", "lift", Verb.ELEVATOR_READ) for _n in range(36)))
    monkeypatch.setattr(menu, "MENU", (*menu.MENU, more))
    # The account with its roles and whether the session was ended; the shell with the menu's numbers.
    assert cost() == few == 2


@pytest.mark.feature("WRN-01")
def test_what_is_due_is_kept_by_the_database(world: World) -> None:
    row = make_clock(world.session, world.own, TODAY)
    world.session.commit()

    def kept() -> Any:
        world.session.commit()
        return world.session.execute(select(MaintenanceClock.due_on, MaintenanceClock.cover_on)).one()

    long_past = dt.date(1, 1, 1)
    row.covered_until = TODAY
    assert kept() == (row.limit_on, TODAY)
    row.missed, row.covered_until = 1, None
    assert kept() == (long_past, long_past)
    row.paused_on = TODAY
    assert kept() == (None, long_past)


@pytest.mark.feature("PLN-03")
def test_regions_are_grouped_by_value_as_each_would_be_asked(world: World) -> None:
    for value, code in ((20, "980400000000"), (25, "980402000000"), (30, "980402001000"), (25, "980403000000")):
        make_policy(world.session, "near_maintenance_days", value, code)
    world.session.commit()
    key, today = Key.NEAR_MAINTENANCE_DAYS, clock.today()
    groups = policy_groups(world.session, key, today, Region.code)
    assert len(groups) >= 4
    for code in world.session.scalars(select(Region.code)):
        hit = [v for v, where in groups if world.session.scalar(select(Region.id).where(Region.code == code, where))]
        assert hit == [policy_value(world.session, key, code, today)], code


@pytest.mark.feature("ELV-02")
def test_no_list_has_a_search_box_that_finds_nothing_out(world: World, sign_in: Any) -> None:
    """A list without searched columns took any words, showed them as a condition and all rows below."""
    browser = sign_in(world.accounts["region_admin"])
    assert {name for name, listing in LISTINGS.items() if not listing.search} == {"provincial_runs"}
    assert 'type="search" name="q"' in browser.get("/commitments/").text
    page = browser.get("/provincial/runs/?q=x").text
    assert 'type="search" name="q"' not in page and "搜索 " not in page.split("<main", 1)[-1]

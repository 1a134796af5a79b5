"""The register's page as the city's regulator opens it, through the whole application; beside three stock admins.

The baselines are page 1 of the same rows in tables of their own (bench/baselines), each in a process of its own.
What is promised of a million elevators is judged there: in a city the others' exact counts cost little yet.
"""

from __future__ import annotations

import random

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Elevator
from bench.baselines import register
from bench.harness import Measured, at_most, figure, seconds, times_faster
from bench.world import World

HEAD = "/elevators/"
PROVINCE = 1_000_000
_first: dict[str, float] = {}
_stock: dict[tuple[str, str], register.Page] = {}


def page_1(world: World) -> float:
    return world.browser().median(HEAD).ms


def stock(world: World, framework: str) -> register.Page:
    """A framework's page, measured once a world."""
    key = (world.suffix, framework)
    if key not in _stock:
        _stock[key] = register.first_page(world, framework)
    return _stock[key]


@figure("list.page.fab", unit="ms", goal=times_faster(30), judged_from=PROVINCE)
def beside_fab(world: World) -> Measured:
    """25 rows with menu, scope, rights and twelve tabs; beside stock Flask-AppBuilder.

    Stock also reads every unit into its hidden search form, which is most of its time where units are many.

    The second page of a person within seconds: the other tabs' numbers are those of the first (views/frame/lately.py).
    """
    return Measured(page_1(world), stock(world, "fab").ms)


@figure("list.page.counted", unit="ms", goal=times_faster(30), judged_from=PROVINCE)
def counted(world: World) -> Measured:
    """The same where nothing was counted a moment ago: whoever opens the list first, or has just done something."""
    with world.browser().counting():
        return Measured(page_1(world), stock(world, "fab").ms)


@figure("list.page.flask_admin", unit="ms", goal=times_faster(3), judged_from=PROVINCE)
def beside_flask_admin(world: World) -> Measured:
    return Measured(page_1(world), stock(world, "flask_admin_list").ms)


@figure("list.page.django_admin", unit="ms", goal=times_faster(3), judged_from=PROVINCE)
def beside_django_admin(world: World) -> Measured:
    return Measured(page_1(world), stock(world, "django_admin").ms)


@figure("list.statements", unit="statements", goal=at_most(8, of="value"))
def statements(world: World) -> Measured:
    return Measured(world.browser().open(HEAD).statements, stock(world, "fab").statements)


@figure("list.growth", unit="ms", goal=at_most(1.3))
def growth(world: World) -> Measured:
    """Beside the same page in the smallest world of this database."""
    took = page_1(world)
    return Measured(took, _first.setdefault(world.kind, took))


def beside_page_1(world: World, address: str) -> Measured:
    """In turns, so that a busy machine slows both alike; both count their tabs."""
    browser = world.browser()
    with browser.counting():
        browser.open(address), browser.open(HEAD)
        times = [(browser.open(address).ms, browser.open(HEAD).ms) for _ in range(9)]
    return Measured(sorted(a for a, _b in times)[4], sorted(b for _a, b in times)[4])


@figure("list.last_page", unit="ms", goal=at_most(2))
def last_page(world: World) -> Measured:
    return beside_page_1(world, f"{HEAD}?page=-1")


@figure("list.jump", unit="ms", goal=at_most(2))
def jump(world: World) -> Measured:
    """To the row in the middle, the farthest there is: half of an index is counted off, exactly, each time."""
    return beside_page_1(world, f"{HEAD}?row={world.elevators // 2}")


@figure("list.search.6", unit="ms", goal=at_most(2))
def search_six(world: World) -> Measured:
    """A whole code: the middle of five that chance drew, the same ones each run (700000 has common pairs only)."""
    dice = random.Random(7)
    places = [dice.randrange(world.elevators) for _ in range(5)]
    with Session(world.database.engine) as session:
        codes = [
            session.scalar(select(Elevator.code).order_by(Elevator.id).offset(place).limit(1)) for place in places
        ]
    found = [beside_page_1(world, f"{HEAD}?q={code}") for code in codes]
    return sorted(found, key=lambda measured: measured.value / (measured.baseline or 1))[2]


@figure("list.search.common", unit="ms", goal=at_most(2))
def search_common(world: World) -> Measured:
    """Two characters that stand in every address: told by a sample, then found by reading on; one tab is counted."""
    return beside_page_1(world, f"{HEAD}?q=单元")


@figure("list.search.some", unit="ms", goal=at_most(2))
def search_some(world: World) -> Measured:
    """Two characters that stand in some per cent of the rows, where neither reading on nor an index is at its best."""
    return beside_page_1(world, f"{HEAD}?q=云樾")


@figure("list.search.rare", unit="ms", goal=at_most(2))
def search_rare(world: World) -> Measured:
    """Two characters that stand nowhere."""
    return beside_page_1(world, f"{HEAD}?q=罕见")


@figure("menu.statements", unit="statements", goal=at_most(2, of="value"))
def menu_statements(world: World) -> Measured:
    """What every page asks: the account with its rights and its session, the shell with its counts."""
    browser = world.browser()
    browser.open("/search/")
    return Measured(browser.open("/search/").statements)


@figure("warnings.page", unit="ms", goal=at_most(5, of="value"))
def warnings_page(world: World) -> Measured:
    """All that the page's and the menu's counts take, as both ask for them: in one statement that is kept. No rows."""
    return Measured(counts_ms(world), scans_ms(world))


@figure("warnings.scans", unit="ms", goal=times_faster(100), judged_from=PROVINCE)
def warnings_scans(world: World) -> Measured:
    """The same counts beside five sequential scans, which grow with the register."""
    return Measured(counts_ms(world), scans_ms(world))


def counts_ms(world: World) -> float:
    from app import clock
    from app.listing import Moment
    from app.listings import warnings
    from app.permissions import Actor, Role
    from app.transaction import plan_anew

    actor = Actor(0, "bench", frozenset({Role.REGION_ADMIN}), region_code="980400000000")
    now = clock.now()
    times = []
    with Session(world.database.engine) as session:
        plan_anew(session)  # as a page is
        asked = Moment(session, actor, clock.local_day(now), now)
        for turn in range(10):
            took = seconds(lambda: warnings.counts(asked)) * 1000
            if turn:  # the first puts the question together, for all accounts of a kind and for the day
                times.append(took)
    return sorted(times)[4]


def scans_ms(world: World) -> float:
    """What is over and near, counted by reading every clock and elevator."""
    from app import clock
    from app.models import MaintenanceClock

    today = clock.today()
    held = MaintenanceClock
    conditions = (
        (held.missed > 0) | (held.limit_on < today), held.limit_on == today, held.covered_until.is_(None),
        held.covered_until == today,
    )  # fmt: skip
    with Session(world.database.engine) as session:
        whole = [select(func.count(held.last_visit_on)).where(c) for c in conditions]
        whole.append(select(func.count(Elevator.address)).where(Elevator.next_inspection_on <= today))
        return min(sum(_took(session, statement) for statement in whole) for _ in range(3))


def _took(session: Session, statement: object) -> float:
    return seconds(lambda: session.execute(statement).all()) * 1000  # type: ignore[call-overload]

"""Search by a piece of a word: what the index narrows to is exactly what "contains" finds, on both databases."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, or_, select, text, update

from app import clock, search
from app.listing import moment
from app.listings.applications import APPLICATIONS
from app.listings.elevators import ELEVATORS
from app.listings.enforcement import ENFORCEMENTS
from app.listings.maintenance import TASKS
from app.listings.visits import VISITS
from app.lookups import find
from app.models import Application, Elevator, Enforcement, MaintenanceClock, Unit, Visit
from app.permissions import SYSTEM
from app.rules.addresses import words_of
from app.views.frame import lookup
from tests.factories import World, make_clock, make_elevator, make_unit
from tests.statements import statements
from tests.workflows.clock_world import add_visit

# Few letters, so that words are often found: two of Chinese, cases, LIKE's and FTS5's own marks, an accent.
LETTERS = "云江aA1%_\"'*-É号"
WORDS = st.text(LETTERS, min_size=1, max_size=4)
CASES = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["index", "many", "reading on"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every way that a search can take: by keys, narrowed because there are too many, and row by row."""
    way: str = request.param
    if way != "reading on":
        monkeypatch.setattr(search, "COMMON", 0)
    if way == "many":
        monkeypatch.setattr(search, "MOST_FOUND", 0)
    return way


def plainly(session: Any, words: str) -> set[int]:
    """The elevators that hold every word in some searched column, asked of each row."""
    statement = select(Elevator.id)
    for word in words_of(words):
        statement = statement.where(search.contains(ELEVATORS.search, word))
    return set(session.scalars(statement))


def searched(session: Any, words: str, **args: str) -> set[int]:
    return set(ELEVATORS.page(moment(session, SYSTEM), ELEVATORS.read({"q": words, "size": "200"} | args)).keys)


@pytest.mark.feature("ELV-02")
def test_the_index_finds_what_contains_finds(world: World, way: str) -> None:
    session = world.session

    @CASES
    @given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=6), st.lists(WORDS, min_size=1, max_size=2))
    def check(places: list[tuple[str, str, str]], words: list[str]) -> None:
        rows = {world.own.id: places[0], world.foreign.id: places[-1]}
        for key, (address, estate, factory) in rows.items():
            values = {"address": address, "estate": estate, "factory_no": factory}
            session.execute(update(Elevator.__table__).where(Elevator.id == key).values(values))
        query = " ".join(words)
        assert searched(session, query) == plainly(session, query)
        session.rollback()

    check()


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("word", ["云江", "江", "1%", "%", "_1", "/", "\"'", "*-号", "É", "aÉ", "a1", "云a"])
def test_a_word_is_found_in_either_case_and_by_its_signs_as_they_are(session: Any, word: str) -> None:
    """Words without cases are looked for as they stand; that finds the same rows."""
    held = ["云江 1%号", "云江", "1_1/2", "\"'*-号", "É1", "é1", "aÉ", "AÉ", "A1云A", "a1", "江云"]
    for n, address in enumerate(held):
        make_elevator(session, address=address, code=f"X{n:04}", factory_no=None, registration_code=None, estate=None)
    found = session.scalars(select(Elevator.address).where(search.contains([Elevator.address], word)))
    either = session.scalars(select(Elevator.address).where(Elevator.address.icontains(word, autoescape=True)))
    assert sorted(found) == sorted(either)
    if word.lower() == word.upper():
        assert set(session.scalars(select(Elevator.address).where(search.contains([Elevator.address], word)))) == {
            address for address in held if word in address
        }


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("words", ["罕见", "罕见路", "罕", "号 罕见", "罕见 不在", "aBc9", "%%"])
def test_however_a_row_is_written_it_is_found(world: World, way: str, words: str) -> None:
    session = world.session
    table: Any = Elevator.__table__
    made = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    made.address = "罕见路 6 号"
    session.flush()
    copied = {c.name: getattr(made, c.name) for c in table.c if c.name not in ("id", "code", "public_token", "address")}
    session.execute(insert(table), [copied | {"code": f"Z{n}aBC9", "address": "常见路"} for n in range(3)])
    assert searched(session, words) == plainly(session, words)
    session.execute(update(table).where(table.c.code == "Z1aBC9").values(address="罕见路6弄", estate=None))
    session.execute(delete(table).where(table.c.code == "Z2aBC9"))
    assert searched(session, words) == plainly(session, words)
    session.rollback()
    assert searched(session, words) == plainly(session, words)


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize(
    "words", ["稀罕路6号5幢", "稀罕里5栋", "稀罕里小区 5 幢 1单元", "稀罕路六号五号楼", "五幢 稀罕"]
)
def test_an_address_is_found_as_people_type_it(world: World, way: str, words: str) -> None:
    """With or without blanks, estate and building in one breath, and 5幢 is not 15 幢."""
    session = world.session
    wanted, of_any_number = set(), words in ("稀罕里5栋", "五幢 稀罕")
    for n, (address, meant) in enumerate([
        ("稀罕路 6 号 5 幢 1 单元", True), ("稀罕路6号5栋1单元", True), ("稀罕路 6 号 15 幢 1 单元", False),
        ("稀罕路 16 号 5 幢 2 单元", of_any_number), ("稀罕路 6 号 1 幢 5 单元", False),
    ]):  # fmt: skip
        made = make_elevator(
            session, maintenance_unit=world.firm, use_unit=world.use_unit, address=address, code=f"95{n:04}",
            estate="稀罕里小区",
        )  # fmt: skip
        wanted |= {made.id} if meant else set()
    session.commit()
    assert searched(session, words) == wanted
    hits = find(session, world.actor("region_admin"), "elevators", words)
    assert {hit["id"] for hit in hits} == wanted
    assert all(hit["hint"].startswith("稀罕里小区 ") for hit in hits)


ZEROS_AND_LETTERS = (
    "05幢", "05号楼", "A5幢", "01单元", "0101室", "D01号", "DT2#", "K3号梯", "15幢", "50幢", "11单元", "1101室",
)  # fmt: skip


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize(
    ("word", "held"),
    [
        *((word, "05幢 05号楼 A5幢") for word in ("5幢", "05幢", "5号楼", "五幢", "5#")),
        ("a5幢", "A5幢"), ("15幢", "15幢"), ("1单元", "01单元"), ("101室", "0101室"), ("1号", "D01号"),
        ("d01号", "D01号"), ("2#", "DT2#"), ("dt2#", "DT2#"), ("3号梯", "K3号梯"), ("k3号梯", "K3号梯"),
        ("0015幢", "15幢"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("estate", ["稀罕里", ""])
def test_zeros_and_letters_before_a_figure_are_no_other_figure(
    world: World, way: str, estate: str, word: str, held: str
) -> None:
    """By the estate's index and by the figure's own; what is found is another figure never."""
    session = world.session
    for n, address in enumerate(ZEROS_AND_LETTERS):
        make_elevator(session, address=f"稀罕里{address}", code=f"95{n:04}", estate=None, factory_no=None, job_no=None)
    session.commit()
    query = f"{estate}{word}"
    ours = Elevator.address.startswith("稀罕里")
    found = session.scalars(select(Elevator.address).where(ours, Elevator.id.in_(searched(session, query))))
    assert {address.removeprefix("稀罕里") for address in found} == set(held.split())
    assert searched(session, query) == plainly(session, query)


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("word", ["5幢", "稀罕里05号楼", "dt2#"])
def test_figures_are_looked_for_by_the_index(session: Any, word: str) -> None:
    asked = select(Elevator.id).where(search.narrow(session, Elevator, words_of(word)))  # type: ignore[arg-type]
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL enable_seqscan = off"))
        written = str(asked.compile(session.get_bind(), compile_kwargs={"literal_binds": True})).replace("%%", "%")
        assert "ix_elevator_grams" in "\n".join(session.connection().exec_driver_sql(f"EXPLAIN {written}").scalars())
    else:
        assert "MATCH" in str(asked.compile(session.get_bind()))


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize(
    "words",
    ["稀罕路1205号", "1205号 稀罕路", "稀罕里小区 1205 号", "稀罕路1205号5幢", "稀罕里五幢", "稀罕 A5幢", "a5幢"],
)
def test_the_index_narrows_by_figures_beside_a_word_of_many_rows(session: Any, words: str) -> None:
    """Road and estate may be of every row: the figure is what the index tells them apart by."""
    wanted = make_elevator(session, address="稀罕路 1205 号 A5 幢", estate="稀罕里小区", code="950001")
    for n in range(2, 6):
        make_elevator(session, address=f"稀罕路 12{n}6 号 {n + 5} 幢", estate="稀罕里小区", code=f"95000{n}")
    session.flush()
    narrowed = select(Elevator.id).where(search.narrow(session, Elevator, words_of(words)))  # type: ignore[arg-type]
    ours = Elevator.estate == "稀罕里小区"
    assert session.scalars(narrowed.where(ours)).all() == [wanted.id]
    assert wanted.id in searched(session, words) and searched(session, words) == plainly(session, words)


@pytest.mark.feature("ELV-02")
def test_sqlite_asks_a_pattern_only_of_rows_that_may_hold_it(session: Any) -> None:
    """Patterns are Python's on SQLite: a call a column and row, unless GLOB has said no."""
    if session.get_bind().dialect.name != "sqlite":
        return
    for n in range(6):
        make_elevator(session, address=f"澜江路 {n} 号 {n} 幢", code=f"95{n:04}")
    session.flush()
    asked: list[str] = []
    raw = session.connection().connection.driver_connection
    raw.create_function("regexp", 2, lambda pattern, held: asked.append(held) or bool(re.search(pattern, held)))
    found = session.scalars(select(Elevator.address).where(search.contains(ELEVATORS.search, "5幢"))).all()
    assert found == ["澜江路 5 号 5 幢"] and asked == found


@pytest.mark.feature("MNT-08")
def test_lists_that_look_in_another_row_take_figures_as_well(world: World, way: str) -> None:
    """维保记录 looks in the elevator, 约谈与处罚 in the unit; the index asked first or not."""
    session, at = world.session, clock.now()
    world.own.address, world.use_unit.name = "稀罕路6号05幢", "稀罕里05号楼业委会"
    of = {"region_code": world.own.region_code, "unit_id": world.use_unit.id}
    visit = Visit(
        elevator_id=world.own.id, use_unit_id=world.use_unit.id, worker_id=world.worker.id, visit_on=at.date(),
        level="half_month", state="valid", checked_in_at=at, received_at=at, **of,
    )  # fmt: skip
    case = Enforcement(
        number="YT-2026-000098", kind="talk", state="in_force", decided_on=at.date(), facts="超期", demand="整改",
        reply_days=9, in_force_at=at, due_at=at, **of,
    )  # fmt: skip
    session.add_all([visit, case])
    session.commit()
    now = moment(session, SYSTEM)
    for words, found in (("稀罕5幢", True), ("五幢", True), ("15幢", False), ("稀罕", True)):
        for listing, row in ((VISITS, visit), (ENFORCEMENTS, case)):
            query = listing.read({"q": words})
            plain = session.scalars(listing.statement(now, query)).all()
            assert plain == listing.page(now, query).keys == ([row.id] if found else []), (words, row)


@pytest.mark.feature("ELV-02")
def test_tabs_filters_and_pages_hold_under_a_search(world: World, way: str) -> None:
    for n in range(5):
        made = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
        made.address, made.status = f"稀罕街 {n} 号", "in_use" if n % 2 else "suspended"
    world.session.commit()
    now = moment(world.session, world.actor("region_admin"))
    query = ELEVATORS.read({"q": "稀罕", "tab": "suspended", "size": "2", "f_region": "980402000000"})
    counts, page = ELEVATORS.counts(now, query), ELEVATORS.page(now, query)
    assert counts["suspended"] == page.total == 3
    assert [row.address for row in page.rows] == ["稀罕街 4 号", "稀罕街 2 号"]
    assert ("in_use" in counts) == (way == "index")
    assert [r.address for r in ELEVATORS.rows(now, query)] == ["稀罕街 4 号", "稀罕街 2 号", "稀罕街 0 号"]
    assert ELEVATORS.total(now, query) == 3


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("address", ["/elevators/?q=凰", "/elevators/?q=凰 麟", "/visits/?q=凰"])
def test_a_letter_that_nobody_has_is_looked_for_once(world: World, sign_in: Any, address: str) -> None:
    """Neither for each tab nor for the page again: each time it is the whole register that is read."""
    client = sign_in(world.accounts["region_admin"])
    client.get(address)
    with statements() as seen:
        assert client.get(address).status_code == 200
    assert len([one for one in seen if "elevator.address LIKE" in one and "LIMIT" in one]) == 1
    # Of a unit's few rows it is asked where they are.
    if "visits" in address:
        client = sign_in(world.accounts["use_head"])
        with statements() as seen:
            assert client.get(address).status_code == 200
        assert not [one for one in seen if "WITH newest" in one]


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize(("letter", "found"), [("凰", 2), ("号", 8)])
def test_letters_are_found_as_each_row_would_say(world: World, letter: str, found: int) -> None:
    for n in range(8):
        made = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
        made.address = f"街 {n} 号" + ("凰" if n < 2 else "")
    world.session.commit()
    now = moment(world.session, world.actor("region_admin"))
    query = ELEVATORS.read({"q": letter, "size": "200"})
    counts, page = ELEVATORS.counts(now, query), ELEVATORS.page(now, query)
    assert set(page.keys) == plainly(world.session, letter) and len(page.keys) >= found
    # What many hold is read on for, and only the open tab is counted.
    assert page.total == len(page.keys) == counts[query.tab] and ("suspended" in counts) == (letter == "凰")


@pytest.mark.feature("ELV-02")
def test_a_search_starts_no_helpers(session: Any) -> None:
    if session.get_bind().dialect.name == "postgresql":
        assert session.scalar(text("SELECT proparallel FROM pg_proc WHERE proname = 'tian_grams'")) == "r"


@pytest.mark.feature("PLN-09")
def test_lists_about_elevators_find_by_the_same_index(world: World, way: str) -> None:
    world.own.address = "稀罕街 1 号"
    for elevator in (world.own, world.foreign):
        make_clock(world.session, elevator, None)
    world.session.commit()
    now = moment(world.session, SYSTEM)
    assert list(TASKS.page(now, TASKS.read({"q": "稀罕"})).keys) == [world.own.id]
    assert TASKS.page(now, TASKS.read({"q": "罕稀"})).keys == []
    assert world.session.scalar(select(MaintenanceClock.elevator_id).limit(1))


def application(world: World, unit: Unit | None, **fields: Any) -> Application:
    values = {"kind": "suspension", "title": "停用登记", "state": "submitted", "is_open": False} | fields
    key = None if unit is None else unit.id
    return Application(entity="elevator", entity_id=world.own.id, unit_id=key, region_code="980402000000", **values)


@pytest.mark.feature("LIF-07")
@pytest.mark.parametrize("words", [
    "稀罕", "稀罕 停用", "停用 稀罕物业", "罕见", "稀", "物业 物业", "公司 稀罕", "TY", "ty000", "罕见 1%",
    "不在", "云江", "停用",
])  # fmt: skip
def test_applications_are_found_by_who_applies(world: World, way: str, words: str) -> None:
    """Each word by what the application says or by its unit's name, as if every row were asked."""
    session = world.session
    names = {"稀罕物业公司": "停用 云江区", "罕见物业 1%": "报废 停用", "甲公司": "稀罕街 停用", "": "停用 稀罕街"}
    for n, (name, title) in enumerate(names.items()):
        unit = make_unit(session, name=name) if name else None
        for kind, prefix in (("suspension", "TY"), ("scrapping", "BF")):
            session.add(application(world, unit, number=f"{prefix}000{n}", kind=kind, title=f"{title} {kind}"))
    session.commit()
    plain = select(Application.id).outerjoin(Unit, Unit.id == Application.unit_id)
    for word in words.split():
        plain = plain.where(search.contains([Application.number, Application.title, Unit.name], word))
    expected = set(session.scalars(plain.execution_options(skip_scope=True)))
    now, query = moment(session, SYSTEM), APPLICATIONS.read({"q": words, "size": "200"})
    assert set(session.scalars(APPLICATIONS.statement(now, query))) == expected, "without asking the index first"
    counts, page = APPLICATIONS.counts(now, query), APPLICATIONS.page(now, query)
    assert set(page.keys) == expected and counts["all"] == page.total == len(expected)
    assert {row.id for row in APPLICATIONS.rows(now, query)} == expected
    assert bool(expected) == (words != "不在")


@pytest.mark.feature("LIF-07")
def test_a_search_for_an_applicant_takes_eight_statements_at_most(world: World, sign_in: Any) -> None:
    world.use_unit.name = "稀罕物业"
    world.session.add(asked := application(world, world.use_unit, number="TY0001"))
    world.session.commit()
    browser = sign_in(world.accounts["inspector"])
    browser.get("/applications/?q=稀罕")
    with statements() as seen:
        page = browser.get("/applications/?q=稀罕").text
    assert asked.number in page
    assert len([s for s in seen if not s.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]) <= 8, seen


@pytest.mark.feature("ELV-02")
def test_lookups_and_the_search_of_everything_stay_within_scope(world: World, way: str, sign_in: Any) -> None:
    world.own.address = world.foreign.address = "稀罕街 1 号"
    world.use_unit.name, world.worker.name = "稀罕物业", "稀罕"
    world.session.commit()
    actor = world.actor("region_admin")
    assert [hit["id"] for hit in find(world.session, actor, "elevators", "稀罕")] == [world.own.id]
    browser = sign_in(world.accounts["region_admin"])
    page = browser.get("/search/?q=稀罕").text
    assert world.own.code in page and world.foreign.code not in page and "稀罕物业" in page
    for link in (f"/elevators/{world.own.id}", f"/units/{world.use_unit.id}", f"/people/{world.worker.id}"):
        assert f'href="{link}"' in page and browser.get(link).status_code == 200


@pytest.mark.feature("ELV-02")
def test_more_than_are_shown_are_in_the_list(world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "MOST_HITS", 1)
    own = [world.own, make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)]
    for elevator in own:
        elevator.address = "稀罕街 1 号"
    world.own.status = "scrapped"
    world.session.commit()
    browser = sign_in(world.accounts["region_admin"])
    page = browser.get("/search/?q=稀罕").text
    more = html.unescape(re.findall(r'href="(/elevators/\?[^"]+)"', page)[0])
    assert "前 1 条" in page
    listed = browser.get(more).text
    assert all(elevator.code in listed for elevator in own)
    assert "/elevators/?" not in browser.get(f"/search/?q={own[1].code}").text


@pytest.mark.feature("ELV-02")
def test_the_index_can_be_made_anew(app: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "COMMON", 0)
    if world.session.get_bind().dialect.name == "sqlite":
        for name in search.triggers_of(Unit):
            world.session.execute(text(f"DROP TRIGGER {name}"))
        world.firm.name = "改过的名字"
        world.session.commit()
        with world.session.get_bind().connect() as connection:
            search.keep(connection)
            connection.commit()
    result = app.test_cli_runner().invoke(args=["search-index"])
    assert result.exit_code == 0, result.output
    world.session.expire_all()
    found = search.find(world.session, (Unit.name,), [world.firm.name[:3]], Unit.id > 0)
    assert found is not None and found.keys == [world.firm.id]


def opened(session: Any, *states: str) -> set[int]:
    return set(session.scalars(select(Elevator.id).where(search.open_filings(session, states))))


@pytest.mark.feature("ELV-01")
def test_open_filings_are_found_however_a_row_is_written(world: World) -> None:
    """One by one, in sets, by a statement, by taking back: what is found is what the rows say."""
    session, table = world.session, cast(Any, Elevator.__table__)
    states = ("draft", "pending", "rejected", "approved")

    def same() -> None:
        for some in (*((state,) for state in states), ("draft", "rejected"), states):
            assert opened(session, *some) == set(
                session.scalars(select(Elevator.id).where(Elevator.filing_state.in_(some)))
            )

    made = [make_elevator(session, filing_state=state) for state in states]
    session.flush()
    same()
    session.execute(update(table).where(table.c.id == made[3].id).values(filing_state="draft"))
    session.execute(update(table).where(table.c.id == made[1].id).values(filing_state="approved"))
    same()
    session.execute(update(table).values(filing_state="pending"))
    same()
    copied = {c.name: getattr(made[0], c.name) for c in table.c if c.name not in ("id", "code", "public_token")}
    session.execute(insert(table), [copied | {"code": f"Z{n}", "filing_state": states[n]} for n in range(4)])
    session.execute(delete(table).where(table.c.code == "Z0"))
    same()
    session.rollback()
    same()


@pytest.mark.feature("ELV-02")
def test_open_filings_are_looked_for_where_they_are(world: World) -> None:
    """Under the codes that are asked for; a row that moves is found where it now is."""
    session, table = world.session, cast(Any, Elevator.__table__)
    made = make_elevator(session, filing_state="pending")
    session.flush()
    code = str(made.region_code)
    beyond = code[:-1] + chr(ord(code[-1]) + 1)

    def found(*span: str) -> bool:
        near = search.open_filings(session, ("pending",), (span[0], span[1]))
        return made.id in session.scalars(select(Elevator.id).where(near)).all()

    assert found(code, beyond)
    if session.get_bind().dialect.name == "postgresql":
        assert not found(beyond, beyond + "0")
        session.execute(update(table).where(table.c.id == made.id).values(region_code=beyond))
        assert found(beyond, beyond + "0") and not found(code, beyond)


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("role", ["region_admin", "maintenance_head"])
def test_tabs_and_filter_of_filings_count_what_stands(world: World, role: str) -> None:
    made = [
        make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit, filing_state=state)
        for state in ("pending", "pending", "rejected", "draft")
    ]
    world.session.commit()
    now = moment(world.session, world.actor(role))
    asked = ELEVATORS.read({"tab": "every", "f_filing_state": "pending"})
    assert ELEVATORS.counts(now, ELEVATORS.read({"tab": "pending"}))["pending"] == 2
    assert [row.filing_state for row in ELEVATORS.page(now, asked).rows] == ["pending", "pending"]
    for row, found in zip(made, (1, 1, 0, 0), strict=True):
        assert ELEVATORS.counts(now, ELEVATORS.read({"tab": "pending", "q": row.code}))["pending"] == found


@pytest.mark.feature("ELV-01")
def test_the_search_index_made_anew_finds_open_filings_again(world: World) -> None:
    session = world.session
    made = make_elevator(session, filing_state="draft")
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("DELETE FROM search_elevator_filing"))
        assert opened(session, "draft") == set()
    search.make_again(session.connection())
    assert made.id in opened(session, "draft")


@pytest.mark.feature("IMP-02")
def test_a_draft_that_is_opened_moves_its_row_in_no_index(world: World) -> None:
    """PostgreSQL changes it in its page ("heap only"): no index there holds what a step of a filing changes."""
    session, table = world.session, cast(Any, Elevator.__table__)
    if session.get_bind().dialect.name == "postgresql":
        told = text("SELECT pg_stat_get_xact_tuples_hot_updated('elevator'::regclass)")
        before = session.scalar(told)
        opening = {"filing_state": "draft", "info_state": "changing", "updated_at": dt.datetime.now(dt.UTC)}
        session.execute(update(table).where(table.c.id == world.own.id).values(**opening, row_version=9))
        assert session.scalar(told) == before + 1


@pytest.mark.feature("IMP-02")
def test_all_drafts_of_a_page_are_opened_without_moving_in_an_index(world: World) -> None:
    """An import opens those of rows that lie together, in one transaction: half of a page is room for all of them."""
    session, table = world.session, cast(Any, Elevator.__table__)
    if session.get_bind().dialect.name == "postgresql":
        keys = [make_elevator(session).id for _ in range(60)]
        told = text("SELECT pg_stat_get_xact_tuples_hot_updated('elevator'::regclass)")
        before = session.scalar(told)
        session.execute(update(table).where(table.c.id.in_(keys)).values(filing_state="draft", row_version=2))
        assert session.scalar(told) == before + len(keys)


@pytest.mark.feature("MNT-10")
@pytest.mark.parametrize("word", ["路", "A", "5幢", "稀罕里"])
def test_columns_of_another_row_are_asked_in_one_look(world: World, word: str) -> None:
    """A look at the register for each of them reads it as often, for each tab that is counted."""
    session = world.session
    rows = [
        make_elevator(session, maintenance_unit=world.firm, code=f"96000{n}", address=address, estate=estate)
        for n, (address, estate) in enumerate((("揽月路 5 幢", None), ("东街", "稀罕里 A 区"), ("西街 15 幢", "望湖")))
    ]
    session.commit()
    for row in rows:
        add_visit(session, row, world.worker, clock.today())
    session.commit()
    asked = select(Visit.id).where(search.contains(VISITS.search, word))
    assert str(asked).count("SELECT") == 2, asked
    apart = or_(*(search.contains([column], word) for column in VISITS.search))
    found = set(session.scalars(asked))
    assert found and found == set(session.scalars(select(Visit.id).where(apart)))

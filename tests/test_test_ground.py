"""The ground itself: counts by feature, no silent skip, a fresh database for every test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select

from app import search
from app.models import Account, AuditEntry, Elevator, LiveSession
from app.models.base import Model
from app.rules.addresses import words_of
from tests.conftest import csrf
from tests.databases import Database
from tests.factories import PASSWORD, World, make_elevator
from tests.plugin_features import register_ids

pytest_plugins = ["pytester"]

SAMPLE = """
import pytest
@pytest.mark.feature("ACC-01")
@pytest.mark.parametrize("n", [1, 2])
def test_two(n): pass
@pytest.mark.feature("ACC-01", "ACC-02")
def test_bad(): assert FAILS is False
@pytest.mark.feature("ACC-02")
@pytest.mark.may_skip("no such part here")
def test_skipped(): pytest.skip("no such part here")
"""
MARKERS = "[pytest]\nmarkers =\n feature(*ids): ids\n may_skip(reason): leave\n"


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A small test run of its own, with our plugin and nothing else of ours."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parent.parent))
    pytester.makefile(".ini", pytest=MARKERS)
    pytester.makeconftest("pytest_plugins = ['tests.plugin_features']")
    return pytester


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "parallel"])
def test_outcomes_are_added_up_by_feature(inner: pytest.Pytester, workers: list[str]) -> None:
    inner.makepyfile("FAILS = True\n" + SAMPLE)
    result = run(inner, "--features", "out.json", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    counts = json.loads((inner.path / "out.json").read_text())
    assert counts == {"ACC-01": {"passed": 2, "failed": 1}, "ACC-02": {"failed": 1, "skipped": 1}}
    run(inner, "--features", "out.json", *workers)
    assert json.loads((inner.path / "out.json").read_text())["ACC-01"] == {"passed": 4, "failed": 2}


def test_a_skip_with_leave_passes(inner: pytest.Pytester) -> None:
    inner.makepyfile("FAILS = False\n" + SAMPLE)
    assert run(inner).ret == pytest.ExitCode.OK


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "parallel"])
def test_a_skip_without_leave_fails_the_run_and_is_named(inner: pytest.Pytester, workers: list[str]) -> None:
    inner.makepyfile("import pytest\ndef test_fine(): pass\ndef test_lost(): pytest.skip('not today')")
    result = run(inner, *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*skipped without leave*", "*test_lost*"])


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "parallel"])
@pytest.mark.parametrize("mark", ["'NO-99'", ""])
def test_an_unknown_feature_fails_its_test_and_is_named(
    inner: pytest.Pytester, workers: list[str], mark: str
) -> None:
    inner.makepyfile(f"import pytest\ndef test_fine(): pass\n@pytest.mark.feature({mark})\ndef test_it(): pass")
    result = run(inner, *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_it*", f"*not in docs/features.tsv: [[]{mark}]*"])


def test_the_register_is_complete_and_unique() -> None:
    ids = register_ids()
    assert len(ids) == len(set(ids)) == 138


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_begins_with_the_same_database(database: Database, turn: int) -> None:
    """Whichever of the two runs second would find the table that the first one made and committed."""
    with database.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE left_behind (turn integer)"))
    assert "left_behind" in sa.inspect(database.engine).get_table_names()


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_nothing_that_a_test_wrote_is_there_in_the_next(session: Any, world: World, turn: int) -> None:
    """Rows, numbers given out, what is found by words, and what a connection remembers that stays."""
    narrowed = select(Elevator.id).where(search.narrow(session, Elevator, words_of("留下的电梯")))  # type: ignore[arg-type]
    assert session.scalars(narrowed).all() == [] and world.own.address != "留下的电梯"
    made = make_elevator(session, address="留下的电梯", code="970001")
    world.own.address = "留下的电梯"
    session.commit()
    assert len(session.scalars(narrowed).all()) == 2
    assert _NUMBERS.setdefault(session.get_bind().dialect.name, made.id) == made.id
    session.execute(sa.delete(AuditEntry))
    session.commit()


_NUMBERS: dict[str, int] = {}
DONE_TO = (
    "PRAGMA foreign_keys = OFF", "PRAGMA query_only = ON", "PRAGMA busy_timeout = 5", "CREATE TEMP TABLE left (n)",
    "ATTACH ':memory:' AS beside", "CREATE TABLE left (n)",
)  # fmt: skip


@pytest.mark.parametrize("db_kind", ["sqlite"], scope="session")
@pytest.mark.parametrize("word", ["SELECT 1", "UPDATE ab_role SET name = name || 'x'", *DONE_TO])
def test_a_connection_to_sqlite_stays_while_nothing_was_done_to_it(database: Database, word: str) -> None:
    engine = database.engine
    with engine.connect() as before:
        roles = before.execute(sa.text("SELECT id, name FROM ab_role")).all()
    database.renew()
    lent = engine.raw_connection()
    held = lent.driver_connection
    held.execute(word)
    lent.close()
    database.renew()
    with engine.connect() as after:
        assert (after.connection.driver_connection is held) is (word not in DONE_TO)
        assert after.execute(sa.text("SELECT id, name FROM ab_role")).all() == roles
        assert "left" not in sa.inspect(after).get_table_names() + sa.inspect(after).get_temp_table_names()


@pytest.mark.parametrize("db_kind", ["sqlite"], scope="session")
def test_a_file_of_sqlite_that_another_process_has_open_is_left_to_it(database: Database) -> None:
    with database.engine.connect() as mine:
        held = mine.connection.driver_connection
    code = f"import sqlite3; c = sqlite3.connect({database.engine.url.database!r}); c.execute('SELECT 1 FROM ab_role')"
    other = subprocess.Popen(
        [sys.executable, "-c", f"{code}; print('there', flush=True); input()"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert other.stdout is not None and other.stdout.readline() == b"there\n"
    database.renew()
    with database.engine.connect() as mine:
        assert mine.connection.driver_connection is not held
    other.communicate(b"\n")


def test_a_second_connection_sees_commits_only(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE seen (n integer)"))
    other = sa.create_engine(database.url)
    with database.engine.connect() as writer, other.connect() as reader:
        writer.execute(sa.text("INSERT INTO seen VALUES (1)"))
        assert reader.execute(sa.text("SELECT count(*) FROM seen")).scalar() == 0
        reader.rollback()
        writer.commit()
        assert reader.execute(sa.text("SELECT count(*) FROM seen")).scalar() == 1
    other.dispose()


@pytest.mark.parametrize("who", ["worker", "region_admin", "maintenance_head", "use_head", "inspector", "clerk"])
def test_who_signs_in_shortly_leaves_what_the_page_leaves(
    app: Any, session: Any, world: World, sign_in: Any, who: str
) -> None:
    """Whatever the login page does more, one day, of an account as the makers make it, the fixture must do as well."""

    def by_the_page(account: Account) -> Any:
        browser = app.test_client()
        sent = {"username": account.username, "password": PASSWORD, "csrf_token": csrf(browser)}
        assert browser.post("/login/", data=sent).status_code == 302
        return browser

    def left(start: Any) -> dict[str, Any]:
        before = counts()
        browser = start(world.accounts[who])
        session.rollback()
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
        seat = session.scalars(select(LiveSession).order_by(LiveSession.created_at.desc()).limit(1)).one()
        cookies = {name: browser.get_cookie(name) for name in ("session", "device")}
        with browser.session_transaction() as kept:
            held = {name: kept[name] for name in ("_user_id", "epoch", "_permanent")} | {"names": sorted(kept)}
        told = {
            "audit": (entry.action, entry.entity, entry.entity_id, entry.after, entry.actor_name, entry.address),
            "seat": (seat.user_id, seat.epoch, seat.device, seat.address), "session": held,
            "cookies": {name: cookie is not None for name, cookie in cookies.items()},
            "rows": {name: many - before[name] for name, many in counts().items() if many != before[name]},
            "page": browser.get("/profile/").status_code,
        }  # fmt: skip
        session.rollback()
        return told

    def counts() -> dict[str, int]:
        session.rollback()
        tables = [table for table in Model.metadata.sorted_tables if table.name != "login_guard"]
        return {t.name: session.execute(sa.select(sa.func.count()).select_from(t)).scalar_one() for t in tables}

    assert left(sign_in) == left(by_the_page)

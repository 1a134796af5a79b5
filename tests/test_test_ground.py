"""The ground itself: counts by feature, no silent skip, a fresh database for every test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.databases import Database
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


def test_an_unknown_feature_is_refused(inner: pytest.Pytester) -> None:
    inner.makepyfile("import pytest\n@pytest.mark.feature('NO-99')\ndef test_it(): pass")
    result = run(inner)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*NO-99*"])


def test_the_register_is_complete_and_unique() -> None:
    ids = register_ids()
    assert len(ids) == len(set(ids)) == 138


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_begins_with_the_same_database(database: Database, turn: int) -> None:
    """Whichever of the two runs second would find the table that the first one made and committed."""
    with database.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE left_behind (turn integer)"))
    assert "left_behind" in sa.inspect(database.engine).get_table_names()


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

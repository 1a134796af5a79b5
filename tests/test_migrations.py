"""One line of migrations that leads up and down on both databases and ends exactly at the models."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from tests.databases import ROOT, run_flask

KEPT_BY_ALEMBIC = {"alembic_version"}


def test_there_is_one_head() -> None:
    heads = ScriptDirectory(str(ROOT / "app" / "migrations")).get_heads()
    assert len(heads) == 1, f"two people made a migration from the same parent: {heads}"


def test_up_without_drift_then_down_to_nothing(empty_database_url: str, tmp_path: Path) -> None:
    run_flask(empty_database_url, tmp_path, "db", "upgrade")
    run_flask(empty_database_url, tmp_path, "db", "check")
    there = tables_of(empty_database_url)
    assert {"ab_user", "job"} <= there
    run_flask(empty_database_url, tmp_path, "db", "downgrade", "base")
    assert tables_of(empty_database_url) <= KEPT_BY_ALEMBIC
    run_flask(empty_database_url, tmp_path, "db", "upgrade")
    assert tables_of(empty_database_url) == there


def tables_of(url: str) -> set[str]:
    engine = sa.create_engine(url)
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()

"""Imports by command, and the document of all columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Elevator
from tests.databases import run_flask


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("IMP-02")
def test_by_command_what_was_exported_is_found_unchanged(app: Any, world: Any, database: Any, tmp_path: Path) -> None:
    """Both commands, the second in a process of its own; test_round_trip.py goes through all kinds."""
    file = tmp_path / "elevators.csv"
    assert app.test_cli_runner().invoke(args=["export", "elevators", str(file)]).exit_code == 0
    options = ["--dry-run", "--json", "--mode", "update"]
    told = run_flask(database.url, tmp_path, "import", "elevators", str(file), *options)
    assert '"new": 0, "changed": 0' in told and '"bad": 0' in told, told


@pytest.mark.feature("IMP-03")
def test_the_command_takes_columns_and_words_in_hand(app: Any, session: Any, world: Any, tmp_path: Path) -> None:
    file = tmp_path / "lifts.csv"
    file.write_text("甲,Type,Street Address,乙\n700001,直梯,路 1 号,临河区\n", encoding="utf-8")
    login = world.accounts["clerk"].username
    call = app.test_cli_runner().invoke
    options = ["--as", login, "--column", "甲=识别码", "--column", "乙=所在地区"]
    options += ["--word", "品种:直梯=曳引驱动乘客电梯"]
    done = call(args=["import", "elevators", str(file), *options])
    assert done.exit_code == 0 and "新增 1" in done.output, done.output
    session.rollback()
    assert session.scalar(select(Elevator.category).where(Elevator.code == "700001")) == "3110"
    wrong = call(args=["import", "elevators", str(file), "--as", login, "--column", "丙=识别码"])
    assert wrong.exit_code == 2 and "没有“丙”这一列" in wrong.output


@pytest.mark.feature("IMP-01")
def test_the_document_lists_every_column_as_it_is(app: Any) -> None:
    from app.commands.imports import columns_document

    document = (Path(__file__).parents[2] / "docs" / "workbooks.md").read_text(encoding="utf-8")
    begin, end = document.index("<!-- import columns -->\n"), document.index("\n<!-- end of import columns -->")
    assert document[begin:end].removeprefix("<!-- import columns -->\n") == columns_document()

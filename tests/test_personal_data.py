"""docs/security.md says of every column that holds a way to reach or to name a person where it ends, and how.

A model that gains such a column without a word there fails here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

import pytest

from app.models.base import Model
from app.rules.retention import DUTIES
from app.workflows.privacy import retention
from tests.databases import ROOT

pytestmark = [pytest.mark.feature("PER-10"), pytest.mark.feature("PER-03")]

HEADING = "## 个人信息在哪里、到何时"
# What a name gives away. Days and instants about such a thing are not the thing.
LIKE = re.compile(
    r"(^|_)(phone|mobile|tel|mail|email|address|target|asked_from|ip|device|id_number|id_card|resident|passport|birth"
    r"|face|signer|subject|shown_name|webhook_url|latitude|longitude)(_|$)"
)
NOT_LIKE = re.compile(r"_(at|on|index|tail|by_id)$")
# Beside the jobs of `retention`: the nightly sweep, and what ends in the very deed.
OTHERS = {"sweep", "deed"}


class Row(NamedTuple):
    table: str
    columns: set[str]
    sealed: set[str]
    until: str
    jobs: set[str]


def words(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


@cache
def rows() -> dict[str, Row]:
    part = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").split(HEADING, 1)[1].split("\n## ", 1)[0]
    found: dict[str, Row] = {}
    for line in part.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            assert len(cells) == 5, line
            (table,) = words(cells[0])
            assert table not in found, f"{table} has two rows"
            found[table] = Row(table, words(cells[1]), words(cells[2]), cells[3], words(cells[4]))
    return found


def columns_of(table: Any) -> dict[str, Any]:
    """What is kept of a row, without what the database works out of it."""
    return {column.name: column for column in table.columns if column.computed is None}


def telling(table: Any) -> set[str]:
    """The columns that must be spoken of."""
    return {
        name
        for name, column in columns_of(table).items()
        if getattr(column.type, "seals", False) or (LIKE.search(name) and not NOT_LIKE.search(name))
    }


def test_every_column_that_tells_of_a_person_has_its_end() -> None:
    silent = {
        f"{table.name}.{name}"
        for table in Model.metadata.tables.values()
        for name in telling(table) - (rows()[table.name].columns if table.name in rows() else set())
    }
    assert not silent, f"say in docs/security.md ({HEADING}) until when, and add the erasing: {sorted(silent)}"


def test_a_row_speaks_of_what_is_there_and_says_rightly_what_is_sealed() -> None:
    for row in rows().values():
        assert row.table in Model.metadata.tables, row.table
        held = columns_of(Model.metadata.tables[row.table])
        assert row.columns <= held.keys(), (row.table, row.columns - held.keys())
        sealed = {name for name in row.columns if getattr(held[name].type, "seals", False)}
        assert row.sealed == sealed, f"{row.table}: sealed are {sorted(sealed)}"


def test_every_end_is_a_job_or_a_reason() -> None:
    for row in rows().values():
        assert row.jobs <= retention.ERASE.keys() | OTHERS, row
        assert row.until and (row.jobs or "不删除" in row.until), f"{row.table}: 到何时, or 不删除 and why"
    named = set().union(*(row.jobs for row in rows().values()))
    assert retention.ERASE.keys() <= named, f"erased, and of no table: {retention.ERASE.keys() - named}"
    assert {duty.kind for duty in DUTIES if duty.key} == retention.ERASE.keys()


@pytest.mark.parametrize(
    ("name", "tells"),
    [
        ("phone", True), ("home_phone", True), ("contact_mail", True), ("id_number", True), ("resident_id", True),
        ("ip", True), ("phone_checked_at", False), ("phone_index", False), ("email_verified_at", False),
        ("ship", False), ("emailing", False), ("name", False),
    ],
)  # fmt: skip
def test_what_a_name_gives_away(name: str, tells: bool) -> None:
    assert bool(LIKE.search(name) and not NOT_LIKE.search(name)) is tells

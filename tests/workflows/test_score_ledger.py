"""A unit's lines of the ledger, made from what its pairs came to and the rows behind it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from app.models import ScoreEntry
from app.rules.scoring import tally
from app.transaction import insert_rows, transaction
from app.workflows.scores import score_ledger
from app.workflows.scores.score_judgements import Judgement

pytestmark = pytest.mark.feature("LED-01")
DAYS = ["2026-01-01", "2026-01-02", "2026-01-03"]
# Elevator 3: one missed, two 不合规; elevator 5: two missed. Ten were due of each.
PAIRS = [(3, 10, 1, 2, 7), (5, 10, 2, 0, 8)]
MISSED = [(3, 0, 31), (5, 0, 51), (5, 2, 52)]
FAILED = [(3, 1, 71), (3, 2, 72)]


def lines(missed: list[Any], failed: list[Any]) -> tuple[list[Any], list[str]]:
    found = Judgement(missed={1: missed}, nonconforming={1: failed})
    return score_ledger.lines(9, 1, tally(PAIRS), found, DAYS)


def test_each_failure_names_its_row() -> None:
    stored, told = lines(MISSED, FAILED)
    assert [(line[1], line[2], line[3], line[4], line[5]) for line in stored] == [
        (3, "overdue", "overdue", 31, "2026-01-01"),
        (3, "nonconforming", "visit", 71, "2026-01-02"),
        (3, "nonconforming", "visit", 72, "2026-01-03"),
        (5, "overdue", "overdue", 51, "2026-01-01"),
        (5, "overdue", "overdue", 52, "2026-01-03"),
    ]
    # 16 points over 20 due.
    assert {(line[0], line[6], line[7], line[8]) for line in stored} == {(9, 1, "4", "5")}
    assert told[0] == "1|5|3|overdue|31|2026-01-01|4|超期 1 次|overdue"
    assert len(told) == len(stored)


@pytest.mark.parametrize(
    ("missed", "failed"),
    [
        ([(5, 0, 51), (3, 0, 31), (5, 2, 52)], FAILED),
        (MISSED, [(3, 1, 71), (5, 2, 72)]),
        ([*MISSED, (7, 0, 91)], FAILED),
        (MISSED, [*FAILED, (3, 2, 73)]),
    ],
)
def test_no_line_names_the_row_of_another(missed: list[Any], failed: list[Any]) -> None:
    with pytest.raises(RuntimeError):
        lines(missed, failed)


def test_rows_may_be_made_while_they_are_written(session: Any) -> None:
    stored, _ = lines(MISSED, FAILED)
    with transaction(session):
        insert_rows(session, ScoreEntry.__table__, score_ledger.COLUMNS, (line for line in stored))
        insert_rows(session, ScoreEntry.__table__, score_ledger.COLUMNS, (line for line in stored[:0]))
    assert session.scalar(select(func.count()).select_from(ScoreEntry)) == 5

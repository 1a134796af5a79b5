"""A unit's lines of the ledger as they are stored and as they are proved, straight from what its pairs came to.

Both are made in one go and as plain tuples and texts: a city's year has a hundred thousand.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import Any

from app.models.score import first_line
from app.rules.scoring import LedgerKind, Tally, losses
from app.workflows.scores.score_judgements import Judgement

COLUMNS = (
    "score_id", "elevator_id", "rule", "evidence", "evidence_id", "happened_on", "count", "numerator", "denominator",
    "reason", "id",
)  # fmt: skip
Line = tuple[Any, ...]


def lines(score_id: int, unit_id: int, sums: Tally, found: Judgement, days: list[str]) -> tuple[list[Line], list[str]]:
    """One line for each failure with the row behind it, a missed period or a visit; the cap has none.

    Beside each its text for the digest: what is stored but for the score, by the columns' names in order. `days` are
    the period's, as they are written.
    """
    stored: list[Line] = []
    told: list[str] = []
    points: Fraction | None = None
    number = first_line(score_id)
    numerator = denominator = ""
    # Both stand in the order of the failures, elevator by elevator.
    missed, nonconforming = iter(found.missed.get(unit_id, ())), iter(found.nonconforming.get(unit_id, ()))
    for loss in losses(sums):
        each, rule, said = loss.each, loss.kind.value, loss.reason[:200]
        if loss.elevator is None:
            last = (str(loss.lost.numerator), str(loss.lost.denominator), said)
            stored.append((score_id, None, rule, None, None, None, loss.times, *last, number))
            number += 1
            told.append(f"{loss.times}|{last[1]}|None|None|None|None|{last[0]}|{said}|{rule}")
            continue
        # The same fraction for all failures of a unit.
        if each is not points:
            points, numerator, denominator = each, str(each.numerator), str(each.denominator)
        evidence, events = ("overdue", missed) if loss.kind is LedgerKind.OVERDUE else ("visit", nonconforming)
        for elevator, day, key in islice(events, loss.times):
            if elevator != loss.elevator:
                raise RuntimeError(f"{evidence} {key} is of elevator {elevator}, not of {loss.elevator}")
            on = days[day]
            stored.append((score_id, elevator, rule, evidence, key, on, 1, numerator, denominator, said, number))
            number += 1
            told.append(f"1|{denominator}|{elevator}|{evidence}|{key}|{on}|{numerator}|{said}|{rule}")
    if next(missed, None) or next(nonconforming, None):
        raise RuntimeError(f"unit {unit_id} has failures that no line names")
    return stored, told

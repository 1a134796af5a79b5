"""A unit's lines of the ledger as they are stored and as they are proved, straight from what its pairs came to.

Both are made in one go and as plain tuples and texts: a city's year has a hundred thousand.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from app.rules.scoring import LedgerKind, Tally, losses

if TYPE_CHECKING:
    from app.workflows.score_facts import Judgement

COLUMNS = (
    "score_id", "elevator_id", "rule", "evidence", "evidence_id", "happened_on", "count", "numerator", "denominator",
    "reason",
)  # fmt: skip
Line = tuple[Any, ...]


def lines(score_id: int, unit_id: int, sums: Tally, found: Judgement) -> tuple[list[Line], list[str]]:
    """One line for each failure with the row behind it, a missed period or a visit; the cap has none.

    Beside each its text for the digest: what is stored but for the score, by the columns' names in order.
    """
    stored: list[Line] = []
    told: list[str] = []
    points: Fraction | None = None
    numerator = denominator = ""
    for loss in losses(sums):
        elevator, each, rule, said = loss.elevator, loss.each, loss.kind.value, loss.reason[:200]
        if elevator is None:
            last = (str(loss.lost.numerator), str(loss.lost.denominator), said)
            stored.append((score_id, None, rule, None, None, None, loss.count, *last))
            told.append(f"{loss.count}|{last[1]}|None|None|None|None|{last[0]}|{said}|{rule}")
            continue
        # The same fraction for all failures of a unit.
        if each is not points:
            points, numerator, denominator = each, str(each.numerator), str(each.denominator)
        missed = loss.kind is LedgerKind.OVERDUE
        evidence, events = ("overdue", found.missed) if missed else ("visit", found.nonconforming)
        begin, end = f"1|{denominator}|{elevator}|{evidence}|", f"|{numerator}|{said}|{rule}"
        pair: Any = unit_id, elevator
        for on, key in events[pair]:
            day = on.isoformat()
            stored.append((score_id, elevator, rule, evidence, key, day, 1, numerator, denominator, said))
            told.append(f"{begin}{key}|{day}{end}")
    return stored, told

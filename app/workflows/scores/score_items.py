"""The five other items of a run: read, scored, written beside SCO-01 with lines of their own, and proved.

They are computed after SCO-01 in the same transaction, unit by unit in runs of ids, so that memory does not
grow with the region and a run that was killed leaves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from app.models import ScoreEntry
from app.models.score import first_line_of
from app.rules.score_items import MAKERS, OTHERS, Item, total_points
from app.transaction import AnySession, insert_rows
from app.workflows.core.ahead import one_ahead
from app.workflows.scores import score_ledger
from app.workflows.scores.score_facts import Facts, batches
from app.workflows.scores.score_item_facts import EVIDENCE, READERS

# Made by the product so far; the others stay null.
COMPUTED = tuple(item for item in OTHERS if item in READERS)
# What is stored of each item, in this order: points, then its counts.
COUNTS: dict[Item, tuple[str, ...]] = {item: tuple(MAKERS[item]().counts()) for item in OTHERS}
COLUMNS = tuple(
    name for item in COMPUTED for name in (f"{item}_points", *(f"{item}_{count}" for count in COUNTS[item]))
)
PLACE = {item: COLUMNS.index(f"{item}_points") for item in COMPUTED}
# Of a unit without any record of the five.
NOTHING: tuple[Any, ...] = tuple(None if name.endswith("_points") else 0 for name in COLUMNS)
# More than for 维护保养: of a unit each reader finds a few rows, and asks as many statements however few the units.
UNITS_AT_ONCE = 4096
# Units by their ids, first and last; what is recorded of each, by item.
Part = tuple[int, int]
Found = dict[Item, dict[int, Any]]


class Others:
    """Scores the five of these units; `rows` by unit in the order of COLUMNS, once `score` was called.

    Units come in order of their ids. `begin` reads what is recorded of the first of them, for whoever has time for it.
    """

    def __init__(self, session: AnySession, facts: Facts, run_id: int | None, units: Sequence[int]) -> None:
        self._session, self._facts, self._run_id = session, facts, run_id
        self._units, self._parts = {*units}, [*batches([*units], UNITS_AT_ONCE)]
        self._begun: dict[Part, Found] = {}
        self._lines: list[score_ledger.Line] = []
        self._digest = hashlib.sha256()
        self.rows: dict[int, tuple[Any, ...]] = {}
        self.entries = 0

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def hash(self, text: str) -> None:
        """What else the run says and is to be proved."""
        self._digest.update(text.encode())

    def begin(self) -> None:
        """Read what is recorded of the first units; `score` goes on from there."""
        self._begun = {part: self._read(part) for part in self._parts[:1]}

    def score(self, key_of: Callable[[int], int]) -> None:
        """Score the units and write their lines; `key_of` gives a score's key, without the session."""
        with one_ahead(self._session, self._parts, self._read, self._write) as parts:
            for found in parts:
                some = sorted({unit for of_units in found.values() for unit in of_units} & self._units)
                self._lines = [line for unit in some for line in self._unit(unit, key_of(unit), found)]

    def _read(self, part: Part) -> Found:
        return self._begun.pop(part, None) or {item: READERS[item](self._facts, *part) for item in COMPUTED}

    def _write(self) -> None:
        if self._run_id is not None and self._lines:
            insert_rows(self._session, ScoreEntry.__table__, score_ledger.COLUMNS, self._lines)
        self._lines = []

    def _unit(self, unit_id: int, key: int, found: dict[Item, dict[int, Any]]) -> list[score_ledger.Line]:
        row: list[Any] = []
        stored: list[score_ledger.Line] = []
        told: list[str] = []
        for item in COMPUTED:
            facts = found[item].get(unit_id) or MAKERS[item]()
            score = facts.score()
            row += [None if score.points is None else str(score.points), *facts.counts().values()]
            if not score.no_data:
                lines, texts = _lines(key, item, facts)
                stored += lines
                told += texts
        self.rows[unit_id] = tuple(row)
        self.entries += len(stored)
        figures = "|".join(f"{name}={value}" for name, value in zip(COLUMNS, row, strict=True))
        self._digest.update("\n".join([f"{unit_id}|{figures}", *told, ""]).encode())
        return stored


def _lines(key: int, item: Item, facts: Any) -> tuple[list[score_ledger.Line], list[str]]:
    """The lines of an item as they are stored, and the text of each for the digest, without its keys."""
    stored: list[score_ledger.Line] = []
    told: list[str] = []
    evidence, points, exact = EVIDENCE[item], None, ("", "")
    for number, (rule, record, lost, reason) in enumerate(facts.lines(), first_line_of(key, item)):
        # The same fraction for most lines of a unit.
        if lost is not points:
            points, exact = lost, (str(lost.numerator), str(lost.denominator))
        if record is None:
            stored.append((key, None, rule.value, None, None, None, 1, *exact, reason, number))
            told.append(f"{rule.value}|{exact[0]}|{exact[1]}|{reason}")
            continue
        elevator, on, row = record
        stored.append((key, elevator, rule.value, evidence, row, on, 1, *exact, reason, number))
        told.append(f"{elevator}|{rule.value}|{evidence}|{row}|{on}|{exact[0]}|{exact[1]}|{reason}")
    return stored, told


def total_of(points: Decimal | None, row: Sequence[Any]) -> Decimal | None:
    """The total of a unit, from its points of SCO-01 and its row of the others."""
    others = (row[place] for place in PLACE.values())
    return total_points([points, *(None if one is None else Decimal(one) for one in others)])

"""Stars and credit of the units of a run (SCO-08), by `rules.rating` and the policy of the period's end."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import select

from app.models import Enforcement, Score, ScoreEntry, ScoreRun, Unit
from app.models.enforcement import stood_at
from app.models.policy import policy_book
from app.models.score import first_line_of_rating
from app.policy import Key
from app.rules.rating import Deed, Footing, Rating, Scheme, rate
from app.rules.score_items import OTHERS, Item
from app.transaction import AnySession, insert_rows
from app.workflows.approval import policies
from app.workflows.scores import score_ledger
from app.workflows.scores.score_facts import Facts
from app.workflows.scores.score_frame import Frame, frame_of_run
from app.workflows.scores.score_items import PLACE

_deed: Any = Enforcement.__table__.c
_unit: Any = Unit.__table__.c
_score: Any = Score.__table__.c
COLUMNS = ("rating_points", "stars", "credit")
NONE: tuple[Any, ...] = (None, None, None)
WEIGHTS = {
    Item.MAINTENANCE: Key.RATING_MAINTENANCE, Item.RESCUE: Key.RATING_RESCUE, Item.FEEDBACK: Key.RATING_FEEDBACK,
    Item.INSPECTION: Key.RATING_INSPECTION, Item.FAULT: Key.RATING_FAULT, Item.CHANGE: Key.RATING_CHANGE,
}  # fmt: skip
DEDUCTIONS = {"talk": Key.RATING_TALK, "warning": Key.RATING_WARNING, "penalty": Key.RATING_PENALTY}
UNLIMITED_CREDIT = "A"


def scheme_of(session: AnySession, frame: Frame, run: ScoreRun | None = None) -> tuple[Scheme, str]:
    """The region's numbers at the period's end as known then, and what is rated: none, stars, credit or both.

    `run`: one that is stored; a veto of which its policy version says nothing came into the product after it.
    """
    kept = None if run is None else policies.said(session, run.policy.get("version", ""), run.region_code, run.to_on)
    book = policy_book(session, frame.region_code, frame.to_on, known_at=frame.as_of)

    def number(key: Key) -> Any:
        return book[key].value

    def later(key: Key) -> Any:
        return number(key) if run is None or (kept is not None and key.value in kept) else None

    def most(credit: Any) -> str | None:
        return None if credit in (None, UNLIMITED_CREDIT) else str(credit)

    weights = {item: int(number(key)) for item, key in WEIGHTS.items()}
    scheme = Scheme(
        weights if any(weights.values()) else dict.fromkeys(WEIGHTS, 1),
        {kind: int(number(key)) for kind, key in DEDUCTIONS.items()},
        stars=(number(Key.RATING_FIVE_STARS), number(Key.RATING_FOUR_STARS), number(Key.RATING_THREE_STARS)),
        credits=(number(Key.RATING_CREDIT_A), number(Key.RATING_CREDIT_B), number(Key.RATING_CREDIT_C)),
        penalty_stars=number(Key.RATING_PENALTY_STARS),
        penalty_credit=most(number(Key.RATING_PENALTY_CREDIT)),
        overdue_permille=number(Key.RATING_OVERDUE_PERMILLE), overdue_stars=number(Key.RATING_OVERDUE_STARS),
        uncovered_permille=later(Key.RATING_UNCOVERED_PERMILLE), uncovered_stars=number(Key.RATING_UNCOVERED_STARS),
        licence_stars=later(Key.RATING_LICENCE_STARS), licence_credit=most(later(Key.RATING_LICENCE_CREDIT)),
    )  # fmt: skip
    return scheme, str(number(Key.RATING))


class Ratings:
    """Rates the units of a run one by one; `write` writes their lines."""

    def __init__(
        self, session: AnySession, facts: Facts, say: Callable[[str], None], proved: ScoreRun | None = None
    ) -> None:
        """`say` hears what is to be proved. `proved`: the stored run, of which 脱保 and licences are as it has them."""
        self._session, self._frame, self._say = session, facts.frame, say
        self._scheme, self._rated = scheme_of(session, facts.frame, proved)
        self._lines: list[score_ledger.Line] = []
        self._facts, self._proved = facts, proved

    @property
    def entries(self) -> int:
        return len(self._lines)

    @cached_property
    def _deeds(self) -> dict[int, list[Deed]]:
        return deeds(self._session, self._frame)

    @cached_property
    def _told(self) -> tuple[Mapping[int, int], Mapping[int, dt.date]]:
        """脱保 and the licence's last day by unit: as filed now, or as the stored run has them."""
        if self._proved is None:
            return self._facts.uncovered, licences(self._session)
        rows = self._session.execute(
            select(_score.unit_id, _score.uncovered, _score.licence_until).where(_score.run_id == self._proved.id)
        ).all()
        return {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows if row[2] is not None}

    def licence_of(self, unit_id: int) -> dt.date | None:
        return self._told[1].get(unit_id)

    def of(self, key: int, row: Mapping[str, Any], others: Any) -> tuple[Any, ...]:
        """Points, stars and credit of a unit, from its row of SCO-01 and that of the others; its lines are kept."""
        if self._rated == "none":
            return NONE
        points = {Item.MAINTENANCE: row["points"]}
        points |= {item: None if (one := others[PLACE[item]]) is None else Decimal(one) for item in OTHERS}
        unit_id = row["unit_id"]
        uncovered, licence = self._told[0].get(unit_id, 0), self.licence_of(unit_id)
        footing = Footing(row["elevators"], uncovered, licence, self._frame.reference_on)
        found = rate(points, row["overdue"], row["due"], self._deeds.get(unit_id, ()), self._scheme, footing)
        if found is None:
            return NONE
        stars = found.stars if self._rated in ("stars", "both") else None
        credit = found.credit if self._rated in ("credit", "both") else None
        lines = _lines(key, found)
        self._lines += lines
        told = "\n".join("|".join(map(str, line[1:-1])) for line in lines)
        self._say(f"{unit_id}|{found.points}|{stars}|{credit}\n{told}\n")
        return str(found.points), stars, credit

    def write(self) -> None:
        """Write the lines that were kept."""
        if self._lines:
            insert_rows(self._session, ScoreEntry.__table__, score_ledger.COLUMNS, self._lines)


def licences(session: AnySession) -> dict[int, dt.date]:
    """The last day of each maintenance unit's licence, as filed now; like 脱保 no part of what is proved."""
    held = select(_unit.id, _unit.licence_until).where(_unit.is_maintenance, _unit.licence_until.is_not(None))
    return dict(session.execute(held).all())


def deeds(session: AnySession, frame: Frame, unit_id: int | None = None) -> dict[int, list[Deed]]:
    """What was decided within the period and stood at the instant, by unit, oldest first. Whoever decided it: it is
    the unit that is rated."""
    found: dict[int, list[Deed]] = defaultdict(list)
    statement = select(_deed.unit_id, _deed.kind, _deed.id, _deed.decided_on).where(
        _deed.decided_on.between(frame.from_on, frame.to_on), stood_at(frame.as_of)
    )
    if unit_id is not None:
        statement = statement.where(_deed.unit_id == unit_id)
    for unit, kind, key, on in session.execute(statement.order_by(_deed.decided_on, _deed.id)):
        found[unit].append(Deed(kind, key, on.isoformat()))
    return found


def of_score(session: AnySession, run: ScoreRun, held: Any) -> tuple[Rating, Scheme] | None:
    """The rating of a stored score, made again from its points: what a page explains it by."""
    if held.rating_points is None:
        return None
    frame = frame_of_run(run)
    scheme, _rated = scheme_of(session, frame, run)
    points = {Item.MAINTENANCE: held.points} | {item: getattr(held, f"{item}_points") for item in OTHERS}
    done = deeds(session, frame, held.unit_id).get(held.unit_id, [])
    footing = Footing(held.elevators, held.uncovered, held.licence_until, frame.reference_on)
    found = rate(points, held.overdue, held.due, done, scheme, footing)
    return None if found is None else (found, scheme)


def _lines(key: int, found: Rating) -> list[score_ledger.Line]:
    """As they are stored; a line of an item names none of its records, which stand in the item's own ledger."""
    stored = []
    for number, line in enumerate(found.lines, first_line_of_rating(key)):
        evidence: tuple[Any, ...] = (None, None, None)
        if line.record is not None:
            evidence = ("enforcement", line.record.key, line.record.on)
        exact = (1, str(line.lost.numerator), str(line.lost.denominator), line.reason)
        stored.append((key, None, line.rule.value, *evidence, *exact, number))
    return stored

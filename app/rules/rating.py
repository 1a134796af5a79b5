"""Stars and credit of a maintenance unit (SCO-08): weighted items, enforcement, and what no points make up for. Pure.

100 × the weighted mean of the items, less points for each 约谈, 警告 and 立案处罚, not below 0. Thresholds say 5, 4 or
3 stars, else 2, and A, B or C, else D; a veto then says what is the most. Weights, points and thresholds are
policy. Every point that is missing of 100 is a line, and so is every veto: the answer to "why not one star more".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from app.rules.score_items import Item, Record
from app.rules.scoring import FULL_POINTS, NOTHING, round_half_up
from app.wording import counted, say

FULL = 100
STARS = (5, 4, 3)
LEAST_STARS, MOST_STARS = 2, 5
CREDITS = ("A", "B", "C", "D")


class RatingRule(StrEnum):
    """What a line is for: an item's missing points, a deed of enforcement, 封底, what caps the stars or the credit."""

    ITEM = "rating_item"
    TALK = "rating_talk"
    WARNING = "rating_warning"
    PENALTY = "rating_penalty"
    LIMIT = "rating_limit"
    VETO_PENALTY = "rating_veto_penalty"
    VETO_OVERDUE = "rating_veto_overdue"
    VETO_UNCOVERED = "rating_veto_uncovered"
    VETO_LICENCE = "rating_veto_licence"


R = RatingRule
# Kinds of enforcement, as they are kept.
DEEDS = {"talk": R.TALK, "warning": R.WARNING, "penalty": R.PENALTY}


@dataclass(frozen=True, slots=True)
class Scheme:
    """The numbers of a region. `stars` and `credits`: the least points of 5, 4, 3 stars and of A, B, C.

    `penalty_stars`, `penalty_credit`: the most with a 立案处罚 in the period; `overdue_permille`: beyond this share of
    missed services no more than `overdue_stars`; `uncovered_permille`: beyond this share of elevators without contract
    no more than `uncovered_stars`; `licence_stars`, `licence_credit`: the most with an expired licence. The last three
    are ours. None: no such veto.
    """

    weights: Mapping[Item, int]
    deductions: Mapping[str, int]
    stars: tuple[int, int, int] = (95, 85, 75)
    credits: tuple[int, int, int] = (90, 80, 60)
    penalty_stars: int | None = 3
    penalty_credit: str | None = "C"
    overdue_permille: int | None = 50
    overdue_stars: int = 3
    uncovered_permille: int | None = None
    uncovered_stars: int = 3
    licence_stars: int | None = None
    licence_credit: str | None = None


class Footing(NamedTuple):
    """What a unit stands on at the period's end (`on`; while the period runs: on the day as of which it is told)."""

    elevators: int = 0
    # 脱保: elevators in use that are filed for it and that no contract covers.
    uncovered: int = 0
    # None: not filed; that is no expiry.
    licence_until: date | None = None
    on: date | None = None

    @property
    def expired_on(self) -> date | None:
        """The last day of a licence that is over by then; the last day itself is still in force."""
        until = self.licence_until
        return until if until is not None and self.on is not None and until < self.on else None


NOTHING_KNOWN = Footing()


class Deed(NamedTuple):
    """A deed of enforcement that stands."""

    kind: str
    key: int
    on: str


class RatingLine(NamedTuple):
    """A line of the rating's ledger; a veto costs no points. `item`: of which item the missing points are."""

    rule: RatingRule
    lost: Fraction
    reason: str
    item: Item | None = None
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Rating:
    """What a unit got, and each line of it. `stars_by_points`, `credit_by_points`: before any veto."""

    points: Decimal
    stars: int
    credit: str
    stars_by_points: int
    credit_by_points: str
    lines: tuple[RatingLine, ...]

    @property
    def exact(self) -> Fraction:
        return FULL - sum((line.lost for line in self.lines), NOTHING)


MISSING = {
    Item.MAINTENANCE: say("维护保养有效率未得的分，按权重折算"),
    Item.RESCUE: say("救援及时率未得的分，按权重折算"),
    Item.FEEDBACK: say("反馈处置及时率未得的分，按权重折算"),
    Item.INSPECTION: say("一次检验合格率未得的分，按权重折算"),
    Item.FAULT: say("维保电梯故障率未得的分，按权重折算"),
    Item.CHANGE: say("维保变更及时率未得的分，按权重折算"),
}
DEED_REASONS = {
    "talk": say("期内被约谈"), "warning": say("期内被警告"), "penalty": say("期内被立案处罚"),
}  # fmt: skip
LIMIT = say("扣分合计多于 100 分，得分最低为 0")
VETO_PENALTY_STARS = counted("期内有立案处罚，最高 %(stars)s 星")
VETO_PENALTY_CREDIT = {
    "B": say("期内有立案处罚，信用最高 B 级"),
    "C": say("期内有立案处罚，信用最高 C 级"),
    "D": say("期内有立案处罚，信用为 D 级"),
}
VETO_UNCOVERED = counted(
    "脱保 %(uncovered)s 台，超过 %(elevators)s 台电梯的千分之 %(permille)s，最高 %(stars)s 星"
)
# Whole numbers, for a line keeps the finished text alone.
VETO_LICENCE_STARS = counted("许可证 %(year)s 年 %(month)s 月 %(day)s 日已到期，最高 %(stars)s 星")
VETO_LICENCE_CREDIT = {
    "B": counted("许可证 %(year)s 年 %(month)s 月 %(day)s 日已到期，信用最高 B 级"),
    "C": counted("许可证 %(year)s 年 %(month)s 月 %(day)s 日已到期，信用最高 C 级"),
    "D": counted("许可证 %(year)s 年 %(month)s 月 %(day)s 日已到期，信用为 D 级"),
}
VETO_OVERDUE = counted("超期 %(overdue)s 次，超过应维保 %(due)s 次的千分之 %(permille)s，最高 %(stars)s 星")


def rate(
    points: Mapping[Item, Decimal | None], overdue: int, due: int, deeds: Sequence[Deed], scheme: Scheme,
    footing: Footing = NOTHING_KNOWN,
) -> Rating | None:  # fmt: skip
    """The rating of a unit; None where 维护保养有效率 has no data, as there is no total (SCO-07).

    An item without data counts with full marks; points beyond 16 (SCO-02) make up for nothing else.
    """
    if points.get(Item.MAINTENANCE) is None:
        return None
    missing, whole = _missing(points, scheme)
    lines = [RatingLine(R.ITEM, Fraction(part, whole), MISSING[item], item) for item, part in missing]
    lines += _enforced(deeds, scheme)
    # In one fraction, not line by line: units are rated by the thousand.
    lost = Fraction(sum(part for _, part in missing), whole) + sum(scheme.deductions.get(d.kind, 0) for d in deeds)
    if lost > FULL:
        lines.append(RatingLine(R.LIMIT, FULL - lost, LIMIT))
        lost = Fraction(FULL)
    shown = round_half_up(FULL - lost)
    by_stars, by_credit = stars_of(shown, scheme), credit_of(shown, scheme)
    stars, credit = by_stars, by_credit
    penalties = [deed for deed in deeds if deed.kind == "penalty"]
    if penalties and scheme.penalty_stars is not None:
        lines.append(_veto(penalties[0], say(VETO_PENALTY_STARS, stars=scheme.penalty_stars)))
        stars = min(stars, scheme.penalty_stars)
    if penalties and scheme.penalty_credit is not None:
        lines.append(_veto(penalties[0], VETO_PENALTY_CREDIT[scheme.penalty_credit]))
        credit = max(credit, scheme.penalty_credit)
    limit = scheme.overdue_permille
    if limit is not None and overdue * 1000 > limit * due:
        reason = say(VETO_OVERDUE, overdue=overdue, due=due, permille=limit, stars=scheme.overdue_stars)
        lines.append(RatingLine(R.VETO_OVERDUE, NOTHING, reason))
        stars = min(stars, scheme.overdue_stars)
    limit = scheme.uncovered_permille
    if limit is not None and footing.uncovered * 1000 > limit * max(footing.elevators, footing.uncovered):
        lines.append(_uncovered(footing, limit, scheme.uncovered_stars))
        stars = min(stars, scheme.uncovered_stars)
    expired_on = footing.expired_on
    if expired_on is not None and scheme.licence_stars is not None:
        lines.append(_expired(expired_on, VETO_LICENCE_STARS, stars=scheme.licence_stars))
        stars = min(stars, scheme.licence_stars)
    if expired_on is not None and scheme.licence_credit is not None:
        lines.append(_expired(expired_on, VETO_LICENCE_CREDIT[scheme.licence_credit]))
        credit = max(credit, scheme.licence_credit)
    return Rating(shown, stars, credit, by_stars, by_credit, tuple(lines))


def _missing(points: Mapping[Item, Decimal | None], scheme: Scheme) -> tuple[list[tuple[Item, int]], int]:
    """What each item lacks of its part of 100, in parts of one whole."""
    full = FULL_POINTS * 100
    found = []
    for item, weight in scheme.weights.items():
        got = points.get(item)
        hundredths = full if got is None else min(int(got * 100), full)
        if weight and hundredths < full:
            found.append((item, FULL * weight * (full - hundredths)))
    return found, full * sum(scheme.weights.values())


def _enforced(deeds: Sequence[Deed], scheme: Scheme) -> Iterable[RatingLine]:
    for deed in deeds:
        lost = Fraction(scheme.deductions.get(deed.kind, 0))
        yield RatingLine(DEEDS[deed.kind], lost, DEED_REASONS[deed.kind], None, Record(0, deed.on, deed.key))


def _veto(deed: Deed, reason: str) -> RatingLine:
    return RatingLine(R.VETO_PENALTY, NOTHING, reason, None, Record(0, deed.on, deed.key))


def _uncovered(footing: Footing, permille: int, stars: int) -> RatingLine:
    elevators = max(footing.elevators, footing.uncovered)
    reason = say(VETO_UNCOVERED, uncovered=footing.uncovered, elevators=elevators, permille=permille, stars=stars)
    return RatingLine(R.VETO_UNCOVERED, NOTHING, reason)


def _expired(until: date, sentence: str, **more: int) -> RatingLine:
    reason = say(sentence, year=until.year, month=until.month, day=until.day, **more)
    return RatingLine(R.VETO_LICENCE, NOTHING, reason)


def stars_of(points: Decimal, scheme: Scheme) -> int:
    """By the points alone; the points as shown, so that 94.995 is 95.00 and has what 95.00 has."""
    return next((stars for stars, least in zip(STARS, scheme.stars, strict=True) if points >= least), LEAST_STARS)


def credit_of(points: Decimal, scheme: Scheme) -> str:
    return next((one for one, least in zip(CREDITS, scheme.credits, strict=False) if points >= least), CREDITS[-1])


def to_next_star(rating: Rating, scheme: Scheme) -> tuple[int, Decimal] | None:
    """How many stars one more would be, and how many points are missing; 0 where only a veto stands in the way."""
    if rating.stars >= MOST_STARS:
        return None
    wanted = rating.stars + 1
    least = dict(zip(STARS, scheme.stars, strict=True))[wanted]
    return wanted, max(Decimal(least) - rating.points, Decimal(0))

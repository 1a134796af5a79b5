"""The five scores beside SCO-01 as a run keeps them: facts of a unit, points, and the lines that sum to what was lost.

Facts are counts, and the records behind what cost points in order of elevator, day and key. Points are those of
`rules.other_scores`; every line here is a record with exact points, so that the lines sum to the last digit (LED-01).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple

from app.rules.other_scores import (
    ENTRAPMENT_PENALTIES,
    change_score,
    fault_score,
    feedback_score,
    inspection_score,
    rescue_score,
)
from app.rules.scoring import FULL_POINTS, NOTHING, Score
from app.wording import counted, say


class Item(StrEnum):
    """The six of SCO-01 to SCO-06, in the manual's order."""

    MAINTENANCE = "maintenance"
    RESCUE = "rescue"
    FEEDBACK = "feedback"
    INSPECTION = "inspection"
    FAULT = "fault"
    CHANGE = "change"


OTHERS = (Item.RESCUE, Item.FEEDBACK, Item.INSPECTION, Item.FAULT, Item.CHANGE)


class ItemRule(StrEnum):
    """What a line is for. MADE_UP, BONUS and LIMIT give back; AGAIN and POWER cost nothing and say why."""

    RESCUE_LATE = "rescue_late"
    RESCUE_MADE_UP = "rescue_made_up"
    RESCUE_BONUS = "rescue_bonus"
    FEEDBACK_LATE = "feedback_late"
    INSPECTION_FAILED = "inspection_failed"
    INSPECTION_AGAIN = "inspection_again"
    FAULT = "fault"
    FAULT_AGAIN = "fault_again"
    FAULT_OFTEN = "fault_often"
    FAULT_LIMIT = "fault_limit"
    CHANGE_LATE = "change_late"
    CHANGE_AGAIN = "change_again"


R = ItemRule


class Record(NamedTuple):
    """A record behind a figure: on which elevator, on which day, its key."""

    elevator: int
    on: str
    key: int


class Line(NamedTuple):
    """A line of the ledger; `lost` is below 0 where points are given back."""

    rule: ItemRule
    record: Record | None
    lost: Fraction
    reason: str


# Those with a number in them are known again by their text, as those of SCO-01.
RESCUE_WAS_LATE = say("接单或解救超过时限，一次不及时")
MADE_UP = say("二次救援及时，冲抵一次不及时")
BONUS = say("二次救援及时，超出不及时次数，另加分")
FEEDBACK_WAS_LATE = say("接单、处置或复核超过时限")
FAILED = say("检验不合格，涉及维保单位整改；复检合格不抵消")
FAILED_AGAIN = say("同一台电梯只计一次，记 0")
FAULTY = say("困人，不是停电引起")
FAULTY_AGAIN = say("同一台电梯的故障只计一台，记 0")
OFTEN = counted("本年困人 %(times)s 次，另扣")
LIMIT = say("扣分合计多于 16 分，得分最低为 0")
CHANGE_WAS_LATE = say("签订合同后超过时限才申请变更")
CHANGE_AGAIN = say("同一使用单位只计一次，记 0")


@dataclass(frozen=True, slots=True)
class Scale:
    """What a region weighs by: points for each second-level rescue in time beyond the late ones (SCO-02), points lost
    besides for an elevator by its entrapments in the year (SCO-05)."""

    bonus: Fraction = Fraction(1, 2)
    penalties: Mapping[int, Fraction] = field(default_factory=lambda: ENTRAPMENT_PENALTIES)


USUAL = Scale()


@dataclass(slots=True)
class Rescue:
    """First-level rescues at the unit's elevators; `second`: those elsewhere in which it helped in time."""

    on_time: int = 0
    late: list[Record] = field(default_factory=list)
    second: list[Record] = field(default_factory=list)
    scale: Scale = USUAL

    def score(self) -> Score:
        return rescue_score(self.on_time, len(self.late), len(self.second), self.scale.bonus)

    def counts(self) -> dict[str, int]:
        return {"on_time": self.on_time, "late": len(self.late), "second": len(self.second)}

    def lines(self) -> Iterator[Line]:
        late = len(self.late)
        each = Fraction(FULL_POINTS, (self.on_time + late) or 1)
        for record in self.late:
            yield Line(R.RESCUE_LATE, record, each, RESCUE_WAS_LATE)
        for number, record in enumerate(self.second):
            if number < late:
                yield Line(R.RESCUE_MADE_UP, record, -each, MADE_UP)
            else:
                yield Line(R.RESCUE_BONUS, record, -self.scale.bonus, BONUS)


@dataclass(slots=True)
class Feedback:
    """Complaints of the period; one still open in time is in neither."""

    on_time: int = 0
    late: list[Record] = field(default_factory=list)

    def score(self) -> Score:
        return feedback_score(self.on_time, len(self.late))

    def counts(self) -> dict[str, int]:
        return {"total": self.on_time + len(self.late), "late": len(self.late)}

    def lines(self) -> Iterator[Line]:
        each = Fraction(FULL_POINTS, (self.on_time + len(self.late)) or 1)
        for record in self.late:
            yield Line(R.FEEDBACK_LATE, record, each, FEEDBACK_WAS_LATE)


@dataclass(slots=True)
class Inspection:
    """Elevators inspected; `failed` are all records that say that the unit has to mend, several of one elevator too."""

    inspected: int = 0
    failed: list[Record] = field(default_factory=list)

    @property
    def elevators_failed(self) -> int:
        return len({record.elevator for record in self.failed})

    def score(self) -> Score:
        return inspection_score(self.inspected, self.elevators_failed)

    def counts(self) -> dict[str, int]:
        return {"total": self.inspected, "failed": self.elevators_failed}

    def lines(self) -> Iterator[Line]:
        each = Fraction(FULL_POINTS, self.inspected or 1)
        yield from _once(self.failed, each, R.INSPECTION_FAILED, FAILED, R.INSPECTION_AGAIN, FAILED_AGAIN)


@dataclass(slots=True)
class Fault:
    """Elevators under contract; `entrapments` of the period; `in_year`: of each elevator that had some, those of the
    year."""

    elevators: int = 0
    entrapments: list[Record] = field(default_factory=list)
    in_year: Mapping[int, int] = field(default_factory=dict)
    scale: Scale = USUAL

    @property
    def faulty(self) -> list[int]:
        return sorted({record.elevator for record in self.entrapments})

    def score(self) -> Score:
        often = self._often()
        return fault_score(self.elevators, len(often), often, self.scale.penalties)

    def counts(self) -> dict[str, int]:
        times = [self.in_year.get(elevator, 0) for elevator in self.faulty]
        return {
            "elevators": self.elevators, "faulty": len(times), "entrapments": len(self.entrapments),
            "twice": times.count(2), "thrice": times.count(3), "often": sum(n >= 4 for n in times),
        }  # fmt: skip

    def _often(self) -> dict[Hashable, int]:
        return {elevator: self.in_year.get(elevator, 0) for elevator in self.faulty}

    def lines(self) -> Iterator[Line]:
        each, penalties = Fraction(FULL_POINTS, self.elevators or 1), NOTHING
        yield from _once(self.entrapments, each, R.FAULT, FAULTY, R.FAULT_AGAIN, FAULTY_AGAIN)
        last = {record.elevator: record for record in self.entrapments}
        for elevator in self.faulty:
            times = self.in_year.get(elevator, 0)
            if reached := [n for n in self.scale.penalties if n <= times]:
                penalty = self.scale.penalties[max(reached)]
                penalties += penalty
                yield Line(R.FAULT_OFTEN, last[elevator], penalty, say(OFTEN, times=times))
        given = len(last) * each + penalties
        if given > FULL_POINTS:
            yield Line(R.FAULT_LIMIT, None, FULL_POINTS - given, LIMIT)


@dataclass(slots=True)
class Change:
    """Use units with a change due in the period; `late`: of each late one all late changes."""

    use_units: int = 0
    late: Mapping[int, list[Record]] = field(default_factory=dict)

    def score(self) -> Score:
        return change_score(self.use_units, len(self.late))

    def counts(self) -> dict[str, int]:
        return {"total": self.use_units, "late": len(self.late)}

    def lines(self) -> Iterator[Line]:
        each = Fraction(FULL_POINTS, self.use_units or 1)
        for _, records in sorted(self.late.items()):
            for number, record in enumerate(records):
                if number:
                    yield Line(R.CHANGE_AGAIN, record, NOTHING, CHANGE_AGAIN)
                else:
                    yield Line(R.CHANGE_LATE, record, each, CHANGE_WAS_LATE)


def _once(
    records: Iterable[Record], each: Fraction, rule: ItemRule, reason: str, again: ItemRule, why_not: str
) -> Iterator[Line]:  # fmt: skip
    """The first record of each elevator costs, the others nothing; `records` in order of elevator and day."""
    for _, some in groupby(records, lambda record: record.elevator):
        for number, record in enumerate(some):
            yield Line(again, record, NOTHING, why_not) if number else Line(rule, record, each, reason)


Facts = Rescue | Feedback | Inspection | Fault | Change
MAKERS: Mapping[Item, Callable[[], Facts]] = {
    Item.RESCUE: Rescue, Item.FEEDBACK: Feedback, Item.INSPECTION: Inspection, Item.FAULT: Fault, Item.CHANGE: Change,
}  # fmt: skip


def total_points(points: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of the six as they are shown; what has nothing to count stands with full marks (SCO-07).

    Nothing to count in 维护保养 means that the unit did not maintain in the period: no total, and no rank among those
    who did.
    """
    shown = list(points)
    if not shown or shown[0] is None:
        return None
    return sum((Decimal(FULL_POINTS) if one is None else one for one in shown), Decimal(0))

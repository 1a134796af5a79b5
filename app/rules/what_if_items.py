"""What a unit can still make of SCO-02 to SCO-06, and what the six come to together (SIM-01).

What is decided stays: a late call, a failed inspection, an entrapment cost what they cost, but for what may still be
appealed against, which an upheld appeal takes back as the item's own rule says. What is open goes one of two ways: done
now it ends as that rule says of it, left alone as it says when its time is up. Points are those of `score_items` over
the facts that come of it, and the total is `total_points`, as in a score.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from app.rules.calendar import day_end
from app.rules.other_scores import Outcome
from app.rules.score_items import Change, Facts, Fault, Feedback, Inspection, Item, Record, Rescue, total_points
from app.rules.scoring import SETTLE_DAYS, Score
from app.rules.what_if import Fix, FixKind, Offer, Simulation

# How far ahead inspections are passed at the first go; the last one stands for the period's end.
INSPECTED_AHEAD_DAYS = (30, 0)


def judged_at(period_end: date) -> datetime:
    """The instant at which what was left alone is told: when the period's score becomes final."""
    return day_end(period_end + timedelta(days=SETTLE_DAYS))


class Ahead(Protocol):
    """An item of a unit: what is decided, and what can be done about the rest."""

    @property
    def decided(self) -> Facts:
        """What stands by now, whatever comes."""

    def fixes(self) -> Mapping[Fix, int]:
        """What can be done, and about how many things."""

    def come(self, chosen: Collection[Fix]) -> Facts:
        """What it comes to when these fixes are done and nothing else."""


@dataclass(frozen=True, slots=True)
class Open:
    """A record that can still go either way: how it ends done now, and left alone. None: it then counts nowhere."""

    fix: Fix
    record: Record
    done: Outcome | None
    left: Outcome | None

    def outcome(self, chosen: Collection[Fix]) -> Outcome | None:
        return self.done if self.fix in chosen else self.left


@dataclass(frozen=True, slots=True)
class RescueAhead:
    """`open`: calls to the unit's own elevators; `helping`: second-level calls elsewhere, which cost nothing."""

    decided: Rescue
    open: Sequence[Open] = ()
    helping: Sequence[Open] = ()
    disputed: Mapping[Fix, Record] = field(default_factory=dict)

    def fixes(self) -> dict[Fix, int]:
        open_ = {one.fix: 1 for one in (*self.open, *self.helping) if one.done is Outcome.ON_TIME}
        return open_ | dict.fromkeys(self.disputed, 1)

    def come(self, chosen: Collection[Fix]) -> Rescue:
        on_time, late = _counted(self.open, chosen)
        second = [one.record for one in self.helping if one.outcome(chosen) is Outcome.ON_TIME]
        held, upheld = self.decided, _upheld(self.disputed, chosen)
        still = [record for record in held.late if record not in upheld]
        return replace(
            held, on_time=held.on_time + on_time + len(upheld), late=[*still, *late], second=[*held.second, *second]
        )


@dataclass(frozen=True, slots=True)
class FeedbackAhead:
    """`open`: complaints whose limits run."""

    decided: Feedback
    open: Sequence[Open] = ()
    disputed: Mapping[Fix, Record] = field(default_factory=dict)

    def fixes(self) -> dict[Fix, int]:
        return {one.fix: 1 for one in self.open if one.done is Outcome.ON_TIME} | dict.fromkeys(self.disputed, 1)

    def come(self, chosen: Collection[Fix]) -> Feedback:
        on_time, late = _counted(self.open, chosen)
        upheld = _upheld(self.disputed, chosen)
        still = [record for record in self.decided.late if record not in upheld]
        return Feedback(self.decided.on_time + on_time + len(upheld), [*still, *late])


@dataclass(frozen=True, slots=True)
class InspectionAhead:
    """`due`: the day by which each elevator that was not inspected in the period is to be, within the period.

    Left alone nothing is counted; passed at the first go, it is one more that did not fail. Of a failed one nothing but
    an appeal takes away that it failed; it stays an elevator that was inspected.
    """

    decided: Inspection
    due: Sequence[date]
    today: date
    disputed: Mapping[Fix, Record] = field(default_factory=dict)

    def _within(self, days: int) -> int:
        return sum(not days or on <= self.today + timedelta(days=days) for on in self.due)

    def fixes(self) -> dict[Fix, int]:
        found = {Fix(FixKind.PASS, str(days)): self._within(days) for days in INSPECTED_AHEAD_DAYS}
        return {fix: number for fix, number in found.items() if number} | dict.fromkeys(self.disputed, 1)

    def come(self, chosen: Collection[Fix]) -> Inspection:
        passed = [self._within(days) for days in INSPECTED_AHEAD_DAYS if Fix(FixKind.PASS, str(days)) in chosen]
        upheld = _upheld(self.disputed, chosen)
        return replace(
            self.decided, inspected=self.decided.inspected + max(passed, default=0),
            failed=[record for record in self.decided.failed if record not in upheld],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FaultAhead:
    """`coming`: entrapments that are still being worked on, with the day's place in the year; nothing undoes them.

    They are told as entrapments that no power cut caused, which is what most turn out to be.
    """

    decided: Fault
    coming: Sequence[Record] = ()
    year: str = ""

    def fixes(self) -> dict[Fix, int]:
        return {}

    def come(self, chosen: Collection[Fix]) -> Fault:
        if not self.coming:
            return self.decided
        in_year = dict(self.decided.in_year)
        for record in self.coming:
            if record.on >= self.year:
                in_year[record.elevator] = in_year.get(record.elevator, 0) + 1
        return replace(
            self.decided, entrapments=sorted([*self.decided.entrapments, *self.coming]), in_year=in_year
        )


@dataclass(frozen=True, slots=True)
class ChangeAhead:
    """`open`: use units with a contract that was signed and no change applied for yet; late once its day is over.

    Left alone it counts nowhere, for of what was never applied for nothing tells (SCO-06).
    """

    decided: Change
    # By use unit, for one use unit counts once.
    open: Mapping[Fix, int] = field(default_factory=dict)
    disputed: Mapping[Fix, Record] = field(default_factory=dict)

    def fixes(self) -> dict[Fix, int]:
        return dict.fromkeys((*self.open, *self.disputed), 1)

    def come(self, chosen: Collection[Fix]) -> Change:
        more = {use_unit for fix, use_unit in self.open.items() if fix in chosen}
        upheld = _upheld(self.disputed, chosen)
        still = {
            use_unit: [record for record in records if record not in upheld]
            for use_unit, records in self.decided.late.items()
        }  # fmt: skip
        late = {use_unit: records for use_unit, records in still.items() if records}
        return replace(self.decided, use_units=self.decided.use_units + len(more), late=late)


def _upheld(disputed: Mapping[Fix, Record], chosen: Collection[Fix]) -> set[Record]:
    """The records whose appeals are among the chosen."""
    return {record for fix, record in disputed.items() if fix in chosen}


def _counted(some: Sequence[Open], chosen: Collection[Fix]) -> tuple[int, list[Record]]:
    """How many of them are in time, and those that are late."""
    told = [(one.outcome(chosen), one.record) for one in some]
    late = [record for outcome, record in told if outcome is Outcome.LATE]
    return sum(outcome is Outcome.ON_TIME for outcome, _ in told), late


def simulate_item(ahead: Ahead, chosen: Collection[Fix]) -> Simulation:
    """As `what_if.simulate`, of one of the five others."""
    fixes = ahead.fixes()
    every = frozenset(fixes)
    # A shorter stretch of inspections is part of a longer one: without it means without any.
    alike = {fix for fix in every if fix.kind is FixKind.PASS}
    nothing, everything = ahead.come(()).score(), ahead.come(every).score()
    offers = [
        Offer(
            fix, number, ahead.come({fix}).score(), ahead.come(every - (alike if fix in alike else {fix})).score()
        )
        for fix, number in fixes.items()
    ]  # fmt: skip
    return Simulation(nothing, ahead.come(every & {*chosen}).score(), everything, offers)


@dataclass(frozen=True, slots=True)
class Ways:
    """Points at the period's end when nothing more is done, the chosen together, and everything; None: no data."""

    nothing: Decimal | None
    chosen: Decimal | None
    everything: Decimal | None


@dataclass(frozen=True, slots=True)
class Six:
    """The simulations of the six, and what they come to together."""

    items: Mapping[Item, Simulation]

    @property
    def total(self) -> Ways:
        """The totals of a score, of the points as they are shown."""
        ways = [
            total_points(getattr(self.items[item], way).points for item in Item)
            for way in ("nothing", "chosen", "everything")
        ]
        return Ways(*ways)

    @property
    def offers(self) -> list[tuple[Item, Offer]]:
        """Every fix, those first that bring most."""
        every = [(item, offer) for item, made in self.items.items() for offer in made.offers]
        return sorted(every, key=lambda one: (*(-gain for gain in self.gain(*one)), one[1].fix))

    def gain(self, item: Item, offer: Offer) -> tuple[Fraction, Fraction]:
        """As `Simulation.gain`; the items touch one another nowhere, so it is what the total gains too."""
        return self.items[item].gain(offer)


def winnable(made: Simulation) -> Fraction:
    """The points that are open: between nothing and everything."""
    return max(made.everything.exact - made.nothing.exact, Fraction(0))


def gone(made: Simulation) -> Fraction:
    """The points that no fix brings back in this period."""
    return max(_full(made.everything) - made.everything.exact, Fraction(0))


def _full(score: Score) -> Fraction:
    return Fraction(score.full_points)

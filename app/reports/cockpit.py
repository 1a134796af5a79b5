"""数据驾驶舱 (DSH-02): what a region's wall shows of now: register, today's work, what is over and where.

Each figure counts what its list counts, within the reader's scope. No figure is guessed: what is not known is left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import Integer, and_, case, cast, func, or_, select

from app import scope
from app.listing import Moment
from app.listings import rescues as rescues_listed
from app.listings import standing
from app.models import Application, Elevator, MaintenanceClock, MaintenanceOrder, OverduePeriod, Region, Rescue, Visit
from app.models.choices import CATEGORY
from app.models.region import LEVEL_DIGITS, code_span, in_region
from app.models.visit import visited
from app.rules.calendar import add_months
from app.rules.chart import Frame, frame_around

TREND_DAYS = 30
# Full years in use at which a band begins; the last is open.
BANDS = (0, 5, 10, 15)
WIDTH, HEIGHT = 660.0, 520.0
# The map is cut into so many squares from edge to edge; a dot stands for the elevators of one.
SQUARES = 56
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """A region one level below, or the region itself where there is none: how much there is and how much is over."""

    code: str
    name: str
    elevators: int
    over: int
    uncovered: int
    spot: tuple[float, float] | None

    @property
    def rate(self) -> float | None:
        """Elevators in use that are overdue, in percent; nothing in use is no data."""
        return float(Fraction(100 * self.over, self.elevators)) if self.elevators else None


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the trend: periods that ended in time and those that were missed."""

    on: dt.date
    done: int
    missed: int

    @property
    def rate(self) -> float | None:
        """Done in time, in percent; a day on which nothing ended is no data."""
        return float(Fraction(100 * self.done, self.done + self.missed)) if self.done + self.missed else None


@dataclass(frozen=True, slots=True)
class Dot:
    """Elevators of one square of the map, drawn."""

    x: float
    y: float
    elevators: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The row of numbers."""

    in_use: int
    suspended: int
    notified: int
    planned_today: int
    going: int
    done_today: int
    over: int
    near: int
    inspection_over: int
    inspection_near: int
    uncovered: int
    cover_near: int
    open_applications: int
    late_applications: int
    rescues: int
    late_rescues: int

    @property
    def kept(self) -> int:
        return self.in_use + self.suspended + self.notified


@dataclass(frozen=True, slots=True)
class Cockpit:
    """Everything that the page shows of a region, as counted at `at`."""

    region_code: str | None
    name: str
    parent: str | None
    at: dt.datetime
    figures: Figures
    days: list[Day]
    ages: list[int]
    no_age: int
    kinds: list[tuple[str, str, int]]
    places: list[Place]
    dots: list[Dot]
    over_dots: list[Dot]


def build(moment: Moment, region_code: str | None) -> Cockpit:
    """Count all of it. `region_code` None is everything that the reader sees; it must have been checked."""
    asked = _Asked(moment, region_code)
    region = asked.region()
    places, frame = asked.places(region)
    ages, no_age = asked.ages()
    everything, over = asked.dots(frame)
    return Cockpit(
        region_code, region.name if region is not None else "", asked.parent(region), moment.now, asked.figures(),
        asked.days(), ages, no_age, asked.kinds(), places, everything, over,
    )  # fmt: skip


@dataclass(slots=True)
class _Asked:
    moment: Moment
    region_code: str | None

    def _rows(self, statement: Any, model: Any) -> Any:
        narrowed = statement.where(in_region(model.region_code, self.region_code))
        found = scope.apply(narrowed, self.moment.actor, model).execution_options(skip_scope=True)
        return self.moment.session.execute(found)

    def region(self) -> Region | None:
        if self.region_code is None:
            return None
        found: Region | None = self.moment.session.scalar(select(Region).where(Region.code == self.region_code))
        return found

    def parent(self, region: Region | None) -> str | None:
        """The region above, where the reader may look: empty for everything he sees, None where he is at his top."""
        actor = self.moment.actor
        own = None if actor.sees_everything else actor.region_code
        if region is None or region.code == own:
            return None
        above = region.parent.code if region.parent is not None else ""
        span = code_span(own) if own else None
        return above if span is None or span[0] <= above < span[1] else None

    # --- the row of numbers

    def figures(self) -> Figures:
        today = self.moment.today
        statuses = dict(self._rows(
            select(Elevator.status, func.count()).where(Elevator.approved_version > 0).group_by(Elevator.status),
            Elevator,
        ).all())  # fmt: skip
        over, near, uncovered, cover_near = self._rows(
            select(*(_many(condition(self.moment)) for condition in (
                standing.maintenance_over, standing.maintenance_near, standing.cover_over, standing.cover_near,
            ))).where(MaintenanceClock.in_use),
            MaintenanceClock,
        ).one()  # fmt: skip
        inspection_over, inspection_near = self._rows(
            select(_many(standing.inspection_over(self.moment)), _many(standing.inspection_near(self.moment)))
            .where(Elevator.status == "in_use", Elevator.next_inspection_on.is_not(None)),
            Elevator,
        ).one()  # fmt: skip
        planned = self._rows(
            select(func.count()).where(MaintenanceOrder.planned_on == today, MaintenanceOrder.state != "void"),
            MaintenanceOrder,
        ).scalar_one()
        going, done = self._rows(
            select(_many(Visit.state == "open"), _many(Visit.checked_out_at.is_not(None))).where(
                visited(Visit, today, today), Visit.state != "void"
            ),
            Visit,
        ).one()
        waiting, late = self._rows(
            select(func.count(), _many(Application.due_at < self.moment.now)).where(
                Application.is_open, Application.state.in_(("submitted", "accepted", "endorsed"))
            ),
            Application,
        ).one()
        rescues, late_rescues = self._rows(
            select(func.count(), _many(or_(Rescue.late_steps.is_not(None), Rescue.due_at <= self.moment.now))).where(
                rescues_listed.OPEN
            ),
            Rescue,
        ).one()
        return Figures(
            statuses.get("in_use", 0), statuses.get("suspended", 0), statuses.get("notified", 0), planned, going, done,
            over, near, inspection_over, inspection_near, uncovered, cover_near, waiting, late, rescues,
            late_rescues,
        )  # fmt: skip

    # --- how it went, how old it is

    def days(self) -> list[Day]:
        """The last days before today, each with what ended in time and what was missed."""
        first, last = self.moment.today - DAY * TREND_DAYS, self.moment.today - DAY
        done = dict(self._rows(
            select(Visit.visit_on, func.count())
            .where(Visit.counted, visited(Visit, first, last)).group_by(Visit.visit_on),
            Visit,
        ).all())  # fmt: skip
        missed = dict(self._rows(
            select(OverduePeriod.limit_on, func.count())
            .where(OverduePeriod.withdrawn.is_(False), OverduePeriod.limit_on.between(first, last))
            .group_by(OverduePeriod.limit_on),
            OverduePeriod,
        ).all())  # fmt: skip
        every = [first + DAY * number for number in range(TREND_DAYS)]
        return [Day(on, done.get(on, 0), missed.get(on, 0)) for on in every]

    def ages(self) -> tuple[list[int], int]:
        """How many are in each band of years, and of how many no day of first use is known."""
        used, today = Elevator.commissioned_on, self.moment.today
        bands = [(used <= add_months(today, -12 * years), number) for number, years in enumerate(BANDS) if years]
        band = case((used.is_(None), -1), *reversed(bands), else_=0)
        found = dict(self._rows(
            select(band, func.count()).where(Elevator.approved_version > 0, Elevator.status != "scrapped")
            .group_by(band),
            Elevator,
        ).all())  # fmt: skip
        return [found.get(number, 0) for number in range(len(BANDS))], found.get(-1, 0)

    def kinds(self) -> list[tuple[str, str, int]]:
        """Code, word and number of each kind, the most frequent first."""
        found = self._rows(
            select(Elevator.category, func.count()).where(Elevator.approved_version > 0, Elevator.status != "scrapped")
            .group_by(Elevator.category),
            Elevator,
        ).all()  # fmt: skip
        words = {code: str(word) for code, word in CATEGORY.items()}
        return sorted(((code, words.get(code, code), count) for code, count in found), key=lambda one: -one[2])

    # --- where

    def places(self, region: Region | None) -> tuple[list[Place], Frame | None]:
        """Each region below with its numbers, most overdue first, and the box that the map shows."""
        width = _width_below(region.level if region is not None else None)
        place = func.substr(MaintenanceClock.region_code, 1, width)
        counts = self._rows(
            select(
                place, func.count(), _many(standing.maintenance_over(self.moment)),
                _many(standing.cover_over(self.moment)),
            ).where(MaintenanceClock.in_use).group_by(place),
            MaintenanceClock,
        ).all()  # fmt: skip
        code = func.substr(Elevator.region_code, 1, width)
        latitude, longitude = Elevator.latitude, Elevator.longitude
        where = {
            row[0]: row[1:] for row in self._rows(
                select(
                    code, func.avg(latitude), func.avg(longitude), func.min(latitude), func.max(latitude),
                    func.min(longitude), func.max(longitude),
                ).where(_drawn()).group_by(code),
                Elevator,
            )
        }  # fmt: skip
        corners = [corner for _a, _b, s, n, w, e in where.values() for corner in ((s, w), (n, e))]
        frame = frame_around(corners, WIDTH, HEIGHT)
        names = self._names([key.ljust(12, "0") for key, *_ in counts])
        found = [
            Place(
                whole, names.get(whole, whole), elevators, over, uncovered,
                frame.point(where[key][0], where[key][1]) if frame is not None and key in where else None,
            )
            for key, elevators, over, uncovered in counts
            for whole in (key.ljust(12, "0"),)
        ]  # fmt: skip
        return sorted(found, key=lambda one: (-(one.rate or 0), -one.elevators, one.code)), frame

    def _names(self, codes: Sequence[str]) -> dict[str, str]:
        known = select(Region.code, Region.name).where(Region.code.in_(codes))
        return dict(self.moment.session.execute(known).all())

    def dots(self, frame: Frame | None) -> tuple[list[Dot], list[Dot]]:
        """All elevators in use, and those that are overdue, by squares of the map."""
        if frame is None:
            return [], []
        size = max((frame.north - frame.south), (frame.east - frame.west)) / SQUARES or 0.001
        row = cast(func.round((Elevator.latitude - frame.south) / size), Integer)
        column = cast(func.round((Elevator.longitude - frame.west) / size), Integer)
        squares = select(row, column, func.count()).where(_drawn(), Elevator.status == "in_use").group_by(row, column)
        late = squares.join(MaintenanceClock, MaintenanceClock.elevator_id == Elevator.id).where(
            MaintenanceClock.in_use, standing.maintenance_over(self.moment)
        )

        def drawn(statement: Any) -> list[Dot]:
            return [
                Dot(*frame.point(frame.south + up * size, frame.west + along * size), count)
                for up, along, count in self._rows(statement, Elevator)
            ]

        return drawn(squares), drawn(late)


def _many(condition: Any) -> Any:
    return func.count(case((condition, 1)))


def _drawn() -> Any:
    """On the map: in force, and its position is known."""
    return and_(
        Elevator.approved_version > 0, Elevator.status != "scrapped", Elevator.latitude.is_not(None),
        Elevator.longitude.is_not(None),
    )  # fmt: skip


def _width_below(level: str | None) -> int:
    """Digits that tell apart the regions one level below; of the whole country, cities. A street is its own."""
    if level is None:
        return LEVEL_DIGITS["city"]
    return next((width for width in sorted(LEVEL_DIGITS.values()) if width > LEVEL_DIGITS[level]), 12)

"""What the statistical report says beside register and maintenance (STA-02): places, sign-in by the label, how many
labels there are and were seen, inspections, complaints, scores. Each figure that has a list carries its address.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import case, func, select

from app import scope
from app.listing import Moment
from app.listings.complaints import OPEN, late, on_time
from app.models import Complaint, Elevator, Inspection, Region, Score, ScoreRun, Visit
from app.models.choices import INSPECTION_KIND
from app.models.region import in_region
from app.models.visit import visited
from app.reports.published import place_of
from app.reports.visited import Visited
from app.rules.calendar import day_end, day_start
from app.rules.scoring import round_half_up
from app.wording import say

CALENDAR = ("supervision", "periodic", "test", "self_test")
RESULTS_IN_ORDER = ("passed", "passed_again", "failed")
MOST_AREAS = 40

MORE_FORMULAS = (
    ("扫码签到率", "扫标牌二维码签到的次数 ÷ 已知签到方式的次数；手工输入识别码的不算扫码，没有记录签到方式的不计入"),
    ("标牌覆盖率", "标牌登记为完好、或期间内至少有一次扫码签到的在册电梯 ÷ 在册电梯；印过、没有核实贴在梯上的不算"),
    ("期内扫到", "期间内至少有一次扫码签到的在册电梯：标牌确实贴在梯上，登记为未粘贴、损坏或丢失的也算"),
    (
        "合格台次占比",
        "合格 ÷ 全部检验检测台次，含单位自行上传的自行检测，复检合格不算合格；不是考核的“一次检验合格率”，"
        "那是按电梯台数、只计维保单位原因、不计单位自行上传的",
    ),
    ("投诉及时率", "处置及时 ÷（处置及时 + 处置不及时），按现在的情况；不属实和仍在期限内的不计"),
    ("得分", "与统计期间完全相同的一次得分计算；没有算过则为无数据"),
)


@dataclass(frozen=True, slots=True)
class Area:
    """A region one level below with its registered elevators."""

    code: str
    label: str
    count: int
    link: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """Check-ins of the period, and labels: registered as intact, scanned in the period, one or the other."""

    known: int
    by_label: int
    unknown: int
    registered: int
    intact: int
    seen: int
    labelled: int

    @property
    def rate(self) -> Decimal | None:
        return rate_of(self.by_label, self.known)

    @property
    def coverage(self) -> Decimal | None:
        return rate_of(self.labelled, self.registered)


@dataclass(frozen=True, slots=True)
class Inspected:
    """A kind of inspection by results; `key` "" is all of them."""

    key: str
    label: str
    passed: int
    passed_again: int
    failed: int
    link: str

    @property
    def total(self) -> int:
        return self.passed + self.passed_again + self.failed

    @property
    def rate(self) -> Decimal | None:
        return rate_of(self.passed, self.total)


@dataclass(frozen=True, slots=True)
class Complained:
    """Complaints of the period and what became of them by now."""

    total: int
    on_time: int
    late: int
    open: int
    untrue: int
    link: str

    @property
    def rate(self) -> Decimal | None:
        return rate_of(self.on_time, self.on_time + self.late)


@dataclass(frozen=True, slots=True)
class Scored:
    """The ranking of just this region and period, where one was computed."""

    run_id: int
    state: str
    units: int
    best: Decimal | None
    worst: Decimal | None
    link: str


@dataclass(frozen=True, slots=True)
class More:
    """All of it."""

    areas: list[Area]
    sign_in: SignIn
    inspections: list[Inspected]
    complaints: Complained
    scores: Scored | None


def rate_of(part: int, whole: int) -> Decimal | None:
    """In per cent to a tenth; of nothing it is no data."""
    return round_half_up(Fraction(100 * part, whole), 1) if whole else None


@dataclass(frozen=True, slots=True)
class Labels:
    """Registered elevators: all, those whose label is registered as intact, scanned in the period, one or the other."""

    registered: int
    intact: int
    seen: int
    labelled: int


def build(
    moment: Moment, region_code: str | None, from_on: dt.date, to_on: dt.date, labels: Labels,
    visited: Sequence[Visited],
) -> More:  # fmt: skip
    """Count it within the scope of `moment.actor`; the region has been checked."""
    asked = _Asked(moment, region_code, from_on, to_on)
    return More(asked.areas(), _sign_in(labels, visited), asked.inspections(), asked.complaints(), asked.scores())


def _sign_in(labels: Labels, visited: Sequence[Visited]) -> SignIn:
    told, known, by_label = (sum(getattr(one, name) for one in visited) for name in ("told", "known", "by_label"))
    return SignIn(known, by_label, told - known, labels.registered, labels.intact, labels.seen, labels.labelled)


def scanned(moment: Moment, region_code: str | None, from_on: dt.date, to_on: dt.date) -> Any:
    """The elevators (`elevator_id`, each once) at which somebody signed in by the label in the period.

    To be joined, and not asked of each elevator by itself: a year of a city has millions of visits.
    """
    inside = in_region(Visit.region_code, region_code)
    if region_code is None:
        # By a unit's own elevators, which are few; without them all visits of everybody are read.
        inside = Visit.elevator_id.in_(scope.apply(select(Elevator.id), moment.actor, Elevator))
    days = visited(Visit, from_on, to_on)
    return select(Visit.elevator_id).where(days, Visit.by_code.is_(False), inside).distinct().subquery("scans")


@dataclass(frozen=True, slots=True)
class _Asked:
    moment: Moment
    region_code: str | None
    from_on: dt.date
    to_on: dt.date

    def rows(self, statement: Any, model: Any) -> Sequence[Any]:
        narrowed = statement.where(in_region(model.region_code, self.region_code))
        found = scope.apply(narrowed, self.moment.actor, model).execution_options(skip_scope=True)
        return self.moment.session.execute(found).all()

    def address(self, path: str, **more: Any) -> str:
        region = {"f_region": self.region_code} if self.region_code else {}
        return f"{path}?{urlencode(more | region)}"

    def areas(self) -> list[Area]:
        """None for all places of a unit: its elevators are where they are."""
        if self.region_code is None:
            return []
        level = self.moment.session.scalar(select(Region.level).where(Region.code == self.region_code))
        place = place_of(Elevator.region_code, level or "street")
        counts = self.rows(
            select(place, func.count()).where(Elevator.approved_version > 0, Elevator.status != "scrapped")
            .group_by(place),
            Elevator,
        )  # fmt: skip
        codes = {key: key.ljust(12, "0") for key, _count in counts}
        known = select(Region.code, Region.name).where(Region.code.in_(list(codes.values())[:1000]))
        names = dict(self.moment.session.execute(known).all())
        made = [
            Area(code, names.get(code, code), count, self._area(code))
            for key, count in counts for code in (codes[key],)
        ]  # fmt: skip
        return sorted(made, key=lambda one: (-one.count, one.code))[:MOST_AREAS]

    @staticmethod
    def _area(code: str) -> str:
        return f"/elevators/?{urlencode({'f_approved': '1', 'f_region': code})}"

    def inspections(self) -> list[Inspected]:
        counts: dict[str, dict[str, int]] = {}
        for kind, result, count in self.rows(
            select(Inspection.kind, Inspection.result, func.count())
            .where(Inspection.kind.in_(CALENDAR), Inspection.done_on.between(self.from_on, self.to_on),
                   Inspection.state == "approved", Inspection.ended_at.is_(None))
            .group_by(Inspection.kind, Inspection.result),
            Inspection,
        ):  # fmt: skip
            counts.setdefault(kind, {})[result] = count
        days = {"f_done_from": self.from_on, "f_done_to": self.to_on}

        def line(key: str, label: str, results: list[dict[str, int]], **more: str) -> Inspected:
            passed, again, failed = (sum(by.get(name, 0) for by in results) for name in RESULTS_IN_ORDER)
            return Inspected(key, label, passed, again, failed, self.address("/inspections/", **days, **more))

        there = [kind for kind in CALENDAR if kind in counts]
        lines = [line(kind, str(INSPECTION_KIND[kind]), [counts[kind]], f_kind=kind) for kind in there]
        return [*lines, line("", say("合计"), list(counts.values()))]

    def complaints(self) -> Complained:
        begins, ends = day_start(self.from_on), day_end(self.to_on)
        [(total, good, bad, open_, untrue)] = self.rows(
            select(
                func.count(), func.count(case((on_time(), 1))), func.count(case((late(self.moment), 1))),
                func.count(case((OPEN, 1))), func.count(case((Complaint.is_untrue, 1))),
            ).where(Complaint.complained_at >= begins, Complaint.complained_at < ends),
            Complaint,
        )  # fmt: skip
        link = self.address("/complaints/", f_complained_from=self.from_on, f_complained_to=self.to_on)
        return Complained(total, good, bad, open_, untrue, link)

    def scores(self) -> Scored | None:
        run = self.moment.session.scalar(
            select(ScoreRun)
            .where(ScoreRun.region_code == (self.region_code or ""), ScoreRun.from_on == self.from_on,
                   ScoreRun.to_on == self.to_on, scope.criterion(ScoreRun, self.moment.actor))
            .order_by(ScoreRun.as_of.desc(), ScoreRun.id.desc()).limit(1).execution_options(skip_scope=True)
        )  # fmt: skip
        if run is None:
            return None
        seen = scope.criterion(Score, self.moment.actor)
        best, worst, units = self.moment.session.execute(
            select(func.max(Score.points), func.min(Score.points), func.count(Score.points))
            .where(Score.run_id == run.id, seen).execution_options(skip_scope=True)
        ).one()  # fmt: skip
        return Scored(run.id, run.state, units, best, worst, f"/scores/total/?f_run={run.id}")


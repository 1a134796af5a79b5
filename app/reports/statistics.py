"""The statistical report of a region and period (STA-02): the register now, maintenance in the period, and more.

The database counts within the reader's scope; pandas puts the counts together. Every figure that has a list carries
the list's address, and the list counts the same.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pandas as pd
from sqlalchemy import case, func, or_, select

from app import clock, scope
from app.errors import Finding, NotFound, raise_failing
from app.listing import Moment
from app.models import Elevator, MaintenanceClock, OverduePeriod, Region, Unit
from app.models.choices import CATEGORY, ELEVATOR_STATUS, PLACE_TYPE
from app.models.policy import policy_version
from app.models.region import in_region
from app.permissions import Actor, Verb
from app.reports import enforcement, repairs, rescues, statistics_more
from app.reports.asked import Asked
from app.reports.ratings import ratings
from app.reports.visited import Visited, by_unit
from app.rules.calendar import add_months, day_finding
from app.rules.scoring import round_half_up
from app.wording import say

# Full years in use at which a band begins; the last is open.
AGES = (0, 5, 10, 15, 20)
NO_AGE = "unknown"
NO_PLACE = "none"
LONGEST_YEARS = 10
RESCUE_CUTS = ("level", "cause", "hour", "unit")
COUNTS = ("elevators", "uncovered", "done", "overdue", "made_up")
DAY = dt.timedelta(days=1)
UNIT = "UNIT"

FORMULAS = (
    ("台数", "在册：数据截至时已审核通过且未报废的电梯，与首页和电梯列表同一口径，与期间无关；“按状态”另列已报废的"),
    ("使用年限", "数据截至日减投用日期，按满周年计；没有投用日期的单列"),
    ("完成", "签到日在期间内、计入维保的维保记录数，按当时的维保单位计"),
    ("超期", "期限日在期间内且未被更正的超期记录数，按责任单位计；期限日没有合同的计入“脱保（无责任单位）”"),
    ("应维保", "完成 + 超期：每次计入的维保结束一个周期，每个错过的期限也结束一个周期"),
    ("完成率", "完成 ÷ 应维保，四舍五入到 0.1%；应维保为 0 时为无数据"),
    ("脱保", "数据截至日没有合同覆盖的在用电梯台数"),
    *rescues.FORMULAS,
    ("报修与维修", "报修日在期间内且未撤销的维修工单；平均用时自报修起算，只含已接单、已结束的，单位为分钟"),
    ("约谈与处罚", "日期在期间内、已经生效的；“有效”不含已撤销的。申诉按提出的日期计"),
    ("使用单位评价", "签到日在期间内、使用单位确认时作了评价的维保记录，按当时的维保单位计"),
    ("区别", "维护保养有效率另按规则推算应维保次数，见得分页；两者不互相替代"),
    *statistics_more.MORE_FORMULAS,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What the report is over; `region_code` None is all that the reader sees."""

    region_code: str | None
    from_on: dt.date
    to_on: dt.date


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a breakdown: how many, how many of them in each status, the list behind it."""

    key: str
    label: str
    count: int
    statuses: dict[str, int]
    link: str = ""


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A maintenance unit's line; `unit_id` None is the missed limits that nobody's contract covered."""

    unit_id: int | None
    name: str
    elevators: int
    uncovered: int
    due: int
    done: int
    overdue: int
    made_up: int
    rate: Decimal | None
    links: dict[str, str]


# `asdict` copies each value and each link of a province's thousands of units.
UNIT_FIELDS = tuple(one.name for one in fields(UnitLine))


@dataclass(frozen=True, slots=True)
class Statistics:
    """All figures of the report, ready to be shown or written; `digest` proves that they are the same again."""

    frame: Frame
    region: str
    as_of: dt.datetime
    policy: str
    total: int
    kinds: list[Bar]
    ages: list[Bar]
    statuses: list[Bar]
    places: list[Bar]
    units: list[UnitLine]
    sum: UnitLine
    deeds: list[enforcement.Line]
    appeals: list[enforcement.Line]
    ratings: list[enforcement.Line]
    more: statistics_more.More
    digest: str
    # 救援 of the period: the whole, and its cuts by name.
    rescued: rescues.Line
    rescue_cuts: dict[str, list[rescues.Line]]
    # 报修 of the period by level and by cause; none where nothing was reported.
    repair_levels: list[repairs.Line] = field(default_factory=list)
    repair_causes: list[repairs.Line] = field(default_factory=list)

    @property
    def register_link(self) -> str:
        return _elevators(self.frame)

    @property
    def empty(self) -> bool:
        return not self.total and not self.units and not self.rescued.total and not self.repair_levels


def frame_of(session: Any, actor: Actor, region: str, from_on: dt.date, to_on: dt.date) -> Frame:
    """The checked frame, or a refusal with everything that is wrong with it. No region: all that the reader sees."""
    raise_failing([day_finding(from_on, "from_on", "起始日期"), day_finding(to_on, "to_on", "截止日期")])
    ordered = from_on <= to_on
    far = ordered and add_months(from_on, 12 * LONGEST_YEARS) < to_on
    raise_failing(
        [
            Finding("统计期间", ordered, say("起始 %(from_on)s，截止 %(to_on)s", from_on=from_on, to_on=to_on),
                "截止日期不能早于起始日期", field="to_on"),
            Finding("统计期间", not far, say("期间超过 %(longest_years)s 年", longest_years=LONGEST_YEARS),
                "请缩短期间", field="from_on"),
        ]
    )  # fmt: skip
    code = region or (actor.region_code if actor.unit_id is None else None)
    if code is not None:
        span = actor.region_span if actor.unit_id is None and not actor.sees_everything else None
        typed = len(code) == 12 and code.isascii() and code.isdigit()
        known = session.scalar(select(Region.id).where(Region.code == code)) if typed else None
        if known is None or (span is not None and not span[0] <= code < span[1]):
            found = say("没有区划代码为 %(code)s 的地区，或不在您的管辖范围内", code=code[:20])
            raise NotFound(Finding("地区", False, found, "请从候选中选择辖区内的地区", field="region", value=code[:20]))
    return Frame(code, from_on, to_on)


def build(moment: Moment, frame: Frame) -> Statistics:
    """Count everything once, within the scope of `moment.actor`."""
    session = moment.session
    counts = _register(moment, frame)
    visited = by_unit(moment, frame.region_code, frame.from_on, frame.to_on)
    lines = _units(moment, frame, visited)
    name = session.scalar(select(Region.name).where(Region.code == frame.region_code)) if frame.region_code else None
    register = counts[counts["status"] != "scrapped"]
    kinds = _bars(register, "category", {k: str(v) for k, v in CATEGORY.items()}, frame, "f_category")
    kinds.sort(key=lambda bar: -bar.count)
    statuses = _bars(counts, "status", {k: str(v) for k, v in ELEVATOR_STATUS.items()}, frame, "f_status", tab="every")
    ages = _ages(register, moment, frame)
    wanted = Asked("unit", frame.from_on, frame.to_on, None, frame.region_code)
    rescued, cuts = rescues.cuts(session, moment.actor, wanted, RESCUE_CUTS, moment.now)
    asked = (moment, frame.region_code, frame.from_on, frame.to_on)
    deeds, appeals, rated = enforcement.deeds(*asked), enforcement.appeals(*asked), ratings(*asked, visited)
    words = {k: str(v) for k, v in PLACE_TYPE.items()} | {NO_PLACE: say("没有填写")}
    places = [
        replace(bar, link="" if bar.key == NO_PLACE else bar.link)
        for bar in _bars(register, "place", words, frame, "f_place_type")
    ]
    labels = statistics_more.Labels(*(int(register[name].sum()) for name in ("n", "intact", "seen", "labelled")))
    more = statistics_more.build(*asked, labels, visited)
    figures = {
        "rescues": [
            [str(column.value(line)) for column in rescues.COLUMNS]
            for some in ([rescued], *cuts.values()) for line in some
        ],
        "kinds": [asdict(b) for b in kinds], "ages": [asdict(b) for b in ages],
        "units": [{name: getattr(u, name) for name in UNIT_FIELDS} for u in lines],
        "frame": asdict(frame), "places": [asdict(b) for b in places],
        "more": asdict(more),
    }  # fmt: skip
    levels, causes = _repairs(moment, frame)
    if levels:
        # Reports from before there were any go on being proved by the digest that they had.
        figures["repairs"] = [asdict(line) for line in (*levels, *causes)]
    # Where there is none the digest is the one that was given out before they were counted. What use units thought is
    # no part of it: visits were judged long before these were counted, and what was given out proves as before.
    counted = (("deeds", deeds), ("appeals", appeals))
    figures |= {what: [asdict(one) for one in found] for what, found in counted if found}
    whole = moment.actor.unit_id is None
    return Statistics(
        frame=frame, region=name or say("全部地区" if whole else "本单位"), as_of=moment.now,
        policy=policy_version(session, frame.region_code or moment.actor.region_code, moment.today),
        total=int(register["n"].sum()), kinds=kinds, ages=ages, statuses=statuses, places=places, units=lines,
        sum=_sum(lines, frame), deeds=deeds, appeals=appeals, ratings=rated, more=more,
        digest=hashlib.sha256(
            json.dumps(figures, sort_keys=True, default=str, ensure_ascii=False).encode()
        ).hexdigest(),
        rescued=rescued, rescue_cuts=cuts, repair_levels=levels, repair_causes=causes,
    )  # fmt: skip


def _repairs(moment: Moment, frame: Frame) -> tuple[list[repairs.Line], list[repairs.Line]]:
    """By level and by cause, as 维修统计 counts them."""
    if not moment.actor.may(Verb.REPAIR_READ):
        return [], []
    found = [
        repairs.lines(
            moment.session, moment.actor,
            Asked(by, frame.from_on, frame.to_on, region=frame.region_code), moment.now,
        )
        for by in ("level", "cause")
    ]  # fmt: skip
    return found[0], found[1]


# --- the register


def _frame_of(moment: Moment, statement: Any, names: list[str]) -> pd.DataFrame:
    rows = moment.session.execute(statement.execution_options(skip_scope=True)).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=names)


def born_before(years: int, on: dt.date) -> dt.date:
    """The last day of first use that makes an elevator `years` old on the day; one of 29 February, on 1 March."""
    return add_months(on, -12 * years)


def _register(moment: Moment, frame: Frame) -> pd.DataFrame:
    """How many elevators of each kind, status, age band and place, and of how many the label is there (`Labels`).

    The database gives a few hundred rows at most, of one reading of the register.
    """
    used = Elevator.commissioned_on
    bands = [(used <= born_before(years, moment.today), str(years)) for years in reversed(AGES[1:])]
    age = case((used.is_(None), NO_AGE), *bands, else_=str(AGES[0]))
    place = func.coalesce(Elevator.place_type, NO_PLACE)
    scans = statistics_more.scanned(moment, frame.region_code, frame.from_on, frame.to_on)
    # That it has a token says nothing of the car: each has one from the day on which it is entered.
    intact, seen = Elevator.plate_state == "intact", scans.c.elevator_id.is_not(None)
    labels = [func.count(case((there, 1))) for there in (intact, seen, or_(intact, seen))]
    statement = scope.apply(
        select(Elevator.category, Elevator.status, age, place, func.count(), *labels)
        .outerjoin_from(Elevator, scans, scans.c.elevator_id == Elevator.id)
        .where(Elevator.approved_version > 0, in_region(Elevator.region_code, frame.region_code))
        .group_by(Elevator.category, Elevator.status, age, place),
        moment.actor, Elevator,
    )  # fmt: skip
    return _frame_of(moment, statement, ["category", "status", "age", "place", "n", "intact", "seen", "labelled"])


def _bars(
    counts: pd.DataFrame, by: str, labels: Mapping[str, str], frame: Frame, parameter: str = "", **more: str
) -> list[Bar]:
    """A line for each value, in the order of the labels; what has no label comes last under its own name."""
    split = counts.assign(in_status=counts["status"])
    table = split.pivot_table(index=by, columns="in_status", values="n", aggfunc="sum", fill_value=0)
    order = [key for key in labels if key in table.index] + sorted(set(table.index) - set(labels))
    return [
        Bar(
            str(key), labels.get(key, str(key)), int(table.loc[key].sum()),
            {str(s): int(n) for s, n in table.loc[key].items() if n},
            _elevators(frame, **more, **{parameter: key}) if parameter else "",
        )
        for key in order
    ]  # fmt: skip


def _ages(counts: pd.DataFrame, moment: Moment, frame: Frame) -> list[Bar]:
    labels = {str(low): say("%(low)s–%(high)s 年", low=low, high=high) for low, high in pairwise(AGES)}
    labels |= {
        "0": say("不满 %(ages)s 年", ages=AGES[1]),
        str(AGES[-1]): say("%(ages)s 年及以上", ages=AGES[-1]),
        NO_AGE: say("无投用日期"),
    }
    found = []
    for bar in _bars(counts, "age", labels, frame):
        link = ""
        if bar.key != NO_AGE:
            years = int(bar.key)
            after = next((high for high in AGES if high > years), None)
            days = {"f_commissioned_to": born_before(years, moment.today).isoformat()} if years else {}
            if after is not None:
                days["f_commissioned_from"] = (born_before(after, moment.today) + DAY).isoformat()
            link = _elevators(frame, **days)
        found.append(Bar(bar.key, bar.label, bar.count, bar.statuses, link))
    return found


def _elevators(frame: Frame, **more: str) -> str:
    return _address("/elevators/", frame, {"f_approved": "1"} | more)


def _address(path: str, frame: Frame, parameters: Mapping[str, Any]) -> str:
    region = {"f_region": frame.region_code} if frame.region_code else {}
    query = urlencode({k: v for k, v in (dict(parameters) | region).items() if v is not None})
    return f"{path}?{query}" if query else path


# --- maintenance


def _units(moment: Moment, frame: Frame, visited: Sequence[Visited]) -> list[UnitLine]:
    """What each unit did and missed in the period; most missed first."""
    actor, period = moment.actor, (frame.from_on, frame.to_on)
    held = scope.apply(
        select(
            MaintenanceClock.unit_id, func.count(),
            func.count(case((or_(
                MaintenanceClock.covered_until.is_(None), MaintenanceClock.covered_until < moment.today
            ), 1))),
        )
        .join(Elevator, Elevator.id == MaintenanceClock.elevator_id)
        .where(Elevator.status == "in_use", MaintenanceClock.unit_id.is_not(None),
               in_region(MaintenanceClock.region_code, frame.region_code))
        .group_by(MaintenanceClock.unit_id),
        actor, MaintenanceClock,
    )  # fmt: skip
    missed = scope.apply(
        select(OverduePeriod.unit_id, func.count(), func.count(OverduePeriod.done_late_on))
        .where(OverduePeriod.withdrawn.is_(False), OverduePeriod.limit_on.between(*period),
               in_region(OverduePeriod.region_code, frame.region_code))
        .group_by(OverduePeriod.unit_id),
        actor, OverduePeriod,
    )  # fmt: skip
    parts = [
        _frame_of(moment, held, ["unit", "elevators", "uncovered"]),
        pd.DataFrame([(one.unit_id, one.done) for one in visited if one.done], columns=["unit", "done"]),
        _frame_of(moment, missed, ["unit", "overdue", "made_up"]),
    ]
    for part in parts:
        # Nobody's limits have no unit; 0 is no unit's id, and a key must not be missing.
        part["unit"] = part["unit"].fillna(0).astype("int64")
    table = pd.concat([part.set_index("unit") for part in parts], axis=1).fillna(0).astype("int64")
    names = dict(
        moment.session.execute(
            select(Unit.id, Unit.name).where(Unit.id.in_([int(k) for k in table.index])).execution_options(
                skip_scope=True
            )
        ).all()
    )
    links = _links(frame)
    columns = (table[name].tolist() for name in COUNTS)
    lines = [_line(key, names, row, links) for key, *row in zip(table.index.tolist(), *columns, strict=True)]
    return sorted(lines, key=lambda u: (u.unit_id is None, -u.overdue, -u.due, u.name))


def _links(frame: Frame) -> dict[str, str]:
    """The lists behind a unit's figures by count, its key to be put in for `UNIT`; to spell them for each takes longer
    than to count."""
    days = {"f_limit_from": frame.from_on, "f_limit_to": frame.to_on, "f_unit": UNIT}
    return {
        "overdue": _address("/overdue/", frame, days), "elevators": _address("/tasks/", frame, {"f_unit": UNIT}),
        "uncovered": _address("/tasks/", frame, {"f_unit": UNIT, "tab": "cover_over"}), "done": _done(frame, UNIT),
        "made_up": _address("/overdue/", frame, days | {"tab": "late"}),
        "nobody": _address("/overdue/", frame, days | {"f_unit": None, "tab": "nobody"}),
    }  # fmt: skip


def _line(key: int, names: Mapping[int, str], counts: Sequence[int], links: Mapping[str, str]) -> UnitLine:
    unit = key or None
    name = names.get(key, say("编号 %(key)s", key=key)) if unit else "脱保（无责任单位）"
    if unit:
        mine = {what: link.replace(UNIT, str(key)) for what, link in links.items() if what != "nobody"}
    else:
        mine = {"overdue": links["nobody"]}
    return _figures(unit, name, dict(zip(COUNTS, counts, strict=True)), mine)


def _done(frame: Frame, unit: str | None) -> str:
    days = {"f_visited_from": frame.from_on, "f_visited_to": frame.to_on, "f_unit": unit}
    return _address("/visits/", frame, {"f_counted": "1"} | days)


def _figures(unit: int | None, name: str, n: Mapping[str, int], links: dict[str, str]) -> UnitLine:
    due = n["done"] + n["overdue"]
    rate = round_half_up(Fraction(100 * n["done"], due), 1) if due else None
    return UnitLine(unit, name, n["elevators"], n["uncovered"], due, n["done"], n["overdue"], n["made_up"], rate, links)


def _sum(lines: list[UnitLine], frame: Frame) -> UnitLine:
    days = {"f_limit_from": frame.from_on, "f_limit_to": frame.to_on}
    links = {
        "elevators": _address("/tasks/", frame, {}), "overdue": _address("/overdue/", frame, days),
        "uncovered": _address("/tasks/", frame, {"tab": "cover_over"}), "done": _done(frame, None),
        "made_up": _address("/overdue/", frame, days | {"tab": "late"}),
    }  # fmt: skip
    return _figures(None, say("合计"), {count: sum(getattr(u, count) for u in lines) for count in COUNTS}, links)


def as_of_text(found: Statistics) -> str:
    return say("%(local)s（北京时间）", local=f"{clock.local(found.as_of):%Y-%m-%d %H:%M:%S}")

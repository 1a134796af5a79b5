"""What a region publishes of a month (PUB-01): tables of counts with small ones hidden, and final scores of units.

Counted by `published.eye`: 涉密 elevators are not there at all, so no total tells of them. Places with few elevators
stand together, and with them whoever lies in a region that does not publish is not counted either. No person, no
address, no single elevator is in any of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from sqlalchemy import String as Text
from sqlalchemy import case, cast, func, literal, select

from app.listings.as_of import elevators_then
from app.models import Complaint, Elevator, Inspection, MaintenanceClock, OverduePeriod, Region, Score, ScoreRun, Unit
from app.models import Visit as Visited
from app.models.among import among
from app.models.choices import CATEGORY, ELEVATOR_STATUS, PLACE_TYPE
from app.models.policy import policy_value
from app.models.region import LEVEL_DIGITS, in_region
from app.policy import Key
from app.reports import published
from app.reports.bulletin.asked import Asked, asked_of
from app.reports.bulletin.more_figures import complaints_of, inspected
from app.rules.calendar import add_months
from app.rules.disclosure import SUM, Shown, Spot, protected
from app.rules.periods import Period
from app.rules.scoring import ScoreState, ranked, round_half_up
from app.telling import source

VERSION = "1"
OTHERS = "others"
AGES = (0, 5, 10, 15, 20)
UNKNOWN = "unknown"
Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table that is published: its name for good, what it counts, its items with their words."""

    name: str
    title: str
    about: str
    unit: str
    count: Callable[[Asked, Sequence[str]], dict[Spot, int]]
    items: Callable[[], Words]
    # Its sums are those of the register, which every such table gives: they are never what is hidden.
    of_register: bool = False


def _plain(labels: Mapping[str, Any]) -> Words:
    """The stored Chinese: what is published is the same for everybody."""
    return {key: "".join((source(label), "")) for key, label in labels.items()}


def _ages() -> Words:
    bands = {str(low): f"{low}至{high}年（不含）" for low, high in pairwise(AGES)}
    return bands | {"0": f"不满{AGES[1]}年", str(AGES[-1]): f"{AGES[-1]}年及以上", UNKNOWN: "没有投用日期"}


# --- counting: (place, item) → how many


def _register(asked: Asked, codes: Sequence[str], item: Any) -> dict[Spot, int]:
    c = elevators_then(asked.period.last, asked.as_of).c
    open_ = select(Elevator.id).where(Elevator.is_secret.is_(False))
    place, what = asked.place(c.region_code), item(c)
    counted = (
        select(place, what, func.count())
        .where(in_region(c.region_code, asked.region.code), among(asked.session, c.region_code, codes),
               c.id.in_(open_), c.status != "scrapped")
        .group_by(place, what)
    )  # fmt: skip
    rows = asked.session.execute(counted.execution_options(skip_scope=True))
    return {(key, str(what or UNKNOWN)): count for key, what, count in rows}


def _age(asked: Asked) -> Callable[[Any], Any]:
    def band(c: Any) -> Any:
        used, last = cast(c.commissioned_on, Text), asked.period.last
        edges = [(used <= add_months(last, -12 * years).isoformat(), str(years)) for years in reversed(AGES[1:])]
        return case((used.is_(None), UNKNOWN), *edges, else_=str(AGES[0]))

    return band


def _by_age(asked: Asked, codes: Sequence[str]) -> dict[Spot, int]:
    return _register(asked, codes, _age(asked))


def _by(name: str) -> Callable[[Asked, Sequence[str]], dict[Spot, int]]:
    return lambda asked, codes: _register(asked, codes, lambda c: c[name])


def _grouped(asked: Asked, codes: Sequence[str], model: Any, item: Any, where: Sequence[Any]) -> dict[Spot, int]:
    place = asked.place(model.region_code)
    inside = among(asked.session, model.region_code, codes)
    rows = asked.rows(select(place, item, func.count()).where(inside, *where).group_by(place, item), model)
    return {(key, str(what)): count for key, what, count in rows}


def _maintenance(asked: Asked, codes: Sequence[str]) -> dict[Spot, int]:
    p = asked.period
    done = (Visited.counted, Visited.visit_on.between(p.first, p.last), Visited.received_at <= asked.as_of)
    missed = (
        OverduePeriod.withdrawn.is_(False), OverduePeriod.limit_on.between(p.first, p.last),
        OverduePeriod.judged_at <= asked.as_of,
    )  # fmt: skip
    return _grouped(asked, codes, Visited, literal("done"), done) | _grouped(
        asked, codes, OverduePeriod, literal("overdue"), missed
    )


def _inspections(asked: Asked, codes: Sequence[str]) -> dict[Spot, int]:
    return _grouped(asked, codes, Inspection, Inspection.result, inspected(asked, asked.period))


def _complaints(asked: Asked, codes: Sequence[str]) -> dict[Spot, int]:
    """Late, in time, open, untrue: by the rule itself, one by one."""
    found: dict[Spot, int] = {}
    place = asked.place(Complaint.region_code)
    for key, result in complaints_of(asked, place, among(asked.session, Complaint.region_code, codes)):
        found[(key, result)] = found.get((key, result), 0) + 1
    return found


DATASETS: tuple[Dataset, ...] = (
    Dataset("elevators-by-kind", "在册电梯（按品种）", "期末在册电梯台数，不含已报废", "台", _by("category"),
            lambda: _plain(CATEGORY), of_register=True),
    Dataset("elevators-by-age", "在册电梯（按使用年限）", "期末在册电梯台数，按期末日减投用日期的周年", "台", _by_age,
            _ages, of_register=True),
    Dataset("elevators-by-status", "在册电梯（按状态）", "期末在册电梯台数", "台", _by("status"),
            lambda: {k: v for k, v in _plain(ELEVATOR_STATUS).items() if k != "scrapped"}, of_register=True),
    Dataset("elevators-by-place", "在册电梯（按使用场所）", "期末在册电梯台数", "台", _by("place_type"),
            lambda: {**_plain(PLACE_TYPE), UNKNOWN: "没有填写"}, of_register=True),
    Dataset("maintenance", "维护保养", "期内完成和超期的维保周期数；合计为应维保；完成率＝完成÷应维保", "次",
            _maintenance, lambda: {"done": "完成", "overdue": "超期"}),
    Dataset("inspections", "检验检测", "期内监督检验、定期检验、自行检测的台次", "台次", _inspections,
            lambda: {"passed": "合格", "passed_again": "复检合格", "failed": "不合格"}),
    Dataset("complaints", "公众投诉", "期内收到的投诉件数，按数据截至时的处置情况", "件", _complaints,
            lambda: {"on_time": "处置及时", "late": "处置不及时", "open": "办理中", "untrue": "不属实"}),
)  # fmt: skip
SCORES = "unit-scores"
CATALOG = "梯安公开数据"


def titles() -> dict[str, str]:
    """Every table that a release has, by its name for good."""
    return {one.name: one.title for one in DATASETS} | {SCORES: "维保单位维护保养有效率（确定）"}


def schema(name: str, address: str) -> dict[str, Any]:
    """What stands in a table and in its rows, as JSON Schema; `address` is its own."""
    text: dict[str, Any] = {"type": "string"}

    def said(words: str, *types: str) -> dict[str, Any]:
        return {"type": list(types) if len(types) > 1 else types[0] if types else "string", "description": words}

    if name == SCORES:
        row = {
            "uscc": said("统一社会信用代码，稳定标识"), "unit": said("单位名称"),
            "rank": said("在所列单位之间的名次，同分并列；无数据的不排名", "integer", "null"),
            "points": said("维护保养有效率得分，满分 16，两位小数；只公布确定的", "string", "null"),
            "small_sample": said("应维保次数少，得分仅供参考", "boolean"),
        }  # fmt: skip
    else:
        about = next(f"{one.about}；单位：{one.unit}" for one in DATASETS if one.name == name)
        row = {
            "region_code": said("12 位区划代码；others 为台数少而合并的地区；total 为合计"), "region": text,
            "item": said("分类的稳定标识；total 为合计，rate 为完成率"), "item_name": text,
            "count": said(f"{about}。隐去的为空", "integer", "null"),
            "shown": said("计数；“<n”表示 1 至 n-1；“*”表示为防止推算而隐去的、不小于 n 的数"),
        }  # fmt: skip
    names = (
        "dataset", "title", "region_code", "region", "period", "as_of", "published", "version", "policy", "licence",
        "schema",
    )  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": address, "title": titles()[name],
        "type": "object", "required": [*names, "rows"],
        "properties": dict.fromkeys(names, text) | {
            "least": said("小于它的计数隐去", "integer"),
            "withheld": said("整表不能公布而不泄露小的计数时为真", "boolean"),
            "rows": {"type": "array", "items": {"type": "object", "properties": row, "required": list(row)}},
        },
    }  # fmt: skip


# --- who publishes


def publishers(session: Any, on: dt.date) -> dict[str, list[str]]:
    """By the region that publishes: all codes that are counted in it.

    It is the highest of its line whose policy says so; a region below whose own policy says no is left out of all.
    """
    regions = session.execute(select(Region.code, Region.level).order_by(Region.code)).all()
    says = {code: bool(policy_value(session, Key.OPEN_DATA, code, on)) for code, _level in regions}
    found: dict[str, list[str]] = {}
    for code, level in regions:
        if not says[code]:
            continue
        widths = [width for width in sorted(LEVEL_DIGITS.values()) if width <= LEVEL_DIGITS[level]]
        above = [code[:width].ljust(12, "0") for width in widths]
        found.setdefault(next(one for one in above if says.get(one)), []).append(code)
    return found


# --- the release


def build(session: Any, region: Region, codes: Sequence[str], period: Period, as_of: dt.datetime) -> dict[str, Any]:
    """Every table as it is given out, ready to be kept as JSON."""
    asked = asked_of(session, region, period, as_of, None)
    least = int(policy_value(session, Key.OPEN_LEAST, region.code, period.last))
    kinds = _register(asked, codes, lambda c: c.category)
    group = _places(asked, kinds, least)
    made = {one.name: _table(asked, one, codes, group, least) for one in DATASETS}
    return made | {SCORES: _scores(asked, codes)}


def _places(asked: Asked, kinds: Mapping[Spot, int], least: int) -> dict[str, tuple[str, str]]:
    """By place: under which code and name it stands. Those with few elevators stand together as 其他地区.

    The same of all tables, so that none tells what another hides: a sum of the register is public in each of them.
    """
    totals: dict[str, int] = {}
    for (place, _kind), count in kinds.items():
        totals[place] = totals.get(place, 0) + count
    small = sorted((count, place) for place, count in totals.items() if count < least)
    large = sorted((count, place) for place, count in totals.items() if count >= least)
    together = [place for _count, place in small]
    # Few together may still be few: the next smallest goes with them.
    while together and sum(totals[place] for place in together) < least and large:
        together.append(large.pop(0)[1])
    named = published.places_of(asked.session, totals)
    return {place: (OTHERS, "其他地区") if place in together else named[place] for place in totals}


def _table(
    asked: Asked, one: Dataset, codes: Sequence[str], group: Mapping[str, tuple[str, str]], least: int
) -> dict[str, Any]:
    items = one.items()
    counts: dict[Spot, int] = {}
    names: dict[str, str] = dict(group.values())
    for (place, item), count in one.count(asked, codes).items():
        code, name = group.get(place, (OTHERS, "其他地区"))
        names[code] = name
        spot = (code, item if item in items else UNKNOWN)
        counts[spot] = counts.get(spot, 0) + count
    columns = [item for item in (*items, *([] if UNKNOWN in items else [UNKNOWN])) if any(s[1] == item for s in counts)]
    rows = sorted(names)
    shown = protected(counts, rows, columns, least, keep_row_sums=one.of_register)
    return {"withheld": shown.withheld, "rows": [] if shown.withheld else _lines(one, shown, rows, columns, names)}


def _lines(
    one: Dataset, shown: Shown, rows: Sequence[str], columns: Sequence[str], names: Words
) -> list[dict[str, Any]]:
    items = {UNKNOWN: "其他"} | dict(one.items()) | {SUM: "合计"}
    lines: list[dict[str, Any]] = []
    for row in (*rows, SUM):
        for column in (*columns, SUM):
            value = shown.cells.get((row, column))
            if value is None:
                continue
            lines.append({
                "region_code": row, "region": names.get(row, "合计"), "item": column, "item_name": items[column],
                "count": value if isinstance(value, int) else None, "shown": str(value),
            })  # fmt: skip
        if one.name == "maintenance" and columns:
            lines.append(_rate(shown, row, names))
    return lines


def _rate(shown: Shown, row: str, names: Words) -> dict[str, Any]:
    """Of the counts that are shown, never of hidden ones."""
    done, due = shown.count(row, "done"), shown.count(row, SUM)
    rate = f"{round_half_up(Fraction(100 * done, due), 1)}" if done is not None and due else None
    return {
        "region_code": row, "region": names.get(row, "合计"), "item": "rate", "item_name": "完成率（%）", "count": None,
        "shown": rate if rate is not None else "无数据" if due == 0 else "*",
    }  # fmt: skip


def _scores(asked: Asked, codes: Sequence[str]) -> dict[str, Any]:
    """The newest final scores of the very region that were known by then; only of units with elevators counted here.

    Ranked among themselves: a rank that is missing would tell that a unit with 涉密 elevators alone stands there, and
    two releases of the same run how well it did.
    """
    run = asked.session.scalar(
        select(ScoreRun).where(
            ScoreRun.region_code == asked.region.code, ScoreRun.state == ScoreState.FINAL.value,
            ScoreRun.as_of <= asked.as_of, ScoreRun.to_on <= asked.period.last,
        ).order_by(ScoreRun.to_on.desc(), ScoreRun.as_of.desc(), ScoreRun.id.desc()).limit(1)
        .execution_options(skip_scope=True)
    )  # fmt: skip
    if run is None:
        return {"withheld": False, "rows": [], "from_on": None, "to_on": None, "run": None}
    serving = (
        select(MaintenanceClock.unit_id).join(Elevator, Elevator.id == MaintenanceClock.elevator_id)
        .where(Elevator.is_secret.is_(False), among(asked.session, MaintenanceClock.region_code, codes))
    )  # fmt: skip
    least = int(policy_value(asked.session, Key.FAIR_LEAST_DUE, asked.region.code, run.to_on))
    rows = asked.session.execute(
        select(Unit.uscc, Unit.name, Score.points, Score.due)
        .join(Unit, Unit.id == Score.unit_id)
        .where(Score.run_id == run.id, Score.unit_id.in_(serving))
        .order_by(Score.points.is_(None), Score.points.desc(), Unit.uscc)
        .execution_options(skip_scope=True)
    ).all()  # fmt: skip
    ranks = {n: rank for rank, n in ranked((row.points, n) for n, row in enumerate(rows) if row.points is not None)}
    lines = [
        {
            "uscc": uscc, "unit": name, "rank": ranks.get(number),
            "points": None if points is None else f"{points:.2f}", "small_sample": 0 < due < least,
        }
        for number, (uscc, name, points, due) in enumerate(rows)
    ]  # fmt: skip
    return {
        "withheld": False, "rows": lines, "from_on": run.from_on.isoformat(), "to_on": run.to_on.isoformat(),
        "run": run.digest,
    }  # fmt: skip


def digest_of(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

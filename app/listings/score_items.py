"""Rankings by the total of the six items and by each of the five others, with the manual's columns (SCO-07)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, false, or_, select
from sqlalchemy.orm import joinedload

from app.listing import Column, Filter, Listing, Tab, column, register
from app.models import Score, Unit
from app.models.region import in_region
from app.models.score import CREDIT
from app.rules.score_items import Item
from app.wording import say, together

# The six as they are called in headings, menus and pages.
ITEM = {
    Item.MAINTENANCE: _l("维护保养有效率"), Item.RESCUE: _l("救援及时率"), Item.FEEDBACK: _l("反馈处置及时率"),
    Item.INSPECTION: _l("一次检验合格率"), Item.FAULT: _l("维保电梯故障率"), Item.CHANGE: _l("维保变更及时率"),
}  # fmt: skip
_NAMES = {
    Item.MAINTENANCE: say("维护保养有效率"), Item.RESCUE: say("救援及时率"), Item.FEEDBACK: say("反馈处置及时率"),
    Item.INSPECTION: say("一次检验合格率"), Item.FAULT: say("维保电梯故障率"), Item.CHANGE: say("维保变更及时率"),
}  # fmt: skip
# Stars and credit, which are no item.
RATING_NAME = {"rating": _l("星级与信用")}
# What a line of the five others, or of stars and credit, is for.
ITEM_RULE = {
    "rescue_late": _l("救援不及时"), "rescue_made_up": _l("二次救援冲抵"), "rescue_bonus": _l("二次救援加分"),
    "feedback_late": _l("处置不及时"), "inspection_failed": _l("检验不合格"), "inspection_again": _l("同一台不再计"),
    "fault": _l("困人故障"), "fault_again": _l("同一台不再计"), "fault_often": _l("多次困人另扣"),
    "fault_limit": _l("封底"), "change_late": _l("变更不及时"), "change_again": _l("同一使用单位不再计"),
    "rating_item": _l("六个率失分"), "rating_talk": _l("约谈"), "rating_warning": _l("警告处理"),
    "rating_penalty": _l("立案处罚"), "rating_limit": _l("封底"), "rating_veto_penalty": _l("立案处罚限级"),
    "rating_veto_overdue": _l("超期过多限级"), "rating_veto_uncovered": _l("脱保限级"),
    "rating_veto_licence": _l("许可证过期限级"),
}  # fmt: skip
ITEM_EVIDENCE = {
    "rescue": _l("救援记录"), "complaint": _l("投诉"), "inspection": _l("检验记录"), "application": _l("变更申请"),
    "enforcement": _l("执法记录"),
}  # fmt: skip


def item_of(rule: str) -> str:
    """Which item a line is of, by its rule; rating for stars and credit."""
    first = rule.partition("_")[0]
    return first if first in {*ITEM, *RATING_NAME} else Item.MAINTENANCE.value


# What else a maintenance unit may be.
UNIT_KIND = {
    "production": _l("制造单位"), "installation": _l("安装单位"), "use": _l("使用单位"), "rescue": _l("救援单位"),
    "property": _l("物业单位"), "inspection": _l("检验单位"),
}  # fmt: skip


STARS = {"5": _l("五星"), "4": _l("四星"), "3": _l("三星"), "2": _l("二星")}


def points_of(row: Score, item: Item) -> Decimal | None:
    """The points of an item; None = 无数据, or not computed in that run."""
    found: Decimal | None = row.points if item is Item.MAINTENANCE else getattr(row, f"{item}_points")
    return found


def without_data(row: Score) -> str | None:
    """The items in which there was nothing to count; in the total they stand with full marks."""
    if row.run.items_digest is None:
        return None
    return together((name for item, name in _NAMES.items() if points_of(row, item) is None), "、") or None


def percent(part: int | None, whole: int | None) -> str | None:
    """A share in per cent, half up, to 2 places; None of nothing."""
    if part is None or not whole:
        return None
    return str((Decimal(100 * part) / whole).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _shares(item: Item) -> Callable[[Score], str | None]:
    return {
        Item.RESCUE: lambda s: percent(*_rescued(s)),
        Item.FEEDBACK: lambda s: percent(_less(s.feedback_total, s.feedback_late), s.feedback_total),
        Item.INSPECTION: lambda s: percent(_less(s.inspection_total, s.inspection_failed), s.inspection_total),
        Item.FAULT: lambda s: percent(s.fault_faulty, s.fault_elevators),
        Item.CHANGE: lambda s: percent(_less(s.change_total, s.change_late), s.change_total),
    }[item]


def _less(whole: int | None, part: int | None) -> int | None:
    return None if whole is None or part is None else whole - part


def count_of(row: Score, name: str) -> int | None:
    """A count of the manual's columns, stored or made of those that are."""
    made = _MADE.get(name)
    found: int | None = getattr(row, name) if made is None else made(row)
    return found


def _rescue_total(row: Score) -> int | None:
    return None if row.rescue_on_time is None else row.rescue_on_time + (row.rescue_late or 0)


# Counts that are sums or differences of the stored ones.
_MADE: dict[str, Callable[[Score], int | None]] = {
    "rescue_total": _rescue_total,
    "feedback_on_time": lambda row: _less(row.feedback_total, row.feedback_late),
    "inspection_passed": lambda row: _less(row.inspection_total, row.inspection_failed),
    "change_on_time": lambda row: _less(row.change_total, row.change_late),
}
_MADE_LABEL = {
    "rescue_total": _l("救援总次数"), "feedback_on_time": _l("投诉合规次数"), "inspection_passed": _l("合格电梯数"),
    "change_on_time": _l("及时使用单位数"),
}  # fmt: skip


def _count_column(name: str) -> Column:
    if name not in _MADE:
        return column(Score, name)
    return Column(name, _MADE_LABEL[name], lambda row: count_of(row, name), "number")


def _rescued(row: Score) -> tuple[int | None, int | None]:
    if row.rescue_on_time is None or row.rescue_late is None:
        return None, None
    whole = row.rescue_on_time + row.rescue_late
    return min(row.rescue_on_time + (row.rescue_second or 0), whole), whole


def _of_kind(chosen: list[str]) -> Any:
    kinds = [getattr(Unit, f"is_{kind}") for kind in chosen if kind in UNIT_KIND]
    return Score.unit_id.in_(select(Unit.id).where(or_(*kinds) if kinds else false()))


FILTERS = (
    Filter("run", _l("计算"), "lookup", Score.run_id, lookup="score_runs"),
    Filter("unit", _l("维保单位"), "lookup", Score.unit_id, lookup="maintenance_units"),
    Filter(
        "region", _l("单位所在地区"), "region",
        criterion=lambda code: Score.unit_id.in_(select(Unit.id).where(in_region(Unit.region_code, code))),
    ),
    Filter("kind", _l("单位类别"), "choice", choices=UNIT_KIND, criterion=_of_kind),
)  # fmt: skip
_AROUND = (
    Column("period", _l("期间"), lambda row: say("%(from_on)s 至 %(to_on)s", from_on=row.run.from_on,
        to_on=row.run.to_on)),
    Column("as_of", _l("数据截至"), lambda row: row.run.as_of, "instant"),
    Column("digest", _l("内容摘要"), lambda row: row.run.items_digest, "code"),
)  # fmt: skip
# Found by the name of the unit.
BY_UNIT: dict[str, Any] = {
    "search": (Unit.name,), "search_key": Score.unit_id, "search_hint": _l("维保单位名称"),
    "join": lambda statement: statement.join(Unit, Unit.id == Score.unit_id),
}  # fmt: skip
_UNIT = (
    Column("unit", _l("维保单位"), lambda row: row.unit.name),
    Column("uscc", _l("统一社会信用代码"), lambda row: row.unit.uscc, "code"),
)


def _points(item: Item, label: Any) -> Column:
    attribute = Score.points if item is Item.MAINTENANCE else getattr(Score, f"{item}_points")
    return Column(
        attribute.key, label, lambda row: points_of(row, item), "number", attribute, unit=_l("分"), sql=attribute
    )


TOTALS = register(
    Listing(
        name="score_totals",
        title=_l("六个率动态积分"),
        model=Score,
        columns=(
            column(Score, "total_rank", label=_l("名次")),
            *_UNIT,
            column(Score, "elevators"),
            *(_points(item, label) for item, label in ITEM.items()),
            column(Score, "total", kind="number"),
            column(Score, "stars"),
            column(Score, "credit"),
            column(Score, "rating_points", kind="number"),
            Column("no_data", _l("无数据的项"), without_data),
            column(Score, "uncovered"),
            *_AROUND,
        ),
        default=("total_rank", "unit", "elevators", "points", *(f"{item}_points" for item in ITEM if item.value !=
            "maintenance"), "total", "stars", "credit"),
        **BY_UNIT,
        filters=(
            *FILTERS,
            Filter("stars", _l("星级"), "choice", choices=STARS,
                   criterion=lambda chosen: Score.stars.in_([int(one) for one in chosen if one.isdigit()])),
            Filter("credit", _l("信用等级"), "choice", Score.credit, choices=CREDIT),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("ranked", _l("有名次"), lambda m: Score.total_rank.is_not(None)),
            Tab("none", _l("无总分"), lambda m: Score.total.is_(None)),
            Tab("uncovered", _l("有脱保电梯"), lambda m: Score.uncovered > 0, "over"),
        ),
        order=("total_rank", False),
        load=(joinedload(Score.unit), joinedload(Score.run)),
    )
)  # fmt: skip

# The manual's columns of each list, and what its rate is called.
_COUNTS: dict[Item, tuple[tuple[str, ...], Any]] = {
    Item.RESCUE: (("rescue_total", "rescue_on_time", "rescue_late", "rescue_second"), _l("救援及时率（%）")),
    Item.FEEDBACK: (("feedback_total", "feedback_on_time", "feedback_late"), _l("处置及时率（%）")),
    Item.INSPECTION: (("inspection_total", "inspection_passed", "inspection_failed"), _l("一次检验合格率（%）")),
    Item.FAULT: (
        ("fault_elevators", "fault_faulty", "fault_entrapments", "fault_twice", "fault_thrice", "fault_often"),
        _l("电梯故障率（%）"),
    ),
    Item.CHANGE: (("change_total", "change_on_time", "change_late"), _l("变更及时率（%）")),
}  # fmt: skip


def _of_item(item: Item) -> Listing:
    counts, rate = _COUNTS[item]
    rank, points = getattr(Score, f"{item}_rank"), getattr(Score, f"{item}_points")
    # Of faults 维保电梯数 is its own count.
    elevators = () if item is Item.FAULT else ("elevators",)
    columns = (
        column(Score, rank.key, label=_l("名次")),
        *_UNIT,
        *(_count_column(name) for name in (*elevators, *counts)),
        Column("rate", rate, _shares(item), "number"),
        _points(item, _l("得分")),
        *_AROUND,
    )
    return register(
        Listing(
            name=f"score_{item}s",
            title=ITEM[item],
            model=Score,
            columns=columns,
            default=(rank.key, "unit", *elevators, *counts, "rate", points.key),
            **BY_UNIT,
            filters=FILTERS,
            tabs=(
                Tab("all", _l("全部")),
                Tab("ranked", _l("有名次"), lambda m: rank.is_not(None)),
                Tab("none", _l("无数据"), lambda m: points.is_(None)),
                Tab("lost", _l("有扣分"), lambda m: and_(points.is_not(None), points < 16), "near"),
            ),
            order=(rank.key, False),
            load=(joinedload(Score.unit), joinedload(Score.run)),
        )
    )


ITEM_LISTS = {item: _of_item(item) for item in _COUNTS}

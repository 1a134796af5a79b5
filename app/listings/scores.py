"""The ranking of maintenance units by SCO-01, with the manual's columns (SCO-07)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from app.listing import Column, Listing, Tab, column, register
from app.listings.score_items import BY_UNIT, FILTERS, percent
from app.models import Score
from app.wording import say

SCORES = register(
    Listing(
        name="scores",
        title=_l("维护保养有效率"),
        model=Score,
        columns=(
            column(Score, "rank"),
            Column("unit", _l("维保单位"), lambda row: row.unit.name),
            column(Score, "elevators"),
            column(Score, "due"),
            column(Score, "nonconforming_elevators"),
            column(Score, "nonconforming"),
            column(Score, "overdue_elevators"),
            column(Score, "overdue"),
            column(Score, "forgiven"),
            column(Score, "bad"),
            column(Score, "valid_visits"),
            Column("rate", _l("维保有效率（%）"), lambda row: percent(row.due - row.bad, row.due), "number",
                   Score.points),
            column(Score, "uncovered"),
            Column("points", _l("得分"), lambda row: row.points, "number", Score.points, unit=_l("分")),
            Column("period", _l("期间"), lambda row: say("%(from_on)s 至 %(to_on)s", from_on=row.run.from_on,
                to_on=row.run.to_on)),
            Column("as_of", _l("数据截至"), lambda row: row.run.as_of, "instant"),
            Column("digest", _l("内容摘要"), lambda row: row.run.digest, "code"),
        ),
        default=(
            "rank", "unit", "elevators", "due", "nonconforming_elevators", "nonconforming", "overdue_elevators",
            "overdue", "bad", "rate", "points", "uncovered",
        ),
        **BY_UNIT,
        filters=FILTERS,
        tabs=(
            Tab("all", _l("全部")),
            Tab("ranked", _l("有名次"), lambda m: Score.rank.is_not(None)),
            Tab("none", _l("无数据"), lambda m: Score.points.is_(None)),
            Tab("uncovered", _l("有脱保电梯"), lambda m: Score.uncovered > 0, "over"),
        ),
        order=("rank", False),
        load=(joinedload(Score.unit), joinedload(Score.run)),
    )
)

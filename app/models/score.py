"""Scores of a period as known at an instant, with the ledger that sums to them (SCO-01, LED-01)."""

import datetime as dt
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, ColumnElement, Date, ForeignKey, Index, Integer, Numeric, String, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import ONCE, BigId, Instant, Json, Model, col, pk
from app.models.choices import SCORE_STATE
from app.models.unit import Unit
from app.rules.score_items import OTHERS, Item

CREDIT = {"A": _l("A 级"), "B": _l("B 级"), "C": _l("C 级"), "D": _l("D 级")}


class ScoreRun(Model):
    """One computation: period, region, the instant at which its facts were known, the policy versions that judged."""

    __tablename__ = "score_run"
    __table_args__ = (Index("uq_score_run", "region_code", "from_on", "to_on", "as_of", unique=True), ONCE)
    id: Mapped[int] = pk()
    region_code: Mapped[str] = col(_l("地区"), String(12))
    from_on: Mapped[dt.date] = col(_l("起始日期"), Date)
    to_on: Mapped[dt.date] = col(_l("截止日期"), Date)
    as_of: Mapped[dt.datetime] = col(_l("数据截至"), Instant)
    made_at: Mapped[dt.datetime] = col(_l("计算时间"), Instant)
    state: Mapped[str] = col(_l("状态"), String(15), choices=SCORE_STATE)
    policy: Mapped[dict[str, Any]] = col(_l("政策版本"), Json, default=dict)
    digest: Mapped[str] = col(_l("内容摘要"), String(64))
    # Of the five others (SCO-02 to SCO-06); null: made before the product computed them.
    items_digest: Mapped[str | None] = col(_l("其余五项的内容摘要"), String(64))
    automatic: Mapped[bool] = col(_l("每晚自动计算"), Boolean, default=False, server_default=text("false"))


class Score(Model):
    """A maintenance unit's figures in a run. `points` and each `…_points` null = 无数据, not ranked.

    `points` to `valid_visits` are those of SCO-01; the five others have their own counts, null in a run that was made
    before they were computed (`ScoreRun.items_digest`). `total` is the sum of the six as shown.
    """

    __tablename__ = "score"
    __table_args__ = (Index("uq_score_run_unit", "run_id", "unit_id", unique=True), ONCE)
    id: Mapped[int] = pk()
    run_id: Mapped[int] = col(_l("计算"), BigId, ForeignKey("score_run.id", ondelete="CASCADE"))
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    rank: Mapped[int | None] = col(_l("名次"), Integer)
    points: Mapped[Decimal | None] = col(_l("维护保养有效率"), Numeric(5, 2), unit=_l("分"))
    due: Mapped[int] = col(_l("应维保次数"), Integer)
    bad: Mapped[int] = col(_l("不合格次数"), Integer)
    overdue: Mapped[int] = col(_l("超期次数"), Integer)
    nonconforming: Mapped[int] = col(_l("不合规次数"), Integer)
    forgiven: Mapped[int] = col(_l("归零次数"), Integer)
    valid_visits: Mapped[int] = col(_l("有效次数"), Integer)
    elevators: Mapped[int] = col(_l("电梯台数"), Integer)
    # On how many of them; null in a run that was made before they were counted, and no part of what is proved.
    overdue_elevators: Mapped[int | None] = col(_l("超期电梯数"), Integer)
    nonconforming_elevators: Mapped[int | None] = col(_l("不合规电梯数"), Integer)
    # 脱保 and the licence as filed when the run was made: beside the points, and what two vetoes of the stars stand on.
    uncovered: Mapped[int] = col(_l("脱保台数"), Integer, default=0)
    licence_until: Mapped[dt.date | None] = col(_l("许可有效期至"), Date)

    total: Mapped[Decimal | None] = col(_l("总分"), Numeric(6, 2), unit=_l("分"))
    total_rank: Mapped[int | None] = col(_l("总分名次"), Integer)
    rescue_points: Mapped[Decimal | None] = col(_l("救援及时率得分"), Numeric(6, 2), unit=_l("分"))
    rescue_rank: Mapped[int | None] = col(_l("救援及时率名次"), Integer)
    rescue_on_time: Mapped[int | None] = col(_l("一次及时次数"), Integer)
    rescue_late: Mapped[int | None] = col(_l("一次不及时次数"), Integer)
    rescue_second: Mapped[int | None] = col(_l("二次及时次数"), Integer)
    feedback_points: Mapped[Decimal | None] = col(_l("反馈处置及时率得分"), Numeric(5, 2), unit=_l("分"))
    feedback_rank: Mapped[int | None] = col(_l("反馈处置及时率名次"), Integer)
    feedback_total: Mapped[int | None] = col(_l("投诉总次数"), Integer)
    feedback_late: Mapped[int | None] = col(_l("投诉不及时次数"), Integer)
    inspection_points: Mapped[Decimal | None] = col(_l("一次检验合格率得分"), Numeric(5, 2), unit=_l("分"))
    inspection_rank: Mapped[int | None] = col(_l("一次检验合格率名次"), Integer)
    inspection_total: Mapped[int | None] = col(_l("检验电梯总数"), Integer)
    inspection_failed: Mapped[int | None] = col(_l("不合格电梯数"), Integer)
    fault_points: Mapped[Decimal | None] = col(_l("维保电梯故障率得分"), Numeric(5, 2), unit=_l("分"))
    fault_rank: Mapped[int | None] = col(_l("维保电梯故障率名次"), Integer)
    fault_elevators: Mapped[int | None] = col(_l("维保电梯数"), Integer)
    fault_faulty: Mapped[int | None] = col(_l("故障电梯数"), Integer)
    fault_entrapments: Mapped[int | None] = col(_l("困人次数"), Integer)
    fault_twice: Mapped[int | None] = col(_l("困人 2 次电梯数"), Integer)
    fault_thrice: Mapped[int | None] = col(_l("困人 3 次电梯数"), Integer)
    fault_often: Mapped[int | None] = col(_l("困人 4 次以上电梯数"), Integer)
    change_points: Mapped[Decimal | None] = col(_l("维保变更及时率得分"), Numeric(5, 2), unit=_l("分"))
    change_rank: Mapped[int | None] = col(_l("维保变更及时率名次"), Integer)
    change_total: Mapped[int | None] = col(_l("变更使用单位数"), Integer)
    change_late: Mapped[int | None] = col(_l("不及时使用单位数"), Integer)

    rating_points: Mapped[Decimal | None] = col(_l("评级得分"), Numeric(5, 2), unit=_l("分"))
    stars: Mapped[int | None] = col(_l("星级"), Integer)
    credit: Mapped[str | None] = col(_l("信用等级"), String(1), choices=CREDIT)

    unit: Mapped[Unit] = relationship()
    run: Mapped[ScoreRun] = relationship()


# Keys that each score has for its lines: more than anybody can fail in a year. The first half are those of SCO-01, in
# the second each of the other items has its own.
LINES_OF_A_SCORE = 2**24
_OTHERS, _LINES_OF_AN_ITEM = 2**23, 2**20


class ScoreEntry(Model):
    """A ledger row: what cost how much, exactly, with the evidence. The rows of a score sum to its lost points.

    `id` is the score's key and the line's number in it (`first_line`): lines stand score by score, in order, and are
    found by that alone. A second index and a sequence took as long as the line itself.
    """

    __tablename__ = "score_entry"
    id: Mapped[int] = pk()
    # Written with its score in one go and taken away with it (`scores.run`, `scores.take_away`): looking up and locking
    # the score for each of a million lines took longer than all else. The elevator is held by the row behind the line.
    score_id: Mapped[int] = col(_l("得分"), BigId)
    elevator_id: Mapped[int | None] = col(_l("电梯"), BigId)
    rule: Mapped[str] = col(_l("规则"), String(30))
    evidence: Mapped[str | None] = col(_l("证据"), String(20))
    evidence_id: Mapped[int | None] = col(_l("证据编号"), BigId)
    happened_on: Mapped[dt.date | None] = col(_l("日期"), Date)
    count: Mapped[int] = col(_l("次数"), Integer)
    # Exact: lost points = numerator / denominator; text because a province's denominators outgrow 64 bits.
    numerator: Mapped[str] = col(_l("分子"), String(40))
    denominator: Mapped[str] = col(_l("分母"), String(40))
    reason: Mapped[str] = col(_l("说明"), String(200))


def first_line(score_id: int) -> int:
    """The key of a score's first line; the next ones follow."""
    return score_id * LINES_OF_A_SCORE


def first_line_of(score_id: int, item: Item) -> int:
    """The key of the first line of one item."""
    begin = first_line(score_id)
    return begin if item is Item.MAINTENANCE else begin + _OTHERS + OTHERS.index(item) * _LINES_OF_AN_ITEM


def lines_of(score_id: int, item: Item) -> ColumnElement[bool]:
    """The lines of one item of a score, by their keys."""
    key: Any = ScoreEntry.__table__.c.id
    begin = first_line_of(score_id, item)
    return key.between(begin, begin + (_OTHERS if item is Item.MAINTENANCE else _LINES_OF_AN_ITEM) - 1)


def first_line_of_rating(score_id: int) -> int:
    """The key of the first line of stars and credit, which stand behind all items."""
    return first_line(score_id) + _OTHERS + len(OTHERS) * _LINES_OF_AN_ITEM


def rating_lines(score_id: int) -> ColumnElement[bool]:
    """The lines of a score's stars and credit, by their keys."""
    key: Any = ScoreEntry.__table__.c.id
    begin = first_line_of_rating(score_id)
    return key.between(begin, begin + _LINES_OF_AN_ITEM - 1)


def lines_between(first_score: int, last_score: int) -> ColumnElement[bool]:
    """The lines of all scores from one to another, both included, by their keys."""
    key: Any = ScoreEntry.__table__.c.id
    return key.between(first_line(first_score), first_line(last_score + 1) - 1)

"""Visits: what was done on site, as it was recorded. A stored record never changes; corrections are notes."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    and_,
    literal_column,
    text,
    true,
)
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Json, Model, col, pk
from app.models.choices import (
    CONFIRMED_BY,
    LABEL_BY,
    LABEL_STATE,
    LEVEL,
    NOTE_KIND,
    OFFLINE_PART,
    VISIT_DECISION,
    VISIT_FAULT,
    VISIT_MODE,
    VISIT_RATING,
    VISIT_REASON,
    VISIT_STATE,
)
from app.models.elevator import Elevator
from app.models.person import Person
from app.models.unit import Unit
from app.rules.calendar import day_end, day_start
from app.wording import Theirs, finished, ours, together

DAY = dt.timedelta(days=1)
# Of the visits that are open, in just the words in which `is_open` asks: each index answers those alone that ask for
# its column. By "state = 'open'" PostgreSQL goes through whatever is open anywhere: when it last looked, at night,
# nothing was, and the index of all that need attention seemed to be as good as any.
_OPEN = {"sqlite": "(state = 'open') IS 1", "postgresql": "(state = 'open') IS TRUE"}


def _open_by(column: str) -> dict[str, Any]:
    return {f"{name}_where": text(f"{words} AND {column} IS NOT NULL") for name, words in _OPEN.items()}


def is_open(visit: Any) -> ColumnElement[bool]:
    """Whether visits of one person, or at one elevator, are open: for whoever asks for these by an index of theirs."""
    found: ColumnElement[bool] = (visit.state == literal_column("'open'")).is_(true())
    return found


def visited(visit: Any, first: dt.date, last: dt.date) -> ColumnElement[bool]:
    """Visits of these days, for whoever reads those of a whole region: said of the check-in as well, whose day it is.

    Rows lie by that instant and an index finds it; by the day alone the visits of all years are gone through.
    """
    found: ColumnElement[bool] = and_(
        visit.visit_on.between(first, last), visit.checked_in_at.between(day_start(first - DAY), day_end(last + DAY))
    )
    return found


class Visit(Model):
    """One maintenance visit. `visit_on` is the Shanghai day of check-in; `state` and the two flags are kept by rules.

    `next_change_at` is the instant at which ageing alone changes the state (null when it is settled), so that the
    nightly job selects and never recomputes all. `snapshot` keeps elevator, unit and staff as they were (MNT-10).
    """

    __tablename__ = "visit"
    __table_args__ = (
        # Covers all that a score counts, the region included, and the id that a back-test moves: no row is fetched for
        # a visit that went well.
        Index("ix_visit_score", "unit_id", "elevator_id", "visit_on", "state", "region_code", "id"),
        # The few that a score reads row by row.
        Index(
            "ix_visit_failed", "unit_id", "elevator_id", "visit_on", "id", "state", "region_code",
            sqlite_where=text("state <> 'valid'"), postgresql_where=text("state <> 'valid'"),
        ),
        Index("ix_visit_elevator_day", "elevator_id", "visit_on"),
        Index("ix_visit_worker_day", "worker_id", "visit_on"),
        Index("ix_visit_region_day", "region_code", "visit_on"),
        Index("ix_visit_ageing", "next_change_at"),
        Index("uq_visit_open_elevator_worker", "worker_id", unique=True, **_open_by("worker_id")),
        Index("ix_visit_open_elevator", "elevator_id", **_open_by("elevator_id")),
        Index("ix_visit_use_unit", "use_unit_id", "visit_on"),
        Index("ix_visit_page", "checked_in_at", "id", "region_code"),
        # The few that a phone kept, by the day on which they came.
        Index(
            "ix_visit_sent_later", "sent_at", sqlite_where=text("offline IS NOT NULL"),
            postgresql_where=text("offline IS NOT NULL"),
        ),
        # Those whose label was photographed: without them each tab of 核对标签照片 would read all visits.
        Index(
            "ix_visit_label", "label_state", "region_code", "checked_in_at",
            sqlite_where=text("label_state IS NOT NULL"), postgresql_where=text("label_state IS NOT NULL"),
        ),
        # The few that are not simply valid, and those that wait for somebody: what tabs and figures count.
        Index(
            "ix_visit_attention", "state", "region_code", "checked_in_at",
            sqlite_where=text("state <> 'valid'"), postgresql_where=text("state <> 'valid'"),
        ),
        Index(
            "ix_visit_waiting", "region_code", "awaiting_sheet", "awaiting_review", "visit_on",
            sqlite_where=text("awaiting_sheet = 1 OR awaiting_review = 1"),
            postgresql_where=text("awaiting_sheet OR awaiting_review"),
        ),
    )  # fmt: skip
    id: Mapped[int] = pk()
    client_key: Mapped[str | None] = col(_l("提交键"), String(40), unique=True)
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    worker_id: Mapped[int] = col(_l("维保员"), BigId, ForeignKey("person.id"))
    account_id: Mapped[int | None] = col(_l("账号"), Integer, ForeignKey("ab_user.id"))
    order_id: Mapped[int | None] = col(_l("维保任务"), BigId, ForeignKey("maintenance_order.id"), index=True)
    level: Mapped[str] = col(_l("频次"), String(12), default="half_month", choices=LEVEL)
    # The statutory list and the own lists on it; SQLite measures no text, and there the table was not rebuilt for it.
    item_version: Mapped[str | None] = col(_l("项目版本"), Text().with_variant(String(30), "sqlite"))
    visit_on: Mapped[dt.date] = col(_l("维保日期"), Date)
    checked_in_at: Mapped[dt.datetime] = col(_l("签到时间"), Instant)
    checked_out_at: Mapped[dt.datetime | None] = col(_l("签退时间"), Instant)
    received_at: Mapped[dt.datetime] = col(_l("接收时间"), Instant)
    # When its end reached us; null for records from before it was kept, which were sent as they ended.
    sent_at: Mapped[dt.datetime | None] = col(_l("上传时间"), Instant)
    # Which part the phone kept without network and sent later, under which of its keys, and what proves its times.
    offline: Mapped[str | None] = col(_l("离线"), String(4), choices=OFFLINE_PART)
    out_key: Mapped[str | None] = col(_l("签退提交键"), String(40))
    phone_told: Mapped[dict[str, Any] | None] = col(_l("手机时钟和定位精度"), Json, nullable=True)
    # Begun by the elevator's 识别码, not by our label's own token; null for records from before it was kept.
    by_code: Mapped[bool | None] = col(_l("按识别码签到"), Boolean)
    # 补数据: begun by number where a photo of the label is asked for; whose word that is was settled on the day.
    label_state: Mapped[str | None] = col(_l("标签照片"), String(10), choices=LABEL_STATE)
    label_by: Mapped[str | None] = col(_l("标签照片由谁核对"), String(10), choices=LABEL_BY)
    label_reason: Mapped[str | None] = col(_l("标签照片核对理由"), Text)
    label_at: Mapped[dt.datetime | None] = col(_l("标签照片核对时间"), Instant)
    label_decided_by_id: Mapped[int | None] = col(_l("标签照片核对人"), Integer, ForeignKey("ab_user.id"))
    in_latitude: Mapped[float | None] = col(_l("签到纬度"), Float)
    in_longitude: Mapped[float | None] = col(_l("签到经度"), Float)
    in_distance: Mapped[int | None] = col(_l("签到距离"), Integer, unit=_l("米"))
    out_latitude: Mapped[float | None] = col(_l("签退纬度"), Float)
    out_longitude: Mapped[float | None] = col(_l("签退经度"), Float)
    out_distance: Mapped[int | None] = col(_l("签退距离"), Integer, unit=_l("米"))
    mode: Mapped[str | None] = col(_l("模式"), String(10), choices=VISIT_MODE)
    results: Mapped[list[dict[str, Any]] | None] = col(_l("维保项目"), Json)
    problem: Mapped[str | None] = col(_l("维保问题"), Text)
    # Of what kinds, codes of VISIT_FAULT in its order; null for none and for records from before they were kept.
    faults: Mapped[list[str] | None] = col(_l("故障类别"), Json, nullable=True)
    advice: Mapped[str | None] = col(_l("建议事项"), Text)
    note: Mapped[str | None] = col(_l("备注"), Text)
    signer: Mapped[str | None] = col(_l("现场签名人"), String(40))
    signed_at: Mapped[dt.datetime | None] = col(_l("现场签名"), Instant)
    sheet_at: Mapped[dt.datetime | None] = col(_l("上传时间"), Instant)
    sheet_due_at: Mapped[dt.datetime | None] = col(_l("上传期限"), Instant)
    reviewed_at: Mapped[dt.datetime | None] = col(_l("复核时间"), Instant)
    reviewed_by_id: Mapped[int | None] = col(_l("复核人"), Integer, ForeignKey("ab_user.id"))
    # Where the review came from: beside the check-in's address it tells of one device for both.
    reviewed_from: Mapped[str | None] = col(_l("复核来源地址"), String(60))
    review_opinion: Mapped[str | None] = col(_l("复核意见"), String(140))
    review_due_at: Mapped[dt.datetime | None] = col(_l("复核期限"), Instant)
    # How the use unit confirmed it, null for records from before that was kept; and what it thinks of the visit.
    confirmed_by: Mapped[str | None] = col(_l("确认方式"), String(10), choices=CONFIRMED_BY)
    rating: Mapped[str | None] = col(_l("评价"), String(10), choices=VISIT_RATING)
    # Two photos of what was signed on paper were handed in: a proof, which is no review of the use unit's own.
    paper_at: Mapped[dt.datetime | None] = col(_l("纸质确认时间"), Instant)
    paper_by_id: Mapped[int | None] = col(_l("纸质确认上传人"), Integer, ForeignKey("ab_user.id"))
    decision: Mapped[str | None] = col(_l("审批"), String(10), choices=VISIT_DECISION)
    decision_reason: Mapped[str | None] = col(_l("审批理由"), Text)
    decided_at: Mapped[dt.datetime | None] = col(_l("审批时间"), Instant)
    decided_by_id: Mapped[int | None] = col(_l("审批人"), Integer, ForeignKey("ab_user.id"))
    state: Mapped[str] = col(_l("状态"), String(15), default="open", choices=VISIT_STATE)
    awaiting_sheet: Mapped[bool] = col(_l("待上传"), Boolean, default=False, server_default=text("false"))
    awaiting_review: Mapped[bool] = col(_l("待复核"), Boolean, default=False, server_default=text("false"))
    # The reason that decided, and all of them in words as they were said then.
    reason: Mapped[str | None] = col(_l("状态原因"), String(20), choices=VISIT_REASON)
    state_reason: Mapped[str | None] = col(_l("状态说明"), String(200))
    counted: Mapped[bool] = col(_l("计入维保"), Boolean, default=False, server_default=text("false"))
    settled_at: Mapped[dt.datetime | None] = col(_l("状态记录时间"), Instant)
    # An appeal was upheld: from then on it counts as valid, and all that is above stays as it was.
    appeal_upheld_at: Mapped[dt.datetime | None] = col(_l("申诉成立时间"), Instant)
    next_change_at: Mapped[dt.datetime | None] = col(_l("下次变化"), Instant)
    day_rank: Mapped[int | None] = col(_l("当日第几台"), Integer)
    taken_over: Mapped[bool] = col(_l("接管数据"), Boolean, default=False, server_default=text("false"))
    preset: Mapped[str | None] = col(_l("所用政策"), String(20))
    snapshot: Mapped[dict[str, Any]] = col(_l("当时档案"), Json, default=dict)
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)

    elevator: Mapped[Elevator] = relationship()
    unit: Mapped[Unit] = relationship(foreign_keys=[unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])
    worker: Mapped[Person] = relationship()

    @property
    def feedback(self) -> str | None:
        """故障反馈 in one line: of what kinds, then in the worker's words; None where nothing was at fault."""
        kinds = together((ours(finished(VISIT_FAULT.get(one, one))) for one in self.faults or ()), "、")
        return together([part for part in (kinds, Theirs(self.problem or "")) if part], "：") or None


class VisitNote(Model):
    """A correction linked to a visit; the visit itself stays as stored (T5002 art 10)."""

    __tablename__ = "visit_note"
    id: Mapped[int] = pk()
    visit_id: Mapped[int] = col(_l("维保记录"), BigId, ForeignKey("visit.id"), index=True)
    kind: Mapped[str] = col(_l("类别"), String(12), default="note", server_default="note", choices=NOTE_KIND)
    body: Mapped[str] = col(_l("说明"), Text)
    author_id: Mapped[int | None] = col(_l("填写人"), Integer, ForeignKey("ab_user.id"))
    at: Mapped[dt.datetime] = col(_l("时间"), Instant)


class VisitLink(Model):
    """A link by which the use unit confirms one visit without signing in (MNT-07); only its token's digest is kept.

    It goes to the phone that is filed, of which the row has the masked form. It is used once, ends on a day, and ends
    where another one is sent or it is taken back. `signer` is who signed by it.
    """

    __tablename__ = "visit_link"
    __table_args__ = (Index("ix_visit_link_sent", "sent_to", "sent_at"),)
    id: Mapped[int] = pk()
    visit_id: Mapped[int] = col(_l("维保记录"), BigId, ForeignKey("visit.id"), index=True)
    token_hash: Mapped[str] = col(_l("链接摘要"), String(64), unique=True)
    sent_to: Mapped[str] = col(_l("发送至"), String(20))
    sent_by_id: Mapped[int | None] = col(_l("发送人"), Integer, ForeignKey("ab_user.id"))
    sent_at: Mapped[dt.datetime] = col(_l("发送时间"), Instant)
    expires_at: Mapped[dt.datetime] = col(_l("有效至"), Instant)
    used_at: Mapped[dt.datetime | None] = col(_l("使用时间"), Instant)
    withdrawn_at: Mapped[dt.datetime | None] = col(_l("撤回时间"), Instant)
    signer: Mapped[str | None] = col(_l("签名人"), String(40))


class VisitCompanion(Model):
    """协同维保: somebody else who proved that he was on site while a visit ran. Who went away and came back proves it
    anew: the row has the later time, the log both.

    `name` and `certificate_no` as they were then; the place is the phone's, in WGS 84 degrees, `distance` in metres.
    """

    __tablename__ = "visit_companion"
    __table_args__ = (
        UniqueConstraint("visit_id", "person_id"),
        Index("ix_visit_companion_person", "person_id", "joined_at"),
        Index("ix_visit_companion_elevator", "elevator_id"),
    )
    id: Mapped[int] = pk()
    visit_id: Mapped[int] = col(_l("维保记录"), BigId, ForeignKey("visit.id"))
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    person_id: Mapped[int] = col(_l("协同维保人员"), BigId, ForeignKey("person.id"))
    name: Mapped[str] = col(_l("姓名"), String(40))
    certificate_no: Mapped[str | None] = col(_l("证书编号"), String(60))
    joined_at: Mapped[dt.datetime] = col(_l("加入时间"), Instant)
    latitude: Mapped[float | None] = col(_l("签到纬度"), Float)
    longitude: Mapped[float | None] = col(_l("签到经度"), Float)
    distance: Mapped[int | None] = col(_l("签到距离"), Integer, unit=_l("米"))

    visit: Mapped[Visit] = relationship()
    elevator: Mapped[Elevator] = relationship()
    person: Mapped[Person] = relationship()

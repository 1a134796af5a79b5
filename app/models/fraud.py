"""Doubts about check-ins and what becomes of them (FRD-01): signals with their evidence, prints of photos, cases."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import BigInteger, Date, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Json, Model, Stamped, Versioned, col, pk
from app.models.elevator import Elevator
from app.models.person import Person
from app.models.said import SaidText
from app.models.unit import Unit

SIGNAL_KIND = {
    "travel": _l("两地签到过快"), "overlap": _l("维保时间重叠"), "photo": _l("照片重复"), "durations": _l("时长雷同"),
    "typed": _l("手输识别码过多"), "batch": _l("集中补传"), "late_extra": _l("期末突击维保"),
    "device": _l("维保与复核同一网络"),
}  # fmt: skip
CASE_STATE = {"asked": _l("待说明"), "answered": _l("待认定"), "closed": _lp("case", "已结案")}
CASE_OUTCOME = {"unfounded": _l("不成立"), "warned": _l("警示"), "handed": _l("移交执法")}
CASE_STANDS = "state <> 'closed'"


class FraudSignal(Model):
    """Something about visits that wants an explanation. It punishes nobody and changes no state and no score.

    `key` says what it is about, so that a day looked at again finds it and makes none. `facts` are the figures that it
    was worked out from, with the policy's numbers of that day; `points` is what it then weighs.
    """

    __tablename__ = "fraud_signal"
    __table_args__ = (
        Index("ix_fraud_signal_region", "region_code", "seen_on", "id"),
        Index("ix_fraud_signal_unit", "unit_id", "seen_on"),
        Index("ix_fraud_signal_person", "person_id", "seen_on"),
        Index("ix_fraud_signal_case", "case_id"),
    )
    id: Mapped[int] = pk()
    key: Mapped[str] = col(_l("疑点标识"), String(80), unique=True)
    kind: Mapped[str] = col(_l("疑点"), String(12), choices=SIGNAL_KIND)
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    person_id: Mapped[int | None] = col(_l("维保员"), BigId, ForeignKey("person.id"))
    elevator_id: Mapped[int | None] = col(_l("电梯"), BigId, ForeignKey("elevator.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    seen_on: Mapped[dt.date] = col(_l("发生日期"), Date)
    points: Mapped[int] = col(_l("分值"), Integer)
    found: Mapped[str] = col(_l("发现"), SaidText(400))
    facts: Mapped[dict[str, Any]] = col(_l("计算依据"), Json, default=dict)
    found_at: Mapped[dt.datetime] = col(_l("发现时间"), Instant)
    case_id: Mapped[int | None] = col(_l("核查案件"), BigId, ForeignKey("fraud_case.id"))
    set_aside_at: Mapped[dt.datetime | None] = col(_l("排除时间"), Instant)
    set_aside_by_id: Mapped[int | None] = col(_l("排除人"), Integer, ForeignKey("ab_user.id"))
    set_aside_note: Mapped[str | None] = col(_l("排除理由"), String(200))

    unit: Mapped[Unit] = relationship()
    person: Mapped[Person | None] = relationship()
    elevator: Mapped[Elevator | None] = relationship()
    case: Mapped["FraudCase | None"] = relationship()


class FraudEvidence(Model):
    """A visit that a signal stands on, and the photo where it is about one."""

    __tablename__ = "fraud_evidence"
    __table_args__ = (Index("ix_fraud_evidence_visit", "visit_id"), Index("ix_fraud_evidence_signal", "signal_id"))
    id: Mapped[int] = pk()
    signal_id: Mapped[int] = col(_l("疑点"), BigId, ForeignKey("fraud_signal.id"))
    visit_id: Mapped[int] = col(_l("维保记录"), BigId, ForeignKey("visit.id"))
    attachment_id: Mapped[int | None] = col(_l("照片"), BigId, ForeignKey("attachment.id"))


class PicturePrint(Model):
    """What a visit's photo looks like, in 64 bits (`pictures.print_of`), worked out once; null where it shows nothing.

    Three pieces find what differs by two bits at most: one of them is then the same.
    """

    __tablename__ = "picture_print"
    __table_args__ = (
        Index("ix_picture_print_sha", "sha256"),
        *(Index(f"ix_picture_print_piece{n}", f"piece{n}") for n in range(3)),
    )
    attachment_id: Mapped[int] = col(
        _l("照片"), BigId, ForeignKey("attachment.id"), primary_key=True, autoincrement=False
    )
    visit_id: Mapped[int] = col(_l("维保记录"), BigId, ForeignKey("visit.id"), index=True)
    sha256: Mapped[str] = col(_l("摘要"), String(64))
    bits: Mapped[int | None] = col(_l("画面特征"), BigInteger)
    piece0: Mapped[int | None] = col(_l("画面特征"), Integer)
    piece1: Mapped[int | None] = col(_l("画面特征"), Integer)
    piece2: Mapped[int | None] = col(_l("画面特征"), Integer)
    taken_on: Mapped[dt.date] = col(_l("维保日期"), Date)


class FraudCase(Stamped, Versioned, Model):
    """Signals of one unit, perhaps of one worker, put to the unit: question, explanation, decision with its reason."""

    __tablename__ = "fraud_case"
    __table_args__ = (
        Index("ix_fraud_case_region", "region_code", "id"),
        Index("ix_fraud_case_unit", "unit_id", "id"),
        Index(
            "ix_fraud_case_open", "region_code", "state", "due_at",
            sqlite_where=text(CASE_STANDS), postgresql_where=text(CASE_STANDS),
        ),
    )  # fmt: skip
    id: Mapped[int] = pk()
    number: Mapped[str] = col(_l("案件编号"), String(20), unique=True)
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    person_id: Mapped[int | None] = col(_l("维保员"), BigId, ForeignKey("person.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    state: Mapped[str] = col(_l("状态"), String(10), default="asked", server_default="asked", choices=CASE_STATE)
    question: Mapped[str] = col(_l("要求说明的问题"), Text)
    opened_at: Mapped[dt.datetime] = col(_l("立案时间"), Instant)
    opened_by_id: Mapped[int | None] = col(_l("立案人"), Integer, ForeignKey("ab_user.id"))
    due_at: Mapped[dt.datetime | None] = col(_l("说明期限"), Instant)
    answer: Mapped[str | None] = col(_l("单位说明"), Text)
    answered_at: Mapped[dt.datetime | None] = col(_l("说明时间"), Instant)
    answered_by_id: Mapped[int | None] = col(_l("说明人"), Integer, ForeignKey("ab_user.id"))
    outcome: Mapped[str | None] = col(_l("认定"), String(10), choices=CASE_OUTCOME)
    reason: Mapped[str | None] = col(_l("认定理由"), Text)
    decided_at: Mapped[dt.datetime | None] = col(_l("认定时间"), Instant)
    decided_by_id: Mapped[int | None] = col(_l("认定人"), Integer, ForeignKey("ab_user.id"))

    unit: Mapped[Unit] = relationship()
    person: Mapped[Person | None] = relationship()

    def __repr__(self) -> str:
        return self.number

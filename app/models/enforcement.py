"""What a regulator does about a unit (ANO-03): 约谈, 警告, 立案处罚, with the evidence that it stands on."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import Boolean, ColumnElement, Date, ForeignKey, Index, Integer, String, Text, and_, or_, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.said import SaidText
from app.models.unit import Unit

ENFORCEMENT_KIND = {"talk": _l("约谈"), "warning": _lp("enforcement", "警告"), "penalty": _l("立案处罚")}
ENFORCEMENT_STATE = {
    "draft": _l("草稿"), "proposed": _lp("enforcement", "待第二人决定"), "in_force": _l("待整改"),
    "replied": _l("待核查"), "closed": _l("已办结"), "withdrawn": _l("已撤销"),
}  # fmt: skip
# What was decided and not taken back: what counts against the unit.
STANDS = ("in_force", "replied", "closed")
# What still asks somebody for something.
RUNS_OPEN = "state IN ('draft', 'proposed', 'in_force', 'replied')"


class Enforcement(Stamped, Versioned, Model):
    """One deed against a unit; never deleted. It stands from `in_force_at` until `withdrawn_at`, closed or not.

    `decided_on` is the day on its paper. A 立案处罚 takes force by a second person (`decided_by_id`); the two others
    by whoever drew them up. `legal_basis` is only ever what an officer typed. `due_at` is the limit that runs for the
    unit's answer; `late` that the first answer came after it or that none came until it was closed.
    """

    __tablename__ = "enforcement"
    __table_args__ = (
        Index("ix_enforcement_unit", "unit_id", "decided_on"),
        Index("ix_enforcement_region", "region_code", "decided_on", "id"),
        Index(
            "ix_enforcement_open", "region_code", "unit_id", "state", "due_at",
            sqlite_where=text(RUNS_OPEN), postgresql_where=text(RUNS_OPEN),
        ),
    )  # fmt: skip
    id: Mapped[int] = pk()
    number: Mapped[str] = col(_l("编号"), String(20), unique=True)
    unit_id: Mapped[int] = col(_l("单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    kind: Mapped[str] = col(_l("类别"), String(10), choices=ENFORCEMENT_KIND)
    state: Mapped[str] = col(
        _l("状态"), String(10), default="draft", server_default="draft", choices=ENFORCEMENT_STATE
    )
    decided_on: Mapped[dt.date] = col(_l("约谈或决定日期"), Date)
    document_no: Mapped[str | None] = col(_l("文书号"), String(60))
    facts: Mapped[str] = col(_l("事实"), Text)
    demand: Mapped[str | None] = col(_l("整改要求"), Text)
    legal_basis: Mapped[str | None] = col(_l("依据"), Text)
    reply_days: Mapped[int] = col(_l("答复期限"), Integer, unit=_l("天"))
    proposed_at: Mapped[dt.datetime | None] = col(_l("提请时间"), Instant)
    proposed_by_id: Mapped[int | None] = col(_l("提请人"), Integer, ForeignKey("ab_user.id"))
    in_force_at: Mapped[dt.datetime | None] = col(_l("生效时间"), Instant)
    decided_by_id: Mapped[int | None] = col(_l("决定人"), Integer, ForeignKey("ab_user.id"))
    # Why the second person sent the draft back.
    returned_note: Mapped[str | None] = col(_l("退回理由"), String(500))
    due_at: Mapped[dt.datetime | None] = col(_l("答复截止"), Instant)
    replied_at: Mapped[dt.datetime | None] = col(_l("答复时间"), Instant)
    replied_by_id: Mapped[int | None] = col(_l("答复人"), Integer, ForeignKey("ab_user.id"))
    reply: Mapped[str | None] = col(_l("整改答复"), Text)
    late: Mapped[bool] = col(_l("逾期答复"), Boolean, default=False, server_default=text("false"))
    # The last word of the regulator about an answer that was not enough.
    sent_back_note: Mapped[str | None] = col(_l("退回整改理由"), String(500))
    closed_at: Mapped[dt.datetime | None] = col(_l("办结时间"), Instant)
    closed_by_id: Mapped[int | None] = col(_l("办结人"), Integer, ForeignKey("ab_user.id"))
    close_note: Mapped[str | None] = col(_l("办结意见"), String(500))
    withdrawn_at: Mapped[dt.datetime | None] = col(_l("撤销时间"), Instant)
    withdrawn_by_id: Mapped[int | None] = col(_l("撤销人"), Integer, ForeignKey("ab_user.id"))
    withdraw_reason: Mapped[str | None] = col(_l("撤销理由"), SaidText(500))

    unit: Mapped[Unit] = relationship()

    def __repr__(self) -> str:
        return self.number


def stood_at(at: dt.datetime) -> ColumnElement[bool]:
    """Counted against the unit at an instant (UTC), as known then: one condition for scores and bulletins.

    Of the table's columns, so that a statement over tables stays one, with whatever scope it has.
    """
    held = Enforcement.__table__.c
    return and_(held.in_force_at <= at, or_(held.withdrawn_at.is_(None), held.withdrawn_at > at))


class EnforcementEvidence(Model):
    """A record that an enforcement stands on: which one, and what it said when it was taken in.

    `entity` is the record's table (an elevator that was warned of is `elevator`); the words stay when the record goes.
    Read only beside its enforcement, which scope has let through.
    """

    __tablename__ = "enforcement_evidence"
    __table_args__ = (
        Index("uq_enforcement_evidence", "enforcement_id", "entity", "entity_id", unique=True),
        Index("ix_enforcement_evidence_entity", "entity", "entity_id"),
    )
    id: Mapped[int] = pk()
    enforcement_id: Mapped[int] = col(_l("执法记录"), BigId, ForeignKey("enforcement.id"))
    entity: Mapped[str] = col(_l("证据类别"), String(20))
    entity_id: Mapped[int] = col(_l("证据编号"), BigId)
    elevator_id: Mapped[int | None] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    happened_on: Mapped[dt.date | None] = col(_l("日期"), Date)
    said: Mapped[str] = col(_l("说明"), SaidText(300))

    enforcement: Mapped[Any] = relationship(Enforcement)

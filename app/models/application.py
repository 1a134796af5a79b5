"""Applications: whatever needs an officer's approval waits in this one table, filings and contracts too."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.choices import APPLICATION_KIND, APPLICATION_STATE
from app.models.elevator import Elevator
from app.models.said import SaidText
from app.models.sealed import SealedJson
from app.models.unit import Unit


class Application(Stamped, Versioned, Model):
    """One thing asked of the regulator: about which row, by whom, with which clock, and what was decided.

    `entity`/`entity_id` name the subject (unit, elevator, contract, grade_certificate); `version_id` the content asked
    for, where there is one. At most one open application of a kind for a subject: the partial unique index decides
    between parallel submissions.
    """

    __tablename__ = "application"
    __table_args__ = (
        Index(
            "uq_application_open", "kind", "entity", "entity_id", unique=True,
            sqlite_where=text("is_open"), postgresql_where=text("is_open"),
        ),
        Index("ix_application_queue", "region_code", "is_open", "state", "due_at"),
        Index("ix_application_unit", "unit_id", "id"),
        Index("ix_application_entity", "entity", "entity_id", "id"),
        Index(
            "ix_application_batch", "batch", "is_open",
            sqlite_where=text("batch IS NOT NULL"), postgresql_where=text("batch IS NOT NULL"),
        ),
    )  # fmt: skip
    id: Mapped[int] = pk()
    number: Mapped[str] = col(_l("申请编号"), String(20), unique=True)
    kind: Mapped[str] = col(_l("事项"), String(20), choices=APPLICATION_KIND)
    state: Mapped[str] = col(_l("状态"), String(10), default="draft", choices=APPLICATION_STATE)
    is_open: Mapped[bool] = col(_l("办理中"), Boolean, default=True, server_default=text("true"))
    entity: Mapped[str] = col(_l("对象"), String(20))
    entity_id: Mapped[int] = col(_l("对象编号"), BigId)
    # What is searched; `said` tells it in the reader's language, where it is not what a person named.
    title: Mapped[str] = col(_l("标题"), String(160))
    said: Mapped[str | None] = col(_l("标题"), SaidText())
    elevator_id: Mapped[int | None] = col(_l("电梯"), BigId, ForeignKey("elevator.id"), index=True)
    unit_id: Mapped[int | None] = col(_l("申请单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    version_id: Mapped[int | None] = col(_l("版本"), BigId, ForeignKey("version.id"))
    # The number of the job that handed it in together with others (批量上报, 批量申请); the job itself may be gone.
    batch: Mapped[int | None] = col(_l("批次"), BigId)
    effective_on: Mapped[dt.date | None] = col(_l("生效日期"), Date, help=_l("停用、启用、报废的日期，不早于提交日"))
    reason: Mapped[str | None] = col(_l("原因"), Text)
    data: Mapped[dict[str, Any]] = col(_l("内容"), SealedJson("application.data"), default=dict)
    submitted_at: Mapped[dt.datetime | None] = col(_l("提交时间"), Instant)
    submitted_by_id: Mapped[int | None] = col(_l("提交人"), Integer, ForeignKey("ab_user.id"))
    due_at: Mapped[dt.datetime | None] = col(_l("办理期限"), Instant)
    # Who took it on, and who endorsed it where policy asks for two persons.
    officer_id: Mapped[int | None] = col(_l("受理人"), Integer, ForeignKey("ab_user.id"), index=True)
    endorsed_by_id: Mapped[int | None] = col(_l("初审人"), Integer, ForeignKey("ab_user.id"))
    decided_at: Mapped[dt.datetime | None] = col(_l("办结时间"), Instant)
    decided_by_id: Mapped[int | None] = col(_l("审批人"), Integer, ForeignKey("ab_user.id"))
    opinion: Mapped[str | None] = col(_l("审批意见"), Text)
    # When the effects of an approval were put into force; an approved one without waits for its effective day.
    took_effect_at: Mapped[dt.datetime | None] = col(_l("生效时间"), Instant)

    elevator: Mapped[Elevator | None] = relationship()
    unit: Mapped[Unit | None] = relationship()
    steps: Mapped[list["ApplicationStep"]] = relationship(order_by="ApplicationStep.id", viewonly=True)

    @property
    def heading(self) -> str:
        """The title as it is told; older rows have their Chinese only."""
        return self.said or self.title

    def __repr__(self) -> str:
        return self.number


class ApplicationStep(Model):
    """One verb on an application: who, when, with which opinion, seeing which version."""

    __tablename__ = "application_step"
    __table_args__ = (
        Index(
            "ix_application_step_press", "press",
            sqlite_where=text("press IS NOT NULL"), postgresql_where=text("press IS NOT NULL"),
        ),
    )  # fmt: skip
    id: Mapped[int] = pk()
    application_id: Mapped[int] = col(_l("申请"), BigId, ForeignKey("application.id"), index=True)
    verb: Mapped[str] = col(_l("动作"), String(20))
    state: Mapped[str] = col(_l("状态"), String(10), choices=APPLICATION_STATE)
    actor_id: Mapped[int | None] = col(_l("操作人"), Integer, ForeignKey("ab_user.id"))
    on_behalf_of_id: Mapped[int | None] = col(_l("代何人"), Integer, ForeignKey("ab_user.id"))
    at: Mapped[dt.datetime] = col(_l("时间"), Instant)
    opinion: Mapped[str | None] = col(_l("意见"), Text)
    seen_version: Mapped[int | None] = col(_l("所见版本"), Integer)
    # Of many decided with one press, until their units are told of them together.
    press: Mapped[str | None] = col(_l("待合并通知"), String(24))


class ApplicationParty(Model):
    """A unit besides the applicant's that an application concerns: it is told, and may read it."""

    __tablename__ = "application_party"
    __table_args__ = (
        UniqueConstraint("application_id", "unit_id"),
        Index("ix_application_party_unit", "unit_id", "application_id"),
    )
    id: Mapped[int] = pk()
    application_id: Mapped[int] = col(_l("申请"), BigId, ForeignKey("application.id"))
    unit_id: Mapped[int] = col(_l("单位"), BigId, ForeignKey("unit.id"))


class UnitChange(Model):
    """A change of an elevator's maintenance unit as asked for (LIF-05): who, when signed, in time or late (SCO-06).

    Kept whatever becomes of the application; `took_effect_on` is set when the elevator moved.
    """

    __tablename__ = "unit_change"
    __table_args__ = (
        Index("ix_unit_change_elevator", "elevator_id", "took_effect_on"),
        Index("ix_unit_change_region", "region_code", "signed_on"),
        Index("ix_unit_change_new_unit", "new_unit_id", "signed_on"),
    )
    id: Mapped[int] = pk()
    application_id: Mapped[int] = col(_l("申请"), BigId, ForeignKey("application.id"), unique=True)
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    old_unit_id: Mapped[int | None] = col(_l("原维保单位"), BigId, ForeignKey("unit.id"), index=True)
    new_unit_id: Mapped[int] = col(_l("新维保单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"), index=True)
    contract_id: Mapped[int | None] = col(_l("新合同"), BigId, ForeignKey("contract.id", ondelete="SET NULL"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    signed_on: Mapped[dt.date] = col(_l("签订日期"), Date)
    due_on: Mapped[dt.date] = col(_l("应申请日期"), Date)
    applied_on: Mapped[dt.date] = col(_l("申请日期"), Date)
    late: Mapped[bool] = col(_l("迟报"), Boolean)
    took_effect_on: Mapped[dt.date | None] = col(_l("生效日期"), Date)

    application: Mapped[Application] = relationship()
    elevator: Mapped[Elevator] = relationship()
    old_unit: Mapped[Unit | None] = relationship(foreign_keys=[old_unit_id])
    new_unit: Mapped[Unit] = relationship(foreign_keys=[new_unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])


class NumberSeries(Model):
    """The last number given out under a prefix; the row's lock makes numbers unique and gapless on both databases."""

    __tablename__ = "number_series"
    prefix: Mapped[str] = col(_l("前缀"), String(20), primary_key=True)
    last: Mapped[int] = col(_l("最后号"), Integer, default=0)

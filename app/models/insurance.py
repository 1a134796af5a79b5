"""医社保缴交明细 (UNT-09): who was insured by whom, month by month, and how that compares with the filed people."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import ONCE, BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.person import Person
from app.models.sealed import Sealed
from app.models.unit import Unit

GAP_KIND = {"uninsured": _l("已备案未参保"), "unfiled": _l("已参保未备案")}


class InsuranceRecord(Stamped, Versioned, Model):
    """What one payer paid from one month to another; counts once filed with its voucher, until withdrawn.

    `from_on` and `to_on` are the first and the last day of whole months.
    """

    __tablename__ = "insurance_record"
    __table_args__ = (
        Index("ix_insurance_record_unit", "unit_id", "from_on"),
        Index("ix_insurance_record_region", "region_code", "from_on"),
        ONCE,
    )
    id: Mapped[int] = pk()
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    payer: Mapped[str] = col(_l("缴纳公司"), String(80))
    from_on: Mapped[dt.date] = col(_l("开始"), Date)
    to_on: Mapped[dt.date] = col(_l("结束"), Date)
    note: Mapped[str | None] = col(_l("备注"), String(500))
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId)
    filed_at: Mapped[dt.datetime | None] = col(_l("上报时间"), Instant)
    withdrawn_at: Mapped[dt.datetime | None] = col(_l("撤回时间"), Instant)
    withdrawn_note: Mapped[str | None] = col(_l("撤回原因"), String(200))

    unit: Mapped[Unit] = relationship()
    people: Mapped[list["InsuredPerson"]] = relationship(order_by="InsuredPerson.id", viewonly=True)


class InsuredPerson(Model):
    """A line of a record; its numbers are sealed, and lists show them masked."""

    __tablename__ = "insured_person"
    __table_args__ = (Index("ix_insured_person_record", "record_id", "id"),)
    id: Mapped[int] = pk()
    record_id: Mapped[int] = col(_l("缴交明细"), BigId, ForeignKey("insurance_record.id", ondelete="CASCADE"))
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    name: Mapped[str] = col(_l("人员姓名"), String(40))
    id_number: Mapped[str] = col(_l("身份证号"), Sealed("insured_person.id_number", "id"), sensitive="id")
    phone: Mapped[str | None] = col(_l("联系方式"), Sealed("insured_person.phone", "mobile"), sensitive="mobile")

    record: Mapped[InsuranceRecord] = relationship(viewonly=True)


class InsuranceMonth(Model):
    """A unit's month as last compared: filed people, insured people, how many are both, and the gaps."""

    __tablename__ = "insurance_month"
    __table_args__ = (
        UniqueConstraint("unit_id", "month"), Index("ix_insurance_month_region", "region_code", "month"),
        Index(
            "ix_insurance_month_gaps", "month", "region_code", sqlite_where=text("uninsured + unfiled > 0"),
            postgresql_where=text("uninsured + unfiled > 0"),
        ),
    )  # fmt: skip
    id: Mapped[int] = pk()
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    month: Mapped[dt.date] = col(_l("月份"), Date)
    records: Mapped[int] = col(_l("缴交明细"), Integer, default=0, unit=_l("份"))
    filed: Mapped[int] = col(_l("应参保"), Integer, default=0, unit=_l("人"))
    insured: Mapped[int] = col(_l("已参保"), Integer, default=0, unit=_l("人"))
    uninsured: Mapped[int] = col(_l("已备案未参保"), Integer, default=0, unit=_l("人"))
    unfiled: Mapped[int] = col(_l("已参保未备案"), Integer, default=0, unit=_l("人"))
    compared_at: Mapped[dt.datetime] = col(_l("比对时间"), Instant)

    unit: Mapped[Unit] = relationship()


class InsuranceGap(Model):
    """One person of a unit's month who is filed and not insured, or insured and not filed."""

    __tablename__ = "insurance_gap"
    __table_args__ = (
        Index("ix_insurance_gap_unit", "unit_id", "month"), Index("ix_insurance_gap_region", "region_code", "month"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    month: Mapped[dt.date] = col(_l("月份"), Date)
    kind: Mapped[str] = col(_l("情形"), String(10), choices=GAP_KIND)
    name: Mapped[str] = col(_l("姓名"), String(40))
    phone: Mapped[str | None] = col(_l("联系方式"), Sealed("insurance_gap.phone", "mobile"), sensitive="mobile")
    person_id: Mapped[int | None] = col(_l("人员"), BigId, ForeignKey("person.id", ondelete="CASCADE"))
    record_id: Mapped[int | None] = col(_l("缴交明细"), BigId, ForeignKey("insurance_record.id", ondelete="CASCADE"))

    unit: Mapped[Unit] = relationship()
    person: Mapped[Person | None] = relationship()

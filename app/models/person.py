"""People who work on elevators, their grade certificates and their declarations (自我声明承诺书)."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, relationship

from app import clock
from app.models.base import ONCE, BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.choices import (
    APPLICATION_STATE,
    CHECK_STATE,
    FILING_STATE,
    GRADE,
    INFO_STATE,
    PERSON_KIND,
    REAL_NAME,
    SEX,
)
from app.models.sealed import Sealed, index_of, tail_of
from app.models.unit import Unit


class Person(Stamped, Versioned, Model):
    """A natural person in one unit (一人一企). Visits and quotas count persons, not accounts (PER-08).

    Whoever left is archived, not deleted; in another unit the same human is a row of its own. The index decides between
    two units that take on one human at the same moment.
    """

    __tablename__ = "person"
    __table_args__ = (
        Index(
            "uq_person_one_unit", "resident_id_index", unique=True,
            sqlite_where=text("left_on IS NULL"), postgresql_where=text("left_on IS NULL"),
        ),
        # What the warnings count: certificates of those who are here, by their last day.
        Index(
            "ix_person_certificate", "region_code", "certificate_until",
            sqlite_where=text("left_on IS NULL"), postgresql_where=text("left_on IS NULL"),
        ),
        ONCE,
    )  # fmt: skip
    id: Mapped[int] = pk()
    name: Mapped[str] = col(_l("姓名"), String(40))
    kind: Mapped[str | None] = col(_l("人员类型"), String(20), choices=PERSON_KIND)
    sex: Mapped[str | None] = col(_l("性别"), String(6), choices=SEX)
    resident_id: Mapped[str | None] = col(_l("身份证号"), Sealed("person.resident_id", "id"), sensitive="id")
    resident_id_index: Mapped[str | None] = index_of("resident_id", index=True)
    resident_id_tail: Mapped[str | None] = tail_of("resident_id", index=True)
    phone: Mapped[str | None] = col(_l("手机"), Sealed("person.phone", "mobile"), sensitive="mobile")
    phone_index: Mapped[str | None] = index_of("phone", index=True)
    phone_tail: Mapped[str | None] = tail_of("phone", index=True)
    unit_id: Mapped[int] = col(_l("所属单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12), index=True)
    work_kind: Mapped[str | None] = col(_l("工种"), String(40))
    certificate_no: Mapped[str | None] = col(_l("作业人员证编号"), String(40), index=True)
    certificate_issued_on: Mapped[dt.date | None] = col(_l("证书发证日期"), Date)
    certificate_until: Mapped[dt.date | None] = col(_l("证书有效期至"), Date)
    # Filed like a unit (PER-05): once approved, the row holds what is in force and changes wait as a version.
    filing_state: Mapped[str] = col(
        _l("备案状态"), String(10), default="draft", server_default="draft", choices=FILING_STATE
    )
    info_state: Mapped[str] = col(_l("信息状态"), String(10), default="new", server_default="new", choices=INFO_STATE)
    approved_version: Mapped[int] = col(_l("生效版本"), Integer, default=0, server_default="0")
    approved_on: Mapped[dt.date | None] = col(_l("审核通过日期"), Date)
    # The last day of the declarations that were approved (`Declaration`), kept here for gate, lists and notices.
    declaration_until: Mapped[dt.date | None] = col(_l("声明承诺有效期至"), Date)
    # When the service in the unit began; where nobody said, that is the day on which the row was made.
    hired_on: Mapped[dt.date | None] = col(_l("入职日期"), Date)
    left_on: Mapped[dt.date | None] = col(_l("离职日期"), Date)
    # What the real-name service said of this very name and number; another name or number is unchecked again (ACC-06).
    real_name: Mapped[str] = col(
        _l("实名核验"), String(10), default="unchecked", server_default="unchecked", choices=REAL_NAME
    )
    real_name_at: Mapped[dt.datetime | None] = col(_l("核验时间"), Instant)

    unit: Mapped[Unit] = relationship()

    @property
    def serving_since(self) -> dt.date:
        """The first day of service in the unit."""
        return service_since(self.hired_on, self.created_at)

    def __repr__(self) -> str:
        return self.name


def service_since(hired_on: dt.date | None, created_at: dt.datetime) -> dt.date:
    """入职日期, or where nobody said, the day on which the row was made."""
    return hired_on or clock.local_day(created_at)


class GradeCertificate(Stamped, Versioned, Model):
    """等级证书 (PER-07). Only an approved one raises the quota: a person cannot raise himself by a claim."""

    __tablename__ = "grade_certificate"
    id: Mapped[int] = pk()
    person_id: Mapped[int] = col(_l("人员"), BigId, ForeignKey("person.id"), index=True)
    unit_id: Mapped[int] = col(_l("所属单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12), index=True)
    grade: Mapped[str] = col(_l("等级"), String(20), choices=GRADE)
    certificate_no: Mapped[str] = col(_l("证书编号"), String(40))
    issued_on: Mapped[dt.date] = col(_l("发证日期"), Date)
    valid_until: Mapped[dt.date | None] = col(_l("有效期至"), Date)
    state: Mapped[str] = col(
        _l("审核状态"), String(10), default="draft", server_default="draft", choices=APPLICATION_STATE
    )
    in_force_from: Mapped[dt.datetime | None] = col(_l("生效时间"), Instant)

    person: Mapped[Person] = relationship()

    def __repr__(self) -> str:
        return f"{self.person} {self.certificate_no}"


class Declaration(Stamped, Versioned, Model):
    """自我声明承诺书 (PER-06). Only an approved one counts, from its approval to its last day; older are history."""

    __tablename__ = "declaration"
    __table_args__ = (Index("ix_declaration_person", "person_id", "valid_until"),)
    id: Mapped[int] = pk()
    person_id: Mapped[int] = col(_l("人员"), BigId, ForeignKey("person.id"))
    unit_id: Mapped[int] = col(_l("所属单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12), index=True)
    signed_on: Mapped[dt.date] = col(_l("签署日期"), Date)
    valid_until: Mapped[dt.date] = col(_l("有效期至"), Date)
    note: Mapped[str | None] = col(_l("备注"), String(500))
    state: Mapped[str] = col(
        _l("审核状态"), String(10), default="draft", server_default="draft", choices=APPLICATION_STATE
    )
    in_force_from: Mapped[dt.datetime | None] = col(_l("生效时间"), Instant)

    person: Mapped[Person] = relationship()

    def __repr__(self) -> str:
        return f"{self.person} {self.signed_on}"


class RealNameCheck(Model):
    """One question to the real-name service (ACC-06): who asked, how often it was tried, what came back.

    Name and number are read from the person when it is sent; nothing of them is kept here.
    """

    __tablename__ = "real_name_check"
    __table_args__ = (Index("ix_real_name_check_state", "state", "next_try_at"),)
    id: Mapped[int] = pk()
    person_id: Mapped[int] = col(_l("人员"), BigId, ForeignKey("person.id"), index=True)
    asked_at: Mapped[dt.datetime] = col(_l("提交时间"), Instant)
    asked_by_id: Mapped[int | None] = col(_l("提交人"), Integer, ForeignKey("ab_user.id"))
    state: Mapped[str] = col(_l("状态"), String(10), default="queued", choices=CHECK_STATE)
    tries: Mapped[int] = col(_l("次数"), Integer, default=0, server_default="0")
    next_try_at: Mapped[dt.datetime | None] = col(_l("下次尝试"), Instant)
    result: Mapped[str | None] = col(_l("结果"), String(10), choices=REAL_NAME)
    error: Mapped[str | None] = col(_l("错误"), String(500))
    answered_at: Mapped[dt.datetime | None] = col(_l("答复时间"), Instant)

"""维保承诺书 (UNT-08): what a maintenance unit promises under its seal, for how long, reviewed by the regulator."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.choices import APPLICATION_STATE
from app.models.unit import Unit


class Commitment(Stamped, Versioned, Model):
    """One letter of a unit. Only an approved one counts, from its first to its last day; older ones are the history."""

    __tablename__ = "commitment"
    __table_args__ = (
        Index("ix_commitment_unit", "unit_id", "valid_until"),
        Index("ix_commitment_region", "region_code", "valid_until"),
    )
    id: Mapped[int] = pk()
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    valid_from: Mapped[dt.date] = col(_l("承诺起始"), Date)
    valid_until: Mapped[dt.date] = col(_l("承诺截止"), Date)
    note: Mapped[str | None] = col(_l("备注"), String(500))
    state: Mapped[str] = col(
        _l("审核状态"), String(10), default="draft", server_default="draft", choices=APPLICATION_STATE
    )
    in_force_from: Mapped[dt.datetime | None] = col(_l("通过时间"), Instant)

    unit: Mapped[Unit] = relationship()

    def __repr__(self) -> str:
        return f"{self.unit} {self.valid_from}"

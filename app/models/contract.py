"""Maintenance contracts and the elevators bound to them, by day and as known by instant."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import ONCE, BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.choices import CONTRACT_KIND
from app.models.elevator import Elevator
from app.models.unit import Unit
from app.rules.identifiers import normal_code


def _key_of_number(context: Any) -> str:
    return normal_code(context.get_current_parameters()["number"])


class Contract(Stamped, Versioned, Model):
    """A contract as in force; in force from 起始 to 截止, both days included (rules.md, Contracts)."""

    __tablename__ = "contract"
    __table_args__ = (
        Index("ix_contract_unit_number_key", "unit_id", "number_key", unique=True),
        Index("ix_contract_region_end", "region_code", "ends_on"),
        ONCE,
    )
    id: Mapped[int] = pk()
    number: Mapped[str] = col(_l("合同编号"), String(40))
    # As numbers are compared: case, spaces and full-width letters make no other number of the same unit.
    number_key: Mapped[str] = col(_l("比对编号"), String(160), default=_key_of_number)
    kind: Mapped[str] = col(_l("合同属性"), String(10), choices=CONTRACT_KIND)
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"), index=True)
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    signed_on: Mapped[dt.date] = col(_l("签订日期"), Date)
    starts_on: Mapped[dt.date] = col(_l("起始日期"), Date)
    ends_on: Mapped[dt.date] = col(_l("截止日期"), Date)
    note: Mapped[str | None] = col(_l("备注"), Text)
    renewed_from_id: Mapped[int | None] = col(_l("续签自"), BigId, ForeignKey("contract.id"))
    approved_version: Mapped[int] = col(_l("生效版本"), Integer, default=0, server_default="0")
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)
    # A regulator's file brought it after it had begun (IMP-03).
    taken_over: Mapped[bool] = col(_l("接管"), Boolean, default=False, server_default=text("false"))

    unit: Mapped[Unit] = relationship(foreign_keys=[unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])

    def __repr__(self) -> str:
        return self.number


class ContractElevator(Model):
    """An elevator under a contract from a day to a day; `removed_at` ends what is known, nothing is deleted.

    The row in force on day d as known at k: starts_on ≤ d ≤ ends_on, added_at ≤ k, removed_at null or > k.
    """

    __tablename__ = "contract_elevator"
    __table_args__ = (
        Index("ix_contract_elevator_span", "elevator_id", "starts_on", "ends_on"),
        Index("ix_contract_elevator_contract", "contract_id", "elevator_id"),
    )
    id: Mapped[int] = pk()
    contract_id: Mapped[int] = col(_l("合同"), BigId, ForeignKey("contract.id"))
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"), index=True)
    starts_on: Mapped[dt.date] = col(_l("起始日期"), Date)
    ends_on: Mapped[dt.date] = col(_l("截止日期"), Date)
    added_at: Mapped[dt.datetime] = col(_l("追加时间"), Instant)
    added_by_id: Mapped[int | None] = col(_l("追加人"), Integer, ForeignKey("ab_user.id"))
    removed_at: Mapped[dt.datetime | None] = col(_l("删除时间"), Instant)
    removed_by_id: Mapped[int | None] = col(_l("删除人"), Integer, ForeignKey("ab_user.id"))

    contract: Mapped[Contract] = relationship()
    elevator: Mapped[Elevator] = relationship()

"""Coverage report: elevators in use without a contract or a position, by maintenance unit and by region."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask_babel import lazy_gettext as _l
from sqlalchemy import case, func, or_, select

from app import scope
from app.errors import Finding, NotFound
from app.listing import Column
from app.models import Elevator, MaintenanceClock, Region, Unit
from app.models.region import in_region
from app.permissions import Actor
from app.wording import say


@dataclass(frozen=True, slots=True)
class CoverLine:
    """One unit or region: elevators in use, those that no contract covers today, those whose cover ends soon."""

    key: str
    name: str
    elevators: int
    uncovered: int
    never: int
    unplaced: int
    link: str
    unplaced_link: str

    @property
    def percent(self) -> float | None:
        """The share that is covered; nothing in use is no data."""
        return None if not self.elevators else round(100 * (1 - self.uncovered / self.elevators), 1)


COLUMNS = (
    Column("name", _l("名称"), lambda r: r.name),
    Column("key", _l("代码"), lambda r: r.key, "code"),
    Column("elevators", _l("在用电梯"), lambda r: r.elevators, "number"),
    Column("uncovered", _l("没有合同（脱保）"), lambda r: r.uncovered, "number"),
    Column("never", _l("其中从未有合同"), lambda r: r.never, "number"),
    Column("unplaced", _l("尚未标注位置"), lambda r: r.unplaced, "number"),
    Column("percent", _l("合同覆盖率"), lambda r: r.percent, "number", unit="%"),
)
BY = {"unit": _l("按维保单位"), "region": _l("按地区")}


def lines(session: Any, actor: Actor, by: str, today: dt.date, region: str | None = None) -> list[CoverLine]:
    """The lines within scope, those with most uncovered first. Elevators without a unit have their own line."""
    until = MaintenanceClock.covered_until
    bare = or_(until.is_(None), until < today)
    column: Any = Elevator.maintenance_unit_id if by == "unit" else Elevator.region_code
    statement = (
        select(
            column, func.count(), func.count(case((bare, 1))), func.count(case((until.is_(None), 1))),
            func.count(case((Elevator.latitude.is_(None), 1))),
        )
        .outerjoin(MaintenanceClock, MaintenanceClock.elevator_id == Elevator.id)
        .where(Elevator.status == "in_use", Elevator.approved_version > 0)
        .group_by(column)
    )  # fmt: skip
    if region:
        statement = statement.where(in_region(Elevator.region_code, region))
    statement = scope.apply(statement, actor, Elevator).execution_options(skip_scope=True)
    rows = session.execute(statement).all()
    keys = [row[0] for row in rows if row[0] is not None]
    named = _units(session, keys) if by == "unit" else _regions(session, keys)
    made = [_line(by, row, named, region) for row in rows]
    return sorted(made, key=lambda line: (-line.uncovered, -line.elevators, line.name))


def check_region(session: Any, actor: Actor, code: str) -> None:
    """Raise for a code that names no region, or one beyond a regulator's own."""
    span = actor.region_span if actor.unit_id is None and not actor.sees_everything else None
    typed = len(code) == 12 and code.isascii() and code.isdigit()
    known = session.scalar(select(Region.id).where(Region.code == code)) if typed else None
    if known is None or (span is not None and not span[0] <= code < span[1]):
        found = say("没有区划代码为 %(code)s 的地区，或不在您的管辖范围内", code=code[:20])
        raise NotFound(Finding("地区", False, found, "请从候选中选择辖区内的地区", field="region", value=code[:20]))


def _line(by: str, row: Any, named: dict[Any, tuple[str, str]], region: str | None) -> CoverLine:
    code, name = named.get(row[0], ("—", "没有维保单位") if row[0] is None else (str(row[0]), str(row[0])))
    narrow: dict[str, Any] = {"tab": "uncovered"}
    if by == "unit" and row[0] is not None:
        narrow["f_maintenance_unit"] = row[0]
    if by == "region" or region:
        narrow["f_region"] = row[0] if by == "region" else region
    nobody = by == "unit" and row[0] is None
    links = [
        "" if nobody else f"/elevators/?{urlencode(more)}"
        for more in (narrow, narrow | {"tab": "in_use", "f_located": "0"})
    ]
    return CoverLine(code, name, *row[1:5], *links)


def _units(session: Any, keys: list[int]) -> dict[Any, tuple[str, str]]:
    statement = select(Unit.id, Unit.uscc, Unit.name).where(Unit.id.in_(keys)).execution_options(skip_scope=True)
    return {key: (uscc, name) for key, uscc, name in session.execute(statement)}


def _regions(session: Any, keys: list[str]) -> dict[Any, tuple[str, str]]:
    statement = select(Region.code, Region.name).where(Region.code.in_(keys))
    return {code: (code, name) for code, name in session.execute(statement)}

"""Which elevators a renewed contract takes over, and which stay behind and why (CON-05, GAT-01)."""

from __future__ import annotations

from sqlalchemy import select

from app.errors import Finding
from app.models import Contract, Elevator
from app.transaction import AnySession
from app.wording import say
from app.workflows.contracts import cover


def taken(session: AnySession, old: Contract) -> list[int]:
    """The elevators that go with it."""
    return [row.id for row in _covered(session, old) if _stays_behind(old, row) is None]


def findings(session: AnySession, old: Contract) -> list[Finding]:
    """How many it takes over, and each that stays behind with the reason."""
    rows = _covered(session, old)
    behind = [(row, why) for row in rows if (why := _stays_behind(old, row)) is not None]
    going = len(rows) - len(behind)
    found = say("%(going)s 台电梯随合同续签", going=going) if going else "没有可以随合同续签的电梯"
    remedy = "" if going else "续签后请追加电梯"
    return [
        Finding("续签的电梯", bool(going), found, remedy, level="warn"),
        *(
            Finding("不随合同续签", False, say("电梯 %(code)s %(why)s", code=row.code, why=why[0]), why[1],
                field="elevators", value=row.code,
                    level="warn", link=why[2])
            for row, why in behind
        ),
    ]  # fmt: skip


def _covered(session: AnySession, old: Contract) -> list[Elevator]:
    """The elevators that the contract covered to its end."""
    last = [row.elevator_id for row in cover.live_bindings(session, old.id) if row.ends_on >= old.ends_on]
    statement = select(Elevator).where(Elevator.id.in_(last)).order_by(Elevator.id)
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def _stays_behind(old: Contract, row: Elevator) -> tuple[str, str, str | None] | None:
    if row.status == "scrapped":
        return "已报废", "报废的电梯不再维保", None
    if row.maintenance_unit_id != old.unit_id:
        remedy = "如仍由本单位维保，请先办理维保单位变更"
        return "已不由本单位维保", remedy, f"/unit-changes/new?code={row.code}"
    return None

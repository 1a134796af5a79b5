"""An invented look at the provincial register: a few elevators of the demo's firm stand there otherwise than here."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from app import scope
from app.demo.office import actor_named
from app.demo.people import first_firm
from app.models import Elevator, ProvincialRun, Unit
from app.rules.provincial import UNITS
from app.workflows.partners import provincial
from app.workflows.partners.provincial_matching import Units, ours_of, standing

HOUR = dt.timedelta(hours=1)


def make(session: Any, at: dt.datetime) -> int:
    """One run by codes: most the same, three otherwise, one unknown there; how many codes."""
    clerk = actor_named(session, "weibao_wenyuan")
    if clerk is None:
        return 0
    firm, _use_unit, _person = first_firm(session)
    statement = select(Elevator.code).where(Elevator.maintenance_unit_id == firm.id, Elevator.approved_version > 0)
    codes = session.scalars(statement.order_by(Elevator.id).limit(9)).all()
    items = [_item(session, row) for row in standing(session, codes).values()]
    changes: list[dict[str, Any]] = [
        {"address": f"{items[1]['address']}（东侧）", "floors": 18}, {"rated_load": 1150},
        {"use_unit": {"name": f"{items[3]['use_unit']['name'][:-4]}管理有限公司", "uscc": ""}},
    ]  # fmt: skip
    for number, change in enumerate(changes):
        items[number + 1] |= change
    begun = at - 20 * HOUR
    with scope.acting(clerk):
        run = ProvincialRun(
            kind="codes", region_code=clerk.region_code or firm.region_code, unit_id=firm.id, begun_at=begun,
            codes=[*codes, "TC900001"], asked=len(codes) + 1, created_by_id=clerk.user_id,
        )  # fmt: skip
        session.add(run)
        session.flush()
        provincial.settle(session, clerk, run, Units.read(session), items, begun, asked=run.codes,
                          not_found=["TC900001"])  # fmt: skip
        provincial.finish(session, run, begun)
    return len(run.codes)


def _item(session: Any, row: Any) -> dict[str, Any]:
    found = ours_of(row) | {"code": row.code}
    for side in UNITS:
        unit = session.get(Unit, found[side]) if found[side] is not None else None
        found[side] = None if unit is None else {"name": unit.name, "uscc": unit.uscc}
    return found

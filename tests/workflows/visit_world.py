"""A visit from check-in to check-out, as the tests of visits take it again and again."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app import clock
from app.models import Attachment, Visit
from app.reference import items_for
from app.transaction import transaction
from app.workflows.visits import visits
from app.workflows.visits.visits import CheckOut, Position

HERE = Position(30.5, 120.5)
FAR = Position(30.6, 120.5)


def wall(*parts: int) -> dt.datetime:
    """The instant at which a clock on the wall in Shanghai shows this."""
    return dt.datetime(*parts, tzinfo=clock.SHANGHAI).astimezone(dt.UTC)  # type: ignore[misc,arg-type]


START = wall(2026, 3, 2, 9, 0)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


def arrive(session: Any, world: Any, at: dt.datetime = START, who: str = "worker", **more: Any) -> Visit:
    with transaction(session):
        return visits.check_in(session, world.actor(who), more.pop("code", world.own.code), HERE, at, **more)


def answers(visit: Visit) -> dict[str, dict[str, Any]]:
    """Every item done and well, with a value where one is asked for."""
    items = items_for(visit.snapshot["category"], visit.level)
    return {i.code: {"result": "ok", "value": "合格" if i.needs_test else ""} for i in items}


def leave(session: Any, world: Any, visit: Visit, at: dt.datetime, **more: Any) -> Visit:
    code = more.pop("code", world.own.code)
    done = CheckOut(**({"results": answers(visit), "problem": ""} | more))
    with transaction(session):
        return visits.check_out(session, world.actor("worker"), visit.id, code, HERE, done, at)


def file_of(session: Any, world: Any, kind: str) -> int:
    row = Attachment(
        entity="visit", kind=kind, name="现场.png", mime="image/png", size=1, sha256="0" * 64,
        unit_id=world.firm.id, region_code=world.firm.region_code, uploaded_by_id=world.accounts["worker"].id,
        uploaded_at=START,
    )  # fmt: skip
    session.add(row)
    session.commit()
    return row.id


def rules_of(refusal: Any) -> set[str]:
    return {f.rule for f in refusal.value.findings if f.stops}

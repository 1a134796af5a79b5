"""When an elevator's next inspection is due by rule, told from its records; anew when one goes or comes late."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select

from app.models import Elevator, Inspection
from app.permissions import Actor
from app.rules.inspection import (
    BETWEEN,
    FULL,
    YEARLY,
    Done,
    InspectionKind,
    InspectionResult,
    Record,
    latest_day,
    next_check,
    next_due,
    still_due,
)
from app.transaction import AnySession
from app.workflows.core import audit
from app.workflows.inspection import inspection_clocks, inspection_days

NOT_PASSED = InspectionResult.FAILED
# The next day by rule, which kind it is, and the last day that may be set in its place.
Next = tuple[dt.date | None, InspectionKind | None, dt.date | None]


def history(session: AnySession, elevator_id: int) -> list[Any]:
    """The elevator's records that count, in order of their days, whoever may see them."""
    statement = select(Inspection).where(
        Inspection.elevator_id == elevator_id, Inspection.state == "approved", Inspection.ended_at.is_(None)
    )
    order = statement.order_by(Inspection.done_on, Inspection.id).execution_options(skip_scope=True)
    return list(session.scalars(order))


def by_rule(
    session: AnySession, elevator: Elevator, record: Record, past: Sequence[Any], standing: dt.date | None
) -> Next:
    """What is due after a record, the others being `past`.

    A 定期检验 that is due by the register stays due after a 检测 or 自行检测; `standing` is 下次检验日期 as the
    register has it without the record.
    """
    if record.kind is None or record.done_on is None or record.result is NOT_PASSED:
        return None, None, None
    on = record.done_on
    cycle = inspection_clocks.cycle_of(session, elevator.region_code, on)
    if record.kind in YEARLY:
        done = [Done(InspectionKind(row.kind), row.done_on) for row in past if row.result != NOT_PASSED]
        done = [one for one in done if one.on <= on]
        due = next_due(inspection_clocks.first_day(elevator), [*done, Done(record.kind, on)], cycle)
        assert due is not None
        if record.kind not in FULL and standing is not None and standing <= due.on:
            passed = [row for row in past if row.result != NOT_PASSED]
            kind = inspection_clocks.kind_due(session, elevator, passed, standing, on)
            # One that set this very day does not answer for it.
            full = [row.done_on for row in passed if row.kind in FULL and row.next_on != standing]
            if still_due(standing, kind, due.on, full, cycle):
                return standing, kind, latest_day(standing, cycle)
        return due.on, due.kind, latest_day(due.on, cycle)
    interval = inspection_clocks.interval_of(session, elevator.region_code, elevator.category, record.kind, on)
    day = next_check(on, elevator.commissioned_on or elevator.made_on, interval)
    return (None, None, None) if day is None else (day, record.kind, latest_day(day, cycle))


def tell_anew(session: AnySession, elevator: Elevator, row: Inspection) -> None:
    """The next day of what was handed in, as the rule has it now: the register may have moved since."""
    if row.kind not in YEARLY or row.result == NOT_PASSED:
        return
    _tell(session, elevator, row, history(session, elevator.id), elevator.next_inspection_on)


def after_filing(session: AnySession, actor: Actor, elevator: Elevator, at: dt.datetime) -> None:
    """A filing was decided, or a whole past came in: what waited moves the register, and later tests are told anew.

    By what came in with that past its own are not: each was told with all that is older, or says the day that it had
    there. By what was entered here meanwhile they are.
    """
    waited = inspection_days.after_filing(session, elevator, at)
    past = [row for row in waited if row.taken_over]
    tell_later(session, actor, elevator, past, at, but={row.id for row in past})
    tell_later(session, actor, elevator, [row for row in waited if not row.taken_over], at)


def tell_later(
    session: AnySession, actor: Actor, elevator: Elevator, changed: Sequence[Inspection], at: dt.datetime,
    but: Collection[int] = (),
) -> None:  # fmt: skip
    """A 定期检验 of `changed` counts no more, or from now on: each later 检测 or 自行检测 says anew what is due,
    and the register follows.

    While one stands it answers for the 定期检验 of its year; without it that is due again. A day that a person set
    stays as long as the rule lets him set it.
    """
    full = [row for row in changed if row.kind in FULL and row.result != NOT_PASSED]
    if not full:
        return
    since = min(row.done_on for row in full)
    past = history(session, elevator.id)
    later = [
        row for row in past
        if row.kind in BETWEEN and row.result != NOT_PASSED and row.done_on >= since and row.id not in but
    ]  # fmt: skip
    if not later:
        return
    for row in later:
        before = inspection_days.given(row)
        standing = (row.replaced or {}).get("next_inspection_on")
        _tell(session, elevator, row, past, None if standing is None else dt.date.fromisoformat(standing))
        after = inspection_days.given(row)
        if before == after:
            continue
        audit.record(
            session, actor, at, "inspection.retell", Inspection.__tablename__, row.id,
            before={"next_on": before["next_inspection_on"]}, after={"next_on": row.next_on, "inspection": full[0].id},
        )  # fmt: skip
        inspection_days.told_anew(session, actor, elevator, row, before, past, at)
    inspection_clocks.refresh(session, [elevator.id], at)


def _tell(
    session: AnySession, elevator: Elevator, row: Inspection, past: Sequence[Any], standing: dt.date | None
) -> None:
    record = Record(InspectionKind(row.kind), row.number, row.done_on, InspectionResult(row.result))
    others = [one for one in past if one.id != row.id]
    rule_on, kind, latest_on = by_rule(session, elevator, record, others, standing)
    over = row.next_on is not None and latest_on is not None and row.next_on > latest_on
    if row.next_on == row.rule_on or over:
        row.next_on, row.next_reason = rule_on, None
    row.rule_on, row.next_kind = rule_on, None if kind is None else kind.value

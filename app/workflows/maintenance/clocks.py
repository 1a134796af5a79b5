"""The maintenance clock of an elevator: moved by counted visits, stopped and started by approvals, carried over to a
new unit. Every verb holds the clock's row, so the nightly job and a check-out never judge over each other.

Evidence may arrive late or be taken back: the stretch of history between the neighbouring visits is then told again by
`rules.clock_history`, and the kept periods are corrected (rules.md: withdrawn by a correction row, nothing is deleted).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, select

from app import clock
from app.direct_rows import write_changes
from app.models import (
    Application,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    MaintenancePause,
    OnDemandInterval,
    Visit,
)
from app.models.maintenance import rank_of
from app.permissions import SYSTEM
from app.rules.levels import Level, order_day_of
from app.rules.schedule import change_unit, period_days
from app.rules.schedule import pause as stopped
from app.rules.schedule import resume as restarted
from app.transaction import AnySession
from app.wording import say
from app.workflows.contracts import cover
from app.workflows.core import moves
from app.workflows.maintenance import clock_rows, ledger_rows, orders, overdue
from app.workflows.maintenance.ledgers import save as save_ledger

__all__ = [
    "after_visit", "back_to_usual", "complete_entry", "lengthen", "pause", "recompute", "resume", "save_ledger", "stop",
    "unit_changed",
]  # fmt: skip
DAY = dt.timedelta(days=1)
BY_CLOCK = SYSTEM.by("clock")


# --- visits


def after_visit(session: AnySession, elevator_id: int, visit: Visit, at: dt.datetime) -> None:
    """Let the clock know that a visit counts, or no longer counts (`visit.counted`). Told twice nothing changes.

    The clock moves at check-out to the day of check-in. A newest visit re-anchors it, closes the open order and moves
    the ledger's dates; one that arrives late never moves anything back, but withdraws what it proves wrong.
    """
    session.flush()
    if visit.counted:
        may_close = {
            "elevator": elevator_id, "order": visit.order_id or 0, "on": visit.visit_on,
            "rank": Level(visit.level).rank,
        }  # fmt: skip
        row, ledger, known, orders_open = clock_rows.held_among(
            session, elevator_id, visit.visit_on, (_MAY_CLOSE, may_close)
        )
        _counts(session, row, ledger, visit, at, known, orders_open.rows)
    else:
        row, ledger = clock_rows.held_with_ledger(session, elevator_id)
        _counts_no_more(session, row, ledger, visit, at)
    for written in (row, ledger):
        if written is not None:
            write_changes(session, written, locked=True)
    session.flush()


def _counts(
    session: AnySession, row: MaintenanceClock, ledger: MaintenanceLedger | None, visit: Visit, at: dt.datetime,
    known: clock_rows.Around | None, orders_open: Sequence[tuple[Any, ...]],
) -> None:  # fmt: skip
    on = visit.visit_on
    fresh = row.last_visit_on is None or on > row.last_visit_on
    # Before the clock moves it: the day of the order that this visit may come before.
    planned = ledger.next_half_month_on if ledger is not None and fresh else None
    if row.unit_since_on is not None and on < row.unit_since_on:
        _retell_between(session, row, ledger, on, visit, at, say("本次维保在期限内，资料后到"))
        return
    row.first_visit_on = on if row.first_visit_on is None else min(row.first_visit_on, on)
    if row.last_visit_on is None or on >= row.last_visit_on:
        _anchor(session, row, ledger, visit, at, known)
    else:
        _retell_between(session, row, ledger, on, visit, at, say("本次维保在期限内，资料后到"))
    ordered = _close_orders(session, visit, at, orders_open, newest=on == row.last_visit_on)
    if ledger is not None:
        order_day = order_day_of(planned if ordered is None else ordered, on, ledger.interval_days)
        ledger_rows.advance_long(ledger, visit.level, order_day, on, newest=fresh)
        ledger_rows.plan(ledger, ledger.next_half_month_on)


def _anchor(
    session: AnySession, row: MaintenanceClock, ledger: MaintenanceLedger | None, visit: Visit, at: dt.datetime,
    known: clock_rows.Around | None,
) -> None:  # fmt: skip
    """The newest visit: judge the days before it by the clock that ran, then start anew on its day.

    `known`: what lies around, asked once the rows were held; it is asked anew where something was judged since.
    """
    on = visit.visit_on
    ran = row.limit_on is not None and row.anchor_on is not None and row.anchor_on < on
    if ran and clock_rows.judge_through(session, row, on - DAY, at):
        known = None
    with session.no_autoflush:  # nothing that is read here waits to be written, so clock and ledger are written once
        known = known or clock_rows.around(session, row.elevator_id, on)
        told = clock_rows.history(session, row, ledger, on, max(on, known.over_through(at)), known=known)
    concerned = overdue.concerned(session, row.elevator_id, on) if known.missed else []
    late = [period for period in concerned if period.limit_on >= on]
    overdue.withdraw(session, late, BY_CLOCK, say("本次维保在期限内，资料后到"), at, visit.id)
    for period in concerned:
        if period.limit_on < on:
            # The newest visit ends every missed period that no visit has ended yet.
            period.done_late_on = on
    row.last_visit_on = on
    clock_rows.write(session, row, ledger, told)
    overdue.judge(session, row, told.periods, at)


def _counts_no_more(
    session: AnySession, row: MaintenanceClock, ledger: MaintenanceLedger | None, visit: Visit, at: dt.datetime
) -> None:
    """A visit was turned down after it had counted: the clock stands as if it had not been."""
    on = visit.visit_on
    if clock_rows.neighbour(session, row.elevator_id, visit, on, on) is not None:
        return
    before = clock_rows.neighbour(session, row.elevator_id, visit, None, on - DAY)
    reason = say("维保记录不再有效，重新判定")
    if clock_rows.before_unit(row, on) or (row.last_visit_on is not None and on < row.last_visit_on):
        _retell_between(session, row, ledger, before, visit, at, reason)
    elif row.last_visit_on == on:
        base = before or overdue.begun(session, row.elevator_id, last=on, but=on)
        row.last_visit_on = before if before is not None and not clock_rows.before_unit(row, before) else None
        if base is None:
            row.anchor_on = row.limit_on = row.limit_left_days = row.plan_left_days = None
            row.missed_since_on = None
            row.missed = row.excused = 0
            rows = overdue.standing(session, row.elevator_id, first=on)
            overdue.withdraw(session, rows, BY_CLOCK, reason, at, visit.id)
        else:
            known = clock_rows.around(session, row.elevator_id)
            last = known.over_through(at)
            told = clock_rows.history(session, row, ledger, base, last, known=known)
            clock_rows.write(session, row, ledger, told)
            overdue.retell(session, row, told.periods, base + DAY, last, BY_CLOCK, reason, at, visit_id=visit.id)
    own = select(func.min(Visit.visit_on)).where(
        Visit.elevator_id == row.elevator_id, Visit.counted.is_(True), Visit.id != visit.id,
        Visit.visit_on >= (row.unit_since_on or dt.date.min),
    )  # fmt: skip
    row.first_visit_on = session.scalar(own.execution_options(skip_scope=True))
    if ledger is not None:
        ledger_rows.take_back_long(ledger, visit.level, on)
        ledger_rows.plan(ledger, ledger.next_half_month_on)


def _retell_between(
    session: AnySession,
    row: MaintenanceClock,
    ledger: MaintenanceLedger | None,
    anchor: dt.date | None,
    visit: Visit,
    at: dt.datetime,
    reason: str,
) -> None:
    """Tell the missed periods from an anchor to the next counted visit (or change of unit) again; the clock stays."""
    following = clock_rows.neighbour(session, row.elevator_id, visit, visit.visit_on + DAY, None)
    known = clock_rows.around(session, row.elevator_id)
    last = (following - DAY) if following else known.over_through(at)
    first = visit.visit_on if visit.counted else (anchor or visit.visit_on) + DAY
    if row.unit_since_on is not None and visit.visit_on < row.unit_since_on <= last:
        # What the new unit was told on its first day stays: it answers for its own periods only.
        last = row.unit_since_on - DAY
    if last < first:
        return
    told = [] if anchor is None else clock_rows.history(session, row, ledger, anchor, last, known=known).periods
    overdue.retell(
        session, row, told, first, last, BY_CLOCK, reason, at, visit_id=visit.id, done_late_on=following
    )
    if visit.counted:
        before = clock_rows.neighbour(session, row.elevator_id, visit, None, visit.visit_on - DAY)
        overdue.completed(
            session, row.elevator_id, before + DAY if before else None, visit.visit_on - DAY, visit.visit_on
        )


def _close_orders(
    session: AnySession, visit: Visit, at: dt.datetime, orders_open: Sequence[tuple[Any, ...]], *, newest: bool
) -> dt.date | None:
    """Close the open automatic order for the newest visit, and the one that the visit names: the day it was planned.

    Of a year's plan also those whose day is behind and whose level is not above the visit's, which does what they asked
    for, too. Longer ones wait. A visit that is not the newest closes the one that it names alone.
    """
    closed = [order for order in orders_open if newest or order[0] == visit.order_id]
    moves.move_held(
        session, BY_CLOCK, MaintenanceOrder, "state", "open", "done", [order[0] for order in closed], verb="visit",
        at=at, effective_on=visit.visit_on, values={"visit_id": visit.id, "closed_at": at},
    )  # fmt: skip
    closed.sort(key=lambda order: (order[1] != "auto", order[0]))
    return next((planned_on for _id, _origin, planned_on in closed), None)


_order: Any = MaintenanceOrder.__table__.c
# The orders that a visit may close, held.
_MAY_CLOSE = (
    select(_order.id, _order.origin, _order.planned_on)
    .where(
        _order.elevator_id == bindparam("elevator"), _order.state == "open",
        (_order.id == bindparam("order")) | (_order.origin == "auto")
        | (
            (_order.origin == "plan") & (rank_of(_order.level) <= bindparam("rank"))
            & (_order.planned_on <= bindparam("on"))
        ),
    )
    .order_by(_order.id)
    .with_for_update()
)  # fmt: skip


def recompute(session: AnySession, elevator_id: int, at: dt.datetime) -> None:
    """Tell an elevator's whole history again from its counted visits: after past visits were taken over in mass.

    What was judged before its first counted visit stays; so do the ledger's dates for longer services.
    """
    session.flush()
    row, ledger = clock_rows.held_with_ledger(session, elevator_id)
    counted = select(Visit.visit_on).where(Visit.elevator_id == elevator_id, Visit.counted.is_(True)).distinct()
    days = list(session.scalars(counted.order_by(Visit.visit_on).execution_options(skip_scope=True)))
    if not days:
        # Nothing that was taken over counts (all void, say): the clock stands as it stood.
        return
    known = clock_rows.around(session, elevator_id)
    over = known.over_through(at)
    for on, following in zip(days, [*days[1:], None], strict=True):
        last = following - DAY if following is not None else max(on, over)
        told = clock_rows.history(session, row, ledger, on, last, known=known)
        overdue.retell(
            session, row, told.periods, on, last, BY_CLOCK, say("接管以往维保记录，重新判定"), at,
            done_late_on=following
        )
        if following is None:
            clock_rows.write(session, row, ledger, told)
    own = [on for on in days if not clock_rows.before_unit(row, on)]
    if own:
        row.first_visit_on, row.last_visit_on = own[0], own[-1]
    session.flush()


# --- stops


def pause(
    session: AnySession,
    elevator_id: int,
    on: dt.date,
    application: Application | None,
    at: dt.datetime,
    *,
    reason: str = say("电梯停用"),
    planned_to_on: dt.date | None = None,
) -> None:
    """Stop the clock from `on` on: open orders are void, the days left are kept (T13). A stop that stands holds on."""
    row, ledger = clock_rows.held_with_ledger(session, elevator_id)
    orders.void_open(session, BY_CLOCK, elevator_id, at, reason)
    if row.paused_on is not None:
        return
    session.add(
        MaintenancePause(
            elevator_id=elevator_id, from_on=on, application_id=application.id if application else None, known_at=at,
            planned_to_on=planned_to_on,
        )
    )  # fmt: skip
    session.flush()
    if row.limit_on is None or row.anchor_on is None:
        row.paused_on = on
    elif row.anchor_on <= on:
        clock_rows.judge_through(session, row, on - DAY, at)
        clock_rows.store(row, ledger, stopped(clock_rows.value_of(row, ledger), on))
    else:
        # Approved after its first day: what was judged since did not run out.
        _replay(session, row, ledger, at, say("停用生效日早于判定，重新判定"))
    session.flush()


def resume(session: AnySession, elevator_id: int, on: dt.date, at: dt.datetime) -> None:
    """Run again from `on` with the days that were left (T13); orders due are made at once."""
    row, ledger = clock_rows.held_with_ledger(session, elevator_id)
    if row.paused_on is None:
        return
    clock_rows.end_pauses(session, elevator_id, on, at)
    if row.limit_left_days is None or row.anchor_on is None:
        row.paused_on = None
    else:
        clock_rows.store(row, ledger, restarted(clock_rows.value_of(row, ledger), max(on, row.paused_on)))
    session.flush()
    orders.make_due(session, clock.local_day(at), at, elevator_ids=[elevator_id])
    orders.tell_none(session, elevator_id, at)


def stop(session: AnySession, elevator_id: int, on: dt.date, at: dt.datetime) -> None:
    """End the clock of a scrapped elevator: days before `on` are judged, orders are void, cover ends."""
    row = clock_rows.held(session, elevator_id)
    if row.limit_on is not None and row.anchor_on is not None:
        clock_rows.judge_through(session, row, on - DAY, at)
    orders.void_open(session, BY_CLOCK, elevator_id, at, say("电梯报废"))
    clock_rows.end_pauses(session, elevator_id, on, at)
    row.limit_on = row.paused_on = row.limit_left_days = row.plan_left_days = None
    cover.release(session, BY_CLOCK, elevator_id, on, at)
    session.flush()


# --- units


def unit_changed(
    session: AnySession, elevator_id: int, unit_id: int | None, on: dt.date, at: dt.datetime
) -> None:
    """Another unit serves the elevator from `on` on (T12): a limit ahead carries over, a missed one stays behind.

    The old unit's orders are void and its contracts end; the ledger keeps its dates and loses its people.
    """
    row, ledger = clock_rows.held_with_ledger(session, elevator_id)
    if row.unit_id != unit_id:
        _end_on_demand(session, row, on, at)
        _hand_over(session, row, ledger, on, at)
        row.unit_id, row.unit_since_on = unit_id, on
    orders.void_open(session, BY_CLOCK, elevator_id, at, say("维保单位变更"), keep_unit_id=unit_id)
    cover.release(session, BY_CLOCK, elevator_id, on, at, keep_unit_id=unit_id)
    if ledger is not None and ledger.unit_id != unit_id:
        ledger.worker_id = ledger.co_worker_id = ledger.manager_id = ledger.team_id = None
        ledger.unit_id = unit_id or ledger.unit_id
        # That the old unit planned by hand is no choice of the new one's.
        ledger.mode = "auto"
    session.flush()


# --- 按需维保


def lengthen(session: AnySession, elevator_id: int, on: dt.date, at: dt.datetime) -> None:
    """A longer interval was approved from `on` on: the running period lasts as it says, orders follow the new plan."""
    row, ledger = clock_rows.held_with_ledger(session, elevator_id)
    if row.anchor_on is None:
        # Not visited yet: a plan of the usual interval has no place beside the longer one all the same.
        orders.void_open(session, BY_CLOCK, elevator_id, at, say("改为按需维保"))
        return
    if row.limit_on is not None:
        clock_rows.judge_through(session, row, on - DAY, at)
    before, usual = row.limit_days, clock_rows.usual_days(session, row, row.anchor_on)
    row.limit_days = period_days(row.anchor_on, usual, clock_rows.on_demand_of(session, elevator_id))
    more = row.limit_days - before
    if row.limit_on is None:
        row.limit_left_days = None if row.limit_left_days is None else row.limit_left_days + more
        row.plan_left_days = None if row.plan_left_days is None else row.plan_left_days + more
        return
    row.limit_on += DAY * more
    if ledger is not None and ledger.next_half_month_on is not None:
        ledger_rows.plan(ledger, row.anchor_on + DAY * row.limit_days)
        orders.void_open(session, BY_CLOCK, elevator_id, at, say("改为按需维保"))
    session.flush()
    orders.make_due(session, clock.local_day(at), at, elevator_ids=[elevator_id])


def back_to_usual(session: AnySession, on: dt.date, at: dt.datetime) -> int:
    """The automatic return: what ended before `on` leaves its length behind; the running period was cut already."""
    last = func.coalesce(OnDemandInterval.closed_on, OnDemandInterval.to_on)
    statement = select(OnDemandInterval).where(last < on, OnDemandInterval.returned_at.is_(None))
    ended = list(session.scalars(statement.order_by(OnDemandInterval.id).execution_options(skip_scope=True)))
    for found in ended:
        row = clock_rows.held(session, found.elevator_id)
        spans = clock_rows.on_demand_of(session, found.elevator_id)
        if not any(span.from_on <= on <= span.to_on for span in spans):
            row.limit_days = clock_rows.usual_days(session, row, on)
        found.returned_at = at
    session.flush()
    return len(ended)


def _end_on_demand(session: AnySession, row: MaintenanceClock, on: dt.date, at: dt.datetime) -> None:
    """A longer interval was approved for the unit that goes; the usual limit counts from the hand-over on."""
    statement = select(OnDemandInterval).where(
        OnDemandInterval.elevator_id == row.elevator_id, OnDemandInterval.to_on >= on,
        OnDemandInterval.closed_on.is_(None),
    )  # fmt: skip
    for found in session.scalars(statement.execution_options(skip_scope=True)):
        found.closed_on, found.closed_at, found.returned_at = on - DAY, at, at
        row.limit_days = clock_rows.usual_days(session, row, on)
        if row.limit_on is not None:
            row.limit_on = min(row.limit_on, on - DAY + DAY * row.limit_days)


def _hand_over(
    session: AnySession, row: MaintenanceClock, ledger: MaintenanceLedger | None, on: dt.date, at: dt.datetime
) -> None:
    if row.limit_on is not None and row.anchor_on is not None:
        clock_rows.judge_through(session, row, on - DAY, at)
    # The days left of a stopped clock carry over like a limit ahead; a clock without limit has nothing to carry.
    runs, stands = row.limit_on is not None, row.limit_left_days is not None and row.passed > 0
    if row.anchor_on is not None and (runs or stands):
        interval = clock_rows.interval_of(row, ledger)
        now = change_unit(clock_rows.value_of(row, ledger), on, interval, row.limit_days, missed=row.passed > 0)
        clock_rows.store(row, ledger, now)
    row.missed, row.excused, row.missed_since_on = 0, 0, None
    row.first_visit_on = row.last_visit_on = None


def complete_entry(session: AnySession, elevator_ids: list[int], at: dt.datetime) -> int:
    """Make the orders due for elevators whose ledgers were just entered in mass (import); how many."""
    return orders.make_due(session, clock.local_day(at), at, elevator_ids=elevator_ids)


def _replay(
    session: AnySession, row: MaintenanceClock, ledger: MaintenanceLedger | None, at: dt.datetime, reason: str
) -> None:
    """Tell everything since the last counted visit again: a stop took force in the past."""
    base = row.last_visit_on
    if base is None:
        base = overdue.begun(session, row.elevator_id, first=row.unit_since_on) or row.anchor_on
    assert base is not None
    known = clock_rows.around(session, row.elevator_id)
    last = known.over_through(at)
    told = clock_rows.history(session, row, ledger, base, last, known=known)
    clock_rows.write(session, row, ledger, told)
    overdue.retell(session, row, told.periods, base + DAY, last, BY_CLOCK, reason, at)

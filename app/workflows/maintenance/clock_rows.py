"""The stored clock of an elevator: its row held, as the value that the rules know, and what lies around it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Date, Integer, bindparam, cast, func, literal_column, null, select, union_all

from app import clock
from app.direct_rows import columns_of, row_of
from app.models import (
    Elevator,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenancePause,
    OnDemandInterval,
    Visit,
)
from app.models.policy import policy_value
from app.models.visit import is_open
from app.policy import Key
from app.rules.clock_history import History, history_since, periods_of
from app.rules.schedule import Clock, OnDemand, Pause, period_days, roll
from app.transaction import Answer, AnySession, all_written, asked, asked_in_turn
from app.workflows.contracts import cover
from app.workflows.maintenance import ledger_rows, overdue

DAY = dt.timedelta(days=1)


def held(session: AnySession, elevator_id: int) -> MaintenanceClock:
    """The clock's row, held until the transaction ends; made when the elevator has none.

    The elevator before it, by the very lock that its key takes where anything is written of it: whoever changes the
    elevator holds that and then the clock.
    """
    row = lock_of(session, elevator_id)
    if row is not None:
        return row
    elevator: Any = Elevator.__table__.c
    cover.make_clocks(session, elevator.id == elevator_id)
    row = lock_of(session, elevator_id)
    if row is None:
        raise ValueError(f"no elevator {elevator_id}")
    return row


def lock_of(session: AnySession, elevator_id: int) -> MaintenanceClock | None:
    """The clock's row, held, where there is one. Always before the ledger's: whoever moves both takes them so."""
    return session.scalar(_HELD, {"elevator": elevator_id})


def held_with_ledger(session: AnySession, elevator_id: int) -> tuple[MaintenanceClock, MaintenanceLedger | None]:
    """The clock's row, and the ledger's where there is one, held until the transaction ends.

    By one statement where both are there: it takes them in the order in which it names them.
    """
    all_written(session)
    return _rows_of(session, elevator_id, asked(session, _BOTH, {"elevator": elevator_id}))


def held_among(
    session: AnySession, elevator_id: int, on: dt.date, also: tuple[Any, dict[str, Any]]
) -> tuple[MaintenanceClock, MaintenanceLedger | None, Around | None, Answer]:
    """Both, what `around` finds once they are held, None where it was asked before they were; and what `also` answers
    then."""
    all_written(session)
    known = {"elevator": elevator_id}
    both, around_them, answer = asked_in_turn(session, (_BOTH, known), (_AROUND, known | {"on": on}), also)
    if both.rows:
        return *_rows_of(session, elevator_id, both), _around_of(around_them), answer
    return *_rows_of(session, elevator_id, both), None, asked(session, *also)


def _rows_of(session: AnySession, elevator_id: int, both: Answer) -> tuple[MaintenanceClock, MaintenanceLedger | None]:
    for row in both.rows:
        width = len(columns_of(MaintenanceClock))
        return row_of(session, MaintenanceClock, row[:width]), row_of(session, MaintenanceLedger, row[width:])
    return held(session, elevator_id), ledger_rows.of_elevator(session, elevator_id, locked=True)


_elevator: Any = Elevator.__table__.c
# In one statement with the clock: rows are locked when they come out of the join, what the join needs before that.
_FIRST = (
    select(_elevator.id)
    .where(_elevator.id == bindparam("elevator"))
    .with_for_update(read=True, key_share=True)
    .cte("first")
)
_HELD = (
    select(MaintenanceClock)
    .join(_FIRST, _FIRST.c.id == MaintenanceClock.elevator_id)
    .where(MaintenanceClock.elevator_id == bindparam("elevator"))
    .with_for_update(of=MaintenanceClock)
    .execution_options(skip_scope=True, populate_existing=True)
)
_BOTH = (
    select(*columns_of(MaintenanceClock), *columns_of(MaintenanceLedger))
    .join_from(
        MaintenanceClock.__table__, MaintenanceLedger.__table__,
        MaintenanceLedger.__table__.c.elevator_id == MaintenanceClock.__table__.c.elevator_id,
    )
    .join(_FIRST, _FIRST.c.id == MaintenanceClock.__table__.c.elevator_id)
    .where(MaintenanceClock.__table__.c.elevator_id == bindparam("elevator"))
    .with_for_update(of=[MaintenanceClock.__table__, MaintenanceLedger.__table__])
)  # fmt: skip


def value_of(row: MaintenanceClock, ledger: MaintenanceLedger | None) -> Clock:
    """The stored clock as the rules know it. Without a ledger the limit stands in for the plan."""
    assert row.anchor_on is not None
    limit = row.limit_on or row.anchor_on + dt.timedelta(days=row.limit_days)
    planned = ledger.next_half_month_on if ledger is not None else None
    left = row.limit_left_days
    plan_left = row.plan_left_days if row.plan_left_days is not None else left
    return Clock(row.anchor_on, limit, planned or limit, row.paused_on, left, plan_left)


def store(row: MaintenanceClock, ledger: MaintenanceLedger | None, value: Clock) -> None:
    row.anchor_on, row.paused_on = value.anchor_on, value.paused_on
    row.limit_left_days, row.plan_left_days = value.remaining_days, value.plan_remaining_days
    row.limit_on = value.limit_on if value.paused_on is None else None
    if ledger is not None and (ledger.next_half_month_on is not None or ledger.next_annual_on is not None):
        ledger_rows.plan(ledger, value.planned_on)


def write(
    session: AnySession, row: MaintenanceClock, ledger: MaintenanceLedger | None, told: History
) -> None:  # fmt: skip
    """The clock as its history tells it; what an upheld appeal excused is told apart from what is missed."""
    store(row, ledger, told.clock)
    passed = told.periods[len(told.periods) - told.standing :]
    excused = overdue.spared(session, row.elevator_id, passed)
    stand = [period.limit_on for period in passed if period.limit_on not in excused]
    row.missed, row.excused, row.limit_days = len(stand), len(excused), told.limit_days
    row.missed_since_on = stand[0] if stand else None
    if ledger is not None:
        # A counted visit starts the plan even where the ledger had no dates yet.
        ledger_rows.plan(ledger, told.clock.planned_on)


def judge_through(session: AnySession, row: MaintenanceClock, through: dt.date, at: dt.datetime) -> bool:
    """Judge every day up to `through` by the clock that runs, so that nothing missed is lost when it is moved; whether
    something was missed."""
    assert row.anchor_on is not None and row.limit_on is not None
    before = Clock(row.anchor_on, row.limit_on, row.limit_on)
    after, missed = roll(before, through, row.limit_days)
    overdue.judge(session, row, periods_of(row.anchor_on, missed, row.passed), at)
    row.anchor_on, row.limit_on, row.missed = after.anchor_on, after.limit_on, row.missed + len(missed)
    if missed:
        row.missed_since_on = row.missed_since_on or missed[0]
        row.judged_through = max(row.judged_through or through, through)
    return bool(missed)


@dataclass(frozen=True, slots=True)
class Around:
    """What a clock runs among: its stops, the approved longer intervals, each to its real last day, visits not ended.

    `missed`: periods stand that a visit of the day that was asked about has to do with (`overdue.concerned`).
    """

    pauses: list[Pause]
    longer: list[OnDemand]
    waiting_since: dt.date | None
    missed: bool

    def over_through(self, at: dt.datetime) -> dt.date:
        """The last day that is over and can be judged: a visit still open is waited for."""
        yesterday = clock.local_day(at) - DAY
        return yesterday if self.waiting_since is None else min(yesterday, self.waiting_since - DAY)


def around(session: AnySession, elevator_id: int, on: dt.date = dt.date.max) -> Around:
    """All of it by one statement; `on` is the day of the visit by which periods are asked for."""
    all_written(session)
    return _around_of(asked(session, _AROUND, {"elevator": elevator_id, "on": on}))


def _around_of(answer: Answer) -> Around:
    found = answer.rows
    spans = [(first, until, days) for what, first, until, days in found if what == "span"]
    earliest = {what: first for what, first, _until, _days in found if what != "span"}
    return Around(
        [Pause(first, until) for first, until, days in spans if days is None],
        [OnDemand(first, until, days) for first, until, days in spans if days is not None],
        earliest["open"], earliest["missed"] is not None,
    )  # fmt: skip


_visit: Any = Visit.__table__.c
_pause: Any = MaintenancePause.__table__.c
_longer: Any = OnDemandInterval.__table__.c
_NO_DAY, _NO_NUMBER = cast(null(), Date), cast(null(), Integer)
_AROUND = union_all(
    select(literal_column("'span'").label("what"), _pause.from_on.label("first"), _pause.to_on, _NO_NUMBER).where(
        _pause.elevator_id == bindparam("elevator")
    ),
    select(
        literal_column("'span'"), _longer.from_on, func.coalesce(_longer.closed_on, _longer.to_on),
        _longer.interval_days,
    ).where(_longer.elevator_id == bindparam("elevator")),
    select(literal_column("'open'"), func.min(_visit.visit_on), _NO_DAY, _NO_NUMBER).where(
        _visit.elevator_id == bindparam("elevator"), is_open(_visit)
    ),
    select(literal_column("'missed'"), func.min(overdue.CONCERNED.c.limit_on), _NO_DAY, _NO_NUMBER),
).order_by("what", "first")  # fmt: skip


def neighbour(
    session: AnySession, elevator_id: int, visit: Visit, first: dt.date | None, last: dt.date | None
) -> dt.date | None:
    """The nearest other counted visit: the last one up to `last`, or the first one from `first` on."""
    far = func.max(Visit.visit_on) if last is not None else func.min(Visit.visit_on)
    statement = select(far).where(Visit.elevator_id == elevator_id, Visit.counted.is_(True), Visit.id != visit.id)
    if first is not None:
        statement = statement.where(Visit.visit_on >= first)
    if last is not None:
        statement = statement.where(Visit.visit_on <= last)
    found: dt.date | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


def end_pauses(session: AnySession, elevator_id: int, on: dt.date, at: dt.datetime) -> None:
    statement = select(MaintenancePause).where(
        MaintenancePause.elevator_id == elevator_id, MaintenancePause.to_on.is_(None)
    )
    for found in session.scalars(statement):
        found.to_on, found.ended_at = max(on, found.from_on), at


def before_unit(row: MaintenanceClock, on: dt.date) -> bool:
    return row.unit_since_on is not None and on < row.unit_since_on


def interval_of(row: MaintenanceClock, ledger: MaintenanceLedger | None) -> int:
    """The ledger's interval makes the plan; without a ledger nothing is planned and the limit stands in."""
    return ledger.interval_days if ledger is not None else row.limit_days


def plan_by_visits(session: AnySession, elevator_id: int, interval_days: int, at: dt.datetime) -> Clock | None:
    """The clock with the day that a ledger's interval plans, stops and changes of unit told; None before any visit."""
    row = session.get(MaintenanceClock, elevator_id, execution_options={"skip_scope": True})
    if row is None:
        return None
    counted = select(func.max(Visit.visit_on)).where(Visit.elevator_id == elevator_id, Visit.counted.is_(True))
    base = row.last_visit_on or session.scalar(counted.execution_options(skip_scope=True))
    if base is None:
        return None
    if row.anchor_on is not None and row.limit_days != usual_days(session, row, row.anchor_on):
        # 按需维保 runs: an approval planned this period, and no interval of the ledger plans it otherwise.
        return value_of(row, ledger_rows.of_elevator(session, elevator_id))
    today = max(clock.local_day(at), base)
    return history(session, row, None, base, today, interval_days=interval_days).clock


def history(
    session: AnySession,
    row: MaintenanceClock,
    ledger: MaintenanceLedger | None,
    anchor: dt.date,
    last: dt.date,
    *,
    interval_days: int | None = None,
    known: Around | None = None,
) -> History:
    """What happened from the day of a counted visit to the end of `last`; `known`: what lies around, if it was asked.

    The limit is that of the policy of the anchor's day, or of 按需维保: a row of missed periods keeps the length it
    began with.
    """
    usual = usual_days(session, row, anchor)
    known = known or around(session, row.elevator_id)
    limit_days = period_days(anchor, usual, known.longer)
    interval = (interval_days or interval_of(row, ledger)) if limit_days == usual else limit_days
    return history_since(anchor, interval, limit_days, known.pauses, last, row.unit_since_on)


def usual_days(session: AnySession, row: MaintenanceClock, on: dt.date) -> int:
    """The limit that policy sets for everybody."""
    return int(policy_value(session, Key.LIMIT_DAYS, row.region_code, on))


def on_demand_of(session: AnySession, elevator_id: int) -> list[OnDemand]:
    """The approved longer intervals of an elevator, each to its real last day."""
    statement = select(OnDemandInterval).where(OnDemandInterval.elevator_id == elevator_id)
    rows = session.scalars(statement.order_by(OnDemandInterval.from_on).execution_options(skip_scope=True))
    return [OnDemand(r.from_on, r.closed_on or r.to_on, r.interval_days) for r in rows]

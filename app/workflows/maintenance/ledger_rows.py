"""The stored half of 设备履历 that the maintenance clock moves: read, plan and move on a ledger's dates.

What persons do to a ledger is in `ledgers`; both it and `clock_rows` stand on this.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import bindparam, select

from app.models import MaintenanceLedger
from app.rules.levels import Level, LongDates, merged_level, next_long_dates
from app.transaction import AnySession


def of_elevator(session: AnySession, elevator_id: int, *, locked: bool = False) -> MaintenanceLedger | None:
    """The ledger of an elevator, whoever asks: the clock moves it for visits of any account."""
    return session.scalar(_HELD if locked else _SEEN, {"elevator": elevator_id})


_SEEN = (
    select(MaintenanceLedger)
    .where(MaintenanceLedger.elevator_id == bindparam("elevator"))
    .execution_options(skip_scope=True)
)
_HELD = _SEEN.with_for_update().execution_options(populate_existing=True)


def level_of(ledger: MaintenanceLedger) -> str:
    """The level that the next half-month order carries, longer services merged in (T6, T7)."""
    if ledger.next_half_month_on is None:
        return Level.HALF_MONTH.value
    return merged_level(ledger.next_half_month_on, ledger.interval_days, long_dates(ledger)).value


def long_dates(ledger: MaintenanceLedger) -> LongDates:
    return LongDates(ledger.next_quarter_on, ledger.next_half_year_on, ledger.next_annual_on)


def plan(ledger: MaintenanceLedger, next_on: dt.date | None) -> None:
    """Set the next half-month day, and with it the level of its order."""
    ledger.next_half_month_on = next_on
    ledger.next_level = level_of(ledger)


def advance_long(ledger: MaintenanceLedger, level: str, order_day: dt.date, done_on: dt.date, *, newest: bool) -> None:
    """Move the longer services on once a visit of a level was done.

    Evidence of an earlier visit, or the same told again, never moves a date back.
    """
    done = Level(level)
    if done is Level.HALF_MONTH:
        return
    old, new = long_dates(ledger), next_long_dates(long_dates(ledger), done, order_day, done_on)

    def later(was: dt.date | None, will: dt.date | None) -> dt.date | None:
        return will if newest or was is None or will is None else max(was, will)

    ledger.next_quarter_on = later(old.quarter_on, new.quarter_on)
    ledger.next_half_year_on = later(old.half_year_on, new.half_year_on)
    ledger.next_annual_on = later(old.annual_on, new.annual_on)


def take_back_long(ledger: MaintenanceLedger, level: str, due_on: dt.date) -> None:
    """A visit of a level no longer counts: its service is due again as it was."""
    names = {"quarter": "next_quarter_on", "half_year": "next_half_year_on", "annual": "next_annual_on"}
    if level in names:
        now = getattr(ledger, names[level])
        setattr(ledger, names[level], due_on if now is None else min(now, due_on))

"""设备履历 (ELV-06): who serves an elevator, how its orders are made, and the four next dates with the merged level."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app import clock
from app.errors import Finding, Stale, raise_failing, refuse
from app.models import Elevator, MaintenanceClock, MaintenanceLedger
from app.models.choices import GENERATION_MODE
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.calendar import day_finding
from app.rules.levels import Level, LongDates, dates_from_annual, merged_level, next_long_dates
from app.rules.schedule import planned_on
from app.transaction import AnySession
from app.workflows import audit, orders

INTERVALS = (14, 15)
PERSONS = {"worker_id": "维保人员", "co_worker_id": "协同维保人员", "manager_id": "维保经理"}
DATES = {
    "next_half_month_on": "下次半月维保", "next_quarter_on": "下次季度维保", "next_half_year_on": "下次半年维保",
    "next_annual_on": "下次年度维保",
}  # fmt: skip
FIELDS = (*PERSONS, "mode", "interval_days", *DATES)


def of_elevator(session: AnySession, elevator_id: int, *, locked: bool = False) -> MaintenanceLedger | None:
    """The ledger of an elevator, whoever asks: the clock moves it for visits of any account."""
    statement = select(MaintenanceLedger).where(MaintenanceLedger.elevator_id == elevator_id)
    if locked:
        statement = statement.with_for_update()
    return session.scalar(statement.execution_options(skip_scope=True, populate_existing=locked))


def save(
    session: AnySession,
    actor: Actor,
    elevator: Elevator,
    data: Mapping[str, Any],
    expected_version: int | None,
    at: dt.datetime,
) -> MaintenanceLedger:
    """Make or change the ledger of an elevator; keys that `data` lacks stay as they are.

    Dates: the annual one alone (the other three are derived, T8), all four, or none. Once complete, the orders due
    within the horizon are made at once (PLN-03).
    """
    require(actor, Verb.LEDGER_EDIT)
    unit_id = elevator.maintenance_unit_id
    if unit_id is None or actor.unit_id not in (None, unit_id):
        found = f"电梯 {elevator.code} " + ("没有维保单位" if unit_id is None else "不由本单位维保")
        raise refuse("设备履历", found, "履历由这台电梯的维保单位填写", field="elevator_id", value=elevator.code)
    today = clock.local_day(at)
    ledger = of_elevator(session, elevator.id, locked=True)
    if ledger is not None and expected_version is not None and ledger.row_version != expected_version:
        found = f"这份履历已被他人修改（您看到的是第 {expected_version} 版，现为第 {ledger.row_version} 版）"
        raise Stale(Finding("同时修改", False, found, "请核对现在的内容后重新提交"), ledger.row_version)
    values = _checked(session, elevator, ledger, data, today)
    before = None
    if ledger is None:
        ledger = MaintenanceLedger(elevator_id=elevator.id, created_by_id=actor.user_id, **values)
        ledger.unit_id, ledger.region_code = unit_id, elevator.region_code
        session.add(ledger)
    else:
        before = {name: getattr(ledger, name) for name in FIELDS}
        for name, value in values.items():
            setattr(ledger, name, value)
        ledger.unit_id, ledger.region_code = unit_id, elevator.region_code
    ledger.next_level = level_of(ledger)
    session.flush()
    audit.record(session, actor, at, "ledger.save", "maintenance_ledger", ledger.id, before=before, after=values)
    orders.make_due(session, today, at, elevator_ids=[elevator.id])
    return ledger


def no_orders_because(ledger: MaintenanceLedger | None) -> list[Finding]:
    """Why no order will be made, in words for the page; empty when orders come by themselves."""
    if ledger is None:
        return [Finding("不会生成任务", False, "还没有填写设备履历", "请填写维保人员和下次维保日期", level="warn")]
    findings = []
    if ledger.mode != "auto":
        remedy = "改为自动，或手动新增任务"
        findings.append(Finding("不会生成任务", False, "任务生成模式为手动", remedy, "mode", level="warn"))
    if ledger.worker_id is None:
        findings.append(Finding("不会生成任务", False, "没有维保人员", "请选择维保人员", "worker_id", level="warn"))
    if ledger.next_half_month_on is None:
        remedy = "请填写下次年度维保日期，其余日期自动推算"
        findings.append(Finding("不会生成任务", False, "没有下次维保日期", remedy, "next_annual_on", level="warn"))
    return findings


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


def _checked(
    session: AnySession, elevator: Elevator, ledger: MaintenanceLedger | None, data: Mapping[str, Any], today: dt.date
) -> dict[str, Any]:
    values = {name: data.get(name, getattr(ledger, name, None)) for name in FIELDS}
    values["mode"] = values["mode"] or "auto"
    if values["interval_days"] is None:
        values["interval_days"] = policy_value(session, Key.INTERVAL_DAYS, elevator.region_code, today)
    findings = []
    if values["interval_days"] not in INTERVALS:
        found = f"维保间隔为 {values['interval_days']} 天"
        findings.append(
            Finding("维保间隔", False, found, "请选择 14 天或 15 天", "interval_days", str(values["interval_days"]))
        )
    if values["mode"] not in GENERATION_MODE:
        found = f"没有“{values['mode']}”这种任务生成模式"
        findings.append(Finding("任务生成模式", False, found, "请选择自动或手动", "mode", str(values["mode"])))
    for name, label in PERSONS.items():
        if values[name] is not None and _changed(ledger, name, values):
            person = orders.worker_finding(session, values[name], elevator.maintenance_unit_id or 0, today, name)
            findings.append(Finding(label, person.ok, person.found, person.remedy, name, person.value))
    if values["worker_id"] is not None and values["worker_id"] == values["co_worker_id"]:
        found = "协同维保人员与维保人员是同一人"
        findings.append(Finding("协同维保人员", False, found, "请选择另一名人员，或留空", "co_worker_id"))
    findings += [
        day_finding(values[name], name, label) for name, label in DATES.items() if isinstance(values[name], dt.date)
    ]
    findings += _dates_findings(values)
    raise_failing(findings)
    _derive(session, elevator, values, today)
    return values


def _changed(ledger: MaintenanceLedger | None, name: str, values: Mapping[str, Any]) -> bool:
    """Somebody who left since is only looked at when chosen anew; else a form could not be saved for other reasons."""
    return ledger is None or getattr(ledger, name) != values[name] or ledger.unit_id is None


def _dates_findings(values: Mapping[str, Any]) -> list[Finding]:
    missing = [name for name in DATES if values[name] is None]
    only_annual = missing == [n for n in DATES if n != "next_annual_on"]
    if not missing or only_annual or len(missing) == len(DATES):
        return []
    names = "、".join(DATES[n] for n in missing)
    remedy = "请补全，或只填下次年度维保日期（其余三个自动推算）"
    return [Finding("下次维保日期", False, f"缺少{names}", remedy, field=missing[0])]


def _derive(session: AnySession, elevator: Elevator, values: dict[str, Any], today: dt.date) -> None:
    if values["next_annual_on"] is None or values["next_half_month_on"] is not None:
        return
    dates = dates_from_annual(values["next_annual_on"], today, values["interval_days"])
    values["next_quarter_on"], values["next_half_year_on"] = dates.quarter_on, dates.half_year_on
    statement = select(MaintenanceClock.last_visit_on).where(MaintenanceClock.elevator_id == elevator.id)
    last = session.scalar(statement.execution_options(skip_scope=True))
    # Once there was a counted visit, the next planned day follows from it and from nothing else.
    values["next_half_month_on"] = planned_on(last, values["interval_days"]) if last else dates.half_month_on

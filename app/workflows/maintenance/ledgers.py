"""设备履历 (ELV-06): who serves an elevator, how its orders are made, and the four next dates with the merged level."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from app import clock
from app.errors import Finding, Stale, raise_failing, refuse
from app.models import Elevator, MaintenanceClock, MaintenanceLedger
from app.models.choices import GENERATION_MODE
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require, require_own_side
from app.policy import Key
from app.rules.calendar import day_finding
from app.rules.levels import (
    annual_finding,
    dates_from_annual,
)
from app.rules.schedule import Clock
from app.transaction import AnySession
from app.wording import say, together
from app.workflows.core import audit
from app.workflows.maintenance import clock_rows, ledger_rows, orders, teams

INTERVALS = (14, 15)
PERSONS = {"worker_id": say("维保人员"), "co_worker_id": say("协同维保人员"), "manager_id": say("维保经理")}
DATES = {
    "next_half_month_on": say("下次半月维保"), "next_quarter_on": say("下次季度维保"),
    "next_half_year_on": say("下次半年维保"), "next_annual_on": say("下次年度维保"),
}  # fmt: skip
LONG_DATES = {name: label for name, label in DATES.items() if name != "next_half_month_on"}
FIELDS = (*PERSONS, "team_id", "mode", "interval_days", *DATES)


def save(
    session: AnySession,
    actor: Actor,
    elevator: Elevator,
    data: Mapping[str, Any],
    expected_version: int | None,
    at: dt.datetime,
    *,
    orders_back: Collection[int] | None = None,
) -> MaintenanceLedger:
    """Make or change the ledger of an elevator; keys that `data` lacks stay as they are.

    Dates: the annual one alone (the other three are derived, T8), all four, or none. Once there was a counted visit the
    half-month day is the clock's, whatever is typed: with another interval it is planned anew. Once complete, the
    orders due within the horizon are made at once (PLN-03). With another worker go the open orders of the one before;
    `orders_back`: only these of them, where a change is taken back.
    """
    require(actor, Verb.LEDGER_EDIT)
    unit_id = elevator.maintenance_unit_id
    if unit_id is None:
        found = say("电梯 %(code)s 没有维保单位", code=elevator.code)
        raise refuse("设备履历", found, "履历由这台电梯的维保单位填写", field="elevator_id", value=elevator.code)
    require_own_side(actor, unit_id, say("电梯 %(code)s ", code=elevator.code))
    today = clock.local_day(at)
    clock_rows.lock_of(session, elevator.id)
    ledger = ledger_rows.of_elevator(session, elevator.id, locked=True)
    if ledger is not None and expected_version is not None and ledger.row_version != expected_version:
        found = say(
            "这份履历已被他人修改（您看到的是第 %(expected_version)s 版，现为第 %(row_version)s 版）",
            expected_version=expected_version,
            row_version=ledger.row_version,
        )
        raise Stale(Finding("同时修改", False, found, "请核对现在的内容后重新提交"), ledger.row_version)
    orders.hold_people(session, (data.get(name) for name in PERSONS))
    values, findings, running = judged(session, elevator, ledger, data, at)
    raise_failing(findings)
    _derive(values, today)
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
        if values["worker_id"] not in (None, before["worker_id"]):
            orders.follow(session, actor, ledger, before["worker_id"], values["worker_id"], at, orders_back)
    ledger.next_level = ledger_rows.level_of(ledger)
    if running is not None and running.paused_on is not None:
        _keep_plan_left(session, elevator.id, running.plan_remaining_days)
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


def judged(
    session: AnySession,
    elevator: Elevator,
    ledger: MaintenanceLedger | None,
    data: Mapping[str, Any],
    at: dt.datetime,
    *,
    visited: bool | None = None,
) -> tuple[dict[str, Any], list[Finding], Clock | None]:
    """The fields as they would be stored, what is wrong with them, and the clock that plans them once it was visited.

    The same for a form and for a row of a workbook that is only checked: there `visited` says whether any visit counts,
    and the clock is told again only where a day was typed against it.
    """
    today = clock.local_day(at)
    values = {name: data.get(name, getattr(ledger, name, None)) for name in FIELDS}
    values["mode"] = values["mode"] or "auto"
    if values["interval_days"] is None:
        values["interval_days"] = policy_value(session, Key.INTERVAL_DAYS, elevator.region_code, today)
    findings = []
    if values["interval_days"] not in INTERVALS:
        found = say("维保间隔为 %(interval_days)s 天", interval_days=values["interval_days"])
        findings.append(
            Finding("维保间隔", False, found, "请选择 14 天或 15 天", "interval_days", str(values["interval_days"]))
        )
    if values["mode"] not in GENERATION_MODE:
        found = say("没有“%(mode)s”这种任务生成模式", mode=values["mode"])
        findings.append(Finding("任务生成模式", False, found, "请选择自动或手动", "mode", str(values["mode"])))
    if ledger is not None and ledger.mode == "manual" and values["mode"] == "auto":
        findings += _plan_findings_of(session, elevator.id, today)
    for name, label in PERSONS.items():
        if values[name] is not None and _changed(ledger, name, values):
            person = orders.worker_finding(session, values[name], elevator.maintenance_unit_id or 0, today, name)
            findings.append(Finding(label, person.ok, person.found, person.remedy, name, person.value))
    if values["team_id"] is not None and (ledger is None or _changed(ledger, "team_id", values)):
        findings.append(teams.finding(session, values["team_id"], elevator.maintenance_unit_id or 0))
    if values["worker_id"] is not None and values["worker_id"] == values["co_worker_id"]:
        found = "协同维保人员与维保人员是同一人"
        findings.append(Finding("协同维保人员", False, found, "请选择另一名人员，或留空", "co_worker_id"))
    findings += [
        day_finding(values[name], name, label) for name, label in DATES.items() if isinstance(values[name], dt.date)
    ]
    running, stored = None, getattr(ledger, "next_half_month_on", None)
    typed = values["next_half_month_on"] not in (None, stored)
    if values["interval_days"] in INTERVALS and (visited is None or (visited and typed)):
        running = clock_rows.plan_by_visits(session, elevator.id, values["interval_days"], at)
    if running is not None:
        findings += _plan_findings(values, stored, running)
        values["next_half_month_on"] = running.planned_on
    findings += _dates_findings(values, LONG_DATES if running is not None or visited else DATES)
    if values["next_annual_on"] is not None and values["next_quarter_on"] is None and all(f.ok for f in findings):
        findings.append(replace(annual_finding(values["next_annual_on"], today), field="next_annual_on"))
    return values, findings, running


def _changed(ledger: MaintenanceLedger | None, name: str, values: Mapping[str, Any]) -> bool:
    """Somebody who left since is only looked at when chosen anew; else a form could not be saved for other reasons."""
    return ledger is None or getattr(ledger, name) != values[name] or ledger.unit_id is None


def _dates_findings(values: Mapping[str, Any], names: Mapping[str, str]) -> list[Finding]:
    missing = [name for name in names if values[name] is None]
    only_annual = missing == [n for n in names if n != "next_annual_on"]
    if not missing or only_annual or len(missing) == len(names):
        return []
    told = together(names[n] for n in missing)
    remedy = "请补全，或只填下次年度维保日期（其余自动推算）"
    return [Finding("下次维保日期", False, say("缺少%(told)s", told=told), remedy, field=missing[0])]


def _plan_findings_of(session: AnySession, elevator_id: int, today: dt.date) -> list[Finding]:
    """A year's plan and nightly orders would both send somebody: one of them goes first."""
    count, last = orders.plan_stands(session, elevator_id, today)
    if not count:
        return []
    found = say("一年计划还有 %(count)s 条待维保任务，至 %(last)s", count=count, last=last)
    remedy = "请先在维保计划中作废这些任务，再改为自动"
    return [Finding("任务生成模式", False, found, remedy, "mode", "auto")]


def _plan_findings(values: Mapping[str, Any], stored: dt.date | None, running: Clock) -> list[Finding]:
    """A day typed against the clock. What the form only shows again is no wish: it follows the clock by itself."""
    typed = values["next_half_month_on"]
    if typed is None or typed in (stored, running.planned_on):
        return []
    if running.paused_on is not None:
        left = running.plan_remaining_days
        found = say(
            "维保自 %(paused_on)s 暂停，恢复后按剩余 %(left)s 天顺延；填写的是 %(typed)s",
            paused_on=running.paused_on,
            left=left,
            typed=typed,
        )
        remedy = "请留空；恢复维保时自动推算"
    else:
        found = say(
            "已有维保记录，下次半月维保由上次维保和维保间隔得出，为 %(planned_on)s；填写的是 %(typed)s",
            planned_on=running.planned_on,
            typed=typed,
        )
        remedy = say("请留空或填写 %(planned_on)s；要改变计划请改维保间隔", planned_on=running.planned_on)
    return [Finding("下次半月维保", False, found, remedy, "next_half_month_on", str(typed))]


def _derive(values: dict[str, Any], today: dt.date) -> None:
    """The dates that the annual one gives (T8), where only that was typed."""
    if values["next_annual_on"] is None or values["next_quarter_on"] is not None:
        return
    dates = dates_from_annual(values["next_annual_on"], today, values["interval_days"])
    values["next_quarter_on"], values["next_half_year_on"] = dates.quarter_on, dates.half_year_on
    # A clock that runs has planned the half-month day already.
    values["next_half_month_on"] = values["next_half_month_on"] or dates.half_month_on


def _keep_plan_left(session: AnySession, elevator_id: int, days: int | None) -> None:
    row = session.get(MaintenanceClock, elevator_id, execution_options={"skip_scope": True})
    assert row is not None
    row.plan_left_days = days

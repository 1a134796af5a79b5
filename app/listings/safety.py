"""主体责任 and 巡检: risk lists, records, units with gaps, rounds (SAF-01, PAT-01)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, func, select
from sqlalchemy.orm import joinedload, selectinload

from app import clock
from app.listing import Column, Filter, Listing, Moment, Tab, column, register
from app.models import Elevator, ElevatorOfficer, PatrolRound, PatrolStop, RiskItem, SafetyRecord, Unit
from app.models.safety import RISK_LEVEL, SAFETY_RECORD
from app.workflows.on_site import patrols, safety

DAY = dt.timedelta(days=1)

RISKS = register(
    Listing(
        name="risks",
        title=_l("风险管控清单"),
        model=RiskItem,
        columns=(
            column(RiskItem, "place"),
            column(RiskItem, "risk", sort=False),
            column(RiskItem, "level"),
            column(RiskItem, "measures", sort=False),
            column(RiskItem, "cycle", sort=False),
            column(RiskItem, "responsible", sort=False),
            Column("unit", _l("使用单位"), lambda row: row.unit.name),
            column(RiskItem, "ended_on"),
            column(RiskItem, "updated_at"),
        ),
        default=("place", "risk", "level", "measures", "cycle", "responsible", "unit"),
        search=(RiskItem.place, RiskItem.risk),
        search_hint=_l("风险部位、风险描述"),
        filters=(
            Filter("level", _l("等级"), "choice", RiskItem.level, RISK_LEVEL),
            Filter("unit", _l("使用单位"), "lookup", RiskItem.unit_id, lookup="units"),
            Filter("region", _l("所在地区"), "region", RiskItem.region_code),
        ),
        tabs=(
            Tab("live", _l("在用"), lambda m: RiskItem.ended_on.is_(None)),
            Tab("ended", _l("已停用"), lambda m: RiskItem.ended_on.is_not(None)),
            Tab("all", _l("全部")),
        ),
        load=(joinedload(RiskItem.unit),),
    )
)



def _of_kind(kind: str) -> Any:
    return lambda m: SafetyRecord.kind == kind


SAFETY_RECORDS = register(
    Listing(
        name="safety_records",
        title=_l("安全记录"),
        model=SafetyRecord,
        columns=(
            column(SafetyRecord, "on"),
            column(SafetyRecord, "kind", sort=False),
            Column("unit", _l("使用单位"), lambda row: row.unit.name),
            Column("elevators", _l("电梯台数"), lambda row: len(row.elevators) or None, "number"),
            Column("found", _l("发现的问题"), lambda row: len(row.findings), "number"),
            column(SafetyRecord, "summary", sort=False),
            column(SafetyRecord, "made_by", sort=False),
            column(SafetyRecord, "made_at"),
        ),
        default=("on", "kind", "unit", "elevators", "found", "made_by", "made_at"),
        search=(SafetyRecord.summary, SafetyRecord.made_by),
        search_hint=_l("内容、填写人"),
        filters=(
            Filter("unit", _l("使用单位"), "lookup", SafetyRecord.unit_id, lookup="units"),
            Filter("on", _l("日期"), "date", SafetyRecord.on),
            Filter("region", _l("所在地区"), "region", SafetyRecord.region_code),
        ),
        tabs=(
            Tab("all", _l("全部")),
            *(Tab(kind, word, _of_kind(kind)) for kind, word in SAFETY_RECORD.items()),
            Tab("found", _l("发现问题"), lambda m: SafetyRecord.nothing_found.is_(False), "near"),
        ),
        order=("made_at", True),
        load=(joinedload(SafetyRecord.unit),),
    )
)


def _used(*more: Any) -> Any:
    return select(Elevator.id).where(Elevator.use_unit_id == Unit.id, Elevator.status == "in_use", *more).exists()


def _no_officer(_moment: Moment) -> Any:
    named = select(ElevatorOfficer.elevator_id).where(
        ElevatorOfficer.elevator_id == Elevator.id, ElevatorOfficer.unit_id == Unit.id
    )
    # The unit is that of the list, two statements further out: not any unit that ever named an officer for it.
    return _used(~named.correlate_except(ElevatorOfficer).exists())


def no_daily(moment: Moment) -> Any:
    """Use units without any daily record of yesterday; that they use an elevator is asked by the list itself."""
    made = select(SafetyRecord.id).where(
        SafetyRecord.unit_id == Unit.id, SafetyRecord.kind == "daily", SafetyRecord.on == moment.today - DAY
    )
    return ~made.exists()


class GapListing(Listing):
    """Adds each unit's gaps; a page's worth, never a whole region's."""

    def by_keys(self, session: Any, keys: Sequence[Any]) -> list[Any]:
        rows = super().by_keys(session, keys)
        found = safety.gaps_of(session, [row.id for row in rows], clock.today())
        for row in rows:
            row.gaps = found[row.id]
        return rows


SAFETY_UNITS = register(
    GapListing(
        name="safety_units",
        title=_l("主体责任"),
        model=Unit,
        where=lambda m: and_(Unit.is_use.is_(True), Unit.approved_version > 0, _used()),
        columns=(
            column(Unit, "name"),
            Column("count", _l("缺口"), lambda row: row.gaps.count, "number"),
            Column("elevators", _l("在用电梯"), lambda row: row.gaps.elevators, "number"),
            Column("officer", _l("没有安全员的电梯"), lambda row: row.gaps.without_officer, "number"),
            Column("risks", _l("风险条数"), lambda row: row.gaps.risks, "number"),
            Column("daily", _l("近 7 天缺日管控"), lambda row: len(row.gaps.daily), "number"),
            Column("weekly", _l("缺周排查"), lambda row: row.gaps.weekly, "date"),
            Column("monthly", _l("缺月调度"), lambda row: row.gaps.monthly, "date"),
        ),
        default=("name", "count", "elevators", "officer", "risks", "daily", "weekly", "monthly"),
        search=(Unit.name, Unit.uscc),
        search_hint=_l("单位名称、统一社会信用代码"),
        filters=(Filter("region", _l("所在地区"), "region", Unit.region_code),),
        tabs=(
            Tab("all", _l("全部")),
            Tab("officer", _l("有电梯没有安全员"), _no_officer, "over"),
            Tab("daily", _l("昨天没有日管控"), no_daily, "over"),
        ),
        order=("name", False),
    )
)


def _late(moment: Moment) -> Any:
    open_stop = select(PatrolStop.id).where(PatrolStop.round_id == PatrolRound.id, PatrolStop.checked_at.is_(None))
    return and_(PatrolRound.due_on < moment.today, open_stop.exists())


_found = (
    select(func.count())
    .where(PatrolStop.round_id == PatrolRound.id, PatrolStop.is_fine.is_(False))
    .correlate(PatrolRound)
    .scalar_subquery()
)

PATROLS = register(
    Listing(
        name="patrols",
        title=_l("巡检"),
        model=PatrolRound,
        columns=(
            column(PatrolRound, "title", sort=False),
            column(PatrolRound, "due_on"),
            column(PatrolRound, "account_name", sort=False),
            Column("unit", _l("单位"), lambda row: row.unit.name if row.unit else str(_l("监管部门"))),
            Column("stops", _l("电梯台数"), lambda row: len(row.stops), "number"),
            Column("done", _l("已巡"), lambda row: sum(s.checked_at is not None for s in row.stops), "number"),
            Column("found", _l("有问题"), lambda row: sum(s.is_fine is False for s in row.stops), "number"),
            Column("left", _l("漏巡"), lambda row: patrols.left_out(row, clock.today()), "number"),
            column(PatrolRound, "closed_at"),
        ),
        default=("title", "due_on", "account_name", "unit", "stops", "done", "found", "left", "closed_at"),
        search=(PatrolRound.title, PatrolRound.account_name),
        search_hint=_l("名称、巡检人"),
        filters=(
            Filter("due", _l("完成期限"), "date", PatrolRound.due_on),
            Filter("unit", _l("单位"), "lookup", PatrolRound.unit_id, lookup="units"),
            Filter("region", _l("所在地区"), "region", PatrolRound.region_code),
        ),
        tabs=(
            Tab("open", _l("进行中"), lambda m: PatrolRound.closed_at.is_(None)),
            Tab("late", _l("有漏巡"), _late, "over"),
            Tab("found", _l("发现问题"), lambda m: _found > 0, "near"),
            Tab("all", _l("全部")),
        ),
        order=("due_on", False),
        load=(joinedload(PatrolRound.unit), selectinload(PatrolRound.stops)),
    )
)

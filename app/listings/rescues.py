"""困人救援: the centre of the last three days by step, and the history by outcome with what was late (RES-05)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Integer, and_, case, cast, extract, false, func, literal_column, not_, or_, select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.listing import Column, Filter, Listing, Moment, Tab, column, register, related
from app.listings.of_elevator import device_columns, device_filter, fact_columns, fact_filters, hardware_filter
from app.models import Elevator, Rescue, RescueDispatch
from app.models.choices import PLACE_TYPE
from app.models.iot import DIRECTION
from app.models.rescue import (
    RESCUE_CAUSE,
    RESCUE_LEVEL,
    RESCUE_METHOD,
    RESCUE_OUTCOME,
    RESCUE_SOURCE,
    RESCUE_STATUS,
    under_way,
)
from app.models.sealed import whole_or_end
from app.rules.other_scores import NO_LIMIT, Outcome
from app.rules.rescues import CENTRE_DAYS, LIMIT_LABELS
from app.scope.parts import at_desk
from app.wording import finished, ours, say, together
from app.workflows.rescue import rescue_course

# In the very words of the partial index.
OPEN: Any = literal_column("rescue.status IN ('waiting', 'taken', 'dispatched', 'accepted', 'arrived')")
ALONE = Rescue.joined_to_id.is_(None)


def late(m: Moment) -> Any:
    """不合规: a step was late, or one that is open is late by now."""
    unexcused = Rescue.appeal_upheld_at.is_(None)
    return and_(ALONE, unexcused, or_(_kept(Rescue.late_steps.is_not(None)), _over(m)))


def _kept(late_steps: Any) -> Any:
    """What the case keeps of its steps; nothing is judged that was never dispatched, as cases taken over may be."""
    return and_(Rescue.dispatched_at.is_not(None), late_steps)


def _over(m: Moment) -> Any:
    return and_(OPEN, Rescue.due_at <= m.now)


def on_time() -> Any:
    """合规: freed and no step was late, or an appeal was upheld."""
    in_time = and_(Rescue.done_at.is_not(None), _kept(Rescue.late_steps.is_(None)))
    return and_(ALONE, or_(in_time, Rescue.appeal_upheld_at.is_not(None)))


def uncalled() -> Any:
    """Freed and not called back yet."""
    return and_(ALONE, Rescue.status == "freed", Rescue.outcome == "entrapment", Rescue.rescue_called_at.is_(None))


def badge_of(row: Rescue) -> str | None:
    """合规 or 不合规 with the steps that were late; nothing while it is open in time."""
    now = clock.now()
    found = rescue_course.outcome_of(row, now)
    if found is None:
        return None
    if row.appeal_upheld_at is not None:
        return say("合规（申诉成立）")
    if found is Outcome.ON_TIME:
        return say("合规")
    late_ = together((LIMIT_LABELS[step] for step in rescue_course.late_of(row, now)), "、")
    return say("不合规：%(steps)s超时", steps=late_)


def run_state_of(row: Rescue) -> str | None:
    """运行状态 as the device told it when the case began; nothing where no device told of it."""
    if row.source != "iot" and row.floor is None and row.direction is None and row.occupied is None:
        return None
    floor = say("%(floor)s 层", floor=row.floor) if row.floor is not None else say("未知层")
    way = ours(finished(DIRECTION[row.direction])) if row.direction in DIRECTION else say("方向未知")
    inside = [] if row.occupied is None else [say("有人") if row.occupied else say("无人")]
    return together([floor, way, *inside], "，")


def _minutes(row: Rescue, start: str, end: str) -> str | None:
    a, b = getattr(row, start), getattr(row, end)
    return None if a is None or b is None else f"{(b - a).total_seconds() / 60:.1f}"


# 处置合规 as its column says it; of what is open and in time, and of what was ended without a rescue, neither.
BADGE = {"on_time": _l("合规"), "late": _l("不合规"), "none": _l("未评定")}


def _judged(m: Moment, chosen: Sequence[str]) -> Any:
    told = {"on_time": on_time(), "late": late(m)}
    # Both may be unknown of a case (a limit that does not run): not said is not so.
    held: dict[str, Any] = {name: func.coalesce(one, false()) for name, one in told.items()}
    held["none"] = not_(or_(*held.values()))
    return or_(false(), *(held[name] for name in chosen))


# Whose limit runs in an open case, as `rules.rescues.running`.
_AWAITED = and_(Rescue.accepted_at.is_not(None), Rescue.arrived_at.is_(None))
_ARRIVE_RUNS = and_(
    Rescue.arrive_minutes != NO_LIMIT,
    or_(Rescue.arrive_minutes <= Rescue.done_minutes, Rescue.done_minutes == NO_LIMIT),
)
_RUNS = {
    "accept": Rescue.accepted_at.is_(None),
    "arrive": and_(_AWAITED, _ARRIVE_RUNS),
    "free": or_(Rescue.arrived_at.is_not(None), and_(_AWAITED, not_(_ARRIVE_RUNS))),
}


def late_at(m: Moment, chosen: Sequence[str]) -> Any:
    """`rules.rescues.late_steps` of the badge, of all cases: a step was late, as the case keeps it, or is the one that
    runs and is late by now. Excused and joined cases have none."""
    at = (or_(_kept(Rescue.late_steps.contains(step)), and_(_over(m), _RUNS[step])) for step in chosen)
    return and_(ALONE, Rescue.appeal_upheld_at.is_(None), or_(false(), *at))


def _sent(unit_id: int) -> Any:
    """This unit was called out, be it its own elevator or to help."""
    return Rescue.id.in_(select(RescueDispatch.rescue_id).where(RescueDispatch.unit_id == unit_id))


def _newest(value: Any) -> Any:
    """Of the calling-out that was made last."""
    made = select(value).where(RescueDispatch.rescue_id == Rescue.id).correlate(Rescue)
    return made.order_by(RescueDispatch.id.desc()).limit(1).scalar_subquery()


# Who was sent by the unit that was called out last: empty while it has still to send somebody (quanzhou 6).
_SENT_ONE = _newest(func.coalesce(RescueDispatch.worker_name, case((under_way(), ""))))
# How far a unit that was called out is with sending somebody.
MANNED = {"waiting": _l("待派工"), "sent": _l("已派工")}


def _manned(chosen: Sequence[str]) -> Any:
    """Called out, and somebody was sent or was not, while the calling-out is open."""
    name = RescueDispatch.worker_name
    told = {"waiting": name.is_(None), "sent": name.is_not(None)}
    wanted = or_(false(), *(told[one] for one in chosen if one in told))
    return Rescue.id.in_(select(RescueDispatch.rescue_id).where(under_way(), wanted))


_COLUMNS = (
    column(Rescue, "number", kind="code"),
    column(Rescue, "code", kind="code"),
    column(Rescue, "place", sort=False),
    column(Rescue, "source", sort=False),
    column(Rescue, "reported_at", along=("cleared_at",)),
    column(Rescue, "cleared_at"),
    Column("run_state", _l("运行状态"), run_state_of, said=True),
    column(Rescue, "status", sort=False),
    column(Rescue, "level", sort=False),
    Column("badge", _l("处置合规"), badge_of, said=True),
    column(Rescue, "due_at"),
    related("unit", _l("维保单位"), Rescue.unit),
    related("use_unit", _l("使用单位"), Rescue.use_unit),
    Column("sent_unit", _l("救援单位"), lambda row: row.asked["sent_unit"], sql=_newest(RescueDispatch.name),
           asked=True),
    Column("sent", _l("救援人员"), lambda row: row.asked["sent"], sql=_SENT_ONE, asked=True),
    column(Rescue, "in_centre", sort=False),
    column(Rescue, "caller", sort=False),
    column(Rescue, "phone", sort=False),
    column(Rescue, "scene", sort=False),
    column(Rescue, "taken_at"),
    column(Rescue, "dispatched_at"),
    column(Rescue, "accepted_at"),
    column(Rescue, "arrived_at"),
    column(Rescue, "done_at"),
    Column("to_arrive", _l("接单到到达（分钟）"), lambda row: _minutes(row, "accepted_at", "arrived_at")),
    Column("to_done", _l("接单到救出（分钟）"), lambda row: _minutes(row, "accepted_at", "done_at")),
    column(Rescue, "outcome", sort=False),
    column(Rescue, "cause", sort=False),
    column(Rescue, "cause_note", sort=False),
    column(Rescue, "method", sort=False),
    column(Rescue, "trapped"),
    column(Rescue, "injured"),
    column(Rescue, "reports"),
    column(Rescue, "end_note", sort=False),
    column(Rescue, "rescue_called_at"),
    column(Rescue, "maintenance_called_at"),
    column(Rescue, "taken_over", sort=False),
    *fact_columns(Rescue), *device_columns(Rescue),
)
# What was not filled in, as a choice beside what was.
NOT_SAID = "none"
RESCUE_HOUR = {str(n): f"{2 * n:02d}:00–{2 * n + 2:02d}:00" for n in range(12)}


def _said(column_: Any, choices: dict[str, Any]) -> dict[str, Any]:
    """A filter by choices of a column that may be empty."""
    return {
        "choices": choices | {NOT_SAID: _l("没有填写")},
        "criterion": lambda chosen: or_(column_.in_(chosen), column_.is_(None) if NOT_SAID in chosen else false()),
    }


def _of_place(chosen: list[str]) -> Any:
    of = or_(Elevator.place_type.in_(chosen), Elevator.place_type.is_(None) if NOT_SAID in chosen else false())
    return Rescue.elevator_id.in_(select(Elevator.id).where(of))


def _of_hours(chosen: list[str]) -> Any:
    """Reported in these stretches of two hours of Shanghai's day.

    Both databases round, and only one of them has a floor; a hair less than a half, for one rounds halves to even.
    """
    since = cast(func.round(extract("epoch", Rescue.reported_at) / 7200.0 - (0.5 - 1e-10)), Integer)
    return ((since + 4) % 12).in_([int(one) for one in chosen])


_FILTERS = (
    Filter("reported", _l("报警日期"), "date", Rescue.reported_at),
    Filter("status", _l("处置进度"), "choice", Rescue.status, RESCUE_STATUS),
    Filter("outcome", _l("处置结果"), "choice", Rescue.outcome, **_said(Rescue.outcome, RESCUE_OUTCOME)),
    Filter("cause", _l("故障原因"), "choice", Rescue.cause, **_said(Rescue.cause, RESCUE_CAUSE)),
    Filter("level", _l("救援级别"), "choice", Rescue.level, {str(k): v for k, v in RESCUE_LEVEL.items()},
           criterion=lambda chosen: Rescue.level.in_([int(c) for c in chosen])),
    Filter("source", _l("报警方式"), "choice", Rescue.source, RESCUE_SOURCE),
    Filter("method", _l("救援方式"), "choice", Rescue.method, RESCUE_METHOD),
    Filter("badge", _l("处置合规"), "choice", choices=BADGE, within=_judged),
    Filter("late_step", _l("超时的环节"), "choice", choices={s.value: _l(word) for s, word in LIMIT_LABELS.items()},
           within=late_at),
    Filter("trapped", _l("有人被困"), "bool", criterion=lambda v: (Rescue.trapped > 0).is_(v)),
    Filter("injured", _l("有人受伤"), "bool", criterion=lambda v: (Rescue.injured > 0).is_(v)),
    Filter("unit", _l("维保单位"), "lookup", Rescue.unit_id, lookup="maintenance_units"),
    Filter("rescue_unit", _l("救援单位"), "lookup", criterion=_sent, lookup="units"),
    Filter("manned", _l("派工情况"), "choice", choices=MANNED, criterion=_manned),
    Filter("use_unit", _l("使用单位"), "lookup", Rescue.use_unit_id, lookup="use_units"),
    Filter("elevator", _l("电梯"), "lookup", Rescue.elevator_id, lookup="elevators"),
    Filter("phone", _l("报警电话"), "text", Rescue.phone, criterion=whole_or_end(Rescue.phone), sensitive="mobile"),
    Filter("in_centre", _l("城区"), "bool", Rescue.in_centre),
    Filter("hour", _l("报警时段"), "choice", choices=RESCUE_HOUR, criterion=_of_hours),
    Filter("place", _l("使用场所"), "choice", choices=PLACE_TYPE | {NOT_SAID: _l("没有填写")}, criterion=_of_place),
    Filter("no_unit", _l("没有维保单位"), "bool", criterion=lambda yes: Rescue.unit_id.is_(None).is_(yes)),
    Filter("taken_over", _l("接管"), "bool", Rescue.taken_over),
    Filter("done", _l("救出日期"), "date", Rescue.done_at),
    Filter("ended", _l("结束日期"), "date", Rescue.ended_at),
    Filter("region", _l("所属辖区"), "region", Rescue.region_code),
    device_filter(Rescue), *fact_filters(Rescue), hardware_filter(Rescue),
)  # fmt: skip
_SEARCH = (Rescue.code, Rescue.place, Rescue.number)
_HINT = _l("识别码、位置、救援编号")
_LOAD = (joinedload(Rescue.unit), joinedload(Rescue.use_unit))


def _status(name: str) -> Any:
    return lambda m: and_(ALONE, Rescue.status == name)


def _outcome(name: str) -> Any:
    return lambda m: and_(ALONE, Rescue.outcome == name)


def in_centre(m: Moment) -> Any:
    """Of the centre: the last three days, and what is open: it stays in sight however old it is."""
    return and_(ALONE, or_(OPEN, Rescue.reported_at > m.now - dt.timedelta(days=CENTRE_DAYS)))


RESCUE_CENTRE = register(
    Listing(
        name="rescue_centre",
        title=_l("困人救援"),
        model=Rescue,
        columns=_COLUMNS,
        default=("code", "place", "unit", "reported_at", "level", "sent", "due_at", "status", "badge"),
        search=_SEARCH,
        search_hint=_HINT,
        filters=_FILTERS,
        where=in_centre,
        tabs=(
            Tab("all", _l("全部")),
            Tab("waiting", _l("待处置"), _status("waiting"), "over"),
            Tab("taken", _l("已接警"), _status("taken"), "near"),
            Tab("dispatched", _l("已派单"), _status("dispatched"), "near"),
            Tab("accepted", _l("已接单"), _status("accepted"), "near"),
            Tab("arrived", _l("已到达"), _status("arrived"), "near"),
            Tab("freed", _l("已救出"), _status("freed")),
            Tab("late", _l("不合规"), late, "over"),
        ),
        order=("reported_at", True),
        load=_LOAD,
    )
)
RESCUES = register(
    Listing(
        name="rescues",
        title=_l("救援历史"),
        model=Rescue,
        columns=_COLUMNS,
        default=("number", "code", "place", "unit", "reported_at", "outcome", "cause", "status", "badge"),
        search=_SEARCH,
        search_hint=_HINT,
        filters=_FILTERS,
        tabs=(
            Tab("all", _l("全部"), lambda m: ALONE),
            *(Tab(name, label, _outcome(name)) for name, label in RESCUE_OUTCOME.items()),
            Tab("late", _l("不合规"), late, "over"),
            Tab("uncalled", _l("待回访"), lambda m: uncalled(), "near"),
            Tab("joined", _l("已并入"), lambda m: Rescue.joined_to_id.is_not(None)),
        ),
        order=("reported_at", True),
        load=_LOAD,
    )
)


def hidden(session: Any, actor: Any) -> list[Rescue]:
    """Open cases that the desk handles and no list shows it."""
    statement = select(Rescue).where(at_desk(Rescue, actor)).order_by(Rescue.reported_at.desc())
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def count(m: Moment, *more: Any) -> Any:
    """How many of the actor's rescues meet these, as a part of another statement; those that the desk opens one by one
    count, for its banner must say that there is one."""
    seen = or_(scope.criterion(Rescue, m.actor), at_desk(Rescue, m.actor))
    return select(func.count()).select_from(Rescue).where(seen, *more).scalar_subquery()

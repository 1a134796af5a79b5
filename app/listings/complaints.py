"""公众投诉 and 留言: tabs by state with what is late, the columns of the lists and exports (CMP-04, CMP-01)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import String, and_, cast, func, literal_column, not_, or_, select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.listing import Column, Filter, Listing, Moment, Tab, column, register, related
from app.listings.of_elevator import device_columns, device_filter, fact_columns, fact_filters, hardware_filter
from app.models import Complaint, ElevatorMessage
from app.models.choices import word
from app.models.complaint import COMPLAINT_KIND, COMPLAINT_STATE
from app.models.sealed import whole_or_end
from app.rules.complaints import STEP_LABELS, Party, late_steps, shown_tracking
from app.wording import say, together
from app.workflows.public import complaints

# In the very words of the partial index.
OPEN = Complaint.state != literal_column("'closed'")


def late(m: Moment) -> Any:
    """不及时: a step was done late, or one that is open is late by now; what a regulator found untrue is nobody's."""
    overdue = and_(OPEN, Complaint.due_at <= m.now)
    unexcused = Complaint.appeal_upheld_at.is_(None)
    return and_(Complaint.is_untrue.is_(False), unexcused, or_(Complaint.late_steps.is_not(None), overdue))


def on_time() -> Any:
    """Every step was done, and in time; what a regulator ended before was never judged."""
    whole = or_(
        and_(Complaint.sent_back.is_(False), Complaint.reviewed_at.is_not(None)),
        Complaint.reviewed_again_at.is_not(None),
    )
    in_time = and_(Complaint.late_steps.is_(None), Complaint.due_at.is_(None), whole)
    return and_(Complaint.is_untrue.is_(False), or_(in_time, Complaint.appeal_upheld_at.is_not(None)))


def kinds_of(row: Complaint) -> str:
    return together((str(word(COMPLAINT_KIND, kind)) for kind in row.kinds), "、")


def late_of(row: Complaint) -> str | None:
    """The late steps in words, the open one too."""
    if row.is_untrue:
        return say("不属实，不计")
    if row.appeal_upheld_at is not None:
        return None
    found = late_steps(complaints.course_of(row), complaints.hours_of(row), clock.now())
    return together((STEP_LABELS[step] for step in found), "、") or None


def turn_name(row: Complaint) -> str | None:
    """Who has the next step; nobody once it has ended."""
    found = complaints.turn_of(row)
    if found is None:
        return None
    unit = {Party.UNIT: row.unit, Party.USE_UNIT: row.use_unit}.get(found[0])
    return unit.name if unit is not None else say("监管部门")


def _of_kind(chosen: list[str]) -> Any:
    return or_(*(cast(Complaint.kinds, String).contains(f'"{kind}"') for kind in chosen))


COMPLAINTS = register(
    Listing(
        name="complaints",
        title=_l("公众投诉"),
        model=Complaint,
        columns=(
            Column("number", _l("投诉编号"), lambda row: shown_tracking(row.number), "code", sort=Complaint.number),
            column(Complaint, "code", kind="code"),
            column(Complaint, "place", sort=False),
            related("unit", _l("承办单位"), Complaint.unit),
            related("use_unit", _l("使用单位"), Complaint.use_unit),
            column(Complaint, "name", sort=False),
            column(Complaint, "phone", sort=False),
            Column("kinds", _l("投诉问题"), kinds_of),
            column(Complaint, "body", sort=False),
            column(Complaint, "complained_at"),
            column(Complaint, "state", sort=False, along=("turn",)),
            Column("turn", _l("现由谁办理"), turn_name),
            column(Complaint, "due_at"),
            column(Complaint, "accepted_at"),
            column(Complaint, "handled_at"),
            column(Complaint, "handle_note", sort=False),
            column(Complaint, "reviewed_at"),
            column(Complaint, "review_note", sort=False),
            column(Complaint, "sent_back", sort=False),
            column(Complaint, "handled_again_at"),
            column(Complaint, "reviewed_again_at"),
            column(Complaint, "closed_at"),
            column(Complaint, "end_note", sort=False),
            Column("late", _l("不及时的环节"), late_of),
            column(Complaint, "is_untrue", sort=False),
            column(Complaint, "prodded_at"),
            column(Complaint, "taken_over", sort=False),
            *fact_columns(Complaint), *device_columns(Complaint),
        ),
        default=("code", "place", "unit", "kinds", "complained_at", "due_at", "state", "late"),
        search=(Complaint.code, Complaint.place, Complaint.number, Complaint.name),
        search_hint=_l("识别码、位置、投诉编号、投诉人"),
        filters=(
            Filter("complained", _l("投诉日期"), "date", Complaint.complained_at),
            Filter("kind", _l("投诉问题"), "choice", choices=COMPLAINT_KIND, criterion=_of_kind),
            Filter("state", _l("状态"), "choice", Complaint.state, COMPLAINT_STATE),
            Filter("unit", _l("承办单位"), "lookup", Complaint.unit_id, lookup="units"),
            Filter("use_unit", _l("使用单位"), "lookup", Complaint.use_unit_id, lookup="use_units"),
            Filter("elevator", _l("电梯"), "lookup", Complaint.elevator_id, lookup="elevators"),
            Filter("phone", _l("投诉人手机"), "text", Complaint.phone, criterion=whole_or_end(Complaint.phone),
                sensitive="mobile"),
            Filter("sent_back", _l("退回重办"), "bool", Complaint.sent_back),
            Filter("on_time", _l("处置及时"), "bool", criterion=lambda yes: on_time() if yes else not_(on_time())),
            Filter("untrue", _l("不属实"), "bool", Complaint.is_untrue),
            Filter("taken_over", _l("接管"), "bool", Complaint.taken_over),
            Filter("no_unit", _l("没有承办单位"), "bool", criterion=lambda yes: Complaint.unit_id.is_(None).is_(yes)),
            Filter("no_use_unit", _l("没有使用单位"), "bool",
                   criterion=lambda yes: Complaint.use_unit_id.is_(None).is_(yes)),
            Filter("region", _l("所属辖区"), "region", Complaint.region_code),
            device_filter(Complaint), *fact_filters(Complaint), hardware_filter(Complaint),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("waiting", _l("待接单"), lambda m: and_(OPEN, Complaint.state == "waiting"), "near"),
            Tab("accepted", _l("待处置"), lambda m: and_(OPEN, Complaint.state == "accepted"), "near"),
            Tab("handled", _l("待复核"), lambda m: and_(OPEN, Complaint.state == "handled"), "near"),
            Tab("disputed", _l("待监管处理"), lambda m: and_(OPEN, Complaint.state == "disputed"), "over"),
            Tab("closed", _l("已办结"), lambda m: Complaint.state == "closed"),
            Tab("late", _l("不及时"), late, "over"),
        ),
        order=("complained_at", True),
        load=(joinedload(Complaint.unit), joinedload(Complaint.use_unit)),
    )
)  # fmt: skip


def message_state(row: ElevatorMessage) -> str:
    if row.replied_at is None:
        return say("待回复")
    if row.published_at is not None:
        return say("已公开")
    return say("不公开") if row.withheld_at is not None else say("待公开")


_WAITS = and_(
    ElevatorMessage.replied_at.is_not(None), ElevatorMessage.published_at.is_(None),
    ElevatorMessage.withheld_at.is_(None),
)  # fmt: skip

MESSAGES = register(
    Listing(
        name="elevator_messages",
        title=_lp("code", "留言"),
        model=ElevatorMessage,
        columns=(
            Column("code", _l("识别码"), lambda row: row.elevator.code, "code"),
            Column("place", _l("位置"), lambda row: row.elevator.place),
            related("unit", _l("维保单位"), ElevatorMessage.unit),
            related("use_unit", _l("使用单位"), ElevatorMessage.use_unit),
            column(ElevatorMessage, "body", sort=False),
            column(ElevatorMessage, "sent_at"),
            column(ElevatorMessage, "reply", sort=False),
            related("reply_unit", _l("回复单位"), ElevatorMessage.reply_unit),
            column(ElevatorMessage, "replied_at"),
            column(ElevatorMessage, "published_at"),
            Column("state", _l("状态"), message_state, said=True),
            *fact_columns(ElevatorMessage),
        ),
        default=("code", "place", "body", "sent_at", "reply", "state"),
        search=(ElevatorMessage.body, ElevatorMessage.reply),
        search_hint=_l("留言、回复"),
        filters=(
            Filter("sent", _l("留言日期"), "date", ElevatorMessage.sent_at),
            Filter("unit", _l("维保单位"), "lookup", ElevatorMessage.unit_id, lookup="maintenance_units"),
            Filter("use_unit", _l("使用单位"), "lookup", ElevatorMessage.use_unit_id, lookup="use_units"),
            Filter("elevator", _l("电梯"), "lookup", ElevatorMessage.elevator_id, lookup="elevators"),
            Filter("region", _l("所属辖区"), "region", ElevatorMessage.region_code),
            *fact_filters(ElevatorMessage),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("open", _l("待回复"), lambda m: and_(
                ElevatorMessage.replied_at.is_(None), ElevatorMessage.withheld_at.is_(None)
            ), "near"),
            Tab("replied", _l("待公开"), lambda m: _WAITS, "near"),
            Tab("public", _l("已公开"), lambda m: ElevatorMessage.published_at.is_not(None)),
        ),
        order=("sent_at", True),
        load=(joinedload(ElevatorMessage.elevator), joinedload(ElevatorMessage.unit),
              joinedload(ElevatorMessage.use_unit), joinedload(ElevatorMessage.reply_unit)),
    )
)  # fmt: skip


def count(m: Moment, *more: Any) -> Any:
    """How many of the actor's complaints meet these, as a part of another statement."""
    seen = scope.criterion(Complaint, m.actor)
    return select(func.count()).select_from(Complaint).where(seen, *more).scalar_subquery()


"""维保记录: the tabs of MNT-08 as rules.md defines them, the columns of nantong's list with 上传时间."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, String, and_, case, cast, false, func, literal_column, or_, select, text
from sqlalchemy.orm import joinedload

from app import scope
from app.listing import Column, Filter, Listing, Moment, Tab, column, register
from app.listings import standing
from app.listings.of_elevator import device_columns, device_filter, fact_columns, fact_filters, hardware_filter
from app.models import Account, Elevator, FaceCheck, MaintenanceClock, Visit, VisitNote
from app.models.choices import (
    CONFIRMED_BY,
    LABEL_STATE,
    LEVEL,
    OFFLINE_PART,
    VISIT_DECISION,
    VISIT_FAULT,
    VISIT_MODE,
    VISIT_RATING,
    VISIT_REASON,
    VISIT_STATE,
)
from app.models.face import FACE_STATE
from app.models.face import TO_LOOK_AT as LOOKED_FOR
from app.permissions import Actor, Verb
from app.rules.places import named_place
from app.rules.visits import VisitReason
from app.search import OfAnother
from app.wording import finished, ours, together
from app.workflows.visits import face_checks


class OfElevator(OfAnother):
    """A search column of the visited elevator."""

    def led(self, holds: ColumnElement[bool]) -> ColumnElement[bool]:
        return Visit.elevator_id.in_(select(Elevator.id).where(holds))


def _kept(row: Visit, name: str) -> Any:
    return (row.snapshot or {}).get(name)


def code_of(row: Visit) -> str:
    """The code as it was at the visit (MNT-10)."""
    return str(_kept(row, "code") or row.elevator.code)


def place_of(row: Visit) -> str:
    """Where the elevator stood, as recorded; the register's address where a record taken over has none."""
    if _kept(row, "address"):
        return named_place(_kept(row, "estate"), _kept(row, "address"))
    return row.elevator.place


def worker_of(row: Visit) -> str:
    """Who did it, by the name of that day."""
    return str(_kept(row, "worker") or row.worker.name)


def unit_of(row: Visit) -> str:
    """The maintenance unit by the name of that day."""
    return str(_kept(row, "unit") or row.unit.name)


def use_unit_of(row: Visit) -> str | None:
    """The use unit by the name of that day; an elevator may have had none."""
    kept: str | None = _kept(row, "use_unit")
    return kept or (row.use_unit.name if row.use_unit is not None else None)


def minutes_of(row: Visit) -> int | None:
    """Whole minutes between check-in and check-out; none while it runs."""
    if row.checked_out_at is None:
        return None
    return max(0, int((row.checked_out_at - row.checked_in_at).total_seconds()) // 60)


def sent_of(row: Visit) -> Any:
    """When its end reached us; records from before that was kept came as they ended."""
    return row.sent_at or row.checked_out_at


def way_of(row: Visit) -> str | None:
    """How the use unit confirmed it; told by what stands where the way was not kept yet."""
    if row.confirmed_by is not None:
        return row.confirmed_by
    return "account" if row.reviewed_at is not None else "spot" if row.signed_at is not None else None


def faults_of(row: Visit) -> str:
    """Of what kinds its faults were."""
    return together((ours(finished(VISIT_FAULT.get(kind, kind))) for kind in row.faults or ()), "、")


def _of_face(chosen: list[str]) -> Any:
    """By what came of comparing faces, as far as the reader may know it, which is less than he may of the visit."""
    some = select(FaceCheck.visit_id).where(FaceCheck.state.in_(chosen), FaceCheck.visit_id.is_not(None))
    return Visit.id.in_(scope.apply(some, scope.current(), FaceCheck))


# Written as the partial index says it.
_TO_LOOK_AT = select(FaceCheck.visit_id).where(text(LOOKED_FOR))


def _to_look_at(actor: Actor) -> Any:
    """What waits for an officer's look; to nobody else is told by an address whose face did not match."""
    return Visit.id.in_(_TO_LOOK_AT) if actor.unit_id is None and actor.may(Verb.VISIT_LABEL) else false()


def _overdue(m: Moment) -> Any:
    """Elevators whose maintenance is overdue now, as far as one sees their clocks."""
    return select(MaintenanceClock.elevator_id).where(
        MaintenanceClock.in_use, standing.maintenance_over(m), scope.criterion(MaintenanceClock, m.actor)
    )


def overdue_among(m: Moment, rows: Iterable[Visit]) -> frozenset[int]:
    """The elevators of these visits whose records 翻红 (nantong 2), in one statement."""
    keys = {row.elevator_id for row in rows}
    if not keys:
        return frozenset()
    held = _overdue(m).where(MaintenanceClock.elevator_id.in_(sorted(keys)))
    return frozenset(m.session.scalars(held.execution_options(skip_scope=True)))


def _of_overdue(m: Moment, wanted: bool) -> Any:
    """Visits at elevators whose maintenance is overdue now (nantong 2)."""
    clocks = _overdue(m)
    return Visit.elevator_id.in_(clocks) if wanted else Visit.elevator_id.not_in(clocks)


def _of_fault(chosen: list[str]) -> Any:
    """Visits that name one of these kinds at least."""
    return or_(*(cast(Visit.faults, String).contains(f'"{kind}"') for kind in chosen))


CONFIRMED = case(
    (Visit.confirmed_by.is_not(None), Visit.confirmed_by), (Visit.reviewed_at.is_not(None), "account"),
    (Visit.signed_at.is_not(None), "spot"),
)
SENT_AT = func.coalesce(Visit.sent_at, Visit.checked_out_at)
# Written as the partial index says it, with its literal, so that both databases know it again.
ATTENTION = Visit.state != literal_column("'valid'")
# What the manager's word is missing for (MNT-09); that a label is looked at is another desk's.
UNAPPROVED = and_(ATTENTION, Visit.state == "pending", Visit.reason == VisitReason.UNDECIDED.value)
# ANO-01: sent too late, beyond the day's number, not on site.
ABNORMAL = and_(ATTENTION, or_(Visit.state == "abnormal", Visit.reason == VisitReason.NOT_ON_SITE.value))
EXPIRED = and_(ATTENTION, Visit.state == "void", Visit.checked_out_at.is_(None))

# By whose sign-in it was recorded; a record taken over has none.
_LOGIN = select(Account.username).where(Account.id == Visit.account_id).correlate(Visit).scalar_subquery()

SEARCHED = tuple(
    OfElevator(one)
    for one in (Elevator.code, Elevator.factory_no, Elevator.registration_code, Elevator.address, Elevator.estate)
)
# Where a visit was, and whose.
WHOSE = (
    Column("code", _l("识别码"), code_of, "code"),
    Column("place", _l("位置"), place_of, along=("use_unit",)),
    Column("unit", _l("维保单位"), unit_of),
    Column("use_unit", _l("使用单位"), use_unit_of),
    Column("worker", _l("维保员"), worker_of),
)

# 异常类型 (nantong 2): why it does not count stands where others say until when they wait for the use unit.
_WITH_REASON = (
    "code", "place", "unit", "worker", "level", "checked_in_at", "minutes", "sent_at", "reason", "state",
)  # fmt: skip

VISITS = register(
    Listing(
        name="visit_records",
        title=_l("维保记录"),
        model=Visit,
        columns=(
            *WHOSE,
            Column("login", _l("登录账号"), lambda row: row.asked["login"], sensitive="login", sql=_LOGIN, asked=True,
                   needs=Verb.ACCOUNT_READ),
            column(Visit, "level", sort=False),
            column(Visit, "visit_on"),
            column(Visit, "checked_in_at", label=_l("签到"), along=("checked_out_at",)),
            column(Visit, "checked_out_at", label=_l("签退")),
            Column("minutes", _l("时长"), minutes_of, "number", unit=_l("分钟")),
            column(Visit, "mode", sort=False),
            Column("sent_at", _l("上传时间"), sent_of, "instant", sql=SENT_AT),
            column(Visit, "offline", sort=False),
            column(Visit, "sheet_at", label=_l("维保单上传")),
            column(Visit, "sheet_due_at", sort=False), column(Visit, "review_due_at"),
            column(Visit, "reviewed_at"),
            column(Visit, "state", sort=False),
            column(Visit, "reason", sort=False),
            column(Visit, "state_reason", sort=False, said=True),
            column(Visit, "decision", sort=False),
            column(Visit, "decided_at"),
            column(Visit, "decision_reason", sort=False),
            column(Visit, "by_code", sort=False),
            column(Visit, "label_state", sort=False),
            column(Visit, "label_reason", sort=False),
            column(Visit, "label_at"),
            column(Visit, "signer", sort=False),
            column(Visit, "signed_at"),
            column(Visit, "review_opinion", sort=False),
            Column("confirmed_by", _l("确认方式"), way_of, "choice", choices=CONFIRMED_BY, sql=CONFIRMED),
            column(Visit, "rating", sort=False),
            column(Visit, "paper_at"),
            Column("faults", _l("故障类别"), faults_of),
            column(Visit, "problem", sort=False),
            column(Visit, "advice", sort=False),
            column(Visit, "note", sort=False),
            column(Visit, "taken_over", sort=False),
            *fact_columns(Visit), *device_columns(Visit),
        ),
        default=(
            "code", "place", "unit", "worker", "level", "checked_in_at", "minutes", "sent_at", "review_due_at",
            "state",
        ),
        own={"maintenance": {"unit": ""}},
        search=SEARCHED,
        search_hint=_l("识别码、出厂编号、注册代码、地址、楼盘"),
        search_key=Visit.elevator_id,
        filters=(
            Filter("visited", _l("维保日期"), "date", Visit.visit_on),
            Filter("state", _l("状态"), "choice", Visit.state, VISIT_STATE),
            Filter("reason", _l("状态原因"), "choice", Visit.reason, VISIT_REASON),
            Filter("decision", _l("审批"), "choice", Visit.decision, VISIT_DECISION),
            Filter("counted", _l("计入维保"), "bool", Visit.counted),
            Filter("overdue", _l("电梯维保超期"), "bool", within=_of_overdue),
            Filter("level", _l("频次"), "choice", Visit.level, LEVEL),
            Filter("mode", _l("模式"), "choice", Visit.mode, VISIT_MODE),
            Filter("confirmed", _l("确认方式"), "choice", CONFIRMED, CONFIRMED_BY),
            Filter("rating", _l("评价"), "choice", Visit.rating, VISIT_RATING),
            Filter("fault", _l("故障类别"), "choice", choices=VISIT_FAULT, criterion=_of_fault),
            Filter("offline", _l("离线"), "choice", Visit.offline, OFFLINE_PART),
            Filter("label", _l("标签照片"), "choice", Visit.label_state, LABEL_STATE),
            Filter("face", _l("人脸比对"), "choice", choices=FACE_STATE, criterion=_of_face,
                   shown_to=dict.fromkeys(FACE_STATE, lambda a: a.may(Verb.VISIT_LABEL))),
            Filter("unit", _l("维保单位"), "lookup", Visit.unit_id, lookup="maintenance_units"),
            Filter("use_unit", _l("使用单位"), "lookup", Visit.use_unit_id, lookup="use_units"),
            Filter("worker", _l("维保员"), "lookup", Visit.worker_id, lookup="persons_ever"),
            Filter("region", _l("所属辖区"), "region", Visit.region_code),
            device_filter(Visit), *fact_filters(Visit), hardware_filter(Visit),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("open", _l("待签退"), lambda m: and_(ATTENTION, Visit.state == "open")),
            Tab("review", _l("待复核"), lambda m: Visit.awaiting_review, "near"),
            Tab("sheet", _l("待上传"), lambda m: Visit.awaiting_sheet, "near"),
            Tab("objection", _l("有异议"), lambda m: Visit.id.in_(
                select(VisitNote.visit_id).where(VisitNote.kind == "objection")
            ), "over"),
            Tab("face", _l("人脸待核对"), lambda m: _to_look_at(m.actor), "near",
                shown_to=lambda a: a.unit_id is None and a.may(Verb.VISIT_LABEL), offered=face_checks.offered),
            Tab("approval", _l("待审批"), lambda m: UNAPPROVED, "near", shown_to=lambda a: a.may(Verb.VISIT_APPROVE)),
            Tab("pending", _l("审核中"), lambda m: and_(ATTENTION, Visit.state == "pending"), "near"),
            Tab("valid", _l("有效"), lambda m: Visit.state == "valid"),
            Tab("nonconforming", _l("不合规"), lambda m: and_(
                ATTENTION, Visit.state == "nonconforming"
            ), "over", columns=_WITH_REASON),
            Tab("expired", _l("过期未签退"), lambda m: EXPIRED, "over"),
            Tab("abnormal", _l("异常维保"), lambda m: ABNORMAL, "over", columns=_WITH_REASON),
            Tab("void", _l("无效"), lambda m: and_(
                ATTENTION, Visit.state.in_(["void", "abnormal", "rejected"])
            ), columns=_WITH_REASON),
        ),
        order=("checked_in_at", True),
        load=(joinedload(Visit.elevator), joinedload(Visit.unit), joinedload(Visit.use_unit),
              joinedload(Visit.worker)),
    )
)  # fmt: skip

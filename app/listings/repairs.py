"""报修与维修 and 电梯异常: tabs by state with what is late, the columns of lists and exports (REP-02, ANO-02)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import and_, func, literal_column, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app import clock, scope
from app.listing import Column, Filter, Listing, Moment, Tab, column, register, related
from app.listings.of_elevator import device_columns, device_filter, fact_columns, fact_filters
from app.models import Anomaly, RepairOrder
from app.models.anomaly import ANOMALY_KIND, ANOMALY_OUTCOME, ANOMALY_SOURCE, ANOMALY_STATE
from app.models.repair import REPAIR_ANSWER, REPAIR_CAUSE, REPAIR_LEVEL, REPAIR_SOURCE, REPAIR_STATE
from app.permissions import Actor, Verb
from app.rules.repairs import ASKED_FOR, STEP_LABELS
from app.wording import together
from app.workflows.repair import repairs

# In the very words of the partial indexes.
OPEN = RepairOrder.state.not_in([literal_column("'done'"), literal_column("'cancelled'")])
ANOMALY_OPEN = Anomaly.state != literal_column("'closed'")
DISPUTED = RepairOrder.answer == literal_column("'disputed'")
SENT = ("assigned", "accepted", "departed", "started")


def state_is(*states: str) -> Any:
    """Open ones in these states, by the index of the open ones."""
    return and_(OPEN, RepairOrder.state.in_(states))


def late(m: Moment) -> Any:
    """不及时: a step was late, or one that is open is late by now; what was cancelled is nobody's."""
    overdue = and_(OPEN, RepairOrder.due_at <= m.now)
    return and_(RepairOrder.state != "cancelled", or_(RepairOrder.late_steps.is_not(None), overdue))


def unconfirmed(m: Moment) -> Any:
    """Ended a while ago at most, and the use unit has not said yet whether it is mended."""
    lately = RepairOrder.closed_at > m.now - ASKED_FOR
    own = RepairOrder.use_unit_id == (m.actor.unit_id or 0)
    open_ = and_(RepairOrder.state == "done", RepairOrder.answer.is_(None), RepairOrder.taken_over.is_(False))
    return and_(own, open_, lately)


def _confirms(actor: Actor) -> bool:
    """Whoever of a use unit confirms what was done."""
    return actor.unit_id is not None and actor.may(Verb.REPAIR_REPORT) and actor.may(Verb.VISIT_REVIEW)


def late_of(row: RepairOrder) -> str | None:
    """The late steps in words, the open one too."""
    if row.state == "cancelled":
        return None
    return together((STEP_LABELS[step] for step in repairs.late_of(row, clock.now())), "、") or None


REPAIRS = register(
    Listing(
        name="repairs",
        title=_l("报修与维修"),
        model=RepairOrder,
        columns=(
            Column("number", _l("工单号"), repr, "code", sort=RepairOrder.id),
            column(RepairOrder, "code", kind="code"),
            column(RepairOrder, "place", sort=False),
            column(RepairOrder, "level", sort=False, along=("fault",)),
            column(RepairOrder, "source", sort=False),
            column(RepairOrder, "fault", sort=False),
            column(RepairOrder, "note", sort=False),
            column(RepairOrder, "use_note", sort=False),
            related("unit", _l("维保单位"), RepairOrder.unit),
            related("use_unit", _l("使用单位"), RepairOrder.use_unit),
            related("reported_unit", _l("报修单位"), RepairOrder.reported_unit),
            column(RepairOrder, "reported_at"),
            column(RepairOrder, "state", sort=False),
            column(RepairOrder, "due_at"),
            Column("worker", _l("维修员"), lambda row: row.worker and row.worker.name),
            Column("helpers", _l("协同人员"), lambda row: together((p.name for p in row.helpers), "、") or None),
            column(RepairOrder, "assigned_at"),
            column(RepairOrder, "accepted_at"),
            column(RepairOrder, "departed_at"),
            column(RepairOrder, "started_at"),
            Column("signed_in", _l("签到人"), lambda row: row.signed_in and row.signed_in.name),
            column(RepairOrder, "ended_at"),
            column(RepairOrder, "accept_minutes"),
            column(RepairOrder, "end_minutes"),
            column(RepairOrder, "cause", sort=False),
            column(RepairOrder, "action", sort=False),
            column(RepairOrder, "parts", sort=False),
            column(RepairOrder, "restored", sort=False),
            column(RepairOrder, "decision", sort=False),
            column(RepairOrder, "decided_at"),
            column(RepairOrder, "decision_reason", sort=False),
            column(RepairOrder, "end_note", sort=False),
            Column("late", _l("不及时的环节"), late_of),
            column(RepairOrder, "answer", sort=False),
            column(RepairOrder, "answered_at"),
            column(RepairOrder, "answer_note", sort=False),
            column(RepairOrder, "taken_over", sort=False),
            *fact_columns(RepairOrder), *device_columns(RepairOrder),
        ),
        default=("code", "place", "level", "unit", "reported_at", "worker", "due_at", "state"),
        own={"maintenance": {"unit": ""}},
        search=(RepairOrder.code, RepairOrder.place, RepairOrder.fault),
        search_hint=_l("识别码、位置、故障描述"),
        filters=(
            Filter("reported", _l("报修日期"), "date", RepairOrder.reported_at),
            Filter("state", _l("处理状态"), "choice", RepairOrder.state, REPAIR_STATE),
            Filter("level", _l("故障级别"), "choice", RepairOrder.level, REPAIR_LEVEL),
            Filter("cause", _l("故障原因"), "choice", RepairOrder.cause, REPAIR_CAUSE),
            Filter("source", _l("来源"), "choice", RepairOrder.source, REPAIR_SOURCE),
            Filter("unit", _l("维保单位"), "lookup", RepairOrder.unit_id, lookup="units"),
            Filter("use_unit", _l("使用单位"), "lookup", RepairOrder.use_unit_id, lookup="use_units"),
            Filter("elevator", _l("电梯"), "lookup", RepairOrder.elevator_id, lookup="elevators"),
            Filter("worker", _l("维修员"), "lookup", RepairOrder.worker_id, lookup="persons_ever"),
            Filter("no_unit", _l("没有维保单位"), "bool", criterion=lambda yes: RepairOrder.unit_id.is_(None).is_(yes)),
            Filter("answer", _l("使用单位确认"), "choice", RepairOrder.answer, REPAIR_ANSWER),
            Filter("restored", _l("恢复运行"), "bool", RepairOrder.restored),
            Filter("taken_over", _l("接管"), "bool", RepairOrder.taken_over),
            Filter("region", _l("所属辖区"), "region", RepairOrder.region_code),
            device_filter(RepairOrder), *fact_filters(RepairOrder),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("waiting", _l("待派工"), lambda m: state_is("waiting"), "near"),
            Tab("sent", _l("已派工"), lambda m: state_is(*SENT), "near"),
            Tab("ended", _l("待审批"), lambda m: state_is("ended"), "near"),
            Tab("done", _l("已处理"), lambda m: RepairOrder.state == "done"),
            Tab("cancelled", _l("已撤销"), lambda m: RepairOrder.state == "cancelled"),
            Tab("late", _l("不及时"), late, "over"),
            Tab("unconfirmed", _l("待使用单位确认"), unconfirmed, "near", shown_to=_confirms),
            Tab("disputed", _l("仍有问题"), lambda m: DISPUTED, "over"),
        ),
        order=("reported_at", True),
        load=(joinedload(RepairOrder.unit), joinedload(RepairOrder.use_unit), joinedload(RepairOrder.reported_unit),
              joinedload(RepairOrder.worker), joinedload(RepairOrder.signed_in), selectinload(RepairOrder.helpers)),
    )
)  # fmt: skip

ANOMALIES = register(
    Listing(
        name="anomalies",
        title=_l("电梯异常"),
        model=Anomaly,
        columns=(
            Column("number", _l("异常编号"), repr, "code", sort=Anomaly.id),
            column(Anomaly, "code", kind="code"),
            column(Anomaly, "place", sort=False),
            column(Anomaly, "kind", sort=False),
            column(Anomaly, "source", sort=False),
            column(Anomaly, "body", sort=False),
            related("unit", _l("维保单位"), Anomaly.unit),
            related("use_unit", _l("使用单位"), Anomaly.use_unit),
            related("reported_unit", _l("上报单位"), Anomaly.reported_unit),
            column(Anomaly, "found_at"),
            column(Anomaly, "times"),
            column(Anomaly, "last_at"),
            column(Anomaly, "state", sort=False),
            column(Anomaly, "reviewed_at"),
            column(Anomaly, "outcome", sort=False),
            column(Anomaly, "handle_note", sort=False),
            column(Anomaly, "handled_at"),
            *fact_columns(Anomaly), *device_columns(Anomaly),
        ),
        default=("code", "place", "kind", "source", "unit", "found_at", "times", "state", "outcome"),
        own={"maintenance": {"unit": ""}},
        search=(Anomaly.code, Anomaly.place, Anomaly.body),
        search_hint=_l("识别码、位置、异常描述"),
        filters=(
            Filter("found", _l("发现日期"), "date", Anomaly.found_at),
            Filter("kind", _l("异常类型"), "choice", Anomaly.kind, ANOMALY_KIND),
            Filter("source", _l("来源"), "choice", Anomaly.source, ANOMALY_SOURCE),
            Filter("state", _l("状态"), "choice", Anomaly.state, ANOMALY_STATE),
            Filter("outcome", _l("处理结果"), "choice", Anomaly.outcome, ANOMALY_OUTCOME),
            Filter("unit", _l("维保单位"), "lookup", Anomaly.unit_id, lookup="units"),
            Filter("use_unit", _l("使用单位"), "lookup", Anomaly.use_unit_id, lookup="use_units"),
            Filter("elevator", _l("电梯"), "lookup", Anomaly.elevator_id, lookup="elevators"),
            Filter("region", _l("所属辖区"), "region", Anomaly.region_code),
            device_filter(Anomaly), *fact_filters(Anomaly),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("found", _l("待审核"), lambda m: and_(ANOMALY_OPEN, Anomaly.state == "found"), "near"),
            Tab("confirmed", _lp("anomaly", "待处理"), lambda m: and_(ANOMALY_OPEN, Anomaly.state == "confirmed"),
                "near"),
            Tab("closed", _l("已处理"), lambda m: Anomaly.state == "closed"),
            Tab("dismissed", _l("已排除"), lambda m: Anomaly.outcome == "dismissed"),
        ),
        order=("found_at", True),
        load=(joinedload(Anomaly.unit), joinedload(Anomaly.use_unit), joinedload(Anomaly.reported_unit)),
    )
)  # fmt: skip


def count(m: Moment, model: Any, *more: Any) -> Any:
    """How many of the actor's rows meet these, as a part of another statement."""
    seen = scope.criterion(model, m.actor)
    return select(func.count()).select_from(model).where(seen, *more).scalar_subquery()

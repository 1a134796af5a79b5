"""The one register of limits that run (CLK-01): what starts each, by which policy, when it turns, who is told.

A limit's due instant is stored where it belongs (`Application.due_at`, `Visit.sheet_due_at` …) by the workflow that
starts it with `rules.deadlines`. Here it is declared once, for the page that lists them and the round that tells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, or_

from app.models import (
    Application,
    Complaint,
    Enforcement,
    FraudCase,
    MaintenanceClock,
    RepairOrder,
    Rescue,
    SpotCheck,
    Visit,
)
from app.permissions import Verb
from app.policy import Key
from app.rules.approval import WAITING_STATES
from app.wording import speak

Criterion = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Clock:
    """A kind of limit. Words for the page; `due`, `running` and the rest for the round of notices.

    `unit` names the column of the unit that is told in one notice for all of its rows; without it each row is told by
    itself.
    """

    name: str
    title: str
    starts: str
    limit: Key
    measure: str
    pauses: str
    ends: str
    told: str
    above: str
    model: Any
    due: Any
    running: Callable[[], Criterion]
    verb: Verb
    list_link: str
    by_day: bool = False
    unit: Any = None
    unit_verb: Verb | None = None

    def __post_init__(self) -> None:
        speak(self, "title", "starts", "measure", "pauses", "ends", "told", "above")


WORKING, HOURS, DAYS, MINUTES = "工作日，按工作日历", "小时，连续计", "自然日，到当日 24:00", "分钟，连续计，到秒"
NEVER = "不暂停"
# In the very words of the partial index.
_STANDS = Complaint.state != literal_column("'closed'")
_UNREPAIRED = RepairOrder.state.not_in([literal_column("'done'"), literal_column("'cancelled'")])
_UNACCEPTED = and_(RepairOrder.state.in_(("waiting", "assigned")), RepairOrder.accept_hours.is_not(None))
_CASE_STANDS = FraudCase.state != literal_column("'closed'")

CLOCKS: tuple[Clock, ...] = (
    Clock(
        "approval", "审批", "提交之时", Key.APPROVAL_WORKING_DAYS, WORKING, "退回补正到重新提交之间",
        "办结", "有权审批的人员（临近、超期各一次）", "逐级报上级监管部门，最后报平台管理员",
        Application, Application.due_at,
        lambda: and_(Application.is_open.is_(True), Application.state.in_([s.value for s in WAITING_STATES])),
        Verb.APPLICATION_DECIDE, "/applications/queue",
    ),
    Clock(
        "sheet", "上传维保单", "签退之时", Key.SHEET_HOURS, HOURS, NEVER, "上传维保单",
        "维保单位（临近、超期各一次，合并为一条）", "不上报；逾期即不合规", Visit, Visit.sheet_due_at,
        lambda: Visit.awaiting_sheet.is_(True), Verb.VISIT_READ, "/visits/?tab=sheet", unit=Visit.unit_id,
        unit_verb=Verb.VISIT_APPROVE,
    ),
    Clock(
        "review", "使用单位复核", "签退之时", Key.REVIEW_DAYS, DAYS, NEVER, "复核，或现场签名",
        "使用单位（临近、超期各一次，合并为一条）", "不上报；逾期即不合规", Visit, Visit.review_due_at,
        lambda: Visit.awaiting_review.is_(True), Verb.VISIT_READ, "/visits/?tab=review", unit=Visit.use_unit_id,
        unit_verb=Verb.VISIT_REVIEW,
    ),
    Clock(
        "complaint_accept", "投诉接单", "投诉之时", Key.COMPLAINT_ACCEPT_HOURS, HOURS, NEVER, "承办单位接单",
        "维保单位（临近、超期各一次，合并为一条）", "不上报；逾期即不及时", Complaint, Complaint.due_at,
        lambda: and_(Complaint.state == "waiting", _STANDS), Verb.COMPLAINT_READ, "/complaints/?tab=waiting",
        unit=Complaint.unit_id, unit_verb=Verb.COMPLAINT_HANDLE,
    ),
    Clock(
        "complaint_handle", "投诉处置", "接单之时；退回重办的，退回之时", Key.COMPLAINT_HANDLE_HOURS, HOURS, NEVER,
        "承办单位处置", "维保单位（临近、超期各一次，合并为一条）", "不上报；逾期即不及时", Complaint, Complaint.due_at,
        lambda: and_(Complaint.state == "accepted", _STANDS), Verb.COMPLAINT_READ, "/complaints/?tab=accepted",
        unit=Complaint.unit_id, unit_verb=Verb.COMPLAINT_HANDLE,
    ),
    Clock(
        "complaint_review", "投诉复核", "处置之时", Key.COMPLAINT_REVIEW_HOURS, HOURS, NEVER, "使用单位复核",
        "使用单位（临近、超期各一次，合并为一条）", "不上报；逾期即不及时", Complaint, Complaint.due_at,
        lambda: and_(Complaint.state == "handled", _STANDS), Verb.COMPLAINT_READ, "/complaints/?tab=handled",
        unit=Complaint.use_unit_id, unit_verb=Verb.COMPLAINT_REVIEW,
    ),
    # Minutes do not wait for the round of notices: `rescue_help.act` tells and calls the next level by itself.
    Clock(
        "rescue_accept", "救援接单", "派单之时", Key.RESCUE_ACCEPT_MINUTES, MINUTES, NEVER, "救援单位接单",
        "坐席和救援单位，超过时立即", "升级到二级、三级救援", Rescue, Rescue.due_at,
        lambda: Rescue.status == "dispatched", Verb.RESCUE_READ, "/rescues/",
    ),
    Clock(
        "rescue_arrive", "救援到达", "接单之时", Key.RESCUE_ARRIVE_MINUTES, MINUTES, NEVER, "到达现场",
        "坐席和救援单位，超过时立即", "升级到二级、三级救援", Rescue, Rescue.due_at,
        lambda: Rescue.status == "accepted", Verb.RESCUE_READ, "/rescues/",
    ),
    Clock(
        "rescue_done", "救出", "接单之时", Key.RESCUE_DONE_MINUTES, MINUTES, NEVER, "救出被困人员",
        "救援中心置顶显示", "不上报；逾期即不合规", Rescue, Rescue.due_at,
        lambda: Rescue.status == "arrived", Verb.RESCUE_READ, "/rescues/",
    ),
    Clock(
        "repair_accept", "维修接单", "报修之时", Key.REPAIR_ACCEPT_HOURS, HOURS, NEVER, "维修员接单",
        "维保单位（临近、超期各一次，合并为一条）", "不上报；逾期即不及时", RepairOrder, RepairOrder.due_at,
        lambda: and_(_UNREPAIRED, _UNACCEPTED), Verb.REPAIR_READ, "/repairs/?tab=waiting", unit=RepairOrder.unit_id,
        unit_verb=Verb.REPAIR_ASSIGN,
    ),
    Clock(
        "repair_finish", "完成维修", "报修之时", Key.REPAIR_FINISH_HOURS, HOURS, NEVER, "维修员结束维修",
        "维保单位（临近、超期各一次，合并为一条）", "不上报；逾期即不及时", RepairOrder, RepairOrder.due_at,
        lambda: and_(_UNREPAIRED, or_(
            RepairOrder.state.in_(("accepted", "departed", "started")),
            and_(RepairOrder.state.in_(("waiting", "assigned")), RepairOrder.accept_hours.is_(None)),
        )),
        Verb.REPAIR_READ, "/repairs/?tab=sent", unit=RepairOrder.unit_id, unit_verb=Verb.REPAIR_ASSIGN,
    ),
    Clock(
        "enforcement_reply", "约谈、处罚的答复", "下达之时；退回整改的，退回之时",
        Key.ENFORCEMENT_REPLY_DAYS, DAYS, NEVER, "单位答复，或监管部门办结、撤销",
        "被约谈、处罚的单位（临近、超期各一次，合并为一条）", "不上报；逾期记为逾期答复",
        Enforcement, Enforcement.due_at, lambda: Enforcement.state == literal_column("'in_force'"),
        Verb.ENFORCEMENT_READ, "/enforcement/?tab=in_force", unit=Enforcement.unit_id,
        unit_verb=Verb.ENFORCEMENT_REPLY,
    ),
    Clock(
        "fraud_answer", "核查案件说明", "立案之时", Key.FRAUD_ANSWER_DAYS, DAYS, NEVER, "单位说明，或认定",
        "维保单位（临近、超期各一次，合并为一条）", "不上报；逾期可按现有记录认定", FraudCase, FraudCase.due_at,
        lambda: and_(FraudCase.state == "asked", _CASE_STANDS), Verb.FRAUD_CASE, "/fraud/cases/?tab=asked",
        unit=FraudCase.unit_id, unit_verb=Verb.FRAUD_ANSWER,
    ),
    Clock(
        "spot_fix", "抽查整改", "填写检查结果之时；退回的，退回之时", Key.SPOT_FIX_DAYS, DAYS, NEVER, "单位提交整改",
        "被检查单位（临近、超期各一次，合并为一条）", "不上报；列表标红", SpotCheck, SpotCheck.due_at,
        lambda: SpotCheck.state == "fixing", Verb.SPOT_READ, "/spot/checks/?tab=fixing",
        unit=SpotCheck.unit_id, unit_verb=Verb.SPOT_FIX,
    ),
    Clock(
        "maintenance", "维保期限", "上次计入的维保之日", Key.LIMIT_DAYS, DAYS, "停用或维保暂停期间",
        "计入的维保", "预警页和首页的数字", "不上报；逾期即超期记录", MaintenanceClock,
        MaintenanceClock.limit_on, lambda: MaintenanceClock.paused_on.is_(None), Verb.WARNING_READ,
        "/warnings/", by_day=True,
    ),
)  # fmt: skip

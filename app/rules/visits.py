"""The state of a visit, what stands in the way of a check-out, and the ninth elevator of a day (MNT-03 to MNT-09).

A state ages by clock alone, so a standing says when it must be looked at again. Durations are judged in whole
seconds, as people read them: 8:00:00 holds, 8:00:01 does not (T4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from app.errors import Finding
from app.rules.calendar import day_end, local_day, whole_seconds
from app.rules.checkin import distance_words
from app.rules.label_photos import UNDECIDED as LABEL_UNDECIDED
from app.rules.label_photos import LabelState, leaving_finding
from app.rules.labels import ended_finding
from app.rules.levels import Level
from app.wording import say, together


class VisitState(StrEnum):
    """待签退, 有效, 不合规, 无效, 异常, 审核中, 审批驳回, and awaiting = 待上传 or 待复核 or both."""

    OPEN = "open"
    VALID = "valid"
    NONCONFORMING = "nonconforming"
    VOID = "void"
    ABNORMAL = "abnormal"
    PENDING = "pending"
    REJECTED = "rejected"
    AWAITING = "awaiting"


_LONG = (Level.HALF_YEAR, Level.ANNUAL)


class VisitMode(StrEnum):
    """按系统维保项, 按上传维保单."""

    ITEMS = "items"
    SHEET = "sheet"


class Decision(StrEnum):
    """What the manager decided (quanzhou)."""

    APPROVED = "approved"
    REJECTED = "rejected"


class VisitReason(StrEnum):
    """Why a visit is not simply valid. OPEN_TOO_LONG is the tab 过期未签退."""

    OPEN_TOO_LONG = "open_too_long"
    TOO_SHORT = "too_short"
    NOT_ON_SITE = "not_on_site"
    FOUND_ABNORMAL = "found_abnormal"
    LATE_UPLOAD = "late_upload"
    OVER_DAILY = "over_daily"
    REJECTED = "rejected"
    LABEL_REJECTED = "label_rejected"
    UNDECIDED = "undecided"
    LABEL_UNDECIDED = "label_undecided"
    LABEL_ASKED = "label_asked"
    SHEET_LATE = "sheet_late"
    REVIEW_LATE = "review_late"
    SHEET_AWAITED = "sheet_awaited"
    REVIEW_AWAITED = "review_awaited"


REASON_LABELS = {
    VisitReason.OPEN_TOO_LONG: say("过期未签退"),
    VisitReason.TOO_SHORT: say("维保时间不足"),
    VisitReason.NOT_ON_SITE: say("非现场扫码"),
    VisitReason.FOUND_ABNORMAL: say("经核查为异常"),
    VisitReason.LATE_UPLOAD: say("超时上传"),
    VisitReason.OVER_DAILY: say("超量上传"),
    VisitReason.REJECTED: say("审批驳回"),
    VisitReason.LABEL_REJECTED: say("标签照片核对不通过"),
    VisitReason.UNDECIDED: say("等待审核"),
    VisitReason.LABEL_UNDECIDED: say("等待核对标签照片"),
    VisitReason.LABEL_ASKED: say("等待补拍标签照片"),
    VisitReason.SHEET_LATE: say("维保单未在时限内上传"),
    VisitReason.REVIEW_LATE: say("使用单位未在时限内复核"),
    VisitReason.SHEET_AWAITED: say("等待上传维保单"),
    VisitReason.REVIEW_AWAITED: say("等待使用单位复核"),
}


_LABEL_REASONS = {
    LabelState.WAITING: VisitReason.LABEL_UNDECIDED, LabelState.MORE: VisitReason.LABEL_ASKED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class VisitPolicy:
    """A region's numbers for visits; None = the platform has no such limit. How the presets map:

    | field | huzhou | nantong | quanzhou | shenzhen, xinxiang |
    |---|---|---|---|---|
    | min_minutes | 35 | 30 | None | None |
    | max_hours | 8 | None | None | None |
    | sheet_hours, sheet_makes_nonconforming | 24, True | None, False | None, False | None, False |
    | review_required, review_days | True, 15 | False, None | True, None (待确认 waits) | False, None |
    | upload_hours, daily_elevators | None, None | 8, 8 | None, None | None, None |
    | manager_approval | False | False | True | False |
    """

    min_minutes: int | None = None
    max_hours: int | None = None
    sheet_hours: int | None = None
    review_days: int | None = None
    upload_hours: int | None = None
    daily_elevators: int | None = None
    manager_approval: bool = False
    review_required: bool = False
    sheet_makes_nonconforming: bool = False
    persons: int = 1
    persons_long: int = 1

    def persons_at(self, level: Level) -> int:
        """How many people a visit of a level needs on site, whoever checked in among them (MNT-11)."""
        return max(self.persons, self.persons_long) if level in _LONG else self.persons


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """What is known of a visit. `decision` is the manager's; `label` stands where a photo of the label is looked at.

    `received_at` is the receipt of its end: what a phone kept without network arrives later than it happened.
    `abnormal`: found to be an anomaly by a person. `appeal_upheld`: whatever made it not count, or 不合规, is forgiven.
    """

    checked_in_at: datetime
    checked_out_at: datetime | None = None
    mode: VisitMode = VisitMode.ITEMS
    sheet_at: datetime | None = None
    signed_at: datetime | None = None
    reviewed_at: datetime | None = None
    received_at: datetime | None = None
    decision: Decision | None = None
    nth_of_day: int | None = None
    on_site: bool = True
    label: LabelState | None = None
    abnormal: bool = False
    appeal_upheld: bool = False


@dataclass(frozen=True, slots=True)
class VisitStanding:
    """A visit's state now. `next_change_at` is the first instant at which age alone changes state or flags."""

    state: VisitState
    awaiting_sheet: bool = False
    awaiting_review: bool = False
    reasons: tuple[VisitReason, ...] = ()
    next_change_at: datetime | None = None

    @property
    def reason(self) -> VisitReason | None:
        """The reason that decided; a visit that missed sheet and review names both in `reasons`."""
        return self.reasons[0] if self.reasons else None

    @property
    def key(self) -> str | None:
        """The reason that decided, as it is stored."""
        return self.reason.value if self.reason else None

    @property
    def words(self) -> str | None:
        """All reasons as they are stored in words."""
        return together((REASON_LABELS[reason] for reason in self.reasons), "；")[:200] or None


def counts_for_clock(state: VisitState) -> bool:
    """Whether a visit in this state re-anchors the clock: 有效, 待上传, 待复核, 不合规, and 审核中 provisionally.

    An open visit does not yet: the clock moves at check-out.
    """
    return state in COUNTED_STATES


COUNTED_STATES = frozenset(
    {VisitState.VALID, VisitState.AWAITING, VisitState.NONCONFORMING, VisitState.PENDING}
)


def sheet_deadline(checked_out_at: datetime, policy: VisitPolicy) -> datetime | None:
    """The last second in which the sheet is in time (T5: out 16:00, 24 h → next day 16:00:00)."""
    return None if policy.sheet_hours is None else checked_out_at + timedelta(hours=policy.sheet_hours)


def review_deadline(checked_out_at: datetime, policy: VisitPolicy) -> datetime | None:
    """The instant from which a review is late: the n-th day after check-out is over (T5: out 03-01 → 03-17 00:00)."""
    if policy.review_days is None:
        return None
    return day_end(local_day(checked_out_at) + timedelta(days=policy.review_days))


def _void_reason(facts: VisitFacts, policy: VisitPolicy, now: datetime) -> VisitReason | None:
    if not facts.on_site:
        return VisitReason.NOT_ON_SITE
    seconds = whole_seconds(facts.checked_in_at, facts.checked_out_at or now)
    if policy.max_hours is not None and seconds > policy.max_hours * 3600:
        return VisitReason.OPEN_TOO_LONG
    if facts.checked_out_at is not None and policy.min_minutes is not None and seconds < policy.min_minutes * 60:
        # Check-out refuses this; it can only come from a phone without network or from a take-over.
        return VisitReason.TOO_SHORT
    return None


def _abnormal_reason(facts: VisitFacts, policy: VisitPolicy) -> VisitReason | None:
    if facts.abnormal:
        return VisitReason.FOUND_ABNORMAL
    out_at, received_at = facts.checked_out_at, facts.received_at
    sent_seconds = 0 if out_at is None or received_at is None else whole_seconds(out_at, received_at)
    if policy.upload_hours is not None and sent_seconds > policy.upload_hours * 3600:
        return VisitReason.LATE_UPLOAD
    if policy.daily_elevators is not None and (facts.nth_of_day or 0) > policy.daily_elevators:
        return VisitReason.OVER_DAILY
    return None


def visit_state(facts: VisitFacts, policy: VisitPolicy, now: datetime) -> VisitStanding:
    """The state of a visit at an instant, by the table of the region's preset.

    The table's column 无效 is a class of three states, as the list of what does not count names them: not on site
    and open too long are 无效; nantong's 超时上传 and 超量上传 are 异常 (its own tab and Excel); 驳回 is 审批驳回.
    Where a manager approves, his word alone makes 有效; 待确认 then stays a flag and waits without limit (quanzhou).
    A label that was photographed is looked at beside that: each of the two may still turn the visit down.
    A late sheet or review is stored and does not heal; only an upheld appeal does.
    """
    if not facts.appeal_upheld and (void := _void_reason(facts, policy, now)) is not None:
        return VisitStanding(VisitState.VOID, reasons=(void,))
    if facts.checked_out_at is None:
        if facts.appeal_upheld:
            # Decided by an officer: nobody waits for its end any more.
            return VisitStanding(VisitState.VALID)
        if policy.max_hours is None:
            return VisitStanding(VisitState.OPEN)
        ages_at = facts.checked_in_at + timedelta(hours=policy.max_hours, seconds=1)
        return VisitStanding(VisitState.OPEN, next_change_at=ages_at)
    if not facts.appeal_upheld and (abnormal := _abnormal_reason(facts, policy)) is not None:
        return VisitStanding(VisitState.ABNORMAL, reasons=(abnormal,))
    if facts.decision is Decision.REJECTED:
        return VisitStanding(VisitState.REJECTED, reasons=(VisitReason.REJECTED,))
    if facts.label is LabelState.REJECTED and not facts.appeal_upheld:
        return VisitStanding(VisitState.REJECTED, reasons=(VisitReason.LABEL_REJECTED,))
    return _closed_state(facts, facts.checked_out_at, policy, now)


def _closed_state(facts: VisitFacts, out_at: datetime, policy: VisitPolicy, now: datetime) -> VisitStanding:
    """A checked-out visit that is neither void, abnormal nor rejected: sheet and review decide."""
    changes: list[datetime] = []
    late: list[VisitReason] = []
    awaiting_sheet = awaiting_review = False

    sheet_until = sheet_deadline(out_at, policy)
    if facts.mode is VisitMode.SHEET and sheet_until is not None:
        if whole_seconds(out_at, facts.sheet_at or now) <= (sheet_until - out_at) // timedelta(seconds=1):
            awaiting_sheet = facts.sheet_at is None
            if awaiting_sheet and policy.sheet_makes_nonconforming:
                changes.append(sheet_until + timedelta(seconds=1))
        elif policy.sheet_makes_nonconforming:
            late.append(VisitReason.SHEET_LATE)
        else:
            awaiting_sheet = facts.sheet_at is None

    if policy.review_required and facts.signed_at is None:
        review_until = review_deadline(out_at, policy)
        if review_until is not None and (facts.reviewed_at or now) >= review_until:
            late.append(VisitReason.REVIEW_LATE)
        elif facts.reviewed_at is None:
            awaiting_review = True
            if review_until is not None:
                changes.append(review_until)

    if facts.appeal_upheld:
        late = []
    undecided = [VisitReason.UNDECIDED] if policy.manager_approval and facts.decision is None else []
    if facts.label in LABEL_UNDECIDED:
        undecided.append(_LABEL_REASONS[facts.label])
    decided_by_manager = policy.manager_approval and facts.decision is Decision.APPROVED
    awaited = [VisitReason.SHEET_AWAITED] * awaiting_sheet + [VisitReason.REVIEW_AWAITED] * awaiting_review
    if undecided:
        state, reasons = VisitState.PENDING, [*undecided, *late, *awaited]
    elif late:
        state, reasons = VisitState.NONCONFORMING, [*late, *awaited]
    elif awaited and not decided_by_manager:
        state, reasons = VisitState.AWAITING, awaited
    else:
        state, reasons = VisitState.VALID, awaited
    return VisitStanding(state, awaiting_sheet, awaiting_review, tuple(reasons), min(changes, default=None))


@dataclass(frozen=True, slots=True)
class CheckOutFacts:
    """What a check-out brings. `distance_m` is None when the phone gave no location.

    `sent_later`: it happened without network and only arrives now. What has been too short or too long cannot be mended
    any more, so it stops nothing and the visit is stored as what it is (`visit_state`). `persons` on site, whoever
    checked in among them, as far as the number that is needed was looked at. `label_photos`: how
    many came, where the elevator was named by its number and the region asks for a photo of the label; None elsewhere.
    """

    checked_in_at: datetime
    at: datetime
    already_out: bool = False
    # None: nothing was scanned or typed.
    same_code: bool | None = True
    label_ended: str = ""
    distance_m: float | None = 0.0
    presence_m: int = 200
    mode: VisitMode = VisitMode.ITEMS
    open_items: int = 0
    missing_values: int = 0
    fault_text: str | None = ""
    sent_later: bool = False
    persons: int = 1
    persons_needed: int = 1
    label_photos: int | None = None


def _clock_text(seconds: int) -> str:
    hours, rest = divmod(max(seconds, 0), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"


def check_out_findings(facts: CheckOutFacts, policy: VisitPolicy) -> list[Finding]:
    """Everything that must hold to check out, failing and passing, all at once (MNT-03, MNT-04; T4).

    `fault_text` None = the field was not answered; "" means asked and nothing to report.
    """
    seconds = whole_seconds(facts.checked_in_at, facts.at)
    spent = _clock_text(seconds)
    out, ordered = facts.already_out, seconds >= 0
    findings = [
        Finding(
            "尚未签退",
            not out,
            "这次维保已经签退" if out else "正在维保",
            "请返回维保记录查看" if out else "",
        ),
        Finding(
            "签退时间",
            ordered,
            say("距签到 %(spent)s", spent=spent) if ordered else "签退早于签到",
            "" if ordered else "请把手机的日期和时间改为自动设置",
        ),
    ]
    level: Literal["fail", "warn"] = "warn" if facts.sent_later else "fail"
    if policy.min_minutes is not None:
        wait = policy.min_minutes * 60 - seconds
        findings.append(
            Finding(
                "维保时间不足" if wait > 0 else "维保时间",
                wait <= 0,
                say("已维保 %(spent)s，至少 %(min_minutes)s 分钟", spent=spent, min_minutes=policy.min_minutes),
                say("请再过 %(n)s 分钟签退", n=-(-wait // 60)) if wait > 0 else "",
                level=level,
            )
        )
    if policy.max_hours is not None:
        over = seconds > policy.max_hours * 3600
        found = say(
            "已维保 %(spent)s，最多 %(max_hours)s 小时%(more)s",
            spent=spent,
            max_hours=policy.max_hours,
            more="，本次维保已无效" if over else "",
        )
        findings.append(Finding("过期未签退", not over, found, "请重新签到维保" if over else "", level=level))
    findings.append(
        ended_finding(facts.label_ended) if facts.label_ended else Finding(
            "同一台电梯",
            bool(facts.same_code),
            "扫的是签到的电梯" if facts.same_code else "没有扫码，也没有填写识别码" if facts.same_code is None
            else "扫的不是签到的那台电梯",
            "" if facts.same_code else "请扫描或填写正在维保的电梯的识别码" if facts.same_code is None
            else "请扫描正在维保的电梯的二维码",
        )
    )
    if facts.label_photos is not None:
        findings.append(leaving_finding(facts.label_photos))
    if facts.distance_m is None:
        findings.append(Finding("定位未打开", False, "没有取得手机位置", "请打开手机定位并允许使用，再试一次"))
    else:
        near = facts.distance_m <= facts.presence_m
        found = say(
            "距电梯约 %(distance_words)s，要求 %(presence_m)s 米内",
            distance_words=distance_words(facts.distance_m),
            presence_m=facts.presence_m,
        )
        remedy = "" if near else "请回到电梯现场再签退；位置标错时请单位文员或主账号更正电梯档案"
        findings.append(Finding("电梯位置较远" if not near else "在电梯现场", near, found, remedy))
    if facts.mode is VisitMode.ITEMS:
        done = facts.open_items == 0
        found = "全部已填" if done else say("还有 %(open_items)s 项没有结果", open_items=facts.open_items)
        findings.append(Finding("维保项目", done, found, "" if done else "请逐项选择正常、修理或不适用", field="items"))
        measured = facts.missing_values == 0
        found = (
            "全部已填"
            if measured
            else say("还有 %(missing_values)s 项没有填实测值", missing_values=facts.missing_values)
        )
        findings.append(Finding("实测值", measured, found, "" if measured else "请填写实测值", field="items"))
    if facts.persons_needed > 1:
        enough = facts.persons >= facts.persons_needed
        found = say("%(persons)s 人在现场，要求至少 %(needed)s 人", persons=facts.persons, needed=facts.persons_needed)
        remedy = "请另一名维保员用自己的账号扫描这台电梯的二维码，选“加入这次维保”"
        findings.append(Finding("在现场的人数", enough, found, "" if enough else remedy, level=level))
    told = facts.fault_text is not None
    findings.append(
        Finding(
            "故障反馈",
            told,
            "已填写" if told else "没有填写",
            "" if told else "请填写故障反馈，没有故障请选“无故障”",
            field="fault_text",
        )
    )
    return findings


@dataclass(frozen=True, slots=True)
class DayVisit:
    """One visit of a worker's day, for counting elevators."""

    visit_id: int
    elevator_id: int
    received_at: datetime


def nth_elevators(visits: Iterable[DayVisit]) -> dict[int, int]:
    """For each visit of one worker on one visit day: the rank of its elevator, in order of receipt.

    Distinct elevators are counted, so a second visit to an elevator shares the rank of its first. Two received in
    the same instant go by their id. With a limit of eight the first eight elevators stand.
    """
    ranks: dict[int, int] = {}
    nth: dict[int, int] = {}
    for visit in sorted(visits, key=lambda v: (v.received_at, v.visit_id)):
        nth[visit.visit_id] = ranks.setdefault(visit.elevator_id, len(ranks) + 1)
    return nth

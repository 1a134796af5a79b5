"""What becomes of a repair (REP-01 to REP-03): its steps, their order in time, the limits that run. Pure.

待派工 → 待接单 → 已接单 → 已出发 → 维修中 → (待审批 →) 已处理. A worker who is there already need not set out, and a
phone without a net may tell all times with the end: what was not pressed is written down, and marked as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.errors import Finding
from app.rules.deadlines import Deadline, due_after_hours
from app.rules.steps import after
from app.wording import say


class RepairState(StrEnum):
    """待派工 待接单 已接单 已出发 维修中 待审批 已处理 已撤销."""

    WAITING = "waiting"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    DEPARTED = "departed"
    STARTED = "started"
    ENDED = "ended"
    DONE = "done"
    CANCELLED = "cancelled"


class RepairVerb(StrEnum):
    """派工 收回 接单 出发 开始 结束 审批通过 审批驳回 撤销 移交."""

    ASSIGN = "dispatch"
    TAKE_BACK = "take_back"
    ACCEPT = "accept"
    DEPART = "depart"
    START = "start"
    END = "hand_in"
    FINISH = "finish"
    APPROVE = "approve"
    REJECT = "reject"
    CANCEL = "cancel"
    HAND_ON = "hand_on"


class Step(StrEnum):
    """The steps that have a limit."""

    ACCEPT = "accept"
    FINISH = "finish"


_S, _V = RepairState, RepairVerb
STATE_LABELS = {
    _S.WAITING: say("待派工"), _S.ASSIGNED: say("待接单"), _S.ACCEPTED: say("已接单"), _S.DEPARTED: say("已出发"),
    _S.STARTED: say("维修中"), _S.ENDED: say("待审批"), _S.DONE: say("已处理"), _S.CANCELLED: say("已撤销"),
}  # fmt: skip
VERB_LABELS = {
    _V.ASSIGN: say("派工"), _V.TAKE_BACK: say("收回派工"), _V.ACCEPT: say("接单"), _V.DEPART: say("出发"),
    _V.START: say("开始维修"), _V.END: say("结束维修"), _V.FINISH: say("结束维修"), _V.APPROVE: say("审批通过"),
    _V.REJECT: say("审批驳回"), _V.CANCEL: say("撤销"), _V.HAND_ON: say("移交"),
}  # fmt: skip
STEP_LABELS = {Step.ACCEPT: say("接单"), Step.FINISH: say("完成维修")}
OPEN_STATES = frozenset({_S.WAITING, _S.ASSIGNED, _S.ACCEPTED, _S.DEPARTED, _S.STARTED, _S.ENDED})
# Nobody has begun to repair: it may be given to another, or to nobody.
BEFORE_START = (_S.WAITING, _S.ASSIGNED, _S.ACCEPTED, _S.DEPARTED)
_ON_THE_WAY = (_S.ASSIGNED, _S.ACCEPTED, _S.DEPARTED, _S.STARTED)
MOVES = {
    (_S.WAITING, _V.ASSIGN): _S.ASSIGNED,
    # A worker takes what lies there, at night for instance, when nobody assigns.
    (_S.WAITING, _V.ACCEPT): _S.ACCEPTED,
    (_S.ASSIGNED, _V.ACCEPT): _S.ACCEPTED,
    (_S.ACCEPTED, _V.DEPART): _S.DEPARTED,
    (_S.ACCEPTED, _V.START): _S.STARTED,
    (_S.DEPARTED, _V.START): _S.STARTED,
    **{(state, _V.END): _S.ENDED for state in _ON_THE_WAY},
    **{(state, _V.FINISH): _S.DONE for state in _ON_THE_WAY},
    (_S.ENDED, _V.APPROVE): _S.DONE,
    (_S.ENDED, _V.REJECT): _S.STARTED,
    **{(state, _V.TAKE_BACK): _S.WAITING for state in BEFORE_START[1:]},
    **{(state, _V.HAND_ON): _S.WAITING for state in BEFORE_START[1:]},
    **{(state, _V.CANCEL): _S.CANCELLED for state in BEFORE_START},
}
# What was heard before is not so any more.
TAKES_BACK = (_V.TAKE_BACK, _V.HAND_ON, _V.REJECT)
# A second assignment changes the people and no state.
REASSIGNS = BEFORE_START[1:]

# The use unit is asked for so long whether it is mended; what it says later counts as well.
ASKED_FOR = timedelta(days=30)
LONGEST_TEXT, LONGEST_NOTE, LONGEST_USE_NOTE = 500, 500, 140
MOST_HELPERS = 10
# The same elevator, level and words of the same account are one tap made twice.
SAME_WITHIN = timedelta(minutes=10)
TIMES = ("accepted_at", "departed_at", "started_at", "ended_at")
TIME_LABELS = {
    "accepted_at": say("接单时间"), "departed_at": say("出发时间"), "started_at": say("开始维修时间"),
    "ended_at": say("结束维修时间"),
}  # fmt: skip
# Without these no end is told; who went by foot from the next house never set out.
NEEDED = ("accepted_at", "started_at", "ended_at")


@dataclass(frozen=True, slots=True)
class Hours:
    """The limits of a repair as they were on its day; None: there is none."""

    accept: int | None
    finish: int | None


def repair_move(state: RepairState, verb: RepairVerb) -> RepairState:
    """The state after the verb, or a refusal that says what the order is now."""
    found = say("维修工单现为“%(state)s”，不能%(verb)s", state=STATE_LABELS[state], verb=VERB_LABELS[verb])
    return after(MOVES, state, verb, "维修工单", found)


def sending_findings(state: RepairState, name: str, his: bool) -> list[Finding]:
    """What keeps an order among many from being sent out: it is with that worker, or another has taken it.

    `name`: whom it is with; `his`: it would be sent to the same. What nobody has, and what its worker has not taken
    yet, may be sent; what is over is told by its own move.
    """
    if his and state is _S.ASSIGNED:
        return [Finding("维修指派", False, say("已派给%(name)s，等待接单", name=name), field="worker_id")]
    if his and state in OPEN_STATES:
        return [Finding("维修指派", False, say("已由%(name)s办理", name=name), field="worker_id")]
    if state in (_S.ACCEPTED, _S.DEPARTED):
        remedy = "如需改派，请打开这张工单单独办理"
        return [Finding("维修指派", False, say("已由%(name)s接单", name=name), remedy, "worker_id")]
    return []


def running(
    reported_at: datetime, accepted: bool, ended: bool, hours: Hours
) -> tuple[Step, Deadline] | None:  # fmt: skip
    """The limit that runs. Both are counted from the report: who accepts late gains no time."""
    if ended:
        return None
    if not accepted and hours.accept is not None:
        return Step.ACCEPT, Deadline(reported_at, due_after_hours(reported_at, hours.accept))
    if hours.finish is not None:
        return Step.FINISH, Deadline(reported_at, due_after_hours(reported_at, hours.finish))
    return None


def late_steps(
    reported_at: datetime, accept_heard: datetime | None, end_heard: datetime | None, hours: Hours, now: datetime
) -> list[Step]:
    """The steps that were late or are late by now, by when they were heard of: a time told afterwards proves none."""
    found = []
    for step, heard, limit in ((Step.ACCEPT, accept_heard, hours.accept), (Step.FINISH, end_heard, hours.finish)):
        if limit is not None and (heard or now) >= due_after_hours(reported_at, limit):
            found.append(step)
    return found


@dataclass(frozen=True, slots=True)
class Heard:
    """When acceptance and end were heard of; an acceptance that was told with the end was heard with it."""

    accepted_at: datetime | None = None
    ended_at: datetime | None = None


def heard_then(steps: Iterable[tuple[RepairVerb, datetime]]) -> Heard:
    """What was heard of an order by its steps, in order."""
    accepted = ended = None
    for verb, at in steps:
        if verb is RepairVerb.ACCEPT:
            accepted = at
        elif verb in (RepairVerb.END, RepairVerb.FINISH):
            accepted, ended = accepted or at, at
        elif verb is RepairVerb.REJECT:
            ended = None
        elif verb in TAKES_BACK:
            accepted = None
    return Heard(accepted, ended)


def time_findings(
    reported_at: datetime, times: Mapping[str, datetime | None], now: datetime, slack: timedelta
) -> list[Finding]:
    """Every needed time is there, in order, not before the report and not after now.

    What is typed has no seconds: within the minute of the step before it is in order.
    """
    findings: list[Finding] = []
    last, last_label = reported_at, say("报修时间")
    for name in TIMES:
        label, at = TIME_LABELS[name], times.get(name)
        if at is None:
            if name in NEEDED:
                findings.append(Finding(label, False, "没有填写", "请填写，或在当时按下按钮", field=name))
            continue
        if at > now + slack:
            findings.append(Finding(label, False, "在将来", "请填写已经发生的时间", field=name))
        elif at < last.replace(second=0, microsecond=0):
            found = say("早于%(before)s", before=last_label)
            findings.append(Finding(label, False, found, "请按先后顺序填写", field=name))
        else:
            last, last_label = at, label
    return findings


def kept_findings(
    name: str, at: datetime, before: Sequence[tuple[str, datetime | None]], now: datetime, slack: timedelta
) -> list[Finding]:
    """Of a step that a phone kept: not in the future, not before a step that was before it. Phones' seconds differ."""
    label = TIME_LABELS[name]
    if at > now + slack:
        return [Finding(label, False, "在将来", "请把手机的日期和时间改为自动设置后再发送", field=name)]
    for word, then in before:
        if then is not None and at < then - slack:
            remedy = "请放弃这一步，结束维修时补填这个时间"
            return [Finding(label, False, say("早于%(before)s", before=word), remedy, field=name)]
    return []


def report_findings(level: str, known: Mapping[str, object], fault: str, note: str) -> list[Finding]:
    """故障级别 is one of the list; 其他原因 needs words."""
    ok = level in known
    findings = [Finding("故障级别", ok, "" if ok else "没有选择", "" if ok else "请选择故障级别", field="level")]
    if level == "other" and not fault:
        findings.append(Finding("故障描述", False, "没有填写", "选了“其他原因”，请写明情况", field="fault"))
    return [*findings, *length_findings(("fault", "故障描述", fault), ("note", "备注", note))]


def length_findings(*texts: tuple[str, str, str], most: int = LONGEST_TEXT) -> list[Finding]:
    """Of `field, label, text` those that are longer than `most` signs."""
    return [
        Finding(label, False, say("%(count)s 个字", count=len(text)), say("最多 %(most)s 个字", most=most), field=field)
        for field, label, text in texts if len(text) > most
    ]  # fmt: skip


def end_findings(cause: str, causes: Mapping[str, object], action: str, restored: bool | None) -> list[Finding]:
    """What an end says: why it broke, what was done, whether the elevator runs again."""
    known = cause in causes
    return [
        Finding("故障原因", known, "" if known else "没有选择", "" if known else "请选择故障原因", field="cause"),
        Finding("处理情况", bool(action), "" if action else "没有填写", "" if action else "请写明做了什么",
            field="action"),
        Finding("恢复运行", restored is not None, "" if restored is not None else "没有选择",
            "" if restored is not None else "请选择电梯是否已恢复运行", field="restored"),
    ]  # fmt: skip


def answer_findings(state: str, answered: bool, taken_over: bool, fixed: bool | None, note: str) -> list[Finding]:
    """What stands in the way of the use unit's word on a repair; 仍有问题 says what is wrong."""
    ended = state == RepairState.DONE
    now = STATE_LABELS.get(RepairState(state), "")
    found = [
        Finding("维修工单", ended, say("现为“%(state)s”", state=now), "维修结束后再确认", field="state"),
        Finding("使用单位确认", not answered, "已经确认过", "又有故障的，请另行报修", field="answer"),
        Finding("既往记录", not taken_over, "是从原平台接管的记录", "又有故障的，请另行报修"),
        Finding("确认", fixed is not None, "没有选择", "请选择“确认修好”或“仍有问题”", field="answer"),
    ]
    if fixed is False or note:
        found.append(reason_finding(note, "仍有什么问题", "请写明还有什么问题", field="answer_note"))
    return found


def reason_finding(text: str, rule: str, remedy: str, *, field: str) -> Finding:
    """Words that a step needs."""
    if len(text) > LONGEST_NOTE:
        found = say("%(count)s 个字", count=len(text))
        return Finding(rule, False, found, say("最多 %(most)s 个字", most=LONGEST_NOTE), field=field)
    return Finding(rule, bool(text), "" if text else "没有填写", "" if text else remedy, field=field)

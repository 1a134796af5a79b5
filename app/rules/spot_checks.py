"""Risk that a spot check goes by, each part of it shown, and a check's way from the door to its end (TGT-01). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.errors import Finding
from app.rules.steps import after
from app.wording import say

LONGEST = 1000


class Part(StrEnum):
    """What makes a risk; the last two are of the unit that maintains it."""

    OVERDUE = "overdue"
    UNCOVERED = "uncovered"
    FAILED = "failed"
    INSPECTION = "inspection"
    COMPLAINT = "complaint"
    AGE = "age"
    FRAUD = "fraud"
    SCORE = "score"


PART_LABELS = {
    Part.OVERDUE: say("维保超期（次）"), Part.UNCOVERED: say("脱保"), Part.FAILED: say("检验不合格（次）"),
    Part.INSPECTION: say("检验过期"), Part.COMPLAINT: say("投诉（件）"), Part.AGE: say("超龄（年）"),
    Part.FRAUD: say("签到疑点（个）"), Part.SCORE: say("有效率失分"),
}  # fmt: skip


# A part as it stands beside its points; the labels above say what one of it is.
PART_NAMES = PART_LABELS | {
    Part.OVERDUE: say("维保超期"), Part.FAILED: say("检验不合格"), Part.COMPLAINT: say("投诉"), Part.AGE: say("超龄"),
    Part.FRAUD: say("签到疑点"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Weights:
    """The policy's points of one of each part, and how many of a part count at most."""

    of: Mapping[Part, int]
    most: int


def parts_of(counts: Mapping[Part, int], weights: Weights) -> dict[str, int]:
    """The points of each part that has any, in hundredths. `counts` are hundredths, too: a mean over a unit's
    elevators is no whole number."""
    found = {}
    for part in Part:
        count = min(counts.get(part, 0), 100 * weights.most)
        points = count * weights.of[part]
        if points > 0:
            found[part.value] = points
    return found


def risk_of(parts: Mapping[str, int]) -> int:
    """A risk is the sum of its parts, nothing else."""
    return sum(parts.values())


def per_elevator(count: int, elevators: int) -> int:
    """Hundredths for ten elevators, half up: a unit with many is not risky for that alone."""
    return (count * 1000 * 2 + elevators) // (2 * elevators) if elevators else 0


class CheckState(StrEnum):
    """待检查 合格 待整改 待复查 整改完成 未检查."""

    WAITING = "waiting"
    FINE = "fine"
    FIXING = "fixing"
    FIXED = "fixed"
    CLOSED = "closed"
    VOID = "void"


class CheckVerb(StrEnum):
    """合格 发现问题 提交整改 通过 退回 不检查."""

    PASS = "find_good"
    FAIL = "fail"
    FIX = "fix"
    CONFIRM = "confirm"
    SEND_BACK = "send_back"
    SKIP = "skip"


_S, _V = CheckState, CheckVerb
STATE_LABELS = {
    _S.WAITING: say("待检查"), _S.FINE: say("检查合格"), _S.FIXING: say("待整改"), _S.FIXED: say("待复查"),
    _S.CLOSED: say("整改完成"), _S.VOID: say("未检查"),
}  # fmt: skip
VERB_LABELS = {
    _V.PASS: say("填写结果"), _V.FAIL: say("填写结果"), _V.FIX: say("提交整改"), _V.CONFIRM: say("通过复查"),
    _V.SEND_BACK: say("退回整改"), _V.SKIP: say("标为未检查"),
}  # fmt: skip
MOVES = {
    (_S.WAITING, _V.PASS): _S.FINE,
    (_S.WAITING, _V.FAIL): _S.FIXING,
    (_S.WAITING, _V.SKIP): _S.VOID,
    (_S.FIXING, _V.FIX): _S.FIXED,
    (_S.FIXED, _V.CONFIRM): _S.CLOSED,
    (_S.FIXED, _V.SEND_BACK): _S.FIXING,
}


def check_move(state: CheckState, verb: CheckVerb) -> CheckState:
    """The state after the verb, or a refusal that says what the check is now."""
    found = say("这项检查现为“%(state)s”，不能%(verb)s", state=STATE_LABELS[state], verb=VERB_LABELS[verb])
    return after(MOVES, state, verb, "抽查", found)


def words_finding(words: str, rule: str, name: str) -> Finding:
    count = len(words)
    found = say("%(count)s 个字", count=count) if count else "没有填写"
    return Finding(rule, 0 < count <= LONGEST, found, say("请填写 1 至 %(most)s 个字", most=LONGEST), field=name)


def result_findings(passed: bool | None, findings: str, demand: str) -> list[Finding]:
    """A result says what was seen; a problem also what is to be done about it."""
    found = [
        Finding("检查结果", passed is not None, "没有选择", "请选择合格或发现问题", field="passed"),
        words_finding(findings, "检查情况", "findings"),
    ]
    if passed is False:
        found.append(words_finding(demand, "整改要求", "demand"))
    return found

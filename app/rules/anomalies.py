"""What becomes of an anomaly (ANO-02): found, confirmed or not, and how it ended. Pure.

待审核 → 待处理 → 已处理. Whoever reviews it may end it in the same stroke: a false alarm needs no second look, and
people who are trapped do not wait for one.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from app.errors import Finding
from app.rules.steps import after
from app.wording import say


class AnomalyState(StrEnum):
    """待审核 待处理 已处理."""

    FOUND = "found"
    CONFIRMED = "confirmed"
    CLOSED = "closed"


class AnomalyVerb(StrEnum):
    """确认 排除 现场已处理 转维修 转救援."""

    CONFIRM = "confirm"
    DISMISS = "dismiss"
    SETTLE = "solve"
    REPAIR = "repair"
    RESCUE = "rescue"


_S, _V = AnomalyState, AnomalyVerb
STATE_LABELS = {_S.FOUND: say("待审核"), _S.CONFIRMED: say("待处理"), _S.CLOSED: say("已处理")}
VERB_LABELS = {
    _V.CONFIRM: say("确认"), _V.DISMISS: say("排除"), _V.SETTLE: say("现场已处理"), _V.REPAIR: say("转维修"),
    _V.RESCUE: say("转救援"),
}  # fmt: skip
OUTCOME = {_V.DISMISS: "dismissed", _V.SETTLE: "settled", _V.REPAIR: "repair", _V.RESCUE: "rescue"}
MOVES = {
    (_S.FOUND, _V.CONFIRM): _S.CONFIRMED,
    **{(state, verb): _S.CLOSED for state in (_S.FOUND, _S.CONFIRMED) for verb in OUTCOME},
}
# These end without anybody being sent: why must stand there.
NEEDS_NOTE = frozenset({_V.DISMISS, _V.SETTLE})
# Which level of a repair an anomaly makes where nobody says another.
REPAIR_LEVEL_OF = {"trapped": "trapped", "stopped": "stopped", "power": "stopped", "offline": "other"}
LONGEST_TEXT, LONGEST_NOTE = 500, 500
# What an anomaly holds of all that was told of it while it stood open.
LONGEST_BODY = 2000
# A worker may write down in the evening what he saw in the morning.
OLDEST = timedelta(days=7)


def anomaly_move(state: AnomalyState, verb: AnomalyVerb) -> AnomalyState:
    """The state after the verb, or a refusal that says what it is now."""
    found = say("异常现为“%(state)s”，不能%(verb)s", state=STATE_LABELS[state], verb=VERB_LABELS[verb])
    return after(MOVES, state, verb, "电梯异常", found)


def text_finding(text: str) -> Finding:
    """People say what they saw; a device need not."""
    if len(text) > LONGEST_TEXT:
        found = say("%(count)s 个字", count=len(text))
        return Finding("异常描述", False, found, say("最多 %(most)s 个字", most=LONGEST_TEXT), field="body")
    return Finding(
        "异常描述", bool(text), "" if text else "没有填写", "" if text else "请写明看到了什么", field="body"
    )


def note_finding(verb: AnomalyVerb, note: str) -> Finding:
    """Why it ended so."""
    if len(note) > LONGEST_NOTE:
        found = say("%(count)s 个字", count=len(note))
        return Finding("处理说明", False, found, say("最多 %(most)s 个字", most=LONGEST_NOTE), field="note")
    ok = bool(note) or verb not in NEEDS_NOTE
    remedy = {_V.DISMISS: "请写明为什么不是异常", _V.SETTLE: "请写明做了什么"}.get(verb, "")
    return Finding("处理说明", ok, "" if ok else "没有填写", "" if ok else remedy, field="note")

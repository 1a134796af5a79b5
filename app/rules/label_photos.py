"""补数据: a 识别码 that is typed where a region asks for a photo of the label, and what becomes of it (MNT-06).

At check-in as at check-out, each with a photo of its own, for the two ends are proved apart. Whoever types a number
need not stand before its label; the photo is what a person looks at afterwards. Until then the visit is 审核中 and
counts provisionally; a picture that shows too little is asked for once more.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from app.errors import Finding
from app.rules.steps import after
from app.wording import say

LONGEST_REASON = 500


class LabelBy(StrEnum):
    """Who looks at the photos of a region's labels; the policy's value."""

    NONE = "none"
    UNIT = "unit"
    REGULATOR = "regulator"


class LabelState(StrEnum):
    """审核中, 补数据, 通过, 不通过."""

    WAITING = "waiting"
    MORE = "more"
    APPROVED = "approved"
    REJECTED = "rejected"


class LabelVerb(StrEnum):
    """签退时附照片, 要求补拍, 补拍, 通过, 不通过."""

    BRING = "bring_label"
    ASK = "ask_label"
    SUPPLY = "supply_label"
    APPROVE = "approve_label"
    REJECT = "reject_label"


_S, _V = LabelState, LabelVerb
MOVES: dict[tuple[LabelState | None, LabelVerb], LabelState] = {
    # Begun by a scan, ended by number.
    (None, _V.BRING): _S.WAITING,
    (_S.WAITING, _V.APPROVE): _S.APPROVED,
    (_S.WAITING, _V.REJECT): _S.REJECTED,
    (_S.WAITING, _V.ASK): _S.MORE,
    (_S.MORE, _V.SUPPLY): _S.WAITING,
    # Nobody waits for ever for a picture that does not come.
    (_S.MORE, _V.REJECT): _S.REJECTED,
}
# What a reviewer chooses between, by the state that it leads to.
DECISIONS = {_S.APPROVED.value: _V.APPROVE, _S.REJECTED.value: _V.REJECT, _S.MORE.value: _V.ASK}
UNDECIDED = frozenset({_S.WAITING, _S.MORE})


def label_move(state: LabelState | None, verb: LabelVerb) -> LabelState:
    """The state after a step; a refusal for one that there is not."""
    return after(MOVES, state, verb, "标签照片", "现在不能办理这一步")


def photo_finding(photos: int | None, by: str) -> Finding:
    """Whether the photo is there that a check-in by number needs; `photos` None: asked beforehand, nothing sent."""
    if photos:
        return Finding("标签照片", True, say("%(n)s 张", n=photos), field="label")
    who = say("维保单位的经理") if by == LabelBy.UNIT else say("监管部门")
    level: Literal["fail", "warn"] = "warn" if photos is None else "fail"
    return Finding(
        "标签照片", False,
        say("这次是按识别码签到，须有标签照片，由%(who)s核对", who=who) if photos is None
        else say("这次是按识别码签到，没有标签照片"),
        say("请拍下电梯里的标签，二维码和识别码都要拍到；二维码扫得出来时请扫码签到，不用拍照"),
        level=level, field="label",
    )  # fmt: skip


def leaving_finding(photos: int) -> Finding:
    """Whether a check-out by number has a photo of its own: that of the check-in shows where he was before."""
    return Finding(
        "签退标签照片", photos > 0, say("%(n)s 张", n=photos) if photos else say("这次是按识别码签退，没有标签照片"),
        "" if photos else say("请拍下电梯里的标签，二维码和识别码都要拍到；二维码扫得出来时请扫码签退，不用拍照"),
        field="label_out",
    )  # fmt: skip


def decision_findings(
    state: LabelState | None, decision: str, reason: str, *, running: bool, counts: bool, newest: bool
) -> list[Finding]:
    """Whether a reviewer may decide this now, and has said enough.

    `running`: not checked out of yet; `counts`: neither 无效 nor 异常, where nothing is left to decide. `newest`: the
    photo that he looked at is the last one that came.
    """
    verb, words = DECISIONS.get(decision), reason.strip()
    waits, told = state in UNDECIDED, verb in (LabelVerb.REJECT, LabelVerb.ASK)
    possible = (state, verb) in MOVES or not waits or verb is None
    return [
        _said("待核对", waits, "标签照片等待核对", "这条记录没有等待核对的标签照片", "请刷新列表"),
        _said("已签退", not running, "维保员已签退", "这次维保还没有签退", "请等维保员签退后再核对"),
        _said("记录状态", counts or running, "等待核对", "这条记录已经不计入，不用核对", "请刷新列表"),
        _said("决定", verb is not None, "已选择", "没有选择", "请选择通过、补拍或不通过", "decision"),
        _said("补拍", possible, "不在等补拍", "正在等维保员补拍", "请等补拍的照片，或选择不通过", "decision"),
        _said("照片已更新", newest or verb is LabelVerb.REJECT, "是最新的照片", "页面上的不是最新的照片",
              "请看过新照片再决定", "seen"),
        _said("理由", bool(words) or not told, "已写明", "没有写明理由", "请写明哪里不符、要补拍什么", "reason"),
        Finding("理由", len(words) <= LONGEST_REASON, say("有 %(count)s 个字", count=len(words)),
                say("最多 %(longest)s 个字", longest=LONGEST_REASON), field="reason"),
    ]  # fmt: skip


def _said(rule: str, ok: bool, good: str, bad: str, remedy: str, field: str | None = None) -> Finding:
    return Finding(rule, ok, good if ok else bad, "" if ok else remedy, field=field)

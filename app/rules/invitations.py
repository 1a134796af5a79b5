"""An invitation to join a unit (PER-01): its five states, who may be invited where, and when a link still opens."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from app.errors import Finding
from app.rules.steps import after
from app.wording import say


class InvitationState(StrEnum):
    """邀请中, 待完善, 审核中, 已结束, 已驳回; and an invitation that was taken back."""

    INVITED = "invited"
    DRAFT = "draft"
    REVIEW = "review"
    ENDED = "ended"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class InvitationVerb(StrEnum):
    """What moves it: the invitee accepts and submits, the manager ends or rejects, whoever invited cancels."""

    ACCEPT = "accept"
    SUBMIT = "submit"
    END = "end"
    REJECT = "reject"
    CANCEL = "cancel"


STATE_LABELS = {
    InvitationState.INVITED: say("邀请中"),
    InvitationState.DRAFT: say("待完善（草稿）"),
    InvitationState.REVIEW: say("审核中"),
    InvitationState.ENDED: say("已结束"),
    InvitationState.REJECTED: say("已驳回"),
    InvitationState.CANCELLED: say("已取消"),
}
VERB_LABELS = {
    InvitationVerb.ACCEPT: say("同意邀请"), InvitationVerb.SUBMIT: say("提交资料"), InvitationVerb.END: say("审核通过"),
    InvitationVerb.REJECT: say("驳回"), InvitationVerb.CANCEL: say("取消邀请"),
}  # fmt: skip

_S, _V = InvitationState, InvitationVerb
MOVES: dict[tuple[InvitationState, InvitationVerb], InvitationState] = {
    (_S.INVITED, _V.ACCEPT): _S.DRAFT,
    (_S.DRAFT, _V.SUBMIT): _S.REVIEW,
    # Rejected is not the end: the invitee fills in again.
    (_S.REJECTED, _V.SUBMIT): _S.REVIEW,
    (_S.REVIEW, _V.END): _S.ENDED,
    (_S.REVIEW, _V.REJECT): _S.REJECTED,
    **{(state, _V.CANCEL): _S.CANCELLED for state in (_S.INVITED, _S.DRAFT, _S.REVIEW, _S.REJECTED)},
}
# Who has joined or was sent away needs no page any more.
CLOSED = frozenset({_S.ENDED, _S.CANCELLED})
# 邀请中 can't be edited: nobody has agreed to anything yet.
FILLED_IN = frozenset({_S.DRAFT, _S.REJECTED})

MAINTENANCE_KINDS = ("head", "head_worker", "manager", "worker", "clerk")
USE_KINDS = ("use_head", "safety_officer")
# Without the certificate nobody works on an elevator.
CERTIFIED_KINDS = frozenset({"worker", "head_worker"})
TOKEN_LENGTH = 43


def invitation_move(state: InvitationState, verb: InvitationVerb) -> InvitationState:
    """The state after the verb, or a refusal that says what the invitation is now."""
    found = say("邀请现为“%(state)s”，不能%(verb)s", state=STATE_LABELS[state], verb=VERB_LABELS[verb])
    return after(MOVES, state, verb, "入职邀请", found)


def kinds_for(*, is_maintenance: bool, is_use: bool) -> tuple[str, ...]:
    """Which kinds of people a unit has."""
    return (MAINTENANCE_KINDS if is_maintenance else ()) + (USE_KINDS if is_use else ())


def kind_finding(kind: str, kinds: Collection[str]) -> Finding:
    """Whether the unit has this kind of people at all."""
    ok = kind in kinds
    found = "可以邀请" if ok else "没有选择" if not kind else "该单位没有这类人员"
    return Finding("人员类型", ok, found, "" if ok else "请从列表选择该单位的人员类型", field="kind", value=kind)


def link_finding(state: InvitationState, approved: bool, expires_at: datetime | None, at: datetime) -> Finding:
    """Whether the invitee's link opens now. Why it does not is for the unit to know, not for whoever holds a link."""
    in_time = expires_at is not None and at < expires_at
    ok = state not in CLOSED and approved and in_time
    if ok:
        return Finding("邀请链接", True, "有效")
    if state in CLOSED:
        found, remedy = say("邀请%(state)s", state=STATE_LABELS[state]), "需要时请重新邀请"
    elif not approved:
        found, remedy = "邀请还没有经主管审批", "请等待审批"
    else:
        found, remedy = "链接已过期", "请邀请人重新生成链接"
    return Finding("邀请链接", False, found, remedy)


def poster_finding(used: int, most: int, expires_at: datetime, at: datetime) -> Finding:
    """Whether one more person may ask to join by a QR picture."""
    if at >= expires_at:
        return Finding("邀请码", False, "邀请码已过期", "请向单位索取新的邀请码")
    if used >= most:
        return Finding("邀请码", False, say("最多 %(most)s 人，已用完", most=most), "请向单位索取新的邀请码")
    return Finding("邀请码", True, say("已用 %(used)s 人，最多 %(most)s 人", used=used, most=most))

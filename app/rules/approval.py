"""Applications and filings on their way to a decision (LIF-07, UNT-05)."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from app.errors import Finding
from app.rules.steps import after
from app.wording import say, together


class ApplicationState(StrEnum):
    """草稿, 待受理, 待审批, 待复审, 退回补正, 通过, 不通过, 已撤回."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    ENDORSED = "endorsed"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class ApplicationVerb(StrEnum):
    """What can be done with an application or a filing."""

    SUBMIT = "submit"
    ACCEPT = "accept"
    RETURN_ = "return"
    ENDORSE = "endorse"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    RESUBMIT = "resubmit"
    CALL_OFF = "call_off"
    ASK_REVOKE = "ask_revoke"
    REVOKE = "revoke"
    HAND_ON = "hand_on"


class FilingState(StrEnum):
    """审核状态: 待上报, 审核中, 通过, 不通过."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


# What its unit may still change and hand in, as it is stored.
EDITABLE = (FilingState.DRAFT.value, FilingState.REJECTED.value)


class InfoState(StrEnum):
    """信息状态: 新增, 更改, 正常使用."""

    NEW = "new"
    CHANGED = "changed"
    NORMAL = "normal"


STATE_LABELS = {
    ApplicationState.DRAFT: say("草稿"),
    ApplicationState.SUBMITTED: say("待受理"),
    ApplicationState.ACCEPTED: say("待审批"),
    ApplicationState.ENDORSED: say("待复审"),
    ApplicationState.RETURNED: say("退回补正"),
    ApplicationState.APPROVED: say("通过"),
    ApplicationState.REJECTED: say("不通过"),
    ApplicationState.WITHDRAWN: say("已撤回"),
}

FILING_LABELS = {
    FilingState.DRAFT: say("待上报"),
    FilingState.PENDING: say("审核中"),
    FilingState.APPROVED: say("通过"),
    FilingState.REJECTED: say("不通过"),
}

VERB_LABELS = {
    ApplicationVerb.SUBMIT: say("提交"),
    ApplicationVerb.ACCEPT: say("受理"),
    ApplicationVerb.RETURN_: say("退回补正"),
    ApplicationVerb.ENDORSE: say("初审同意"),
    ApplicationVerb.APPROVE: say("同意"),
    ApplicationVerb.REJECT: say("不通过"),
    ApplicationVerb.WITHDRAW: say("撤回"),
    ApplicationVerb.RESUBMIT: say("重新提交"),
    ApplicationVerb.CALL_OFF: say("生效前取消"),
    ApplicationVerb.ASK_REVOKE: say("提出撤销批准"),
    ApplicationVerb.REVOKE: say("撤销批准"),
    ApplicationVerb.HAND_ON: say("移交所在地区"),
}

_S, _V = ApplicationState, ApplicationVerb

# Strict: nothing is decided before it is accepted, so that the acceptance clock always has an end.
# A desk that accepts and approves in one click performs both moves and leaves both rows.
APPLICATION_MOVES: dict[tuple[ApplicationState, ApplicationVerb], ApplicationState] = {
    (_S.DRAFT, _V.SUBMIT): _S.SUBMITTED,
    (_S.DRAFT, _V.WITHDRAW): _S.WITHDRAWN,
    (_S.SUBMITTED, _V.ACCEPT): _S.ACCEPTED,
    (_S.SUBMITTED, _V.RETURN_): _S.RETURNED,
    (_S.SUBMITTED, _V.WITHDRAW): _S.WITHDRAWN,
    (_S.ACCEPTED, _V.RETURN_): _S.RETURNED,
    (_S.ACCEPTED, _V.APPROVE): _S.APPROVED,
    (_S.ACCEPTED, _V.REJECT): _S.REJECTED,
    (_S.ACCEPTED, _V.WITHDRAW): _S.WITHDRAWN,
    # Where policy asks for two persons, the first one's 同意 is an endorsement; the second decides.
    (_S.ACCEPTED, _V.ENDORSE): _S.ENDORSED,
    (_S.ENDORSED, _V.RETURN_): _S.RETURNED,
    (_S.ENDORSED, _V.APPROVE): _S.APPROVED,
    (_S.ENDORSED, _V.REJECT): _S.REJECTED,
    (_S.ENDORSED, _V.WITHDRAW): _S.WITHDRAWN,
    # What it is about has moved away from the office that endorsed it: the new one begins anew.
    (_S.ENDORSED, _V.HAND_ON): _S.ACCEPTED,
    (_S.RETURNED, _V.RESUBMIT): _S.SUBMITTED,
    (_S.RETURNED, _V.WITHDRAW): _S.WITHDRAWN,
    # Only of what waits for its day; whether it does, the workflow asks (`effects.may_be_called_off`).
    (_S.APPROVED, _V.CALL_OFF): _S.WITHDRAWN,
    # The same by an officer: where two approved, the first one only asks.
    (_S.APPROVED, _V.ASK_REVOKE): _S.APPROVED,
    (_S.APPROVED, _V.REVOKE): _S.WITHDRAWN,
}
# What is done with an approval that waits for its day: the state alone does not say whether it can be.
BEFORE_ITS_DAY = frozenset({_V.CALL_OFF, _V.ASK_REVOKE, _V.REVOKE})
# Done by no person, and so offered to none.
BY_ITSELF = frozenset({_V.HAND_ON})

# A filing knows four states only. 退回 is 不通过 with an opinion: the unit mends and submits again.
# Withdrawing unlocks: the version is a draft again. An approved version never moves; an edit starts a new draft.
FILING_MOVES: dict[tuple[FilingState, ApplicationVerb], FilingState] = {
    (FilingState.DRAFT, _V.SUBMIT): FilingState.PENDING,
    (FilingState.PENDING, _V.APPROVE): FilingState.APPROVED,
    (FilingState.PENDING, _V.REJECT): FilingState.REJECTED,
    (FilingState.PENDING, _V.RETURN_): FilingState.REJECTED,
    (FilingState.PENDING, _V.WITHDRAW): FilingState.DRAFT,
    (FilingState.REJECTED, _V.RESUBMIT): FilingState.PENDING,
    (FilingState.REJECTED, _V.SUBMIT): FilingState.PENDING,
}

OPEN_STATES = frozenset({_S.DRAFT, _S.SUBMITTED, _S.ACCEPTED, _S.ENDORSED, _S.RETURNED})
WAITING_STATES = frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.ENDORSED})


def verbs_possible(state: ApplicationState) -> list[ApplicationVerb]:
    """What can be done with an application now, in the order of the enum; calling off asks for more than a state."""
    return [v for v in ApplicationVerb if (state, v) in APPLICATION_MOVES and v not in BEFORE_ITS_DAY | BY_ITSELF]


def filing_verbs_possible(state: FilingState) -> list[ApplicationVerb]:
    """What can be done with a filing now, in the order of the enum."""
    return [verb for verb in ApplicationVerb if (state, verb) in FILING_MOVES]


def _remedy(verbs: list[ApplicationVerb]) -> str:
    return (
        say("现在可以：%(names)s", names=together(VERB_LABELS[v] for v in verbs))
        if verbs
        else "已办结，不能再改；需要变更请另行提出"
    )


def application_move(state: ApplicationState, verb: ApplicationVerb) -> ApplicationState:
    """The state after a verb, or a refusal that says what is possible instead."""
    found = say("申请现为“%(state)s”，不能%(verb)s", state=STATE_LABELS[state], verb=VERB_LABELS[verb])
    return after(APPLICATION_MOVES, state, verb, "申请流程", found, _remedy(verbs_possible(state)), field="verb")


def filing_move(state: FilingState, verb: ApplicationVerb) -> FilingState:
    """The state of a filing after a verb, or a refusal that says what is possible instead."""
    found = say("备案现为“%(state)s”，不能%(verb)s", state=FILING_LABELS[state], verb=VERB_LABELS[verb])
    return after(FILING_MOVES, state, verb, "备案流程", found, _remedy(filing_verbs_possible(state)), field="verb")


def needs_reason(verb: ApplicationVerb) -> bool:
    """Whoever is turned down must read why. Approving, and withdrawing what is one's own, need no reason."""
    return verb in (ApplicationVerb.RETURN_, ApplicationVerb.REJECT)


def reason_finding(verb: ApplicationVerb, reason: str) -> Finding:
    """Whether the reason that a verb needs was given; blanks are none."""
    ok = not needs_reason(verb) or bool(reason.strip())
    found = "已写明" if ok else say("%(verb)s没有写明理由", verb=VERB_LABELS[verb])
    remedy = "" if ok else "请在意见中写明理由，申请人会看到"
    return Finding("审批理由", ok, found, remedy, field="reason", value=reason)


# What nobody agrees to unread: each puts another's judged record right, by its own evidence.
_ONE_BY_ONE = {"appeal"}


def one_by_one(kind: str, verb: ApplicationVerb) -> Finding:
    """Whether an application of this kind may be decided so among many others."""
    ok = verb is not ApplicationVerb.APPROVE or kind not in _ONE_BY_ONE
    found = "可以批量办理" if ok else "这种申请须逐件看过证据后才能同意"
    return Finding("批量办理", ok, found, "" if ok else "请打开这件申请，单独办理", field="verb")


class SecondApproval(StrEnum):
    """Which applications need two officers, by policy."""

    NONE = "none"
    SCRAPPING = "scrapping"
    LASTING = "lasting"
    ALL = "all"


# What can't be taken back by a later application: the elevator is gone, or somebody else's.
_LASTING = {"scrapping", "unit_change", "registration_change"}


def needs_second(policy: str, kind: str) -> bool:
    """Whether an application of this kind is endorsed by one officer and approved by another."""
    match SecondApproval(policy):
        case SecondApproval.NONE:
            return False
        case SecondApproval.SCRAPPING:
            return kind == "scrapping"
        case SecondApproval.LASTING:
            return kind in _LASTING
        case SecondApproval.ALL:
            return True


def info_state(approved_before: bool, state: FilingState) -> InfoState:
    """信息状态: 新增 until a first approval, 更改 while an approved one has an open change, else 正常使用."""
    if state is FilingState.APPROVED:
        return InfoState.NORMAL
    return InfoState.CHANGED if approved_before else InfoState.NEW


def may_decide(
    applicant_id: int,
    officer_id: int,
    *,
    subject_regions: Collection[str],
    officer_region: str,
    applicant_unit_id: int | None = None,
    officer_unit_id: int | None = None,
    decided_by: Collection[int] = (),
) -> list[Finding]:
    """Who may decide: never the applicant or his unit, only a region that contains the subject, never twice.

    `subject_regions` is the subject's region with all its ancestors, nearest or farthest first.
    `decided_by` are those who decided an earlier step: a second approval needs a second person.
    The applicant is the person who submitted; an account of the same unit is the same interest.
    """
    own = officer_id == applicant_id
    same_unit = officer_unit_id is not None and officer_unit_id == applicant_unit_id
    inside = officer_region in subject_regions
    again = officer_id in decided_by
    return [
        Finding(
            "申请人不得审批",
            not own,
            "您是申请人" if own else "您不是申请人",
            "请由其他有权的人员审批" if own else "",
        ),
        Finding(
            "申请单位不得审批",
            not same_unit,
            "您属于申请单位" if same_unit else "您不属于申请单位",
            "请由监管部门审批" if same_unit else "",
        ),
        Finding(
            "审批辖区",
            inside,
            "在您的辖区内"
            if inside
            else say("所在地区不在您的辖区（%(officer_region)s）内", officer_region=officer_region),
            "" if inside else "请由所在地区或其上级的监管部门审批",
        ),
        Finding(
            "两级审批须由两人",
            not again,
            "您已审批过前一级" if again else "您没有审批过前一级",
            "请由另一位有权的人员审批" if again else "",
        ),
    ]

"""A case about signals (FRD-01): 立案 → 单位说明 → 认定. It never punishes by itself and changes no score. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from app.errors import Finding
from app.rules.steps import after
from app.wording import say

LONGEST = 1000
# A case holds what one can read through.
MOST_SIGNALS = 100


class CaseState(StrEnum):
    """待说明 待认定 已结案."""

    ASKED = "asked"
    ANSWERED = "answered"
    CLOSED = "closed"


class CaseVerb(StrEnum):
    ANSWER = "answer"
    DECIDE = "decide"


class CaseOutcome(StrEnum):
    """不成立 警示 移交执法."""

    UNFOUNDED = "unfounded"
    WARNED = "warned"
    HANDED = "handed"


STATE_LABELS = {
    CaseState.ASKED: say("待说明"), CaseState.ANSWERED: say("待认定"), CaseState.CLOSED: say("已结案"),
}  # fmt: skip
VERB_LABELS = {CaseVerb.ANSWER: say("说明"), CaseVerb.DECIDE: say("认定")}
MOVES = {
    (CaseState.ASKED, CaseVerb.ANSWER): CaseState.ANSWERED,
    (CaseState.ASKED, CaseVerb.DECIDE): CaseState.CLOSED,
    (CaseState.ANSWERED, CaseVerb.DECIDE): CaseState.CLOSED,
}


def case_move(state: CaseState, verb: CaseVerb) -> CaseState:
    """The state after the verb, or a refusal that says what the case is now."""
    found = say("案件现为“%(state)s”，不能%(verb)s", state=STATE_LABELS[state], verb=VERB_LABELS[verb])
    return after(MOVES, state, verb, "核查案件", found)


def opening_findings(
    signals: Sequence[tuple[int, int | None, bool]], question: str
) -> list[Finding]:
    """Whether a case may be opened: signals of one unit that nobody looks into yet, and a question.

    Each signal is (its unit, its case, whether it was set aside).
    """
    units, taken = {unit for unit, _case, _aside in signals}, [s for s in signals if s[1] is not None]
    aside = sum(1 for s in signals if s[2])
    count = len(signals)
    return [
        Finding("疑点", 0 < count <= MOST_SIGNALS, say("选了 %(n)s 个", n=count),
            say("请选择 1 至 %(m)s 个疑点", m=MOST_SIGNALS), field="signals"),
        Finding("疑点", len(units) <= 1, say("属于 %(n)s 个单位", n=len(units)), "一个案件只问一个单位，请分开立案",
            field="signals"),
        Finding("疑点", not taken, say("%(n)s 个已在其他案件中", n=len(taken)), "请去掉这些疑点", field="signals"),
        Finding("疑点", not aside, say("%(n)s 个已排除", n=aside), "请去掉这些疑点", field="signals"),
        words_finding(question, "要求说明的问题", "question"),
    ]  # fmt: skip


def words_finding(words: str, rule: str, name: str, most: int = LONGEST) -> Finding:
    """Words that a step needs."""
    count = len(words)
    found = say("%(count)s 个字", count=count) if count else "没有填写"
    return Finding(rule, 0 < count <= most, found, say("请填写 1 至 %(most)s 个字", most=most), field=name)


def deciding_findings(
    state: CaseState, due_at: datetime | None, now: datetime, outcome: str, reason: str
) -> list[Finding]:
    """Whoever is asked is heard first: against him nothing is decided before he answered or his time is over."""
    heard = state is not CaseState.ASKED or outcome == CaseOutcome.UNFOUNDED or (due_at is not None and now >= due_at)
    known = outcome in set(CaseOutcome)
    return [
        Finding("认定", known, "没有选择" if not outcome else "不在候选之内", "请选择不成立、警示或移交执法",
            field="outcome"),
        Finding("听取说明", heard, "单位还在说明期限内", "请等单位说明或期限届满后再认定；查明不成立的可以现在结案",
            field="outcome"),
        words_finding(reason, "认定理由", "reason"),
    ]  # fmt: skip

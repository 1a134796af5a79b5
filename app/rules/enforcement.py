"""约谈, 警告 and 立案处罚 of a unit (ANO-03): their steps, who may take which, and what must be written. Pure.

草稿 → 待整改 → 待核查 → 已办结. A 立案处罚 goes by a second person in between: the first proposes, the second decides
or sends the draft back. An answer that is not enough goes back to the unit with a limit of its own. Whatever has not
ended may be taken back with a reason; nothing is ever deleted, and what was taken back stays to be read.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from app.errors import Finding, Refusal, refuse
from app.rules.calendar import day_finding
from app.rules.steps import after
from app.wording import say


class EnforcementKind(StrEnum):
    """约谈 警告 立案处罚, the heaviest last."""

    TALK = "talk"
    WARNING = "warning"
    PENALTY = "penalty"


class EnforcementState(StrEnum):
    """草稿 待第二人决定 待整改 待核查 已办结 已撤销."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    REPLIED = "replied"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class EnforcementVerb(StrEnum):
    """下达 提请 决定 退回 答复 退回整改 办结 撤销 申诉成立."""

    ISSUE = "issue"
    PROPOSE = "propose"
    DECIDE = "decide"
    RETURN_ = "return"
    REPLY = "reply"
    SEND_BACK = "send_back"
    CLOSE = "close"
    WITHDRAW = "withdraw"
    OVERTURN = "overturn"


_K, _S, _V = EnforcementKind, EnforcementState, EnforcementVerb
KIND_LABELS = {_K.TALK: say("约谈"), _K.WARNING: say("警告"), _K.PENALTY: say("立案处罚")}
KIND_PREFIX = {_K.TALK: "YT", _K.WARNING: "JG", _K.PENALTY: "LA"}
STATE_LABELS = {
    _S.DRAFT: say("草稿"), _S.PROPOSED: say("待第二人决定"), _S.IN_FORCE: say("待整改"), _S.REPLIED: say("待核查"),
    _S.CLOSED: say("已办结"), _S.WITHDRAWN: say("已撤销"),
}  # fmt: skip
VERB_LABELS = {
    _V.ISSUE: say("下达"), _V.PROPOSE: say("提请决定"), _V.DECIDE: say("决定"), _V.RETURN_: say("退回修改"),
    _V.REPLY: say("答复"), _V.SEND_BACK: say("退回整改"), _V.CLOSE: say("办结"), _V.WITHDRAW: say("撤销"),
    _V.OVERTURN: say("因申诉撤销"),
}  # fmt: skip
MOVES = {
    (_S.DRAFT, _V.ISSUE): _S.IN_FORCE,
    (_S.DRAFT, _V.PROPOSE): _S.PROPOSED,
    (_S.PROPOSED, _V.DECIDE): _S.IN_FORCE,
    (_S.PROPOSED, _V.RETURN_): _S.DRAFT,
    (_S.IN_FORCE, _V.REPLY): _S.REPLIED,
    (_S.REPLIED, _V.SEND_BACK): _S.IN_FORCE,
    # A unit that never answers does not keep a case open for ever.
    (_S.IN_FORCE, _V.CLOSE): _S.CLOSED,
    (_S.REPLIED, _V.CLOSE): _S.CLOSED,
    **{(state, _V.WITHDRAW): _S.WITHDRAWN for state in (_S.DRAFT, _S.PROPOSED, _S.IN_FORCE, _S.REPLIED)},
    # An appeal may be upheld when the case has long been closed.
    **{(state, _V.OVERTURN): _S.WITHDRAWN for state in (_S.IN_FORCE, _S.REPLIED, _S.CLOSED)},
}
LONGEST_FACTS, LONGEST_NOTE, LONGEST_NUMBER = 2000, 500, 60
MOST_EVIDENCE, MOST_FILES = 100, 20
LEAST_DAYS, MOST_DAYS = 1, 180
# A paper is dated the day on which somebody types it in, or somewhat before; never after.
OLDEST = timedelta(days=365)


def enforcement_move(state: EnforcementState, verb: EnforcementVerb) -> EnforcementState:
    """The state after the verb, or a refusal that says what the case is now."""
    found = say("现为“%(state)s”，不能%(verb)s", state=STATE_LABELS[state], verb=VERB_LABELS[verb])
    return after(MOVES, state, verb, "监管执法", found)


def needs_second(kind: str) -> bool:
    """Whether one officer alone cannot put it into force."""
    return kind == EnforcementKind.PENALTY


def content_findings(
    kind: str, decided_on: date | None, facts: str, demand: str, legal_basis: str, document_no: str,
    reply_days: int | None, evidence: int, today: date,
) -> list[Finding]:  # fmt: skip
    """All that is wrong with what was written, at once. A 立案处罚 says what it stands on and under which number."""
    known = kind in set(EnforcementKind)
    heavy = kind == EnforcementKind.PENALTY
    found = [
        Finding("类别", known, "" if known else "没有选择", "" if known else "请选择约谈、警告或立案处罚",
                field="kind"),
        *_day(decided_on, today),
        _text("事实", facts, "facts", LONGEST_FACTS, "请写明什么时间、哪台电梯、什么问题"),
        _text("整改要求", demand, "demand", LONGEST_FACTS, "请写明要求单位做什么", required=not heavy),
        _text("依据", legal_basis, "legal_basis", LONGEST_FACTS, "立案处罚须写明依据", required=heavy),
        _text("文书号", document_no, "document_no", LONGEST_NUMBER, "立案处罚须填写文书号", required=heavy),
    ]
    ok = reply_days is not None and LEAST_DAYS <= reply_days <= MOST_DAYS
    told = "没有填写" if reply_days is None else say("%(n)s 天", n=reply_days)
    found.append(Finding(
        "答复期限", ok, told, "" if ok else say("请填写 %(a)s 至 %(b)s 天", a=LEAST_DAYS, b=MOST_DAYS),
        field="reply_days",
    ))  # fmt: skip
    held = (evidence > 0 or not heavy) and evidence <= MOST_EVIDENCE
    way = say("最多 %(n)s 条", n=MOST_EVIDENCE) if evidence > MOST_EVIDENCE else "立案处罚须附上至少一条证据"
    found.append(
        Finding("证据", held, say("%(n)s 条", n=evidence), "" if held else way, field="evidence")
    )
    return found


def _day(on: date | None, today: date) -> list[Finding]:
    if on is None:
        return [Finding("日期", False, "没有填写", "请选择约谈或决定的日期", field="decided_on")]
    near = today - OLDEST <= on <= today
    way = "" if near else say("请填写 %(a)s 至 %(b)s 之间的日期", a=today - OLDEST, b=today)
    return [day_finding(on, "decided_on", "日期"), Finding("日期", near, say("%(on)s", on=on), way, field="decided_on")]


def _text(rule: str, text: str, field: str, longest: int, remedy: str, *, required: bool = True) -> Finding:
    if len(text) > longest:
        found = say("%(count)s 个字", count=len(text))
        return Finding(rule, False, found, say("最多 %(most)s 个字", most=longest), field=field)
    ok = bool(text) or not required
    return Finding(rule, ok, "" if ok else "没有填写", "" if ok else remedy, field=field)


def note_finding(note: str, rule: str, remedy: str, *, field: str = "note", longest: int = LONGEST_NOTE) -> Finding:
    """Words that a step needs."""
    return _text(rule, note, field, longest, remedy)


def unknown_evidence(text: str) -> Refusal:
    """A key that names no record that there is."""
    return refuse("证据", say("没有找到“%(text)s”这条证据，或不在您的管辖范围内", text=text[:40]), "请从列表重新选择",
                  field="evidence", value=text[:40])  # fmt: skip

"""What becomes of a bulletin 通报 (STA-03): 草稿 → 已核对 → 已印发; what is issued never changes. Pure.

Figures come from the counting alone; persons write texts beside them. Whoever drafted it neither checks nor issues it;
who checked it may issue it, and the record then says so.
A mistake in an issued one is put right by a new one that names it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from app.errors import Finding
from app.rules.periods import Period
from app.rules.steps import LOOK_AGAIN, after
from app.wording import say

LONGEST_TEXT = 2000
MOST_PARAGRAPHS = 30
LONGEST_OFFICE = 60
LONGEST_MARK = 20
# What XML, and so a .docx, can't hold; surrogates and the like never get past the door.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_MARK = re.compile(r"[\w\u3400-\u9fff·]{1,20}")


class BulletinState(StrEnum):
    """草稿 已核对 已印发 已作废."""

    DRAFT = "draft"
    CHECKED = "checked"
    ISSUED = "issued"
    DISCARDED = "discarded"


class BulletinVerb(StrEnum):
    """核对 退回修改 签发 作废."""

    CHECK = "check"
    SEND_BACK = "send_back"
    ISSUE = "issue"
    DISCARD = "discard"


_S, _V = BulletinState, BulletinVerb
STATE_LABELS = {_S.DRAFT: say("草稿"), _S.CHECKED: say("已核对"), _S.ISSUED: say("已印发"), _S.DISCARDED: say("已作废")}
VERB_LABELS = {_V.CHECK: say("核对"), _V.SEND_BACK: say("退回修改"), _V.ISSUE: say("签发"), _V.DISCARD: say("作废")}
_MOVES = {
    (_S.DRAFT, _V.CHECK): _S.CHECKED, (_S.CHECKED, _V.SEND_BACK): _S.DRAFT, (_S.CHECKED, _V.ISSUE): _S.ISSUED,
    (_S.DRAFT, _V.DISCARD): _S.DISCARDED, (_S.CHECKED, _V.DISCARD): _S.DISCARDED,
}  # fmt: skip


def bulletin_move(state: BulletinState, verb: BulletinVerb) -> BulletinState:
    """The next state, or a refusal that says what may be done."""
    found = say("%(state)s的通报不能%(verb)s", state=STATE_LABELS[state], verb=VERB_LABELS[verb])
    remedy = "已印发的通报不能改；有误请另行印发更正" if state is _S.ISSUED else LOOK_AGAIN
    return after(_MOVES, state, verb, "通报状态", found, remedy)


def cleaned(text: str) -> str:
    """A text as it is kept: composed, lines trimmed, blank lines gone."""
    lines = (" ".join(line.split()) for line in unicodedata.normalize("NFC", text).replace("\r", "\n").split("\n"))
    return "\n".join(line for line in lines if line)


def paragraphs(text: str) -> list[tuple[str, str]]:
    """The structure of a text: ("p", …) for each line, ("item", …) for those that begin with “- ”. Nothing else."""
    return [
        ("item", line[2:].strip()) if line.startswith("- ") else ("p", line) for line in cleaned(text).split("\n")
        if line and line != "-"
    ]  # fmt: skip


def text_findings(texts: Mapping[str, str], known: Mapping[str, str]) -> list[Finding]:
    """What is wrong with the texts of a draft; `known` are the parts that have one, with their titles."""
    found = []
    for name, text in texts.items():
        title = known.get(name, name[:20])
        fits = len(text) <= LONGEST_TEXT and len(paragraphs(text)) <= MOST_PARAGRAPHS
        writable = not _UNWRITABLE.search(text.replace("\r", ""))
        found += [
            Finding(title, name in known, "没有这一部分", "请刷新页面后再编辑", field=name[:40]),
            Finding(
                title, fits, say("%(n)s 个字，%(p)s 段", n=len(text), p=len(paragraphs(text))),
                say("最多 %(n)s 个字、%(p)s 段", n=LONGEST_TEXT, p=MOST_PARAGRAPHS), field=name[:40],
            ),
            Finding(title, writable, "含有不能印出的控制字符", "请删去后重新输入", field=name[:40]),
        ]  # fmt: skip
    return found


def head_findings(office: str, mark: str) -> list[Finding]:
    """The issuing office and the letters before the number."""
    named = 2 <= len(office) <= LONGEST_OFFICE and not _UNWRITABLE.search(office)
    return [
        Finding(
            "发文机关", named, office[:20] or "没有填写", say("请填写 2 至 %(n)s 个字", n=LONGEST_OFFICE),
            field="office",
        ),
        Finding(
            "机关代字", bool(_MARK.fullmatch(mark)), mark[:20] or "没有填写",
            say("请填写 1 至 %(n)s 个汉字、字母或数字", n=LONGEST_MARK), field="mark",
        ),
    ]  # fmt: skip


def period_finding(period: Period, today: date) -> Finding:
    """A bulletin tells of a time that is over."""
    over = period.last < today
    return Finding(
        "期间", over, say("%(period)s还没有结束", period=period.words), say("请在 %(day)s 之后生成", day=period.last),
        field="period",
    )  # fmt: skip


def second_finding(drafted: bool) -> Finding:
    """Checked and issued by somebody else than whoever drafted it or wrote in it."""
    remedy = "请由另一位有权的人员核对、签发"
    return Finding("须由第二人办理", not drafted, "您是拟稿人或编辑过这份通报", remedy, field="by")


def one_hand_finding(same: bool) -> Finding:
    """Checked and issued by one person is allowed, for an office may have two of them only, and never left unsaid."""
    said = "核对和签发由同一人办理" if same else "核对和签发由两人办理"
    remedy = "有其他可以签发的人员时，请由他签发" if same else ""
    return Finding("核对与签发", not same, said, remedy, level="warn")


def number_text(mark: str, year: int, serial: int) -> str:
    """发文字号: 澜市监特〔2026〕3 号."""
    return say("%(mark)s〔%(year)s〕%(serial)s号", mark=mark, year=year, serial=serial)

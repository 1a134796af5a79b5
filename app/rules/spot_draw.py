"""A draw that anybody can work out again from its printed record (TGT-01). Pure: SHA-256, whole numbers and sorting.

1. Published first: the draw's number, the list (a line each: code, risk in hundredths and its parts, with
   tabs between; ordered by code), its length and SHA-256, the quota and its shares, and the SHA-256 of a secret number.
2. Then a public text is entered, and the secret is told. Seed = SHA-256 of the lines number, secret, public text.
   Whoever made the list could not know the text, whoever enters the text cannot know the secret.
3. A ticket is SHA-256 of `seed|stratum|code`, as hexadecimal text; the lowest ones win.
   High risk = the first ⌈N × top ÷ 100⌉ of the list by risk, falling, then by the ticket of stratum `top`.
   Drawn by risk = the quota's share, rounded half up, with the lowest tickets of stratum `risk` among high risk.
   Drawn at random = the rest of the quota with the lowest tickets of stratum `random` among all that are left.
4. Inspectors: for each chosen one in order, two of those who need not keep out, first who has fewest so far, then by
   the ticket `seed|inspector|code|account`.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.errors import Finding
from app.rules.steps import after
from app.wording import say

MOST_DRAWN, MOST_INSPECTORS, TEAM = 500, 200, 2
SHORTEST_SEED, LONGEST_SEED, LONGEST_TITLE, LONGEST_REASON = 6, 200, 80, 200
LONGEST_DAYS = 366


class DrawState(StrEnum):
    """已公布 已抽取 已作废."""

    ANNOUNCED = "announced"
    DRAWN = "drawn"
    CANCELLED = "cancelled"


class DrawVerb(StrEnum):
    DRAW = "draw"
    CANCEL = "cancel"


STATE_LABELS = {
    DrawState.ANNOUNCED: say("已公布，待抽取"), DrawState.DRAWN: say("已抽取"), DrawState.CANCELLED: say("已作废"),
}  # fmt: skip
VERB_LABELS = {DrawVerb.DRAW: say("抽取"), DrawVerb.CANCEL: say("作废")}
MOVES = {
    (DrawState.ANNOUNCED, DrawVerb.DRAW): DrawState.DRAWN,
    (DrawState.ANNOUNCED, DrawVerb.CANCEL): DrawState.CANCELLED,
    (DrawState.DRAWN, DrawVerb.CANCEL): DrawState.CANCELLED,
}


def draw_move(state: DrawState, verb: DrawVerb) -> DrawState:
    """The state after the verb: what was drawn is never drawn again."""
    found = say("抽查现为“%(state)s”，不能%(verb)s", state=STATE_LABELS[state], verb=VERB_LABELS[verb])
    return after(MOVES, state, verb, "抽查", found, "每次抽取只做一次；需要另抽请新建抽查，原来的保留")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the list: its code, its risk in hundredths, and what that is made of (`overdue=1000;age=400`)."""

    code: str
    risk: int
    parts: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was drawn, in the order in which it is printed."""

    code: str
    stratum: str


@dataclass(frozen=True, slots=True)
class Inspector:
    """Who may be sent, and the units of which he keeps out."""

    id: int
    keeps_out: frozenset[int] = frozenset()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def listed(candidates: Iterable[Candidate]) -> str:
    """The list as it is published and digested."""
    return "".join(f"{one.code}\t{one.risk}\t{one.parts}\n" for one in sorted(candidates, key=lambda one: one.code))


def read_list(text: str) -> list[Candidate]:
    lines = (line.split("\t") for line in text.splitlines())
    return [Candidate(code, int(risk), parts) for code, risk, parts in lines]


def parts_text(parts: Mapping[str, int]) -> str:
    return ";".join(f"{name}={points}" for name, points in parts.items())


def parts_of_text(text: str) -> dict[str, int]:
    pairs = (pair.split("=") for pair in text.split(";") if pair)
    return {name: int(points) for name, points in pairs}


def seed_of(number: str, secret: str, public: str) -> str:
    return digest(f"{number}\n{secret}\n{public}")


def ticket(seed: str, *words: object) -> str:
    return digest("|".join(map(str, (seed, *words))))


def shares(quota: int, risk_percent: int) -> tuple[int, int]:
    """How many are drawn by risk (half up) and how many at random."""
    by_risk = (quota * risk_percent + 50) // 100
    return by_risk, quota - by_risk


def high_risk(candidates: Sequence[Candidate], top_percent: int, seed: str) -> list[Candidate]:
    """Those with the highest risk; where many are alike at the edge, the ticket decides."""
    count = -(-len(candidates) * top_percent // 100)
    return sorted(candidates, key=lambda one: (-one.risk, ticket(seed, "top", one.code)))[:count]


def draw(
    candidates: Sequence[Candidate], quota: int, risk_percent: int, top_percent: int, seed: str
) -> list[Chosen]:
    """What the seed chooses. Where high risk is fewer than its share, the rest is drawn at random."""
    by_risk, _rest = shares(min(quota, len(candidates)), risk_percent)
    top = high_risk(candidates, top_percent, seed)
    first = sorted(top, key=lambda one: ticket(seed, "risk", one.code))[:by_risk]
    taken = {one.code for one in first}
    left = [one for one in candidates if one.code not in taken]
    count = min(quota, len(candidates)) - len(first)
    rest = sorted(left, key=lambda one: ticket(seed, "random", one.code))[:count]
    return [Chosen(one.code, "risk") for one in first] + [Chosen(one.code, "random") for one in rest]


def send(
    chosen: Sequence[Chosen], units: Mapping[str, Collection[int]], inspectors: Sequence[Inspector], seed: str
) -> dict[str, tuple[int, ...]]:
    """Who checks what, two each: fewer where the others keep out. `units`: whom a chosen one belongs to."""
    loads = dict.fromkeys((one.id for one in inspectors), 0)
    sent: dict[str, tuple[int, ...]] = {}
    for one in chosen:
        able = [i for i in inspectors if not i.keeps_out & set(units.get(one.code, ()))]
        able.sort(key=lambda i: (loads[i.id], ticket(seed, "inspector", one.code, i.id)))
        sent[one.code] = tuple(i.id for i in able[:TEAM])
        for number in sent[one.code]:
            loads[number] += 1
    return sent


def normal_seed(text: str) -> str:
    """The public text as it is hashed: one line, composed, without spaces around."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def announcing_findings(
    title: str, count: int, quota: int | None, risk_percent: int | None, top_percent: int | None, inspectors: int,
    until: date | None, today: date,
) -> list[Finding]:  # fmt: skip
    """Whether a draw may be published: all that is wrong at once."""
    days = None if until is None else (until - today).days
    return [
        Finding("抽查名称", 0 < len(title) <= LONGEST_TITLE, say("%(n)s 个字", n=len(title)) if title else "没有填写",
            say("请填写 1 至 %(m)s 个字", m=LONGEST_TITLE), field="title"),
        Finding("抽取数量", quota is not None and 1 <= quota <= MOST_DRAWN, _given(quota),
            say("请填写 1 至 %(m)s", m=MOST_DRAWN), field="quota"),
        Finding("抽取名单", count > 0, "这个范围内没有可抽取的对象", "请放宽范围", field="quota"),
        Finding("抽取数量", quota is None or count == 0 or quota <= count, say("名单只有 %(n)s 个", n=count),
            "请减少数量或放宽范围", field="quota"),
        Finding("风险抽取比例", risk_percent is not None and 0 <= risk_percent <= 100, _given(risk_percent),
            "请填写 0 至 100", field="risk_percent"),
        Finding("高风险范围", top_percent is not None and 1 <= top_percent <= 100, _given(top_percent),
            "请填写 1 至 100", field="top_percent"),
        Finding("检查人员", TEAM <= inspectors <= MOST_INSPECTORS, say("选了 %(n)s 人", n=inspectors),
            say("请选择 %(a)s 至 %(b)s 人，每个对象由 %(a)s 人检查", a=TEAM, b=MOST_INSPECTORS), field="inspectors"),
        Finding("检查截止日期", days is not None and 0 <= days <= LONGEST_DAYS, "没有填写" if until is None
            else say("%(d)s 不在一年之内", d=until), "请填写今天起一年内的日期", field="check_until"),
    ]  # fmt: skip


def _given(number: int | None) -> str:
    return "没有填写" if number is None else str(number)


def seed_finding(text: str) -> Finding:
    """What everybody can look up, and nobody chose: long enough that it says something."""
    found = say("%(n)s 个字", n=len(text)) if text else "没有填写"
    remedy = say(
        "请填写 %(a)s 至 %(b)s 个字的公开内容，例如当天某彩种的开奖号码及期号", a=SHORTEST_SEED, b=LONGEST_SEED
    )
    return Finding("公开种子", SHORTEST_SEED <= len(text) <= LONGEST_SEED, found, remedy, field="seed_text")

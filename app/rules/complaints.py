"""What becomes of a complaint (CMP-03): its steps, the limit that runs, which steps were late, and its abuse. Pure.

待接单 → 待处置 → 待复核 → 已办结. A use unit that does not agree sends it back once, with its reason: the handling
and the review then have their limits anew, and the first ones stand as they were. What it does not agree with a second
time is no more for the two to settle: it waits for the regulator, whom no clock hurries. A regulator may end any
complaint; one that he finds untrue counts for nobody (a rival's false complaints).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from app.errors import Finding
from app.rules.deadlines import Deadline, due_after_hours
from app.rules.other_scores import HOUR, NO_LIMIT, Outcome, allowed, chain_outcome, complaint_outcome
from app.rules.steps import after
from app.wording import say


class ComplaintState(StrEnum):
    """待接单 待处置 待复核 待监管处理 已办结."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    HANDLED = "handled"
    DISPUTED = "disputed"
    CLOSED = "closed"


class ComplaintVerb(StrEnum):
    """接单 处置 认可 退回 不认可 办结."""

    ACCEPT = "accept"
    HANDLE = "handle"
    AGREE = "agree"
    SEND_BACK = "send_back"
    DISAGREE = "disagree"
    CLOSE = "close"


class Step(StrEnum):
    """The steps that have a limit; the last two only of a complaint that was sent back."""

    ACCEPT = "accept"
    HANDLE = "handle"
    REVIEW = "review"
    HANDLE_AGAIN = "handle_again"
    REVIEW_AGAIN = "review_again"


class Party(StrEnum):
    """Who has the next step: 承办单位 使用单位 监管部门."""

    UNIT = "unit"
    USE_UNIT = "use_unit"
    OFFICE = "office"


_S, _V = ComplaintState, ComplaintVerb
STATE_LABELS = {
    _S.WAITING: say("待接单"), _S.ACCEPTED: say("待处置"), _S.HANDLED: say("待复核"), _S.DISPUTED: say("待监管处理"),
    _S.CLOSED: say("已办结"),
}  # fmt: skip
VERB_LABELS = {
    _V.ACCEPT: say("接单"), _V.HANDLE: say("处置"), _V.AGREE: say("认可"), _V.SEND_BACK: say("退回重办"),
    _V.DISAGREE: say("不认可"), _V.CLOSE: say("办结"),
}  # fmt: skip
STEP_LABELS = {
    Step.ACCEPT: say("接单"), Step.HANDLE: say("处置"), Step.REVIEW: say("复核"), Step.HANDLE_AGAIN: say("再次处置"),
    Step.REVIEW_AGAIN: say("再次复核"),
}  # fmt: skip
MOVES = {
    (_S.WAITING, _V.ACCEPT): _S.ACCEPTED,
    (_S.ACCEPTED, _V.HANDLE): _S.HANDLED,
    (_S.HANDLED, _V.AGREE): _S.CLOSED,
    (_S.HANDLED, _V.SEND_BACK): _S.ACCEPTED,
    (_S.HANDLED, _V.DISAGREE): _S.DISPUTED,
    **{(state, _V.CLOSE): _S.CLOSED for state in (_S.WAITING, _S.ACCEPTED, _S.HANDLED, _S.DISPUTED)},
}
# Whose turn it is in each state; nobody's once it has ended.
TURNS = {
    _S.WAITING: Party.UNIT, _S.ACCEPTED: Party.UNIT, _S.HANDLED: Party.USE_UNIT, _S.DISPUTED: Party.OFFICE,
}  # fmt: skip

# Of one address, elevator and phone within a day: a house in trouble complains more often than one tenant, and phones
# of a whole town come from a few addresses of their network. A phone is counted at each network by itself: nobody
# proved whose it is, and a stranger who types it must not use up what its owner may.
MOST_OF_ADDRESS, MOST_OF_ELEVATOR, MOST_OF_PHONE = 60, 30, 5
# The same words of the same phone at the same elevator are one tap made twice.
SAME_WITHIN = timedelta(minutes=10)
# Unknown codes or tracking numbers asked for from one address within an hour, before no more is told there.
MOST_UNKNOWN = 30
LONGEST_NAME, LONGEST_TEXT, LONGEST_NOTE, MOST_PHOTOS = 40, 500, 500, 3
# No 0 O 1 I L U: it is read out and typed. 12 of 30 signs are 59 bits.
TRACKING_SIGNS, TRACKING_LENGTH = "23456789ABCDEFGHJKMNPQRSTVWXYZ", 12


@dataclass(frozen=True, slots=True)
class Hours:
    """The limits of a complaint, as they were on its day; `NO_LIMIT` for a step that had none."""

    accept: int
    handle: int
    review: int


@dataclass(frozen=True, slots=True)
class Course:
    """When each step was done. `reviewed_at` is the use unit's first word, be it that it sends the case back.

    `ended_at`: a regulator ended it; what was open then is never judged by a later hour.
    """

    complained_at: datetime
    accepted_at: datetime | None = None
    handled_at: datetime | None = None
    reviewed_at: datetime | None = None
    sent_back: bool = False
    handled_again_at: datetime | None = None
    reviewed_again_at: datetime | None = None
    ended_at: datetime | None = None


def complaint_move(state: ComplaintState, verb: ComplaintVerb) -> ComplaintState:
    """The state after the verb, or a refusal that says what the complaint is now."""
    found = say("投诉现为“%(state)s”，不能%(verb)s", state=STATE_LABELS[state], verb=VERB_LABELS[verb])
    return after(MOVES, state, verb, "投诉", found)


def outcome(course: Course, hours: Hours, now: datetime) -> Outcome | None:
    """及时 or 不及时 (SCO-03); None while it is open in time, and for one that a regulator ended in time.

    What was sent back is judged in both rounds: the second is a case accepted at the instant in which it came back.
    """
    at = now if course.ended_at is None else course.ended_at
    limits = {"accept_hours": hours.accept, "handle_hours": hours.handle, "review_hours": hours.review}
    rounds = [
        complaint_outcome(
            course.complained_at, course.accepted_at, course.handled_at, course.reviewed_at, at, **limits
        )
    ]
    if course.sent_back and course.reviewed_at is not None:
        back = course.reviewed_at
        rounds.append(
            complaint_outcome(back, back, course.handled_again_at, course.reviewed_again_at, at, **limits)
        )
    if Outcome.LATE in rounds:
        return Outcome.LATE
    return None if None in rounds else Outcome.ON_TIME


def finished(course: Course, at: datetime) -> Course:
    """The course when all that is left of it is done now: the use unit agrees, so nothing is sent back (again)."""
    done = replace(
        course, accepted_at=course.accepted_at or at, handled_at=course.handled_at or at,
        reviewed_at=course.reviewed_at or at,
    )  # fmt: skip
    if not course.sent_back:
        return done
    return replace(
        done, handled_again_at=course.handled_again_at or at, reviewed_again_at=course.reviewed_again_at or at
    )


def late_steps(course: Course, hours: Hours, now: datetime) -> list[Step]:
    """Every step that was late, or that is late while it is still open."""
    at = now if course.ended_at is None else course.ended_at
    found = []
    for step, start, done, limit in _steps(course, hours):
        if start is not None and chain_outcome(start, [(done, allowed(limit, HOUR))], at) is Outcome.LATE:
            found.append(step)
    return found


def running(course: Course, hours: Hours) -> tuple[Step, Deadline] | None:
    """The step whose limit runs, from when until when; None of one that has ended, waits for the regulator, or is at
    a step without a limit."""
    found = open_step(course, hours)
    if found is None or found[2] == NO_LIMIT:
        return None
    step, start, limit = found
    return step, Deadline(start, due_after_hours(start, limit))


def open_step(course: Course, hours: Hours) -> tuple[Step, datetime, int] | None:
    """The step that waits to be done, since when, and its hours, be they limited or not."""
    if course.ended_at is not None:
        return None
    for step, start, done, limit in _steps(course, hours):
        if start is not None and done is None:
            return step, start, limit
    return None


def _steps(course: Course, hours: Hours) -> list[tuple[Step, datetime | None, datetime | None, int]]:
    steps = [
        (Step.ACCEPT, course.complained_at, course.accepted_at, hours.accept),
        (Step.HANDLE, course.accepted_at, course.handled_at, hours.handle),
        (Step.REVIEW, course.handled_at, course.reviewed_at, hours.review),
    ]
    if course.sent_back:
        steps += [
            (Step.HANDLE_AGAIN, course.reviewed_at, course.handled_again_at, hours.handle),
            (Step.REVIEW_AGAIN, course.handled_again_at, course.reviewed_again_at, hours.review),
        ]
    return steps


def flood_findings(of_elevator: int, of_phone: int) -> list[Finding]:
    """Whether one more complaint of today is taken, `of_phone` from the same network; whom to call is told."""
    remedy = "请明天再试；有人被困请直接拨打救援电话"
    return [
        Finding("投诉次数", of_elevator < MOST_OF_ELEVATOR,
                say("这台电梯今天已收到 %(n)s 件投诉，正在办理", n=of_elevator), remedy),
        Finding("投诉次数", of_phone < MOST_OF_PHONE,
                say("这个手机号今天在您的网络已投诉 %(n)s 次", n=of_phone), remedy),
    ]  # fmt: skip


def kinds_finding(kinds: Iterable[str], known: Iterable[str]) -> Finding:
    """At least one kind, and none that there is not."""
    chosen = list(kinds)
    ok = bool(chosen) and set(chosen) <= set(known)
    found = "" if ok else "没有选择" if not chosen else "不在候选之内"
    return Finding("投诉问题", ok, found, "" if ok else "请至少选一项", field="kinds")


def text_finding(text: str, kinds: Iterable[str]) -> Finding:
    """其他 needs words; all others speak for themselves."""
    if len(text) > LONGEST_TEXT:
        found = say("%(count)s 个字", count=len(text))
        return Finding("情况说明", False, found, say("最多 %(most)s 个字", most=LONGEST_TEXT), field="body")
    ok = bool(text) or "other" not in kinds
    return Finding("情况说明", ok, "" if ok else "没有填写", "" if ok else "选了“其他”，请写明情况", field="body")


def note_finding(note: str, rule: str, remedy: str, *, field: str = "note") -> Finding:
    """Words that a step needs."""
    if len(note) > LONGEST_NOTE:
        found = say("%(count)s 个字", count=len(note))
        return Finding(rule, False, found, say("最多 %(most)s 个字", most=LONGEST_NOTE), field=field)
    return Finding(rule, bool(note), "" if note else "没有填写", "" if note else remedy, field=field)


def normal_tracking(text: str) -> str:
    """A tracking number as it was given out, from however it was typed."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return "".join(c for c in plain if c.isalnum())[: TRACKING_LENGTH + 1]


def shown_tracking(number: str) -> str:
    """In groups of four, as it is read out."""
    return "-".join(number[i : i + 4] for i in range(0, len(number), 4))

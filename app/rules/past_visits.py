"""A past visit as another platform recorded it: can it have happened so? (IMP-03)"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.errors import Finding
from app.rules.calendar import SHANGHAI, local_day
from app.rules.visits import VisitFacts, VisitPolicy, VisitState, visit_state
from app.wording import say

# Nobody was on one elevator for longer; a check-out a year late is a slip, and is looked at like a month.
LONGEST_DAYS = 31
AFTER_CHECK_OUT = (("sheet_at", "上传时间"), ("signed_at", "现场签名"), ("reviewed_at", "复核时间"))
INSTANTS = (("checked_in_at", "签到"), ("checked_out_at", "签退"), *AFTER_CHECK_OUT)


def _told(instant: datetime) -> str:
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def past_visit_findings(facts: VisitFacts, policy: VisitPolicy, now: datetime) -> list[Finding]:
    """What can't have been: what lies ahead, work that still runs, an end before its beginning, paper before the end.

    Without 签退 only a visit that its day's policy has voided by now is history (huzhou after 8 h); where no limit of
    hours ends it, it would be open, and keep the worker from today's work.
    """
    began, ended = facts.checked_in_at, facts.checked_out_at
    findings = []
    for name, label in INSTANTS:
        when: datetime | None = getattr(facts, name)
        if when is not None and when > now:
            findings.append(Finding(label, False, "晚于现在", "既往记录只能是过去的", name, _told(when)))
    if ended is None and visit_state(facts, policy, now).state is VisitState.OPEN:
        found = say("签到 %(began)s 的维保没有签退，按当地规定仍在进行", began=_told(began))
        remedy = "请补上签退时间；还在进行的维保请在原平台办结后再接管"
        findings.append(Finding("签退", False, found, remedy, field="checked_out_at"))
    if ended is not None and ended < began:
        found = say("签退 %(ended)s 早于签到 %(began)s", ended=_told(ended), began=_told(began))
        findings.append(Finding("签退", False, found, "请核对签到和签退", "checked_out_at", _told(ended)))
    least, what = (began, "签到") if ended is None else (max(began, ended), "签退")
    for name, label in AFTER_CHECK_OUT:
        when = getattr(facts, name)
        if when is not None and when < least:
            found = say(
                "%(label)s %(when)s 早于%(what)s %(least)s",
                label=label,
                when=_told(when),
                what=what,
                least=_told(least),
            )
            findings.append(
                Finding(
                    label,
                    False,
                    found,
                    say("请核对时间；%(label)s不会早于%(what)s", label=label, what=what),
                    name,
                    _told(when),
                )
            )
    return findings


@dataclass(frozen=True, slots=True)
class Work:
    """One worker's time at one elevator; `name` is how people find it (a row of a file, a code)."""

    elevator_id: Hashable
    began_at: datetime
    ended_at: datetime
    name: str


class Diary:
    """Where each worker was, by day: nobody works at two elevators at once (MNT-02: one open visit a person)."""

    def __init__(self) -> None:
        self._days: dict[tuple[Hashable, date], list[Work]] = {}

    def add(self, worker: Hashable, work: Work) -> None:
        for day in _days(work):
            self._days.setdefault((worker, day), []).append(work)

    def clash(self, worker: Hashable, mine: Work) -> Finding | None:
        """What this worker did elsewhere at that time; leaving one in the second of arriving at the other is none."""
        for day in _days(mine):
            for other in self._days.get((worker, day), ()):
                elsewhere = other.elevator_id != mine.elevator_id
                if elsewhere and mine.began_at < other.ended_at and other.began_at < mine.ended_at:
                    when = say(
                        "%(began_at)s 至 %(ended_at)s", began_at=_told(other.began_at), ended_at=_told(other.ended_at)
                    )
                    found = say("同一维保员 %(when)s 在另一台电梯（%(name)s），时间重叠", when=when, name=other.name)
                    remedy = "一个人不能同时在两台电梯维保，请核对签到、签退和维保员"
                    return Finding("签到", False, found, remedy, "checked_in_at", _told(mine.began_at))
        return None


def _days(work: Work) -> list[date]:
    first, last = local_day(work.began_at), local_day(work.ended_at)
    return [first + timedelta(days=n) for n in range(min((last - first).days, LONGEST_DAYS) + 1)]

"""A visit that a phone kept without network and sends later: can its times be believed? (MNT-05)

The phone's clock is nobody's: it runs ahead, is put back, or is put right by the network on the way home. So the server
compares it with its own twice, when the phone was last on line before the visit (`Contact`) and when it sends, and
tells the true time by what it found. Where the two disagree nobody can say which held on site.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.errors import Finding
from app.rules.calendar import SHANGHAI
from app.wording import say

# How long after its last contact a phone may begin visits: the tasks that it carries are those of five days.
CONTACT_LASTS = timedelta(days=7)
_AUTOMATIC = "请把手机的日期和时间改为自动设置"


@dataclass(frozen=True, slots=True)
class Contact:
    """When a phone was last on line with its account signed in, by the server's clock, and how far its own was ahead.

    The server signs it and the phone hands it back, so neither can be made up later.
    """

    at: datetime
    ahead: timedelta


@dataclass(frozen=True, slots=True)
class PhoneClock:
    """What is known of a phone's clock at sending: what it showed, when that came here, and the contact before."""

    shown_at: datetime
    received_at: datetime
    contact: Contact

    @property
    def ahead(self) -> timedelta:
        """How far the phone's clock is ahead of the server's; negative when it is behind."""
        return self.shown_at - self.received_at

    def true(self, shown: datetime) -> datetime:
        """The instant at which the phone showed this."""
        return shown - self.ahead


def _minutes(span: timedelta) -> str:
    seconds = abs(int(span.total_seconds()))
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


def ahead_words(span: timedelta) -> str:
    """How a clock stands to the server's, as one says it."""
    seconds = int(span.total_seconds())
    if abs(seconds) < 2:
        return say("与系统时间一致")
    return say("快 %(t)s", t=_minutes(span)) if seconds > 0 else say("慢 %(t)s", t=_minutes(span))


def _told(instant: datetime) -> str:
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def clock_findings(
    phone: PhoneClock, began: datetime | None, ended: datetime | None, slack: timedelta
) -> list[Finding]:
    """Whether the times of what is sent can be: not ahead of now, not before the phone's last contact, one clock.

    `began`, `ended`: what the phone's clock showed, of what it kept; the other end was recorded here on line.
    A check-in in the future is told by `check_in_findings`.
    """
    contact, findings = phone.contact, list[Finding]()
    if abs(phone.ahead - contact.ahead) > slack:
        found = say(
            "上次联网时手机时间%(then)s，发送时%(now)s", then=ahead_words(contact.ahead), now=ahead_words(phone.ahead)
        )
        remedy = say("%(auto)s；这次维保的真实时间不能确认，请到现场重新维保", auto=_AUTOMATIC)
        findings.append(Finding("手机时间在离线期间被改动", False, found, remedy))
    if ended is not None and phone.true(ended) > phone.received_at + slack:
        findings.append(Finding("签退时间在将来", False, "签退时间晚于现在", say("%(auto)s后再发送", auto=_AUTOMATIC)))
    kept = [phone.true(instant) for instant in (began, ended) if instant is not None]
    if not kept:
        return findings
    if min(kept) < contact.at - slack:
        found = say("记录的时间 %(kept)s 早于这部手机最近一次联网 %(contact)s", kept=_told(min(kept)),
            contact=_told(contact.at))  # fmt: skip
        findings.append(Finding("早于最近一次联网", False, found, say("%(auto)s；时间不能倒退", auto=_AUTOMATIC)))
    if max(kept) > contact.at + CONTACT_LASTS:
        found = say("这部手机最近一次联网是 %(contact)s", contact=_told(contact.at))
        remedy = say("离线维保须在联网后 %(days)s 天内；请每天联网一次", days=CONTACT_LASTS.days)
        findings.append(Finding("离线时间过长", False, found, remedy))
    return findings


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay of a person at an elevator; `ended` None while it runs."""

    began: datetime
    ended: datetime | None
    code: str


def overlap_finding(mine: Stay, others: Iterable[Stay], now: datetime) -> Finding:
    """Nobody is at two elevators at once, nor twice at one: two phones, or another check-in meanwhile.

    Leaving one in the second of arriving at the next is no overlap; one that runs, runs until now.
    """
    for other in sorted(others, key=lambda stay: stay.began):
        if mine.began < (other.ended or now) and other.began < (mine.ended or now):
            until = "还没有签退" if other.ended is None else say("至 %(t)s", t=_told(other.ended))
            found = say(
                "您 %(began)s %(until)s在电梯 %(code)s 维保，时间重叠", began=_told(other.began), until=until,
                code=other.code,
            )  # fmt: skip
            remedy = "一个人不能同时维保两台电梯；已经收到的那次有效，请放弃这一条"
            return Finding("与另一次维保时间重叠", False, found, remedy)
    return Finding("没有其他维保", True, "这段时间没有其他维保")

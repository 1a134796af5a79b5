"""Reminders of what waits for a decision: yellow when little is left, red when it is over; each once (LIF-07).

How much is little is the policy of the application's region (`yellow_hours`), as on every page and in every round.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, false, func, insert, or_, select

from app import clock
from app.models import Application, ClockMark, Elevator
from app.models.policy import policy_groups
from app.models.region import in_region
from app.permissions import Actor, Verb
from app.policy import Key, chain
from app.rules.approval import WAITING_STATES, ApplicationState
from app.rules.deadlines import DeadlineLevel
from app.transaction import AnySession, hold
from app.wording import say
from app.workflows.approval import delegations, limit_rounds
from app.workflows.core import outbox
from app.workflows.core.actors import actor_by_id

_DECIDE = Verb.APPLICATION_DECIDE
# Who is of which office, as the last round found it: marks called `desk:account:region`.
_AT_DESK = "desk"
WORDS = {DeadlineLevel.NEAR: "即将到期", DeadlineLevel.OVER: "已超过期限"}


def remind(session: AnySession, at: dt.datetime) -> int:
    """Write the notices that are due and give how many were new; each step of each limit is told once.

    A limit that moved (time with the unit for correction) is a new limit, with reminders of its own. Where nobody may
    be told of one, it is asked for again in the next round.
    """
    # Two rounds at once: the second sees the first's marks.
    hold(session, "approval:reminders")
    came = _came(session, at)
    desks = Desks(session, clock.local_day(at))
    written = _stand_ins(session, at) + _newcomers(session, desks, came, at)
    for level, turned in _turned(session, at):
        step, found = f"due_{level.value}", []
        for row in limit_rounds.untold(session, step, *turned):
            accounts = desks.of(row, secret=row.is_secret)
            if accounts:
                found.append((row, accounts))
        told = ((account, row, _key(level, row)) for row, accounts in found for account in accounts)
        written += limit_rounds.tell(session, at, step, _titled(WORDS[level]), told)
        limit_rounds.mark(session, step, [row for row, _accounts in found])
    return written


def _came(session: AnySession, at: dt.datetime) -> set[tuple[int, str]]:
    """Who decides in a region that was not his at the last round; each officer's own one is marked (`_AT_DESK`).

    Where somebody went, what he had taken on is his office's again, and told anew. With nobody left there, or nobody
    who may hear of 涉密, the rest is the next office's up, whose people come to it like any newcomer. The first
    round of all marks those who are there without a word.
    """
    names = select(ClockMark.name).where(ClockMark.name.startswith(f"{_AT_DESK}:", autoescape=True))
    marked = [name.split(":") for name in session.scalars(names.execution_options(skip_scope=True))]
    known = {(int(key), region) for _desk, key, region in marked}
    there = set(outbox.officers_everywhere(session, _DECIDE))
    new = there - known
    came = set(new) if known else set()
    for key, region in sorted(known - there):
        now = actor_by_id(session, key, "notice")
        keeps = in_region(Application.region_code, now.region_code) if now.may(_DECIDE) else false()
        limit_rounds.forget(
            session, in_region(Application.region_code, region), ~keeps, Application.is_open.is_(True),
            Application.officer_id == key, Application.state != ApplicationState.ENDORSED.value,
        )  # fmt: skip
        for secret in (False, True):
            office = outbox.officers_of(session, region, _DECIDE, secret=secret)
            came |= {(one, region) for one in office} - there
        session.execute(delete(ClockMark).where(ClockMark.name == f"{_AT_DESK}:{key}:{region}"))
    if new:
        session.execute(
            insert(ClockMark), [{"name": f"{_AT_DESK}:{key}:{region}", "at": at} for key, region in sorted(new)]
        )
    return came


def _newcomers(session: AnySession, desks: Desks, came: Collection[tuple[int, str]], at: dt.datetime) -> int:
    """Who came to an office after its reminders went out hears of them once, as his colleagues did; how many messages.

    Only of what is the office's: what an officer took on comes to whoever stands in by `_stand_ins` alone.
    """
    if not came:
        return 0
    written, regions = 0, sorted({region for _account, region in came})
    here = or_(*(in_region(Application.region_code, region) for region in regions))
    for level, turned in _turned(session, at):
        step = f"due_{level.value}"
        told = (
            (account, row, _key(level, row)) for row in limit_rounds.told_before(session, step, here, *turned)
            for account in desks.of_office(row, secret=row.is_secret)
            if any((account, code) in came for code in chain(row.region_code))
        )  # fmt: skip
        written += limit_rounds.tell(session, at, step, _titled(WORDS[level]), told)
    return written


def _stand_ins(session: AnySession, at: dt.datetime) -> int:
    """Who begins to stand in hears once how much of that desk was told before he came; how many did.

    The rest he hears of as it turns, like its officer.
    """
    today, written = clock.local_day(at), 0
    for begun in delegations.begun(session, today):
        if begun.to_id not in delegations.standing_in(session, begun.from_id, today):
            continue
        turned = or_(*(
            and_(*which, limit_rounds.was_told(f"due_{level.value}")) for level, which in _turned(session, at)
        ))  # fmt: skip
        rows = select(func.count(), func.min(Application.due_at)).outerjoin(
            Elevator, Elevator.id == Application.elevator_id
        ).where(
            Application.officer_id == begun.from_id, Application.is_open.is_(True),
            in_region(Application.region_code, begun.region_code),
            Application.state.in_([s.value for s in WAITING_STATES if s != ApplicationState.ENDORSED]), turned,
        )  # fmt: skip
        if not actor_by_id(session, begun.to_id, "notice").may(Verb.SECRET_READ):
            rows = rows.where(func.coalesce(Elevator.is_secret, false()).is_(False))
        count, first = session.execute(rows.execution_options(skip_scope=True)).one()
        if first is not None:
            written += outbox.notify(
                session, at, [begun.to_id], "delegation",
                say("代办：%(name)s受理的 %(n)s 件申请即将到期或已超过期限", name=begun.giver.get_full_name(), n=count),
                say("最早一件的期限 %(until)s", until=clock.until(first)), "/applications/queue?tab=mine",
            )  # fmt: skip
        delegations.mark_begun(session, begun, at)
    return written


def _key(level: DeadlineLevel, row: limit_rounds.Waiting) -> str:
    return f"due:{level.value}:{row.id}:{row.due_at:%y%m%d%H%M}"


def _titled(words: str) -> Callable[[str], str]:
    return lambda heading: say("%(words)s：%(title)s", words=words, title=heading)


def _turned(session: AnySession, at: dt.datetime) -> Iterator[tuple[DeadlineLevel, list[ColumnElement[bool]]]]:
    """Which limits stand at a level, as `countdown` says it."""
    yield DeadlineLevel.OVER, [Application.due_at <= at]
    for hours, here in policy_groups(session, Key.YELLOW_HOURS, clock.local_day(at), Application.region_code):
        near = dt.timedelta(hours=int(hours))
        yield DeadlineLevel.NEAR, [Application.due_at > at, Application.due_at <= at + near, here]


class Desks:
    """Who is reminded of applications on a day; each office and each officer is asked for once.

    Who took it on, with whoever stands in for him, as long as he may decide there and one of them may be told; else
    the office, without the applicant himself. Of a 涉密 elevator's application only who may see these: the notice
    names the elevator.
    """

    def __init__(self, session: AnySession, on: dt.date) -> None:
        self._session, self._on = session, on
        self._offices: dict[tuple[str, bool], list[int]] = {}
        self._officers: dict[tuple[int, bool], tuple[Actor, list[int]]] = {}

    def of(self, row: Any, *, secret: bool) -> list[int]:
        """Of an `Application`, or what a round read of it."""
        found = self._of_officer(row, secret)
        return self._of_office(row, secret) if found is None else found

    def of_office(self, row: Any, *, secret: bool) -> list[int]:
        """The same of what is the office's; nobody of what is an officer's."""
        return self._of_office(row, secret) if self._of_officer(row, secret) is None else []

    def _of_officer(self, row: Any, secret: bool) -> list[int] | None:
        if row.officer_id is None or row.state == ApplicationState.ENDORSED.value:
            return None
        key = (row.officer_id, secret)
        if key not in self._officers:
            self._officers[key] = self._with_stand_ins(*key)
        officer, found = self._officers[key]
        return found if found and officer.may(_DECIDE) and delegations.sees(officer, row.region_code) else None

    def _of_office(self, row: Any, secret: bool) -> list[int]:
        place = (row.region_code, secret)
        if place not in self._offices:
            self._offices[place] = outbox.officers_of(self._session, row.region_code, _DECIDE, secret=secret)
        left_out = {row.submitted_by_id, row.endorsed_by_id}
        return [key for key in self._offices[place] if key not in left_out]

    def _with_stand_ins(self, officer_id: int, secret: bool) -> tuple[Actor, list[int]]:
        """The officer as he is now; he and whoever stands in for him."""
        found = [officer_id, *delegations.standing_in(self._session, officer_id, self._on)]
        actors = [actor_by_id(self._session, one, "notice") for one in found]
        return actors[0], [
            one for one, actor in zip(found, actors, strict=True) if not secret or actor.may(Verb.SECRET_READ)
        ]

"""Reminders of what waits for a decision: yellow when little is left, red when it is over; each once (LIF-07).

How much is little is the policy of the application's region (`yellow_hours`), as on every page and in every round.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select

from app import clock
from app.models import Account, Application, Elevator
from app.models.policy import policy_groups
from app.permissions import Verb
from app.policy import Key
from app.rules.approval import WAITING_STATES, ApplicationState
from app.rules.deadlines import DeadlineLevel
from app.transaction import AnySession, hold
from app.wording import say
from app.workflows.approval import delegations, limit_rounds
from app.workflows.core import outbox
from app.workflows.core.actors import actor_by_id

WORDS = {DeadlineLevel.NEAR: "即将到期", DeadlineLevel.OVER: "已超过期限"}


def remind(session: AnySession, at: dt.datetime) -> int:
    """Write the notices that are due and give how many were new; each step of each limit is told once.

    A limit that moved (time with the unit for correction) is a new limit, with reminders of its own. Where nobody may
    be told of one, it is asked for again in the next round.
    """
    # Two rounds at once: the second sees the first's marks.
    hold(session, "approval:reminders")
    desks, written = Desks(session, clock.local_day(at)), _stand_ins(session, at)
    for level, turned in _turned(session, at):
        step, found = f"due_{level.value}", []
        for row in limit_rounds.untold(session, step, *turned):
            accounts = desks.of(row, secret=row.is_secret)
            if accounts:
                found.append((row, accounts))
        told = (
            (account, row, f"due:{level.value}:{row.id}:{row.due_at:%y%m%d%H%M}")
            for row, accounts in found for account in accounts
        )  # fmt: skip
        written += limit_rounds.tell(session, at, step, _titled(WORDS[level]), told)
        limit_rounds.mark(session, step, [row for row, _accounts in found])
    return written


def _stand_ins(session: AnySession, at: dt.datetime) -> int:
    """Who begins to stand in hears once how much of that desk was told before he came; how many did.

    The rest he hears of as it turns, like its officer.
    """
    today, written = clock.local_day(at), 0
    for begun in delegations.begun(session, today):
        if begun.to_id not in delegations.standing_in(session, begun.giver, today):
            continue
        turned = or_(*(
            and_(*which, limit_rounds.was_told(f"due_{level.value}")) for level, which in _turned(session, at)
        ))  # fmt: skip
        rows = select(func.count(), func.min(Application.due_at)).outerjoin(
            Elevator, Elevator.id == Application.elevator_id
        ).where(
            Application.officer_id == begun.from_id, Application.is_open.is_(True),
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

    Who took it on, with whoever stands in for him; before that the office, without the applicant himself. Of a 涉密
    elevator's application only who may see these: the notice names the elevator.
    """

    def __init__(self, session: AnySession, on: dt.date) -> None:
        self._session, self._on = session, on
        self._offices: dict[tuple[str, bool], list[int]] = {}
        self._officers: dict[tuple[int, bool], list[int] | None] = {}

    def of(self, row: Any, *, secret: bool) -> list[int]:
        """Of an `Application`, or what a round read of it."""
        if row.officer_id is not None and row.state != "endorsed":
            key = (row.officer_id, secret)
            if key not in self._officers:
                self._officers[key] = self._with_stand_ins(*key)
            found = self._officers[key]
            if found is not None:
                return found
        place = (row.region_code, secret)
        if place not in self._offices:
            self._offices[place] = outbox.officers_of(self._session, row.region_code, secret=secret)
        left_out = {row.submitted_by_id, row.endorsed_by_id}
        return [key for key in self._offices[place] if key not in left_out]

    def _with_stand_ins(self, officer_id: int, secret: bool) -> list[int] | None:
        """The officer and whoever stands in for him; None where he is here no more."""
        statement = select(Account).where(Account.id == officer_id, Account.active.is_(True))
        owner = self._session.scalar(statement.execution_options(skip_scope=True))
        if owner is None:
            return None
        found = [owner.id, *delegations.standing_in(self._session, owner, self._on)]
        return [a for a in found if not secret or actor_by_id(self._session, a, "notice").may(Verb.SECRET_READ)]

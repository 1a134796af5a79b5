"""Reminders of what waits for a decision: yellow when little is left, red when it is over; each once (LIF-07).

How much is little is the policy of the application's region (`yellow_hours`), as on every page and in every round.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from app import clock
from app.models import Account, Application
from app.models.policy import policy_groups
from app.permissions import Verb
from app.policy import Key
from app.rules.approval import WAITING_STATES
from app.rules.deadlines import Deadline, DeadlineLevel, countdown
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval import delegations, submissions
from app.workflows.core import outbox
from app.workflows.core.actors import actor_by_id

MOST_AT_ONCE = 500
WORDS = {DeadlineLevel.NEAR: "即将到期", DeadlineLevel.OVER: "已超过期限"}


def remind(session: AnySession, at: dt.datetime) -> int:
    """Write the notices that are due and give how many were new; the outbox's key keeps each from coming twice.

    A limit that moved (time with the unit for correction) is a new limit, with reminders of its own.
    """
    written = 0
    for hours, here in policy_groups(session, Key.YELLOW_HOURS, clock.local_day(at), Application.region_code):
        near = dt.timedelta(hours=int(hours))
        statement = (
            select(Application)
            .where(
                Application.is_open.is_(True), Application.state.in_([s.value for s in WAITING_STATES]),
                Application.due_at <= at + near, here,
            )
            .order_by(Application.due_at.desc())
            .limit(MOST_AT_ONCE)
        )  # fmt: skip
        for row in session.scalars(statement.execution_options(skip_scope=True)):
            written += _remind_of(session, row, near, at)
    return written


def _remind_of(session: AnySession, row: Application, near: dt.timedelta, at: dt.datetime) -> int:
    assert row.due_at is not None
    level = countdown(Deadline(row.submitted_at or at, row.due_at), at, near).level
    words = WORDS.get(level)
    if words is None:
        return 0
    return outbox.notify(
        session, at, recipients(session, row, clock.local_day(at)), f"due_{level.value}",
        say("%(words)s：%(title)s", words=words, title=row.heading),
        body=say("申请编号 %(number)s　期限 %(until)s", number=row.number, until=clock.until(row.due_at)),
        link=submissions.link_of(row),
        dedupe_key=f"due:{level.value}:{row.id}:{row.due_at:%y%m%d%H%M}",
    )  # fmt: skip


def recipients(session: AnySession, application: Application, on: dt.date) -> list[int]:
    """Who took it on, with whoever stands in for him; before that the office, without the applicant himself.

    Of a 涉密 elevator's application only who may see these: the notice names the elevator.
    """
    secret = submissions.is_secret(session, application)
    if application.officer_id is not None and application.state != "endorsed":
        statement = select(Account).where(Account.id == application.officer_id, Account.active.is_(True))
        owner = session.scalar(statement.execution_options(skip_scope=True))
        if owner is not None:
            found = [owner.id, *delegations.standing_in(session, owner, on)]
            return [key for key in found if not secret or actor_by_id(session, key, "notice").may(Verb.SECRET_READ)]
    left_out = {application.submitted_by_id, application.endorsed_by_id}
    office = outbox.officers_of(session, application.region_code, secret=secret)
    return [key for key in office if key not in left_out]

"""The round of notices: what turned yellow or red since the last round, and what goes to the next office up.

Each turn is told once: the rounds join end to end (`ClockMark`), and the outbox's key keeps a repeated one silent;
what went to an office above is marked by application and step (`limit_rounds`).
Reminders of applications to their officers are `reminders`' affair; here they only rise to the office above.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from itertools import islice

from sqlalchemy import and_, func, select

from app import clock
from app.models import Application, ClockMark
from app.models.policy import policy_groups
from app.permissions import Verb
from app.policy import Key
from app.transaction import AnySession, hold
from app.wording import say
from app.workflows.approval import limit_rounds
from app.workflows.approval.clock_register import CLOCKS, Clock
from app.workflows.core import outbox

ROUND = "clocks"
# A first round tells no unit of limits that turned long ago.
FIRST_BACK = dt.timedelta(hours=1)
# Steps of limits in one transaction: hours that a region sets for the first time find all that ever was late there.
AT_ONCE = 4000


def tell(session: AnySession, at: dt.datetime) -> dict[str, int]:
    """One round of what turned; how many notices were new, by kind. The mark moves with them."""
    mark = session.get(ClockMark, ROUND, with_for_update=True)
    since = mark.at if mark is not None else at - FIRST_BACK
    told: Counter[str] = Counter()
    for one in CLOCKS:
        if one.unit is not None:
            told["yellow"] += _turns(session, one, since, at, yellow=True)
            told["red"] += _turns(session, one, since, at, yellow=False)
    if mark is None:
        session.add(ClockMark(name=ROUND, at=at))
    else:
        mark.at = max(mark.at, at)
    session.flush()
    return dict(told)


def _turns(session: AnySession, one: Clock, since: dt.datetime, at: dt.datetime, *, yellow: bool) -> int:
    """One notice a unit for all of its limits that turned in this round, whichever regions' hours judge them."""
    turned: dict[int, tuple[int, dt.datetime]] = {}
    for hours, here in policy_groups(session, Key.YELLOW_HOURS, clock.local_day(at), one.model.region_code):
        shift = dt.timedelta(hours=int(hours)) if yellow else dt.timedelta(0)
        which = and_(one.running(), one.due > since + shift, one.due <= at + shift, here)
        statement = select(one.unit, func.count(), func.min(one.due)).where(which, one.unit.is_not(None))
        rows = session.execute(statement.group_by(one.unit).execution_options(skip_scope=True)).all()
        for unit_id, count, first in rows:
            before, earliest = turned.get(unit_id, (0, first))
            turned[unit_id] = (before + count, min(earliest, first))
    new = 0
    words = "即将到期" if yellow else "已超过期限"
    for unit_id, (count, first) in sorted(turned.items()):
        new += outbox.notify(
            session, at, outbox.accounts_of_unit(session, unit_id, one.unit_verb), f"clock_{one.name}",
            say("%(title)s%(words)s：%(count)s 件", title=one.title, words=words, count=count),
            say("最早一件的期限 %(until)s", until=clock.until(first)), one.list_link,
            f"clock:{one.name}:{'yellow' if yellow else 'red'}:{unit_id}:{at:%y%m%d%H%M%S}",
        )  # fmt: skip
    return new


def rise(session: AnySession, at: dt.datetime) -> tuple[int, int]:
    """A limit that has been over for n × the policy's hours goes to the n-th office above, each once, however old.

    How many notices were new, and how many steps of limits were taken up: with `AT_ONCE` there may be more, for the
    next transaction.
    """
    # Two rounds at once: the second sees the first's marks.
    hold(session, "approval:escalation")
    taken = 0
    above: dict[tuple[str, bool], list[list[int]]] = {}
    told: list[tuple[int, limit_rounds.Waiting, str]] = []
    for hours, here in policy_groups(session, Key.ESCALATE_HOURS, clock.local_day(at), Application.region_code):
        if hours is None:
            continue
        for level in range(1, limit_rounds.LEVELS + 1):
            shift, step = dt.timedelta(hours=int(hours) * level), f"escalate{level}"
            turned = and_(Application.due_at <= at - shift, here)
            rows = list(islice(limit_rounds.untold(session, step, turned), AT_ONCE - taken))
            taken += len(rows)
            for row in rows:
                place = (row.region_code, row.is_secret)
                if place not in above:
                    above[place] = _above(session, *place)
                key = f"escalate:{level}:{row.id}:{row.due_at:%y%m%d%H%M}"
                # Above the last office there is nobody: such a step is over without a word.
                accounts = above[place][level - 1] if level <= len(above[place]) else []
                told += ((account, row, key) for account in accounts)
            limit_rounds.mark(session, step, rows)
    note = say("由下级部门办理，已报您督办")
    return limit_rounds.tell(session, at, "escalation", _titled, told, note, body=_of_one), taken


def _titled(heading: str) -> str:
    return say("下级超期未办：%(title)s", title=heading)


def _of_one(row: limit_rounds.Waiting) -> str:
    return say(
        "申请编号 %(number)s　期限 %(until)s，由下级部门办理，已报您督办", number=row.number,
        until=clock.until(row.due_at),
    )  # fmt: skip


def _above(session: AnySession, region_code: str, secret: bool) -> list[list[int]]:
    """The offices above the one that decides, the nearest first; above the last region stand the administrators."""
    offices = list(outbox.offices_of(session, region_code, Verb.APPLICATION_DECIDE, secret=secret))
    return [*offices[1:], outbox.platform_admins(session)]

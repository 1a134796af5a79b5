"""What a unit is told about numbers that are not its own people's: so many a day, and each time written down.

Whoever types a full ID number learns whether its human is employed elsewhere (`one_unit`), whoever types a phone for a
sub-account whether it has an account (`issuing.free_phone`): both must be told, or nobody could put it right. So that
nobody reads a register of others out of it, the answers that say yes are counted, by account and by unit; when they are
used up, no new number is answered until the next day, whichever way it would be. The same number counts once a day.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import delete, func, select

from app import clock, vault
from app.errors import Finding
from app.models import NumberAsk
from app.permissions import Actor
from app.transaction import AnySession, hold, notes_of, whatever_comes
from app.wording import say
from app.workflows.core import audit

# Yes-answers a day. Those who ask in the same instant may get as many more as they are.
MOST_BY_ACCOUNT = 20
MOST_BY_UNIT = 50
KEPT = dt.timedelta(days=2)
_PENDING = "number_asks"


def ask(
    session: AnySession, actor: Actor, number: str, *, taken: bool, rule: str, shown: str, field: str, at: dt.datetime
) -> Finding | None:
    """None when the actor may be told how it is about this number, `taken` or not; else the finding to tell instead.

    Regulators, who see the registers themselves, are not counted.
    """
    if actor.unit_id is None or actor.system:
        return None
    hold(session, f"asks:{actor.unit_id}")
    on, digest = clock.local_day(at), vault.indexes_of(number, "number_ask.number")[0]
    told = _told(session, actor.unit_id, on)
    if digest in {held for _account, held in told}:
        return None
    by_account = len({held for account, held in told if account == actor.user_id})
    if by_account >= MOST_BY_ACCOUNT or len({held for _account, held in told}) >= MOST_BY_UNIT:
        most = MOST_BY_ACCOUNT if by_account >= MOST_BY_ACCOUNT else MOST_BY_UNIT
        whose = "本账号" if by_account >= MOST_BY_ACCOUNT else "本单位"
        _write(session, actor, at, None)
        found = say(
            "%(whose)s今天填写的号码已有 %(most)s 个属于其他单位，达到每天的上限，暂不再核对", whose=whose, most=most
        )
        return Finding(rule, False, found, "请明天再办；急需时请区域监管部门核对后办理", field=field, value=shown)
    if taken:
        _write(session, actor, at, digest)
    return None


def forget_old(session: AnySession, at: dt.datetime) -> int:
    """Drop what no limit counts any more; gives how many."""
    done = session.execute(delete(NumberAsk).where(NumberAsk.asked_on < clock.local_day(at - KEPT)))
    return int(getattr(done, "rowcount", 0))


def _told(session: AnySession, unit_id: int, on: dt.date) -> set[tuple[int | None, str]]:
    """Which numbers the unit was told of on this day and by which account, with those of this very transaction."""
    rows = session.execute(
        select(NumberAsk.account_id, NumberAsk.digest).where(NumberAsk.unit_id == unit_id, NumberAsk.asked_on == on)
    )
    waiting = notes_of(session).get(_PENDING, [])
    return {(account, digest) for account, digest in rows} | {
        (account, digest) for unit, account, day, digest in waiting if (unit, day) == (unit_id, on) and digest
    }


def _write(session: AnySession, actor: Actor, at: dt.datetime, digest: str | None) -> None:
    """Keep the answer, or that there was none (no digest), also where the deed itself is refused because of it."""
    waiting: list[Any] = notes_of(session).setdefault(_PENDING, [])
    waiting.append((actor.unit_id, actor.user_id, clock.local_day(at), digest))
    if len(waiting) == 1:
        whatever_comes(session, lambda own: _settle(own, actor, at, waiting))


def _settle(session: AnySession, actor: Actor, at: dt.datetime, waiting: list[Any]) -> None:
    """One entry in the log for all that one deed was told; numbers are not in it."""
    told = {row for row in waiting if row[3]}
    for unit_id, account_id, on, digest in sorted(told):
        session.add(NumberAsk(unit_id=unit_id, account_id=account_id, asked_on=on, digest=digest))
    session.flush()
    today = session.scalar(
        select(func.count(NumberAsk.digest.distinct())).where(
            NumberAsk.unit_id == actor.unit_id, NumberAsk.asked_on == clock.local_day(at)
        )
    )
    refused = len([row for row in waiting if not row[3]])
    after = {"told": len(told), "refused": refused, "today": today}
    audit.record(session, actor, at, "number.told", "unit", actor.unit_id, after=after)

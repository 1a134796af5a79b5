"""What a check-in finds, by one statement: the place, the visits that were begun, the person's month, the policies."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, Text, and_, bindparam, cast, func, literal_column, null, select, true

from app import clock, scope
from app.direct_rows import next_key
from app.errors import Finding, NotAllowed
from app.models import Account, Elevator, Visit
from app.models.policy import STATE, recall
from app.models.visit import is_open
from app.permissions import Actor
from app.rules.item_lists import Head
from app.transaction import Answer, AnySession, all_written, asked, asked_in_turn
from app.workflows.maintenance import item_lists
from app.workflows.on_site import labels, sites
from app.workflows.on_site.sites import Site
from app.workflows.people import people, workers
from app.workflows.people.workers import Worker


@dataclass(frozen=True, slots=True)
class Running:
    """A person's open visit: where, and the instant at which it runs out by itself."""

    id: int
    next_change_at: dt.datetime | None
    elevator_id: int
    code: str

    def runs_at(self, at: dt.datetime) -> bool:
        """One that has run out by `at` is open no more, whether ageing has come round or not."""
        return self.next_change_at is None or self.next_change_at > at


@dataclass(frozen=True, slots=True)
class Begun:
    """The visit that a key began already, whoever's and in whatever state."""

    id: int
    worker_id: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """`site`: of the approved elevator that the text names, outside scope on purpose: whether this person may serve it
    is a finding that he must be told, not a hidden row. `month`: his visits of the month, a number an elevator.
    `label`: the label that was scanned, where it is not the one in use: another one of the site's, or a dead one.
    `lists`: own lists of maintenance items in force, of his unit and of regions.
    `number`: of the visit that begins now, where it was drawn. `ended`: the account was ended (注销, 离职) since it was
    let in; asked once the person is held, as whoever ends it holds him.
    """

    site: Site | None
    running: Running | None
    again: Begun | None
    month: tuple[int, ...]
    label: labels.Named | None = None
    lists: tuple[Head, ...] = ()
    number: int | None = None
    ended: bool = False


def met(
    session: AnySession, actor: Actor, text: str, at: dt.datetime, client_key: str | None = None
) -> tuple[Worker, Arrival]:
    """Who checks in, held, and what he finds once he is held: both by one round trip, and a number for his visit.

    Asked as if his human had one row of a person, as most have; of one who has more it is asked again.
    """
    if actor.person_id is None or workers.by_two_keys():
        worker = workers.Worker() if actor.person_id is None else workers.of(session, actor, at, held=True)
        return worker, of(session, actor, worker, text, at, client_key)
    all_written(session)
    alone = frozenset({actor.person_id})
    who, what = asked_in_turn(
        session, workers.asking(actor, at, held=True), _asking(actor, alone, text, at, client_key, drawn=True)
    )
    worker = workers.from_answer(session, actor, at, who, held=True)
    if worker.human != alone:
        return worker, of(session, actor, worker, text, at, client_key)
    return worker, _by_label(session, actor, worker, text, at, client_key, _told(session, actor, what))


def still_in_use(arrival: Arrival) -> None:
    """Refuse whoever's account was ended while he began: nobody could end his visit."""
    if arrival.ended:
        raise NotAllowed(Finding("账号", False, "账号刚刚注销", "请联系本单位主账号"))


def of(
    session: AnySession, actor: Actor, worker: Worker, text: str, at: dt.datetime, client_key: str | None = None
) -> Arrival:
    """What the actor finds who scans or types a text at an instant, begun by this key or not.

    A label is judged at that instant: what was scanned without network before its end leads to the elevator still.
    """
    return _by_label(
        session, actor, worker, text, at, client_key, _of(session, actor, worker, text, at, client_key)
    )


def _by_label(
    session: AnySession, actor: Actor, worker: Worker, text: str, at: dt.datetime, client_key: str | None,
    found: Arrival,
) -> Arrival:  # fmt: skip
    """What was found, or what is found by another label of the place where the text names no elevator in force."""
    if found.site is None and found.again is None and (label := sites.label_of(session, text)) is not None:
        if label.holds(at):
            found = _of(session, actor, worker, label.public_token, at, client_key)
        found = replace(found, label=label)
    return found


def _of(
    session: AnySession, actor: Actor, worker: Worker, text: str, at: dt.datetime, client_key: str | None
) -> Arrival:
    all_written(session)
    return _told(session, actor, asked(session, *_asking(actor, worker.human, text, at, client_key)))


def _asking(
    actor: Actor, human: frozenset[int], text: str, at: dt.datetime, client_key: str | None, *, drawn: bool = False
) -> tuple[Select[Any], dict[str, Any]]:
    kind, numbers = scope.outline(actor, Elevator)
    values = numbers | dict(zip(_persons(len(human)), human, strict=True)) | sites.named(text) | people.month_of(at)
    values |= sites.days(clock.local_day(at)) | {
        "unit": actor.unit_id or 0, "person": actor.person_id or 0, "key": client_key or None,
        "account": actor.user_id or 0,
    }  # fmt: skip
    return _statement(kind, len(human), drawn), values


def _told(session: AnySession, actor: Actor, answer: Answer) -> Arrival:
    [row] = answer.rows
    *around, run_id, run_until, run_at, run_code, again_id, again_of, month, state, lists, number, active = row
    recall(session, state)
    return Arrival(
        None if around[0] is None else sites.site_of(actor, around),
        None if run_id is None else Running(run_id, run_until, run_at, run_code),
        None if again_id is None else Begun(again_id, again_of),
        tuple(map(int, (month or "").split())), lists=item_lists.read(lists), number=number,
        ended=active is not None and not active,
    )  # fmt: skip


_visit: Any = Visit.__table__.c
_account: Any = Account.__table__.c
_ACTIVE = select(_account.active).where(_account.id == bindparam("account")).scalar_subquery()


def _persons(number: int) -> list[str]:
    return [f"person_{place}" for place in range(number)]


@lru_cache(maxsize=256)
def _statement(kind: Actor, persons: int, drawn: bool) -> Select[Any]:
    """For all accounts of a kind whose human has so many rows; `drawn`: with a number for a new visit.

    One row, whatever is found: at most one visit of a person's is open.
    """
    site = sites.around(kind).subquery("site")
    running: Any = Visit.__table__.alias("running")
    again: Any = Visit.__table__.alias("again")
    its: Any = Elevator.__table__.alias("its")
    month = (
        select(func.count().label("number"))
        .where(_visit.worker_id.in_([bindparam(name) for name in _persons(persons)]), *people.IN_MONTH)
        .group_by(_visit.elevator_id)
        .subquery("month")
    )
    space: Any = literal_column("' '")
    numbers = select(func.aggregate_strings(cast(month.c.number, Text), space)).scalar_subquery()
    one = select(literal_column("1").label("one")).subquery("one")
    return select(
        *site.c, running.c.id, running.c.next_change_at, its.c.id, its.c.code, again.c.id, again.c.worker_id, numbers,
        STATE, item_lists.HEADS, next_key(Visit) if drawn else null(), _ACTIVE,
    ).select_from(
        one.outerjoin(site, true())
        .outerjoin(running, and_(running.c.worker_id == bindparam("person"), is_open(running.c)))
        .outerjoin(its, its.c.id == running.c.elevator_id)
        .outerjoin(again, again.c.client_key == bindparam("key"))
    )  # fmt: skip

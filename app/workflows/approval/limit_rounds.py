"""What the rounds of notices say of applications' limits: each step of each limit once, and in few messages.

A mark (`ClockMark`) holds the limit that was told, by step and application; it is written with the notices. So a round
reads nothing that was told, goes page by page to the end of what was not, and a limit that moved is told anew.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, cast, delete, false, func, literal, select

from app import clock
from app.models import Application, ClockMark, Elevator
from app.rules.approval import WAITING_STATES
from app.transaction import AnySession, insert_of
from app.wording import say, together
from app.workflows.approval import submissions
from app.workflows.core import outbox

PAGE = 500
# Whoever is told of so many at most is told of each by itself, with its name; of more in one message.
SINGLY = 3
# The steps of a limit: near, over, and to how many offices above it rises. A mark is called `step:application`.
LEVELS = 4
REMINDED = ("due_near", "due_over")
STEPS = (*REMINDED, *(f"escalate{level}" for level in range(1, LEVELS + 1)))
LATE_LIST, QUEUE = "/applications/queue?tab=late", "/applications/queue"


class Waiting(NamedTuple):
    """One application whose limit is to be told, with what decides who is told and what is said."""

    id: int
    number: str
    said: str | None
    title: str
    due_at: dt.datetime
    region_code: str
    state: str
    officer_id: int | None
    submitted_by_id: int | None
    endorsed_by_id: int | None
    batch: int | None
    is_secret: bool

    @property
    def heading(self) -> str:
        return self.said or self.title


# Who is told, and of what, under which key that keeps a repeated message silent.
Told = Iterable[tuple[int, Waiting, str]]


def untold(session: AnySession, step: str, *which: ColumnElement[bool]) -> Iterator[Waiting]:
    """Every application that waits for a decision, of which this step of its limit was not told; page by page."""
    return _waiting(session, *which, ~was_told(step))


def told_before(session: AnySession, step: str, *which: ColumnElement[bool]) -> Iterator[Waiting]:
    """Every application that waits for a decision, of which this step of its limit was told already."""
    return _waiting(session, *which, was_told(step))


def _waiting(session: AnySession, *which: ColumnElement[bool]) -> Iterator[Waiting]:
    row, last = Application, 0
    statement = (
        select(
            row.id, row.number, row.said, row.title, row.due_at, row.region_code, row.state, row.officer_id,
            row.submitted_by_id, row.endorsed_by_id, row.batch,
            func.coalesce(Elevator.is_secret, false()),
        )
        .outerjoin(Elevator, Elevator.id == row.elevator_id)
        .where(row.is_open.is_(True), row.state.in_([s.value for s in WAITING_STATES]), *which)
        .order_by(row.id)
        .limit(PAGE)
    )  # fmt: skip
    while True:
        page = session.execute(statement.where(row.id > last).execution_options(skip_scope=True)).all()
        yield from (Waiting._make(columns) for columns in page)
        if len(page) < PAGE:
            return
        last = page[-1].id


def was_told(step: str) -> ColumnElement[bool]:
    """Whether this step of an application's limit was told, as the limit is now."""
    return select(ClockMark.name).where(ClockMark.name == _name(step), ClockMark.at == Application.due_at).exists()


def mark(session: AnySession, step: str, rows: Sequence[Waiting]) -> None:
    """That this step of their limits was told."""
    for start in range(0, len(rows), PAGE):
        marks = [{"name": f"{step}:{row.id}", "at": row.due_at} for row in rows[start : start + PAGE]]
        statement = insert_of(session, ClockMark).values(marks)
        session.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"at": statement.excluded.at})
        )


def forget(session: AnySession, *which: ColumnElement[bool], steps: Sequence[str] = REMINDED) -> None:
    """Have steps of some applications' limits told anew: those who are to hear of them are others now.

    Who was told of one by itself is not told again; a message of more than `SINGLY` may name what he had heard of.
    """
    for step in steps:
        drop = delete(ClockMark).where(ClockMark.name.in_(select(_name(step)).where(*which)))
        session.execute(drop.execution_options(skip_scope=True, synchronize_session=False))


def forget_closed(session: AnySession) -> int:
    """Drop marks of applications that are open no more, a page of each step's; how many. Without any, none are left."""
    gone = 0
    for step in STEPS:
        opened = select(_name(step)).where(Application.is_open.is_(True))
        some = select(ClockMark.name).where(
            ClockMark.name.startswith(f"{step}:", autoescape=True), ClockMark.name.not_in(opened)
        )
        drop = delete(ClockMark).where(ClockMark.name.in_(some.limit(PAGE).scalar_subquery()))
        done: Any = session.execute(drop.execution_options(skip_scope=True, synchronize_session=False))
        gone += int(done.rowcount)
    return gone


def _name(step: str) -> Any:
    """What the mark of an application's step is called."""
    return literal(f"{step}:", Text) + cast(Application.id, Text)


def of_one(row: Waiting) -> str:
    """The text beside one application's title."""
    return say("申请编号 %(number)s　期限 %(until)s", number=row.number, until=clock.until(row.due_at))


def tell(
    session: AnySession, at: dt.datetime, topic: str, titled: Callable[[str], str], told: Told, *note: str,
    body: Callable[[Waiting], str] = of_one,
) -> int:  # fmt: skip
    """Write what a round has to tell: few are told one by one, more in one message with their number and the nearest
    limit, for all accounts that hear of the same. How many messages were new.

    `titled` gives the title of a message about what is named, `body` the text of one; `note` ends that of several.
    """
    of_account: dict[int, dict[int, tuple[Waiting, str]]] = defaultdict(dict)
    for account, row, key in told:
        of_account[account][row.id] = (row, key)
    written = 0
    for keys, accounts in outbox.alike((account, key) for account, rows in of_account.items() for key in rows):
        some = [of_account[accounts[0]][key] for key in keys]
        if len(some) > SINGLY:
            written += _together(session, at, topic, titled, [row for row, _key in some], accounts, note)
            continue
        for row, key in some:
            words, link = titled(row.heading), f"/applications/{row.id}"
            written += outbox.notify(session, at, accounts, topic, words, body(row), link, key)
    return written


def _together(
    session: AnySession, at: dt.datetime, topic: str, titled: Callable[[str], str], rows: Sequence[Waiting],
    accounts: Sequence[int], note: Sequence[str],
) -> int:  # fmt: skip
    first, batches = min(rows, key=lambda row: (row.due_at, row.id)), {row.batch for row in rows}
    numbers = say("申请编号 %(first)s 等 %(n)s 件", first=first.number, n=len(rows))
    until = say("最早一件的期限 %(until)s", until=clock.until(first.due_at))
    batch = batches.pop() if len(batches) == 1 else None
    link = LATE_LIST if first.due_at <= at else QUEUE
    return outbox.notify(
        session, at, accounts, topic, titled(say("%(n)s 件申请", n=len(rows))),
        together([numbers, until, *note], "　"),
        link if batch is None else submissions.link_of_batch(batch),
    )  # fmt: skip
